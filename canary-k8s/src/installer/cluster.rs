//! The installer at a cluster.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use canary_core::disguise::{Key, SiteKeys};
use canary_core::observe::{Observe as _, Site};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use super::InstallError;
use super::changes::{Change, Changes, Seen, Step, of_trial, rank};
use super::instance::{LABEL, instance, name_of};
use crate::client::request::{Request, escaped};
use crate::client::{Answer, CallError, Client};
use crate::install::{Authority, Objects, Place};
use crate::observe::{KubernetesObserve, TIMEOUT, all, ask, provider};
use crate::realize::NOTHING_THERE;

/// As `kubectl apply --server-side` leaves it.
const MANAGER: &str = "kubectl";
/// Requests at the same time.
const CONCURRENCY: usize = 8;

/// Puts installations into one cluster, under a site's keys.
pub struct Installer {
    pub(super) client: Client,
    keys: SiteKeys,
    site: Site,
}

/// An installation that is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Installation {
    /// What everything is called by.
    pub name: String,
    /// Where it runs; `None` where that is gone.
    pub namespace: Option<String>,
}

/// The places of what is ours, each as it was seen.
pub(super) type Ours = BTreeMap<Place, Seen>;

impl Installer {
    /// At the cluster of this client, with what the key is there.
    ///
    /// # Errors
    /// When the cluster does not tell which it is.
    pub async fn at(client: Client, key: &Key) -> Result<Self, InstallError> {
        let observe = KubernetesObserve::new(client.clone());
        let site = observe.site().await.map_err(InstallError::Site)?;
        let keys = key.at_site(&provider(), &site.id);
        // Our own requests are known as such to whoever reads the audit log with the key.
        observe.enter(&keys);
        Ok(Self { client, keys, site })
    }

    /// The site's keys.
    #[must_use]
    pub fn keys(&self) -> &SiteKeys {
        &self.keys
    }

    /// Which cluster it is.
    #[must_use]
    pub fn site(&self) -> &str {
        &self.site.id
    }

