//! Audit records as a server writes them, and what `detect --planned` makes of them.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::Project;

/// One record.
#[derive(Clone)]
pub(crate) struct Record(Value);

/// The server's order of fields.
const ORDER: [&str; 17] = [
    "kind",
    "apiVersion",
    "level",
    "auditID",
    "stage",
    "requestURI",
    "verb",
    "user",
    "impersonatedUser",
    "sourceIPs",
    "userAgent",
    "objectRef",
    "responseStatus",
    "requestObject",
    "responseObject",
    "requestReceivedTimestamp",
    "stageTimestamp",
];

/// A request of `mallory`, answered with 200. What is about one object has a name, or else an empty one.
pub(crate) fn record(verb: &str, resource: &str, name: &str) -> Record {
    let path = format!("/api/v1/namespaces/shop/{resource}/{name}");
    let mut reference = json!({ "resource": resource, "namespace": "shop", "apiVersion": "v1" });
    if !name.is_empty() {
        reference["name"] = name.into();
    }
    Record(json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
        "auditID": "5c3b1a52-6d7a-4e0b-9a55-3f4f3c1f2a10", "stage": "ResponseComplete",
        "requestURI": path.trim_end_matches('/'), "verb": verb,
        "user": { "username": "mallory", "uid": "m", "groups": ["system:authenticated"] },
        "sourceIPs": ["10.0.0.9"], "userAgent": "curl/8.0",
        "objectRef": reference,
        "responseStatus": { "metadata": {}, "code": 200 },
        "requestReceivedTimestamp": "2026-11-22T05:40:00.000001Z",
        "stageTimestamp": "2026-11-22T05:40:00.000002Z",
    }))
}

impl Record {
    pub(crate) fn with(mut self, pointer: &str, value: Value) -> Self {
        let (parent, key) = pointer.rsplit_once('/').unwrap_or_default();
        self.0.pointer_mut(parent).unwrap()[key] = value;
        self
    }

    pub(crate) fn code(self, code: u16) -> Self {
        self.with("/responseStatus/code", code.into())
    }

    pub(crate) fn by(self, name: &str, uid: &str) -> Self {
        self.with("/user/username", name.into())
            .with("/user/uid", uid.into())
    }

    pub(crate) fn at(self, time: &str) -> Self {
        self.with("/requestReceivedTimestamp", time.into())
            .with("/stageTimestamp", time.into())
    }

    pub(crate) fn uri(self, uri: &str) -> Self {
        self.with("/requestURI", uri.into())
    }

    /// Of Secrets, in all namespaces.
    pub(crate) fn everywhere(self) -> Self {
        self.without("/objectRef", "namespace")
            .uri("/api/v1/secrets")
    }

    /// The stage before the answer.
    pub(crate) fn received(self) -> Self {
        self.without("", "responseStatus")
            .with("/stage", "RequestReceived".into())
    }

    pub(crate) fn without(mut self, parent: &str, key: &str) -> Self {
        let parent = self.0.pointer_mut(parent).unwrap();
        parent.as_object_mut().unwrap().remove(key);
        self
    }

    pub(crate) fn line(&self) -> String {
        let mut rest = self.0.as_object().unwrap().clone();
        let mut fields: Vec<String> = Vec::new();
        for key in ORDER {
            fields.extend(rest.remove(key).map(|value| format!("\"{key}\":{value}")));
        }
        fields.extend(rest.iter().map(|(key, value)| format!("\"{key}\":{value}")));
        format!("{{{}}}", fields.join(","))
    }
}

/// A log of these lines.
pub(crate) fn log(project: &Project, lines: &[String]) -> PathBuf {
    let path = project.path("audit.log");
    std::fs::write(&path, format!("{}\n", lines.join("\n"))).unwrap();
    path
}

/// The findings of `detect --planned` with `operator` as the one who plants.
pub(crate) fn findings(project: &Project, log: &std::path::Path) -> Vec<Value> {
    let log = log.display().to_string();
    let ran = project
        .run(&[
            "detect",
            "--planned",
            "--applied-by",
            "operator",
            "--audit-log",
            &log,
            "--json",
        ])
        .exits(0);
    ran.json_lines()
}

/// Each finding as `SEVERITY TITLE`.
pub(crate) fn told(findings: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    findings
        .iter()
        .map(|finding| {
            let title = text(&finding["finding_info"]["title"]);
            format!("{} {title}", text(&finding["severity"]))
        })
        .collect()
}
