//! The post: takes what is due out of the outbox, one at a time for each sink, and learns what became of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use canary_core::alert::{Alert, Change, Due, Folder, Outbox, Sink, SinkError, ocsf};
use canary_core::config::AlertTarget;
use jiff::Timestamp;
use tokio::task::JoinSet;

use super::webhook::Webhook;
use crate::error::{CommandError, Exit, chain};
use crate::ui::Ui;

/// What became of one delivery.
pub(crate) struct Ended {
    label: String,
    due: Due,
    result: Result<(), SinkError>,
}

pub(crate) struct Post {
    sinks: BTreeMap<String, Arc<dyn Sink>>,
    pub(crate) outbox: Outbox,
    under_way: JoinSet<Ended>,
    /// Sinks with something under way, and those that failed last, so that it is told once.
    busy: BTreeMap<String, bool>,
    failing: BTreeMap<String, bool>,
    ui: Ui,
}

impl Post {
    /// To these targets, with what an earlier run left.
    pub(crate) fn new(
        targets: &[AlertTarget],
        outbox: Outbox,
        ui: Ui,
    ) -> Result<Self, CommandError> {
        let mut sinks: BTreeMap<String, Arc<dyn Sink>> = BTreeMap::new();
        for target in targets {
            let webhook = Webhook::new(&target.webhook).map_err(|error| {
                CommandError::new(Exit::Failed, format!("alert.{}: {error}", target.label))
            })?;
            sinks.insert(target.label.clone(), Arc::new(webhook));
        }
        let mut post = Self {
            sinks,
            outbox,
            under_way: JoinSet::new(),
            busy: BTreeMap::new(),
            failing: BTreeMap::new(),
            ui,
        };
        let known: Vec<&str> = post.sinks.keys().map(String::as_str).collect();
        post.outbox.retain(known);
        post.outbox.hurry();
        Ok(post)
    }

    /// An alert is to go out.
    pub(crate) fn put(&mut self, uid: &str, change: Change) {
        let sinks = self.sinks.keys().map(String::as_str);
        self.outbox.put(sinks, uid, change);
    }

    /// Sends what is due.
    pub(crate) fn send(&mut self, folder: &Folder, now: Timestamp) {
        for (label, sink) in &self.sinks {
            if self.busy.get(label).is_some_and(|busy| *busy) {
                continue;
            }
            let Some(due) = self.outbox.due(label, now) else {
                continue;
            };
            let Some(alert) = folder.get(&due.uid) else {
                // What is on its way is kept, so somebody else has changed that. It must not be lost unsaid.
                let uid = &due.uid;
                self.ui.say(&format!(
                    "Warning: alert.{label} was to have alert {uid}, which is not kept any more: it is not delivered"
                ));
                self.outbox.delivered(label, &due);
                continue;
            };
            self.busy.insert(label.clone(), true);
            let (label, sink) = (label.clone(), sink.clone());
            self.under_way.spawn(deliver(label, sink, alert, due));
        }
    }

    /// Nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Waits for a delivery to end; for ever while none is under way.
    pub(crate) async fn next(&mut self) -> Ended {
        loop {
            match self.under_way.join_next().await {
                Some(Ok(ended)) => return ended,
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Takes in what became of a delivery. A sink that begins to fail, and one that is back, is said once.
    pub(crate) fn ended(&mut self, ended: &Ended, now: Timestamp) {
        let (label, ui) = (&ended.label, self.ui);
        self.busy.insert(label.clone(), false);
        let fails = ended.result.is_err();
        let failed = self.failing.insert(label.clone(), fails).unwrap_or(false);
        match &ended.result {
            Ok(()) => self.outbox.delivered(label, &ended.due),
            Err(_) => self.outbox.failed(label, &ended.due, now),
        }
        match &ended.result {
            Err(error) if !failed => ui.say(&format!(
                "Warning: alert.{label} does not take alerts ({}); they are kept and tried again",
                chain(error)
            )),
            Ok(()) if failed => ui.say(&format!("alert.{label} takes alerts again")),
            Ok(()) | Err(_) => {}
        }
    }
}

async fn deliver(label: String, sink: Arc<dyn Sink>, alert: Alert, due: Due) -> Ended {
    let now = Timestamp::now();
    let finding = ocsf(&alert, due.change, env!("CARGO_PKG_VERSION"), now);
    let result = sink.deliver(&finding).await;
    Ended { label, due, result }
}
