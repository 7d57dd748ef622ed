//! Where the messages are: for each segment which serials are queued, and a
//! mark every so many bytes. What is kept in memory for a message is a bit.

use std::collections::VecDeque;

use evenkeel_proto::record::{Accepted, Priority, Serial};

use super::bits::Bits;
use super::format::SEGMENT_HEADER;
use crate::session::{Messages, Session};

/// Bytes of a segment between two marks, unless a frame is longer.
const MARK_EVERY: u64 = 64 * 1024;

/// If one message is behind, and none before it that comes later.
#[derive(Clone, Copy, Debug)]
struct Mark {
    serial: u64,
    offset: u64,
}

/// One segment as memory knows it.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// Its number, and its name.
    pub(super) first: u64,
    /// The last number it stands for.
    pub(super) last: u64,
    /// Bytes up to the end of the last good frame.
    pub(super) length: u64,
    /// Where its batches begin.
    begins: u64,
    /// No message of it has a lower serial.
    lowest: u64,
    marks: Vec<Mark>,
    queued: [Bits; 3],
    /// Messages in it that are not done with.
    live: u64,
    /// Messages in it.
    messages: u64,
}

impl Segment {
    /// A segment in which nothing was found yet.
    pub(super) fn new(first: u64, last: u64, begins: u64, lowest: Serial) -> Self {
        Self {
            first,
            last,
            length: begins,
            begins,
            lowest: lowest.0,
            marks: Vec::new(),
            queued: Default::default(),
            live: 0,
            messages: 0,
        }
    }

    /// The copy of what is live in several segments, to be filled.
    pub(super) fn replacing(first: &Self, last: &Self) -> Self {
        Self::new(first.first, last.last, SEGMENT_HEADER as u64, Serial(first.lowest))
    }

    /// True if anything was written behind the snapshot.
    pub(super) const fn holds_batches(&self) -> bool {
        self.length > self.begins
    }

    /// True if nothing in it is needed any more.
    pub(super) const fn is_dead(&self) -> bool {
        self.live == 0
    }

    /// About how many of its bytes are needed.
    pub(super) fn live_bytes(&self) -> u64 {
        let share = u128::from(self.length) * u128::from(self.live);
        share.checked_div(self.messages.into()).map_or(0, |bytes| bytes as u64)
    }

    /// About how many bytes behind the snapshot are not needed.
    pub(super) fn dead_bytes(&self) -> u64 {
        (self.length - self.begins).saturating_sub(self.live_bytes())
    }

    /// Queued serials of a priority, none below `from`.
    pub(super) fn queued(
        &self,
        priority: Priority,
        from: Serial,
    ) -> impl Iterator<Item = u64> + '_ {
        self.queued.get(priority as usize).into_iter().flat_map(move |bits| bits.from(from.0))
    }

    /// The offset of a frame at or before the one that holds the message.
    pub(super) fn offset_before(&self, serial: u64) -> u64 {
        let at = self.marks.partition_point(|mark| mark.serial <= serial);
        let mark = at.checked_sub(1).and_then(|at| self.marks.get(at));
        mark.map_or(SEGMENT_HEADER as u64, |mark| mark.offset)
    }

    /// All queued serials, by priority.
    pub(super) fn all_queued(&self) -> impl Iterator<Item = u64> + '_ {
        self.queued.iter().flat_map(|bits| bits.from(0))
    }

    /// A message that is in it and done with.
    pub(super) fn count(&mut self) {
        self.messages += 1;
    }

    /// A queued message that lies in the frame at `offset`.
    pub(super) fn insert(&mut self, serial: u64, priority: Priority, offset: u64) {
        self.keep(serial, offset);
        if let Some(bits) = self.queued.get_mut(priority as usize) {
            bits.insert(serial);
        }
    }

    /// A live message that is not queued.
    pub(super) fn keep(&mut self, serial: u64, offset: u64) {
        self.mark(serial, offset);
        self.live += 1;
        self.messages += 1;
    }

    /// False if the message was not queued in it.
    pub(super) fn dequeue(&mut self, serial: u64) -> bool {
        self.queued.iter_mut().any(|bits| bits.remove(serial))
    }

    /// One of its messages is done with.
    pub(super) fn discard(&mut self) {
        self.live = self.live.saturating_sub(1);
    }

    /// True if the message waits to be sent.
    pub(super) fn is_queued(&self, serial: u64) -> bool {
        self.queued.iter().any(|bits| bits.contains(serial))
    }

    /// Takes the place of several segments in order, whose live messages were
    /// copied.
    pub(super) fn inherit(&mut self, from: &Self) {
        self.live += from.live;
        self.messages += from.live;
        for (mine, theirs) in self.queued.iter_mut().zip(&from.queued) {
            mine.extend(theirs);
        }
    }

    /// Notes that the frame at `offset` begins with this message, if the last
    /// mark is far enough.
    pub(super) fn mark(&mut self, serial: u64, offset: u64) {
        let near = |mark: &Mark| offset - mark.offset < MARK_EVERY;
        if !self.marks.last().is_some_and(near) {
            self.marks.push(Mark { serial, offset });
        }
    }
}

