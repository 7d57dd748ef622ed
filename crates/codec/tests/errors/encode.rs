//! Each rule broken by a packet, with its error.

use evenkeel_codec::{
    Ack, Auth, Bytes, ConnAck, Connect, EncodeError, Packet, PacketId, PacketType, Properties,
    Property, PropertyError, Publish, QoS, ReasonCode, SubAck, Subscribe, SubscribeFilter,
    SubscribeOptions, Text, TopicAliasUse, TopicError, TopicFilter, TopicName, Transfer, UnsubAck,
    Unsubscribe, Version, Will,
};

use crate::assert_all_met;

use Version::{V5, V31, V311};

fn id(value: u16) -> PacketId {
    PacketId::new(value).unwrap()
}

fn text(text: &'static str) -> Text {
    Text::from_static(text).unwrap()
}

fn publish(qos: QoS, packet_id: Option<u16>) -> Publish {
    Publish {
        dup: false,
        qos,
        retain: false,
        topic: text("a"),
        packet_id: packet_id.map(id),
        payload: Bytes::new(),
        properties: Properties::new(),
    }
}

fn connect() -> Connect {
    Connect {
        version: V311,
        clean_start: true,
        keep_alive: 0,
        client_id: text("c"),
        will: None,
        username: None,
        password: None,
        properties: Properties::new(),
    }
}

fn with_password(len: usize) -> Packet {
    let password = Some(Bytes::from(vec![0; len]));
    Packet::Connect(Connect { username: Some(text("u")), password, ..connect() })
}

fn with_will(len: usize) -> Packet {
    let will = Some(Box::new(Will {
        qos: QoS::AtMostOnce,
        retain: false,
        topic: TopicName::try_from("w").unwrap(),
        payload: Bytes::from(vec![0; len]),
        properties: Properties::new(),
    }));
    Packet::Connect(Connect { will, ..connect() })
}

fn shared_no_local() -> Packet {
    Packet::Subscribe(Subscribe {
        packet_id: id(1),
        filters: vec![SubscribeFilter {
            filter: TopicFilter::try_from("$share/g/a").unwrap(),
            options: SubscribeOptions { no_local: true, ..SubscribeOptions::default() },
        }],
        properties: Properties::new(),
    })
}

/// Version, packet, error, rule, text.
type Case = (Version, Packet, EncodeError, &'static str, &'static str);

fn messages() -> Vec<Case> {
    let missing_text = "PUBLISH with QoS 1 or 2 needs a packet identifier";
    let wildcard = Publish { topic: text("a/#"), ..publish(QoS::AtMostOnce, None) };
    let nowhere = Publish { topic: text(""), ..publish(QoS::AtMostOnce, None) };
    vec![
        //= [MQTT-2.2.1-3] test
        (
            V311,
            Packet::Publish(publish(QoS::AtLeastOnce, None)),
            EncodeError::PacketIdentifierMissing,
            "MQTT-2.2.1-3",
            missing_text,
        ),
        (
            V5,
            Packet::Publish(publish(QoS::ExactlyOnce, None)),
            EncodeError::PacketIdentifierMissing,
            "MQTT-2.2.1-3",
            missing_text,
        ),
        //= [MQTT-2.2.1-2] test
        (
            V311,
            Packet::Publish(publish(QoS::AtMostOnce, Some(1))),
            EncodeError::PacketIdentifierUnexpected,
            "MQTT-2.2.1-2",
            "PUBLISH with QoS 0 must not have a packet identifier",
        ),
        //= [MQTT-3.3.1-2] test
        (
            V311,
            Packet::Publish(Publish { dup: true, ..publish(QoS::AtMostOnce, None) }),
            EncodeError::DupWithQos0,
            "MQTT-3.3.1-2",
            "PUBLISH with QoS 0 must not have the DUP flag",
        ),
        //= [MQTT-3.3.2-2] test
        (
            V311,
            Packet::Publish(wildcard),
            EncodeError::Topic { error: TopicError::WildcardInName },
            "MQTT-3.3.2-2",
            "the topic of PUBLISH is no topic name: topic name holds a wildcard, + or #, which only filters may",
        ),
        (
            V311,
            Packet::Publish(nowhere.clone()),
            EncodeError::Topic { error: TopicError::Empty },
            "MQTT-4.7.3-1",
            "the topic of PUBLISH is no topic name: topic is empty",
        ),
        (
            V5,
            Packet::Publish(nowhere),
            EncodeError::NoTopicAndNoAlias,
            "section 3.3.2.1",
            "PUBLISH has an empty topic and no topic alias; it needs one of them",
        ),
    ]
}

