//! Gzip: one member behind the other. Zeros at the end are padding, as for GNU's.

use std::io::{self, BufRead, Read, Write as _};

use flate2::bufread;
use flate2::write;

/// How gzip begins (RFC 1952).
pub(super) const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Unpacks what is read.
pub(super) struct Reader<R> {
    /// `None` behind the last one.
    member: Option<bufread::GzDecoder<R>>,
}

impl<R: BufRead> Reader<R> {
    pub(super) fn new(packed: R) -> Self {
        Self {
            member: Some(bufread::GzDecoder::new(packed)),
        }
    }
}

impl<R: BufRead> Read for Reader<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(room)?;
            if count > 0 || room.is_empty() {
                return Ok(count);
            }
            let Some(mut rest) = self.member.take().map(bufread::GzDecoder::into_inner) else {
                break;
            };
            if !skip_padding(&mut rest)? {
                self.member = Some(bufread::GzDecoder::new(rest));
            }
        }
        Ok(0)
    }
}

/// Whether nothing comes but padding.
fn skip_padding(rest: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let text = rest.fill_buf()?;
        if text.is_empty() {
            return Ok(true);
        }
        let zeros = zeros(text);
        let is_all = zeros == text.len();
        rest.consume(zeros);
        if !is_all {
            return Ok(false);
        }
    }
}

fn zeros(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| **byte == 0).count()
}

/// Unpacks what comes in parts.
pub(super) struct Parts {
    /// `None` between two, and behind the last one.
    member: Option<write::GzDecoder<Vec<u8>>>,
}

impl Parts {
    pub(super) fn new() -> Self {
        Self {
            member: Some(write::GzDecoder::new(Vec::new())),
        }
    }

    /// Unpacks a part behind `text`; up to the damage, where there is one.
    pub(super) fn unpack(&mut self, mut part: &[u8], text: &mut Vec<u8>) -> io::Result<()> {
        loop {
            if self.member.is_none() {
                part = part.get(zeros(part)..).unwrap_or_default();
            }
            if part.is_empty() {
                return Ok(());
            }
            let member = self
                .member
                .get_or_insert_with(|| write::GzDecoder::new(Vec::new()));
            let written = member.write(part);
            text.append(member.get_mut());
            let count = written?;
            part = part.get(count..).unwrap_or_default();
            if count == 0 {
                self.finish(text)?;
            }
        }
    }

    /// The member at hand is over.
    pub(super) fn finish(&mut self, text: &mut Vec<u8>) -> io::Result<()> {
        let Some(mut member) = self.member.take() else {
            return Ok(());
        };
        let finished = member.try_finish();
        text.append(member.get_mut());
        finished
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;

    use super::*;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = write::GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// What is unpacked by either way, the same by both.
    fn unpacked(bytes: &[u8]) -> Option<String> {
        let mut read = String::new();
        // Short buffers: every place is once at the border of two.
        let buffer = io::BufReader::with_capacity(3, bytes);
        let read = Reader::new(buffer).read_to_string(&mut read).map(|_| read);
        for step in [1, 7, 1_000] {
            let (mut parts, mut text) = (Parts::new(), Vec::new());
            let mut all = bytes.chunks(step);
            let written = all.try_for_each(|part| parts.unpack(part, &mut text));
            let written = written.and_then(|()| parts.finish(&mut text));
            let written = written.ok().map(|()| String::from_utf8(text).unwrap());
            assert_eq!(written.as_ref(), read.as_ref().ok(), "{step}");
        }
        read.ok()
    }

    #[test]
    fn members_are_read_one_behind_the_other_and_padding_is_not_told_as_damage() {
        let (one, two) = (packed(b"one "), packed(b"two"));
        let of = |parts: &[&[u8]]| unpacked(&parts.concat());
        assert_eq!(of(&[&one, &two]).as_deref(), Some("one two"));
        assert_eq!(of(&[&one, &[0; 700]]).as_deref(), Some("one "));
        assert_eq!(of(&[&one, &[0; 5], &two]).as_deref(), Some("one two"));
        assert_eq!(of(&[&one, b"x"]), None);
        assert_eq!(of(&[&one, &[0; 5], b"x"]), None);
        assert_eq!(of(&[&one, &two[..two.len() - 1]]), None);
    }
}
