//! Looking into a body.

use serde_json::Value;

/// The value under a key, however it is capitalised: services differ in that.
pub(super) fn find<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    let entries = value.as_object()?;
    entries.get(key).or_else(|| {
        entries
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value)
    })
}

/// The text under a key, or the texts of the list under it.
pub(super) fn texts<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v str> {
    let found = find(value, key);
    let list = found
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    found
        .and_then(Value::as_str)
        .into_iter()
        .chain(list.iter().filter_map(Value::as_str))
        .filter(|text| !text.is_empty())
}

/// Hands out every text in a value. As deep as it was read: 127 levels at most.
pub(super) fn each_text(value: &Value, take: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => take(text),
        Value::Array(list) => list.iter().for_each(|value| each_text(value, take)),
        Value::Object(entries) => entries.values().for_each(|value| each_text(value, take)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
