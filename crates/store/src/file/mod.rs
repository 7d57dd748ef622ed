//! A session in files.

mod bits;
mod compact;
mod flusher;
mod format;
mod frames;
mod index;
mod log;
mod options;
mod read;
mod recover;
mod salvage;
mod segments;
mod snapshot;
mod summary;

use std::path::Path;

use evenkeel_proto::record::{Read, Record, Recovered, Serial, StoredMessage, Window};

pub use options::{FileStoreOptions, Fsync};
pub use salvage::{Salvaged, salvage, salvage_in};

use crate::disk::{Directory, Folder, LockError};
use crate::{Store, StoreError, Usage};
use log::{Failed, Log};
use read::Reader;

/// Keeps a session in a folder of its own, and locks it against other
/// processes.
///
/// A folder holds segments: files that batches are appended to, one write and
/// one sync for each. A segment that is full is followed by the next; one whose
/// messages are all done with is removed, and neighbours with few live ones
/// are copied into one. Memory holds a bit for each message that waits, and
/// none of its bytes.
///
/// Opening reads and verifies all files, which takes time in proportion to
/// what is stored; [`Store::recover`] then has its answer at once.
pub struct FileStore<D: Directory = Folder> {
    directory: D,
    options: FileStoreOptions,
    /// `None` after a failure that leaves open what is on disk.
    log: Option<Log<D>>,
    /// What was found when it was opened, until something is committed.
    found: Option<Recovered>,
    /// After such a failure: the segment, and where its last batch ends.
    good: (u64, u64),
}

impl FileStore {
    /// Opens the store in this folder, which is made if it does not exist;
    /// syncs every commit.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::options().open(path)
    }
}

impl FileStore<Folder> {
    /// Choices beyond the defaults.
    #[must_use]
    pub fn options() -> FileStoreOptions {
        FileStoreOptions::default()
    }
}

impl<D: Directory> FileStore<D> {
    fn new(mut directory: D, options: FileStoreOptions) -> Result<Self, StoreError> {
        let listing = segments::list(&directory)?;
        if listing.segments.is_empty() && !options.create {
            return Err(StoreError::disk(directory.path(), options::not_found()));
        }
        directory.lock().map_err(|error| match error {
            LockError::Held { process } => {
                StoreError::Held { path: directory.path().to_owned(), process }
            }
            LockError::Io(error) => StoreError::disk(directory.path(), error),
        })?;
        let (log, found) = load(&directory, &options)?;
        Ok(Self { directory, options, log: Some(log), found: Some(found), good: (0, 0) })
    }

    /// What a call works on; once more from disk where a failure left open
    /// what is there, without what the failed call may have left.
    fn parts(&mut self) -> Result<(&D, &FileStoreOptions, &mut Log<D>), StoreError> {
        let log = match self.log.take() {
            Some(log) => log,
            None => {
                log::cut_back(&self.directory, self.good)?;
                load(&self.directory, &self.options)?.0
            }
        };
        Ok((&self.directory, &self.options, self.log.insert(log)))
    }

    /// The client identifier of the session that is kept, where there is one.
    pub fn client_id(&self) -> Option<&str> {
        self.log.as_ref()?.session.client_id.as_deref()
    }

    fn reader(&mut self) -> Result<Reader<'_, D>, StoreError> {
        let (directory, _, log) = self.parts()?;
        Ok(Reader { directory, index: &log.index, session: &log.session })
    }

    /// Lets go of the log where a failure left open what is on disk.
    fn settle(&mut self, result: Result<(), Failed>) -> Result<(), StoreError> {
        result.map_err(|failed| {
            if let (true, Some(log)) = (failed.broken, &self.log) {
                self.good = (log.active.number, log.active.length);
                self.log = None;
            }
            failed.error
        })
    }
}

/// Reads a store, or makes it.
fn load<D: Directory>(
    directory: &D,
    options: &FileStoreOptions,
) -> Result<(Log<D>, Recovered), StoreError> {
    let (mut log, sealed) = match recover::recover(directory)? {
        Some(found) => (Log::new(found.index, found.session, found.active, options)?, found.sealed),
        None => {
            let created = Log::create(directory, options).map_err(|failed| failed.error)?;
            (created, Default::default())
        }
    };
    log.drop_dead(directory).map_err(|failed| failed.error)?;
    let reader = Reader { directory, index: &log.index, session: &log.session };
    let recovered = reader.recovered(sealed)?;
    Ok((log, recovered))
}

impl<D: Directory> Store for FileStore<D> {
    fn recover(&mut self) -> Result<Recovered, StoreError> {
        if let Some(found) = self.found.take() {
            return Ok(found);
        }
        self.log = None;
        let (log, recovered) = load(&self.directory, &self.options)?;
        self.log = Some(log);
        Ok(recovered)
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.found = None;
        let (directory, options, log) = self.parts()?;
        let result = log.commit(directory, options, records);
        self.settle(result)
    }

    fn read(&mut self, read: &Read) -> Result<Vec<StoredMessage>, StoreError> {
        let reader = self.reader()?;
        match *read {
            Read::Queue { priority, after, limit } => reader.queue(priority, after, limit),
            Read::Message(serial) => Ok(reader.message(serial)?.into_iter().collect()),
        }
    }

    fn list(
        &mut self,
        after: Option<Serial>,
        limit: Window,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        self.reader()?.list(after, limit)
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let (directory, _, log) = self.parts()?;
        let result = log.sync(directory);
        self.settle(result)
    }

    fn usage(&self) -> Usage {
        let bytes = self.log.as_ref().map_or(0, |log| log.index.bytes());
        Usage::new(bytes, Some(self.options.max_bytes))
    }
}

impl<D: Directory> std::fmt::Debug for FileStore<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileStore")
            .field("path", &self.directory.path())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
