//! What a drain gives out: records of four-byte words, each with its kind and size
//! in front. `ABI.md` says what each holds.

mod event;
mod outcome;
mod transfer;

use alloc::vec::Vec;

pub(crate) use event::{connected, disconnected, event};
pub(crate) use outcome::{answered, completion, settled};
pub(crate) use transfer::{Place, close, message, packet, write};

/// Their kinds.
pub(crate) mod kind {
    pub(crate) const WAIT: u32 = 1;
    pub(crate) const OPEN: u32 = 2;
    pub(crate) const CLOSE: u32 = 3;
    pub(crate) const AUTHENTICATE: u32 = 4;
    pub(crate) const PUBLISHED: u32 = 5;
    pub(crate) const SUBSCRIBED: u32 = 6;
    pub(crate) const UNSUBSCRIBED: u32 = 7;
    pub(crate) const ANSWERED: u32 = 8;
    pub(crate) const MESSAGE: u32 = 9;
    pub(crate) const WRITE: u32 = 10;
    pub(crate) const RELEASED: u32 = 11;
    pub(crate) const PACKET: u32 = 12;
    pub(crate) const EVENT: u32 = 13;
    pub(crate) const CONNECTED: u32 = 14;
    pub(crate) const DISCONNECTED: u32 = 15;
    pub(crate) const MORE: u32 = 16;
    #[cfg(feature = "sessions")]
    pub(crate) const COMMIT: u32 = 17;
}

/// Of an output area that is not used, no more memory is kept.
const KEPT: usize = 256 * 1024;

/// Records in the output area, one after the other.
pub(crate) struct Records<'a> {
    bytes: &'a mut Vec<u8>,
}

impl<'a> Records<'a> {
    pub(crate) fn new(bytes: &'a mut Vec<u8>) -> Self {
        // One that the last drain had use for stays for the next.
        if bytes.capacity() > KEPT && bytes.len() < KEPT {
            *bytes = Vec::new();
        }
        bytes.clear();
        Self { bytes }
    }

    /// Bytes so far.
    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// A record, filled by `fill`.
    pub(crate) fn put(&mut self, kind: u32, fill: impl FnOnce(&mut Record<'_>)) {
        let from = self.bytes.len();
        let mut record = Record { bytes: self.bytes, from };
        record.words([kind, 0]);
        fill(&mut record);
        record.end();
    }
}

/// One record that is being filled.
pub(crate) struct Record<'a> {
    bytes: &'a mut Vec<u8>,
    /// Where it begins.
    from: usize,
}

impl Record<'_> {
    /// At once, as each growth of the buffer takes longer than a word.
    pub(crate) fn words<const N: usize>(&mut self, words: [u32; N]) {
        self.bytes.extend_from_slice(words.map(u32::to_le_bytes).as_flattened());
    }

    pub(crate) fn word(&mut self, word: u32) {
        self.words([word]);
    }

    pub(crate) fn count(&mut self, count: usize) {
        self.word(length(count));
    }

    pub(crate) fn float(&mut self, number: f64) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Lets `encode` append bytes; how many they are.
    pub(crate) fn encode(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> usize {
        let before = self.bytes.len();
        encode(self.bytes);
        self.bytes.len() - before
    }

    /// Bytes of this record so far.
    pub(crate) const fn len(&self) -> usize {
        self.bytes.len() - self.from
    }

    /// Writes a word that was left open, at its offset in the record.
    pub(crate) fn patch(&mut self, offset: usize, count: usize) {
        let word = length(count).to_le_bytes();
        let at = self.from + offset;
        if let Some(place) = self.bytes.get_mut(at..at + 4) {
            place.copy_from_slice(&word);
        }
    }

    fn end(&mut self) {
        self.bytes.resize(self.bytes.len() + self.len().wrapping_neg() % 4, 0);
        self.patch(4, self.len());
    }
}

/// A length as a word.
pub(crate) fn length(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Milliseconds.
pub(crate) fn milliseconds(time: core::time::Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

/// The name of a connection as the caller knows it.
pub(crate) fn connection(conn: evenkeel_proto::ConnectionId) -> u32 {
    u32::try_from(conn.0).unwrap_or(u32::MAX)
}
