//! How the distances between attempts grow.

use std::fmt;
use std::time::Duration;

/// How far figures that count as equal may lie apart, in parts of their mean.
const SPREAD: f64 = 0.1;
/// Fewer distances say nothing.
pub const FEWEST: usize = 3;

/// How distances grow, from the worst for a server to the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// They are equal.
    Constant,
    /// Each is longer by the same time.
    Linear,
    /// Each is longer by the same factor.
    Exponential,
    /// They follow no rule: they are random.
    Jitter,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Constant => "constant",
            Self::Linear => "linear",
            Self::Exponential => "exponential",
            Self::Jitter => "with jitter",
        })
    }
}

/// What is known of a round of attempts.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// The distances in seconds.
    pub gaps: Vec<f64>,
    /// How they grow; nothing if they are fewer than [`FEWEST`].
    pub shape: Option<Shape>,
    /// True if the second half is longer than the first, in the mean.
    pub grows: bool,
}

impl Round {
    /// Judges attempts by their times, in order.
    #[must_use]
    pub fn of(times: &[Duration]) -> Self {
        let pairs = times.iter().zip(times.iter().skip(1));
        let gaps: Vec<f64> =
            pairs.map(|(from, to)| to.saturating_sub(*from).as_secs_f64()).collect();
        let shape = (gaps.len() >= FEWEST).then(|| shape(&gaps));
        let (first, second) = gaps.split_at(gaps.len() / 2);
        let grows = mean(second) > mean(first) * (1.0 + SPREAD);
        Self { gaps, shape, grows }
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shape {
            Some(shape) => write!(f, "{shape}:")?,
            None => f.write_str("too few:")?,
        }
        self.gaps.iter().try_for_each(|gap| write!(f, " {gap:.1}"))?;
        f.write_str(" s")
    }
}

fn shape(gaps: &[f64]) -> Shape {
    if are_equal(gaps) {
        return Shape::Constant;
    }
    let gaps = growing(gaps);
    let differences = steps(gaps, |from, to| to - from);
    if are_equal(&differences) {
        Shape::Linear
    } else if are_equal(&growth(gaps)) || (gaps.len() > FEWEST && are_equal(&growth(&differences)))
    {
        Shape::Exponential
    } else {
        Shape::Jitter
    }
}

/// The distances before they reach a cap, at which they stay. The cap itself
/// counts only if there would be too few.
fn growing(gaps: &[f64]) -> &[f64] {
    let longest = gaps.iter().copied().fold(0.0, f64::max);
    let is_cap = |gap: &&f64| **gap >= longest * (1.0 - SPREAD / 2.0);
    let capped = gaps.iter().rev().take_while(is_cap).count();
    if capped <= 1 {
        return gaps;
    }
    let below = gaps.len() - capped;
    let end = if below >= FEWEST { below } else { (below + 1).max(FEWEST) };
    gaps.get(..end).unwrap_or(gaps)
}

/// By which part of itself each figure grows. Differences grow as the figures
/// do, and tell it also if a constant time of waiting is part of each.
fn growth(figures: &[f64]) -> Vec<f64> {
    steps(figures, |from, to| to / from - 1.0)
}

fn steps(gaps: &[f64], step: fn(f64, f64) -> f64) -> Vec<f64> {
    gaps.iter().zip(gaps.iter().skip(1)).map(|(from, to)| step(*from, *to)).collect()
}

/// True if figures are positive and lie within a tenth of their mean.
fn are_equal(figures: &[f64]) -> bool {
    let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
    let most = figures.iter().copied().fold(0.0, f64::max);
    least > 0.0 && most - least < SPREAD * mean(figures)
}

fn mean(figures: &[f64]) -> f64 {
    if figures.is_empty() { 0.0 } else { figures.iter().sum::<f64>() / figures.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(gaps: &[f64]) -> Round {
        let mut now = 0.0;
        let mut times = vec![Duration::ZERO];
        for gap in gaps {
            now += gap;
            times.push(Duration::from_secs_f64(now));
        }
        Round::of(&times)
    }

    #[test]
    fn each_shape_and_its_neighbours() {
        use Shape::{Constant, Exponential, Jitter, Linear};
        for (gaps, expected, grows) in [
            (&[5.0, 5.0, 5.0, 5.0][..], Constant, false),
            (&[10.0, 10.4, 10.9], Constant, false),
            (&[10.0, 10.4, 11.1], Jitter, false),
            (&[1.0, 2.0, 3.0, 4.0, 5.0], Linear, true),
            (&[11.0, 12.02, 13.0, 14.01], Linear, true),
            (&[1.0, 2.0, 4.0], Exponential, true),
            (&[1.0, 2.0, 4.0, 8.0, 16.0], Exponential, true),
            (&[1.0, 1.5, 2.25, 3.37, 5.06], Exponential, true),
            (&[1.0, 2.0, 4.0, 8.0, 10.0, 10.0], Exponential, true),
            (&[1.0, 2.0, 4.0, 4.0, 4.0, 4.0], Exponential, true),
            (&[1.0, 2.0, 3.0, 4.0, 4.0, 4.0], Linear, true),
            (&[31.0, 32.0, 34.0, 38.0, 46.0], Exponential, true),
            (&[16.0, 8.0, 4.0, 2.0], Jitter, false),
            (&[4.0, 3.0, 2.0, 1.0], Jitter, false),
            (&[0.6, 1.3, 3.4, 6.7, 15.7, 27.3], Jitter, true),
            (&[11.2, 11.4, 12.0, 11.4, 15.6], Jitter, true),
            (&[30.9, 31.6, 32.4, 37.5, 41.1], Jitter, true),
            (&[12.1, 11.4, 11.0, 11.4, 11.8], Constant, false),
            (&[3.0, 9.0, 1.0, 7.0], Jitter, false),
            (&[1.0, 1.0, 0.0, 0.0], Jitter, false),
        ] {
            let found = round(gaps);
            assert_eq!((found.shape, found.grows), (Some(expected), grows), "{gaps:?}");
        }
    }

    #[test]
    fn too_few_attempts_say_nothing() {
        for times in [&[][..], &[1.0], &[1.0, 2.0]] {
            assert_eq!(round(times).shape, None, "{times:?}");
        }
        assert_eq!(Round::of(&[]).shape, None);
        assert_eq!(round(&[1.0, 2.0]).to_string(), "too few: 1.0 2.0 s");
        assert_eq!(round(&[1.0, 2.0, 4.0]).to_string(), "exponential: 1.0 2.0 4.0 s");
    }

    #[test]
    fn the_order_of_shapes_is_from_bad_to_good() {
        assert!(Shape::Constant < Shape::Linear && Shape::Linear < Shape::Exponential);
        assert!(Shape::Exponential < Shape::Jitter);
    }
}
