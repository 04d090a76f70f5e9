//! What the agent in the cluster is given by the configuration and the ledger.

use std::collections::{BTreeMap, BTreeSet};

use canary_core::bait::{PodHandles, Target};
use canary_core::detect::Planted;
use canary_core::disguise::Key;
use canary_core::engine::EngineError;
use canary_core::graph::{Address, CanaryId};
use canary_core::ledger::Ledger;
use canary_k8s::catalog::{AwsBait, PodCredentials};
use canary_k8s::installer::Installer;

use super::Context;
use crate::agent::settings::{Accounts, Aws, Cluster, Role, Settings};
use crate::error::{CommandError, Exit};
use crate::project::Project;

/// What the agent is given, and what it asks of an installation.
pub(crate) struct AgentSettings {
    /// The pods that are meant.
    pub(crate) targets: Vec<Target>,
    /// The account that tokens are asked for, by namespace.
    pub(crate) accounts: BTreeMap<String, String>,
    /// Its configuration, sealed under its key.
    pub(crate) config: Vec<u8>,
    /// Its key: all that it has.
    pub(crate) key: Key,
    /// The names of what it writes for pods.
    pub(crate) handles: PodHandles,
}

/// Of this project, at a site. What `apply` has not planted yet is not among it: the pods that would be given it wait.
pub(crate) async fn agent_settings(
    context: &Context,
    project: &Project,
    installer: &Installer,
) -> Result<AgentSettings, CommandError> {
    let engine = project.offline(&context.connects)?;
    let ledger = context.load(&engine).await?.ledger;
    let declared = PodCredentials::all(&project.config, installer.keys())
        .map_err(|errors| context.explain(project, EngineError::Lower(errors)))?;
    let key = installer.keys().agent();
    // From the agent's key, as it has no other.
    let handles = PodHandles::new(&key.at_site(&canary_k8s::provider(), installer.site()));
    let accounts: BTreeMap<CanaryId, Accounts> = declared
        .iter()
        .filter_map(|one| Some((one.target.canary.clone(), accounts(one, &ledger)?)))
        .collect();
    let by_namespace = accounts
        .values()
        .rev()
        .flat_map(|of| of.by_namespace.clone());
    let by_namespace = by_namespace.collect();
    let targets: Vec<Target> = declared.iter().map(|one| one.target.clone()).collect();
    let settings = Settings {
        site: installer.site().to_owned(),
        namespaces: exact(&targets),
        roles: roles(&declared, &ledger, project),
        aws: aws(project),
        audit_token: None,
        cluster: cluster(project, installer),
        targets: targets.clone(),
        accounts,
    };
    let config = settings
        .sealed(&key)
        .map_err(|error| CommandError::from_error(Exit::Failed, &error))?;
    Ok(AgentSettings {
        targets,
        accounts: by_namespace,
        config,
        key,
        handles,
    })
}

/// The namespaces, where all are named.
fn exact(targets: &[Target]) -> Option<BTreeSet<String>> {
    let patterns = targets.iter().flat_map(|target| &target.namespaces);
    patterns
        .map(|pattern| pattern.exact().map(str::to_owned))
        .collect()
}

/// The decoy accounts that are planted.
fn accounts(declared: &PodCredentials, ledger: &Ledger) -> Option<Accounts> {
    let bait = declared.kubeconfig.as_ref()?;
    let canary = &declared.target.canary;
    let planted = ledger.records.values().filter(|record| {
        record.address.canary() == canary
            && record.address.retired().is_none()
            && record.handle.kind == "ServiceAccount"
    });
    let by_namespace = planted
        .filter_map(|record| Some((record.handle.scope.clone()?, record.handle.name.clone())))
        .collect();
    Some(Accounts {
        by_namespace,
        expiry: bait.expiry.as_secs(),
    })
}

/// The decoy roles that are planted.
fn roles(
    declared: &[PodCredentials],
    ledger: &Ledger,
    project: &Project,
) -> BTreeMap<CanaryId, Role> {
    let of = |one: &PodCredentials| {
        let bait: &AwsBait = one.aws.as_ref()?;
        let canary = &one.target.canary;
        let address = match &bait.of {
            Some(of) => Address::of(of.clone()),
            None => role_of(canary),
        };
        let planted = Planted::from_record(ledger.records.get(&address)?);
        let role = Role {
            arn: planted.fields.get("arn")?.clone(),
            region: bait.region.clone().or_else(|| home_region(project))?,
            profile: bait.profile.clone(),
        };
        Some((canary.clone(), role))
    };
    declared.iter().filter_map(of).collect()
}

#[cfg(feature = "aws")]
fn role_of(canary: &CanaryId) -> Address {
    canary_aws::role_address(canary)
}

/// Without that provider there is no such role.
#[cfg(not(feature = "aws"))]
fn role_of(canary: &CanaryId) -> Address {
    Address::of(canary.clone())
}

fn section<'a>(project: &'a Project, name: &str, field: &str) -> Option<&'a str> {
    let provider = canary_core::graph::ProviderId::new(name);
    project.config.providers.get(&provider)?.text(field)
}

fn home_region(project: &Project) -> Option<String> {
    section(project, "aws", "region").map(str::to_owned)
}

fn aws(project: &Project) -> Option<Aws> {
    Some(Aws {
        account: section(project, "aws", "account")?.to_owned(),
        region: home_region(project)?,
    })
}

/// As planted kubeconfigs name it.
fn cluster(project: &Project, installer: &Installer) -> Cluster {
    let fact = |name: &str| installer.fact(name).map(str::to_owned);
    let server = section(project, "kubernetes", "server").map(str::to_owned);
    Cluster {
        server: server.or_else(|| fact("server")).unwrap_or_default(),
        authority: fact("ca"),
        name: fact("cluster").unwrap_or_default(),
    }
}
