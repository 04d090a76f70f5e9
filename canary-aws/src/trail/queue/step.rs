//! What is waited for: one thing after the other, kept where a dropped future leaves it.

use std::pin::Pin;
use std::time::{Duration, Instant};

use super::calls::{BATCH, LONG_POLL};
use super::listen::QueueListener;
use super::message::{HIDDEN, Message};
use super::reading::Fault;
use crate::client::{CallError, Failure};
use crate::trail::fetch::Body;

pub(super) type UnderWay = Pin<Box<dyn Future<Output = Step> + Send>>;

/// What was waited for.
pub(super) enum Step {
    Waited,
    Received(Result<Vec<Message>, CallError>),
    Hidden(Vec<String>, Result<(), CallError>),
    Deleted(Result<Vec<String>, CallError>),
    Opened(Result<Body, CallError>),
    Came(Body, Result<(), String>),
}

/// Nothing else is done while it waits: not longer than a long poll takes.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

impl QueueListener {
    /// Waits for what is needed next.
    pub(super) async fn step(&mut self) -> Step {
        let under_way = match self.under_way.take() {
            Some(under_way) => under_way,
            None => self.next_step(),
        };
        let step = self.under_way.insert(under_way).as_mut().await;
        self.under_way = None;
        step
    }

    fn next_step(&mut self) -> UnderWay {
        let now = Instant::now();
        let queue = self.queue.clone();
        let due = self.due(now);
        if !due.is_empty() {
            return Box::pin(async move {
                let hidden = queue.hide(&due).await;
                Step::Hidden(due, hidden)
            });
        }
        let done = self.held.to_delete(BATCH);
        if !done.is_empty() && self.deleting.pause(now).is_none() {
            return Box::pin(async move { Step::Deleted(queue.delete(&done).await) });
        }
        if let Some(pause) = self.trouble.pause(now) {
            return Box::pin(async move {
                tokio::time::sleep(pause.min(LONGEST_WAIT)).await;
                Step::Waited
            });
        }
        if let Some(reading) = &mut self.reading {
            if let Some(mut body) = reading.body.take() {
                return Box::pin(async move {
                    let came = body.receive().await;
                    Step::Came(body, came)
                });
            }
            if let Some(object) = reading.object().cloned() {
                let fetcher = self.fetcher.clone();
                return Box::pin(async move { Step::Opened(fetcher.open(&object).await) });
            }
        }
        // Whoever has something in hand does not wait for more.
        let wait = if self.intake.has_news() { 0 } else { LONG_POLL };
        Box::pin(async move { Step::Received(queue.receive(wait).await) })
    }

    /// Receipts of messages that others see soon.
    fn due(&mut self, now: Instant) -> Vec<String> {
        let due = self.hidden().filter(|message| message.is_due(now));
        due.take(BATCH)
            .map(|message| message.receipt.clone())
            .collect()
    }

    /// All messages that are hidden from others for us.
    fn hidden(&mut self) -> impl Iterator<Item = &mut Message> {
        let reading = self.reading.iter_mut();
        self.waiting
            .iter_mut()
            .chain(reading.map(|reading| &mut reading.message))
            .chain(self.held.messages())
    }

    pub(super) fn take(&mut self, step: Step) {
        let now = Instant::now();
        match step {
            Step::Waited => {}
            Step::Received(Ok(messages)) => {
                self.trouble.is_over();
                self.is_dry = messages.len() < BATCH;
                self.waiting.extend(messages);
            }
            Step::Received(Err(error)) => self.trouble.wait(error.detail(), now),
            Step::Hidden(receipts, hidden) => {
                match hidden {
                    Ok(()) => self.hiding.is_over(),
                    Err(error) => self.hiding.note(error.detail()),
                }
                // Tried again before they are seen, or never: then they come again.
                for message in self.hidden() {
                    if receipts.contains(&message.receipt) {
                        message.until = now + HIDDEN;
                    }
                }
            }
            Step::Deleted(deleted) => self.deleted(deleted),
            Step::Opened(Ok(body)) => {
                self.trouble.is_over();
                if let Some(reading) = &mut self.reading {
                    reading.body = Some(body);
                }
            }
            Step::Opened(Err(error)) => {
                let is_passing = error.is_passing() || error.failure == Failure::Unauthenticated;
                if is_passing {
                    self.trouble.wait(error.detail(), now);
                } else if let Some(reading) = &mut self.reading {
                    let why = reading.about(&error.detail());
                    reading.next_object(Some(Fault::Absent(why)));
                }
            }
            Step::Came(body, Ok(())) => {
                if let Some(reading) = &mut self.reading {
                    reading.body = Some(body);
                }
            }
            Step::Came(_, Err(why)) => {
                if let Some(reading) = &mut self.reading {
                    let why = reading.about(&why);
                    if reading.broke(&why) {
                        self.trouble.wait(why, now);
                    }
                }
            }
        }
    }

    /// The queue was asked to delete messages.
    pub(super) fn deleted(&mut self, deleted: Result<Vec<String>, CallError>) {
        let now = Instant::now();
        match deleted {
            Ok(ids) => {
                for id in &ids {
                    self.held.deleted(id);
                }
                match ids.is_empty() {
                    true => self
                        .deleting
                        .wait("messages are not deleted".to_owned(), now),
                    false => self.deleting.is_over(),
                }
            }
            Err(error) => self.deleting.wait(error.detail(), now),
        }
    }
}
