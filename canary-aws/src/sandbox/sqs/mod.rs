//! SQS: standard queues.

mod attributes;
mod batch;
mod messages;
mod queue;
mod queues;

use super::call::Run;

pub(super) use messages::waits;
pub(super) use queue::Sqs;

/// How an operation is carried out; none when it is not spoken here.
pub(super) fn operation(name: &str) -> Option<Run<Sqs>> {
    use Run::{Read, Write};
    Some(match name {
        "CreateQueue" => Write(queues::create),
        "GetQueueUrl" => Read(queues::url),
        "ListQueues" => Read(queues::list),
        "DeleteQueue" => Write(queues::delete),
        "PurgeQueue" => Write(queues::purge),
        "TagQueue" => Write(queues::tag),
        "UntagQueue" => Write(queues::untag),
        "ListQueueTags" => Read(queues::tags),
        "GetQueueAttributes" => Read(attributes::get),
        "SetQueueAttributes" => Write(attributes::set),
        "SendMessage" => Write(messages::send),
        "ReceiveMessage" => Write(messages::receive),
        "DeleteMessage" => Write(messages::delete),
        "ChangeMessageVisibility" => Write(messages::change_visibility),
        "SendMessageBatch" => Write(batch::send),
        "DeleteMessageBatch" => Write(batch::delete),
        "ChangeMessageVisibilityBatch" => Write(batch::change_visibility),
        _ => return None,
    })
}
