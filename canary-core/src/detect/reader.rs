//! Known readers: reviewed exceptions for covering reads. A named touch is never excused.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Action, Credential, Event, ISSUER, ISSUER_ID, Identity, Outcome, OutcomeClass};
use crate::config::{Cadence, KnownReader, Origin, ReaderScope};

/// Judges covering touches by the reviewed entries.
#[derive(Debug, Default)]
pub struct Readers {
    entries: Vec<KnownReader>,
    learned: Learned,
    counts: BTreeMap<usize, u64>,
    unproven: u64,
}

/// Who issued which token, where nodes are, and when a reader last read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Learned {
    /// Token identifiers with the node that had them issued.
    issued: BTreeMap<String, String>,
    /// Identifiers of tokens that anybody else had issued. Apart, so that what nodes do all day does not push them out.
    #[serde(default)]
    minted: BTreeSet<String>,
    /// Where pods are, by uid: the address that each first came from.
    #[serde(default)]
    pods: BTreeMap<String, IpAddr>,
    /// Addresses of nodes, by name.
    nodes: BTreeMap<String, IpAddr>,
    /// By the place of the entry and its principal, so that an edited configuration does not mix them up.
    last: BTreeMap<String, Timestamp>,
    /// The same for the latest page of that reading.
    #[serde(default)]
    pages: BTreeMap<String, Timestamp>,
}

/// Beyond this many remembered tokens the oldest names go first: a node issues some hundred a day.
const REMEMBERED: usize = 100_000;

/// How the names of nodes begin.
pub(crate) const NODE: &str = "system:node:";

/// Whether a node asked, for itself.
pub(super) fn is_by_node(event: &Event) -> bool {
    event.actor.identity.name.starts_with(NODE) && event.acting_as.is_none()
}

/// How the names of service accounts begin.
pub(super) const SERVICE_ACCOUNT: &str = "system:serviceaccount:";
const ISSUED: &str = "authentication.kubernetes.io/issued-credential-id";

impl Readers {
    /// Judges by these entries.
    #[must_use]
    pub fn new(entries: Vec<KnownReader>) -> Self {
        Self {
            entries,
            ..Self::default()
        }
    }

    /// Learns what later decisions need: who had which token issued, and where nodes are.
    pub fn learn(&mut self, event: &Event) {
        let learned = &mut self.learned;
        let node = event.actor.identity.name.strip_prefix(NODE);
        if let (Some(node), Some(address)) = (node, event.actor.address) {
            learned.nodes.entry(node.to_owned()).or_insert(address);
        }
        if let (Some(pod), Some(address)) = (&event.actor.pod, event.actor.address) {
            if learned.pods.len() >= REMEMBERED && !learned.pods.contains_key(&pod.uid) {
                learned.pods.pop_first();
            }
            learned.pods.entry(pod.uid.clone()).or_insert(address);
        }
        if event.action.resource == "serviceaccounts"
            && event.action.subresource == "token"
            && is_allowed(&event.outcome)
            && let Some(id) = event.annotations.get(ISSUED)
        {
            if let Some(node) = node.filter(|_| event.acting_as.is_none()) {
                if learned.issued.len() >= REMEMBERED {
                    learned.issued.pop_first();
                }
                learned.issued.insert(id.clone(), node.to_owned());
            } else {
                if learned.minted.len() >= REMEMBERED {
                    learned.minted.pop_first();
                }
                learned.minted.insert(id.clone());
            }
        }
    }

    pub(super) fn memory(&self) -> &Learned {
        &self.learned
    }

    pub(super) fn remember(&mut self, learned: Learned) {
        self.learned = learned;
    }

    /// The entry that excuses a covering touch, if one does: every condition of it holds.
    pub fn excuses(&mut self, event: &Event) -> Option<&KnownReader> {
        let fits = |i: &usize| self.misfit(*i, event).is_none();
        let found = (0..self.entries.len()).find(fits)?;
        if let (Some(at), Some(entry)) = (event.at, self.entries.get(found)) {
            let place = place(found, entry);
            let page = self.learned.pages.entry(place.clone()).or_insert(at);
            *page = at.max(*page);
            if !is_further_page(&event.action) {
                let last = self.learned.last.entry(place).or_insert(at);
                *last = at.max(*last);
            }
        }
        *self.counts.entry(found).or_default() += 1;
        let is_proven = match &event.actor.credential {
            Credential::Token(id) => self.learned.issued.contains_key(&format!("JTI={id}")),
            Credential::Unknown => false,
            Credential::Certificate(_) | Credential::AccessKey(_) => true,
        };
        if event.actor.pod.is_some() && !is_proven {
            self.unproven += 1;
        }
        self.entries.get(found)
    }

