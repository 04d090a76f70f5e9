//! How far a log group was read, in a form that outlives a restart.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};

use super::error::LogsError;
use super::seen::{MOST_KEPT, Seen};

/// The form's version. A later one may hold more; one that this program does not know is refused.
const VERSION: u32 = 1;

/// A position.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Position {
    version: u32,
    /// Up to here the log was read, but for what comes late; milliseconds.
    pub(super) from: i64,
    /// Hashes of entries before that were handed out, eight bytes each, in base64.
    seen: String,
}

impl Position {
    pub(super) fn new(from: i64, seen: &Seen) -> Self {
        let bytes: Vec<u8> = seen.to_keep().flat_map(u64::to_be_bytes).collect();
        Self {
            version: VERSION,
            from,
            seen: STANDARD_NO_PAD.encode(bytes),
        }
    }

    /// The form that is kept.
    pub(super) fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(super) fn parse(text: &str) -> Result<Self, LogsError> {
        let wrong = |problem| LogsError::Position { problem };
        let position: Self =
            serde_json::from_str(text).map_err(|_| wrong("it is not one of ours"))?;
        match position.version {
            VERSION => Ok(position),
            _ => Err(wrong("its form is newer than this program")),
        }
    }

    /// What was handed out before.
    pub(super) fn seen(&self) -> Seen {
        let bytes = STANDARD_NO_PAD.decode(&self.seen).unwrap_or_default();
        let (hashes, _) = bytes.as_chunks::<8>();
        let hashes = hashes.iter().map(|hash| u64::from_be_bytes(*hash));
        Seen::kept(hashes.take(MOST_KEPT), self.from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_back_and_others_are_refused() {
        let mut seen = Seen::default();
        seen.add(u64::MAX, 5, true);
        seen.add(7, 6, true);
        seen.add(8, 6, false);
        let text = Position::new(1_800_000_000_000, &seen).write();
        let read = Position::parse(&text).unwrap();
        assert_eq!(read.from, 1_800_000_000_000);
        let seen = read.seen();
        assert!(seen.has(u64::MAX) && seen.has(7) && !seen.has(8));
        for other in ["", "{}", "7:1", r#"{"version":2,"from":1,"seen":""}"#] {
            let error = Position::parse(other).unwrap_err().to_string();
            assert!(error.contains("cannot be used"));
        }
        let odd = r#"{"version":1,"from":1,"seen":"!!"}"#;
        assert!(!Position::parse(odd).unwrap().seen().has(7));
    }
}