/// All segments, the last one being written to.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) segments: VecDeque<Segment>,
    /// Where the frame begins that accepted messages are in.
    frame: u64,
}

impl Index {
    /// What is accepted from now on is in the frame at this offset of the
    /// last segment.
    pub(super) const fn begin_frame(&mut self, offset: u64) {
        self.frame = offset;
    }

    /// Bytes of all segments.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.length).sum()
    }

    /// Serials of all live messages, ascending; one segment after the other,
    /// as all at once may be many.
    pub(super) fn live(&self, session: &Session) -> impl Iterator<Item = u64> {
        let kept = kept(session);
        (0..self.segments.len()).flat_map(move |at| self.live_in(at, &kept).into_all())
    }

    /// Serials of the live messages of a segment; of those that are kept
    /// without being queued, see [`kept`].
    pub(super) fn live_in(&self, at: usize, kept: &Bits) -> Bits {
        let Some(segment) = self.segments.get(at) else { return Bits::default() };
        let mut live = Bits::default();
        segment.queued.iter().for_each(|queued| live.extend(queued));
        let end = self.segments.get(at + 1).map_or(u64::MAX, |next| next.lowest);
        let kept = kept.from(segment.lowest).take_while(|serial| *serial < end);
        kept.for_each(|serial| live.insert(serial));
        live
    }

    /// The segment a message is or was in.
    pub(super) fn holder(&self, serial: u64) -> Option<&Segment> {
        self.segments.get(self.position(serial)?)
    }

    /// True if the message waits to be sent.
    pub(super) fn is_queued(&self, serial: u64) -> bool {
        self.holder(serial).is_some_and(|segment| segment.is_queued(serial))
    }

    fn position(&self, serial: u64) -> Option<usize> {
        self.segments.partition_point(|segment| segment.lowest <= serial).checked_sub(1)
    }
}

/// Messages that a session keeps without their being queued.
pub(super) fn kept(session: &Session) -> Bits {
    session.kept().map(|serial| serial.0).collect()
}

impl Messages for Index {
    fn accept(&mut self, message: &Accepted) {
        let offset = self.frame;
        if let Some(segment) = self.segments.back_mut() {
            segment.insert(message.serial.0, message.priority, offset);
        }
    }

    fn dequeue(&mut self, serial: Serial) -> bool {
        let segment = self.position(serial.0).and_then(|at| self.segments.get_mut(at));
        segment.is_some_and(|segment| segment.dequeue(serial.0))
    }

    fn discard(&mut self, serial: Serial) {
        if let Some(segment) = self.position(serial.0).and_then(|at| self.segments.get_mut(at)) {
            segment.discard();
        }
    }
}
