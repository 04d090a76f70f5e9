//! One call, tried until its end is known.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Call, Clock, Found, Made, Realize, RealizeError};
use crate::catalog::{Catalog, FieldRule};
use crate::ledger::{Verb, as_sent, equals};
use crate::observe::{Object, Seen};

/// The policy of calls.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Calls at the same time. Beyond 16 to 32 an API server on this path gets slower, not faster.
    pub concurrency: usize,
    /// How long one request may take: twice the 15 s after which an API server's own write gives up, rounded.
    pub call_timeout: Duration,
    /// How long a call may be tried: a site that throttles for a minute refuses it no longer than that and one pause. With
    /// one more request it must fit into what is always left of the lease, two thirds.
    pub patience: Duration,
    /// How long the lease lasts: patience, one request, and as much again for a pause of the machine.
    pub lease: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            concurrency: 16,
            call_timeout: Duration::from_secs(30),
            patience: Duration::from_secs(90),
            lease: Duration::from_secs(240),
        }
    }
}

/// The first pause, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// No pause of our own is longer: a server that is back should not wait for us.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A `Retry-After` beyond this is not waited for within one step.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);

/// So long what a call needs is waited for: a site shows it within seconds, or somebody has removed it.
const LONGEST_AWAITED: Duration = Duration::from_secs(30);

/// How a call ended.
pub(super) enum End {
    /// It was done.
    Made(Made),
    /// It was not done.
    Not(RealizeError),
    /// Nobody knows.
    Unknown(RealizeError),
}

pub(super) struct Attempt<'a> {
    pub(super) realize: &'a dyn Realize,
    pub(super) catalog: &'a dyn Catalog,
    pub(super) clock: &'a dyn Clock,
    pub(super) settings: &'a Settings,
    /// When it is sent, by the site's clock.
    pub(super) sent: Timestamp,
    /// When a cut-off run sent the same, by the same clock; it may come before ours.
    pub(super) sent_before: Option<Timestamp>,
    pub(super) call: Call,
}

/// What to do after a call failed.
enum Next {
    Again(Option<Duration>),
    /// As long as what was made moments ago may not be shown yet.
    AgainSoon,
    LookFirst,
    GiveUp,
}

fn next(error: &RealizeError, may_be_done: bool) -> Next {
    match error {
        RealizeError::Busy { retry_after, .. } => Next::Again(*retry_after),
        RealizeError::Awaits { .. } => Next::AgainSoon,
        RealizeError::Unknown { .. } => Next::LookFirst,
        // After a lost answer, here or in a run that was cut off, these may be the traces of our own first try.
        RealizeError::Exists { .. } | RealizeError::Changed { .. } if may_be_done => {
            Next::LookFirst
        }
        RealizeError::Exists { .. }
        | RealizeError::Changed { .. }
        | RealizeError::NoPlace { .. }
        | RealizeError::Denied { .. }
        | RealizeError::Held { .. }
        | RealizeError::Refused { .. } => Next::GiveUp,
    }
}

impl Attempt<'_> {
    /// Tries until the end is known, the error is final, or patience ends.
    pub(super) async fn run(self) -> End {
        let began = self.clock.now();
        let sent = self.sent_before.unwrap_or(self.sent);
        let mut may_be_done = self.sent_before.is_some();
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.realize.realize(&self.call).await {
                Ok(made) => return End::Made(made),
                Err(error) => error,
            };
            let mut wait = pause;
            let mut patience = self.settings.patience;
            match next(&error, may_be_done) {
                Next::GiveUp => return End::Not(error),
                Next::AgainSoon => patience = patience.min(LONGEST_AWAITED),
                Next::Again(asked) => wait = asked.unwrap_or(pause).min(LONGEST_RETRY_AFTER),
                // What it gave is lost: the next run removes what it made.
                Next::LookFirst if self.gives_once() => return End::Unknown(error),
                Next::LookFirst => {
                    may_be_done = true;
                    match self.look(sent).await {
                        Some(Looked::Done(made)) => return End::Made(*made),
                        Some(Looked::Anothers) => return End::Not(error_of(&self.call)),
                        Some(Looked::NotDone) | None => {}
                    }
                }
            }
            if self.is_over(began, wait, patience) {
                return if may_be_done {
                    End::Unknown(error)
                } else {
                    End::Not(error)
                };
            }
            self.clock.sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn gives_once(&self) -> bool {
        self.call.verb == Verb::Create && self.catalog.gives_once(&self.call.handle.kind)
    }

    fn is_over(&self, began: Timestamp, wait: Duration, patience: Duration) -> bool {
        let patience = SignedDuration::try_from(patience).unwrap_or_default();
        let wait = SignedDuration::try_from(wait).unwrap_or_default();
        self.clock.now().duration_since(began) + wait > patience
    }

    /// What became of a call with a lost answer; `None` when that cannot be told now.
    async fn look(&self, sent: Timestamp) -> Option<Looked> {
        let found = self.realize.find(&self.call).await.ok()?;
        let rule = |name: &str, declared| {
            self.catalog
                .field_rule(&self.call.handle.kind, name, declared)
        };
        let looked = judge(&self.call, &found, sent, rule);
        match looked {
            Judged::NotDone => Some(Looked::NotDone),
            Judged::Anothers => Some(Looked::Anothers),
            Judged::Gone => Some(Looked::Done(Box::default())),
            Judged::Ours(object) => {
                let mut made = self.realize.outputs_of(&self.call, object).await.ok()?;
                let sent = sent_as_seen(&self.call, object.fields.as_ref()?);
                made.object = Some(as_sent(object, &sent, rule));
                Some(Looked::Done(Box::new(made)))
            }
        }
    }
}

