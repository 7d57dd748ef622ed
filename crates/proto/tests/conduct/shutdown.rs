//! Shutting down, and asking for a new connection.

use evenkeel_proto::codec::{
    ConnAck, Disconnect, Packet, Properties, Property, PropertyId, ReasonCode, Version,
};
use evenkeel_proto::{
    Client, Completion, Config, ConfigError, DeliveryError, DisconnectCause, Halt, Input, Instant,
    RejectReason, ShutdownReport, State, SubscribeError, Timer,
};

use crate::support::*;

fn clean() -> Option<ShutdownReport> {
    Some(ShutdownReport::default())
}

//= [MQTT-3.14.4-1] test
//= [MQTT-3.14.4-2] test
//= [MQTT311-3.14.4-1] test
//= [MQTT311-3.14.4-2] test
#[test]
fn an_idle_client_says_goodbye_and_closes() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        rig.shutdown(secs(5));
        assert_eq!(rig.expect_disconnect(), ReasonCode::SUCCESS);
        assert_eq!(rig.client.state(), State::Closed);
        assert_eq!(rig.client.shutdown_report(), clean());
        assert_eq!(rig.cause(), DisconnectCause::Shutdown);
        assert_eq!(rig.deadline, None);
        rig.client.start(rig.now);
        rig.client.reconnect(rig.now);
        rig.advance(secs(1000));
        assert_eq!(rig.client.state(), State::Closed, "for good");
        rig.expect_nothing();
    });
}

/// The DISCONNECT of a shutdown, with these properties wished for.
fn disconnect(config: Config, connack: &ConnAck) -> Disconnect {
    let mut rig = Rig::online_with(config, connack);
    rig.shutdown(secs(5));
    match rig.expect() {
        Packet::Disconnect(disconnect) => disconnect,
        other => panic!("DISCONNECT expected, not {other:?}"),
    }
}

fn with_properties(version: Version, properties: &[Property]) -> Config {
    let mut settings = config(version);
    settings.connect.session_expiry = 60;
    settings.disconnect_properties = properties.iter().cloned().collect();
    settings
}

//= [MQTT-3.14.2-3] test
//= [MQTT-3.14.2-4] test
#[test]
fn the_disconnect_says_what_the_application_wants_as_far_as_it_fits() {
    let user = Property::UserProperty(text("k"), text("v"));
    let all = [Property::SessionExpiryInterval(0), Property::ReasonString(text("done")), user];
    let sent = |version, limit| {
        let connack = with([Property::MaximumPacketSize(limit)]);
        let properties = disconnect(with_properties(version, &all), &connack).properties;
        properties.iter().cloned().collect::<Vec<_>>()
    };
    // 2 of header, 1 reason, 1 length; 5 + 7 + 7 of properties.
    assert_eq!(sent(Version::V5, 23), all);
    assert_eq!(sent(Version::V5, 22), [Property::SessionExpiryInterval(0)]);
    assert_eq!(sent(Version::V5, 8), []);
    let refused =
        Client::new(with_properties(Version::V311, &all), 1, Instant::from_micros(0)).err();
    assert_eq!(refused, Some(ConfigError::NeedsV5(PropertyId::SESSION_EXPIRY_INTERVAL)));
}

#[test]
fn only_a_shutdown_has_the_disconnect_of_the_application() {
    let expiry = Property::SessionExpiryInterval(0);
    let mut rig = Rig::online(with_properties(Version::V5, &[expiry]));
    rig.client.reconnect(rig.now);
    rig.settle();
    match rig.expect() {
        Packet::Disconnect(disconnect) => assert!(disconnect.properties.is_empty()),
        other => panic!("DISCONNECT expected, not {other:?}"),
    }
}

#[test]
fn a_disconnect_that_cannot_be_sent_is_refused_when_built() {
    let build = |settings: Config| Client::new(settings, 1, Instant::from_micros(0)).err();
    let settings = with_properties(Version::V5, &[Property::TopicAlias(1)]);
    assert_eq!(build(settings), Some(ConfigError::DisconnectProperty(PropertyId::TOPIC_ALIAS)));
    let longer = || with_properties(Version::V5, &[Property::SessionExpiryInterval(1)]);
    assert_eq!(build(longer()), None);
    let mut settings = longer();
    settings.connect.session_expiry = 0;
    assert_eq!(build(settings), Some(ConfigError::DisconnectExpiry));
    let mut settings = with_properties(Version::V5, &[Property::SessionExpiryInterval(0)]);
    settings.connect.session_expiry = 0;
    assert_eq!(build(settings), None);
}

