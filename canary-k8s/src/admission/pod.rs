//! Of a pod, what deciding needs; whatever else is in it is passed over.
//!
//! A value of another type than the API has it in is an error here, and a reason to leave the pod alone.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

/// Where the kubelet writes that a pod is the image of a static one.
pub(crate) const MIRROR: &str = "kubernetes.io/config.mirror";
pub(crate) const OS: &str = "kubernetes.io/os";
const WINDOWS: &str = "windows";

/// Whether it runs on Windows, where paths are others: as it says, or as the node that it wants alone, like older pods.
pub(crate) fn is_windows(said: Option<&str>, wanted: Option<&str>) -> bool {
    said.or(wanted)
        .is_some_and(|name| name.eq_ignore_ascii_case(WINDOWS))
}

/// A text that stays where it is, unless it has escapes.
#[derive(Deserialize, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// What stands as an object: a derived reader would take a list for one, too.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OfMap(PhantomData))
    }
}

struct OfMap<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OfMap<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// A list of objects that may be absent or null, which a patch must know.
#[derive(Deserialize, Debug)]
#[serde(transparent)]
pub(super) struct List<T>(Option<Vec<Object<T>>>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> List<T> {
    /// Whether there is a list, be it empty.
    pub(super) fn exists(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten().map(|Object(member)| member)
    }
}

/// A pod.
#[derive(Deserialize, Debug)]
pub(super) struct Pod<'a> {
    #[serde(borrow)]
    pub(super) metadata: Object<Metadata<'a>>,
    #[serde(borrow)]
    pub(super) spec: Object<Spec<'a>>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) generate_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) labels: Option<BTreeMap<Text<'a>, Text<'a>>>,
    #[serde(borrow)]
    annotations: Option<BTreeMap<Text<'a>, IgnoredAny>>,
    #[serde(borrow, default = "List::default")]
    pub(super) owner_references: List<Owner<'a>>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Owner<'a> {
    #[serde(borrow)]
    pub(super) api_version: Text<'a>,
    #[serde(borrow)]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    pub(super) controller: Option<bool>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec<'a> {
    #[serde(borrow)]
    os: Option<Object<Os<'a>>>,
    #[serde(borrow)]
    node_selector: Option<BTreeMap<Text<'a>, Text<'a>>>,
    #[serde(borrow, default = "List::default")]
    pub(super) volumes: List<Volume<'a>>,
    #[serde(borrow, default = "List::default")]
    pub(super) containers: List<Container<'a>>,
    #[serde(borrow, default = "List::default")]
    pub(super) init_containers: List<Container<'a>>,
    #[serde(borrow, default = "List::default")]
    pub(super) ephemeral_containers: List<Container<'a>>,
}

#[derive(Deserialize, Debug)]
struct Os<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

#[derive(Deserialize, Debug)]
pub(super) struct Volume<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    secret: Option<Object<SecretSource<'a>>>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
struct SecretSource<'a> {
    #[serde(borrow)]
    secret_name: Option<Text<'a>>,
    #[serde(borrow, default = "List::default")]
    items: List<Item<'a>>,
}

#[derive(Deserialize, Debug)]
struct Item<'a> {
    #[serde(borrow)]
    key: Text<'a>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Container<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    restart_policy: Option<Text<'a>>,
    #[serde(borrow, default = "List::default")]
    pub(super) volume_mounts: List<Mount<'a>>,
    #[serde(borrow, default = "List::default")]
    volume_devices: List<Device<'a>>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mount<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    mount_path: Text<'a>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
struct Device<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    device_path: Text<'a>,
}

impl<'a> Pod<'a> {
    /// Reads a pod; `None` when something in it is not of the type it should have.
    pub(super) fn read(json: &'a str) -> Option<Self> {
        let Object(pod) = serde_json::from_str(json).ok()?;
        Some(pod)
    }

    /// Whether a kubelet made it to show a pod of its own: a static pod may name no Secret.
    pub(super) fn is_mirror(&self) -> bool {
        let annotations = self.metadata.0.annotations.as_ref();
        annotations.is_some_and(|all| all.contains_key(MIRROR))
    }

