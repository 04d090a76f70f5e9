//! Where an object is.

use serde_json::Value;

use crate::client::request::escaped;

/// The kinds that an installation is made of: group and version, plural, whether it lives in a namespace.
const KINDS: &[(&str, &str, &str, bool)] = &[
    ("Namespace", "api/v1", "namespaces", false),
    ("ServiceAccount", "api/v1", "serviceaccounts", true),
    ("Secret", "api/v1", "secrets", true),
    ("Service", "api/v1", "services", true),
    ("Deployment", "apis/apps/v1", "deployments", true),
    (
        "PodDisruptionBudget",
        "apis/policy/v1",
        "poddisruptionbudgets",
        true,
    ),
    (
        "NetworkPolicy",
        "apis/networking.k8s.io/v1",
        "networkpolicies",
        true,
    ),
    ("Role", "apis/rbac.authorization.k8s.io/v1", "roles", true),
    (
        "RoleBinding",
        "apis/rbac.authorization.k8s.io/v1",
        "rolebindings",
        true,
    ),
    (
        "ClusterRole",
        "apis/rbac.authorization.k8s.io/v1",
        "clusterroles",
        false,
    ),
    (
        "ClusterRoleBinding",
        "apis/rbac.authorization.k8s.io/v1",
        "clusterrolebindings",
        false,
    ),
    (
        "ValidatingAdmissionPolicy",
        "apis/admissionregistration.k8s.io/v1",
        "validatingadmissionpolicies",
        false,
    ),
    (
        "ValidatingAdmissionPolicyBinding",
        "apis/admissionregistration.k8s.io/v1",
        "validatingadmissionpolicybindings",
        false,
    ),
    (
        "MutatingWebhookConfiguration",
        "apis/admissionregistration.k8s.io/v1",
        "mutatingwebhookconfigurations",
        false,
    ),
    (
        "Certificate",
        "apis/cert-manager.io/v1",
        "certificates",
        true,
    ),
];

/// Where an object is: kind, namespace and name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace; `None` where it has none.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    api: &'static str,
    plural: &'static str,
}

impl Place {
    /// Of an object; `None` for a kind that no installation has.
    #[must_use]
    pub fn of(object: &Value) -> Option<Self> {
        let kind = object["kind"].as_str()?;
        Self::within(kind, &object["metadata"])
    }

    /// Of an object of a kind, by its metadata.
    pub(crate) fn within(kind: &str, meta: &Value) -> Option<Self> {
        let (kind, api, plural, namespaced) = *KINDS.iter().find(|(known, ..)| *known == kind)?;
        let namespace = match namespaced {
            true => Some(meta["namespace"].as_str()?.to_owned()),
            false => None,
        };
        Some(Self {
            kind,
            namespace,
            name: meta["name"].as_str()?.to_owned(),
            api,
            plural,
        })
    }

    /// The path of all of its kind, in its namespace where it has one.
    #[must_use]
    pub fn collection(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!(
                "/{}/namespaces/{}/{}",
                self.api,
                escaped(namespace),
                self.plural
            ),
            None => format!("/{}/{}", self.api, self.plural),
        }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.collection(), escaped(&self.name))
    }

    /// The kinds that an installation is made of, each with the path of all of them in the cluster.
    pub(crate) fn everywhere() -> impl Iterator<Item = (&'static str, String)> {
        KINDS
            .iter()
            .map(|(kind, api, plural, _)| (*kind, format!("/{api}/{plural}")))
    }

    /// Those that live in no namespace.
    pub(crate) fn cluster_wide() -> impl Iterator<Item = (&'static str, String)> {
        let kinds = KINDS.iter().filter(|(.., namespaced)| !namespaced);
        kinds.map(|(kind, api, plural, _)| (*kind, format!("/{api}/{plural}")))
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}
