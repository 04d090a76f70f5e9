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
//!   in the line. A brace inside of a string is an unknown brace, too. Behind the beginning of a body
//!   (`requestObject`, `responseObject`), where anything may stand, only a second record's beginning is looked for;
//! - what it was probed for stood there in plain text: a backslash in the resource, the namespace, the name, a user
//!   name, a credential id is not passed over, nor is an object reference whose missing parts could stand elsewhere;
//! - it ends as a complete record does, and has an object reference or a path that is about no resource.
//!
//! The reader takes the first of repeated keys, and so does the scan.

use std::collections::HashSet;

use canary_core::detect::Tripwire;
use foldhash::fast::FixedState;
use memchr::{memchr, memchr2, memmem, memrchr};

use super::lines::RECORD_START;
use super::targets::{NAME, NAMESPACE, Targets, Watch};

/// Finds the lines that can touch some tripwires.
#[derive(Debug)]
pub struct Scan {
    targets: Targets,
    context: bool,
    /// Control-plane principals that were seen before. Bounded by [`MAX_SEEN`].
    seen: HashSet<Box<[u8]>, FixedState>,
}

/// So many principals of the control plane are told from new ones; a cluster has some forty. Beyond, each is new.
const MAX_SEEN: usize = 1024;

impl Scan {
    /// A scan for what can touch `tripwires`; with `context` also for what a judge needs to know beside it: creations
    /// of pods and of service accounts' tokens, deletions of namespaces, and the first record of each control-plane
    /// principal.
    #[must_use]
    pub fn new(tripwires: &[Tripwire], context: bool) -> Self {
        Self {
            targets: Targets::new(tripwires, context),
            context,
            seen: HashSet::default(),
        }
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
                return (self.end(&walk, before), at);
            };
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
    fn end(&self, walk: &Walk, line: &[u8]) -> bool {
        walk.maybe
            || !ends_well(walk, line)
            || self.deferred_extra(walk, line)
            || (!walk.has_object && !is_about_nothing(line.get(..walk.user_at).unwrap_or_default()))
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
                self.user(after)
            }
            Part::Impersonated => self.user(after),
            Part::Extra => self.extra(walk, before, after),
            Part::ObjectRef => {
                walk.has_object = true;
                self.deferred_extra(walk, before) || self.object(walk, before, after)
            }
            Part::Status => {
                if after.starts_with(PLAIN_STATUS) {
                    skip = PLAIN_STATUS.len();
                }
                false
            }
            Part::Annotations => walk.issues && self.issued(after),
            Part::ImpersonatedExtra | Part::Metadata | Part::Details => false,
        };
        Next::Brace(skip)
    }

    /// Looks at the credential in the extras of the real user. Where it is not the first of them, that waits until it is
    /// known where they end at the latest.
    fn extra(&self, walk: &mut Walk, before: &[u8], after: &[u8]) -> bool {
        if !self.targets.watches_credentials() {
            return false;
        }
        if self.targets.odd_credentials || !after.starts_with(CREDENTIAL) {
            walk.extra_at = before.len();
            return false;
        }
        self.credential(after)
    }

    /// Looks at the extras, now that `before` holds them all.
    fn deferred_extra(&self, walk: &Walk, before: &[u8]) -> bool {
        if walk.extra_at == 0 {
            return false;
        }
        let extra = before.get(walk.extra_at + 1..).unwrap_or_default();
        if memchr(b'\\', extra).is_some() || memmem::find(extra, ACCESS_KEY).is_some() {
            return true;
        }
        memmem::find(extra, CREDENTIAL_WORD).is_some_and(|_| {
            memmem::find(extra, CREDENTIAL)
                .and_then(|at| extra.get(at..))
                .is_none_or(|text| self.credential(text))
        })
    }

    /// Probes for the credential that `text` begins with.
    fn credential(&self, text: &[u8]) -> bool {
        let Some(text) = text.strip_prefix(CREDENTIAL) else {
            return true;
        };
        let Some(id) = plain(text) else {
            return true;
        };
        let only = text
            .get(id.len()..)
            .is_some_and(|tail| tail.starts_with(br#""]"#));
        !only || self.targets.has_credential(id)
    }

    /// Probes for the token that a request for one has issued. A request that issued none was refused, or is written in
    /// a way that is not known here.
    fn issued(&self, after: &[u8]) -> bool {
        let end = memchr(b'\n', after).unwrap_or(after.len());
        let annotations = after.get(..end).unwrap_or_default();
        memmem::find(annotations, ISSUED)
            .and_then(|at| plain(annotations.get(at + ISSUED.len()..)?))
            .is_none_or(|id| self.targets.has_credential(id))
    }

    /// Looks at a user's name.
    fn user(&mut self, after: &[u8]) -> bool {
        if !(self.context || self.targets.watches_principals()) {
            return false;
        }
        // Refused credentials have an empty user.
        if after.first() == Some(&b'}') {
            return false;
        }
        let name = after.strip_prefix(br#""username":""#).and_then(plain);
        name.is_none_or(|name| self.targets.has_principal(name) || self.first_sight(name))
    }

    fn first_sight(&mut self, name: &[u8]) -> bool {
        if !self.context || !CONTROL_PLANE.iter().any(|start| name.starts_with(start)) {
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
        let Some(watch) = self.targets.resource(resource) else {
            return false;
        };
        walk.speaks = watch.speaks;
        walk.issues = watch.issues;
        self.wanted_as_context(watch, walk, before) || (watch.probe && self.ours(text, resource))
    }

    fn wanted_as_context(&self, watch: Watch, walk: &Walk, before: &[u8]) -> bool {
        let Some(verb) = watch.context else {
            return false;
        };
        let line = before.get(..walk.user_at).unwrap_or_default();
        let Some(line) = line.strip_suffix(br#"","user":"#) else {
            return true;
        };
        let from = memrchr(b'"', line).map_or(0, |at| at + 1);
        line.get(from..) == Some(verb.as_bytes())
    }

    /// Probes for the object or the collection. `text` begins with `resource` and goes on behind it.
    fn ours(&self, text: &[u8], resource: &[u8]) -> bool {
        let mut end = resource.len();
        let mut part = |before: &str| -> Option<bool> {
            let tail = text.get(end..)?;
            let Some(value) = tail.strip_prefix(before.as_bytes()) else {
                return Some(false);
            };
            end += before.len() + plain(value)?.len();
            Some(true)
        };
        let (Some(namespace), Some(name)) = (part(NAMESPACE), part(NAME)) else {
            return true;
        };
        let (found, tail) = text.split_at(end);
        let probe = match (namespace, name) {
            (_, false) => self.targets.has_collection(found),
            // A name in all namespaces is asked for by a field selector, which is read in full.
            (false, true) => self.targets.has_collection(resource),
            (true, true) => self.targets.has_object(found),
        };
        probe || !(namespace && name || is_rest_of_reference(tail))
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

/// The objects of a record that a server writes without bodies, in its order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
enum Part {
    #[default]
    User,
    Extra,
    Impersonated,
    ImpersonatedExtra,
    ObjectRef,
    Status,
    Metadata,
    Details,
    Annotations,
}

impl Part {
    /// Which object begins behind `before`.
    fn of(before: &[u8]) -> Option<Self> {
        const KEYS: [(&[u8], Part); 9] = [
            (br#","user":"#, Part::User),
            (br#","extra":"#, Part::Extra),
            (br#","objectRef":"#, Part::ObjectRef),
            (br#","responseStatus":"#, Part::Status),
            (br#","annotations":"#, Part::Annotations),
            (br#","impersonatedUser":"#, Part::Impersonated),
            (br#"{"metadata":"#, Part::Metadata),
            (br#","details":"#, Part::Details),
            // Without metadata the details come first.
            (br#"{"details":"#, Part::Details),
        ];
        let known = KEYS.iter().find(|(key, _)| before.ends_with(key));
        known.map(|&(_, part)| part)
    }
}

/// How far the scan of a line has come.
#[derive(Default)]
struct Walk {
    /// The last object that began, once `begun`.
    part: Part,
    begun: bool,
    maybe: bool,
    /// It has an object reference.
    has_object: bool,
    /// Its bodies, its annotations are to be looked at.
    speaks: bool,
    issues: bool,
    /// Where these braces are; 0 is nowhere, or nowhere to look at.
    user_at: usize,
    extra_at: usize,
}

impl Walk {
    /// Goes on to the next object; false when that cannot follow.
    fn enter(&mut self, part: Part) -> bool {
        let part_here = match (part, self.part) {
            (Part::Extra, Part::Impersonated) => Part::ImpersonatedExtra,
            _ => part,
        };
        let follows = match part_here {
            Part::User => !self.begun,
            Part::Extra => self.begun && self.part == Part::User,
            Part::ImpersonatedExtra => self.part == Part::Impersonated,
            Part::Metadata => self.part == Part::Status,
            Part::Details => matches!(self.part, Part::Status | Part::Metadata),
            later => self.begun && later > self.part,
        };
        self.part = part_here;
        self.begun = true;
        follows
    }
}

/// How the extras of a user begin whose credential has an identifier.
const CREDENTIAL: &[u8] = br#""authentication.kubernetes.io/credential-id":[""#;
/// What stands in such a key however it is spaced.
const CREDENTIAL_WORD: &[u8] = b"credential-id";
/// The extra of EKS that names an access key.
const ACCESS_KEY: &[u8] = b"accessKeyId";
/// The annotation that names the token that was issued.
const ISSUED: &[u8] = br#""authentication.kubernetes.io/issued-credential-id":""#;
/// How most statuses begin; its brace need not be looked at.
const PLAIN_STATUS: &[u8] = br#""metadata":{},"#;

/// Principals that a judge pins at first sight. Those of the controllers are service accounts of kube-system.
const CONTROL_PLANE: [&[u8]; 4] = [
    b"system:apiserver",
    b"system:kube-controller-manager",
    b"system:kube-scheduler",
    b"system:serviceaccount:kube-system:",
];

/// The text up to its closing quote; `None` when there is none, or a backslash before it.
fn plain(text: &[u8]) -> Option<&[u8]> {
    let end = memchr2(b'"', b'\\', text)?;
    let (value, quote) = text.split_at_checked(end)?;
    (quote.first() == Some(&b'"')).then_some(value)
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

fn is_body(before: &[u8]) -> bool {
    const BODIES: [&[u8]; 4] = [
        br#","requestObject":"#,
        br#","responseObject":"#,
        // A JSON patch is a list.
        br#","requestObject":["#,
        br#","responseObject":["#,
    ];
    BODIES.iter().any(|key| before.ends_with(key))
}

/// Whether a line with a body, which begins at `at`, is to be read for what stands behind its object.
fn body_matters(walk: &Walk, line: &[u8], at: usize) -> bool {
    let body = line.get(at..).unwrap_or_default();
    let end = memmem::rfind(body, STAGE_TIME).and_then(|stage| body.get(stage..));
    let whole = end.is_some_and(|end| ends_with_time(end) || closes_annotations(end));
    walk.speaks || walk.issues || !whole || memmem::find(body, RECORD_START.as_bytes()).is_some()
}

/// The last key of a record but for the annotations.
const STAGE_TIME: &[u8] = br#","stageTimestamp":""#;

/// Whether a line of known objects ends as a record does, and not in a middle.
fn ends_well(walk: &Walk, line: &[u8]) -> bool {
    if walk.part == Part::Annotations {
        closes_annotations(line)
    } else {
        ends_with_time(line)
    }
}

fn ends_with_time(line: &[u8]) -> bool {
    // Times are written with six digits behind the second.
    const TIME: usize = "2026-11-22T05:54:13.458152Z".len();
    line.trim_ascii_end()
        .strip_suffix(br#""}"#)
        .and_then(|line| line.get(line.len().checked_sub(TIME + STAGE_TIME.len())?..))
        .is_some_and(|end| end.starts_with(STAGE_TIME))
}

fn closes_annotations(line: &[u8]) -> bool {
    line.trim_ascii_end()
        .strip_suffix(br#""}}"#)
        .is_some_and(|line| !line.ends_with(b"\\"))
}

/// Whether a request without an object reference is about no resource by its path, too. `line` goes up to the user.
fn is_about_nothing(line: &[u8]) -> bool {
    const URI: &[u8] = br#","requestURI":""#;
    let uri = memmem::find(line, URI).and_then(|at| line.get(at + URI.len()..));
    let Some(uri) = uri else {
        return false;
    };
    let end = uri
        .iter()
        .position(|byte| matches!(byte, b'?' | b'"' | b'\\' | b'%'));
    let Some((path, end)) = end.and_then(|end| uri.split_at_checked(end)) else {
        return false;
    };
    let parts = path.iter().filter(|&&byte| byte == b'/').count();
    let plain = matches!(end.first(), Some(b'?' | b'"'));
    // `/api/v1` and `/apis/apps/v1` list what there is.
    let discovers = match path {
        [b'/', b'a', b'p', b'i', b's', ..] => parts <= 3,
        [b'/', b'a', b'p', b'i', ..] => parts <= 2,
        [b'/', b'/', ..] => false,
        [b'/', ..] => true,
        _ => false,
    };
    plain && discovers
}

/// Whether the rest of an object reference holds neither a namespace nor a name, and ends. `tail` begins at the quote
/// that closes the last value.
fn is_rest_of_reference(mut tail: &[u8]) -> bool {
    const KEYS: [&[u8]; 5] = [
        br#"","uid":""#,
        br#"","apiGroup":""#,
        br#"","apiVersion":""#,
        br#"","resourceVersion":""#,
        br#"","subresource":""#,
    ];
    for key in KEYS {
        if let Some(value) = tail.strip_prefix(key) {
            let Some(text) = plain(value) else {
                return false;
            };
            tail = value.get(text.len()..).unwrap_or_default();
        }
    }
    tail.starts_with(br#""}"#)
}