fn lists() -> Vec<Case> {
    let (packet_id, properties) = (id(1), Properties::new());
    let (filters, codes) = (Vec::new(), Vec::new());
    let codes_text = |name| match name {
        PacketType::SubAck => "SUBACK has no reason code; it must have one for each filter",
        _ => "UNSUBACK has no reason code; it must have one for each filter",
    };
    let no_codes = |packet_type| EncodeError::ReasonCodesMissing { packet_type };
    let no_filters = |packet_type| EncodeError::NoFilters { packet_type };
    vec![
        //= [MQTT-3.8.3-2] test
        (
            V311,
            Packet::Subscribe(Subscribe {
                packet_id,
                filters: Vec::new(),
                properties: properties.clone(),
            }),
            no_filters(PacketType::Subscribe),
            "MQTT-3.8.3-2",
            "SUBSCRIBE has no topic filter; it must have at least one",
        ),
        //= [MQTT-3.10.3-2] test
        (
            V5,
            Packet::Unsubscribe(Unsubscribe { packet_id, filters, properties: properties.clone() }),
            no_filters(PacketType::Unsubscribe),
            "MQTT-3.10.3-2",
            "UNSUBSCRIBE has no topic filter; it must have at least one",
        ),
        (
            V311,
            Packet::SubAck(SubAck { packet_id, codes: Vec::new(), properties: properties.clone() }),
            no_codes(PacketType::SubAck),
            "MQTT-3.9.3-1",
            codes_text(PacketType::SubAck),
        ),
        (
            V5,
            Packet::UnsubAck(UnsubAck { packet_id, codes, properties }),
            no_codes(PacketType::UnsubAck),
            "MQTT-3.11.3-1",
            codes_text(PacketType::UnsubAck),
        ),
        //= [MQTT-3.8.3-4] test
        (
            V5,
            shared_no_local(),
            EncodeError::NoLocalOnShared,
            "MQTT-3.8.3-4",
            "a shared subscription must not have the No Local option",
        ),
    ]
}

fn connection() -> Vec<Case> {
    let too_long = "will payload or password of 65536 bytes is longer than the 65535 MQTT allows";
    let alone = Connect { password: Some(Bytes::new()), ..connect() };
    let resumed =
        ConnAck { session_present: true, reason: ReasonCode::NOT_AUTHORIZED, ..ConnAck::default() };
    vec![
        (
            V311,
            with_password(65_536),
            EncodeError::BinaryTooLong { len: 65_536 },
            "section 1.5.6",
            too_long,
        ),
        (
            V311,
            with_will(65_536),
            EncodeError::BinaryTooLong { len: 65_536 },
            "section 1.5.6",
            too_long,
        ),
        (
            V311,
            Packet::Auth(Auth::default()),
            EncodeError::AuthBeforeV5,
            "section 3.15",
            "AUTH cannot be sent on this connection; it exists from MQTT 5 on",
        ),
        //= [MQTT311-3.1.2-22] test
        (
            V311,
            Packet::Connect(alone),
            EncodeError::PasswordWithoutUserName,
            "MQTT311-3.1.2-22",
            "a password needs a user name beside it before MQTT 5",
        ),
        //= [MQTT-3.2.2-6] test
        (
            V5,
            Packet::ConnAck(resumed),
            EncodeError::SessionPresentOnRefusal { code: 0x87 },
            "MQTT-3.2.2-6",
            "CONNACK cannot say session present and refuse the connection with code 0x87",
        ),
        (
            V5,
            Packet::PubAck(Ack::new(id(1), ReasonCode::PACKET_IDENTIFIER_NOT_FOUND)),
            EncodeError::ReasonCode { packet_type: PacketType::PubAck, code: 0x92 },
            "section 2.4",
            "PUBACK must not hold the reason code 0x92",
        ),
        (
            V5,
            Packet::Auth(Auth {
                reason: ReasonCode::CONTINUE_AUTHENTICATION,
                properties: Properties::new(),
            }),
            EncodeError::Property { error: PropertyError::AuthenticationMethodMissing },
            "section 3.15.2.2.2",
            "AUTH has no Authentication Method; name the method of the CONNECT packet",
        ),
    ]
}

#[test]
fn each_rule_has_its_error_and_leaves_the_buffer_alone() {
    let mut cases = messages();
    cases.extend(lists());
    cases.extend(connection());
    let mut met = vec![too_large(), not_an_ack()];
    for (version, packet, error, rule, text) in cases {
        let mut out = vec![7];
        assert_eq!(packet.encode(version, &mut out), Err(error), "{packet:?}");
        assert_eq!(packet.encoded_len(version), Err(error), "{packet:?}");
        assert_eq!(out, [7]);
        assert_eq!(error.rule(), rule);
        assert_eq!(format!("{error:#}"), text);
        met.push(error);
    }
    assert_all_met(include_str!("../../src/error/encode.rs"), met.iter().map(|e| format!("{e:?}")));
}

