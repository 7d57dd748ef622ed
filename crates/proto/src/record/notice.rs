//! What a store has to tell of its files.

use alloc::string::String;
use core::fmt;

/// What was found in a file of a store as it was opened. A store that is only
/// read leaves everything as it is, and tells what one who writes would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The name of the file in the store's folder; `.` for the folder.
    pub file: String,
    /// What was found.
    pub kind: NoticeKind,
}

/// What was found in a file, and what is done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoticeKind {
    /// The last batch was not written to its end; it was not committed, and is
    /// cut off.
    Torn {
        /// Where it begins.
        offset: u64,
        /// Bytes that are cut off.
        bytes: u64,
    },
    /// The file was being begun when the process or the machine stopped.
    /// Nothing that was committed is in it, and it is removed.
    Unfinished {
        /// Its bytes.
        bytes: u64,
    },
    /// A power cut broke batches that were not durable. They are cut off, and
    /// put into a file of their own.
    PutAside {
        /// Where the first of them begins.
        offset: u64,
        /// Bytes that are cut off.
        bytes: u64,
        /// The name of that file.
        into: String,
        /// Bytes that are kept in it.
        kept: u64,
    },
    /// A power cut took bytes that were written and not durable.
    Lost {
        /// Where the file ends.
        offset: u64,
        /// Bytes that followed.
        bytes: u64,
    },
    /// What was put aside earlier is removed, to make room for more.
    GaveWay,
    /// Other users can read it, and this could not be changed.
    Exposed,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        match &self.kind {
            NoticeKind::Torn { offset, bytes } => {
                write!(
                    f,
                    "the last batch was not written to its end: {bytes} bytes from {offset} on do not count"
                )
            }
            NoticeKind::Unfinished { bytes } => {
                write!(
                    f,
                    "it was being begun when the program stopped: its {bytes} bytes do not count"
                )
            }
            NoticeKind::PutAside { offset, bytes, into, kept } => write!(
                f,
                "a power cut broke what was not synced: {bytes} bytes from {offset} on do not count; \
                 {kept} of them go into {into}"
            ),
            NoticeKind::Lost { offset, bytes } => {
                write!(f, "a power cut took what was not synced: {bytes} bytes from {offset} on")
            }
            NoticeKind::GaveWay => f.write_str("it gives way to what is put aside now"),
            NoticeKind::Exposed => f.write_str("other users can read it"),
        }
    }
}
