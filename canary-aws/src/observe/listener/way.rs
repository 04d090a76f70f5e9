//! The look at everything that events come by.

use super::{buckets, queues, rules, trails};
use crate::client::Client;
use crate::observe::look::Looking;

/// Looks at what is wanted of it.
pub(in crate::observe) async fn look(client: &Client, looking: &mut Looking<'_>) {
    rules::look(client, looking).await;
    queues::look(client, looking).await;
    trails::look(client, looking).await;
    buckets::look(client, looking).await;
}
