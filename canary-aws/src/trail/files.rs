//! The files of a trail: found, opened, unpacked, read one after the other.

use std::fs::{self, File};
use std::io::{self, Read, Seek as _};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::intake::Intake;
use super::notices::is_digest;
use super::split::Split;
use super::subscription::GZIP;

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
    open: Option<Open>,
}

/// A path to be read.
struct Entry {
    path: PathBuf,
    /// Somebody named it: it is read whatever its name is, and must be there.
    is_named: bool,
}

/// The file that is being read.
struct Open {
    path: PathBuf,
    text: Box<dyn Read + Send>,
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
        Self { paths, open: None }
    }

    /// Reads once. Only what somebody named and is not there fails; whatever else cannot be read is told and passed by.
    pub(super) fn step(&mut self, intake: &mut Intake) -> io::Result<Step> {
        let Some(open) = &mut self.open else {
            return self.next(intake);
        };
        match open.split.fill(&mut open.text) {
            Ok(0) => {
                open.split.finish(&mut |piece| intake.piece(piece));
                intake.counts.files += 1;
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
        let metadata = if is_named {
            fs::metadata(path)?
        } else {
            fs::symlink_metadata(path)?
        };
        if metadata.is_dir() {
            return self.enter(path);
        }
        // A link may lead anywhere, in a circle, too; what is no file may never end.
        if !is_named && (!metadata.is_file() || is_digest(&path.to_string_lossy())) {
            intake.counts.skipped += 1;
            return Ok(());
        }
        match open(path, is_named)? {
            Some(text) => {
                self.open = Some(Open {
                    path: path.to_path_buf(),
                    text,
                    split: Split::default(),
                });
            }
            None => intake.counts.skipped += 1,
        }
        Ok(())
    }

    /// Puts what is in a folder first, in the order of the names.
    fn enter(&mut self, folder: &Path) -> io::Result<()> {
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

/// Opens a file to read its text. `None` for one that is neither JSON nor gzip by its beginning, unless somebody named it.
fn open(path: &Path, is_named: bool) -> io::Result<Option<Box<dyn Read + Send>>> {
    // A pipe gives its beginning once: it is put before the rest again.
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    file.by_ref().take(HEAD).read_to_end(&mut head)?;
    let is_gzip = head.starts_with(&GZIP);
    if !is_named && !is_gzip && !is_json(path, &head) {
        return Ok(None);
    }
    let whole: Box<dyn Read + Send> = match file.rewind() {
        Ok(()) => Box::new(file),
        Err(_) => Box::new(io::Cursor::new(head).chain(file)),
    };
    Ok(Some(if is_gzip {
        Box::new(MultiGzDecoder::new(whole))
    } else {
        whole
    }))
}

/// Enough to see behind a byte order mark and some white space what a text begins with.
const HEAD: u64 = 64;

fn is_json(path: &Path, head: &[u8]) -> bool {
    let is_called_so = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let head = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head);
    is_called_so || matches!(head.trim_ascii_start().first(), Some(b'{' | b'['))
}
