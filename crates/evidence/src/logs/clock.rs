//! The times of logs: what one says, and what instant that is.

use core::time::Duration;

use evenkeel_doctor::Time;

use crate::calendar::days;

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A time as a line says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) when: When,
    /// The finest difference that it can tell, in nanoseconds.
    pub(crate) resolution: u32,
}

/// The kinds of time, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// Since 1970. A time without a zone is taken as UTC.
    Dated(i64),
    /// A month and a day of some year, with the time of day.
    OfYear { month: u8, day: u8, nanos: i64 },
    /// Since midnight.
    OfDay(i64),
    /// Since a device or program started.
    SinceStart(i64),
}

impl Stamp {
    /// The time that a text begins with, and how long it is with what sets it
    /// off from the rest.
    pub(crate) fn read(text: &str) -> Option<(Self, usize)> {
        let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
        let _ = scan.skip(b'[') || scan.priority();
        let (when, resolution) = scan.iso().or_else(|| scan.words()).or_else(|| scan.number())?;
        while scan.peek().is_some_and(|byte| matches!(byte, b']' | b':' | b' ')) {
            scan.at += 1;
        }
        Some((Self { when, resolution }, scan.at))
    }

    /// Seconds since a program started.
    pub(crate) fn since_start(seconds: f64) -> Self {
        // A float that does not fit saturates.
        Self { when: When::SinceStart((seconds * 1e9) as i64), resolution: 1_000 }
    }

    /// Whether it is an instant without a word more.
    pub(crate) fn has_year(self) -> bool {
        matches!(self.when, When::Dated(_))
    }

    pub(crate) fn is_since_start(self) -> bool {
        matches!(self.when, When::SinceStart(_))
    }

    /// Whether it says the day.
    pub(crate) fn is_dated(self) -> bool {
        matches!(self.when, When::Dated(_) | When::OfYear { .. })
    }
}

