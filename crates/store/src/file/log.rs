//! Writes batches: one write and one sync for each, except at the end of a
//! segment.

use std::sync::Arc;
use std::time::Instant;

use evenkeel_proto::record::{BootId, Record, Serial};

use super::end::{End, Note};
use super::flusher::Flusher;
use super::format::{FRAME_HEADER, FrameHeader, Kind, MAX_BODY, SEGMENT_HEADER, SegmentHeader};
use super::index::{Index, Segment};
use super::options::{FileStoreOptions, Fsync};
use super::pace::Pace;
use super::segments;
use super::snapshot::put_snapshot;
use crate::disk::{Directory, File};
use crate::encoding::encode_record;
use crate::session::Session;
use crate::{Bound, Misuse, StoreError, in_order};

/// The largest batch that is written in place.
const IN_PLACE: usize = 64 << 10;

/// A buffer larger than this is given back after use.
const KEEP_BUFFER: usize = 1 << 20;

/// The segment that is written to.
pub(super) struct Active<F> {
    pub(super) file: Arc<F>,
    pub(super) number: u64,
    /// Bytes up to the end of the last batch.
    pub(super) length: u64,
    /// Bytes that are durable.
    pub(super) synced: u64,
    /// It was begun in another boot, or in an earlier format: nothing is
    /// appended to it any more, so that a segment is of one boot (S5).
    pub(super) is_past: bool,
}

/// A store that was recovered.
pub(super) struct Log<D: Directory> {
    pub(super) index: Index,
    pub(super) session: Session,
    pub(super) active: Active<D::File>,
    flusher: Option<Flusher<D::File>>,
    note: Option<Note<D::File>>,
    boot: Option<BootId>,
    /// The frame that is being written.
    buffer: Vec<u8>,
    /// What went wrong behind a commit that was good.
    failure: Option<StoreError>,
    pace: Pace,
}

impl<F> Active<F> {
    /// One that was just made.
    fn new(file: F, number: u64, length: u64) -> Self {
        Self { file: Arc::new(file), number, length, synced: length, is_past: false }
    }
}

impl<D: Directory> Drop for Log<D> {
    /// Syncs what was promised to be synced, and notes the end.
    fn drop(&mut self) {
        if let Some(flusher) = self.flusher.take() {
            self.active.synced = self.active.synced.max(flusher.close(self.active.number));
        }
        self.note_end();
    }
}

/// Why a batch was not committed.
pub(super) struct Failed {
    pub(super) error: StoreError,
    /// What is on disk is not certain any more: recover first.
    pub(super) broken: bool,
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self { error, broken: false }
    }
}

fn broken(error: StoreError) -> Failed {
    Failed { error, broken: true }
}

impl<D: Directory> Log<D> {
    pub(super) fn new(
        directory: &D,
        index: Index,
        session: Session,
        active: Active<D::File>,
        options: &FileStoreOptions,
    ) -> Result<Self, StoreError> {
        let flusher = match options.fsync {
            Fsync::Every(interval) => Some(Flusher::start(interval)?),
            Fsync::EveryCommit | Fsync::Never => None,
        };
        let (note, boot) = (Note::open(directory), directory.boot());
        let (buffer, failure, pace) = (Vec::new(), None, Pace::default());
        let mut log = Self { index, session, active, flusher, note, boot, buffer, failure, pace };
        log.note_end();
        Ok(log)
    }

    /// Notes where the log ends now, as far as is known to be durable.
    fn note_end(&mut self) {
        let (segment, length, synced) = (self.active.number, self.active.length, self.synced());
        if let Some(note) = &mut self.note {
            note.write(End { segment, length, synced, boot: self.boot });
        }
    }

    /// The first segment of a new store.
    pub(super) fn create(directory: &D, options: &FileStoreOptions) -> Result<Self, Failed> {
        let (session, index) = (Session::default(), Index::default());
        let number = segments::FIRST;
        let boot = directory.boot();
        let mut bytes = first_frames(number, &session, &index, boot).map_err(Failed::from)?;
        let file = create_segment(directory, number, &mut bytes)?;
        let active = Active::new(file, number, bytes.len() as u64);
        let length = active.length;
        let mut log = Self::new(directory, index, session, active, options)?;
        log.index.segments.push_back(Segment::new(number, number, length, Serial(0)));
        Ok(log)
    }

