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

    /// Why a declared canary cannot be rotated; `None` where it can.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn refuses_rotation(&self, canary: &CanaryId) -> Result<Option<&'static str>, EngineError> {
        let declared = self.declared(canary)?;
        let catalog = self.catalogs.get(&declared.provider);
        Ok(catalog.and_then(|catalog| catalog.refuses_rotation(declared)))
    }

    /// How the name of what a canary is to adopt is written.
    #[must_use]
    pub fn path_form(&self, canary: &CanaryId) -> &'static str {
        let declared = self.config.canaries.get(canary);
        let catalog = declared.and_then(|declared| self.catalogs.get(&declared.provider));
        catalog.map_or("NAME", |catalog| catalog.path_form(canary.kind()))
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
