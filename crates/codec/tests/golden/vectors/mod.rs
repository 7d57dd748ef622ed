//! Packets beside their bytes, written by hand from the specifications.

mod acks;
mod auth;
mod connack;
mod connect;
mod publish;
mod session;

#[path = "../wire.rs"]
mod wire;

pub(crate) use wire::wire;

use evenkeel_codec::{Packet, PacketId, Properties, Property, Text, TopicFilter, Version};

/// A packet as it is on the wire.
pub(crate) struct Vector {
    /// Unique; names the file of the seed corpus too.
    pub(crate) name: &'static str,
    pub(crate) version: Version,
    pub(crate) bytes: Vec<u8>,
    pub(crate) packet: Packet,
    /// Whether encoding the packet gives these bytes: not for the longer of
    /// two forms of the same packet.
    pub(crate) canonical: bool,
}

impl Vector {
    fn new(name: &'static str, version: Version, bytes: &str, packet: Packet) -> Self {
        Self { name, version, bytes: wire(bytes), packet, canonical: true }
    }

    /// A form that is decoded but never written.
    fn decode_only(name: &'static str, version: Version, bytes: &str, packet: Packet) -> Self {
        Self { canonical: false, ..Self::new(name, version, bytes, packet) }
    }
}

/// All vectors.
pub(crate) fn all() -> Vec<Vector> {
    let mut vectors = connect::vectors();
    vectors.extend(connack::vectors());
    vectors.extend(publish::vectors());
    vectors.extend(acks::vectors());
    vectors.extend(session::vectors());
    vectors.extend(auth::vectors());
    vectors
}

fn text(text: &'static str) -> Text {
    Text::from_static(text).unwrap()
}

fn filter(text: &str) -> TopicFilter {
    TopicFilter::try_from(text).unwrap()
}

fn id(value: u16) -> PacketId {
    PacketId::new(value).unwrap()
}

fn properties<const N: usize>(properties: [Property; N]) -> Properties {
    properties.into_iter().collect()
}
