//! Subscription identifiers of ours, for the routing of messages (D17).

use evenkeel_proto::codec::{ConnAck, Property, RetainHandling, Subscribe, Version};
use evenkeel_proto::{Config, SubscribeError};

use crate::support::*;

/// The identifier that a SUBSCRIBE carries.
fn identifier(subscribe: &Subscribe) -> Option<u32> {
    subscribe.properties.subscription_identifiers().next()
}

fn names(subscribe: &Subscribe) -> Vec<&str> {
    subscribe.filters.iter().map(|wanted| wanted.filter.as_str()).collect()
}

fn subscribe_identified(rig: &mut Rig, name: &str, identifier: u32, number: u64) {
    let wanted = subscribe_to(name, AtLeastOnce);
    let properties = Default::default();
    let result = rig.client.subscribe_identified(
        rig.now,
        vec![wanted],
        properties,
        identifier,
        token(number),
    );
    assert_eq!(result, Ok(()));
    rig.settle();
}

fn identify(rig: &mut Rig, names: &[&str], identifier: u32) {
    let filters: Vec<_> = names.iter().map(|name| filter(name)).collect();
    rig.client.identify(rig.now, &filters, identifier);
    rig.settle();
}

/// A client with filters granted in one packet.
fn granted(names: &[&str]) -> Rig {
    let mut rig = Rig::online(config(Version::V5));
    let filters: Vec<_> = names.iter().map(|name| (*name, AtLeastOnce)).collect();
    rig.subscribe(&filters, 1);
    let sent = rig.expect_subscribe();
    assert_eq!(identifier(&sent), None);
    rig.send(&suback(sent.packet_id, &vec![1; names.len()]));
    assert_eq!(rig.answer(1), Ok(vec![1; names.len()]));
    rig
}

fn without_identifiers() -> ConnAck {
    with([Property::SubscriptionIdentifierAvailable(0)])
}

//= [MQTT-3.8.4-3] test
#[test]
fn what_is_in_force_is_asked_for_anew_before_what_follows() {
    let mut rig = granted(&["a", "b"]);
    identify(&mut rig, &["a"], 500);
    subscribe_identified(&mut rig, "+", 501, 2);
    let renewal = rig.expect_subscribe();
    assert_eq!((names(&renewal), identifier(&renewal)), (vec!["a"], Some(500)));
    assert_eq!(renewal.filters[0].options.retain_handling, RetainHandling::Never);
    let next = rig.expect_subscribe();
    assert_eq!((names(&next), identifier(&next)), (vec!["+"], Some(501)));
    rig.send(&suback(renewal.packet_id, &[1]));
    rig.send(&suback(next.packet_id, &[1]));
    assert_eq!(rig.answer(2), Ok(vec![1]));
    assert_eq!(rig.client.subscriptions(), 3);
    identify(&mut rig, &["a", "+"], 502);
    rig.expect_nothing();
}

#[test]
fn what_is_out_is_asked_for_anew_once_it_is_granted() {
    let mut rig = Rig::online(config(Version::V5));
    rig.subscribe(&[("a", AtLeastOnce)], 1);
    let first = rig.expect_subscribe();
    identify(&mut rig, &["a"], 500);
    subscribe_identified(&mut rig, "+", 501, 2);
    // Of messages for both, a server that sends one copy would name "+" alone.
    rig.expect_nothing();
    rig.send(&suback(first.packet_id, &[1]));
    let renewal = rig.expect_subscribe();
    assert_eq!((names(&renewal), identifier(&renewal)), (vec!["a"], Some(500)));
    let next = rig.expect_subscribe();
    assert_eq!((names(&next), identifier(&next)), (vec!["+"], Some(501)));
}

#[test]
fn what_waits_goes_out_with_it() {
    let mut rig = Rig::started(config(Version::V5));
    rig.subscribe(&[("a", AtLeastOnce)], 1);
    identify(&mut rig, &["a"], 500);
    rig.accept_with(&accepted());
    let sent = rig.expect_subscribe();
    assert_eq!((names(&sent), identifier(&sent)), (vec!["a"], Some(500)));
    rig.expect_nothing();
}

