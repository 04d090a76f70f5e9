//! Answers and errors as each protocol writes them.

use serde_json::{Value, json};

use super::xml;
use crate::sandbox::failure::Failure;
use crate::sandbox::service::{Protocol, Service};

/// An answer on the wire.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct Written {
    pub(in crate::sandbox) status: u16,
    pub(in crate::sandbox) headers: Vec<(&'static str, String)>,
    pub(in crate::sandbox) body: Vec<u8>,
}

impl Written {
    fn new(status: u16, media: &str, body: String) -> Self {
        Self {
            status,
            headers: vec![("content-type", media.to_owned())],
            body: body.into_bytes(),
        }
    }
}

/// The media type of a service's JSON.
fn media(service: Service) -> &'static str {
    match service {
        Service::Account => "application/json",
        Service::Sqs => "application/x-amz-json-1.0",
        _ => "application/x-amz-json-1.1",
    }
}

/// What was asked for.
pub(in crate::sandbox) fn answer(
    service: Service,
    operation: &str,
    value: &Value,
    request_id: &str,
) -> Written {
    let namespace = service.namespace();
    let root = format!("{operation}Response");
    match service.protocol() {
        Protocol::Json => Written::new(200, media(service), value.to_string()),
        Protocol::Query => {
            let out = xml::root(&root, namespace, |out| {
                if !value.is_null() {
                    xml::element(out, &format!("{operation}Result"), value);
                }
                let metadata = json!({ "RequestId": request_id });
                xml::element(out, "ResponseMetadata", &metadata);
            });
            Written::new(200, "text/xml", out)
        }
        Protocol::Ec2 => {
            let out = xml::root(&root, namespace, |out| {
                xml::element(out, "requestId", &json!(request_id));
                xml::write(out, value);
            });
            Written::new(200, "text/xml", out)
        }
        Protocol::Rest => {
            // Its one field is the root.
            let document = value.as_object().and_then(|fields| fields.iter().next());
            let out = document
                .map(|(root, content)| xml::root(root, namespace, |out| xml::write(out, content)));
            Written::new(200, "application/xml", out.unwrap_or_default())
        }
    }
}

/// What went wrong.
pub(in crate::sandbox) fn failure(
    service: Service,
    failure: &Failure,
    request_id: &str,
) -> Written {
    let mut out = String::new();
    let (code, message) = (failure.code, &failure.message);
    match service.protocol() {
        Protocol::Json => return json_failure(service, failure),
        Protocol::Query => {
            let error = json!({ "Type": whose(failure), "Code": code, "Message": message });
            out = xml::root("ErrorResponse", service.namespace(), |out| {
                xml::element(out, "Error", &error);
                xml::element(out, "RequestId", &json!(request_id));
            });
        }
        Protocol::Ec2 => {
            let error = json!({ "Code": code, "Message": message });
            let response = json!({ "Errors": { "Error": error }, "RequestID": request_id });
            xml::element(&mut out, "Response", &response);
        }
        Protocol::Rest => {
            let error = json!({ "Code": code, "Message": message, "RequestId": request_id });
            xml::element(&mut out, "Error", &error);
            return Written::new(failure.status, "application/xml", out);
        }
    }
    Written::new(failure.status, "text/xml", out)
}

/// Who is at fault.
fn whose(failure: &Failure) -> &'static str {
    if failure.status < 500 {
        "Sender"
    } else {
        "Receiver"
    }
}

fn json_failure(service: Service, failure: &Failure) -> Written {
    let kind = match service {
        Service::Sqs if failure.code == "AccessDeniedException" => {
            format!("com.amazon.coral.service#{}", failure.code)
        }
        Service::Sqs => format!("com.amazonaws.sqs#{}", failure.code),
        _ => failure.code.to_owned(),
    };
    let field = match service {
        Service::Secrets => "Message",
        _ => "message",
    };
    let body = json!({ "__type": kind, field: failure.message });
    let mut written = Written::new(failure.status, media(service), body.to_string());
    if service == Service::Account {
        let header = failure.code.to_owned();
        written.headers.push(("x-amzn-errortype", header));
    }
    if service == Service::Sqs {
        let header = format!("{};{}", query_code(failure.code), whose(failure));
        written.headers.push(("x-amzn-query-error", header));
    }
    written
}

/// SQS's clients know two names of an error: that of the query protocol it had before stands in a header.
fn query_code(code: &str) -> String {
    match code {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue".to_owned(),
        "QueueNameExists" => "QueueAlreadyExists".to_owned(),
        "AccessDeniedException" => "AccessDenied".to_owned(),
        "QueueDeletedRecently"
        | "PurgeQueueInProgress"
        | "MessageNotInflight"
        | "TooManyEntriesInBatchRequest"
        | "EmptyBatchRequest"
        | "BatchEntryIdsNotDistinct" => format!("AWS.SimpleQueueService.{code}"),
        code => code.to_owned(),
    }
}
