//! Whether a pod gets a bait, and what is added for it.

use std::collections::HashSet;

use canary_core::bait::{Containers, Files, PodHandle, PodHandles, Target};
use canary_core::graph::CanaryId;
use sha2::{Digest as _, Sha256};

use super::maker::Maker;
use super::names;
use super::patch::{self, Item, Mount, Operation, Patch, SecretSource, Volume};
use super::paths::overlap;
use super::pod::{self, Container, List, Object, Pod};
use super::review::{Asked, Review};
use super::target::{InvalidTarget, Ready};

/// What is to be done about a review.
#[derive(Debug, Clone)]
pub enum Decision {
    /// Something is added.
    Patch(Patch),
    /// The pod goes on as it is.
    Skip(Reason),
}

/// Why a pod goes on as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// No review, and nothing to refer to in an answer.
    Malformed,
    /// A review of another version or form.
    NotUnderstood,
    /// Something else than a pod being made, or ephemeral containers being added.
    OtherRequest,
    /// A namespace of the cluster itself.
    ClusterNamespace,
    /// No target means it.
    NotCovered,
    /// Its target means a share of its pods, and not this one.
    NotInShare,
    /// The image of a static pod.
    Mirror,
    /// A pod for Windows.
    Windows,
    /// Something in the pod is not of the type that the API has it in.
    Unexpected,
    /// It has none of the containers that its target means.
    NoContainer,
    /// In all containers something else is mounted where the bait would lie.
    Occupied,
    /// Everything is there already.
    Present,
    /// Ephemeral containers for a pod that has no bait.
    WithoutBait,
}

impl Reason {
    /// All of them, for counting.
    pub const ALL: [Self; 13] = [
        Self::Malformed,
        Self::NotUnderstood,
        Self::OtherRequest,
        Self::ClusterNamespace,
        Self::NotCovered,
        Self::NotInShare,
        Self::Mirror,
        Self::Windows,
        Self::Unexpected,
        Self::NoContainer,
        Self::Occupied,
        Self::Present,
        Self::WithoutBait,
    ];

    /// A word for metrics and logs. Says nothing of what is added to pods.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NotUnderstood => "not_understood",
            Self::OtherRequest => "other_request",
            Self::ClusterNamespace => "cluster_namespace",
            Self::NotCovered => "not_covered",
            Self::NotInShare => "not_in_share",
            Self::Mirror => "mirror",
            Self::Windows => "windows",
            Self::Unexpected => "unexpected",
            Self::NoContainer => "no_container",
            Self::Occupied => "occupied",
            Self::Present => "present",
            Self::WithoutBait => "without",
        }
    }
}

/// Decides about pods that are being made.
#[derive(Debug)]
pub struct Admission {
    targets: Vec<Ready>,
    handles: PodHandles,
}

impl Admission {
    /// By targets, of which the first that means a pod counts.
    ///
    /// # Errors
    /// When one of them cannot be understood, or would make pods invalid.
    pub fn new(targets: Vec<Target>, handles: PodHandles) -> Result<Self, InvalidTarget> {
        let targets = targets.into_iter().map(Ready::new);
        Ok(Self {
            targets: targets.collect::<Result<_, _>>()?,
            handles,
        })
    }

    /// Decides.
    #[must_use]
    pub fn decide(&self, review: &Review<'_>) -> Decision {
        match self.patch(review) {
            Ok(patch) => Decision::Patch(patch),
            Err(reason) => Decision::Skip(reason),
        }
    }

