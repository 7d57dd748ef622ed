//! The MQTT packets of a trace.

use super::event::Rest;
use crate::event::{ConnAckSeen, ConnectSeen, PacketSeen, PublishSeen, Side, SubscribeSeen, What};
use crate::{TextId, Texts};

/// A packet by its name; `~` before it: known by its size alone.
#[track_caller]
pub(super) fn read(from: Side, name: &str, rest: &Rest<'_>, texts: &mut Texts) -> What {
    let (name, inferred) = name.strip_prefix('~').map_or((name, false), |name| (name, true));
    let id = || rest.number("id", 0);
    let code = || rest.number("code", 0);
    let (packet, usual) = match name {
        "CONNECT" => (PacketSeen::Connect(connect(rest, texts)), 30),
        "CONNACK" => (PacketSeen::ConnAck(connack(rest, texts)), 4),
        "PUBLISH" => (PacketSeen::Publish(publish(rest, texts)), 20),
        "PUBACK" => (PacketSeen::PubAck(id(), code()), 4),
        "PUBREC" => (PacketSeen::PubRec(id(), code()), 4),
        "PUBREL" => (PacketSeen::PubRel(id(), code()), 4),
        "PUBCOMP" => (PacketSeen::PubComp(id(), code()), 4),
        "SUBSCRIBE" => (PacketSeen::Subscribe(subscribe(rest, texts)), 15),
        "SUBACK" => (PacketSeen::SubAck(id(), code(), rest.number("failed", 0)), 5),
        "UNSUBSCRIBE" => (PacketSeen::Unsubscribe(subscribe(rest, texts)), 15),
        "UNSUBACK" => (PacketSeen::UnsubAck(id(), code(), rest.number("failed", 0)), 4),
        "PINGREQ" => (PacketSeen::PingReq, 2),
        "PINGRESP" => (PacketSeen::PingResp, 2),
        "DISCONNECT" => (PacketSeen::Disconnect(code()), 2),
        "AUTH" => (PacketSeen::Auth(code()), 2),
        other => panic!("{other} is no packet"),
    };
    What::Packet { from, packet, bytes: rest.number("bytes", usual), inferred }
}

fn connect(rest: &Rest<'_>, texts: &mut Texts) -> ConnectSeen {
    ConnectSeen {
        version: rest.number("v", 4),
        clean: rest.has("clean"),
        keep_alive: Some(rest.number("k", 60)),
        client_id: rest.text("id", texts),
        credentials: rest.has("user"),
        credentials_digest: rest.number("user", 0),
        session_expiry: rest.number("expiry", 0),
        receive_maximum: rest.number("rm", u16::MAX),
        will_topic: rest.text("will", texts),
        will_digest: rest.number("will-digest", 1),
        will_qos: rest.number("will-qos", 0),
        will_retain: rest.has("will-retain"),
    }
}

fn connack(rest: &Rest<'_>, texts: &mut Texts) -> ConnAckSeen {
    ConnAckSeen {
        code: rest.number("code", 0),
        session_present: rest.has("session"),
        version_5: rest.has("v5"),
        server_keep_alive: rest.maybe("k"),
        receive_maximum: rest.maybe("rm"),
        maximum_packet_size: rest.maybe("max"),
        maximum_qos: rest.maybe("qos"),
        topic_alias_maximum: rest.maybe("aliases"),
        no_retain: rest.has("no-retain"),
        no_wildcard: rest.has("no-wildcard"),
        no_shared: rest.has("no-shared"),
        no_subscription_id: rest.has("no-subscription-id"),
        assigned_id: rest.text("assigned", texts),
    }
}

fn publish(rest: &Rest<'_>, texts: &mut Texts) -> PublishSeen {
    let topic = match rest.get("topic") {
        Some(_) => rest.text("topic", texts),
        None if rest.has("alias") => TextId::NONE,
        None => texts.keep("site/7/level"),
    };
    PublishSeen {
        id: rest.number("id", 0),
        qos: rest.number("qos", 0),
        dup: rest.has("dup"),
        retain: rest.has("retain"),
        topic,
        alias: rest.number("alias", 0),
        payload: rest.number("payload", 4),
        digest: rest.number("digest", 1),
    }
}

fn subscribe(rest: &Rest<'_>, texts: &mut Texts) -> SubscribeSeen {
    SubscribeSeen {
        id: rest.number("id", 1),
        filters: rest.number("filters", 1),
        first: rest.text("topic", texts),
        digest: rest.number("digest", 1),
        maximum_qos: rest.number("qos", 0),
        wildcard: rest.has("wildcard"),
        shared: rest.has("shared"),
        subscription_id: rest.has("subscription-id"),
    }
}
