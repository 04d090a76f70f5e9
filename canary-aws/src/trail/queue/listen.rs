//! Listening to a queue.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use canary_core::detect::{Interest, Listen, ListenError, Listened};
use jiff::Timestamp;

use super::address::Address;
use super::calls::{BATCH, LONG_POLL, Queue};
use super::error::QueueError;
use super::held::Held;
use super::message::{HIDDEN, Message};
use super::reading::{Fault, Reading, verdict};
use super::told::Told;
use crate::client::{CallError, Client, Failure};
use crate::trail::fetch::{Body, Fetcher, Progress, is_wanted};
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
    queue: Queue,
    fetcher: Fetcher,
    intake: Intake,
    told: Told,
    waiting: VecDeque<Message>,
    reading: Option<Reading>,
    held: Held,
    /// Kept where a dropped future leaves it.
    under_way: Option<UnderWay>,
    /// The queue has no more for now.
    is_dry: bool,
    /// With receiving and fetching.
    trouble: Trouble,
    hiding: Trouble,
    deleting: Trouble,
}

type UnderWay = Pin<Box<dyn Future<Output = Step> + Send>>;

/// What was waited for.
enum Step {
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
        if queue.most_receives.is_none() {
            tracing::warn!(
                queue = queue.url,
                "the queue has no dead-letter queue: a message that cannot be read is deleted at the fifth time"
            );
        }
        let mut intake = Intake::new(interest);
        intake.read_lines(lines);
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

    /// From now on something else is wanted. What was read and is not done is read again for it.
    pub fn want(&mut self, interest: &Interest, lines: Option<Lines>) {
        self.intake.want(interest);
        self.intake.read_lines(lines);
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

    /// Why nothing comes, or nothing is deleted, at the moment; one line.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let troubles = [&self.trouble, &self.deleting, &self.hiding];
        troubles.into_iter().find_map(Trouble::told)
    }

    /// Reads what is here, until there is enough or something has to be waited for.
    fn read(&mut self) {
        while !self.intake.is_full() {
            let Some(reading) = &mut self.reading else {
                match self.waiting.pop_front() {
                    Some(message) => self.begin(message),
                    None => return,
                }
                continue;
            };
            if reading.object().is_none() {
                self.finish();
                continue;
            }
            let Some(body) = &mut reading.body else {
                return;
            };
            match body.read(&mut self.intake) {
                Ok(Progress::Wants | Progress::Full) => return,
                Ok(Progress::Ended) => reading.next_object(None),
                Err(why) => {
                    let why = reading.about(&why.to_string());
                    reading.next_object(Some(Fault::Poison(why)));
                }
            }
        }
    }

    fn begin(&mut self, message: Message) {
        if self.held.is_done(&message) {
            return;
        }
        let mut found = super::super::messages(message.body.as_bytes());
        let poison = found.poison.filter(|_| found.is_poison());
        if poison.is_some() {
            // Counted once, however often it comes.
            found.unreadable = 0;
        }
        let mut objects = self.intake.message(message.body.as_bytes(), found);
        let all = objects.len();
        objects.retain(|object| is_wanted(&object.key));
        self.intake.counts.skipped += (all - objects.len()) as u64;
        let fault = poison.map(|why| Fault::Poison(why.to_string()));
        self.reading = Some(Reading::new(message, objects, fault));
    }

    fn finish(&mut self) {
        let Some(Reading { message, fault, .. }) = self.reading.take() else {
            return;
        };
        let verdict = verdict(fault.as_ref(), message.receives, self.queue.most_receives);
        if let Some(Fault::Poison(why) | Fault::Absent(why)) = &fault {
            let is_new = verdict.is_told && self.told.is_first(&message.id);
            if is_new {
                self.intake.lose(1);
                tracing::warn!(queue = self.queue.url, message = message.id, problem = %why, "a message cannot be read");
            } else {
                tracing::debug!(queue = self.queue.url, message = message.id, problem = %why, "a message is left");
            }
        }
        if verdict.is_deleted {
            self.held.push(message);
        }
    }

    /// Waits for what is needed next.
    async fn step(&mut self) -> Step {
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

    fn take(&mut self, step: Step) {
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

    /// Gives whether all went well.
    fn deleted(&mut self, deleted: Result<Vec<String>, CallError>) {
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
