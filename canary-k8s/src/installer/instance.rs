//! What our own objects are known again by.

use canary_core::disguise::{Digester, Purpose, SiteKeys};
use serde_json::Value;

/// The ordinary label for one of several installations of a thing.
pub(super) const LABEL: &str = "app.kubernetes.io/instance";
/// The ordinary label for what it is called.
const NAME: &str = "app.kubernetes.io/name";

/// 40 bits: nobody has the same by chance, and it is as long as what tools append.
const DIGITS: usize = 10;

/// The value of the label on every object of an installation of that name. Who has no key cannot tell that it is ours, nor
/// make something that we take for ours without having seen it.
#[must_use]
pub fn instance(keys: &SiteKeys, name: &str) -> String {
    let digester = Digester::new(&keys.sub_key(Purpose::Marks));
    let digest = digester.digest(format!("installation\0{name}").as_bytes());
    let digits: String = digest
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{name}-{}", &digits[..DIGITS])
}

/// The name of the installation that an object is of, where it is ours.
pub(super) fn name_of(keys: &SiteKeys, meta: &Value) -> Option<String> {
    let name = meta["labels"][NAME].as_str()?;
    (meta["labels"][LABEL] == *instance(keys, name)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use canary_core::disguise::Key;
    use canary_core::graph::ProviderId;
    use serde_json::json;

    #[test]
    fn an_object_is_ours_by_the_key_of_its_own_site_and_name() {
        let keys = |site| {
            let key = Key::from_bytes([3; 32]);
            key.at_site(&ProviderId::new("kubernetes"), site)
        };
        let meta = |name: &str, of: &str| json!({ "labels": { NAME: name, LABEL: of } });
        let ours = instance(&keys("a"), "agent");
        assert_eq!(
            name_of(&keys("a"), &meta("agent", &ours)),
            Some("agent".into())
        );
        assert_eq!(name_of(&keys("b"), &meta("agent", &ours)), None);
        assert_eq!(name_of(&keys("a"), &meta("other", &ours)), None);
        assert_eq!(name_of(&keys("a"), &json!({})), None);
    }
}
