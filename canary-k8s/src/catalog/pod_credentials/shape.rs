//! The table.

use canary_core::bait::{BaitKind, POD_CREDENTIALS, Workload};
use canary_core::config::{FieldShape, KindShape, Shape, TableShape};

use super::{checks, selector};
use crate::catalog::names;
use crate::catalog::shapes::{field, required};

/// Where no provider knows roles, tokens are all there is to give.
const WITHOUT_ROLES: &[&str] = &["kubeconfig"];

fn list(shape: Shape) -> Shape {
    Shape::List(Box::new(shape))
}

/// The table `[pod_credentials.…]`, where canaries of these kinds are roles whose sessions pods can be given.
pub(in crate::catalog) fn shape(roles: &'static [&'static str]) -> KindShape {
    let mut fields = selecting();
    fields.extend(giving(roles));
    if !roles.is_empty() {
        fields.extend(of_aws(roles));
    }
    KindShape {
        kind: POD_CREDENTIALS,
        about: "A credential of its own for every pod that matches.",
        table: TableShape {
            fields,
            exclusive: vec![],
            one_needed: vec![],
        },
    }
}

fn selecting() -> Vec<FieldShape> {
    vec![
        required(
            "namespaces",
            list(Shape::Checked(checks::namespace)),
            "The namespaces whose pods get one, by name or with *, as in web-*.",
        ),
        field(
            "except",
            list(Shape::Checked(checks::left_out)),
            "Namespaces that are left out whatever else matches.",
        ),
        field(
            "labels",
            Shape::Checked(selector::check),
            "A label selector that the pods must match. Left out: all pods.",
        ),
        field(
            "workloads",
            list(Shape::OneOf(Workload::WORDS)),
            "What makes the pods. Left out: anything.",
        ),
        field(
            "containers",
            list(Shape::Checked(checks::container)),
            "The containers that have the files, by name or with *. Left out: all.",
        ),
        field(
            "init",
            Shape::Boolean,
            "Whether init containers that end before the others start have them too. Left out: false.",
        ),
        field(
            "sidecars",
            Shape::Boolean,
            "Whether init containers that go on beside the others have them too. Left out: true.",
        ),
        field(
            "ephemeral",
            Shape::Boolean,
            "Whether ephemeral containers, as of kubectl debug, have them too. Left out: false.",
        ),
        field(
            "share",
            Shape::Integer(1, 100),
            "Of a hundred pods that match, so many get one. Left out: 100.",
        ),
    ]
}

fn giving(roles: &'static [&'static str]) -> Vec<FieldShape> {
    let words = match roles {
        [] => WITHOUT_ROLES,
        _ => BaitKind::WORDS,
    };
    vec![
        required(
            "bait",
            Shape::OneOrMore(Box::new(Shape::OneOf(words))),
            "What they get: a session of a decoy role of AWS, a kubeconfig with a token of a decoy account, or both.",
        ),
        field(
            "secret",
            Shape::Checked(checks::base),
            "What the names of the pods' Secrets begin with; {workload} stands for what made the pod.",
        ),
        field(
            "account",
            Shape::Checked(names::object),
            "The name of the decoy account in each namespace. Left out: chosen to fit the neighbours.",
        ),
        field(
            "expiry",
            Shape::Duration,
            "How long a token lives, from 10m. Left out: 24h.",
        ),
        field(
            "kubeconfig_directory",
            Shape::Checked(checks::directory),
            "The new directory that the kubeconfig lies in; {workload} stands for what made the pod.",
        ),
        field(
            "kubeconfig_file",
            Shape::Checked(checks::file),
            "The kubeconfig's name.",
        ),
    ]
}

fn of_aws(roles: &'static [&'static str]) -> Vec<FieldShape> {
    vec![
        field(
            "of",
            Shape::canary_of(roles),
            "The decoy role whose sessions they are. Left out: one of its own.",
        ),
        field(
            "profile",
            Shape::Checked(checks::profile),
            "The profile in the files of AWS; never default.",
        ),
        field(
            "region",
            Shape::Checked(checks::region),
            "The region in the files of AWS. Left out: the home region.",
        ),
        field(
            "aws_directory",
            Shape::Checked(checks::directory),
            "The new directory that the files of AWS lie in; {workload} stands for what made the pod.",
        ),
        field(
            "credentials_file",
            Shape::Checked(checks::file),
            "The name of the file with the session.",
        ),
        field(
            "config_file",
            Shape::Checked(checks::file),
            "The name of the file beside it, with the region.",
        ),
    ]
}
