//! Reads what is left of a damaged store.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use evenkeel_proto::record::{Accepted, Record, Serial, StoredMessage};

use super::aside::InPlace;
use super::bits::Bits;
use super::format::{Kind, SEGMENT_HEADER, SegmentHeader};
use super::frames::{Frame, FrameFault, Frames, next_good, read_up_to};
use super::segments;
use crate::StoreError;
use crate::disk::{Directory, File, Folder};
use crate::encoding::{Entries, Entry, Live, decode_entry};
use crate::session::{Messages, Session};

/// What was found in a damaged store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Salvaged {
    /// Messages that were visited.
    pub messages: u64,
    /// Messages that were visited in what was put aside after a power cut.
    pub put_aside: u64,
    /// Places that could not be read.
    pub damaged: u64,
}

/// Visits the messages that can still be read of a store in this folder, also
/// if it is damaged or files are missing, and changes nothing in it.
///
/// They come in the order of their acceptance, each once. A message whose end
/// is in a damaged place is visited, too: what comes out of here may have been
/// delivered. Last come those in what was put aside after a power cut, whose
/// serials may have been given to others since. [`ControlFlow::Break`] ends it.
pub fn salvage(
    path: impl AsRef<Path>,
    visit: impl FnMut(StoredMessage) -> ControlFlow<()>,
) -> Result<Salvaged, StoreError> {
    let path = path.as_ref();
    let folder = Folder::open(path).map_err(|error| StoreError::disk(path, error))?;
    salvage_in(folder, visit)
}

/// The same in a directory of any kind.
pub fn salvage_in<D: Directory>(
    mut directory: D,
    mut visit: impl FnMut(StoredMessage) -> ControlFlow<()>,
) -> Result<Salvaged, StoreError> {
    let listing = segments::list(&directory)?;
    let locked = directory.lock_to_read();
    locked.map_err(|error| StoreError::lock(directory.path(), error))?;
    let numbers = listing.segments;
    let mut found = Salvaged::default();
    let (mut session, mut seen) = (Session::default(), Seen::default());
    for number in &numbers {
        found.damaged += each_frame(&directory, *number, |frame| {
            add_up(frame, &mut session, &mut seen);
            ControlFlow::Continue(())
        })?;
    }
    for number in &numbers {
        let mut ended = ControlFlow::Continue(());
        each_frame(&directory, *number, |frame| {
            for entry in entries(frame) {
                if let Entry::Record(Record::Accepted(message)) = entry
                    && seen.left.remove(message.serial.0)
                {
                    found.messages += 1;
                    ended = visit(session.stands(message));
                    if ended.is_break() {
                        break;
                    }
                }
            }
            ended
        })?;
        if ended.is_break() {
            return Ok(found);
        }
    }
    for number in &listing.asides {
        if put_aside(&directory, *number, &mut found, &mut visit)?.is_break() {
            break;
        }
    }
    Ok(found)
}

/// Visits the messages in what was put aside after a power cut. Their serials
/// may have been given anew since.
fn put_aside<D: Directory>(
    directory: &D,
    number: u64,
    found: &mut Salvaged,
    visit: &mut impl FnMut(StoredMessage) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, StoreError> {
    let name = segments::aside_name(number);
    let failed = |error| StoreError::disk(directory.path().join(&name), error);
    let file = directory.open_to_read(&name).map_err(failed)?;
    let mut bytes = Vec::new();
    read_up_to(&file, 0, SEGMENT_HEADER, &mut bytes).map_err(failed)?;
    let header = bytes.first_chunk().and_then(|bytes| SegmentHeader::decode(bytes).ok());
    let Some(header) = header.filter(|header| header.kind == Kind::Aside) else {
        found.damaged += 1;
        return Ok(ControlFlow::Continue(()));
    };
    let place = InPlace { file, offset: header.last };
    let (mut session, mut seen) = (Session::default(), Seen::default());
    let _ = frames_of(&place, header.first, header.last, |frame| {
        add_up(frame, &mut session, &mut seen);
        ControlFlow::Continue(())
    });
    let mut ended = ControlFlow::Continue(());
    let read = frames_of(&place, header.first, header.last, |frame| {
        for entry in entries(frame) {
            if let Entry::Record(Record::Accepted(message)) = entry
                && seen.left.remove(message.serial.0)
            {
                found.put_aside += 1;
                ended = visit(session.stands(message));
                if ended.is_break() {
                    break;
                }
            }
        }
        ended
    });
    read.map_err(failed)?;
    Ok(ended)
}

fn add_up(frame: &Frame, session: &mut Session, seen: &mut Seen) {
    for entry in entries(frame) {
        match entry {
            Entry::Record(record) => session.apply(&record, seen),
            Entry::Live(live) => seen.keep(&live),
            Entry::Releasing { .. } | Entry::Boot(_) => {}
        }
    }
}

/// Messages that were accepted and did not end, as far as can be read.
#[derive(Default)]
struct Seen {
    left: Bits,
    queued: Bits,
}

impl Messages for Seen {
    fn accept(&mut self, message: &Accepted) {
        self.left.insert(message.serial.0);
        self.queued.insert(message.serial.0);
    }

    fn dequeue(&mut self, serial: Serial) -> bool {
        self.queued.remove(serial.0)
    }

    fn discard(&mut self, serial: Serial) {
        self.left.remove(serial.0);
    }
}

impl Seen {
    /// Forgets what a snapshot knows to have ended.
    fn keep(&mut self, live: &Live) {
        let lives = |serial: &u64| {
            let at = live.runs.partition_point(|(first, _)| first <= serial);
            let run = at.checked_sub(1).and_then(|at| live.runs.get(at));
            *serial >= live.next_serial.0
                || run.is_some_and(|(first, count)| serial - first < *count)
        };
        self.left = self.left.from(0).filter(lives).collect();
    }
}

/// The entries of a frame that make sense.
fn entries(frame: &Frame) -> impl Iterator<Item = Entry> {
    let entries = Entries(frame.body.clone()).map_while(Result::ok);
    entries.filter_map(|(kind, contents)| decode_entry(kind, &contents).ok())
}

/// Visits the good frames of a segment; the number of places between them
/// that are not.
fn each_frame<D: Directory>(
    directory: &D,
    number: u64,
    visit: impl FnMut(&Frame) -> ControlFlow<()>,
) -> Result<u64, StoreError> {
    let failed = |error| StoreError::disk(directory.path().join(segments::name(number)), error);
    let (file, _) = segments::open(directory, number).map_err(failed)?;
    frames_of(&file, number, SEGMENT_HEADER as u64, visit).map_err(failed)
}

fn frames_of<F: File>(
    file: &F,
    segment: u64,
    start: u64,
    mut visit: impl FnMut(&Frame) -> ControlFlow<()>,
) -> io::Result<u64> {
    let length = file.len()?;
    let mut frames = Frames::new(file, segment, start, length);
    let mut damaged = 0;
    loop {
        match frames.next() {
            Ok(Some(frame)) => {
                if visit(&frame).is_break() {
                    return Ok(damaged);
                }
            }
            Ok(None) => return Ok(damaged),
            Err(FrameFault::Io(error)) => return Err(error),
            Err(FrameFault::Bad { offset }) => {
                damaged += 1;
                let next = next_good(file, segment, offset + 1, length, |_| true)?;
                let Some(next) = next else { return Ok(damaged) };
                frames.seek(next);
            }
        }
    }
}
