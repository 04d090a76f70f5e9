//! Secrets Manager.

mod deletion;
mod listing;
mod secret;
mod values;
mod writing;

use super::call::Run;

pub(super) use secret::Secrets;

/// How an operation is carried out; none when it is not spoken here.
pub(super) fn operation(name: &str) -> Option<Run<Secrets>> {
    use Run::{Read, Write};
    Some(match name {
        "CreateSecret" => Write(writing::create),
        "PutSecretValue" => Write(writing::put_value),
        "UpdateSecret" => Write(writing::update),
        "TagResource" => Write(writing::tag),
        "UntagResource" => Write(writing::untag),
        "DescribeSecret" => Read(listing::describe),
        "ListSecrets" => Read(listing::list),
        "GetSecretValue" => Read(values::get),
        "BatchGetSecretValue" => Read(values::get_many),
        "DeleteSecret" => Write(deletion::delete),
        "RestoreSecret" => Write(deletion::restore),
        _ => return None,
    })
}
