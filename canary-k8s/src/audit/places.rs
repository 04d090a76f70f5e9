//! Who comes from where, told from the bytes of a line.

use std::collections::HashSet;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use canary_core::detect::PodHomes;
use foldhash::fast::FixedState;
use memchr::memchr;
use memchr::memmem::Finder;

use super::walk::plain;

/// So many nodes are told apart by their addresses, at some 80 bytes each. Beyond, each is new.
const MAX_SEEN: usize = 16_384;

/// Where pods' tokens may come from, and where nodes were seen.
#[derive(Debug)]
pub(super) struct Places {
    homes: Arc<PodHomes>,
    nodes: HashSet<Box<[u8]>, FixedState>,
    addresses: Finder<'static>,
    pod: Finder<'static>,
    word: Finder<'static>,
}

/// What stands before the addresses of a request.
const ADDRESSES: &[u8] = br#","sourceIPs":["#;
/// What stands before the uid of the pod that a token is of.
const POD: &[u8] = br#""authentication.kubernetes.io/pod-uid":["#;
/// What stands in such a key however it is spaced.
const WORD: &[u8] = b"pod-uid";
const USERNAME: &[u8] = br#""username":""#;
const NODE: &[u8] = b"system:node:";

/// Where the name of the user is, if it is a node's; `after` begins at that place behind the user's brace.
pub(super) fn node(at: usize, after: &[u8]) -> Range<usize> {
    let name = after.strip_prefix(USERNAME).and_then(plain);
    let begin = at + USERNAME.len();
    match name.filter(|name| name.starts_with(NODE)) {
        Some(name) => begin..begin + name.len(),
        None => 0..0,
    }
}

impl Places {
    pub(super) fn new(homes: Arc<PodHomes>) -> Self {
        Self {
            homes,
            nodes: HashSet::default(),
            addresses: Finder::new(ADDRESSES),
            pod: Finder::new(POD),
            word: Finder::new(WORD),
        }
    }

    /// Whether a node comes from there for the first time, or a pod's token from elsewhere than its home. `line` holds who
    /// asked, its extras from `caller_at` on, and from where.
    pub(super) fn are_news(&mut self, line: &[u8], caller_at: usize, node: Range<usize>) -> bool {
        if !node.is_empty() {
            let name = line.get(node).unwrap_or_default();
            return self
                .address(line)
                .is_none_or(|address| self.is_first(name, address));
        }
        if caller_at == 0 {
            return false;
        }
        let caller = line.get(caller_at..).unwrap_or_default();
        if self.word.find(caller).is_none() {
            return false;
        }
        let Some(uid) = self.uid(caller) else {
            return true;
        };
        let address = self.address(caller).and_then(|text| {
            let text = std::str::from_utf8(text).ok()?;
            text.parse::<IpAddr>().ok()
        });
        address.is_none_or(|address| self.homes.is_away(uid, address))
    }

    /// The uid, where it is written plainly, and nothing before it could stand for its key.
    fn uid<'l>(&self, caller: &'l [u8]) -> Option<&'l str> {
        let at = self.pod.find(caller)?;
        let (before, uid) = caller.split_at_checked(at)?;
        if memchr(b'\\', before).is_some() {
            return None;
        }
        let uid = uid.get(POD.len()..)?.strip_prefix(b"\"")?;
        std::str::from_utf8(plain(uid)?).ok()
    }

    /// The last address, where it is written plainly.
    fn address<'l>(&self, line: &'l [u8]) -> Option<&'l [u8]> {
        let at = self.addresses.find(line)? + ADDRESSES.len();
        let list = line.get(at..)?;
        let list = list.get(..memchr(b']', list)?)?;
        let last = list.rsplit(|byte| *byte == b',').next()?;
        last.strip_prefix(b"\"")?.strip_suffix(b"\"")
    }

    fn is_first(&mut self, name: &[u8], address: &[u8]) -> bool {
        let key = [name, b"\0", address].concat();
        if self.nodes.contains(key.as_slice()) {
            return false;
        }
        if self.nodes.len() < MAX_SEEN {
            self.nodes.insert(key.into());
        }
        true
    }
}
