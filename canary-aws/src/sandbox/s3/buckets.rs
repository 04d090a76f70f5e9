//! Buckets.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::empty;
use super::objects::Object;
use crate::sandbox::access::{self, Context, allows_service};
use crate::sandbox::call::{Answer, Call, iso};
use crate::sandbox::cloudtrail::LogBucket;
use crate::sandbox::failure::Failure;
use crate::sandbox::protocol::{Rest, Written};

/// Buckets by name.
#[derive(Default)]
pub(in crate::sandbox) struct S3 {
    pub(super) buckets: BTreeMap<String, Bucket>,
}

pub(super) struct Bucket {
    region: String,
    created: Timestamp,
    policy: Option<String>,
    pub(super) objects: BTreeMap<String, Object>,
}

impl S3 {
    /// Whether CloudTrail may look at a bucket and write log files into it, for a trail that a call names.
    pub(in crate::sandbox) fn takes_logs(&self, name: &str, call: &Call<'_>) -> LogBucket {
        let Some(bucket) = self.buckets.get(name) else {
            return LogBucket::Missing;
        };
        let policy = bucket.policy.as_deref().and_then(access::parse);
        let (region, account) = (call.region, call.account);
        let trail = call.text("Name").unwrap_or_default();
        let values = [
            ("s3:x-amz-acl", "bucket-owner-full-control".to_owned()),
            (
                "aws:SourceArn",
                format!("arn:aws:cloudtrail:{region}:{account}:trail/{trail}"),
            ),
            ("aws:SourceAccount", account.to_owned()),
        ];
        let prefix = call.text("S3KeyPrefix").map(|prefix| format!("{prefix}/"));
        let prefix = prefix.unwrap_or_default();
        let file = format!("arn:aws:s3:::{name}/{prefix}AWSLogs/{account}/CloudTrail");
        let bucket = format!("arn:aws:s3:::{name}");
        let may = |action: &str, resource: &str| {
            let context = Context {
                action,
                resource,
                values: &values,
            };
            let allows = |policy| allows_service(policy, "cloudtrail.amazonaws.com", &context);
            policy.as_ref().is_some_and(allows)
        };
        match may("s3:GetBucketAcl", &bucket) && may("s3:PutObject", &file) {
            true => LogBucket::Open,
            false => LogBucket::Closed,
        }
    }

    pub(super) fn of(&self, call: &Call<'_>) -> Result<&Bucket, Failure> {
        self.buckets.get(name(call)).ok_or_else(missing)
    }

    pub(super) fn of_mut(&mut self, call: &Call<'_>) -> Result<&mut Bucket, Failure> {
        self.buckets.get_mut(name(call)).ok_or_else(missing)
    }
}

fn name<'a>(call: &Call<'a>) -> &'a str {
    call.text("bucketName").unwrap_or_default()
}

fn missing() -> Failure {
    Failure::new(404, "NoSuchBucket", "The specified bucket does not exist")
}

pub(super) fn list(s3: &S3) -> Answer {
    let buckets: Vec<_> = s3
        .buckets
        .iter()
        .map(|(name, bucket)| json!({ "Name": name, "CreationDate": iso(bucket.created) }))
        .collect();
    Ok(json!({ "ListAllMyBucketsResult": { "Buckets": { "Bucket": buckets } } }))
}

pub(super) fn create(s3: &mut S3, call: &Call<'_>) -> Result<Written, Failure> {
    let name = name(call);
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    let ends = |byte: Option<u8>| {
        byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let whole = name.bytes().all(plain) && ends(name.bytes().next()) && ends(name.bytes().last());
    if !(3..=63).contains(&name.len()) || !whole {
        return Err(Failure::bad(
            "InvalidBucketName",
            "The specified bucket is not valid.",
        ));
    }
    if s3.buckets.contains_key(name) {
        return Err(Failure::new(
            409,
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
        ));
    }
    let bucket = Bucket {
        region: call.region.to_owned(),
        created: call.now,
        policy: None,
        objects: BTreeMap::new(),
    };
    s3.buckets.insert(name.to_owned(), bucket);
    let mut written = empty(200);
    written.headers.push(("location", format!("/{name}")));
    Ok(written)
}

pub(super) fn head(s3: &S3, call: &Call<'_>) -> Result<Written, Failure> {
    let region = s3.of(call)?.region.clone();
    let mut written = empty(200);
    written.headers.push(("x-amz-bucket-region", region));
    Ok(written)
}

pub(super) fn delete(s3: &mut S3, call: &Call<'_>) -> Result<Written, Failure> {
    if !s3.of(call)?.objects.is_empty() {
        return Err(Failure::new(
            409,
            "BucketNotEmpty",
            "The bucket you tried to delete is not empty",
        ));
    }
    s3.buckets.remove(name(call));
    Ok(empty(204))
}

pub(super) fn policy(s3: &S3, call: &Call<'_>) -> Result<Written, Failure> {
    let policy = s3.of(call)?.policy.clone();
    let policy = policy.ok_or_else(|| {
        Failure::new(
            404,
            "NoSuchBucketPolicy",
            "The bucket policy does not exist",
        )
    })?;
    Ok(Written {
        status: 200,
        headers: vec![("content-type", "application/json".to_owned())],
        body: policy.into_bytes(),
    })
}

pub(super) fn put_policy(s3: &mut S3, call: &Call<'_>, rest: &Rest) -> Result<Written, Failure> {
    let bucket = s3.of_mut(call)?;
    let text = std::str::from_utf8(&rest.body).unwrap_or_default();
    if access::parse(text).is_none() {
        return Err(Failure::bad(
            "MalformedPolicy",
            "This policy contains invalid Json",
        ));
    }
    bucket.policy = Some(text.to_owned());
    Ok(empty(204))
}

pub(super) fn delete_policy(s3: &mut S3, call: &Call<'_>) -> Result<Written, Failure> {
    s3.of_mut(call)?.policy = None;
    Ok(empty(204))
}
