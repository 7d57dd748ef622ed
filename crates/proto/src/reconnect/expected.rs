//! How often a server wants to see a CONNECT while it answers none, and what
//! follows for the back-off and for the wait for CONNACK (R18).

use core::time::Duration;

use crate::rng::Rng;

/// How often a server wants to see a CONNECT of a client that gets no answer.
///
/// The back-off and the wait for CONNACK keep to it for so many attempts since
/// the last stable connection; further ones go by the rest of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// So many, at least.
    pub connects: u32,
    /// Within this time.
    pub within: Duration,
}

/// Of so many attempts without an answer, the last one waits for CONNACK as long as
/// the connect time-out allows: a server that is slow is reached all the same.
const FULL_WAIT: u32 = 6;

/// Delays in a row differ by this part of the longest one at least.
const APART: u32 = 6;

impl Expected {
    /// From one CONNECT to the next, at most.
    fn distance(self) -> Duration {
        self.within / self.connects.max(1)
    }

    /// How long CONNACK is waited for.
    pub(crate) fn wait(self) -> Duration {
        self.distance() * 2 / 5
    }

    /// The longest back-off behind such a floor.
    pub(super) fn longest_back_off(self, floor: Duration) -> Duration {
        self.distance().saturating_sub(floor.max(self.wait()))
    }
}

/// A delay from `low` to `high` that is not near the one before: who judges the
/// distances does not find them equal by chance.
pub(super) fn apart(low: Duration, high: Duration, before: Duration, rng: &mut Rng) -> Duration {
    let margin = high / APART;
    let below = before.saturating_sub(margin).min(high).saturating_sub(low);
    let above = high.saturating_sub(before.saturating_add(margin).max(low));
    let place = rng.between(Duration::ZERO, below + above);
    if place < below { low + place } else { high.saturating_sub(below + above - place) }
}

/// How long this client waits for CONNACK, by what became of its waits before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waits {
    /// Attempts without an answer in a row.
    unanswered: u32,
    /// The last answer took longer than the short wait.
    is_slow: bool,
}

impl Waits {
    pub(super) fn on_answer(&mut self, took: Duration, expected: Expected) {
        *self = Self { unanswered: 0, is_slow: took > expected.wait() };
    }

    pub(super) const fn on_no_answer(&mut self) {
        self.unanswered = self.unanswered.wrapping_add(1);
    }

    /// True if the next wait may be a short one.
    pub(super) const fn is_short(self) -> bool {
        !self.is_slow && self.unanswered % FULL_WAIT != FULL_WAIT - 1
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn delays_in_a_row_are_apart_and_in_range() {
        let mut rng = Rng::new(1);
        let (low, high) = (SECOND * 7, SECOND * 14);
        let mut before = Duration::ZERO;
        let mut halves = [0, 0];
        for _ in 0..10_000 {
            let delay = apart(low, high, before, &mut rng);
            assert!((low..=high).contains(&delay), "{delay:?}");
            assert!(delay.abs_diff(before) >= high / APART, "{delay:?} after {before:?}");
            halves[usize::from(delay > (low + high) / 2)] += 1;
            before = delay;
        }
        assert!(halves.iter().all(|count| *count > 4000), "{halves:?}");
    }

    #[test]
    fn a_range_that_is_far_from_the_one_before_is_whole() {
        let mut rng = Rng::new(1);
        let far = [Duration::ZERO, SECOND * 100, Duration::MAX];
        for (before, low, high) in far.map(|before| (before, SECOND, SECOND * 2)) {
            let delays: Vec<_> = (0..100).map(|_| apart(low, high, before, &mut rng)).collect();
            assert!(delays.iter().all(|delay| (low..=high).contains(delay)), "{before:?}");
            let (least, most) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
            assert!(*most - *least > SECOND / 2, "{before:?}");
        }
        assert_eq!(apart(SECOND, SECOND, SECOND, &mut rng), SECOND, "no room is no fault");
    }

    #[test]
    fn expectations_without_room_leave_no_back_off() {
        let expected = Expected { connects: 12, within: SECOND * 300 };
        assert_eq!(expected.wait(), SECOND * 10);
        assert_eq!(expected.longest_back_off(SECOND * 11), SECOND * 14);
        assert_eq!(expected.longest_back_off(Duration::ZERO), SECOND * 15);
        assert_eq!(expected.longest_back_off(SECOND * 30), Duration::ZERO);
        let none = Expected { connects: 0, within: SECOND };
        assert_eq!(none.longest_back_off(Duration::ZERO), SECOND * 3 / 5);
    }
}
