//! All records of pods, found by everything that a pod or its credentials are known by.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{PodEntry, PodHandle, PodNumber, PodRecord, Sessions};

/// How long a record is kept after the last of its credentials can be used: events of logs that are fetched again, as
/// from an archive, come as late as that.
const LATE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How far the clock of a site may be from ours: AWS takes no signature from further away.
const CLOCKS: SignedDuration = SignedDuration::from_mins(5);

/// Everything that is known of pods that have, or had, a bait.
#[derive(Clone, Debug, Default)]
pub struct Pods {
    records: BTreeMap<PodNumber, PodRecord>,
    by_uid: BTreeMap<String, PodNumber>,
    /// The one that has it now is the last that was opened with it.
    by_handle: BTreeMap<(String, PodHandle), PodNumber>,
    by_token: BTreeMap<String, PodNumber>,
    next: u32,
}

/// Whose a credential or a Secret is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resolved<'a> {
    /// The pod.
    pub record: &'a PodRecord,
    /// When the credential was issued, where one was named.
    pub issued: Option<Timestamp>,
}

impl Pods {
    /// Adds entries up. What does not fit, as an entry of a record that was lost, is left out.
    #[must_use]
    pub fn from_entries(entries: impl IntoIterator<Item = PodEntry>) -> Self {
        let mut pods = Self::default();
        for entry in entries {
            pods.add(entry);
        }
        pods
    }

    /// Adds one.
    pub fn add(&mut self, entry: PodEntry) {
        match entry {
            PodEntry::Opened {
                number,
                canary,
                handle,
                subject,
                at,
            } => {
                self.next = self.next.max(number.get() + 1);
                self.by_uid.insert(subject.uid.clone(), number);
                let place = (subject.namespace.clone(), handle.clone());
                self.by_handle.insert(place, number);
                let record = PodRecord {
                    number,
                    canary,
                    handle,
                    subject: *subject,
                    opened: at,
                    issued: Vec::new(),
                    secret: None,
                    is_taken: false,
                    others: Vec::new(),
                    buried: None,
                };
                self.records.insert(number, record);
            }
            PodEntry::Known { number, subject } => {
                if let Some(record) = self.records.get_mut(&number) {
                    record.subject = *subject;
                }
            }
            PodEntry::Issued { number, issued } => {
                if let Some(record) = self.records.get_mut(&number) {
                    match &issued.token {
                        Some(token) => {
                            self.by_token.insert(token.clone(), number);
                        }
                        // Of sessions the latest alone is of use: when the next is due. Their names say everything else.
                        None => record.issued.retain(|known| known.kind != issued.kind),
                    }
                    // A snapshot may hold what is committed after it.
                    if !record.issued.contains(&issued) {
                        record.issued.push(issued);
                    }
                }
            }
            PodEntry::Written { number, secret } => {
                if let Some(record) = self.records.get_mut(&number) {
                    record.secret = Some(secret);
                    record.is_taken = false;
                }
            }
            PodEntry::Taken { number } => {
                if let Some(record) = self.records.get_mut(&number) {
                    record.secret = None;
                    record.is_taken = true;
                }
            }
            PodEntry::Shared { number, other } => {
                if let Some(record) = self.records.get_mut(&number)
                    && !record.others.contains(&other)
                {
                    record.others.push(other);
                }
            }
            PodEntry::Buried { number, at } => {
                if let Some(record) = self.records.get_mut(&number) {
                    record.buried = Some(at);
                }
            }
            PodEntry::Numbered { next } => self.next = self.next.max(next.get()),
        }
    }

    /// The number of the next record; `None` when all are used up.
    #[must_use]
    pub fn next_number(&self) -> Option<PodNumber> {
        PodNumber::new(self.next)
    }

    /// A record.
    #[must_use]
    pub fn get(&self, number: PodNumber) -> Option<&PodRecord> {
        self.records.get(&number)
    }