/// Reads a time byte by byte.
#[derive(Clone, Copy)]
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn any(&mut self, of: &[u8]) -> Option<u8> {
        let byte = self.peek().filter(|byte| of.contains(byte))?;
        self.at += 1;
        Some(byte)
    }

    /// `<34>1 ` of syslog.
    fn priority(&mut self) -> bool {
        let mut ahead = *self;
        let found = ahead.skip(b'<') && ahead.digits(1, 3).is_some() && ahead.skip(b'>');
        if found {
            *self = ahead;
            if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(b"1 ")) {
                self.at += 2;
            }
        }
        found
    }

    /// A number of `least` to `most` digits, and no more digits after it.
    fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        let from = self.at;
        let mut number: i64 = 0;
        while let Some(byte) = self.peek().filter(u8::is_ascii_digit) {
            if self.at - from >= most {
                self.at = from;
                return None;
            }
            number = number * 10 + i64::from(byte - b'0');
            self.at += 1;
        }
        if self.at - from < least {
            self.at = from;
            return None;
        }
        Some(number)
    }

    /// A fraction of a second in nanoseconds, with its resolution.
    fn fraction(&mut self) -> (i64, u32) {
        let mut ahead = *self;
        if ahead.any(b".,").is_none() || !ahead.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return (0, SECOND as u32);
        }
        let (mut nanos, mut unit) = (0, SECOND);
        while let Some(byte) = ahead.peek().filter(u8::is_ascii_digit) {
            unit /= 10;
            nanos += i64::from(byte - b'0') * unit;
            ahead.at += 1;
        }
        *self = ahead;
        (nanos, u32::try_from(unit).unwrap_or(1).max(1))
    }

    /// `HH:MM:SS` and a fraction.
    fn of_day(&mut self) -> Option<(i64, u32)> {
        let mut ahead = *self;
        let hours = ahead.digits(1, 2).filter(|it| *it < 24 && ahead.skip(b':'))?;
        let minutes = ahead.digits(2, 2).filter(|it| *it < 60 && ahead.skip(b':'))?;
        // 60: a leap second.
        let seconds = ahead.digits(2, 2).filter(|it| *it <= 60)?;
        let (nanos, resolution) = ahead.fraction();
        *self = ahead;
        Some((((hours * 60 + minutes) * 60 + seconds) * SECOND + nanos, resolution))
    }

    /// `YYYY-MM-DD HH:MM:SS`, with a fraction and a zone or without.
    fn iso(&mut self) -> Option<(When, u32)> {
        let mut ahead = *self;
        let year = ahead.digits(4, 4)?;
        let dash = ahead.any(b"-/")?;
        let month = ahead.digits(2, 2)?;
        if !ahead.skip(dash) {
            return None;
        }
        let day = ahead.digits(2, 2)?;
        ahead.any(b"T ")?;
        let days = days(year, month, day)?;
        let (nanos, resolution) = ahead.of_day()?;
        let zone = ahead.zone();
        *self = ahead;
        Some((When::Dated(days * DAY + nanos - zone), resolution))
    }

    /// `Z`, `+01:00` or `+0100`, in nanoseconds east of UTC.
    fn zone(&mut self) -> i64 {
        if self.skip(b'Z') {
            return 0;
        }
        let mut ahead = *self;
        let Some(sign) = ahead.any(b"+-") else { return 0 };
        let minutes = match ahead.digits(4, 4) {
            Some(both) => Some(both / 100 * 60 + both % 100),
            None => ahead.digits(2, 2).and_then(|hours| {
                let _ = ahead.skip(b':');
                Some(hours * 60 + ahead.digits(2, 2)?)
            }),
        };
        let Some(minutes) = minutes else { return 0 };
        *self = ahead;
        let east = minutes * 60 * SECOND;
        if sign == b'-' { -east } else { east }
    }

    /// `Jan  2 03:04:05`, `2 Jan 03:04:05`, and `I (1234) ` of ESP-IDF.
    fn words(&mut self) -> Option<(When, u32)> {
        if let Some(found) = self.since_boot() {
            return Some(found);
        }
        let mut ahead = *self;
        let (month, day) = match ahead.month() {
            Some(month) => {
                while ahead.skip(b' ') {}
                (month, ahead.digits(1, 2)?)
            }
            None => {
                let day = ahead.digits(1, 2)?;
                if !ahead.skip(b' ') {
                    return None;
                }
                (ahead.month()?, day)
            }
        };
        if !ahead.skip(b' ') || !(1..=31).contains(&day) {
            return None;
        }
        let (nanos, resolution) = ahead.of_day()?;
        *self = ahead;
        let day = u8::try_from(day).ok()?;
        Some((When::OfYear { month, day, nanos }, resolution))
    }

    fn month(&mut self) -> Option<u8> {
        const NAMES: [&[u8]; 12] = [
            b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
            b"Dec",
        ];
        let name = self.bytes.get(self.at..self.at.checked_add(3)?)?;
        let number = NAMES.iter().position(|known| *known == name)?;
        self.at += 3;
        u8::try_from(number + 1).ok()
    }

    fn since_boot(&mut self) -> Option<(When, u32)> {
        let mut ahead = *self;
        ahead.any(b"EWIDV")?;
        if !(ahead.skip(b' ') && ahead.skip(b'(')) {
            return None;
        }
        let millis = ahead.digits(1, 12)?;
        if !ahead.skip(b')') {
            return None;
        }
        *self = ahead;
        Some((When::SinceStart(millis * 1_000_000), 1_000_000))
    }

    /// Seconds or milliseconds since 1970, or a time of day.
    fn number(&mut self) -> Option<(When, u32)> {
        if let Some((nanos, resolution)) = self.of_day() {
            return Some((When::OfDay(nanos), resolution));
        }
        let mut ahead = *self;
        let found = match ahead.digits(9, 10) {
            Some(seconds) => {
                let (nanos, resolution) = ahead.fraction();
                (When::Dated(seconds.saturating_mul(SECOND).saturating_add(nanos)), resolution)
            }
            None => (When::Dated(ahead.digits(13, 13)?.saturating_mul(1_000_000)), 1_000_000),
        };
        ahead.peek().filter(|byte| matches!(byte, b':' | b' ' | b']'))?;
        *self = ahead;
        Some(found)
    }
}

