//! A log in a file and the files that it is rotated into, read one after the other.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::intake::Intake;
use super::position::{Place, Position, TELLING};
use super::rotated::{Rotated, after, rotated};
use super::source::{Look, Source, id};

/// A program that was told to open its log anew (logrotate's `postrotate`) writes to the old file for so long at most.
const LATE: Duration = Duration::from_secs(10);

/// So many files that need no reading are told from others. kube-apiserver keeps as many as `--audit-log-maxbackup`
/// says, 10 by most guides, 100 on some managed clusters.
const MAX_DONE: usize = 1024;

/// What one step of reading came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// There may be more at once.
    More,
    /// There is nothing more for now.
    Idle,
    /// There is nothing more.
    End,
}

/// The files of one log.
pub(super) struct Files {
    path: PathBuf,
    follow: bool,
    resume: Option<Position>,
    /// The one that is being read, and those that come after it.
    queue: VecDeque<Source>,
    /// Rotated away and read to their end, with when to stop looking for more in them.
    late: Vec<(Source, Instant)>,
    /// How the files begin that need no reading: read to their end, or from before our time.
    done: VecDeque<Vec<u8>>,
}

impl Files {
    pub(super) fn new(path: &Path, follow: bool, resume: Option<Position>) -> Self {
        Self {
            path: path.to_owned(),
            follow,
            resume,
            queue: VecDeque::new(),
            late: Vec::new(),
            done: VecDeque::new(),
        }
    }

    /// Where to go on after a restart.
    pub(super) fn position(&self) -> Position {
        if let Some(position) = &self.resume {
            return position.clone();
        }
        let late = self.late.iter().map(|(source, _)| source);
        Position::new(late.chain(&self.queue).map(Source::place).collect())
    }

    /// Reads once.
    pub(super) fn step(&mut self, intake: &mut Intake) -> io::Result<Step> {
        if self.queue.is_empty() && !self.open(intake)? {
            return Ok(Step::Idle);
        }
        let late = self.read_late(intake)?;
        let (is_last, mut unread) = (self.queue.len() == 1, false);
        let Some(front) = self.queue.front_mut() else {
            return Ok(Step::Idle);
        };
        let count = fill(front, intake)?;
        if self.follow && is_last {
            // Looked at behind the read: so what was read before the log was truncated is told from what came after.
            match front.look()? {
                Look::Same => {}
                Look::Truncated => {
                    front.forget(count);
                    return self.restart(intake);
                }
                // It may have been truncated as long as it could not be told from others.
                Look::Learnt => unread = true,
            }
        }
        release(front, count, intake, !self.follow && front.offset() == 0);
        if unread {
            for copy in self.unread_files(None).into_iter().rev() {
                self.queue.push_front(copy);
            }
            return Ok(Step::More);
        }
        if count > 0 {
            return Ok(Step::More);
        }
        if !is_last || self.enqueue_newer()? {
            self.retire(intake);
            return Ok(Step::More);
        }
        if self.follow {
            return Ok(if late { Step::More } else { Step::Idle });
        }
        self.retire(intake);
        intake.end();
        Ok(Step::End)
    }

