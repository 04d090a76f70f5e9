//! Carrying a plan out: lock, look, plan, approve, touch, release.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use futures::future::{Either, select};

use super::{Engine, EngineError, Kept, Loaded, View};
use crate::apply::{Progress, Realize, Report, Run, Writer, apply};
use crate::check::Note;
use crate::graph::{Address, ProviderId};
use crate::ledger::{Effect, Entry, Holder, Lease, Ledger, TOGETHER, refreshed};
use crate::observe::Site;
use crate::plan::{Action, Plan, Purpose, moved};

/// Decides whether a plan is carried out.
#[async_trait]
pub trait Approve: Send + Sync {
    /// True to go on. The lock is held meanwhile, for as long as it takes.
    async fn approve(&self, plan: &Plan, view: &View) -> bool;
}

/// Carries everything out unasked.
#[derive(Clone, Copy, Debug)]
pub struct Approved;

#[async_trait]
impl Approve for Approved {
    async fn approve(&self, _plan: &Plan, _view: &View) -> bool {
        true
    }
}

/// Carries nothing out.
#[derive(Clone, Copy, Debug)]
pub struct Declined;

#[async_trait]
impl Approve for Declined {
    async fn approve(&self, _plan: &Plan, _view: &View) -> bool {
        false
    }
}

/// How an apply is to go.
pub struct ApplyRequest<'a> {
    /// What for. Of a saved plan, its own purpose counts.
    pub purpose: Purpose,
    /// Exactly this plan or nothing.
    pub saved: Option<&'a Plan>,
    /// Who is asked.
    pub approve: &'a dyn Approve,
    /// Who we are, for the lock.
    pub holder: Holder,
    /// Once true, nothing new is started.
    pub stop: &'a AtomicBool,
    /// Is told what happens.
    pub progress: &'a (dyn Fn(Progress<'_>) + Send + Sync),
}

/// What came of an apply.
#[derive(Debug)]
pub struct Applied {
    /// The plan.
    pub plan: Plan,
    /// What came of it; `None` when it was not approved, or there was nothing to do.
    pub report: Option<Report>,
    /// True when it was asked and declined.
    pub declined: bool,
    /// What the checks said.
    pub notes: Vec<Note>,
}

/// What is known before anything is done.
struct Known {
    loaded: Loaded,
    /// What others made of what stays.
    refreshed: Vec<Effect>,
}

impl Engine {
    /// Plans and carries out under the ledger's lock. A plan with nothing to do writes nothing, but for taking into the
    /// ledger what others made of what stays.
    ///
    /// # Errors
    /// As [`Engine::look`]; the lock is held by somebody, the saved plan is stale, or the ledger cannot be written.
    pub async fn apply(&self, request: ApplyRequest<'_>) -> Result<Applied, EngineError> {
        let lease = self
            .store
            .lock(&request.holder, self.settings.lease)
            .await?;
        tracing::info!(epoch = lease.epoch, "the lock is held");
        let result = self.apply_locked(&request, lease.clone()).await;
        // A lock that cannot be given back expires by itself; the first error tells more.
        let released = self.store.release(&lease).await;
        let applied = result?;
        released.map_err(|source| self.store_error(source))?;
        Ok(applied)
    }