    /// How often each entry excused a touch, with its principal.
    pub fn counts(&self) -> impl Iterator<Item = (&KnownReader, u64)> {
        self.entries
            .iter()
            .enumerate()
            .map(|(i, entry)| (entry, self.counts.get(&i).copied().unwrap_or_default()))
    }

    /// Excused touches whose token was issued before the log began.
    #[must_use]
    pub fn unproven(&self) -> u64 {
        self.unproven
    }

    /// An entry that is about this reading, and why it does not excuse it; in words.
    pub(super) fn near_miss(&self, event: &Event) -> Option<String> {
        let about = |i: &usize| {
            self.entries
                .get(*i)
                .is_some_and(|entry| is_about(entry, event))
        };
        (0..self.entries.len()).filter(about).find_map(|i| {
            let misfit = self.misfit(i, event)?;
            Some(format!("a known reader, but {}", misfit.words()))
        })
    }

    /// The first condition that does not hold; `None` when every one does.
    fn misfit(&self, i: usize, event: &Event) -> Option<Misfit> {
        let Some(entry) = self.entries.get(i) else {
            return Some(Misfit::Another);
        };
        let identity = &event.actor.identity;
        let is_from = |from: &Origin| self.origin_fits(from, event);
        // A service account is known by the tokens of its pods, unless its entry says otherwise.
        let is_account = entry.principal.starts_with(SERVICE_ACCOUNT);
        let form = entry
            .credential
            .as_deref()
            .or(is_account.then_some("pod-token"));
        let is_over = |at: Timestamp| at.to_zoned(jiff::tz::TimeZone::UTC).date() > entry.until;
        let conditions = [
            (is_about(entry, event), Misfit::Another),
            (
                entry.uid.as_ref().is_none_or(|uid| {
                    *uid == identity.uid || is_issued_by(identity, ISSUER_ID, uid)
                }),
                Misfit::Uid,
            ),
            (
                form.is_none_or(|form| self.credential_fits(form, event)),
                Misfit::Credential,
            ),
            (entry.from.as_ref().is_none_or(is_from), Misfit::Origin),
            (
                event.outcome.class() == OutcomeClass::Allowed,
                Misfit::Denied,
            ),
            (!event.at.is_some_and(is_over), Misfit::Over),
            (self.cadence_fits(i, entry, event), Misfit::Cadence),
        ];
        conditions
            .into_iter()
            .find_map(|(holds, misfit)| (!holds).then_some(misfit))
    }

    fn credential_fits(&self, form: &str, event: &Event) -> bool {
        match &event.actor.credential {
            Credential::Token(id) => match form {
                "pod-token" => event.actor.pod.is_some() && self.is_of_its_node(id, event),
                "token" => event.actor.pod.is_none(),
                _ => false,
            },
            Credential::Certificate(sha) => {
                form.strip_prefix("certificate:") == Some(sha.to_lowercase().as_str())
            }
            Credential::AccessKey(_) => false,
            // Before Kubernetes 1.29 tokens have no identifier; those of pods name the pod all the same.
            Credential::Unknown => match form {
                "pod-token" => event.actor.pod.is_some(),
                "unknown" => event.actor.pod.is_none(),
                _ => false,
            },
        }
    }

    /// Issued by the pod's own node, as far as that is known, or issued before the log began.
    fn is_of_its_node(&self, id: &str, event: &Event) -> bool {
        let id = format!("JTI={id}");
        let node = event.actor.node.as_ref();
        let issuer = self.learned.issued.get(&id);
        !self.learned.minted.contains(&id)
            && issuer.is_none_or(|issuer| node.is_none_or(|node| node.name == *issuer))
    }

