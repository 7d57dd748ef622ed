//! A session in files.

mod aside;
mod bits;
mod compact;
mod end;
mod flusher;
mod format;
mod frames;
mod index;
mod log;
mod options;
mod pace;
mod read;
mod recover;
mod salvage;
mod segments;
mod snapshot;
mod summary;
mod tail;

use std::path::Path;

use evenkeel_proto::record::{
    Notice, NoticeKind, Read, Record, Recovered, Serial, StoredMessage, Window,
};

pub use options::{FileStoreOptions, Fsync};
pub use salvage::{Salvaged, salvage, salvage_in};

use crate::disk::{Directory, Folder};
use crate::session::Session;
use crate::{Misuse, Store, StoreError, Usage};
use index::Index;
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
    /// `None` after a failure that leaves open what is on disk, and if the
    /// store is only read.
    log: Option<Log<D>>,
    /// What is read, if the store is only read.
    seen: Option<(Index, Session)>,
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
        let makes = options.create && !options.read_only;
        if listing.segments.is_empty() && !listing.end && !makes {
            return Err(StoreError::disk(directory.path(), options::not_found()));
        }
        let locked = if options.read_only { directory.lock_to_read() } else { directory.lock() };
        locked.map_err(|error| StoreError::lock(directory.path(), error))?;
        let mut store =
            Self { directory, options, log: None, seen: None, found: None, good: (0, 0) };
        let notices = if options.read_only { Vec::new() } else { store.tighten(&listing)? };
        let mut found = store.load()?;
        found.notices.extend(notices);
        store.found = Some(found);
        Ok(store)
    }

    /// Files that others can read still are told (S2).
    fn tighten(&self, listing: &segments::Listing) -> Result<Vec<Notice>, StoreError> {
        let open = self.directory.tighten(&listing.names());
        let open = open.map_err(|error| StoreError::disk(self.directory.path(), error))?;
        let notice = |file| Notice { file, kind: NoticeKind::Exposed };
        Ok(open.into_iter().map(notice).collect())
    }

    /// Reads the store, or makes it.
    fn load(&mut self) -> Result<Recovered, StoreError> {
        let (directory, options) = (&self.directory, &self.options);
        let mut found = recover::find(directory)?;
        let notices = std::mem::take(&mut found.notices);
        if options.read_only {
            let store = found.store.map(|store| (store.index, store.session, store.sealed));
            let (index, session, sealed) = store.unwrap_or_default();
            let reader = Reader { directory, index: &index, session: &session };
            let recovered = Recovered { notices, ..reader.recovered(sealed)? };
            self.seen = Some((index, session));
            return Ok(recovered);
        }
        let active = found.settle(directory)?;
        let (mut log, sealed) = match found.store.zip(active) {
            Some((store, active)) => {
                let log = Log::new(directory, store.index, store.session, active, options)?;
                (log, store.sealed)
            }
            None => {
                let created = Log::create(directory, options).map_err(|failed| failed.error)?;
                (created, Default::default())
            }
        };
        log.drop_dead(directory).map_err(|failed| failed.error)?;
        let reader = Reader { directory, index: &log.index, session: &log.session };
        let recovered = Recovered { notices, ..reader.recovered(sealed)? };
        self.log = Some(log);
        Ok(recovered)
    }

    /// What a call works on; once more from disk if a failure left open
    /// what is there, without what the failed call may have left.
    fn parts(&mut self) -> Result<(&D, &FileStoreOptions, &mut Log<D>), StoreError> {
        if self.options.read_only {
            return Err(StoreError::Misuse(Misuse::ReadOnly));
        }
        if self.log.is_none() {
            log::cut_back(&self.directory, self.good)?;
            self.load()?;
        }
        let closed = || StoreError::disk(self.directory.path(), options::not_found());
        let log = self.log.as_mut().ok_or_else(closed)?;
        Ok((&self.directory, &self.options, log))
    }

    /// The client identifier of the session that is kept, if there is one.
    pub fn client_id(&self) -> Option<&str> {
        let session = match &self.seen {
            Some((_, session)) => session,
            None => &self.log.as_ref()?.session,
        };
        session.client_id.as_deref()
    }

    fn reader(&mut self) -> Result<Reader<'_, D>, StoreError> {
        if self.seen.is_none() {
            self.parts()?;
        }
        let (index, session) = match (&self.seen, &self.log) {
            (Some((index, session)), _) => (index, session),
            (None, Some(log)) => (&log.index, &log.session),
            (None, None) => {
                return Err(StoreError::disk(self.directory.path(), options::not_found()));
            }
        };
        Ok(Reader { directory: &self.directory, index, session })
    }

    /// Lets go of the log if a failure left open what is on disk.
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

impl<D: Directory> Store for FileStore<D> {
    fn recover(&mut self) -> Result<Recovered, StoreError> {
        if let Some(found) = self.found.take() {
            return Ok(found);
        }
        self.log = None;
        self.load()
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.found = None;
        let (directory, options, log) = self.parts()?;
        let result = log.commit(directory, options, records);
        self.settle(result)
    }

    fn commit_in_place(&mut self, records: &[Record]) -> Option<Result<(), StoreError>> {
        if self.options.read_only || !self.options.in_place {
            return None;
        }
        let written = self.log.as_mut()?.commit_in_place(&self.options, records);
        written.then(|| {
            self.found = None;
            Ok(())
        })
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
        if self.options.read_only {
            return Ok(());
        }
        let (directory, _, log) = self.parts()?;
        let result = log.sync(directory);
        self.settle(result)
    }

    fn usage(&self) -> Usage {
        let index = self.log.as_ref().map(|log| &log.index);
        let index = index.or_else(|| self.seen.as_ref().map(|(index, _)| index));
        let bytes = index.map_or(0, Index::bytes);
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
