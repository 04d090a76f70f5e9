//! Listening to a log group.

use std::pin::Pin;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use canary_core::detect::{Interest, Listen, ListenError, Listened};

use super::error::LogsError;
use super::group::{Entry, Group, Page, now};
use super::options::LogsOptions;
use super::pass::{Course, Pass};
use super::position::Position;
use super::seen::Seen;
use crate::client::{CallError, Client, Failure};
use crate::trail::{Counts, Intake, Lines, Trouble};
use jiff::Timestamp;

/// A log group of CloudWatch: audit lines of Kubernetes, as EKS writes them, and records of a trail, told apart by what stands
/// in them. Lines are given to their reader as they are, cut ones too.
///
/// Nothing is lost across a restart at a kept position, whatever comes late by the overlap at most. What was handed out
/// does not come again, as long as the position has room for it; what comes twice is the same by
/// [`Event::request`](canary_core::detect::Event::request).
///
/// When the service does not answer, it waits and goes on; [`trouble`](Self::trouble) tells. It needs `logs:FilterLogEvents`.
pub struct LogsListener {
    client: Client,
    group: Group,
    intake: Intake,
    course: Course,
    seen: Seen,
    pass: Option<Pass>,
    /// How long to wait before the next pass.
    wait: Option<Duration>,
    /// Kept where a dropped future leaves it.
    under_way: Option<UnderWay>,
    follow: bool,
    ended: bool,
    trouble: Trouble,
}

type UnderWay = Pin<Box<dyn Future<Output = Step> + Send>>;

/// What was waited for.
enum Step {
    Waited,
    Came(Result<Page, CallError>),
}

impl LogsListener {
    /// Listens to a group, by its name in the home region or by its ARN. `position` is the last that an earlier listener to the
    /// same group gave. Without a reader, audit lines of Kubernetes are passed by.
    ///
    /// # Errors
    /// When there is no such group, it may not be read, or the position is not one of ours.
    pub async fn connect(
        client: &Client,
        group: &str,
        options: &LogsOptions,
        interest: &Interest,
        lines: Option<Lines>,
        position: Option<&str>,
    ) -> Result<Self, LogsError> {
        let position = position.map(Position::parse).transpose()?;
        let group = Group::new(client, group, options.streams.clone());
        group.find(client).await?;
        let from = match (&position, options.since) {
            (Some(position), _) => position.from,
            (None, Some(since)) => since.as_millisecond(),
            (None, None) if options.follow => now(client),
            (None, None) => 0,
        };
        let mut intake = Intake::new(interest);
        intake.read_lines(lines);
        intake.is_live = options.follow;
        Ok(Self {
            client: client.clone(),
            intake,
            course: Course::new(from, options.overlap),
            seen: position.map(|position| position.seen()).unwrap_or_default(),
            pass: None,
            wait: None,
            under_way: None,
            follow: options.follow,
            ended: false,
            trouble: Trouble::new(&group.name),
            group,
        })
    }

    /// From now on something else is wanted. Within the overlap what gave nothing is read again for it.
    pub fn want(&mut self, interest: &Interest, lines: Option<Lines>) {
        self.intake.want(interest, lines);
        self.seen.forget_idle();
        self.course.sweep();
        if self.wait.take().is_some() {
            self.under_way = None;
        }
    }

    /// What was seen so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.intake.counts
    }

    /// Why nothing comes at the moment; one line.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.told()
    }

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
        let instant = Instant::now();
        if let Some(pause) = self.wait.or_else(|| self.trouble.pause(instant)) {
            return Box::pin(async move {
                tokio::time::sleep(pause).await;
                Step::Waited
            });
        }
        let course = &self.course;
        let pass = self
            .pass
            .get_or_insert_with(|| course.next(now(&self.client), instant));
        let (group, pass) = (self.group.clone(), pass.clone());
        Box::pin(async move { Step::Came(group.page(&pass).await) })
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Waited => self.wait = None,
            Step::Came(Ok(page)) => {
                self.trouble.is_over();
                self.read(page);
            }
            Step::Came(Err(error)) => {
                // A token is good for a day: one that is refused is no use any more, and the pass begins anew.
                if error.failure == Failure::Refused {
                    self.pass = None;
                }
                self.trouble.wait(error.detail(), Instant::now());
            }
        }
    }

    fn read(&mut self, page: Page) {
        let Some(mut pass) = self.pass.take() else {
            return;
        };
        for entry in page.entries {
            let is_new = !self.seen.has(entry.hash);
            pass.saw(entry.at, entry.taken, is_new);
            if is_new {
                self.entry(&entry);
            }
        }
        if page.token.is_some() {
            pass.token = page.token;
            self.pass = Some(pass);
            return;
        }
        let now = now(&self.client);
        self.wait = self.course.passed(&pass, now, Instant::now());
        self.ended = !self.follow && self.wait.is_some();
        self.seen.forget_before(self.course.horizon());
    }

    fn entry(&mut self, entry: &Entry) {
        let before = (self.intake.events.len(), self.intake.counts.unreadable);
        self.intake.logged(&entry.message);
        // The end of a line that was cut says when it was.
        let at = Timestamp::from_millisecond(entry.at).ok();
        for event in self.intake.events.iter_mut().skip(before.0) {
            event.at = event.at.or(at);
            event.stage_at = event.stage_at.or(at);
        }
        let gave = before != (self.intake.events.len(), self.intake.counts.unreadable);
        self.seen.add(entry.hash, entry.at, gave);
    }
}

#[async_trait]
impl Listen for LogsListener {
    /// May be dropped while it waits: what was asked for by then comes with the next call.
    async fn next(&mut self) -> Result<Option<Listened>, ListenError> {
        loop {
            let is_waiting = self.wait.is_some() || self.trouble.pause(Instant::now()).is_some();
            if self.intake.is_full() || self.ended || is_waiting {
                let (course, seen) = (&self.course, &self.seen);
                let position = || Position::new(course.from, seen).write();
                if let Some(listened) = self.intake.batch(position) {
                    return Ok(Some(listened));
                }
            }
            if self.ended {
                return Ok(None);
            }
            let step = self.step().await;
            self.take(step);
        }
    }
}