    /// Commits a batch, or leaves everything as it was.
    pub(super) fn commit(
        &mut self,
        directory: &D,
        options: &FileStoreOptions,
        records: &[Record],
    ) -> Result<(), Failed> {
        self.check(directory)?;
        if records.is_empty() {
            return Ok(());
        }
        if self.encode(records)? {
            self.make_room(directory, options)?;
        }
        let begun = self.active.number;
        match self.write(directory, options) {
            Err(Failed { error, broken: false }) if error.is_temporary() => {
                self.reclaim(directory, options)?;
                self.write(directory, options)?;
            }
            result => result?,
        }
        self.buffer.shrink_to(KEEP_BUFFER);
        for record in records {
            self.session.apply(record, &mut self.index);
        }
        self.failure = self.drop_dead(directory).err().map(|failed| failed.error);
        if self.active.number != begun {
            self.compact(directory, options.segment_target());
        }
        Ok(())
    }

    /// Commits a batch if that is one small write and nothing else; false if it is
    /// left to [`commit`](Self::commit). A write that fails is left to it as well:
    /// what it has put behind the end is written over.
    pub(super) fn commit_in_place(
        &mut self,
        options: &FileStoreOptions,
        records: &[Record],
    ) -> bool {
        if !self.is_at_ease(options) || !self.pace.is_quick() {
            return false;
        }
        if records.is_empty() {
            return true;
        }
        let Ok(accepts) = self.encode(records) else { return false };
        let bytes = self.buffer.len() as u64;
        let is_full = accepts && self.index.bytes() + bytes > options.max_bytes;
        let ends = self.active.length + bytes > options.segment_target();
        if self.buffer.len() > IN_PLACE || is_full || ends {
            return false;
        }
        let begun = Instant::now();
        let written = self.put();
        self.pace.took(begun.elapsed());
        if written.is_err() {
            return false;
        }
        self.settle_append();
        for record in records {
            self.session.apply(record, &mut self.index);
        }
        true
    }

    /// Nothing is to be synced, removed or reported, and nobody syncs.
    fn is_at_ease(&self, options: &FileStoreOptions) -> bool {
        let sealed = self.index.segments.len().saturating_sub(1);
        options.fsync != Fsync::EveryCommit
            && !self.active.is_past
            && self.failure.is_none()
            && self.flusher.as_ref().is_none_or(Flusher::rests)
            && !self.index.segments.iter().take(sealed).any(Segment::is_dead)
    }

    /// Reports a failure behind an earlier commit.
    fn check(&mut self, directory: &D) -> Result<(), Failed> {
        let flusher = self.flusher.as_ref().and_then(Flusher::failure);
        let flusher = flusher.map(|error| StoreError::sync(self.path(directory), error));
        self.failure.take().or(flusher).map_or(Ok(()), |error| Err(broken(error)))
    }

    /// Makes everything committed durable.
    pub(super) fn sync(&mut self, directory: &D) -> Result<(), Failed> {
        if self.synced() < self.active.length {
            let failed = |error| broken(StoreError::sync(self.path(directory), error));
            self.active.file.sync().map_err(failed)?;
            self.active.synced = self.active.length;
        }
        Ok(())
    }

    /// Writes the frame of the buffer into this segment or a new one.
    fn write(&mut self, directory: &D, options: &FileStoreOptions) -> Result<(), Failed> {
        let target = options.segment_target();
        let end = self.active.length + self.buffer.len() as u64;
        let holds_batches = self.index.segments.back().is_some_and(|s| s.holds_batches());
        if end > target && holds_batches || self.active.is_past {
            return self.rotate(directory, true);
        }
        self.append(directory, options.fsync)
    }

    fn append(&mut self, directory: &D, fsync: Fsync) -> Result<(), Failed> {
        let offset = self.active.length;
        let file = self.active.file.clone();
        if let Err(error) = self.put() {
            return Err(take_back(&*file, offset, StoreError::disk(self.path(directory), error)));
        }
        if fsync == Fsync::EveryCommit {
            if let Err(error) = file.sync() {
                let error = StoreError::sync(self.path(directory), error);
                return Err(take_back(&*file, offset, error));
            }
            self.active.synced = offset + self.buffer.len() as u64;
        }
        self.settle_append();
        Ok(())
    }

