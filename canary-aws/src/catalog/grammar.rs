//! The grammar of identity policies, by IAM's "Grammar of the IAM JSON policy language": what IAM would refuse. Pure.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

const VERSIONS: [&str; 2] = ["2012-10-17", "2008-10-17"];

/// What is wrong with a document as a policy of a user or role.
pub(super) fn fault(document: &Value) -> Option<String> {
    check(document).err()
}

/// The statements of a document: a list of them, or one.
pub(super) fn statements(document: &Value) -> &[Value] {
    match &document["Statement"] {
        Value::Array(statements) => statements,
        one @ Value::Object(_) => std::slice::from_ref(one),
        _ => &[],
    }
}

/// A text or a list of texts; what else is in it is refused by [`fault`].
pub(super) fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn check(document: &Value) -> Result<(), String> {
    let Value::Object(policy) = document else {
        return Err("a policy is a JSON object".into());
    };
    members(policy, "a policy", &["Version", "Id", "Statement"])?;
    if let Some(version) = policy.get("Version") {
        let is_one = version
            .as_str()
            .is_some_and(|text| VERSIONS.contains(&text));
        if !is_one {
            return Err(format!("its Version is {version}, not one of {VERSIONS:?}"));
        }
    }
    if policy.get("Id").is_some_and(|id| !id.is_string()) {
        return Err("its Id is no text".into());
    }
    let statements = statements(document);
    if statements.is_empty() {
        return Err("a policy has a Statement".into());
    }
    let mut named = BTreeSet::new();
    for statement in statements {
        let Value::Object(statement) = statement else {
            return Err("a statement is a JSON object".into());
        };
        check_statement(statement)?;
        let sid = statement.get("Sid").and_then(Value::as_str);
        if let Some(sid) = sid.filter(|sid| !named.insert(*sid)) {
            return Err(format!("two statements have the Sid {sid}"));
        }
    }
    Ok(())
}

fn check_statement(statement: &Map<String, Value>) -> Result<(), String> {
    if statement.contains_key("Principal") || statement.contains_key("NotPrincipal") {
        return Err(
            "a policy of a user or role names no Principal: it is about whom it is in".into(),
        );
    }
    let known = [
        "Sid",
        "Effect",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    ];
    members(statement, "a statement", &known)?;
    let effect = statement.get("Effect").and_then(Value::as_str);
    if !matches!(effect, Some("Allow" | "Deny")) {
        return Err("each statement has the Effect Allow or Deny".into());
    }
    let is_sid = |sid: &Value| {
        sid.as_str()
            .is_some_and(|text| text.chars().all(|c| c.is_ascii_alphanumeric()))
    };
    if statement.get("Sid").is_some_and(|sid| !is_sid(sid)) {
        return Err("a Sid has letters and digits only".into());
    }
    for action in one_of(statement, "Action", "NotAction")? {
        if !is_action(action) {
            return Err(format!(
                "`{action}` is no action: they are written as in s3:GetObject"
            ));
        }
    }
    for resource in one_of(statement, "Resource", "NotResource")? {
        if resource != "*" && !resource.starts_with("arn:") {
            return Err(format!("the Resource `{resource}` is neither * nor an ARN"));
        }
    }
    statement.get("Condition").map_or(Ok(()), check_condition)
}

/// The texts of whichever of two members is there.
fn one_of<'a>(
    statement: &'a Map<String, Value>,
    name: &str,
    negated: &str,
) -> Result<Vec<&'a str>, String> {
    let value = match (statement.get(name), statement.get(negated)) {
        (Some(value), None) | (None, Some(value)) => value,
        (Some(_), Some(_)) => return Err(format!("a statement has {name} and {negated}")),
        (None, None) => return Err(format!("a statement has neither {name} nor {negated}")),
    };
    let is_plain = match value {
        Value::Array(items) => !items.is_empty() && items.iter().all(Value::is_string),
        other => other.is_string(),
    };
    if is_plain {
        Ok(texts(value))
    } else {
        Err(format!("{name} is a text or a list of texts, not {value}"))
    }
}

/// `*`, or a service and an action of it, in which wildcards may stand.
fn is_action(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let is_named = |(service, action): (&str, &str)| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '*' | '?' | '_' | '-');
        !service.is_empty()
            && !action.is_empty()
            && service.chars().all(is_word)
            && action.chars().all(fits)
    };
    text == "*" || text.split_once(':').is_some_and(is_named)
}

