//! The tables of `canaries.toml` that this provider reads.

use std::net::IpAddr;

use canary_core::config::{FieldShape, KindShape, Shape, TableShape};

use super::{names, pod_credentials, templates};
use crate::persona::PERSONAS;

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

fn placed(more: Vec<FieldShape>) -> Vec<FieldShape> {
    let mut fields = vec![
        required(
            "namespace",
            Shape::Checked(names::namespace),
            "The namespace it is planted in.",
        ),
        field(
            "name",
            Shape::Checked(names::object),
            "Its name. Left out: chosen to fit the neighbours.",
        ),
    ];
    fields.extend(more);
    fields
}

/// An address, or a network as `ADDRESS/BITS`.
fn network(text: &str) -> Result<(), String> {
    let (address, bits) = text.split_once('/').unwrap_or((text, "0"));
    let longest = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return Err("expected a network, as in 203.0.113.0/24".into()),
    };
    match bits.parse::<u32>() {
        Ok(bits) if bits <= longest => Ok(()),
        _ => Err(format!("expected at most {longest} bits behind the slash")),
    }
}

/// `[kubernetes]`.
pub(super) fn section() -> TableShape {
    TableShape {
        fields: vec![
            field(
                "context",
                Shape::Text,
                "The kubeconfig's context. Left out: its current one.",
            ),
            field(
                "kubeconfig",
                Shape::Text,
                "A kubeconfig file. Left out: KUBECONFIG, then ~/.kube/config.",
            ),
            field(
                "persona",
                Shape::OneOf(PERSONAS),
                "How objects are written: as most neighbours are, or as a tool does.",
            ),
            field(
                "server",
                Shape::Checked(names::server),
                "The API server's address as planted kubeconfigs name it.",
            ),
            field(
                "egress",
                Shape::List(Box::new(Shape::Checked(network))),
                "Networks that the tokens of pods come from beside their pods and nodes, as in `203.0.113.0/24`.",
            ),
        ],
        exclusive: vec![],
        one_needed: vec![],
    }
}

/// `[secret.…]`, `[config_map.…]`, `[service_account.…]`, `[pod_credentials.…]`.
pub(super) fn kinds(
    keys_of: &'static [&'static str],
    roles: &'static [&'static str],
) -> Vec<KindShape> {
    vec![
        secret(keys_of),
        config_map(keys_of),
        service_account(),
        pod_credentials::shape(roles),
    ]
}

/// Which of the keys of a canary is meant: a principal of AWS has at most two.
fn number() -> FieldShape {
    field(
        "key",
        Shape::Integer(1, 2),
        "Which of its keys is held. Left out: the first.",
    )
}

fn secret(keys_of: &'static [&'static str]) -> KindShape {
    KindShape {
        kind: "secret",
        about: "A Secret that no workload reads.",
        table: TableShape {
            fields: placed(vec![
                field(
                    "template",
                    Shape::OneOf(templates::SECRET),
                    "A believable shape.",
                ),
                field(
                    "data",
                    Shape::TextMap(names::data_key),
                    "Its content, with {placeholders}.",
                ),
                field(
                    "type",
                    Shape::Checked(names::secret_type),
                    "The Secret's type. Left out: the template's, or Opaque.",
                ),
                field(
                    "of",
                    Shape::CanaryOf(["service_account"].iter().chain(keys_of).copied().collect()),
                    "The account whose token a kubeconfig holds, or the canary whose access key it holds.",
                ),
                number(),
            ]),
            exclusive: vec![("template", "data")],
            one_needed: vec![&["template", "data"]],
        },
    }
}

fn config_map(keys_of: &'static [&'static str]) -> KindShape {
    KindShape {
        kind: "config_map",
        about: "A ConfigMap that no workload reads.",
        table: TableShape {
            fields: placed(vec![
                field(
                    "template",
                    Shape::OneOf(templates::CONFIG_MAP),
                    "A believable shape.",
                ),
                field(
                    "data",
                    Shape::TextMap(names::data_key),
                    "Its content, with {placeholders}.",
                ),
                field(
                    "of",
                    Shape::canary_of(keys_of),
                    "The canary whose access key it holds.",
                ),
                number(),
            ]),
            exclusive: vec![("template", "data")],
            one_needed: vec![&["template", "data"]],
        },
    }
}

fn service_account() -> KindShape {
    KindShape {
        kind: "service_account",
        about: "A ServiceAccount without rights whose token nobody uses.",
        table: TableShape {
            fields: placed(vec![
                field(
                    "token",
                    Shape::OneOf(&["bound", "legacy", "none"]),
                    "Issued on request (the default), in a token Secret that does not expire, or none.",
                ),
                field(
                    "expiry",
                    Shape::Duration,
                    "How long a bound token is asked to live. Left out: a year. The cluster may grant less.",
                ),
            ]),
            exclusive: vec![],
            one_needed: vec![],
        },
    }
}
