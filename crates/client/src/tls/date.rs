//! Dates in error texts.

use std::fmt;

/// A point in time, in seconds since 1970-01-01 UTC, shown as its UTC date.
pub(crate) struct Date(pub(crate) u64);

const SECONDS_PER_DAY: u64 = 86_400;
/// From 0000-03-01, where the calculation starts, to 1970-01-01.
const DAYS_BEFORE_1970: u64 = 719_468;
const DAYS_PER_400_YEARS: u64 = 146_097;

impl Date {
    /// Returns year, month and day of the proleptic Gregorian calendar.
    ///
    /// Years are counted from March, so that the leap day is their last; a month's start follows
    /// from its number because the lengths from March on repeat every five months (153 days).
    fn civil(&self) -> (u64, u64, u64) {
        let days = self.0 / SECONDS_PER_DAY + DAYS_BEFORE_1970;
        let (era, day_of_era) = (days / DAYS_PER_400_YEARS, days % DAYS_PER_400_YEARS);
        let leap_days = day_of_era / 1_460 + day_of_era / 146_096 - day_of_era / 36_524;
        let year_of_era = (day_of_era - leap_days) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = (month_from_march + 2) % 12 + 1;
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        (year, month, day)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::Date;

    #[test]
    fn shows_the_utc_date() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (86_400, "1970-01-02"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_709_164_800, "2024-02-29"),
            (1_735_689_599, "2024-12-31"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(Date(seconds).to_string(), expected);
        }
    }
}
