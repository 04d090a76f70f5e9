//! The form of a line: its objects in the server's order, and its end.

use std::ops::Range;

use memchr::{memchr, memchr2, memmem};

use super::split::RECORD_START;

/// The objects of a record that a server writes without bodies, in its order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) enum Part {
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
    #[inline]
    pub(super) fn of(before: &[u8]) -> Option<Self> {
        // The key's last letter says which keys to compare with.
        let letter = before.len().checked_sub(3).and_then(|at| before.get(at))?;
        match letter {
            b'r' if ends(before, br#","user":"#) => Some(Self::User),
            b'r' if ends(before, br#","impersonatedUser":"#) => Some(Self::Impersonated),
            b'a' if ends(before, br#","extra":"#) => Some(Self::Extra),
            b'a' if ends(before, br#"{"metadata":"#) => Some(Self::Metadata),
            b'f' if ends(before, br#","objectRef":"#) => Some(Self::ObjectRef),
            b's' if ends(before, br#","responseStatus":"#) => Some(Self::Status),
            b's' if ends(before, br#","annotations":"#) => Some(Self::Annotations),
            b's' if ends(before, br#","details":"#) => Some(Self::Details),
            // Without metadata the details come first.
            b's' if ends(before, br#"{"details":"#) => Some(Self::Details),
            _ => None,
        }
    }
}

/// Whether a text ends with a key. The key's length is known to the compiler: that saves a call for every brace.
fn ends<const N: usize>(text: &[u8], key: &[u8; N]) -> bool {
    text.last_chunk() == Some(key)
}

/// How far the scan of a line has come.
#[derive(Default)]
pub(super) struct Walk {
    /// The last object that began, once `begun`.
    pub(super) part: Part,
    pub(super) begun: bool,
    pub(super) maybe: bool,
    /// It has an object reference.
    pub(super) has_object: bool,
    /// Its bodies, its annotations are to be looked at.
    pub(super) speaks: bool,
    pub(super) issues: bool,
    /// Where these braces are; 0 is nowhere, or nowhere to look at.
    pub(super) user_at: usize,
    pub(super) extra_at: usize,
    /// Where the extras of the real user begin, and the name of a node, where who comes from where is looked at.
    pub(super) caller_at: usize,
    pub(super) node: Range<usize>,
    /// It was looked at.
    pub(super) is_placed: bool,
}

impl Walk {
    /// Goes on to the next object; false when that cannot follow.
    #[inline]
    pub(super) fn enter(&mut self, part: Part) -> bool {
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

/// The text up to its closing quote; `None` when there is none, or a backslash before it.
#[inline]
pub(super) fn plain(text: &[u8]) -> Option<&[u8]> {
    let end = memchr2(b'"', b'\\', text)?;
    let (value, quote) = text.split_at_checked(end)?;
    (quote.first() == Some(&b'"')).then_some(value)
}

pub(super) fn is_body(before: &[u8]) -> bool {
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
pub(super) fn body_matters(walk: &Walk, line: &[u8], at: usize) -> bool {
    let body = line.get(at..).unwrap_or_default();
    let end = memmem::rfind(body, STAGE_TIME).and_then(|stage| body.get(stage..));
    let whole = end.is_some_and(|end| ends_with_time(end) || closes_annotations(end));
    walk.speaks || walk.issues || !whole || memmem::find(body, RECORD_START.as_bytes()).is_some()
}

/// The last key of a record but for the annotations.
const STAGE_TIME: &[u8] = br#","stageTimestamp":""#;

/// Whether a line of known objects ends as a record does, and not in a middle.
pub(super) fn ends_well(walk: &Walk, line: &[u8]) -> bool {
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

/// Whether an object reference may name a subresource.
pub(super) fn names_subresource(text: &[u8]) -> bool {
    let end = memchr(b'}', text).unwrap_or(text.len());
    let object = text.get(..end).unwrap_or_default();
    memmem::find(object, b"subresource").is_some() || object.contains(&b'\\')
}

/// Whether an object reference names a subresource, for sure.
pub(super) fn has_plain_subresource(text: &[u8]) -> bool {
    let end = memchr(b'}', text).unwrap_or(text.len());
    let object = text.get(..end).unwrap_or_default();
    memmem::find(object, br#"","subresource":""#).is_some() && !object.contains(&b'\\')
}

/// Whether the rest of an object reference holds neither a namespace nor a name, and ends. `tail` begins at the quote
/// that closes the last value.
pub(super) fn is_rest_of_reference(mut tail: &[u8]) -> bool {
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
