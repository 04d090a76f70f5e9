//! The looking itself.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use canary_core::disguise::{Digester, OwnCalls, SiteKeys};
use canary_core::graph::Handle;
use canary_core::observe::{Gap, Look, Object, Observe, Observed, Place, Scope, Sight, Site};
use futures::stream::{self, StreamExt as _};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::pages;
use super::patience::{ask, ask_while};
use super::{full, metadata, provider};
use crate::client::request::{self, Request};
use crate::client::{CallError, Client};

/// Requests at the same time.
pub(super) const CONCURRENCY: usize = 16;

/// Looks at one cluster.
#[derive(Clone)]
pub struct KubernetesObserve {
    pub(super) client: Client,
}

impl KubernetesObserve {
    /// Looks through this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    async fn list(&self, scope: &Scope) -> Result<Vec<(Handle, Object)>, CallError> {
        let Some(path) = request::collection(scope) else {
            return Ok(Vec::new());
        };
        let decoded = |item: &serde_json::Value| metadata(&scope.kind, item);
        pages::all(&self.client, &path, Request::list_metadata, decoded).await
    }

    async fn look_at_scope(&self, scope: &Scope, seen: &mut Observed) {
        match self.list(scope).await {
            Err(error) => seen
                .gaps
                .push(gap(Place::Neighbours(scope.clone()), &error)),
            Ok(objects) => {
                let is_empty = objects.is_empty();
                let objects = objects.into_iter().collect();
                seen.merge(Observed {
                    objects: BTreeMap::from([(provider(), objects)]),
                    ..Observed::default()
                });
                seen.listed
                    .entry(provider())
                    .or_default()
                    .insert(scope.clone());
                if is_empty {
                    self.look_for_namespace(scope, seen).await;
                }
            }
        }
    }

    /// An empty list does not tell whether there is such a namespace at all.
    async fn look_for_namespace(&self, scope: &Scope, seen: &mut Observed) {
        let Some(name) = &scope.scope else {
            return;
        };
        let request = Request::get_metadata(request::namespace(name));
        if let Err(error) = ask(&self.client, request).await
            && error.status() == Some(404)
        {
            let handle = Handle {
                kind: "Namespace".into(),
                scope: None,
                name: name.clone(),
            };
            seen.absent.entry(provider()).or_default().insert(handle);
        }
    }

    async fn look_at_object(&self, handle: &Handle, digester: Option<&Digester>) -> Seeing {
        let Some(path) = request::object(handle) else {
            return Seeing::Nothing;
        };
        let request = match digester {
            Some(_) => Request::get(path),
            None => Request::get_metadata(path),
        };
        match ask(&self.client, request).await {
            Ok(answer) => {
                let decoded = match digester {
                    Some(digester) => full(&handle.kind, &answer.body, digester),
                    None => metadata(&handle.kind, &answer.body),
                };
                decoded.map_or(Seeing::Nothing, |(_, object)| {
                    Seeing::There(Box::new(object))
                })
            }
            Err(error) if error.status() == Some(404) => Seeing::Absent,
            Err(error) => Seeing::Gap(gap(Place::Object(handle.clone()), &error)),
        }
    }

    /// Looks at each name, many at a time.
    async fn look_at_objects(
        &self,
        handles: BTreeSet<Handle>,
        digester: Option<&Digester>,
        seen: &mut Observed,
    ) {
        let looks = stream::iter(handles).map(|handle| async move {
            let seeing = self.look_at_object(&handle, digester).await;
            (handle, seeing)
        });
        let mut looks = looks.buffer_unordered(CONCURRENCY);
        while let Some((handle, seeing)) = looks.next().await {
            match seeing {
                Seeing::There(object) => {
                    seen.objects
                        .entry(provider())
                        .or_default()
                        .insert(handle, *object);
                }
                Seeing::Absent => {
                    if let Some(objects) = seen.objects.get_mut(&provider()) {
                        objects.remove(&handle);
                    }
                    seen.absent.entry(provider()).or_default().insert(handle);
                }
                Seeing::Gap(gap) => seen.gaps.push(gap),
                Seeing::Nothing => {}
            }
        }
    }
}

enum Seeing {
    There(Box<Object>),
    Absent,
    Gap(Gap),
    Nothing,
}

pub(crate) fn gap(place: Place, error: &CallError) -> Gap {
    let reason = error.gap_reason();
    // The server's words on a refusal name what everybody knows; on anything else they are the only clue.
    let detail = match error.status() {
        Some(401 | 403) => String::new(),
        Some(code) => format!("{code}: {}", error.message),
        None => error.message.clone(),
    };
    Gap {
        provider: provider(),
        place,
        reason,
        detail,
    }
}