    /// Writes the frame of the buffer behind the last one.
    fn put(&mut self) -> std::io::Result<()> {
        let (offset, synced) = (self.active.length, self.synced());
        seal(&mut self.buffer, self.active.number, offset, synced);
        self.active.file.write_at(&self.buffer, offset)
    }

    /// The frame of the buffer is written, and counts.
    fn settle_append(&mut self) {
        let offset = self.active.length;
        let end = offset + self.buffer.len() as u64;
        if let Some(flusher) = &self.flusher {
            flusher.written(&self.active.file, self.active.number, end);
        }
        self.grow(end);
        self.index.begin_frame(offset);
    }

    /// Begins a new segment with a snapshot, and with the frame of the buffer
    /// if `with_batch` says so.
    pub(super) fn rotate(&mut self, directory: &D, with_batch: bool) -> Result<(), Failed> {
        self.sync(directory)?;
        let number = self.active.number + 1;
        let mut bytes = first_frames(number, &self.session, &self.index, self.boot)?;
        let batch = bytes.len() as u64;
        if with_batch {
            seal(&mut self.buffer, number, batch, 0);
            bytes.extend_from_slice(&self.buffer);
        }
        let file = create_segment(directory, number, &mut bytes)?;
        self.active = Active::new(file, number, bytes.len() as u64);
        let length = self.active.length;
        let segment = Segment::new(number, number, batch, self.session.next_serial);
        self.index.segments.push_back(segment);
        self.index.begin_frame(batch);
        self.grow(length);
        self.note_end();
        Ok(())
    }

    /// Removes segments before the last one that hold nothing live.
    pub(super) fn drop_dead(&mut self, directory: &D) -> Result<(), Failed> {
        let sealed = self.index.segments.len().saturating_sub(1);
        if !self.index.segments.iter().take(sealed).any(Segment::is_dead) {
            return Ok(());
        }
        // What made them dead must survive before they go.
        self.sync(directory)?;
        let active = self.active.number;
        self.index.segments.retain(|segment| {
            let stays = segment.first == active || !segment.is_dead();
            // One that cannot be removed now is tried again, or found by the
            // next recovery.
            stays || directory.remove(&segments::name(segment.first)).is_err()
        });
        Ok(())
    }

    /// Encodes a batch into the buffer; true if it accepts messages.
    fn encode(&mut self, records: &[Record]) -> Result<bool, StoreError> {
        let (mut next, mut accepts) = (self.session.next_serial, false);
        self.buffer.clear();
        self.buffer.resize(FRAME_HEADER, 0);
        for record in records {
            let serial = if let Record::Accepted(message) = record {
                next = in_order(message.serial, next)?;
                accepts = true;
                Some(message.serial.0)
            } else {
                None
            };
            encode_record(record, &mut self.buffer)
                .map_err(|_| StoreError::Misuse(Misuse::Unencodable { serial }))?;
        }
        let bytes = self.buffer.len() - FRAME_HEADER;
        if bytes > MAX_BODY {
            self.buffer = Vec::new();
            let bound = Bound::Batch { bytes: bytes as u64, limit: MAX_BODY as u64 };
            return Err(StoreError::Bound(bound));
        }
        Ok(accepts)
    }

    /// Refuses messages beyond the bound on bytes, after an attempt to free
    /// some.
    fn make_room(&mut self, directory: &D, options: &FileStoreOptions) -> Result<(), Failed> {
        let limit = options.max_bytes;
        let over = |log: &Self| log.index.bytes() + log.buffer.len() as u64 > limit;
        if over(self) {
            self.reclaim(directory, options)?;
        }
        if over(self) {
            let bytes = self.index.bytes();
            return Err(StoreError::Bound(Bound::Full { bytes, limit }).into());
        }
        Ok(())
    }

