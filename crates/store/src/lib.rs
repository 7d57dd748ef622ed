//! Durable sessions for the Evenkeel MQTT client.
#![forbid(unsafe_code)]

mod budget;
mod error;
mod memory;
mod session;
mod store;

pub use error::{Bound, DiskError, Fault, Misuse, StoreError};
pub use evenkeel_proto::record;
pub use memory::MemoryStore;
pub use store::{Store, Usage};

use evenkeel_proto::codec::Publish;
use record::Serial;

/// What a message counts: its bytes of topic and payload.
fn weight(publish: &Publish) -> u64 {
    (publish.topic.len() + publish.payload.len()) as u64
}

/// The serial after this one, which must not be below `next`.
fn in_order(serial: Serial, next: Serial) -> Result<Serial, StoreError> {
    if serial < next || serial.0 == u64::MAX {
        let last = next.0.saturating_sub(1);
        return Err(StoreError::Misuse(Misuse::SerialOrder { serial: serial.0, last }));
    }
    Ok(serial.next())
}

/// The first serial after this one.
fn behind(after: Option<Serial>) -> Serial {
    after.map_or(Serial(0), |after| Serial(after.0.saturating_add(1)))
}
