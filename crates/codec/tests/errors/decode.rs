//! Each rule broken by bytes, with its error.

use bytes::BytesMut;
use evenkeel_codec::{
    DecodeError, Decoder, PacketType, PropertyError, ReasonCode, TextError, TopicError, Version,
};

use crate::assert_all_met;
use crate::wire::wire;

use Version::{V5, V31, V311};

pub(crate) const LIMIT: u32 = 512;

/// What a decoder says to these bytes: that of a server for a CONNECT.
pub(crate) fn refusal(version: Version, bytes: &[u8]) -> DecodeError {
    let mut decoder = match bytes[0] >> 4 {
        1 => Decoder::for_server(LIMIT),
        _ => Decoder::new(version, LIMIT),
    };
    match decoder.decode(&mut BytesMut::from(bytes)) {
        Err(error) => error,
        other => panic!("{bytes:02x?} gave {other:?}"),
    }
}

#[derive(Clone, Copy)]
struct Case {
    version: Version,
    bytes: &'static str,
    error: DecodeError,
    rule: &'static str,
    reason: ReasonCode,
    text: &'static str,
}

const fn case(
    version: Version,
    bytes: &'static str,
    error: DecodeError,
    (rule, reason, text): (&'static str, ReasonCode, &'static str),
) -> Case {
    Case { version, bytes, error, rule, reason, text }
}

const MALFORMED: ReasonCode = ReasonCode::MALFORMED_PACKET;
const PROTOCOL: ReasonCode = ReasonCode::PROTOCOL_ERROR;

const FRAMING: &[Case] = &[
    case(
        V5,
        "00",
        DecodeError::UnknownPacketType,
        (
            "section 2.1.2",
            MALFORMED,
            "packet type 0 does not exist; the peer may not speak MQTT on this port",
        ),
    ),
    //= [MQTT-2.1.3-1] test
    case(
        V5,
        "d1",
        DecodeError::ReservedFlags { packet_type: PacketType::PingResp, flags: 1 },
        (
            "MQTT-2.1.3-1",
            MALFORMED,
            "PINGRESP has the reserved header flags 0b0001; the sender or the framing is broken",
        ),
    ),
    case(
        V5,
        "30 ffffffff",
        DecodeError::RemainingLengthTooLong,
        (
            "section 1.5.5",
            MALFORMED,
            "the remaining length goes on after four bytes; the sender or the framing is broken",
        ),
    ),
    case(
        V5,
        "30 07 0001 'a' 80808080",
        DecodeError::VarintTooLong,
        (
            "section 1.5.5",
            MALFORMED,
            "a variable byte integer goes on after four bytes; the sender is broken",
        ),
    ),
    //= [MQTT-1.5.5-1] test
    case(
        V5,
        "30 8400 0001 'a' 00",
        DecodeError::VarintNotMinimal { value: 4 },
        (
            "MQTT-1.5.5-1",
            MALFORMED,
            "the variable byte integer 4 takes more bytes than it needs, which MQTT 5 forbids",
        ),
    ),
    //= [MQTT-3.1.2-24] test
    case(
        V5,
        "30 8004",
        DecodeError::PacketTooLarge { size: 515, maximum: 512 },
        (
            "MQTT-3.1.2-24",
            ReasonCode::PACKET_TOO_LARGE,
            "packet of 515 bytes is larger than the maximum of 512; raise the maximum packet size to accept it",
        ),
    ),
    case(
        V311,
        "f0",
        DecodeError::AuthBeforeV5,
        (
            "section 3.15",
            PROTOCOL,
            "AUTH came on a connection that does not speak MQTT 5, the first version that has it",
        ),
    ),
    case(
        V311,
        "30 03 0002 'a'",
        DecodeError::Truncated { packet_type: PacketType::Publish },
        (
            "section 2.1.4",
            MALFORMED,
            "PUBLISH ends inside a field; a length in it or its remaining length is wrong",
        ),
    ),
    case(
        V311,
        "40 04 0001 0000",
        DecodeError::TrailingBytes { packet_type: PacketType::PubAck, count: 2 },
        (
            "section 2.1.4",
            MALFORMED,
            "PUBACK goes on for 2 bytes after its last field; its remaining length is wrong",
        ),
    ),
    //= [MQTT-1.5.4-1] test
    case(
        V311,
        "30 05 0003 'a' c080",
        DecodeError::String { error: TextError::NotUtf8 { valid_up_to: 1 } },
        ("MQTT-1.5.4-1", MALFORMED, "string is not UTF-8 from byte 1 on"),
    ),
    case(
        V311,
        "40 01 00",
        DecodeError::PacketIdentifierMissing { packet_type: PacketType::PubAck },
        ("section 2.2.1", MALFORMED, "PUBACK ends before its packet identifier"),
    ),
    //= [MQTT-2.2.1-3] test
    case(
        V311,
        "40 02 0000",
        DecodeError::PacketIdentifierZero { packet_type: PacketType::PubAck },
        ("MQTT-2.2.1-3", PROTOCOL, "PUBACK has the packet identifier 0; it must be 1 or more"),
    ),
];

