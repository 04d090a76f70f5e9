//! A vocabulary and a configuration to test with. They resemble those of Kubernetes and depend on no provider.

use jiff::civil::{Date, date};

use super::{FieldShape, KindShape, Shape, TableShape, Vocabulary};
use crate::graph::ProviderId;

/// The day of the examples.
pub const TODAY: Date = date(2026, 11, 22);

/// A configuration that uses everything there is.
pub const SOURCE: &str = r#"# Canaries of the payment cluster.
[kubernetes]
context = "prod"
persona = "auto"

[ledger]
store = "file:.canary/ledger"

[secret.payments-db]
namespace  = "payments"
name       = "payments-db-admin" # fits the neighbours
template   = "postgres"
generation = 2

[service_account.ci-deployer]
namespace = "ci"

[secret.ci-kubeconfig]
namespace    = "ci"
template     = "kubeconfig"
of           = "service_account.ci-deployer"
keep_retired = "30d"

[config_map.feature-flags]
namespace = "web"
data = { flags = "{}", "owner.txt" = "platform" }

[[known_reader]]
principal = "system:serviceaccount:backup:velero"
uid       = "7d0c2f0e-9a55-4c3a-8f37-0c4c1b8f2a10"
verbs     = ["list"]
scope     = "cluster"
from      = "10.0.0.0/8"
every     = "24h"
reason    = "Velero lists every Secret nightly"
until     = 2027-03-01

[alert.soc]
webhook = "https://siem.example/in"
"#;

fn field(name: &'static str, shape: Shape, required: bool, about: &'static str) -> FieldShape {
    FieldShape {
        name,
        shape,
        required,
        about,
    }
}

fn name(text: &str) -> Result<(), String> {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !text.is_empty() && text.len() <= 63 && text.chars().all(word) {
        Ok(())
    } else {
        Err("expected a-z, 0-9 and `-`, at most 63 characters".into())
    }
}

fn data_key(text: &str) -> Result<(), String> {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.is_empty() && text.chars().all(word) {
        Ok(())
    } else {
        Err("expected letters, digits, `-`, `_` and `.`".into())
    }
}

fn object(more: Vec<FieldShape>) -> TableShape {
    let mut fields = vec![
        field(
            "namespace",
            Shape::Checked(name),
            true,
            "The namespace it is planted in.",
        ),
        field(
            "name",
            Shape::Checked(name),
            false,
            "Left out: chosen to fit the neighbours.",
        ),
    ];
    fields.extend(more);
    TableShape {
        fields,
        exclusive: vec![],
        one_needed: vec![],
    }
}

fn secret() -> KindShape {
    const TEMPLATES: &[&str] = &["basic-auth", "postgres", "kubeconfig"];
    let mut table = object(vec![
        field(
            "template",
            Shape::OneOf(TEMPLATES),
            false,
            "A believable shape.",
        ),
        field(
            "data",
            Shape::TextMap(data_key),
            false,
            "Its data, with placeholders.",
        ),
        field(
            "of",
            Shape::canary_of(&["service_account"]),
            false,
            "Whose token it holds.",
        ),
        field(
            "immutable",
            Shape::Boolean,
            false,
            "Whether it can be changed.",
        ),
    ]);
    table.exclusive.push(("template", "data"));
    table.one_needed.push(&["template", "data"]);
    KindShape {
        kind: "secret",
        about: "A Secret that nobody reads.",
        table,
    }
}

/// Kinds `secret`, `config_map` and `service_account` of a provider `kubernetes`.
#[must_use]
pub fn vocabulary() -> Vocabulary {
    const PERSONAS: &[&str] = &["auto", "kubectl", "helm", "argocd", "terraform"];
    let section = TableShape {
        fields: vec![
            field(
                "context",
                Shape::Text,
                false,
                "The context of the kubeconfig.",
            ),
            field(
                "persona",
                Shape::OneOf(PERSONAS),
                false,
                "What of us shows.",
            ),
        ],
        exclusive: vec![],
        one_needed: vec![],
    };
    let config_map = KindShape {
        kind: "config_map",
        about: "A ConfigMap that nobody reads.",
        table: object(vec![
            field("data", Shape::TextMap(data_key), true, "Its data."),
            // Both ways, so that canaries can be joined in a cycle.
            field(
                "of",
                Shape::canary_of(&["config_map", "secret"]),
                false,
                "What it is about.",
            ),
        ]),
    };
    let service_account = KindShape {
        kind: "service_account",
        about: "A ServiceAccount that nobody uses.",
        table: object(vec![
            field(
                "token",
                Shape::OneOf(&["request", "legacy"]),
                false,
                "How its token is made.",
            ),
            field(
                "audiences",
                Shape::List(Box::new(Shape::Text)),
                false,
                "Whom its token is for.",
            ),
        ]),
    };
    Vocabulary::new().with(
        ProviderId::new("kubernetes"),
        section,
        vec![secret(), config_map, service_account],
    )
}
