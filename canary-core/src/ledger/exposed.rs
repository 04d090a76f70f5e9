//! The one place where secrets are written out: inside entries that are sealed as a whole.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize as _, Deserializer, Serializer};
use zeroize::Zeroizing;

use crate::value::SecretBytes;

pub(super) fn serialize<S: Serializer>(
    value: &SecretBytes,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let text = Zeroizing::new(STANDARD.encode(value.expose()));
    serializer.serialize_str(&text)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<SecretBytes, D::Error> {
    let text = Zeroizing::new(String::deserialize(deserializer)?);
    STANDARD
        .decode(text.as_str())
        .map(SecretBytes::new)
        .map_err(|_| serde::de::Error::custom("a secret output is not base64"))
}