    fn origin_fits(&self, from: &Origin, event: &Event) -> bool {
        let Some(address) = event.actor.address else {
            return false;
        };
        let node = event
            .actor
            .node
            .as_ref()
            .and_then(|node| self.learned.nodes.get(&node.name));
        match from {
            Origin::OwnNode => node == Some(&address),
            // A pod's address is not in the log; what is certain is that it is not its node's, and that it stays.
            Origin::OwnPod => event.actor.pod.as_ref().is_some_and(|pod| {
                let known = self.learned.pods.get(&pod.uid);
                node != Some(&address) && known.is_none_or(|known| *known == address)
            }),
            Origin::Network(network) => contains(network, address),
        }
    }

    fn cadence_fits(&self, i: usize, entry: &KnownReader, event: &Event) -> bool {
        let every = match &entry.every {
            None => return true,
            Some(Cadence::Informer) => return is_an_informers(&event.action),
            Some(Cadence::Every(every)) => every,
        };
        let place = place(i, entry);
        let last = self.learned.last.get(&place);
        let (Some(last), Some(at)) = (last, event.at) else {
            return true;
        };
        let every = SignedDuration::try_from(*every).unwrap_or(SignedDuration::MAX);
        let gap = at.duration_since(*last).abs();
        // Both stages of one request, the further pages of one reading, and clocks that jitter by a tenth.
        let page = self.learned.pages.get(&place).unwrap_or(last);
        let is_next = is_further_page(&event.action)
            && at.duration_since(*page).abs() <= PAGES
            && gap <= LONGEST_READING;
        gap.is_zero() || is_next || gap >= every / 10 * 9
    }
}

/// Which condition of an entry does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Misfit {
    /// It is about another reading.
    Another,
    Uid,
    Credential,
    Origin,
    Denied,
    Over,
    Cadence,
}

impl Misfit {
    fn words(self) -> &'static str {
        match self {
            Self::Another => "for another reading",
            Self::Uid => "with another uid",
            Self::Credential => "with another credential than its own",
            Self::Origin => "from another place than its own",
            Self::Denied => "it was refused",
            Self::Over => "its entry has expired",
            Self::Cadence => "otherwise than at its own cadence",
        }
    }
}

/// A server gives further pages of a list for some five minutes after the page before.
const PAGES: SignedDuration = SignedDuration::from_mins(5);

/// A hundred thousand Secrets are 200 pages; an hour of them is another reading.
const LONGEST_READING: SignedDuration = SignedDuration::from_hours(1);

/// A further page of a list: the first `continue` that a server does not drop has letters of base64. A client can make
/// such a one up, but not without one that reaches the server.
fn is_further_page(action: &Action) -> bool {
    let (_, query) = action.uri.split_once('?').unwrap_or_default();
    let mut tokens = query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("continue="));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_token = |token: &str| {
        let token = token.replace("%3D", "").replace("%3d", "");
        let token = token.trim_end_matches('=');
        !token.is_empty() && token.chars().all(is_plain)
    };
    action.verb == "list" && tokens.next().is_some_and(is_token)
}

/// In the form in which informers of client-go read: a list may come from the cache, a watch asks for bookmarks. `kubectl`
/// and `curl` ask for neither unless told to. What is written in any other way is not recognised.
fn is_an_informers(action: &Action) -> bool {
    let (_, query) = action.uri.split_once('?').unwrap_or_default();
    let has = |wanted: &str| query.split('&').any(|pair| pair == wanted);
    match action.verb.as_str() {
        "list" => has("resourceVersion=0"),
        "watch" => has("allowWatchBookmarks=true"),
        _ => false,
    }
}

/// The same principal doing the same thing.
fn is_about(entry: &KnownReader, event: &Event) -> bool {
    let acting_as = event
        .acting_as
        .as_ref()
        .map(|identity| identity.name.as_str());
    is_principal(entry, &event.actor.identity)
        && acting_as == entry.acting_as.as_deref()
        && entry.verbs.contains(&event.action.verb)
        && entry.resource == event.action.resource
        && scope_fits(&entry.scope, &event.action.namespace)
        && event.action.selectors.label == entry.label_selector
        && event.action.selectors.field == entry.field_selector
}

/// The identity itself, or a session of the role that the entry names: every session has a name of its own.
fn is_principal(entry: &KnownReader, identity: &Identity) -> bool {
    identity.name == entry.principal || is_issued_by(identity, ISSUER, &entry.principal)
}

fn is_issued_by(identity: &Identity, what: &str, issuer: &str) -> bool {
    let issuers = identity.extra.get(what);
    issuers.is_some_and(|issuers| issuers.iter().any(|one| one == issuer))
}

