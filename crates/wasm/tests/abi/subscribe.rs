//! Subscriptions.

use evenkeel_codec::{
    Packet, Properties, Property, QoS, ReasonCode, RetainHandling, SubAck, SubscribeOptions, Text,
    UnsubAck,
};
use evenkeel_wasm::*;

use crate::world::{World, encode_filters, error, input, kind};

#[test]
fn a_subscribe_ends_with_a_code_for_each_filter() {
    let mut world = World::online(|| {});
    let filters = [("a/+", 1), ("longer/filter/#", 2 + 4 + 8 + 32)];
    let bytes = encode_filters(&filters);
    let identifier = b"\x0b\x05";
    input(&[&bytes, identifier]);
    let len = bytes.len() as u32;
    assert_eq!(ek_subscribe(world.client, 0.0, 9, 2, len, 2), 0, "{}", error());
    world.drain();
    let Packet::Subscribe(subscribe) = world.next_packet() else { panic!() };
    assert_eq!(subscribe.properties.subscription_identifiers().collect::<Vec<_>>(), [5]);
    let options = SubscribeOptions {
        qos: QoS::ExactlyOnce,
        no_local: true,
        retain_as_published: true,
        retain_handling: RetainHandling::Never,
    };
    assert_eq!(subscribe.filters[1].options, options);
    assert_eq!(subscribe.filters[0].filter.as_str(), "a/+");
    let said = Properties::new().with(Property::ReasonString(Text::from_static("ok").unwrap()));
    let codes = vec![ReasonCode::GRANTED_QOS_1, ReasonCode::NOT_AUTHORIZED];
    let packet_id = subscribe.packet_id;
    world.send(Packet::SubAck(SubAck { packet_id, codes, properties: said }));
    let answered = world.expect(kind::ANSWERED);
    assert_eq!(answered.words(8), [9, 9, 1, u32::MAX, 5]);
    assert_eq!(world.expect(kind::SUBSCRIBED).words(8), [9, 0, 2, 0, 1, 0x87]);
    assert_eq!(ek_number(world.client, 2), 1.0);
}

#[test]
fn an_unsubscribe_ends_with_a_code_for_each_filter() {
    let mut world = World::online(|| {});
    let bytes = encode_filters(&[("a", 0), ("b", 0)]);
    input(&[&bytes]);
    let len = bytes.len() as u32;
    assert_eq!(ek_unsubscribe(world.client, 0.0, 3, 2, len, 0), 0, "{}", error());
    world.drain();
    let Packet::Unsubscribe(unsubscribe) = world.next_packet() else { panic!() };
    let codes = vec![ReasonCode::SUCCESS, ReasonCode::NO_SUBSCRIPTION_EXISTED];
    let (packet_id, properties) = (unsubscribe.packet_id, Properties::new());
    world.send(Packet::UnsubAck(UnsubAck { packet_id, codes, properties }));
    assert_eq!(world.expect(kind::UNSUBSCRIBED).words(8), [3, 0, 2, 0, 0, 0x11]);
}

#[test]
fn what_cannot_be_subscribed_to_is_refused_at_once() {
    let world = World::online(|| {});
    for (filters, number) in [
        (&[("", 0)][..], -6),
        (&[("a/#/b", 0)], -6),
        (&[("a", 3)], -8),
        (&[("a", 0x30)], -8),
        (&[("a", 256)], -8),
        (&[("a\0", 0)], -4),
        (&[], -550),
    ] {
        assert_eq!(world.subscribe(1, filters), number, "{filters:?}: {}", error());
    }
    let bytes = encode_filters(&[("abc", 0)]);
    input(&[&bytes]);
    assert_eq!(ek_subscribe(world.client, 0.0, 1, 2, 12, 0), -2, "there is one filter");
    assert_eq!(ek_subscribe(world.client, 0.0, 1, 1, 11, 0), -2, "without its padding");
}

#[test]
fn subscriptions_are_asked_for_again_unless_that_is_off() {
    for (restore, event) in [(1.0, 112), (0.0, 128)] {
        let mut world = World::online(|| assert_eq!(ek_set_number(47, restore), 0));
        world.subscribe(1, &[("a", 0)]);
        world.drain();
        let Packet::Subscribe(subscribe) = world.next_packet() else { panic!() };
        let (packet_id, properties) = (subscribe.packet_id, Properties::new());
        let codes = vec![ReasonCode::SUCCESS];
        world.send(Packet::SubAck(SubAck { packet_id, codes, properties }));
        world.close();
        while !world.records.iter().any(|record| record.kind == kind::OPEN) {
            world.pass_deadline();
        }
        world.open();
        assert!(matches!(world.next_packet(), Packet::Connect(_)));
        world.send(Packet::ConnAck(Default::default()));
        let told = world.records.iter().any(|record| {
            record.kind == kind::EVENT && (record.word(8), record.float(16)) == (event, 1.0)
        });
        assert!(told, "no event {event}");
        assert_eq!(world.packet().is_some(), restore == 1.0);
    }
}
