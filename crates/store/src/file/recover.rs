//! Reads what a store holds. Nothing is changed before all was read and found
//! to be good, and by one who only reads nothing at all (S5).
//!
//! The newest segment begins with a snapshot: the state of the session, and
//! which messages of earlier segments count still. Its batches are added to
//! that; then the earlier segments are read for their messages alone.

use std::sync::Arc;

use evenkeel_proto::record::{
    Accepted, BootId, Count, Notice, NoticeKind, Priority, Record, Serial,
};

use super::aside::Aside;
use super::bits::Bits;
use super::end::End;
use super::format::{Kind, SEGMENT_HEADER};
use super::frames::{Frame, FrameFault, Frames};
use super::index::{Index, Segment};
use super::log::Active;
use super::segments::{self, Listing, Opening};
use super::tail::{Tail, TailKind};
use crate::disk::{Directory, File};
use crate::encoding::{Entries, Entry, Live, Malformed, decode_entry, decode_message, peek_serial};
use crate::session::{Messages, Session};
use crate::{Fault, StoreError, in_order, weight};

/// All that was found, and what is to be done about it.
#[derive(Default)]
pub(super) struct Found {
    /// `None` if no store was finished yet.
    pub(super) store: Option<Contents>,
    /// What a crash left behind.
    leftovers: Vec<String>,
    cut: Option<Cut>,
    pub(super) notices: Vec<Notice>,
}

/// A store that was read.
pub(super) struct Contents {
    pub(super) index: Index,
    pub(super) session: Session,
    /// Queued messages of sealed segments, by priority.
    pub(super) sealed: [Count; 3],
    is_past: bool,
}

/// Bytes of the newest segment that do not count.
struct Cut {
    offset: u64,
    aside: Option<Aside>,
}

/// Reads all segments, and changes nothing. `end` is what was noted of the
/// end of the log.
pub(super) fn find<D: Directory>(directory: &D) -> Result<Found, StoreError> {
    let mut listing = segments::list(directory)?;
    let end = if listing.end { End::read(directory)? } else { None };
    let missing = |serial| StoreError::contents(directory.path(), Fault::Missing { serial });
    if end.is_some_and(|end| listing.segments.last().is_none_or(|last| *last < end.segment)) {
        return Err(missing(None));
    }
    let mut found = Found::default();
    found.leftovers.extend(listing.compacting.then(|| segments::COMPACTING.to_owned()));
    let Some(mut newest) = newest(directory, &mut listing, end, &mut found)? else {
        return Ok(found);
    };
    let mut sealed = Sealed::default();
    for number in listing.segments {
        if sealed.last >= Some(number) {
            found.leftovers.push(segments::name(number));
        } else {
            sealed.read(directory, number, &mut newest.earlier)?;
        }
    }
    if let Some(serial) = newest.earlier.expected(None) {
        return Err(missing(Some(serial)));
    }
    let mut index = Index::default();
    index.segments.extend(sealed.segments);
    index.segments.push_back(newest.segment);
    let (session, is_past) = (newest.session, newest.is_past);
    found.store = Some(Contents { index, session, sealed: sealed.counts, is_past });
    Ok(found)
}

/// Reads the newest segment, and takes it off the list; those that were not
/// finished when the machine died are leftovers.
fn newest<D: Directory>(
    directory: &D,
    listing: &mut Listing,
    end: Option<End>,
    found: &mut Found,
) -> Result<Option<Newest>, StoreError> {
    while let Some(number) = listing.segments.pop() {
        let location = Location { directory, number };
        let end = end.filter(|end| end.segment == number);
        match Newest::read(&location, end, &listing.asides, found)? {
            Some(newest) => return Ok(Some(newest)),
            // Without one before it, any but the first was finished once.
            None if listing.segments.is_empty() && number != segments::FIRST => {
                return Err(location.damaged(0));
            }
            None => found.leftovers.push(segments::name(number)),
        }
    }
    Ok(None)
}

