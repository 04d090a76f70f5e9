//! Objects.

use axum::body::Bytes;
use jiff::Timestamp;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use super::buckets::S3;
use super::empty;
use crate::sandbox::call::{Answer, Call, iso};
use crate::sandbox::entropy::hex;
use crate::sandbox::failure::Failure;
use crate::sandbox::page::page;
use crate::sandbox::protocol::{Rest, Written};

pub(super) struct Object {
    body: Bytes,
    etag: String,
    modified: Timestamp,
    content_type: Option<String>,
    tags: Vec<(String, String)>,
}

fn key<'a>(call: &Call<'a>) -> &'a str {
    call.text("key").unwrap_or_default()
}

fn missing() -> Failure {
    Failure::new(404, "NoSuchKey", "The specified key does not exist.")
}

fn precondition() -> Failure {
    Failure::new(
        412,
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
    )
}

/// Whether an entity tag is the one that is meant, with or without quotes.
fn same(told: &str, etag: &str) -> bool {
    told == "*" || told.trim_matches('"') == etag
}

/// Whether a write may go on: `If-None-Match: *` where nothing is, `If-Match` where that is.
fn check(rest: &Rest, existing: Option<&Object>) -> Result<(), Failure> {
    if rest.if_none_match.is_some() && existing.is_some() {
        return Err(precondition());
    }
    match (&rest.if_match, existing) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(missing()),
        (Some(told), Some(object)) if same(told, &object.etag) => Ok(()),
        (Some(_), Some(_)) => Err(precondition()),
    }
}

pub(super) fn put(s3: &mut S3, call: &Call<'_>, rest: &Rest) -> Result<Written, Failure> {
    let bucket = s3.of_mut(call)?;
    let key = key(call);
    if key.len() > 1024 {
        return Err(Failure::bad("KeyTooLongError", "Your key is too long"));
    }
    check(rest, bucket.objects.get(key))?;
    let object = Object {
        etag: hex(&Md5::digest(&rest.body)),
        body: rest.body.clone(),
        modified: call.now,
        content_type: rest.content_type.clone(),
        tags: form_urlencoded::parse(rest.tagging.as_deref().unwrap_or_default().as_bytes())
            .into_owned()
            .collect(),
    };
    let mut written = empty(200);
    written
        .headers
        .push(("etag", format!("\"{}\"", object.etag)));
    bucket.objects.insert(key.to_owned(), object);
    Ok(written)
}

pub(super) fn get(s3: &S3, call: &Call<'_>, rest: &Rest, body: bool) -> Result<Written, Failure> {
    let bucket = s3.of(call)?;
    let object = bucket.objects.get(key(call)).ok_or_else(missing)?;
    if rest
        .if_match
        .as_ref()
        .is_some_and(|told| !same(told, &object.etag))
    {
        return Err(precondition());
    }
    let unchanged = rest
        .if_none_match
        .as_ref()
        .is_some_and(|told| same(told, &object.etag));
    let modified = object
        .modified
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string();
    let content_type = object.content_type.clone();
    let mut written = empty(if unchanged { 304 } else { 200 });
    written.headers = vec![
        ("etag", format!("\"{}\"", object.etag)),
        ("last-modified", modified),
        (
            "content-type",
            content_type.unwrap_or_else(|| "binary/octet-stream".to_owned()),
        ),
    ];
    if !unchanged && body {
        written.body = object.body.to_vec();
    } else if !unchanged {
        written
            .headers
            .push(("content-length", object.body.len().to_string()));
    }
    Ok(written)
}

pub(super) fn tagging(s3: &S3, call: &Call<'_>) -> Answer {
    let object = s3.of(call)?.objects.get(key(call)).ok_or_else(missing)?;
    let tags: Vec<Value> = object
        .tags
        .iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect();
    Ok(json!({ "Tagging": { "TagSet": { "Tag": tags } } }))
}

pub(super) fn delete(s3: &mut S3, call: &Call<'_>, rest: &Rest) -> Result<Written, Failure> {
    let bucket = s3.of_mut(call)?;
    if rest.if_match.is_some() {
        check(rest, bucket.objects.get(key(call)))?;
    }
    bucket.objects.remove(key(call));
    Ok(empty(204))
}

pub(super) fn list(s3: &S3, call: &Call<'_>) -> Answer {
    let bucket = s3.of(call)?;
    let prefix = call.text("prefix").unwrap_or_default();
    let (size, after) = call.page("continuation-token", "")?;
    // S3 takes more than a page holds for a page.
    let wanted = call
        .number("max-keys")
        .and_then(|most| usize::try_from(most).ok());
    let size = size.min(wanted.unwrap_or(size));
    let after = after.or_else(|| call.text("start-after").map(ToOwned::to_owned));
    let objects = bucket
        .objects
        .iter()
        .filter(|(key, _)| key.starts_with(prefix))
        .map(|(key, object)| {
            let contents: Value = json!({
                "Key": key,
                "LastModified": iso(object.modified),
                "ETag": format!("\"{}\"", object.etag),
                "Size": object.body.len(),
                "StorageClass": "STANDARD",
            });
            (key.clone(), contents)
        });
    let page = page(objects, after.as_deref(), size);
    Ok(json!({ "ListBucketResult": {
        "Name": call.text("bucketName"),
        "Prefix": prefix,
        "KeyCount": page.items.len(),
        "MaxKeys": size,
        "IsTruncated": page.next.is_some(),
        "NextContinuationToken": page.next,
        "Contents": page.items,
    } }))
}
