//! Moments as whole seconds: what is stored by the thousand.

use jiff::Timestamp;
use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

/// Writes the seconds since 1970.
pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    at.as_second().serialize(serializer)
}

/// Reads them.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Timestamp, D::Error> {
    let seconds = i64::deserialize(deserializer)?;
    Timestamp::from_second(seconds).map_err(serde::de::Error::custom)
}
