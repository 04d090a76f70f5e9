//! What `detect` and `known-readers` share: the rules, and the log.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use canary_core::alert::{Folder, Holders};
use canary_core::bait::POD_CREDENTIALS;
use canary_core::catalog::Catalog;
use canary_core::config::{KnownReader, Table};
use canary_core::detect::{
    Attribution, Event, Interest, Judge, Listen as _, Listened, Mention, Own, Planted, Rules,
    Tripwire, Tripwires,
};
use canary_core::disguise::{Digester, Key, OwnCalls, Purpose, SiteKeys};
use canary_core::engine::Engine;
use canary_core::graph::{CanaryId, ProviderId};
use canary_core::ledger::Ledger;
use canary_core::observe::{Observed, Site};
use canary_k8s::audit::{AuditFile, Listening};
use canary_k8s::installer::{InstallError, Installer};
use canary_k8s::pods::SecretSegments;
use jiff::Timestamp;

use super::Context;
use super::detect::pods::{KnownPods, PodSource};
#[cfg(feature = "aws")]
use super::passed_by::PassedBy;
use crate::cli;
use crate::error::{CommandError, Exit};
use crate::project::Project;
use crate::providers::kubernetes_client;

/// The sessions that the agent begins for pods are ours.
fn knows_sessions(own: &mut BTreeMap<ProviderId, Own>, pods: &KnownPods) {
    let account = own.entry(ProviderId::new("aws")).or_default();
    account.sessions = Some(pods.attribution.sessions());
}

/// The agent that keeps pods' baits, as far as detection is concerned.
struct Agent {
    source: PodSource,
    keys: SiteKeys,
    /// As whom it calls.
    principal: Option<String>,
}

/// Where what is recorded of pods is read: from a folder that was named, or from the cluster that the agent is in. A cluster
/// that cannot be asked is told, and whose baits were used stays unknown.
async fn pod_source(
    context: &Context,
    project: &Project,
    args: &cli::Planned,
    engine: &Engine,
    ledger: &Ledger,
) -> Result<Option<Agent>, CommandError> {
    if let Some(folder) = &args.pods {
        let keys = agent_keys(engine, ledger)?;
        let source = PodSource::in_folder(folder, &keys, egress(project), context.ui);
        return Ok(Some(Agent {
            source,
            keys,
            principal: args.agent.clone(),
        }));
    }
    let section = project.config.providers.get(&canary_k8s::provider());
    let is_declared = |id: &CanaryId| id.kind() == POD_CREDENTIALS;
    let (Some(section), true) = (section, project.config.canaries.keys().any(is_declared)) else {
        return Ok(None);
    };
    match agent_of(context, project, section).await {
        Ok(agent) => Ok(agent),
        Err(error) => {
            context.ui.say(&format!(
                "Note: what is recorded of pods cannot be read, so alerts come without theirs: {}",
                error.message
            ));
            Ok(None)
        }
    }
}

async fn agent_of(
    context: &Context,
    project: &Project,
    section: &Table,
) -> Result<Option<Agent>, CommandError> {
    let failed = |error: InstallError| CommandError::from_error(Exit::Failed, &error);
    let client = kubernetes_client(section).await?;
    let installer = Installer::at(client.clone(), &project.key()?)
        .await
        .map_err(failed)?;
    let found = installer.find().await.map_err(failed)?;
    let there = found
        .into_iter()
        .find_map(|one| Some((one.name, one.namespace?)));
    let Some((name, namespace)) = there else {
        return Ok(None);
    };
    let agent = installer.keys().agent();
    let keys = agent.at_site(&canary_k8s::provider(), installer.site());
    let segments = Arc::new(SecretSegments::new(client, &namespace, &name));
    Ok(Some(Agent {
        source: PodSource::new(segments, &keys, egress(project), context.ui),
        keys,
        principal: Some(format!("system:serviceaccount:{namespace}:{name}")),
    }))
}

/// Everything that a log is judged by.
pub(super) struct Watch {
    pub(super) tripwires: Vec<Tripwire>,
    /// Those that a cluster's log can tell of: what is in the cluster, and whoever comes to it from elsewhere.
    in_cluster: Vec<Tripwire>,
    /// Those that the logs of others can tell of.
    #[cfg_attr(
        not(feature = "aws"),
        expect(dead_code, reason = "without an account there are no other logs")
    )]
    elsewhere: Vec<Tripwire>,
    /// Identities that were had with a canary's, of which any log may tell.
    pub(super) derived: Vec<Tripwire>,
    pub(super) planted: Vec<Planted>,
    /// Whose each pod's bait is, where there is an agent.
    pods: Option<KnownPods>,
    source: Option<PodSource>,
    /// Makes the uids of alerts.
    pub(super) alerts: Digester,
    pub(super) own: BTreeMap<ProviderId, Own>,
    machinery: Vec<Arc<dyn Catalog>>,
    planned: bool,
    applied_by: Option<String>,
    /// The account of the configuration.
    account: Option<String>,
    /// Says what a trail's folders hold besides.
    #[cfg(feature = "aws")]
    pub(super) passed_by: PassedBy,
    /// `[aws]`.
    #[cfg(feature = "aws")]
    section: Option<Table>,
}

