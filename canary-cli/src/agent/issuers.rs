//! Each kind of bait by whoever issues it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use canary_core::bait::{BaitKind, Fresh, Issue, Refusal, TouchError, Wanted};

/// Asks the one that knows the kind.
#[derive(Default)]
pub(super) struct Issuers(pub(super) BTreeMap<BaitKind, Box<dyn Issue>>);

#[async_trait]
impl Issue for Issuers {
    async fn issue(&self, wanted: &Wanted) -> Result<Fresh, TouchError> {
        match self.0.get(&wanted.kind) {
            Some(issuer) => issuer.issue(wanted).await,
            None => Err(TouchError::new(Refusal::Missing, "nobody issues this kind")),
        }
    }
}