    fn patch(&self, review: &Review<'_>) -> Result<Patch, Reason> {
        let namespace = &*review.namespace;
        // The object's own namespace is the caller's text; the request's is where the pod will be.
        if review.asked == Asked::Other || namespace.is_empty() {
            return Err(Reason::OtherRequest);
        }
        if namespace.starts_with("kube-") {
            return Err(Reason::ClusterNamespace);
        }
        if !self.targets.iter().any(|one| one.target.covers(namespace)) {
            return Err(Reason::NotCovered);
        }
        let pod = review.object.and_then(|object| Pod::read(object.get()));
        let pod = pod.ok_or(Reason::Unexpected)?;
        if pod.is_mirror() {
            return Err(Reason::Mirror);
        }
        if pod.is_windows() {
            return Err(Reason::Windows);
        }
        let Object(metadata) = &pod.metadata;
        let maker = Maker::of(metadata);
        let label = |key: &str| metadata.labels.as_ref()?.get(key).map(|value| &**value);
        let target = self
            .targets
            .iter()
            .find(|one| one.means(namespace, maker.workload, label))
            .ok_or(Reason::NotCovered)?;
        let deciding = Deciding {
            handles: &self.handles,
            review,
            pod: &pod,
            target,
            workload: maker.name,
        };
        deciding.patch()
    }
}

/// A pod that a target means.
struct Deciding<'a> {
    handles: &'a PodHandles,
    review: &'a Review<'a>,
    pod: &'a Pod<'a>,
    target: &'a Ready,
    workload: &'a str,
}

/// A volume that holds a bait, there or to be added.
struct Place {
    volume: String,
    directory: String,
    /// What is picked out of the Secret.
    keys: Vec<String>,
    is_used: bool,
}

/// What has been added so far.
#[derive(Default)]
struct Added {
    mounts: Vec<Operation>,
    left_out: usize,
}

impl Deciding<'_> {
    fn patch(&self) -> Result<Patch, Reason> {
        let there = self.handle_there();
        let (handle, mut places) = match &there {
            Some(handle) => (handle.clone(), self.places_there(handle)),
            None if self.review.asked == Asked::Ephemeral => return Err(Reason::WithoutBait),
            None if !self.is_in_share() => return Err(Reason::NotInShare),
            None => self.new_places(),
        };
        let added = self.mounts(&mut places)?;
        if added.mounts.is_empty() {
            return Err(match (&there, added.left_out) {
                (Some(_), _) => Reason::Present,
                (None, 0) => Reason::NoContainer,
                (None, _) => Reason::Occupied,
            });
        }
        let mut operations = Vec::new();
        if there.is_none() {
            let volumes = places.into_iter().filter(|place| place.is_used);
            let volumes = volumes.map(|place| place.into_volume(&handle)).collect();
            let list_exists = self.pod.spec.0.volumes.exists();
            operations = patch::add_volumes(list_exists, volumes);
        }
        operations.extend(added.mounts);
        Ok(Patch {
            canary: self.canary(),
            handle,
            left_out: added.left_out,
            operations,
        })
    }

    fn canary(&self) -> CanaryId {
        self.target.target.canary.clone()
    }

    /// The handle that the pod has already: from an earlier call for the same pod, or from the pod it is a copy of.
    fn handle_there(&self) -> Option<PodHandle> {
        let secrets = self
            .pod
            .spec
            .0
            .volumes
            .iter()
            .filter_map(pod::Volume::secret);
        secrets
            .filter_map(|name| self.handles.read(&self.review.namespace, name))
            .next()
    }

    fn places_there(&self, handle: &PodHandle) -> Vec<Place> {
        self.pod
            .spec
            .0
            .volumes
            .iter()
            .filter(|volume| volume.secret() == Some(handle.as_str()))
            .filter_map(|volume| {
                let files = self.target.bait_of(volume.first_key())?;
                Some(self.place(volume.name.to_string(), files))
            })
            .collect()
    }

    fn new_places(&self) -> (PodHandle, Vec<Place>) {
        let target = &self.target.target;
        let base = names::base(&target.base, self.workload);
        let taken: HashSet<&str> = self.pod.volume_names().collect();
        let several = target.baits.len() > 1;
        let mut places: Vec<Place> = Vec::new();
        for files in target.baits.values() {
            let directory = several.then_some(files.directory.as_str());
            let is_ours = |name: &str| places.iter().any(|place| place.volume == name);
            let name = names::volume(&base, directory, |name| {
                taken.contains(name) || is_ours(name)
            });
            places.push(self.place(name, files));
        }
        let seed = self.review.uid.as_bytes();
        let handle = self.handles.make(&self.review.namespace, &base, seed);
        (handle, places)
    }

    fn place(&self, volume: String, files: &Files) -> Place {
        Place {
            volume,
            directory: names::directory(&files.directory, self.workload),
            keys: self.target.keys(files).map(str::to_owned).collect(),
            is_used: false,
        }
    }

    /// The server asks under a new uid each time, so that a pod that is asked about twice is drawn for twice.
    fn is_in_share(&self) -> bool {
        let share = self.target.target.share;
        if share >= 100 {
            return true;
        }
        let digest = Sha256::digest(self.review.uid.as_bytes());
        let drawn = u16::from_be_bytes([digest[0], digest[1]]);
        // 655 of 65,536 values are a hundredth. The 36 that are left over have no bait.
        drawn / 655 < u16::from(share)
    }

    fn mounts(&self, places: &mut [Place]) -> Result<Added, Reason> {
        let Object(spec) = &self.pod.spec;
        let wanted = &self.target.target.containers;
        let mut added = Added::default();
        match self.review.asked {
            Asked::Create => {
                added.to(places, "containers", &spec.containers, |one| {
                    is_named(wanted, one)
                });
                added.to(places, "initContainers", &spec.init_containers, |one| {
                    let kind = if one.is_sidecar() {
                        wanted.sidecars
                    } else {
                        wanted.init
                    };
                    kind && is_named(wanted, one)
                });
            }
            Asked::Ephemeral if wanted.ephemeral => {
                let old = self.old_names()?;
                added.to(
                    places,
                    "ephemeralContainers",
                    &spec.ephemeral_containers,
                    // Those that are there already cannot be changed.
                    |one| !old.contains(&*one.name) && is_named(wanted, one),
                );
            }
            Asked::Ephemeral | Asked::Other => return Err(Reason::NoContainer),
        }
        Ok(added)
    }

    fn old_names(&self) -> Result<HashSet<String>, Reason> {
        let old = self.review.old_object.ok_or(Reason::Unexpected)?;
        let old = Pod::read(old.get()).ok_or(Reason::Unexpected)?;
        let containers = old.spec.0.ephemeral_containers.iter();
        Ok(containers.map(|one| one.name.to_string()).collect())
    }
}

