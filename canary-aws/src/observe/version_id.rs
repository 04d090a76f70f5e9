//! The ids of the versions that we make of secrets. Secrets Manager takes them from whoever writes, shows them to whoever may
//! list, and does the same request twice as one. Ours are made so that our key knows them again without the content: by them a
//! secret is ours, and tells how long it waits when it is deleted. Pure.
//!
//! ```text
//! 16 bytes in the form of a UUID of version 4: the first nine stand for the content, the last seven are a keyed digest of
//! those nine, the secret's name, and the days that it waits; the version and the variant stand in the first nine.
//! ```

use canary_core::disguise::Digester;
use canary_core::graph::Handle;

/// Bytes that stand for the content.
const CONTENT: usize = 9;

/// What a new version is of.
pub(crate) struct Of<'a> {
    pub(crate) digester: &'a Digester,
    /// The secret.
    pub(crate) handle: &'a Handle,
    /// How many days it waits when it is deleted; 0: it does not.
    pub(crate) days: u8,
    pub(crate) content: &'a [u8],
    /// The state that it takes the place of: the same content that is written again is a version of its own, because a
    /// request with an id that is there already is passed over.
    pub(crate) before: &'a str,
}

/// The days that a deleted secret may wait, and none.
fn all_days() -> impl Iterator<Item = u8> {
    [0].into_iter().chain(7..=30)
}

/// The id of a version.
pub(crate) fn make(of: &Of<'_>) -> String {
    let mut text = parts(of.handle, of.days);
    for part in [of.before.as_bytes(), of.content] {
        text.extend((part.len() as u64).to_be_bytes());
        text.extend(part);
    }
    let digest = of.digester.digest(&text);
    let mut bytes = [0; 16];
    bytes[..CONTENT].copy_from_slice(&digest.as_bytes()[..CONTENT]);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let tag = tag(of.digester, of.handle, of.days, &bytes[..CONTENT]);
    bytes[CONTENT..].copy_from_slice(&tag);
    written(&bytes)
}

/// How many days the secret waits of which this is a version; `None` where it is not one of ours.
pub(crate) fn days(id: &str, handle: &Handle, digester: &Digester) -> Option<u8> {
    let bytes = read(id)?;
    let (content, has) = bytes.split_at(CONTENT);
    all_days().find(|days| tag(digester, handle, *days, content) == has)
}

fn tag(digester: &Digester, handle: &Handle, days: u8, content: &[u8]) -> [u8; 16 - CONTENT] {
    let mut text = b"version".to_vec();
    text.extend(parts(handle, days));
    text.extend(content);
    let digest = digester.digest(&text);
    let mut tag = [0; 16 - CONTENT];
    tag.copy_from_slice(&digest.as_bytes()[..16 - CONTENT]);
    tag
}

fn parts(handle: &Handle, days: u8) -> Vec<u8> {
    let mut text = Vec::new();
    let scope = handle.scope.as_deref().unwrap_or_default();
    for part in [scope, &handle.name] {
        text.extend((part.len() as u64).to_be_bytes());
        text.extend(part.as_bytes());
    }
    text.push(days);
    text
}

fn written(bytes: &[u8; 16]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let (a, rest) = hex.split_at(8);
    let (b, rest) = rest.split_at(4);
    let (c, rest) = rest.split_at(4);
    let (d, e) = rest.split_at(4);
    format!("{a}-{b}-{c}-{d}-{e}")
}

fn read(id: &str) -> Option<[u8; 16]> {
    let hex: String = id.chars().filter(|c| *c != '-').collect();
    let mut bytes = [0; 16];
    if hex.len() != 32 || !hex.is_ascii() {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digester(key: u8) -> Digester {
        Digester::new(&[key; 32])
    }

    #[test]
    fn an_id_is_known_again_for_its_own_secret_and_under_its_own_key_alone() {
        let digester = digester(1);
        let handle = Handle::scoped("SecretsManagerSecret", "eu-west-1", "prod/db");
        for wait in [0, 7, 30] {
            let of = |content, before| {
                make(&Of {
                    digester: &digester,
                    handle: &handle,
                    days: wait,
                    content,
                    before,
                })
            };
            let id = of(b"content", "");
            assert_eq!(id, of(b"content", ""));
            assert_ne!(id, of(b"other", ""));
            assert_ne!(id, of(b"content", "v1"));
            assert!(id.len() == 36 && id.as_bytes()[14] == b'4', "{id}");
            assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
            assert_eq!(days(&id, &handle, &digester), Some(wait));
            let elsewhere = Handle::scoped("SecretsManagerSecret", "eu-west-2", "prod/db");
            assert_eq!(days(&id, &elsewhere, &digester), None);
            assert_eq!(days(&id, &handle, &self::digester(2)), None);
        }
    }

    #[test]
    fn what_is_no_id_of_ours_is_none() {
        let handle = Handle::scoped("SecretsManagerSecret", "eu-west-1", "prod/db");
        for id in [
            "",
            "terraform-20261103",
            "ä",
            "0",
            "00000000-0000-4000-8000-000000000000",
        ] {
            assert_eq!(days(id, &handle, &digester(1)), None, "{id}");
        }
    }
}