const PROPERTIES_AND_CODES: &[Case] = &[
    case(
        V5,
        "30 05 0001 'a' 02 01",
        DecodeError::PropertiesTooLong { packet_type: PacketType::Publish, len: 2, left: 1 },
        (
            "section 2.2.2.1",
            MALFORMED,
            "PUBLISH announces 2 bytes of properties but has only 1 left",
        ),
    ),
    case(
        V5,
        "30 07 0001 'a' 02 2300 01",
        DecodeError::PropertyTruncated { packet_type: PacketType::Publish },
        (
            "section 2.2.2.1",
            MALFORMED,
            "PUBLISH has a property that reaches beyond the property length",
        ),
    ),
    case(
        V5,
        "30 06 0001 'a' 02 0401",
        DecodeError::UnknownProperty { id: 4 },
        ("section 2.2.2.2", MALFORMED, "property identifier 0x04 does not exist in MQTT 5"),
    ),
    case(
        V5,
        "30 07 0001 'a' 03 230000",
        DecodeError::Property { error: PropertyError::TopicAliasZero },
        ("MQTT-3.3.2-8", ReasonCode::TOPIC_ALIAS_INVALID, "Topic Alias is 0; it must be 1 or more"),
    ),
    //= [MQTT-3.4.2-1] test
    case(
        V5,
        "40 03 0001 92",
        DecodeError::ReasonCode { packet_type: PacketType::PubAck, code: 0x92 },
        (
            "MQTT-3.4.2-1",
            PROTOCOL,
            "PUBACK has the reason code 0x92, which the specification does not give it",
        ),
    ),
    case(
        V5,
        "90 03 0001 00",
        DecodeError::ReasonCodesMissing { packet_type: PacketType::SubAck },
        ("MQTT-3.9.3-1", PROTOCOL, "SUBACK has no reason code; it must have one for each filter"),
    ),
];

