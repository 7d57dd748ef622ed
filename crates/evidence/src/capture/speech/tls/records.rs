//! Cuts one side's bytes into TLS records.

use super::hello::{self, Hello};
use crate::grow;

/// The longest record: 16 KiB and what any version adds to it.
const RECORD: usize = (1 << 14) + 2048;
/// The longest hello that is read.
const HELLO: usize = 16 << 10;

/// A record that has come.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) kind: u8,
    /// The length without the header.
    pub(super) len: u32,
    /// What it holds, if anybody wants to read it.
    pub(super) body: Vec<u8>,
    /// Bytes of it are missing.
    pub(super) cut: bool,
}

/// What a gap means.
#[derive(Debug)]
pub(super) enum Gap {
    /// It is within one record, which may be over with it.
    Within(Option<Record>),
    /// Records begin at an unknown place.
    Lost,
}

/// One side's records.
#[derive(Debug, Default)]
pub(super) struct Records {
    header: [u8; 5],
    header_len: usize,
    /// The record whose body comes.
    now: Option<Record>,
    left: usize,
    /// Records are encrypted from here on.
    pub(super) sealed: bool,
    /// Handshake messages up to the hello.
    hello: Vec<u8>,
    hello_over: bool,
    begun: bool,
    lost: bool,
    dead: bool,
}

impl Records {
    pub(super) fn is_fresh(&self) -> bool {
        !self.begun && !self.dead
    }

    pub(super) fn die(&mut self) {
        *self = Self { dead: true, ..Self::default() };
    }

    pub(super) fn held(&self) -> usize {
        let now = self.now.as_ref().map_or(0, |record| record.body.capacity());
        self.hello.capacity() + now
    }

    pub(super) fn let_go(&mut self) {
        self.hello = Vec::new();
        self.hello_over = true;
        if let Some(record) = &mut self.now {
            record.body = Vec::new();
            record.cut = true;
        }
    }

    /// Reads at the front of the bytes; also says how many it has taken. The
    /// body of an encrypted record is kept only to `open` it.
    pub(super) fn next(&mut self, bytes: &[u8], open: bool) -> (Option<Record>, usize) {
        if self.dead {
            return (None, bytes.len());
        }
        self.begun = true;
        if self.lost {
            if !is_header(bytes) {
                return (None, bytes.len());
            }
            self.lost = false;
        }
        let mut taken = 0;
        if self.now.is_none() {
            taken = bytes.len().min(5 - self.header_len);
            for byte in bytes.iter().take(taken) {
                if let Some(at) = self.header.get_mut(self.header_len) {
                    *at = *byte;
                }
                self.header_len += 1;
            }
            if self.header_len < 5 {
                return (None, taken);
            }
            self.header_len = 0;
            if !is_header(&self.header) {
                self.lost = true;
                return (None, bytes.len());
            }
            let [kind, _, _, high, low] = self.header;
            let len = u16::from_be_bytes([high, low]);
            self.left = len.into();
            let body = Vec::new();
            self.now = Some(Record { kind, len: len.into(), body, cut: false });
        }
        let sealed = match self.header {
            // Two bytes are an alert that is not encrypted, at any time.
            [21, _, _, 0, 2] => false,
            [22, ..] => self.sealed,
            _ => true,
        };
        let Some(record) = &mut self.now else { return (None, taken) };
        let rest = bytes.get(taken..).unwrap_or_default();
        let n = rest.len().min(self.left);
        if (!sealed || open) && !record.cut {
            grow::extend(&mut record.body, rest.get(..n).unwrap_or_default(), RECORD);
        }
        self.left -= n;
        let record = if self.left == 0 { self.now.take() } else { None };
        (record, taken + n)
    }

    /// So many bytes are missing.
    pub(super) fn gap(&mut self, bytes: u64) -> Gap {
        let missing = usize::try_from(bytes).unwrap_or(usize::MAX);
        if self.dead {
            return Gap::Within(None);
        }
        if let Some(record) = &mut self.now
            && missing <= self.left
        {
            record.cut = true;
            self.left -= missing;
            return Gap::Within(if self.left == 0 { self.now.take() } else { None });
        }
        self.now = None;
        self.header_len = 0;
        self.hello_over = true;
        self.lost = true;
        Gap::Lost
    }

    /// Takes a handshake record in; returns the hello, once.
    pub(super) fn hello(&mut self, body: &[u8]) -> Option<Hello> {
        if self.hello_over {
            return None;
        }
        grow::extend(&mut self.hello, body, HELLO + RECORD);
        while let Some(message) = hello::message(&self.hello) {
            let taken = message.len() + 4;
            let hello = hello::read(self.hello.first().copied().unwrap_or_default(), message);
            self.hello.drain(..taken);
            // A request to say hello again is none itself.
            if hello.is_some() {
                self.hello = Vec::new();
                self.hello_over = true;
                return hello;
            }
        }
        if self.hello.len() > HELLO {
            self.hello = Vec::new();
            self.hello_over = true;
        }
        None
    }
}

/// Whether these bytes are, or begin, the header of a record.
fn is_header(bytes: &[u8]) -> bool {
    let [kind, 3, 0..=4, high, low, ..] = *bytes else { return false };
    let len = usize::from(u16::from_be_bytes([high, low]));
    matches!(kind, 20..=23) && (1..=RECORD).contains(&len)
}