impl Watch {
    /// From the ledger, or from the configuration alone.
    pub(super) async fn new(
        context: &Context,
        project: &Project,
        args: &cli::Planned,
    ) -> Result<Self, CommandError> {
        let watch = Self::following(context, project, args).await?;
        let (words, hint) = match args.planned {
            _ if !watch.planted.is_empty() || watch.pods.is_some() => return Ok(watch),
            true => (
                "no canary is configured, so none can be touched",
                "docs/configuration.md shows how one is declared",
            ),
            false => (
                "nothing is planted, so nothing can be touched",
                "canary apply; or --planned for the canaries as configured",
            ),
        };
        Err(CommandError::new(Exit::Failed, words).hint(hint))
    }

    /// The same, also while nothing is planted yet.
    pub(super) async fn following(
        context: &Context,
        project: &Project,
        args: &cli::Planned,
    ) -> Result<Self, CommandError> {
        if args.planned {
            return Self::planned(context, project, args);
        }
        let engine = project.offline(&context.connects)?;
        let ledger = context.load(&engine).await?.ledger;
        let planted = Engine::planted(&ledger);
        let (in_cluster, elsewhere) = apart(&engine, &planted);
        let mut own = engine.own(&ledger);
        let mut source = match pod_source(context, project, args, &engine, &ledger).await? {
            Some(agent) => {
                let cluster = own.entry(canary_k8s::provider()).or_default();
                cluster.calls.push(OwnCalls::new(&agent.keys));
                cluster.operators.extend(agent.principal);
                Some(agent.source)
            }
            None => None,
        };
        let pods = match &mut source {
            Some(source) => source.load().await?,
            None => None,
        };
        if let Some(pods) = &pods {
            knows_sessions(&mut own, pods);
        }
        Ok(Self {
            tripwires: engine.tripwires(&planted),
            in_cluster,
            elsewhere,
            derived: Vec::new(),
            planted,
            pods,
            source,
            alerts: alerts(site_keys(&engine, &ledger).as_ref()),
            own,
            machinery: catalogs(context),
            planned: false,
            applied_by: None,
            account: account(project),
            #[cfg(feature = "aws")]
            passed_by: PassedBy::new(context.ui),
            #[cfg(feature = "aws")]
            section: project
                .config
                .providers
                .get(&canary_aws::provider())
                .cloned(),
        })
    }

    fn planned(
        context: &Context,
        project: &Project,
        args: &cli::Planned,
    ) -> Result<Self, CommandError> {
        let engine = match project.offline(&context.connects) {
            Ok(engine) => engine,
            Err(_) => {
                context.ui.say(
                    "Note: there is no key, so only canaries with a configured name can be found.",
                );
                project.offline_with(&context.connects, Key::from_bytes([0; 32]))
            }
        };
        let sites: BTreeMap<_, _> = project
            .config
            .providers
            .keys()
            .map(|provider| {
                let site = Site {
                    id: "planned".into(),
                    ..Site::default()
                };
                (provider.clone(), site)
            })
            .collect();
        let observed = Observed {
            at: Timestamp::now(),
            sites,
            ..Observed::default()
        };
        let view = engine
            .look_at(observed, Ledger::default())
            .map_err(|error| context.explain(project, error))?;
        let planted = Engine::as_planted(&view);
        let (in_cluster, elsewhere) = apart(&engine, &planted);
        Ok(Self {
            tripwires: engine.tripwires(&planted),
            in_cluster,
            elsewhere,
            derived: Vec::new(),
            planted,
            pods: None,
            source: None,
            alerts: alerts(None),
            own: BTreeMap::new(),
            machinery: catalogs(context),
            planned: true,
            applied_by: args.applied_by.clone(),
            account: account(project),
            #[cfg(feature = "aws")]
            passed_by: PassedBy::new(context.ui),
            #[cfg(feature = "aws")]
            section: project
                .config
                .providers
                .get(&canary_aws::provider())
                .cloned(),
        })
    }

