//! Lengths of time as written: a number and `s`, `m`, `h` or `d`.

use std::time::Duration;

use crate::config::builtin::LONGEST;

/// Reads a length of time, as in `90d`. Zero needs no unit.
///
/// # Errors
/// What was expected.
pub(super) fn read(text: &str) -> Result<Duration, String> {
    let expected = || "expected a number and `s`, `m`, `h` or `d`, as in \"90d\"".to_owned();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let seconds = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(expected()),
    };
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(expected());
    }
    digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(seconds))
        .map(Duration::from_secs)
        .filter(|duration| *duration <= LONGEST)
        .ok_or_else(|| "expected at most 100 years, that is \"36500d\"".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_a_unit() {
        for (text, seconds) in [
            ("0", 0),
            ("0d", 0),
            ("90s", 90),
            ("15m", 900),
            ("24h", 86_400),
            ("90d", 7_776_000),
            ("36500d", 3_153_600_000),
        ] {
            assert_eq!(read(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_has_none_or_is_too_long_is_refused() {
        for text in [
            "",
            "d",
            "90",
            "1.5h",
            "-1d",
            "+1d",
            "1 d",
            "1w",
            "1dd",
            "1h30m",
            "٣d",
            "36501d",
            "99999999999999999999d",
            "18446744073709551615d",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
