//! What the server is told to do wrong.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use tokio::sync::watch;

use super::status::Status;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// 429 with Retry-After of one second; nothing is done.
    TooManyRequests,
    /// 409; nothing is done.
    Conflict,
    /// 500; nothing is done.
    Error,
    /// It is done, and the answer is 500.
    ErrorAfter,
    /// No answer until [`Faults::release`]; it is done then.
    Hang,
    /// It is done, and no answer comes until [`Faults::release`].
    HangAfter,
    /// The connection is cut; nothing is done.
    Cut,
    /// It is done, and the connection is cut.
    CutAfter,
}

impl FaultKind {
    /// What is answered in place of doing it.
    pub(super) fn refusal(self) -> Option<Status> {
        match self {
            Self::TooManyRequests => Some(Status::too_many(1)),
            Self::Conflict => Some(Status::out_of_order()),
            Self::Error => Some(Status::internal("etcdserver: request timed out")),
            Self::ErrorAfter | Self::Hang | Self::HangAfter | Self::Cut | Self::CutAfter => None,
        }
    }
}

/// One thing to go wrong, for requests that fit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Only for this method; empty: any.
    #[serde(default)]
    pub method: String,
    /// Only for URIs that contain this; empty: any.
    #[serde(default)]
    pub path: String,
    /// How many fitting requests are let through before.
    #[serde(default)]
    pub after: u32,
    /// How many fitting requests go wrong.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// Goes wrong once, for any request.
    #[must_use]
    pub fn once(kind: FaultKind) -> Self {
        Self {
            kind,
            method: String::new(),
            path: String::new(),
            after: 0,
            times: 1,
        }
    }

    /// Only for this method and for URIs that contain this.
    #[must_use]
    pub fn on(mut self, method: &str, path: &str) -> Self {
        method.clone_into(&mut self.method);
        path.clone_into(&mut self.path);
        self
    }

    /// So many times.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Not before so many fitting requests.
    #[must_use]
    pub fn after(mut self, requests: u32) -> Self {
        self.after = requests;
        self
    }

    fn fits(&self, method: &str, uri: &str) -> bool {
        (self.method.is_empty() || self.method == method) && uri.contains(&self.path)
    }
}

/// What is to go wrong. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Faults {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    released: watch::Sender<u64>,
    hanging: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    queue: Vec<Fault>,
    done: usize,
}

impl Faults {
    pub(super) fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                released: watch::Sender::new(0),
                hanging: watch::Sender::new(0),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one. Of several that fit a request the first counts.
    pub fn push(&self, fault: Fault) {
        self.state().queue.push(fault);
    }

    /// Forgets those that have not happened.
    pub fn clear(&self) {
        self.state().queue.clear();
    }

    /// How often something went wrong.
    #[must_use]
    pub fn done(&self) -> usize {
        self.state().done
    }

    /// Lets the requests go on that hang now.
    pub fn release(&self) {
        self.shared.released.send_modify(|times| *times += 1);
    }

    /// Waits until so many requests hang at once.
    pub async fn wait_for_hanging(&self, requests: usize) {
        let mut hanging = self.shared.hanging.subscribe();
        // The sender lives as long as this does.
        drop(hanging.wait_for(|now| *now >= requests).await);
    }

    /// Waits until at most so many requests hang.
    pub async fn wait_for_hanging_at_most(&self, requests: usize) {
        let mut hanging = self.shared.hanging.subscribe();
        // The sender lives as long as this does.
        drop(hanging.wait_for(|now| *now <= requests).await);
    }

    /// What goes wrong with a request.
    pub(super) fn take(&self, method: &str, uri: &str) -> Option<FaultKind> {
        let mut state = self.state();
        let at = state
            .queue
            .iter()
            .position(|fault| fault.fits(method, uri))?;
        let fault = &mut state.queue[at];
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        let kind = fault.kind;
        fault.times = fault.times.saturating_sub(1);
        if fault.times == 0 {
            state.queue.remove(at);
        }
        state.done += 1;
        Some(kind)
    }

    pub(super) async fn hang(&self) {
        let mut released = self.shared.released.subscribe();
        let hanging = Hanging::new(&self.shared.hanging);
        drop(released.changed().await);
        drop(hanging);
    }
}

/// Counts itself, also when its request is dropped.
struct Hanging<'a>(&'a watch::Sender<usize>);

impl<'a> Hanging<'a> {
    fn new(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|now| *now += 1);
        Self(count)
    }
}

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|now| *now -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_happens_to_what_fits_and_as_often_as_told() {
        let faults = Faults::new();
        faults.push(
            Fault::once(FaultKind::Error)
                .on("PUT", "/secrets/")
                .times(2)
                .after(1),
        );
        assert_eq!(faults.take("GET", "/api/v1/secrets/a"), None);
        assert_eq!(faults.take("PUT", "/api/v1/secrets/a"), None);
        assert_eq!(
            faults.take("PUT", "/api/v1/secrets/a"),
            Some(FaultKind::Error)
        );
        assert_eq!(
            faults.take("PUT", "/api/v1/secrets/a"),
            Some(FaultKind::Error)
        );
        assert_eq!(faults.take("PUT", "/api/v1/secrets/a"), None);
        assert_eq!(faults.done(), 2);
    }

    #[test]
    fn a_fault_reads_from_a_line() {
        let fault: Fault = serde_json::from_str(r#"{"kind":"cut_after","method":"POST"}"#).unwrap();
        assert_eq!(fault, Fault::once(FaultKind::CutAfter).on("POST", ""));
    }
}
