//! Evenkeel in a simulated world: real clients, the real broker core, a
//! network that loses connections at any byte, machines that stall and sleep.
//! One seed decides everything, and judges watch every step.
#![forbid(unsafe_code)]

mod app;
mod fault;
pub mod message;
pub mod net;
mod node;
pub mod oracle;
pub mod plan;
mod process;
pub mod report;
pub mod rng;
pub mod sabotage;
pub mod scenario;
pub mod seen;
mod server;
pub mod setup;
pub mod shrink;
mod storage;
mod subject;
mod tap;
pub mod time;
pub mod trace;
pub mod view;
pub mod watch;
mod world;

pub use world::run;
