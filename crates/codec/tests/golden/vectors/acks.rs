//! PUBACK to PUBCOMP, byte by byte.

use evenkeel_codec::Property::{ReasonString, UserProperty};
use evenkeel_codec::{Ack, Packet, ReasonCode, Version};

use super::{Vector, id, properties, text};

fn success() -> Ack {
    Ack::new(id(0x0102), ReasonCode::SUCCESS)
}

fn explained(reason: ReasonCode) -> Ack {
    Ack {
        properties: properties([
            ReasonString(text("why")),
            UserProperty(text("k"), text("v")),
            UserProperty(text("k"), text("v")),
        ]),
        ..Ack::new(id(1), reason)
    }
}

pub(super) fn vectors() -> Vec<Vector> {
    use Version::{V5, V31, V311};
    let not_found = || Ack::new(id(9), ReasonCode::PACKET_IDENTIFIER_NOT_FOUND);
    vec![
        Vector::new("puback_v31", V31, "40 02 0102", Packet::PubAck(success())),
        Vector::new("pubrec_v31", V31, "50 02 0102", Packet::PubRec(success())),
        Vector::new("pubrel_v31", V31, "62 02 0102", Packet::PubRel(success())),
        Vector::new("pubcomp_v31", V31, "70 02 0102", Packet::PubComp(success())),
        // MQTT 3.1 section 2.1: DUP marks a second PUBREL.
        Vector::decode_only("pubrel_v31_dup", V31, "6a 02 0102", Packet::PubRel(success())),
        Vector::new("puback_v311", V311, "40 02 0102", Packet::PubAck(success())),
        Vector::new("pubrec_v311", V311, "50 02 0102", Packet::PubRec(success())),
        Vector::new("pubrel_v311", V311, "62 02 0102", Packet::PubRel(success())),
        Vector::new("pubcomp_v311", V311, "70 02 0102", Packet::PubComp(success())),
        Vector::new("puback_v5", V5, "40 02 0102", Packet::PubAck(success())),
        Vector::new("pubrec_v5", V5, "50 02 0102", Packet::PubRec(success())),
        Vector::new("pubrel_v5", V5, "62 02 0102", Packet::PubRel(success())),
        Vector::new("pubcomp_v5", V5, "70 02 0102", Packet::PubComp(success())),
        Vector::decode_only("puback_v5_reason_0", V5, "40 03 0102 00", Packet::PubAck(success())),
        Vector::decode_only(
            "pubrec_v5_no_properties",
            V5,
            "50 04 0102 00 00",
            Packet::PubRec(success()),
        ),
        Vector::new(
            "puback_v5_reason",
            V5,
            "40 03 0009 10",
            Packet::PubAck(Ack::new(id(9), ReasonCode::NO_MATCHING_SUBSCRIBERS)),
        ),
        Vector::new(
            "pubrec_v5_reason",
            V5,
            "50 03 0009 97",
            Packet::PubRec(Ack::new(id(9), ReasonCode::QUOTA_EXCEEDED)),
        ),
        Vector::new("pubrel_v5_reason", V5, "62 03 0009 92", Packet::PubRel(not_found())),
        Vector::new("pubcomp_v5_reason", V5, "70 03 0009 92", Packet::PubComp(not_found())),
        Vector::new(
            "puback_v5_explained",
            V5,
            "40 18  0001  87  14  1f 0003 'why'  26 0001 'k' 0001 'v'  26 0001 'k' 0001 'v'",
            Packet::PubAck(explained(ReasonCode::NOT_AUTHORIZED)),
        ),
        Vector::new(
            "pubrec_v5_explained",
            V5,
            "50 18  0001  00  14  1f 0003 'why'  26 0001 'k' 0001 'v'  26 0001 'k' 0001 'v'",
            Packet::PubRec(explained(ReasonCode::SUCCESS)),
        ),
        Vector::new(
            "pubrel_v5_explained",
            V5,
            "62 18  0001  92  14  1f 0003 'why'  26 0001 'k' 0001 'v'  26 0001 'k' 0001 'v'",
            Packet::PubRel(explained(ReasonCode::PACKET_IDENTIFIER_NOT_FOUND)),
        ),
        Vector::new(
            "pubcomp_v5_explained",
            V5,
            "70 18  0001  00  14  1f 0003 'why'  26 0001 'k' 0001 'v'  26 0001 'k' 0001 'v'",
            Packet::PubComp(explained(ReasonCode::SUCCESS)),
        ),
    ]
}