/// Which server it was, whatever became of it: the kubeconfig decides that, and it may be another than was meant.
fn site_gap(server: &str, error: &CallError) -> Gap {
    let gap = gap(Place::Site, error);
    let detail = match gap.detail.as_str() {
        "" => server.to_owned(),
        words => format!("{server}: {words}"),
    };
    Gap { detail, ..gap }
}

#[async_trait]
impl Observe for KubernetesObserve {
    async fn site(&self) -> Result<Site, Gap> {
        let endpoint = self.client.endpoint();
        let aliases: BTreeSet<String> = endpoint
            .authorities
            .first()
            .map(|der| format!("ca:{}", hex(&Sha256::digest(der))))
            .into_iter()
            .collect();
        let request = Request::get_metadata(request::namespace("kube-system"));
        let id = match ask(&self.client, request).await {
            Ok(answer) => answer.body["metadata"]["uid"].as_str().map(str::to_owned),
            // Who may not read kube-system knows the cluster by its authority.
            Err(error) if error.status() == Some(403) => aliases.first().cloned(),
            Err(error) => return Err(site_gap(&endpoint.server, &error)),
        };
        let unknown = || {
            CallError::local(
                crate::client::Failure::NotUnderstood,
                "the cluster has no identity",
            )
        };
        let id = id.ok_or_else(|| site_gap(&endpoint.server, &unknown()))?;
        let mut facts = BTreeMap::from([
            ("server".to_owned(), endpoint.server.clone()),
            ("cluster".to_owned(), endpoint.cluster.clone()),
        ]);
        facts.extend(endpoint.ca_pem().map(|pem| ("ca".to_owned(), pem)));
        Ok(Site {
            id,
            aliases,
            name: endpoint.context.clone(),
            principal: None,
            facts,
            clock_offset_ms: self.client.clock_offset_ms(),
        })
    }

    fn enter(&self, keys: &SiteKeys) {
        self.client.prove(OwnCalls::new(keys));
    }

    async fn principal(&self) -> Option<String> {
        let body = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
        let request = Request::post(
            "/apis/authentication.k8s.io/v1/selfsubjectreviews".into(),
            &body,
        );
        // Without an answer our own calls would be taken for a thief's, so that one lost answer must not decide it.
        // A server before 1.28 has no such review.
        let answer = ask_while(&self.client, request, CallError::is_passing).await;
        let user = &answer.ok()?.body["status"]["userInfo"];
        user["username"].as_str().map(str::to_owned)
    }

    async fn observe(&self, look: &Look) -> Observed {
        let before = self.client.requests();
        let mut seen = Observed {
            at: look.at,
            ..Observed::default()
        };
        let lists = stream::iter(look.scopes.clone()).map(|scope| async move {
            let mut seen = Observed::default();
            self.look_at_scope(&scope, &mut seen).await;
            seen
        });
        let mut lists = lists.buffered(CONCURRENCY);
        while let Some(one) = lists.next().await {
            seen.merge(one);
        }
        drop(lists);
        let (full, names) = by_need(look, &seen);
        self.look_at_objects(full, Some(&look.digester), &mut seen)
            .await;
        if !names.is_empty() {
            self.look_at_objects(names, None, &mut seen).await;
            // What the metadata of single names now tells to have moved.
            let (moved, _) = by_need(look, &seen);
            self.look_at_objects(moved, Some(&look.digester), &mut seen)
                .await;
        }
        if !look.rights_of.is_empty() {
            self.look_at_rights(&look.rights_of, &mut seen).await;
        }
        // What comes first is chance; what is told is not.
        seen.gaps.sort();
        seen.at = look.at;
        seen.requests = self.client.requests() - before;
        seen
    }
}

/// Which names must be read in full, and of which the metadata is wanted that no list gave.
fn by_need(look: &Look, seen: &Observed) -> (BTreeSet<Handle>, BTreeSet<Handle>) {
    let mut full = BTreeSet::new();
    let mut names = BTreeSet::new();
    for handle in look.handles() {
        let wanted = look.full.contains(handle);
        match seen.sight(&provider(), handle) {
            Sight::Absent => {}
            Sight::There(object) if object.fields.is_some() => {}
            Sight::There(object) => {
                let known = look.known.get(handle);
                if wanted || known.is_some_and(|known| known.as_ref() != Some(&object.version)) {
                    full.insert(handle.clone());
                }
            }
            Sight::Unseen(_) if wanted => {
                full.insert(handle.clone());
            }
            Sight::Unseen(_) => {
                names.insert(handle.clone());
            }
        }
    }
    (full, names)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
