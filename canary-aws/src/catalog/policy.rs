//! Policy documents: what they say, and whether they grant anything.

use std::collections::BTreeSet;

use canary_core::catalog::LowerError;
use canary_core::config::Canary;
use canary_core::graph::{Address, Handle, Input, Resource};
use serde_json::Value;

use super::aws::{placed, wrong};
use super::grammar;

/// A document in the one form in which it is compared: members in order, no white space. `None` where it is not JSON.
pub(crate) fn canonical(document: &str) -> Option<String> {
    let value: Value = serde_json::from_str(document).ok()?;
    // Members of a `Value` are sorted.
    serde_json::to_string(&value).ok()
}

/// What is wrong with a document that a canary would have: it is no policy, or it allows something that is not named among
/// `allowed`. A canary grants nothing.
pub(super) fn refusal(document: &str, allowed: &[&str]) -> Option<String> {
    let value: Value = match serde_json::from_str(document) {
        Ok(value) => value,
        Err(error) => return Some(format!("it is not JSON: {error}")),
    };
    if let Some(fault) = grammar::fault(&value) {
        return Some(fault);
    }
    let known: BTreeSet<String> = allowed
        .iter()
        .map(|action| action.to_ascii_lowercase())
        .collect();
    let allowing = grammar::statements(&value)
        .iter()
        .filter(|statement| statement["Effect"] == "Allow");
    for statement in allowing {
        if !statement["NotAction"].is_null() {
            return Some("it allows everything but what its NotAction lists".into());
        }
        let actions = grammar::texts(&statement["Action"]);
        let extra = actions
            .iter()
            .find(|action| !known.contains(&action.to_ascii_lowercase()));
        if let Some(action) = extra {
            return Some(format!("it allows {action}"));
        }
    }
    None
}

/// The inline policy that a canary declares for its user or role.
pub(super) fn inline(
    canary: &Canary,
    kind: &str,
    of: &Handle,
) -> Result<Option<Resource>, Vec<LowerError>> {
    let refused =
        |field: &str, message: &str, help: &str| vec![wrong(canary, field, message, Some(help))];
    let Some(document) = canary.table.text("policy") else {
        let alone = ["policy_name", "allow"]
            .into_iter()
            .find(|field| canary.table.fields.get(field).is_some());
        return match alone {
            Some(field) => Err(refused(
                field,
                "there is no policy that it is about",
                "`policy` is the document",
            )),
            None => Ok(None),
        };
    };
    if let Some(why) = refusal(document, &canary.table.texts("allow")) {
        let help =
            "a canary grants nothing; what it may allow is named in `allow`, action by action";
        return Err(refused("policy", &why, help));
    }
    let Some(document) = canonical(document).filter(|document| document.len() <= LONGEST) else {
        return Err(refused(
            "policy",
            "it is longer than an inline policy may be",
            "2,048 characters for a user",
        ));
    };
    let default = format!("{}-policy", of.name);
    let name = canary.table.text("policy_name").unwrap_or(&default);
    let handle = Handle::scoped(kind, &of.name, name);
    let mut policy = placed(Address::part_of(canary.id.clone(), "policy"), handle, 1);
    policy.after.insert(Address::of(canary.id.clone()));
    policy.remarks.insert("allows".into(), allowed(&document));
    policy
        .fields
        .insert("document".into(), Input::Public(document));
    Ok(Some(policy))
}

/// The inline policies of a user may have 2,048 characters together (IAM's quota); those of a role more.
const LONGEST: usize = 2048;

/// What a document allows, in a line for whoever approves it.
fn allowed(document: &str) -> String {
    let value: Value = serde_json::from_str(document).unwrap_or_default();
    let allowing = grammar::statements(&value)
        .iter()
        .filter(|statement| statement["Effect"] == "Allow");
    let actions: BTreeSet<&str> = allowing
        .flat_map(|statement| grammar::texts(&statement["Action"]))
        .collect();
    if actions.is_empty() {
        return "nothing".into();
    }
    actions.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWS: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:ListAllMyBuckets"],"Resource":"*"}}"#;

    #[test]
    fn what_allows_anything_but_by_name_is_refused() {
        assert_eq!(
            refusal(ALLOWS, &[]).as_deref(),
            Some("it allows s3:ListAllMyBuckets")
        );
        assert_eq!(refusal(ALLOWS, &["s3:listallmybuckets"]), None);
        let all = ALLOWS.replace("s3:ListAllMyBuckets", "s3:*");
        assert!(refusal(&all, &["s3:ListAllMyBuckets"]).is_some());
        let other = ALLOWS.replace("\"Action\"", "\"NotAction\"");
        assert!(refusal(&other, &["s3:ListAllMyBuckets"]).is_some());
        let denies = ALLOWS.replace("Allow\"", "Deny\"");
        assert_eq!(refusal(&denies, &[]), None);
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for text in [
            "",
            "{}",
            "{notjson",
            r#"{"Statement":[{"Action":"a:b"}]}"#,
            r#"{"Statement":[{"Effect":"Allow"}]}"#,
        ] {
            assert!(refusal(text, &[]).is_some(), "{text}");
        }
    }

    #[test]
    fn documents_that_say_the_same_have_one_form() {
        let other = "{ \"Statement\": {\"Resource\":\"*\", \"Effect\":\"Allow\",\n \"Action\":[\"s3:ListAllMyBuckets\"]}, \"Version\":\"2012-10-17\"}";
        assert_eq!(canonical(other), canonical(ALLOWS));
        assert_eq!(canonical("{"), None);
    }
}
