//! What the server is told to do wrong.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use tokio::sync::watch;

use super::failure::Failure;
use super::service::Service;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// `Throttling`, `ThrottlingException`, `SlowDown`, as the service has it; nothing is done.
    Throttle,
    /// Refused as one that was signed by a wrong secret key; nothing is done.
    WrongSignature,
    /// 500; nothing is done.
    Error,
    /// It is done, and the answer is 500.
    ErrorAfter,
    /// No answer until [`Faults::release`]; it is done then.
    Hang,
    /// It is done, and no answer comes until [`Faults::release`].
    HangAfter,
    /// It is done, and the answer comes so much later, by the machine's time: milliseconds, as a process is told.
    Delay(#[serde(deserialize_with = "milliseconds")] Duration),
    /// The connection is cut; nothing is done.
    Cut,
    /// It is done, and the connection is cut.
    CutAfter,
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

impl FaultKind {
    /// What is answered in place of doing it.
    pub(super) fn refusal(self, service: Service) -> Option<Failure> {
        match self {
            Self::Throttle => Some(Failure::throttled(service)),
            Self::WrongSignature => Some(Failure::wrongly_signed(service)),
            Self::Error => Some(Failure::internal(service)),
            _ => None,
        }
    }
}

/// One thing to go wrong, for requests that fit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Only for this operation, `iam:CreateUser`, or for all of a service, `iam:`; empty: any.
    #[serde(default)]
    pub operation: String,
    /// How many fitting requests are let through before.
    #[serde(default)]
    pub after: u32,
    /// How many fitting requests go wrong.
    #[serde(default = "once")]
    pub times: u32,
    /// From then on, by the sandbox's clock, nothing goes wrong any more.
    #[serde(default)]
    pub until: Option<Timestamp>,
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
            operation: String::new(),
            after: 0,
            times: 1,
            until: None,
        }
    }

    /// Only for this operation, `iam:CreateUser`, or for all of a service, `iam:`.
    #[must_use]
    pub fn on(mut self, operation: &str) -> Self {
        operation.clone_into(&mut self.operation);
        self
    }

    /// So many times.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// As often as it fits, until then.
    #[must_use]
    pub fn until(mut self, end: Timestamp) -> Self {
        self.times = u32::MAX;
        self.until = Some(end);
        self
    }

    /// Not before so many fitting requests.
    #[must_use]
    pub fn after(mut self, requests: u32) -> Self {
        self.after = requests;
        self
    }

    fn fits(&self, operation: &str) -> bool {
        match self.operation.ends_with(':') {
            true => operation.starts_with(&self.operation),
            false => self.operation.is_empty() || self.operation == operation,
        }
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

    /// The next so many calls of an operation are throttled.
    pub fn throttle(&self, operation: &str, times: u32) {
        self.push(Fault::once(FaultKind::Throttle).on(operation).times(times));
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

    /// What goes wrong with a request.
    pub(super) fn take(&self, operation: &str, now: Timestamp) -> Option<FaultKind> {
        let mut state = self.state();
        let is_over = |fault: &Fault| fault.until.is_some_and(|end| now >= end);
        state.queue.retain(|fault| !is_over(fault));
        let at = state.queue.iter().position(|fault| fault.fits(operation))?;
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
        let fault = Fault::once(FaultKind::Error).on("iam:CreateUser");
        faults.push(fault.times(2).after(1));
        assert_eq!(faults.take("iam:GetUser", Timestamp::UNIX_EPOCH), None);
        assert_eq!(faults.take("iam:CreateUser", Timestamp::UNIX_EPOCH), None);
        assert_eq!(
            faults.take("iam:CreateUser", Timestamp::UNIX_EPOCH),
            Some(FaultKind::Error)
        );
        assert_eq!(
            faults.take("iam:CreateUser", Timestamp::UNIX_EPOCH),
            Some(FaultKind::Error)
        );
        assert_eq!(faults.take("iam:CreateUser", Timestamp::UNIX_EPOCH), None);
        assert_eq!(faults.done(), 2);
    }

    #[test]
    fn a_fault_of_a_service_happens_to_all_its_operations() {
        let faults = Faults::new();
        faults.throttle("ssm:", 1);
        assert_eq!(faults.take("iam:GetUser", Timestamp::UNIX_EPOCH), None);
        assert_eq!(
            faults.take("ssm:GetParameter", Timestamp::UNIX_EPOCH),
            Some(FaultKind::Throttle)
        );
    }

    #[test]
    fn a_fault_ends_when_its_time_is_over() {
        let faults = Faults::new();
        let end = Timestamp::from_second(60).unwrap();
        faults.push(Fault::once(FaultKind::Throttle).on("iam:").until(end));
        let at = |second| Timestamp::from_second(second).unwrap();
        for second in [0, 30, 59] {
            let taken = faults.take("iam:GetUser", at(second));
            assert_eq!(taken, Some(FaultKind::Throttle));
        }
        assert_eq!(faults.take("iam:GetUser", at(60)), None);
    }
}
