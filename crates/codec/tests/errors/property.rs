//! The rules of properties, met on the wire and when encoding.

use evenkeel_codec::{
    Bytes, ConnAck, DecodeError, EncodeError, Packet, PacketType, Properties, Property,
    PropertyError, PropertyId, ReasonCode, Text, TopicError, Version,
};

use crate::assert_all_met;
use crate::decode::refusal;
use crate::wire::wire;

fn refused(bytes: &str) -> PropertyError {
    match refusal(Version::V5, &wire(bytes)) {
        DecodeError::Property { error } => error,
        other => panic!("{bytes} gave {other:?}"),
    }
}

fn text(text: &'static str) -> Text {
    Text::from_static(text).unwrap()
}

/// Bytes, error, rule, reason code, text.
type Case = (&'static str, PropertyError, &'static str, ReasonCode, &'static str);

const PROTOCOL: ReasonCode = ReasonCode::PROTOCOL_ERROR;

const CASES: &[Case] = &[
    (
        "40 06 0001 00 02 0101",
        PropertyError::Misplaced {
            id: PropertyId::PAYLOAD_FORMAT_INDICATOR,
            packet_type: PacketType::PubAck,
        },
        "section 2.2.2.2",
        ReasonCode::MALFORMED_PACKET,
        "PUBACK must not hold the property PayloadFormatIndicator (0x01); see table 2-4 of the MQTT 5 specification",
    ),
    (
        "10 16 0004 'MQTT' 05 06 003c 00 0000 03 230001 0001 'w' 0000",
        PropertyError::MisplacedInWill { id: PropertyId::TOPIC_ALIAS },
        "section 2.2.2.2",
        ReasonCode::MALFORMED_PACKET,
        "a will must not hold the property TopicAlias (0x23); it belongs to another property list",
    ),
    (
        "30 08 0001 'a' 04 0101 0101",
        PropertyError::Duplicate { id: PropertyId::PAYLOAD_FORMAT_INDICATOR },
        "section 2.2.2.2",
        PROTOCOL,
        "property PayloadFormatIndicator (0x01) occurs twice; only user properties may repeat, and in PUBLISH subscription identifiers",
    ),
    (
        "30 06 0001 'a' 02 0102",
        PropertyError::NotZeroOrOne { id: PropertyId::PAYLOAD_FORMAT_INDICATOR, value: 2 },
        "section 2.2.2.2",
        PROTOCOL,
        "property PayloadFormatIndicator (0x01) is 2; it may be 0 or 1",
    ),
    (
        "20 05 00 00 02 2402",
        PropertyError::MaximumQoS { value: 2 },
        "section 3.2.2.3.4",
        PROTOCOL,
        "Maximum QoS is 2; it may be 0 or 1, and is left out to allow QoS 2",
    ),
    (
        "20 06 00 00 03 210000",
        PropertyError::ReceiveMaximumZero,
        "section 3.1.2.11.3",
        PROTOCOL,
        "Receive Maximum is 0; it must be 1 or more",
    ),
    (
        "20 08 00 00 05 2700000000",
        PropertyError::MaximumPacketSizeZero,
        "section 3.1.2.11.4",
        PROTOCOL,
        "Maximum Packet Size is 0; it must be 1 or more, and is left out for no limit",
    ),
    //= [MQTT-3.3.2-8] test
    (
        "30 07 0001 'a' 03 230000",
        PropertyError::TopicAliasZero,
        "MQTT-3.3.2-8",
        ReasonCode::TOPIC_ALIAS_INVALID,
        "Topic Alias is 0; it must be 1 or more",
    ),
    (
        "82 09 0001 02 0b00 0001 'a' 00",
        PropertyError::SubscriptionIdentifierZero,
        "section 3.8.2.1.2",
        PROTOCOL,
        "Subscription Identifier is 0; it must be 1 or more",
    ),
    //= [MQTT-3.3.2-14] test
    (
        "30 08 0001 'a' 04 08 0001 '#'",
        PropertyError::ResponseTopic { error: TopicError::WildcardInName },
        "MQTT-3.3.2-14",
        PROTOCOL,
        "the Response Topic is no topic name: topic name holds a wildcard, + or #, which only filters may",
    ),
    (
        "10 11 0004 'MQTT' 05 02 003c 04 16 0001 ff 0000",
        PropertyError::AuthenticationDataWithoutMethod,
        "section 3.1.2.11.10",
        PROTOCOL,
        "Authentication Data has no Authentication Method beside it; name the method",
    ),
    (
        "f0 01 18",
        PropertyError::AuthenticationMethodMissing,
        "section 3.15.2.2.2",
        PROTOCOL,
        "AUTH has no Authentication Method; name the method of the CONNECT packet",
    ),
];

/// Errors of values that no bytes can express.
fn encode_only() -> Vec<(Packet, PropertyError, &'static str)> {
    let publish = |property| {
        Packet::Publish(evenkeel_codec::Publish {
            dup: false,
            qos: evenkeel_codec::QoS::AtMostOnce,
            retain: false,
            topic: text("a"),
            packet_id: None,
            payload: Bytes::new(),
            properties: Properties::new().with(property),
        })
    };
    vec![
        (
            publish(Property::SubscriptionIdentifier(268_435_456)),
            PropertyError::SubscriptionIdentifierTooLarge { value: 268_435_456 },
            "Subscription Identifier 268435456 is larger than the 268435455 MQTT allows",
        ),
        (
            publish(Property::CorrelationData(Bytes::from(vec![0; 65_536]))),
            PropertyError::BinaryTooLong { id: PropertyId::CORRELATION_DATA, len: 65_536 },
            "property CorrelationData (0x09) of 65536 bytes is longer than the 65535 MQTT allows",
        ),
    ]
}

#[test]
fn each_rule_has_its_error() {
    let mut met = Vec::new();
    for &(bytes, error, rule, reason, text) in CASES {
        assert_eq!(refused(bytes), error, "{bytes}");
        assert_eq!(error.rule(), rule);
        assert_eq!(error.reason_code(), reason);
        assert_eq!(format!("{error:#}"), text);
        met.push(format!("{error:?}"));
    }
    for (packet, error, text) in encode_only() {
        let mut out = vec![7];
        assert_eq!(packet.encode(Version::V5, &mut out), Err(EncodeError::Property { error }));
        assert_eq!(out, [7]);
        assert_eq!(format!("{error:#}"), text);
        met.push(format!("{error:?}"));
    }
    assert_all_met(include_str!("../../src/error/property.rs"), met.into_iter());
}

/// One valid property of each kind, as bytes.
const SAMPLES: [(u8, &str); 27] = [
    (0x01, "01 01"),
    (0x02, "02 00000001"),
    (0x03, "03 0001 't'"),
    (0x08, "08 0001 't'"),
    (0x09, "09 0001 't'"),
    (0x0b, "0b 01"),
    (0x11, "11 00000001"),
    (0x12, "12 0001 't'"),
    (0x13, "13 0001"),
    (0x15, "15 0001 't'"),
    (0x16, "16 0001 't'"),
    (0x17, "17 01"),
    (0x18, "18 00000001"),
    (0x19, "19 01"),
    (0x1a, "1a 0001 't'"),
    (0x1c, "1c 0001 't'"),
    (0x1f, "1f 0001 't'"),
    (0x21, "21 0001"),
    (0x22, "22 0001"),
    (0x23, "23 0001"),
    (0x24, "24 01"),
    (0x25, "25 01"),
    (0x26, "26 0001 'k' 0001 'v'"),
    (0x27, "27 00000001"),
    (0x28, "28 01"),
    (0x29, "29 01"),
    (0x2a, "2a 01"),
];

/// A packet with a property list: what stands before and behind it, and the
/// identifiers of table 2-4.
type Place = (&'static str, &'static str, &'static str, &'static str);

const PLACES: [Place; 14] = [
    ("CONNECT", "10 0004 'MQTT' 05 02 003c", "0000", "11 15 16 17 19 21 22 26 27"),
    ("will", "10 0004 'MQTT' 05 06 003c 00 0000", "0001 'w' 0000", "01 02 03 08 09 18 26"),
    ("CONNACK", "20 00 00", "", "11 12 13 15 16 1a 1c 1f 21 22 24 25 26 27 28 29 2a"),
    ("PUBLISH", "30 0001 'a'", "", "01 02 03 08 09 0b 23 26"),
    ("PUBACK", "40 0001 00", "", "1f 26"),
    ("PUBREC", "50 0001 00", "", "1f 26"),
    ("PUBREL", "62 0001 00", "", "1f 26"),
    ("PUBCOMP", "70 0001 00", "", "1f 26"),
    ("SUBSCRIBE", "82 0001", "0001 'a' 00", "0b 26"),
    ("SUBACK", "90 0001", "00", "1f 26"),
    ("UNSUBSCRIBE", "a2 0001", "0001 'a'", "26"),
    ("UNSUBACK", "b0 0001", "00", "1f 26"),
    ("DISCONNECT", "e0 00", "", "11 1c 1f 26"),
    ("AUTH", "f0 18", "", "15 16 1f 26"),
];

/// The packet with this property list.
fn packet_with(place: Place, list: &[u8]) -> Vec<u8> {
    let (_, before, behind, _) = place;
    let mut bytes = wire(before);
    bytes.push(list.len() as u8);
    bytes.extend_from_slice(list);
    bytes.extend(wire(behind));
    bytes.insert(1, bytes.len() as u8 - 1);
    bytes
}

fn decode(bytes: &[u8]) -> Result<Option<Packet>, DecodeError> {
    let mut decoder = match bytes[0] {
        0x10 => evenkeel_codec::Decoder::for_server(512),
        _ => evenkeel_codec::Decoder::new(Version::V5, 512),
    };
    decoder.decode(&mut bytes::BytesMut::from(bytes))
}

#[test]
fn each_property_is_taken_in_its_places_and_refused_elsewhere() {
    for place in PLACES {
        for (id, sample) in SAMPLES {
            let decoded = decode(&packet_with(place, &wire(sample)));
            let allowed = wire(place.3).contains(&id);
            match decoded {
                Ok(Some(_)) => assert!(allowed, "{} {sample}", place.0),
                Err(DecodeError::Property { error }) => match error {
                    PropertyError::Misplaced { .. } | PropertyError::MisplacedInWill { .. } => {
                        assert!(!allowed, "{} {sample} {error}", place.0);
                        assert_eq!(error.reason_code(), ReasonCode::MALFORMED_PACKET);
                        assert_eq!(error.rule(), "section 2.2.2.2");
                    }
                    // These two have a place here but want a neighbour.
                    PropertyError::AuthenticationDataWithoutMethod => {
                        assert_eq!(id, 0x16, "{}", place.0);
                    }
                    PropertyError::AuthenticationMethodMissing => {
                        assert!(allowed && place.0 == "AUTH", "{sample}");
                    }
                    other => panic!("{} {sample} {other}", place.0),
                },
                other => panic!("{} {sample} {other:?}", place.0),
            }
        }
    }
}

/// The property list of this place in a packet.
fn list_of(place: Place, packet: &mut Packet) -> &mut Properties {
    match packet {
        Packet::Connect(packet) => match &mut packet.will {
            Some(will) if place.0 == "will" => &mut will.properties,
            _ => &mut packet.properties,
        },
        Packet::ConnAck(packet) => &mut packet.properties,
        Packet::Publish(packet) => &mut packet.properties,
        Packet::PubAck(packet)
        | Packet::PubRec(packet)
        | Packet::PubRel(packet)
        | Packet::PubComp(packet) => &mut packet.properties,
        Packet::Subscribe(packet) => &mut packet.properties,
        Packet::SubAck(packet) => &mut packet.properties,
        Packet::Unsubscribe(packet) => &mut packet.properties,
        Packet::UnsubAck(packet) => &mut packet.properties,
        Packet::Disconnect(packet) => &mut packet.properties,
        Packet::Auth(packet) => &mut packet.properties,
        _ => panic!("{} has no properties", place.0),
    }
}

/// The packet of this place with these properties, beside what they need.
fn sample(place: Place, list: &str) -> Packet {
    let neighbour = match place.0 {
        "AUTH" if !list.starts_with("15") => "15 0001 't'",
        "CONNECT" if list.starts_with("16") => "15 0001 't'",
        _ => "",
    };
    let list = [wire(list), wire(neighbour)].concat();
    decode(&packet_with(place, &list)).unwrap().unwrap()
}

#[test]
fn each_property_is_written_in_its_places_and_refused_elsewhere() {
    for (id, list) in SAMPLES {
        let home = PLACES.into_iter().find(|place| wire(place.3).contains(&id)).unwrap();
        let mut packet = sample(home, list);
        let first = list_of(home, &mut packet).iter().next().unwrap().clone();
        assert_eq!(first.id(), PropertyId(id));
        for place in PLACES {
            let mut packet =
                sample(place, if place.0 == "AUTH" { "26 0001 'k' 0001 'v'" } else { "" });
            let properties = list_of(place, &mut packet);
            if id == 0x15 {
                properties.remove(PropertyId::AUTHENTICATION_METHOD);
            }
            if id == 0x16 && place.0 == "CONNECT" {
                properties.push(Property::AuthenticationMethod(text("t")));
            }
            properties.push(first.clone());
            let mut out = Vec::new();
            let encoded = packet.encode(Version::V5, &mut out);
            if wire(place.3).contains(&id) {
                assert_eq!(encoded, Ok(()), "{} {list}", place.0);
                assert_eq!(decode(&out), Ok(Some(packet)), "{} {list}", place.0);
                continue;
            }
            match encoded {
                Err(EncodeError::Property {
                    error: PropertyError::Misplaced { .. } | PropertyError::MisplacedInWill { .. },
                }) => assert!(out.is_empty()),
                other => panic!("{} {list} {other:?}", place.0),
            }
            // Older versions have no properties to refuse; a CONNECT knows its own.
            if !matches!(place.0, "AUTH" | "CONNECT" | "will") {
                packet.encode(Version::V311, &mut out).unwrap();
            }
        }
    }
}

#[test]
fn only_user_properties_repeat_and_subscription_identifiers_in_publish() {
    for place in PLACES {
        for (id, sample) in SAMPLES.iter().filter(|(id, _)| wire(place.3).contains(id)) {
            let mut list = wire(sample).repeat(2);
            if matches!(place.0, "AUTH" | "CONNECT") && *id != 0x15 {
                list.extend(wire("15 0001 't'"));
            }
            let repeats = *id == 0x26 || *id == 0x0b && place.0 == "PUBLISH";
            let duplicate = PropertyError::Duplicate { id: PropertyId(*id) };
            match decode(&packet_with(place, &list)) {
                Err(error) => {
                    let expected = DecodeError::Property { error: duplicate };
                    assert!(!repeats && error == expected, "{} {sample} {error}", place.0);
                }
                Ok(packet) => {
                    assert!(repeats || place.0 == "AUTH" && *id == 0x26, "{} {packet:?}", place.0);
                }
            }
        }
    }
}

#[test]
fn identifiers_without_a_property_are_unknown_in_each_packet() {
    let known: Vec<u8> = SAMPLES.iter().map(|(id, _)| *id).collect();
    for place in PLACES {
        for id in (0..0x80).filter(|id| !known.contains(id)) {
            let decoded = decode(&packet_with(place, &[id, 0, 0, 0, 0]));
            assert_eq!(decoded, Err(DecodeError::UnknownProperty { id: id.into() }), "{}", place.0);
        }
    }
    let decoded = decode(&packet_with(PLACES[3], &[0x81, 0x01]));
    assert_eq!(decoded, Err(DecodeError::UnknownProperty { id: 129 }));
}

#[test]
fn yes_or_no_properties_take_0_and_1_alone() {
    for (place, id) in [
        (PLACES[3], 0x01),
        (PLACES[0], 0x17),
        (PLACES[0], 0x19),
        (PLACES[2], 0x25),
        (PLACES[2], 0x28),
        (PLACES[2], 0x29),
        (PLACES[2], 0x2a),
    ] {
        assert!(matches!(decode(&packet_with(place, &[id, 0])), Ok(Some(_))), "{id:02x}");
        assert!(matches!(decode(&packet_with(place, &[id, 1])), Ok(Some(_))), "{id:02x}");
        for value in [2, 0xff] {
            let error = PropertyError::NotZeroOrOne { id: PropertyId(id), value };
            let decoded = decode(&packet_with(place, &[id, value]));
            assert_eq!(decoded, Err(DecodeError::Property { error }));
        }
    }
}

#[test]
fn an_empty_response_topic_is_refused() {
    let error = refused("30 07 0001 'a' 03 08 0000");
    assert_eq!(error, PropertyError::ResponseTopic { error: TopicError::Empty });
    assert_eq!(error.rule(), "MQTT-4.7.3-1");
}

#[test]
fn encoding_refuses_what_decoding_refuses() {
    let cases = [
        (
            Property::TopicAlias(1),
            PropertyError::Misplaced {
                id: PropertyId::TOPIC_ALIAS,
                packet_type: PacketType::ConnAck,
            },
        ),
        (Property::ReceiveMaximum(0), PropertyError::ReceiveMaximumZero),
        (Property::MaximumQoS(2), PropertyError::MaximumQoS { value: 2 }),
        (
            Property::RetainAvailable(2),
            PropertyError::NotZeroOrOne { id: PropertyId::RETAIN_AVAILABLE, value: 2 },
        ),
    ];
    for (property, error) in cases {
        let properties = Properties::new().with(property);
        let packet = Packet::ConnAck(ConnAck { properties, ..ConnAck::default() });
        let mut out = vec![7];
        assert_eq!(packet.encode(Version::V5, &mut out), Err(EncodeError::Property { error }));
        assert_eq!(out, [7]);
        // Before MQTT 5 properties are not written, so nothing is wrong.
        packet.encode(Version::V311, &mut out).unwrap();
        assert_eq!(out, [7, 0x20, 2, 0, 0]);
    }
    let alias = Property::ServerKeepAlive(1);
    let properties = Properties::new().with(alias.clone()).with(alias);
    let packet = Packet::ConnAck(ConnAck { properties, ..ConnAck::default() });
    let error = PropertyError::Duplicate { id: PropertyId::SERVER_KEEP_ALIVE };
    assert_eq!(packet.encoded_len(Version::V5), Err(EncodeError::Property { error }));
}

#[test]
fn debug_shows_names_and_values_but_no_secret() {
    let properties: Properties = [
        Property::ReceiveMaximum(20),
        Property::UserProperty(text("k"), text("v")),
        Property::CorrelationData(Bytes::from_static(b"id")),
        Property::AuthenticationData(Bytes::from_static(b"hunter2")),
    ]
    .into_iter()
    .collect();
    assert_eq!(
        format!("{properties:?}"),
        "[ReceiveMaximum(20), UserProperty(\"k\", \"v\"), CorrelationData(b\"id\"), \
         AuthenticationData(<secret>)]"
    );
}
