//! Reads along: bytes of one direction in, packets out.

use bytes::BytesMut;
use evenkeel_codec::{DecodeError, Decoder, Packet, Version};

/// One direction of one connection.
#[derive(Debug)]
pub(crate) struct PacketReader {
    decoder: Decoder,
    bytes: BytesMut,
}

impl PacketReader {
    /// What a client sends.
    pub(crate) fn up() -> Self {
        Self { decoder: Decoder::for_server(u32::MAX), bytes: BytesMut::new() }
    }

    /// What a server sends.
    pub(crate) fn down(version: Version) -> Self {
        Self { decoder: Decoder::new(version, u32::MAX), bytes: BytesMut::new() }
    }

    /// The packets that end in these bytes, each with its length.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<(Packet, usize)>, DecodeError> {
        self.bytes.extend_from_slice(bytes);
        let mut packets = Vec::new();
        loop {
            let before = self.bytes.len();
            match self.decoder.decode(&mut self.bytes)? {
                Some(packet) => packets.push((packet, before - self.bytes.len())),
                None => return Ok(packets),
            }
        }
    }
}