    /// All records, in the order in which they were opened.
    pub fn all(&self) -> impl Iterator<Item = &PodRecord> {
        self.records.values()
    }

    /// The records of pods that are not buried.
    pub fn living(&self) -> impl Iterator<Item = &PodRecord> {
        self.all().filter(|record| record.buried.is_none())
    }

    /// Of a pod.
    #[must_use]
    pub fn of_pod(&self, uid: &str) -> Option<&PodRecord> {
        self.get(*self.by_uid.get(uid)?)
    }

    /// Of the Secret that a pod waits for.
    #[must_use]
    pub fn of_secret(&self, namespace: &str, handle: &PodHandle) -> Option<&PodRecord> {
        self.get(
            *self
                .by_handle
                .get(&(namespace.to_owned(), handle.clone()))?,
        )
    }

    /// Whose a token is, by its identifier.
    #[must_use]
    pub fn of_token(&self, token: &str) -> Option<Resolved<'_>> {
        let record = self.get(*self.by_token.get(token)?)?;
        let is_it = |issued: &&super::Issued| issued.token.as_deref() == Some(token);
        let issued = record.issued.iter().find(is_it).map(|issued| issued.at);
        Some(Resolved { record, issued })
    }

    /// Whose a session is, by its name.
    #[must_use]
    pub fn of_session(&self, sessions: &Sessions, name: &str) -> Option<Resolved<'_>> {
        let (number, at) = sessions.read(name)?;
        let record = self.get(number)?;
        // A name that merely has the form has a number too: nobody was given a session before the pod was there, or after.
        let is_before = at.as_second() < record.opened.as_second();
        let is_after = record.buried.is_some_and(|buried| at > buried);
        (!is_before && !is_after).then_some(Resolved {
            record,
            issued: Some(at),
        })
    }

    /// Whether a session that was begun at that time under that name is one that was asked for by whoever has the key: the
    /// name says so of that moment and of a pod that was there. A name that was seen is of no use a while later.
    #[must_use]
    pub fn proves(&self, sessions: &Sessions, name: &str, at: Timestamp) -> bool {
        let resolved = self.of_session(sessions, name);
        let issued = resolved.and_then(|resolved| resolved.issued);
        issued.is_some_and(|issued| at.duration_since(issued).abs() <= CLOCKS)
    }

    /// The entries that add up to the same at `now`, without what can neither be used nor come late any more.
    #[must_use]
    pub fn compacted(&self, now: Timestamp) -> Vec<PodEntry> {
        let recent = |until: Timestamp| now.duration_since(until) < LATE;
        let mut entries: Vec<PodEntry> = self
            .next_number()
            .map(|next| PodEntry::Numbered { next })
            .into_iter()
            .collect();
        for record in self.records.values() {
            let last = record
                .usable_until()
                .max(record.buried)
                .unwrap_or(record.opened);
            if record.buried.is_some() && !recent(last) {
                continue;
            }
            entries.extend(of_record(record, recent));
        }
        entries
    }
}

fn of_record(record: &PodRecord, recent: impl Fn(Timestamp) -> bool) -> Vec<PodEntry> {
    let number = record.number;
    let mut entries = vec![PodEntry::Opened {
        number,
        canary: record.canary.clone(),
        handle: record.handle.clone(),
        subject: Box::new(record.subject.clone()),
        at: record.opened,
    }];
    for issued in &record.issued {
        let is_latest = record.latest(issued.kind) == Some(issued);
        if is_latest || (issued.token.is_some() && recent(issued.until)) {
            let issued = issued.clone();
            entries.push(PodEntry::Issued { number, issued });
        }
    }
    let secret = record.secret.clone();
    entries.extend(secret.map(|secret| PodEntry::Written { number, secret }));
    entries.extend(record.is_taken.then_some(PodEntry::Taken { number }));
    let others = record.others.iter().cloned();
    entries.extend(others.map(|other| PodEntry::Shared { number, other }));
    entries.extend(record.buried.map(|at| PodEntry::Buried { number, at }));
    entries
}
