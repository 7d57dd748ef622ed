//! Packets of a network, from a capture or a tap.
//!
//! A [`Capture`] is fed the bytes of a pcap or pcapng file as they come, and
//! tells a [`Sink`](crate::Sink) what the connections of MQTT in it do. What
//! is in the clear and what is encrypted are two sources with one name. A [`Tap`]
//! does the same for the bytes of a proxy.

mod cursor;
mod error;
mod file;
mod flow;
mod link;
mod names;
mod net;
mod options;
mod out;
mod pcap;
mod pcapng;
mod record;
mod sources;
mod speech;
mod tap;

pub use error::{CaptureError, CaptureFault};
pub use file::{Capture, Summary};
pub use options::Options;
pub use tap::Tap;