//= [MQTT-3.14.2-1] test
#[test]
fn a_shutdown_says_what_the_application_gives_it() {
    let reason = ReasonCode::DISCONNECT_WITH_WILL;
    let properties = Properties::new()
        .with(Property::SessionExpiryInterval(5))
        .with(Property::ReasonString(text("maintenance")));
    let mut settings = with_properties(Version::V5, &[Property::ReasonString(text("usual"))]);
    settings.connect.session_expiry = 60;
    let mut rig = Rig::online(settings);
    let wanted = Disconnect { reason, properties };
    rig.publish("a", AtLeastOnce, 1);
    let packet_id = rig.expect_publish().packet_id.unwrap();
    rig.client.shutdown(rig.now, secs(60));
    rig.client.shutdown_with(rig.now, secs(60), wanted.clone()).unwrap();
    rig.settle();
    rig.expect_nothing();
    rig.send(&puback(packet_id));
    assert_eq!(rig.expect(), Packet::Disconnect(wanted), "the latest call counts");
    assert_eq!(rig.client.state(), State::Closed);
    assert_eq!(rig.client.shutdown_report(), clean());
}

/// Before MQTT 5 the server publishes the will of whoever says nothing.
#[test]
fn before_mqtt_5_a_shutdown_with_will_closes_without_a_word() {
    let mut rig = Rig::online(config(Version::V311));
    rig.writable = false;
    rig.publish("a", AtMostOnce, 1);
    let reason = ReasonCode::DISCONNECT_WITH_WILL;
    let disconnect = Disconnect { reason, ..Disconnect::default() };
    rig.client.shutdown_with(rig.now, secs(0), disconnect).unwrap();
    rig.writable = true;
    rig.settle();
    assert_eq!(rig.expect_publish().topic, "a", "what waits goes out");
    rig.expect_nothing();
    assert_eq!(rig.client.state(), State::Closed);
}

/// D15: the shutdown does not begin.
#[test]
fn a_shutdown_that_cannot_be_said_is_refused() {
    let with = |reason, properties: &[Property]| Disconnect {
        reason,
        properties: properties.iter().cloned().collect(),
    };
    let reason = ReasonCode::SUCCESS;
    let mut cases = vec![
        (
            Version::V311,
            with(ReasonCode::UNSPECIFIED_ERROR, &[]),
            ConfigError::DisconnectReason(ReasonCode::UNSPECIFIED_ERROR),
        ),
        (
            Version::V311,
            with(reason, &[Property::ReasonString(text("bye"))]),
            ConfigError::NeedsV5(PropertyId::REASON_STRING),
        ),
        (
            Version::V5,
            with(reason, &[Property::TopicAlias(1)]),
            ConfigError::DisconnectProperty(PropertyId::TOPIC_ALIAS),
        ),
        (
            Version::V5,
            with(reason, &[Property::SessionExpiryInterval(1)]),
            ConfigError::DisconnectExpiry,
        ),
    ];
    // Codes of servers, and of other packets.
    for code in [ReasonCode::SERVER_BUSY, ReasonCode::NOT_AUTHORIZED, ReasonCode::GRANTED_QOS_1] {
        cases.push((Version::V5, with(code, &[]), ConfigError::DisconnectReason(code)));
    }
    for (version, disconnect, error) in cases {
        let mut rig = Rig::online(config(version));
        let refused = rig.client.shutdown_with(rig.now, secs(5), disconnect);
        assert_eq!(refused, Err(error));
        rig.settle();
        rig.expect_nothing();
        assert!(rig.client.state().is_online());
        rig.publish("a", AtMostOnce, 1);
    }
}

