//! Listings in pages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// One page.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// Where the next begins; none after the last.
    pub(super) next: Option<String>,
}

/// A page of what stands in order of its key, from behind the one that a marker names. A marker that is none begins at the start of
/// nothing: the caller has refused it.
pub(super) fn page<T>(
    items: impl Iterator<Item = (String, T)>,
    after: Option<&str>,
    size: usize,
) -> Page<T> {
    let mut rest = items.skip_while(|(key, _)| after.is_some_and(|after| key.as_str() <= after));
    let mut taken = Vec::new();
    let mut last = None;
    for (key, item) in rest.by_ref().take(size.max(1)) {
        last = Some(key);
        taken.push(item);
    }
    let more = rest.next().is_some();
    Page {
        items: taken,
        next: last.filter(|_| more).map(|key| marker(&key)),
    }
}

/// The marker for what comes after a key.
fn marker(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("after:{key}"))
}

/// The key in a marker; none when it was not made here.
pub(super) fn after(marker: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(marker).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.strip_prefix("after:").map(ToOwned::to_owned)
}