/// The largest payload still fits, one more does not.
fn too_large() -> EncodeError {
    let payload = Bytes::from(vec![0; 268_435_456]);
    let sized =
        |len: usize| Publish { payload: payload.slice(..len), ..publish(QoS::AtMostOnce, None) };
    // Topic "a" takes three bytes.
    let largest = sized(268_435_452);
    assert_eq!(largest.encoded_len_with(V311, &Transfer::default()), Ok(268_435_460));
    let mut out = vec![7];
    largest.encode_head(V311, &Transfer::default(), &mut out).unwrap();
    assert_eq!(out, [7, 0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, b'a']);

    let mut out = vec![7];
    let error = sized(268_435_453).encode_head(V311, &Transfer::default(), &mut out).unwrap_err();
    assert_eq!(out, [7]);
    assert_eq!(error, EncodeError::PacketTooLarge { len: 268_435_456 });
    assert_eq!(error.rule(), "section 2.1.4");
    assert_eq!(
        error.to_string(),
        "packet of 268435456 bytes is larger than the 268435455 MQTT allows; split the message"
    );
    error
}

fn not_an_ack() -> EncodeError {
    let mut out = vec![7];
    let ack = Ack::new(id(1), ReasonCode::SUCCESS);
    let error = ack.encode(PacketType::SubAck, V5, &mut out).unwrap_err();
    assert_eq!(out, [7]);
    assert_eq!(error, EncodeError::NotAnAck { packet_type: PacketType::SubAck });
    assert_eq!(error.to_string(), "SUBACK is none of PUBACK, PUBREC, PUBREL and PUBCOMP");
    error
}

#[test]
fn the_longest_password_and_will_fit() {
    for packet in [with_password(65_535), with_will(65_535)] {
        let mut out = Vec::new();
        packet.encode(V311, &mut out).unwrap();
        assert_eq!(packet.encoded_len(V311), Ok(out.len()));
    }
}

#[test]
fn refusals_of_v5_become_the_nearest_code_of_the_older_versions() {
    for (reason, wire_code, code) in [
        (ReasonCode::SUCCESS, 0, 0),
        (ReasonCode::UNSUPPORTED_PROTOCOL_VERSION, 0x84, 1),
        (ReasonCode::CLIENT_IDENTIFIER_NOT_VALID, 0x85, 2),
        (ReasonCode::SERVER_UNAVAILABLE, 0x88, 3),
        (ReasonCode::SERVER_BUSY, 0x89, 3),
        (ReasonCode::QUOTA_EXCEEDED, 0x97, 3),
        (ReasonCode::CONNECTION_RATE_EXCEEDED, 0x9f, 3),
        (ReasonCode::BAD_USER_NAME_OR_PASSWORD, 0x86, 4),
        (ReasonCode::BAD_AUTHENTICATION_METHOD, 0x8c, 4),
        (ReasonCode::NOT_AUTHORIZED, 0x87, 5),
        (ReasonCode::BANNED, 0x8a, 5),
        (ReasonCode::UNSPECIFIED_ERROR, 0, 3),
        (ReasonCode::UNSPECIFIED_ERROR, 5, 3),
        (ReasonCode::UNSPECIFIED_ERROR, 6, 6),
        (ReasonCode::UNSPECIFIED_ERROR, 255, 255),
    ] {
        let packet = Packet::ConnAck(ConnAck { reason, wire_code, ..ConnAck::default() });
        for version in [V31, V311] {
            let mut out = Vec::new();
            packet.encode(version, &mut out).unwrap();
            assert_eq!(out, [0x20, 2, 0, code], "{reason} {wire_code}");
        }
    }
}

#[test]
fn older_versions_leave_out_what_they_have_no_place_for() {
    let properties: Properties =
        [Property::UserProperty(text("k"), text("v"))].into_iter().collect();
    let ack = Ack { properties: properties.clone(), ..Ack::new(id(1), ReasonCode::NOT_AUTHORIZED) };
    let suback = SubAck {
        packet_id: id(1),
        codes: vec![ReasonCode::QUOTA_EXCEEDED, ReasonCode::GRANTED_QOS_1],
        properties: properties.clone(),
    };
    let unsuback = UnsubAck { packet_id: id(1), codes: vec![ReasonCode::SUCCESS], properties };
    for (packet, bytes) in [
        (Packet::PubAck(ack), &[0x40, 2, 0, 1][..]),
        //= [MQTT311-3.9.3-2] test
        (Packet::SubAck(suback), &[0x90, 4, 0, 1, 0x80, 0x01]),
        (Packet::UnsubAck(unsuback), &[0xb0, 2, 0, 1]),
        (shared_no_local(), b"\x82\x0f\0\x01\0\x0a$share/g/a\0"),
    ] {
        let mut out = Vec::new();
        packet.encode(V311, &mut out).unwrap();
        assert_eq!(out, bytes);
    }
}

