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
//! - `std` (default): the trait and its stores. Without it there is [`Mirror`] alone,
//!   for those who keep the records themselves; it needs no `std`.
//! - `contract`: the tests that every store must pass.
//! - `simulated-disk`: a disk that loses power, tears writes and fills up.
#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod budget;
#[cfg(feature = "contract")]
pub mod contract;
#[cfg(feature = "std")]
pub mod disk;
mod encoding;
#[cfg(feature = "std")]
mod error;
#[cfg(feature = "std")]
mod file;
#[cfg(feature = "std")]
mod memory;
mod mirror;
mod session;
#[cfg(feature = "std")]
mod store;

#[cfg(feature = "std")]
pub use disk::boot_id;
#[cfg(feature = "std")]
pub use error::{Bound, DiskError, Fault, Misuse, StoreError};
pub use evenkeel_proto::{codec, record};
#[cfg(feature = "std")]
pub use file::{FileStore, FileStoreOptions, Fsync, Salvaged, salvage, salvage_in};
#[cfg(feature = "std")]
pub use memory::MemoryStore;
pub use mirror::{LogError, Mirror, MirrorError, Replayed};
#[cfg(feature = "std")]
pub use store::{Store, Usage};

use core::fmt;

use evenkeel_proto::codec::Publish;
use record::Serial;

/// What a message counts: what it takes in memory when it is read (S4).
fn weight(publish: &Publish) -> u64 {
    publish.weight() as u64
}

/// A message has a serial that is not above the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disorder {
    /// Its serial.
    pub serial: u64,
    /// The last one accepted before.
    pub last: u64,
}

impl fmt::Display for Disorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {} was accepted after message {}", self.serial, self.last)
    }
}

#[cfg(feature = "std")]
impl From<Disorder> for StoreError {
    fn from(Disorder { serial, last }: Disorder) -> Self {
        Self::Misuse(Misuse::SerialOrder { serial, last })
    }
}

/// The serial after this one, which must not be below `next`.
fn in_order(serial: Serial, next: Serial) -> Result<Serial, Disorder> {
    if serial < next || serial.0 == u64::MAX {
        return Err(Disorder { serial: serial.0, last: next.0.saturating_sub(1) });
    }
    Ok(serial.next())
}

/// The first serial after this one.
fn behind(after: Option<Serial>) -> Serial {
    after.map_or(Serial(0), |after| Serial(after.0.saturating_add(1)))
}
