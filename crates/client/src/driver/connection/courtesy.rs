//! When the driver lets those run first whom it has woken.

use crate::tuning::courtesies;

/// Lets several tasks that were woken at once run before the driver writes, so
/// that one write serves all of them. A runtime of several threads would
/// not: whom a task wakes runs next, before all others that were woken earlier,
/// and so the driver would write for each of them alone.
#[derive(Debug, Default)]
pub(crate) struct Courtesy {
    /// Times in a row.
    times: u8,
    /// How many were expected last.
    left: u32,
}

impl Courtesy {
    /// So many were woken, and have not come for what they were woken for: true
    /// if the driver gives way to them. It does not wait: if none of them has
    /// come meanwhile, none is about to, and one alone brings no company.
    pub(crate) fn gives_way(&mut self, expected: usize) -> bool {
        let expected = u32::try_from(expected).unwrap_or(u32::MAX);
        let moves = std::mem::replace(&mut self.left, expected) != expected;
        let gives_way = expected > 1 && moves && self.times < courtesies();
        self.times = if gives_way { self.times + 1 } else { 0 };
        gives_way
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_that_were_woken_come_first() {
        let mut courtesy = Courtesy::default();
        assert!(courtesy.gives_way(64));
        assert!(!courtesy.gives_way(0));
        assert!(courtesy.gives_way(64), "each time");
    }

    #[test]
    fn one_alone_is_served_at_once() {
        let mut courtesy = Courtesy::default();
        for expected in [1, 0, 1, 1, 0] {
            assert!(!courtesy.gives_way(expected));
        }
    }

    #[test]
    fn those_who_do_not_come_are_not_waited_for() {
        let mut courtesy = Courtesy::default();
        assert!(courtesy.gives_way(10));
        assert!(courtesy.gives_way(3), "some did");
        for _ in 0..100 {
            assert!(!courtesy.gives_way(3));
        }
    }

    #[test]
    fn those_who_never_cease_to_come_hold_nothing_up() {
        let mut courtesy = Courtesy::default();
        for number in 0..courtesies() as usize {
            assert!(courtesy.gives_way(100 + number % 2));
        }
        assert!(!courtesy.gives_way(200));
    }
}
