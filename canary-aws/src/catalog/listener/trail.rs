//! A trail of our own, where one is to be made.

use std::collections::BTreeSet;

use canary_core::catalog::{LowerError, Lowering};
use canary_core::graph::{Handle, Resource};

use super::documents;
use super::lower::{Listener, TRAIL_PART};
use crate::catalog::aws::wrong;
use crate::catalog::handles::{
    LOG_BUCKET, LOG_BUCKET_POLICY, LOGGING, SELECTORS, TRAIL, alone, inside,
};

/// The trail, that it logs, what it logs, and the bucket for its files.
pub(super) fn lower(
    listener: &Listener<'_>,
    cx: &Lowering<'_>,
) -> Result<Vec<Resource>, Vec<LowerError>> {
    let canary = listener.canary;
    let bucket = canary.table.text("bucket");
    if canary.table.text("trail") != Some("make") {
        let help = Some("trail = \"make\" makes one");
        let refused = |field, message| Err(vec![wrong(canary, field, message, help)]);
        if bucket.is_some() {
            return refused("bucket", "no trail is made whose files could go there");
        }
        if canary.table.boolean("data_events") == Some(true) {
            return refused("data_events", "no trail is made that could log them");
        }
        return Ok(Vec::new());
    }
    let Some(bucket) = bucket else {
        let message = "a trail needs a bucket for its files";
        let help = Some("name one in `bucket`: it is made");
        return Err(vec![wrong(canary, "trail", message, help)]);
    };
    let name = listener.name;
    let arn = listener.arn("cloudtrail", listener.home, &format!("trail/{name}"));
    let fields = [("region", listener.home.to_owned())];
    let kept = listener.resource(listener.part("bucket"), alone(LOG_BUCKET, bucket), fields);
    let policy = documents::bucket_policy(listener.partition, bucket, listener.account, &arn);
    let mut policy = listener.resource(
        listener.part("bucket-policy"),
        Handle::scoped(LOG_BUCKET_POLICY, bucket, "policy"),
        [("document", policy)],
    );
    policy.after.insert(kept.address.clone());
    let fields = [
        ("arn", arn),
        ("bucket", bucket.to_owned()),
        ("everywhere", "true".to_owned()),
        ("global", "true".to_owned()),
        // Digests of the files show whether any was changed or removed.
        ("validated", "true".to_owned()),
    ];
    let handle = Handle::scoped(TRAIL, listener.home, name);
    let mut trail = listener.resource(listener.part(TRAIL_PART), handle, fields);
    trail.after.insert(policy.address.clone());
    let handle = inside(LOGGING, listener.home, name, "logging");
    let mut logging = listener.resource(listener.part("trail-logging"), handle, []);
    logging.after.insert(trail.address.clone());
    let mut selectors = selectors(listener, cx);
    selectors.after.insert(trail.address.clone());
    logging.after.insert(selectors.address.clone());
    Ok(vec![kept, policy, trail, selectors, logging])
}

/// What it logs: management events, and what is done to objects in the buckets of our canaries where that is wanted.
fn selectors(listener: &Listener<'_>, cx: &Lowering<'_>) -> Resource {
    let wanted = listener.canary.table.boolean("data_events") == Some(true);
    let canaries = cx.config.canaries.values().filter(|_| wanted);
    let buckets: BTreeSet<&str> = canaries
        .filter(|canary| canary.id.kind() == "s3_object")
        .filter_map(|canary| canary.table.text("bucket"))
        .collect();
    let selected = documents::selectors(listener.partition, buckets.into_iter());
    let handle = inside(SELECTORS, listener.home, listener.name, "selectors");
    listener.resource(listener.part("trail-data"), handle, [("plain", selected)])
}
