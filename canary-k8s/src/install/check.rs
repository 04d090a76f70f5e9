//! Whether values fit together, before anything is made of them.

use std::collections::BTreeSet;

use canary_core::disguise::giveaway;

use super::Values;

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is no name as Kubernetes has them.
    #[error("{what} `{name}` is not lowercase letters, digits and hyphens (at most {longest})")]
    Name {
        /// Whose name.
        what: &'static str,
        /// As it was given.
        name: String,
        /// How long it may be.
        longest: usize,
    },
    /// It says what it is.
    #[error("{what} `{name}` says what it is (`{word}`)")]
    Telling {
        /// Whose name.
        what: &'static str,
        /// As it was given.
        name: String,
        /// The word.
        word: &'static str,
    },
    /// The cluster's own namespaces are neither lived in nor covered.
    #[error("namespace `{0}` is the cluster's own")]
    OfTheCluster(String),
    /// The agent may read what is in its own namespace.
    #[error("namespace `{0}` is its own, and cannot be covered")]
    Home(String),
    /// Twice the same.
    #[error("namespace `{0}` is covered twice")]
    Twice(String),
    /// Something that must be there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Something that would not be taken as it stands.
    #[error("{0} is not valid")]
    Invalid(&'static str),
    /// One that is being replaced would leave none.
    #[error("{0} replicas: two at least")]
    Replicas(u32),
}

/// Room for what is appended: the longest is `-tokens`, and a pod's own ending of up to 17; what takes a name in a label is
/// cut at 63.
pub(super) const LONGEST_NAME: usize = 38;
/// A namespace is a DNS label.
const LONGEST_NAMESPACE: usize = 63;

/// The pattern of a name, for schemas.
#[must_use]
pub fn pattern_of_name() -> String {
    format!("^[a-z]([-a-z0-9]{{0,{}}}[a-z0-9])?$", LONGEST_NAME - 2)
}

/// The pattern of a namespace: none of the cluster's own, which begin with `kube-`. Written without looking around, which the
/// expressions of Go cannot.
pub(super) const NAMESPACE: &str = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$";
pub(super) const OF_THE_CLUSTER: &str = "^kube-";
/// The names of accounts are subdomains.
pub(super) const ACCOUNT: &str = "^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$";
/// No quote or brace gets into a template.
pub(super) const IMAGE: &str = "^[A-Za-z0-9][-A-Za-z0-9._/:@]*$";
pub(super) const BASE64: &str = "^[A-Za-z0-9+/]+={0,2}$";
pub(super) const AUDIENCE: &str = "^[-A-Za-z0-9._~:/?#@!$&()*+,;=%]+$";
pub(super) const CIDR: &str = "^[0-9a-fA-F.:]+/[0-9]{1,3}$";
pub(super) const PULL: [&str; 3] = ["Always", "IfNotPresent", "Never"];

pub(super) fn check(values: &Values) -> Result<(), Vec<Unfit>> {
    let mut unfit = Vec::new();
    name("the name", &values.name, LONGEST_NAME, &mut unfit);
    if values.name.starts_with(|c: char| c.is_ascii_digit()) {
        // A Service's name is a label of the older kind.
        unfit.push(Unfit::Invalid("a name that begins with a digit"));
    }
    let home = values.home();
    if home != values.name {
        name("the namespace", home, LONGEST_NAMESPACE, &mut unfit);
    }
    if home.starts_with("kube-") || home == "default" {
        unfit.push(Unfit::OfTheCluster(home.into()));
    }
    let mut seen = BTreeSet::new();
    for covered in &values.covered {
        let namespace = &covered.namespace;
        // Theirs may be called as they like.
        if !is_label(namespace, LONGEST_NAMESPACE) {
            unfit.push(Unfit::Name {
                what: "the covered namespace",
                name: namespace.clone(),
                longest: LONGEST_NAMESPACE,
            });
        }
        if namespace.starts_with("kube-") {
            unfit.push(Unfit::OfTheCluster(namespace.clone()));
        }
        if namespace == home {
            unfit.push(Unfit::Home(namespace.clone()));
        }
        if !seen.insert(namespace) {
            unfit.push(Unfit::Twice(namespace.clone()));
        }
        let of_account = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        if !covered.account.chars().all(of_account) {
            unfit.push(Unfit::Invalid("the name of an account"));
        }
    }
    contents(values, &mut unfit);
    if unfit.is_empty() { Ok(()) } else { Err(unfit) }
}

fn contents(values: &Values, unfit: &mut Vec<Unfit>) {
    for (what, text) in [
        ("the image", &values.image),
        ("the configuration", &values.config),
        ("the key", &values.key),
    ] {
        if text.is_empty() {
            unfit.push(Unfit::Missing(what));
        }
    }
    let of_image = |c: char| c.is_ascii_alphanumeric() || "-._/:@".contains(c);
    if !values.image.chars().all(of_image) {
        unfit.push(Unfit::Invalid("the image"));
    }
    if let Some(word) = giveaway(&values.image) {
        unfit.push(Unfit::Telling {
            what: "the image",
            name: values.image.clone(),
            word,
        });
    }
    let of_audience = |c: char| c.is_ascii_graphic() && !"'\"\\`{}<>^|[]".contains(c);
    let is_audience = |text: &String| !text.is_empty() && text.chars().all(of_audience);
    if !values.audiences.iter().all(is_audience) {
        unfit.push(Unfit::Invalid("an audience"));
    }
    let of_cidr = |c: char| c.is_ascii_hexdigit() || ".:/".contains(c);
    if !values.egress.iter().all(|text| text.chars().all(of_cidr)) {
        unfit.push(Unfit::Invalid("a network"));
    }
    if !PULL.contains(&values.image_pull_policy.as_str()) {
        unfit.push(Unfit::Invalid("when the image is pulled"));
    }
    if values.ca.certificate.is_empty() && values.cert_manager.issuer.is_none() {
        unfit.push(Unfit::Missing("an authority"));
    }
    if values.covered.is_empty() && !values.all_pods {
        unfit.push(Unfit::Missing("a covered namespace"));
    }
    if values.replicas < 2 {
        unfit.push(Unfit::Replicas(values.replicas));
    }
}

fn name(what: &'static str, name: &str, longest: usize, unfit: &mut Vec<Unfit>) {
    if !is_label(name, longest) {
        unfit.push(Unfit::Name {
            what,
            name: name.to_owned(),
            longest,
        });
    }
    if let Some(word) = giveaway(name) {
        unfit.push(Unfit::Telling {
            what,
            name: name.to_owned(),
            word,
        });
    }
}

fn is_label(text: &str, longest: usize) -> bool {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty()
        && text.len() <= longest
        && text.chars().all(inside)
        && !text.starts_with('-')
        && !text.ends_with('-')
}
