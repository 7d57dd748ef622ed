//! The few things a file store asks of a disk, so that tests can put a
//! disk in its place that loses power.

mod access;
mod boot;
mod folder;
#[cfg(feature = "simulated-disk")]
mod simulated;

use std::io;
use std::path::Path;

use evenkeel_proto::record::BootId;

pub use boot::boot_id;
pub use folder::Folder;
#[cfg(feature = "simulated-disk")]
pub use simulated::{Crash, SimulatedDisk, SimulatedFile, SimulatedFolder};

/// A directory of a disk: names, files, and a lock against other processes.
///
/// Nothing but `sync` of a file makes its bytes survive a power cut, and
/// nothing but `sync` of the directory makes names survive it.
pub trait Directory: Send + 'static {
    /// An open file of it.
    type File: File;

    /// Where it is, for messages to people.
    fn path(&self) -> &Path;

    /// Names the time since the machine was started that writes here: while it
    /// is the same, no power was cut. `None` if the system does not tell.
    fn boot(&self) -> Option<BootId> {
        None
    }

    /// Takes the lock, which is held as long as the directory lives.
    fn lock(&mut self) -> Result<(), LockError>;

    /// Takes the lock together with others that only read, and changes
    /// nothing on the disk.
    fn lock_to_read(&mut self) -> Result<(), LockError> {
        self.lock()
    }

    /// The names of the files in it, in any order, without that of the lock;
    /// folders are left out.
    fn list(&self) -> io::Result<Vec<String>>;

    /// The names of what is no file of its own in it: folders, symbolic links,
    /// devices.
    fn list_others(&self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Makes the directory, the lock and these files the owner's alone; the
    /// names of those that others can still read. One who only reads does not
    /// ask for it.
    fn tighten(&self, _names: &[String]) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Makes a new, empty file, the owner's alone; fails if the name is
    /// taken, by whatever.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Opens a file that exists, to read and to write.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// Opens a file that exists, to read alone.
    fn open_to_read(&self, name: &str) -> io::Result<Self::File> {
        self.open(name)
    }

    /// Gives a file another name; a file that had it is gone. A power cut
    /// leaves either of the two under that name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes what was created, renamed and removed durable.
    fn sync(&self) -> io::Result<()>;
}

/// A file that is read and written at offsets.
pub trait File: Send + Sync + 'static {
    /// Its length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Reads into `buffer` from `offset` on; returns how many bytes, 0 at the
    /// end only.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`, in one call to the system if
    /// that takes them. After an error any part may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts the file or extends it by zeros.
    fn set_len(&self, length: u64) -> io::Result<()>;

    /// Makes bytes and length durable.
    fn sync(&self) -> io::Result<()>;

    /// Whether it holds no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// The file that carries the lock.
pub(crate) const LOCK: &str = "lock";

/// Why the lock was not given.
#[derive(Debug)]
pub enum LockError {
    /// Another process (or another store of this one) has it.
    Held {
        /// The number of that process, if it left it.
        process: Option<u32>,
    },
    /// What has the name of the lock is no lock of ours: another program's
    /// file, a link, a folder.
    Foreign,
    /// The disk failed.
    Io(io::Error),
}
