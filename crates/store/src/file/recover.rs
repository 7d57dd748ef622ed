//! Reads what a store holds. Nothing is changed before all was read and found
//! to be good.
//!
//! The newest segment begins with a snapshot: the state of the session, and
//! which messages of earlier segments count still. Its batches are added to
//! that; then the earlier segments are read for their messages alone.

use std::sync::Arc;

use evenkeel_proto::record::{Accepted, Count, Priority, Record, Serial};

use super::bits::Bits;
use super::format::{Kind, SEGMENT_HEADER};
use super::frames::{Frame, FrameFault, Frames, was_durable};
use super::index::{Index, Segment};
use super::log::Active;
use super::segments::{self, Opening};
use crate::disk::{Directory, File};
use crate::encoding::{Entries, Entry, Live, Malformed, decode_entry, decode_message, peek_serial};
use crate::session::{Messages, Session};
use crate::{Fault, StoreError, in_order, weight};

/// All that was found.
pub(super) struct Found<F> {
    pub(super) index: Index,
    pub(super) session: Session,
    pub(super) active: Active<F>,
    /// Queued messages of sealed segments, by priority.
    pub(super) sealed: [Count; 3],
}

/// Reads all segments and then removes what a crash has left behind; `None`
/// where no store was finished yet.
pub(super) fn recover<D: Directory>(directory: &D) -> Result<Option<Found<D::File>>, StoreError> {
    let mut listing = segments::list(directory)?;
    let mut leftovers = Vec::new();
    if listing.compacting {
        leftovers.push(segments::COMPACTING.to_owned());
    }
    let newest = loop {
        let Some(number) = listing.segments.pop() else { break None };
        match Newest::read(directory, number)? {
            Some(newest) => break Some(newest),
            // Without one before it, any but the first was finished once.
            None if listing.segments.is_empty() && number != segments::FIRST => {
                return Err(Place { directory, number }.damaged(0));
            }
            None => leftovers.push(segments::name(number)),
        }
    };
    let Some(mut newest) = newest else {
        clean(directory, &leftovers)?;
        return Ok(None);
    };
    let mut sealed = Sealed::default();
    for number in listing.segments {
        if sealed.last >= Some(number) {
            leftovers.push(segments::name(number));
        } else {
            sealed.read(directory, number, &mut newest.earlier)?;
        }
    }
    if let Some(serial) = newest.earlier.expected(None) {
        return Err(StoreError::contents(
            directory.path(),
            Fault::Missing { serial: Some(serial) },
        ));
    }
    clean(directory, &leftovers)?;
    newest.settle(directory)?;
    let mut index = Index::default();
    index.segments.extend(sealed.segments);
    index.segments.push_back(newest.segment.clone());
    let active = Active {
        file: Arc::new(newest.file),
        number: newest.segment.first,
        length: newest.segment.length,
        synced: newest.segment.length,
    };
    Ok(Some(Found { index, session: newest.session, active, sealed: sealed.counts }))
}

/// Removes files that a crash left behind. The names that stay are durable
/// first, so that what replaced the leftovers survives them.
fn clean<D: Directory>(directory: &D, leftovers: &[String]) -> Result<(), StoreError> {
    let failed = |error| StoreError::sync(directory.path(), error);
    directory.sync().map_err(failed)?;
    for name in leftovers {
        directory
            .remove(name)
            .map_err(|error| StoreError::disk(directory.path().join(name), error))?;
    }
    if leftovers.is_empty() { Ok(()) } else { directory.sync().map_err(failed) }
}

/// The newest segment: the state of the session.
struct Newest<F> {
    file: F,
    segment: Segment,
    session: Session,
    earlier: Earlier,
    /// Bytes behind the last good frame, torn by a crash.
    torn: bool,
}

