//! The entries of `managedFields`, and what a write does to them.

use serde_json::{Value, json};

use super::compare::{self, Comparison};
use super::merge;
use super::set::{FieldSet, shown};
use crate::sandbox::kinds::Kind;
use crate::sandbox::status::{Cause, quoted};

/// Who writes, and when.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Writer<'a> {
    pub(in crate::sandbox) manager: &'a str,
    /// RFC 3339, whole seconds.
    pub(in crate::sandbox) time: &'a str,
}

/// An apply that would take fields from others.
#[derive(Debug)]
pub(in crate::sandbox) struct Conflict {
    pub(in crate::sandbox) message: String,
    pub(in crate::sandbox) causes: Vec<Cause>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    manager: String,
    operation: String,
    api_version: String,
    subresource: String,
    time: String,
    fields: FieldSet,
}

const UPDATE: &str = "Update";
const APPLY: &str = "Apply";

impl Entry {
    fn new(kind: &Kind, operation: &str, writer: &Writer<'_>, fields: FieldSet) -> Self {
        Self {
            manager: writer.manager.to_owned(),
            operation: operation.to_owned(),
            api_version: kind.api_version(),
            subresource: String::new(),
            time: writer.time.to_owned(),
            fields,
        }
    }

    /// Whether both are entries of one writer. An applier is the same in every version of the API.
    fn is_same_writer(&self, other: &Self) -> bool {
        self.manager == other.manager
            && self.operation == other.operation
            && self.subresource == other.subresource
            && (self.operation == APPLY || self.api_version == other.api_version)
    }

    fn read(value: &Value) -> Self {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        Self {
            manager: text("manager"),
            operation: text("operation"),
            api_version: text("apiVersion"),
            subresource: text("subresource"),
            time: text("time"),
            fields: FieldSet::from_json(&value["fieldsV1"]),
        }
    }

    fn to_json(&self) -> Value {
        let mut entry = json!({ "operation": self.operation, "fieldsType": "FieldsV1", "fieldsV1": self.fields.to_json() });
        for (name, text) in [
            ("manager", &self.manager),
            ("apiVersion", &self.api_version),
            ("time", &self.time),
            ("subresource", &self.subresource),
        ] {
            if !text.is_empty() {
                entry[name] = text.clone().into();
            }
        }
        entry
    }

    /// As a conflict names it.
    fn shown(&self) -> String {
        match self.operation.as_str() {
            UPDATE => format!("{} using {}", quoted(&self.manager), self.api_version),
            _ => quoted(&self.manager),
        }
    }
}

fn read(object: &Value) -> Vec<Entry> {
    let entries = object["metadata"]["managedFields"].as_array();
    entries.into_iter().flatten().map(Entry::read).collect()
}

fn write(object: &mut Value, mut entries: Vec<Entry>) {
    entries.retain(|entry| !entry.fields.is_empty());
    entries.sort_by(|a, b| {
        let order = |entry: &Entry| {
            (
                entry.operation.clone(),
                entry.time.clone(),
                entry.manager.clone(),
                entry.api_version.clone(),
                entry.subresource.clone(),
            )
        };
        order(a).cmp(&order(b))
    });
    let Some(metadata) = object["metadata"].as_object_mut() else {
        return;
    };
    if entries.is_empty() {
        metadata.remove("managedFields");
    } else {
        let entries = entries.iter().map(Entry::to_json).collect();
        metadata.insert("managedFields".into(), entries);
    }
}

/// Takes from every other entry what a write changed.
fn disown(entries: &mut [Entry], change: &Comparison, but: Option<&Entry>) {
    let changed = change.modified.union(&change.added);
    for entry in entries {
        if but.is_none_or(|but| !entry.is_same_writer(but)) {
            entry.fields = entry
                .fields
                .difference(&changed)
                .difference(&change.removed);
        }
    }
}

/// Sets the entries of an object that replaces a live one, as an update by a writer leaves them. The new object may bring
/// entries of its own; without them the live ones go on.
pub(in crate::sandbox) fn updated(
    kind: &Kind,
    live: Option<&Value>,
    new: &mut Value,
    writer: &Writer<'_>,
) {
    let given = &new["metadata"]["managedFields"];
    // One empty entry asks for all of them to go.
    let reset = given
        .as_array()
        .is_some_and(|list| list.len() == 1 && list[0] == json!({}));
    let mut entries = read(new);
    if reset {
        entries.clear();
    } else if entries.is_empty() {
        entries = live.map(read).unwrap_or_default();
    }
    // What nobody ever owned is not tracked until somebody applies.
    if entries.is_empty() && live.is_some() {
        return write(new, entries);
    }
    let nothing = json!({});
    let change = compare::compare(kind, live.unwrap_or(&nothing), new);
    disown(&mut entries, &change, None);
    let taken = change.modified.union(&change.added);
    if !taken.is_empty() {
        let mine = Entry::new(kind, UPDATE, writer, taken);
        match entries.iter_mut().find(|entry| entry.is_same_writer(&mine)) {
            Some(entry) => {
                entry.fields = entry.fields.union(&mine.fields);
                entry.time = mine.time;
            }
            None => entries.push(mine),
        }
    }
    write(new, entries);
}

