//! One record.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::identity::identity;
use super::limits::{cut, within};
use super::logged::{Logged, read_only};
use super::names::{IAM_TIME, STS_TIME, hide_value, with_times, written};
use crate::sandbox::access::Caller;
use crate::sandbox::call::{iso, list, text};
use crate::sandbox::failure::Failure;
use crate::sandbox::protocol::Request;
use crate::sandbox::service::Service;

/// What a record is made of.
pub(in crate::sandbox) struct Facts<'a> {
    pub(in crate::sandbox) request: &'a Request,
    pub(in crate::sandbox) caller: &'a Caller,
    pub(in crate::sandbox) outcome: Result<&'a Value, &'a Failure>,
    pub(in crate::sandbox) denied: bool,
    pub(in crate::sandbox) logged: Logged,
    pub(in crate::sandbox) account: &'a str,
    pub(in crate::sandbox) at: Timestamp,
    pub(in crate::sandbox) event_id: String,
    pub(in crate::sandbox) request_id: &'a str,
}

/// The region whose log has the event: IAM is global and logs where it lives.
fn region(request: &Request) -> &str {
    match request.service {
        Service::Iam => "us-east-1",
        _ => &request.region,
    }
}

/// Where a client of AWS would have sent it.
fn host(request: &Request) -> String {
    match request.service {
        Service::Iam => "iam.amazonaws.com".to_owned(),
        service => format!("{}.{}.amazonaws.com", service.prefix(), request.region),
    }
}

/// A record in the form of version 1.11.
pub(in crate::sandbox) fn record(facts: &Facts<'_>) -> Value {
    let request = facts.request;
    let read_only = read_only(request.service, &request.operation);
    let source = format!("{}.amazonaws.com", request.service.prefix());
    let name = match request.operation.as_str() {
        "ListObjectsV2" => "ListObjects",
        operation => operation,
    };
    let mut record = json!({
        "eventVersion": "1.11",
        "userIdentity": identity(facts.caller, facts.account),
        "eventTime": iso(facts.at),
        "eventSource": source,
        "eventName": name,
        "awsRegion": region(request),
        "sourceIPAddress": request.address,
        "userAgent": cut(&request.user_agent),
        "requestParameters": within(parameters(facts)),
        "responseElements": within(response(facts, read_only)),
        "requestID": facts.request_id,
        "eventID": facts.event_id,
        "readOnly": read_only,
        "eventType": "AwsApiCall",
        "managementEvent": facts.logged == Logged::Management,
        "recipientAccountId": facts.account,
        "eventCategory": match facts.logged {
            Logged::Data => "Data",
            Logged::Management | Logged::Never => "Management",
        },
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": host(request),
        },
    });
    if let Err(failure) = facts.outcome {
        record["errorCode"] = json!(error_code(request.service, failure));
        record["errorMessage"] = json!(cut(&failure.message));
    }
    let resources = resources(facts);
    if !resources.is_empty() {
        record["resources"] = Value::Array(resources);
    }
    record
}

/// IAM's errors are logged under the names of their shapes, and answered under shorter ones.
fn error_code(service: Service, failure: &Failure) -> String {
    match (service, failure.code) {
        (
            Service::Iam,
            "NoSuchEntity"
            | "EntityAlreadyExists"
            | "DeleteConflict"
            | "LimitExceeded"
            | "MalformedPolicyDocument",
        ) => format!("{}Exception", failure.code),
        (Service::Iam, "ValidationError") => "ValidationException".to_owned(),
        (_, code) => failure.logged_as.unwrap_or(code).to_owned(),
    }
}

/// Of a denied call nothing is told but the denial.
fn parameters(facts: &Facts<'_>) -> Value {
    if facts.denied {
        return Value::Null;
    }
    let mut params = facts.request.params.clone();
    if let Some(fields) = params.as_object_mut() {
        fields.remove("Action");
        fields.remove("Version");
        if fields.is_empty() {
            return Value::Null;
        }
    }
    let mut params = written(&params);
    if facts.request.service == Service::Ssm {
        hide_value(&mut params);
    }
    params
}

fn response(facts: &Facts<'_>, read_only: bool) -> Value {
    let request = facts.request;
    let told = !read_only || request.operation == "AssumeRole";
    match facts.outcome {
        Ok(value) if told && value.as_object().is_some_and(|fields| !fields.is_empty()) => {
            let mut value = written(value);
            match request.service {
                Service::Iam => with_times(&mut value, IAM_TIME),
                Service::Sts => with_times(&mut value, STS_TIME),
                _ => {}
            }
            value
        }
        _ => Value::Null,
    }
}

fn resources(facts: &Facts<'_>) -> Vec<Value> {
    let request = facts.request;
    let one =
        |kind: &str, arn: String| json!({ "accountId": facts.account, "type": kind, "ARN": arn });
    match request.service {
        Service::Sts if request.operation == "AssumeRole" && !facts.denied => {
            let arn = text(&request.params, "RoleArn").unwrap_or_default();
            vec![one("AWS::IAM::Role", arn.to_owned())]
        }
        Service::S3 if !facts.denied => {
            let bucket = text(&request.params, "bucketName");
            let key = text(&request.params, "key");
            let Some(bucket) = bucket else {
                return Vec::new();
            };
            let object = key.map(|key| {
                json!({ "type": "AWS::S3::Object", "ARN": format!("arn:aws:s3:::{bucket}/{key}") })
            });
            let bucket = one("AWS::S3::Bucket", format!("arn:aws:s3:::{bucket}"));
            object.into_iter().chain([bucket]).collect()
        }
        Service::Ssm if !facts.denied => {
            let named = text(&request.params, "Name").into_iter();
            let names = list(&request.params, "Names")
                .iter()
                .filter_map(Value::as_str);
            let arn = |name: &str| {
                let name = name.trim_start_matches('/');
                let arn = format!(
                    "arn:aws:ssm:{}:{}:parameter/{name}",
                    request.region, facts.account
                );
                json!({ "accountId": facts.account, "ARN": arn })
            };
            // More than ten are refused; so many are not written down.
            named.chain(names).take(10).map(arn).collect()
        }
        _ => Vec::new(),
    }
}
