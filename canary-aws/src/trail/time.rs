//! Times, however they are written: what exports and copies records may write them its own way.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// From so many on a number counts milliseconds: as seconds it would be the year 5138.
const MILLISECONDS: u64 = 100_000_000_000;

/// Reads a time as CloudTrail writes it; seconds or milliseconds since 1970; and without an offset, as of UTC.
pub(super) fn parsed(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    if let Ok(number) = text.parse::<i64>() {
        let time = if number.unsigned_abs() >= MILLISECONDS {
            Timestamp::from_millisecond(number)
        } else {
            Timestamp::from_second(number)
        };
        return time.ok();
    }
    if let Ok(number) = text.parse::<f64>() {
        let duration = SignedDuration::try_from_secs_f64(number).ok()?;
        return Timestamp::from_duration(duration).ok();
    }
    let time: DateTime = text.parse().ok()?;
    TimeZone::UTC.to_timestamp(time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_however_they_are_written() {
        let expected = "2026-11-27T21:00:00Z".parse::<Timestamp>().unwrap();
        let seconds = expected.as_second();
        for text in [
            "2026-11-27T21:00:00Z",
            "2026-11-27T22:00:00+01:00",
            "2026-11-27 21:00:00",
            "2026-11-27T21:00:00",
            &seconds.to_string(),
            &format!("{seconds}000"),
            &format!("{seconds}.0"),
            "1.7958132E9",
        ] {
            assert_eq!(parsed(text), Some(expected), "{text}");
        }
        for text in ["", "x", "9999-12-31T23:59:59Z", "NaN", "inf", "-1e300"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