/// A live object after an apply, with its entries.
///
/// # Errors
/// When a field that others own would change, unless `force`.
pub(in crate::sandbox) fn applied(
    kind: &Kind,
    live: Option<&Value>,
    config: &Value,
    writer: &Writer<'_>,
    force: bool,
) -> Result<Value, Conflict> {
    let nothing = json!({ "metadata": {} });
    let before = live.unwrap_or(&nothing);
    let mut entries = live.map(read).unwrap_or_default();
    if let Some(live) = live
        && entries.is_empty()
    {
        // Fields that nobody owned are somebody's from now on.
        let fields = compare::compare(kind, &json!({}), live).added;
        let unknown = Writer {
            manager: "before-first-apply",
            ..writer.clone()
        };
        entries.push(Entry::new(kind, UPDATE, &unknown, fields));
    }
    let mine = Entry::new(kind, APPLY, writer, compare::fields_of(kind, config));
    let last = entries.iter().position(|entry| entry.is_same_writer(&mine));
    let dropped = last.map(|at| entries.remove(at).fields).unwrap_or_default();
    let owned = entries
        .iter()
        .fold(mine.fields.clone(), |all, entry| all.union(&entry.fields));
    let merged = merge::apply(kind, before, config);
    let mut new = merge::without(kind, &merged, &dropped.difference(&owned));
    let change = compare::compare(kind, before, &new);
    let changed = change.modified.union(&change.added);
    if !force {
        conflicts(&entries, &changed)?;
    }
    disown(&mut entries, &change, Some(&mine));
    entries.push(mine);
    write(&mut new, entries);
    Ok(new)
}

fn conflicts(entries: &[Entry], changed: &FieldSet) -> Result<(), Conflict> {
    let mut found: Vec<(String, String)> = entries
        .iter()
        .flat_map(|entry| {
            let common = entry.fields.intersection(changed);
            let paths = common.paths();
            paths
                .into_iter()
                .map(|path| (entry.shown(), shown(&path)))
                .collect::<Vec<_>>()
        })
        .collect();
    found.sort();
    let causes = found
        .iter()
        .map(|(who, field)| {
            Cause::new(
                "FieldManagerConflict",
                field.clone(),
                format!("conflict with {who}"),
            )
        })
        .collect();
    let message = match found.as_slice() {
        [] => return Ok(()),
        [(who, field)] => format!("Apply failed with 1 conflict: conflict with {who}: {field}"),
        many => {
            let mut lines = Vec::new();
            let mut last = None;
            for (who, field) in many {
                if last != Some(who) {
                    lines.push(format!("conflicts with {who}:"));
                    last = Some(who);
                }
                lines.push(format!("- {field}"));
            }
            format!(
                "Apply failed with {} conflicts: {}",
                many.len(),
                lines.join("\n")
            )
        }
    };
    Err(Conflict { message, causes })
}

/// Whether two versions differ at most in the times of their entries: nothing is written then.
pub(in crate::sandbox) fn same_but_for_times(a: &Value, b: &Value) -> bool {
    let timeless = |object: &Value| {
        let mut object = object.clone();
        let entries = object["metadata"]["managedFields"].as_array_mut();
        for entry in entries.into_iter().flatten() {
            entry["time"] = Value::Null;
        }
        object
    };
    timeless(a) == timeless(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::kinds::SECRET;

    fn writer(manager: &str) -> Writer<'_> {
        Writer {
            manager,
            time: "2026-11-22T00:00:00Z",
        }
    }

    fn managers(object: &Value) -> Vec<(String, Value)> {
        let entries = object["metadata"]["managedFields"].as_array();
        entries
            .into_iter()
            .flatten()
            .map(|entry| {
                let manager = entry["manager"].as_str().unwrap_or_default().to_owned();
                (manager, entry["fieldsV1"].clone())
            })
            .collect()
    }

    #[test]
    fn what_an_applier_drops_goes_unless_somebody_else_has_it() {
        let first = json!({ "metadata": {}, "data": { "a": "YQ==", "b": "Yg==" } });
        let one = applied(&SECRET, None, &first, &writer("helm"), false).unwrap();
        let two = applied(
            &SECRET,
            Some(&one),
            &json!({ "metadata": {}, "data": { "b": "Yg==" } }),
            &writer("argocd"),
            false,
        )
        .unwrap();
        let three = applied(
            &SECRET,
            Some(&two),
            &json!({ "metadata": {} }),
            &writer("helm"),
            false,
        )
        .unwrap();
        assert_eq!(three["data"], json!({ "b": "Yg==" }));
        assert_eq!(
            managers(&three),
            [("argocd".to_owned(), json!({ "f:data": { "f:b": {} } }))]
        );
    }

    #[test]
    fn an_apply_that_would_take_a_field_says_whose_it_is() {
        let mut live = json!({ "metadata": {}, "data": { "a": "YQ==" } });
        updated(&SECRET, None, &mut live, &writer("kubectl-create"));
        let config = json!({ "metadata": {}, "data": { "a": "Yg==" } });
        let conflict = applied(&SECRET, Some(&live), &config, &writer("helm"), false).unwrap_err();
        assert_eq!(
            conflict.message,
            "Apply failed with 1 conflict: conflict with \"kubectl-create\" using v1: .data.a"
        );
        let forced = applied(&SECRET, Some(&live), &config, &writer("helm"), true).unwrap();
        assert_eq!(
            managers(&forced),
            [
                ("helm".to_owned(), json!({ "f:data": { "f:a": {} } })),
                ("kubectl-create".to_owned(), json!({ "f:data": {} })),
            ]
        );
    }

    #[test]
    fn an_update_owns_what_it_changes_and_others_lose_it() {
        let mut live = json!({ "metadata": {}, "data": { "a": "YQ==", "b": "Yg==" } });
        updated(&SECRET, None, &mut live, &writer("kubectl-create"));
        let mut new = live.clone();
        new["data"] = json!({ "a": "eA==" });
        updated(&SECRET, Some(&live), &mut new, &writer("intruder"));
        assert_eq!(
            managers(&new),
            [
                ("intruder".to_owned(), json!({ "f:data": { "f:a": {} } })),
                ("kubectl-create".to_owned(), json!({ "f:data": {} })),
            ]
        );
    }
}
