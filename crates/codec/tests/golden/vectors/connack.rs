//! CONNACK, byte by byte.

use evenkeel_codec::Property::{
    AssignedClientIdentifier, AuthenticationData, AuthenticationMethod, MaximumPacketSize,
    MaximumQoS, ReasonString, ReceiveMaximum, ResponseInformation, RetainAvailable,
    ServerKeepAlive, ServerReference, SessionExpiryInterval, SharedSubscriptionAvailable,
    SubscriptionIdentifierAvailable, TopicAliasMaximum, UserProperty,
    WildcardSubscriptionAvailable,
};
use evenkeel_codec::{Bytes, ConnAck, Packet, Properties, ReasonCode, Version};

use super::{Vector, properties, text};

fn refused(reason: ReasonCode, wire_code: u8) -> Packet {
    let properties = Properties::new();
    Packet::ConnAck(ConnAck { session_present: false, reason, wire_code, properties })
}

fn full() -> Packet {
    Packet::ConnAck(ConnAck {
        session_present: true,
        reason: ReasonCode::SUCCESS,
        wire_code: 0,
        properties: properties([
            SessionExpiryInterval(3600),
            ReceiveMaximum(10),
            MaximumQoS(1),
            RetainAvailable(0),
            MaximumPacketSize(1024),
            AssignedClientIdentifier(text("id")),
            TopicAliasMaximum(5),
            ReasonString(text("ok")),
            UserProperty(text("k"), text("v")),
            WildcardSubscriptionAvailable(0),
            SubscriptionIdentifierAvailable(0),
            SharedSubscriptionAvailable(0),
            ServerKeepAlive(30),
            ResponseInformation(text("ri")),
            ServerReference(text("s")),
            AuthenticationMethod(text("M")),
            AuthenticationData(Bytes::from_static(&[0xff])),
        ]),
    })
}

pub(super) fn vectors() -> Vec<Vector> {
    use Version::{V5, V31, V311};
    let accepted = || Packet::ConnAck(ConnAck::default());
    let resumed = || Packet::ConnAck(ConnAck { session_present: true, ..ConnAck::default() });
    vec![
        Vector::new("connack_v31_accepted", V31, "20 02 00 00", accepted()),
        // MQTT 3.1 has no session present flag: the byte is unused.
        Vector::decode_only("connack_v31_unused_byte", V31, "20 02 ff 00", accepted()),
        Vector::new("connack_v311_accepted", V311, "20 02 00 00", accepted()),
        Vector::new("connack_v311_resumed", V311, "20 02 01 00", resumed()),
        Vector::new("connack_v5_accepted", V5, "20 03 00 00 00", accepted()),
        Vector::new("connack_v5_resumed", V5, "20 03 01 00 00", resumed()),
        Vector::new(
            "connack_v311_code_1",
            V311,
            "20 02 00 01",
            refused(ReasonCode::UNSUPPORTED_PROTOCOL_VERSION, 1),
        ),
        Vector::new(
            "connack_v31_code_2",
            V31,
            "20 02 00 02",
            refused(ReasonCode::CLIENT_IDENTIFIER_NOT_VALID, 2),
        ),
        Vector::new(
            "connack_v311_code_3",
            V311,
            "20 02 00 03",
            refused(ReasonCode::SERVER_UNAVAILABLE, 3),
        ),
        Vector::new(
            "connack_v311_code_4",
            V311,
            "20 02 00 04",
            refused(ReasonCode::BAD_USER_NAME_OR_PASSWORD, 4),
        ),
        Vector::new(
            "connack_v311_code_5",
            V311,
            "20 02 00 05",
            refused(ReasonCode::NOT_AUTHORIZED, 5),
        ),
        Vector::new(
            "connack_v311_code_6",
            V311,
            "20 02 00 06",
            refused(ReasonCode::UNSPECIFIED_ERROR, 6),
        ),
        Vector::new(
            "connack_v311_code_255",
            V311,
            "20 02 00 ff",
            refused(ReasonCode::UNSPECIFIED_ERROR, 255),
        ),
        Vector::new("connack_v5_banned", V5, "20 03 00 8a 00", refused(ReasonCode::BANNED, 0x8a)),
        Vector::new(
            "connack_v5_full",
            V5,
            "20 42  01 00
             3f  11 00000e10  21 000a  24 01  25 00  27 00000400  12 0002 'id'  22 0005
                 1f 0002 'ok'  26 0001 'k' 0001 'v'  28 00  29 00  2a 00  13 001e
                 1a 0002 'ri'  1c 0001 's'  15 0001 'M'  16 0001 ff",
            full(),
        ),
    ]
}
