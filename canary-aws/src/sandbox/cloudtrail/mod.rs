//! CloudTrail's own operations. Trails keep no files.

mod lookup;
mod selectors;
mod trails;

use super::call::Run;

pub(super) use lookup::lookup;
pub(super) use trails::{LogBucket, Trails};

/// How an operation is carried out; none when it is not spoken here.
pub(super) fn operation(name: &str) -> Option<Run<Trails>> {
    use Run::{Read, Write};
    Some(match name {
        "CreateTrail" => Write(trails::create),
        "UpdateTrail" => Write(trails::update),
        "DeleteTrail" => Write(trails::delete),
        "DescribeTrails" => Read(trails::describe),
        "GetTrail" => Read(trails::get),
        "ListTrails" => Read(trails::list),
        "GetTrailStatus" => Read(trails::status),
        "StartLogging" => Write(trails::start),
        "StopLogging" => Write(trails::stop),
        "GetEventSelectors" => Read(selectors::get),
        "PutEventSelectors" => Write(selectors::put),
        _ => return None,
    })
}
