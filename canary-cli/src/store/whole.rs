//! Files that are put in place whole: written beside it, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Owner only.
pub(super) const MODE: u32 = 0o600;

/// Puts a file in place whole, owner only.
pub(crate) fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    put_with(path, bytes, MODE)
}

/// Puts a file in place whole, with the mode that it has.
pub(crate) fn put_public(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    put_with(path, bytes, mode)
}

fn put_with(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    // What a link leads to is meant; a device or a pipe would be replaced by a file.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        return Err(std::io::Error::other("this is no file"));
    }
    remove_unfinished(path);
    let unfinished = unfinished(path);
    let written = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(mode)
        .open(&unfinished)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_data()
        })
        .and_then(|()| fs::rename(&unfinished, path));
    if let Err(error) = written {
        drop(fs::remove_file(&unfinished));
        return Err(error);
    }
    match path.parent() {
        Some(folder) => sync_folder(folder),
        None => Ok(()),
    }
}

/// What the names of files end with that are being written.
const UNFINISHED: &str = ".unfinished";

/// A name beside the file that nobody else writes to: two programs may put the same file in place.
fn unfinished(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (pid, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let mut name = path.to_owned().into_os_string();
    name.push(format!(".{pid}-{count}{UNFINISHED}"));
    name.into()
}

/// Removes what cut-off runs left of a file. What is younger than an hour may still be being written.
fn remove_unfinished(path: &Path) {
    const OLD: Duration = Duration::from_secs(3600);
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return;
    };
    let begins = format!("{}.", name.to_string_lossy());
    for entry in fs::read_dir(here(folder)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_ours = name.starts_with(&begins) && name.ends_with(UNFINISHED);
        let age = entry.metadata().and_then(|meta| meta.modified());
        if is_ours && age.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > OLD)) {
            drop(fs::remove_file(entry.path()));
        }
    }
}

pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(here(folder))?.sync_data()
}

/// The folder of a path that is no more than a name.
fn here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_of_the_same_file_do_not_hinder_each_other_and_leave_one_of_their_wholes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        std::thread::scope(|scope| {
            for byte in [b'a', b'b', b'c'] {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..50 {
                        put(path, &[byte; 10_000]).unwrap();
                    }
                });
            }
        });
        let kept = fs::read(&path).unwrap();
        assert!(kept.len() == 10_000 && kept.iter().all(|byte| *byte == kept[0]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
