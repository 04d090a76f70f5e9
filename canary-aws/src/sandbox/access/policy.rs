//! Policy documents.

use serde_json::Value;

use super::condition;
use super::glob::matches;

/// What is asked, and what conditions can ask about.
pub(in crate::sandbox) struct Context<'a> {
    pub(in crate::sandbox) action: &'a str,
    /// An ARN, or `*`.
    pub(in crate::sandbox) resource: &'a str,
    pub(in crate::sandbox) values: &'a [(&'a str, String)],
}

impl Context<'_> {
    /// The value of a condition key; keys are not distinguished by case.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        self.values
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.as_str())
    }
}

/// What a document says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
    Silent,
}

/// A document: an object with statements that have an effect, and an action or its opposite. What else it may be, IAM refuses.
pub(in crate::sandbox) fn parse(text: &str) -> Option<Value> {
    let document: Value = serde_json::from_str(text).ok()?;
    let version = &document["Version"];
    let known = version.is_null() || version == "2012-10-17" || version == "2008-10-17";
    let statements = statements(&document);
    let whole = statements.iter().all(|statement| {
        let effect = &statement["Effect"];
        let acts = statement["Action"].is_null() != statement["NotAction"].is_null();
        (effect == "Allow" || effect == "Deny") && acts
    });
    (known && whole && !statements.is_empty()).then_some(document)
}

fn statements(document: &Value) -> Vec<&Value> {
    one_or_more(&document["Statement"])
}

fn one_or_more(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        value => vec![value],
    }
}

fn any_fits(patterns: &Value, text: &str, same_case: bool) -> bool {
    one_or_more(patterns)
        .into_iter()
        .filter_map(Value::as_str)
        .any(|pattern| match same_case {
            true => matches(pattern, text),
            false => matches(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase()),
        })
}

/// What a document of a principal says.
pub(super) fn evaluate(document: &Value, context: &Context<'_>) -> Effect {
    let mut effect = Effect::Silent;
    for statement in statements(document) {
        match applies(statement, context) {
            Effect::Deny => return Effect::Deny,
            Effect::Allow => effect = Effect::Allow,
            Effect::Silent => {}
        }
    }
    effect
}

fn applies(statement: &Value, context: &Context<'_>) -> Effect {
    let action = match &statement["NotAction"] {
        Value::Null => any_fits(&statement["Action"], context.action, false),
        excepted => !any_fits(excepted, context.action, false),
    };
    let resource = match (&statement["Resource"], &statement["NotResource"]) {
        // Trust policies have none.
        (Value::Null, Value::Null) => true,
        (Value::Null, excepted) => !any_fits(excepted, context.resource, true),
        (wanted, _) => any_fits(wanted, context.resource, true),
    };
    if !action || !resource {
        return Effect::Silent;
    }
    let denies = statement["Effect"] == "Deny";
    // What is not understood allows nothing and takes nothing back from a denial.
    match condition::holds(&statement["Condition"], context) {
        Some(false) => Effect::Silent,
        None if !denies => Effect::Silent,
        _ if denies => Effect::Deny,
        _ => Effect::Allow,
    }
}

/// Whether a resource's policy lets a service of AWS act on it.
pub(in crate::sandbox) fn allows_service(
    document: &Value,
    service: &str,
    context: &Context<'_>,
) -> bool {
    let names = |statement: &Value| match &statement["Principal"] {
        Value::String(anyone) => anyone == "*",
        principal => one_or_more(&principal["Service"])
            .into_iter()
            .any(|named| named == service || named == "*"),
    };
    let mut allowed = false;
    for statement in statements(document) {
        if names(statement) {
            match applies(statement, context) {
                Effect::Deny => return false,
                Effect::Allow => allowed = true,
                Effect::Silent => {}
            }
        }
    }
    allowed
}

/// How a trust policy names a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Itself: nothing else is needed within the account.
    Named,
    /// Its account, which leaves it to the account's own policies.
    Account,
    Not,
}

/// Whether a trust policy lets a principal in.
pub(super) fn trust(
    document: &Value,
    arns: &[String],
    account: &str,
    context: &Context<'_>,
) -> Trust {
    let root = format!("arn:aws:iam::{account}:root");
    let mut trust = Trust::Not;
    for statement in statements(document) {
        let named = match &statement["Principal"] {
            Value::String(anyone) if anyone == "*" => vec!["*"],
            principal => one_or_more(&principal["AWS"])
                .into_iter()
                .filter_map(Value::as_str)
                .collect(),
        };
        let direct = named.iter().any(|name| arns.iter().any(|arn| arn == name));
        let broad = named
            .iter()
            .any(|name| *name == "*" || *name == account || *name == root);
        if !direct && !broad {
            continue;
        }
        match applies(statement, context) {
            Effect::Deny => return Trust::Not,
            Effect::Allow if direct => trust = Trust::Named,
            Effect::Allow if trust == Trust::Not => trust = Trust::Account,
            _ => {}
        }
    }
    trust
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn says(document: &Value, action: &str, resource: &str, values: &[(&str, String)]) -> Effect {
        let context = Context {
            action,
            resource,
            values,
        };
        evaluate(document, &context)
    }

    #[test]
    fn a_denial_wins_and_silence_is_no_allowance() {
        let document = json!({ "Statement": [
            { "Effect": "Allow", "Action": "iam:*", "Resource": "*" },
            { "Effect": "Deny", "Action": ["iam:delete*"], "Resource": "*" },
        ]});
        assert_eq!(says(&document, "iam:GetUser", "*", &[]), Effect::Allow);
        assert_eq!(says(&document, "iam:DeleteUser", "*", &[]), Effect::Deny);
        assert_eq!(says(&document, "s3:GetObject", "*", &[]), Effect::Silent);
    }

    #[test]
    fn sessions_from_before_a_revocation_are_denied_and_later_ones_not() {
        let document = json!({ "Statement": {
            "Effect": "Deny", "Action": "*", "Resource": "*",
            "Condition": { "DateLessThan": { "aws:TokenIssueTime": "2026-01-01T12:00:00Z" } },
        }});
        let at = |time: &str| [("aws:TokenIssueTime", time.to_owned())];
        assert_eq!(
            says(&document, "a:B", "*", &at("2026-01-01T11:00:00Z")),
            Effect::Deny
        );
        assert_eq!(
            says(&document, "a:B", "*", &at("2026-01-01T12:00:00Z")),
            Effect::Silent
        );
        assert_eq!(says(&document, "a:B", "*", &[]), Effect::Silent);
    }

    #[test]
    fn a_condition_that_is_not_understood_allows_nothing_and_denies() {
        let with = |effect: &str| {
            json!({ "Statement": {
                "Effect": effect, "Action": "*", "Resource": "*",
                "Condition": { "NumericLessThan": { "aws:MultiFactorAuthAge": "60" } },
            }})
        };
        assert_eq!(says(&with("Allow"), "a:B", "*", &[]), Effect::Silent);
        assert_eq!(says(&with("Deny"), "a:B", "*", &[]), Effect::Deny);
    }

    #[test]
    fn documents_without_statements_are_none() {
        assert!(parse("{}").is_none());
        assert!(parse("{notjson").is_none());
        assert!(parse(r#"{"Statement":{"Effect":"Maybe","Action":"*"}}"#).is_none());
        assert!(parse(r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#).is_some());
    }
}
