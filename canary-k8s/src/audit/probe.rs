//! Probing the parts of a line for what is ours.

use memchr::memchr;
use memchr::memmem::Finder;

use super::targets::{NAME, NAMESPACE, Only, Targets};
use super::walk::{Walk, has_plain_subresource, is_rest_of_reference, names_subresource, plain};

/// What lines are probed for, and with what.
#[derive(Debug)]
pub(super) struct Probes {
    pub(super) targets: Targets,
    finders: Finders,
}

impl Probes {
    pub(super) fn new(targets: Targets) -> Self {
        Self {
            targets,
            finders: Finders::new(),
        }
    }

    /// Looks at the credential in the extras of the real user. Where it is not the first of them, that waits until it is
    /// known where they end at the latest.
    pub(super) fn extra(&self, walk: &mut Walk, before: &[u8], after: &[u8]) -> bool {
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
    pub(super) fn deferred_extra(&self, walk: &Walk, before: &[u8]) -> bool {
        if walk.extra_at == 0 {
            return false;
        }
        let extra = before.get(walk.extra_at + 1..).unwrap_or_default();
        if memchr(b'\\', extra).is_some() || self.finders.access_key.find(extra).is_some() {
            return true;
        }
        self.finders.credential_word.find(extra).is_some_and(|_| {
            self.finders
                .credential
                .find(extra)
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
    pub(super) fn issued(&self, after: &[u8]) -> bool {
        let end = memchr(b'\n', after).unwrap_or(after.len());
        let annotations = after.get(..end).unwrap_or_default();
        self.finders
            .issued
            .find(annotations)
            .and_then(|at| plain(annotations.get(at + ISSUED.len()..)?))
            .is_none_or(|id| self.targets.has_credential(id))
    }

    /// Probes for the object or the collection. `text` begins with `resource` and goes on behind it; `line` goes up to
    /// the user.
    pub(super) fn ours(&self, text: &[u8], resource: &[u8], line: &[u8]) -> bool {
        let mut end = resource.len();
        let mut part = |before: &str| -> Option<bool> {
            let tail = text.get(end..)?;
            let Some(value) = tail.strip_prefix(before.as_bytes()) else {
                return Some(false);
            };
            let value = plain(value)?;
            end += before.len() + value.len();
            // What is empty may stand in the path.
            (!value.is_empty()).then_some(true)
        };
        let (Some(namespace), Some(name)) = (part(NAMESPACE), part(NAME)) else {
            return true;
        };
        let (found, tail) = text.split_at(end);
        let probe = match (namespace, name) {
            // What the reference leaves out may stand in the path.
            (_, false) => self.targets.has_collection(found) || !self.is_collection(line, resource),
            // A name in all namespaces is asked for by a field selector.
            (false, true) => true,
            (true, true) => self.targets.has_object(found),
        };
        probe || !(namespace && name || is_rest_of_reference(tail))
    }

    /// Whether an object reference may be among those. `text` begins with `resource` and goes on behind it.
    pub(super) fn is_among(&self, only: Only, text: &[u8], resource: &[u8]) -> bool {
        let tail = text.get(resource.len()..).unwrap_or_default();
        let namespace = tail.strip_prefix(NAMESPACE.as_bytes()).and_then(plain);
        match only {
            Only::All => true,
            Only::Near => {
                namespace.is_none_or(|namespace| self.targets.is_home(namespace))
                    && !has_plain_subresource(text)
            }
            Only::Subresources => names_subresource(text),
            Only::Collections => !namespace.is_some_and(|namespace| {
                let tail = tail.get(NAMESPACE.len() + namespace.len()..);
                tail.is_some_and(|tail| tail.starts_with(NAME.as_bytes()))
            }),
        }
    }

    /// Whether a status begins here that says that somebody was refused. Text that a client chose has no raw quote in
    /// it.
    pub(super) fn is_refusal(&self, status: &[u8]) -> bool {
        if !status.starts_with(FAILURE) {
            return false;
        }
        let end = memchr(b'\n', status).unwrap_or(status.len());
        let rest = status.get(..end).unwrap_or_default();
        self.finders.forbidden.find(rest).is_some()
    }

    /// The path of a request, where it is written plainly. `line` goes up to the user.
    fn path<'l>(&self, line: &'l [u8]) -> Option<&'l [u8]> {
        let at = self.finders.uri.find(line)?;
        let uri = line.get(at + URI.len()..)?;
        let end = uri
            .iter()
            .position(|byte| matches!(byte, b'?' | b'"' | b'\\' | b'%'))?;
        let (path, end) = uri.split_at_checked(end)?;
        matches!(end.first(), Some(b'?' | b'"')).then_some(path)
    }

    /// Whether the path of a request ends with its resource, and so names no object.
    fn is_collection(&self, line: &[u8], resource: &[u8]) -> bool {
        self.path(line)
            .and_then(|path| path.strip_suffix(resource))
            .is_some_and(|before| before.ends_with(b"/"))
    }

    /// Whether a request without an object reference is about no resource by its path, too. `line` goes up to the user.
    pub(super) fn is_about_nothing(&self, line: &[u8]) -> bool {
        let Some(path) = self.path(line) else {
            return false;
        };
        let parts = path.iter().filter(|&&byte| byte == b'/').count();
        // `/api/v1` and `/apis/apps/v1` list what there is.
        match path {
            [b'/', b'a', b'p', b'i', b's', ..] => parts <= 3,
            [b'/', b'a', b'p', b'i', ..] => parts <= 2,
            [b'/', b'/', ..] => false,
            [b'/', ..] => true,
            _ => false,
        }
    }
}

/// Searches, prepared once.
#[derive(Debug)]
struct Finders {
    uri: Finder<'static>,
    credential: Finder<'static>,
    credential_word: Finder<'static>,
    access_key: Finder<'static>,
    issued: Finder<'static>,
    forbidden: Finder<'static>,
}

impl Finders {
    fn new() -> Self {
        Self {
            uri: Finder::new(URI),
            credential: Finder::new(CREDENTIAL),
            credential_word: Finder::new(CREDENTIAL_WORD),
            access_key: Finder::new(ACCESS_KEY),
            issued: Finder::new(ISSUED),
            forbidden: Finder::new(FORBIDDEN),
        }
    }
}

/// How the status of a request begins that failed.
const FAILURE: &[u8] = br#""status":"Failure""#;
/// What it then holds where somebody was refused.
const FORBIDDEN: &[u8] = br#","reason":"Forbidden""#;
/// What stands before a request's URI.
const URI: &[u8] = br#","requestURI":""#;
/// How the extras of a user begin whose credential has an identifier.
const CREDENTIAL: &[u8] = br#""authentication.kubernetes.io/credential-id":[""#;
/// What stands in such a key however it is spaced.
const CREDENTIAL_WORD: &[u8] = b"credential-id";
/// The extra of EKS that names an access key.
const ACCESS_KEY: &[u8] = b"accessKeyId";
/// The annotation that names the token that was issued.
const ISSUED: &[u8] = br#""authentication.kubernetes.io/issued-credential-id":""#;
