//! PUBLISH, byte by byte.

use evenkeel_codec::Property::{
    ContentType, CorrelationData, MessageExpiryInterval, PayloadFormatIndicator, ResponseTopic,
    SubscriptionIdentifier, TopicAlias, UserProperty,
};
use evenkeel_codec::{Bytes, Packet, Properties, Publish, QoS, Version};

use super::{Vector, id, properties, text};

fn message() -> Publish {
    Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: text("a/b"),
        packet_id: None,
        payload: Bytes::from_static(b"hi"),
        properties: Properties::new(),
    }
}

fn qos1() -> Publish {
    Publish { qos: QoS::AtLeastOnce, packet_id: Some(id(10)), ..message() }
}

fn qos2_again() -> Publish {
    Publish {
        dup: true,
        qos: QoS::ExactlyOnce,
        retain: true,
        packet_id: Some(id(0xffff)),
        ..message()
    }
}

fn full() -> Publish {
    Publish {
        properties: properties([
            PayloadFormatIndicator(1),
            MessageExpiryInterval(10),
            TopicAlias(3),
            ResponseTopic(text("r")),
            CorrelationData(Bytes::from_static(&[7])),
            UserProperty(text("k"), text("v")),
            SubscriptionIdentifier(1),
            SubscriptionIdentifier(128),
            ContentType(text("t")),
        ]),
        packet_id: Some(id(1)),
        ..qos1()
    }
}

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors = before_v5();
    vectors.extend(v5());
    vectors
}

fn before_v5() -> Vec<Vector> {
    use Version::{V31, V311};
    let mut vectors = Vec::new();
    for (version, names) in [
        (V31, ["publish_v31_qos0", "publish_v31_qos1", "publish_v31_qos2_dup_retain"]),
        (V311, ["publish_v311_qos0", "publish_v311_qos1", "publish_v311_qos2_dup_retain"]),
    ] {
        vectors.push(Vector::new(
            names[0],
            version,
            "30 07  0003 'a/b'  'hi'",
            Packet::Publish(message()),
        ));
        vectors.push(Vector::new(
            names[1],
            version,
            "32 09  0003 'a/b'  000a  'hi'",
            Packet::Publish(qos1()),
        ));
        vectors.push(Vector::new(
            names[2],
            version,
            "3d 09  0003 'a/b'  ffff  'hi'",
            Packet::Publish(qos2_again()),
        ));
    }
    vectors.push(Vector::new(
        "publish_v311_empty_retained",
        V311,
        "31 05  0003 'a/b'",
        Packet::Publish(Publish { retain: true, payload: Bytes::new(), ..message() }),
    ));
    let mut long = Vector::new("publish_v311_two_byte_length", V311, "30 cd01  0003 'a/b'", {
        Packet::Publish(Publish { payload: Bytes::from_static(&[0x55; 200]), ..message() })
    });
    long.bytes.extend_from_slice(&[0x55; 200]);
    vectors.push(long);
    vectors
}

fn v5() -> Vec<Vector> {
    use Version::V5;
    vec![
        Vector::new(
            "publish_v5_qos0",
            V5,
            "30 08  0003 'a/b'  00  'hi'",
            Packet::Publish(message()),
        ),
        Vector::new(
            "publish_v5_qos1",
            V5,
            "32 0a  0003 'a/b'  000a  00  'hi'",
            Packet::Publish(qos1()),
        ),
        Vector::new(
            "publish_v5_qos2_dup_retain",
            V5,
            "3d 0a  0003 'a/b'  ffff  00  'hi'",
            Packet::Publish(qos2_again()),
        ),
        Vector::new(
            "publish_v5_full",
            V5,
            "32 2c  0003 'a/b'  0001
             22  01 01  02 0000000a  23 0003  08 0001 'r'  09 0001 07  26 0001 'k' 0001 'v'
                 0b 01  0b 8001  03 0001 't'
             'hi'",
            Packet::Publish(full()),
        ),
        Vector::new(
            "publish_v5_alias_alone",
            V5,
            "30 06  0000  03  23 0001",
            Packet::Publish(Publish {
                topic: text(""),
                payload: Bytes::new(),
                properties: properties([TopicAlias(1)]),
                ..message()
            }),
        ),
    ]
}
