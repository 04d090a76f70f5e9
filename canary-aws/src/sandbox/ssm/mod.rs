//! SSM's parameters.

mod filters;
mod names;
mod parameters;
mod read;
mod tagging;
mod write;

use super::call::Run;

pub(super) use parameters::Ssm;

/// How an operation is carried out; none when it is not spoken here.
pub(super) fn operation(name: &str) -> Option<Run<Ssm>> {
    use Run::{Read, Write};
    Some(match name {
        "PutParameter" => Write(write::put),
        "DeleteParameter" => Write(write::delete),
        "DeleteParameters" => Write(write::delete_many),
        "GetParameter" => Read(read::get),
        "GetParameters" => Read(read::get_many),
        "GetParametersByPath" => Read(read::by_path),
        "DescribeParameters" => Read(read::describe),
        "AddTagsToResource" => Write(tagging::add),
        "RemoveTagsFromResource" => Write(tagging::remove),
        "ListTagsForResource" => Read(tagging::list),
        _ => return None,
    })
}
