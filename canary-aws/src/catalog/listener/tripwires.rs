//! What it means when somebody changes what we listen by.

use canary_core::detect::{Meaning, Mention, Planted, Tripwire};

use crate::catalog::handles::{LOG_BUCKET, QUEUE, RULE, TRAIL};

/// Changes are touches: whoever switches a listener off does not want to be heard. Of the role nothing is: EventBridge
/// assumes it all day, and that is logged like a change.
pub(in crate::catalog) fn of(planted: &Planted) -> Vec<Tripwire> {
    let handle = &planted.handle;
    let (group, resource, region) = match handle.kind.as_str() {
        QUEUE => ("sqs", "queues", handle.scope.as_deref()),
        RULE => ("events", "rules", handle.scope.as_deref()),
        TRAIL => ("cloudtrail", "trails", handle.scope.as_deref()),
        LOG_BUCKET => ("s3", "buckets", None),
        _ => return Vec::new(),
    };
    vec![Tripwire {
        mention: Mention::Object {
            group: group.into(),
            resource: resource.into(),
            namespace: region.unwrap_or_default().to_owned(),
            name: handle.name.clone(),
        },
        meaning: Meaning::Behaviour,
        address: planted.address.clone(),
        labels: None,
        fields: std::collections::BTreeMap::new(),
    }]
}