const CONNECT_AND_CONNACK: &[Case] = &[
    //= [MQTT-3.1.2-1] test
    case(
        V311,
        "10 10 0004 'MQTS' 04 02 003c 0004 'evkl'",
        DecodeError::ProtocolName,
        (
            "MQTT-3.1.2-1",
            ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
            "CONNECT has an unknown protocol name; it must be MQTT, or MQIsdp for MQTT 3.1",
        ),
    ),
    //= [MQTT-3.1.2-2] test
    case(
        V311,
        "10 10 0004 'MQTT' 06 02 003c 0004 'evkl'",
        DecodeError::ProtocolLevel { level: 6 },
        (
            "MQTT-3.1.2-2",
            ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
            "CONNECT has the protocol level 6; MQTT 3.1 (MQIsdp 3), 3.1.1 (4) and 5 (5) are known",
        ),
    ),
    //= [MQTT-3.1.2-3] test
    case(
        V311,
        "10 10 0004 'MQTT' 04 03 003c 0004 'evkl'",
        DecodeError::ConnectReservedFlag,
        ("MQTT-3.1.2-3", MALFORMED, "CONNECT has the reserved bit of its flags set; it must be 0"),
    ),
    //= [MQTT-3.1.2-11] test
    case(
        V311,
        "10 10 0004 'MQTT' 04 0a 003c 0004 'evkl'",
        DecodeError::WillQosWithoutWill,
        (
            "MQTT-3.1.2-11",
            MALFORMED,
            "CONNECT has a will QoS but no will; without the will flag it must be 0",
        ),
    ),
    //= [MQTT-3.1.2-13] test
    case(
        V311,
        "10 10 0004 'MQTT' 04 22 003c 0004 'evkl'",
        DecodeError::WillRetainWithoutWill,
        (
            "MQTT-3.1.2-13",
            MALFORMED,
            "CONNECT has the will retain flag but no will; without the will flag it must be 0",
        ),
    ),
    //= [MQTT-3.1.2-12] test
    case(
        V311,
        "10 13 0004 'MQTT' 04 1e 003c 0001 'c' 0001 'w' 0001 'x'",
        DecodeError::WillQos3,
        ("MQTT-3.1.2-12", MALFORMED, "CONNECT has a will of QoS 3, which does not exist"),
    ),
    case(
        V311,
        "10 13 0004 'MQTT' 04 06 003c 0001 'c' 0001 '#' 0001 'x'",
        DecodeError::WillTopic { error: TopicError::WildcardInName },
        (
            "MQTT-3.3.2-2",
            ReasonCode::TOPIC_NAME_INVALID,
            "the will topic of CONNECT is no topic name: topic name holds a wildcard, + or #, which only filters may",
        ),
    ),
    //= [MQTT311-3.1.2-22] test
    case(
        V311,
        "10 10 0004 'MQTT' 04 42 003c 0001 'c' 0001 'p'",
        DecodeError::PasswordWithoutUserName,
        (
            "MQTT311-3.1.2-22",
            MALFORMED,
            "CONNECT has a password but no user name, which only MQTT 5 allows",
        ),
    ),
    //= [MQTT-3.2.2-1] test
    case(
        V5,
        "20 03 02 00 00",
        DecodeError::ConnAckReservedFlags { flags: 2 },
        (
            "MQTT-3.2.2-1",
            MALFORMED,
            "CONNACK has the flags 0b00000010; all but the lowest bit must be 0",
        ),
    ),
    //= [MQTT-3.2.2-6] test
    case(
        V5,
        "20 03 01 87 00",
        DecodeError::SessionPresentOnRefusal { code: 0x87 },
        (
            "MQTT-3.2.2-6",
            PROTOCOL,
            "CONNACK says session present but refuses the connection with code 0x87",
        ),
    ),
];

const MESSAGES_AND_SUBSCRIPTIONS: &[Case] = &[
    //= [MQTT-3.3.1-4] test
    case(
        V311,
        "36 07 0001 'a' 0001 'hi'",
        DecodeError::Qos3,
        (
            "MQTT-3.3.1-4",
            MALFORMED,
            "PUBLISH has QoS 3, which does not exist; the sender or the framing is broken",
        ),
    ),
    //= [MQTT-3.3.1-2] test
    case(
        V311,
        "38 03 0001 'a'",
        DecodeError::DupWithQos0,
        (
            "MQTT-3.3.1-2",
            MALFORMED,
            "PUBLISH has QoS 0 and the DUP flag; QoS 0 messages are never sent again",
        ),
    ),
    //= [MQTT-3.3.2-2] test
    case(
        V311,
        "30 03 0001 '+'",
        DecodeError::Topic { error: TopicError::WildcardInName },
        (
            "MQTT-3.3.2-2",
            ReasonCode::TOPIC_NAME_INVALID,
            "the topic of PUBLISH is no topic name: topic name holds a wildcard, + or #, which only filters may",
        ),
    ),
    case(
        V5,
        "30 03 0000 00",
        DecodeError::NoTopicAndNoAlias,
        (
            "section 3.3.2.1",
            PROTOCOL,
            "PUBLISH has an empty topic and no topic alias; it needs one of them",
        ),
    ),
    //= [MQTT-3.8.3-2] test
    case(
        V311,
        "82 02 0001",
        DecodeError::NoFilters { packet_type: PacketType::Subscribe },
        ("MQTT-3.8.3-2", PROTOCOL, "SUBSCRIBE has no topic filter; it must have at least one"),
    ),
    //= [MQTT-4.7.1-1] test
    case(
        V311,
        "82 08 0001 0003 'a#b' 00",
        DecodeError::Filter { error: TopicError::MisplacedHash },
        (
            "MQTT-4.7.1-1",
            ReasonCode::TOPIC_FILTER_INVALID,
            "a topic filter is invalid: # must stand alone in the filter's last level",
        ),
    ),
    //= [MQTT311-3.8.3-4] test
    case(
        V311,
        "82 06 0001 0001 'a' 04",
        DecodeError::SubscriptionOptionsReserved { options: 4 },
        ("MQTT-3.8.3-5", MALFORMED, "subscription options 0b00000100 have reserved bits set"),
    ),
    case(
        V311,
        "82 06 0001 0001 'a' 03",
        DecodeError::SubscriptionQos3,
        ("section 3.8.3.1", PROTOCOL, "a subscription asks for QoS 3, which does not exist"),
    ),
    case(
        V5,
        "82 07 0001 00 0001 'a' 30",
        DecodeError::RetainHandling3,
        ("section 3.8.3.1", PROTOCOL, "a subscription has retain handling 3, which does not exist"),
    ),
    //= [MQTT-3.8.3-4] test
    case(
        V5,
        "82 10 0001 00 000a '$share/g/a' 04",
        DecodeError::NoLocalOnShared,
        (
            "MQTT-3.8.3-4",
            PROTOCOL,
            "a shared subscription has the No Local option, which only others may have",
        ),
    ),
];

