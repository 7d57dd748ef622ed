//! The times within a line, and the same line at a later time.

/// A time as a line has it.
enum Stamp {
    /// `2026-01-02T03:04:05`, with what stands between date and time.
    Dated(i64, char),
    /// `2 Jan 03:04:05`.
    OfYear(i64),
    /// `03:04:05`.
    OfDay(i64),
    /// A number, of which so many make a second.
    Number(i64, i64),
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY: i64 = 86_400;

/// The first time of a line, in seconds.
pub(crate) fn seconds(line: &str) -> Option<i64> {
    let (_, _, stamp) = find(line, 0)?;
    Some(match stamp {
        Stamp::Dated(seconds, _) | Stamp::OfYear(seconds) | Stamp::OfDay(seconds) => seconds,
        Stamp::Number(number, unit) => number / unit,
    })
}

/// The line so many seconds later, as the copy of this number.
pub(crate) fn shifted(line: &str, by: i64, copy: usize) -> String {
    let mut shifted = String::with_capacity(line.len() + 8);
    let mut from = 0;
    while let Some((at, end, stamp)) = find(line, from) {
        shifted.push_str(&line[from..at]);
        shifted.push_str(&render(&stamp, by));
        from = end;
    }
    shifted.push_str(&line[from..]);
    let sign = "\"connection\":";
    if let Some(at) = shifted.find(sign).map(|at| at + sign.len())
        && let (digits @ 1.., number) = digits(&shifted[at..])
    {
        shifted.replace_range(at..at + digits, &(number + copy as i64 * 1000).to_string());
    }
    shifted
}

/// The next time from a place on: where it begins and ends.
fn find(line: &str, from: usize) -> Option<(usize, usize, Stamp)> {
    let bytes = line.as_bytes();
    let begins = |at: usize| {
        bytes[at].is_ascii_digit() && (at == 0 || !bytes[at - 1].is_ascii_alphanumeric())
    };
    let of = |at: usize| read(line, at).map(|(length, stamp)| (at, at + length, stamp));
    (from..bytes.len()).filter(|at| begins(*at)).find_map(of)
}

fn read(line: &str, at: usize) -> Option<(usize, Stamp)> {
    let rest = &line[at..];
    if let Some((days, between)) = date(rest)
        && let Some(time) = rest.get(11..).and_then(of_day)
    {
        return Some((19, Stamp::Dated(days * DAY + time, between)));
    }
    if let Some(found) = of_year(rest) {
        return Some(found);
    }
    if let Some(time) = of_day(rest) {
        return Some((8, Stamp::OfDay(time)));
    }
    let (length, number) = digits(rest);
    let since_boot = line[..at].ends_with(" (") && rest[length..].starts_with(") ");
    let since_start = line[..at].ends_with("\"time\":");
    let unit = match length {
        10 => 1,
        13 => 1000,
        16 => 1_000_000,
        _ if since_boot => return Some((length, Stamp::Number(number, 1000))),
        _ if since_start => return Some((length, Stamp::Number(number, 1))),
        _ => return None,
    };
    let is_now = (1_500_000_000..2_000_000_000).contains(&(number / unit));
    is_now.then_some((length, Stamp::Number(number, unit)))
}

fn render(stamp: &Stamp, by: i64) -> String {
    let time = |seconds: i64| {
        let of_day = seconds.rem_euclid(DAY);
        format!("{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)
    };
    match *stamp {
        Stamp::Dated(seconds, between) => {
            let (year, month, day) = date_of((seconds + by).div_euclid(DAY));
            format!("{year:04}-{month:02}-{day:02}{between}{}", time(seconds + by))
        }
        Stamp::OfYear(seconds) => {
            let (_, month, day) = date_of((seconds + by).div_euclid(DAY));
            format!("{day} {} {}", MONTHS[month as usize - 1], time(seconds + by))
        }
        Stamp::OfDay(seconds) => time(seconds + by),
        Stamp::Number(number, unit) => (number + by * unit).to_string(),
    }
}

/// How many digits a text begins with, and their number.
fn digits(text: &str) -> (usize, i64) {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    (length, text[..length].parse().unwrap_or(0))
}

fn number(text: &str, at: usize, length: usize) -> Option<i64> {
    let text = text.get(at..at + length)?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn date(text: &str) -> Option<(i64, char)> {
    let (year, month, day) = (number(text, 0, 4)?, number(text, 5, 2)?, number(text, 8, 2)?);
    let between = text[10..].chars().next().filter(|it| matches!(it, 'T' | ' '))?;
    let dashes = text[4..].starts_with('-') && text[7..].starts_with('-');
    dashes.then(|| (days(year, month, day), between))
}

fn of_year(text: &str) -> Option<(usize, Stamp)> {
    let (length @ 1..=2, day) = digits(text) else { return None };
    let name = text[length..].strip_prefix(' ')?.get(..3)?;
    let month = MONTHS.iter().position(|known| *known == name)?;
    let time = of_day(text.get(length + 5..)?)?;
    Some((length + 13, Stamp::OfYear(days(2026, month as i64 + 1, day) * DAY + time)))
}

fn of_day(text: &str) -> Option<i64> {
    let colons = text.get(2..3)? == ":" && text.get(5..6)? == ":";
    let (hours, minutes) = (number(text, 0, 2)?, number(text, 3, 2)?);
    colons.then(|| Some(hours * 3600 + minutes * 60 + number(text, 6, 2)?))?
}

/// Days since 1970.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let before = |year: i64| year * 365 + year / 4 - year / 100 + year / 400;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let months = [31, 28 + i64::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    before(year - 1) - before(1969) + months[..month as usize - 1].iter().sum::<i64>() + day - 1
}

fn date_of(since: i64) -> (i64, i64, i64) {
    let year = (1970..).find(|year| days(year + 1, 1, 1) > since).unwrap_or_default();
    let month = (1..12).find(|month| days(year, month + 1, 1) > since).unwrap_or(12);
    (year, month, since - days(year, month, 1) + 1)
}
