//! The header `Retry-After` of an HTTP answer (RFC 9110, section 10.2.3).

use std::time::Duration;

/// What no server means; keeps sums of it in range.
const LONGEST: u64 = u32::MAX as u64;

/// How long the server asks not to be bothered. `after` is the header's value,
/// `date` that of the same answer's `Date`.
///
/// A date is counted against the answer's own one: this machine's clock may be
/// wrong. Without one to count against it says nothing.
pub(super) fn retry_after(after: Option<&str>, date: Option<&str>) -> Option<Duration> {
    let after = after?.trim();
    let seconds = if !after.is_empty() && after.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits alone fail only by being too many.
        after.parse().unwrap_or(LONGEST)
    } else {
        http_date(after)?.saturating_sub(http_date(date?)?)
    };
    Some(Duration::from_secs(seconds.min(LONGEST)))
}

/// Seconds since 1970-01-01 of a date in any of the three formats that RFC 9110
/// (section 5.6.7) knows.
pub(super) fn http_date(text: &str) -> Option<u64> {
    let parts: Vec<_> = text.split([' ', ',', '-']).filter(|part| !part.is_empty()).collect();
    let (day, month, year, time) = match parts[..] {
        [_, day, month, year, time, "GMT"] => (day, month, year, time),
        [_, month, day, time, year] => (day, month, year, time),
        _ => return None,
    };
    let year = match (year.len(), year.parse().ok()?) {
        (4, year @ 1970..) => year,
        (2, year @ ..70) => 2000 + year,
        (2, year) => 1900 + year,
        _ => return None,
    };
    let month = month_number(month)?;
    let day: u64 = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    let mut clock = time.split(':');
    let mut part = |most: u64| clock.next()?.parse().ok().filter(|part| *part <= most);
    // A minute may have a leap second.
    let (hours, minutes, seconds): (u64, u64, u64) = (part(23)?, part(59)?, part(60)?);
    let days = days_since_1970(year, month, day);
    Some(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
}

fn month_number(name: &str) -> Option<u64> {
    const NAMES: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    NAMES.iter().zip(1..).find(|(known, _)| **known == name).map(|(_, number)| number)
}

/// Counts years from March, so that the leap day is their last.
pub(crate) fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    const MARCH_0000_TO_1970: u64 = 719_468;
    let year = year - u64::from(month <= 2);
    let days_before_month = (153 * ((month + 9) % 12) + 2) / 5;
    year * 365 + year / 4 - year / 100 + year / 400 + days_before_month + day
        - 1
        - MARCH_0000_TO_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn seconds(after: &str, date: Option<&str>) -> Option<u64> {
        retry_after(Some(after), date).map(|after| after.as_secs())
    }

    #[test]
    fn seconds_are_seconds() {
        for (after, expected) in [("0", 0), ("120", 120), (" 7 ", 7), ("4294967295", LONGEST)] {
            assert_eq!(seconds(after, None), Some(expected), "{after}");
            assert_eq!(seconds(after, Some(DATE)), Some(expected), "{after}");
        }
        assert_eq!(seconds("99999999999999999999999", None), Some(LONGEST));
    }

    #[test]
    fn a_date_counts_from_the_answers_own() {
        for after in [
            "Sun, 06 Nov 1994 08:51:37 GMT",
            "Sunday, 06-Nov-94 08:51:37 GMT",
            "Sun Nov  6 08:51:37 1994",
        ] {
            assert_eq!(seconds(after, Some(DATE)), Some(120), "{after}");
            assert_eq!(seconds(after, None), None, "there is nothing to count from");
            assert_eq!(seconds(after, Some("yesterday")), None);
        }
        let past = "Sun, 06 Nov 1994 08:49:36 GMT";
        assert_eq!(seconds(past, Some(DATE)), Some(0), "what is over asks for nothing");
    }

    #[test]
    fn dates_are_counted_right() {
        for (date, expected) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
            ("Friday, 31-Dec-99 23:59:59 GMT", 946_684_799),
            ("Saturday, 01-Jan-00 00:00:00 GMT", 946_684_800),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
        ] {
            assert_eq!(http_date(date), Some(expected), "{date}");
        }
    }

    #[test]
    fn what_is_neither_says_nothing() {
        for after in [
            "",
            "-1",
            "1.5",
            "soon",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, 06 Nov 199 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
        ] {
            assert_eq!(seconds(after, Some(DATE)), None, "{after:?}");
        }
        assert_eq!(retry_after(None, Some(DATE)), None);
    }
}