    /// The names of its volumes, there or not: a pod that mounts what it lacks is refused, and must stay so.
    pub(super) fn volume_names(&self) -> impl Iterator<Item = &str> {
        let Object(spec) = &self.spec;
        let lists = [
            &spec.containers,
            &spec.init_containers,
            &spec.ephemeral_containers,
        ];
        let containers = lists.into_iter().flat_map(List::iter);
        let mounted = containers.flat_map(|one| {
            let mounts = one.volume_mounts.iter().map(|mount| &*mount.name);
            mounts.chain(one.volume_devices.iter().map(|device| &*device.name))
        });
        spec.volumes
            .iter()
            .map(|volume| &*volume.name)
            .chain(mounted)
    }

    /// Whether it runs on Windows.
    pub(super) fn is_windows(&self) -> bool {
        let Spec {
            os, node_selector, ..
        } = &self.spec.0;
        let wanted = node_selector.as_ref().and_then(|all| all.get(OS));
        let said = os.as_ref().map(|Object(os)| &*os.name);
        is_windows(said, wanted.map(|name| &**name))
    }
}

impl Volume<'_> {
    /// The Secret that is in it.
    pub(super) fn secret(&self) -> Option<&str> {
        self.secret.as_ref()?.0.secret_name.as_deref()
    }

    /// The first key that is picked out of the Secret; `None` where it is there as a whole.
    pub(super) fn first_key(&self) -> Option<&str> {
        let Object(secret) = self.secret.as_ref()?;
        secret.items.iter().next().map(|item| &*item.key)
    }
}

impl Container<'_> {
    /// Of an init container: whether it goes on beside the others.
    pub(super) fn is_sidecar(&self) -> bool {
        self.restart_policy.as_deref() == Some("Always")
    }

    /// Where something is mounted in it, or a device lies.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        let mounts = self.volume_mounts.iter().map(|mount| &*mount.mount_path);
        mounts.chain(
            self.volume_devices
                .iter()
                .map(|device| &*device.device_path),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(spec: &Value) -> String {
        json!({ "metadata": {}, "spec": spec }).to_string()
    }

    #[test]
    fn what_is_not_named_is_passed_over_and_absent_lists_are_told_from_empty_ones() {
        let text = pod(&json!({
            "later": { "deep": [1, null] },
            "volumes": null,
            "containers": [{ "name": "a", "volumeMounts": [], "new": {} }],
        }));
        let pod = Pod::read(&text).unwrap();
        let Object(spec) = &pod.spec;
        assert!(!spec.volumes.exists() && !spec.init_containers.exists());
        let first = spec.containers.iter().next().unwrap();
        assert!(first.volume_mounts.exists() && first.volume_mounts.iter().count() == 0);
    }

    #[test]
    fn a_value_of_another_type_is_no_pod() {
        for spec in [
            json!([]),
            json!(null),
            json!({ "volumes": {} }),
            json!({ "volumes": [null] }),
            json!({ "volumes": [["a"]] }),
            json!({ "containers": [{ "name": 1 }] }),
            json!({ "containers": [{ "name": "a", "volumeMounts": "x" }] }),
            json!({ "containers": [{ "name": "a", "volumeMounts": [{ "name": "b" }] }] }),
            json!({ "os": "windows" }),
        ] {
            assert!(Pod::read(&pod(&spec)).is_none(), "{spec}");
        }
    }

    #[test]
    fn windows_is_told_by_the_pod_or_by_the_node_it_wants() {
        for (spec, windows) in [
            (json!({ "os": { "name": "windows" } }), true),
            (json!({ "nodeSelector": { OS: "windows" } }), true),
            (
                json!({ "os": { "name": "linux" }, "nodeSelector": { OS: "linux" } }),
                false,
            ),
            (json!({}), false),
        ] {
            assert_eq!(
                Pod::read(&pod(&spec)).unwrap().is_windows(),
                windows,
                "{spec}"
            );
        }
    }
}
