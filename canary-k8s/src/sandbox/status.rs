//! Errors as the API server words them (`k8s.io/apimachinery/pkg/api/errors`).

use serde_json::{Value, json};

use super::kinds::Kind;

/// An answer that is no success.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Status {
    pub(super) code: u16,
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) details: Option<Value>,
    /// The token that goes on with an inconsistent list.
    pub(super) more: Option<String>,
    /// The log has only its code: it was answered before the server's own handlers.
    pub(super) is_early: bool,
}

/// One thing that is wrong with an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cause {
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) field: String,
}

impl Cause {
    pub(super) fn required(field: impl Into<String>, detail: &str) -> Self {
        let message = match detail {
            "" => "Required value".to_owned(),
            detail => format!("Required value: {detail}"),
        };
        Self::new("FieldValueRequired", field, message)
    }

    pub(super) fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self::new(
            "FieldValueInvalid",
            field,
            format!("Invalid value: {value}: {detail}"),
        )
    }

    pub(super) fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self::new("FieldValueForbidden", field, format!("Forbidden: {detail}"))
    }

    pub(super) fn new(
        reason: &'static str,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            reason,
            message: message.into(),
            field: field.into(),
        }
    }

    fn json(&self) -> Value {
        json!({ "reason": self.reason, "message": self.message, "field": self.field })
    }
}

