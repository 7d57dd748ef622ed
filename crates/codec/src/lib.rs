//! MQTT 3.1, 3.1.1 and 5 packets: bytes to packets and back.
//!
//! One packet model serves the three protocol versions; a [`Version`] is
//! given at the edge, where bytes are read or written. Payloads, topics and
//! strings of a decoded packet are slices of the input, never copies. The
//! crate holds no state beyond the deframer's, knows no time and does no I/O.
//!
//! ```
//! use bytes::BytesMut;
//! use evenkeel_codec::{Decoder, Packet, Properties, Publish, QoS, Text, Version};
//!
//! let message = Packet::Publish(Publish {
//!     dup: false,
//!     qos: QoS::AtMostOnce,
//!     retain: false,
//!     topic: Text::try_from("site/7/level")?,
//!     packet_id: None,
//!     payload: "42".into(),
//!     properties: Properties::new(),
//! });
//! let mut out = Vec::new();
//! message.encode(Version::V5, &mut out)?;
//!
//! // Bytes arrive in any pieces; a packet comes out once it is whole.
//! let mut decoder = Decoder::new(Version::V5, 65_536);
//! let mut buf = BytesMut::from(&out[..5]);
//! assert_eq!(decoder.decode(&mut buf)?, None);
//! buf.extend_from_slice(&out[5..]);
//! assert_eq!(decoder.decode(&mut buf)?, Some(message));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is checked
//!
//! Decoding and encoding refuse the same: what the specification forbids for a
//! packet by itself, each rule with an error variant of its own that names it
//! ([`DecodeError::rule`]). Not checked is what needs to know more than one
//! packet: who may send it, and whether it fits the session.
//!
//! # Errors
//!
//! The text of an error (`{}`) does not repeat that of its
//! [`source`](core::error::Error::source); the alternate form (`{:#}`) has
//! both, as a line for a log.
//!
//! # Memory
//!
//! A packet is refused by its header when it is larger than the decoder's
//! maximum. Below that, decoding allocates lists of properties, filters and
//! reason codes alone, and grows them with what it has read, never to an
//! announced length. The densest packet, a list of properties of two bytes
//! each, takes some hundred bytes of memory for each byte received: keep the
//! maximum packet size in proportion.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::std_instead_of_core,
        clippy::alloc_instead_of_core
    )
)]

extern crate alloc;

mod error;
mod frame;
mod packet;
mod property;
mod qos;
mod reader;
mod reason;
mod text;
mod topic;
mod varint;
mod version;
mod writer;

pub use error::{DecodeError, EncodeError, PropertyError, TextError, TopicError};
pub use frame::Decoder;
pub use packet::{
    Ack, Auth, ConnAck, Connect, Disconnect, Packet, PacketId, PacketType, Publish, RetainHandling,
    SubAck, Subscribe, SubscribeFilter, SubscribeOptions, TopicAliasUse, Transfer, UnsubAck,
    Unsubscribe, Will, encode_ping_req, encode_ping_resp,
};
pub use property::{Properties, Property, PropertyId};
pub use qos::{QoS, QoSError};
pub use reason::ReasonCode;
pub use text::Text;
pub use topic::{TopicFilter, TopicName};
pub use version::{Version, VersionError};

pub use bytes::Bytes;
