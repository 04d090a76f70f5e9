//! EventBridge.

mod bus;
mod deliver;
mod pattern;
mod rules;
mod tagging;
mod targets;

use super::call::Run;

pub(super) use deliver::{Delivery, deliveries, enveloped, may_send};
pub(super) use rules::Events;

/// How an operation is carried out; none when it is not spoken here.
pub(super) fn operation(name: &str) -> Option<Run<Events>> {
    use Run::{Read, Write};
    Some(match name {
        "PutRule" => Write(rules::put),
        "DescribeRule" => Read(rules::describe),
        "ListRules" => Read(rules::list),
        "DeleteRule" => Write(rules::delete),
        "EnableRule" => Write(rules::enable),
        "DisableRule" => Write(rules::disable),
        "PutTargets" => Write(targets::put),
        "ListTargetsByRule" => Read(targets::list),
        "RemoveTargets" => Write(targets::remove),
        "PutPermission" => Write(bus::put_permission),
        "RemovePermission" => Write(bus::remove_permission),
        "DescribeEventBus" => Read(bus::describe),
        "TagResource" => Write(tagging::tag),
        "UntagResource" => Write(tagging::untag),
        "ListTagsForResource" => Read(tagging::list),
        _ => return None,
    })
}
