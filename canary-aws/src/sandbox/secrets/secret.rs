//! What Secrets Manager knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::sandbox::call::Call;
use crate::sandbox::failure::Failure;
use crate::sandbox::tags::Tags;

/// Secrets of a region by name.
#[derive(Clone, Default)]
pub(in crate::sandbox) struct Secrets {
    pub(super) secrets: BTreeMap<String, Arc<Secret>>,
    /// Whether making one again is answered as if it did not wait for its deletion.
    pub(super) hide_deletion: bool,
}

impl Secrets {
    pub(in crate::sandbox) fn new(hide_deletion: bool) -> Self {
        Self {
            secrets: BTreeMap::new(),
            hide_deletion,
        }
    }
}

#[derive(Clone)]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) description: Option<String>,
    pub(super) key: Option<String>,
    pub(super) tags: Tags,
    pub(super) versions: BTreeMap<String, Version>,
    pub(super) created: Timestamp,
    pub(super) changed: Timestamp,
    /// When it was marked, and when it goes.
    pub(super) deletion: Option<(Timestamp, Timestamp)>,
}

#[derive(Clone)]
pub(super) struct Version {
    pub(super) content: Content,
    pub(super) stages: BTreeSet<String>,
    pub(super) created: Timestamp,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Content {
    Text(String),
    /// In base64, as it came.
    Binary(String),
}

/// What is in a call: none when it has neither.
pub(super) fn content(call: &Call<'_>) -> Result<Option<Content>, Failure> {
    let content = match (call.text("SecretString"), call.text("SecretBinary")) {
        (Some(_), Some(_)) => {
            return Err(call.invalid("You can't specify both a binary secret value and a string secret value in the same secret."));
        }
        (Some(text), None) => Some(Content::Text(text.to_owned())),
        (None, Some(bytes)) => Some(Content::Binary(bytes.to_owned())),
        (None, None) => None,
    };
    let length = match &content {
        Some(Content::Text(text) | Content::Binary(text)) => text.len(),
        None => 0,
    };
    match length {
        0..=65_536 => Ok(content),
        _ => Err(call.invalid("The secret value is longer than 65536 bytes.")),
    }
}

pub(super) fn missing() -> Failure {
    Failure::bad(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.",
    )
}

/// What cannot be done to a secret that waits for its deletion.
pub(super) fn marked() -> Failure {
    Failure::bad(
        "InvalidRequestException",
        "You can't perform this operation on the secret because it was marked for deletion.",
    )
}

impl Secret {
    /// Whether its last day has come.
    pub(super) fn gone(&self, now: Timestamp) -> bool {
        self.deletion.is_some_and(|(_, until)| now >= until)
    }
}

impl Secrets {
    /// By name, ARN, or ARN without the characters behind the name.
    pub(super) fn find(&self, id: &str, now: Timestamp) -> Result<&Secret, Failure> {
        let found = match id.strip_prefix("arn:") {
            None => self.secrets.get(id),
            Some(_) => self.secrets.values().find(|secret| {
                secret.arn == id
                    || secret
                        .arn
                        .rsplit_once('-')
                        .is_some_and(|(start, _)| start == id)
            }),
        };
        let found = found.map(Arc::as_ref);
        found.filter(|secret| !secret.gone(now)).ok_or_else(missing)
    }

    pub(super) fn of(&self, call: &Call<'_>) -> Result<&Secret, Failure> {
        self.find(call.required("SecretId")?, call.now)
    }

    /// One that does not wait for its deletion, to be changed.
    pub(super) fn of_mut(&mut self, call: &Call<'_>) -> Result<&mut Secret, Failure> {
        let secret = self.of(call)?;
        if secret.deletion.is_some() {
            return Err(marked());
        }
        let name = secret.name.clone();
        self.named_mut(&name)
    }

    pub(super) fn named_mut(&mut self, name: &str) -> Result<&mut Secret, Failure> {
        let secret = self.secrets.get_mut(name);
        secret.map(Arc::make_mut).ok_or_else(missing)
    }
}

/// Stages by version, as answers have them.
pub(super) fn stages(secret: &Secret) -> Value {
    let stages = secret.versions.iter();
    let stages = stages.filter(|(_, version)| !version.stages.is_empty());
    Value::Object(
        stages
            .map(|(id, version)| (id.clone(), version.stages.iter().cloned().collect()))
            .collect(),
    )
}