#[test]
fn what_was_accepted_is_finished_first() {
    each_version(|version| {
        let mut settings = config(version);
        settings.bounds.in_flight = 1;
        let mut rig = Rig::online(settings);
        rig.publish("a", AtLeastOnce, 1);
        rig.publish("b", ExactlyOnce, 2);
        rig.subscribe(&[("s", AtMostOnce)], 3);
        let first = rig.expect_publish().packet_id.unwrap();
        let subscribe = rig.expect_subscribe().packet_id;
        rig.shutdown(secs(60));
        assert!(rig.client.state().is_online());
        let refused = rig.try_publish(publish("c", "", AtMostOnce), 4);
        assert_eq!(refused, Err(RejectReason::Closed), "nothing new");
        assert_eq!(rig.try_subscribe(&[("c", AtMostOnce)], 5), Err(SubscribeError::Abandoned));
        rig.send(&puback(first));
        let second = rig.expect_publish().packet_id.unwrap();
        rig.send(&suback(subscribe, &[0]));
        rig.send(&pubrec(second));
        assert_eq!(rig.expect(), pubrel(second));
        assert!(rig.client.state().is_online(), "PUBCOMP is due");
        rig.send(&pubcomp(second));
        assert_eq!(rig.expect_disconnect(), ReasonCode::SUCCESS);
        assert_eq!(rig.client.shutdown_report(), clean());
        assert_eq!(rig.outcomes().len(), 3);
    });
}

#[test]
fn qos_0_is_written_before_the_goodbye() {
    each_version(|version| {
        let mut rig = Rig::online(quiet(config(version)));
        rig.writable = false;
        rig.publish("a", AtMostOnce, 1);
        rig.shutdown(secs(60));
        assert!(rig.client.state().is_online());
        rig.unblock();
        assert_eq!(rig.expect_publish().topic, "a");
        assert_eq!(rig.expect_disconnect(), ReasonCode::SUCCESS);
        assert_eq!(rig.client.shutdown_report(), clean());
    });
}

/// D12.
#[test]
fn the_deadline_ends_it_and_the_report_says_what_is_left() {
    each_version(|version| {
        let mut settings = quiet(config(version));
        settings.bounds.in_flight = 2;
        let mut rig = Rig::online(settings);
        rig.publish("a", AtLeastOnce, 1);
        rig.publish("b", ExactlyOnce, 2);
        rig.publish("c", AtLeastOnce, 3);
        rig.subscribe(&[("s", AtMostOnce)], 4);
        rig.unsubscribe(&["s"], 5);
        rig.forget_wire();
        rig.shutdown(secs(60));
        assert_eq!(rig.until(Timer::Shutdown), secs(60));
        rig.advance(secs(60) - MICRO);
        assert!(rig.client.state().is_online());
        assert_eq!(rig.client.shutdown_report(), None);
        rig.advance(MICRO);
        assert_eq!(rig.expect_disconnect(), ReasonCode::SUCCESS);
        let report = rig.client.shutdown_report().unwrap();
        let left =
            ShutdownReport { unacknowledged: 2, queued: 1, operations: 2, ..Default::default() };
        assert_eq!(report, left);
        assert!(!report.is_clean());
        let mut ends: Vec<(u64, Option<u32>)> = (rig.outcomes().into_iter())
            .map(|outcome| match outcome {
                Completion::Publish { token, result } => {
                    let Err(DeliveryError::Abandoned { attempts }) = result else { panic!() };
                    (token.0, Some(attempts))
                }
                Completion::Subscribe { token, result }
                | Completion::Unsubscribe { token, result } => {
                    assert_eq!(result, Err(SubscribeError::Abandoned));
                    (token.0, None)
                }
                other => panic!("{other:?} without a store"),
            })
            .collect();
        ends.sort();
        assert_eq!(ends, [(1, Some(1)), (2, Some(1)), (3, Some(0)), (4, None), (5, None)]);
    });
}

#[test]
fn bytes_the_transport_has_not_taken_are_reported() {
    each_version(|version| {
        let mut rig = Rig::online(quiet(config(version)));
        rig.writable = false;
        rig.publish("a", AtMostOnce, 1);
        let bytes = rig.pending() as u64;
        rig.shutdown(secs(2));
        rig.advance(secs(2));
        assert_eq!(rig.client.state(), State::Closed);
        assert_eq!(rig.client.shutdown_report().unwrap().unwritten, bytes);
    });
}

#[test]
fn a_client_that_never_started_closes_at_once() {
    each_version(|version| {
        let mut rig = Rig::new(config(version));
        rig.publish("a", AtLeastOnce, 1);
        rig.shutdown(secs(60));
        assert_eq!(rig.client.state(), State::Closed);
        assert_eq!(rig.client.shutdown_report().unwrap().queued, 1);
        assert_eq!(rig.outcome(1), Err(DeliveryError::Abandoned { attempts: 0 }));
        rig.expect_nothing();
    });
}

