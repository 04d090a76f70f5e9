//! What an access key's identifier tells.

/// The letters of base32 (RFC 4648).
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The account that an access key id (`AKIA…`, `ASIA…`, 20 characters) belongs to, twelve digits.
///
/// The first 40 bits behind the four letters hold the account in their upper 39 bits below the first, as published by
/// those who found it; older keys, which do not, begin with `AKIAI` or `AKIAJ` and give `None`.
#[must_use]
pub fn account_of(id: &str) -> Option<String> {
    let bytes = id.as_bytes();
    let is_old = id.starts_with("AKIAI") || id.starts_with("AKIAJ");
    if bytes.len() != 20 || !matches!(&bytes[..4], b"AKIA" | b"ASIA") || is_old {
        return None;
    }
    let mut bits: u128 = 0;
    for letter in &bytes[4..] {
        let value = LETTERS.iter().position(|known| known == letter)?;
        bits = bits << 5 | value as u128;
    }
    // Sixteen letters are 80 bits; the first six bytes count.
    let first = u64::try_from(bits >> 32).ok()? & 0xffff_ffff_ffff;
    Some(format!("{:012}", (first & 0x7fff_ffff_ff80) >> 7))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_stands_in_the_id() {
        // Both from published examples.
        assert_eq!(
            account_of("ASIAY34FZKBOKMUTVV7A").as_deref(),
            Some("609629065308")
        );
        assert_eq!(
            account_of("AKIAYVP4CIPPERUVIFXG").as_deref(),
            Some("595918472158")
        );
    }

    #[test]
    fn what_is_no_key_id_tells_nothing() {
        for text in [
            "",
            "AKIA",
            "AIDAY34FZKBOKMUTVV7A",
            "AKIAY34FZKBOKMUTVV71",
            "AKIAIOSFODNN7EXAMPLE",
        ] {
            assert_eq!(account_of(text), None, "{text}");
        }
    }
}