    async fn apply_locked(
        &self,
        request: &ApplyRequest<'_>,
        lease: Lease,
    ) -> Result<Applied, EngineError> {
        let loaded = self.load().await?;
        let chosen = request.saved.map(choices).unwrap_or_default();
        if let Some(saved) = request.saved {
            check_sites(saved, &loaded.ledger)?;
        }
        let view = self.look_with(loaded.ledger.clone(), &chosen).await?;
        let purpose = request
            .saved
            .map_or(&request.purpose, |saved| &saved.purpose);
        let plan = self.plan(&view, purpose)?;
        if let Some(saved) = request.saved {
            check_same_sites(saved, &view)?;
            let moved = moved(saved, &plan);
            if !moved.is_empty() {
                return Err(EngineError::Stale(moved));
            }
        }
        let refreshed = refreshed(&plan, &view.observed, &view.ledger);
        let nothing = !plan.has_changes() && view.settled.is_empty() && refreshed.is_empty();
        if nothing {
            return Ok(Applied {
                plan,
                report: None,
                declined: false,
                notes: view.notes,
            });
        }
        let Some(lease) = self.ask(request, &plan, &view, lease).await? else {
            return Ok(Applied {
                plan,
                report: None,
                declined: true,
                notes: view.notes,
            });
        };
        let known = Known { loaded, refreshed };
        let report = self.carry_out(request, &plan, &view, known, lease).await?;
        Ok(Applied {
            plan,
            report: Some(report),
            declined: false,
            notes: view.notes,
        })
    }

    /// Asks, holding the lock for as long as the answer takes. `None`: declined.
    async fn ask(
        &self,
        request: &ApplyRequest<'_>,
        plan: &Plan,
        view: &View,
        mut lease: Lease,
    ) -> Result<Option<Lease>, EngineError> {
        let renew = |source| self.store_error(source);
        let mut answer = request.approve.approve(plan, view);
        let approved = loop {
            let pause = self.clock.sleep(self.settings.lease / 3);
            match select(answer, pause).await {
                Either::Left((approved, _)) => break approved,
                Either::Right((_, unanswered)) => {
                    answer = unanswered;
                    lease = self
                        .store
                        .renew(&lease, self.settings.lease)
                        .await
                        .map_err(renew)?;
                }
            }
        };
        if !approved {
            return Ok(None);
        }
        let lease = self
            .store
            .renew(&lease, self.settings.lease)
            .await
            .map_err(renew)?;
        Ok(Some(lease))
    }

    async fn carry_out(
        &self,
        request: &ApplyRequest<'_>,
        plan: &Plan,
        view: &View,
        known: Known,
        lease: Lease,
    ) -> Result<Report, EngineError> {
        let realize = self.realizers(plan)?;
        let operators = self.operators(plan).await?;
        let mut writer = self.writer(request, known.loaded, lease).await?;
        for (provider, site) in &view.observed.sites {
            let known = writer.ledger.sites.get(provider);
            if known.is_none_or(|known| known.facts != site.facts) {
                writer.push(Entry::Site {
                    provider: provider.clone(),
                    site: without_moment(site),
                });
            }
        }
        for (provider, principal) in &operators {
            writer.note_operator(provider, Some(principal.clone()));
        }
        for settled in &view.settled {
            let effects = self.completed(settled, view).await;
            writer.push(Entry::Done {
                id: settled.id,
                effects,
            });
        }
        let late = self.late(view, &writer.ledger).await;
        for effects in [known.refreshed, late].concat().chunks(TOGETHER) {
            writer.push(Entry::Known {
                effects: effects.to_vec(),
            });
        }
        let run = Run {
            plan,
            desired: &view.desired,
            realize: &realize,
            catalogs: &self.catalogs,
            digesters: &view.digesters,
            operators: &operators,
            keep_retired: &self.keep_retired(),
            clock: self.clock.as_ref(),
            settings: &self.settings,
            coming: &view.coming,
            stop: request.stop,
            progress: request.progress,
        };
        tracing::info!(resources = plan.steps.len(), "the plan is carried out");
        let report = apply(&run, &mut writer).await?;
        tracing::info!(
            calls = report.calls,
            appends = report.appends,
            done = report.done(),
            not_done = report.not_done(),
            "carried out"
        );
        let now = self.clock.now();
        writer
            .compact(now)
            .await
            .map_err(|source| self.store_error(source))?;
        Ok(report)
    }