#[test]
fn a_client_with_nothing_to_do_does_not_wait_for_a_connection() {
    each_version(|version| {
        // While connecting, before and after CONNECT, and while waiting.
        let mut connecting = Rig::started(config(version));
        connecting.shutdown(secs(60));
        let mut handshake = Rig::started(config(version));
        handshake.accept();
        handshake.shutdown(secs(60));
        let mut writing = Rig::started(config(version));
        writing.writable = false;
        let conn = writing.conn();
        writing.client.handle(writing.now, Input::Opened(conn, None));
        writing.shutdown(secs(60));
        let mut waiting = Rig::online(config(version));
        waiting.cut();
        waiting.shutdown(secs(60));
        for rig in [&mut connecting, &mut handshake, &mut writing, &mut waiting] {
            assert_eq!(rig.client.state(), State::Closed);
            assert_eq!(rig.client.shutdown_report(), clean());
            assert!(rig.link.is_none());
            rig.expect_nothing();
        }
    });
}

#[test]
fn draining_goes_on_over_a_new_connection() {
    each_version(|version| {
        let mut rig = Rig::online(quiet(lasting(version)));
        rig.publish("a", AtLeastOnce, 1);
        rig.expect_publish();
        rig.shutdown(secs(60));
        rig.cut();
        assert!(matches!(rig.client.state(), State::Waiting { .. }));
        rig.reconnect_with(&resumed());
        let packet_id = rig.expect_publish().packet_id.unwrap();
        rig.send(&puback(packet_id));
        assert_eq!(rig.expect_disconnect(), ReasonCode::SUCCESS);
        assert!(rig.outcome(1).is_ok());
        assert_eq!(rig.client.shutdown_report(), clean());
    });
}

#[test]
fn a_refusal_while_draining_ends_it() {
    each_version(|version| {
        let mut rig = Rig::started(config(version));
        rig.publish("a", AtLeastOnce, 1);
        rig.shutdown(secs(60));
        rig.accept_with(&refused(ReasonCode::NOT_AUTHORIZED));
        assert_eq!(rig.client.state(), State::Closed);
        assert_eq!(rig.client.shutdown_report().unwrap().queued, 1);
        assert_eq!(rig.outcome(1), Err(DeliveryError::Abandoned { attempts: 0 }));
    });
}

#[test]
fn the_deadline_ends_a_wait_for_a_connection_too() {
    each_version(|version| {
        let mut rig = Rig::started(config(version));
        rig.publish("a", AtLeastOnce, 1);
        rig.shutdown(secs(10));
        rig.advance(secs(10) - MICRO);
        assert_ne!(rig.client.state(), State::Closed);
        rig.advance(MICRO);
        assert_eq!(rig.client.state(), State::Closed);
        assert!(rig.link.is_none());
        assert_eq!(rig.outcomes().len(), 1);
    });
}

#[test]
fn a_second_call_brings_the_end_nearer_and_never_puts_it_off() {
    let mut rig = Rig::online(config(Version::V5));
    rig.publish("a", AtLeastOnce, 1);
    rig.shutdown(secs(10));
    rig.shutdown(secs(100));
    assert_eq!(rig.until(Timer::Shutdown), secs(10));
    rig.shutdown(secs(0));
    assert_eq!(rig.client.state(), State::Closed);
    let report = rig.client.shutdown_report();
    rig.shutdown(secs(100));
    assert_eq!(rig.client.shutdown_report(), report);
    assert_eq!(rig.outcomes().len(), 1);
}

#[test]
fn a_halted_client_shuts_down_at_once() {
    each_version(|version| {
        let mut rig = Rig::started(config(version));
        rig.publish("a", AtLeastOnce, 1);
        rig.accept_with(&refused(ReasonCode::NOT_AUTHORIZED));
        assert_eq!(rig.outcomes().len(), 1, "its outcome came with the halt");
        rig.shutdown(secs(10));
        assert_eq!(rig.client.state(), State::Closed);
        assert_eq!(rig.client.shutdown_report(), clean());
    });
}

#[test]
fn messages_already_received_can_still_be_taken() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        rig.send(&Packet::Publish(delivery("a", AtMostOnce, 0)));
        rig.shutdown(secs(10));
        assert_eq!(rig.client.state(), State::Closed);
        assert_eq!(rig.message().publish.topic, "a");
    });
}

