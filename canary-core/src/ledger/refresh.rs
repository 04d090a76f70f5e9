//! What others made of ours, and what nothing is to be done about.

use super::{Effect, Ledger};
use crate::observe::Observed;
use crate::plan::{Action, Plan};

/// The records of what stays as it is and is not any more as it was written down: somebody did what the configuration
/// asks for by now, changed a retired thing, or wrote the same once more. Taking them in changes nothing in the world; it
/// is how what was told as drift is told once, and how what was looked at in full need not be looked at so again.
#[must_use]
pub(crate) fn refreshed(plan: &Plan, observed: &Observed, ledger: &Ledger) -> Vec<Effect> {
    let staying = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Keep => Some(&step.address),
        Action::Retire { from, .. } => Some(from),
        Action::Create { .. }
        | Action::Update { .. }
        | Action::Replace { .. }
        | Action::Delete { .. }
        | Action::Reinstate { .. }
        | Action::Forget
        | Action::Blocked(_) => None,
    });
    let refreshed = staying.filter_map(|address| {
        let record = ledger.records.get(address)?;
        let known = record.version.as_ref()?;
        let object = observed.object(&record.provider, &record.handle)?;
        let fields = object.fields.as_ref()?;
        // Another object of that name is not ours; what is on its way out is told until it is gone.
        let moved = object.version.uid == known.uid && object.version != *known;
        (moved && !object.deleting).then(|| {
            let mut record = record.clone();
            record.version = Some(object.version.clone());
            record.fields.clone_from(fields);
            Effect::Put(record)
        })
    });
    refreshed.collect()
}