    /// Opens the files of the kept position, or the log. False when there is none yet.
    fn open(&mut self, intake: &mut Intake) -> io::Result<bool> {
        if let Some(position) = self.resume.take() {
            for place in &position.files {
                match self.find(place)? {
                    Some(source) => self.queue.push_back(source),
                    None => intake.lose(1),
                }
            }
        }
        if self.queue.is_empty() {
            match Source::open(&self.path) {
                Ok(source) => self.queue.push_back(source),
                Err(error) if self.follow && error.kind() == ErrorKind::NotFound => {
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        self.note_older();
        Ok(true)
    }

    /// Files beside the log that are older than the one that is read last need no reading.
    fn note_older(&mut self) {
        let Some(last) = self.queue.back() else {
            return;
        };
        let all = rotated(&self.path);
        let later = after(&all, last.id(), last.modified());
        let is_resumed = std::fs::metadata(&self.path).is_ok_and(|log| id(&log) != last.id());
        let older = all
            .iter()
            .filter(|file| !(is_resumed && later.contains(file)));
        let heads: Vec<Vec<u8>> = older
            .filter_map(opened)
            .filter(|source| self.queue.iter().all(|queued| queued.id() != source.id()))
            .map(|source| source.head().to_vec())
            .collect();
        for head in heads {
            self.note_done(head);
        }
    }

    /// Finds the file of a place: under any name, moved, copied or packed since.
    fn find(&self, place: &Place) -> io::Result<Option<Source>> {
        let names = rotated(&self.path).into_iter().map(|rotated| rotated.path);
        let sources = std::iter::once(self.path.clone())
            .chain(names)
            .filter_map(|path| Source::open(&path).ok());
        let (mut same, mut copy) = (None, None);
        for source in sources.filter(|source| source.may_reach(place.offset)) {
            let fits = place.head.fits(source.head());
            let is_same = source.id() == (place.device, place.inode);
            if is_same && (fits || place.head.length < TELLING) {
                same = Some(source);
            } else if fits && copy.is_none() {
                copy = Some(source);
            }
        }
        let mut found = same.or(copy);
        if let Some(source) = &mut found {
            source.seek(place.offset)?;
        }
        Ok(found)
    }

    /// Reads what a writer still put into files that were rotated away. True when there was something.
    fn read_late(&mut self, intake: &mut Intake) -> io::Result<bool> {
        let mut any = false;
        let now = Instant::now();
        for (source, _) in &mut self.late {
            let count = fill(source, intake)?;
            release(source, count, intake, false);
            any |= count > 0;
        }
        for (mut source, _) in self.late.extract_if(.., |(_, until)| *until < now) {
            source.finish(|line, oversize| intake.line(line, oversize));
        }
        Ok(any)
    }

    /// The log was truncated in place. What was not yet read of it stands in the copy that was made before, if any was.
    fn restart(&mut self, intake: &mut Intake) -> io::Result<Step> {
        let Some(mut front) = self.queue.pop_front() else {
            return Ok(Step::Idle);
        };
        let (head, offset) = (front.head().to_vec(), front.offset());
        let copy = rotated(&self.path)
            .iter()
            .filter_map(opened)
            .find(|copy| is_same_head(copy.head(), &head) && copy.may_reach(offset));
        if let Some(mut copy) = copy {
            copy.seek(offset)?;
            self.queue.push_back(copy);
        } else {
            front.finish(|line, oversize| intake.line(line, oversize));
        }
        self.note_done(head);
        front.restart()?;
        // Truncated more than once since we looked last: there is a copy for each time.
        let between = self.unread_files(Some(&mut front));
        self.queue.extend(between);
        self.queue.push_back(front);
        Ok(Step::More)
    }

    /// The files beside the log that nobody has read, the oldest first. `log` is the log itself, when it is not queued.
    fn unread_files(&self, log: Option<&mut Source>) -> Vec<Source> {
        let mut unread: Vec<Source> = rotated(&self.path).iter().filter_map(opened).collect();
        // A copy of what the log holds now, made while we looked, is no other file.
        let now = log.and_then(|log| log.look().ok().map(|_| log.head().to_vec()));
        let late = self.late.iter().map(|(source, _)| source);
        let open: Vec<&Source> = late.chain(&self.queue).collect();
        unread.retain(|source| {
            let is_head = |head: &[u8]| is_same_head(head, source.head());
            let is_open = |open: &&Source| open.id() == source.id() || is_head(open.head());
            let known = now.as_deref().is_some_and(is_head)
                || open.iter().any(is_open)
                || self.done.iter().any(|head| is_head(head));
            source.head().len() >= TELLING && !known
        });
        unread
    }

    /// The file at the front is read to its end.
    fn retire(&mut self, intake: &mut Intake) {
        let Some(mut front) = self.queue.pop_front() else {
            return;
        };
        // A file that was rotated away cannot have been truncated; what it begins with may be longer by now.
        let _look: io::Result<Look> = front.look();
        self.note_done(front.head().to_vec());
        if self.follow {
            self.late.push((front, Instant::now() + LATE));
        } else {
            front.finish(|line, oversize| intake.line(line, oversize));
        }
    }

    fn note_done(&mut self, head: Vec<u8>) {
        self.done.push_back(head);
        if self.done.len() > MAX_DONE {
            self.done.pop_front();
        }
    }

    /// When the log is another file by now: queues what it was rotated into since, and the log. False when it is not.
    fn enqueue_newer(&mut self) -> io::Result<bool> {
        let Some(front) = self.queue.front_mut() else {
            return Ok(false);
        };
        let mut log = match Source::open(&self.path) {
            Ok(log) if log.id() != front.id() => log,
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        front.look()?;
        let between = self.unread_files(Some(&mut log));
        // Rotated again while we looked: the next step looks again.
        if !std::fs::metadata(&self.path).is_ok_and(|now| id(&now) == log.id()) {
            return Ok(false);
        }
        let between = between.into_iter().filter(|file| file.id() != log.id());
        self.queue.extend(between);
        self.queue.push_back(log);
        Ok(true)
    }
}

/// Whether two files begin alike, as far as both are known. Fewer bytes tell nothing: all records begin so.
fn is_same_head(one: &[u8], other: &[u8]) -> bool {
    one.len().min(other.len()) >= TELLING && (one.starts_with(other) || other.starts_with(one))
}

fn opened(rotated: &Rotated) -> Option<Source> {
    let source = Source::open(&rotated.path).ok()?;
    (source.id() == rotated.id).then_some(source)
}

/// Reads once. Packed text that is damaged ends where the damage is, and counts as unreadable.
fn fill(source: &mut Source, intake: &mut Intake) -> io::Result<usize> {
    match source.fill() {
        Err(error) if is_damage(&error) => {
            intake.lose_rest();
            Ok(0)
        }
        result => result,
    }
}

/// Takes what was read. `begins`: it may begin a document.
fn release(source: &mut Source, count: usize, intake: &mut Intake, begins: bool) {
    intake.counts.bytes += count as u64;
    let mut first = begins;
    source.release(count, |piece| {
        intake.piece(&piece, first);
        first = false;
    });
}

pub(super) fn is_damage(error: &io::Error) -> bool {
    use ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}
