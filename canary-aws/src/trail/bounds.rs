//! How much of a record is kept: callers choose names, user agents and parameters, at any length.

use sha2::{Digest as _, Sha256};

/// A record is at most 256 KB, and 1 MB since records may be enriched (CloudTrail's quotas); what is longer is none.
pub(super) const RECORD: usize = 1024 * 1024;
/// Names, ids, ARNs: an ARN is at most 2,048 bytes (IAM's quotas), an S3 key 1,024.
pub(super) const NAME: usize = 2048;
/// CloudTrail itself cuts user agents and error messages at 1 KB; encoded authorization failures come whole at times.
pub(super) const MESSAGE: usize = 4 * 1024;

/// Keeps a text of at most `limit` bytes; of a longer one its beginning with a hash of the whole, so that two long
/// texts stay two.
pub(super) fn bounded(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let hash = hex(text.as_bytes());
    let mut end = limit.saturating_sub(MARK.len() + hash.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{MARK}{hash}", text.get(..end).unwrap_or_default())
}

const MARK: &str = "...sha256:";

/// 16 bytes of the SHA-256 in hex: no two texts that anybody can make share them.
pub(super) fn hex(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_kept_short_and_apart() {
        let one = bounded(&"é".repeat(2_000_000), NAME);
        let other = bounded(&format!("{}x", "é".repeat(2_000_000)), NAME);
        assert!(one.len() <= NAME && one.starts_with("éé"));
        assert_ne!(one, other);
        assert_eq!(bounded("short", NAME), "short");
    }
}
