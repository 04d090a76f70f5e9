//! What a request asks, and with which key.

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde_json::Value;

use sha2::{Digest as _, Sha256};

use super::rest::Rest;
use super::{json, query, rest};
use crate::sandbox::entropy::hex;
use crate::sandbox::failure::Failure;
use crate::sandbox::service::{Protocol, Service};

/// A request that was understood.
pub(in crate::sandbox) struct Request {
    pub(in crate::sandbox) service: Service,
    pub(in crate::sandbox) operation: String,
    pub(in crate::sandbox) region: String,
    pub(in crate::sandbox) params: Value,
    /// What S3 alone has.
    pub(in crate::sandbox) rest: Option<Rest>,
    pub(in crate::sandbox) key_id: String,
    pub(in crate::sandbox) session_token: Option<String>,
    pub(in crate::sandbox) user_agent: String,
    pub(in crate::sandbox) address: String,
    /// What tells it from others, whatever their order: operation, key and parameters, hashed.
    pub(in crate::sandbox) label: String,
}

impl Request {
    /// `iam:CreateUser`.
    pub(in crate::sandbox) fn name(&self) -> String {
        format!("{}:{}", self.service.prefix(), self.operation)
    }
}

/// A request that nothing can be done with.
pub(in crate::sandbox) struct Unreadable {
    pub(in crate::sandbox) service: Service,
    pub(in crate::sandbox) failure: Failure,
}

/// The scope of a signature.
struct Scope {
    key_id: String,
    region: String,
    service: String,
}

/// `AWS4-HMAC-SHA256 Credential=AKIA…/20261103/eu-west-1/iam/aws4_request, SignedHeaders=…`.
fn scope(headers: &HeaderMap) -> Option<Scope> {
    let header = headers.get("authorization")?.to_str().ok()?;
    let (_, rest) = header.split_once("Credential=")?;
    let credential = rest.split([',', ' ']).next()?;
    let mut parts = credential.split('/');
    let key_id = parts.next()?.to_owned();
    let _date = parts.next()?;
    Some(Scope {
        key_id,
        region: parts.next()?.to_owned(),
        service: parts.next()?.to_owned(),
    })
}

/// Headers longer than this are cut before they are kept: records are held in memory.
const HEADER: usize = 1024;

fn header(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).map(|value| value.to_str());
    let value = value.and_then(Result::ok).unwrap_or_default();
    value.chars().take(HEADER).collect()
}

/// The address that a call is to come from in the log, in place of the loopback's.
const SOURCE: &str = "x-test-source-ip";

/// Clients put a token of chance into some parameters: it is left out.
fn label(operation: &str, key_id: &str, params: &Value) -> String {
    let mut hash = Sha256::new();
    for part in [operation, key_id] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    for (name, value) in params.as_object().into_iter().flatten() {
        if name != "ClientRequestToken" {
            hash.update(name.as_bytes());
            hash.update(value.to_string().as_bytes());
        }
    }
    hex(&hash.finalize())
}

/// What is asked of a service.
struct Asked {
    operation: String,
    params: Value,
    rest: Option<Rest>,
}

/// Reads a request.
pub(in crate::sandbox) fn parse(
    parts: &Parts,
    body: Bytes,
    peer: &str,
) -> Result<Request, Unreadable> {
    let headers = &parts.headers;
    // Whoever names no service is answered as by STS.
    let stray = |code, message| Unreadable {
        service: Service::Sts,
        failure: Failure::new(403, code, message),
    };
    let scope = scope(headers).ok_or_else(|| {
        stray(
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        )
    })?;
    let service = Service::of_scope(&scope.service).ok_or_else(|| {
        stray(
            "SignatureDoesNotMatch",
            "Credential should be scoped to correct service.",
        )
    })?;
    let asked = asked(service, parts, body).map_err(|failure| Unreadable { service, failure })?;
    // Names are counted and kept; the longest that AWS has is half of this.
    let operation: String = asked.operation.chars().take(128).collect();
    let label = label(&operation, &scope.key_id, &asked.params);
    let address = match header(headers, SOURCE) {
        told if told.is_empty() => peer.to_owned(),
        told => told,
    };
    let user_agent = match header(headers, "x-amz-user-agent") {
        told if told.is_empty() => header(headers, "user-agent"),
        told => told,
    };
    let session_token = headers.get("x-amz-security-token");
    let session_token = session_token.and_then(|token| token.to_str().ok());
    Ok(Request {
        service,
        operation,
        region: scope.region,
        params: asked.params,
        rest: asked.rest,
        key_id: scope.key_id,
        session_token: session_token.map(ToOwned::to_owned),
        user_agent,
        address,
        label,
    })
}

/// Reads what is asked, in the service's protocol.
fn asked(service: Service, parts: &Parts, body: Bytes) -> Result<Asked, Failure> {
    let code = service.words().unknown_operation;
    let unknown = || Failure::bad(code, "The action is not valid.");
    match service.protocol() {
        Protocol::Query | Protocol::Ec2 => {
            let params = query::parameters(&body);
            let operation = params["Action"].as_str().ok_or_else(unknown)?.to_owned();
            Ok(Asked {
                operation,
                params,
                rest: None,
            })
        }
        Protocol::Json => {
            let operation = match service {
                Service::Account => json::operation_of_path(parts.uri.path()),
                _ => {
                    let target = header(&parts.headers, "x-amz-target");
                    json::operation(&target).map(ToOwned::to_owned)
                }
            };
            let not_json = || Failure::bad("SerializationException", "The body is not JSON.");
            Ok(Asked {
                operation: operation.ok_or_else(unknown)?,
                params: json::parameters(&body).ok_or_else(not_json)?,
                rest: None,
            })
        }
        Protocol::Rest => {
            let (operation, params, rest) = rest::read(parts, body).ok_or_else(unknown)?;
            Ok(Asked {
                operation,
                params,
                rest: Some(rest),
            })
        }
    }
}
