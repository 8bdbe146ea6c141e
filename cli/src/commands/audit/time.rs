//! Points in time on the command line.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Reads RFC 3339 (`2026-11-03T09:30:00Z`), a date or a date and time in UTC (`2026-11-03`, `2026-11-03 09:30`), or an
/// age (`45s`, `30m`, `12h`, `7d`, `2w`).
pub(in crate::commands) fn parse(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Some(age) = age(text) {
        return now.checked_sub(age).map_err(|_| format!("`{text}` is too long ago"));
    }
    let utc = |civil: DateTime| civil.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    text.parse::<Timestamp>()
        .or_else(|_| text.parse::<DateTime>().and_then(utc))
        .or_else(|_| text.parse::<Date>().and_then(|date| utc(date.at(0, 0, 0, 0))))
        .map_err(|_| {
            format!("`{text}` is no time: give RFC 3339, a date such as 2026-11-03, or an age such as 30m, 12h, 7d")
        })
}

fn age(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().next_back()?;
    let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        'w' => 7 * 24 * 60 * 60,
        _ => return None,
    };
    Some(SignedDuration::from_secs(i64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_dates_and_times() {
        let now: Timestamp = "2026-11-10T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("45s", "2026-11-10T11:59:15Z"),
            ("30m", "2026-11-10T11:30:00Z"),
            ("12h", "2026-11-10T00:00:00Z"),
            ("7d", "2026-11-03T12:00:00Z"),
            ("1w", "2026-11-03T12:00:00Z"),
            ("2026-11-03", "2026-11-03T00:00:00Z"),
            ("2026-11-03 09:30", "2026-11-03T09:30:00Z"),
            ("2026-11-03T09:30:00+02:00", "2026-11-03T07:30:00Z"),
        ] {
            assert_eq!(parse(text, now).unwrap().to_string(), expected, "{text}");
        }
        for text in ["", "yesterday", "7", "7x", "d", "-7d", "2026-13-01", "é"] {
            assert!(parse(text, now).is_err(), "{text}");
        }
    }
}
