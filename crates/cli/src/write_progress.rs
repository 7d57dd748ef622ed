//! Whether somebody reads what the program writes (S7): a write to a pipe or a
//! terminal that nobody reads never returns, and with it waits whoever writes.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes to stdout.
pub(crate) static STDOUT: Progress = Progress::new();

/// Writes to stderr.
pub(crate) static STDERR: Progress = Progress::new();

/// Counts the beginnings and the ends of writes to one place.
#[derive(Debug)]
pub(crate) struct Progress(AtomicU64);

impl Progress {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The write that is under way, by its number.
    pub(crate) fn under_way(&self) -> Option<u64> {
        let count = self.0.load(Ordering::Acquire);
        (count % 2 == 1).then_some(count)
    }

    /// Counts a write while it lasts.
    pub(crate) fn during<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.fetch_add(1, Ordering::AcqRel);
        let result = write();
        self.0.fetch_add(1, Ordering::AcqRel);
        result
    }
}

/// A place to write to, with a record of its writes. One writer at a time.
pub(crate) struct Watched<W> {
    place: W,
    progress: &'static Progress,
}

impl<W> Watched<W> {
    pub(crate) const fn new(place: W, progress: &'static Progress) -> Self {
        Self { place, progress }
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.progress.during(|| self.place.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.progress.during(|| self.place.flush())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_under_way_until_it_returns() {
        static PROGRESS: Progress = Progress::new();
        assert_eq!(PROGRESS.under_way(), None);
        let first = PROGRESS.during(|| PROGRESS.under_way());
        assert_eq!(PROGRESS.under_way(), None);
        let second = PROGRESS.during(|| PROGRESS.under_way());
        assert!(first.is_some() && second.is_some() && first != second, "{first:?} {second:?}");
        let mut place = Watched::new(Vec::new(), &PROGRESS);
        place.write_all(b"text").unwrap();
        place.flush().unwrap();
        assert_eq!((place.place.as_slice(), PROGRESS.under_way()), (&b"text"[..], None));
    }
}
