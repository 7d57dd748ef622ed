//! The packets that went by.

use bytes::Bytes;
use evenkeel_proto::Direction::{self, Received, Sent};
use evenkeel_proto::codec::{Packet, PacketType, Property, ReasonCode, Version};
use evenkeel_proto::record::Priority;
use evenkeel_proto::{Credentials, Traced};

use crate::support::*;

fn traced(rig: &mut Rig) -> Vec<Traced> {
    std::iter::from_fn(|| rig.client.next_traced()).collect()
}

fn kinds(rig: &mut Rig) -> Vec<(Direction, PacketType)> {
    let packets = traced(rig).into_iter();
    packets.map(|traced| (traced.direction, traced.packet.packet_type())).collect()
}

#[test]
fn each_packet_is_kept_in_order_if_that_is_wanted() {
    use PacketType::*;
    each_version(|version| {
        let mut rig = Rig::new(config(version));
        rig.client.set_trace(true);
        rig.client.start(rig.now);
        rig.settle();
        rig.accept_with(&accepted());
        assert_eq!(kinds(&mut rig), [(Sent, Connect), (Received, ConnAck)]);
        rig.publish("a", ExactlyOnce, 1);
        let packet_id = rig.expect_publish().packet_id.unwrap();
        rig.send(&pubrec(packet_id));
        rig.send(&pubcomp(packet_id));
        rig.send(&Packet::Publish(delivery("b", AtLeastOnce, 7)));
        rig.handle_message();
        rig.subscribe(&[("s", AtMostOnce)], 2);
        rig.forget_wire();
        rig.client.probe(rig.now);
        rig.settle();
        rig.shutdown(secs(0));
        let expected = [
            (Sent, Publish),
            (Received, PubRec),
            (Sent, PubRel),
            (Received, PubComp),
            (Received, Publish),
            (Sent, PubAck),
            (Sent, Subscribe),
            (Sent, PingReq),
            (Sent, Disconnect),
        ];
        assert_eq!(kinds(&mut rig), expected);
    });
}

/// The trace is what goes over the wire, on both sides.
#[test]
fn a_packet_of_ours_is_traced_as_the_server_gets_it() {
    let mut settings = config(Version::V5);
    settings.bounds.packet_size = Some(100_000);
    let mut rig = Rig::online_with(settings, &with([Property::TopicAliasMaximum(3)]));
    rig.client.set_trace(true);
    let conn = rig.conn();
    let mut large = evenkeel_proto::codec::Publish {
        payload: Bytes::from(vec![1; 50_000]),
        properties: [Property::MessageExpiryInterval(9)].into_iter().collect(),
        ..publish("topic", "", AtLeastOnce)
    };
    rig.client.publish(rig.now, &mut large, Priority::default(), token(1)).unwrap();
    rig.settle();
    let sent = rig.expect();
    assert_eq!(traced(&mut rig), [Traced { conn, direction: Sent, packet: sent, lost: 0 }]);
    // The topic is there though the alias stands for it.
    rig.publish("topic", AtMostOnce, 2);
    assert!(rig.expect_publish().topic.is_empty());
    let [Traced { packet: Packet::Publish(told), .. }] = &traced(&mut rig)[..] else { panic!() };
    assert_eq!((&*told.topic, told.properties.topic_alias()), ("topic", Some(1)));
    let normal = Priority::Normal;
    let head = publish("other", "", AtMostOnce);
    rig.client.publish_slice(rig.now, &head, b"borrowed", normal, token(3)).unwrap();
    let [Traced { packet: Packet::Publish(told), .. }] = &traced(&mut rig)[..] else { panic!() };
    assert_eq!(told.payload, "borrowed");
}

#[test]
fn nothing_is_kept_by_default_or_any_longer() {
    let mut rig = Rig::online(config(Version::V5));
    rig.publish("a", AtMostOnce, 1);
    assert_eq!(traced(&mut rig), []);
    rig.client.set_trace(true);
    rig.publish("a", AtMostOnce, 1);
    rig.client.set_trace(false);
    assert_eq!(traced(&mut rig), []);
    rig.publish("a", AtMostOnce, 1);
    assert_eq!(traced(&mut rig), []);
}

/// D9: bounded, whoever forgets to take them.
#[test]
fn packets_that_nobody_takes_are_counted() {
    let mut rig = Rig::online(quiet(config(Version::V5)));
    rig.client.set_trace(true);
    for _ in 0..5_000 {
        rig.publish("a", AtMostOnce, 1);
    }
    let kept = traced(&mut rig);
    assert_eq!(kept.len(), 4_096);
    rig.publish("a", AtMostOnce, 1);
    assert_eq!(traced(&mut rig)[0].lost, 5_000 - 4_096);
    rig.publish("a", AtMostOnce, 1);
    assert_eq!(traced(&mut rig)[0].lost, 0);
}

/// S1.
#[test]
fn secrets_are_no_part_of_it() {
    let mut settings = config(Version::V5);
    let secret = || Bytes::from_static(b"hunter2");
    settings.connect.authentication = Some((text("m"), secret()));
    let mut rig = Rig::new(settings);
    rig.client.set_trace(true);
    rig.client.start(rig.now);
    rig.settle();
    let credentials = Credentials { username: Some(text("hunter2")), password: Some(secret()) };
    rig.accept_as(Some(credentials));
    let conn = rig.conn();
    let words = |reason| {
        let properties =
            [Property::AuthenticationMethod(text("m")), Property::AuthenticationData(secret())];
        evenkeel_proto::codec::Auth { reason, properties: properties.into_iter().collect() }
    };
    rig.send(&Packet::Auth(words(ReasonCode::CONTINUE_AUTHENTICATION)));
    rig.client.authenticate(rig.now, conn, Some(secret()));
    rig.settle();
    let mut connack = accepted();
    connack.properties = words(ReasonCode::SUCCESS).properties;
    rig.send(&Packet::ConnAck(connack));
    let packets = traced(&mut rig);
    assert_eq!(packets.len(), 4);
    for Traced { packet, .. } in &packets {
        let mut bytes = Vec::new();
        packet.encode(Version::V5, &mut bytes).unwrap();
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!shown.contains("hunter2"), "{packet:?}");
    }
    let Packet::Connect(connect) = &packets[0].packet else { panic!("CONNECT first") };
    assert_eq!(
        (connect.username.as_deref(), connect.password.as_deref()),
        (Some(""), Some(&[][..]))
    );
}
