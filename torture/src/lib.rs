//! Evenkeel against the development broker's faults, on real sockets and in
//! real time, through the published API only.
//!
//! A [`Scenario`] is a test of `tests/wire`. It sets a [`Scene`] (a broker
//! with fault rules, on a runtime of its own), runs clients against it, and
//! counts on the broker's side: connects, pings, messages.
//!
//! Real time is the subject: the driver's clock, timers and sockets are what
//! is judged here, while the laws themselves are proven on virtual time in
//! `evenkeel-proto`. Keep-alives are one or two seconds, and all scenarios run
//! at once, as they do little but wait. What is asserted holds on a slow
//! machine; on one that stood still in the middle of a scenario, that run
//! proves nothing and is repeated, see [`stall`].
#![forbid(unsafe_code)]

mod harness;
mod laws;
mod scene;
pub mod stall;

pub use harness::{Scenario, run};
pub use scene::{Scene, pass, settled, within};

use std::time::Duration;

/// The keep-alive of clients unless a scenario says otherwise.
pub const K: Duration = Duration::from_secs(1);

/// Asserts that a number lies between two bounds, and says what it is if not.
#[track_caller]
pub fn between<T: PartialOrd + std::fmt::Debug>(
    what: &str,
    value: T,
    bounds: std::ops::RangeInclusive<T>,
) {
    assert!(bounds.contains(&value), "{what}: {value:?}, but {bounds:?} was expected");
}

/// Asserts that a number is not below a bound, and says what it is if it is.
///
/// For counts that grow with the time that a scenario takes, whose upper bound is a law's.
#[track_caller]
pub fn at_least<T: PartialOrd + std::fmt::Debug>(what: &str, value: T, bound: T) {
    assert!(value >= bound, "{what}: {value:?}, but at least {bound:?} was expected");
}

/// The most attempts to connect that a back-off has room for in this time, the first
/// one included.
///
/// Each `takes` so long, and half of a delay follows at least, which begins with
/// `base` and is doubled. Counted by the time that has really passed, as
/// a slow machine makes a scenario longer.
pub fn most_attempts(time: Duration, base: Duration, takes: Duration) -> u64 {
    let (mut at, mut delay, mut count) = (Duration::ZERO, base, 0);
    while at <= time {
        count += 1;
        at += takes + delay / 2;
        delay = (delay * 2).min(Duration::from_secs(60));
    }
    count
}

/// Lists scenarios by the names of their functions, as `SCENARIOS`.
#[macro_export]
macro_rules! scenarios {
    ($($name:ident,)*) => {
        /// What this file proves.
        pub(crate) const SCENARIOS: &[$crate::Scenario] = &[
            $($crate::Scenario::new(stringify!($name), || Box::pin($name())),)*
        ];
    };
}
