//! Which lines can matter, decided on their bytes.
//!
//! The scan may take a line for a candidate that is none; it never passes one over that is one. A candidate is then
//! read in full, so the scan decides nothing but what is read.
//!
//! Why it passes nothing over. A kube-apiserver writes the fields of a record in one order (that of the Go struct) and
//! compact. In JSON a raw quote never stands inside of a string, so what begins with a raw quote and is no string's end
//! is a key: text that a client chose (path, user agent, names) cannot forge `,"objectRef":{`. The scan stops at every
//! opening brace of the line and looks at the key before it. A line is passed over only when
//! - it begins as a record of the server does, and its braces are the known ones, in the server's order, each at most
//!   once: `user`, its `extra`, `impersonatedUser`, its `extra`, `objectRef`, `responseStatus` with `metadata` and
//!   `details`, `annotations`. So no object that a client shaped stands before `objectRef`, and no second record begins
//!   in the line. A brace that no key, no end and no space follows is a string's (JSON allows nothing else), and is
//!   passed by. Behind the beginning of a body (`requestObject`, `responseObject`), where anything may stand, only a
//!   second record's beginning is looked for;
//! - what it was probed for stood there in plain text: a backslash in the resource, the namespace, the name, a user
//!   name, a credential id is not passed over, nor is an object reference whose missing parts could stand elsewhere;
//! - it ends as a complete record does, and has an object reference or a path that is about no resource.
//!
//! Bytes that a disk turned over are outside of this: a name that no longer reads as ours is not found.
//!
//! The reader takes the first of repeated keys, and so does the scan.

use std::collections::HashSet;
use std::sync::Arc;

use canary_core::detect::{PodHomes, Tripwire};
use foldhash::fast::FixedState;
use memchr::{memchr, memchr2, memrchr};

use super::places::{Places, node};
use super::probe::Probes;
use super::split::RECORD_START;
use super::targets::{Targets, Watch};
use super::walk::{Part, Walk, body_matters, ends_well, is_body, names_subresource, plain};

/// Finds the lines that can touch some tripwires.
#[derive(Debug)]
pub struct Scan {
    probes: Probes,
    context: bool,
    /// Control-plane principals and nodes that were seen before. Bounded by [`MAX_SEEN`].
    seen: HashSet<Box<[u8]>, FixedState>,
    /// Where pods' tokens come from, where that is looked at.
    places: Option<Places>,
}

/// So many principals of the control plane and nodes are told from new ones, at some 60 bytes each. A cluster has some forty, and
/// 5,000 nodes at most. Beyond, each is new.
const MAX_SEEN: usize = 8192;

impl Scan {
    /// A scan for what can touch `tripwires`; with `context` also for what a judge needs to know beside it: creations
    /// of service accounts' tokens, of pods and workloads in the namespaces of `tripwires`, deletions of namespaces,
    /// watches of many Secrets or ConfigMaps, refusals, and the first record of each control-plane principal and node.
    #[must_use]
    pub fn new(tripwires: &[Tripwire], context: bool) -> Self {
        Self {
            probes: Probes::new(Targets::new(tripwires, context)),
            context,
            seen: HashSet::default(),
            places: None,
        }
    }

    /// The same, and also for what comes with a pod's token from elsewhere than there, and the first record of each node
    /// from each address.
    #[must_use]
    pub fn with_homes(mut self, homes: Arc<PodHomes>) -> Self {
        self.places = (!homes.is_empty()).then(|| Places::new(homes));
        self
    }

    /// Looks through `bytes` line by line and hands each candidate to `candidate`, without its line feed. The last line
    /// need not end in one. Gives the number of lines.
    pub fn lines<'b>(&mut self, bytes: &'b [u8], mut candidate: impl FnMut(&'b [u8])) -> u64 {
        let mut rest = bytes;
        let mut lines = 0;
        while !rest.is_empty() {
            let (maybe, end) = self.line(rest);
            let (line, after) = rest.split_at(end.min(rest.len()));
            if maybe {
                candidate(line);
            }
            lines += 1;
            rest = after.get(1..).unwrap_or_default();
        }
        lines
    }

    /// Whether a line, given without its line feed, is a candidate.
    pub fn maybe(&mut self, line: &[u8]) -> bool {
        memchr(b'\n', line).is_some() || self.line(line).0
    }

    /// Looks at the first line of `rest`: whether it is a candidate, and where it ends.
    fn line(&mut self, rest: &[u8]) -> (bool, usize) {
        let end_from = |from: usize| {
            let tail = rest.get(from..).unwrap_or_default();
            memchr(b'\n', tail).map_or(rest.len(), |at| from + at)
        };
        if !rest.starts_with(RECORD_START.as_bytes()) {
            let end = end_from(0);
            return (!is_blank(rest.get(..end).unwrap_or_default()), end);
        }
        let mut walk = Walk::default();
        let mut from = RECORD_START.len();
        loop {
            let tail = rest.get(from..).unwrap_or_default();
            let at = memchr2(b'{', b'\n', tail).map_or(rest.len(), |at| from + at);
            let (before, here) = rest.split_at(at);
            let Some(after) = here.strip_prefix(b"{") else {
                return (self.end(&mut walk, before), at);
            };
            // An object goes on with a key or ends; whatever else comes after the brace, it is a string's.
            if !matches!(
                after.first(),
                Some(b'"' | b'}' | b' ' | b'\t' | b'\r' | b'\n')
            ) {
                from = at + 1;
                continue;
            }
            match self.brace(&mut walk, before, after) {
                Next::Brace(skip) => from = at + 1 + skip,
                Next::Body => {
                    let end = end_from(at);
                    let line = rest.get(..end).unwrap_or_default();
                    return (walk.maybe || body_matters(&walk, line, at), end);
                }
                Next::Candidate => return (true, end_from(at)),
            }
        }
    }

