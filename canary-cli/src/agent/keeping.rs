//! Terms of keeping, one after the other: whoever has the lease reads the log and keeps every pod's bait.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use canary_core::bait::{
    BaitKind, KeepError, Keeping, Kinds, Pace, PodLog, Seal, Segments as _, Target, keep,
};
use canary_core::disguise::SiteKeys;
use canary_k8s::Client;
use canary_k8s::pods::{
    Election, LeaseTerm, Reduction, Scope, SecretDelivery, SecretSegments, TokenBait, TokenBaits,
    watch,
};
use futures::StreamExt as _;

use super::health::Health;
use super::issuers::Issuers;
use super::settings::Settings;
use crate::SystemClock;

/// After a term that ended in trouble; the lease stays with us or goes on to another meanwhile.
const PAUSE: Duration = Duration::from_secs(5);
/// Rights are given by people.
const REFUSED: Duration = Duration::from_secs(60);

/// Everything that terms have in common.
pub(super) struct Keep {
    pub(super) client: Client,
    pub(super) settings: Settings,
    pub(super) keys: SiteKeys,
    pub(super) reduction: Arc<Reduction>,
    pub(super) name: String,
    pub(super) election: Election,
    pub(super) segments: SecretSegments,
    pub(super) health: Arc<Health>,
}

impl Keep {
    /// Term after term, until `ended`. What keeps it from writing is told and tried again: rights can be given later.
    pub(super) async fn run(&self, ended: tokio::sync::watch::Receiver<bool>) {
        loop {
            let mut stop = ended.clone();
            let term = tokio::select! {
                term = self.election.won() => term,
                _ = stop.wait_for(|ended| *ended) => return,
            };
            let term = match term {
                Ok(term) => term,
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, "this replica may not write");
                    tokio::select! {
                        () = tokio::time::sleep(REFUSED) => continue,
                        _ = stop.wait_for(|ended| *ended) => return,
                    }
                }
            };
            self.health.leads.store(true, Ordering::Relaxed);
            tracing::info!("this replica writes");
            let result = tokio::select! {
                result = self.term(&term, ended.clone()) => result,
                () = term.lost() => Err(KeepError::Fenced),
            };
            self.health.leads.store(false, Ordering::Relaxed);
            term.release().await;
            match result {
                Ok(()) => return,
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "this replica writes no more");
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn term(
        &self,
        term: &LeaseTerm,
        mut ended: tokio::sync::watch::Receiver<bool>,
    ) -> Result<(), KeepError> {
        let seal = Seal::new(&self.keys);
        let loaded = self.segments.load().await.map_err(KeepError::Segments)?;
        let (log, pods, defects) = PodLog::read(&seal, &loaded);
        for defect in &defects {
            tracing::error!(
                ?defect,
                "the log is not whole: what it said there is not known any more"
            );
        }
        let issuers = self.issuers().await;
        let deliver = SecretDelivery::new(self.client.clone(), &self.name);
        let kinds = kinds(&self.settings.targets);
        let keeping = Keeping {
            issue: &issuers,
            deliver: &deliver,
            segments: &self.segments,
            term,
            clock: &SystemClock,
            seal: &seal,
            kinds: &kinds,
            pace: &Pace::default(),
            counters: &self.health.keeper,
        };
        let scope = match &self.settings.namespaces {
            Some(names) => Scope::Namespaces(names.clone()),
            None => Scope::Cluster,
        };
        let stop = Box::pin(async move {
            // A sender that is gone ends it, too.
            drop(ended.wait_for(|ended| *ended).await);
        });
        let mut events = pin!(watch(&self.client, &scope, self.reduction.clone()).take_until(stop));
        keep(&keeping, pods, log, &mut events).await
    }

    async fn issuers(&self) -> Issuers {
        let mut issuers = Issuers::default();
        issuers
            .0
            .insert(BaitKind::Kubeconfig, Box::new(self.tokens()));
        #[cfg(feature = "aws")]
        if let Some(sessions) = super::sessions::issuer(&self.settings, &self.keys).await {
            issuers.0.insert(BaitKind::Aws, Box::new(sessions));
        }
        issuers
    }

    fn tokens(&self) -> TokenBaits {
        let file = |target: &Target| {
            let files = target.baits.get(&BaitKind::Kubeconfig)?;
            files.names.get("kubeconfig").cloned()
        };
        let baits: BTreeMap<_, _> = self
            .settings
            .targets
            .iter()
            .filter_map(|target| {
                let accounts = self.settings.accounts.get(&target.canary)?;
                let bait = TokenBait {
                    accounts: accounts.by_namespace.clone(),
                    file: file(target)?,
                    expiry: Duration::from_secs(accounts.expiry),
                };
                Some((target.canary.clone(), bait))
            })
            .collect();
        let cluster = &self.settings.cluster;
        TokenBaits::new(
            self.client.clone(),
            baits,
            cluster.server.clone(),
            cluster.authority.clone(),
            cluster.name.clone(),
        )
    }
}

/// What the pods of each canary are given.
fn kinds(targets: &[Target]) -> Kinds {
    targets
        .iter()
        .map(|target| {
            (
                target.canary.clone(),
                target.baits.keys().copied().collect(),
            )
        })
        .collect()
}
