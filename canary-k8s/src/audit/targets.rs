//! What the scan looks for, in the bytes that an API server would write for it.

use std::collections::{HashMap, HashSet};

use canary_core::detect::{Mention, Tripwire};
use foldhash::fast::FixedState;

use super::body::{self, SERVICE_ACCOUNT};
use super::mentions::{NAMESPACES, SERVICE_ACCOUNTS};

/// Texts to be found again. Only our own texts are ever in it, so a hash that nobody keyed will do.
#[derive(Debug, Default)]
struct Texts {
    texts: HashSet<Box<[u8]>, FixedState>,
    filter: Filter,
}

impl Texts {
    fn insert(&mut self, text: Box<[u8]>) {
        self.filter.add(&text);
        self.texts.insert(text);
    }

    fn contains(&self, text: &[u8]) -> bool {
        self.filter.may_have(text) && self.texts.contains(text)
    }

    fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

/// One bit for the length and the last eight bytes of each text: most of what is probed for is refused by it, at a
/// fifth of the cost of a lookup. 8 KiB stay in the first cache; 10,000 texts set one bit in seven.
#[derive(Debug)]
struct Filter {
    bits: Box<[u64; WORDS]>,
}

const WORDS: usize = 1024;

impl Default for Filter {
    fn default() -> Self {
        Self {
            bits: Box::new([0; WORDS]),
        }
    }
}

impl Filter {
    fn add(&mut self, text: &[u8]) {
        let (word, bit) = Self::place(text);
        if let Some(word) = self.bits.get_mut(word) {
            *word |= bit;
        }
    }

    #[inline]
    fn may_have(&self, text: &[u8]) -> bool {
        let (word, bit) = Self::place(text);
        self.bits.get(word).is_some_and(|word| word & bit != 0)
    }

    fn place(text: &[u8]) -> (usize, u64) {
        // An odd number with its bits well spread (2^64 divided by the golden ratio).
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let last = text.last_chunk::<8>().map_or_else(
            || text.iter().fold(0, |all, &byte| all << 8 | u64::from(byte)),
            |last| u64::from_le_bytes(*last),
        );
        let hash = last.wrapping_add(text.len() as u64).wrapping_mul(SPREAD);
        let word = usize::try_from(hash >> 54).unwrap_or_default();
        (word, 1 << (hash >> 48 & 63))
    }
}

/// The texts that lines are probed for. A probe costs the same for ten of them as for ten thousand.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// By resource, what is to be done with a line about it. Other resources are of no interest.
    resources: HashMap<Box<[u8]>, Watch, FixedState>,
    resource_filter: Filter,
    /// Objects of namespaces, each as in `secrets","namespace":"payments","name":"db`.
    objects: Texts,
    /// Collections, each as in `secrets","namespace":"payments` or `secrets`.
    collections: Texts,
    /// Namespaces that hold something of ours.
    homes: Texts,
    /// Names of principals.
    principals: Texts,
    /// Identifiers of credentials.
    credentials: Texts,
    /// Some credential is no token: it may stand in another extra than the credential id.
    pub(super) odd_credentials: bool,
}

/// What is to be done with a line about a resource.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch {
    /// Its object or collection may be ours.
    pub(super) probe: bool,
    /// Its bodies may speak of one of our principals.
    pub(super) speaks: bool,
    /// Its annotations may name one of our tokens.
    pub(super) issues: bool,
    /// Requests of these verbs are wanted as context.
    pub(super) context: &'static [&'static str],
    /// Of these, only those.
    pub(super) only: Only,
}

/// Which requests about a resource are wanted as context.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Only {
    #[default]
    All,
    /// For a whole object in a namespace that holds something of ours.
    Near,
    /// For a subresource.
    Subresources,
    /// For a collection.
    Collections,
}

impl Targets {
    pub(super) fn new(tripwires: &[Tripwire], context: bool) -> Self {
        let mut targets = Self::default();
        for tripwire in tripwires {
            targets.add(&tripwire.mention);
        }
        if !targets.principals.is_empty() || !targets.credentials.is_empty() {
            for resource in body::SPEAKS {
                targets.watch(resource).speaks = true;
            }
        }
        if !targets.credentials.is_empty() {
            targets.watch(SERVICE_ACCOUNTS).issues = true;
        }
        if context {
            for (resource, verbs, only) in CONTEXT {
                let watch = targets.watch(resource);
                (watch.context, watch.only) = (verbs, only);
            }
        }
        targets
    }

    fn watch(&mut self, resource: &str) -> &mut Watch {
        self.resource_filter.add(resource.as_bytes());
        self.resources.entry(boxed(resource)).or_default()
    }

