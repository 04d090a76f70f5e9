//! One file of a log: opened, identified, read.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::frame::{Frame, Piece};
use super::position::{HEAD, HeadHash, Place, TELLING};

/// Which file it is to the file system.
pub(super) type FileId = (u64, u64);

pub(super) fn id(metadata: &Metadata) -> FileId {
    (metadata.dev(), metadata.ino())
}

/// A file of a log, plain or gzip, with the place where it is read.
pub(super) struct Source {
    file: File,
    id: FileId,
    /// The text, where that is not the file itself.
    unpacked: Option<Box<MultiGzDecoder<File>>>,
    /// What the text begins with, as far as it is known.
    head: Vec<u8>,
    frame: Frame,
}

/// What a look at a file came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Look {
    /// It is the file that was read.
    Same,
    /// It is, and only now it can be told from others.
    Learnt,
    /// It is another text.
    Truncated,
}

impl Source {
    /// Opens a file to read it from its beginning.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let id = id(&file.metadata()?);
        let mut source = Self {
            unpacked: None,
            head: Vec::new(),
            frame: Frame::default(),
            file,
            id,
        };
        let mut magic = [0; 2];
        if source.file.read_at(&mut magic, 0)? == magic.len() && magic == GZIP {
            source.head = head_of(MultiGzDecoder::new(source.file.try_clone()?));
            source.rewind()?;
        } else {
            source.learn_head()?;
        }
        Ok(source)
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        let file = self.file.try_clone()?;
        self.unpacked = Some(Box::new(MultiGzDecoder::new(file)));
        Ok(())
    }

    /// Goes on from `offset` of the text.
    pub(super) fn seek(&mut self, offset: u64) -> io::Result<()> {
        self.frame = Frame::at(offset);
        if self.unpacked.is_none() {
            self.file.seek(SeekFrom::Start(offset))?;
            return Ok(());
        }
        self.rewind()?;
        if let Some(text) = &mut self.unpacked {
            io::copy(&mut text.by_ref().take(offset), &mut io::sink())?;
        }
        Ok(())
    }

    /// Reads once, and gives the number of bytes; 0 at the end, for now. They are kept until they are released.
    pub(super) fn fill(&mut self) -> io::Result<usize> {
        match &mut self.unpacked {
            Some(text) => self.frame.fill(text),
            None => self.frame.fill(&mut self.file),
        }
    }

    /// Hands out what the last `count` bytes made complete.
    pub(super) fn release(&mut self, count: usize, take: impl FnMut(Piece<'_>)) {
        self.frame.release(count, take);
    }

    /// Forgets the last `count` bytes: they were another text's.
    pub(super) fn forget(&mut self, count: usize) {
        self.frame.forget(count);
    }

    /// Hands out the line without an end.
    pub(super) fn finish(&mut self, take: impl FnMut(&[u8], bool)) {
        self.frame.finish(take);
    }

    pub(super) fn id(&self) -> FileId {
        self.id
    }

    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Where the line at hand begins.
    pub(super) fn offset(&self) -> u64 {
        self.frame.start()
    }

    /// Whether its text is at least so long, as far as that is known without unpacking it.
    pub(super) fn may_reach(&self, offset: u64) -> bool {
        let length = || self.file.metadata().map(|file| file.len());
        self.unpacked.is_some() || length().is_ok_and(|length| length >= offset)
    }

    pub(super) fn place(&self) -> Place {
        let (device, inode) = self.id;
        Place {
            device,
            inode,
            offset: self.offset(),
            head: HeadHash::of(&self.head),
        }
    }

    /// When it was last written; the beginning of time when that is not known.
    pub(super) fn modified(&self) -> std::time::SystemTime {
        let modified = self.file.metadata().and_then(|file| file.modified());
        modified.unwrap_or(std::time::SystemTime::UNIX_EPOCH)
    }

    /// Looks whether it is still the file that was read: it is not when it is shorter, or begins otherwise.
    pub(super) fn look(&mut self) -> io::Result<Look> {
        if self.unpacked.is_some() {
            return Ok(Look::Same);
        }
        if self.file.metadata()?.len() < self.frame.end() {
            return Ok(Look::Truncated);
        }
        let mut head = [0; HEAD];
        let length = self.file.read_at(&mut head, 0)?;
        let head = head.get(..length).unwrap_or_default();
        if !head.starts_with(&self.head) {
            return Ok(Look::Truncated);
        }
        let learnt = self.head.len() < TELLING && length >= TELLING;
        if length > self.head.len() {
            self.head = head.to_vec();
        }
        Ok(if learnt { Look::Learnt } else { Look::Same })
    }

    /// Begins again, at the beginning of what the file is now.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.seek(0)?;
        self.head.clear();
        self.learn_head()
    }

    fn learn_head(&mut self) -> io::Result<()> {
        let mut head = [0; HEAD];
        let length = self.file.read_at(&mut head, 0)?;
        self.head = head.get(..length).unwrap_or_default().to_vec();
        Ok(())
    }
}

/// How gzip begins (RFC 1952).
pub(super) const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What a text begins with; of a damaged one as much as there is.
fn head_of(text: impl Read) -> Vec<u8> {
    let mut head = Vec::new();
    // A damaged file is told when it is read.
    let _damage: io::Result<usize> = text.take(HEAD as u64).read_to_end(&mut head);
    head
}
