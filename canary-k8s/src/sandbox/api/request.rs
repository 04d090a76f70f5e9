//! A request and what it is about (`k8s.io/apiserver/pkg/endpoints/request`).

use axum::body::Bytes;
use axum::http::HeaderMap;
use serde_json::Value;

use crate::audit::uri::{Target, split, target, unescape};
use crate::sandbox::status::Status;

/// A request as it came.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Request {
    pub(in crate::sandbox) method: String,
    /// Path and query.
    pub(in crate::sandbox) uri: String,
    pub(in crate::sandbox) headers: HeaderMap,
    pub(in crate::sandbox) body: Bytes,
    /// Where it came from.
    pub(in crate::sandbox) peer: String,
}

/// What it is about.
#[derive(Clone, Debug, Default)]
pub(super) struct Info {
    pub(super) verb: String,
    pub(super) path: String,
    /// `None`: no resource.
    pub(super) target: Option<Target>,
    query: Vec<(String, String)>,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// The media type of the body, without parameters.
    pub(super) fn content_type(&self) -> &str {
        let whole = self.header("content-type");
        whole.split(';').next().unwrap_or_default().trim()
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Value, Status> {
        serde_json::from_slice(&self.body).map_err(|error| Status::bad_request(error.to_string()))
    }

    pub(super) fn info(&self) -> Info {
        let (path, query) = split(&self.uri);
        let mut info = Info {
            verb: self.method.to_lowercase(),
            path: path.to_owned(),
            target: target(path),
            query: pairs(query),
        };
        let watches = info.flag("watch");
        let named = named_by_selector(info.param("fieldSelector"));
        let Some(target) = &mut info.target else {
            return info;
        };
        let verb = match self.method.as_str() {
            "POST" => "create",
            "GET" | "HEAD" => "get",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => "delete",
            _ => "",
        };
        info.verb = match verb {
            "get" if target.name.is_empty() => {
                target.name = named.unwrap_or_default();
                if watches || target.watch {
                    "watch"
                } else {
                    "list"
                }
            }
            "get" if target.watch => "watch",
            "delete" if target.name.is_empty() => "deletecollection",
            verb => verb,
        }
        .to_owned();
        info
    }
}

/// The name that a field selector asks for exactly.
fn named_by_selector(selector: &str) -> Option<String> {
    selector.split(',').find_map(|term| {
        let value = term.strip_prefix("metadata.name=")?;
        let value = value.strip_prefix('=').unwrap_or(value);
        let fits =
            !value.is_empty() && !value.contains(['/', '%']) && value != "." && value != "..";
        fits.then(|| value.to_owned())
    })
}

fn pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((unescape(key, true)?, unescape(value, true)?))
        })
        .filter(|(key, _)| !key.is_empty())
        .collect()
}

impl Info {
    /// The first value of a parameter; empty where there is none.
    pub(super) fn param(&self, name: &str) -> &str {
        let pair = self.query.iter().find(|(key, _)| key == name);
        pair.map_or("", |(_, value)| value)
    }

    /// Whether a parameter is there and says no "no".
    pub(super) fn flag(&self, name: &str) -> bool {
        let pair = self.query.iter().find(|(key, _)| key == name);
        pair.is_some_and(|(_, value)| !matches!(value.as_str(), "false" | "0" | "False"))
    }
}

/// The forms that an answer can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Form {
    Whole,
    Metadata,
    MetadataList,
}

/// What an `Accept` header accepts that can be had, the first such.
pub(super) fn form(accept: &str) -> Result<Form, Status> {
    if accept.trim().is_empty() {
        return Ok(Form::Whole);
    }
    let found = accept.split(',').find_map(|clause| {
        let mut parts = clause.split(';').map(str::trim);
        let media = parts.next()?;
        let parameters: Vec<&str> = parts.collect();
        let json = matches!(media, "application/json" | "*/*" | "application/*");
        let of = |name: &str| {
            let value = parameters
                .iter()
                .find_map(|parameter| parameter.strip_prefix(name));
            value.unwrap_or_default().to_owned()
        };
        let meta = of("g=") == "meta.k8s.io" && of("v=") == "v1";
        match of("as=").as_str() {
            _ if !json => None,
            "" => Some(Form::Whole),
            "PartialObjectMetadata" if meta => Some(Form::Metadata),
            "PartialObjectMetadataList" if meta => Some(Form::MetadataList),
            _ => None,
        }
    });
    found.ok_or_else(Status::not_acceptable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(method: &str, uri: &str) -> Info {
        let request = Request {
            method: method.into(),
            uri: uri.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            peer: String::new(),
        };
        request.info()
    }

    #[test]
    fn verbs_are_told_as_the_server_tells_them() {
        for (method, uri, verb, name) in [
            ("GET", "/api/v1/secrets", "list", ""),
            ("GET", "/api/v1/secrets?watch=1", "watch", ""),
            (
                "GET",
                "/api/v1/namespaces/n/secrets?fieldSelector=metadata.name%3Da",
                "list",
                "a",
            ),
            ("GET", "/api/v1/namespaces/n/secrets/a", "get", "a"),
            ("GET", "/api/v1/namespaces/n", "get", "n"),
            (
                "DELETE",
                "/api/v1/namespaces/n/secrets",
                "deletecollection",
                "",
            ),
            ("PATCH", "/api/v1/namespaces/n/secrets/a", "patch", "a"),
            ("POST", "/api/v1/namespaces/n/secrets", "create", ""),
        ] {
            let info = info(method, uri);
            assert_eq!(info.verb, verb, "{method} {uri}");
            assert_eq!(info.target.unwrap().name, name, "{method} {uri}");
        }
        assert_eq!(info("GET", "/version").verb, "get");
    }

    #[test]
    fn the_first_form_that_can_be_had_is_given() {
        let metadata =
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
        assert_eq!(form(metadata).unwrap(), Form::Metadata);
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        assert_eq!(form(table).unwrap(), Form::Whole);
        assert!(form("application/vnd.kubernetes.protobuf").is_err());
    }
}
