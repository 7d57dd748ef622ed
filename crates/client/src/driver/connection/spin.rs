//! How long the driver stays awake for the next bytes.

/// Messages acknowledged, or published, at once that make a flow: the server
/// can send as many again, or as many acknowledgements. Fewer are not worth a
/// look.
const FLOW: usize = 16;
/// Answers of the server that a flow brings: to QoS 2 it says PUBREL first.
const ANSWERS: u32 = 2;
/// Looks for an answer before the driver sleeps: a look costs less than a
/// microsecond; to sleep and be woken, on a virtual machine, twenty or thirty,
/// and the server as much.
const LOOKS: u32 = 64;
/// Flows that are waited for asleep after one that went on too late ...
const REST: u32 = 8;
/// ... and after each in a row twice as many, up to this.
const LONGEST_REST: u32 = 1024;

/// Lets the driver look for more instead of sleeping, where the server is
/// likely to answer within microseconds.
///
/// Only in the midst of a flow, and only while the looks are worth it: a
/// client that is idle, or has a message now and then, never looks in vain,
/// and one that has bursts hardly ever.
#[derive(Debug)]
pub(crate) struct Patience {
    /// Answers still to be looked for.
    answers: u32,
    /// Looks left for the next one.
    looks: u32,
    /// Flows left to be waited for asleep.
    rest: u32,
    /// How many they are after the next one that goes on too late.
    next_rest: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { answers: 0, looks: 0, rest: 0, next_rest: REST }
    }
}

impl Patience {
    /// So many messages are acknowledged, or published, at once.
    pub(crate) const fn on_sent(&mut self, messages: usize) {
        if messages < FLOW {
            return;
        }
        if self.rest > 0 {
            self.rest -= 1;
            return;
        }
        (self.answers, self.looks) = (ANSWERS, LOOKS);
    }

    pub(crate) const fn on_read(&mut self) {
        if self.looks > 0 {
            self.answers -= 1;
            self.looks = if self.answers > 0 { LOOKS } else { 0 };
            self.next_rest = REST;
        }
    }

    /// There is nothing to do: true where the driver should look again soon,
    /// after all other tasks, and false where it should sleep.
    pub(crate) const fn looks_again(&mut self) -> bool {
        if self.looks == 0 {
            return false;
        }
        self.looks -= 1;
        if self.looks == 0 {
            self.rest = self.next_rest;
            self.next_rest = if self.rest < LONGEST_REST { 2 * self.rest } else { LONGEST_REST };
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(patience: &mut Patience) -> u32 {
        let mut looks = 0;
        while patience.looks_again() {
            looks += 1;
        }
        looks
    }

    fn looks_after(patience: &mut Patience, acknowledged: usize) -> u32 {
        patience.on_sent(acknowledged);
        looks(patience)
    }

    #[test]
    fn only_a_flow_is_worth_a_look() {
        let mut patience = Patience::default();
        for _ in 0..1000 {
            patience.on_read();
            assert_eq!(looks_after(&mut patience, FLOW - 1), 0);
        }
        assert_eq!(looks_after(&mut patience, FLOW), LOOKS);
    }

    #[test]
    fn a_flow_that_goes_on_is_always_looked_for() {
        let mut patience = Patience::default();
        for _ in 0..3 * REST {
            patience.on_sent(FLOW);
            for _ in 1..LOOKS {
                assert!(patience.looks_again());
            }
            patience.on_read();
        }
    }

    #[test]
    fn what_comes_little_by_little_after_a_flow_is_slept_for() {
        let mut patience = Patience::default();
        patience.on_sent(FLOW);
        for _ in 0..ANSWERS {
            assert!(patience.looks_again());
            patience.on_read();
        }
        assert_eq!(looks_after(&mut patience, 1), 0);
    }

    #[test]
    fn one_that_went_on_too_late_is_slept_for_more_and_more_often() {
        let mut patience = Patience::default();
        for rest in [REST, 2 * REST, 4 * REST] {
            assert_eq!(looks_after(&mut patience, FLOW), LOOKS);
            for _ in 0..rest {
                assert_eq!(looks_after(&mut patience, FLOW), 0);
                patience.on_read();
            }
        }
        let in_vain: u32 = (0..10 * LONGEST_REST).map(|_| looks_after(&mut patience, FLOW)).sum();
        assert!(in_vain <= 20 * LOOKS, "{in_vain} looks");
    }

    #[test]
    fn success_makes_up_for_what_was_in_vain() {
        let mut patience = Patience::default();
        for rest in [REST, 2 * REST] {
            assert_eq!(looks_after(&mut patience, FLOW), LOOKS);
            (0..rest).for_each(|_| patience.on_sent(FLOW));
        }
        patience.on_sent(FLOW);
        patience.on_read();
        assert_eq!(looks(&mut patience), LOOKS);
        assert_eq!(patience.rest, REST);
    }
}