fn sent(publish: &Publish, version: Version, transfer: &Transfer) -> Vec<u8> {
    let (mut whole, mut head) = (Vec::new(), Vec::new());
    publish.encode_with(version, transfer, &mut whole).unwrap();
    publish.encode_head(version, transfer, &mut head).unwrap();
    assert_eq!(publish.encoded_len_with(version, transfer), Ok(whole.len()));
    assert_eq!([&head[..], &publish.payload].concat(), whole);
    whole
}

#[test]
fn a_transfer_stands_in_for_what_differs_from_sending_to_sending() {
    let message = Publish { payload: Bytes::from_static(b"hi"), ..publish(QoS::AtLeastOnce, None) };
    let first = Transfer { packet_id: Some(id(7)), ..Transfer::default() };
    let again = Transfer { dup: true, ..first };
    assert_eq!(sent(&message, V311, &first), b"\x32\x07\0\x01a\0\x07hi");
    assert_eq!(sent(&message, V311, &again), b"\x3a\x07\0\x01a\0\x07hi");

    let define = Transfer { topic_alias: TopicAliasUse::Define(9), ..first };
    let alias = Transfer { topic_alias: TopicAliasUse::Use(9), ..first };
    assert_eq!(sent(&message, V5, &define), b"\x32\x0b\0\x01a\0\x07\x03\x23\0\x09hi");
    assert_eq!(sent(&message, V5, &alias), b"\x32\x0a\0\0\0\x07\x03\x23\0\x09hi");
    // Without aliases the topic is written whatever the transfer says.
    assert_eq!(sent(&message, V311, &alias), b"\x32\x07\0\x01a\0\x07hi");
}

#[test]
fn a_transfer_replaces_alias_and_expiry_where_they_stand() {
    let properties: Properties = [
        Property::TopicAlias(1),
        Property::MessageExpiryInterval(60),
        Property::PayloadFormatIndicator(1),
    ]
    .into_iter()
    .collect();
    let message = Publish { properties, ..publish(QoS::AtMostOnce, None) };
    let plain = Transfer::default();
    assert_eq!(sent(&message, V5, &plain), b"\x30\x0b\0\x01a\x07\x02\0\0\0\x3c\x01\x01");
    let both = Transfer {
        topic_alias: TopicAliasUse::Define(2),
        message_expiry: Some(59),
        ..Transfer::default()
    };
    assert_eq!(sent(&message, V5, &both), b"\x30\x0e\0\x01a\x0a\x23\0\x02\x02\0\0\0\x3b\x01\x01");
    let bare = publish(QoS::AtMostOnce, None);
    assert_eq!(sent(&bare, V5, &both), b"\x30\x0c\0\x01a\x08\x23\0\x02\x02\0\0\0\x3b");

    let mut out = vec![7];
    let zero = Transfer { topic_alias: TopicAliasUse::Use(0), ..Transfer::default() };
    let error = EncodeError::Property { error: PropertyError::TopicAliasZero };
    assert_eq!(bare.encode_with(V5, &zero, &mut out), Err(error));
    assert_eq!(out, [7]);
}

#[test]
fn debug_shows_neither_payloads_nor_credentials() {
    let packet = Packet::Connect(Connect {
        username: Some(text("someone")),
        password: Some(Bytes::from_static(b"hunter2")),
        will: Some(Box::new(Will {
            qos: QoS::AtMostOnce,
            retain: false,
            topic: TopicName::try_from("w").unwrap(),
            payload: Bytes::from_static(b"goodbye"),
            properties: Properties::new(),
        })),
        ..connect()
    });
    let shown = format!("{packet:?}");
    assert!(shown.contains("payload: 7 bytes") && shown.contains("<secret>"), "{shown}");
    for hidden in ["someone", "hunter2", "goodbye"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    let message =
        Publish { payload: Bytes::from_static(b"goodbye"), ..publish(QoS::AtMostOnce, None) };
    let shown = format!("{message:?}");
    assert!(shown.contains("payload: 7 bytes") && !shown.contains("goodbye"), "{shown}");
}
