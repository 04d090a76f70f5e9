//! Which tripwires an event touches. Pure, so that a recorded log replays to the same.

use std::collections::BTreeMap;

use super::selector::{covers_fields, covers_labels};
use super::touch::{Grade, Touch, Touches};
use super::{Event, Extent, Meaning, Mention, Tripwire};
use crate::graph::Address;

/// Tripwires, found by what an event mentions.
#[derive(Clone, Debug, Default)]
pub struct Tripwires {
    exact: BTreeMap<Mention, Vec<Tripwire>>,
    /// Objects by group and resource, for what covers them.
    collections: BTreeMap<(String, String), Collection>,
}

impl Tripwires {
    /// Indexes tripwires.
    #[must_use]
    pub fn new(tripwires: impl IntoIterator<Item = Tripwire>) -> Self {
        let mut index = Self::default();
        let mut objects: BTreeMap<(String, String), Vec<Tripwire>> = BTreeMap::new();
        for tripwire in tripwires {
            if let Mention::Object {
                group, resource, ..
            } = &tripwire.mention
                && matches!(tripwire.meaning, Meaning::Content | Meaning::Listed)
            {
                let place = (group.clone(), resource.clone());
                objects.entry(place).or_default().push(tripwire.clone());
            }
            index
                .exact
                .entry(tripwire.mention.clone())
                .or_default()
                .push(tripwire);
        }
        index.collections = objects
            .into_iter()
            .map(|(place, objects)| (place, Collection::new(objects)))
            .collect();
        index
    }

    /// Whose object a request is about by name.
    pub(super) fn named(&self, event: &Event) -> impl Iterator<Item = &Address> {
        let action = &event.action;
        let object = Mention::Object {
            group: action.group.clone(),
            resource: action.resource.clone(),
            namespace: action.namespace.clone(),
            name: action.name.clone(),
        };
        let ours = self.exact.get(&object).into_iter().flatten();
        ours.map(|tripwire| &tripwire.address)
    }

    /// Everything that an event touches.
    #[must_use]
    pub fn touches(&self, event: &Event) -> Touches {
        let mut touched = Vec::new();
        let mut covered: Option<Touches> = None;
        for mention in &event.mentions {
            for tripwire in self.exact.get(mention).into_iter().flatten() {
                if let Some(grade) = exact(tripwire, event) {
                    let address = tripwire.address.clone();
                    touched.push(Touch { address, grade });
                }
            }
            if let Mention::Collection {
                group,
                resource,
                namespace,
            } = mention
                && let Some(collection) = self.collections.get(&(group.clone(), resource.clone()))
            {
                let touches = collection.touches(namespace, event);
                match &covered {
                    None => covered = Some(touches),
                    Some(_) => touched.extend_from_slice(&touches),
                }
            }
            if let Mention::Under {
                group,
                resource,
                namespace,
                path,
                extent,
            } = mention
                && let Some(collection) = self.collections.get(&(group.clone(), resource.clone()))
            {
                touched.extend(collection.under(namespace, path, *extent));
            }
        }
        let covered = covered.unwrap_or_default();
        if touched.is_empty() {
            return covered;
        }
        touched.extend_from_slice(&covered);
        touched.into()
    }
}

/// Objects of one group and resource.
#[derive(Clone, Debug)]
struct Collection {
    objects: Vec<Tripwire>,
    /// What a plain reading of all of it touches.
    all: Touches,
    /// The same for each namespace.
    namespaces: BTreeMap<String, Touches>,
}

impl Collection {
    fn new(objects: Vec<Tripwire>) -> Self {
        let mut all = Vec::new();
        let mut namespaces: BTreeMap<String, Vec<Touch>> = BTreeMap::new();
        for tripwire in &objects {
            if let (Mention::Object { namespace, .. }, Meaning::Content) =
                (&tripwire.mention, tripwire.meaning)
            {
                let touch = Touch {
                    address: tripwire.address.clone(),
                    grade: Grade::Covering,
                };
                namespaces
                    .entry(namespace.clone())
                    .or_default()
                    .push(touch.clone());
                all.push(touch);
            }
        }
        Self {
            objects,
            all: all.into(),
            namespaces: namespaces
                .into_iter()
                .map(|(namespace, touches)| (namespace, touches.into()))
                .collect(),
        }
    }

    /// What a reading of everything under a path touches.
    fn under<'a>(
        &'a self,
        namespace: &'a str,
        path: &'a str,
        extent: Extent,
    ) -> impl Iterator<Item = Touch> + 'a {
        let objects = self.objects.iter().filter(move |tripwire| {
            let Mention::Object {
                namespace: home,
                name,
                ..
            } = &tripwire.mention
            else {
                return false;
            };
            tripwire.meaning == Meaning::Content
                && home == namespace
                && is_under(name, path, extent)
        });
        objects.map(|tripwire| Touch {
            address: tripwire.address.clone(),
            grade: Grade::Covering,
        })
    }

    /// What a request for it touches. Most are plain readings.
    fn touches(&self, namespace: &str, event: &Event) -> Touches {
        let action = &event.action;
        let is_plain = action.name.is_empty()
            && action.selectors.label.is_none()
            && action.selectors.field.is_none();
        if is_plain && is_reading(event) {
            return match namespace {
                "" => self.all.clone(),
                namespace => self.namespaces.get(namespace).cloned().unwrap_or_default(),
            };
        }
        self.objects
            .iter()
            .filter_map(|tripwire| {
                Some(Touch {
                    grade: covering(tripwire, namespace, event)?,
                    address: tripwire.address.clone(),
                })
            })
            .collect()
    }
}

