//! Where it runs, as whom, and with which settings.

use serde_json::{Value, json};

use super::{labels, meta_at_home};
use crate::install::template::{raw, when};

/// Nothing that is not held to the strictest standard runs in there. Helm makes it unless its release is in it.
pub(super) fn namespace() -> Value {
    let mut labels = labels();
    for mode in ["enforce", "warn", "audit"] {
        labels[format!("pod-security.kubernetes.io/{mode}")] = "restricted".into();
    }
    when(
        "ownNamespace",
        json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": "$(namespace)", "labels": labels },
        }),
    )
}

/// Its token is mounted by the Deployment, with a lifetime, and by nothing else.
pub(super) fn account() -> Value {
    let mut meta = meta_at_home("$(name)");
    meta["annotations"] = when("accountAnnotations", raw("accountAnnotations"));
    json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": meta, "automountServiceAccountToken": false,
    })
}

/// Not a ConfigMap: those are read by everybody who may look.
pub(super) fn settings() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": meta_at_home("$(name)"),
        "data": { "config": "$(config)", "key": "$(key:b64)" },
    })
}
