//! The decoy role of `[pod_credentials.…]`: its sessions are what pods are given. Only the agent may assume it.

use std::time::Duration;

use canary_core::bait::BaitKind;
use canary_core::catalog::{LowerError, Lowering};
use canary_core::check::{Note, Severity, Topic};
use canary_core::config::{Canary, Table};
use canary_core::disguise::Style;
use canary_core::graph::{Address, CanaryId, Input, Resource};
use serde_json::{Value, json};

use super::aws::{account, named_at, principal_at, region};
use super::handles::ROLE;
use super::names::IamArn;
use super::partition::partition;
use crate::provider;

/// Roles of workloads are called by the workload and what they let it do.
const STYLE: Style = Style {
    stems: &["app", "service", "worker"],
    endings: &[
        "-s3-access",
        "-irsa",
        "-pod-role",
        "-task-role",
        "-workload",
    ],
    topic: &["iam", "role", "access"],
};

/// The longest session that IAM lets a role have: a stolen one is of use, and so is seen, for as long.
const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// How long a role that a role assumes is had at most.
const CHAINED: &str = "1h, because an assumed role assumes it (role chaining)";
/// The audience of tokens that IAM's own tools ask for.
const AUDIENCE: &str = "sts.amazonaws.com";

const SESSIONS: &str = "sessions";

/// Where the plan and the ledger have the role.
#[must_use]
pub fn role_address(canary: &CanaryId) -> Address {
    Address::part_of(canary.clone(), "role")
}

/// Whether such a canary has a role of its own.
pub(super) fn is_needed(canary: &Canary) -> bool {
    let has_sessions = BaitKind::declared(canary).contains(&BaitKind::Aws);
    has_sessions && canary.table.canary("of").is_none()
}

/// Who issues sessions.
enum Issuer<'a> {
    /// Whoever has a token of this subject that this provider vouches for.
    Token { oidc: &'a str, subject: &'a str },
    /// This user or role.
    Principal(&'a str),
}

impl<'a> Issuer<'a> {
    fn of(section: &'a Table) -> Option<Self> {
        match (section.text("agent_oidc"), section.text("agent_subject")) {
            (Some(oidc), Some(subject)) => Some(Self::Token { oidc, subject }),
            _ => section.text("agent_principal").map(Self::Principal),
        }
    }

    fn trust(&self) -> String {
        let statement = match self {
            Self::Token { oidc, subject } => json!({
                "Effect": "Allow",
                "Principal": { "Federated": oidc },
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": { "StringEquals": conditions(oidc, subject) },
            }),
            Self::Principal(arn) => json!({
                "Effect": "Allow",
                "Principal": { "AWS": arn },
                "Action": "sts:AssumeRole",
            }),
        };
        json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
    }

    fn trusted(&self) -> String {
        match self {
            Self::Token { oidc, subject } => format!("{subject}, by {oidc}"),
            Self::Principal(arn) => (*arn).to_owned(),
        }
    }

    fn sessions(&self) -> &'static str {
        match self {
            Self::Principal(arn) if is_role(arn) => CHAINED,
            Self::Token { .. } | Self::Principal(_) => "up to 12h",
        }
    }
}

fn is_role(arn: &str) -> bool {
    IamArn::parse(arn).is_some_and(|arn| arn.resource.starts_with("role/"))
}

fn conditions(oidc: &str, subject: &str) -> Value {
    let host = oidc.split_once('/').map_or("", |(_, host)| host);
    let pair = |name: &str, value: &str| (format!("{host}:{name}"), value.into());
    Value::Object(
        [pair("aud", AUDIENCE), pair("sub", subject)]
            .into_iter()
            .collect(),
    )
}

/// As whom whoever issues is told in the trail.
pub(super) fn operators(section: &Table) -> Vec<String> {
    match Issuer::of(section) {
        // `principalId` of a `WebIdentityUser` (CloudTrail user guide, "userIdentity element").
        Some(Issuer::Token { oidc, subject }) => vec![format!("{oidc}:{AUDIENCE}:{subject}")],
        Some(Issuer::Principal(arn)) => vec![arn.to_owned()],
        None => Vec::new(),
    }
}

