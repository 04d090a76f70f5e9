//! The actions that policies must allow for a call.

use serde_json::Value;

use crate::sandbox::service::Service;

/// The action of a call first, then those it needs besides.
pub(in crate::sandbox) fn actions(
    service: Service,
    operation: &str,
    params: &Value,
) -> Vec<String> {
    let besides = tagging(service, operation, params).into_iter();
    [action(service, operation)]
        .into_iter()
        .chain(besides.map(|name| format!("{}:{name}", service.prefix())))
        .collect()
}

/// Actions that are not called as their operation is.
fn action(service: Service, operation: &str) -> String {
    let name = match (service, operation) {
        (Service::S3, "ListBuckets") => "ListAllMyBuckets",
        (Service::S3, "ListObjectsV2" | "HeadBucket") => "ListBucket",
        (Service::S3, "HeadObject") => "GetObject",
        (Service::Sqs, "SendMessageBatch") => "SendMessage",
        (Service::Sqs, "DeleteMessageBatch") => "DeleteMessage",
        (Service::Sqs, "ChangeMessageVisibilityBatch") => "ChangeMessageVisibility",
        (_, operation) => operation,
    };
    format!("{}:{name}", service.prefix())
}

/// What is made with tags needs the right to tag.
fn tagging(service: Service, operation: &str, params: &Value) -> Option<&'static str> {
    let (name, field) = match (service, operation) {
        (Service::Iam, "CreateUser") => ("TagUser", "Tags"),
        (Service::Iam, "CreateRole") => ("TagRole", "Tags"),
        (Service::Ssm, "PutParameter") => ("AddTagsToResource", "Tags"),
        (Service::Secrets, "CreateSecret") => ("TagResource", "Tags"),
        (Service::Events, "PutRule") => ("TagResource", "Tags"),
        (Service::Sqs, "CreateQueue") => ("TagQueue", "tags"),
        _ => return None,
    };
    let told = match &params[field] {
        Value::Array(tags) => !tags.is_empty(),
        Value::Object(tags) => !tags.is_empty(),
        _ => false,
    };
    told.then_some(name)
}
