//! What crosses the border between core and store.

use alloc::vec::Vec;
use core::fmt;

use super::{Priority, Record, Serial, StoredMessage};

/// Names one batch of one client; ascending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(pub u64);

/// Records to be committed together: after a crash a store holds all of them
/// or none. One batch is under way at a time; what is recorded meanwhile makes
/// up the next one, which is the group commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its name.
    pub id: BatchId,
    /// What to commit, in order; may be empty if something is only read.
    pub records: Vec<Record>,
    /// What to read once the records are committed.
    pub read: Option<Read>,
}

/// What to read from a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Queued messages of this priority, ascending by serial.
    Queue {
        /// Which part of the queue.
        priority: Priority,
        /// From the one after this; `None` for the first.
        after: Option<Serial>,
        /// How much at most; one message is always within it.
        limit: Window,
    },
    /// One message in whatever state, if there is such a one.
    Message(Serial),
}

/// A bound in messages and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Messages at most.
    pub messages: usize,
    /// Bytes at most, by [`Publish::weight`](evenkeel_codec::Publish::weight).
    pub bytes: usize,
}

impl Window {
    pub(crate) const NONE: Self = Self { messages: 0, bytes: 0 };
}

/// What became of a batch.
#[derive(Debug, PartialEq, Eq)]
pub struct Committed {
    /// The batch as it was handed out, to be tried again if it failed.
    pub batch: Batch,
    /// Whether it is as durable as the store promises; after a failure none
    /// of it counts as stored.
    pub result: Result<(), StorageFailure>,
    /// What was read; empty if nothing was asked for.
    pub read: Result<Vec<StoredMessage>, StorageFailure>,
}

/// What went wrong with a store, as far as the core needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StorageFailure {
    /// The disk, or the store's own bound, is full.
    Full,
    /// The place cannot be written to.
    ReadOnly,
    /// The operating system forbids it.
    Permission,
    /// The content does not add up.
    Corrupt,
    /// One record is larger than the store takes.
    TooLarge,
    /// The store is gone.
    Closed,
    /// It was not done in time.
    TimedOut,
    /// Any other failure, with the system's error number if it gave one.
    Other(Option<i32>),
}

impl fmt::Display for StorageFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the store is full"),
            Self::ReadOnly => f.write_str("the store cannot be written to"),
            Self::Permission => f.write_str("no permission to write the store"),
            Self::Corrupt => f.write_str("the store is damaged"),
            Self::TooLarge => f.write_str("the message is larger than the store takes"),
            Self::Closed => f.write_str("the store is closed"),
            Self::TimedOut => f.write_str("the store did not answer in time"),
            Self::Other(Some(number)) => write!(f, "the store failed with system error {number}"),
            Self::Other(None) => f.write_str("the store failed"),
        }
    }
}

impl core::error::Error for StorageFailure {}
