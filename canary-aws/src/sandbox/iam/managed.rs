//! Policies that AWS manages: those that anybody here attaches.

use serde_json::{Value, json};

const PREFIX: &str = "arn:aws:iam::aws:policy/";

/// Actions that the quarantine of leaked keys denies: those of its second version that are spoken here.
const QUARANTINED: [&str; 10] = [
    "iam:AddUserToGroup",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateRole",
    "iam:CreateUser",
    "iam:PutUserPolicy",
    "iam:UpdateAccessKey",
    "iam:UpdateUser",
    "iam:PutUserPermissionsBoundary",
];

/// The document of a managed policy; none when it is not known.
pub(in crate::sandbox) fn document(arn: &str) -> Option<Value> {
    let all = |effect: &str, actions: Value| {
        json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": effect, "Action": actions, "Resource": "*" }],
        })
    };
    Some(match arn.strip_prefix(PREFIX)? {
        "AdministratorAccess" => all("Allow", json!("*")),
        "AWSDenyAll" => all("Deny", json!("*")),
        "AWSCompromisedKeyQuarantineV2" | "AWSCompromisedKeyQuarantineV3" => {
            all("Deny", json!(QUARANTINED))
        }
        "IAMReadOnlyAccess" => all("Allow", json!(["iam:Get*", "iam:List*", "iam:Generate*"])),
        "IAMFullAccess" => all("Allow", json!("iam:*")),
        "ReadOnlyAccess" | "SecurityAudit" => all(
            "Allow",
            json!([
                "iam:Get*",
                "iam:List*",
                "iam:Generate*",
                "s3:Get*",
                "s3:List*",
                "sqs:Get*",
                "sqs:List*",
                "ssm:Describe*",
                "ssm:Get*",
                "ssm:List*",
                "secretsmanager:Describe*",
                "secretsmanager:List*",
                "events:Describe*",
                "events:List*",
                "cloudtrail:Describe*",
                "cloudtrail:Get*",
                "cloudtrail:LookupEvents",
            ]),
        ),
        _ => return None,
    })
}

/// The name in a policy's ARN.
pub(super) fn name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
