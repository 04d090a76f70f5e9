//! The question of the API server, as it stands in the request.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

const GROUP: &str = "admission.k8s.io/";

/// A review, borrowed from the bytes it came in.
#[derive(Debug)]
pub struct Review<'a> {
    pub(super) uid: Cow<'a, str>,
    pub(super) asked: Asked,
    pub(super) namespace: Cow<'a, str>,
    pub(super) object: Option<&'a RawValue>,
    pub(super) old_object: Option<&'a RawValue>,
}

/// What is about to happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    /// A pod is made.
    Create,
    /// Ephemeral containers are added to a pod.
    Ephemeral,
    /// Anything else.
    Other,
}

/// Why a review cannot be decided.
#[derive(Debug, PartialEq, Eq)]
pub enum Unread<'a> {
    /// It has a uid, and is of another version or form than what is understood here.
    NotUnderstood {
        /// The version it is of, and its answer: one of the same API group at least.
        api_version: Cow<'a, str>,
        /// What its answer must repeat.
        uid: Cow<'a, str>,
    },
    /// There is nothing in it that an answer could refer to.
    Malformed,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(borrow)]
    api_version: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    request: Request<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    #[serde(borrow)]
    uid: Cow<'a, str>,
    #[serde(borrow)]
    resource: Resource<'a>,
    #[serde(borrow, default)]
    sub_resource: Cow<'a, str>,
    #[serde(borrow, default)]
    namespace: Cow<'a, str>,
    #[serde(borrow)]
    operation: Cow<'a, str>,
    #[serde(borrow)]
    object: Option<&'a RawValue>,
    #[serde(borrow)]
    old_object: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow, default)]
    group: Cow<'a, str>,
    #[serde(borrow)]
    version: Cow<'a, str>,
    #[serde(borrow)]
    resource: Cow<'a, str>,
}

/// As little as an answer needs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline<'a> {
    #[serde(borrow)]
    api_version: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    request: OutlineRequest<'a>,
}

#[derive(Deserialize)]
struct OutlineRequest<'a> {
    #[serde(borrow)]
    uid: Cow<'a, str>,
}

impl<'a> Review<'a> {
    /// The one version that is read. The server asks in a version that the webhook's configuration names.
    pub(super) const VERSION: &'static str = "admission.k8s.io/v1";
    pub(super) const KIND: &'static str = "AdmissionReview";

    /// Reads the body of a request.
    ///
    /// # Errors
    /// When it is no review of the version that is understood.
    pub fn read(body: &'a [u8]) -> Result<Self, Unread<'a>> {
        match serde_json::from_slice::<Envelope<'_>>(body) {
            Ok(whole) if whole.api_version == Self::VERSION && whole.kind == Self::KIND => {
                Ok(Self::of(whole.request))
            }
            Ok(_) | Err(_) => Err(Unread::of(body)),
        }
    }

    fn of(request: Request<'a>) -> Self {
        let Resource {
            group,
            version,
            resource,
        } = &request.resource;
        let is_pods = group.is_empty() && version == "v1" && resource == "pods";
        let asked = match (is_pods, &*request.operation, &*request.sub_resource) {
            (true, "CREATE", "") => Asked::Create,
            (true, "UPDATE", "ephemeralcontainers") => Asked::Ephemeral,
            _ => Asked::Other,
        };
        Self {
            uid: request.uid,
            asked,
            namespace: request.namespace,
            object: request.object,
            old_object: request.old_object,
        }
    }
}

impl<'a> Unread<'a> {
    fn of(body: &'a [u8]) -> Self {
        match serde_json::from_slice::<Outline<'_>>(body) {
            Ok(outline)
                if outline.kind == Review::KIND && outline.api_version.starts_with(GROUP) =>
            {
                Self::NotUnderstood {
                    api_version: outline.api_version,
                    uid: outline.request.uid,
                }
            }
            Ok(_) | Err(_) => Self::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn review(version: &str, request: &serde_json::Value) -> String {
        json!({ "kind": "AdmissionReview", "apiVersion": version, "request": request }).to_string()
    }

    #[test]
    fn only_the_making_of_pods_and_of_ephemeral_containers_is_asked_about() {
        for (operation, resource, sub, asked) in [
            ("CREATE", "pods", "", Asked::Create),
            ("UPDATE", "pods", "ephemeralcontainers", Asked::Ephemeral),
            ("UPDATE", "pods", "", Asked::Other),
            ("UPDATE", "pods", "status", Asked::Other),
            ("CREATE", "pods", "binding", Asked::Other),
            ("CREATE", "pods", "ephemeralcontainers", Asked::Other),
            ("DELETE", "pods", "", Asked::Other),
            ("CREATE", "deployments", "", Asked::Other),
        ] {
            let body = review(
                Review::VERSION,
                &json!({
                    "uid": "u", "operation": operation, "subResource": sub, "namespace": "web",
                    "resource": { "group": "", "version": "v1", "resource": resource },
                    "object": { "kind": "Pod" }, "oldObject": null,
                }),
            );
            let review = Review::read(body.as_bytes()).unwrap();
            assert_eq!(review.asked, asked, "{operation} {resource} {sub}");
        }
    }

    #[test]
    fn another_version_or_form_can_be_answered_while_its_uid_is_there() {
        let uid = json!({ "uid": "a\"b" });
        let body = review("admission.k8s.io/v1beta1", &uid);
        assert_eq!(
            Review::read(body.as_bytes()).unwrap_err(),
            Unread::NotUnderstood {
                api_version: "admission.k8s.io/v1beta1".into(),
                uid: "a\"b".into(),
            }
        );
        let body = review(Review::VERSION, &json!({ "uid": "u", "operation": 7 }));
        assert!(matches!(
            Review::read(body.as_bytes()),
            Err(Unread::NotUnderstood { .. })
        ));
    }

    #[test]
    fn what_has_no_uid_or_is_nothing_of_admission_is_malformed() {
        let uid = json!({ "uid": "u" });
        for body in [
            String::new(),
            "{".into(),
            "null".into(),
            review(Review::VERSION, &json!({})),
            review(Review::VERSION, &json!({ "uid": 1 })),
            review("audit.k8s.io/v1", &uid),
            json!({ "kind": "Status", "apiVersion": Review::VERSION, "request": uid }).to_string(),
        ] {
            assert_eq!(
                Review::read(body.as_bytes()).unwrap_err(),
                Unread::Malformed,
                "{body}"
            );
        }
    }
}
