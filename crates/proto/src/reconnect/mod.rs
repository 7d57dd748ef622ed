//! When the next connection may be opened, and why not sooner (laws R1-R6, R9).

mod budget;
mod policy;
mod repeat;

pub use policy::{Halt, Pace, Reconnect, RefusedPolicy, Retry, TakeOverPolicy, Verdict};

pub(crate) use policy::{Ended, Reconnector};
pub use repeat::Repetition;
