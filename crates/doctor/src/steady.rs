//! Whether a row of durations is constant, growing or doubling.

use core::time::Duration;

/// Whether the durations differ little: their coefficient of variation is
/// below `percent`. Fewer than two are not steady.
pub(crate) fn steady(spans: &[Duration], percent: u32) -> bool {
    let n = spans.len() as u128;
    if n < 2 {
        return false;
    }
    let micros = |span: &Duration| span.as_micros().min(1 << 50);
    let sum: u128 = spans.iter().map(micros).sum();
    // n^2 times the variance, compared without a root or a division:
    // (n * sum of squares - sum^2) * 100^2 < (percent * sum)^2.
    let squares: u128 = spans.iter().map(|span| micros(span).pow(2)).sum();
    let variance = (n * squares).saturating_sub(sum * sum);
    let bound = sum.saturating_mul(percent.into()) / 100;
    variance < bound.saturating_mul(bound)
}

/// The middle duration; zero if there is none.
pub(crate) fn median(spans: &[Duration]) -> Duration {
    let mut sorted = alloc::vec::Vec::from(spans);
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Whether two durations are within `percent` of the larger one.
pub(crate) fn alike(one: Duration, other: Duration, percent: u32) -> bool {
    one.abs_diff(other).saturating_mul(100) <= one.max(other).saturating_mul(percent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn ms(all: &[u64]) -> Vec<Duration> {
        all.iter().copied().map(Duration::from_millis).collect()
    }

    #[test]
    fn steady_is_below_the_coefficient_of_variation() {
        // Mean 1,000, deviation 10: 1 %.
        assert!(steady(&ms(&[990, 1010, 990, 1010]), 2));
        assert!(!steady(&ms(&[990, 1010, 990, 1010]), 1));
        assert!(!steady(&ms(&[1000]), 50));
        assert!(!steady(&[], 50));
    }

    #[test]
    fn alike_is_within_a_part_of_the_larger() {
        assert!(alike(Duration::from_secs(95), Duration::from_secs(100), 5));
        assert!(!alike(Duration::from_secs(94), Duration::from_secs(100), 5));
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&ms(&[9, 1, 5])), Duration::from_millis(5));
        assert_eq!(median(&[]), Duration::ZERO);
    }
}
