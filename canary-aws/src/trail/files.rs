//! The files of a trail: found, opened, unpacked, read one after the other.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek as _};
use std::path::{Path, PathBuf};

use super::found::Poison;
use super::gunzip;
use super::intake::Intake;
use super::kind::{HEAD, Kind};
use super::notices::is_digest;
use super::split::Split;

/// What one step of reading came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// There is more.
    More,
    /// There is nothing more.
    End,
}

/// Files and folders, with the place where they are read.
pub(super) struct Files {
    /// What is still to be read, the next one last.
    paths: Vec<Entry>,
    /// Folders that were read, or are being read: links may lead to one again, in a circle, too.
    entered: BTreeSet<PathBuf>,
    open: Option<Open>,
}

/// A path to be read.
struct Entry {
    path: PathBuf,
    /// Somebody named it: it is read whatever its name is, and must be there.
    is_named: bool,
}

type Text = Box<dyn Read + Send>;

/// The file that is being read.
struct Open {
    path: PathBuf,
    text: Text,
    split: Split,
}

impl Files {
    pub(super) fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let named = |path| Entry {
            path,
            is_named: true,
        };
        let mut paths: Vec<Entry> = paths.into_iter().map(named).collect();
        paths.sort_by(|a, b| b.path.cmp(&a.path));
        Self {
            paths,
            entered: BTreeSet::new(),
            open: None,
        }
    }

    /// Reads once. Only what somebody named and is not there fails; whatever else cannot be read is told and passed by.
    pub(super) fn step(&mut self, intake: &mut Intake) -> io::Result<Step> {
        let Some(open) = &mut self.open else {
            return self.next(intake);
        };
        match open.split.fill(&mut open.text) {
            Ok(0) => {
                open.split.finish(&mut |piece| intake.piece(piece));
                intake.end_file();
                self.open = None;
            }
            Ok(count) => {
                intake.counts.bytes += count as u64;
                open.split.release(&mut |piece| intake.piece(piece));
            }
            Err(error) => {
                let path = open.path.display();
                tracing::warn!(%path, %error, "a file of the trail is damaged");
                open.split.finish(&mut |piece| intake.piece(piece));
                intake.lose_rest(&format!("{path}: {error}"));
                self.open = None;
            }
        }
        Ok(Step::More)
    }

    fn next(&mut self, intake: &mut Intake) -> io::Result<Step> {
        let Some(Entry { path, is_named }) = self.paths.pop() else {
            return Ok(Step::End);
        };
        let result = self.begin(&path, is_named, intake);
        match result {
            Err(error) if is_named => Err(error),
            Err(error) => {
                let path = path.display();
                tracing::warn!(%path, %error, "a part of the trail cannot be read");
                intake.lose_rest(&format!("{path}: {error}"));
                Ok(Step::More)
            }
            Ok(()) => Ok(Step::More),
        }
    }

    fn begin(&mut self, path: &Path, is_named: bool, intake: &mut Intake) -> io::Result<()> {
        let metadata = fs::metadata(path)?;
        if metadata.is_dir() {
            return self.enter(path);
        }
        if !is_named && is_digest(&path.to_string_lossy()) {
            intake.counts.skipped += 1;
            return Ok(());
        }
        // What is no file may never end.
        if !is_named && !metadata.is_file() {
            intake.counts.others += 1;
            return Ok(());
        }
        match open(path, is_named)? {
            Ok(Some(text)) => {
                intake.begin_file(&path.display().to_string());
                self.open = Some(Open {
                    path: path.to_path_buf(),
                    text,
                    split: Split::default(),
                });
            }
            Ok(None) => intake.counts.others += 1,
            Err(why) => {
                let path = path.display();
                tracing::warn!(%path, %why, "a file of the trail is damaged");
                intake.lose_rest(&format!("{path}: {why}"));
            }
        }
        Ok(())
    }

    /// Puts what is in a folder first, in the order of the names.
    fn enter(&mut self, folder: &Path) -> io::Result<()> {
        if !self.entered.insert(fs::canonicalize(folder)?) {
            return Ok(());
        }
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder)? {
            paths.push(entry?.path());
        }
        paths.sort_by(|a, b| b.cmp(a));
        self.paths.extend(paths.into_iter().map(|path| Entry {
            path,
            is_named: false,
        }));
        Ok(())
    }
}

/// Opens a file to read its text, or says why it cannot be read. `None` for one that is neither JSON nor gzip, unless
/// somebody named it.
fn open(path: &Path, is_named: bool) -> io::Result<Result<Option<Text>, Poison>> {
    // A pipe gives its beginning once: it is put before the rest again.
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let kind = match Kind::of(&path.to_string_lossy(), &head) {
        Ok(kind) => kind,
        Err(why) => return Ok(Err(why)),
    };
    if !is_named && kind == Kind::Other {
        return Ok(Ok(None));
    }
    let whole: Text = match file.rewind() {
        Ok(()) => Box::new(file),
        Err(_) => Box::new(io::Cursor::new(head).chain(file)),
    };
    Ok(Ok(Some(if kind == Kind::Gzip {
        Box::new(gunzip::Reader::new(BufReader::new(whole)))
    } else {
        whole
    })))
}