    /// A pen for a ledger; a torn tail is cut off first.
    pub(super) async fn writer<'a>(
        &'a self,
        request: &ApplyRequest<'_>,
        loaded: Loaded,
        lease: Lease,
    ) -> Result<Writer<'a>, EngineError> {
        self.pen(&request.holder.who, loaded, lease).await
    }

    pub(super) async fn pen<'a>(
        &'a self,
        who: &str,
        loaded: Loaded,
        lease: Lease,
    ) -> Result<Writer<'a>, EngineError> {
        if loaded.torn.is_some() {
            let bytes = self
                .store
                .load()
                .await
                .map_err(|source| self.store_error(source))?;
            let whole = bytes.get(..loaded.length).unwrap_or(&bytes);
            self.store
                .replace(&lease, whole)
                .await
                .map_err(|source| self.store_error(source))?;
        }
        let epoch = lease.epoch;
        let mut writer = Writer::new(
            self.store.as_ref(),
            &self.journal,
            lease,
            self.settings.lease,
            loaded.ledger,
            loaded.length,
        );
        writer.push(Entry::Epoch {
            epoch,
            holder: who.to_owned(),
            at: self.clock.now(),
        });
        Ok(writer)
    }

    fn realizers(
        &self,
        plan: &Plan,
    ) -> Result<BTreeMap<ProviderId, std::sync::Arc<dyn Realize>>, EngineError> {
        let mut realizers = BTreeMap::new();
        for step in plan.steps.iter().filter(|step| step.does_something()) {
            let provider = self.providers.get(&step.provider);
            let realize = provider.and_then(|provider| provider.realize.clone());
            let realize = realize.ok_or_else(|| EngineError::Missing {
                provider: step.provider.clone(),
                need: "write",
            })?;
            realizers.insert(step.provider.clone(), realize);
        }
        Ok(realizers)
    }

    async fn operators(&self, plan: &Plan) -> Result<BTreeMap<ProviderId, String>, EngineError> {
        let mut operators = BTreeMap::new();
        for (id, provider) in self.used() {
            let touches = plan
                .steps
                .iter()
                .any(|step| step.provider == *id && touches_world(&step.action));
            if let (true, Some(observe)) = (touches, &provider.observe)
                && let Some(principal) = observe.principal().await
            {
                operators.insert(id.clone(), principal);
            }
        }
        Ok(operators)
    }
}

fn touches_world(action: &Action) -> bool {
    matches!(
        action,
        Action::Create { .. }
            | Action::Update { .. }
            | Action::Replace { .. }
            | Action::Delete { .. }
    )
}

/// The site as it is kept: without what is true of this moment only.
pub(super) fn without_moment(site: &Site) -> Site {
    Site {
        principal: None,
        clock_offset_ms: 0,
        ..site.clone()
    }
}

/// The choices that a saved plan was made with.
fn choices(plan: &Plan) -> BTreeMap<Address, crate::catalog::Pinned> {
    plan.steps
        .iter()
        .filter_map(|step| Some((step.address.clone(), step.choice.clone()?)))
        .collect()
}

fn check_sites(saved: &Plan, ledger: &Ledger) -> Result<(), EngineError> {
    for (provider, site) in &saved.sites {
        if let Some(known) = ledger.sites.get(provider)
            && !known.is(site)
        {
            return Err(other_site(Kept::Plan, provider, site, known));
        }
    }
    Ok(())
}

fn check_same_sites(saved: &Plan, view: &View) -> Result<(), EngineError> {
    for (provider, site) in &saved.sites {
        match view.observed.sites.get(provider) {
            Some(found) if !site.is(found) => {
                return Err(other_site(Kept::Plan, provider, site, found));
            }
            _ => {}
        }
    }
    Ok(())
}

fn other_site(kept: Kept, provider: &ProviderId, expected: &Site, found: &Site) -> EngineError {
    EngineError::OtherSite {
        kept,
        provider: provider.clone(),
        expected: Box::new(expected.clone()),
        found: Box::new(found.clone()),
    }
}
