//! Objects in S3.

use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use canary_core::apply::{Call, Found, Made, RealizeError};
use canary_core::ledger::Verb;
use canary_core::value::SecretBytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::content::{as_sent, tags, text, value_bytes};
use super::error::{changed, incomplete, meaning};
use crate::client::{CallError, Client};
use crate::observe::content_of;
use crate::observe::objects::{self, Head};

fn bucket(call: &Call) -> &str {
    call.handle.scope.as_deref().unwrap_or_default()
}

fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

pub(super) async fn find(client: &Client, call: &Call) -> Result<Found, RealizeError> {
    let found = look(client, call).await;
    found.map_err(|error| meaning(call, error))
}

async fn look(client: &Client, call: &Call) -> Result<Found, CallError> {
    let Some(region) = client.region_of(bucket(call)).await? else {
        return Ok(Found::Absent);
    };
    let (handle, have) = (&call.handle, call.have.as_ref());
    let object = match call.verb {
        Verb::Delete => objects::head(client, &region, handle).await?.map(|head| {
            let version = head.version(handle, have);
            head.object(version)
        }),
        Verb::Create | Verb::Update => {
            objects::full(client, &region, handle, have, &call.digester).await?
        }
    };
    Ok(object.map_or(Found::Absent, |object| Found::There(Box::new(object))))
}

/// All of the content, tags as S3 takes them with it: as a query (`x-amz-tagging`).
fn filled(client: &Client, call: &Call, request: PutObjectFluentBuilder) -> PutObjectFluentBuilder {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let tags: Vec<String> = tags(call)
        .iter()
        .map(|(key, value)| format!("{}={}", encoded(key), encoded(value)))
        .collect();
    let content = value_bytes(call)
        .map(SecretBytes::expose)
        .unwrap_or_default();
    request
        .bucket(bucket(call))
        .key(&call.handle.name)
        .expected_bucket_owner(&client.connection.account)
        .body(ByteStream::from(content.to_vec()))
        .set_content_type(text(call, "content_type").map(str::to_owned))
        .set_tagging(Some(tags.join("&")).filter(|tags| !tags.is_empty()))
}

async fn put(
    client: &Client,
    call: &Call,
    request: PutObjectFluentBuilder,
) -> Result<Made, RealizeError> {
    let answer = client.send("s3:PutObject", request.send()).await;
    let answer = answer.map_err(|error| meaning(call, error))?;
    let etag = answer.e_tag().ok_or_else(|| incomplete(call, "ETag"))?;
    let content = value_bytes(call)
        .map(SecretBytes::expose)
        .unwrap_or_default();
    let kind = text(call, "content_type").unwrap_or_default();
    let head = Head::put(etag, content.len(), kind);
    let digest = call.digester.digest(content);
    let version = head.state().version(&call.handle.path(), Some(&digest));
    Ok(as_sent(call, version))
}

pub(super) async fn create(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let s3 = client.of_bucket(bucket(call)).await;
    let s3 = s3.map_err(|error| meaning(call, error))?;
    let request = filled(client, call, s3.put_object().if_none_match("*"));
    put(client, call, request).await
}

pub(super) async fn update(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let have = call.have.as_ref().ok_or_else(|| changed(call))?;
    let s3 = client.of_bucket(bucket(call)).await;
    let s3 = s3.map_err(|error| meaning(call, error))?;
    let etag = quoted(content_of(have));
    let request = filled(client, call, s3.put_object().if_match(etag));
    put(client, call, request).await
}

pub(super) async fn delete(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let have = call.have.as_ref().ok_or_else(|| changed(call))?;
    let s3 = match client.of_bucket(bucket(call)).await {
        Ok(s3) => s3,
        Err(error) if error.is_absence() => return Ok(Made::default()),
        Err(error) => return Err(meaning(call, error)),
    };
    let request = s3
        .delete_object()
        .bucket(bucket(call))
        .key(&call.handle.name);
    let request = request
        .if_match(quoted(content_of(have)))
        .expected_bucket_owner(&client.connection.account);
    match client.send("s3:DeleteObject", request.send()).await {
        Ok(_) => Ok(Made::default()),
        Err(error) if error.is_absence() => Ok(Made::default()),
        Err(error) => Err(meaning(call, error)),
    }
}