fn is_named(wanted: &Containers, container: &Container<'_>) -> bool {
    let names = &wanted.names;
    names.is_empty() || names.iter().any(|name| name.matches(&container.name))
}

impl Added {
    /// Mounts what a container lacks, in each of a list that is meant.
    fn to(
        &mut self,
        places: &mut [Place],
        list: &str,
        containers: &List<Container<'_>>,
        is_meant: impl Fn(&Container<'_>) -> bool,
    ) {
        for (index, container) in containers.iter().enumerate() {
            if !is_meant(container) {
                continue;
            }
            let mut mounts: Vec<Mount> = Vec::new();
            for place in &mut *places {
                let there = |mount: &pod::Mount<'_>| *mount.name == *place.volume;
                if container.volume_mounts.iter().any(there) {
                    continue;
                }
                let is_in_the_way = |path: &str| overlap(path, &place.directory);
                let mut ours = mounts.iter().map(|mount| mount.mount_path.as_str());
                if container.paths().any(is_in_the_way) || ours.any(is_in_the_way) {
                    self.left_out += 1;
                    continue;
                }
                place.is_used = true;
                mounts.push(Mount {
                    name: place.volume.clone(),
                    read_only: true,
                    mount_path: place.directory.clone(),
                });
            }
            let list_exists = container.volume_mounts.exists();
            self.mounts
                .extend(patch::add_mounts(list, index, list_exists, mounts));
        }
    }
}

impl Place {
    fn into_volume(self, handle: &PodHandle) -> Volume {
        let item = |key: String| Item {
            path: key.clone(),
            key,
        };
        Volume {
            name: self.volume,
            secret: SecretSource {
                secret_name: handle.clone(),
                items: self.keys.into_iter().map(item).collect(),
                optional: true,
            },
        }
    }
}