    fn add(&mut self, mention: &Mention) {
        match mention {
            Mention::Object {
                resource,
                namespace,
                name,
                ..
            } => self.add_object(resource, namespace, name),
            // None stands in a tripwire; one that did would mean all of it.
            Mention::Collection {
                resource,
                namespace,
                ..
            }
            | Mention::Under {
                resource,
                namespace,
                ..
            } => self.add_collections(resource, namespace),
            Mention::Principal(name) => {
                self.principals.insert(boxed(name));
                let account = name.strip_prefix(SERVICE_ACCOUNT);
                if let Some((namespace, name)) = account.and_then(|rest| rest.split_once(':')) {
                    self.watch(SERVICE_ACCOUNTS).probe = true;
                    self.homes.insert(boxed(namespace));
                    self.objects
                        .insert(object(SERVICE_ACCOUNTS, namespace, name));
                }
            }
            Mention::Credential(id) => {
                self.odd_credentials |= !id.starts_with("JTI=");
                self.credentials.insert(boxed(id));
            }
        }
    }

    fn add_object(&mut self, resource: &str, namespace: &str, name: &str) {
        self.watch(resource).probe = true;
        // Whoever deletes its namespace deletes it. The server names a namespace twice.
        self.watch(NAMESPACES).probe = true;
        self.homes.insert(boxed(namespace));
        self.objects
            .insert(object(NAMESPACES, namespace, namespace));
        self.objects.insert(object(resource, namespace, name));
        self.add_collections(resource, namespace);
    }

    fn add_collections(&mut self, resource: &str, namespace: &str) {
        self.watch(resource).probe = true;
        self.collections.insert(boxed(resource));
        if !namespace.is_empty() {
            self.collections.insert(collection(resource, namespace));
        }
    }

    #[inline]
    pub(super) fn resource(&self, resource: &[u8]) -> Option<Watch> {
        if self.resource_filter.may_have(resource) {
            self.resources.get(resource).copied()
        } else {
            None
        }
    }

    pub(super) fn has_object(&self, text: &[u8]) -> bool {
        self.objects.contains(text)
    }

    pub(super) fn has_collection(&self, text: &[u8]) -> bool {
        self.collections.contains(text)
    }

    pub(super) fn is_home(&self, namespace: &[u8]) -> bool {
        self.homes.contains(namespace)
    }

    pub(super) fn watches_principals(&self) -> bool {
        !self.principals.is_empty()
    }

    pub(super) fn has_principal(&self, name: &[u8]) -> bool {
        self.principals.contains(name)
    }

    pub(super) fn watches_credentials(&self) -> bool {
        !self.credentials.is_empty()
    }

    pub(super) fn has_credential(&self, id: &[u8]) -> bool {
        self.credentials.contains(id)
    }
}

/// What a judge needs to know of although it touches nothing: who made a pod that a node then reads for, which
/// namespaces are being deleted, which token was issued to whom and by whom, which watches were open before a canary
/// was planted. Pods and workloads, which are written all day, only near what is ours: a node reads for a pod what is in
/// the pod's namespace. A watch of one object covers no other; nodes begin one for each of a pod's.
const CONTEXT: [(&str, &[&str], Only); 12] = [
    ("pods", &["create"], Only::Near),
    ("deployments", CHANGES, Only::Near),
    ("statefulsets", CHANGES, Only::Near),
    ("daemonsets", CHANGES, Only::Near),
    ("replicasets", CHANGES, Only::Near),
    ("replicationcontrollers", CHANGES, Only::Near),
    ("jobs", CHANGES, Only::Near),
    ("cronjobs", CHANGES, Only::Near),
    (NAMESPACES, &["delete"], Only::All),
    (SERVICE_ACCOUNTS, &["create"], Only::Subresources),
    ("secrets", &["watch"], Only::Collections),
    ("configmaps", &["watch"], Only::Collections),
];
const CHANGES: &[&str] = &["create", "update", "patch"];

fn boxed(text: &str) -> Box<[u8]> {
    text.as_bytes().into()
}

fn collection(resource: &str, namespace: &str) -> Box<[u8]> {
    format!("{resource}{NAMESPACE}{namespace}")
        .into_bytes()
        .into()
}

fn object(resource: &str, namespace: &str, name: &str) -> Box<[u8]> {
    format!("{resource}{NAMESPACE}{namespace}{NAME}{name}")
        .into_bytes()
        .into()
}

/// What stands between a resource and its namespace.
pub(super) const NAMESPACE: &str = r#"","namespace":""#;
/// What stands between a resource or a namespace and a name.
pub(super) const NAME: &str = r#"","name":""#;