fn assert_case(case: &Case) {
    let error = refusal(case.version, &wire(case.bytes));
    assert_eq!(error, case.error, "{}", case.bytes);
    assert_eq!(error.rule(), case.rule, "{error:?}");
    assert_eq!(error.reason_code(), case.reason, "{error:?}");
    assert_eq!(format!("{error:#}"), case.text, "{error:?}");
}

#[test]
fn each_rule_has_its_error() {
    let cases =
        [FRAMING, PROPERTIES_AND_CODES, CONNECT_AND_CONNACK, MESSAGES_AND_SUBSCRIPTIONS].concat();
    cases.iter().for_each(assert_case);

    let connect_expected = connect_expected();
    let met = cases.iter().map(|case| case.error).chain([
        connect_expected,
        client_packet(),
        too_many_entries(),
    ]);
    assert_all_met(include_str!("../../src/error/decode.rs"), met.map(|e| format!("{e:?}")));
}

fn too_many_entries() -> DecodeError {
    // An UNSUBSCRIBE of 3000 filters of one byte: 9002 bytes, all told.
    let mut bytes = wire("a2 aa46 0001");
    bytes.extend(b"\x00\x01a".repeat(3000));
    let error = Decoder::new(V311, 10_000).decode(&mut BytesMut::from(&bytes[..])).unwrap_err();
    let packet_type = PacketType::Unsubscribe;
    assert_eq!(error, DecodeError::TooManyEntries { packet_type, maximum: 65_536 });
    assert_eq!(error.rule(), "section 4.13.2");
    assert_eq!(error.reason_code(), ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(
        error.to_string(),
        "the properties and topic filters of UNSUBSCRIBE would take more than 65536 bytes of \
         memory; raise the maximum packet size to accept it"
    );
    error
}

//= [MQTT-3.1.0-1] test
fn connect_expected() -> DecodeError {
    let error = Decoder::for_server(LIMIT).decode(&mut BytesMut::from(&[0xc0][..])).unwrap_err();
    assert_eq!(error, DecodeError::ConnectExpected { packet_type: PacketType::PingReq });
    assert_eq!(error.rule(), "MQTT-3.1.0-1");
    assert_eq!(error.to_string(), "the first packet is PINGREQ; a client must begin with CONNECT");
    error
}

fn client_packet() -> DecodeError {
    for (packet_type, packet) in [
        (PacketType::Connect, &[0x10][..]),
        (PacketType::Subscribe, &[0x82, 0xff]),
        (PacketType::Unsubscribe, &[0xa2, 3]),
        (PacketType::PingReq, &[0xc0, 0]),
    ] {
        // Its header alone is enough once it is whole.
        let mut bytes = BytesMut::from(packet);
        let found = Decoder::new(V5, LIMIT).decode_from_server(&mut bytes);
        if packet.len() == 2 && packet[1] < 0x80 {
            assert_eq!(found, Err(DecodeError::ClientPacket { packet_type }));
        } else {
            assert_eq!(found, Ok(None));
        }
        assert_eq!(bytes, packet);
    }
    let mut bytes = BytesMut::from(&[0xc0, 0][..]);
    let error = Decoder::for_server(LIMIT).decode_from_server(&mut bytes).unwrap_err();
    assert_eq!(error, DecodeError::ConnectExpected { packet_type: PacketType::PingReq });
    let mut bytes = BytesMut::from(&[0xc0, 0][..]);
    let error = Decoder::new(V5, LIMIT).decode_from_server(&mut bytes).unwrap_err();
    assert_eq!(error.rule(), "section 2.1.2");
    assert_eq!(error.reason_code(), ReasonCode::PROTOCOL_ERROR);
    assert_eq!(error.to_string(), "PINGREQ came from the server; only clients send it");
    error
}

//= [MQTT-2.1.3-1] test
//= [MQTT-3.6.1-1] test
//= [MQTT-3.8.1-1] test
//= [MQTT-3.10.1-1] test
//= [MQTT-3.14.1-1] test
//= [MQTT-3.15.1-1] test
#[test]
fn each_packet_type_refuses_all_flags_but_its_own() {
    let rule = |packet_type| match packet_type {
        PacketType::PubRel => "MQTT-3.6.1-1",
        PacketType::Subscribe => "MQTT-3.8.1-1",
        PacketType::Unsubscribe => "MQTT-3.10.1-1",
        PacketType::Disconnect => "MQTT-3.14.1-1",
        PacketType::Auth => "MQTT-3.15.1-1",
        _ => "MQTT-2.1.3-1",
    };
    for first_byte in 0x10..=0xff_u8 {
        let packet_type = PacketType::from_first_byte(first_byte).unwrap();
        let flags = first_byte & 0x0f;
        let own = match packet_type {
            PacketType::Publish => continue,
            PacketType::PubRel | PacketType::Subscribe | PacketType::Unsubscribe => 2,
            _ => 0,
        };
        let mut decoder = Decoder::new(V5, LIMIT);
        let decoded = decoder.decode(&mut BytesMut::from(&[first_byte][..]));
        if flags == own {
            assert_eq!(decoded, Ok(None), "{packet_type}");
        } else {
            let error = decoded.unwrap_err();
            assert_eq!(error, DecodeError::ReservedFlags { packet_type, flags });
            assert_eq!(error.rule(), rule(packet_type));
        }
    }
}

#[test]
fn mqtt_31_reserves_no_flags_but_keeps_qos_1_if_it_means_something() {
    for first_byte in [0x6a, 0x8a, 0xaa, 0x63, 0x41, 0xc8, 0x2f] {
        let decoded = Decoder::new(V31, LIMIT).decode(&mut BytesMut::from(&[first_byte][..]));
        assert_eq!(decoded, Ok(None), "{first_byte:02x}");
    }
    for (first_byte, packet_type) in
        [(0x60, PacketType::PubRel), (0x88, PacketType::Subscribe), (0xa4, PacketType::Unsubscribe)]
    {
        let flags = first_byte & 0x0f;
        let error = DecodeError::ReservedFlags { packet_type, flags };
        assert_eq!(refusal(V31, &[first_byte]), error);
    }
}

#[test]
fn no_packet_may_end_early_or_late() {
    use PacketType::{ConnAck, PingReq, PingResp, PubComp, PubRec, PubRel, UnsubAck};
    for (bytes, packet_type) in [
        ("20 00", ConnAck),
        ("20 01 00", ConnAck),
        ("82 04 0001 0001", PacketType::Subscribe),
        ("82 05 0001 0001 'a'", PacketType::Subscribe),
        ("a2 04 0001 0001", PacketType::Unsubscribe),
        ("10 0c 0004 'MQTT' 04 02 003c 0001", PacketType::Connect),
    ] {
        let error = DecodeError::Truncated { packet_type };
        assert_eq!(refusal(V311, &wire(bytes)), error, "{bytes}");
    }
    for (bytes, packet_type, count) in [
        ("20 03 00 00 00", ConnAck, 1),
        ("50 03 0001 00", PubRec, 1),
        ("62 03 0001 00", PubRel, 1),
        ("70 03 0001 00", PubComp, 1),
        ("b0 03 0001 00", UnsubAck, 1),
        ("c0 01 00", PingReq, 1),
        ("d0 02 0000", PingResp, 2),
        ("e0 01 00", PacketType::Disconnect, 1),
        ("10 0f 0004 'MQTT' 04 02 003c 0001 'c' 0000", PacketType::Connect, 2),
    ] {
        let error = DecodeError::TrailingBytes { packet_type, count };
        assert_eq!(refusal(V311, &wire(bytes)), error, "{bytes}");
    }
    for (bytes, packet_type) in [
        ("40 05 0001 00 00 00", PacketType::PubAck),
        ("e0 03 00 00 00", PacketType::Disconnect),
        ("f0 03 00 00 00", PacketType::Auth),
        ("20 04 00 00 00 00", ConnAck),
    ] {
        let error = DecodeError::TrailingBytes { packet_type, count: 1 };
        assert_eq!(refusal(V5, &wire(bytes)), error, "{bytes}");
    }
}

//= [MQTT-2.2.1-3] test
//= [MQTT-2.2.1-4] test
#[test]
fn each_packet_with_an_identifier_refuses_0_and_none() {
    for (first_byte, behind) in [
        (0x40, ""),
        (0x50, ""),
        (0x62, ""),
        (0x70, ""),
        (0x82, "0001 'a' 00"),
        (0x90, "00"),
        (0xa2, "0001 'a'"),
        (0xb0, ""),
    ] {
        let packet_type = PacketType::from_first_byte(first_byte).unwrap();
        let behind = wire(behind);
        let mut bytes = vec![first_byte, 2 + behind.len() as u8, 0, 0];
        bytes.extend_from_slice(&behind);
        let zero = DecodeError::PacketIdentifierZero { packet_type };
        assert_eq!(refusal(V311, &bytes), zero);
        let missing = DecodeError::PacketIdentifierMissing { packet_type };
        assert_eq!(refusal(V311, &[first_byte, 0]), missing);
        assert_eq!(refusal(V311, &[first_byte, 1, 7]), missing);
    }
    let packet_type = PacketType::Publish;
    let zero = DecodeError::PacketIdentifierZero { packet_type };
    assert_eq!(refusal(V311, &wire("32 05 0001 'a' 0000")), zero);
    let missing = DecodeError::PacketIdentifierMissing { packet_type };
    assert_eq!(refusal(V311, &wire("34 04 0001 'a' 00")), missing);
}

#[test]
fn protocol_name_and_level_must_belong_together() {
    for (bytes, level) in [
        ("10 10 0004 'MQTT' 03 02 003c 0004 'evkl'", 3),
        ("10 12 0006 'MQIsdp' 04 02 003c 0004 'evkl'", 4),
        ("10 10 0004 'MQTT' 84 02 003c 0004 'evkl'", 0x84),
    ] {
        assert_eq!(refusal(V311, &wire(bytes)), DecodeError::ProtocolLevel { level }, "{bytes}");
    }
    for bytes in ["10 06 0004 'mqtt'", "10 02 0000", "10 05 0003 'MQT'"] {
        assert_eq!(refusal(V311, &wire(bytes)), DecodeError::ProtocolName, "{bytes}");
    }
}

/// Codes that section 2.4 gives a packet, written down apart from the codec's table.
//= [MQTT-3.2.2-8] test
//= [MQTT-3.4.2-1] test
//= [MQTT-3.5.2-1] test
//= [MQTT-3.6.2-1] test
//= [MQTT-3.7.2-1] test
//= [MQTT-3.9.3-2] test
//= [MQTT-3.11.3-2] test
//= [MQTT-3.14.2-1] test
//= [MQTT-3.15.2-1] test
#[test]
fn each_packet_takes_its_reason_codes_and_no_others() {
    let connack = "00 80 81 82 83 84 85 86 87 88 89 8a 8c 90 95 97 99 9a 9b 9c 9d 9f";
    let disconnect = "00 04 80 81 82 83 87 89 8b 8c 8d 8e 8f 90 93 94 95 96 97 98 99 9a 9b 9c \
                      9d 9e 9f a0 a1 a2";
    let received = "00 10 80 83 87 90 91 97 99";
    for (before, after, rule, codes) in [
        ("20 03 00", "00", "MQTT-3.2.2-8", connack),
        ("40 03 0001", "", "MQTT-3.4.2-1", received),
        ("50 03 0001", "", "MQTT-3.5.2-1", received),
        ("62 03 0001", "", "MQTT-3.6.2-1", "00 92"),
        ("70 03 0001", "", "MQTT-3.7.2-1", "00 92"),
        ("90 04 0001 00", "", "MQTT-3.9.3-2", "00 01 02 80 83 87 8f 91 97 9e a1 a2"),
        ("b0 04 0001 00", "", "MQTT-3.11.3-2", "00 11 80 83 87 8f 91"),
        ("e0 01", "", "MQTT-3.14.2-1", disconnect),
        ("f0 06", "04 15 0001 'M'", "MQTT-3.15.2-1", "00 18 19"),
    ] {
        let (mut bytes, after, codes) = (wire(before), wire(after), wire(codes));
        let at = bytes.len();
        bytes.push(0);
        bytes.extend_from_slice(&after);
        let packet_type = PacketType::from_first_byte(bytes[0]).unwrap();
        for code in 0..=0xff {
            bytes[at] = code;
            let decoded = Decoder::new(V5, LIMIT).decode(&mut BytesMut::from(&bytes[..]));
            if codes.contains(&code) {
                assert!(matches!(decoded, Ok(Some(_))), "{packet_type} {code:02x} {decoded:?}");
            } else {
                let error = decoded.unwrap_err();
                assert_eq!(error, DecodeError::ReasonCode { packet_type, code });
                assert_eq!(error.rule(), rule);
            }
        }
    }
}

//= [MQTT311-3.9.3-2] test
#[test]
fn suback_before_v5_has_four_codes() {
    for version in [V31, V311] {
        for code in 0..=0xff {
            let bytes = [0x90, 3, 0, 1, code];
            let decoded = Decoder::new(version, LIMIT).decode(&mut BytesMut::from(&bytes[..]));
            match code {
                0..=2 | 0x80 => assert!(matches!(decoded, Ok(Some(_))), "{code:02x}"),
                _ => {
                    let packet_type = PacketType::SubAck;
                    assert_eq!(decoded, Err(DecodeError::ReasonCode { packet_type, code }));
                }
            }
        }
    }
}

#[test]
fn answers_name_the_rule_of_their_own_packet() {
    let error = refusal(V5, &wire("b0 03 0001 00"));
    assert_eq!(error, DecodeError::ReasonCodesMissing { packet_type: PacketType::UnsubAck });
    assert_eq!(error.rule(), "MQTT-3.11.3-1");
    //= [MQTT-3.10.3-2] test
    let error = refusal(V5, &wire("a2 03 0001 00"));
    assert_eq!(error, DecodeError::NoFilters { packet_type: PacketType::Unsubscribe });
    assert_eq!(error.rule(), "MQTT-3.10.3-2");
}

//= [MQTT-3.8.3-5] test
#[test]
fn each_subscription_option_byte_is_judged_by_its_bits() {
    for options in 0..=0xff_u8 {
        let bytes = [0x82, 7, 0, 1, 0, 0, 1, b'a', options];
        let decoded = Decoder::new(V5, LIMIT).decode(&mut BytesMut::from(&bytes[..]));
        let expected = match options {
            0x40.. => Err(DecodeError::SubscriptionOptionsReserved { options }),
            _ if options & 3 == 3 => Err(DecodeError::SubscriptionQos3),
            _ if options & 0x30 == 0x30 => Err(DecodeError::RetainHandling3),
            _ => Ok(()),
        };
        assert_eq!(decoded.map(|packet| assert!(packet.is_some())), expected, "{options:08b}");
    }
}
