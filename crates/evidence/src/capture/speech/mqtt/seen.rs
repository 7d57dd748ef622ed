//! Packets of the codec, reduced to what a diagnosis needs.

use std::hash::{BuildHasher, Hasher};

use evenkeel_codec::{
    Ack, ConnAck, Connect, Packet, PacketId, Publish, ReasonCode, Subscribe, TopicFilter,
    Unsubscribe, Version,
};
use evenkeel_doctor::{ConnAckSeen, ConnectSeen, PacketSeen, PublishSeen, SubscribeSeen, TextId};

use super::fast::{digest, short};
use crate::capture::out::Out;

/// What is told of a packet.
pub(super) fn packet(packet: &Packet, version: Option<Version>, out: &mut Out<'_>) -> PacketSeen {
    let ack = |ack: &Ack| (ack.packet_id.get(), ack.reason.0);
    match packet {
        Packet::Connect(it) => PacketSeen::Connect(connect(it, out)),
        Packet::ConnAck(it) => PacketSeen::ConnAck(connack(it, version, out)),
        Packet::Publish(it) => PacketSeen::Publish(publish(it, out)),
        Packet::PubAck(it) => PacketSeen::PubAck(ack(it).0, ack(it).1),
        Packet::PubRec(it) => PacketSeen::PubRec(ack(it).0, ack(it).1),
        Packet::PubRel(it) => PacketSeen::PubRel(ack(it).0, ack(it).1),
        Packet::PubComp(it) => PacketSeen::PubComp(ack(it).0, ack(it).1),
        Packet::Subscribe(it) => PacketSeen::Subscribe(subscribe(it, out)),
        Packet::SubAck(it) => {
            let (id, highest, failures) = codes(it.packet_id, &it.codes);
            PacketSeen::SubAck(id, highest, failures)
        }
        Packet::Unsubscribe(it) => PacketSeen::Unsubscribe(unsubscribe(it, out)),
        Packet::UnsubAck(it) => {
            let (id, highest, failures) = codes(it.packet_id, &it.codes);
            PacketSeen::UnsubAck(id, highest, failures)
        }
        Packet::PingReq => PacketSeen::PingReq,
        Packet::PingResp => PacketSeen::PingResp,
        Packet::Disconnect(it) => PacketSeen::Disconnect(it.reason.0),
        Packet::Auth(it) => PacketSeen::Auth(it.reason.0),
    }
}

fn connect(it: &Connect, out: &mut Out<'_>) -> ConnectSeen {
    let will = it.will.as_deref();
    ConnectSeen {
        version: match it.version {
            Version::V31 => 3,
            Version::V311 => 4,
            Version::V5 => 5,
        },
        clean: it.clean_start,
        keep_alive: Some(it.keep_alive),
        client_id: out.keep(it.client_id.as_str()),
        credentials: it.username.is_some() || it.password.is_some(),
        credentials_digest: credentials(it, out),
        session_expiry: it.properties.session_expiry_interval().unwrap_or_default(),
        receive_maximum: it.properties.receive_maximum().unwrap_or(u16::MAX),
        will_topic: will.map_or(TextId::NONE, |will| out.keep(will.topic.text().as_str())),
        will_digest: will.map_or(0, |will| digest(&out.ground.digests, &will.payload)),
        will_qos: will.map_or(0, |will| will.qos.level()),
        will_retain: will.is_some_and(|will| will.retain),
    }
}

/// 0 if there are none, and never else.
fn credentials(it: &Connect, out: &Out<'_>) -> u32 {
    if it.username.is_none() && it.password.is_none() {
        return 0;
    }
    let mut hasher = out.ground.secrets.build_hasher();
    for part in [it.username.as_ref().map(|name| name.as_bytes()), it.password.as_deref()] {
        let part = part.unwrap_or_default();
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    short(hasher.finish()).max(1)
}

fn connack(it: &ConnAck, version: Option<Version>, out: &mut Out<'_>) -> ConnAckSeen {
    let all = &it.properties;
    ConnAckSeen {
        code: it.wire_code,
        session_present: it.session_present,
        version_5: version == Some(Version::V5),
        server_keep_alive: all.server_keep_alive(),
        receive_maximum: all.receive_maximum(),
        maximum_packet_size: all.maximum_packet_size(),
        maximum_qos: all.maximum_qos(),
        topic_alias_maximum: all.topic_alias_maximum(),
        no_retain: all.retain_available() == Some(0),
        no_wildcard: all.wildcard_subscription_available() == Some(0),
        no_shared: all.shared_subscription_available() == Some(0),
        no_subscription_id: all.subscription_identifier_available() == Some(0),
        assigned_id: all
            .assigned_client_identifier()
            .map_or(TextId::NONE, |id| out.keep(id.as_str())),
    }
}

fn publish(it: &Publish, out: &mut Out<'_>) -> PublishSeen {
    PublishSeen {
        id: it.packet_id.map_or(0, PacketId::get),
        qos: it.qos.level(),
        dup: it.dup,
        retain: it.retain,
        topic: out.keep(it.topic.as_str()),
        alias: it.properties.topic_alias().unwrap_or_default(),
        payload: u32::try_from(it.payload.len()).unwrap_or(u32::MAX),
        digest: digest(&out.ground.digests, &it.payload),
    }
}

fn subscribe(it: &Subscribe, out: &mut Out<'_>) -> SubscribeSeen {
    let all = it.filters.iter().map(|it| {
        let options = it.options;
        let flags = u8::from(options.no_local) | u8::from(options.retain_as_published) << 1;
        (&it.filter, [options.qos.level(), flags, options.retain_handling as u8])
    });
    let mut seen = filters(it.packet_id, all, out);
    seen.subscription_id = it.properties.subscription_identifiers().next().is_some();
    seen.maximum_qos = it.filters.iter().map(|it| it.options.qos.level()).max().unwrap_or(0);
    seen
}

fn unsubscribe(it: &Unsubscribe, out: &mut Out<'_>) -> SubscribeSeen {
    filters(it.packet_id, it.filters.iter().map(|filter| (filter, [0; 3])), out)
}

fn filters<'a>(
    id: PacketId,
    all: impl Iterator<Item = (&'a TopicFilter, [u8; 3])>,
    out: &mut Out<'_>,
) -> SubscribeSeen {
    let mut seen = SubscribeSeen { id: id.get(), ..SubscribeSeen::default() };
    let mut hasher = out.ground.digests.build_hasher();
    for (filter, options) in all {
        let text = filter.text().as_str();
        if seen.filters == 0 {
            seen.first = out.keep(text);
        }
        seen.filters = seen.filters.saturating_add(1);
        seen.wildcard |= text.split('/').any(|level| matches!(level, "+" | "#"));
        seen.shared |= filter.share_name().is_some();
        // A byte that no filter has parts them.
        hasher.write(text.as_bytes());
        hasher.write(&[0xFF]);
        hasher.write(&options);
    }
    seen.digest = short(hasher.finish());
    seen
}

fn codes(id: PacketId, codes: &[ReasonCode]) -> (u16, u8, u16) {
    let highest = codes.iter().map(|code| code.0).max().unwrap_or_default();
    let failures = codes.iter().filter(|code| code.is_error()).count();
    (id.get(), highest, u16::try_from(failures).unwrap_or(u16::MAX))
}
