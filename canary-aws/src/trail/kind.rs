//! What a file is, by how it begins and what it is called.

use super::found::Poison;
use super::gunzip::GZIP;

/// Enough to see what a text begins with.
pub(super) const HEAD: usize = 64;

/// How a file is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Plain,
    /// JSON by its name, though it does not begin so.
    Named,
    Gzip,
    /// Neither JSON nor gzip.
    Other,
}

impl Kind {
    /// Of a file with this name and this beginning, of [`HEAD`] bytes or all that it has. Fails for what was a log and cannot
    /// be read as one.
    pub(super) fn of(name: &str, head: &[u8]) -> Result<Self, Poison> {
        let text = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head);
        let text = text.trim_ascii_start();
        if head.starts_with(&GZIP) {
            Ok(Self::Gzip)
        } else if is_utf16(head) {
            Err(Poison::Utf16)
        } else if matches!(text.first(), Some(b'{' | b'[')) {
            Ok(Self::Plain)
        } else if has_extension(name, "json") {
            Ok(Self::Named)
        } else if has_extension(name, "gz") {
            Err(Poison::NoGzip)
        } else if text.is_empty() && !head.is_empty() {
            // What comes behind so much white space is seen when it is read.
            Ok(Self::Plain)
        } else {
            Ok(Self::Other)
        }
    }
}

fn has_extension(name: &str, extension: &str) -> bool {
    let (_, found) = name.rsplit_once('.').unwrap_or_default();
    found.eq_ignore_ascii_case(extension)
}

/// UTF-16 of what is JSON, or with a byte order mark.
fn is_utf16(head: &[u8]) -> bool {
    matches!(
        head,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'{' | b'[', 0, ..] | [0, b'{' | b'[', ..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_a_log_is_not_taken_for_something_else() {
        let of = |name: &str, head: &[u8]| Kind::of(name, head);
        assert_eq!(of("a", b"\x1f\x8b\x08"), Ok(Kind::Gzip));
        assert_eq!(of("a.json.gz", b"{"), Ok(Kind::Plain));
        assert_eq!(of("a", "\u{feff} [".as_bytes()), Ok(Kind::Plain));
        assert_eq!(of("a", &[b' '; HEAD]), Ok(Kind::Plain));
        assert_eq!(of("a.JSON", b"x"), Ok(Kind::Named));
        for head in [&[0; 10][..], b"", b"\x1f", b" "] {
            assert_eq!(of("a.json.gz", head), Err(Poison::NoGzip), "{head:?}");
        }
        for head in [&b"\xff\xfe{\0"[..], b"\xfe\xff\0{", b"{\0", b"\0["] {
            assert_eq!(of("a.log", head), Err(Poison::Utf16), "{head:?}");
        }
        assert_eq!(of("readme.txt", b"what"), Ok(Kind::Other));
        assert_eq!(of("a.zst", b"\x28\xb5\x2f\xfd"), Ok(Kind::Other));
        assert_eq!(of("a", b""), Ok(Kind::Other));
    }
}