    /// A judge by these rules and entries.
    pub(super) fn judge(&self, known_readers: Vec<KnownReader>) -> Judge {
        Judge::new(Rules {
            planted: self.all_planted(),
            tripwires: self.all_tripwires(),
            known_readers,
            machinery: self
                .machinery
                .iter()
                .filter_map(|catalog| catalog.machinery())
                .collect(),
            own: self.own.clone(),
            planned: self.planned,
            applied_by: self.applied_by.clone(),
            pods: self.attribution(),
        })
    }

    /// What is planted, pods' baits too.
    pub(super) fn all_planted(&self) -> Vec<Planted> {
        let of_pods = self.pods.iter().flat_map(|pods| &pods.planted);
        self.planted.iter().chain(of_pods).cloned().collect()
    }

    /// What means that any of it was touched.
    pub(super) fn all_tripwires(&self) -> Tripwires {
        let of_pods = self.pods.iter().flat_map(|pods| &pods.tripwires);
        Tripwires::new(self.tripwires.iter().chain(of_pods).cloned())
    }

    /// What is known of pods.
    pub(super) fn attribution(&self) -> Option<Arc<Attribution>> {
        self.pods.as_ref().map(|pods| pods.attribution.clone())
    }

    /// Takes in what was recorded of pods since. Gives whether that was anything.
    pub(super) async fn look_at_pods(&mut self) -> Result<bool, CommandError> {
        let newer = match &mut self.source {
            Some(source) => source.load().await?,
            None => None,
        };
        let is_newer = newer.is_some();
        if let Some(pods) = newer {
            knows_sessions(&mut self.own, &pods);
            self.pods = Some(pods);
        }
        Ok(is_newer)
    }

    /// A folder of what the judge sees.
    pub(super) fn folder(&self) -> Folder {
        let mut folder = Folder::new(self.alerts.clone());
        folder.hold(self.holders());
        drop(folder.attribute(self.attribution()));
        folder
    }

    /// Which canaries hold what others give.
    pub(super) fn holders(&self) -> Holders {
        let mut holders = Holders::new();
        for planted in &self.planted {
            let holder = planted.address.canary();
            for given in planted
                .needs
                .iter()
                .map(|need| need.canary())
                .filter(|given| *given != holder)
            {
                holders
                    .entry(given.clone())
                    .or_default()
                    .insert(holder.clone());
            }
        }
        holders
    }

    fn interest(&self) -> Interest {
        let tripwires = Arc::new(self.with_derived(&self.in_cluster));
        match &self.pods {
            Some(pods) => Interest::AlsoAway(tripwires, pods.homes.clone()),
            None => Interest::Tripwires(tripwires),
        }
    }

    fn with_derived(&self, tripwires: &[Tripwire]) -> Vec<Tripwire> {
        let of_pods = self.pods.iter().flat_map(|pods| &pods.tripwires);
        let all = tripwires.iter().chain(of_pods).chain(&self.derived);
        all.cloned().collect()
    }

    /// An event as far as it is about places of ours.
    pub(super) fn ours(&self, event: &mut Event) {
        #[cfg(feature = "aws")]
        if let Some(account) = self
            .account
            .as_ref()
            .filter(|_| event.provider == canary_aws::provider())
        {
            canary_aws::trail::of_account(event, account);
        }
        #[cfg(not(feature = "aws"))]
        let _ = (event, &self.account);
    }

    /// What is wanted of other logs than a cluster's.
    #[cfg(feature = "aws")]
    pub(super) fn elsewhere(&self) -> Interest {
        Interest::Tripwires(Arc::new(self.with_derived(&self.elsewhere)))
    }

    /// Reads lines of a cluster's log that come the way of others.
    #[cfg(feature = "aws")]
    pub(super) fn lines(&self) -> canary_aws::trail::Lines {
        let scan = canary_k8s::audit::Scan::new(&self.with_derived(&self.in_cluster), true);
        let scan = std::sync::Mutex::new(match &self.pods {
            Some(pods) => scan.with_homes(pods.homes.clone()),
            None => scan,
        });
        Box::new(move |line| {
            let mut scan = scan
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            if scan.maybe(line) {
                canary_k8s::audit::read_line(line, false).events
            } else {
                Vec::new()
            }
        })
    }

    /// What IAM is asked about.
    #[cfg(feature = "aws")]
    pub(super) fn watched(&self) -> canary_aws::Watched {
        canary_aws::Watched::among(&self.planted)
    }

