//! The bucket that takes a trail's files, and its policy.

use std::collections::BTreeMap;

use canary_core::graph::Handle;
use canary_core::observe::{Object, Seen};

use super::look::soon;
use crate::catalog::{LOG_BUCKET, LOG_BUCKET_POLICY, canonical};
use crate::client::{CallError, Client};
use crate::observe::look::Looking;
use crate::observe::principal::object;

/// Looks at the bucket, if there is to be one.
pub(super) async fn look(client: &Client, looking: &mut Looking<'_>) {
    for handle in looking.named(LOG_BUCKET) {
        let found = soon("s3:HeadBucket", single(client, &handle.name)).await;
        looking.found(handle, found);
    }
    for handle in looking.named(LOG_BUCKET_POLICY) {
        let found = soon("s3:GetBucketPolicy", policy(client, &handle)).await;
        looking.found(handle, found);
    }
}

/// One bucket; `None` where there is none. It has no identifier but its name, of which there is one in the world.
pub(crate) async fn single(client: &Client, name: &str) -> Result<Option<Object>, CallError> {
    let services = client.in_region(&client.connection.region);
    let answer = client
        .ask("s3:HeadBucket", || {
            services.s3.head_bucket().bucket(name).send()
        })
        .await;
    match answer {
        Ok(answer) => {
            let region = answer.bucket_region().unwrap_or_default().to_owned();
            let fields = BTreeMap::from([("region".to_owned(), Seen::Public(region))]);
            Ok(Some(object(name, None, fields)))
        }
        Err(error) if error.is_absence() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The policy of a bucket; `None` where there is none, or no such bucket.
pub(crate) async fn policy(client: &Client, handle: &Handle) -> Result<Option<Object>, CallError> {
    let services = client.in_region(&client.connection.region);
    let bucket = handle.scope.as_deref().unwrap_or_default();
    let answer = client
        .ask("s3:GetBucketPolicy", || {
            services.s3.get_bucket_policy().bucket(bucket).send()
        })
        .await;
    match answer {
        Ok(answer) => {
            let document = answer.policy().unwrap_or_default();
            let document = canonical(document).unwrap_or_else(|| document.to_owned());
            let fields = BTreeMap::from([("document".to_owned(), Seen::Public(document))]);
            Ok(Some(object(&handle.path(), None, fields)))
        }
        Err(error) if error.is_absence() => Ok(None),
        Err(error) => Err(error),
    }
}
