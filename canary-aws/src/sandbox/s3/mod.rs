//! S3, path style: buckets, objects, and conditions on writes.

mod buckets;
mod objects;

use super::call::{Answer, Call};
use super::failure::Failure;
use super::protocol::{Rest, Written};

pub(super) use buckets::S3;

/// Carries an operation out; none when it is not spoken here.
pub(super) fn run(s3: &mut S3, call: &Call<'_>, rest: &Rest) -> Option<Result<Reply, Failure>> {
    let value = |answer: Answer| answer.map(Reply::Xml);
    Some(match call.operation {
        "ListBuckets" => value(buckets::list(s3)),
        "CreateBucket" => buckets::create(s3, call).map(Reply::Written),
        "HeadBucket" => buckets::head(s3, call).map(Reply::Written),
        "DeleteBucket" => buckets::delete(s3, call).map(Reply::Written),
        "GetBucketPolicy" => buckets::policy(s3, call).map(Reply::Written),
        "PutBucketPolicy" => buckets::put_policy(s3, call, rest).map(Reply::Written),
        "DeleteBucketPolicy" => buckets::delete_policy(s3, call).map(Reply::Written),
        "ListObjectsV2" => value(objects::list(s3, call)),
        "GetObject" => objects::get(s3, call, rest, true).map(Reply::Written),
        "GetObjectTagging" => value(objects::tagging(s3, call)),
        "HeadObject" => objects::get(s3, call, rest, false).map(Reply::Written),
        "PutObject" => objects::put(s3, call, rest).map(Reply::Written),
        "DeleteObject" => objects::delete(s3, call, rest).map(Reply::Written),
        _ => return None,
    })
}

/// What is answered.
pub(super) enum Reply {
    /// A document whose one field is its root.
    Xml(serde_json::Value),
    Written(Written),
}

/// An answer without a body.
fn empty(status: u16) -> Written {
    Written {
        status,
        ..Written::default()
    }
}
