//! The order of calls: what may start, what has ended, and one append for both.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use jiff::{SignedDuration, Timestamp};

use super::attempt::{Attempt, End};
use super::call::{self, Maker, Stage};
use super::{ApplyError, Clock, Ended, Progress, Realize, RealizeError, Report, Settings, Writer};
use crate::disguise::Digester;
use crate::graph::{Address, CanaryId, Desired, Handle, ProviderId};
use crate::ledger::{Entry, Intent, StoreError};
use crate::plan::{Action, Catalogs, Plan, Step};

/// Everything that a plan is carried out with.
pub struct Run<'a> {
    /// What is to be done.
    pub plan: &'a Plan,
    /// Where the content comes from.
    pub desired: &'a Desired,
    /// Who does it.
    pub realize: &'a BTreeMap<ProviderId, Arc<dyn Realize>>,
    /// What the providers know.
    pub catalogs: &'a Catalogs,
    /// The makers of digests.
    pub digesters: &'a BTreeMap<ProviderId, Digester>,
    /// Whose credentials we use.
    pub operators: &'a BTreeMap<ProviderId, String>,
    /// How long retired identifiers of a canary are kept.
    pub keep_retired: &'a BTreeMap<CanaryId, SignedDuration>,
    /// What a cut-off run sent, has not been seen, and may still come; and when it was sent.
    pub coming: &'a BTreeMap<Address, Timestamp>,
    /// Time.
    pub clock: &'a dyn Clock,
    /// The policy.
    pub settings: &'a Settings,
    /// Once true, nothing new is started.
    pub stop: &'a AtomicBool,
    /// Is told what happens.
    pub progress: &'a (dyn Fn(Progress<'_>) + Send + Sync),
}

type Running<'a> = Pin<Box<dyn Future<Output = (usize, u64, Intent, End)> + Send + 'a>>;

/// Carries a plan out. Returns when nothing is under way any more.
///
/// # Errors
/// When the ledger could not be written. Nothing new is started then; what was under way is waited for.
pub async fn apply(run: &Run<'_>, writer: &mut Writer<'_>) -> Result<Report, ApplyError> {
    let mut state = State::new(run);
    let result = state.drive(writer).await;
    let mut report = state.report();
    report.appends = writer.appends;
    match result {
        Ok(()) => Ok(report),
        Err(source) => Err(ApplyError { report, source }),
    }
}

struct State<'a> {
    run: &'a Run<'a>,
    maker: Maker<'a>,
    stages: Vec<VecDeque<Stage>>,
    ready: VecDeque<usize>,
    waiting_for: Vec<BTreeSet<usize>>,
    /// What a step waits for between its calls, when it has let go of its place.
    later: Vec<BTreeSet<usize>>,
    /// The step that replaces what a step is in.
    place: Vec<Option<usize>>,
    needed_by: Vec<Vec<usize>>,
    ended: Vec<Option<Ended>>,
    calls: u64,
}

impl<'a> State<'a> {
    fn new(run: &'a Run<'a>) -> Self {
        let steps = &run.plan.steps;
        let index: BTreeMap<&Address, usize> = steps
            .iter()
            .enumerate()
            .map(|(i, step)| (&step.address, i))
            .collect();
        let place = places(run);
        let mut waiting_for = vec![BTreeSet::new(); steps.len()];
        let mut later = vec![BTreeSet::new(); steps.len()];
        let mut needed_by = vec![Vec::new(); steps.len()];
        for (i, step) in steps
            .iter()
            .enumerate()
            .filter(|(_, step)| step.does_something())
        {
            for need in &step.needs {
                if let Some(&other) = index.get(need)
                    && !matches!(steps[other].action, Action::Keep)
                {
                    // What is in a place goes before that, and is made after it.
                    let is_of_place = place[i] == Some(other) || place[other] == place[i];
                    match place[i].is_some() && is_of_place {
                        true => later[i].insert(other),
                        false => waiting_for[i].insert(other),
                    };
                    needed_by[other].push(i);
                }
            }
            if let Some(place) = place[i] {
                if later[i].insert(place) {
                    needed_by[place].push(i);
                }
                waiting_for[place].insert(i);
                needed_by[i].push(place);
            }
        }
        let ready = (0..steps.len())
            .filter(|&i| steps[i].does_something() && waiting_for[i].is_empty())
            .collect();
        Self {
            run,
            maker: Maker {
                desired: run.desired,
                digesters: run.digesters,
                operators: run.operators,
                sites: &run.plan.sites,
                timeout: run.settings.call_timeout,
            },
            stages: steps.iter().map(|step| call::stages(step).into()).collect(),
            ready,
            waiting_for,
            later,
            place,
            needed_by,
            ended: steps
                .iter()
                .map(|step| matches!(step.action, Action::Blocked(_)).then_some(Ended::Blocked))
                .collect(),
            calls: 0,
        }
    }

