//! How many exchanges may be open, both ways, and their identifiers.

use std::collections::BTreeSet;

use evenkeel_proto::codec::{Packet, PacketId, Property, Version};
use evenkeel_proto::{Accepted, SetBy};

use crate::support::*;

fn receive_maximum(maximum: u16) -> Property {
    Property::ReceiveMaximum(maximum)
}

/// The identifiers of the publishes the server got and has not answered.
fn sent(rig: &mut Rig) -> Vec<PacketId> {
    let mut ids = Vec::new();
    while let Some(packet) = rig.wire.pop_front() {
        if let Packet::Publish(publish) = packet {
            ids.extend(publish.packet_id);
        }
    }
    ids
}

//= [MQTT-3.3.4-7] test
//= [MQTT-4.9.0-1] test
//= [MQTT-4.9.0-2] test
/// D5.
#[test]
fn no_more_are_open_than_the_server_takes() {
    let mut rig = Rig::online_with(config(Version::V5), &with([receive_maximum(3)]));
    for number in 1..=6 {
        let qos = if number % 2 == 0 { AtLeastOnce } else { ExactlyOnce };
        assert_eq!(rig.publish("a", qos, number), Accepted::Tracked);
    }
    let ids = sent(&mut rig);
    assert_eq!(ids.len(), 3);
    assert_eq!((rig.client.in_flight(), rig.client.queued()), (3, 3));
    // PUBREC alone makes no room; PUBACK and PUBCOMP do, each for one.
    rig.send(&pubrec(ids[0]));
    assert_eq!(rig.expect(), pubrel(ids[0]));
    rig.expect_nothing();
    rig.send(&puback(ids[1]));
    assert_eq!(sent(&mut rig).len(), 1);
    rig.send(&pubcomp(ids[0]));
    assert_eq!(sent(&mut rig).len(), 1);
    assert_eq!(rig.client.limits().unwrap().in_flight.set_by, SetBy::Server);
}

/// Before MQTT 5 PUBREC cannot refuse, and mosquitto 2.0 drops the 21st open
/// QoS 2 message of a client without a word.
#[test]
fn before_mqtt_5_no_more_than_twenty_qos_2_messages_are_open() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        for number in 1..=30 {
            rig.publish("a", ExactlyOnce, number);
        }
        let open = sent(&mut rig);
        assert_eq!(open.len(), if version == Version::V5 { 30 } else { 20 });
        rig.send(&pubrec(open[0]));
        assert_eq!(rig.expect(), pubrel(open[0]));
        // The server has PUBREL before the message behind it.
        let more = sent(&mut rig);
        assert_eq!(more.len(), if version == Version::V5 { 0 } else { 1 }, "one for one");
        rig.send(&pubcomp(open[0]));
        rig.expect_nothing();
    });
}