impl Status {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
            more: None,
            is_early: false,
        }
    }

    fn about(mut self, group: &str, kind: &str, name: &str) -> Self {
        let mut details = json!({});
        for (key, text) in [("name", name), ("group", group), ("kind", kind)] {
            if !text.is_empty() {
                details[key] = text.into();
            }
        }
        self.details = Some(details);
        self
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// `name` may be empty: the whole collection, or a path that is about no resource.
    pub(super) fn forbidden(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let resource = super::kinds::qualified(plural, group);
        let message = match (resource.as_str(), name) {
            ("", _) => format!("forbidden: {why}"),
            (resource, "") => format!("{resource} is forbidden: {why}"),
            (resource, name) => format!("{resource} {} is forbidden: {why}", quoted(name)),
        };
        Self::new(403, "Forbidden", message).about(group, plural, name)
    }

    /// No such object.
    pub(super) fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{} {} not found", kind.qualified_plural(), quoted(name));
        Self::new(404, "NotFound", message).about(kind.group, kind.plural, name)
    }

    /// No such kind.
    pub(super) fn no_resource() -> Self {
        let mut status = Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        );
        status.details = Some(json!({}));
        status
    }

    pub(super) fn not_allowed() -> Self {
        let mut status = Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        );
        status.details = Some(json!({}));
        status
    }

    pub(super) fn exists(kind: &Kind, name: &str) -> Self {
        let message = format!(
            "{} {} already exists",
            kind.qualified_plural(),
            quoted(name)
        );
        Self::new(409, "AlreadyExists", message).about(kind.group, kind.plural, name)
    }

    pub(super) fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {}: {why}",
            kind.qualified_plural(),
            quoted(name)
        );
        Self::new(409, "Conflict", message).about(kind.group, kind.plural, name)
    }

    /// A delete whose preconditions do not hold. Unlike elsewhere the kind is named.
    pub(super) fn stale_delete(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {}: {why}",
            kind.qualified_name(),
            quoted(name)
        );
        Self::new(409, "Conflict", message).about(kind.group, kind.name, name)
    }

    /// With what led to it.
    pub(super) fn because(mut self, causes: &[Cause]) -> Self {
        let details = self.details.get_or_insert_with(|| json!({}));
        details["causes"] = causes.iter().map(Cause::json).collect();
        self
    }

    /// An error that the server had no kind for.
    pub(super) fn unknown(message: &str) -> Self {
        Self::new(500, "", message)
    }

    /// The object is another than the request is about.
    pub(super) fn modified(kind: &Kind, name: &str) -> Self {
        Self::conflict(
            kind,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// An apply that would take fields from others.
    pub(super) fn apply_conflict(message: String, causes: &[Cause]) -> Self {
        let mut status = Self::new(409, "Conflict", message);
        let causes: Vec<Value> = causes.iter().map(Cause::json).collect();
        status.details = Some(json!({ "causes": causes }));
        status
    }

    pub(super) fn unsupported_media(accepted: &str) -> Self {
        Self::new(
            415,
            "UnsupportedMediaType",
            format!(
                "the body of the request was in an unknown format - accepted media types include: {accepted}"
            ),
        )
    }

    pub(super) fn unsupported_patch() -> Self {
        let mut status = Self::new(415, "UnsupportedMediaType", "415: Unsupported Media Type");
        status.details = Some(json!({}));
        status
    }

    pub(super) fn not_acceptable() -> Self {
        let mut status = Self::new(
            406,
            "NotAcceptable",
            "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, \
             application/vnd.kubernetes.protobuf",
        );
        status.details = Some(json!({}));
        status.is_early = true;
        status
    }

    /// `name` is that of the kind, with its group.
    pub(super) fn invalid(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let mut words: Vec<String> = Vec::new();
        for cause in causes {
            let said = format!("{}: {}", cause.field, cause.message);
            // Go's aggregates say the same thing once.
            if !words.contains(&said) {
                words.push(said);
            }
        }
        let words = match words.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let message = format!(
            "{} {} is invalid: {words}",
            super::kinds::qualified(kind, group),
            quoted(name)
        );
        let status = Self::new(422, "Invalid", message).about(group, kind, name);
        status.because(causes)
    }

    pub(super) fn expired(more: String) -> Self {
        let mut status = Self::new(
            410,
            "Expired",
            "The provided continue parameter is too old to display a consistent list result. You can start a new list \
             without the continue parameter, or use the continue token in this response to retrieve the remainder of the \
             results. Continuing with the provided token results in an inconsistent list - objects that were created, \
             modified, or deleted between the time the first chunk was returned and now may show up in the list.",
        );
        status.more = Some(more);
        status
    }

    /// What a watch hears that asks for what is no longer known.
    pub(super) fn too_old(asked: u64, oldest: u64) -> Self {
        Self::new(
            410,
            "Expired",
            format!("too old resource version: {asked} ({oldest})"),
        )
    }

    /// A conflict that is nobody's fault: what a storage says whose writes crossed.
    pub(super) fn out_of_order() -> Self {
        Self::new(
            409,
            "Conflict",
            "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    pub(super) fn too_many(retry_after: u64) -> Self {
        let mut status = Self::new(429, "TooManyRequests", "storage is (re)initializing");
        status.details = Some(json!({ "retryAfterSeconds": retry_after }));
        status
    }

    pub(super) fn internal(why: &str) -> Self {
        let mut status = Self::new(
            500,
            "InternalError",
            format!("Internal error occurred: {why}"),
        );
        status.details = Some(json!({ "causes": [{ "message": why }] }));
        status
    }

    /// How long the answer asks to wait, in seconds.
    pub(super) fn retry_after(&self) -> Option<u64> {
        self.details.as_ref()?["retryAfterSeconds"].as_u64()
    }

    /// The body of the answer.
    pub(super) fn body(&self) -> Value {
        let mut body = self.said();
        body["kind"] = "Status".into();
        body["apiVersion"] = "v1".into();
        if let Some(more) = &self.more {
            body["metadata"]["continue"] = more.clone().into();
        }
        body
    }

    /// As it stands in an audit event.
    pub(super) fn audited(&self) -> Value {
        match self.is_early {
            true => json!({ "metadata": {}, "code": self.code }),
            false => self.said(),
        }
    }

    fn said(&self) -> Value {
        let mut status = json!({
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        status
    }
}

/// As Go's `%q` quotes a name.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
