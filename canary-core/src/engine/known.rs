//! Which canaries there are.

use super::{Engine, EngineError};
use crate::config::Canary;
use crate::graph::CanaryId;
use crate::ledger::Ledger;

impl Engine {
    /// Whether there is such a canary: declared, or known to the ledger.
    ///
    /// # Errors
    /// When there is none, with the nearest of those that are declared.
    pub fn known(&self, canary: &CanaryId, ledger: &Ledger) -> Result<(), EngineError> {
        let mut planted = ledger.records.keys();
        if planted.any(|address| address.canary() == canary) {
            return Ok(());
        }
        self.declared(canary).map(drop)
    }

    /// The declared canary of that name.
    ///
    /// # Errors
    /// When there is none, with the nearest of those that are declared.
    pub fn declared(&self, canary: &CanaryId) -> Result<&Canary, EngineError> {
        let declared = self.config.canaries.get(canary);
        declared.ok_or_else(|| EngineError::UnknownCanary {
            near: self.nearest(canary),
            canary: canary.clone(),
        })
    }

    /// For who mistyped it.
    fn nearest(&self, wanted: &CanaryId) -> Option<CanaryId> {
        let wanted = wanted.to_string();
        let names: Vec<String> = self
            .config
            .canaries
            .keys()
            .map(ToString::to_string)
            .collect();
        let near = crate::config::nearest(&wanted, names.iter().map(String::as_str))?;
        near.parse().ok()
    }
}