/// Turns the stamps of one log into instants that go forward.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// The year and the day on which a log without dates begins.
    year: i64,
    day: i64,
    base: i64,
    last: Option<i64>,
}

/// An instant, and whether the log begins anew with it: a device started
/// again, or a clock was set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instant {
    pub(crate) at: Time,
    pub(crate) anew: bool,
}

/// An instant from a day since 1970 and the time of day.
fn of_day(day: i64, nanos: i64) -> i64 {
    day.saturating_mul(DAY).saturating_add(nanos)
}

/// A step back that is no more than lines out of order.
const DISORDER: i64 = 60 * SECOND;

impl Clock {
    /// A clock for a log that begins on `start`: year, month, day.
    pub(crate) fn new(start: Option<(i16, u8, u8)>) -> Self {
        let (year, month, day) = start.unwrap_or((1970, 1, 1));
        let day = days(year.into(), month.into(), day.into()).unwrap_or(0);
        Self { year: year.into(), day, base: 0, last: None }
    }

    /// The instant of the line before; for lines without a time.
    pub(crate) fn last(&self) -> Time {
        Time(self.last.unwrap_or(0))
    }

    pub(crate) fn read(&mut self, stamp: Stamp) -> Instant {
        let last = self.last.unwrap_or(i64::MIN);
        let behind = |at: i64| last.saturating_sub(at);
        let (at, anew) = match stamp.when {
            When::Dated(at) => (at, behind(at) > DISORDER),
            When::OfYear { month, day, nanos } => {
                let at = |year| days(year, month.into(), day.into()).unwrap_or(0) * DAY + nanos;
                if behind(at(self.year)) > 180 * DAY {
                    self.year += 1;
                }
                (at(self.year), behind(at(self.year)) > DISORDER)
            }
            When::OfDay(nanos) => {
                let back = behind(of_day(self.day, nanos));
                // Past midnight, or a clock that was set back within a day: a
                // day more keeps the order in both cases.
                if back > DISORDER {
                    self.day += 1;
                }
                (of_day(self.day, nanos), back > DISORDER && back < DAY / 2)
            }
            When::SinceStart(nanos) => {
                let anew = behind(self.base.saturating_add(nanos)) > SECOND;
                if anew {
                    self.base = last.saturating_sub(nanos);
                }
                (self.base.saturating_add(nanos), anew)
            }
        };
        let at = if anew { at } else { at.max(last) };
        self.last = Some(at);
        Instant { at: Time(at), anew }
    }
}