/// Nor when they are sent again: those whose PUBREL was sent make room for others.
#[test]
fn before_mqtt_5_no_more_than_twenty_are_open_in_a_session_that_goes_on() {
    let mut rig = Rig::online(quiet(lasting(Version::V311)));
    for number in 1..=60 {
        rig.publish("a", ExactlyOnce, number);
    }
    let first = sent(&mut rig);
    for id in &first[..5] {
        rig.send(&pubrec(*id));
    }
    assert_eq!(sent(&mut rig).len(), 5);
    rig.reconnect_with(&resumed());
    let (mut released, mut unreleased) = (0, 0);
    while let Some(packet) = rig.wire.pop_front() {
        match packet {
            Packet::PubRel(release) => {
                released += 1;
                rig.send(&pubcomp(release.packet_id));
            }
            Packet::Publish(_) => unreleased += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((released, unreleased), (5, 20));
    rig.send(&pubrec(first[5]));
    assert_eq!(rig.expect(), pubrel(first[5]));
    assert_eq!(sent(&mut rig).len(), 1);
}

/// A store has to know of PUBREL before it goes out, and the message may overtake it.
#[test]
fn before_mqtt_5_a_message_with_a_store_makes_room_at_its_end() {
    let mut rig = Rig::durable_online(quiet(lasting(Version::V311)));
    for number in 1..=30 {
        rig.publish("a", ExactlyOnce, number);
    }
    let open = sent(&mut rig);
    assert_eq!(open.len(), 20);
    rig.send(&pubrec(open[0]));
    assert_eq!(rig.expect(), pubrel(open[0]));
    rig.expect_nothing();
    rig.send(&pubcomp(open[0]));
    assert_eq!(sent(&mut rig).len(), 1);
}

/// In all, no more than in flight at most, released or not.
#[test]
fn before_mqtt_5_released_messages_count_for_the_bound_of_all() {
    let mut settings = config(Version::V311);
    settings.bounds.in_flight = 3;
    settings.bounds.in_flight_qos2_before_v5 = 2;
    let mut rig = Rig::online(settings);
    for number in 1..=6 {
        rig.publish("a", ExactlyOnce, number);
    }
    let open = sent(&mut rig);
    assert_eq!(open.len(), 2);
    rig.send(&pubrec(open[0]));
    assert_eq!(sent(&mut rig).len(), 1);
    rig.send(&pubrec(open[1]));
    assert_eq!(sent(&mut rig).len(), 0);
    rig.send(&pubcomp(open[0]));
    assert_eq!(sent(&mut rig).len(), 1);
}

#[test]
fn our_own_bound_holds_too() {
    each_version(|version| {
        let mut settings = config(version);
        settings.bounds.in_flight = 2;
        let connack = match version {
            Version::V5 => with([receive_maximum(3)]),
            _ => accepted(),
        };
        let mut rig = Rig::online_with(settings, &connack);
        for number in 1..=4 {
            rig.publish("a", AtLeastOnce, number);
        }
        assert_eq!(sent(&mut rig).len(), 2);
        assert_eq!(rig.client.limits().unwrap().in_flight.set_by, SetBy::Client);
    });
}

#[test]
fn a_refusal_in_pubrec_makes_room() {
    let mut rig = Rig::online_with(config(Version::V5), &with([receive_maximum(1)]));
    rig.publish("a", ExactlyOnce, 1);
    rig.publish("b", ExactlyOnce, 2);
    let ids = sent(&mut rig);
    assert_eq!(ids.len(), 1);
    let refusal =
        evenkeel_proto::codec::Ack::new(ids[0], evenkeel_proto::codec::ReasonCode::NOT_AUTHORIZED);
    rig.send(&Packet::PubRec(refusal));
    assert_eq!(sent(&mut rig).len(), 1);
}

//= [MQTT-3.3.4-8] test
//= [MQTT-4.9.0-3] test
#[test]
fn a_full_window_holds_back_nothing_else() {
    let mut rig = Rig::online_with(config(Version::V5), &with([receive_maximum(1)]));
    rig.publish("a", AtLeastOnce, 1);
    rig.forget_wire();
    rig.subscribe(&[("s", AtMostOnce)], 2);
    assert!(matches!(rig.expect(), Packet::Subscribe(_)));
    rig.unsubscribe(&["u"], 3);
    assert!(matches!(rig.expect(), Packet::Unsubscribe(_)));
    rig.publish("now", AtMostOnce, 4);
    assert_eq!(rig.expect_publish().topic, "now");
    rig.send(&Packet::Publish(delivery("in", AtLeastOnce, 5)));
    rig.handle_message();
    assert_eq!(rig.expect(), puback(id(5)));
    rig.client.probe(rig.now);
    rig.settle();
    assert_eq!(rig.expect(), Packet::PingReq);
    rig.send(&Packet::Publish(delivery("in", ExactlyOnce, 6)));
    rig.handle_message();
    assert_eq!(rig.expect(), pubrec(id(6)));
    rig.send(&pubrel(id(6)));
    assert_eq!(rig.expect(), pubcomp(id(6)));
}

/// D5.
#[test]
fn sending_again_keeps_to_the_new_servers_maximum() {
    let mut rig = Rig::online(quiet(lasting(Version::V5)));
    for number in 1..=10 {
        rig.publish("a", AtLeastOnce, number);
    }
    assert_eq!(sent(&mut rig).len(), 10);
    let mut connack = with([receive_maximum(3)]);
    connack.session_present = true;
    rig.reconnect_with(&connack);
    let first = sent(&mut rig);
    assert_eq!(first.len(), 1);
    rig.send(&puback(first[0]));
    let mut open = sent(&mut rig);
    assert_eq!(open.len(), 3);
    while let Some(id) = open.pop() {
        rig.send(&puback(id));
        open.extend(sent(&mut rig));
        assert!(open.len() <= 3);
    }
    assert_eq!(rig.outcomes().len(), 10);
}

#[test]
fn what_waits_for_pubcomp_of_an_old_connection_blocks_no_release() {
    let mut rig = Rig::online(quiet(lasting(Version::V5)));
    for number in 1..=3 {
        rig.publish("a", ExactlyOnce, number);
    }
    let ids = sent(&mut rig);
    for id in &ids {
        rig.send(&pubrec(*id));
    }
    rig.forget_wire();
    let mut connack = with([receive_maximum(1)]);
    connack.session_present = true;
    rig.reconnect_with(&connack);
    for id in &ids {
        assert_eq!(rig.expect(), pubrel(*id));
        rig.send(&pubcomp(*id));
    }
    assert_eq!(rig.outcomes().len(), 3);
    rig.publish("b", AtLeastOnce, 4);
    assert_eq!(sent(&mut rig).len(), 1);
}

//= [MQTT-4.3.2-1] test
//= [MQTT-4.3.3-1] test
#[test]
fn identifiers_in_use_are_never_given_out_again() {
    each_version(|version| {
        let mut settings = config(version);
        settings.bounds.in_flight = 100;
        let mut rig = Rig::online(settings);
        let mut open = BTreeSet::new();
        let mut stuck = None;
        for number in 0..200_000_u64 {
            rig.publish("a", AtLeastOnce, number);
            let id = sent(&mut rig)[0];
            assert!(open.insert(id), "{id} is in use");
            // The first one is never answered; the others come and go.
            let stuck = *stuck.get_or_insert(id);
            if open.len() > 50 {
                let done = *open.iter().find(|id| **id != stuck).unwrap();
                open.remove(&done);
                rig.send(&puback(done));
            }
            rig.completions.clear();
            rig.history.clear();
        }
    });
}

#[test]
fn subscriptions_and_publishes_share_the_identifiers() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        let mut seen = BTreeSet::new();
        for number in 0..50 {
            rig.publish("a", AtLeastOnce, number);
            seen.insert(rig.expect_publish().packet_id.unwrap());
            rig.subscribe(&[(&format!("s/{number}"), AtMostOnce)], number);
            seen.insert(rig.expect_subscribe().packet_id);
            rig.unsubscribe(&[&format!("u/{number}")], number);
            seen.insert(rig.expect_unsubscribe().packet_id);
        }
        assert_eq!(seen.len(), 150);
    });
}

