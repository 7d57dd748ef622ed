//! A store in memory with a fault of the test's choice.

use evenkeel::store::record::{Read, Record, Recovered};
use evenkeel::store::{MemoryStore, Store, StoreError, Usage};
use evenkeel::{Serial, StoredMessage, Window};

/// What a store is asked for.
pub(crate) enum Call<'a> {
    Commit(&'a [Record]),
    Read,
    List(Window),
}

/// Asks its fault before each call: what that returns, panics with or waits for
/// is what the client meets.
pub(crate) struct Faulty<F> {
    store: MemoryStore,
    fault: F,
}

impl<F: FnMut(Call<'_>) -> Result<(), StoreError> + Send> Faulty<F> {
    pub(crate) fn new(fault: F) -> Self {
        Self { store: MemoryStore::new(), fault }
    }
}

impl<F: FnMut(Call<'_>) -> Result<(), StoreError> + Send> Store for Faulty<F> {
    fn recover(&mut self) -> Result<Recovered, StoreError> {
        self.store.recover()
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        (self.fault)(Call::Commit(records))?;
        self.store.commit(records)
    }

    fn read(&mut self, read: &Read) -> Result<Vec<StoredMessage>, StoreError> {
        (self.fault)(Call::Read)?;
        self.store.read(read)
    }

    fn list(
        &mut self,
        after: Option<Serial>,
        limit: Window,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        (self.fault)(Call::List(limit))?;
        self.store.list(after, limit)
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.store.flush()
    }

    fn usage(&self) -> Usage {
        self.store.usage()
    }
}
