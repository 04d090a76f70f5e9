//! Buckets that are made for what is put into them.

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use canary_core::apply::{Call, Found, Made, RealizeError};

use super::content::text;
use super::error::{changed, meaning};
use crate::client::Client;
use crate::observe::objects;

/// The region whose buckets are made without saying where (`CreateBucket`).
const UNSAID: &str = "us-east-1";

pub(super) async fn find(client: &Client, call: &Call) -> Result<Found, RealizeError> {
    let name = &call.handle.name;
    let region = client.look_for(name).await;
    let region = region.map_err(|error| meaning(call, error))?;
    Ok(region.map_or(Found::Absent, |region| {
        Found::There(Box::new(objects::bucket(name, &region)))
    }))
}

/// In one region making a bucket that one has is no error, so that it is looked for first.
pub(super) async fn create(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let name = &call.handle.name;
    if find(client, call).await? != Found::Absent {
        return Err(RealizeError::Exists {
            handle: call.handle.clone(),
        });
    }
    let region = text(call, "region").unwrap_or(&client.connection.region);
    let place = (region != UNSAID).then(|| {
        let place = CreateBucketConfiguration::builder();
        let constraint = BucketLocationConstraint::from(region);
        place.location_constraint(constraint).build()
    });
    let s3 = client.in_region(region).s3;
    let request = s3.create_bucket().bucket(name);
    let request = request.set_create_bucket_configuration(place);
    client
        .send("s3:CreateBucket", request.send())
        .await
        .map_err(|error| meaning(call, error))?;
    Ok(Made {
        object: Some(objects::bucket(name, region)),
        ..Made::default()
    })
}

/// Nothing of a bucket can be changed that is declared of it.
pub(super) fn update(call: &Call) -> Result<Made, RealizeError> {
    Err(changed(call))
}

pub(super) async fn delete(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let name = &call.handle.name;
    let s3 = match client.of_bucket(name).await {
        Ok(s3) => s3,
        Err(error) if error.is_absence() => return Ok(Made::default()),
        Err(error) => return Err(meaning(call, error)),
    };
    let request = s3.delete_bucket().bucket(name);
    let request = request.expected_bucket_owner(&client.connection.account);
    let deleted = client.send("s3:DeleteBucket", request.send()).await;
    client.forget(name);
    match deleted {
        Ok(_) => Ok(Made::default()),
        Err(error) if error.is_absence() => Ok(Made::default()),
        Err(error) => Err(meaning(call, error)),
    }
}
