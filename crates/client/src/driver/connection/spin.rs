//! How long the driver stays awake for the next bytes.

use crate::tuning::{spin_answers, spin_from, spin_longest_pause, spin_pause, spin_polls};

/// Lets the driver look for more instead of sleeping, if the server is
/// likely to answer within microseconds.
///
/// Only in the midst of a flow, and only while the polls are worth it: a
/// client that is idle, or has a message now and then, never polls in vain,
/// and one that has bursts hardly ever.
#[derive(Debug)]
pub(crate) struct Spin {
    /// Answers still to be looked for.
    answers: u32,
    /// Looks left for the next one.
    polls: u32,
    /// Flows left to be waited for asleep.
    pause: u32,
    /// How many they are after the next one that goes on too late.
    next_pause: u32,
}

impl Default for Spin {
    fn default() -> Self {
        Self { answers: 0, polls: 0, pause: 0, next_pause: spin_pause() }
    }
}

impl Spin {
    /// So many messages are acknowledged, or published, at once.
    pub(crate) fn on_sent(&mut self, messages: usize) {
        if messages < spin_from() {
            return;
        }
        if self.pause > 0 {
            self.pause -= 1;
            return;
        }
        (self.answers, self.polls) = (spin_answers(), spin_polls());
    }

    pub(crate) fn on_read(&mut self) {
        if self.polls > 0 {
            self.answers -= 1;
            self.polls = if self.answers > 0 { spin_polls() } else { 0 };
            self.next_pause = spin_pause();
        }
    }

    /// There is nothing to do: true if the driver should look again soon,
    /// after all other tasks, and false if it should sleep.
    pub(crate) fn spins_again(&mut self) -> bool {
        if self.polls == 0 {
            return false;
        }
        self.polls -= 1;
        if self.polls == 0 {
            self.pause = self.next_pause;
            self.next_pause = if self.pause < spin_longest_pause() {
                2 * self.pause
            } else {
                spin_longest_pause()
            };
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn polls(spin: &mut Spin) -> u32 {
        let mut polls = 0;
        while spin.spins_again() {
            polls += 1;
        }
        polls
    }

    fn polls_after(spin: &mut Spin, acknowledged: usize) -> u32 {
        spin.on_sent(acknowledged);
        polls(spin)
    }

    #[test]
    fn only_a_flow_is_polled_for() {
        let mut spin = Spin::default();
        for _ in 0..1000 {
            spin.on_read();
            assert_eq!(polls_after(&mut spin, spin_from() - 1), 0);
        }
        assert_eq!(polls_after(&mut spin, spin_from()), spin_polls());
    }

    #[test]
    fn a_flow_that_goes_on_is_always_polled_for() {
        let mut spin = Spin::default();
        for _ in 0..3 * spin_pause() {
            spin.on_sent(spin_from());
            for _ in 1..spin_polls() {
                assert!(spin.spins_again());
            }
            spin.on_read();
        }
    }

    #[test]
    fn what_comes_little_by_little_after_a_flow_is_waited_for_asleep() {
        let mut spin = Spin::default();
        spin.on_sent(spin_from());
        for _ in 0..spin_answers() {
            assert!(spin.spins_again());
            spin.on_read();
        }
        assert_eq!(polls_after(&mut spin, 1), 0);
    }

    #[test]
    fn one_that_went_on_too_late_is_waited_for_asleep_more_often() {
        let mut spin = Spin::default();
        for pause in [spin_pause(), 2 * spin_pause(), 4 * spin_pause()] {
            assert_eq!(polls_after(&mut spin, spin_from()), spin_polls());
            for _ in 0..pause {
                assert_eq!(polls_after(&mut spin, spin_from()), 0);
                spin.on_read();
            }
        }
        let in_vain: u32 =
            (0..10 * spin_longest_pause()).map(|_| polls_after(&mut spin, spin_from())).sum();
        assert!(in_vain <= 20 * spin_polls(), "{in_vain} polls");
    }

    #[test]
    fn success_makes_up_for_what_was_in_vain() {
        let mut spin = Spin::default();
        for pause in [spin_pause(), 2 * spin_pause()] {
            assert_eq!(polls_after(&mut spin, spin_from()), spin_polls());
            (0..pause).for_each(|_| spin.on_sent(spin_from()));
        }
        spin.on_sent(spin_from());
        spin.on_read();
        assert_eq!(polls(&mut spin), spin_polls());
        assert_eq!(spin.pause, spin_pause());
    }
}
