//! Requests as data. Pure.

use canary_core::graph::Handle;
use canary_core::observe::Scope;

/// A request before it is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    /// Exactly what the server's audit log shows as requestURI.
    pub(crate) path: String,
    pub(crate) accept: &'static str,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: Vec<u8>,
}

const JSON: &str = "application/json";
const METADATA: &str =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
const METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
const APPLY: &str = "application/apply-patch+yaml";

impl Request {
    pub(crate) fn get(path: String) -> Self {
        Self {
            method: "GET",
            path,
            accept: JSON,
            content_type: None,
            body: Vec::new(),
        }
    }

    pub(crate) fn get_metadata(path: String) -> Self {
        Self {
            accept: METADATA,
            ..Self::get(path)
        }
    }

    pub(crate) fn list_metadata(path: String) -> Self {
        Self {
            accept: METADATA_LIST,
            ..Self::get(path)
        }
    }

    fn with_body(
        method: &'static str,
        path: String,
        content_type: &'static str,
        body: &serde_json::Value,
    ) -> Self {
        Self {
            method,
            path,
            accept: JSON,
            content_type: Some(content_type),
            body: body.to_string().into_bytes(),
        }
    }

    pub(crate) fn post(path: String, body: &serde_json::Value) -> Self {
        Self::with_body("POST", path, JSON, body)
    }

    pub(crate) fn put(path: String, body: &serde_json::Value) -> Self {
        Self::with_body("PUT", path, JSON, body)
    }

    pub(crate) fn apply(path: String, body: &serde_json::Value) -> Self {
        Self::with_body("PATCH", path, APPLY, body)
    }

    pub(crate) fn delete(path: String, body: &serde_json::Value) -> Self {
        Self::with_body("DELETE", path, JSON, body)
    }
}

/// The plural under which the core group serves a kind of ours.
pub(crate) fn plural(kind: &str) -> Option<&'static str> {
    match kind {
        "Secret" => Some("secrets"),
        "ConfigMap" => Some("configmaps"),
        "ServiceAccount" => Some("serviceaccounts"),
        "Namespace" => Some("namespaces"),
        _ => None,
    }
}

/// The path of a collection; `None` for a kind that has none.
pub(crate) fn collection(scope: &Scope) -> Option<String> {
    let plural = plural(&scope.kind)?;
    Some(match &scope.scope {
        Some(namespace) => format!("/api/v1/namespaces/{}/{plural}", escaped(namespace)),
        None => format!("/api/v1/{plural}"),
    })
}

/// The path of one object; `None` for a kind that has none.
pub(crate) fn object(handle: &Handle) -> Option<String> {
    let collection = collection(&Scope::of(handle))?;
    Some(format!("{collection}/{}", escaped(&handle.name)))
}

/// The path of a collection of RBAC objects, of one namespace or of all; `None` for a kind that is none.
pub(crate) fn rbac(kind: &str, namespace: Option<&str>) -> Option<String> {
    let plural = match kind {
        "ClusterRole" => "clusterroles",
        "ClusterRoleBinding" => "clusterrolebindings",
        "Role" => "roles",
        "RoleBinding" => "rolebindings",
        _ => return None,
    };
    let group = "/apis/rbac.authorization.k8s.io/v1";
    Some(match namespace {
        Some(namespace) => format!("{group}/namespaces/{}/{plural}", escaped(namespace)),
        None => format!("{group}/{plural}"),
    })
}

/// The path of a namespace.
pub(crate) fn namespace(name: &str) -> String {
    format!("/api/v1/namespaces/{}", escaped(name))
}

/// What kind of path it is, for a log: without the names in it, and without the query.
pub(crate) fn template(path: &str) -> String {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    // What follows the version: the core group has two parts before it, named groups three.
    let begin = match parts.first() {
        Some(&"apis") => 3,
        _ => 2,
    };
    let in_namespace = parts.get(begin) == Some(&"namespaces") && parts.len() > begin + 2;
    let mut out = String::with_capacity(path.len());
    for (i, part) in parts.iter().enumerate() {
        out.push('/');
        out.push_str(match i.checked_sub(begin) {
            Some(1) if in_namespace => "{namespace}",
            Some(3) if in_namespace => "{name}",
            Some(1) => "{name}",
            _ => part,
        });
    }
    out
}

/// Percent-encodes what is not unreserved, so that no name can leave its place in a path.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            byte => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_place_in_a_path() {
        let handle = Handle::scoped("Secret", "a/../b", "x?watch=true");
        assert_eq!(
            object(&handle).unwrap(),
            "/api/v1/namespaces/a%2F..%2Fb/secrets/x%3Fwatch%3Dtrue"
        );
    }

    #[test]
    fn a_log_line_has_no_name_in_it() {
        for (path, expected) in [
            (
                "/api/v1/namespaces/shop/secrets?limit=500",
                "/api/v1/namespaces/{namespace}/secrets",
            ),
            (
                "/api/v1/namespaces/shop/serviceaccounts/ci/token",
                "/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
            ),
            (
                "/api/v1/namespaces/kube-system",
                "/api/v1/namespaces/{name}",
            ),
            ("/api/v1/secrets", "/api/v1/secrets"),
            (
                "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles/x",
                "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles/{name}",
            ),
            (
                "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            ),
        ] {
            assert_eq!(template(path), expected);
        }
    }

    #[test]
    fn a_token_has_no_path_of_its_own() {
        assert_eq!(object(&Handle::scoped("Token", "a", "b")), None);
    }
}
