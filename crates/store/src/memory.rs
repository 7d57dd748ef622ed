//! The store in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evenkeel_proto::record::{Read, Record, Recovered, Serial, StoredMessage, Window};

use crate::{Bound, Mirror, MirrorError, Misuse, Store, StoreError, Usage};

/// Keeps a session in memory: it outlives the client, not the process.
///
/// Clones are the same store, so that a test can look into it, or give it to
/// the next client.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    contents: Arc<Mutex<Mirror>>,
    limit: Option<u64>,
}

impl MemoryStore {
    /// An empty store without a bound of its own; the client's queue has one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that refuses messages beyond so many bytes of topics
    /// and payloads.
    #[must_use]
    pub fn with_limit(bytes: u64) -> Self {
        let contents = Arc::new(Mutex::new(Mirror::new(Some(bytes))));
        Self { contents, limit: Some(bytes) }
    }

    fn contents(&self) -> MutexGuard<'_, Mirror> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn recover(&mut self) -> Result<Recovered, StoreError> {
        Ok(self.contents().recovered())
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let mut contents = self.contents();
        contents.check(records)?;
        contents.apply(records);
        Ok(())
    }

    fn commit_in_place(&mut self, records: &[Record]) -> Option<Result<(), StoreError>> {
        Some(self.commit(records))
    }

    fn read(&mut self, read: &Read) -> Result<Vec<StoredMessage>, StoreError> {
        Ok(self.contents().read(read))
    }

    fn list(
        &mut self,
        after: Option<Serial>,
        limit: Window,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        Ok(self.contents().list(after, limit))
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn usage(&self) -> Usage {
        Usage::new(self.contents().bytes(), self.limit)
    }
}

impl From<MirrorError> for StoreError {
    fn from(error: MirrorError) -> Self {
        match error {
            MirrorError::Full { bytes, limit } => Self::Bound(Bound::Full { bytes, limit }),
            MirrorError::Disorder(disorder) => disorder.into(),
            MirrorError::Unencodable => Self::Misuse(Misuse::Unencodable { serial: None }),
        }
    }
}
