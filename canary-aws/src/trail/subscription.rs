//! Subscriptions of CloudWatch Logs: base64 and gzip around a batch of log lines.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;

use super::forms::{Found, Poison, read_text};
use super::object::Object;

/// How gzip begins (RFC 1952).
pub(super) const GZIP: [u8; 2] = [0x1f, 0x8b];

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

/// Reads gzip.
pub(super) fn unpacked(bytes: &[u8], depth: usize, found: &mut Found) {
    let mut text = Vec::new();
    let limit = u64::try_from(UNPACKED)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let read = MultiGzDecoder::new(bytes)
        .take(limit)
        .read_to_end(&mut text);
    match read {
        Err(_) => found.spoil(Poison::NoGzip),
        Ok(length) if length > UNPACKED => found.spoil(Poison::TooLong),
        Ok(_) => read_text(&String::from_utf8_lossy(&text), depth, &[], found),
    }
}
