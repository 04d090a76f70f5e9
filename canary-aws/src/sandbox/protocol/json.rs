//! The JSON protocols.

use serde_json::Value;

/// The operation in a target, `AmazonSSM.GetParameter`.
pub(super) fn operation(target: &str) -> Option<&str> {
    target.rsplit_once('.').map(|(_, operation)| operation)
}

/// The operation in a path, `/listRegions`.
pub(super) fn operation_of_path(path: &str) -> Option<String> {
    let mut characters = path.strip_prefix('/')?.chars();
    let first = characters.next()?.to_ascii_uppercase();
    Some([first].into_iter().chain(characters).collect())
}

/// The parameters in a body; an empty body has none.
pub(super) fn parameters(body: &[u8]) -> Option<Value> {
    if body.is_empty() {
        return Some(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_slice(body).ok().filter(Value::is_object)
}
