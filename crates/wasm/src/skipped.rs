//! Large payloads of the server that stay with the caller.
//!
//! Once the head of a PUBLISH has come, what follows is its payload, which the core
//! never looks into. The caller keeps those bytes, and the read buffer is filled with
//! nothing in their place. A mark at the end of them says afterwards which payload
//! it was. A server that sends the mark itself gains nothing: only payloads that were
//! skipped and not told yet are looked for, and all of them are its own.

use alloc::collections::VecDeque;

use bytes::BytesMut;
use evenkeel_proto::Client;

use crate::failure::Failure;

/// Fewer bytes are copied sooner than kept.
const LEAST: usize = 16 * 1024;

/// What a mark begins with; its number comes behind. Text, as payloads may have to be.
const MARK: &[u8; 25] = b"\x01evenkeel-wasm: skipped \x02";
/// Digits of the number.
const DIGITS: usize = 8;

/// The payload whose beginning is in the read buffer.
#[derive(Debug)]
pub(crate) struct Skipping {
    left: u32,
    begun: bool,
}

impl Skipping {
    /// That of the packet at the front, of which the head and a part of the last chunk
    /// are there; `None` if too little is missing.
    pub(crate) fn of(bytes: &[u8], chunk: usize, core: &Client) -> Option<Self> {
        let version = core.limits()?.version;
        let head = Head::of(bytes, version.has_properties())?;
        let (here, missing) = (bytes.len() - head.len, head.packet.checked_sub(bytes.len())?);
        if missing < LEAST || here > chunk || !core.wants_read() {
            return None;
        }
        Some(Self { left: u32::try_from(missing).ok()?, begun: false })
    }

    /// Bytes that are still to come.
    pub(crate) const fn left(&self) -> u32 {
        self.left
    }

    pub(crate) const fn has_begun(&self) -> bool {
        self.begun
    }

    /// Puts as many bytes into the buffer, of no meaning.
    pub(crate) fn skip(&mut self, len: u32, bytes: &mut BytesMut) -> Result<u32, Failure> {
        let left = self
            .left
            .checked_sub(len)
            .ok_or(Failure::Length { len: len as usize, area: self.left as usize })?;
        if !self.begun {
            bytes.reserve(self.left as usize);
        }
        bytes.resize(bytes.len() + len as usize, 0);
        (self.left, self.begun) = (left, true);
        Ok(left)
    }
}

/// Says at the end of the buffer which payload it is.
fn mark(bytes: &mut BytesMut, number: u32) {
    let mut mark = [0; MARK.len() + DIGITS];
    let (begin, digits) = mark.split_at_mut(MARK.len());
    begin.copy_from_slice(MARK);
    for (index, digit) in digits.iter_mut().enumerate() {
        *digit = b'a' + (number >> (4 * index) & 15) as u8;
    }
    if let Some(end) = bytes.last_chunk_mut() {
        *end = mark;
    }
}

/// Which payload of the caller's this is, if it is one.
fn number_of(payload: &[u8]) -> Option<u32> {
    if payload.len() < LEAST {
        return None;
    }
    let mark: &[u8; MARK.len() + DIGITS] = payload.last_chunk()?;
    let digits = mark.strip_prefix(MARK)?;
    digits.iter().rev().try_fold(0_u32, |number, digit| match digit {
        b'a'..=b'p' => Some(number << 4 | u32::from(digit - b'a')),
        _ => None,
    })
}

/// The payloads that the caller keeps and was not told of yet, in order.
#[derive(Debug, Default)]
pub(crate) struct Skipped {
    /// Number and length of each.
    payloads: VecDeque<(u32, usize)>,
    /// The number of the last.
    last: u32,
}

impl Skipped {
    /// One more, whose length is not more than that of the whole buffer: marks it.
    pub(crate) fn add(&mut self, bytes: &mut BytesMut) {
        self.last = self.last.wrapping_add(1);
        mark(bytes, self.last);
        let len = bytes.len();
        self.payloads.push_back((self.last, len));
    }

    /// Which of them this payload is, if it is one.
    pub(crate) fn find(&self, payload: &[u8]) -> Option<u32> {
        if self.payloads.is_empty() {
            return None;
        }
        let number = number_of(payload)?;
        let known = |(one, len): &(u32, usize)| *one == number && payload.len() < *len;
        self.payloads.iter().any(known).then_some(number)
    }

    /// It is told; those before it never will be.
    pub(crate) fn told(&mut self, number: u32) {
        while let Some((first, _)) = self.payloads.pop_front() {
            if first == number {
                break;
            }
        }
    }

    /// No message waits: none of them will be told.
    pub(crate) fn forget(&mut self) {
        self.payloads = VecDeque::new();
    }
}

/// What comes before the payload of a PUBLISH, and the length of the whole packet.
struct Head {
    len: usize,
    packet: usize,
}

impl Head {
    /// `None` if it is another packet, or not all of the head is there.
    fn of(bytes: &[u8], has_properties: bool) -> Option<Self> {
        let first = *bytes.first()?;
        if first >> 4 != 3 {
            return None;
        }
        let (remaining, mut len) = varint(bytes, 1)?;
        let packet = len + remaining;
        let topic = bytes.get(len..len + 2)?;
        len += 2 + usize::from(u16::from_be_bytes(topic.try_into().ok()?));
        if first & 0b110 != 0 {
            len += 2;
        }
        if has_properties {
            let (properties, behind) = varint(bytes, len)?;
            len = behind + properties;
        }
        if len > bytes.len() || len > packet { None } else { Some(Self { len, packet }) }
    }
}

/// The number that begins here, and where it ends.
fn varint(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let mut number = 0;
    for (index, byte) in bytes.get(at..)?.iter().take(4).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((number, at + index + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_nothing_else_is_one() {
        for number in [0, 1, 0x1234_5678, u32::MAX] {
            let mut bytes = BytesMut::zeroed(LEAST);
            assert_eq!(number_of(&bytes), None);
            mark(&mut bytes, number);
            assert_eq!(number_of(&bytes), Some(number));
            assert_eq!(number_of(&bytes[1..]), None, "too short");
            bytes[LEAST - 1] = b'q';
            assert_eq!(number_of(&bytes), None);
        }
    }

    #[test]
    fn the_head_ends_where_the_payload_begins() {
        let len = |bytes: &[u8], v5| Head::of(bytes, v5).map(|head| (head.len, head.packet));
        assert_eq!(len(b"\x30\x80\x01\0\x01t", false), Some((6, 131)));
        assert_eq!(len(b"\x32\x80\x01\0\x01t\0\x01", false), Some((8, 131)));
        assert_eq!(len(b"\x32\x80\x01\0\x01t\0\x01\x02\x01\0", true), Some((11, 131)));
        for short in [&b""[..], b"\x30", b"\x30\x80", b"\x30\x80\x01\0", b"\x30\x80\x01\0\x01"] {
            assert_eq!(len(short, false), None);
        }
        assert_eq!(len(b"\x30\x80\x01\0\x01t\x02\x01", true), None);
        assert_eq!(len(b"\x30\x02\0\x01t", false), None, "a topic beyond the packet");
        assert_eq!(len(b"\x40\x02\0\x01", false), None);
        assert_eq!(len(b"\x30\xff\xff\xff\xff\x01", false), None);
    }
}
