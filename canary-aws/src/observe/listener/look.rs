//! What the looks at regions share.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use canary_core::graph::Handle;
use canary_core::observe::{Gap, Object, Place, Reason, Scope};

use crate::catalog::regions_of_partition;
use crate::client::{CallError, Client};
use crate::observe::look::Looking;
use crate::provider;

/// Regions, or things, that are looked at at the same time: were no region to answer, all would have been waited for after half
/// a minute.
pub(super) const TOGETHER: usize = 16;
/// So long one thing is waited for: the farthest region answers within seconds, and one that does not answer must not hold up
/// the others.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks, and gives up soon.
pub(super) async fn soon<T>(
    action: &'static str,
    answer: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    tokio::time::timeout(PATIENCE, answer)
        .await
        .unwrap_or_else(|_| Err(CallError::timed_out(action)))
}

impl Looking<'_> {
    /// Everything of a kind of which something is wanted, by name.
    pub(super) fn named(&self, kind: &str) -> BTreeSet<Handle> {
        let handles = self.look.handles().into_iter();
        handles
            .filter(|handle| handle.kind == kind)
            .cloned()
            .collect()
    }

    /// The scopes of a kind that are wanted as a whole.
    pub(super) fn scopes(&self, kind: &str) -> BTreeSet<String> {
        let scopes = self.look.scopes.iter();
        scopes
            .filter(|scope| scope.kind == kind)
            .filter_map(|scope| scope.scope.clone())
            .collect()
    }

    /// What a look at one name came to.
    pub(super) fn found(&mut self, handle: Handle, found: Result<Option<Object>, CallError>) {
        match found {
            Ok(Some(object)) => self.saw(handle, object),
            Ok(None) if self.look.made.contains(&handle) => self.gap(Gap {
                provider: provider(),
                place: Place::Object(handle),
                reason: Reason::NotYet,
                detail: String::new(),
            }),
            Ok(None) => self.is_absent(handle),
            Err(error) => self.could_not(Place::Object(handle), &error),
        }
    }

    /// A scope could not be looked at, nor what is wanted in it.
    pub(super) fn could_not_list(&mut self, kind: &str, scope: &str, error: &CallError) {
        let scope = Scope {
            kind: kind.into(),
            scope: Some(scope.to_owned()),
        };
        self.could_not(Place::Neighbours(scope), error);
    }
}

/// The names by their scopes.
pub(super) fn by_scope(handles: BTreeSet<Handle>) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for handle in handles {
        let scope = handle.scope.unwrap_or_default();
        all.entry(scope).or_default().insert(handle.name);
    }
    all
}

/// Whether our credentials can be of any use in a region: they are of one partition.
pub(super) fn may_know_us(client: &Client, region: &str) -> bool {
    regions_of_partition(region, &client.connection.region)
}
