//! Packets as each version can carry them: what comes out of a round trip is
//! what went in.

use evenkeel_codec::{
    Ack, Auth, ConnAck, Connect, Disconnect, Packet, PacketType, Properties, Property, Publish,
    QoS, ReasonCode, RetainHandling, SubAck, Subscribe, SubscribeFilter, SubscribeOptions, Text,
    UnsubAck, Unsubscribe, Version, Will,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::strings::{binary, packet_id, qos, text, topic_filter, topic_name};

pub(crate) fn version() -> impl Strategy<Value = Version> {
    select(vec![Version::V31, Version::V311, Version::V5])
}

fn bit() -> impl Strategy<Value = u8> {
    0..2_u8
}

/// A property with this identifier and any value it may have.
fn property(id: u8) -> BoxedStrategy<Property> {
    match id {
        0x01 => bit().prop_map(Property::PayloadFormatIndicator).boxed(),
        0x02 => any::<u32>().prop_map(Property::MessageExpiryInterval).boxed(),
        0x03 => text().prop_map(Property::ContentType).boxed(),
        0x08 => topic_name().prop_map(|t| Property::ResponseTopic(t.text().clone())).boxed(),
        0x09 => binary().prop_map(Property::CorrelationData).boxed(),
        0x0b => (1..=268_435_455_u32).prop_map(Property::SubscriptionIdentifier).boxed(),
        0x11 => any::<u32>().prop_map(Property::SessionExpiryInterval).boxed(),
        0x12 => text().prop_map(Property::AssignedClientIdentifier).boxed(),
        0x13 => any::<u16>().prop_map(Property::ServerKeepAlive).boxed(),
        0x15 => text().prop_map(Property::AuthenticationMethod).boxed(),
        0x16 => binary().prop_map(Property::AuthenticationData).boxed(),
        0x17 => bit().prop_map(Property::RequestProblemInformation).boxed(),
        0x18 => any::<u32>().prop_map(Property::WillDelayInterval).boxed(),
        0x19 => bit().prop_map(Property::RequestResponseInformation).boxed(),
        0x1a => text().prop_map(Property::ResponseInformation).boxed(),
        0x1c => text().prop_map(Property::ServerReference).boxed(),
        0x1f => text().prop_map(Property::ReasonString).boxed(),
        0x21 => (1..=u16::MAX).prop_map(Property::ReceiveMaximum).boxed(),
        0x22 => any::<u16>().prop_map(Property::TopicAliasMaximum).boxed(),
        0x23 => (1..=u16::MAX).prop_map(Property::TopicAlias).boxed(),
        0x24 => bit().prop_map(Property::MaximumQoS).boxed(),
        0x25 => bit().prop_map(Property::RetainAvailable).boxed(),
        0x26 => (text(), text()).prop_map(|(k, v)| Property::UserProperty(k, v)).boxed(),
        0x27 => (1..=u32::MAX).prop_map(Property::MaximumPacketSize).boxed(),
        0x28 => bit().prop_map(Property::WildcardSubscriptionAvailable).boxed(),
        0x29 => bit().prop_map(Property::SubscriptionIdentifierAvailable).boxed(),
        _ => bit().prop_map(Property::SharedSubscriptionAvailable).boxed(),
    }
}

/// Some of these properties in any order; none before MQTT 5. An identifier
/// may be named more than once.
fn properties(version: Version, ids: &[u8]) -> BoxedStrategy<Properties> {
    if version != Version::V5 {
        return Just(Properties::new()).boxed();
    }
    subsequence(ids.to_vec(), 0..=ids.len())
        .prop_shuffle()
        .prop_flat_map(|ids| ids.into_iter().map(property).collect::<Vec<_>>())
        .prop_map(|list| list.into_iter().collect::<Properties>())
        .boxed()
}

/// Authentication data needs a method beside it.
fn with_method(properties: Properties) -> Properties {
    if properties.authentication_method().is_some() {
        return properties;
    }
    properties.with(Property::AuthenticationMethod(Text::from_static("M").unwrap()))
}

fn will(version: Version) -> impl Strategy<Value = Box<Will>> {
    let ids = [0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26, 0x26];
    (qos(), any::<bool>(), topic_name(), binary(), properties(version, &ids)).prop_map(
        |(qos, retain, topic, payload, properties)| {
            Box::new(Will { qos, retain, topic, payload, properties })
        },
    )
}

fn connect(version: Version) -> impl Strategy<Value = Packet> {
    let ids = [0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x26, 0x27];
    let fields = (any::<bool>(), any::<u16>(), text(), option::of(will(version)));
    let credentials = (option::of(text()), option::of(binary()));
    (fields, credentials, properties(version, &ids)).prop_map(
        move |((clean_start, keep_alive, client_id, will), (username, password), properties)| {
            let may_have_password = username.is_some() || version == Version::V5;
            let password = if may_have_password { password } else { None };
            let properties = match properties.authentication_data() {
                Some(_) => with_method(properties),
                None => properties,
            };
            Packet::Connect(Connect {
                version,
                clean_start,
                keep_alive,
                client_id,
                will,
                username,
                password,
                properties,
            })
        },
    )
}

fn connack(version: Version) -> BoxedStrategy<Packet> {
    let ids = [
        0x11, 0x12, 0x13, 0x15, 0x16, 0x1a, 0x1c, 0x1f, 0x21, 0x22, 0x24, 0x25, 0x26, 0x26, 0x27,
        0x28, 0x29, 0x2a,
    ];
    let v5 = vec![0, 0x80, 0x84, 0x87, 0x89, 0x8a, 0x9d, 0x9f];
    let code = if version == Version::V5 { select(v5).boxed() } else { any::<u8>().boxed() };
    (any::<bool>(), code, properties(version, &ids))
        .prop_map(move |(session_present, wire_code, properties)| {
            let reason = match (version, wire_code) {
                (Version::V5, code) => ReasonCode(code),
                (_, 0) => ReasonCode::SUCCESS,
                (_, 1) => ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
                (_, 2) => ReasonCode::CLIENT_IDENTIFIER_NOT_VALID,
                (_, 3) => ReasonCode::SERVER_UNAVAILABLE,
                (_, 4) => ReasonCode::BAD_USER_NAME_OR_PASSWORD,
                (_, 5) => ReasonCode::NOT_AUTHORIZED,
                _ => ReasonCode::UNSPECIFIED_ERROR,
            };
            let session_present = session_present && wire_code == 0 && version != Version::V31;
            Packet::ConnAck(ConnAck { session_present, reason, wire_code, properties })
        })
        .boxed()
}

fn publish(version: Version) -> impl Strategy<Value = Packet> {
    let ids = [0x01, 0x02, 0x03, 0x08, 0x09, 0x0b, 0x0b, 0x23, 0x26, 0x26];
    let header = (any::<bool>(), qos(), any::<bool>(), packet_id());
    (header, topic_name(), any::<bool>(), binary(), properties(version, &ids)).prop_map(
        |((dup, qos, retain, packet_id), topic, by_alias, payload, properties)| {
            let by_alias = by_alias && properties.topic_alias().is_some();
            Packet::Publish(Publish {
                dup: dup && qos != QoS::AtMostOnce,
                qos,
                retain,
                topic: if by_alias { Text::new() } else { topic.text().clone() },
                packet_id: (qos != QoS::AtMostOnce).then_some(packet_id),
                payload,
                properties,
            })
        },
    )
}

fn ack(version: Version) -> impl Strategy<Value = Packet> {
    use PacketType::{PubAck, PubComp, PubRec, PubRel};
    let kind = select(vec![PubAck, PubRec, PubRel, PubComp]);
    (kind, packet_id(), any::<bool>(), properties(version, &[0x1f, 0x26, 0x26])).prop_map(
        move |(packet_type, packet_id, failed, properties)| {
            let reason = match (version == Version::V5 && failed, packet_type) {
                (false, _) => ReasonCode::SUCCESS,
                (true, PubAck | PubRec) => ReasonCode::QUOTA_EXCEEDED,
                (true, _) => ReasonCode::PACKET_IDENTIFIER_NOT_FOUND,
            };
            let ack = Ack { packet_id, reason, properties };
            match packet_type {
                PubAck => Packet::PubAck(ack),
                PubRec => Packet::PubRec(ack),
                PubRel => Packet::PubRel(ack),
                _ => Packet::PubComp(ack),
            }
        },
    )
}

fn subscribe_filter(version: Version) -> impl Strategy<Value = SubscribeFilter> {
    use RetainHandling::{Never, OnNewSubscribe, OnSubscribe};
    let handling = select(vec![OnSubscribe, OnNewSubscribe, Never]);
    (topic_filter(), qos(), any::<bool>(), any::<bool>(), handling).prop_map(
        move |(filter, qos, no_local, retain_as_published, retain_handling)| {
            let options = match version {
                Version::V5 => SubscribeOptions {
                    qos,
                    no_local: no_local && !filter.is_shared(),
                    retain_as_published,
                    retain_handling,
                },
                _ => SubscribeOptions { qos, ..SubscribeOptions::default() },
            };
            SubscribeFilter { filter, options }
        },
    )
}

fn subscribe(version: Version) -> impl Strategy<Value = Packet> {
    let filters = vec(subscribe_filter(version), 1..4);
    (packet_id(), filters, properties(version, &[0x0b, 0x26, 0x26])).prop_map(
        |(packet_id, filters, properties)| {
            Packet::Subscribe(Subscribe { packet_id, filters, properties })
        },
    )
}

fn unsubscribe(version: Version) -> impl Strategy<Value = Packet> {
    (packet_id(), vec(topic_filter(), 1..4), properties(version, &[0x26, 0x26])).prop_map(
        |(packet_id, filters, properties)| {
            Packet::Unsubscribe(Unsubscribe { packet_id, filters, properties })
        },
    )
}

fn suback(version: Version) -> impl Strategy<Value = Packet> {
    let mut codes = vec![0, 1, 2, 0x80];
    if version == Version::V5 {
        codes.extend([0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2]);
    }
    let codes = vec(select(codes).prop_map(ReasonCode), 1..6);
    (packet_id(), codes, properties(version, &[0x1f, 0x26, 0x26])).prop_map(
        |(packet_id, codes, properties)| Packet::SubAck(SubAck { packet_id, codes, properties }),
    )
}

fn unsuback(version: Version) -> impl Strategy<Value = Packet> {
    let codes = vec(select(vec![0, 0x11, 0x80, 0x8f]).prop_map(ReasonCode), 1..6);
    (packet_id(), codes, properties(version, &[0x1f, 0x26, 0x26])).prop_map(
        move |(packet_id, codes, properties)| {
            let codes = if version == Version::V5 { codes } else { Vec::new() };
            Packet::UnsubAck(UnsubAck { packet_id, codes, properties })
        },
    )
}

fn disconnect(version: Version) -> impl Strategy<Value = Packet> {
    let reason = if version == Version::V5 { vec![0, 4, 0x81, 0x8d, 0x9d] } else { vec![0] };
    let ids = [0x11, 0x1c, 0x1f, 0x26, 0x26];
    (select(reason).prop_map(ReasonCode), properties(version, &ids))
        .prop_map(|(reason, properties)| Packet::Disconnect(Disconnect { reason, properties }))
}

fn auth() -> impl Strategy<Value = Packet> {
    let reason = select(vec![0, 0x18, 0x19]).prop_map(ReasonCode);
    (reason, properties(Version::V5, &[0x15, 0x16, 0x1f, 0x26, 0x26])).prop_map(
        |(reason, properties)| {
            let properties = match reason {
                ReasonCode::SUCCESS if properties.is_empty() => properties,
                _ => with_method(properties),
            };
            Packet::Auth(Auth { reason, properties })
        },
    )
}

/// Any packet that this version has.
pub(crate) fn packet(version: Version) -> BoxedStrategy<Packet> {
    let all = prop_oneof![
        connect(version),
        connack(version),
        publish(version),
        ack(version),
        subscribe(version),
        suback(version),
        unsubscribe(version),
        unsuback(version),
        disconnect(version),
        Just(Packet::PingReq),
        Just(Packet::PingResp),
    ];
    match version {
        Version::V5 => prop_oneof![11 => all, 1 => auth()].boxed(),
        _ => all.boxed(),
    }
}
