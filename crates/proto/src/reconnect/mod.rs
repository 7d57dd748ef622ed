//! When the next connection may be opened, and why not sooner (laws R1-R6, R9, R15, R18),
//! where it goes, and which version it speaks (laws R10, R14).

mod budget;
mod distance;
mod expected;
mod policy;
mod repeat;
mod servers;
mod version;

pub use distance::Ban;
pub use expected::Expected;
pub use policy::{
    Halt, Pace, Reconnect, RefusedPolicy, Retry, ServerHabits, TakeOverPolicy, Verdict,
};

pub(crate) use policy::{Ended, Reconnector};
pub use repeat::Repetition;
pub(crate) use servers::{Choice, Parting, Servers};
pub(crate) use version::Spoken;
