//! Shared subscriptions.

use evenkeel_codec::{QoS, Version};

use crate::world::*;

#[test]
fn a_group_gets_each_message_once_in_turn() {
    for version in [Version::V311, Version::V5] {
        let mut world = World::new();
        let one = world.connect(connect(version, "1"));
        let two = world.connect(connect(version, "2"));
        let alone = world.connect(connect(version, "3"));
        world.subscribe(one, "$share/g/t/+", QoS::AtLeastOnce);
        world.subscribe(two, "$share/g/t/+", QoS::AtLeastOnce);
        world.subscribe(alone, "t/#", QoS::AtMostOnce);
        let other = world.connect(connect(version, "4"));
        world.subscribe(other, "$share/h/t/+", QoS::AtMostOnce);
        for payload in ["a", "b", "c", "d"] {
            world.send(alone, publish("t/x", payload));
        }
        assert_eq!(world.payloads(one), ["a", "c"]);
        assert_eq!(world.payloads(two), ["b", "d"]);
        assert_eq!(world.payloads(alone), ["a", "b", "c", "d"]);
        assert_eq!(world.payloads(other), ["a", "b", "c", "d"]);
        world.send(one, unsubscribe("$share/g/t/+"));
        world.send(alone, publish("t/x", "e"));
        assert_eq!(world.payloads(two), ["e"]);
        assert_eq!(world.payloads(one), [""; 0]);
    }
}

#[test]
fn members_with_a_connection_come_first() {
    let mut world = World::new();
    let away = world.connect(lasting("away", 100));
    let here = world.connect(v5("here"));
    for peer in [away, here] {
        world.subscribe(peer, "$share/g/t", QoS::AtLeastOnce);
    }
    world.cut(away);
    let publisher = world.connect(v5("p"));
    for number in 1..=4 {
        world.send(publisher, publish_1("t", &number.to_string(), number));
    }
    assert_eq!(world.payloads(here), ["1", "2", "3", "4"]);
    world.cut(here);
    world.send(publisher, publish_1("t", "5", 5));
    assert_eq!(world.core.queued("away"), Some(1), "the last session keeps it");
}

//= [MQTT-4.8.2-6] test
#[test]
fn a_message_that_a_member_refuses_goes_to_nobody_else() {
    use evenkeel_codec::{Ack, Packet, ReasonCode};
    let mut world = World::new();
    let one = world.connect(v5("1"));
    let two = world.connect(v5("2"));
    for peer in [one, two] {
        world.subscribe(peer, "$share/g/t", QoS::AtLeastOnce);
    }
    let publisher = world.connect(v5("p"));
    world.send(publisher, publish_1("t", "x", 1));
    let id = world.messages(one)[0].packet_id.unwrap();
    world.send(one, Packet::PubAck(Ack::new(id, ReasonCode::UNSPECIFIED_ERROR)));
    world.cut(one);
    assert_eq!(world.payloads(two), [""; 0]);
}

#[test]
fn shared_subscriptions_get_no_retained_messages() {
    let mut world = World::new();
    let peer = world.connect(v5("1"));
    world.send(peer, retained("t", "x"));
    world.subscribe(peer, "$share/g/t", QoS::AtLeastOnce);
    assert_eq!(world.recv(peer), []);
}

//= [MQTT-4.8.2-3] test
#[test]
fn the_chosen_member_gets_its_own_qos() {
    let mut world = World::new();
    let low = world.connect(v5("low"));
    let high = world.connect(v5("high"));
    world.subscribe(low, "$share/g/t", QoS::AtMostOnce);
    world.subscribe(high, "$share/g/t", QoS::ExactlyOnce);
    let publisher = world.connect(v5("p"));
    for number in 1..=2 {
        world.send(publisher, publish_1("t", "x", number));
    }
    assert_eq!(world.messages(low)[0].qos, QoS::AtMostOnce);
    assert_eq!(world.messages(high)[0].qos, QoS::AtLeastOnce);
}

//= [MQTT-4.8.2-4] test
#[test]
fn a_qos_2_delivery_is_completed_by_the_member_it_began_with() {
    let mut world = World::new();
    let away = world.connect(lasting("away", 100));
    world.subscribe(away, "$share/g/t", QoS::ExactlyOnce);
    let here = world.connect(v5("here"));
    world.subscribe(here, "$share/g/t", QoS::ExactlyOnce);
    let publisher = world.connect(v5("p"));
    world.send(publisher, publish_2("t", "x", 1));
    let id = world.messages(away)[0].packet_id.unwrap().get();
    world.send(away, pubrec(id));
    world.cut(away);
    let away = world.connect(lasting("away", 100));
    assert_eq!(world.recv(away), [pubrel(id)]);
    assert_eq!(world.payloads(here), [""; 0]);
}
