//! Instants as AWS writes them.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::tls::Date;
use crate::transport::days_since_1970;

const SECONDS_PER_DAY: u64 = 86_400;

/// An instant of the wall clock, to the second, shown as in ISO 8601.
#[derive(Clone, Copy)]
pub(super) struct Utc(u64);

impl Utc {
    /// Instants before 1970 become its start.
    pub(super) fn of(time: SystemTime) -> Self {
        Self(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs())
    }

    /// The day: `20261129`.
    pub(super) fn day(self) -> String {
        Date(self.0).to_string().replace('-', "")
    }

    /// Day and time: `20261129T120000Z`.
    pub(super) fn stamp(self) -> String {
        let (hour, minute, second) = self.time_of_day();
        format!("{}T{hour:02}{minute:02}{second:02}Z", self.day())
    }

    const fn time_of_day(self) -> (u64, u64, u64) {
        let seconds = self.0 % SECONDS_PER_DAY;
        (seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, second) = self.time_of_day();
        write!(f, "{}T{hour:02}:{minute:02}:{second:02}Z", Date(self.0))
    }
}

/// Reads `2026-11-29T12:00:00Z`, also with a fraction, or with an offset in place of the `Z`
/// (RFC 3339).
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    let (date, rest) = text.split_at_checked(10)?;
    let (time, zone) = rest.strip_prefix(['T', 't', ' '])?.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let in_range = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour <= 23
        && minute <= 59
        // A minute may have a leap second.
        && second <= 60;
    if !in_range {
        return None;
    }
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    let utc = seconds.checked_add_signed(-offset(without_fraction(zone)?)?)?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(utc))
}

fn without_fraction(zone: &str) -> Option<&str> {
    let Some(fraction) = zone.strip_prefix('.') else { return Some(zone) };
    let rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    (rest.len() < fraction.len()).then_some(rest)
}

/// By how many seconds local time is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let [hours, minutes] = numbers(zone.strip_prefix(['+', '-'])?, ':', [2, 2])?;
    if hours > 23 || minutes > 59 {
        return None;
    }
    Some(sign * i64::try_from((hours * 60 + minutes) * 60).ok()?)
}

/// Numbers of so many digits each.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[u64; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits)?;
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
        *number = if is_number { part.parse().ok()? } else { return None };
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn stamps_turn_at_midnight() {
        for (seconds, stamp, shown) in [
            (0, "19700101T000000Z", "1970-01-01T00:00:00Z"),
            (1_795_996_799, "20261129T235959Z", "2026-11-29T23:59:59Z"),
            (1_795_996_800, "20261130T000000Z", "2026-11-30T00:00:00Z"),
            (1_835_438_400, "20280229T120000Z", "2028-02-29T12:00:00Z"),
        ] {
            let utc = Utc::of(at(seconds));
            assert_eq!((utc.stamp().as_str(), utc.to_string().as_str()), (stamp, shown));
            assert_eq!(parse(shown), Some(at(seconds)));
        }
    }

    #[test]
    fn fractions_are_cut_off_and_offsets_are_counted() {
        let noon = parse("2026-11-29T12:00:00Z");
        assert!(noon.is_some());
        for same in [
            "2026-11-29T12:00:00.999Z",
            "2026-11-29 12:00:00z",
            "2026-11-29T12:00:00+00:00",
            "2026-11-29T14:30:00+02:30",
            "2026-11-29T04:00:00.5-08:00",
            "2026-11-30T01:00:00+13:00",
        ] {
            assert_eq!(parse(same), noon, "{same}");
        }
    }

    #[test]
    fn what_is_no_instant_is_none() {
        for text in [
            "",
            "2026-11-29",
            "2026-11-29T12:00:00",
            "2026-11-29T12:00Z",
            "2026-13-29T12:00:00Z",
            "2026-00-29T12:00:00Z",
            "2026-11-32T12:00:00Z",
            "2026-11-00T12:00:00Z",
            "2026-11-29T24:00:00Z",
            "2026-11-29T12:60:00Z",
            "2026-11-29T12:00:61Z",
            "2026-11-29T12:00:00.Z",
            "2026-11-29T12:00:00+2:00",
            "2026-11-29T12:00:00+24:00",
            "2026-11-29T12:00:00+01:60",
            "2026-11-29T12:00:00Z ",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+01:00",
            "+026-11-29T12:00:00Z",
            "2026-11-2éT12:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
