//! Pods, as they come and go.

use std::collections::BTreeSet;
use std::sync::Arc;

use canary_core::bait::{PodEvent, SeenPod};
use futures::stream::{BoxStream, SelectAll};
use futures::{Stream, StreamExt as _};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Resource as _};

use super::reduce::{ReducedPod, Reduction};
use crate::client::Client;

/// Where pods are watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Everywhere at once.
    Cluster,
    /// In these namespaces, each by itself.
    Namespaces(BTreeSet<String>),
}

/// What is heard of pods in a scope. Never ends by itself: what is lost is connected anew, with growing waits, and a watch
/// that cannot go on lists again. A first list comes once every namespace was listed.
pub fn watch(
    client: &Client,
    scope: &Scope,
    reduction: Arc<Reduction>,
) -> impl Stream<Item = PodEvent> + Send + Unpin + use<> {
    let apis: Vec<Api<ReducedPod>> = match scope {
        Scope::Cluster => vec![Api::all(client.kube())],
        Scope::Namespaces(names) => names
            .iter()
            .map(|name| Api::namespaced(client.kube(), name))
            .collect(),
    };
    let mut together = Together::new(apis.len(), reduction);
    let streams: SelectAll<BoxStream<'static, (usize, watcher::Result<Event<ReducedPod>>)>> = apis
        .into_iter()
        .enumerate()
        .map(|(i, api)| {
            // 500 a page, as every client has it; bookmarks are asked for.
            watcher::watcher(api, watcher::Config::default())
                .default_backoff()
                .map(move |event| (i, event))
                .boxed()
        })
        .collect();
    let heard = streams.map(move |(i, event)| futures::stream::iter(together.heard(i, event)));
    heard.flatten()
}

/// Joins watches to one: the first list is whole when each has listed; what a later list of one shows or lacks comes and goes.
struct Together {
    reduction: Arc<Reduction>,
    parts: Vec<Part>,
    is_listed: bool,
}

#[derive(Default)]
struct Part {
    is_listed: bool,
    listing: Vec<SeenPod>,
    /// The pods that are there, by uid.
    there: BTreeSet<String>,
}

impl Together {
    fn new(parts: usize, reduction: Arc<Reduction>) -> Self {
        Self {
            reduction,
            parts: std::iter::repeat_with(Part::default).take(parts).collect(),
            is_listed: false,
        }
    }

    fn heard(&mut self, i: usize, event: watcher::Result<Event<ReducedPod>>) -> Vec<PodEvent> {
        let Some(part) = self.parts.get_mut(i) else {
            return Vec::new();
        };
        match event {
            Ok(Event::Init) => part.listing.clear(),
            Ok(Event::InitApply(pod)) => part.listing.extend(self.reduction.seen(&pod)),
            Ok(Event::InitDone) => {
                part.is_listed = true;
                return self.listed(i);
            }
            Ok(Event::Apply(pod)) => {
                if let Some(seen) = self.reduction.seen(&pod) {
                    part.there.insert(seen.subject.uid.clone());
                    return vec![PodEvent::Seen(Box::new(seen))];
                }
            }
            Ok(Event::Delete(pod)) => {
                if let Some(uid) = pod.meta().uid.clone() {
                    part.there.remove(&uid);
                    return vec![PodEvent::Gone { uid }];
                }
            }
            // It is tried again; a watch that ended by itself is no trouble.
            Err(error) => tracing::warn!(error = short(&error), "watching pods is tried again"),
        }
        Vec::new()
    }

    fn listed(&mut self, i: usize) -> Vec<PodEvent> {
        if !self.is_listed {
            if !self.parts.iter().all(|part| part.is_listed) {
                return Vec::new();
            }
            self.is_listed = true;
            let mut all = Vec::new();
            for part in &mut self.parts {
                part.there = uids(&part.listing);
                all.append(&mut part.listing);
            }
            return vec![PodEvent::Listed(all)];
        }
        let part = &mut self.parts[i];
        let there = uids(&part.listing);
        let gone = part.there.difference(&there).cloned();
        let gone: Vec<PodEvent> = gone.map(|uid| PodEvent::Gone { uid }).collect();
        part.there = there;
        let seen = std::mem::take(&mut part.listing).into_iter();
        gone.into_iter()
            .chain(seen.map(|pod| PodEvent::Seen(Box::new(pod))))
            .collect()
    }
}

fn uids(pods: &[SeenPod]) -> BTreeSet<String> {
    pods.iter().map(|pod| pod.subject.uid.clone()).collect()
}

/// Without what the server quoted.
fn short(error: &watcher::Error) -> &'static str {
    match error {
        watcher::Error::InitialListFailed(_) => "the list failed",
        watcher::Error::WatchStartFailed(_) => "the watch did not start",
        watcher::Error::WatchError(_) => "the watch was ended",
        watcher::Error::WatchFailed(_) => "the watch was cut off",
        watcher::Error::NoResourceVersion => "the list had no version",
    }
}
