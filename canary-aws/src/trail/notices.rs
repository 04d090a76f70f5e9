//! Notices about new objects in S3.

use super::found::{Found, Poison, S3Object};
use super::object::Object;
use super::url;

/// A notice of S3 about one object. Its key is encoded as in a form of a web page.
pub(super) fn s3(object: &Object<'_>, found: &mut Found) {
    let s3 = object.object("s3");
    let bucket = s3.object("bucket").text("name").unwrap_or_default();
    let key = s3.object("object").text("key").unwrap_or_default();
    let name = object.text("eventName").unwrap_or_default();
    let is_new = name.contains("ObjectCreated");
    fetch(found, is_new, &bucket, &url::decode(&key));
}

/// CloudTrail's own notice about new files.
pub(super) fn trail(object: &Object<'_>, found: &mut Found) {
    let bucket = object.text("s3Bucket").unwrap_or_default();
    for key in object.list("s3ObjectKey").unwrap_or_default() {
        let key: String = serde_json::from_str(key).unwrap_or_default();
        fetch(found, true, &bucket, &key);
    }
}

pub(super) fn fetch(found: &mut Found, is_new: bool, bucket: &str, key: &str) {
    if bucket.is_empty() || key.is_empty() {
        found.spoil(Poison::UnknownForm);
    } else if is_new && !is_digest(key) {
        found.objects.push(S3Object {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        });
    } else {
        found.skipped += 1;
    }
}

/// Whether a path is that of a digest, an Insight file or one of aggregated events, which hold no records of calls, but
/// what was made of them.
pub(super) fn is_digest(path: &str) -> bool {
    ["Digest", "Insight", "Aggregated"]
        .iter()
        .any(|kind| path.contains(&format!("/CloudTrail-{kind}/")))
}
