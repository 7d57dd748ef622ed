//! What people have, as a timeline for [`evenkeel_doctor`]: captures, also
//! encrypted ones, logs of clients and brokers, events, and live bytes.
//!
//! The crate does no I/O: bytes are pushed in as they come, and events go to a
//! [`Sink`], which a [`Doctor`](evenkeel_doctor::Doctor) is. Payloads,
//! passwords and tokens never leave this crate: what is not needed for a
//! diagnosis is cut out here.
#![forbid(unsafe_code)]

mod calendar;
pub mod capture;
mod digest;
mod fold;
mod grow;
pub mod logs;
pub mod reader;
mod recent;
mod sink;
mod text;
pub mod witness;

pub use sink::Sink;
