//! Listening to a queue.

use std::collections::VecDeque;
use std::time::Instant;

use async_trait::async_trait;
use canary_core::detect::{Interest, Listen, ListenError, Listened};
use jiff::Timestamp;

use super::address::Address;
use super::calls::{BATCH, Queue};
use super::error::QueueError;
use super::held::Held;
use super::message::Message;
use super::reading::Reading;
use super::step::{Step, UnderWay};
use super::told::Told;
use crate::client::Client;
use crate::trail::fetch::Fetcher;
use crate::trail::intake::{Counts, Intake};
use crate::trail::lines::Lines;
use crate::trail::trouble::Trouble;

/// A queue of SQS: records by EventBridge, notices of the objects of a trail's bucket (also through SNS), which are fetched,
/// audit lines of Kubernetes.
///
/// A message is deleted when what came of it is [`done`](Listen::done), and not before: it stays hidden from others until
/// then, for two minutes at a time. After a crash it comes again, and what comes twice is the same by
/// [`Event::request`](canary_core::detect::Event::request). What nobody can read is left to the queue's dead-letter queue,
/// counted and told once; where there is none it is deleted at the fifth time.
///
/// It never ends. When the service does not answer, it waits and goes on; [`trouble`](Self::trouble) tells.
///
/// It needs `sqs:GetQueueAttributes`, `ReceiveMessage`, `ChangeMessageVisibility` and `DeleteMessage` on the queue, for a name
/// `sqs:GetQueueUrl`, and for notices `s3:GetObject` on the objects.
pub struct QueueListener {
    pub(super) queue: Queue,
    pub(super) fetcher: Fetcher,
    pub(super) intake: Intake,
    pub(super) told: Told,
    pub(super) waiting: VecDeque<Message>,
    pub(super) reading: Option<Reading>,
    pub(super) held: Held,
    /// Kept where a dropped future leaves it.
    pub(super) under_way: Option<UnderWay>,
    /// The queue has no more for now.
    pub(super) is_dry: bool,
    /// With receiving and fetching.
    pub(super) trouble: Trouble,
    pub(super) hiding: Trouble,
    pub(super) deleting: Trouble,
}

impl QueueListener {
    /// Listens to the queue of an address: `sqs://NAME` in the home region, or its URL with `sqs://` in place of `https://`.
    /// Without a reader, audit lines of Kubernetes are passed by.
    ///
    /// # Errors
    /// When there is no such queue, or it may not be listened to.
    pub async fn connect(
        client: &Client,
        address: &str,
        interest: &Interest,
        lines: Option<Lines>,
    ) -> Result<Self, QueueError> {
        let queue = Queue::find(client, Address::parse(address)?).await?;
        let mut intake = Intake::new(interest);
        intake.read_lines(lines);
        intake.keep_passed();
        intake.is_live = true;
        let mut listener = Self {
            fetcher: Fetcher::new(client, &queue.region),
            intake,
            told: Told::default(),
            waiting: VecDeque::new(),
            reading: None,
            held: Held::new(Timestamp::now().as_nanosecond()),
            under_way: None,
            is_dry: false,
            trouble: Trouble::new(&queue.url),
            hiding: Trouble::new(&queue.url),
            deleting: Trouble::new(&queue.url),
            queue,
        };
        match listener.queue.receive(0).await {
            Err(error) if !error.is_passing() => Err(QueueError::of(&listener.queue.url, &error)),
            received => {
                listener.take(Step::Received(received));
                Ok(listener)
            }
        }
    }

    /// From now on something else is wanted. What was read and is not done is read again for it, and so is the latest of what
    /// was passed over.
    pub fn want(&mut self, interest: &Interest, lines: Option<Lines>) {
        self.intake.want(interest, lines);
        if let Some(reading) = self.reading.take() {
            self.waiting.push_front(reading.message);
            // A part of what is now begun anew.
            self.under_way = None;
        }
        for message in self.held.take_back().into_iter().rev() {
            self.waiting.push_front(message);
        }
    }

    /// What was seen so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.intake.counts
    }

    /// Whether what nobody can read is left to another queue, and not deleted at the fifth time.
    #[must_use]
    pub fn has_dead_letters(&self) -> bool {
        self.queue.most_receives.is_some()
    }

    /// Why nothing comes, or nothing is deleted, at the moment; one line.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let troubles = [&self.trouble, &self.deleting, &self.hiding];
        troubles.into_iter().find_map(Trouble::told)
    }
}

#[async_trait]
impl Listen for QueueListener {
    /// May be dropped while it waits: what was asked for by then comes with the next call.
    async fn next(&mut self) -> Result<Option<Listened>, ListenError> {
        loop {
            self.read();
            let is_idle = self.reading.is_none() && self.waiting.is_empty();
            let is_stuck = self.trouble.pause(Instant::now()).is_some();
            if self.intake.is_full() || (is_idle && self.is_dry) || is_stuck {
                let held = &self.held;
                if let Some(listened) = self.intake.batch(|| held.position()) {
                    return Ok(Some(listened));
                }
            }
            let step = self.step().await;
            self.take(step);
        }
    }

    /// Deletes the messages up to that position. What is not deleted now is tried again later.
    async fn done(&mut self, position: &str) -> Result<(), ListenError> {
        self.held.settle(position);
        loop {
            let done = self.held.to_delete(BATCH);
            if done.is_empty() || self.deleting.pause(Instant::now()).is_some() {
                return Ok(());
            }
            let deleted = self.queue.delete(&done).await;
            self.deleted(deleted);
        }
    }
}
