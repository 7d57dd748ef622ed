//! Dates: in their basic form, `20261129T120000Z`, and as policies have them.

use std::time::Duration;

use evenkeel_broker::core::Date;

/// The time since the beginning of 1970; nothing if the text is no such date.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let bytes = text.as_bytes();
    if bytes.len() != 16 || bytes.get(8) != Some(&b'T') || bytes.get(15) != Some(&b'Z') {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<u64> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let date = Date {
        year: number(0, 4)?,
        month: number(4, 6)?,
        day: number(6, 8)?,
        hour: number(9, 11)?,
        minute: number(11, 13)?,
        second: number(13, 15)?,
    };
    date.unix()
}

/// A date as policies write it, in seconds since the beginning of 1970, before it
/// below zero: a form of ISO 8601 from `2026` to `2026-11-29T12:00:00.5+01:00`, or
/// such seconds. Four digits are a year.
pub(super) fn of_policy(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.len() != 4 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let (date, clock) = match text.split_once('T') {
        Some((date, clock)) => (date, Some(clock)),
        None => (text, None),
    };
    let day = match (date.len(), clock) {
        (4, None) => format!("{date}0101"),
        (7, None) => format!("{}01", without_dashes(date)?),
        (10, _) => without_dashes(date)?,
        _ => return None,
    };
    let Some(clock) = clock else { return basic(&day, "000000") };
    let (clock, offset) = match clock.strip_suffix('Z') {
        Some(clock) => (clock, 0),
        None => {
            let (clock, zone) = clock.split_at_checked(clock.len().checked_sub(6)?)?;
            (clock, minutes(zone)?)
        }
    };
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let time = match (whole.len(), clock.len()) {
        (5, 5) => format!("{}00", without_colons(whole)?),
        (8, _) => without_colons(whole)?,
        _ => return None,
    };
    let fraction: f64 = is_fraction.then(|| format!("0.{fraction}").parse().ok())??;
    Some(basic(&day, &time)? + fraction - f64::from(offset) * 60.0)
}

/// The same moment for a condition key: `2026-11-29T12:00:00Z`.
pub(super) fn to_text(unix: Duration) -> String {
    let Date { year, month, day, hour, minute, second } = Date::of(unix);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn basic(day: &str, time: &str) -> Option<f64> {
    parse(&format!("{day}T{time}Z")).map(|time| time.as_secs_f64())
}

fn without_dashes(date: &str) -> Option<String> {
    let stand = [4, 7].into_iter().filter(|at| *at < date.len());
    let fits = stand.into_iter().all(|at| date.as_bytes().get(at) == Some(&b'-'));
    fits.then(|| date.replace('-', ""))
}

fn without_colons(clock: &str) -> Option<String> {
    let stand = [2, 5].into_iter().filter(|at| *at < clock.len());
    let fits = stand.into_iter().all(|at| clock.as_bytes().get(at) == Some(&b':'));
    fits.then(|| clock.replace(':', ""))
}

/// The minutes of a zone such as `+01:00`.
fn minutes(zone: &str) -> Option<i32> {
    let (sign, clock) = zone.split_at_checked(1)?;
    let digits = without_colons(clock).filter(|digits| digits.len() == 4)?;
    let number: i32 =
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    let minutes =
        (number < 2400 && number % 100 < 60).then_some(number / 100 * 60 + number % 100)?;
    match sign {
        "+" => Some(minutes),
        "-" => Some(-minutes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_many_years() {
        for (text, seconds) in [
            ("19700101T000000Z", 0),
            ("20000229T235959Z", 951_868_799),
            ("20261129T120000Z", 1_795_953_600),
            ("21000301T000000Z", 4_107_542_400),
        ] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "20261129T120000",
            "20261129 120000Z",
            "20261129T240000Z",
            "20261129T126000Z",
            "20261129T120061Z",
            "20261329T120000Z",
            "20260001T120000Z",
            "20260230T120000Z",
            "21000229T120000Z",
            "19691231T235959Z",
            "2026112+T120000Z",
            "2026-11-29T12:00:00Z",
            "ä0261129T12000Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn dates_of_policies() {
        let noon = 1_795_953_600.0;
        for (text, seconds) in [
            ("2026", 1_767_225_600.0),
            ("2026-11", 1_793_491_200.0),
            ("2026-11-29", noon - 43_200.0),
            ("2026-11-29T12:00Z", noon),
            ("2026-11-29T12:00:00Z", noon),
            ("2026-11-29T12:00:00.25Z", noon + 0.25),
            ("2026-11-29T13:30:00+01:30", noon),
            ("2026-11-29T11:00:00.5-01:00", noon + 0.5),
            ("1795953600", noon),
            ("0", 0.0),
            ("-86400", -86_400.0),
        ] {
            assert_eq!(of_policy(text), Some(seconds), "{text}");
        }
        for text in [
            "",
            "-",
            "today",
            "2026-13",
            "2026-1",
            "2026/11/29",
            "2026-11T12:00Z",
            "2026-11-29T",
            "2026-11-29T12Z",
            "2026-11-29T12:00",
            "2026-11-29T12-00Z",
            "2026-11-29T12:00.5Z",
            "2026-11-29T12:00:00.Z",
            "2026-11-29T12:00:00.xZ",
            "2026-11-29T12:00:00+0100",
            "2026-11-29T12:00:00+01:60",
            "2026-11-29T12:00:00*01:00",
            "ä026-11-29T12:00:00Z",
        ] {
            assert_eq!(of_policy(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_and_back() {
        for seconds in [0_u32, 951_868_799, 1_795_953_600, 4_107_542_400] {
            let text = to_text(Duration::from_secs(seconds.into()));
            assert_eq!(of_policy(&text), Some(seconds.into()), "{text}");
        }
        assert_eq!(to_text(Duration::from_secs(1_795_953_600)), "2026-11-29T12:00:00Z");
    }
}