    /// A connection to the account.
    #[cfg(feature = "aws")]
    pub(super) async fn account_client(&self) -> Result<canary_aws::Client, CommandError> {
        let Some(section) = &self.section else {
            return Err(
                CommandError::new(Exit::Config, "there is no [aws] in the configuration")
                    .hint("[aws] says which account and region"),
            );
        };
        crate::providers::aws_client(section).await
    }

    /// The log as a source of what can matter.
    pub(super) fn log(
        &self,
        path: &Path,
        follow: bool,
        position: Option<&str>,
    ) -> Result<Log, CommandError> {
        let context = true;
        self.listen(path, Listening { follow, context }, position)
    }

    /// The log as a source of nothing but what touches a canary.
    pub(super) fn touches(&self, path: &Path) -> Result<Log, CommandError> {
        let (follow, context) = (false, false);
        self.listen(path, Listening { follow, context }, None)
    }

    fn listen(
        &self,
        path: &Path,
        listening: Listening,
        position: Option<&str>,
    ) -> Result<Log, CommandError> {
        let interest = self.interest();
        let source = AuditFile::new(path, &interest, listening, position)
            .map_err(|error| CommandError::from_error(Exit::Failed, &error))?;
        Ok(Log { source })
    }
}

/// An audit log being read.
pub(super) struct Log {
    source: AuditFile,
}

impl Log {
    /// From now on these tripwires.
    pub(super) fn want(&mut self, watch: &Watch) {
        self.source.want(watch.interest());
    }

    pub(super) async fn next(&mut self) -> Result<Option<Listened>, CommandError> {
        self.source
            .next()
            .await
            .map_err(|error| CommandError::from_error(Exit::Failed, &error))
    }
}

/// The tripwires that a cluster's log can tell of, and those that others' can.
fn apart(engine: &Engine, planted: &[Planted]) -> (Vec<Tripwire>, Vec<Tripwire>) {
    let is_in_cluster = |planted: &&Planted| planted.provider == canary_k8s::provider();
    let (in_cluster, elsewhere): (Vec<&Planted>, Vec<&Planted>) =
        planted.iter().partition(is_in_cluster);
    let tripwires = |planted: Vec<&Planted>| {
        let planted: Vec<Planted> = planted.into_iter().cloned().collect();
        engine.tripwires(&planted)
    };
    let (mut in_cluster, elsewhere) = (tripwires(in_cluster), tripwires(elsewhere));
    let comes_to_it = |tripwire: &&Tripwire| {
        matches!(
            tripwire.mention,
            Mention::Credential(_) | Mention::Principal(_)
        )
    };
    in_cluster.extend(elsewhere.iter().filter(comes_to_it).cloned());
    (in_cluster, elsewhere)
}

/// Networks that the tokens of pods come from, too.
fn egress(project: &Project) -> Vec<String> {
    let section = project.config.providers.get(&canary_k8s::provider());
    let networks = section.map(|section| section.texts("egress"));
    let networks = networks.into_iter().flatten();
    networks.map(str::to_owned).collect()
}

fn account(project: &Project) -> Option<String> {
    let section = project.config.providers.get(&ProviderId::new("aws"))?;
    section.text("account").map(str::to_owned)
}

fn catalogs(context: &Context) -> Vec<Arc<dyn Catalog>> {
    let connects = context.connects.iter();
    connects.map(|connect| connect.catalog()).collect()
}

/// The cluster's keys, or where there is no cluster those of the first site: the uids of alerts stay what they are when
/// another provider joins.
fn site_keys(engine: &Engine, ledger: &Ledger) -> Option<SiteKeys> {
    let cluster = ledger.sites.get_key_value(&canary_k8s::provider());
    let (provider, site) = cluster.or_else(|| ledger.sites.first_key_value())?;
    Some(engine.keys(provider, site))
}

/// The keys of the cluster's agent, which it derives what it writes from.
fn agent_keys(engine: &Engine, ledger: &Ledger) -> Result<SiteKeys, CommandError> {
    let provider = canary_k8s::provider();
    let site = ledger.sites.get(&provider).ok_or_else(|| {
        CommandError::new(
            Exit::Failed,
            "which cluster the pods are of is not known: nothing was applied to one yet",
        )
        .hint("canary apply")
    })?;
    let agent = engine.keys(&provider, site).agent();
    Ok(agent.at_site(&provider, &site.id))
}

fn alerts(keys: Option<&SiteKeys>) -> Digester {
    match keys {
        Some(keys) => Digester::new(&keys.sub_key(Purpose::Alerts)),
        // Uids of a replay without a site need no secrecy, only to be the same every time.
        None => Digester::new(&[0; 32]),
    }
}
