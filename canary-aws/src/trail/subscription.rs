//! Subscriptions of CloudWatch Logs: base64 and gzip around a batch of log lines; and what else comes through a stream.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::forms::read_text;
use super::found::{Found, Poison};
use super::gunzip;
use super::object::Object;

/// A Lambda's input is at most 6 MB, a Kinesis record 1 MB; log lines shrink to a tenth and less. What unpacks to more is
/// made to do harm.
const UNPACKED: usize = 64 * 1024 * 1024;

/// Reads what stands under `awslogs`.
pub(super) fn encoded(awslogs: &Object<'_>, depth: usize, found: &mut Found) {
    let data = awslogs.text("data").unwrap_or_default();
    match STANDARD.decode(data.as_bytes()) {
        Ok(bytes) => unpacked(&bytes, depth, found),
        Err(_) => found.spoil(Poison::NoBase64),
    }
}

/// Reads what a stream carried under `data`: a subscription's batch as it is, or a text.
pub(super) fn carried(carrier: &Object<'_>, depth: usize, found: &mut Found) {
    let data = carrier.text("data").unwrap_or_default();
    match STANDARD.decode(data.as_bytes()) {
        Ok(bytes) if bytes.starts_with(&gunzip::GZIP) => unpacked(&bytes, depth, found),
        Ok(bytes) => read_text(&String::from_utf8_lossy(&bytes), depth, &[], found),
        Err(_) => found.spoil(Poison::NoBase64),
    }
}

/// Reads gzip.
pub(super) fn unpacked(bytes: &[u8], depth: usize, found: &mut Found) {
    match unpack(bytes, UNPACKED) {
        Ok(text) => read_text(&String::from_utf8_lossy(&text), depth, &[], found),
        Err(why) => found.spoil(why),
    }
}

/// Unpacks gzip, if that gives at most `limit` bytes.
fn unpack(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Poison> {
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut text = Vec::new();
    let read = gunzip::Reader::new(bytes)
        .take(one_more)
        .read_to_end(&mut text);
    match read {
        Err(_) => Err(Poison::NoGzip),
        Ok(length) if length > limit => Err(Poison::TooLong),
        Ok(_) => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn no_more_is_unpacked_than_the_limit() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&[b' '; 100_000]).unwrap();
        let packed = encoder.finish().unwrap();
        assert!(packed.len() < 1_000);
        assert_eq!(unpack(&packed, 100_000).unwrap().len(), 100_000);
        assert_eq!(unpack(&packed, 99_999), Err(Poison::TooLong));
        assert_eq!(unpack(&packed[..50], 100_000), Err(Poison::NoGzip));
    }
}