/// Every operation ends once, wherever the client is when it is shut down (D1).
#[test]
fn shutdown_at_any_moment_gives_every_operation_its_outcome() {
    each_version(|version| {
        for moment in 0..9_u64 {
            let mut rig = Rig::new(quiet(lasting(version)));
            let mut accepted_operations = 0;
            for step in 0..=moment {
                rig.forget_wire();
                match step {
                    0 => {}
                    1 => {
                        rig.client.start(rig.now);
                        rig.settle();
                    }
                    2 => drop(rig.accept()),
                    3 => rig.send(&Packet::ConnAck(accepted())),
                    4 => rig.cut(),
                    5 => drop(rig.await_open()),
                    6 => drop(rig.accept_with(&resumed())),
                    7 => rig.client.reconnect(rig.now),
                    _ => {
                        rig.await_open();
                        rig.accept_with(&accepted());
                    }
                }
                let number = step * 10;
                for (offset, qos) in (0..).zip([AtLeastOnce, ExactlyOnce]) {
                    rig.publish("a", qos, number + offset);
                }
                rig.subscribe(&[("s", AtMostOnce)], number + 2);
                rig.unsubscribe(&["s"], number + 3);
                accepted_operations += 4;
            }
            rig.shutdown(secs(1));
            rig.advance(secs(1));
            assert_eq!(rig.client.state(), State::Closed);
            let mut tokens: Vec<u64> =
                rig.outcomes().iter().map(|outcome| outcome.token().0).collect();
            tokens.sort_unstable();
            tokens.dedup();
            assert_eq!(tokens.len(), accepted_operations, "at moment {moment}");
        }
    });
}

#[test]
fn reconnect_says_goodbye_and_connects_at_once() {
    each_version(|version| {
        let mut rig = Rig::online(quiet(lasting(version)));
        rig.publish("a", AtLeastOnce, 1);
        rig.expect_publish();
        rig.advance(secs(60));
        rig.client.reconnect(rig.now);
        rig.settle();
        assert_eq!(rig.await_open(), secs(0));
        let Packet::Disconnect(disconnect) = rig.expect() else { panic!() };
        assert_eq!(disconnect.reason, ReasonCode::SUCCESS);
        assert_eq!(rig.cause(), DisconnectCause::ReconnectRequested);
        rig.accept_with(&resumed());
        assert!(rig.expect_publish().dup, "what was in flight goes on");
    });
}

#[test]
fn reconnect_works_in_every_state() {
    each_version(|version| {
        let mut stopped = Rig::new(config(version));
        let mut connecting = Rig::started(config(version));
        let mut handshake = Rig::started(config(version));
        handshake.accept();
        let mut waiting = Rig::online(config(version));
        waiting.cut();
        let mut halted = Rig::started(config(version));
        halted.accept_with(&refused(ReasonCode::NOT_AUTHORIZED));
        assert!(matches!(halted.client.state(), State::Halted { reason: Halt::Refused, .. }));
        for rig in [&mut stopped, &mut connecting, &mut handshake, &mut waiting, &mut halted] {
            rig.forget_wire();
            rig.client.reconnect(rig.now);
            rig.settle();
            assert_eq!(rig.await_open(), secs(0));
            rig.accept_with(&accepted());
            assert!(rig.client.state().is_online());
            rig.publish("a", AtMostOnce, 1);
            assert!(matches!(rig.expect(), Packet::Publish(_)));
        }
        let mut closed = Rig::online(config(version));
        closed.shutdown(secs(0));
        closed.client.reconnect(closed.now);
        closed.settle();
        assert_eq!(closed.client.state(), State::Closed);
    });
}

#[test]
fn reconnect_while_draining_goes_on_draining() {
    each_version(|version| {
        let mut rig = Rig::online(quiet(lasting(version)));
        rig.publish("a", AtLeastOnce, 1);
        rig.shutdown(secs(60));
        rig.client.reconnect(rig.now);
        rig.settle();
        rig.forget_wire();
        rig.await_open();
        rig.accept_with(&resumed());
        let packet_id = rig.expect_publish().packet_id.unwrap();
        rig.send(&puback(packet_id));
        assert_eq!(rig.client.state(), State::Closed);
        assert_eq!(rig.client.shutdown_report(), clean());
    });
}
