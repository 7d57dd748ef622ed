//! Receive Maximum in both directions.

use evenkeel_broker::CloseReason;
use evenkeel_broker::fault::When;
use evenkeel_codec::{Connect, Packet, PacketType, Properties, Property, Publish, QoS, ReasonCode};

use crate::world::*;

fn with(client_id: &str, property: Property) -> Connect {
    Connect { properties: Properties::new().with(property), ..v5(client_id) }
}

//= [MQTT-3.3.4-9] test
//= [MQTT-4.9.0-1] test
//= [MQTT-4.9.0-2] test
#[test]
fn a_client_gets_no_more_than_its_receive_maximum() {
    let mut world = World::new();
    let peer = world.connect(with("a", Property::ReceiveMaximum(2)));
    world.subscribe(peer, "t", QoS::ExactlyOnce);
    let publisher = world.connect(v5("p"));
    for (number, payload) in (1..).zip(["a", "b", "c", "d"]) {
        world.send(publisher, publish_1("t", payload, number));
    }
    world.send(publisher, publish("t", "qos 0 passes"));
    let first = world.messages(peer);
    let shown: Vec<&[u8]> = first.iter().map(|publish| publish.payload.as_ref()).collect();
    assert_eq!(shown, [&b"a"[..], b"b", b"qos 0 passes"]);
    world.send(peer, puback(first[1].packet_id.unwrap().get()));
    assert_eq!(world.payloads(peer), ["c"]);
    world.send(peer, puback(first[0].packet_id.unwrap().get()));
    assert_eq!(world.payloads(peer), ["d"]);
}

//= [MQTT-3.3.4-7] test
#[test]
fn more_than_the_brokers_receive_maximum_ends_the_connection() {
    let mut world = World::with(|config| config.offer.receive_maximum = 2);
    // Acknowledgements that never come leave the exchanges open.
    world.core.add_fault(world.now, When::sent(PacketType::PubAck).drop()).unwrap();
    let (peer, connack) = world.try_connect(v5("a"));
    assert_eq!(connack.properties.receive_maximum(), Some(2));
    world.send(peer, publish_1("t", "x", 1));
    world.send(peer, publish_1("t", "x", 2));
    world.send(peer, publish("t", "qos 0 does not count"));
    assert!(!world.is_closed(peer));
    world.send(peer, publish_1("t", "x", 3));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::RECEIVE_MAXIMUM_EXCEEDED);
    assert_eq!(world.why_closed(peer), CloseReason::ProtocolError);
}

#[test]
fn acknowledged_exchanges_do_not_count() {
    let mut world = World::with(|config| config.offer.receive_maximum = 1);
    let peer = world.connect(v5("a"));
    for number in 1..=50 {
        world.send(peer, publish_1("t", "x", number));
        world.send(peer, publish_2("t", "x", number));
        world.send(peer, pubrel(number));
    }
    assert!(!world.is_closed(peer));
    world.send(peer, publish_2("t", "x", 1));
    world.send(peer, publish_2("t", "again, not new", 1));
    assert!(!world.is_closed(peer));
    world.send(peer, publish_1("t", "x", 2));
    assert!(world.is_closed(peer), "the QoS 2 exchange is open until PUBCOMP");
}

//= [MQTT-3.1.2-24] test
//= [MQTT-3.1.2-25] test
#[test]
fn what_is_too_large_for_a_client_is_not_sent() {
    let mut world = World::new();
    let peer = world.connect(with("a", Property::MaximumPacketSize(100)));
    world.subscribe(peer, "t", QoS::AtLeastOnce);
    let publisher = world.connect(v5("p"));
    // Fixed header 2, topic 3, identifier 2, no properties 1.
    world.send(publisher, publish_1("t", &"x".repeat(92), 1));
    assert_eq!(world.messages(peer).len(), 1);
    world.send(publisher, publish_1("t", &"x".repeat(93), 2));
    world.send(publisher, publish_1("t", "small", 3));
    assert_eq!(world.payloads(peer), ["small"]);
    assert_eq!(world.count("message_dropped"), 1);
    world.core.configure(|config| config.behaviour.honour_maximum_packet_size = false);
    world.send(publisher, publish_1("t", &"x".repeat(93), 4));
    assert_eq!(world.messages(peer).len(), 1, "a faulty broker on purpose");
}

#[test]
fn what_is_too_large_for_the_broker_ends_the_connection() {
    let mut world = World::with(|config| config.offer.maximum_packet_size = 100);
    let (peer, connack) = world.try_connect(v5("a"));
    assert_eq!(connack.properties.maximum_packet_size(), Some(100));
    world.send(peer, publish("t", &"x".repeat(94)));
    assert!(!world.is_closed(peer));
    world.send(peer, publish("t", &"x".repeat(95)));
    assert_eq!(world.disconnect_reason(peer), ReasonCode::PACKET_TOO_LARGE);
}

