//! When keys were used last, as IAM tells it: some calls are never logged, and this is the only trace of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use canary_core::detect::{
    Action, Actor, Credential, Event, Identity, Listen, ListenError, Listened, Mention, Outcome,
    Planted, SILENT, Stage,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::catalog::{ACCESS_KEY, KEY_ID, USER};
use crate::client::{CallError, Client};
use crate::provider;

/// IAM dates a use within minutes and is asked for one key a call: four calls an hour for each key.
const EVERY: Duration = Duration::from_secs(15 * 60);
/// So long the event of a use may take: S3 delivers within five minutes on average and promises nothing; an hour covers what
/// others measured.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// A key whose use is looked for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct WatchedKey {
    /// Its identifier.
    pub id: String,
    /// The ARN of its user.
    pub user: String,
    /// The unique identifier of its user.
    pub user_id: String,
}

/// The keys among what is planted.
#[must_use]
pub fn watched_keys(planted: &[Planted]) -> BTreeSet<WatchedKey> {
    let user = |key: &Planted| {
        planted.iter().find(|user| {
            user.handle.kind == USER && Some(&user.handle.name) == key.handle.scope.as_ref()
        })
    };
    let keys = planted
        .iter()
        .filter(|planted| planted.handle.kind == ACCESS_KEY);
    keys.filter_map(|key| {
        let user = user(key);
        Some(WatchedKey {
            id: key.outputs.get(KEY_ID).or(key.uid.as_ref())?.clone(),
            user: user
                .and_then(|user| user.fields.get("arn").cloned())
                .unwrap_or_default(),
            user_id: user.and_then(|user| user.uid.clone()).unwrap_or_default(),
        })
    })
    .collect()
}

/// Asks IAM when keys were used last. A use is told once, an hour after it, so that its own event comes first where there is
/// one.
pub struct LastUsed {
    client: Client,
    keys: BTreeSet<WatchedKey>,
    known: Known,
    /// When it is asked next.
    next: Instant,
    follow: bool,
    has_ended: bool,
    asking: Option<JoinHandle<Answers>>,
}

impl LastUsed {
    /// Asks for these keys, from a position that was kept; once, or every quarter of an hour.
    #[must_use]
    pub fn new(
        client: Client,
        keys: BTreeSet<WatchedKey>,
        follow: bool,
        position: Option<&str>,
    ) -> Self {
        Self {
            client,
            keys,
            known: position
                .and_then(|position| serde_json::from_str(position).ok())
                .unwrap_or_default(),
            next: Instant::now(),
            follow,
            has_ended: false,
            asking: None,
        }
    }

    /// From now on these keys.
    pub fn watch(&mut self, keys: BTreeSet<WatchedKey>) {
        self.keys = keys;
    }

    /// Asks, away from whoever waits: what is asked is not asked again because somebody looked elsewhere meanwhile.
    fn ask(&self) -> JoinHandle<Answers> {
        let (client, keys) = (self.client.clone(), self.keys.clone());
        tokio::spawn(async move {
            let mut answers = Answers::default();
            for key in keys {
                match last_use(&client, &key).await {
                    Ok(used) => answers.used.extend(used.map(|used| (key, used))),
                    Err(error) => {
                        tracing::warn!(
                            error = error.detail(),
                            "the last use of a key is not known"
                        );
                        answers.unknown += 1;
                    }
                }
            }
            answers
        })
    }

    fn listened(&mut self, answers: Answers) -> Listened {
        for (key, used) in answers.used {
            self.known.saw(key, used);
        }
        let due = self.known.due(Timestamp::now());
        let events: Vec<Event> = due.iter().map(|(key, used)| event(key, used)).collect();
        Listened {
            lines: events.len() as u64,
            events,
            position: serde_json::to_string(&self.known).unwrap_or_default(),
            unreadable: answers.unknown,
            bytes: 0,
        }
    }
}

/// What a round of questions came to.
#[derive(Default)]
struct Answers {
    used: Vec<(WatchedKey, Used)>,
    unknown: u64,
}

/// The last use of a key, as far as IAM tells it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Used {
    at: Timestamp,
    service: String,
    region: String,
}

/// What is known of uses. IAM tells the last one only: a key that is used again and again, or is gone within the hour, is told
/// of by the use that was seen first.
#[derive(Default, Debug, Serialize, Deserialize)]
struct Known {
    /// The latest use of each key that was told.
    told: BTreeMap<String, Timestamp>,
    /// The first use of each key after that.
    waiting: BTreeMap<String, (WatchedKey, Used)>,
}

