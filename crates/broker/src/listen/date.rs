//! The header `Date` of HTTP: `Sun, 29 Nov 2026 12:00:00 GMT`.

use std::time::{Duration, SystemTime};

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [(&str, u64); 12] = [
    ("Jan", 31),
    ("Feb", 28),
    ("Mar", 31),
    ("Apr", 30),
    ("May", 31),
    ("Jun", 30),
    ("Jul", 31),
    ("Aug", 31),
    ("Sep", 30),
    ("Oct", 31),
    ("Nov", 30),
    ("Dec", 31),
];

/// The present time; a clock that was never set says 1970.
pub(super) fn now() -> String {
    text(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

fn text(unix: Duration) -> String {
    let (mut day, second) = (unix.as_secs() / 86_400, unix.as_secs() % 86_400);
    let weekday = usize::try_from(day % 7).ok().and_then(|index| DAYS.get(index)).unwrap_or(&"Thu");
    let mut year = 1970;
    let of_year = |year| if is_leap(year) { 366 } else { 365 };
    while day >= of_year(year) {
        day -= of_year(year);
        year += 1;
    }
    let mut name = "Dec";
    for (month, days) in MONTHS {
        let days = if month == "Feb" && is_leap(year) { 29 } else { days };
        if day < days {
            name = month;
            break;
        }
        day -= days;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{weekday}, {:02} {name} {year:04} {hour:02}:{minute:02}:{second:02} GMT", day + 1)
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
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
            (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] {
            assert_eq!(text(Duration::from_secs(seconds)), expected);
        }
    }
}