#[test]
fn running_out_of_identifiers_is_back_pressure() {
    let mut settings = quiet(config(Version::V5));
    settings.bounds.in_flight = u16::MAX;
    settings.bounds.write_buffer = 1 << 30;
    settings.queue.messages = 100_000;
    let mut rig = Rig::online(settings);
    rig.subscribe(&[("s", AtMostOnce)], 0);
    let subscribe = rig.expect_subscribe().packet_id;
    for number in 1..=70_000 {
        assert_eq!(rig.publish("a", AtLeastOnce, number), Accepted::Tracked);
    }
    assert_eq!(rig.client.in_flight(), 65_535);
    assert_eq!(rig.client.queued(), 70_001 - 65_535);
    rig.subscribe(&[("t", AtMostOnce)], 70_001);
    let mut ids: BTreeSet<PacketId> = sent(&mut rig).into_iter().collect();
    assert_eq!(ids.len(), 65_534);
    assert!(!ids.contains(&subscribe));
    // The one identifier that becomes free goes to the subscription first.
    let done = ids.pop_first().unwrap();
    rig.send(&puback(done));
    assert_eq!(rig.expect_subscribe().packet_id, done);
    rig.expect_nothing();
    assert!(rig.outcome(1).is_ok());
    rig.send(&suback(subscribe, &[0]));
    assert_eq!(rig.expect_publish().packet_id, Some(subscribe));
    assert_eq!(rig.outcomes().len(), 1, "nothing failed for want of an identifier");
}

