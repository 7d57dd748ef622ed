//! SUBSCRIBE, UNSUBSCRIBE, their answers, PINGREQ, PINGRESP, DISCONNECT.

use evenkeel_codec::Property::{
    ReasonString, ServerReference, SessionExpiryInterval, SubscriptionIdentifier, UserProperty,
};
use evenkeel_codec::{
    Disconnect, Packet, Properties, QoS, ReasonCode, RetainHandling, SubAck, Subscribe,
    SubscribeFilter, SubscribeOptions, UnsubAck, Unsubscribe, Version,
};

use super::{Vector, filter, id, properties, text};

fn wanted(pattern: &str, qos: QoS) -> SubscribeFilter {
    let options = SubscribeOptions { qos, ..SubscribeOptions::default() };
    SubscribeFilter { filter: filter(pattern), options }
}

fn subscribe() -> Subscribe {
    Subscribe {
        packet_id: id(10),
        filters: vec![
            wanted("a/b", QoS::AtLeastOnce),
            wanted("c/+", QoS::ExactlyOnce),
            wanted("#", QoS::AtMostOnce),
        ],
        properties: Properties::new(),
    }
}

fn subscribe_full() -> Subscribe {
    Subscribe {
        packet_id: id(10),
        filters: vec![
            SubscribeFilter {
                filter: filter("a/b"),
                options: SubscribeOptions {
                    qos: QoS::ExactlyOnce,
                    no_local: true,
                    retain_as_published: true,
                    retain_handling: RetainHandling::Never,
                },
            },
            SubscribeFilter {
                filter: filter("$share/g/a"),
                options: SubscribeOptions {
                    qos: QoS::AtMostOnce,
                    no_local: false,
                    retain_as_published: false,
                    retain_handling: RetainHandling::OnNewSubscribe,
                },
            },
        ],
        properties: properties([
            SubscriptionIdentifier(268_435_455),
            UserProperty(text("k"), text("v")),
        ]),
    }
}

fn suback(codes: Vec<ReasonCode>) -> SubAck {
    SubAck { packet_id: id(10), codes, properties: Properties::new() }
}

fn unsubscribe() -> Unsubscribe {
    let filters = vec![filter("a/b"), filter("c/d")];
    Unsubscribe { packet_id: id(11), filters, properties: Properties::new() }
}

fn unsuback(codes: Vec<ReasonCode>) -> UnsubAck {
    UnsubAck { packet_id: id(11), codes, properties: Properties::new() }
}

const SUBSCRIBE_V3: &str = "82 12  000a  0003 'a/b' 01  0003 'c/+' 02  0001 '#' 00";
const UNSUBSCRIBE_V3: &str = "a2 0c  000b  0003 'a/b'  0003 'c/d'";

fn subscriptions() -> Vec<Vector> {
    use ReasonCode as Code;
    use Version::{V5, V31, V311};
    let granted = || suback(vec![Code::SUCCESS, Code::GRANTED_QOS_2, Code::UNSPECIFIED_ERROR]);
    vec![
        Vector::new("subscribe_v31", V31, SUBSCRIBE_V3, Packet::Subscribe(subscribe())),
        Vector::new("subscribe_v311", V311, SUBSCRIBE_V3, Packet::Subscribe(subscribe())),
        // MQTT 3.1 sections 2.1 and 3.8: DUP marks a second SUBSCRIBE, the
        // upper bits of the requested QoS are unused.
        Vector::decode_only(
            "subscribe_v31_dup_unused_bits",
            V31,
            "8a 12  000a  0003 'a/b' fd  0003 'c/+' 02  0001 '#' 00",
            Packet::Subscribe(subscribe()),
        ),
        Vector::new(
            "subscribe_v5",
            V5,
            "82 13  000a  00  0003 'a/b' 01  0003 'c/+' 02  0001 '#' 00",
            Packet::Subscribe(subscribe()),
        ),
        Vector::new(
            "subscribe_v5_full",
            V5,
            "82 22  000a  0c  0b ffffff7f  26 0001 'k' 0001 'v'
             0003 'a/b' 2e  000a '$share/g/a' 10",
            Packet::Subscribe(subscribe_full()),
        ),
        Vector::new("suback_v31", V31, "90 05  000a  00 02 80", Packet::SubAck(granted())),
        Vector::new("suback_v311", V311, "90 05  000a  00 02 80", Packet::SubAck(granted())),
        Vector::new(
            "suback_v5",
            V5,
            "90 0f  000a  00  00 01 02 80 83 87 8f 91 97 9e a1 a2",
            Packet::SubAck(suback(
                [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2]
                    .map(ReasonCode)
                    .to_vec(),
            )),
        ),
        Vector::new(
            "suback_v5_explained",
            V5,
            "90 11  000a  0d  1f 0003 'why'  26 0001 'k' 0001 'v'  01",
            Packet::SubAck(SubAck {
                properties: properties([
                    ReasonString(text("why")),
                    UserProperty(text("k"), text("v")),
                ]),
                ..suback(vec![Code::GRANTED_QOS_1])
            }),
        ),
    ]
}

