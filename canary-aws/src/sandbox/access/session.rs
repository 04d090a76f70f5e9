//! Temporary credentials.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::Who;

/// What was given out by STS.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Session {
    pub(in crate::sandbox) token: String,
    pub(in crate::sandbox) who: Who,
    pub(in crate::sandbox) issued: Timestamp,
    pub(in crate::sandbox) expires: Timestamp,
    /// What the session was narrowed to.
    pub(in crate::sandbox) policy: Option<Value>,
    pub(in crate::sandbox) source_identity: Option<String>,
}

/// Sessions by `ASIA…`. Known at once: their token says what they are.
pub(in crate::sandbox) type Sessions = BTreeMap<String, Session>;
