//! Listening to the files of a trail.

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use canary_core::detect::{Interest, Listen, ListenError, Listened};
use tokio::task::{JoinHandle, spawn_blocking};

use super::files::{Files, Step};
use super::intake::{Counts, Intake};
use super::lines::Lines;

/// Files of CloudTrail, and folders of them: as they are in a trail's bucket, as `lookup-events` prints them, one record to a
/// line; plain or gzip, or batches of a log group's subscription. Folders are read with what is in them, in the order of the paths,
/// and links are followed; a folder is read once. Digests are passed by, files of other kinds, and JSON of no known form; those are counted. Paths
/// in which nothing of a known form was read are an error.
///
/// They are read from their beginning, and end: what comes twice is told by
/// [`Event::request`](canary_core::detect::Event::request), which is the same for the same record by any way.
pub struct TrailFiles {
    name: String,
    /// `None` while the task has it.
    reader: Option<Box<Reader>>,
    task: Option<JoinHandle<(Box<Reader>, io::Result<Step>)>>,
    counts: Counts,
    ended: bool,
    /// Why it cannot go on, once what was read before is handed out.
    failed: Option<io::Error>,
}

struct Reader {
    files: Files,
    intake: Intake,
    has_failed: bool,
}

impl TrailFiles {
    /// Listens to these files and folders. They are opened when they are read. Without a reader, audit lines of Kubernetes
    /// are passed by.
    #[must_use]
    pub fn new(
        paths: impl IntoIterator<Item = PathBuf>,
        interest: &Interest,
        lines: Option<Lines>,
    ) -> Self {
        let mut intake = Intake::new(interest);
        intake.read_lines(lines);
        let paths: Vec<PathBuf> = paths.into_iter().collect();
        let names: Vec<String> = paths.iter().map(|path| display(path)).collect();
        Self {
            name: names.join(", "),
            reader: Some(Box::new(Reader {
                files: Files::new(paths),
                intake,
                has_failed: false,
            })),
            task: None,
            counts: Counts::default(),
            ended: false,
            failed: None,
        }
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
            (None, Some(mut reader)) => spawn_blocking(move || {
                let step = reader.batch();
                (reader, step)
            }),
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
        self.counts = reader.intake.counts;
        reader.intake.batch(String::new)
    }
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

#[async_trait]
impl Listen for TrailFiles {
    /// May be dropped while it waits: what was read by then comes with the next call.
    async fn next(&mut self) -> Result<Option<Listened>, ListenError> {
        loop {
            if self.ended && self.failed.is_none() {
                return Ok(None);
            }
            let listened = self.batch().await.map_err(|source| ListenError {
                source_name: self.name.clone(),
                message: "the trail cannot be read".to_owned(),
                source: Some(source.into()),
            })?;
            if listened.is_some() {
                return Ok(listened);
            }
        }
    }
}

impl Reader {
    /// That nothing was read is no news after an error.
    fn step(&mut self) -> io::Result<Step> {
        let step = self.files.step(&mut self.intake)?;
        if step == Step::End && !self.has_failed && self.intake.is_nothing() {
            return Err(io::Error::other(self.intake.counts.why_nothing()));
        }
        Ok(step)
    }

    /// Reads until there is nothing more, or enough.
    fn batch(&mut self) -> io::Result<Step> {
        loop {
            let step = self.step();
            self.has_failed |= step.is_err();
            let step = step?;
            if step != Step::More || self.intake.is_full() {
                return Ok(step);
            }
        }
    }
}
