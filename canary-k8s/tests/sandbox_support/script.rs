//! Scripts: requests with holes for what earlier answers gave.

use std::collections::BTreeMap;

use canary_fixtures::Request;
use serde_json::{Value, json};

use super::normal::{Normal, keys};
use super::{Server, wait_for};

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    user: String,
    method: &'static str,
    path: String,
    body: Option<Value>,
    headers: Vec<(&'static str, String)>,
    keeps: Vec<(&'static str, &'static str)>,
    differs: Option<&'static str>,
    events: usize,
}

/// A step; `{name}` in path, headers and body stands for something kept. A user that begins with `$` is a kept token.
pub(crate) fn step(user: &str, method: &'static str, path: &str) -> Step {
    Step {
        user: user.into(),
        method,
        path: path.into(),
        body: None,
        headers: Vec::new(),
        keeps: Vec::new(),
        differs: None,
        events: 1,
    }
}

impl Step {
    pub(crate) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Keeps a part of the answer by a JSON pointer.
    pub(crate) fn keep(mut self, name: &'static str, pointer: &'static str) -> Self {
        self.keeps.push((name, pointer));
        self
    }

    pub(crate) fn apply(self) -> Self {
        self.header("Content-Type", "application/apply-patch+yaml")
    }

    pub(crate) fn strategic(self) -> Self {
        self.header("Content-Type", "application/strategic-merge-patch+json")
    }

    pub(crate) fn metadata(self, list: &str) -> Self {
        let accept = format!(
            "application/json;as=PartialObjectMetadata{list};g=meta.k8s.io;v=v1,application/json"
        );
        self.header("Accept", &accept)
    }

    /// Has an event when it begins and one when it ends.
    pub(crate) fn stays_open(mut self) -> Self {
        self.events = 2;
        self
    }

    /// The sandbox answers otherwise, for a reason.
    pub(crate) fn differs(mut self, reason: &'static str) -> Self {
        self.differs = Some(reason);
        self
    }

    pub(crate) fn reason(&self) -> Option<&'static str> {
        self.differs
    }

    pub(crate) fn shown(&self) -> String {
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        format!(
            "{} {} {} {:?} {body}",
            self.user, self.method, self.path, self.headers
        )
    }
}

fn filled(text: &str, kept: &BTreeMap<&str, String>) -> String {
    kept.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), value)
    })
}

/// The events of a watch, in an order of their own: what is there comes as the server's memory has it.
fn lines(body: &Value) -> Value {
    // One event alone is read as it stands.
    let text = match body {
        Value::String(text) => text.clone(),
        Value::Object(event) if event.contains_key("object") => body.to_string(),
        _ => return body.clone(),
    };
    let mut events: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(Value::is_object)
        .collect();
    if events.is_empty() {
        return body.clone();
    }
    for event in events
        .iter_mut()
        .filter(|event| event["type"] == "BOOKMARK")
    {
        // Of the whole server, as that of a list.
        event["object"]["metadata"]["resourceVersion"] = Value::Null;
    }
    events.sort_by_key(|event| event["object"]["metadata"]["name"].to_string());
    events.into()
}

/// What came of each step, normalised: status, body, audit events with the order of their keys.
pub(crate) fn play(server: &impl Server, steps: &[Step]) -> Vec<String> {
    let mut kept: BTreeMap<&str, String> = BTreeMap::new();
    let mut normal = Normal::default();
    steps
        .iter()
        .enumerate()
        .map(|(number, step)| {
            let audit_id = format!("00000000-0000-4000-8000-{number:012}");
            let path = filled(&step.path, &kept);
            let token = match step.user.strip_prefix('$') {
                Some(name) => kept.get(name).cloned().unwrap_or_else(|| name.to_owned()),
                None if step.user.is_empty() => String::new(),
                None => server.token(&step.user),
            };
            let body = step.body.as_ref().map(|body| {
                serde_json::from_str::<Value>(&filled(&body.to_string(), &kept)).unwrap()
            });
            let headers: Vec<(&str, String)> = step
                .headers
                .iter()
                .map(|(name, value)| (*name, filled(value, &kept)))
                .collect();
            let mut headers: Vec<(&str, &str)> = headers
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            headers.push(("Audit-ID", &audit_id));
            headers.push((
                "User-Agent",
                "kubectl/v1.36.3 (linux/amd64) kubernetes/7c8ea1a",
            ));
            let answer = server
                .send(&Request {
                    method: step.method,
                    path: &path,
                    token: &token,
                    body: body.as_ref(),
                    headers: &headers,
                })
                .unwrap_or_else(|| panic!("no answer: {}", step.shown()));
            for (name, pointer) in &step.keeps {
                let value = answer.body.pointer(pointer).and_then(Value::as_str);
                let value = value
                    .unwrap_or_else(|| panic!("{}: no {pointer} in {}", step.shown(), answer.body));
                kept.insert(name, value.to_owned());
            }
            let events: Vec<String> = wait_for("an audit event", || {
                let events: Vec<String> = server
                    .audit()
                    .into_iter()
                    .filter(|line| line.contains(&audit_id))
                    .collect();
                (events.len() >= step.events).then_some(events)
            });
            let events: Vec<Value> = events
                .iter()
                .map(|line| {
                    let event = normal.value(&serde_json::from_str(line).unwrap());
                    json!([event, keys(line).join(" ")])
                })
                .collect();
            let body = normal.value(&lines(&answer.body));
            json!({ "status": answer.status, "body": body, "events": events }).to_string()
        })
        .collect()
}
