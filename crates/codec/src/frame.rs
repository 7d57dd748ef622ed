use bytes::BytesMut;

use crate::{DecodeError, Packet, Version};

/// Cuts a byte stream into packets and decodes them.
///
/// Works on any split of the stream. Refuses a packet larger than the
/// maximum by its header, before its body is read.
#[derive(Debug)]
pub struct Decoder {
    version: Version,
    maximum_packet_size: u32,
}

impl Decoder {
    /// A decoder for packets of this version, none longer than
    /// `maximum_packet_size` bytes, fixed header included.
    pub const fn new(version: Version, maximum_packet_size: u32) -> Self {
        Self { version, maximum_packet_size }
    }
}
