//! Counts with their nouns.

use std::fmt::Display;

/// Such as `1 message` or `2 messages`.
pub(crate) fn plural(count: impl Display + Copy + TryInto<u64>, noun: &str) -> String {
    let is_one = count.try_into().is_ok_and(|count| count == 1);
    if is_one { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// As in `1 message was lost` and `2 messages were lost`.
pub(crate) fn plural_were(count: impl Display + Copy + TryInto<u64>, noun: &str) -> String {
    let is_one = count.try_into().is_ok_and(|count| count == 1);
    let verb = if is_one { "was" } else { "were" };
    format!("{} {verb}", plural(count, noun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        assert_eq!(
            [0_usize, 1, 2].map(|count| plural(count, "ping")),
            ["0 pings", "1 ping", "2 pings"]
        );
        assert_eq!(plural_were(1_u64, "message"), "1 message was");
        assert_eq!(plural_were(3_u32, "message"), "3 messages were");
    }
}