/// The role.
pub(super) fn lower(canary: &Canary, cx: &Lowering<'_>) -> Result<Vec<Resource>, Vec<LowerError>> {
    let Some(section) = cx.config.providers.get(&provider()) else {
        return Ok(Vec::new());
    };
    if let Some(error) = refusal(canary, section, cx) {
        return Err(vec![error]);
    }
    let Some(issuer) = Issuer::of(section) else {
        return Ok(Vec::new());
    };
    let address = role_address(&canary.id);
    let handle = named_at(canary, &address, ROLE, &STYLE, cx)?;
    let mut role = principal_at(canary, address, "role", handle, cx)?;
    role.active = true;
    let mut public =
        |name: &str, text: String| role.fields.insert(name.to_owned(), Input::Public(text));
    public("trust", issuer.trust());
    public("session", LONGEST.as_secs().to_string());
    role.remarks.insert("trusts".into(), issuer.trusted());
    role.remarks
        .insert(SESSIONS.into(), issuer.sessions().to_owned());
    Ok(vec![role])
}

/// What is missing or wrong about who issues.
fn refusal(canary: &Canary, section: &Table, cx: &Lowering<'_>) -> Option<LowerError> {
    let error = |span, message: &str, help: &str| LowerError {
        canary: canary.id.clone(),
        message: message.to_owned(),
        help: Some(help.to_owned()),
        span,
    };
    let of_section =
        |field: &str, message: &str, help: &str| Some(error(section.span_of(field), message, help));
    match (
        section.text("agent_oidc"),
        section.text("agent_subject"),
        section.text("agent_principal"),
    ) {
        (Some(_), None, _) => {
            let message = "whose tokens may have sessions is not said";
            let help =
                "agent_subject = \"system:serviceaccount:NAMESPACE:NAME\", the account that issues";
            return of_section("agent_oidc", message, help);
        }
        (None, Some(_), _) => {
            let message = "who vouches for its tokens is not said";
            let help = "agent_oidc = \"arn:aws:iam::ACCOUNT:oidc-provider/HOST\", the cluster's provider in IAM";
            return of_section("agent_subject", message, help);
        }
        (None, None, None) => {
            let message = "[aws] does not say who issues the sessions that pods get: only that may assume their role";
            let help = "in [aws]: agent_principal, the ARN of a user or role; or agent_oidc and agent_subject, where the cluster's provider is known to IAM";
            return Some(error(canary.table.span_of("bait"), message, help));
        }
        _ => {}
    }
    let own_partition = partition(region(canary, cx.config));
    for field in ["agent_oidc", "agent_principal"] {
        let Some(arn) = section.text(field).and_then(IamArn::parse) else {
            continue;
        };
        if arn.partition != own_partition {
            let message = format!("it is of another partition than the account, {own_partition}");
            return of_section(
                field,
                &message,
                "an account trusts whom its partition knows",
            );
        }
        if field == "agent_oidc" && arn.account != account(cx.config) {
            let message = "it is a provider of another account";
            let help = "a role trusts the providers of its own account";
            return of_section(field, message, help);
        }
    }
    None
}

/// A session that dies within the hour is of use to a thief for no longer.
pub(super) fn short_sessions(resource: &Resource) -> Option<Note> {
    let sessions = resource.remarks.get(SESSIONS)?;
    (sessions == CHAINED).then(|| Note {
        severity: Severity::Info,
        topic: Topic::Other,
        canary: resource.address.canary().clone(),
        address: Some(resource.address.clone()),
        message: format!("a session lasts {sessions}, and a stolen one fires for no longer"),
        help: Some(
            "agent_oidc and agent_subject, or a user as agent_principal, make it up to 12h".into(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_trusts_the_agent_and_nobody_else() {
        let principal = Issuer::Principal("arn:aws:iam::123456789012:role/workers");
        assert_eq!(
            principal.trust(),
            r#"{"Statement":[{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/workers"}}],"Version":"2012-10-17"}"#
        );
        let token = Issuer::Token {
            oidc: "arn:aws:iam::123456789012:oidc-provider/oidc.example/id/EX",
            subject: "system:serviceaccount:platform:sync",
        };
        assert_eq!(
            token.trust(),
            r#"{"Statement":[{"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"oidc.example/id/EX:aud":"sts.amazonaws.com","oidc.example/id/EX:sub":"system:serviceaccount:platform:sync"}},"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/oidc.example/id/EX"}}],"Version":"2012-10-17"}"#
        );
    }

    #[test]
    fn only_a_role_makes_sessions_short() {
        let sessions = |arn| Issuer::Principal(arn).sessions();
        assert_eq!(
            sessions("arn:aws:iam::123456789012:role/a/workers"),
            CHAINED
        );
        assert_eq!(
            sessions("arn:aws:iam::123456789012:user/workers"),
            "up to 12h"
        );
    }
}
