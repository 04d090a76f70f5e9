//! How much of a record is kept: clients choose the audit id, the path and query, the user agent and the forwarded
//! addresses, up to a megabyte and more.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

/// An audit id is a UUID of 36 bytes unless the client chose it.
pub(super) const ID: usize = 128;
/// Kubernetes names are at most 253 bytes; names of users come from certificates and tokens and seldom pass 256.
pub(super) const NAME: usize = 1024;
/// The API server cuts user agents at 1,024 bytes itself and adds `...TRUNCATED`.
pub(super) const USER_AGENT: usize = 1040;
/// A path with long selectors and a one-shot command in its query; more is not read by people.
pub(super) const URI: usize = 8 * 1024;
/// The server's messages and reasons; an RBAC reason is about 200 bytes.
pub(super) const MESSAGE: usize = 4 * 1024;
/// Groups, extra keys with their values, annotations, claimed addresses: of each so many are kept. Directories with
/// more than 200 groups to a user exist.
pub(super) const COUNT: usize = 512;

/// Keeps a text of at most `limit` bytes; of a longer one its beginning with a hash of the whole, so that two long
/// texts stay two.
pub(super) fn bounded(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let hash = Sha256::digest(text.as_bytes());
    let hex: String = hash
        .iter()
        .take(HASH)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut end = limit.saturating_sub(MARK.len() + 2 * HASH);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{MARK}{hex}", text.get(..end).unwrap_or_default())
}

const MARK: &str = "...sha256:";
/// 16 bytes of the hash: no two texts that anybody can make share it.
const HASH: usize = 16;

/// Keeps at most [`COUNT`] entries, the first of repeated keys, each key and value bounded.
pub(super) fn bounded_map<T>(
    entries: impl IntoIterator<Item = (impl AsRef<str>, T)>,
) -> BTreeMap<String, T> {
    let mut map = BTreeMap::new();
    for (key, value) in entries.into_iter().take(COUNT) {
        map.entry(bounded(key.as_ref(), NAME)).or_insert(value);
    }
    map
}

/// Keeps at most [`COUNT`] texts, each bounded.
pub(super) fn bounded_list<T: FromIterator<String>>(
    texts: impl IntoIterator<Item = impl AsRef<str>>,
) -> T {
    texts
        .into_iter()
        .take(COUNT)
        .map(|text| bounded(text.as_ref(), NAME))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_kept_short_and_apart() {
        let one = bounded(&"é".repeat(5_000_000), ID);
        let other = bounded(&format!("{}x", "é".repeat(5_000_000)), ID);
        assert!(one.len() <= ID && one.starts_with("éé"));
        assert_ne!(one, other);
        assert_eq!(bounded("short", ID), "short");
    }
}
