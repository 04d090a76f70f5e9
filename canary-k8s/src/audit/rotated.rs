//! The files that a log was rotated into.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::source::{FileId, id};

/// A file beside a log that the log was rotated into.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Rotated {
    pub(super) path: PathBuf,
    pub(super) id: FileId,
    pub(super) modified: SystemTime,
    /// The time in its name, as kube-apiserver's lumberjack writes it: `audit-2026-11-22T05-00-00.000.log`. Of fixed
    /// width, so that the order of the texts is the order of the times.
    stamp: Option<String>,
}

impl Rotated {
    /// Whether it was rotated away after `other`, as far as their names tell.
    fn name_is_later(&self, other: &Self) -> Option<bool> {
        Some(self.stamp.as_ref()? > other.stamp.as_ref()?)
    }
}

/// The files that the log at `path` was rotated into, the oldest first: `audit-TIME.log` (lumberjack), `audit.log.1`,
/// `audit.log-DATE` (logrotate), each also packed (`.gz`).
pub(super) fn rotated(path: &Path) -> Vec<Rotated> {
    // While files are renamed, a listing of the directory may miss some or have them twice.
    const TRIES: usize = 16;
    let mut last = list(path);
    for _ in 0..TRIES {
        let again = list(path);
        let names = |files: &[Rotated]| {
            files
                .iter()
                .map(|file| (file.path.clone(), file.id))
                .collect::<Vec<_>>()
        };
        let stable = names(&last) == names(&again);
        last = again;
        if stable {
            break;
        }
    }
    last
}

fn list(path: &Path) -> Vec<Rotated> {
    let (Some(name), Some(directory)) = (path.file_name(), path.parent()) else {
        return Vec::new();
    };
    let directory = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    // A directory that cannot be listed has nothing to offer; the log itself is still read.
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut found: Vec<Rotated> = entries
        .flatten()
        .filter_map(|entry| {
            let stamp = stamp(path, name, &entry.file_name())?;
            let metadata = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
            Some(Rotated {
                path: entry.path(),
                id: id(&metadata),
                modified: metadata.modified().ok()?,
                stamp,
            })
        })
        .collect();
    found.sort_by(|a, b| (&a.stamp, a.modified, &a.path).cmp(&(&b.stamp, b.modified, &b.path)));
    found
}

/// `None`: not a rotation of `log`. Otherwise the time in its name, where it has one.
fn stamp(path: &Path, log: &OsStr, name: &OsStr) -> Option<Option<String>> {
    let (log, name) = (log.to_str()?, name.to_str()?);
    if let Some(rest) = name.strip_prefix(log) {
        return matches!(rest.as_bytes().first(), Some(b'.' | b'-')).then_some(None);
    }
    let stem = path.file_stem()?.to_str()?;
    let rest = name.strip_prefix(stem)?.strip_prefix('-')?;
    let rest = rest.strip_suffix(".gz").unwrap_or(rest);
    let time = match path.extension() {
        Some(extension) => rest.strip_suffix(extension.to_str()?)?.strip_suffix('.')?,
        None => rest,
    };
    Some(Some(time.to_owned()))
}

/// Those of `all` that came after a file which the log was until it was rotated away: after the one with its `id`, or,
/// when that is gone, those that were written to since.
pub(super) fn after(all: &[Rotated], file: FileId, modified: SystemTime) -> Vec<Rotated> {
    let own = all.iter().find(|rotated| rotated.id == file);
    let is_later = |other: &&Rotated| {
        let by_name = own.and_then(|own| other.name_is_later(own));
        other.id != file && by_name.unwrap_or(other.modified >= modified)
    };
    all.iter().filter(is_later).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotations_are_told_by_their_names() {
        let path = Path::new("/var/log/audit.log");
        let stamp = |name: &str| stamp(path, OsStr::new("audit.log"), OsStr::new(name));
        assert_eq!(
            stamp("audit-2026-11-22T05-00-00.000.log"),
            Some(Some("2026-11-22T05-00-00.000".to_owned()))
        );
        assert_eq!(
            stamp("audit-2026-11-22T05-00-00.000.log.gz"),
            Some(Some("2026-11-22T05-00-00.000".to_owned()))
        );
        for name in ["audit.log.1", "audit.log-20261122", "audit.log.2.gz"] {
            assert_eq!(stamp(name), Some(None), "{name}");
        }
        for name in [
            "audit.logs",
            "other.log",
            "audit",
            "auditor-1.log",
            "audit-x.txt",
        ] {
            assert_eq!(stamp(name), None, "{name}");
        }
    }
}
