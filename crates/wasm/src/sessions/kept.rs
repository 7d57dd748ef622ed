//! A session that the caller keeps: what is to be kept is told by `COMMIT`, one batch at
//! a time, and counts once the caller says so.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use evenkeel_proto::record::{Batch, Committed, StorageFailure};
use evenkeel_proto::{Client, Input, Instant};
use evenkeel_store::Mirror;

use crate::failure::Failure;
use crate::records::{Records, kind};

#[derive(Debug)]
pub(crate) struct Kept {
    mirror: Mirror,
    /// Told, and not answered yet: one, and at the end of a client another one.
    pending: VecDeque<Batch>,
}

impl Kept {
    pub(crate) const fn new(mirror: Mirror) -> Self {
        Self { mirror, pending: VecDeque::new() }
    }

    /// Tells the caller; a batch that changes nothing, or cannot be kept, is done with.
    pub(crate) fn commit(
        &mut self,
        batch: Batch,
        core: &mut Client,
        now: Instant,
        records: &mut Records<'_>,
    ) {
        let mut bytes = Vec::new();
        let encoded = match &batch.records[..] {
            [] => Ok(()),
            new => self.mirror.encode(new, &mut bytes).map_err(|error| error.failure()),
        };
        if encoded.is_err() || bytes.is_empty() {
            return self.finish(batch, encoded, core, now);
        }
        records.put(kind::COMMIT, |record| {
            record.count(bytes.len());
            record.bytes(&bytes);
        });
        self.pending.push_back(batch);
    }

    /// The caller has kept the batch that was told, or not.
    pub(crate) fn committed(
        &mut self,
        result: Result<(), StorageFailure>,
        core: &mut Client,
        now: Instant,
    ) -> Result<(), Failure> {
        let batch = self.pending.pop_front().ok_or(Failure::Argument(
            "no batch waits; hint: ek_committed answers each COMMIT once",
        ))?;
        if result.is_ok() {
            self.mirror.apply(&batch.records);
        }
        self.finish(batch, result, core, now);
        Ok(())
    }

    fn finish(
        &self,
        batch: Batch,
        result: Result<(), StorageFailure>,
        core: &mut Client,
        now: Instant,
    ) {
        let read = match (&batch.read, result) {
            (_, Err(failure)) => Err(failure),
            (Some(read), Ok(())) => Ok(self.mirror.read(read)),
            (None, Ok(())) => Ok(Vec::new()),
        };
        core.handle(now, Input::Committed(Committed { batch, result, read }));
    }

    /// All that counts, as one log. Not while a batch waits, which would be lost.
    pub(crate) fn snapshot(&self, out: &mut Vec<u8>) -> Result<(), Failure> {
        if !self.pending.is_empty() {
            return Err(Failure::Argument(
                "a batch waits to be kept; hint: answer it by ek_committed first",
            ));
        }
        out.clear();
        self.mirror.snapshot(out);
        Ok(())
    }
}

/// By its number in `words/names.txt`, 0 for none.
pub(crate) fn result(number: u32) -> Option<Result<(), StorageFailure>> {
    Some(Err(match number {
        0 => return Some(Ok(())),
        630 => StorageFailure::Full,
        631 => StorageFailure::ReadOnly,
        632 => StorageFailure::Permission,
        633 => StorageFailure::Corrupt,
        634 => StorageFailure::TooLarge,
        635 => StorageFailure::Closed,
        636 => StorageFailure::TimedOut,
        637 => StorageFailure::Other(None),
        _ => return None,
    }))
}
