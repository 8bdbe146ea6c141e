//! Windows of a week and spans of days, in the time of a wall clock. What zone the wall is in is not known here.

use jiff::civil::{Date, DateTime, Weekday};
use schemars::JsonSchema;
use serde::Deserialize;

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    const fn weekday(self) -> Weekday {
        match self {
            Self::Mon => Weekday::Monday,
            Self::Tue => Weekday::Tuesday,
            Self::Wed => Weekday::Wednesday,
            Self::Thu => Weekday::Thursday,
            Self::Fri => Weekday::Friday,
            Self::Sat => Weekday::Saturday,
            Self::Sun => Weekday::Sunday,
        }
    }
}

const MINUTES_OF_A_DAY: u16 = 24 * 60;

/// The same hours on some days of every week.
#[derive(Debug)]
pub(crate) struct Window {
    days: Vec<Weekday>,
    /// Minutes since midnight of one of the days.
    from: u16,
    /// The minute after the last one. Where it is not after `from`, it is one of the next day.
    to: u16,
}

impl Window {
    pub(crate) fn new(days: &[Day], from: &str, to: &str) -> Result<Self, String> {
        let (from, to) = (minutes(from)?, minutes(to)?);
        if days.is_empty() {
            return Err("`days` is empty: such hours never begin".to_owned());
        }
        if from == MINUTES_OF_A_DAY {
            return Err("`from` is `24:00`: write `00:00` of the next day".to_owned());
        }
        if from == to {
            return Err(
                "`from` and `to` are the same: write `00:00` and `24:00` for the whole day".to_owned()
            );
        }
        Ok(Self { days: days.iter().map(|day| day.weekday()).collect(), from, to })
    }

    pub(crate) fn contains(&self, wall: DateTime) -> bool {
        // `try_from` cannot fail for hours and minutes of a day; if it did, the window would be shut.
        let Ok(now) = u16::try_from(i16::from(wall.hour()) * 60 + i16::from(wall.minute())) else {
            return false;
        };
        let began = |weekday: Weekday| self.days.contains(&weekday);
        let today = wall.date().weekday();
        if self.from < self.to {
            return began(today) && (self.from..self.to).contains(&now);
        }
        // Over midnight: the evening belongs to today's hours, the morning to yesterday's.
        began(today) && now >= self.from || began(today.wrapping_sub(1)) && now < self.to
    }
}

/// `HH:MM` as minutes since midnight. Strict, because `9:00` and `09:00 PM` would be guesses.
fn minutes(text: &str) -> Result<u16, String> {
    let wrong = || format!("`{text}` is not a time from 00:00 to 24:00");
    let [h1, h2, b':', m1, m2] = text.as_bytes() else { return Err(wrong()) };
    let digit = |byte: &u8| char::from(*byte).to_digit(10).and_then(|digit| u16::try_from(digit).ok());
    let pair = |tens, ones| Some(digit(tens)? * 10 + digit(ones)?);
    let minute = pair(m1, m2).filter(|minute| *minute < 60).ok_or_else(wrong)?;
    let minutes = pair(h1, h2).ok_or_else(wrong)? * 60 + minute;
    if minutes > MINUTES_OF_A_DAY { Err(wrong()) } else { Ok(minutes) }
}

/// Days from the first to the last one, both included.
#[derive(Debug)]
pub(crate) struct Freeze {
    first: Date,
    last: Date,
}

impl Freeze {
    pub(crate) fn new(from: &str, to: &str) -> Result<Self, String> {
        let (first, last) = (date(from)?, date(to)?);
        if last < first {
            return Err(format!("`to` ({to}) is before `from` ({from})"));
        }
        Ok(Self { first, last })
    }

    pub(crate) fn contains(&self, day: Date) -> bool {
        (self.first..=self.last).contains(&day)
    }
}

fn date(text: &str) -> Result<Date, String> {
    // Also the length: the parser takes a time behind the date, and passes over it.
    text.parse()
        .ok()
        .filter(|_| text.len() == "2026-12-19".len())
        .ok_or_else(|| format!("`{text}` is not a date such as 2026-12-19"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime {
        text.parse().unwrap()
    }

    #[test]
    fn hours_begin_with_their_first_minute_and_end_before_their_last() {
        let hours = Window::new(&[Day::Mon, Day::Tue], "09:00", "17:30").unwrap();
        // 2026-11-23 is a Monday.
        for (wall, inside) in [
            ("2026-11-23T08:59:59", false),
            ("2026-11-23T09:00", true),
            ("2026-11-24T17:29:59", true),
            ("2026-11-24T17:30", false),
            ("2026-11-25T12:00", false),
            ("2026-11-22T12:00", false),
        ] {
            assert_eq!(hours.contains(at(wall)), inside, "{wall}");
        }
    }

    #[test]
    fn hours_over_midnight_belong_to_the_day_they_begin_on() {
        let night = Window::new(&[Day::Fri], "22:00", "06:00").unwrap();
        // 2026-11-27 is a Friday.
        for (wall, inside) in [
            ("2026-11-27T05:59", false),
            ("2026-11-27T21:59", false),
            ("2026-11-27T22:00", true),
            ("2026-11-28T00:00", true),
            ("2026-11-28T05:59", true),
            ("2026-11-28T06:00", false),
            ("2026-11-28T22:00", false),
        ] {
            assert_eq!(night.contains(at(wall)), inside, "{wall}");
        }
        // From Sunday into Monday the week begins anew.
        let sunday = Window::new(&[Day::Sun], "23:00", "01:00").unwrap();
        assert!(sunday.contains(at("2026-11-23T00:30")));
        assert!(!sunday.contains(at("2026-11-22T00:30")));
    }

    #[test]
    fn a_day_can_be_open_to_its_end() {
        let day = Window::new(&[Day::Mon], "00:00", "24:00").unwrap();
        assert!(day.contains(at("2026-11-23T00:00")) && day.contains(at("2026-11-23T23:59:59")));
        assert!(!day.contains(at("2026-11-24T00:00")) && !day.contains(at("2026-11-22T23:59:59")));
    }

    #[test]
    fn the_first_and_the_last_day_of_a_freeze_belong_to_it() {
        let freeze = Freeze::new("2026-12-19", "2027-01-03").unwrap();
        for (day, inside) in
            [("2026-12-18", false), ("2026-12-19", true), ("2027-01-03", true), ("2027-01-04", false)]
        {
            assert_eq!(freeze.contains(day.parse().unwrap()), inside, "{day}");
        }
        assert!(Freeze::new("2026-12-24", "2026-12-24").unwrap().contains("2026-12-24".parse().unwrap()));
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for text in ["9:00", "09:60", "24:01", "25:00", "0900", "09:00 PM", "-1:00", ""] {
            assert!(Window::new(&[Day::Mon], text, "17:00").is_err(), "{text}");
        }
        assert!(Window::new(&[], "09:00", "17:00").unwrap_err().contains("never begin"));
        assert!(Window::new(&[Day::Mon], "09:00", "09:00").unwrap_err().contains("the same"));
        assert!(Window::new(&[Day::Mon], "24:00", "09:00").unwrap_err().contains("next day"));
        for text in ["2026-02-30", "2026-12-19T10:00", "19.12.2026", "20261219"] {
            assert!(Freeze::new(text, "2027-01-03").is_err(), "{text}");
        }
        assert!(Freeze::new("2026-12-19", "2026-12-18").unwrap_err().contains("before"));
    }
}
