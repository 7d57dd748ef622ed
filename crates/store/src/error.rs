//! Why a store could not do what it was asked.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evenkeel_proto::record::StorageFailure;

use crate::disk::{LOCK, LockError};

/// Why a store could not do what it was asked. Nothing of the call counts, and
/// nothing that was committed is lost or changed by any of these, except if
/// [`DiskError::Sync`] says so.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process, or another store of this one, has it open.
    Held {
        /// The store.
        path: PathBuf,
        /// The number of that process, if it left it.
        process: Option<u32>,
    },
    /// The disk or the system refused.
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What was asked and why it was refused.
        error: DiskError,
    },
    /// What is in the files is not what a store of this version wrote.
    Contents {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A bound of the store is reached.
    Bound(Bound),
    /// The caller broke the order of calls or records; nothing was done.
    Misuse(Misuse),
    /// The store's own code panicked, which is told by the client that called
    /// it. What the call did is not known.
    Panicked,
}

/// What the disk or the system refused.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DiskError {
    /// No space, or no quota, is left.
    Full,
    /// The file system is mounted read-only.
    ReadOnly,
    /// The process has no right to do that.
    Permission,
    /// There is no such file or folder.
    NotFound,
    /// A file is where the store's folder should be.
    NotAFolder,
    /// Bytes could not be made durable. Under [`Fsync::EveryCommit`] that is
    /// the batch that was refused, and nothing else; otherwise what was
    /// committed since the last success may be lost with the next power cut.
    ///
    /// [`Fsync::EveryCommit`]: crate::Fsync::EveryCommit
    Sync(Arc<io::Error>),
    /// Anything else.
    Other(Arc<io::Error>),
}

/// What is wrong with the contents of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Not a file, or not a folder, of a store.
    Foreign,
    /// Written by a later version.
    Newer {
        /// The version of its format.
        found: u16,
        /// The latest this version reads.
        supported: u16,
    },
    /// Bytes changed that had been durable.
    Damaged {
        /// Where in the file, in bytes from its beginning.
        offset: u64,
    },
    /// The newest file is shorter than it was.
    Short {
        /// Its bytes.
        length: u64,
        /// Bytes that it had.
        had: u64,
    },
    /// A file is gone that was needed.
    Missing {
        /// The first message that was in it and not done with; `None` if
        /// it is the newest file, with the state of the session.
        serial: Option<u64>,
    },
}

/// Which bound is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// The store holds as many bytes as it may. Batches that accept no
    /// message are still taken.
    Full {
        /// Bytes on disk, what can be freed already freed.
        bytes: u64,
        /// The bound.
        limit: u64,
    },
    /// The batch is larger than any batch may be.
    Batch {
        /// Its bytes.
        bytes: u64,
        /// The bound.
        limit: u64,
    },
}

/// What the caller did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// A message was accepted with a serial not above the last one.
    SerialOrder {
        /// Its serial.
        serial: u64,
        /// The last one accepted before.
        last: u64,
    },
    /// A message or a subscription that no MQTT packet can carry.
    Unencodable {
        /// The serial of the message; `None` for a subscription.
        serial: Option<u64>,
    },
    /// The store was opened to be read.
    ReadOnly,
}

impl StoreError {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Held { .. } => "stop the other process, or give each its own store",
            Self::Disk { error, .. } => error.hint(),
            Self::Contents { fault, .. } => fault.hint(),
            Self::Bound(Bound::Full { .. }) => {
                "wait until messages are delivered, remove some, or raise the store's bound"
            }
            Self::Bound(Bound::Batch { .. }) => "commit fewer or smaller messages at once",
            Self::Misuse(_) => "this is a defect of the program that uses the store",
            Self::Panicked => "this is a defect of the store; its panic message says where",
        }
    }

    /// True if the same batch may be taken later without anyone's help:
    /// space may come free.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Bound(Bound::Full { .. }) | Self::Disk { error: DiskError::Full, .. })
    }

    pub(crate) fn disk(path: impl Into<PathBuf>, error: io::Error) -> Self {
        Self::Disk { path: path.into(), error: error.into() }
    }

    pub(crate) fn sync(path: impl Into<PathBuf>, error: io::Error) -> Self {
        let error = match DiskError::from(error) {
            DiskError::Other(error) => DiskError::Sync(error),
            error => error,
        };
        Self::Disk { path: path.into(), error }
    }

    pub(crate) fn lock(path: &Path, error: LockError) -> Self {
        match error {
            LockError::Held { process } => Self::Held { path: path.to_owned(), process },
            LockError::Foreign => Self::contents(path.join(LOCK), Fault::Foreign),
            LockError::Io(error) => Self::disk(path, error),
        }
    }

    pub(crate) fn contents(path: impl Into<PathBuf>, fault: Fault) -> Self {
        Self::Contents { path: path.into(), fault }
    }
}

impl DiskError {
    const fn hint(&self) -> &'static str {
        match self {
            Self::Full => "free space on the disk; what is stored is kept",
            Self::ReadOnly => "mount the file system for writing, or put the store elsewhere",
            Self::Permission => "give this user the right to write there, or put it elsewhere",
            Self::NotFound => "make the folder above it first, and check the spelling",
            Self::NotAFolder => "a store is a folder: give it a name of its own",
            Self::Sync(_) => "check the disk's health and the system's log",
            Self::Other(_) => "check the disk and the system's log",
        }
    }
}

