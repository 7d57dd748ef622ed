//! Every string of every packet obeys the rules for strings, and stands where
//! the specification puts it.

use bytes::{Bytes, BytesMut};
use evenkeel_codec::{
    Connect, DecodeError, Decoder, Packet, PacketId, Properties, Property, Publish, QoS, Subscribe,
    SubscribeFilter, SubscribeOptions, Text, TopicError, TopicFilter, TopicName, Unsubscribe,
    Version, Will,
};

/// Stands for the string under test; five bytes that occur nowhere else.
const MARK: &str = "~~~~~";

fn mark() -> Text {
    Text::from_static(MARK).unwrap()
}

fn id() -> PacketId {
    PacketId::new(10).unwrap()
}

fn connect(version: Version) -> Connect {
    Connect {
        version,
        clean_start: true,
        keep_alive: 0,
        client_id: Text::from_static("id").unwrap(),
        will: None,
        username: None,
        password: None,
        properties: Properties::new(),
    }
}

fn publish(topic: Text, properties: Properties) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic,
        packet_id: None,
        payload: Bytes::from_static(b"payload"),
        properties,
    })
}

fn subscribe(filter: TopicFilter, properties: Properties) -> Packet {
    let filters = vec![SubscribeFilter { filter, options: SubscribeOptions::default() }];
    Packet::Subscribe(Subscribe { packet_id: id(), filters, properties })
}

fn unsubscribe(filter: TopicFilter) -> Packet {
    let filters = vec![filter];
    Packet::Unsubscribe(Unsubscribe { packet_id: id(), filters, properties: Properties::new() })
}

/// Encodes the packet, with other bytes in place of the mark.
fn with(packet: &Packet, version: Version, string: [u8; 5]) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.encode(version, &mut bytes).unwrap();
    let mark = MARK.as_bytes();
    let at = bytes.windows(mark.len()).position(|window| window == mark).expect("the mark");
    bytes[at..at + mark.len()].copy_from_slice(&string);
    bytes
}

fn decode(bytes: &[u8], version: Version) -> Result<Packet, DecodeError> {
    let mut decoder = match bytes[0] {
        0x10 => Decoder::for_server(1024),
        _ => Decoder::new(version, 1024),
    };
    let packet = decoder.decode(&mut BytesMut::from(bytes))?;
    Ok(packet.expect("the packet is whole"))
}

/// Holds one string of one packet against the rules of strings.
fn check(name: &str, packet: &Packet, version: Version) {
    for (string, rule) in [
        (*b"~~\xff~~", "MQTT-1.5.4-1"),
        // The surrogate U+D800, an overlong slash and a cut sequence.
        (*b"~\xed\xa0\x80~", "MQTT-1.5.4-1"),
        (*b"~~\xc0\xaf~", "MQTT-1.5.4-1"),
        (*b"~~~\xe2\x82", "MQTT-1.5.4-1"),
        (*b"~~\0~~", "MQTT-1.5.4-2"),
    ] {
        let error = decode(&with(packet, version, string), version).unwrap_err();
        assert_eq!(error.rule(), rule, "{name} of {version:?} with {string:x?}: {error:?}");
    }
    // Letters of two and three bytes, and a byte order mark, are kept as they are.
    for string in [*b"\xc3\xa9\xe2\x82\xac", *b"\xef\xbb\xbfab"] {
        let bytes = with(packet, version, string);
        let decoded = decode(&bytes, version).expect(name);
        let mut again = Vec::new();
        decoded.encode(version, &mut again).unwrap();
        assert_eq!(again, bytes, "{name} of {version:?}");
    }
}

const VERSIONS: [Version; 3] = [Version::V31, Version::V311, Version::V5];

