//! Short ways to say packets, configurations and spans of time.

use std::time::Duration;

use bytes::Bytes;
use evenkeel_proto::codec::{
    Ack, ConnAck, Disconnect, Packet, PacketId, Properties, Property, Publish, QoS, ReasonCode,
    SubAck, SubscribeFilter, SubscribeOptions, Text, TopicFilter, UnsubAck, Version,
};
use evenkeel_proto::{Config, Token};

pub(crate) use QoS::{AtLeastOnce, AtMostOnce, ExactlyOnce};

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) const MICRO: Duration = Duration::from_micros(1);

pub(crate) fn text(text: &str) -> Text {
    Text::try_from(text).unwrap()
}

pub(crate) fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

pub(crate) fn filter(text: &str) -> TopicFilter {
    TopicFilter::try_from(text).unwrap()
}

/// A configuration for this version without fallback, with a client identifier.
pub(crate) fn config(version: Version) -> Config {
    let mut config = Config::default();
    config.version = version;
    config.fallback = false;
    // Each ping comes after the same silence; the first one has tests of its own.
    config.keep_alive.spread_first_ping = false;
    config.connect.client_id = text("boat");
    config
}

/// The same with a session that outlives its connections.
pub(crate) fn lasting(version: Version) -> Config {
    let mut config = config(version);
    config.connect.clean_start = false;
    config.connect.session_expiry = 3600;
    config
}

/// The same without keep-alive, for tests in which no ping shall occur.
pub(crate) fn quiet(mut config: Config) -> Config {
    config.connect.keep_alive = 0;
    config
}

pub(crate) fn publish(topic: &str, payload: &str, qos: QoS) -> Publish {
    Publish {
        dup: false,
        qos,
        retain: false,
        topic: text(topic),
        packet_id: None,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        properties: Properties::new(),
    }
}

/// A message from the server.
pub(crate) fn delivery(topic: &str, qos: QoS, packet_id: u16) -> Publish {
    Publish { packet_id: PacketId::new(packet_id), ..publish(topic, "news", qos) }
}

pub(crate) fn subscribe_to(text: &str, qos: QoS) -> SubscribeFilter {
    let options = SubscribeOptions { qos, ..SubscribeOptions::default() };
    SubscribeFilter { filter: filter(text), options }
}

pub(crate) fn token(number: u64) -> Token {
    Token(number)
}

pub(crate) fn accepted() -> ConnAck {
    ConnAck::default()
}

pub(crate) fn resumed() -> ConnAck {
    ConnAck { session_present: true, ..ConnAck::default() }
}

pub(crate) fn with(properties: impl IntoIterator<Item = Property>) -> ConnAck {
    ConnAck { properties: properties.into_iter().collect(), ..ConnAck::default() }
}

pub(crate) fn refused(reason: ReasonCode) -> ConnAck {
    ConnAck { reason, wire_code: reason.0, ..ConnAck::default() }
}

pub(crate) fn puback(packet_id: PacketId) -> Packet {
    Packet::PubAck(Ack::new(packet_id, ReasonCode::SUCCESS))
}

pub(crate) fn pubrec(packet_id: PacketId) -> Packet {
    Packet::PubRec(Ack::new(packet_id, ReasonCode::SUCCESS))
}

pub(crate) fn pubrel(packet_id: PacketId) -> Packet {
    Packet::PubRel(Ack::new(packet_id, ReasonCode::SUCCESS))
}

pub(crate) fn pubcomp(packet_id: PacketId) -> Packet {
    Packet::PubComp(Ack::new(packet_id, ReasonCode::SUCCESS))
}

pub(crate) fn suback(packet_id: PacketId, codes: &[u8]) -> Packet {
    let codes = codes.iter().copied().map(ReasonCode).collect();
    Packet::SubAck(SubAck { packet_id, codes, properties: Properties::new() })
}

pub(crate) fn unsuback(packet_id: PacketId, codes: &[u8]) -> Packet {
    let codes = codes.iter().copied().map(ReasonCode).collect();
    Packet::UnsubAck(UnsubAck { packet_id, codes, properties: Properties::new() })
}

pub(crate) fn disconnect(reason: ReasonCode) -> Packet {
    Packet::Disconnect(Disconnect { reason, ..Disconnect::default() })
}