impl Found {
    /// Removes what a crash has left behind and cuts off what does not count.
    /// The names that stay are durable first, so that what replaced the
    /// leftovers survives them; and what was read is made durable: it may have
    /// been written by a process that was killed before it could do so.
    pub(super) fn settle<D: Directory>(
        &self,
        directory: &D,
    ) -> Result<Option<Active<D::File>>, StoreError> {
        let failed = |error| StoreError::sync(directory.path(), error);
        directory.sync().map_err(failed)?;
        for name in &self.leftovers {
            directory
                .remove(name)
                .map_err(|error| StoreError::disk(directory.path().join(name), error))?;
        }
        if !self.leftovers.is_empty() {
            directory.sync().map_err(failed)?;
        }
        let Some(store) = &self.store else { return Ok(None) };
        let Some(newest) = store.index.segments.back() else { return Ok(None) };
        let (number, length) = (newest.first, newest.length);
        let location = Location { directory, number };
        let file = directory.open(&segments::name(number)).map_err(|e| location.disk(e))?;
        if let Some(cut) = &self.cut {
            if let Some(aside) = &cut.aside {
                aside.put(directory, &file)?;
            }
            file.set_len(cut.offset).map_err(|e| location.disk(e))?;
        }
        file.sync().map_err(|error| StoreError::sync(location.path(), error))?;
        let (file, is_past) = (Arc::new(file), store.is_past);
        Ok(Some(Active { file, number, length, synced: length, is_past }))
    }

    fn notice(&mut self, number: u64, kind: NoticeKind) {
        self.notices.push(Notice { file: segments::name(number), kind });
    }
}

/// The newest segment: the state of the session.
struct Newest {
    segment: Segment,
    session: Session,
    earlier: Earlier,
    /// Of another boot than this, or of an earlier format.
    is_past: bool,
}

impl Newest {
    /// `None` if the segment was not finished when the machine died: then
    /// nothing that was committed is in it.
    fn read<D: Directory>(
        location: &Location<'_, D>,
        end: Option<End>,
        asides: &[u64],
        found: &mut Found,
    ) -> Result<Option<Self>, StoreError> {
        let Location { directory, number } = *location;
        let (file, length) = segments::open(directory, number).map_err(|e| location.disk(e))?;
        let boot = directory.boot();
        let opening = segments::read_header(directory, &file, number)?;
        let needs = end.map_or(0, |end| end.needs(boot));
        if length < needs {
            return Err(StoreError::contents(location.path(), Fault::Short { length, had: needs }));
        }
        // Bytes at the beginning: nothing was committed if the segment was
        // never finished, and it was if its end was noted.
        let check_unfinished = |offset| {
            let bad = Tail { file: &file, segment: number, offset, length };
            if end.is_some() || bad.was_durable().map_err(|e| location.disk(e))? {
                Err(location.damaged(offset))
            } else {
                Ok(())
            }
        };
        let unfinished = NoticeKind::Unfinished { bytes: length };
        let Opening::Good(header) = opening else {
            check_unfinished(0)?;
            found.notice(number, unfinished);
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
                check_unfinished(start)?;
                found.notice(number, unfinished);
                return Ok(None);
            }
            Err(FrameFault::Io(error)) => return Err(location.disk(error)),
        };
        let mut replay = Replay::new(number);
        replay.snapshot(&snapshot).map_err(|_| location.damaged(start))?;
        let bad = replay.batches(&mut frames, location)?;
        let same_boot = boot.is_some() && replay.boot == boot;
        match bad {
            Some(offset) => {
                let bad = Tail { file: &file, segment: number, offset, length };
                let tail = bad.kind(same_boot).map_err(|e| location.disk(e))?;
                if tail == TailKind::Damaged || offset < needs {
                    return Err(location.damaged(offset));
                }
                found.cut_off(number, offset, length - offset, tail, asides);
            }
            None => {
                let had = end.map_or(0, |end| end.length);
                if length < had {
                    let bytes = had - length;
                    found.notice(number, NoticeKind::Lost { offset: length, bytes });
                }
            }
        }
        let Replay { segment, session, earlier, .. } = replay;
        let is_past = !header.is_present() || replay.boot != boot;
        Ok(Some(Self { segment, session, earlier, is_past }))
    }
}

