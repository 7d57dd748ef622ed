//! Whether writes are quick enough for a task to make them.

use std::time::Duration;

/// A copy into the memory of the operating system takes microseconds.
const SLOW: Duration = Duration::from_millis(1);
/// Batches that are left to the thread after a write that was slow ...
const PAUSE: u32 = 1_000;
/// ... and the most, after several in a row.
const LONGEST_PAUSE: u32 = 1_000_000;

/// Leaves batches to the store's thread for a while after a write that was slow.
#[derive(Debug)]
pub(super) struct Pace {
    left: u32,
    next: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { left: 0, next: PAUSE }
    }
}

impl Pace {
    /// Asked before each batch: true if it may be written in place.
    pub(super) const fn is_quick(&mut self) -> bool {
        if self.left == 0 {
            return true;
        }
        self.left -= 1;
        false
    }

    /// A write in place took so long.
    pub(super) fn took(&mut self, time: Duration) {
        if time < SLOW {
            self.next = PAUSE;
        } else {
            self.left = self.next;
            self.next = (2 * self.next).min(LONGEST_PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_to_the_thread(pace: &mut Pace) -> u32 {
        let mut batches = 0;
        while !pace.is_quick() {
            batches += 1;
        }
        batches
    }

    #[test]
    fn a_slow_disk_is_written_to_by_the_thread_ever_more_often() {
        let mut pace = Pace::default();
        pace.took(SLOW - Duration::from_nanos(1));
        assert_eq!(left_to_the_thread(&mut pace), 0);
        for pause in [PAUSE, 2 * PAUSE, 4 * PAUSE] {
            pace.took(SLOW);
            assert_eq!(left_to_the_thread(&mut pace), pause);
        }
        (0..20).for_each(|_| pace.took(SLOW));
        assert_eq!(left_to_the_thread(&mut pace), LONGEST_PAUSE);
        pace.took(Duration::ZERO);
        pace.took(SLOW);
        assert_eq!(left_to_the_thread(&mut pace), PAUSE, "a quick one makes up for it");
    }
}
