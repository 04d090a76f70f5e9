//! Which parameters are listed.

use serde_json::Value;

use super::parameters::Parameter;
use crate::sandbox::call::{list, text};

/// Whether a name is below a path: anywhere, or one level down.
pub(super) fn below(path: &str, name: &str, recursive: bool) -> bool {
    let path = path.trim_end_matches('/');
    let rest = name
        .strip_prefix(path)
        .and_then(|rest| rest.strip_prefix('/'));
    rest.is_some_and(|rest| recursive || !rest.contains('/'))
}

/// Whether a parameter fits all filters. One with a key that is not known fits nothing.
pub(super) fn fits(filters: &[Value], name: &str, parameter: &Parameter) -> bool {
    filters
        .iter()
        .all(|filter| fits_one(filter, name, parameter))
}

fn fits_one(filter: &Value, name: &str, parameter: &Parameter) -> bool {
    let values = list(filter, "Values").iter().filter_map(Value::as_str);
    let option = text(filter, "Option").unwrap_or("Equals");
    let key = text(filter, "Key").unwrap_or_default();
    if let Some(tag) = key.strip_prefix("tag:") {
        let has = parameter.tags.get(tag);
        let mut values = values.peekable();
        return match values.peek() {
            None => has.is_some(),
            Some(_) => values.any(|value| has.is_some_and(|has| has == value)),
        };
    }
    let mut values = values;
    let compare = |has: &str, value: &str| match option {
        "BeginsWith" => has.starts_with(value),
        "Contains" => has.contains(value),
        _ => has == value,
    };
    match key {
        "Name" => {
            values.any(|value| compare(name, value) || compare(name.trim_start_matches('/'), value))
        }
        "Path" => values.any(|value| below(value, name, option == "Recursive")),
        "Type" => values.any(|value| compare(&parameter.kind, value)),
        "Tier" => values.any(|value| compare(&parameter.tier, value)),
        "KeyId" => values.any(|value| {
            parameter
                .key
                .as_deref()
                .is_some_and(|key| compare(key, value))
        }),
        _ => false,
    }
}

/// The filters of before, which begin names.
pub(super) fn fits_old(filters: &[Value], name: &str, parameter: &Parameter) -> bool {
    filters.iter().all(|filter| {
        let mut values = list(filter, "Values").iter().filter_map(Value::as_str);
        match text(filter, "Key") {
            Some("Name") => values.any(|value| name.starts_with(value)),
            Some("Type") => values.any(|value| parameter.kind == value),
            _ => false,
        }
    })
}
