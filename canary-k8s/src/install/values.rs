//! What differs from one installation to the next. The same shape as the chart's values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Authority;

/// What differs from one installation to the next.
///
/// Holds the agent's key: it cannot be printed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Values {
    /// What everything is called by: objects, the process, its binary, its environment and its metrics. No default.
    pub name: String,
    /// Where it runs: a namespace of its own, as it may read the Secrets in there. Empty for one that is called as it is.
    pub namespace: String,
    /// What its objects are known again by. Helm has the release's name.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub instance: String,
    /// The image.
    pub image: String,
    /// When the image is pulled.
    pub image_pull_policy: String,
    /// Two at least: the API server does not wait for one that is being replaced.
    pub replicas: u32,
    /// The namespaces that are covered, by name.
    pub covered: Vec<Covered>,
    /// Pods are watched in the whole cluster and namespaces listed, as where namespaces are named by a pattern.
    pub all_pods: bool,
    /// Ephemeral containers get their mount, too.
    pub ephemeral_containers: bool,
    /// Pods whose labels do not match are not asked about.
    pub object_selector: Value,
    /// Pods of which one of these expressions is false are not asked about.
    pub match_conditions: Vec<Condition>,
    /// A refresh touches an annotation of the pod, so that the node does not wait for its next sync.
    pub annotate_pods: bool,
    /// What a token may be asked for; empty for anything that the API server gives.
    pub audiences: Vec<String>,
    /// What it is to do, sealed; base64.
    pub config: String,
    /// Its key, base64.
    pub key: String,
    /// The authority of its certificates; Helm makes one that lasts where there is none here.
    pub ca: Authority,
    /// The certificate comes from cert-manager instead.
    pub cert_manager: CertManager,
    /// Annotations of its own account, as some clouds give roles by them.
    pub account_annotations: BTreeMap<String, String>,
    /// What a replica asks for.
    pub resources: Value,
    /// The nodes that it may run on.
    pub node_selector: BTreeMap<String, String>,
    /// The taints that it tolerates.
    pub tolerations: Vec<Value>,
    /// Whom it may talk to, as CIDRs; empty for anybody.
    pub egress: Vec<String>,
}

/// A namespace whose pods are served.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Covered {
    /// Its name.
    pub namespace: String,
    /// The account there that tokens are asked for; empty for none.
    #[serde(default)]
    pub account: String,
}

/// A match condition of the webhook.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Condition {
    /// Its name.
    pub name: String,
    /// In CEL.
    pub expression: String,
}

/// How cert-manager is asked.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertManager {
    /// Who signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Issuer>,
}

/// An issuer of cert-manager.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Issuer {
    /// Its name.
    pub name: String,
    /// `Issuer` or `ClusterIssuer`.
    pub kind: String,
}

impl Values {
    /// Everything as it is unless it is said otherwise. Name, image, settings and key are to be set.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            name: String::new(),
            namespace: String::new(),
            instance: String::new(),
            image: String::new(),
            image_pull_policy: "IfNotPresent".into(),
            replicas: 2,
            covered: Vec::new(),
            all_pods: false,
            ephemeral_containers: false,
            object_selector: json!({}),
            match_conditions: Vec::new(),
            annotate_pods: false,
            audiences: Vec::new(),
            config: String::new(),
            key: String::new(),
            ca: Authority::default(),
            cert_manager: CertManager::default(),
            account_annotations: BTreeMap::new(),
            // The agent stays below 80 MB with 2,000 pods; the limit leaves half as much for a burst of reviews of 3 MB.
            // No limit of CPU: one that is throttled misses the second that the API server waits.
            resources: json!({
                "requests": { "cpu": "50m", "memory": "80Mi" },
                "limits": { "memory": "128Mi" },
            }),
            node_selector: BTreeMap::new(),
            tolerations: Vec::new(),
            egress: Vec::new(),
        }
    }

    /// Where it runs.
    #[must_use]
    pub fn home(&self) -> &str {
        if self.namespace.is_empty() {
            &self.name
        } else {
            &self.namespace
        }
    }

    /// As a values file of the chart.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut data = serde_json::to_value(self).unwrap_or_default();
        if let Some(fields) = data.as_object_mut() {
            // The release has its own.
            fields.remove("instance");
        }
        super::chart::yaml(&data)
    }

    /// The same as data, with what is left open filled in.
    pub(super) fn to_data(&self) -> Value {
        let mut data = serde_json::to_value(self).unwrap_or_default();
        data["namespace"] = self.home().into();
        // A release of Helm's may be in it; the installer makes it.
        data["ownNamespace"] = true.into();
        data["instance"] = if self.instance.is_empty() {
            self.name.as_str().into()
        } else {
            self.instance.as_str().into()
        };
        data
    }
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Values({})", self.name)
    }
}
