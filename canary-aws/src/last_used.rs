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
use crate::unknown_keys::{self, UnknownKey};

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
    /// Whose it is.
    pub user: WatchedUser,
}

/// A user of ours.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct WatchedUser {
    /// Its name.
    pub name: String,
    /// Its ARN; empty where it is not known.
    pub arn: String,
    /// Its unique identifier; empty where it is not known.
    pub id: String,
}

/// What IAM is asked about.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Watched {
    /// Every key that is ours or was.
    pub keys: BTreeSet<WatchedKey>,
    /// Every user that is ours.
    pub users: BTreeSet<WatchedUser>,
}

impl Watched {
    /// What there is to ask about in what is planted.
    #[must_use]
    pub fn among(planted: &[Planted]) -> Self {
        let of_kind = |kind: &'static str| {
            planted
                .iter()
                .filter(move |planted| planted.handle.kind == kind)
        };
        let user = |user: &Planted| WatchedUser {
            name: user.handle.name.clone(),
            arn: user.fields.get("arn").cloned().unwrap_or_default(),
            id: user.uid.clone().unwrap_or_default(),
        };
        let users: BTreeSet<WatchedUser> = of_kind(USER).map(user).collect();
        let of = |key: &Planted| {
            let name = key.handle.scope.as_ref()?;
            let user = users.iter().find(|user| user.name == *name);
            Some(user.cloned().unwrap_or_default())
        };
        let keys = of_kind(ACCESS_KEY).filter_map(|key| {
            Some(WatchedKey {
                id: key.outputs.get(KEY_ID).or(key.uid.as_ref())?.clone(),
                user: of(key).unwrap_or_default(),
            })
        });
        Self {
            keys: keys.collect(),
            users,
        }
    }

    /// Whether a key is ours.
    pub(crate) fn has_key(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id == id)
    }
}

/// Asks IAM when keys were used last, and which keys there are on users of ours that are not ours. Either is told once, an
/// hour after it was, so that its own event comes first where there is one.
pub struct LastUsed {
    client: Client,
    watched: Watched,
    known: Known,
    /// When it is asked next.
    next: Instant,
    follow: bool,
    has_ended: bool,
    asking: Option<JoinHandle<Answers>>,
    /// Why a question of the last round was not answered.
    trouble: Option<String>,
}

impl LastUsed {
    /// Asks about these, from a position that was kept; once, or every quarter of an hour.
    #[must_use]
    pub fn new(client: Client, watched: Watched, follow: bool, position: Option<&str>) -> Self {
        Self {
            client,
            watched,
            known: position
                .and_then(|position| serde_json::from_str(position).ok())
                .unwrap_or_default(),
            next: Instant::now(),
            follow,
            has_ended: false,
            asking: None,
            trouble: None,
        }
    }

    /// From now on about these.
    pub fn watch(&mut self, watched: Watched) {
        self.watched = watched;
    }

    /// Why not all is known at the moment; one line.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.clone()
    }

    /// Asks, away from whoever waits: what is asked is not asked again because somebody looked elsewhere meanwhile.
    fn ask(&self) -> JoinHandle<Answers> {
        let (client, watched) = (self.client.clone(), self.watched.clone());
        tokio::spawn(async move {
            let mut answers = Answers::default();
            for user in &watched.users {
                let unknown = unknown_keys::of_user(&client, user, &watched).await;
                answers
                    .unknown
                    .extend(answers.failed.seen(unknown).into_iter().flatten());
            }
            let unknown = answers.unknown.iter().map(|key| WatchedKey {
                id: key.id.clone(),
                user: key.user.clone(),
            });
            for key in watched.keys.into_iter().chain(unknown) {
                let used = last_use(&client, &key).await;
                let used = answers.failed.seen(used).flatten();
                answers.used.extend(used.map(|used| (key, used)));
            }
            answers
        })
    }

    fn listened(&mut self, answers: Answers) -> Listened {
        self.trouble = answers.failed.why;
        for (key, used) in answers.used {
            self.known.saw(key, used);
        }
        let now = Timestamp::now();
        let unknown = self.known.unknown(answers.unknown, &self.watched, now);
        let used = self.known.due(now);
        let used = used.iter().map(|(key, used)| event(key, used));
        let events: Vec<Event> = unknown
            .iter()
            .map(unknown_keys::event)
            .chain(used)
            .collect();
        Listened {
            lines: events.len() as u64,
            events,
            position: serde_json::to_string(&self.known).unwrap_or_default(),
            unreadable: answers.failed.count,
            bytes: 0,
        }
    }
}

/// What a round of questions came to.
#[derive(Default)]
struct Answers {
    used: Vec<(WatchedKey, Used)>,
    unknown: Vec<UnknownKey>,
    failed: Failed,
}

/// How many questions were not answered, and why the first of them was not.
#[derive(Default)]
struct Failed {
    count: u64,
    why: Option<String>,
}

impl Failed {
    fn seen<T>(&mut self, answer: Result<T, CallError>) -> Option<T> {
        answer
            .inspect_err(|error| {
                tracing::warn!(error = error.detail(), "what IAM knows is not known");
                self.count += 1;
                self.why.get_or_insert_with(|| error.detail());
            })
            .ok()
    }
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
    /// The keys that are not ours and were told.
    #[serde(default)]
    unknown: BTreeSet<String>,
    /// The first use of each key after that.
    waiting: BTreeMap<String, (WatchedKey, Used)>,
}

impl Known {
    fn saw(&mut self, key: WatchedKey, used: Used) {
        if self.told.get(&key.id).is_none_or(|told| *told < used.at) {
            self.waiting.entry(key.id.clone()).or_insert((key, used));
        }
    }

    /// Keys that nobody told within the hour, and that are not ours by now either.
    fn unknown(
        &mut self,
        mut listed: Vec<UnknownKey>,
        watched: &Watched,
        now: Timestamp,
    ) -> Vec<UnknownKey> {
        listed.retain(|key| {
            now.duration_since(key.created) >= PATIENCE
                && !watched.has_key(&key.id)
                && self.unknown.insert(key.id.clone())
        });
        listed
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
                name: key.user.arn.clone(),
                uid: key.user.id.clone(),
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
            user: WatchedUser::default(),
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
