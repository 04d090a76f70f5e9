//! The bucket that takes a trail's files, and its policy. It is never emptied: files of a trail are evidence.

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use canary_core::apply::{Call, Made, RealizeError};
use canary_core::observe::Object;

use super::content::{seen, text};
use super::error::{asking, changed, exists, meaning};
use crate::catalog::LOG_BUCKET;
use crate::client::Client;
use crate::observe::{listener, object};

/// The one region that S3 does not want to be told.
const UNNAMED: &str = "us-east-1";

fn is_bucket(call: &Call) -> bool {
    call.handle.kind == LOG_BUCKET
}

pub(super) async fn find(client: &Client, call: &Call) -> Result<Option<Object>, RealizeError> {
    let found = if is_bucket(call) {
        listener::bucket(client, &call.handle.name).await
    } else {
        listener::bucket_policy(client, &call.handle).await
    };
    found.map_err(|error| asking(call, error))
}

/// Where the region is not named, S3 gives a bucket of ours again that is there, so that is looked at first.
pub(super) async fn create(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    if find(client, call).await?.is_some() {
        return Err(exists(call));
    }
    if !is_bucket(call) {
        return put_policy(client, call).await;
    }
    let services = client.in_region(&client.connection.region);
    let region = text(call, "region").filter(|region| *region != UNNAMED);
    let place = region.map(|region| {
        CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(region))
            .build()
    });
    let request = services.s3.create_bucket().bucket(&call.handle.name);
    let request = request.set_create_bucket_configuration(place);
    client
        .send("s3:CreateBucket", request.send())
        .await
        .map_err(|error| meaning(call, error))?;
    Ok(made(&call.handle.name, call))
}

fn made(uid: &str, call: &Call) -> Made {
    Made {
        object: Some(object(uid, None, seen(call))),
        ..Made::default()
    }
}

pub(super) async fn update(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let now = find(client, call).await?;
    if now.map(|object| object.version) != call.have || is_bucket(call) {
        return Err(changed(call));
    }
    put_policy(client, call).await
}

async fn put_policy(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let services = client.in_region(&client.connection.region);
    let bucket = call.handle.scope.as_deref().unwrap_or_default();
    let request = services.s3.put_bucket_policy().bucket(bucket);
    let request = request.policy(text(call, "document").unwrap_or_default());
    client
        .send("s3:PutBucketPolicy", request.send())
        .await
        .map_err(|error| meaning(call, error))?;
    Ok(made(&call.handle.path(), call))
}

pub(super) async fn delete(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    match find(client, call).await? {
        None => return Ok(Made::default()),
        Some(object) if call.have.as_ref() != Some(&object.version) => return Err(changed(call)),
        Some(_) => {}
    }
    let services = client.in_region(&client.connection.region);
    let ended = if is_bucket(call) {
        let request = services.s3.delete_bucket().bucket(&call.handle.name);
        client
            .send("s3:DeleteBucket", request.send())
            .await
            .map(drop)
    } else {
        let bucket = call.handle.scope.as_deref().unwrap_or_default();
        let request = services.s3.delete_bucket_policy().bucket(bucket);
        let answer = client.send("s3:DeleteBucketPolicy", request.send()).await;
        answer.map(drop)
    };
    match ended {
        Ok(()) => Ok(Made::default()),
        Err(error) if error.is_absence() => Ok(Made::default()),
        Err(error) => Err(meaning(call, error)),
    }
}
