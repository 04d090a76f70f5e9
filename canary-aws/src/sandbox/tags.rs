//! Tags, as the services share them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::call::text;

/// Tags by key.
pub(super) type Tags = BTreeMap<String, String>;

/// Fifty to a thing, in every service here.
const MOST: usize = 50;

/// `[{"Key": …, "Value": …}]`, checked: keys of 1 to 128 characters that AWS has not reserved, values of up to 256.
///
/// # Errors
/// What is wrong with them, in words.
pub(super) fn parse(tags: &[Value]) -> Result<Tags, String> {
    let mut parsed = Tags::new();
    for tag in tags {
        let key = text(tag, "Key").unwrap_or_default();
        let value = text(tag, "Value").unwrap_or_default();
        let length = key.chars().count();
        if !(1..=128).contains(&length) || value.chars().count() > 256 {
            return Err(format!(
                "The tag key or value of '{}' has an invalid length.",
                shown(key)
            ));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err("System tags cannot be added/updated by requester".to_owned());
        }
        if parsed.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive."
                    .to_owned(),
            );
        }
    }
    Ok(parsed)
}

fn shown(key: &str) -> String {
    key.chars().take(40).collect()
}

/// Adds tags.
///
/// # Errors
/// When there would be too many.
pub(super) fn add(tags: &mut Tags, added: Tags) -> Result<(), String> {
    let fresh = added.keys().filter(|key| !tags.contains_key(*key)).count();
    if tags.len() + fresh > MOST {
        return Err(format!(
            "The number of tags has reached the maximum limit of {MOST}."
        ));
    }
    tags.extend(added);
    Ok(())
}

/// As answers have them.
pub(super) fn shape(tags: &Tags) -> Value {
    tags.iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect()
}
