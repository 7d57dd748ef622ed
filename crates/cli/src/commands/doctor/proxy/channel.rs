//! The way of notes to the doctor's thread.
//!
//! A note wakes nobody: to wake a thread takes longer than to hand a packet on,
//! and the thread would want the processor just then. The doctor looks by itself
//! every so often, and is woken only if much waits.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evenkeel_doctor::Time;

use super::judge::News;

/// Notes that wait at most, and the bytes of packets in them.
const NOTES: usize = 16_384;
const BYTES: usize = 32 << 20;

/// What happened to a connection, and when.
pub(super) struct Note {
    pub(super) connection: u64,
    pub(super) at: Time,
    pub(super) news: News,
}

/// What has come since the doctor looked last.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) notes: Vec<Note>,
    bytes: usize,
    /// Connections that ended while there was no room for a note: nobody would
    /// forget them. All notes of theirs come before.
    pub(super) ended: Vec<u64>,
}

pub(super) struct Channel {
    inner: Mutex<(Batch, bool)>,
    woken: Condvar,
    room: usize,
}

impl Channel {
    pub(super) fn new() -> Self {
        Self::of(NOTES)
    }

    /// With room for so many notes.
    pub(super) fn of(room: usize) -> Self {
        Self { inner: Mutex::default(), woken: Condvar::new(), room }
    }

    /// Whether there was room for it.
    pub(super) fn send(&self, note: Note) -> bool {
        let mut inner = self.lock();
        let batch = &mut inner.0;
        let bytes = note.news.bytes();
        if batch.notes.len() >= self.room || batch.bytes + bytes > BYTES {
            return false;
        }
        let half = |before: usize, after: usize, all: usize| before < all / 2 && after >= all / 2;
        let is_much = half(batch.notes.len(), batch.notes.len() + 1, self.room)
            || half(batch.bytes, batch.bytes + bytes, BYTES);
        batch.bytes += bytes;
        batch.notes.push(note);
        drop(inner);
        if is_much {
            self.woken.notify_one();
        }
        true
    }

    /// A connection has ended, and no note could say so.
    pub(super) fn end(&self, connection: u64) {
        self.lock().0.ended.push(connection);
    }

    /// No more notes will be sent.
    pub(super) fn close(&self) {
        self.lock().1 = true;
        self.woken.notify_one();
    }

    /// Takes what there is after a while, or sooner if much waits; false after the
    /// last of it.
    pub(super) fn take(&self, batch: &mut Batch, after: Duration) -> bool {
        let inner = self.lock();
        let (mut inner, _) = self
            .woken
            .wait_timeout_while(inner, after, |(batch, is_closed)| {
                !*is_closed && batch.notes.len() < self.room / 2 && batch.bytes < BYTES / 2
            })
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(batch, &mut inner.0);
        let is_empty = batch.notes.is_empty() && batch.ended.is_empty();
        !(inner.1 && is_empty)
    }

    fn lock(&self) -> MutexGuard<'_, (Batch, bool)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    /// Empties it, and keeps its memory for the next time.
    pub(super) fn clear(&mut self) {
        self.notes.clear();
        self.ended.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_doctor::Side;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn note(len: usize) -> Note {
        let news = News::Bytes(Side::Client, vec![0; len]);
        Note { connection: 1, at: Time(0), news }
    }

    #[test]
    fn what_is_half_full_is_taken_at_once() {
        let box_of = |room: usize, notes: usize, len: usize| {
            let channel = Channel::of(room);
            let sent: usize = (0..notes).map(|_| usize::from(channel.send(note(len)))).sum();
            let mut batch = Batch::default();
            // An hour is not waited for.
            assert!(channel.take(&mut batch, HOUR));
            assert_eq!(batch.notes.len(), sent);
            sent
        };
        assert_eq!(box_of(8, 4, 1), 4);
        assert_eq!(box_of(8, 9, 1), 8);
        assert_eq!(box_of(100, 40, 1 << 20), 32);
    }

    #[test]
    fn the_last_batch_comes_before_the_end() {
        let channel = Channel::of(1);
        assert!(channel.send(note(1)) && !channel.send(note(1)));
        channel.end(7);
        channel.close();
        let mut batch = Batch::default();
        assert!(channel.take(&mut batch, HOUR));
        assert_eq!((batch.notes.len(), &batch.ended[..]), (1, &[7][..]));
        batch.clear();
        assert!(!channel.take(&mut batch, HOUR));
    }
}
