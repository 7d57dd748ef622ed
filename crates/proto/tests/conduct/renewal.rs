//! Connections that are renewed before the server ends them (R16).

use std::time::Duration;

use evenkeel_proto::codec::{Packet, PacketId, Properties, Property, ReasonCode, Version, Will};
use evenkeel_proto::{
    Accepted, Client, Config, ConfigError, Delivered, DisconnectCause, Event, Instant, OfflineQos0,
    RejectReason, Timer, TransportFailure,
};

use crate::connect::will;
use crate::support::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn aged(version: Version, age: Duration) -> Config {
    let mut config = quiet(lasting(version));
    config.bounds.connection_age = Some(age);
    config
}

/// A client whose renewal is due at this very moment, before it knows.
fn due(version: Version) -> Rig {
    let mut rig = Rig::online(aged(version, secs(1000)));
    let left = rig.until(Timer::Renewal);
    rig.jump(left);
    rig
}

fn gaps(rig: &mut Rig) -> Vec<Duration> {
    let events = rig.take_events().into_iter();
    events
        .filter_map(|event| if let Event::Renewed { gap } = event { Some(gap) } else { None })
        .collect()
}

fn topics(rig: &mut Rig) -> Vec<String> {
    let mut topics = Vec::new();
    while let Some(packet) = rig.wire.pop_front() {
        let Packet::Publish(publish) = packet else { continue };
        topics.push(publish.topic.to_string());
        if let Some(id) = publish.packet_id {
            rig.send(&puback(id));
        }
    }
    topics
}

#[test]
fn the_moment_is_spread_before_the_end() {
    for (age, earliest, latest) in [
        (secs(100), secs(80), secs(95)),
        (secs(3600), secs(2880), secs(3420)),
        (DAY, DAY - secs(1200), DAY - secs(300)),
        (DAY * 7, DAY * 7 - secs(1200), DAY * 7 - secs(300)),
    ] {
        let mut moments = Vec::new();
        for seed in 0..50 {
            let mut rig = Rig::seeded(aged(Version::V5, age), seed);
            rig.client.start(rig.now);
            rig.settle();
            rig.accept_with(&accepted());
            let moment = rig.until(Timer::Renewal);
            assert!((earliest..=latest).contains(&moment), "{moment:?} of {age:?}");
            moments.push(moment);
        }
        moments.sort();
        let span = moments[49] - moments[0];
        assert!(span > (latest - earliest) / 4 * 3, "{span:?} of {age:?}");
    }
}

/// The time that an attempt takes may be part of the age.
#[test]
fn the_age_counts_from_the_attempt() {
    let mut rig = Rig::started(aged(Version::V5, secs(100)));
    rig.advance(secs(20));
    rig.accept_with(&accepted());
    let moment = rig.until(Timer::Renewal);
    assert!((secs(60)..=secs(75)).contains(&moment), "{moment:?}");
}

#[test]
fn an_idle_connection_is_renewed_without_a_gap_and_without_its_will() {
    each_version(|version| {
        let mut config = aged(version, secs(1000));
        config.connect.will = Some(Box::new(Will { properties: Properties::new(), ..will() }));
        let mut rig = Rig::online(config);
        let moment = rig.until(Timer::Renewal);
        rig.advance(moment - MICRO);
        rig.expect_nothing();
        rig.advance(MICRO);
        rig.expect_renewal();
        assert_eq!(rig.cause(), DisconnectCause::Renewal);
        rig.advance(millis(300));
        let connect = rig.accept_with(&resumed());
        assert!(!connect.clean_start);
        assert_eq!(gaps(&mut rig), [millis(300)]);
    });
}

/// D1, D3: the order is kept, and each message arrives once.
#[test]
fn what_is_published_meanwhile_waits_for_the_next_connection() {
    each_version(|version| {
        for durable in [false, true] {
            let config = aged(version, secs(1000));
            let mut rig = if durable { Rig::durable_online(config) } else { Rig::online(config) };
            rig.publish("first", AtLeastOnce, 1);
            let first = rig.expect_publish().packet_id.unwrap();
            rig.jump(rig.until(Timer::Renewal));
            rig.wake();
            for (number, qos) in [(2, AtMostOnce), (3, AtLeastOnce), (4, AtMostOnce)] {
                let accepted = rig.publish(&number.to_string(), qos, number);
                assert!(!matches!(accepted, Accepted::Sent { .. }), "not to this connection");
            }
            rig.subscribe(&[("filter", AtLeastOnce)], 5);
            rig.expect_nothing();
            assert_eq!(rig.until(Timer::Renewal), secs(10));
            rig.advance(secs(9));
            rig.expect_nothing();
            rig.send(&puback(first));
            rig.expect_renewal();
            assert_eq!(rig.await_open(), secs(0));
            rig.accept_with(&resumed());
            rig.expect_subscribe();
            // QoS 0 does not wait for the store, which has order for each QoS.
            let order = if durable { ["2", "4", "3"] } else { ["2", "3", "4"] };
            assert_eq!(topics(&mut rig), order, "durable: {durable}");
            let publishes = rig.outcomes().into_iter().filter_map(|outcome| match outcome {
                evenkeel_proto::Completion::Publish { token, result } => {
                    assert!(result.is_ok(), "{result:?}");
                    Some(token.0)
                }
                _ => None,
            });
            let mut ends: Vec<_> = publishes.collect();
            ends.sort();
            assert_eq!(ends, [1, 2, 3, 4], "each has one");
            assert_eq!(rig.stats().publishes_resent, 0);
        }
    });
}

