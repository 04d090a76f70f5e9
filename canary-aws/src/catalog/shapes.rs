//! The tables of `canaries.toml` that this provider reads.

use canary_core::config::{FieldShape, KindShape, Shape, TableShape};

use super::aws::AwsCatalog;
use super::{listener, names, s3_object, secretsmanager_secret, ssm_parameter};

pub(super) fn field(name: &'static str, shape: Shape, about: &'static str) -> FieldShape {
    FieldShape {
        name,
        shape,
        required: false,
        about,
    }
}

pub(super) fn required(name: &'static str, shape: Shape, about: &'static str) -> FieldShape {
    FieldShape {
        required: true,
        ..field(name, shape, about)
    }
}

pub(super) fn table(fields: Vec<FieldShape>) -> TableShape {
    TableShape {
        fields,
        exclusive: vec![],
        one_needed: vec![],
    }
}

/// `[aws]`.
pub(super) fn section() -> TableShape {
    let fields = vec![
        required(
            "account",
            Shape::Checked(names::account),
            "The account; any other is refused.",
        ),
        required("region", Shape::Checked(names::region), "The home region."),
        field(
            "profile",
            Shape::Text,
            "A profile of the AWS configuration files, which alone is used. Left out: the usual chain, AWS_PROFILE in it.",
        ),
        field(
            "listener",
            Shape::Declaration(Box::new(listener::shape())),
            "What brings CloudTrail's events to a queue: planned and applied like a canary.",
        ),
        field(
            "agent_principal",
            Shape::Checked(names::principal_arn),
            "The ARN of the user or role that issues the sessions which pods get.",
        ),
        field(
            "agent_oidc",
            Shape::Checked(names::oidc_provider),
            "The ARN of the cluster's provider in IAM, where the agent's own token issues them.",
        ),
        field(
            "agent_subject",
            Shape::Checked(names::subject),
            "The agent's service account, as in system:serviceaccount:NAMESPACE:NAME.",
        ),
    ];
    TableShape {
        exclusive: vec![
            ("agent_principal", "agent_oidc"),
            ("agent_principal", "agent_subject"),
        ],
        ..table(fields)
    }
}

/// Every kind.
pub(super) fn kinds() -> Vec<KindShape> {
    vec![
        iam_user(),
        iam_role(),
        ssm_parameter::shape(),
        secretsmanager_secret::shape(),
        s3_object::shape(),
    ]
}

/// What says what something holds, and where it is.
pub(super) fn content_fields(templates: &'static [&'static str]) -> Vec<FieldShape> {
    vec![
        field(
            "region",
            Shape::Checked(names::region),
            "Its region. Left out: the home region.",
        ),
        field("template", Shape::OneOf(templates), "A believable content."),
        field(
            "value",
            Shape::Text,
            "Its content, with placeholders as in {password}.",
        ),
    ]
}

/// What says whose access key something holds.
pub(super) fn holding_fields() -> Vec<FieldShape> {
    vec![
        field(
            "of",
            Shape::canary_of(AwsCatalog::WITH_KEYS),
            "The canary whose access key it holds, with template = \"aws-credentials\".",
        ),
        field(
            "key",
            Shape::Integer(1, 2),
            "Which of its keys. Left out: 1.",
        ),
    ]
}

/// A table of something that has a content.
pub(super) fn content_table(fields: Vec<FieldShape>) -> TableShape {
    TableShape {
        exclusive: vec![("template", "value")],
        one_needed: vec![&["template", "value"]],
        ..table(fields)
    }
}

pub(super) fn tags() -> FieldShape {
    field("tags", Shape::TextMap(names::tag_key), "Its tags.")
}

/// What users and roles share.
fn principal(more: Vec<FieldShape>) -> Vec<FieldShape> {
    let mut fields = vec![
        field(
            "name",
            Shape::Checked(names::principal),
            "Its name. Left out: chosen to fit the neighbours.",
        ),
        field(
            "path",
            Shape::Checked(names::path),
            "Its path, as in /service/. Left out: /.",
        ),
        tags(),
        field(
            "boundary",
            Shape::Checked(names::policy_arn),
            "The ARN of the policy that bounds its permissions.",
        ),
        field(
            "policy",
            Shape::Text,
            "An inline policy, as JSON. It may allow nothing but what `allow` names.",
        ),
        field(
            "policy_name",
            Shape::Checked(names::policy),
            "The name of the inline policy. Left out: the name of what has it, with -policy behind it.",
        ),
        field(
            "allow",
            Shape::List(Box::new(Shape::Checked(names::action))),
            "Actions that the policy may allow, each by its full name.",
        ),
    ];
    fields.extend(more);
    fields
}

fn iam_user() -> KindShape {
    KindShape {
        kind: "iam_user",
        about: "An IAM user without permissions whose keys nobody uses.",
        table: table(principal(vec![field(
            "keys",
            Shape::Integer(0, 2),
            "How many access keys it has. Left out: 1.",
        )])),
    }
}

fn iam_role() -> KindShape {
    KindShape {
        kind: "iam_role",
        about: "An IAM role without permissions that nobody has a reason to assume.",
        table: table(principal(vec![
            field(
                "description",
                Shape::Checked(description),
                "What it says of itself.",
            ),
            field(
                "session",
                Shape::Duration,
                "How long a session of it may last, 1h to 12h. Left out: 1h.",
            ),
        ])),
    }
}

/// A role's description: 1,000 characters of text.
fn description(text: &str) -> Result<(), String> {
    if text.chars().count() > 1000 || text.chars().any(|c| c.is_control()) {
        return Err("a description has at most 1,000 characters on one line".into());
    }
    Ok(())
}