enum Looked {
    Done(Box<Made>),
    NotDone,
    Anothers,
}

#[derive(Debug, PartialEq, Eq)]
enum Judged<'a> {
    NotDone,
    Anothers,
    Gone,
    Ours(&'a Object),
}

/// Pure: what a find means for a call. A created thing is ours only if it appeared within the call's time and equals
/// what was sent.
fn judge<'a>(
    call: &Call,
    found: &'a Found,
    sent: Timestamp,
    rule: impl Fn(&str, bool) -> FieldRule,
) -> Judged<'a> {
    let object = match (call.verb, found) {
        (_, Found::NothingToFind) | (Verb::Create, Found::Absent) => return Judged::NotDone,
        (Verb::Delete, Found::Absent) => return Judged::Gone,
        (Verb::Update, Found::Absent) => return Judged::Anothers,
        (_, Found::There(object)) => object,
    };
    let same_uid = call
        .have
        .as_ref()
        .is_some_and(|have| have.uid == object.version.uid);
    let unmoved = call.have.as_ref() == Some(&object.version);
    match call.verb {
        Verb::Delete if !same_uid => Judged::Gone,
        Verb::Delete | Verb::Update if unmoved => Judged::NotDone,
        Verb::Delete => Judged::Anothers,
        Verb::Update if same_uid && equals_sent(call, object, &rule) => Judged::Ours(object),
        Verb::Update => Judged::Anothers,
        Verb::Create if appeared_since(object, sent) && equals_sent(call, object, &rule) => {
            Judged::Ours(object)
        }
        Verb::Create => Judged::Anothers,
    }
}

/// A site's clock may be behind ours, and `creationTimestamp` has whole seconds.
const SKEW: SignedDuration = SignedDuration::from_secs(300);

fn appeared_since(object: &Object, sent: Timestamp) -> bool {
    // What bears no date is told by its content alone.
    object
        .created
        .is_none_or(|created| created.duration_since(sent) >= -SKEW)
}

fn equals_sent(call: &Call, object: &Object, rule: impl Fn(&str, bool) -> FieldRule) -> bool {
    let Some(fields) = &object.fields else {
        return false;
    };
    equals(&sent_as_seen(call, fields), fields, rule)
}

/// The content of a call in the form in which it is seen.
fn sent_as_seen(call: &Call, fields: &BTreeMap<String, Seen>) -> BTreeMap<String, Seen> {
    call.content
        .iter()
        .map(|(name, content)| {
            let seen = match fields.get(name) {
                Some(Seen::Public(_)) => {
                    Seen::Public(String::from_utf8_lossy(content.expose()).into_owned())
                }
                Some(Seen::Digest(_)) | None => {
                    Seen::Digest(call.digester.digest(content.expose()))
                }
            };
            (name.clone(), seen)
        })
        .collect()
}

fn error_of(call: &Call) -> RealizeError {
    let handle = call.handle.clone();
    match call.verb {
        Verb::Create => RealizeError::Exists { handle },
        Verb::Update | Verb::Delete => RealizeError::Changed { handle },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_of_throttling_is_waited_out_and_the_lease_lasts_longer() {
        let settings = Settings::default();
        assert!(settings.patience >= Duration::from_secs(60) + LONGEST_RETRY_AFTER);
        // It is renewed when a third of it is over.
        assert!(settings.patience + settings.call_timeout <= settings.lease / 3 * 2);
    }
}
