//! AWS IoT Core behind the development broker: who may do what, and the
//! services behind reserved topics; and the verdicts of its acceptance tests.
//!
//! Nothing here knows a clock, a socket or a file: time comes in with each
//! call, and state goes out as a value that the driver writes down.

pub mod advisor;
pub mod gate;
mod time;

pub use time::Time;
