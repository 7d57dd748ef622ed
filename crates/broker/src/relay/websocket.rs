//! Frames of a WebSocket (RFC 6455), and the handshake before them.

use bytes::{Buf, BytesMut};

use super::Side;

/// The longest handshake that is waited for.
const HEAD_MAX: usize = 16 * 1024;

const CONTINUATION: u8 = 0;
const BINARY: u8 = 2;
const CONTROL: u8 = 8;
const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;

/// What was taken off the wire.
pub(super) enum Unframed {
    /// Bytes of packets.
    Payload,
    /// A handshake, or a control frame: it passes as it is.
    Wire(BytesMut),
    /// What follows is no frame with packets, or packed ones.
    Lost,
}

/// The frames of one side.
pub(super) struct Frames {
    from: Side,
    has_head: bool,
    /// Of the frame whose payload comes.
    left: u64,
    /// The newest mask of the client: what takes a frame's place has it, too.
    mask: [u8; 4],
    /// How far the payload is, for its mask.
    offset: usize,
}

/// What stands before a frame's payload.
struct Header {
    first: u8,
    len: u64,
    mask: Option<[u8; 4]>,
    /// Bytes of the header itself.
    size: usize,
}

impl Frames {
    pub(super) const fn new(from: Side) -> Self {
        Self { from, has_head: false, left: 0, mask: [0; 4], offset: 0 }
    }

    /// Takes something off the front; `None` if more has to come. Payload is
    /// added to `packets`.
    pub(super) fn next(&mut self, wire: &mut BytesMut, packets: &mut BytesMut) -> Option<Unframed> {
        if !self.has_head {
            return self.head(wire);
        }
        if self.left > 0 {
            return self.payload(wire, packets);
        }
        let header = Header::read(wire)?;
        let opcode = header.first & 0x0F;
        if opcode >= CONTROL {
            let Ok(len @ ..126) = usize::try_from(header.len) else { return Some(Unframed::Lost) };
            let len = header.size + len;
            return (wire.len() >= len).then(|| Unframed::Wire(wire.split_to(len)));
        }
        let is_masked = header.mask.is_some() == (self.from == Side::Client);
        if header.first & RESERVED != 0 || ![CONTINUATION, BINARY].contains(&opcode) || !is_masked {
            return Some(Unframed::Lost);
        }
        wire.advance(header.size);
        (self.left, self.offset) = (header.len, 0);
        self.mask = header.mask.unwrap_or_default();
        Some(Unframed::Payload)
    }

    /// Adds bytes of packets as a frame.
    pub(super) fn wrap(&self, bytes: &[u8], into: &mut Vec<u8>) {
        let masked = if self.from == Side::Client { MASKED } else { 0 };
        into.push(FINAL | BINARY);
        match (u8::try_from(bytes.len()), u16::try_from(bytes.len())) {
            (Ok(len), _) if len < 126 => into.push(masked | len),
            (_, Ok(len)) => {
                into.push(masked | 126);
                into.extend_from_slice(&len.to_be_bytes());
            }
            _ => {
                into.push(masked | 127);
                into.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            }
        }
        if self.from == Side::Client {
            into.extend_from_slice(&self.mask);
        }
        let begin = into.len();
        into.extend_from_slice(bytes);
        unmask(into.get_mut(begin..).unwrap_or_default(), self.mask, 0);
    }

    fn head(&mut self, wire: &mut BytesMut) -> Option<Unframed> {
        let Some(end) = wire.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            return (wire.len() > HEAD_MAX).then_some(Unframed::Lost);
        };
        // An answer that is no upgrade has no frames behind it.
        if self.from == Side::Server && !wire.starts_with(b"HTTP/1.1 101") {
            return Some(Unframed::Lost);
        }
        self.has_head = true;
        Some(Unframed::Wire(wire.split_to(end + 4)))
    }

    fn payload(&mut self, wire: &mut BytesMut, packets: &mut BytesMut) -> Option<Unframed> {
        let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(wire.len());
        if len == 0 {
            return None;
        }
        let mut bytes = wire.split_to(len);
        unmask(&mut bytes, self.mask, self.offset);
        packets.extend_from_slice(&bytes);
        self.left -= len as u64;
        self.offset = (self.offset + len) % 4;
        Some(Unframed::Payload)
    }
}

impl Header {
    /// `None` if it is not all there.
    fn read(wire: &[u8]) -> Option<Self> {
        let mut rest = wire;
        let (first, second) = (take(&mut rest)?, take(&mut rest)?);
        let [second] = second;
        let [first] = first;
        let len = match second & 0x7F {
            126 => u64::from(u16::from_be_bytes(take(&mut rest)?)),
            127 => u64::from_be_bytes(take(&mut rest)?),
            len => u64::from(len),
        };
        let mask = if second & MASKED == 0 { None } else { Some(take(&mut rest)?) };
        Some(Self { first, len, mask, size: wire.len() - rest.len() })
    }
}

fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = from.split_first_chunk::<N>()?;
    *from = rest;
    Some(*first)
}

fn unmask(bytes: &mut [u8], mask: [u8; 4], offset: usize) {
    let keys = mask.iter().cycle().skip(offset);
    bytes.iter_mut().zip(keys).for_each(|(byte, key)| *byte ^= key);
}