impl<F: File> Newest<F> {
    /// `None` where the segment was not finished when the machine died: then
    /// nothing that was committed is in it.
    fn read<D: Directory<File = F>>(
        directory: &D,
        number: u64,
    ) -> Result<Option<Self>, StoreError> {
        let place = Place { directory, number };
        let (file, length) = segments::open(directory, number).map_err(|e| place.disk(e))?;
        let check_torn = |offset| match was_durable(&file, number, offset, length) {
            Ok(true) => Err(place.damaged(offset)),
            Ok(false) => Ok(()),
            Err(error) => Err(place.disk(error)),
        };
        let Opening::Good(header) = segments::read_header(directory, &file, number)? else {
            check_torn(0)?;
            return Ok(None);
        };
        if header.kind != Kind::Log {
            return Err(StoreError::contents(directory.path(), Fault::Missing { serial: None }));
        }
        let start = SEGMENT_HEADER as u64;
        let mut frames = Frames::new(&file, number, start, length);
        let snapshot = match frames.next() {
            Ok(Some(frame)) => frame,
            Ok(None) | Err(FrameFault::Bad { .. }) => {
                check_torn(start)?;
                return Ok(None);
            }
            Err(FrameFault::Io(error)) => return Err(place.disk(error)),
        };
        let mut replay = Replay::new(number);
        replay.snapshot(&snapshot).map_err(|_| place.damaged(start))?;
        let torn = loop {
            match frames.next() {
                Ok(Some(frame)) => {
                    replay.batch(&frame).map_err(|_| place.damaged(frame.offset))?;
                }
                Ok(None) => break false,
                Err(FrameFault::Io(error)) => return Err(place.disk(error)),
                Err(FrameFault::Bad { offset }) => {
                    check_torn(offset)?;
                    break true;
                }
            }
        };
        let Replay { segment, session, earlier, .. } = replay;
        Ok(Some(Self { file, segment, session, earlier, torn }))
    }

    /// Cuts off what is torn, and makes what was read durable: it may have
    /// been written by a process that was killed before it could do so.
    fn settle<D: Directory>(&self, directory: &D) -> Result<(), StoreError> {
        let path = || directory.path().join(segments::name(self.segment.first));
        if self.torn {
            self.file
                .set_len(self.segment.length)
                .map_err(|error| StoreError::disk(path(), error))?;
        }
        self.file.sync().map_err(|error| StoreError::sync(path(), error))
    }
}

/// Adds up the records of the newest segment.
struct Replay {
    session: Session,
    segment: Segment,
    earlier: Earlier,
    frame: u64,
}

impl Replay {
    fn new(number: u64) -> Self {
        let segment = Segment::new(number, number, SEGMENT_HEADER as u64, Serial(0));
        Self { session: Session::default(), segment, earlier: Earlier::default(), frame: 0 }
    }

    fn snapshot(&mut self, frame: &Frame) -> Result<(), Malformed> {
        let mut entries = Entries(frame.body.clone());
        let (kind, contents) = entries.next().unwrap_or(Err(Malformed))?;
        let Entry::Live(live) = decode_entry(kind, &contents)? else { return Err(Malformed) };
        let number = self.segment.first;
        self.segment = Segment::new(number, number, frame.end, live.next_serial);
        self.session.next_serial = live.next_serial;
        self.earlier = Earlier::new(live);
        self.entries(entries)
    }

    fn batch(&mut self, frame: &Frame) -> Result<(), Malformed> {
        self.frame = frame.offset;
        self.segment.length = frame.end;
        self.entries(Entries(frame.body.clone()))
    }

    fn entries(&mut self, entries: Entries) -> Result<(), Malformed> {
        for entry in entries {
            let (kind, contents) = entry?;
            match decode_entry(kind, &contents)? {
                Entry::Live(_) => return Err(Malformed),
                Entry::Releasing { serial, packet_id } => {
                    self.session.restore_released(serial, packet_id);
                }
                Entry::Record(record) => self.record(&record)?,
            }
        }
        Ok(())
    }

    fn record(&mut self, record: &Record) -> Result<(), Malformed> {
        if let Record::Accepted(message) = record {
            in_order(message.serial, self.session.next_serial).map_err(|_| Malformed)?;
        }
        let Self { session, segment, earlier, frame } = self;
        session.apply(record, &mut Everywhere { segment, earlier, frame: *frame });
        Ok(())
    }
}

/// Messages of the newest segment and of those before it.
struct Everywhere<'a> {
    segment: &'a mut Segment,
    earlier: &'a mut Earlier,
    frame: u64,
}

impl Messages for Everywhere<'_> {
    fn accept(&mut self, message: &Accepted) {
        self.segment.insert(message.serial.0, message.priority, self.frame);
    }

    fn dequeue(&mut self, serial: Serial) -> bool {
        if self.earlier.is_before(serial) {
            self.earlier.dequeue(serial.0)
        } else {
            self.segment.dequeue(serial.0)
        }
    }

    fn discard(&mut self, serial: Serial) {
        if self.earlier.is_before(serial) {
            self.earlier.discarded.insert(serial.0);
        } else {
            self.segment.discard();
        }
    }
}

