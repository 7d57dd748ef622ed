//! Reads messages out of segments.

use std::ops::ControlFlow;
use std::path::PathBuf;

use bytes::Bytes;
use evenkeel_proto::record::{Accepted, Priority, Serial, StoredMessage, Window};

use super::frames::{FrameFault, Frames};
use super::index::{Index, Segment, kept};
use super::segments;
use crate::budget::Budget;
use crate::disk::Directory;
use crate::encoding::{Entries, decode_message, peek_serial};
use crate::session::Session;
use crate::{Fault, StoreError, behind};

/// Messages out of the segments of a directory.
pub(super) struct Reader<'a, D> {
    pub(super) directory: &'a D,
    pub(super) index: &'a Index,
    pub(super) session: &'a Session,
}

impl<D: Directory> Reader<'_, D> {
    /// Queued messages of a priority.
    pub(super) fn queue(
        &self,
        priority: Priority,
        after: Option<Serial>,
        limit: Window,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let from = behind(after);
        self.take(limit, |_, segment| segment.queued(priority, from))
    }

    /// Messages in whatever state.
    pub(super) fn list(
        &self,
        after: Option<Serial>,
        limit: Window,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let from = behind(after).0;
        let kept = kept(self.session);
        self.take(limit, |at, _| {
            let live = self.index.live_in(at, &kept).into_all();
            live.skip_while(move |serial| *serial < from)
        })
    }

    /// One message that is not done with.
    pub(super) fn message(&self, serial: Serial) -> Result<Option<StoredMessage>, StoreError> {
        if !self.index.is_queued(serial.0) && !self.session.keeps(serial) {
            return Ok(None);
        }
        let mut found = None;
        self.each(std::iter::once(serial), |message| found = Some(message))?;
        Ok(found)
    }

    /// Visits these messages, which must be live and ascending.
    pub(super) fn each(
        &self,
        serials: impl Iterator<Item = Serial>,
        mut visit: impl FnMut(StoredMessage),
    ) -> Result<(), StoreError> {
        let mut serials = serials.map(|serial| serial.0).peekable();
        while let Some(&first) = serials.peek() {
            let Some(segment) = self.index.holder(first) else { return Ok(()) };
            let here = |serial: &u64| {
                self.index.holder(*serial).is_some_and(|holder| holder.first == segment.first)
            };
            let wanted: Vec<u64> = std::iter::from_fn(|| serials.next_if(here)).collect();
            let _ = scan(self.directory, segment, wanted.into_iter(), |message| {
                visit(self.session.stands(message));
                ControlFlow::Continue(())
            })?;
        }
        Ok(())
    }

    fn take<'s, I: Iterator<Item = u64> + 's>(
        &'s self,
        limit: Window,
        wanted: impl Fn(usize, &'s Segment) -> I,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let mut budget = Budget::new(limit);
        let mut taken = Vec::new();
        for (at, segment) in self.index.segments.iter().enumerate() {
            let visit = |message| {
                let message = self.session.stands(message);
                if !budget.takes(&message) {
                    return ControlFlow::Break(());
                }
                taken.push(message);
                ControlFlow::Continue(())
            };
            if scan(self.directory, segment, wanted(at, segment), visit)?.is_break() {
                break;
            }
        }
        Ok(taken)
    }
}

/// Visits messages of a segment; they must be in it, and ascending.
fn scan<D: Directory>(
    directory: &D,
    segment: &Segment,
    wanted: impl Iterator<Item = u64>,
    mut visit: impl FnMut(Accepted) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, StoreError> {
    each_contents(directory, segment, wanted, |_, contents, offset| {
        let message = decode_message(&contents).map_err(|_| damaged(directory, segment, offset))?;
        Ok(visit(message))
    })
}

/// Visits messages of a segment as they are encoded, with serial and offset of
/// the frame; they must be in it, and ascending.
pub(super) fn each_contents<D: Directory>(
    directory: &D,
    segment: &Segment,
    wanted: impl Iterator<Item = u64>,
    mut visit: impl FnMut(u64, Bytes, u64) -> Result<ControlFlow<()>, StoreError>,
) -> Result<ControlFlow<()>, StoreError> {
    let mut wanted = wanted.peekable();
    let Some(&first) = wanted.peek() else { return Ok(ControlFlow::Continue(())) };
    let (file, _) = segments::open(directory, segment.first)
        .map_err(|error| StoreError::disk(path(directory, segment), error))?;
    let start = segment.offset_before(first);
    let mut frames = Frames::new(&file, segment.first, start, segment.length);
    while let Some(&next) = wanted.peek() {
        let mark = segment.offset_before(next);
        if mark > frames.offset() {
            frames.seek(mark);
        }
        let frame = frames.next().map_err(|fault| match fault {
            FrameFault::Bad { offset } => damaged(directory, segment, offset),
            FrameFault::Io(error) => StoreError::disk(path(directory, segment), error),
        })?;
        let Some(frame) = frame else { return Err(damaged(directory, segment, segment.length)) };
        for entry in Entries(frame.body) {
            let bad = |_| damaged(directory, segment, frame.offset);
            let (kind, contents) = entry.map_err(bad)?;
            let serial = peek_serial(kind, &contents).map_err(bad)?;
            if let Some(serial) = wanted.next_if(|next| Some(*next) == serial)
                && visit(serial, contents, frame.offset)?.is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn path<D: Directory>(directory: &D, segment: &Segment) -> PathBuf {
    directory.path().join(segments::name(segment.first))
}

fn damaged<D: Directory>(directory: &D, segment: &Segment, offset: u64) -> StoreError {
    StoreError::contents(path(directory, segment), Fault::Damaged { offset })
}