#[test]
fn a_slow_subscriber_holds_up_its_publishers() {
    let mut world = World::with(|config| config.limits.queue_messages = 10);
    let slow = world.connect(with("slow", Property::ReceiveMaximum(1)));
    world.subscribe(slow, "t", QoS::AtLeastOnce);
    let publisher = world.connect(v5("p"));
    // One is on its way, five wait: half full, not more.
    for number in 1..=6 {
        world.send(publisher, publish_1("t", "x", number));
        assert_eq!(world.recv(publisher).len(), 1, "{number}");
    }
    world.send(publisher, publish_1("t", "x", 7));
    world.send(publisher, Packet::PingReq);
    assert_eq!(world.recv_one(publisher), Packet::PingResp, "only the acknowledgement waits");
    assert_eq!(world.count("ack_held"), 1);
    let id = world.messages(slow)[0].packet_id.unwrap().get();
    world.send(slow, puback(id));
    assert_eq!(world.recv_one(publisher), puback(7));

    world.send(publisher, publish_1("t", "x", 8));
    assert_eq!(world.recv(publisher), []);
    world.wait(ms(9999));
    assert_eq!(world.recv(publisher), []);
    world.wait(ms(1));
    assert_eq!(world.recv_one(publisher), puback(8), "the wait has an end");

    world.send(publisher, publish_1("t", "x", 9));
    assert_eq!(world.recv(publisher), []);
    world.cut(slow);
    assert_eq!(world.recv_one(publisher), puback(9), "nobody waits for one who is gone");
}

#[test]
fn a_full_queue_drops_and_says_so_once() {
    let mut world = World::with(|config| config.limits.queue_messages = 3);
    let peer = world.connect(lasting("a", 100));
    world.subscribe(peer, "t", QoS::AtLeastOnce);
    world.cut(peer);
    let publisher = world.connect(v5("p"));
    for number in 1..=5 {
        world.send(publisher, publish_1("t", &number.to_string(), number));
    }
    assert_eq!(world.recv(publisher).len(), 5, "a client that is away holds up nobody");
    assert_eq!(world.core.queued("a"), Some(3));
    assert_eq!(world.core.stats().messages_dropped, 2);
    assert_eq!(world.count("limit_reached"), 1);
    let peer = world.connect(lasting("a", 100));
    assert_eq!(world.payloads(peer), ["1", "2", "3"]);
    assert_eq!(world.core.queued("a"), Some(0));
}

#[test]
fn queues_are_bounded_in_bytes_too() {
    for total in [false, true] {
        let mut world = World::with(|config| {
            if total {
                config.limits.queue_bytes_total = 1600
            } else {
                config.limits.queue_bytes = 1600
            }
        });
        let peer = world.connect(lasting("a", 100));
        world.subscribe(peer, "t", QoS::AtLeastOnce);
        world.cut(peer);
        let publisher = world.connect(v5("p"));
        for number in 1..=3 {
            world.send(publisher, publish_1("t", &"x".repeat(400), number));
        }
        assert_eq!(world.core.queued("a"), Some(2));
    }
}

#[test]
fn a_client_that_does_not_read_is_not_read_either() {
    let mut world = World::with(|config| config.limits.output_bytes = 100);
    let peer = world.connect(v311("a"));
    let mut pings = bytes::BytesMut::from(&[0xc0, 0].repeat(500)[..]);
    world.core.receive(world.now, peer.id, &mut pings);
    assert_eq!(pings.len(), 2 * 400, "answers to 100 pings fill the output");
    assert!(!world.core.status(world.now, peer.id).reads);
    let mut output = Vec::new();
    world.core.take_output(world.now, peer.id, &mut output);
    world.core.receive(world.now, peer.id, &mut pings);
    assert_eq!(pings.len(), 800, "taken is not written");
    world.core.written(world.now, peer.id, output.len());
    assert!(world.core.status(world.now, peer.id).reads);
    world.core.receive(world.now, peer.id, &mut pings);
    assert_eq!(pings.len(), 600);
}

#[test]
fn a_message_waits_until_the_transport_has_room() {
    let mut world = World::with(|config| config.limits.output_bytes = 1000);
    let peer = world.connect(v5("a"));
    world.subscribe(peer, "t", QoS::AtMostOnce);
    let large: Publish = publish("t", &"x".repeat(600));
    let mut bytes = Vec::new();
    for _ in 0..5 {
        Packet::Publish(large.clone()).encode(peer.version, &mut bytes).unwrap();
    }
    let mut bytes = bytes::BytesMut::from(&bytes[..]);
    world.core.receive(world.now, peer.id, &mut bytes);
    assert_eq!(world.core.queued("a"), Some(3), "two are encoded");
    world.wait(ms(0));
    world.send(peer, Packet::PingReq);
    assert_eq!(world.messages(peer).len(), 5);
    assert_eq!(world.core.queued("a"), Some(0));
}
