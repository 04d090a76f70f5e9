//! Bytes → lines, in bounded memory.

use std::io::{self, ErrorKind, Read};

use memchr::{memchr, memrchr};

/// So many bytes are read at once: from 64 KiB to 1 MiB the page cache gives them at the same speed.
pub(super) const CHUNK: usize = 512 * 1024;

/// So much of a line is kept. A request is at most 3 MiB, and a record holds it escaped, with its answer beside it;
/// what is longer is an attack or a log of another kind.
pub(super) const MAX_LINE: usize = 16 * 1024 * 1024;

/// What came out of the bytes.
pub(super) enum Piece<'b> {
    /// Whole lines, each with its line feed.
    Lines(&'b [u8]),
    /// The beginning of one line that was longer than [`MAX_LINE`].
    Long(&'b [u8]),
}

/// Bytes of a source that are not yet a whole line.
#[derive(Debug, Default)]
pub(super) struct Frame {
    buffer: Vec<u8>,
    filled: usize,
    /// Bytes of the line at hand that were not kept.
    dropped: u64,
    /// Where in the source the line at hand begins.
    start: u64,
}

impl Frame {
    /// A frame for a source that is read from `start` on.
    pub(super) fn at(start: u64) -> Self {
        Self {
            start,
            ..Self::default()
        }
    }

    /// Where in the source the line at hand begins: everything before it was handed out.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// Where in the source the next byte comes from.
    pub(super) fn end(&self) -> u64 {
        self.start + self.filled as u64 + self.dropped
    }

    /// Reads once from `source` and keeps what came. Gives the number of bytes, 0 at the source's end.
    pub(super) fn fill(&mut self, source: &mut dyn Read) -> io::Result<usize> {
        if self.filled == self.buffer.len() {
            let longer = (self.filled * 2).clamp(CHUNK, MAX_LINE + CHUNK);
            self.buffer.resize(longer, 0);
        }
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let count = loop {
            match source.read(room) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.filled += count;
        Ok(count)
    }

    /// Forgets the last `count` bytes that came.
    pub(super) fn forget(&mut self, count: usize) {
        self.filled = self.filled.saturating_sub(count);
    }

    /// Hands out what the last `count` bytes made complete.
    pub(super) fn release(&mut self, count: usize, mut take: impl FnMut(Piece<'_>)) {
        let old = self.filled.saturating_sub(count);
        let new = self.buffer.get(old..self.filled).unwrap_or_default();
        match (memchr(b'\n', new), memrchr(b'\n', new)) {
            (Some(first), Some(last)) => self.hand_out(old + first, old + last + 1, &mut take),
            _ => self.wait(),
        }
    }

    /// Hands out everything up to `end`; `first` is the first line feed.
    fn hand_out(&mut self, first: usize, end: usize, take: &mut impl FnMut(Piece<'_>)) {
        let mut from = 0;
        if self.dropped > 0 {
            take(Piece::Long(self.buffer.get(..MAX_LINE).unwrap_or_default()));
            from = first + 1;
        }
        let lines = self.buffer.get(from..end).unwrap_or_default();
        if !lines.is_empty() {
            take(Piece::Lines(lines));
        }
        self.start += end as u64 + self.dropped;
        self.dropped = 0;
        self.buffer.copy_within(end..self.filled, 0);
        self.filled -= end;
        if self.buffer.len() > CHUNK && self.filled <= CHUNK {
            self.buffer.truncate(CHUNK);
            self.buffer.shrink_to_fit();
        }
        self.skip_holes();
    }

    /// No line ended: keeps what may be kept of it.
    fn wait(&mut self) {
        self.skip_holes();
        if self.filled > MAX_LINE {
            self.dropped += (self.filled - MAX_LINE) as u64;
            self.filled = MAX_LINE;
        }
    }

    /// Passes over zeroes at a line's beginning: a file truncated under a writer that keeps its place begins with a hole
    /// of any length.
    fn skip_holes(&mut self) {
        let kept = self.buffer.get(..self.filled).unwrap_or_default();
        if self.dropped > 0 || kept.first() != Some(&0) {
            return;
        }
        let zeroes = kept.iter().take_while(|&&byte| byte == 0).count();
        self.buffer.copy_within(zeroes..self.filled, 0);
        self.filled -= zeroes;
        self.start += zeroes as u64;
    }

    /// Hands out the line that has no end, when nothing more will come.
    pub(super) fn finish(&mut self, mut take: impl FnMut(&[u8], bool)) {
        if self.filled > 0 {
            let line = self.buffer.get(..self.filled).unwrap_or_default();
            take(line, self.dropped > 0);
        }
        *self = Self::at(self.end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: &[u8], step: usize) -> (Vec<Vec<u8>>, Vec<usize>, u64) {
        let mut frame = Frame::default();
        let (mut lines, mut long) = (Vec::new(), Vec::new());
        for mut chunk in bytes.chunks(step) {
            while !chunk.is_empty() {
                let mut take = |piece: Piece<'_>| match piece {
                    Piece::Lines(text) => {
                        lines.extend(
                            text.split_inclusive(|&byte| byte == b'\n')
                                .map(<[u8]>::to_vec),
                        );
                    }
                    Piece::Long(line) => long.push(line.len()),
                };
                let count = frame.fill(&mut chunk).unwrap();
                frame.release(count, &mut take);
            }
        }
        assert_eq!(frame.end(), bytes.len() as u64);
        (lines, long, frame.start())
    }

    #[test]
    fn lines_come_out_whole_however_they_come_in() {
        let text = b"a\nbb\r\n\nccc\nrest";
        for step in 1..=text.len() {
            let (lines, long, start) = frame(text, step);
            assert_eq!(lines, [&b"a\n"[..], b"bb\r\n", b"\n", b"ccc\n"], "{step}");
            assert!(long.is_empty());
            assert_eq!(start, 11);
        }
    }

    #[test]
    fn a_line_of_any_length_takes_bounded_memory_and_hides_no_other() {
        let mut text = b"a\n".to_vec();
        text.extend(std::iter::repeat_n(b'x', 3 * MAX_LINE));
        text.extend(b"\nb\nc\n");
        let (lines, long, start) = frame(&text, 300_000);
        assert_eq!(lines, [b"a\n", b"b\n", b"c\n"]);
        assert_eq!(long, [MAX_LINE]);
        assert_eq!(start, text.len() as u64);
    }

    #[test]
    fn a_hole_before_a_line_is_passed_over() {
        let mut text = vec![0; 2 * MAX_LINE];
        text.extend(b"a\n");
        let (lines, long, _) = frame(&text, 1_000_000);
        assert_eq!((lines.len(), long.len()), (1, 0));
        // What of the hole came with the line's own bytes is left to whoever reads the line.
        assert!(lines[0].ends_with(b"\0a\n") && lines[0].len() <= CHUNK);
    }
}
