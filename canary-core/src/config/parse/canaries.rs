//! The tables `[KIND.LABEL]`.

use std::time::Duration;

use super::reading::{Key, Reading, Value};
use crate::config::builtin::{self, KEEP_RETIRED};
use crate::config::error::shortened;
use crate::config::{Canary, KindShape, Table, TableShape};
use crate::graph::{CanaryId, ProviderId};

impl Reading<'_> {
    /// Reads all canaries of a kind.
    pub(super) fn canaries(
        &mut self,
        key: &Key<'_>,
        value: &Value<'_>,
        provider: &ProviderId,
        kind: &KindShape,
    ) {
        let form = format!("[{}.LABEL]", kind.kind);
        let Some(labels) = self.as_table(key, value, &form) else {
            return;
        };
        let shape = builtin::canary(kind);
        for (label, value) in labels {
            self.canary(label, value, provider, kind, &shape);
        }
    }

    fn canary(
        &mut self,
        label: &Key<'_>,
        value: &Value<'_>,
        provider: &ProviderId,
        kind: &KindShape,
        shape: &TableShape,
    ) {
        let Some(table) = self.labelled(kind.kind, label, value) else {
            return;
        };
        let id = CanaryId::new(kind.kind, label.get_ref());
        let place = self.place(label, value);
        self.declared.insert(id.clone(), label.span());
        let name = format!("[{}.{}]", kind.kind, shortened(label.get_ref()));
        let table = self.table(&name, table, &place, shape, Some(&id));
        let canary = canary(id.clone(), provider.clone(), table);
        self.config.canaries.insert(id, canary);
    }
}

/// A canary from its table, with the defaults of what all kinds share.
pub(super) fn canary(id: CanaryId, provider: ProviderId, table: Table) -> Canary {
    let generation = table.integer("generation").unwrap_or(1);
    let keep_retired: Duration = table.duration("keep_retired").unwrap_or(KEEP_RETIRED);
    Canary {
        id,
        provider,
        // The shape allows nothing that does not fit.
        generation: u32::try_from(generation).unwrap_or(1),
        keep_retired,
        table,
    }
}