    /// What is known of the cluster, as its address (`server`), its authority (`ca`) and its name (`cluster`).
    #[must_use]
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.site.facts.get(name).map(String::as_str)
    }

    /// What the label of an installation of that name is here.
    #[must_use]
    pub fn instance(&self, name: &str) -> String {
        instance(&self.keys, name)
    }

    /// Installations of ours that are there, whole or in part: told by what they have in the cluster as a whole.
    ///
    /// # Errors
    /// When that cannot be listed.
    pub async fn find(&self) -> Result<Vec<Installation>, InstallError> {
        let mut found: BTreeMap<String, Option<String>> = BTreeMap::new();
        for (kind, path) in Place::cluster_wide() {
            let of = |item: &Value| {
                let meta = &item["metadata"];
                Some((
                    name_of(&self.keys, meta)?,
                    meta["name"].as_str()?.to_owned(),
                ))
            };
            let path = format!("{path}?labelSelector={}", escaped(LABEL));
            let named = all(&self.client, &path, Request::list_metadata, of)
                .await
                .map_err(InstallError::call(format!("listing every {kind}")))?;
            for (name, object) in named {
                let namespace = found.entry(name).or_default();
                if kind == "Namespace" {
                    *namespace = Some(object);
                }
            }
        }
        let found = found.into_iter();
        Ok(found
            .map(|(name, namespace)| Installation { name, namespace })
            .collect())
    }

    /// The names of all namespaces.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn namespaces(&self) -> Result<Vec<String>, InstallError> {
        self.names("/api/v1/namespaces", "listing namespaces").await
    }

    /// The names of all Deployments.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn deployments(&self) -> Result<Vec<String>, InstallError> {
        self.names("/apis/apps/v1/deployments", "listing Deployments")
            .await
    }

    async fn names(&self, path: &str, what: &str) -> Result<Vec<String>, InstallError> {
        let name = |item: &Value| item["metadata"]["name"].as_str().map(str::to_owned);
        all(&self.client, path, Request::list_metadata, name)
            .await
            .map_err(InstallError::call(what))
    }

    /// The authority that an installation of ours has already.
    ///
    /// # Errors
    /// When it is there and cannot be read, or is not ours.
    pub async fn authority(
        &self,
        name: &str,
        namespace: &str,
    ) -> Result<Option<Authority>, InstallError> {
        let meta = json!({ "namespace": namespace, "name": format!("{name}-ca") });
        let Some(place) = Place::within("Secret", &meta) else {
            return Ok(None);
        };
        let Some(secret) = self.get(&place).await? else {
            return Ok(None);
        };
        if name_of(&self.keys, &secret["metadata"]).is_none() {
            return Err(InstallError::NotOurs(vec![place]));
        }
        let text = |field: &str| {
            let bytes = STANDARD.decode(secret["data"][field].as_str()?).ok()?;
            String::from_utf8(bytes)
                .ok()
                .filter(|text| !text.is_empty())
        };
        match (text("tls.crt"), text("tls.key")) {
            (Some(certificate), Some(key)) => Ok(Some(Authority { certificate, key })),
            _ => Err(InstallError::Authority(place)),
        }
    }

    /// What would have to be done for these objects to be there. Writes nothing.
    ///
    /// # Errors
    /// When something is in the way that is not ours, or the cluster cannot be asked.
    pub async fn look(&self, name: &str, objects: &Objects) -> Result<Changes, InstallError> {
        let ours = self.ours(name).await?;
        let wanted: Vec<(Place, &Value)> = objects
            .in_order
            .iter()
            .filter_map(|object| Some((Place::of(object)?, object)))
            .collect();
        let steps = stream::iter(wanted.iter())
            .map(|(place, object)| self.step(&ours, place, object))
            .buffered(CONCURRENCY);
        let found: Vec<Found> = steps.try_collect().await?;
        let mut steps = Vec::new();
        let mut foreign = Vec::new();
        for one in found {
            match one {
                Found::Step(step) => steps.push(*step),
                Found::Foreign(place) => foreign.push(place),
            }
        }
        if !foreign.is_empty() {
            return Err(InstallError::NotOurs(foreign));
        }
        let is_wanted = |place: &Place| wanted.iter().any(|(wanted, _)| wanted == place);
        let mut stale: Vec<Step> = ours
            .iter()
            .filter(|(place, _)| !is_wanted(place))
            .map(|(place, seen)| Step {
                place: place.clone(),
                change: Change::Remove,
                wanted: Value::Null,
                seen: Some(seen.clone()),
            })
            .collect();
        stale.sort_by_key(|step| rank(step.place.kind));
        steps.extend(stale);
        Ok(Changes { steps })
    }

    async fn step(
        &self,
        ours: &Ours,
        place: &Place,
        object: &Value,
    ) -> Result<Found, InstallError> {
        let step = |change, seen| {
            Found::Step(Box::new(Step {
                place: place.clone(),
                change,
                wanted: object.clone(),
                seen,
            }))
        };
        let Some(there) = self.get(place).await? else {
            return Ok(step(Change::Create, None));
        };
        if place.kind == "Namespace" && !there["metadata"]["deletionTimestamp"].is_null() {
            return Err(InstallError::Terminating(place.name.clone()));
        }
        if !ours.contains_key(place) {
            return Ok(Found::Foreign(place.clone()));
        }
        let seen = Seen::of(&there["metadata"]);
        let request = apply(place, object, seen.as_ref(), "&dryRun=All");
        let tried = self
            .client
            .send(request, TIMEOUT)
            .await
            .map_err(InstallError::call(format!("trying {place}")))?;
        Ok(step(of_trial(&there, &tried.body), seen))
    }

    /// Does one step of what [`Self::look`] told. What was changed by others meanwhile is left as it is.
    ///
    /// # Errors
    /// When it cannot be done.
    pub async fn carry_out(&self, step: &Step) -> Result<(), InstallError> {
        let place = &step.place;
        match step.change {
            Change::Keep => Ok(()),
            Change::Remove => self.delete(place, step.seen.as_ref()).await,
            Change::Create | Change::Update(_) => {
                let request = apply(place, &step.wanted, step.seen.as_ref(), "");
                let sent = self.client.send(request, TIMEOUT).await;
                sent.map(drop)
                    .map_err(InstallError::call(format!("writing {place}")))
            }
        }
    }

    /// What has the label of an installation of that name.
    pub(super) async fn ours(&self, name: &str) -> Result<Ours, InstallError> {
        let selector = format!("{LABEL}={}", self.instance(name));
        let lists = stream::iter(Place::everywhere())
            .map(|(kind, path)| {
                let path = format!("{path}?labelSelector={}", escaped(&selector));
                async move { self.labelled(kind, &path).await }
            })
            .buffered(CONCURRENCY);
        let lists: Vec<Vec<(Place, Seen)>> = lists.try_collect().await?;
        Ok(lists.into_iter().flatten().collect())
    }

    async fn labelled(&self, kind: &str, path: &str) -> Result<Vec<(Place, Seen)>, InstallError> {
        let of = |item: &Value| {
            let meta = &item["metadata"];
            // Pods' labels are copied to nothing of these kinds, so what has the label was written by us.
            Some((Place::within(kind, meta)?, Seen::of(meta)?))
        };
        match all(&self.client, path, Request::list_metadata, of).await {
            // A kind that this cluster does not have.
            Err(error) if error.status() == Some(404) => Ok(Vec::new()),
            other => other.map_err(InstallError::call(format!("listing every {kind}"))),
        }
    }

    pub(super) async fn get(&self, place: &Place) -> Result<Option<Value>, InstallError> {
        absent_is_none(ask(&self.client, Request::get(place.path())).await)
            .map_err(InstallError::call(format!("reading {place}")))
    }

    /// Exactly what was seen. What is gone already is gone.
    pub(super) async fn delete(
        &self,
        place: &Place,
        seen: Option<&Seen>,
    ) -> Result<(), InstallError> {
        let mut options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
        });
        if let Some(seen) = seen {
            // By uid alone: what is only noted about it, as a Deployment's progress, is no reason to keep it.
            options["preconditions"] = json!({ "uid": seen.uid });
        }
        let sent = ask(&self.client, Request::delete(place.path(), &options)).await;
        absent_is_none(sent)
            .map(drop)
            .map_err(InstallError::call(format!("removing {place}")))
    }
}

impl std::fmt::Debug for Installer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Installer({})", self.site.name)
    }
}

enum Found {
    Step(Box<Step>),
    Foreign(Place),
}

/// Made where nothing is, or changed at the revision that was seen.
fn apply(place: &Place, object: &Value, seen: Option<&Seen>, more: &str) -> Request {
    let mut body = object.clone();
    match seen {
        Some(seen) => {
            body["metadata"]["uid"] = seen.uid.as_str().into();
            body["metadata"]["resourceVersion"] = seen.revision.as_str().into();
        }
        None => body["metadata"]["resourceVersion"] = NOTHING_THERE.into(),
    }
    let manager = escaped(MANAGER);
    let path = place.path();
    Request::apply(
        format!("{path}?fieldManager={manager}&force=true{more}"),
        &body,
    )
}

fn absent_is_none(answer: Result<Answer, CallError>) -> Result<Option<Value>, CallError> {
    match answer {
        Ok(answer) => Ok(Some(answer.body)),
        Err(error) if error.status() == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}
