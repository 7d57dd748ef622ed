//! Durable sessions for the Evenkeel MQTT client.
//!
//! A [`Store`] keeps what must not be lost with the process: the messages that
//! were accepted, where their exchanges stand, and what the server knows of
//! the session. [`FileStore`] keeps it in a folder, [`MemoryStore`] in memory;
//! an implementation of your own must pass the tests of the module `contract`
//! (feature `contract`).
//!
//! ```
//! use evenkeel_store::{FileStore, Fsync, Store};
//!
//! # let folder = std::env::temp_dir().join(format!("evenkeel-doc-{}", std::process::id()));
//! let mut store = FileStore::options().fsync(Fsync::EveryCommit).open(&folder)?;
//! let recovered = store.recover()?;
//! println!("{} exchanges were under way", recovered.exchanges.len());
//! # drop(store);
//! # std::fs::remove_dir_all(folder).unwrap();
//! # Ok::<(), evenkeel_store::StoreError>(())
//! ```
//!
//! # Features
//!
//! - `contract`: the tests that every store must pass.
//! - `simulated-disk`: a disk that loses power, tears writes and fills up.
#![forbid(unsafe_code)]

mod budget;
#[cfg(feature = "contract")]
pub mod contract;
pub mod disk;
mod encoding;
mod error;
mod file;
mod memory;
mod session;
mod store;

pub use disk::boot_id;
pub use error::{Bound, DiskError, Fault, Misuse, StoreError};
pub use evenkeel_proto::{codec, record};
pub use file::{FileStore, FileStoreOptions, Fsync, Salvaged, salvage, salvage_in};
pub use memory::MemoryStore;
pub use store::{Store, Usage};

use evenkeel_proto::codec::Publish;
use record::Serial;

/// What a message counts: what it takes in memory when it is read (S4).
fn weight(publish: &Publish) -> u64 {
    publish.weight() as u64
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
