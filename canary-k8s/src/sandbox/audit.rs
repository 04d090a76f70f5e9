//! Audit events in the API server's form, one a line, written before the answer is sent.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::access::Identity;
use super::order;

/// The file that events go to.
pub(super) struct AuditLog(Mutex<File>);

impl AuditLog {
    /// Opens or makes the file, readable for its owner only.
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        Ok(Self(Mutex::new(file)))
    }

    /// Appends an event. One write, so that readers see whole lines.
    pub(super) fn write(&self, event: &Value) -> std::io::Result<()> {
        let mut line = order::to_json(event);
        line.push('\n');
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line.as_bytes())?;
        file.flush()
    }
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stage {
    /// Of a request that stays open, and of one whose sender is not known.
    ResponseStarted,
    ResponseComplete,
}

/// An event that grows with its request.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) audit_id: String,
    pub(super) request_uri: String,
    pub(super) verb: String,
    pub(super) user: Option<Identity>,
    pub(super) impersonated: Option<Identity>,
    /// The constraint of an impersonation.
    pub(super) constraint: String,
    pub(super) sources: Vec<String>,
    pub(super) user_agent: String,
    /// Field by field; empty where the request is about no resource.
    pub(super) object: BTreeMap<&'static str, String>,
    pub(super) received: Timestamp,
    pub(super) annotations: BTreeMap<String, String>,
}

/// The server cuts longer user agents and says so (`k8s.io/apiserver/pkg/audit/request.go`).
const MAX_USER_AGENT: usize = 1024;

impl Draft {
    pub(super) fn annotate(&mut self, key: &str, value: impl Into<String>) {
        self.annotations.insert(key.to_owned(), value.into());
    }

    /// Sets a field of the object where the path did not already.
    pub(super) fn complete(&mut self, field: &'static str, value: &Value) {
        if let Some(value) = value.as_str().filter(|value| !value.is_empty()) {
            self.object.entry(field).or_insert_with(|| value.to_owned());
        }
    }

    /// The event at a stage.
    pub(super) fn event(&self, stage: Stage, status: &Value, at: Timestamp) -> Value {
        let mut event = json!({
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "Metadata",
            "auditID": self.audit_id,
            "stage": match stage {
                Stage::ResponseStarted => "ResponseStarted",
                Stage::ResponseComplete => "ResponseComplete",
            },
            "requestURI": self.request_uri,
            "verb": self.verb,
            "user": self.user.as_ref().map_or_else(|| json!({}), Identity::to_json),
            "sourceIPs": self.sources,
            "responseStatus": status,
            "requestReceivedTimestamp": micro_time(self.received),
            "stageTimestamp": micro_time(at),
        });
        if let Some(user) = &self.impersonated {
            event["impersonatedUser"] = user.to_json();
        }
        if !self.constraint.is_empty() {
            event["authenticationMetadata"] = json!({ "impersonationConstraint": self.constraint });
        }
        if !self.user_agent.is_empty() {
            event["userAgent"] = cut(&self.user_agent).into();
        }
        if !self.object.is_empty() {
            event["objectRef"] = json!(self.object);
        }
        if !self.annotations.is_empty() {
            event["annotations"] = json!(self.annotations);
        }
        event
    }
}

fn cut(user_agent: &str) -> String {
    if user_agent.len() <= MAX_USER_AGENT {
        return user_agent.to_owned();
    }
    let mut end = MAX_USER_AGENT;
    while !user_agent.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...TRUNCATED", &user_agent[..end])
}

/// Microseconds, as in events.
fn micro_time(at: Timestamp) -> String {
    format!("{at:.6}")
}

/// Whole seconds, as in objects.
pub(super) fn time(at: Timestamp) -> String {
    let second = Timestamp::from_second(at.as_second()).unwrap_or(at);
    format!("{second:.0}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_the_server_writes_them() {
        let at: Timestamp = "2026-11-22T05:54:13.9Z".parse().unwrap();
        assert_eq!(micro_time(at), "2026-11-22T05:54:13.900000Z");
        assert_eq!(time(at), "2026-11-22T05:54:13Z");
    }
}
