//! Lines on the disk: appended in groups, synced once for each group, rotated as the API server rotates its own log.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

/// A file is rotated beyond this: read again after a restart it takes a fraction of a second.
const LARGEST: u64 = 64 * 1024 * 1024;
/// So many rotated files are kept: what is not read within half a gigabyte of events is an outage of its own.
const KEPT: usize = 8;
/// So many batches wait for the disk at most; more wait at the sender.
const WAITING: usize = 64;

/// Why nothing can be spooled.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be written")]
pub struct SpoolError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

struct Batch {
    lines: Vec<u8>,
    done: oneshot::Sender<bool>,
}

/// Takes lines. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::agent) struct Spool {
    batches: mpsc::Sender<Batch>,
}

impl Spool {
    /// Into `audit.log` of a folder.
    pub(in crate::agent) fn begin(folder: &Path) -> Result<(Self, PathBuf), SpoolError> {
        let path = folder.join("audit.log");
        let file = opened(&path).map_err(|source| SpoolError {
            path: path.clone(),
            source,
        })?;
        let (batches, waiting) = mpsc::channel(WAITING);
        let place = path.clone();
        // The disk blocks: a thread of its own.
        std::thread::spawn(move || write(waiting, &place, file));
        Ok((Self { batches }, path))
    }

    /// Returns once the lines are on the disk. `false`: they are not, or perhaps not.
    pub(in crate::agent) async fn append(&self, lines: Vec<u8>) -> bool {
        let (done, written) = oneshot::channel();
        let sent = self.batches.send(Batch { lines, done }).await;
        sent.is_ok() && written.await.unwrap_or(false)
    }
}

fn opened(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600).open(path)
}

fn write(mut waiting: mpsc::Receiver<Batch>, path: &Path, file: File) {
    let mut file = Some(file);
    while let Some(first) = waiting.blocking_recv() {
        let mut group = vec![first];
        while let Ok(next) = waiting.try_recv() {
            group.push(next);
        }
        let result = append(&mut file, path, &group);
        if let Err(error) = &result {
            tracing::error!(%error, "audit events cannot be kept: they are left to their sender");
            file = None;
        }
        for batch in group {
            // Whoever waited may be gone.
            let _gone = batch.done.send(result.is_ok());
        }
    }
}

/// After a failure half a line may be in the file: what follows begins on a line of its own.
fn append(file: &mut Option<File>, path: &Path, group: &[Batch]) -> std::io::Result<()> {
    let open = match file.take() {
        Some(open) => open,
        None => {
            let mut open = opened(path)?;
            open.write_all(b"\n")?;
            open
        }
    };
    let mut open = file.insert(open);
    if open.metadata()?.len() >= LARGEST {
        rotate(path)?;
        *file = Some(opened(path)?);
        open = file.as_mut().ok_or(std::io::ErrorKind::NotFound)?;
    }
    for batch in group {
        open.write_all(&batch.lines)?;
    }
    open.sync_data()
}

/// `audit-2026-11-01T00-00-00.000.log`, as the API server's own.
fn rotate(path: &Path) -> std::io::Result<()> {
    let stamp = Timestamp::now().strftime("%Y-%m-%dT%H-%M-%S.%3f");
    fs::rename(path, path.with_file_name(format!("audit-{stamp}.log")))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut rotated: Vec<PathBuf> = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("audit-") && name.ends_with(".log"))
        })
        .collect();
    rotated.sort_unstable();
    for old in rotated.iter().rev().skip(KEPT) {
        tracing::warn!("audit events that were kept longest are let go");
        fs::remove_file(old)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_acknowledged_is_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, path) = Spool::begin(folder.path()).unwrap();
        let all: Vec<_> = (0..50)
            .map(|n| spool.append(format!("{n}\n").into_bytes()))
            .collect();
        assert!(
            futures::future::join_all(all)
                .await
                .into_iter()
                .all(|done| done)
        );
        assert_eq!(fs::read_to_string(path).unwrap().lines().count(), 50);
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_not_acknowledged() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, path) = Spool::begin(folder.path()).unwrap();
        assert!(spool.append(b"1\n".to_vec()).await);
        drop(folder);
        // The file that is open is still there, the next is not.
        let mut file = None;
        let (done, _) = oneshot::channel();
        let batch = Batch {
            lines: b"2\n".to_vec(),
            done,
        };
        assert!(append(&mut file, &path, &[batch]).is_err());
    }
}
