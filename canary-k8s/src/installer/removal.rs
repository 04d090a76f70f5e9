//! Taking an installation out.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::changes::{Change, Changes, SWEEP_BEFORE, Seen, Step, rank};
use super::{InstallError, Installer};
use crate::client::request::{self, Request};
use crate::install::Place;
use crate::observe::all;

/// Tells by namespace and name what the agent wrote for pods.
pub type Sweep<'a> = dyn Fn(&str, &str) -> bool + Send + Sync + 'a;

/// The controller of namespaces empties one within seconds; a minute covers a busy cluster.
const LOOKS: u32 = 120;
const PAUSE: Duration = Duration::from_millis(500);

impl Installer {
    /// What would have to be removed for nothing of that name to be there, in order. Writes nothing.
    ///
    /// # Errors
    /// When the cluster cannot be asked.
    pub async fn look_for_removal(&self, name: &str) -> Result<Changes, InstallError> {
        let ours = self.ours(name).await?;
        let mut steps: Vec<Step> = ours
            .into_iter()
            .map(|(place, seen)| Step {
                place,
                change: Change::Remove,
                wanted: Value::Null,
                seen: Some(seen),
            })
            .collect();
        steps.sort_by_key(|step| rank(step.place.kind));
        Ok(Changes { steps })
    }

    /// Removes all of it, and what `sweep` knows in the namespaces that were covered and in those that are named besides. At
    /// whatever point this ends, pods start, and the next run goes on from there.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub async fn remove(
        &self,
        changes: &Changes,
        also: &[String],
        sweep: &Sweep<'_>,
        tell: &(dyn Fn(&Place) + Send + Sync),
    ) -> Result<(), InstallError> {
        let covered: BTreeSet<&String> = changes
            .steps
            .iter()
            .filter(|step| step.place.kind == SWEEP_BEFORE)
            .filter_map(|step| step.place.namespace.as_ref())
            .chain(also)
            .collect();
        let mut to_sweep = !covered.is_empty();
        for step in &changes.steps {
            if to_sweep && rank(step.place.kind) >= rank(SWEEP_BEFORE) {
                self.sweep_all(&covered, sweep, tell).await?;
                to_sweep = false;
            }
            self.delete(&step.place, step.seen.as_ref()).await?;
            if step.place.kind == "Namespace" {
                self.wait_until_gone(&step.place).await?;
            }
            tell(&step.place);
        }
        if to_sweep {
            self.sweep_all(&covered, sweep, tell).await?;
        }
        Ok(())
    }

    async fn sweep_all(
        &self,
        namespaces: &BTreeSet<&String>,
        sweep: &Sweep<'_>,
        tell: &(dyn Fn(&Place) + Send + Sync),
    ) -> Result<(), InstallError> {
        for namespace in namespaces {
            self.sweep(namespace, sweep, tell).await?;
        }
        Ok(())
    }

    /// Until a list shows none: what was written while the right to write was being taken away is swept, too.
    async fn sweep(
        &self,
        namespace: &str,
        sweep: &Sweep<'_>,
        tell: &(dyn Fn(&Place) + Send + Sync),
    ) -> Result<(), InstallError> {
        let path = format!("{}/secrets", request::namespace(namespace));
        // As the agent writes them, and as its policy holds it to: what has anything more is somebody's.
        let ours = |item: &Value| {
            let meta = &item["metadata"];
            let plain = ["labels", "annotations", "ownerReferences", "finalizers"];
            let is_plain = plain.iter().all(|field| meta[*field].is_null());
            let meta_of = json!({ "namespace": namespace, "name": meta["name"] });
            let place = Place::within("Secret", &meta_of)?;
            (is_plain && sweep(namespace, &place.name)).then_some((place, Seen::of(meta)?))
        };
        loop {
            let found = all(&self.client, &path, Request::list_metadata, ours)
                .await
                .map_err(InstallError::call(format!(
                    "listing Secrets in {namespace}"
                )))?;
            if found.is_empty() {
                return Ok(());
            }
            for (place, seen) in found {
                self.delete(&place, Some(&seen)).await?;
                tell(&place);
            }
        }
    }

    async fn wait_until_gone(&self, place: &Place) -> Result<(), InstallError> {
        for _ in 0..LOOKS {
            if self.get(place).await?.is_none() {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(InstallError::Lingers(place.clone()))
    }
}
