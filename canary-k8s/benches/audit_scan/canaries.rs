//! The canaries that are looked for. Their names are made of the same words as all others, so that nothing is told apart
//! by a first letter or a length.

use std::collections::BTreeMap;

use canary_core::catalog::Catalog as _;
use canary_core::detect::{Planted, Tripwire};
use canary_core::graph::{Address, CanaryId, Handle};
use canary_k8s::KubernetesCatalog;

pub(crate) const WORDS: [&str; 10] = [
    "payments",
    "db",
    "admin",
    "backup",
    "registry",
    "web",
    "token",
    "tls",
    "credentials",
    "release",
];

/// Canaries with their tripwires.
#[derive(Clone)]
pub(crate) struct Canaries {
    pub(crate) planted: Vec<Planted>,
    pub(crate) tripwires: Vec<Tripwire>,
}

impl Canaries {
    /// Secrets alone.
    pub(crate) fn secrets(count: usize) -> Self {
        Self::of((0..count).map(secret).collect())
    }

    /// For each ten Secrets a service account with its token.
    pub(crate) fn mixed(count: usize) -> Self {
        let accounts = (0..count.div_ceil(10)).flat_map(account);
        Self::of((0..count).map(secret).chain(accounts).collect())
    }

    fn of(planted: Vec<Planted>) -> Self {
        let tripwires = planted
            .iter()
            .flat_map(|planted| KubernetesCatalog::new().tripwires(planted))
            .collect();
        Self { planted, tripwires }
    }
}

fn planted(kind: &str, label: &str, handle: Handle) -> Planted {
    Planted {
        address: Address::of(CanaryId::new(kind, label)),
        provider: canary_k8s::provider(),
        handle,
        fields: BTreeMap::new(),
        outputs: BTreeMap::new(),
        needs: std::collections::BTreeSet::new(),
        uid: None,
        since: None,
        buried: None,
    }
}

fn secret(number: usize) -> Planted {
    let (namespace, name) = place(number);
    let handle = Handle::scoped("Secret", &namespace, &name);
    planted("secret", &format!("s{number}"), handle)
}

fn account(number: usize) -> [Planted; 2] {
    let namespace = format!("ci-{}", number % 50);
    let name = format!("deployer-{number}");
    let label = format!("a{number}");
    let handle = |kind| Handle::scoped(kind, &namespace, &name);
    let mut token = planted("service_account", &label, handle("Token"));
    let jti = format!("0f1e2d3c-0000-4000-9000-{number:012}");
    token.outputs.insert("jti".into(), jti);
    token.address = Address::part_of(token.address.canary().clone(), "token");
    [
        planted("service_account", &label, handle("ServiceAccount")),
        token,
    ]
}

fn place(number: usize) -> (String, String) {
    let word = |at: usize| WORDS[at % WORDS.len()];
    let namespace = format!("{}-{}", word(number / 7), number % 50);
    let name = format!("{}-{}-{}", word(number), word(number / 10), number / 100);
    (namespace, name)
}

/// The record of a read of one of the first ten, with its line feed.
pub(crate) fn read(number: usize) -> String {
    let (namespace, name) = place(number % 10);
    include_str!("../../../fixtures/events/get-secret.json")
        .replace(
            "payments/secrets/db-admin",
            &format!("{namespace}/secrets/{name}"),
        )
        .replace(
            r#""namespace":"payments","name":"db-admin""#,
            &format!(r#""namespace":"{namespace}","name":"{name}""#),
        )
}
