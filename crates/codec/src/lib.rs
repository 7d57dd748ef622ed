//! MQTT 3.1, 3.1.1 and 5 packets: bytes to packets and back.
//!
//! One packet model serves the three protocol versions; a [`Version`] is
//! given at the edge, where bytes are read or written. Payloads, topics and
//! strings of a decoded packet are slices of the input, never copies. The
//! crate holds no state beyond the deframer's, knows no time and does no I/O.
#![no_std]
#![forbid(unsafe_code)]
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_core,
    clippy::alloc_instead_of_core
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
pub use qos::QoS;
pub use reason::ReasonCode;
pub use text::Text;
pub use topic::{TopicFilter, TopicName};
pub use version::Version;

pub use bytes::Bytes;
