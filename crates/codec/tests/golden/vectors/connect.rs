//! CONNECT, byte by byte.

use evenkeel_codec::Property::{
    AuthenticationData, AuthenticationMethod, ContentType, CorrelationData, MaximumPacketSize,
    MessageExpiryInterval, PayloadFormatIndicator, ReceiveMaximum, RequestProblemInformation,
    RequestResponseInformation, ResponseTopic, SessionExpiryInterval, TopicAliasMaximum,
    UserProperty, WillDelayInterval,
};
use evenkeel_codec::{Bytes, Connect, Packet, Properties, QoS, TopicName, Version, Will};

use super::{Vector, properties, text};

fn plain(version: Version) -> Connect {
    Connect {
        version,
        clean_start: true,
        keep_alive: 60,
        client_id: text("evkl"),
        will: None,
        username: None,
        password: None,
        properties: Properties::new(),
    }
}

fn full_v3(version: Version) -> Packet {
    Packet::Connect(Connect {
        version,
        clean_start: true,
        keep_alive: 10,
        client_id: text("c"),
        will: Some(Box::new(Will {
            qos: QoS::AtLeastOnce,
            retain: true,
            topic: TopicName::try_from("a/b").unwrap(),
            payload: Bytes::from_static(b"bye"),
            properties: Properties::new(),
        })),
        username: Some(text("u")),
        password: Some(Bytes::from_static(b"pw")),
        properties: Properties::new(),
    })
}

fn full_v5() -> Packet {
    Packet::Connect(Connect {
        version: Version::V5,
        clean_start: false,
        keep_alive: 0x0102,
        client_id: text("d"),
        will: Some(Box::new(Will {
            qos: QoS::ExactlyOnce,
            retain: true,
            topic: TopicName::try_from("w").unwrap(),
            payload: Bytes::from_static(b"x"),
            properties: properties([
                WillDelayInterval(30),
                PayloadFormatIndicator(1),
                MessageExpiryInterval(60),
                ContentType(text("text")),
                ResponseTopic(text("r/t")),
                CorrelationData(Bytes::from_static(&[0xaa, 0xbb])),
                UserProperty(text("a"), text("b")),
            ]),
        })),
        username: Some(text("u")),
        password: Some(Bytes::from_static(b"p")),
        properties: properties([
            SessionExpiryInterval(3600),
            ReceiveMaximum(20),
            MaximumPacketSize(65_536),
            TopicAliasMaximum(10),
            RequestResponseInformation(1),
            RequestProblemInformation(0),
            UserProperty(text("k"), text("v")),
            UserProperty(text("k"), text("w")),
            AuthenticationMethod(text("SCRAM")),
            AuthenticationData(Bytes::from_static(&[1, 2, 3])),
        ]),
    })
}

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors = smallest();
    vectors.extend(largest());
    vectors.extend(lenient());
    vectors
}

fn smallest() -> Vec<Vector> {
    use Version::{V5, V31, V311};
    vec![
        Vector::new(
            "connect_v31_plain",
            V31,
            "10 12  0006 'MQIsdp' 03  02  003c  0004 'evkl'",
            Packet::Connect(plain(V31)),
        ),
        Vector::new(
            "connect_v311_plain",
            V311,
            "10 10  0004 'MQTT' 04  02  003c  0004 'evkl'",
            Packet::Connect(plain(V311)),
        ),
        Vector::new(
            "connect_v5_plain",
            V5,
            "10 11  0004 'MQTT' 05  02  003c  00  0004 'evkl'",
            Packet::Connect(plain(V5)),
        ),
        Vector::new(
            "connect_v5_empty_client_id",
            V5,
            "10 0d  0004 'MQTT' 05  02  003c  00  0000",
            Packet::Connect(Connect { client_id: text(""), ..plain(V5) }),
        ),
        //= [MQTT-3.1.2-16] test
        Vector::new(
            "connect_v5_password_alone",
            V5,
            "10 14  0004 'MQTT' 05  42  003c  00  0004 'evkl'  0001 'p'",
            Packet::Connect(Connect { password: Some(Bytes::from_static(b"p")), ..plain(V5) }),
        ),
    ]
}

fn largest() -> Vec<Vector> {
    use Version::{V5, V31, V311};
    vec![
        Vector::new(
            "connect_v31_full",
            V31,
            "10 20  0006 'MQIsdp' 03  ee  000a  0001 'c'  0003 'a/b'  0003 'bye'  0001 'u'  0002 'pw'",
            full_v3(V31),
        ),
        Vector::new(
            "connect_v311_full",
            V311,
            "10 1e  0004 'MQTT' 04  ee  000a  0001 'c'  0003 'a/b'  0003 'bye'  0001 'u'  0002 'pw'",
            full_v3(V311),
        ),
        Vector::new(
            "connect_v5_full",
            V5,
            "10 70  0004 'MQTT' 05  f4  0102
             30  11 00000e10  21 0014  27 00010000  22 000a  19 01  17 00
                 26 0001 'k' 0001 'v'  26 0001 'k' 0001 'w'
                 15 0005 'SCRAM'  16 0003 010203
             0001 'd'
             25  18 0000001e  01 01  02 0000003c  03 0004 'text'  08 0003 'r/t'
                 09 0002 aabb  26 0001 'a' 0001 'b'
             0001 'w'  0001 'x'  0001 'u'  0001 'p'",
            full_v5(),
        ),
    ]
}

fn lenient() -> Vec<Vector> {
    use Version::{V31, V311};
    vec![
        // MQTT 3.1 section 3.1: user name and password flags without their fields.
        Vector::decode_only(
            "connect_v31_flags_without_fields",
            V31,
            "10 12  0006 'MQIsdp' 03  c2  003c  0004 'evkl'",
            Packet::Connect(plain(V31)),
        ),
        // MQTT 3.1 section 3.1: the lowest connect flag is unused, not reserved.
        Vector::decode_only(
            "connect_v31_unused_flag",
            V31,
            "10 12  0006 'MQIsdp' 03  03  003c  0004 'evkl'",
            Packet::Connect(plain(V31)),
        ),
        // Before MQTT 5 a length may take more bytes than it needs.
        Vector::decode_only(
            "connect_v311_padded_length",
            V311,
            "10 908000  0004 'MQTT' 04  02  003c  0004 'evkl'",
            Packet::Connect(plain(V311)),
        ),
    ]
}