/// The messages of earlier segments, before these are read.
#[derive(Default)]
struct Earlier {
    live: Live,
    /// Live, and not queued any more.
    dequeued: Bits,
    /// Live in the snapshot, and done with since.
    discarded: Bits,
    /// The first serial not asked for yet, and its run.
    cursor: (u64, usize),
}

impl Earlier {
    fn new(live: Live) -> Self {
        Self { live, ..Self::default() }
    }

    fn is_before(&self, serial: Serial) -> bool {
        serial < self.live.next_serial
    }

    fn dequeue(&mut self, serial: u64) -> bool {
        let at = self.live.runs.partition_point(|(first, _)| *first <= serial);
        let run = at.checked_sub(1).and_then(|at| self.live.runs.get(at));
        let lives = run.is_some_and(|(first, count)| serial - first < *count);
        let queued = lives && !self.dequeued.contains(serial);
        if queued {
            self.dequeued.insert(serial);
        }
        queued
    }

    /// The next message that must be found, if it is not above `serial`.
    fn expected(&mut self, serial: Option<u64>) -> Option<u64> {
        loop {
            let (at, run) = self.cursor;
            let (first, count) = *self.live.runs.get(run)?;
            let at = at.max(first);
            if at - first >= count {
                self.cursor = (at, run + 1);
            } else if serial.is_some_and(|serial| at > serial) {
                return None;
            } else {
                self.cursor = (at + 1, run);
                if !self.discarded.contains(at) {
                    return Some(at);
                }
            }
        }
    }
}

/// The segments before the newest one: messages.
#[derive(Default)]
struct Sealed {
    segments: Vec<Segment>,
    counts: [Count; 3],
    /// The last number that was read, or that a compacted segment stands for.
    last: Option<u64>,
    next_serial: Serial,
}

impl Sealed {
    fn read<D: Directory>(
        &mut self,
        directory: &D,
        number: u64,
        earlier: &mut Earlier,
    ) -> Result<(), StoreError> {
        let place = Place { directory, number };
        let (file, length) = segments::open(directory, number).map_err(|e| place.disk(e))?;
        let Opening::Good(header) = segments::read_header(directory, &file, number)? else {
            return Err(place.damaged(0));
        };
        let start = SEGMENT_HEADER as u64;
        let mut segment = Segment::new(number, header.last, start, self.next_serial);
        segment.length = length;
        let mut frames = Frames::new(&file, number, start, length);
        loop {
            let frame = match frames.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(FrameFault::Bad { offset }) => return Err(place.damaged(offset)),
                Err(FrameFault::Io(error)) => return Err(place.disk(error)),
            };
            for entry in Entries(frame.body) {
                let bad = |_| place.damaged(frame.offset);
                let (kind, contents) = entry.map_err(bad)?;
                if let Some(serial) = peek_serial(kind, &contents).map_err(bad)? {
                    self.next_serial = in_order(Serial(serial), self.next_serial)
                        .map_err(|_| place.damaged(frame.offset))?;
                    match earlier.expected(Some(serial)) {
                        None => segment.count(),
                        Some(expected) if expected < serial => {
                            let fault = Fault::Missing { serial: Some(expected) };
                            return Err(StoreError::contents(directory.path(), fault));
                        }
                        Some(_) if earlier.dequeued.contains(serial) => {
                            segment.keep(serial, frame.offset);
                        }
                        Some(_) => {
                            let message = decode_message(&contents).map_err(bad)?;
                            self.add(&message);
                            segment.insert(serial, message.priority, frame.offset);
                        }
                    }
                }
            }
        }
        self.last = Some(header.last);
        self.segments.push(segment);
        Ok(())
    }

    fn add(&mut self, message: &Accepted) {
        add(&mut self.counts, message.priority, weight(&message.publish));
    }
}

/// Counts a queued message.
pub(super) fn add(counts: &mut [Count; 3], priority: Priority, bytes: u64) {
    if let Some(count) = counts.get_mut(priority as usize) {
        count.messages += 1;
        count.bytes += bytes;
    }
}

/// A file that is being read, for errors.
struct Place<'a, D> {
    directory: &'a D,
    number: u64,
}

impl<D: Directory> Place<'_, D> {
    fn disk(&self, error: std::io::Error) -> StoreError {
        StoreError::disk(self.directory.path().join(segments::name(self.number)), error)
    }

    fn damaged(&self, offset: u64) -> StoreError {
        let path = self.directory.path().join(segments::name(self.number));
        StoreError::contents(path, Fault::Damaged { offset })
    }
}
