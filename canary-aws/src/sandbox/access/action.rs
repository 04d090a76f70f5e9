//! Actions that are not called as their operation is.

use crate::sandbox::service::Service;

/// The action that a policy must allow.
pub(in crate::sandbox) fn action(service: Service, operation: &str) -> String {
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
