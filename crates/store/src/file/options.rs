//! The settings of a file store.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::FileStore;
use crate::StoreError;
use crate::disk::{Directory, Folder};

/// When a file store makes what was committed durable.
///
/// Whatever the choice, a process that is killed loses nothing that was
/// committed, and after a power cut the store holds a beginning of what was
/// committed: some of the last batches may be gone, never one in between or
/// half of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// Before each commit returns: a power cut loses nothing.
    #[default]
    EveryCommit,
    /// This long after a commit at the latest, on a thread of the store's
    /// own: a power cut loses what was committed within that time.
    Every(Duration),
    /// When the operating system likes, and at the end of each segment: a
    /// power cut may lose as much as a segment.
    Never,
}

/// How a file store is opened.
#[derive(Clone, Copy, Debug)]
pub struct FileStoreOptions {
    pub(super) fsync: Fsync,
    pub(super) max_bytes: u64,
    pub(super) segment_bytes: u64,
    pub(super) create: bool,
    pub(super) read_only: bool,
    pub(super) in_place: bool,
}

/// The smallest and the largest segment.
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = 4 * 1024..=1 << 30;

impl Default for FileStoreOptions {
    fn default() -> Self {
        Self {
            fsync: Fsync::default(),
            max_bytes: 1 << 30,
            segment_bytes: 8 << 20,
            create: true,
            read_only: false,
            in_place: false,
        }
    }
}

impl FileStoreOptions {
    /// When what was committed becomes durable. Default: every commit.
    #[must_use]
    pub const fn fsync(mut self, fsync: Fsync) -> Self {
        self.fsync = fsync;
        self
    }

    /// Bytes on disk beyond which no message is accepted. Default 1 GiB.
    ///
    /// What is needed to end what was accepted is written all the same, and
    /// while old segments are rewritten one more of them may be there.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Bytes of a segment: the unit in which space is freed. Default 8 MiB,
    /// at most an eighth of `max_bytes`; from 4 KiB to 1 GiB.
    #[must_use]
    pub const fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// Whether a store that does not exist is made. Default: yes.
    #[must_use]
    pub const fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Whether the store is only read: then nothing is written, no file is
    /// made, and damage is left as it is, so that it works on a disk that
    /// cannot be written. What a writer would cut off is left out, and told.
    /// Several may read at once, and nobody writes meanwhile. Default: no.
    #[must_use]
    pub const fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Whether the client's own task writes small batches, instead of a thread of
    /// the store's, if nothing is to be synced: not with
    /// [`Fsync::EveryCommit`], not at the end of a segment, and not while another
    /// thread syncs. That saves two changes of threads for each message that is
    /// awaited. Default: no.
    ///
    /// Such a write is a copy into the memory of the operating system, unless that
    /// holds writers back because a disk does not keep up: then the task waits. After
    /// a write that took a millisecond, the next thousand batches go to the thread,
    /// and twice as many after each further one in a row.
    #[must_use]
    pub const fn in_place(mut self, in_place: bool) -> Self {
        self.in_place = in_place;
        self
    }

    /// Opens the store in this folder, and locks it. Folder and files are made
    /// for their owner alone, and made so if they were not; what cannot
    /// be is told as a notice.
    pub fn open(self, path: impl AsRef<Path>) -> Result<FileStore, StoreError> {
        let path = path.as_ref();
        let opened =
            if self.create && !self.read_only { Folder::create(path) } else { Folder::open(path) };
        self.open_in(opened.map_err(|error| StoreError::disk(path, error))?)
    }

    /// Opens the store in a directory of any kind.
    pub fn open_in<D: Directory>(self, directory: D) -> Result<FileStore<D>, StoreError> {
        FileStore::new(directory, self)
    }

    pub(super) fn segment_target(&self) -> u64 {
        self.segment_bytes
            .min(self.max_bytes / 8)
            .clamp(*SEGMENT_BYTES.start(), *SEGMENT_BYTES.end())
    }
}

/// A missing segment that should be there is `NotFound`, as from the system.
pub(super) fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}