/// It could not go out now, and is of no use on the next connection.
#[test]
fn what_is_for_this_moment_is_refused_meanwhile() {
    let mut rig = Rig::online(aged(Version::V5, secs(1000)));
    let momentary = || {
        let mut message = publish("now", "x", AtMostOnce);
        message.properties.push(Property::MessageExpiryInterval(0));
        message
    };
    rig.publish("first", AtLeastOnce, 1);
    assert!(rig.try_publish(momentary(), 2).is_ok());
    rig.jump(rig.until(Timer::Renewal));
    rig.wake();
    assert_eq!(rig.try_publish(momentary(), 3), Err(RejectReason::Expired));
}

#[test]
fn answers_are_waited_for_ten_seconds() {
    each_version(|version| {
        let mut rig = Rig::online(aged(version, secs(1000)));
        rig.publish("slow", AtLeastOnce, 1);
        let id = rig.expect_publish().packet_id;
        rig.jump(rig.until(Timer::Renewal));
        rig.wake();
        rig.advance(secs(10) - MICRO);
        rig.expect_nothing();
        rig.advance(MICRO);
        rig.expect_renewal();
        rig.await_open();
        rig.accept_with(&resumed());
        let again = rig.expect_publish();
        assert_eq!((again.dup, again.packet_id), (true, id), "under its identifier");
        rig.send(&puback(id.unwrap()));
        let Delivered { attempts, .. } = rig.outcome(1).unwrap();
        assert_eq!(attempts, 2);
    });
}

/// A message that the application has and has not answered would come again.
#[test]
fn the_applications_answers_are_waited_for_too() {
    each_version(|version| {
        let mut rig = due(version);
        let mut message = publish("inbound", "x", AtLeastOnce);
        message.packet_id = PacketId::new(7);
        rig.send(&Packet::Publish(message));
        let key = rig.message().ack.unwrap();
        rig.expect_nothing();
        rig.advance(secs(5));
        rig.acknowledge(key, ReasonCode::SUCCESS);
        assert_eq!(rig.expect(), puback(PacketId::new(7).unwrap()));
        rig.expect_renewal();
    });
}

#[test]
fn no_message_is_fed_into_a_socket_that_closes() {
    each_version(|version| {
        let mut rig = Rig::online(aged(version, secs(1000)));
        rig.writable = false;
        assert!(matches!(rig.publish("a", AtMostOnce, 1), Accepted::Sent { .. }));
        rig.jump(rig.until(Timer::Renewal));
        rig.wake();
        rig.advance(secs(25));
        assert!(rig.link.is_some(), "the transport has not taken it");
        rig.unblock();
        assert_eq!(rig.expect_publish().topic, "a");
        rig.expect_renewal();
    });
}

/// R2.
#[test]
fn a_renewal_waits_online_for_budget_and_floor() {
    let mut config = aged(Version::V5, secs(10));
    config.reconnect.budget = Some(2);
    let mut rig = Rig::online(config);
    rig.advance(secs(10));
    rig.expect_renewal();
    rig.accept_with(&resumed());
    rig.advance(secs(49));
    assert!(rig.link.is_some(), "the server has not closed it, so neither does the client");
    rig.advance(secs(2));
    rig.expect_renewal();
    assert_eq!(rig.opens[2].0.since(rig.opens[0].0), secs(60));
    assert!(rig.link.is_some(), "opened at once");

    let mut config = aged(Version::V5, secs(10));
    config.reconnect.floor = secs(20);
    let mut rig = Rig::online(config);
    rig.advance(secs(22));
    rig.expect_renewal();
    let gap = rig.opens[1].0.since(rig.opens[0].0);
    assert!((secs(20)..=secs(22)).contains(&gap), "{gap:?}");
    assert_eq!(rig.closes[0].0, rig.opens[1].0, "no gap by the floor");
}

#[test]
fn connections_are_renewed_no_oftener_than_their_age_demands() {
    for seed in 0..20 {
        let mut rig = Rig::seeded(aged(Version::V5, DAY), seed);
        rig.client.start(rig.now);
        rig.settle();
        rig.accept_with(&accepted());
        let begin = rig.now;
        while rig.now.since(begin) < DAY * 30 {
            let moment = rig.until(Timer::Renewal);
            assert!(moment >= DAY - secs(1200), "{moment:?}");
            rig.advance(moment);
            rig.expect_renewal();
            rig.accept_with(&resumed());
        }
        assert_eq!(rig.opens.len(), 32, "30 days and what 20 minutes early add");
        let loops = rig.take_events().into_iter().filter(|event| matches!(event, Event::Loop(_)));
        assert_eq!(loops.count(), 0, "renewing is no loop");
    }
}