    /// Frees what can be freed.
    fn reclaim(&mut self, directory: &D, options: &FileStoreOptions) -> Result<(), Failed> {
        self.drop_dead(directory)?;
        let target = options.segment_target();
        if self.index.segments.back().is_some_and(|active| active.dead_bytes() >= target / 4) {
            match self.rotate(directory, false) {
                Err(failed) if failed.broken => return Err(failed),
                _ => {}
            }
        }
        while self.compact(directory, target) {}
        self.drop_dead(directory)
    }

    fn grow(&mut self, length: u64) {
        self.active.length = length;
        if let Some(segment) = self.index.segments.back_mut() {
            segment.length = length;
        }
    }

    /// Up to where the active segment is durable.
    fn synced(&self) -> u64 {
        let flushed = self.flusher.as_ref().map_or(0, |f| f.synced(self.active.number));
        self.active.synced.max(flushed)
    }

    fn path(&self, directory: &D) -> std::path::PathBuf {
        directory.path().join(segments::name(self.active.number))
    }
}

/// Cuts off what an append that failed has left. This is synced even if it
/// is no whole frame: the next batch may begin a new segment, and what a power
/// cut brought back at the end of this one would then be taken for damage.
fn take_back<F: File>(file: &F, offset: u64, error: StoreError) -> Failed {
    match file.set_len(offset).and_then(|()| file.sync()) {
        Ok(()) => error.into(),
        Err(_) => broken(error),
    }
}

/// Takes back what a call that failed may have left: what is behind the end
/// of the last good batch, and a segment that comes after.
pub(super) fn cut_back<D: Directory>(
    directory: &D,
    (number, length): (u64, u64),
) -> Result<(), StoreError> {
    let path = || directory.path().join(segments::name(number));
    let file =
        directory.open(&segments::name(number)).map_err(|error| StoreError::disk(path(), error))?;
    if file.len().map_err(|error| StoreError::disk(path(), error))? > length {
        file.set_len(length).map_err(|error| StoreError::disk(path(), error))?;
    }
    file.sync().map_err(|error| StoreError::sync(path(), error))?;
    if segments::list(directory)?.segments.last() > Some(&number) {
        directory
            .remove(&segments::name(number + 1))
            .map_err(|error| StoreError::disk(path(), error))?;
    }
    directory.sync().map_err(|error| StoreError::sync(path(), error))
}

/// Header and snapshot of a segment.
fn first_frames(
    number: u64,
    session: &Session,
    index: &Index,
    boot: Option<BootId>,
) -> Result<Vec<u8>, StoreError> {
    let header = SegmentHeader::new(Kind::Log, number, number);
    let mut frame = vec![0; FRAME_HEADER];
    put_snapshot(session, index, boot, &mut frame)?;
    seal(&mut frame, number, SEGMENT_HEADER as u64, 0);
    let mut bytes = header.encode().to_vec();
    bytes.append(&mut frame);
    Ok(bytes)
}

/// Writes the header of a frame whose body follows it in the buffer.
pub(super) fn seal(frame: &mut [u8], segment: u64, offset: u64, synced: u64) {
    let Some((header, body)) = frame.split_at_mut_checked(FRAME_HEADER) else { return };
    let length = body.len() as u32;
    let body_sum = crc32fast::hash(body);
    let synced = u32::try_from(synced).unwrap_or(u32::MAX);
    header.copy_from_slice(&FrameHeader { length, synced, body_sum }.encode(segment, offset));
}

/// Makes a segment durable under its name, or leaves none.
fn create_segment<D: Directory>(
    directory: &D,
    number: u64,
    bytes: &mut [u8],
) -> Result<D::File, Failed> {
    let name = segments::name(number);
    let path = || directory.path().join(&name);
    let file = directory.create(&name).map_err(|error| StoreError::disk(path(), error))?;
    let written = file
        .write_at(bytes, 0)
        .map_err(|error| StoreError::disk(path(), error))
        .and_then(|()| file.sync().map_err(|error| StoreError::sync(path(), error)))
        .and_then(|()| directory.sync().map_err(|error| StoreError::sync(path(), error)));
    match written {
        Ok(()) => Ok(file),
        // Left there, it would be taken for the newest state.
        Err(error) => match directory.remove(&name).and_then(|()| directory.sync()) {
            Ok(()) => Err(error.into()),
            Err(_) => Err(broken(error)),
        },
    }
}
