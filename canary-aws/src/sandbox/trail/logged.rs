//! What of the calls is logged, and as what.

use crate::sandbox::service::Service;

/// How a call is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Logged {
    /// Always.
    Management,
    /// Only where a trail asks for it.
    Data,
    /// Never.
    Never,
}

/// How a call is logged.
pub(in crate::sandbox) fn logged(service: Service, operation: &str) -> Logged {
    match (service, operation) {
        // Known to name its caller in a denial without a record.
        (Service::Sqs, "ListQueues") => Logged::Never,
        (
            Service::Sqs,
            "SendMessage"
            | "SendMessageBatch"
            | "ReceiveMessage"
            | "DeleteMessage"
            | "DeleteMessageBatch"
            | "ChangeMessageVisibility"
            | "ChangeMessageVisibilityBatch",
        )
        | (
            Service::S3,
            "GetObject" | "HeadObject" | "PutObject" | "DeleteObject" | "ListObjectsV2",
        ) => Logged::Data,
        _ => Logged::Management,
    }
}

/// Whether a record says that nothing was written.
pub(super) fn read_only(service: Service, operation: &str) -> bool {
    match (service, operation) {
        // Credentials that were made count as written, those of a role do not.
        (Service::Sts, "GetSessionToken" | "GetFederationToken") => false,
        (Service::Sts, "AssumeRole") => true,
        (Service::Sqs, "ReceiveMessage") => true,
        _ => [
            "Get", "List", "Describe", "Head", "Lookup", "BatchGet", "Generate",
        ]
        .iter()
        .any(|start| operation.starts_with(start)),
    }
}