/// Whether a name is under a path. At the root a name may stand without a slash before it.
fn is_under(name: &str, path: &str, extent: Extent) -> bool {
    let Some(rest) = name.strip_prefix(path) else {
        return false;
    };
    let behind = match rest.strip_prefix('/') {
        None if path.is_empty() => Some(rest),
        behind => behind,
    };
    match extent {
        Extent::Below => behind.is_some(),
        Extent::Directly => behind.is_some_and(|behind| !behind.contains('/')),
        Extent::Beginning => true,
    }
}

/// The subresource of a request that reads what is told about a thing, where a provider keeps that apart from what is in it.
pub const METADATA: &str = "metadata";

/// Of an actor with a session: whose session it is, by name.
pub const ISSUER: &str = "sessionIssuer";
/// The same by unique id.
pub const ISSUER_ID: &str = "sessionIssuerId";
/// Of an actor: as whom it came before it went over to another identity.
pub const SWITCHED_FROM: &str = "switchedFrom";

fn is_reading(event: &Event) -> bool {
    matches!(event.action.verb.as_str(), "list" | "watch")
}

/// A mention of exactly this identifier.
fn exact(tripwire: &Tripwire, event: &Event) -> Option<Grade> {
    let changes = matches!(
        event.action.verb.as_str(),
        "create" | "update" | "patch" | "delete"
    );
    let reads_about_it = event.action.subresource == METADATA && !changes;
    match (tripwire.meaning, &tripwire.mention) {
        // What is told about a thing is not what is in it; consoles and scanners ask for that all day.
        (Meaning::Content | Meaning::Listed, Mention::Object { .. }) if reads_about_it => None,
        (Meaning::Content | Meaning::Listed, _) => Some(Grade::Named),
        (Meaning::Behaviour, _) => changes.then_some(Grade::Named),
        (Meaning::Identity, Mention::Object { .. }) => {
            let is_read = event.action.subresource.is_empty() || reads_about_it;
            (changes || !is_read).then_some(Grade::Named)
        }
        (Meaning::Identity, Mention::Principal(name)) => identity(name, event, reads_about_it),
        (
            Meaning::Identity,
            Mention::Credential(_) | Mention::Collection { .. } | Mention::Under { .. },
        ) => Some(Grade::Use),
    }
}

/// An account that acts, is acted as, or is spoken of. That its object is only read means nothing: controllers do that
/// all day.
fn identity(name: &str, event: &Event, reads_about_it: bool) -> Option<Grade> {
    let identity = &event.actor.identity;
    // A session acts as whoever it was issued for.
    let issuers = [ISSUER, ISSUER_ID, SWITCHED_FROM];
    let mut issuers = issuers
        .iter()
        .filter_map(|issuer| identity.extra.get(*issuer));
    let acts = identity.name == *name
        || identity.uid == *name
        || identity
            .uid
            .split_once(':')
            .is_some_and(|(id, _)| id == name)
        || issuers.any(|issuers| issuers.iter().any(|issuer| issuer == name));
    let acted_as = event
        .acting_as
        .as_ref()
        .is_some_and(|identity| identity.name == *name);
    if acts || acted_as {
        return Some(Grade::Use);
    }
    let action = &event.action;
    let is_about_it = action.resource == "serviceaccounts" || !action.operation.is_empty();
    let reads_its_object = is_about_it
        && event.action.subresource.is_empty()
        && matches!(event.action.verb.as_str(), "get" | "list" | "watch");
    (!reads_its_object && !reads_about_it).then_some(Grade::Named)
}

/// A collection that may hold it, by what the selectors say.
fn covering(tripwire: &Tripwire, namespace: &str, event: &Event) -> Option<Grade> {
    let Mention::Object {
        namespace: home,
        name,
        ..
    } = &tripwire.mention
    else {
        return None;
    };
    if !namespace.is_empty() && namespace != home {
        return None;
    }
    let selectors = &event.action.selectors;
    if let Some(labels) = &selectors.label
        && !covers_labels(labels, tripwire.labels.as_ref())
    {
        return None;
    }
    let reads = is_reading(event);
    let among_others = (!reads || tripwire.meaning == Meaning::Content).then_some(Grade::Covering);
    // The server found the name in a field selector.
    let is_named = event.action.name == *name && reads;
    let Some(selector) = selectors.field.as_deref() else {
        return if is_named {
            Some(Grade::Named)
        } else {
            among_others
        };
    };
    let mut fields = tripwire.fields.clone();
    fields.insert("metadata.name".into(), name.clone());
    fields.insert("metadata.namespace".into(), home.clone());
    if !covers_fields(selector, &fields) {
        return None;
    }
    let named = is_named
        || selector.split(',').any(|term| {
            let mut parts = term.splitn(2, '=');
            let key = parts.next().unwrap_or_default().trim();
            key == "metadata.name" && parts.next().is_some()
        });
    if named {
        Some(Grade::Named)
    } else {
        among_others
    }
}