impl From<io::Error> for DiskError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            io::ErrorKind::PermissionDenied => Self::Permission,
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::NotADirectory => Self::NotAFolder,
            _ => Self::Other(Arc::new(error)),
        }
    }
}

impl Fault {
    const fn hint(&self) -> &'static str {
        match self {
            Self::Foreign => "give the store a folder of its own; nothing was changed in this one",
            Self::Newer { .. } => "use the program that wrote it, or a later version of this one",
            Self::Damaged { .. } | Self::Short { .. } => {
                "restore the folder from a copy, or save what is left by `evenkeel queue export \
                 --salvage`; nothing was changed"
            }
            Self::Missing { .. } => "put the missing file back; nothing was changed",
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { path, process: Some(process) } => {
                write!(f, "the store {} is in use by process {process}", path.display())
            }
            Self::Held { path, process: None } => {
                write!(f, "the store {} is in use by another process", path.display())
            }
            Self::Disk { path, error } => {
                write!(f, "{}: ", path.display())?;
                error.fmt(f)
            }
            Self::Contents { path, fault } => write!(f, "{}: {fault}", path.display()),
            Self::Bound(bound) => bound.fmt(f),
            Self::Misuse(misuse) => misuse.fmt(f),
            Self::Panicked => f.write_str("the store panicked"),
        }
    }
}

/// The alternate form (`{:#}`) adds what the system said.
impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("no space is left on the disk"),
            Self::ReadOnly => f.write_str("the file system is read-only"),
            Self::Permission => f.write_str("the process may not write or read there"),
            Self::NotFound => f.write_str("there is no such file or folder"),
            Self::NotAFolder => f.write_str("it is a file, where a folder was expected"),
            Self::Sync(_) => f.write_str("bytes could not be made durable"),
            Self::Other(_) => f.write_str("the system refused it"),
        }?;
        match self {
            Self::Sync(error) | Self::Other(error) if f.alternate() => write!(f, ": {error}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("this is no store of Evenkeel"),
            Self::Newer { found, supported } => {
                write!(f, "written in format {found}; this version reads up to {supported}")
            }
            Self::Damaged { offset } => write!(f, "the bytes from {offset} on are damaged"),
            Self::Short { length, had } => {
                write!(f, "it ends at {length}, and had {had} bytes")
            }
            Self::Missing { serial: Some(serial) } => {
                write!(f, "the file that held message {serial} is missing")
            }
            Self::Missing { serial: None } => {
                f.write_str("the file that held the state of the session is missing")
            }
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { bytes, limit } => {
                write!(f, "the store is full: {bytes} bytes of at most {limit}")
            }
            Self::Batch { bytes, limit } => {
                write!(f, "the batch of {bytes} bytes is larger than the allowed {limit}")
            }
        }
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SerialOrder { serial, last } => {
                write!(f, "message {serial} was accepted after message {last}")
            }
            Self::Unencodable { serial: Some(serial) } => {
                write!(f, "message {serial} fits no MQTT packet")
            }
            Self::ReadOnly => f.write_str("the store was opened to be read"),
            Self::Unencodable { serial: None } => f.write_str("a subscription fits no MQTT packet"),
        }
    }
}

/// The text says what is wrong with which file; the source is what the system
/// said, if it said something that has no variant of its own.
impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Disk { error, .. } => error.source(),
            _ => None,
        }
    }
}

impl Error for DiskError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Sync(error) | Self::Other(error) => Some(error.as_ref()),
            _ => None,
        }
    }
}

impl Error for Fault {}
impl Error for Bound {}
impl Error for Misuse {}

impl StoreError {
    /// What the core needs to know of it.
    pub fn failure(&self) -> StorageFailure {
        match self {
            Self::Held { .. } => StorageFailure::Closed,
            Self::Disk { error, .. } => match error {
                DiskError::Full => StorageFailure::Full,
                DiskError::ReadOnly => StorageFailure::ReadOnly,
                DiskError::Permission => StorageFailure::Permission,
                DiskError::NotFound | DiskError::NotAFolder => StorageFailure::Closed,
                DiskError::Sync(error) | DiskError::Other(error) => {
                    StorageFailure::Other(error.raw_os_error())
                }
            },
            Self::Contents { .. } => StorageFailure::Corrupt,
            Self::Bound(Bound::Full { .. }) => StorageFailure::Full,
            Self::Bound(Bound::Batch { .. }) => StorageFailure::TooLarge,
            Self::Misuse(_) | Self::Panicked => StorageFailure::Other(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_repeats_what_the_system_said_and_the_alternate_form_adds_it() {
        let broken = || io::Error::from_raw_os_error(5);
        let said = broken().to_string();
        for (error, text) in [
            (StoreError::disk("f", broken()), "f: the system refused it"),
            (StoreError::sync("f", broken()), "f: bytes could not be made durable"),
        ] {
            assert_eq!(error.to_string(), text);
            assert_eq!(error.source().map(ToString::to_string).as_ref(), Some(&said));
            assert_eq!(format!("{error:#}"), format!("{text}: {said}"));
        }
        let full = StoreError::disk("f", io::ErrorKind::StorageFull.into());
        assert_eq!(format!("{full:#}"), "f: no space is left on the disk");
        assert!(full.source().is_none());
    }
}