fn unsubscriptions() -> Vec<Vector> {
    use ReasonCode as Code;
    use Version::{V5, V31, V311};
    vec![
        Vector::new("unsubscribe_v31", V31, UNSUBSCRIBE_V3, Packet::Unsubscribe(unsubscribe())),
        Vector::new("unsubscribe_v311", V311, UNSUBSCRIBE_V3, Packet::Unsubscribe(unsubscribe())),
        Vector::new(
            "unsubscribe_v5",
            V5,
            "a2 0d  000b  00  0003 'a/b'  0003 'c/d'",
            Packet::Unsubscribe(unsubscribe()),
        ),
        Vector::new(
            "unsubscribe_v5_user_property",
            V5,
            "a2 14  000b  07  26 0001 'k' 0001 'v'  0003 'a/b'  0003 'c/d'",
            Packet::Unsubscribe(Unsubscribe {
                properties: properties([UserProperty(text("k"), text("v"))]),
                ..unsubscribe()
            }),
        ),
        Vector::new("unsuback_v31", V31, "b0 02  000b", Packet::UnsubAck(unsuback(vec![]))),
        Vector::new("unsuback_v311", V311, "b0 02  000b", Packet::UnsubAck(unsuback(vec![]))),
        Vector::new(
            "unsuback_v5",
            V5,
            "b0 0a  000b  00  00 11 80 83 87 8f 91",
            Packet::UnsubAck(unsuback(
                [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91].map(ReasonCode).to_vec(),
            )),
        ),
        Vector::new(
            "unsuback_v5_explained",
            V5,
            "b0 0a  000b  06  1f 0003 'why'  11",
            Packet::UnsubAck(UnsubAck {
                properties: properties([ReasonString(text("why"))]),
                ..unsuback(vec![Code::NO_SUBSCRIPTION_EXISTED])
            }),
        ),
    ]
}

fn pings_and_disconnect() -> Vec<Vector> {
    use Version::{V5, V31, V311};
    let normal = || Packet::Disconnect(Disconnect::default());
    vec![
        Vector::new("pingreq_v31", V31, "c0 00", Packet::PingReq),
        Vector::new("pingreq_v311", V311, "c0 00", Packet::PingReq),
        Vector::new("pingreq_v5", V5, "c0 00", Packet::PingReq),
        Vector::new("pingresp_v31", V31, "d0 00", Packet::PingResp),
        Vector::new("pingresp_v311", V311, "d0 00", Packet::PingResp),
        Vector::new("pingresp_v5", V5, "d0 00", Packet::PingResp),
        Vector::new("disconnect_v31", V31, "e0 00", normal()),
        Vector::new("disconnect_v311", V311, "e0 00", normal()),
        Vector::new("disconnect_v5", V5, "e0 00", normal()),
        Vector::decode_only("disconnect_v5_reason_0", V5, "e0 01 00", normal()),
        Vector::decode_only("disconnect_v5_no_properties", V5, "e0 02 00 00", normal()),
        Vector::new(
            "disconnect_v5_with_will",
            V5,
            "e0 01 04",
            Packet::Disconnect(Disconnect {
                reason: ReasonCode::DISCONNECT_WITH_WILL,
                properties: Properties::new(),
            }),
        ),
        Vector::new(
            "disconnect_v5_full",
            V5,
            "e0 1d  9d  1b  11 0000003c  1f 0003 'why'  1c 0006 'h:1883'  26 0001 'k' 0001 'v'",
            Packet::Disconnect(Disconnect {
                reason: ReasonCode::SERVER_MOVED,
                properties: properties([
                    SessionExpiryInterval(60),
                    ReasonString(text("why")),
                    ServerReference(text("h:1883")),
                    UserProperty(text("k"), text("v")),
                ]),
            }),
        ),
    ]
}

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors = subscriptions();
    vectors.extend(unsubscriptions());
    vectors.extend(pings_and_disconnect());
    vectors
}
