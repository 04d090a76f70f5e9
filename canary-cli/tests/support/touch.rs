//! What a plan would write, and how it passes on the wire.

use canary_fixtures::Write;
use serde_json::Value;

/// How a step of a plan touches the cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Touch {
    pub(crate) address: String,
    pub(crate) actions: Vec<String>,
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Touch {
    pub(crate) fn of(line: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let touch = Self {
            address: text(&line["address"])?,
            actions: line["actions"]
                .as_array()?
                .iter()
                .filter_map(text)
                .collect(),
            kind: text(&line["handle"]["kind"])?,
            namespace: text(&line["handle"]["scope"])?,
            name: text(&line["handle"]["name"])?,
        };
        (touch.writes() > 0).then_some(touch)
    }

    /// How many requests it is.
    pub(crate) fn writes(&self) -> usize {
        let is_write = |action: &&String| matches!(action.as_str(), "create" | "update" | "delete");
        match self.kind.as_str() {
            // A token leaves nothing that could be deleted.
            "Token" => self
                .actions
                .iter()
                .filter(|action| *action == "create")
                .count(),
            _ => self.actions.iter().filter(is_write).count(),
        }
    }

    pub(crate) fn is(&self, write: &Write) -> bool {
        // A token is asked for at its account.
        let plural = plural(&self.kind).unwrap_or("serviceaccounts");
        let place = format!("/api/v1/namespaces/{}/{plural}", self.namespace);
        write.path.starts_with(&place)
            && write.name == self.name
            && write.path.ends_with("/token") == (self.kind == "Token")
    }
}

/// Under which name the API serves a kind; `None` for what leaves no object.
pub(crate) fn plural(kind: &str) -> Option<&'static str> {
    match kind {
        "Secret" => Some("secrets"),
        "ConfigMap" => Some("configmaps"),
        "ServiceAccount" => Some("serviceaccounts"),
        _ => None,
    }
}
