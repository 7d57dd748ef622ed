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
mod segments;
mod snapshot;

use std::path::Path;

use evenkeel_proto::record::{
    Count, Phase, Read, Record, Recovered, Serial, StoreBounds, StoredExchange, StoredMessage,
    Window,
};

pub use options::{FileStoreOptions, Fsync};

use crate::disk::{Directory, Folder, LockError};
use crate::{Misuse, Store, StoreError, Usage, weight};
use log::{Failed, Log};
use read::Reader;

/// Bytes of a batch that are not the message, at most, where it holds one.
const AROUND: usize = 1024;

/// Keeps a session in a folder of its own, and locks it against other
/// processes.
///
/// A folder holds segments: files that batches are appended to, one write and
/// one sync for each. A segment that is full is followed by the next; one whose
/// messages are all done with is removed, and neighbours with few live ones
/// are copied into one. Memory holds a bit for each message that waits, and
/// none of its bytes.
pub struct FileStore<D: Directory = Folder> {
    directory: D,
    options: FileStoreOptions,
    /// `None` before it is recovered, and after a failure that leaves open
    /// what is on disk.
    log: Option<Log<D>>,
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
        Ok(Self { directory, options, log: None })
    }

    fn log(&self) -> Result<&Log<D>, StoreError> {
        self.log.as_ref().ok_or(StoreError::Misuse(Misuse::NotRecovered))
    }

    fn reader(&self) -> Result<Reader<'_, D>, StoreError> {
        let Log { index, session, .. } = self.log()?;
        Ok(Reader { directory: &self.directory, index, session })
    }

    /// Lets go of the log where a failure left open what is on disk.
    fn settle(&mut self, result: Result<(), Failed>) -> Result<(), StoreError> {
        result.map_err(|failed| {
            if failed.broken {
                self.log = None;
            }
            failed.error
        })
    }

    fn exchanges(&self) -> Result<Vec<StoredExchange>, StoreError> {
        let reader = self.reader()?;
        let exchanges = reader.session.exchanges();
        let mut unanswered: Vec<Serial> = exchanges
            .iter()
            .filter(|(_, exchange)| !exchange.released)
            .map(|(serial, _)| *serial)
            .collect();
        unanswered.sort_unstable();
        let mut messages = std::collections::BTreeMap::new();
        reader.each(unanswered.into_iter(), |message| {
            messages.insert(message.serial, message);
        })?;
        let stored = exchanges.into_iter().filter_map(|(serial, exchange)| {
            let phase = match exchange.released {
                true => Phase::Released,
                false => Phase::Unanswered(Box::new(messages.remove(&serial)?)),
            };
            Some(StoredExchange { packet_id: exchange.packet_id, serial, phase })
        });
        Ok(stored.collect())
    }

    /// Adds the queued messages of the newest segment to those of the others.
    fn count(&self, mut counts: [Count; 3]) -> Result<[Count; 3], StoreError> {
        let reader = self.reader()?;
        let Some(newest) = reader.index.segments.back() else { return Ok(counts) };
        let mut serials: Vec<u64> = newest.all_queued().collect();
        serials.sort_unstable();
        reader.each(serials.into_iter().map(Serial), |message| {
            recover::add(&mut counts, message.priority, weight(&message.publish));
        })?;
        Ok(counts)
    }

    fn bounds(&self) -> StoreBounds {
        let message_bytes = (format::MAX_BODY - AROUND) as u64;
        StoreBounds { message_bytes, ..StoreBounds::default() }
    }
}

impl<D: Directory> Store for FileStore<D> {
    fn recover(&mut self) -> Result<Recovered, StoreError> {
        self.log = None;
        let (log, sealed) = match recover::recover(&self.directory)? {
            Some(found) => {
                let log = Log::new(found.index, found.session, found.active, &self.options)?;
                (log, found.sealed)
            }
            None => {
                let created = Log::create(&self.directory, &self.options);
                (created.map_err(|failed| failed.error)?, Default::default())
            }
        };
        let log = self.log.insert(log);
        let dropped = log.drop_dead(&self.directory);
        self.settle(dropped)?;
        let session = &self.log()?.session;
        Ok(Recovered {
            client_id: session.client_id.clone(),
            exchanges: self.exchanges()?,
            received: session.received.iter().copied().collect(),
            subscriptions: session.subscriptions().cloned().collect(),
            queued: self.count(sealed)?,
            quarantined: session.quarantined().len() as u64,
            next_serial: session.next_serial,
            bounds: self.bounds(),
        })
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let log = self.log.as_mut().ok_or(StoreError::Misuse(Misuse::NotRecovered))?;
        let result = log.commit(&self.directory, &self.options, records);
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
        let log = self.log.as_mut().ok_or(StoreError::Misuse(Misuse::NotRecovered))?;
        let result = log.sync(&self.directory);
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
            .field("recovered", &self.log.is_some())
            .finish()
    }
}
