//! A log that comes through a pipe.

use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

use flate2::read::MultiGzDecoder;

use super::files::{Step, is_damage};
use super::frame::{CHUNK, Frame};
use super::intake::Intake;
use super::source::GZIP;

/// Chunks that are read ahead: enough to go on reading while one is looked through.
const AHEAD: usize = 4;

type Chunk = io::Result<Vec<u8>>;

/// A pipe, read by a thread of its own: a read of it may wait for ever, and must hold up nothing, not even the end of
/// the program.
pub(super) struct Stream {
    path: PathBuf,
    chunks: Option<Receiver<Chunk>>,
    frame: Frame,
}

impl Stream {
    /// The pipe at `path`; `-` is the standard input.
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            chunks: None,
            frame: Frame::default(),
        }
    }

    /// Takes one chunk, if one is there.
    pub(super) fn step(&mut self, intake: &mut Intake) -> io::Result<Step> {
        let chunks = match self.chunks.take() {
            Some(chunks) => chunks,
            None => start(self.path.clone())?,
        };
        let chunk = chunks.try_recv();
        self.chunks = Some(chunks);
        match chunk {
            // As of a file: packed text that is damaged ends where the damage is.
            Ok(Err(error)) if is_damage(&error) => {
                intake.lose_rest();
                Ok(Step::More)
            }
            Ok(chunk) => {
                let chunk = chunk?;
                let mut rest = chunk.as_slice();
                intake.counts.bytes += rest.len() as u64;
                let mut first = self.frame.start() == 0;
                while !rest.is_empty() {
                    let count = self.frame.fill(&mut rest)?;
                    self.frame.release(count, |piece| {
                        intake.piece(&piece, first);
                        first = false;
                    });
                }
                Ok(Step::More)
            }
            Err(TryRecvError::Empty) => Ok(Step::Idle),
            Err(TryRecvError::Disconnected) => {
                self.frame
                    .finish(|line, oversize| intake.line(line, oversize));
                intake.end();
                Ok(Step::End)
            }
        }
    }
}

fn start(path: PathBuf) -> io::Result<Receiver<Chunk>> {
    let (send, receive) = sync_channel(AHEAD);
    std::thread::Builder::new()
        .name("audit-log".to_owned())
        .spawn(move || {
            if let Err(error) = pump(&path, &send) {
                // Nobody listens any more, or it is told.
                let _told: Result<(), _> = send.send(Err(error));
            }
        })?;
    Ok(receive)
}

fn pump(path: &Path, chunks: &SyncSender<Chunk>) -> io::Result<()> {
    let raw: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(std::fs::File::open(path)?)
    };
    let mut raw = BufReader::with_capacity(CHUNK, raw);
    let mut text: Box<dyn Read> = if raw.fill_buf()?.starts_with(&GZIP) {
        Box::new(MultiGzDecoder::new(raw))
    } else {
        Box::new(raw)
    };
    loop {
        let mut chunk = vec![0; CHUNK];
        let count = text.read(&mut chunk)?;
        chunk.truncate(count);
        if count == 0 || chunks.send(Ok(chunk)).is_err() {
            return Ok(());
        }
    }
}
