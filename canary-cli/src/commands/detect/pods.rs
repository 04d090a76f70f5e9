//! The log of pods as detection takes it in: whose each bait is.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use canary_core::bait::{LogDefect, PodLog, Pods, Seal, SegmentName, Segments, Sessions};
use canary_core::detect::{Attribution, Planted, PodHomes, Tripwire};
use canary_core::disguise::SiteKeys;
use canary_k8s::catalog::pod_baits;

use crate::error::{CommandError, Exit};
use crate::store::FileSegments;
use crate::ui::Ui;

/// Where the records of pods come from.
pub(in crate::commands) struct PodSource {
    segments: Arc<dyn Segments>,
    seal: Seal,
    sessions: Sessions,
    egress: Vec<String>,
    /// What was loaded last. Segments never change, so their names tell whether there is more.
    loaded: Option<BTreeSet<SegmentName>>,
    told: BTreeSet<String>,
    ui: Ui,
}

/// What the records come to.
#[derive(Clone)]
pub(in crate::commands) struct KnownPods {
    pub(in crate::commands) attribution: Arc<Attribution>,
    pub(in crate::commands) homes: Arc<PodHomes>,
    pub(in crate::commands) planted: Vec<Planted>,
    pub(in crate::commands) tripwires: Vec<Tripwire>,
}

impl KnownPods {
    fn new(pods: Pods, sessions: Sessions, egress: Vec<String>) -> Self {
        let (planted, tripwires) = (pod_baits::planted(&pods), pod_baits::tripwires(&pods));
        let attribution = Attribution::new(pods, sessions).with_egress(egress);
        Self {
            planted,
            tripwires,
            homes: Arc::new(attribution.homes()),
            attribution: Arc::new(attribution),
        }
    }
}

impl PodSource {
    /// The log in a folder, under the keys of the agent that writes it.
    pub(in crate::commands) fn in_folder(
        folder: &Path,
        keys: &SiteKeys,
        egress: Vec<String>,
        ui: Ui,
    ) -> Self {
        Self::new(Arc::new(FileSegments::new(folder)), keys, egress, ui)
    }

    /// The log, wherever it is kept.
    pub(in crate::commands) fn new(
        segments: Arc<dyn Segments>,
        keys: &SiteKeys,
        egress: Vec<String>,
        ui: Ui,
    ) -> Self {
        Self {
            segments,
            seal: Seal::new(keys),
            sessions: Sessions::new(keys),
            egress,
            loaded: None,
            told: BTreeSet::new(),
            ui,
        }
    }

    /// What is there now; `None` when that is what was loaded last.
    pub(in crate::commands) async fn load(&mut self) -> Result<Option<KnownPods>, CommandError> {
        let segments = self.segments.load().await;
        let segments = segments.map_err(|error| CommandError::from_error(Exit::Failed, &error))?;
        let names: BTreeSet<SegmentName> = segments.iter().map(|(name, _)| *name).collect();
        if self.loaded.as_ref() == Some(&names) {
            return Ok(None);
        }
        let (_, pods, defects) = PodLog::read(&self.seal, &segments);
        self.loaded = Some(names);
        for defect in &defects {
            let words = words(defect);
            if self.told.insert(words.clone()) {
                let place = self.segments.place();
                self.ui.say(&format!(
                    "Note: the log of pods in {place} is damaged: {words}. Baits that only this told of are alerts without their pod"
                ));
            }
        }
        Ok(Some(KnownPods::new(
            pods,
            self.sessions.clone(),
            self.egress.clone(),
        )))
    }
}

fn words(defect: &LogDefect) -> String {
    match defect {
        LogDefect::Unreadable { name, why } => format!("segment {name}: {why}"),
        LogDefect::Missing { first, last } => format!("commits {first} to {last} are not there"),
    }
}
