//! One side's bytes, cut into packets.

use bytes::{Buf, BytesMut};

use super::websocket::{Frames, Unframed};
use super::{Side, Speech};

/// The longest packet that is looked at; a longer one passes piece by piece.
pub(super) const PACKET_MAX: u32 = 1024 * 1024;

/// What comes next.
pub(super) enum Piece {
    /// A whole packet.
    Packet(BytesMut),
    /// A piece of a packet that is too long.
    Part(BytesMut),
    /// Bytes of the transport, passed on as they are.
    Wire(BytesMut),
}

/// Cuts a stream into packets by their remaining length.
pub(super) struct Cutter {
    frames: Option<Frames>,
    /// As it came, if there are frames.
    wire: BytesMut,
    /// Packets.
    packets: BytesMut,
    /// Bytes left of a packet that is too long.
    passing: usize,
    is_lost: bool,
}

impl Cutter {
    pub(super) fn new(speech: Speech, from: Side) -> Self {
        let frames = match speech {
            Speech::Mqtt => None,
            Speech::WebSocket => Some(Frames::new(from)),
        };
        let (wire, packets) = (BytesMut::new(), BytesMut::new());
        Self { frames, wire, packets, passing: 0, is_lost: false }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let to = if self.frames.is_some() { &mut self.wire } else { &mut self.packets };
        to.extend_from_slice(bytes);
    }

    pub(super) fn held(&self) -> usize {
        self.wire.len() + self.packets.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held() == 0
    }

    /// Whether these are no packets: all passes as it is.
    pub(super) const fn is_lost(&self) -> bool {
        self.is_lost
    }

    pub(super) fn next(&mut self) -> Option<Piece> {
        loop {
            if let Some(piece) = self.next_of_packets() {
                return Some(piece);
            }
            if self.is_lost {
                return (!self.wire.is_empty()).then(|| Piece::Wire(self.wire.split()));
            }
            match self.frames.as_mut()?.next(&mut self.wire, &mut self.packets)? {
                Unframed::Payload => {}
                Unframed::Wire(bytes) => return Some(Piece::Wire(bytes)),
                Unframed::Lost => self.is_lost = true,
            }
        }
    }

    /// What is left of a stream that has ended, to be passed on.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let packets = self.packets.split();
        if !packets.is_empty() {
            self.wrap(&packets, &mut rest);
        }
        rest.extend_from_slice(&self.wire.split());
        rest
    }

    /// Adds bytes of packets as they go over the wire.
    pub(super) fn wrap(&self, bytes: &[u8], into: &mut Vec<u8>) {
        match &self.frames {
            None => into.extend_from_slice(bytes),
            Some(frames) => frames.wrap(bytes, into),
        }
    }

    fn next_of_packets(&mut self) -> Option<Piece> {
        if self.packets.is_empty() {
            return None;
        }
        if self.is_lost {
            return Some(Piece::Part(self.packets.split()));
        }
        if self.passing > 0 {
            let len = self.passing.min(self.packets.len());
            self.passing -= len;
            return Some(Piece::Part(self.packets.split_to(len)));
        }
        match length(&self.packets) {
            Length::Incomplete => None,
            Length::Of(len) if len > PACKET_MAX as usize => {
                self.passing = len;
                self.next_of_packets()
            }
            Length::Of(len) if self.packets.len() < len => None,
            Length::Of(len) => Some(Piece::Packet(self.packets.split_to(len))),
            Length::None => {
                self.is_lost = true;
                self.next_of_packets()
            }
        }
    }
}

enum Length {
    /// The header is not all there.
    Incomplete,
    /// So many bytes, its header included.
    Of(usize),
    /// This is no packet.
    None,
}

/// How long the packet at the front is.
fn length(bytes: &[u8]) -> Length {
    let mut header = bytes;
    let mut body = 0_usize;
    if header.remaining() > 0 {
        header.advance(1);
    }
    for place in 0..4 {
        if !header.has_remaining() {
            return Length::Incomplete;
        }
        let byte = header.get_u8();
        body |= usize::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            return Length::Of(2 + place + body);
        }
    }
    Length::None
}
