//! Text that comes in parts, packed or not, and is split into its records as it comes.

use super::found::Poison;
use super::gunzip::Parts;
use super::intake::Intake;
use super::kind::{HEAD, Kind};
use super::split::Split;

/// A file of a trail holds some minutes of a region: megabytes, unpacked. What unpacks to more is made to do harm.
const MOST: u64 = 256 * 1024 * 1024;

/// So many packed bytes are unpacked at once. A byte becomes a thousand at most (DEFLATE), so that is 4 MB of text at most.
const SLICE: usize = 4 * 1024;

/// So much text is read before it is looked whether that is enough.
const STEP: usize = 64 * 1024;

/// A text under way.
pub(super) struct Unpack {
    name: String,
    /// Nothing but a log is stored under this name.
    is_log: bool,
    form: Form,
    split: Split,
    /// Unpacked, and up to there read.
    text: Vec<u8>,
    at: usize,
    /// What is wrong behind that text.
    damage: Option<Poison>,
    bytes: u64,
    most: u64,
}

enum Form {
    /// Its beginning, which is too short to tell.
    Unknown(Vec<u8>),
    Plain,
    Gzip(Box<Parts>),
    /// Neither JSON nor gzip: not read on.
    Other,
}

impl Unpack {
    /// Of an object with this key.
    pub(super) fn new(key: &str) -> Self {
        Self {
            name: key.to_owned(),
            // What ends so is made by consoles to show a folder.
            is_log: key.contains("/CloudTrail/") && !key.ends_with('/'),
            form: Form::Unknown(Vec::new()),
            split: Split::default(),
            text: Vec::new(),
            at: 0,
            damage: None,
            bytes: 0,
            most: MOST,
        }
    }

    /// Whether it is of no form that is read here, so that the rest of it need not come.
    pub(super) fn is_other(&self) -> bool {
        matches!(self.form, Form::Other)
    }

    /// Whether some of what was taken is not read yet.
    pub(super) fn has_text(&self) -> bool {
        self.at < self.text.len() || self.damage.is_some()
    }

    /// Takes a part, until as much was read as is handed out at once; gives how many bytes of the part were taken.
    pub(super) fn take(&mut self, part: &[u8], intake: &mut Intake) -> Result<usize, Poison> {
        let mut taken = 0;
        let mut slices = part.chunks(SLICE);
        loop {
            self.read(intake)?;
            if self.is_other() {
                return Ok(part.len());
            }
            if intake.is_full() {
                return Ok(taken);
            }
            let Some(slice) = slices.next() else {
                return Ok(taken);
            };
            self.slice(slice, intake)?;
            taken += slice.len();
        }
    }

    fn slice(&mut self, slice: &[u8], intake: &mut Intake) -> Result<(), Poison> {
        let before = self.text.len();
        match &mut self.form {
            Form::Unknown(head) => {
                head.extend_from_slice(slice);
                return if head.len() < HEAD {
                    Ok(())
                } else {
                    self.begin(intake)
                };
            }
            Form::Plain => self.text.extend_from_slice(slice),
            Form::Gzip(parts) => {
                if parts.unpack(slice, &mut self.text).is_err() {
                    self.damage = Some(Poison::NoGzip);
                }
            }
            Form::Other => {}
        }
        self.bytes += (self.text.len() - before) as u64;
        if self.bytes > self.most {
            self.text.truncate(before);
            self.damage = Some(Poison::TooLong);
        }
        Ok(())
    }

    /// Tells what it is by its beginning.
    fn begin(&mut self, intake: &mut Intake) -> Result<(), Poison> {
        let Form::Unknown(head) = &mut self.form else {
            return Ok(());
        };
        let head = std::mem::take(head);
        intake.begin_file(&self.name);
        self.form = match Kind::of(&self.name, &head)? {
            Kind::Gzip => Form::Gzip(Box::new(Parts::new())),
            Kind::Named | Kind::Other if self.is_log => return Err(Poison::NoJson),
            Kind::Plain | Kind::Named => Form::Plain,
            Kind::Other => Form::Other,
        };
        self.slice(&head, intake)
    }

    /// Reads on, until there is enough; what is damaged is told once what stands before the damage was read.
    fn read(&mut self, intake: &mut Intake) -> Result<(), Poison> {
        while self.at < self.text.len() {
            if intake.is_full() {
                return Ok(());
            }
            self.step(intake);
        }
        self.text.clear();
        self.at = 0;
        self.damage.take().map_or(Ok(()), Err)
    }

    fn step(&mut self, intake: &mut Intake) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut text = rest.get(..STEP).unwrap_or(rest);
        self.at += text.len();
        intake.counts.bytes += text.len() as u64;
        while self.split.fill(&mut text).unwrap_or(0) > 0 {
            self.split.release(&mut |piece| intake.piece(piece));
        }
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self, intake: &mut Intake) -> Result<(), Poison> {
        if matches!(self.form, Form::Unknown(_)) {
            self.begin(intake)?;
        }
        if let Form::Gzip(parts) = &mut self.form
            && parts.finish(&mut self.text).is_err()
        {
            self.damage = Some(Poison::NoGzip);
        }
        while self.at < self.text.len() {
            self.step(intake);
        }
        if let Some(damage) = self.damage.take() {
            return Err(damage);
        }
        self.split.finish(&mut |piece| intake.piece(piece));
        match self.is_other() {
            true => intake.counts.others += 1,
            false => intake.end_file(),
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
    use std::io::Write as _;

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
        let mut unpack = Unpack::new("a");
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
        assert_eq!((ended, intake.counts.others), (Ok(()), 1));
    }

    #[test]
    fn a_small_file_that_unpacks_to_much_is_read_in_small_parts_up_to_the_limit() {
        let bytes = packed(&[b"[".to_vec(), vec![b' '; 40_000_000]].concat());
        assert!(bytes.len() < 50_000);
        let mut intake = Intake::new(&Interest::Everything);
        let mut unpack = Unpack {
            most: 20_000_000,
            ..Unpack::new("a")
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