#[test]
fn a_gap_is_told_whatever_lies_in_it() {
    let mut rig = due(Version::V5);
    rig.wake();
    rig.expect_renewal();
    rig.drop_link(TransportFailure::Unreachable);
    let wait = rig.await_open();
    rig.accept_with(&resumed());
    assert_eq!(gaps(&mut rig), [wait]);
    rig.cut();
    rig.await_open();
    rig.accept_with(&resumed());
    assert_eq!(gaps(&mut rig), [], "another end is no renewal");
}

#[test]
fn a_shutdown_while_answers_are_waited_for_sends_what_waits() {
    each_version(|version| {
        let mut rig = Rig::online(aged(version, secs(1000)));
        rig.publish("first", AtLeastOnce, 1);
        let first = rig.expect_publish().packet_id.unwrap();
        rig.jump(rig.until(Timer::Renewal));
        rig.wake();
        rig.publish("second", AtLeastOnce, 2);
        rig.expect_nothing();
        rig.shutdown(secs(60));
        let second = rig.expect_publish();
        assert_eq!(second.topic, "second");
        rig.send_all(&[puback(first), puback(second.packet_id.unwrap())]);
        assert_eq!(rig.expect_disconnect(), ReasonCode::SUCCESS);
        assert_eq!(rig.cause(), DisconnectCause::Shutdown);
    });
}

#[test]
fn without_an_age_nothing_is_renewed_and_an_age_of_zero_is_refused() {
    let mut rig = Rig::online(quiet(lasting(Version::V5)));
    assert_eq!(rig.deadline, None);
    rig.advance(DAY * 30);
    assert_eq!(rig.opens.len(), 1);
    let build = Client::new(aged(Version::V5, secs(0)), 1, Instant::from_micros(0));
    assert_eq!(build.err(), Some(ConfigError::ConnectionAge));
}

/// A client with a message to be sent again, which waits for a slow store, and an
/// operation without an answer, whose renewal has begun.
fn draining_beside_a_slow_store(version: Version) -> (Rig, PacketId) {
    let mut rig = Rig::durable_online(aged(version, secs(1000)));
    rig.publish("first", AtLeastOnce, 1);
    rig.expect_publish();
    // No evidence against the message, which would have it wait for other answers.
    rig.drop_link(TransportFailure::Unreachable);
    rig.await_open();
    rig.accept();
    rig.commits = Commits::Held;
    rig.publish("second", AtLeastOnce, 2);
    rig.send(&Packet::ConnAck(resumed()));
    rig.subscribe(&[("f", AtMostOnce)], 3);
    let subscribe = rig.expect_subscribe().packet_id;
    rig.jump(rig.until(Timer::Renewal));
    rig.wake();
    rig.expect_nothing();
    (rig, subscribe)
}

fn commit_all(rig: &mut Rig) {
    rig.commits = Commits::AtOnce;
    while !rig.batches.is_empty() {
        rig.commit();
    }
}

/// Neither the commit ends the wait for the next connection ...
#[test]
fn a_commit_sends_nothing_into_a_connection_that_is_to_end() {
    each_version(|version| {
        let (mut rig, subscribe) = draining_beside_a_slow_store(version);
        commit_all(&mut rig);
        rig.expect_nothing();
        rig.send(&suback(subscribe, &[0]));
        rig.expect_renewal();
        rig.accept_with(&resumed());
        rig.show_life();
        assert_eq!(topics(&mut rig), ["first", "second"]);
    });
}

/// ... nor the end of that the wait for the commit.
#[test]
fn a_shutdown_sends_nothing_again_before_it_is_committed() {
    each_version(|version| {
        let (mut rig, _) = draining_beside_a_slow_store(version);
        rig.shutdown(secs(60));
        rig.expect_nothing();
        commit_all(&mut rig);
        assert_eq!(topics(&mut rig)[0], "first");
    });
}

/// What is refused offline waits through the gap, and no longer than it.
#[test]
fn qos_0_is_not_refused_in_the_gap() {
    let mut config = aged(Version::V5, secs(1000));
    config.queue.offline_qos0 = OfflineQos0::Refuse;
    let mut rig = Rig::online(config);
    rig.jump(rig.until(Timer::Renewal));
    rig.wake();
    rig.expect_renewal();
    rig.publish("waits", AtMostOnce, 1);
    rig.accept_with(&resumed());
    assert_eq!(rig.expect_publish().topic, "waits");
    rig.jump(rig.until(Timer::Renewal));
    rig.wake();
    rig.expect_renewal();
    rig.drop_link(TransportFailure::Unreachable);
    let refused = rig.try_publish(publish("late", "x", AtMostOnce), 2);
    assert_eq!(refused, Err(RejectReason::Offline), "the next attempt failed");
}
