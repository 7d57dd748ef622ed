//! D8 with a store: what the application was told of its subscriptions is what
//! the next process finds.

use evenkeel_proto::codec::{ConnAck, Packet, ReasonCode, SubscribeFilter, Version};
use evenkeel_proto::record::StoredSubscription;
use evenkeel_proto::{Event, SubscribeError};

use crate::support::*;

fn rig(version: Version) -> Rig {
    let mut config = lasting(version);
    config.connect.keep_alive = 600;
    // Each filter in a packet of its own.
    config.bounds.filters_per_packet = 1;
    Rig::durable_online(config)
}

/// Answers all that is sent until nothing comes any more, but cuts the connection
/// at a SUBSCRIBE of the filter `bad`; each next one begins with this CONNACK.
fn serve(rig: &mut Rig, connack: &ConnAck, cuts: bool) {
    loop {
        let Some(packet) = rig.wire.pop_front() else {
            if rig.client.state().is_online() {
                return;
            }
            rig.await_open();
            rig.accept_with(connack);
            continue;
        };
        let is_bad = |entry: &SubscribeFilter| entry.filter == filter("bad");
        match packet {
            Packet::PingReq => rig.send(&Packet::PingResp),
            Packet::Subscribe(subscribe) if cuts && subscribe.filters.iter().any(is_bad) => {
                rig.cut();
                rig.forget_wire();
            }
            Packet::Subscribe(subscribe) => {
                rig.send(&suback(subscribe.packet_id, &vec![1; subscribe.filters.len()]));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Online, and granted these filters.
fn subscribed(version: Version, filters: &[&str]) -> Rig {
    let mut rig = rig(version);
    let filters: Vec<_> = filters.iter().map(|filter| (*filter, AtLeastOnce)).collect();
    rig.subscribe(&filters, 1);
    serve(&mut rig, &accepted(), false);
    assert!(rig.answer(1).is_ok());
    rig.take_events();
    rig
}

/// The filters that the next process begins with.
fn after_a_crash(rig: &mut Rig) -> Vec<String> {
    rig.advance(secs(1));
    rig.crash();
    let stored: Vec<StoredSubscription> = rig.store.recovered().subscriptions;
    assert_eq!(rig.client.subscriptions(), stored.len());
    stored.iter().map(|stored| stored.filter.filter.as_str().to_owned()).collect()
}

fn lost(rig: &mut Rig) -> Vec<String> {
    let events = rig.take_events().into_iter();
    let lost = events.filter_map(|event| match event {
        Event::SubscriptionLost { filter, .. } => Some(filter.as_str().to_owned()),
        _ => None,
    });
    lost.collect()
}

#[test]
fn a_restored_filter_that_was_told_to_be_lost_stays_lost() {
    each_version(|version| {
        let mut rig = subscribed(version, &["bad", "good"]);
        rig.reconnect_with(&accepted());
        serve(&mut rig, &accepted(), true);
        assert_eq!(lost(&mut rig), ["bad"], "it cost two connections");
        assert_eq!(after_a_crash(&mut rig), ["good"]);
    });
}

#[test]
fn a_restored_filter_that_the_server_lacks_now_stays_lost() {
    use evenkeel_proto::codec::Property;
    let mut rig = subscribed(Version::V5, &["a/+", "b"]);
    let connack = with([Property::WildcardSubscriptionAvailable(0)]);
    rig.reconnect_with(&connack);
    serve(&mut rig, &connack, false);
    assert_eq!(lost(&mut rig), ["a/+"]);
    assert_eq!(after_a_crash(&mut rig), ["b"]);
}

/// The process may die before the filters beside it have their answers: nobody
/// would hear what became of the one that is stored as gone.
#[test]
fn a_loss_is_told_before_the_filters_beside_it_are_answered() {
    each_version(|version| {
        let mut rig = subscribed(version, &["a", "b"]);
        rig.reconnect_with(&accepted());
        let first = rig.expect_subscribe();
        assert_eq!(first.filters.len(), 1);
        rig.send(&suback(first.packet_id, &[0x80]));
        let reason = ReasonCode::UNSPECIFIED_ERROR;
        let told = Event::SubscriptionLost { filter: filter("a"), reason };
        assert!(rig.take_events().contains(&told));
        let second = rig.expect_subscribe();
        rig.send(&suback(second.packet_id, &[1]));
        assert_eq!(lost(&mut rig), [""; 0], "once");
        assert_eq!(after_a_crash(&mut rig), ["b"]);
    });
}

/// A filter in force is asked for anew, and connections die of that.
fn asked_anew(version: Version, connack: &ConnAck, filters: &[&str]) -> Rig {
    let mut rig = subscribed(version, &["bad", "good"]);
    let filters: Vec<_> = filters.iter().map(|filter| (*filter, ExactlyOnce)).collect();
    rig.subscribe(&filters, 2);
    serve(&mut rig, connack, true);
    rig
}

/// What it replaced went with the session, and is not restored in this process.
#[test]
fn what_failed_after_the_session_was_lost_is_not_left_to_the_next_process() {
    each_version(|version| {
        let mut rig = asked_anew(version, &accepted(), &["bad"]);
        assert!(matches!(rig.answer(2), Err(SubscribeError::Quarantined { .. })));
        assert_eq!(rig.client.subscriptions(), 1);
        assert_eq!(after_a_crash(&mut rig), ["good"]);
        let mut rig = asked_anew(version, &accepted(), &["other", "bad"]);
        assert_eq!(rig.answer(2), Ok(vec![1, 0x80]));
        assert_eq!(after_a_crash(&mut rig), ["good", "other"]);
    });
}

#[test]
fn what_failed_while_the_session_lives_leaves_the_earlier_grant() {
    each_version(|version| {
        let mut rig = asked_anew(version, &resumed(), &["bad"]);
        assert!(matches!(rig.answer(2), Err(SubscribeError::Quarantined { .. })));
        assert_eq!(rig.client.subscriptions(), 2, "the server holds it as it was");
        assert_eq!(after_a_crash(&mut rig), ["bad", "good"]);
    });
}