/// D5.
#[test]
fn the_server_may_have_open_what_we_announced() {
    let mut settings = config(Version::V5);
    settings.connect.receive_maximum = 3;
    settings.bounds.inbox_messages = 4;
    let mut rig = Rig::online(settings);
    rig.send(&Packet::Publish(delivery("a", AtLeastOnce, 1)));
    rig.send(&Packet::Publish(delivery("a", ExactlyOnce, 2)));
    rig.send(&Packet::Publish(delivery("a", AtLeastOnce, 3)));
    rig.send(&Packet::Publish(delivery("a", AtMostOnce, 0)));
    assert!(rig.client.state().is_online(), "QoS 0 does not count");
    // Room comes with our answers: PUBACK at once, PUBREC only with PUBCOMP.
    rig.handle_message();
    assert_eq!(rig.expect(), puback(id(1)));
    rig.send(&Packet::Publish(delivery("a", AtLeastOnce, 4)));
    rig.handle_message();
    assert_eq!(rig.expect(), pubrec(id(2)));
    rig.send(&pubrel(id(2)));
    assert_eq!(rig.expect(), pubcomp(id(2)));
    rig.send(&Packet::Publish(delivery("a", ExactlyOnce, 5)));
    assert!(rig.client.state().is_online());
    rig.send(&Packet::Publish(delivery("a", ExactlyOnce, 5)));
    assert!(rig.client.state().is_online(), "a second copy is no further exchange");
    assert_eq!(rig.client.stats().receive_maximum_exceeded, 0);
    // What comes beyond the announced three is held back by reading alone (D14).
    for number in 6..=9 {
        rig.message();
        rig.send(&Packet::Publish(delivery("a", AtLeastOnce, number)));
        assert!(rig.client.state().is_online(), "{number}");
    }
    assert_eq!(rig.client.stats().receive_maximum_exceeded, 4);
}

#[test]
fn a_refused_qos_2_message_makes_room_at_once() {
    use evenkeel_proto::codec::{Ack, ReasonCode};
    let mut settings = config(Version::V5);
    settings.connect.receive_maximum = 1;
    let mut rig = Rig::online(settings);
    for round in 1..=3 {
        rig.send(&Packet::Publish(delivery("a", ExactlyOnce, round)));
        let key = rig.message().ack.unwrap();
        rig.acknowledge(key, ReasonCode::QUOTA_EXCEEDED);
        assert_eq!(rig.expect(), Packet::PubRec(Ack::new(id(round), ReasonCode::QUOTA_EXCEEDED)));
    }
    assert!(rig.client.state().is_online());
}

#[test]
fn each_connection_begins_with_our_whole_receive_maximum() {
    let mut settings = lasting(Version::V5);
    settings.connect.receive_maximum = 2;
    let mut rig = Rig::online(settings);
    for number in 1..=2 {
        rig.send(&Packet::Publish(delivery("a", ExactlyOnce, number)));
        rig.handle_message();
        assert_eq!(rig.expect(), pubrec(id(number)));
    }
    // The server has PUBREC for both: it will release them, not send them again.
    rig.reconnect_with(&resumed());
    for number in 3..=4 {
        rig.send(&Packet::Publish(delivery("a", AtLeastOnce, number)));
    }
    assert!(rig.client.state().is_online());
    assert_eq!(rig.stats().receive_maximum_exceeded, 0, "the quota is that of one connection");
    for number in 1..=2 {
        rig.send(&pubrel(id(number)));
        assert_eq!(rig.expect(), pubcomp(id(number)));
    }
    assert_eq!(rig.client.stats().receive_maximum_exceeded, 0);
    rig.send(&Packet::Publish(delivery("a", AtLeastOnce, 5)));
    assert_eq!(rig.client.stats().receive_maximum_exceeded, 1, "but it holds on this one");
}

#[test]
fn before_mqtt_5_the_server_knows_no_receive_maximum() {
    let mut settings = config(Version::V311);
    settings.connect.receive_maximum = 1;
    let mut rig = Rig::online(settings);
    for number in 1..=20 {
        rig.send(&Packet::Publish(delivery("a", AtLeastOnce, number)));
    }
    assert!(rig.client.state().is_online());
    for _ in 1..=20 {
        rig.handle_message();
    }
    assert_eq!(rig.wire.len(), 20);
}