impl Known {
    fn saw(&mut self, key: WatchedKey, used: Used) {
        if self.told.get(&key.id).is_none_or(|told| *told < used.at) {
            self.waiting.entry(key.id.clone()).or_insert((key, used));
        }
    }

    /// What nobody told within the hour.
    fn due(&mut self, now: Timestamp) -> Vec<(WatchedKey, Used)> {
        let is_due = |_: &String, (_, used): &mut (WatchedKey, Used)| {
            now.duration_since(used.at) >= PATIENCE
        };
        let due: Vec<_> = self.waiting.extract_if(.., is_due).collect();
        let told = due.iter().map(|(id, (_, used))| (id.clone(), used.at));
        self.told.extend(told);
        due.into_iter().map(|(_, due)| due).collect()
    }
}

/// A key that is gone was told of while it was there.
async fn last_use(client: &Client, key: &WatchedKey) -> Result<Option<Used>, CallError> {
    let iam = &client.iam;
    let answer = client
        .ask("iam:GetAccessKeyLastUsed", || {
            iam.get_access_key_last_used().access_key_id(&key.id).send()
        })
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if error.is_absence() => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(answer.access_key_last_used().and_then(|used| {
        Some(Used {
            at: crate::observe::moment(used.last_used_date())?,
            service: used.service_name().to_owned(),
            region: used.region().to_owned(),
        })
    }))
}

/// A use as far as IAM tells it.
fn event(key: &WatchedKey, used: &Used) -> Event {
    Event {
        provider: provider(),
        id: format!("{}@{}", key.id, used.at.as_second()),
        stage: Stage::Complete,
        at: Some(used.at),
        stage_at: Some(used.at),
        actor: Actor {
            identity: Identity {
                name: key.user.clone(),
                uid: key.user_id.clone(),
                ..Identity::default()
            },
            credential: Credential::AccessKey(key.id.clone()),
            ..Actor::default()
        },
        acting_as: None,
        action: Action {
            operation: format!("a call of {} in {}", used.service, used.region),
            ..Action::default()
        },
        outcome: Outcome::default(),
        mentions: BTreeSet::from([Mention::Credential(key.id.clone())]),
        annotations: BTreeMap::from([(SILENT.to_owned(), String::new())]),
        gives: BTreeSet::new(),
        request_body: None,
        response_body: None,
        defects: Vec::new(),
    }
}

#[async_trait]
impl Listen for LastUsed {
    /// May be dropped while it waits.
    async fn next(&mut self) -> Result<Option<Listened>, ListenError> {
        if self.has_ended {
            return Ok(None);
        }
        let asking = match self.asking.take() {
            Some(asking) => asking,
            None => {
                tokio::time::sleep_until(self.next).await;
                self.ask()
            }
        };
        // Kept where a dropped future leaves it.
        let answers = self.asking.insert(asking).await;
        self.asking = None;
        self.next = Instant::now() + EVERY;
        self.has_ended = !self.follow;
        Ok(Some(self.listened(answers.unwrap_or_default())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> WatchedKey {
        WatchedKey {
            id: id.to_owned(),
            user: String::new(),
            user_id: String::new(),
        }
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn used(minute: i64) -> Used {
        Used {
            at: at(minute),
            service: "s3".to_owned(),
            region: "eu-west-1".to_owned(),
        }
    }

    #[test]
    fn a_key_that_is_used_again_and_again_is_told_of_an_hour_after_it_began() {
        let mut known = Known::default();
        for minute in (0..60).step_by(15) {
            known.saw(key("A"), used(minute));
            assert!(known.due(at(minute)).is_empty());
        }
        assert_eq!(known.due(at(60)), [(key("A"), used(0))]);
        known.saw(key("A"), used(0));
        assert!(known.due(at(1000)).is_empty());
        known.saw(key("A"), used(61));
        assert_eq!(known.due(at(1000)), [(key("A"), used(61))]);
    }

    #[test]
    fn a_key_that_is_gone_within_the_hour_is_told_of_all_the_same_also_after_a_restart() {
        let mut known = Known::default();
        known.saw(key("A"), used(0));
        let kept = serde_json::to_string(&known).unwrap();
        let mut known: Known = serde_json::from_str(&kept).unwrap();
        assert_eq!(known.due(at(75)), [(key("A"), used(0))]);
    }
}
