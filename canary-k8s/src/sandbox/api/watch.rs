//! watch: what is there, then what changes, until somebody ends it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use canary_core::apply::Clock;
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;

use super::call::{Answer, Call, Outcome};
use super::object;
use super::read::selector;
use super::request::Form;
use super::serve::Api;
use crate::sandbox::audit::{AuditLog, Draft, Stage};
use crate::sandbox::kinds::Kind;
use crate::sandbox::order;
use crate::sandbox::selectors::Selector;
use crate::sandbox::status::{Cause, Status};
use crate::sandbox::store::{Change, Store, prefix};

/// What is watched.
pub(super) struct Spec {
    kind: &'static Kind,
    namespace: String,
    selector: Selector,
    form: Form,
    initial: VecDeque<String>,
    after: u64,
    lasts: Option<Duration>,
    news: Receiver<u64>,
}

impl Api {
    pub(super) fn watch(&self, call: &Call<'_>) -> Outcome {
        let selector = selector(call)?;
        let now = self.store.revision();
        let mut spec = Spec {
            kind: call.kind,
            namespace: call.namespace().to_owned(),
            selector,
            form: call.form,
            initial: VecDeque::new(),
            after: now,
            lasts: call
                .info
                .param("timeoutSeconds")
                .parse()
                .ok()
                .map(Duration::from_secs),
            news: self.store.news(),
        };
        let asked: u64 = match call.info.param("resourceVersion") {
            "" => 0,
            text => text.parse().map_err(|_| {
                Status::unknown(&format!(
                    "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
                ))
            })?,
        };
        let wants_initial = call.info.flag("sendInitialEvents");
        if wants_initial && call.info.param("resourceVersionMatch") != "NotOlderThan" {
            let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            let cause = Cause::forbidden("resourceVersionMatch", why);
            return Err(Status::invalid("meta.k8s.io", "ListOptions", "", &[cause]));
        }
        if asked > 0 && !wants_initial {
            if asked < self.store.compacted() {
                let status = Status::too_old(asked, self.store.compacted());
                spec.initial.push_back(line("ERROR", &status.body()));
            }
            spec.after = asked;
            return Ok(Answer::Watch(Box::new(spec)));
        }
        let prefix = prefix(call.kind, call.namespace());
        for (_, object) in self.store.range(&prefix, "", now) {
            if spec.selector.matches(call.kind, object) {
                spec.initial
                    .push_back(line("ADDED", &object::shown(call.kind, object, call.form)));
            }
        }
        if wants_initial {
            spec.initial
                .push_back(line("BOOKMARK", &spec.end_of_initial(now)));
        }
        Ok(Answer::Watch(Box::new(spec)))
    }
}

impl Spec {
    fn end_of_initial(&self, revision: u64) -> Value {
        let object = json!({
            "metadata": {
                "resourceVersion": revision.to_string(),
                "annotations": { "k8s.io/initial-events-end": "true" },
            },
        });
        object::shown(self.kind, &object, self.form)
    }

    fn tell(&self, change: &Change) -> Option<String> {
        if change.kind.plural != self.kind.plural {
            return None;
        }
        let inside = |object: &Value| {
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
            (self.namespace.is_empty() || namespace == self.namespace)
                && self.selector.matches(self.kind, object)
        };
        let before = change.before.as_deref().filter(|object| inside(object));
        let after = change.after.as_deref().filter(|object| inside(object));
        let (event, object) = match (before, after) {
            (None, None) => return None,
            (None, Some(after)) => ("ADDED", after.clone()),
            (Some(_), Some(after)) => ("MODIFIED", after.clone()),
            (Some(before), None) => {
                let mut last = before.clone();
                last["metadata"]["resourceVersion"] = change.revision.to_string().into();
                ("DELETED", last)
            }
        };
        Some(line(event, &object::shown(self.kind, &object, self.form)))
    }
}

fn line(event: &str, object: &Value) -> String {
    let mut line = order::to_json(&json!({ "type": event, "object": object }));
    line.push('\n');
    line
}

/// An open watch. When it is dropped its last event is written.
pub(in crate::sandbox) struct Watching {
    spec: Spec,
    draft: Draft,
    audit: Arc<AuditLog>,
    clock: Arc<dyn Clock>,
}

impl Watching {
    pub(super) fn new(
        spec: Spec,
        draft: Draft,
        audit: Arc<AuditLog>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            spec,
            draft,
            audit,
            clock,
        }
    }

    /// How long it may stay open, where the request says so.
    pub(in crate::sandbox) fn lasts(&self) -> Option<Duration> {
        self.spec.lasts
    }

    /// The lines that are due.
    pub(in crate::sandbox) fn due(&mut self, store: &Store) -> String {
        let mut out: String = self.spec.initial.drain(..).collect();
        for change in store.changes_after(self.spec.after) {
            out.extend(self.spec.tell(change));
        }
        self.spec.after = store.revision().max(self.spec.after);
        out
    }

    /// Waits for a change of anything; `false`: there will be none.
    pub(in crate::sandbox) async fn changed(&mut self) -> bool {
        self.spec.news.changed().await.is_ok()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let status = json!({ "metadata": {}, "code": 200 });
        let event = self
            .draft
            .event(Stage::ResponseComplete, &status, self.clock.now());
        if let Err(error) = self.audit.write(&event) {
            tracing::error!(%error, "the end of a watch is not in the audit log");
        }
    }
}
