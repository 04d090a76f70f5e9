//! `[iam_role.…]`: a role without permissions; that somebody assumes it is the sign.

use std::time::Duration;

use canary_core::catalog::{LowerError, Lowering};
use canary_core::config::Canary;
use canary_core::disguise::Style;
use canary_core::graph::{Input, Resource};

use super::aws::{account, named, principal, region, wrong};
use super::handles::{ROLE, ROLE_POLICY};
use super::partition::partition;
use super::policy;

/// Roles that people are given are called by what they let do.
const STYLE: Style = Style {
    stems: &["backup", "deploy", "break-glass", "support", "data-export"],
    endings: &["-admin", "-role", "-access", "-operator"],
    topic: &["iam"],
};

/// A session's length, as IAM has it.
const SHORTEST: Duration = Duration::from_secs(3600);
const LONGEST: Duration = Duration::from_secs(12 * 3600);

/// The role and its inline policy.
pub(super) fn lower(canary: &Canary, cx: &Lowering<'_>) -> Result<Vec<Resource>, Vec<LowerError>> {
    let session = canary.table.duration("session").unwrap_or(SHORTEST);
    if !(SHORTEST..=LONGEST).contains(&session) {
        let message = "a session cannot last that long";
        return Err(vec![wrong(
            canary,
            "session",
            message,
            Some("from 1h to 12h"),
        )]);
    }
    let handle = named(canary, ROLE, &STYLE, cx)?;
    let mut role = principal(canary, "role", handle.clone(), cx)?;
    role.active = true;
    let trusted = trusted(canary, cx);
    let mut public =
        |name: &str, text: String| role.fields.insert(name.into(), Input::Public(text));
    public("trust", trust(&trusted));
    public("session", session.as_secs().to_string());
    if let Some(description) = canary.table.text("description") {
        public("description", description.to_owned());
    }
    role.remarks.insert("trusts".into(), trusted);
    let inline = policy::inline(canary, ROLE_POLICY, &handle)?;
    Ok([role].into_iter().chain(inline).collect())
}

/// Whoever in the account may assume roles at all may assume it; nobody else.
fn trusted(canary: &Canary, cx: &Lowering<'_>) -> String {
    let partition = partition(region(canary, cx.config));
    let account = account(cx.config);
    format!("arn:{partition}:iam::{account}:root")
}

fn trust(trusted: &str) -> String {
    let document = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": trusted },
            "Action": "sts:AssumeRole",
        }],
    });
    document.to_string()
}