#[test]
fn a_lost_session_is_restored_with_the_identifiers() {
    let mut rig = granted(&["a", "b"]);
    identify(&mut rig, &["a"], 500);
    let renewal = rig.expect_subscribe();
    rig.send(&suback(renewal.packet_id, &[1]));
    rig.reconnect_with(&accepted());
    let restored = [rig.expect_subscribe(), rig.expect_subscribe()];
    let mut seen: Vec<_> = restored.iter().map(|sent| (names(sent), identifier(sent))).collect();
    seen.sort();
    assert_eq!(seen, [(vec!["a"], Some(500)), (vec!["b"], None)]);
    let handling = restored.iter().map(|sent| sent.filters[0].options.retain_handling);
    assert!(handling.into_iter().all(|handling| handling == RetainHandling::OnSubscribe));
}

#[test]
fn a_renewal_that_a_lost_session_overtakes_is_not_sent_beside_the_restoring() {
    let mut rig = granted(&["a"]);
    identify(&mut rig, &["a"], 500);
    rig.expect_subscribe();
    rig.reconnect_with(&accepted());
    let restored = rig.expect_subscribe();
    assert_eq!((names(&restored), identifier(&restored)), (vec!["a"], Some(500)));
    assert_eq!(restored.filters[0].options.retain_handling, RetainHandling::OnSubscribe);
    rig.expect_nothing();
}

#[test]
fn servers_without_them_are_not_troubled() {
    let lacking = Rig::online_with(config(Version::V5), &without_identifiers());
    for mut rig in [lacking, Rig::online(config(Version::V311))] {
        rig.subscribe(&[("a", AtLeastOnce)], 1);
        let first = rig.expect_subscribe();
        rig.send(&suback(first.packet_id, &[1]));
        assert_eq!(rig.answer(1), Ok(vec![1]));
        identify(&mut rig, &["a"], 500);
        rig.expect_nothing();
        subscribe_identified(&mut rig, "+", 501, 2);
        let sent = rig.expect_subscribe();
        assert_eq!((names(&sent), identifier(&sent)), (vec!["+"], None));
        rig.send(&suback(sent.packet_id, &[1]));
        assert_eq!(rig.answer(2), Ok(vec![1]));
    }
}

#[test]
fn an_identifier_of_the_applications_stays() {
    let mut rig = Rig::online(config(Version::V5));
    let properties = [Property::SubscriptionIdentifier(7)].into_iter().collect();
    let wanted = vec![subscribe_to("a", AtLeastOnce)];
    rig.client.subscribe(rig.now, wanted, properties, token(1)).unwrap();
    rig.settle();
    let sent = rig.expect_subscribe();
    assert_eq!(identifier(&sent), Some(7));
    identify(&mut rig, &["a"], 500);
    rig.send(&suback(sent.packet_id, &[1]));
    identify(&mut rig, &["a"], 500);
    rig.expect_nothing();
}

/// "a" with one option is 8 bytes of a SUBSCRIBE, and 5 more with the identifier.
#[test]
fn a_packet_that_is_too_large_with_it_goes_out_without() {
    for (room, expected) in [(14, Some(1 << 27)), (13, None)] {
        let limit = with([Property::MaximumPacketSize(room)]);
        let mut rig = Rig::online_with(Config::default(), &limit);
        subscribe_identified(&mut rig, "a", 1 << 27, 1);
        assert_eq!(identifier(&rig.expect_subscribe()), expected, "{room} bytes");
    }
}

#[test]
fn a_client_that_is_closed_asks_for_nothing() {
    let mut rig = granted(&["a"]);
    rig.shutdown(std::time::Duration::from_secs(1));
    rig.forget_wire();
    identify(&mut rig, &["a"], 500);
    let wanted = vec![subscribe_to("b", AtLeastOnce)];
    let refused =
        rig.client.subscribe_identified(rig.now, wanted, Default::default(), 500, token(2));
    assert_eq!(refused, Err(SubscribeError::Abandoned));
}

#[test]
fn what_the_store_holds_is_as_it_was_asked_for() {
    let mut rig = Rig::durable_online(lasting(Version::V5));
    rig.subscribe(&[("a", AtLeastOnce)], 1);
    let sent = rig.expect_subscribe();
    rig.send(&suback(sent.packet_id, &[1]));
    rig.advance(std::time::Duration::from_secs(1));
    identify(&mut rig, &["a"], 500);
    let renewal = rig.expect_subscribe();
    // Nothing is stored by it.
    rig.send(&suback(renewal.packet_id, &[1]));
    rig.crash();
    rig.restart_with(&accepted());
    let restored = rig.expect_subscribe();
    assert_eq!(identifier(&restored), None);
    assert_eq!(restored.filters[0].options.retain_handling, RetainHandling::OnSubscribe);
}
