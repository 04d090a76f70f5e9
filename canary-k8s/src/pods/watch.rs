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
/// that cannot go on lists again. A namespace that cannot be listed keeps nothing of the others back.
pub fn watch(
    client: &Client,
    scope: &Scope,
    reduction: Arc<Reduction>,
) -> impl Stream<Item = PodEvent> + Send + Unpin + use<> {
    let of = |api, namespace| part(api, namespace, reduction.clone()).boxed();
    let parts: SelectAll<BoxStream<'static, PodEvent>> = match scope {
        Scope::Cluster => [of(Api::all(client.kube()), None)].into_iter().collect(),
        Scope::Namespaces(names) => names
            .iter()
            .map(|name| of(Api::namespaced(client.kube(), name), Some(name.clone())))
            .collect(),
    };
    parts
}

fn part(
    api: Api<ReducedPod>,
    namespace: Option<String>,
    reduction: Arc<Reduction>,
) -> impl Stream<Item = PodEvent> + Send {
    let mut listing = Vec::new();
    // 500 a page, as every client has it; bookmarks are asked for.
    let events = watcher::watcher(api, watcher::Config::default()).default_backoff();
    events.filter_map(move |event| {
        let heard = heard(event, &mut listing, namespace.as_ref(), &reduction);
        std::future::ready(heard)
    })
}

fn heard(
    event: watcher::Result<Event<ReducedPod>>,
    listing: &mut Vec<SeenPod>,
    namespace: Option<&String>,
    reduction: &Reduction,
) -> Option<PodEvent> {
    match event {
        Ok(Event::Init) => listing.clear(),
        Ok(Event::InitApply(pod)) => listing.extend(reduction.seen(&pod)),
        Ok(Event::InitDone) => {
            let pods = std::mem::take(listing);
            return Some(match namespace.cloned() {
                Some(namespace) => PodEvent::ListedIn { namespace, pods },
                None => PodEvent::Listed(pods),
            });
        }
        Ok(Event::Apply(pod)) => {
            return Some(PodEvent::Seen(Box::new(reduction.seen(&pod)?)));
        }
        Ok(Event::Delete(pod)) => {
            let uid = pod.meta().uid.clone()?;
            return Some(PodEvent::Gone { uid });
        }
        // It is tried again; a watch that ended by itself is no trouble.
        Err(error) => tracing::warn!(error = short(&error), "watching pods is tried again"),
    }
    None
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
