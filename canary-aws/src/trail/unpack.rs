//! Text that comes in parts, packed or not, and is split into its records as it comes.

use std::io::Write as _;

use flate2::write::MultiGzDecoder;

use super::found::Poison;
use super::intake::Intake;
use super::split::Split;
use super::subscription::GZIP;

/// A file of a trail holds some minutes of a region: megabytes, unpacked. What unpacks to more is made to do harm.
const MOST: u64 = 256 * 1024 * 1024;

/// So many packed bytes are unpacked at once. A byte becomes a thousand at most (DEFLATE), so that is 4 MB of text at most.
const SLICE: usize = 4 * 1024;

/// Enough to see behind a byte order mark and some white space what a text begins with.
const HEAD: usize = 64;

/// A text under way.
pub(super) struct Unpack {
    form: Form,
    split: Split,
    bytes: u64,
    most: u64,
}

enum Form {
    /// Its beginning, which is too short to tell.
    Unknown(Vec<u8>),
    Plain,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// Neither JSON nor gzip: not read on.
    Other,
}

impl Unpack {
    pub(super) fn new() -> Self {
        Self {
            form: Form::Unknown(Vec::new()),
            split: Split::default(),
            bytes: 0,
            most: MOST,
        }
    }

    /// Whether it is of no form that is read here, so that the rest of it need not come.
    pub(super) fn is_other(&self) -> bool {
        matches!(self.form, Form::Other)
    }

    /// Takes a part, until as much was read as is handed out at once; gives how many bytes of the part were taken.
    pub(super) fn take(&mut self, part: &[u8], intake: &mut Intake) -> Result<usize, Poison> {
        let mut taken = 0;
        for slice in part.chunks(SLICE) {
            if intake.is_full() || self.is_other() {
                break;
            }
            self.slice(slice, intake)?;
            taken += slice.len();
        }
        Ok(if self.is_other() { part.len() } else { taken })
    }

    fn slice(&mut self, slice: &[u8], intake: &mut Intake) -> Result<(), Poison> {
        match &mut self.form {
            Form::Unknown(head) => {
                head.extend_from_slice(slice);
                if head.len() < HEAD {
                    return Ok(());
                }
                self.begin(intake)
            }
            Form::Plain => self.text(slice, intake),
            Form::Gzip(decoder) => {
                let written = decoder.write_all(slice);
                let text = std::mem::take(decoder.get_mut());
                // What came before the damage is read.
                self.text(&text, intake)?;
                written.map_err(|_| Poison::NoGzip)
            }
            Form::Other => Ok(()),
        }
    }

    /// Tells what it is by its beginning.
    fn begin(&mut self, intake: &mut Intake) -> Result<(), Poison> {
        let Form::Unknown(head) = &mut self.form else {
            return Ok(());
        };
        let head = std::mem::take(head);
        let text = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&head);
        self.form = if head.starts_with(&GZIP) {
            Form::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))
        } else if matches!(text.trim_ascii_start().first(), Some(b'{' | b'[')) {
            Form::Plain
        } else {
            Form::Other
        };
        self.slice(&head, intake)
    }

    fn text(&mut self, mut text: &[u8], intake: &mut Intake) -> Result<(), Poison> {
        self.bytes += text.len() as u64;
        intake.counts.bytes += text.len() as u64;
        if self.bytes > self.most {
            return Err(Poison::TooLong);
        }
        while self.split.fill(&mut text).unwrap_or(0) > 0 {
            self.split.release(&mut |piece| intake.piece(piece));
        }
        Ok(())
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self, intake: &mut Intake) -> Result<(), Poison> {
        if matches!(self.form, Form::Unknown(_)) {
            self.begin(intake)?;
        }
        let mut ended = Ok(());
        if let Form::Gzip(decoder) = &mut self.form {
            ended = decoder.try_finish().map_err(|_| Poison::NoGzip);
            let text = std::mem::take(decoder.get_mut());
            self.text(&text, intake)?;
        }
        ended?;
        self.split.finish(&mut |piece| intake.piece(piece));
        match self.is_other() {
            true => intake.counts.skipped += 1,
            false => intake.counts.files += 1,
        }
        Ok(())
    }

    /// It is damaged: what stands before the damage is read.
    pub(super) fn give_up(&mut self, intake: &mut Intake) {
        self.split.finish(&mut |piece| intake.piece(piece));
    }
}

#[cfg(test)]
mod tests {
    use canary_core::detect::Interest;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn record(number: usize) -> String {
        format!(r#"{{"eventID":"{number}","eventTime":"2026-01-02T03:04:05Z"}}"#)
    }

    fn file(records: usize) -> String {
        let records: Vec<String> = (0..records).map(record).collect();
        format!(r#"{{"Records":[{}]}}"#, records.join(","))
    }

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8], step: usize) -> (Result<(), Poison>, Intake) {
        let mut intake = Intake::new(&Interest::Everything);
        let mut unpack = Unpack::new();
        for part in bytes.chunks(step) {
            if let Err(why) = unpack.take(part, &mut intake) {
                return (Err(why), intake);
            }
        }
        let ended = unpack.finish(&mut intake);
        (ended, intake)
    }

    #[test]
    fn packed_or_not_and_in_whatever_parts_the_same_records_come() {
        let text = file(40);
        for bytes in [text.as_bytes().to_vec(), packed(text.as_bytes())] {
            for step in [1, 7, 63, 64, 65, 100_000] {
                let (ended, intake) = read(&bytes, step);
                assert_eq!((ended, intake.events.len()), (Ok(()), 40), "{step}");
            }
        }
        let (ended, intake) = read(record(1).as_bytes(), 10);
        assert_eq!((ended, intake.events.len()), (Ok(()), 1));
    }

    #[test]
    fn what_is_cut_or_damaged_is_read_up_to_there() {
        let bytes = packed(file(400).as_bytes());
        let (ended, _) = read(&bytes[..bytes.len() - 20], 100);
        assert_eq!(ended, Err(Poison::NoGzip));
        let other = "some text of another program, long enough to be seen as that, and no record";
        let (ended, intake) = read(other.as_bytes(), 100);
        assert_eq!((ended, intake.counts.skipped), (Ok(()), 1));
    }

    #[test]
    fn a_small_file_that_unpacks_to_much_is_read_in_small_parts_up_to_the_limit() {
        let bytes = packed(&[b"[".to_vec(), vec![b' '; 40_000_000]].concat());
        assert!(bytes.len() < 50_000);
        let mut intake = Intake::new(&Interest::Everything);
        let mut unpack = Unpack {
            most: 20_000_000,
            ..Unpack::new()
        };
        let mut at = 0;
        let mut batches = 0;
        let ended = loop {
            match unpack.take(&bytes[at..], &mut intake) {
                Ok(taken) => at += taken,
                Err(why) => break why,
            }
            // Not a slice more is unpacked once there is enough.
            let batch = intake.batch(String::new).unwrap();
            assert!(batch.bytes <= 13_000_000, "{}", batch.bytes);
            batches += 1;
        };
        assert_eq!((ended, batches), (Poison::TooLong, 2));
    }
}