/// By operator and key, a value or a list of them.
fn check_condition(condition: &Value) -> Result<(), String> {
    let is_plain = |value: &Value| value.is_string() || value.is_boolean() || value.is_number();
    let is_value = |value: &Value| match value {
        Value::Array(items) => items.iter().all(is_plain),
        other => is_plain(other),
    };
    let is_of_keys = |keys: &Value| {
        keys.as_object()
            .is_some_and(|keys| keys.values().all(is_value))
    };
    let fits = condition
        .as_object()
        .is_some_and(|operators| operators.values().all(is_of_keys));
    if fits {
        Ok(())
    } else {
        Err("a Condition is written as in {\"StringEquals\":{\"aws:RequestedRegion\":\"eu-west-1\"}}".into())
    }
}

/// Names of members are told by their capital letters.
fn members(object: &Map<String, Value>, what: &str, known: &[&str]) -> Result<(), String> {
    let mut names = object.keys();
    let Some(name) = names.find(|name| !known.contains(&name.as_str())) else {
        return Ok(());
    };
    let meant = known.iter().find(|known| known.eq_ignore_ascii_case(name));
    let meant = meant.map_or_else(
        || format!("{what} has {}", known.join(", ")),
        |meant| format!("it is written {meant}"),
    );
    Err(format!("`{name}` is no member of {what}: {meant}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<String> {
        fault(&serde_json::from_str(text).unwrap())
    }

    fn with(members: &str) -> Option<String> {
        refused(&format!(
            r#"{{"Version":"2012-10-17","Statement":[{{{members}}}]}}"#
        ))
    }

    #[test]
    fn what_iam_takes_is_taken() {
        for members in [
            r#""Effect":"Allow","Action":"s3:Get*","Resource":"*""#,
            r#""Sid":"A1","Effect":"Deny","NotAction":["iam:*","sts:*"],"NotResource":["arn:aws:s3:::a/*"]"#,
            r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":true},"StringLike":{"aws:x":["a","b"]}}"#,
        ] {
            assert_eq!(with(members), None, "{members}");
        }
        let one = r#"{"Id":"x","Statement":{"Effect":"Allow","Action":"a:b","Resource":"*"}}"#;
        assert_eq!(refused(one), None);
    }

    #[test]
    fn what_iam_refuses_is_refused_with_a_reason() {
        for (members, why) in [
            (
                r#""Effect":"Allow","Action":[["s3:*"]],"Resource":"*""#,
                "Action is a text",
            ),
            (
                r#""Effect":"Allow","Action":["s3:Get",1],"Resource":"*""#,
                "Action is a text",
            ),
            (
                r#""Effect":"Allow","action":"s3:Get","Resource":"*""#,
                "written Action",
            ),
            (
                r#""effect":"Allow","Action":"s3:Get","Resource":"*""#,
                "written Effect",
            ),
            (
                r#""Effect":"Allow","Action":"s3:Get","Resource":"*","Foo":1"#,
                "`Foo`",
            ),
            (
                r#""Effect":"Allow","Principal":"*","Action":"s3:Get","Resource":"*""#,
                "Principal",
            ),
            (r#""Effect":"Allow","Action":"s3:Get""#, "neither Resource"),
            (
                r#""Effect":"Allow","Action":"GetObject","Resource":"*""#,
                "no action",
            ),
            (
                r#""Effect":"Allow","Action":"s3:Get","Resource":5"#,
                "Resource is a text",
            ),
            (
                r#""Effect":"Allow","Action":"s3:Get","Resource":"bucket""#,
                "nor an ARN",
            ),
            (
                r#""Effect":"Allow","Action":"s3:Get","Resource":"*","Condition":"x""#,
                "Condition",
            ),
            (
                r#""Effect":"Allow","Action":"s3:Get","Resource":"*","Condition":{"Bool":1}"#,
                "Condition",
            ),
            (
                r#""Effect":"Allow","Action":"s3:Get","NotAction":"s3:Put","Resource":"*""#,
                "NotAction",
            ),
        ] {
            let told = with(members).unwrap_or_default();
            assert!(told.contains(why), "{members}: {told}");
        }
        for text in [
            r#"{"Version":"2012-10-18","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#,
            r#"{"statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#,
            r#"{"Statement":[]}"#,
            r#"{"Statement":["x"]}"#,
            "[]",
        ] {
            assert!(refused(text).is_some(), "{text}");
        }
    }
}
