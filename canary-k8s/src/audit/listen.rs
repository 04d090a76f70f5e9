//! An audit log as a source of events.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use canary_core::detect::{Interest, Listen, ListenError, Listened};
use tokio::task::{JoinHandle, spawn_blocking};

use super::files::{Files, Step};
use super::intake::{Counts, Intake};
use super::position::{Position, PositionError};
use super::stream::Stream;

/// How often a followed log is looked at. A line is to be an event within 100 ms; looking costs one `read`, an `fstat`
/// and an `open`, some 10 µs. Being told by the kernel (inotify) does not work on network file systems, and a rotation
/// has to be looked for all the same.
const POLL: Duration = Duration::from_millis(50);

/// So much is read before what was found is handed out: a replay keeps its position that often.
const BATCH_BYTES: u64 = 8 * 1024 * 1024;
/// Or so many events: some 4 MB of them.
const BATCH_EVENTS: usize = 1024;

/// An audit log: a file (plain or gzip, rotated or not), a pipe, or the standard input.
///
/// Of a followed file nothing is lost and nothing comes twice across a rotation (by renaming it, or by copying and
/// truncating it) and across a restart at a kept position, as long as the rotated files are still beside it. A file
/// that could not be found again counts as unreadable. A pipe cannot be gone on from.
pub struct AuditFile {
    path: PathBuf,
    /// `None` while the task has it.
    reader: Option<Box<Reader>>,
    task: Option<JoinHandle<(Box<Reader>, io::Result<Step>)>>,
    counts: Counts,
    ended: bool,
    /// Why it cannot go on, once what was read before is handed out.
    failed: Option<io::Error>,
    context: bool,
    /// What is wanted from the next batch on.
    wanted: Option<Interest>,
}

/// How a log is to be listened to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Listening {
    /// Wait for the log, go on when it grows or is rotated. Without it the source ends where the log ends.
    pub follow: bool,
    /// Also give what a judge needs to know beside what can touch a canary; see [`Scan::new`](super::Scan::new).
    pub context: bool,
}

impl AuditFile {
    /// A log at `path`; `-` is the standard input. It is opened when it is first read. `position` is the last that an
    /// earlier listener to the same log gave; without one it is read from its beginning.
    ///
    /// # Errors
    /// When the position is not one of ours.
    pub fn new(
        path: &Path,
        interest: &Interest,
        listening: Listening,
        position: Option<&str>,
    ) -> Result<Self, PositionError> {
        let resume = position.map(Position::parse).transpose()?;
        let input = if Self::is_stream(path) {
            Input::Stream(Stream::new(path))
        } else {
            Input::Files(Files::new(path, listening.follow, resume))
        };
        let intake = Intake::new(interest, listening.context);
        Ok(Self {
            path: path.to_owned(),
            reader: Some(Box::new(Reader { input, intake })),
            task: None,
            counts: Counts::default(),
            ended: false,
            failed: None,
            context: listening.context,
            wanted: None,
        })
    }

    /// Whether it can only be read onwards: a pipe, the standard input.
    #[must_use]
    pub fn is_stream(path: &Path) -> bool {
        path == Path::new("-")
            || std::fs::metadata(path).is_ok_and(|file| !file.is_file() && !file.is_dir())
    }

    /// From the next batch on something else is wanted. What was read by then was read for what was wanted before.
    pub fn want(&mut self, interest: Interest) {
        self.wanted = Some(interest);
    }

    /// What was seen so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Reads a batch, away from the threads that wait for nothing.
    async fn batch(&mut self) -> io::Result<Option<Listened>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let task = match (self.task.take(), self.reader.take()) {
            (Some(task), _) => task,
            (None, Some(mut reader)) => {
                if let Some(interest) = self.wanted.take() {
                    reader.intake.want(&interest, self.context);
                }
                spawn_blocking(move || {
                    let step = reader.batch();
                    (reader, step)
                })
            }
            (None, None) => return Err(io::Error::other("an earlier read did not return")),
        };
        // Kept where a dropped future leaves it.
        let result = {
            let task = self.task.insert(task);
            task.await
        };
        self.task = None;
        let (mut reader, step) = result.map_err(io::Error::other)?;
        // What was read before an error comes first.
        let listened = self.listened(&mut reader);
        self.reader = Some(reader);
        match step {
            Ok(step) => self.ended = step == Step::End,
            Err(error) if listened.is_some() => self.failed = Some(error),
            Err(error) => return Err(error),
        }
        Ok(listened)
    }

    /// What came since the last batch; `None` when that is nothing.
    fn listened(&mut self, reader: &mut Reader) -> Option<Listened> {
        let now = reader.intake.counts;
        let before = std::mem::replace(&mut self.counts, now);
        if now == before {
            return None;
        }
        Some(Listened {
            events: std::mem::take(&mut reader.intake.events),
            position: reader.input.position().write(),
            unreadable: now.unreadable - before.unreadable,
            lines: now.lines - before.lines,
            bytes: now.bytes - before.bytes,
        })
    }
}

#[async_trait]
impl Listen for AuditFile {
    /// May be dropped while it waits: what was read by then comes with the next call.
    async fn next(&mut self) -> Result<Option<Listened>, ListenError> {
        loop {
            if self.ended {
                return Ok(None);
            }
            let listened = self.batch().await.map_err(|source| ListenError {
                source_name: self.path.display().to_string(),
                message: "the audit log cannot be read".to_owned(),
                source: Some(source.into()),
            })?;
            if listened.is_some() {
                return Ok(listened);
            }
            if !self.ended {
                tokio::time::sleep(POLL).await;
            }
        }
    }
}

/// A log with what is made of it.
struct Reader {
    input: Input,
    intake: Intake,
}

enum Input {
    Files(Files),
    Stream(Stream),
}

impl Input {
    fn step(&mut self, intake: &mut Intake) -> io::Result<Step> {
        match self {
            Self::Files(files) => files.step(intake),
            Self::Stream(stream) => stream.step(intake),
        }
    }

    fn position(&self) -> Position {
        match self {
            Self::Files(files) => files.position(),
            Self::Stream(_) => Position::new(Vec::new()),
        }
    }
}

impl Reader {
    /// Reads until there is nothing more for now, or enough.
    fn batch(&mut self) -> io::Result<Step> {
        let begin = self.intake.counts.bytes;
        loop {
            let step = self.input.step(&mut self.intake)?;
            let enough = self.intake.counts.bytes - begin >= BATCH_BYTES
                || self.intake.events.len() >= BATCH_EVENTS;
            if step != Step::More || enough {
                return Ok(step);
            }
        }
    }
}