impl Found {
    fn cut_off(&mut self, number: u64, offset: u64, bytes: u64, tail: TailKind, asides: &[u64]) {
        let aside = (tail == TailKind::Broken).then(|| Aside::plan(number, offset, bytes, asides));
        let kind = match &aside {
            None => NoticeKind::Torn { offset, bytes },
            Some(aside) => {
                let (into, kept) = (aside.into.clone(), aside.bytes);
                NoticeKind::PutAside { offset, bytes, into, kept }
            }
        };
        self.notice(number, kind);
        for name in aside.iter().flat_map(|aside| &aside.gives_way) {
            self.notices.push(Notice { file: name.clone(), kind: NoticeKind::GaveWay });
        }
        self.cut = Some(Cut { offset, aside });
    }
}

/// Adds up the records of the newest segment.
struct Replay {
    session: Session,
    segment: Segment,
    earlier: Earlier,
    frame: u64,
    /// The boot in which the segment was written.
    boot: Option<BootId>,
}

impl Replay {
    fn new(number: u64) -> Self {
        let segment = Segment::new(number, number, SEGMENT_HEADER as u64, Serial(0));
        let (session, earlier) = Default::default();
        Self { session, segment, earlier, frame: 0, boot: None }
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

    /// Adds the batches up; an offset if they end before the file does.
    fn batches<D: Directory>(
        &mut self,
        frames: &mut Frames<'_, D::File>,
        location: &Location<'_, D>,
    ) -> Result<Option<u64>, StoreError> {
        loop {
            match frames.next() {
                Ok(Some(frame)) => {
                    self.batch(&frame).map_err(|_| location.damaged(frame.offset))?
                }
                Ok(None) => return Ok(None),
                Err(FrameFault::Io(error)) => return Err(location.disk(error)),
                Err(FrameFault::Bad { offset }) => return Ok(Some(offset)),
            }
        }
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
                Entry::Boot(boot) => self.boot = Some(boot),
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
        let Self { session, segment, earlier, frame, .. } = self;
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
        let location = Location { directory, number };
        let (file, length) = segments::open(directory, number).map_err(|e| location.disk(e))?;
        let Opening::Good(header) = segments::read_header(directory, &file, number)? else {
            return Err(location.damaged(0));
        };
        if header.kind == Kind::Aside {
            return Err(location.damaged(0));
        }
        let start = SEGMENT_HEADER as u64;
        let mut segment = Segment::new(number, header.last, start, self.next_serial);
        segment.length = length;
        let mut frames = Frames::new(&file, number, start, length);
        loop {
            let frame = match frames.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(FrameFault::Bad { offset }) => return Err(location.damaged(offset)),
                Err(FrameFault::Io(error)) => return Err(location.disk(error)),
            };
            for entry in Entries(frame.body) {
                let bad = |_| location.damaged(frame.offset);
                let (kind, contents) = entry.map_err(bad)?;
                if let Some(serial) = peek_serial(kind, &contents).map_err(bad)? {
                    self.next_serial = in_order(Serial(serial), self.next_serial)
                        .map_err(|_| location.damaged(frame.offset))?;
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
struct Location<'a, D> {
    directory: &'a D,
    number: u64,
}

impl<D: Directory> Location<'_, D> {
    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join(segments::name(self.number))
    }

    fn disk(&self, error: std::io::Error) -> StoreError {
        StoreError::disk(self.path(), error)
    }

    fn damaged(&self, offset: u64) -> StoreError {
        StoreError::contents(self.path(), Fault::Damaged { offset })
    }
}
