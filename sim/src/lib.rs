//! Evenkeel in a simulated world: real clients, the real broker core, a
//! network that loses connections at any byte, machines that stall and sleep.
//! One seed decides everything, and judges observers every step.
#![forbid(unsafe_code)]

mod app;
mod fault;
pub mod message;
pub mod net;
mod node;
pub mod observation;
pub mod observers;
pub mod oracle;
mod packet_reader;
pub mod plan;
mod process;
pub mod report;
pub mod rng;
pub mod rogue;
pub mod sabotage;
pub mod scenario;
mod server;
pub mod setup;
pub mod shrink;
mod storage;
mod streams;
mod subject;
pub mod time;
pub mod trace;
pub mod view;
mod world;

pub use world::run;
