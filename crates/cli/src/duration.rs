//! Lengths of time as people read them. All output says them in this way.

use std::time::Duration;

/// Below this a delay is none that anybody sees.
const AT_ONCE: Duration = Duration::from_millis(1);

/// Such as `214 µs`, `683 ms`, `6.0 s`, `2 min 5 s` or `3 h 20 min`.
pub(crate) fn text(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    // As they are rounded below, so that nothing is called `1000 ms` or `60.0 s`.
    if seconds < 0.000_999_5 {
        return format!("{:.0} µs", seconds * 1e6);
    }
    if seconds < 0.999_5 {
        return format!("{:.0} ms", seconds * 1e3);
    }
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// `after 6.0 s`, or `at once`.
pub(crate) fn after(time: Duration) -> String {
    at_once_or("after", time)
}

/// `in 6.0 s`, or `at once`.
pub(crate) fn within(time: Duration) -> String {
    at_once_or("in", time)
}

/// `for 6.0 s`, or nothing.
pub(crate) fn for_time(time: Duration) -> String {
    if time < AT_ONCE { String::new() } else { format!("for {}", text(time)) }
}

fn at_once_or(preposition: &str, time: Duration) -> String {
    if time < AT_ONCE { "at once".to_owned() } else { format!("{preposition} {}", text(time)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_the_unit_that_fits_it() {
        for (micros, told) in [
            (0, "0 µs"),
            (214, "214 µs"),
            (999, "999 µs"),
            (1_000, "1 ms"),
            (683_400, "683 ms"),
            (999_700, "1.0 s"),
            (6_040_000, "6.0 s"),
            (59_940_000, "59.9 s"),
            (59_960_000, "1 min"),
            (65_000_000, "1 min 5 s"),
            (3_600_000_000, "1 h"),
            (12_000_000_000, "3 h 20 min"),
        ] {
            assert_eq!(text(Duration::from_micros(micros)), told);
        }
    }

    #[test]
    fn what_takes_no_time_is_at_once() {
        assert_eq!(after(Duration::ZERO), "at once");
        assert_eq!(within(Duration::from_micros(999)), "at once");
        assert_eq!(within(Duration::from_millis(1)), "in 1 ms");
        assert_eq!(after(Duration::from_secs(6)), "after 6.0 s");
    }
}
