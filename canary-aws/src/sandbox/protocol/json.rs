//! The JSON protocols.

use serde_json::Value;

/// The operation in a target, `AmazonSSM.GetParameter`.
pub(super) fn operation(target: &str) -> Option<&str> {
    target.rsplit_once('.').map(|(_, operation)| operation)
}

/// The parameters in a body; an empty body has none.
pub(super) fn parameters(body: &[u8]) -> Option<Value> {
    if body.is_empty() {
        return Some(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_slice(body).ok().filter(Value::is_object)
}
