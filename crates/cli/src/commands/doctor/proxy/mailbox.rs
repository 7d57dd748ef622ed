//! The way of letters to the doctor's thread.
//!
//! A letter wakes nobody: to wake a thread takes longer than to hand a packet on,
//! and the thread would want the processor just then. The doctor looks by itself
//! every so often, and is woken only if much waits.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evenkeel_doctor::Time;

use super::judge::News;

/// Letters that wait at most, and the bytes of packets in them.
const LETTERS: usize = 16_384;
const BYTES: usize = 32 << 20;

/// What happened to a connection, and when.
pub(super) struct Letter {
    pub(super) connection: u64,
    pub(super) at: Time,
    pub(super) news: News,
}

/// What has come since the doctor looked last.
#[derive(Default)]
pub(super) struct Mail {
    pub(super) letters: Vec<Letter>,
    bytes: usize,
    /// Connections that ended while there was no room for a letter: nobody would
    /// forget them. All letters of theirs come before.
    pub(super) ended: Vec<u64>,
}

pub(super) struct Mailbox {
    inner: Mutex<(Mail, bool)>,
    woken: Condvar,
    room: usize,
}

impl Mailbox {
    pub(super) fn new() -> Self {
        Self::of(LETTERS)
    }

    /// With room for so many letters.
    pub(super) fn of(room: usize) -> Self {
        Self { inner: Mutex::default(), woken: Condvar::new(), room }
    }

    /// Whether there was room for it.
    pub(super) fn send(&self, letter: Letter) -> bool {
        let mut inner = self.lock();
        let mail = &mut inner.0;
        let bytes = letter.news.bytes();
        if mail.letters.len() >= self.room || mail.bytes + bytes > BYTES {
            return false;
        }
        let half = |before: usize, after: usize, all: usize| before < all / 2 && after >= all / 2;
        let is_much = half(mail.letters.len(), mail.letters.len() + 1, self.room)
            || half(mail.bytes, mail.bytes + bytes, BYTES);
        mail.bytes += bytes;
        mail.letters.push(letter);
        drop(inner);
        if is_much {
            self.woken.notify_one();
        }
        true
    }

    /// A connection has ended, and no letter could say so.
    pub(super) fn end(&self, connection: u64) {
        self.lock().0.ended.push(connection);
    }

    /// No more letters will be sent.
    pub(super) fn close(&self) {
        self.lock().1 = true;
        self.woken.notify_one();
    }

    /// Takes what there is after a while, or sooner if much waits; false after the
    /// last of it.
    pub(super) fn take(&self, mail: &mut Mail, after: Duration) -> bool {
        let inner = self.lock();
        let (mut inner, _) = self
            .woken
            .wait_timeout_while(inner, after, |(mail, is_closed)| {
                !*is_closed && mail.letters.len() < self.room / 2 && mail.bytes < BYTES / 2
            })
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(mail, &mut inner.0);
        let is_empty = mail.letters.is_empty() && mail.ended.is_empty();
        !(inner.1 && is_empty)
    }

    fn lock(&self) -> MutexGuard<'_, (Mail, bool)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mail {
    /// Empties it, and keeps its memory for the next time.
    pub(super) fn clear(&mut self) {
        self.letters.clear();
        self.ended.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_doctor::Side;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn letter(len: usize) -> Letter {
        let news = News::Bytes(Side::Client, vec![0; len]);
        Letter { connection: 1, at: Time(0), news }
    }

    #[test]
    fn what_is_half_full_is_taken_at_once() {
        let box_of = |room: usize, letters: usize, len: usize| {
            let mailbox = Mailbox::of(room);
            let sent = (0..letters).filter(|_| mailbox.send(letter(len))).count();
            let mut mail = Mail::default();
            // An hour is not waited for.
            assert!(mailbox.take(&mut mail, HOUR));
            assert_eq!(mail.letters.len(), sent);
            sent
        };
        assert_eq!(box_of(8, 4, 1), 4);
        assert_eq!(box_of(8, 9, 1), 8);
        assert_eq!(box_of(100, 40, 1 << 20), 32);
    }

    #[test]
    fn the_last_mail_comes_before_the_end() {
        let mailbox = Mailbox::of(1);
        assert!(mailbox.send(letter(1)) && !mailbox.send(letter(1)));
        mailbox.end(7);
        mailbox.close();
        let mut mail = Mail::default();
        assert!(mailbox.take(&mut mail, HOUR));
        assert_eq!((mail.letters.len(), &mail.ended[..]), (1, &[7][..]));
        mail.clear();
        assert!(!mailbox.take(&mut mail, HOUR));
    }
}