/// A resolution as a duration.
pub(crate) fn resolution(nanos: u32) -> Duration {
    Duration::from_nanos(nanos.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn read(text: &str) -> (When, u32, &str) {
        let (stamp, length) = Stamp::read(text).expect("a time");
        (stamp.when, stamp.resolution, &text[length..])
    }

    // 2026-01-02T03:04:05Z.
    const T: i64 = 1_767_323_045 * SECOND;

    #[test]
    fn every_kind_of_time_is_read() {
        let second = SECOND as u32;
        for (text, when, resolution) in [
            ("2026-01-02T03:04:05Z x", When::Dated(T), second),
            ("2026-01-02T03:04:05: x", When::Dated(T), second),
            ("2026-01-02 03:04:05,250 x", When::Dated(T + SECOND / 4), 1_000_000),
            ("[2026-01-02 03:04:05] x", When::Dated(T), second),
            ("2026/01/02 03:04:05.123456 x", When::Dated(T + 123_456_000), 1_000),
            ("2026-01-02T04:04:05.1+01:00 x", When::Dated(T + SECOND / 10), 100_000_000),
            ("2026-01-01T22:04:05-0500 x", When::Dated(T), second),
            ("1767323045: x", When::Dated(T), second),
            ("1767323045.5: x", When::Dated(T + SECOND / 2), 100_000_000),
            ("1767323045250 x", When::Dated(T + SECOND / 4), 1_000_000),
            ("03:04:05 x", When::OfDay(11_045 * SECOND), second),
            ("[03:04:05.007] x", When::OfDay(11_045 * SECOND + 7_000_000), 1_000_000),
            ("I (1234) x", When::SinceStart(1234 * 1_000_000), 1_000_000),
        ] {
            assert_eq!(read(text), (when, resolution, "x"), "{text}");
        }
        let january = When::OfYear { month: 1, day: 2, nanos: 11_045 * SECOND };
        assert_eq!(read("9999999999: x").0, When::Dated(i64::MAX), "past what fits");
        assert_eq!(read("9999999999999 x").0, When::Dated(i64::MAX), "past what fits");
        for text in ["Jan  2 03:04:05 x", "2 Jan 03:04:05 x", "<34>Jan  2 03:04:05 x"] {
            assert_eq!(read(text), (january, second, "x"), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_left_alone() {
        for text in [
            "",
            "x",
            "[",
            "2026-13-02T03:04:05Z",
            "2026-01-02",
            "25:00:00",
            "03:04",
            "1767323045",
            "17673230450: x",
            "1 Foo 03:04:05",
            "X (12) x",
            "I (12 x",
            "32 Jan 03:04:05",
        ] {
            assert_eq!(Stamp::read(text), None, "{text}");
        }
    }

    #[track_caller]
    fn at(clock: &mut Clock, text: &str) -> (i64, bool) {
        let instant = clock.read(Stamp::read(text).expect("a time").0);
        (instant.at.0, instant.anew)
    }

    #[test]
    fn midnight_is_passed() {
        let clock = &mut Clock::new(Some((2026, 1, 2)));
        let midnight = days(2026, 1, 3).unwrap() * DAY;
        assert_eq!(at(clock, "23:59:59 x"), (midnight - SECOND, false));
        assert_eq!(at(clock, "00:00:01 x"), (midnight + SECOND, false));
        assert_eq!(at(clock, "00:00:00 x"), (midnight + SECOND, false), "lines out of order");
        assert_eq!(at(clock, "00:02:00 x"), (midnight + 120 * SECOND, false));
    }

    #[test]
    fn a_clock_that_is_set_back_begins_anew() {
        let clock = &mut Clock::new(None);
        assert_eq!(at(clock, "10:00:00 x"), (36_000 * SECOND, false));
        assert_eq!(at(clock, "00:00:01 x"), (DAY + SECOND, true));
        let clock = &mut Clock::new(None);
        assert_eq!(at(clock, "2026-01-02T03:04:05Z"), (T, false));
        assert_eq!(at(clock, "2026-01-02T03:03:05Z"), (T, false), "60 s are disorder");
        assert_eq!(at(clock, "2026-01-02T03:03:04Z"), (T - 61 * SECOND, true));
    }

    #[test]
    fn a_boot_begins_anew_and_time_goes_on() {
        let clock = &mut Clock::new(None);
        assert_eq!(at(clock, "I (5000) x"), (5 * SECOND, false));
        assert_eq!(at(clock, "I (300) x"), (5 * SECOND, true));
        assert_eq!(at(clock, "I (1300) x"), (6 * SECOND, false));
    }

    #[test]
    fn a_year_ends() {
        let clock = &mut Clock::new(Some((2026, 12, 1)));
        let before = at(clock, "Dec 31 23:59:59 x").0;
        assert_eq!(at(clock, "Jan  1 00:00:00 x"), (before + SECOND, false));
    }
}