    fn step(&self, i: usize) -> &'a Step {
        &self.run.plan.steps[i]
    }

    async fn drive(&mut self, writer: &mut Writer<'_>) -> Result<(), StoreError> {
        for i in 0..self.ended.len() {
            if matches!(self.ended[i], Some(Ended::Blocked)) {
                self.release(i, false);
            }
        }
        let mut running: FuturesUnordered<Running<'a>> = FuturesUnordered::new();
        let mut lost = None;
        loop {
            if lost.is_none() {
                let starting = self.start(writer, running.len());
                match self.write(writer).await {
                    Ok(()) => running.extend(starting),
                    Err(error) => lost = Some(error),
                }
            }
            let Some(first) = running.next().await else {
                break;
            };
            self.end(first, writer);
            while let Some(Some(next)) = running.next().now_or_never() {
                self.end(next, writer);
            }
        }
        lost.map_or(Ok(()), Err)
    }

    /// One append for all outcomes and intents since the last, under a lease that outlives the calls it starts.
    async fn write(&self, writer: &mut Writer<'_>) -> Result<(), StoreError> {
        writer.keep_lease(self.run.clock.now()).await?;
        writer.flush().await
    }

    /// Begins what may begin. The futures must not be polled before the intents are durable.
    fn start(&mut self, writer: &mut Writer<'_>, under_way: usize) -> Vec<Running<'a>> {
        let mut starting: Vec<Running<'a>> = Vec::new();
        while under_way + starting.len() < self.run.settings.concurrency {
            if self.run.stop.load(Ordering::Relaxed) {
                break;
            }
            let Some(i) = self.ready.pop_front() else {
                break;
            };
            starting.extend(self.begin(i, writer));
        }
        starting
    }

    fn begin(&mut self, i: usize, writer: &mut Writer<'_>) -> Option<Running<'a>> {
        let step = self.step(i);
        let now = self.run.clock.now();
        let Some(stage) = self.stages[i].front().cloned() else {
            let effects = call::ledger_effects(step, &writer.ledger, self.keep(step), now);
            writer.push(Entry::Known { effects });
            self.finish(i, Ended::Done);
            return None;
        };
        if self.stages[i].len() == call::stages(step).len() {
            (self.run.progress)(Progress::Begins(step));
        }
        let made = self.maker.call(step, &stage, &writer.ledger, now);
        let (Some((call, intent)), Some(realize), Some(catalog)) = (
            made,
            self.run.realize.get(&step.provider),
            self.run.catalogs.get(&step.provider),
        ) else {
            self.finish(i, Ended::Failed(nothing_to_make_it_from(step)));
            return None;
        };
        let id = writer.ledger.next_intent();
        writer.push(Entry::Intent {
            id,
            intent: Box::new(intent.clone()),
        });
        self.calls += 1;
        let attempt = Attempt {
            realize: realize.as_ref(),
            catalog: catalog.as_ref(),
            clock: self.run.clock,
            settings: self.run.settings,
            sent: intent.site_time(self.run.plan.sites.get(&step.provider)),
            sent_before: self.run.coming.get(&step.address).copied(),
            call,
        };
        Some(Box::pin(
            async move { (i, id, intent, attempt.run().await) },
        ))
    }

    fn keep(&self, step: &Step) -> SignedDuration {
        self.run
            .keep_retired
            .get(step.address.canary())
            .copied()
            .unwrap_or_default()
    }

    fn end(&mut self, (i, id, intent, end): (usize, u64, Intent, End), writer: &mut Writer<'_>) {
        let step = self.step(i);
        if let Some(realize) = self.run.realize.get(&step.provider) {
            writer.note_requests(&step.provider, realize.as_ref(), self.run.clock.now());
        }
        match end {
            End::Made(made) => {
                let now = self.run.clock.now();
                let effects = call::effects(&intent, made, &writer.ledger, self.keep(step), now);
                writer.push(Entry::Done { id, effects });
                self.stages[i].pop_front();
                if self.stages[i].is_empty() {
                    self.finish(i, Ended::Done);
                } else {
                    self.go_on(i);
                }
            }
            End::Not(error) => {
                let effects = Vec::new();
                writer.push(Entry::Done { id, effects });
                self.finish(i, Ended::Failed(error));
            }
            // The intent stays open: the next run looks.
            End::Unknown(error) => self.finish(i, Ended::Failed(error)),
        }
    }

    /// A step between its calls: whatever it is in may go now, and it may have to wait for that.
    fn go_on(&mut self, i: usize) {
        let later = std::mem::take(&mut self.later[i]);
        let is_lost = |j: &&usize| {
            let ended = self.ended[**j].as_ref();
            ended.is_some_and(|ended| !matches!(ended, Ended::Done))
        };
        if let Some(&lost) = later.iter().find(is_lost) {
            let waits = Ended::Waits(self.step(lost).address.clone());
            self.finish(i, waits);
            return;
        }
        self.waiting_for[i] = later
            .into_iter()
            .filter(|&j| self.ended[j].is_none())
            .collect();
        if self.waiting_for[i].is_empty() {
            self.ready.push_front(i);
        }
        if let Some(place) = self.place[i] {
            self.waiting_for[place].remove(&i);
            if self.waiting_for[place].is_empty() && self.ended[place].is_none() {
                self.ready.push_back(place);
            }
        }
    }

    fn finish(&mut self, i: usize, ended: Ended) {
        (self.run.progress)(Progress::Ends(self.step(i), &ended));
        let done = matches!(ended, Ended::Done);
        self.ended[i] = Some(ended);
        self.release(i, done);
    }

    /// Lets those go on that waited for a step, or tells them that it will not come.
    fn release(&mut self, i: usize, done: bool) {
        let mut affected = vec![i];
        while let Some(j) = affected.pop() {
            for dependent in std::mem::take(&mut self.needed_by[j]) {
                // One that waits for it only between its calls asks then how it ended.
                if self.later[dependent].contains(&j) {
                    continue;
                }
                if done {
                    self.waiting_for[dependent].remove(&j);
                    if self.waiting_for[dependent].is_empty() && self.ended[dependent].is_none() {
                        self.ready.push_back(dependent);
                    }
                } else if self.ended[dependent].is_none() {
                    let waits = Ended::Waits(self.step(j).address.clone());
                    (self.run.progress)(Progress::Ends(self.step(dependent), &waits));
                    self.ended[dependent] = Some(waits);
                    affected.push(dependent);
                }
            }
        }
    }

    fn report(&mut self) -> Report {
        let mut report = Report {
            calls: self.calls,
            ..Report::default()
        };
        for (i, ended) in std::mem::take(&mut self.ended).into_iter().enumerate() {
            let step = self.step(i);
            let ended = match ended {
                Some(ended) => ended,
                None if step.does_something() => Ended::Stopped,
                None => continue,
            };
            report
                .ended
                .push((step.address.clone(), step.handle.clone(), ended));
        }
        report
    }
}

/// Of each step that makes something anew the step that makes anew what that is in.
fn places(run: &Run<'_>) -> Vec<Option<usize>> {
    let steps = &run.plan.steps;
    let is_replaced = |step: &&Step| matches!(&step.action, Action::Replace { have: Some(_), .. });
    let replaced: BTreeMap<&Handle, usize> = steps
        .iter()
        .enumerate()
        .filter(|(_, step)| is_replaced(step))
        .map(|(i, step)| (&step.handle, i))
        .collect();
    let place = |step: &Step| {
        let catalog = run.catalogs.get(&step.provider)?;
        replaced.get(&catalog.place(&step.handle)?).copied()
    };
    steps
        .iter()
        .map(|step| is_replaced(&step).then(|| place(step)).flatten())
        .collect()
}

fn nothing_to_make_it_from(step: &Step) -> RealizeError {
    RealizeError::Refused {
        handle: step.handle.clone(),
        detail: "an output that it needs is not known".into(),
    }
}