fn place(i: usize, entry: &KnownReader) -> String {
    format!("{i} {}", entry.principal)
}

fn is_allowed(outcome: &Outcome) -> bool {
    outcome.code.is_none_or(|code| (200..300).contains(&code))
}

fn scope_fits(scope: &ReaderScope, namespace: &str) -> bool {
    match scope {
        ReaderScope::Cluster => namespace.is_empty(),
        ReaderScope::Namespace(own) => own == namespace,
    }
}

/// Whether an address is in a network written as `ADDRESS/BITS`.
#[must_use]
pub fn contains(network: &str, address: IpAddr) -> bool {
    let Some((base, bits)) = network.split_once('/') else {
        return network.parse() == Ok(address);
    };
    let (Ok(base), Ok(bits)) = (base.parse::<IpAddr>(), bits.parse::<u32>()) else {
        return false;
    };
    match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            u32::from(base) & mask == u32::from(address) & mask
        }
        (IpAddr::V6(base), IpAddr::V6(address)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            u128::from(base) & mask == u128::from(address) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{Actor, Stage};
    use crate::graph::ProviderId;

    const ROLE: &str = "arn:aws:iam::123456789012:role/dev";

    fn entry(principal: &str, uid: Option<&str>) -> KnownReader {
        KnownReader {
            principal: principal.to_owned(),
            acting_as: None,
            uid: uid.map(str::to_owned),
            verbs: vec!["list".into()],
            resource: "secrets".into(),
            scope: ReaderScope::Cluster,
            label_selector: None,
            field_selector: None,
            credential: None,
            from: None,
            every: None,
            reason: "an audit".into(),
            until: jiff::civil::date(2030, 1, 1),
            span: Default::default(),
        }
    }

    /// A list by a session of a role.
    fn list(session: &str) -> Event {
        let extra = [(ISSUER, ROLE), (ISSUER_ID, "AROADEV")];
        let identity = Identity {
            name: format!("arn:aws:sts::123456789012:assumed-role/dev/{session}"),
            uid: format!("AROADEV:{session}"),
            extra: extra
                .map(|(name, value)| (name.to_owned(), vec![value.to_owned()]))
                .into(),
            ..Identity::default()
        };
        Event {
            provider: ProviderId::new("aws"),
            id: session.to_owned(),
            stage: Stage::Complete,
            at: Some("2026-11-03T09:14:11Z".parse().unwrap()),
            stage_at: None,
            actor: Actor {
                identity,
                credential: Credential::AccessKey("ASIA".into()),
                ..Actor::default()
            },
            acting_as: None,
            action: Action {
                verb: "list".into(),
                resource: "secrets".into(),
                ..Action::default()
            },
            outcome: Outcome {
                code: Some(200),
                ..Outcome::default()
            },
            mentions: BTreeSet::new(),
            annotations: BTreeMap::new(),
            gives: BTreeSet::new(),
            request_body: None,
            response_body: None,
            defects: Vec::new(),
        }
    }

    #[test]
    fn an_entry_that_names_a_role_is_about_every_session_of_it_and_of_no_other() {
        let excuses = |principal: &str, uid| {
            let mut readers = Readers::new(vec![entry(principal, uid)]);
            ["monday", "tuesday"].map(|session| readers.excuses(&list(session)).is_some())
        };
        assert_eq!(excuses(ROLE, None), [true, true]);
        assert_eq!(excuses(ROLE, Some("AROADEV")), [true, true]);
        // The role was deleted and made anew.
        assert_eq!(excuses(ROLE, Some("AROAOTHER")), [false, false]);
        assert_eq!(excuses(&format!("{ROLE}s"), None), [false, false]);
        let session = "arn:aws:sts::123456789012:assumed-role/dev/monday";
        assert_eq!(excuses(session, None), [true, false]);
    }

    #[test]
    fn networks_hold_their_addresses() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(contains("10.0.0.0/8", address("10.9.8.7")));
        assert!(!contains("10.0.0.0/8", address("11.0.0.1")));
        assert!(contains("0.0.0.0/0", address("1.2.3.4")));
        assert!(contains("fd00::/8", address("fd12::1")));
        assert!(!contains("10.0.0.0/8", address("fd12::1")));
    }
}
