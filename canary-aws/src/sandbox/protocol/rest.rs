//! S3's requests: method and path.

use axum::body::Bytes;
use axum::http::Method;
use axum::http::request::Parts;
use serde_json::{Map, Value};

/// What of an S3 request is no parameter of a record.
#[derive(Clone, Debug, Default)]
pub(in crate::sandbox) struct Rest {
    pub(in crate::sandbox) body: Bytes,
    pub(in crate::sandbox) if_match: Option<String>,
    pub(in crate::sandbox) if_none_match: Option<String>,
    pub(in crate::sandbox) content_type: Option<String>,
    /// Tags as a query, `team=ops&env=prod`.
    pub(in crate::sandbox) tagging: Option<String>,
}

/// The operation, its parameters in CloudTrail's words, and the rest.
pub(super) fn read(parts: &Parts, body: Bytes) -> Option<(String, Value, Rest)> {
    let path = decode(parts.uri.path());
    let path = path.strip_prefix('/')?;
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let query: Vec<(String, String)> =
        form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let asks = |name: &str| query.iter().any(|(key, _)| key == name);
    let operation = match (&parts.method, bucket.is_empty(), key.is_empty()) {
        (&Method::GET, true, _) => "ListBuckets",
        (&Method::GET, _, true) if asks("policy") => "GetBucketPolicy",
        (&Method::GET, _, true) if asks("list-type") => "ListObjectsV2",
        (&Method::PUT, false, true) if asks("policy") => "PutBucketPolicy",
        (&Method::DELETE, false, true) if asks("policy") => "DeleteBucketPolicy",
        (&Method::PUT, false, true) if query.is_empty() => "CreateBucket",
        (&Method::HEAD, false, true) => "HeadBucket",
        (&Method::DELETE, false, true) => "DeleteBucket",
        (&Method::GET, false, false) if asks("tagging") => "GetObjectTagging",
        (&Method::GET, false, false) => "GetObject",
        (&Method::HEAD, false, false) => "HeadObject",
        (&Method::PUT, false, false) => "PutObject",
        (&Method::DELETE, false, false) => "DeleteObject",
        _ => return None,
    };
    let mut params = Map::new();
    let mut put = |name: &str, value: &str| {
        if !value.is_empty() {
            params.insert(name.to_owned(), Value::from(value));
        }
    };
    put("bucketName", bucket);
    put("key", key);
    for (name, value) in &query {
        if !["x-id", "policy", "tagging"].contains(&name.as_str()) {
            put(name, value);
        }
    }
    let header = |name: &str| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let chunked =
        header("content-encoding").is_some_and(|encoding| encoding.contains("aws-chunked"));
    let body = if chunked { unchunked(&body)? } else { body };
    let rest = Rest {
        body,
        if_match: header("if-match"),
        if_none_match: header("if-none-match"),
        content_type: header("content-type"),
        tagging: header("x-amz-tagging"),
    };
    Some((operation.to_owned(), Value::Object(params), rest))
}

/// Percent-decoded; in a path a plus sign is one.
fn decode(path: &str) -> String {
    let plus = path.replace('+', "%2B");
    let pair = format!("={plus}");
    form_urlencoded::parse(pair.replace('&', "%26").as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// The content of an `aws-chunked` body: `SIZE[;…]\r\nBYTES\r\n` until a size of 0; what follows is checksums.
fn unchunked(body: &[u8]) -> Option<Bytes> {
    let mut rest = body;
    let mut out = Vec::new();
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(out.into());
        }
        out.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_put_together() {
        let body =
            b"3;chunk-signature=00\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n";
        assert_eq!(unchunked(body).unwrap().as_ref(), b"abcde");
        assert_eq!(unchunked(b"9\r\nabc\r\n"), None);
        assert_eq!(unchunked(b"ffffffffffffffff\r\nabc\r\n"), None);
    }

    #[test]
    fn a_plus_sign_in_a_path_stays_one() {
        assert_eq!(decode("/b/a+b%20c%2Fd&e=f"), "/b/a+b c/d&e=f");
    }
}
