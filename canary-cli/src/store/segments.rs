//! Segments of the log of pods as files of a folder.

use std::fs;
use std::io::{Error, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use canary_core::bait::{SegmentName, Segments, SegmentsError};

use super::whole::sync_folder;

/// So often a folder is listed again of which a file was removed meanwhile: segments are drawn together seldom.
const LISTINGS: usize = 5;

/// A folder with a file for each segment, called as the segment is.
#[derive(Clone, Debug)]
pub struct FileSegments {
    folder: PathBuf,
}

impl FileSegments {
    /// In this folder. What else is in it is passed by.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    fn failed(&self, error: Error) -> SegmentsError {
        let place = self.place();
        let source = Box::new(error);
        if source.kind() == ErrorKind::PermissionDenied {
            return SegmentsError::Denied { place, source };
        }
        SegmentsError::Unreachable { place, source }
    }

    fn read(&self) -> Result<Vec<(SegmentName, Vec<u8>)>, Error> {
        let mut listings = 1;
        loop {
            match self.listing() {
                // What it held is in another by now.
                Err(error) if error.kind() == ErrorKind::NotFound && listings < LISTINGS => {
                    listings += 1;
                }
                read => return read,
            }
        }
    }

    fn listing(&self) -> Result<Vec<(SegmentName, Vec<u8>)>, Error> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if let Some(name) = name.to_str().and_then(|name| name.parse().ok()) {
                segments.push((name, fs::read(entry.path())?));
            }
        }
        Ok(segments)
    }

    fn put(&self, name: SegmentName, bytes: &[u8]) -> Result<bool, Error> {
        fs::create_dir_all(&self.folder)?;
        // Owner only, and under its name only once it is whole.
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_data()?;
        match file.persist_noclobber(self.folder.join(name.to_string())) {
            Ok(_) => sync_folder(&self.folder).map(|()| true),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error.error),
        }
    }

    fn drop_one(&self, name: SegmentName) -> Result<(), Error> {
        match fs::remove_file(self.folder.join(name.to_string())) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            done => done.and_then(|()| sync_folder(&self.folder)),
        }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, SegmentsError> {
        let segments = self.clone();
        match tokio::task::spawn_blocking(move || work(&segments)).await {
            Ok(done) => done.map_err(|error| self.failed(error)),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

#[async_trait]
impl Segments for FileSegments {
    fn place(&self) -> String {
        self.folder.display().to_string()
    }

    async fn load(&self) -> Result<Vec<(SegmentName, Vec<u8>)>, SegmentsError> {
        self.blocking(Self::read).await
    }

    async fn create(&self, name: SegmentName, bytes: &[u8]) -> Result<(), SegmentsError> {
        let bytes = bytes.to_vec();
        let is_made = self.blocking(move |here| here.put(name, &bytes)).await?;
        is_made.then_some(()).ok_or(SegmentsError::Exists(name))
    }

    async fn remove(&self, name: SegmentName) -> Result<(), SegmentsError> {
        self.blocking(move |here| here.drop_one(name)).await
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const ONE: SegmentName = SegmentName::Commit(1);

    #[tokio::test]
    async fn what_was_made_is_there_owner_only_and_is_not_made_twice() {
        let folder = tempfile::tempdir().unwrap();
        let segments = FileSegments::new(&folder.path().join("pods"));
        segments.create(ONE, b"one").await.unwrap();
        let again = segments.create(ONE, b"other").await;
        assert!(matches!(again, Err(SegmentsError::Exists(ONE))));
        assert_eq!(segments.load().await.unwrap(), [(ONE, b"one".to_vec())]);
        let path = folder.path().join("pods").join(ONE.to_string());
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path().join("pods")).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn what_is_no_segment_is_passed_by_and_what_is_gone_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let segments = FileSegments::new(folder.path());
        fs::write(folder.path().join("notes.txt"), "x").unwrap();
        segments.create(ONE, b"one").await.unwrap();
        segments.remove(ONE).await.unwrap();
        segments.remove(ONE).await.unwrap();
        assert_eq!(segments.load().await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_holds_no_log() {
        let segments = FileSegments::new(Path::new("/nonexistent/pods"));
        let loaded = segments.load().await;
        assert!(matches!(loaded, Err(SegmentsError::Unreachable { .. })));
    }
}
