//! The trait, and what all stores have in common.

use evenkeel_proto::record::{Read, Record, Recovered, Serial, StoredMessage, Window};

use crate::StoreError;

/// Keeps one session: its records, and the messages in them.
///
/// A store is the sum of the records committed to it, in order. Records that
/// name a message, an exchange or a filter it does not know change nothing.
/// All calls but one block until they are done; the client makes them on a thread
/// of their own, one at a time. The one is [`commit_in_place`](Self::commit_in_place).
///
/// After an error nothing of the call counts: a batch is committed as a whole
/// or not at all.
pub trait Store: Send {
    /// Tells what is there. Is asked first and at once, so what takes time
    /// belongs into the opening of the store.
    fn recover(&mut self) -> Result<Recovered, StoreError>;

    /// Adds records, all or none of them, also if the process or the
    /// machine dies meanwhile. On return they are as durable as the store
    /// promises.
    ///
    /// Accepted messages have ascending serials. A store that is full refuses
    /// batches with accepted messages, and takes the others as long as the
    /// disk lets it.
    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError>;

    /// As [`commit`](Self::commit), if that waits for no disk; `None` if it might, and
    /// then nothing has changed. The client asks on its own task, which must
    /// not be held up, before it hands a batch to the store's thread: two changes
    /// of threads take longer than a small commit. By default nothing is
    /// committed in place.
    fn commit_in_place(&mut self, records: &[Record]) -> Option<Result<(), StoreError>> {
        let _ = records;
        None
    }

    /// Reads part of the queue, or one message. A bound in bytes never keeps
    /// the first message back.
    fn read(&mut self, read: &Read) -> Result<Vec<StoredMessage>, StoreError>;

    /// Reads messages in whatever state, ascending by serial, from the one
    /// after `after` on; for people and tools that look into a store.
    fn list(
        &mut self,
        after: Option<Serial>,
        limit: Window,
    ) -> Result<Vec<StoredMessage>, StoreError>;

    /// Makes everything committed durable, whatever the store promises
    /// otherwise.
    fn flush(&mut self) -> Result<(), StoreError>;

    /// How much of its bounds is used.
    fn usage(&self) -> Usage;
}

/// How much of its bounds a store uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Bytes it takes, on disk if it is on disk.
    pub bytes: u64,
    /// The bound on that; `None` for none.
    pub limit: Option<u64>,
}

impl Usage {
    /// So many bytes of at most so many.
    pub const fn new(bytes: u64, limit: Option<u64>) -> Self {
        Self { bytes, limit }
    }
}

impl<S: Store + ?Sized> Store for Box<S> {
    fn recover(&mut self) -> Result<Recovered, StoreError> {
        (**self).recover()
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        (**self).commit(records)
    }

    fn commit_in_place(&mut self, records: &[Record]) -> Option<Result<(), StoreError>> {
        (**self).commit_in_place(records)
    }

    fn read(&mut self, read: &Read) -> Result<Vec<StoredMessage>, StoreError> {
        (**self).read(read)
    }

    fn list(
        &mut self,
        after: Option<Serial>,
        limit: Window,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        (**self).list(after, limit)
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        (**self).flush()
    }

    fn usage(&self) -> Usage {
        (**self).usage()
    }
}
