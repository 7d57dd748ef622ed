//! Dates of the calendar, from 1970 on, in UTC.

use std::time::Duration;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const SECONDS_OF_DAY: u64 = 86_400;
/// Days from the first of March of the year 0 to the beginning of 1970.
const EPOCH: u64 = 719_468;
/// Days of 400 years.
const CYCLE: u64 = 146_097;

/// A moment as people write it, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    /// The year, from 1970 on.
    pub year: u64,
    /// The month, from 1.
    pub month: u64,
    /// The day of the month, from 1.
    pub day: u64,
    /// The hour, up to 23.
    pub hour: u64,
    /// The minute.
    pub minute: u64,
    /// The second; 60 is a leap second.
    pub second: u64,
}

impl Date {
    /// The date of a time since the beginning of 1970.
    pub const fn of(unix: Duration) -> Self {
        let second = unix.as_secs() % SECONDS_OF_DAY;
        // Counted in years that begin with March, so that a leap day is the last of its year.
        let days = unix.as_secs() / SECONDS_OF_DAY + EPOCH;
        let (cycle, in_cycle) = (days / CYCLE, days % CYCLE);
        let year = (in_cycle - in_cycle / 1460 + in_cycle / 36_524 - in_cycle / 146_096) / 365;
        let in_year = in_cycle - (365 * year + year / 4 - year / 100);
        let month = (5 * in_year + 2) / 153;
        let (next, in_calendar) = if month < 10 { (0, month + 3) } else { (1, month - 9) };
        Self {
            year: 400 * cycle + year + next,
            month: in_calendar,
            day: in_year - (153 * month + 2) / 5 + 1,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }

    /// The time since the beginning of 1970; nothing if there is no such date.
    pub fn unix(&self) -> Option<Duration> {
        let Self { year, month, day, hour, minute, second } = *self;
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day)
        {
            return None;
        }
        let (before, in_year) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let (cycle, in_cycle) = (before / 400, before % 400);
        let years = 365 * in_cycle + in_cycle / 4 - in_cycle / 100;
        let days = CYCLE * cycle + years + (153 * in_year + 2) / 5 + day - 1 - EPOCH;
        let midnight = Duration::from_secs(days * SECONDS_OF_DAY);
        // The 30th of February would be one in March.
        let is_date = (Self { hour: 0, minute: 0, second: 0, ..*self }) == Self::of(midnight);
        let is_good = is_date && hour <= 23 && minute <= 59 && second <= 60;
        is_good.then(|| midnight + Duration::from_secs(3600 * hour + 60 * minute + second))
    }

    /// As HTTP writes it: `Sun, 29 Nov 2026 12:00:00 GMT`.
    pub fn http(&self) -> String {
        let Self { year, month, day, hour, minute, second } = *self;
        let name = |names: &[&'static str], index: u64| {
            let index = usize::try_from(index).ok();
            index.and_then(|index| names.get(index).copied()).unwrap_or_default()
        };
        let days = self.unix().unwrap_or_default().as_secs() / SECONDS_OF_DAY;
        let (weekday, month) = (name(&DAYS, days % 7), name(&MONTHS, month.saturating_sub(1)));
        format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_many_years() {
        for (seconds, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_868_799, "Tue, 29 Feb 2000 23:59:59 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_795_953_600, "Sun, 29 Nov 2026 12:00:00 GMT"),
            (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            let date = Date::of(Duration::from_secs(seconds));
            assert_eq!(date.http(), expected);
            assert_eq!(date.unix(), Some(Duration::from_secs(seconds)), "{expected}");
        }
    }

    #[test]
    fn every_day_of_two_cycles_and_back() {
        let mut before = (1969, 12, 31);
        for day in 0..2 * CYCLE {
            let unix = Duration::from_secs(day * SECONDS_OF_DAY);
            let date = Date::of(unix);
            assert_eq!(date.unix(), Some(unix), "{date:?}");
            let this = (date.year, date.month, date.day);
            assert!(this > before && (1..=31).contains(&date.day), "{before:?} and {this:?}");
            before = this;
        }
    }

    #[test]
    fn what_is_no_date() {
        let good = Date { year: 2026, month: 11, day: 29, hour: 12, minute: 0, second: 60 };
        assert!(good.unix().is_some());
        for bad in [
            Date { year: 1969, ..good },
            Date { year: 10_000, ..good },
            Date { month: 0, ..good },
            Date { month: 13, ..good },
            Date { day: 0, ..good },
            Date { day: 31, ..good },
            Date { month: 2, day: 29, ..good },
            Date { year: 2100, month: 2, day: 29, ..good },
            Date { day: u64::MAX, ..good },
            Date { hour: 24, ..good },
            Date { minute: 60, ..good },
            Date { second: 61, ..good },
        ] {
            assert_eq!(bad.unix(), None, "{bad:?}");
        }
    }
}