//= [MQTT-3.1.3-4] test
//= [MQTT-3.1.3-11] test
//= [MQTT-3.1.3-12] test
#[test]
fn strings_of_connect() {
    for version in VERSIONS {
        let client_id = Connect { client_id: mark(), ..connect(version) };
        check("client identifier", &Packet::Connect(client_id), version);
        let username = Connect { username: Some(mark()), ..connect(version) };
        check("user name", &Packet::Connect(username), version);
        let will = Will {
            qos: QoS::AtMostOnce,
            retain: false,
            topic: TopicName::new(mark()).unwrap(),
            payload: Bytes::from_static(b"\xff\0"),
            properties: Properties::new(),
        };
        let will = Connect { will: Some(Box::new(will)), ..connect(version) };
        check("will topic", &Packet::Connect(will), version);
    }
}

//= [MQTT-3.3.2-1] test
//= [MQTT-3.8.3-1] test
//= [MQTT-3.10.3-1] test
#[test]
fn topics_and_filters() {
    for version in VERSIONS {
        check("topic", &publish(mark(), Properties::new()), version);
        let filter = TopicFilter::new(mark()).unwrap();
        check("filter", &subscribe(filter.clone(), Properties::new()), version);
        check("filter", &unsubscribe(filter), version);
    }
}

//= [MQTT-3.3.2-13] test
//= [MQTT-3.3.2-19] test
//= [MQTT-1.5.7-1] test
#[test]
fn strings_of_properties() {
    let topic = || Text::from_static("a").unwrap();
    for (name, property) in [
        ("response topic", Property::ResponseTopic(mark())),
        ("content type", Property::ContentType(mark())),
        ("name of a user property", Property::UserProperty(mark(), topic())),
        ("value of a user property", Property::UserProperty(topic(), mark())),
    ] {
        check(name, &publish(topic(), Properties::new().with(property)), Version::V5);
    }
}

//= [MQTT-4.7.3-2] test
#[test]
fn topic_names_and_filters_hold_no_null() {
    use evenkeel_codec::TextError::Null;
    assert_eq!(TopicName::try_from("a\0b"), Err(TopicError::Text(Null)));
    assert_eq!(TopicFilter::try_from("a/\0/#"), Err(TopicError::Text(Null)));
    assert!(TopicName::try_from("a\u{1}b").is_ok());
}

//= [MQTT-3.3.2-1] test
#[test]
fn the_topic_is_the_first_field_of_publish() {
    for version in VERSIONS {
        let mut bytes = Vec::new();
        publish(mark(), Properties::new()).encode(version, &mut bytes).unwrap();
        assert_eq!(bytes[2..9], *b"\0\x05~~~~~", "{version:?}");
    }
}

//= [MQTT-2.2.2-1] test
#[test]
fn without_properties_the_property_length_is_zero() {
    let filter = || TopicFilter::try_from("a").unwrap();
    for (packet, expected) in [
        (Packet::Connect(connect(Version::V5)), &b"\x10\x0f\0\x04MQTT\x05\x02\0\0\0\0\x02id"[..]),
        (publish(Text::from_static("a").unwrap(), Properties::new()), b"\x30\x0b\0\x01a\0payload"),
        (subscribe(filter(), Properties::new()), b"\x82\x07\0\x0a\0\0\x01a\0"),
        (unsubscribe(filter()), b"\xa2\x06\0\x0a\0\0\x01a"),
    ] {
        let mut bytes = Vec::new();
        packet.encode(Version::V5, &mut bytes).unwrap();
        assert_eq!(bytes, expected);
        assert_eq!(decode(&bytes, Version::V5), Ok(packet));
    }
}

//= [MQTT-2.2.2-1] test
#[test]
fn a_missing_property_length_is_refused() {
    for bytes in [
        &b"\x10\x0e\0\x04MQTT\x05\x02\0\0\0\x02id"[..],
        b"\x30\x03\0\x01a",
        b"\x82\x06\0\x0a\0\x01a\0",
        b"\xa2\x02\0\x0a",
    ] {
        assert!(decode(bytes, Version::V5).is_err(), "{bytes:x?}");
    }
}