    /// Looks at a line whose braces are all known, once its end is.
    fn end(&mut self, walk: &mut Walk, line: &[u8]) -> bool {
        walk.maybe
            || self.place(walk, line)
            || !ends_well(walk, line)
            || self.probes.deferred_extra(walk, line)
            || (!walk.has_object
                && !self
                    .probes
                    .is_about_nothing(line.get(..walk.user_at).unwrap_or_default()))
    }

    /// Looks at one opening brace: `before` is the line up to it, `after` goes on behind it, beyond the line's end.
    fn brace(&mut self, walk: &mut Walk, before: &[u8], after: &[u8]) -> Next {
        let Some(part) = Part::of(before) else {
            return if walk.has_object && is_body(before) {
                Next::Body
            } else {
                Next::Candidate
            };
        };
        if !walk.enter(part) {
            return Next::Candidate;
        }
        let mut skip = 0;
        walk.maybe |= match walk.part {
            Part::User => {
                walk.user_at = before.len();
                if self.places.is_some() {
                    walk.node = node(before.len() + 1, after);
                }
                self.user(after)
            }
            Part::Impersonated => self.user(after),
            Part::Extra => {
                walk.caller_at = before.len();
                self.probes.extra(walk, before, after)
            }
            Part::ObjectRef => {
                walk.has_object = true;
                self.place(walk, before)
                    || self.probes.deferred_extra(walk, before)
                    || self.object(walk, before, after)
            }
            Part::Status => {
                if after.starts_with(PLAIN_STATUS) {
                    skip = PLAIN_STATUS.len();
                }
                // What is about no resource says nothing of what somebody is after.
                self.place(walk, before)
                    || (self.context
                        && walk.has_object
                        && self
                            .probes
                            .is_refusal(after.get(skip..).unwrap_or_default()))
            }
            Part::Annotations => walk.issues && self.probes.issued(after),
            Part::ImpersonatedExtra | Part::Metadata | Part::Details => false,
        };
        Next::Brace(skip)
    }

    /// Looks at who comes from where, once `before` holds both.
    fn place(&mut self, walk: &mut Walk, before: &[u8]) -> bool {
        let Some(places) = &mut self.places else {
            return false;
        };
        !std::mem::replace(&mut walk.is_placed, true)
            && places.are_news(before, walk.caller_at, walk.node.clone())
    }

    /// Looks at a user's name.
    fn user(&mut self, after: &[u8]) -> bool {
        if !(self.context || self.probes.targets.watches_principals()) {
            return false;
        }
        // Refused credentials have an empty user.
        if after.first() == Some(&b'}') {
            return false;
        }
        let name = after.strip_prefix(br#""username":""#).and_then(plain);
        name.is_none_or(|name| self.probes.targets.has_principal(name) || self.first_sight(name))
    }

    fn first_sight(&mut self, name: &[u8]) -> bool {
        if !self.context || !AT_FIRST_SIGHT.iter().any(|start| name.starts_with(start)) {
            return false;
        }
        if self.seen.contains(name) {
            return false;
        }
        if self.seen.len() < MAX_SEEN {
            self.seen.insert(name.into());
        }
        true
    }

    /// Looks at what the request is about.
    fn object(&self, walk: &mut Walk, before: &[u8], after: &[u8]) -> bool {
        let Some(text) = after.strip_prefix(br#""resource":""#) else {
            return true;
        };
        let Some(resource) = plain(text) else {
            return true;
        };
        let Some(watch) = self.probes.targets.resource(resource) else {
            return false;
        };
        walk.speaks = watch.speaks;
        walk.issues = watch.issues && names_subresource(text);
        (self.wanted_as_context(watch, walk, before)
            && self.probes.is_among(watch.only, text, resource))
            || (watch.probe && {
                let line = before.get(..walk.user_at).unwrap_or_default();
                self.probes.ours(text, resource, line)
            })
    }

    fn wanted_as_context(&self, watch: Watch, walk: &Walk, before: &[u8]) -> bool {
        if watch.context.is_empty() {
            return false;
        }
        let line = before.get(..walk.user_at).unwrap_or_default();
        let Some(line) = line.strip_suffix(br#"","user":"#) else {
            return true;
        };
        let from = memrchr(b'"', line).map_or(0, |at| at + 1);
        let verb = line.get(from..).unwrap_or_default();
        watch.context.iter().any(|wanted| wanted.as_bytes() == verb)
    }
}

/// What to do behind a brace.
enum Next {
    /// Go on, so many bytes further.
    Brace(usize),
    /// A body begins.
    Body,
    /// Whatever else is in the line, it is to be read.
    Candidate,
}
/// How most statuses begin; its brace need not be looked at.
const PLAIN_STATUS: &[u8] = br#""metadata":{},"#;

/// Principals that a judge pins at first sight, and nodes, of which it learns where they are. Those of the controllers are
/// service accounts of kube-system.
const AT_FIRST_SIGHT: [&[u8]; 5] = [
    b"system:node:",
    b"system:apiserver",
    b"system:kube-controller-manager",
    b"system:kube-scheduler",
    b"system:serviceaccount:kube-system:",
];

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}
