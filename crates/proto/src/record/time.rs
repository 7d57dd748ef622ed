//! Time that outlives a process. Messages expire by time that has passed
//! (D18), and no wall clock knows that: it is set, and set back.

use core::fmt;
use core::time::Duration;

use crate::time::Instant;

/// A point in time that outlives a process: milliseconds since 1970 UTC, as
/// the system's clock showed them. For people; it may be set at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// Time from `earlier` to this; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Names the time from one start of a machine to the next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootId(pub [u8; 16]);

impl fmt::Debug for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Milliseconds that have passed in the life of a store, as far as anyone
/// knows: it never goes back, and no setting of a clock moves it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Age(pub u64);

impl Age {
    /// Time from `earlier` to this; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The age after this time; the end of all time at most.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// What the system says of the present instant, beside the clock that drives
/// the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock, which may step.
    pub wall: UnixMillis,
    /// The boot of the machine, if it is known, and if the instants given
    /// to the client count from that boot on, in all processes alike.
    pub boot: Option<BootId>,
}

impl From<UnixMillis> for Moment {
    /// The wall clock is all there is.
    fn from(wall: UnixMillis) -> Self {
        Self { wall, boot: None }
    }
}

/// One moment on all clocks, as a store keeps it: by it the next process knows
/// how much time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredTime {
    /// The boot in which `at` was read.
    pub boot: Option<BootId>,
    /// The clock of the client.
    pub at: Instant,
    /// The wall clock, which may step.
    pub wall: UnixMillis,
    /// How old the store was.
    pub age: Age,
}

impl StoredTime {
    /// How old the store is at a later moment. Within one boot its clock says
    /// so. Across boots the wall clock is all there is; where it goes back, no
    /// time has passed that is known of.
    pub fn age_at(&self, now: Instant, moment: &Moment) -> Age {
        let one_boot = self.boot.is_some() && self.boot == moment.boot && now >= self.at;
        let passed = if one_boot { now.since(self.at) } else { moment.wall.since(self.wall) };
        self.age.after(passed)
    }

    /// The moment in the same process at which the store was so old, if that
    /// was later.
    #[must_use]
    pub fn advanced_to(self, age: Age) -> Self {
        let passed = age.since(self.age);
        let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        let wall = UnixMillis(self.wall.0.saturating_add(millis));
        Self { boot: self.boot, at: self.at + passed, wall, age: self.age.max(age) }
    }
}
