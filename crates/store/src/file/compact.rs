//! Frees space in the middle of the log: the live messages of neighbouring
//! segments that hold little else are copied into one, which takes their
//! place in one step.

use std::io;
use std::ops::{ControlFlow, Range};

use super::format::{FRAME_HEADER, Kind, SegmentHeader};
use super::index::{Segment, kept};
use super::log::{Log, seal};
use super::read::each_contents;
use super::segments;
use crate::StoreError;
use crate::disk::{Directory, File};
use crate::encoding::encode_contents;

/// Bytes of a frame of copied messages, unless one is larger.
const FRAME: usize = 64 * 1024;
/// So many neighbours become one, however much of them is live: else one
/// message that stays in each would keep a file without end.
const MANY: usize = 8;

impl<D: Directory> Log<D> {
    /// Rewrites one group of segments, if any is worth it; true if it did.
    /// What fails is left as it was, and tried again another time.
    pub(super) fn compact(&mut self, directory: &D, target: u64) -> bool {
        let Some(range) = self.worth_compacting(target) else { return false };
        // Records that say what is live must be durable before what they call
        // dead is gone.
        if self.sync(directory).is_err() {
            return false;
        }
        // One that is there is not ours: it was not there at the beginning.
        let Ok(file) = directory.create(segments::COMPACTING) else { return false };
        let rewritten = self.rewrite(directory, &file, range);
        if rewritten.is_err() {
            let _ = directory.remove(segments::COMPACTING);
        }
        rewritten.is_ok()
    }

    /// Neighbouring segments, without the one written to, of which enough is
    /// dead.
    fn worth_compacting(&self, target: u64) -> Option<Range<usize>> {
        let sealed = self.index.segments.len().checked_sub(1)?;
        (0..sealed).find_map(|start| {
            let (mut bytes, mut live, mut best) = (0, 0, None);
            for (at, segment) in self.index.segments.range(start..sealed).enumerate() {
                bytes += segment.length;
                live += segment.live_bytes();
                if live > target {
                    break;
                }
                if bytes - live >= live.max(target / 4) || at + 1 >= MANY {
                    best = Some(start..start + at + 1);
                }
            }
            best
        })
    }

    fn rewrite(
        &mut self,
        directory: &D,
        file: &D::File,
        range: Range<usize>,
    ) -> Result<(), StoreError> {
        let group: Vec<Segment> = self.index.segments.range(range.clone()).cloned().collect();
        let (Some(first), Some(last)) = (group.first(), group.last()) else { return Ok(()) };
        let failed = |error| StoreError::disk(directory.path().join(segments::COMPACTING), error);
        let mut copy = Copy::new(file, first, last).map_err(failed)?;
        let kept = kept(&self.session);
        for (at, segment) in range.clone().zip(&group) {
            let serials = self.index.live_in(at, &kept).into_all();
            let _ = each_contents(directory, segment, serials, |serial, contents, _| {
                copy.add(serial, &contents).map_err(failed)?;
                Ok(ControlFlow::Continue(()))
            })?;
            copy.segment.inherit(segment);
        }
        let segment = copy.finish().map_err(failed)?;
        file.sync().map_err(failed)?;
        let name = segments::name(segment.first);
        directory.rename(segments::COMPACTING, &name).map_err(failed)?;
        directory.sync().map_err(failed)?;
        for old in group.iter().skip(1) {
            // One that stays is known by its number to be replaced.
            let _ = directory.remove(&segments::name(old.first));
        }
        self.index.segments.drain(range.clone());
        self.index.segments.insert(range.start, segment);
        Ok(())
    }
}

/// A segment of copied messages that is being written.
struct Copy<'f, F> {
    file: &'f F,
    segment: Segment,
    frame: Vec<u8>,
    /// The first message of the frame.
    first: Option<u64>,
}

impl<'f, F: File> Copy<'f, F> {
    fn new(file: &'f F, first: &Segment, last: &Segment) -> io::Result<Self> {
        let header = SegmentHeader::new(Kind::Compacted, first.first, last.last);
        file.write_at(&header.encode(), 0)?;
        let segment = Segment::replacing(first, last);
        Ok(Self { file, segment, frame: vec![0; FRAME_HEADER], first: None })
    }

    fn add(&mut self, serial: u64, contents: &[u8]) -> io::Result<()> {
        self.first.get_or_insert(serial);
        encode_contents(contents, &mut self.frame);
        if self.frame.len() >= FRAME { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        let Some(serial) = self.first.take() else { return Ok(()) };
        let offset = self.segment.length;
        seal(&mut self.frame, self.segment.first, offset, 0);
        self.file.write_at(&self.frame, offset)?;
        self.segment.mark(serial, offset);
        self.segment.length = offset + self.frame.len() as u64;
        self.frame.truncate(FRAME_HEADER);
        Ok(())
    }

    fn finish(mut self) -> io::Result<Segment> {
        self.write()?;
        Ok(self.segment)
    }
}
