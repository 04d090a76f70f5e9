//! Keys on users of ours that nobody here made, as IAM lists them.

use canary_core::detect::{Event, SILENT};
use jiff::Timestamp;
use serde_json::json;

use crate::client::{CallError, Client};
use crate::last_used::{Watched, WatchedUser};
use crate::observe::keys_of;
use crate::trail;

/// A key that is not ours on a user that is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct UnknownKey {
    pub(crate) id: String,
    pub(crate) user: WatchedUser,
    pub(crate) created: Timestamp,
}

/// Those of a user. Whoever is gone has none.
pub(crate) async fn of_user(
    client: &Client,
    user: &WatchedUser,
    watched: &Watched,
) -> Result<Vec<UnknownKey>, CallError> {
    let listed = match keys_of(client, &user.name).await {
        Ok(listed) => listed,
        Err(error) if error.is_absence() => Vec::new(),
        Err(error) => return Err(error),
    };
    let unknown = listed.into_iter().filter(|key| !watched.has_key(&key.id));
    Ok(unknown
        .filter_map(|key| {
            Some(UnknownKey {
                id: key.id,
                user: user.clone(),
                created: key.created?,
            })
        })
        .collect())
}

/// Its making, as far as IAM tells it.
pub(crate) fn event(key: &UnknownKey) -> Event {
    let mut event = trail::event_of(&json!({
        "eventID": format!("{}@{}", key.id, key.created.as_second()),
        "eventTime": key.created,
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateAccessKey",
        "requestParameters": { "userName": key.user.name },
        "responseElements": { "accessKey": { "accessKeyId": key.id, "userName": key.user.name } },
    }));
    event.annotations.insert(SILENT.to_owned(), String::new());
    event
}
