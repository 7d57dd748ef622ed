//! What the next process does with what the last one left.

use evenkeel_proto::codec::{Packet, Property, Publish, Version};
use evenkeel_proto::profile::Profile;
use evenkeel_proto::record::{Record, Recovered, Serial, UnixMillis};
use evenkeel_proto::{
    Client, Completion, ConfigError, DeliveryError, Event, Instant, TransportFailure,
};

use crate::support::*;

fn rig(version: Version) -> Rig {
    Rig::durable_online(quiet(lasting(version)))
}

//= [MQTT-4.4.0-1] test
/// D3, D4, D6: exchanges go on under their identifiers, in their order.
#[test]
fn exchanges_go_on_in_a_session_that_is_resumed() {
    each_version(|version| {
        let mut rig = rig(version);
        let sent: Vec<_> = (1..=4)
            .map(|number| {
                let qos = if number % 2 == 0 { ExactlyOnce } else { AtLeastOnce };
                rig.publish(&format!("t/{number}"), qos, number);
                rig.expect_publish().packet_id.unwrap()
            })
            .collect();
        rig.send(&pubrec(sent[3]));
        rig.forget_wire();
        let connect = rig.restart_with(&resumed());
        assert!(!connect.clean_start);
        let first = rig.expect_publish();
        assert_eq!((&first.topic[..], first.packet_id, first.dup), ("t/1", Some(sent[0]), true));
        rig.expect_nothing();
        rig.send(&puback(sent[0]));
        let second = rig.expect_publish();
        assert_eq!((&second.topic[..], second.packet_id, second.dup), ("t/2", Some(sent[1]), true));
        assert_eq!(rig.expect_publish().packet_id, Some(sent[2]));
        assert_eq!(rig.expect(), pubrel(sent[3]), "the server owns the fourth");
        rig.expect_nothing();
        rig.send(&pubrec(sent[1]));
        rig.send(&pubcomp(sent[1]));
        rig.send(&puback(sent[2]));
        rig.send(&pubcomp(sent[3]));
        let ends: Vec<_> = (1..=4).map(|serial| (serial, Ok(()))).collect();
        let mut told = rig.settled();
        told.sort_by_key(|(serial, _)| *serial);
        assert_eq!(told, ends, "each recovered message has its outcome (D1)");
        rig.advance(secs(1));
        assert_eq!(rig.store.messages(), []);
        assert!(rig.client.is_settled());
    });
}

/// D4: identifiers of stored exchanges are not given to others.
#[test]
fn identifiers_of_recovered_exchanges_are_in_use() {
    each_version(|version| {
        let mut config = quiet(lasting(version));
        config.bounds.in_flight = 100;
        let mut rig = Rig::durable_online(config);
        for number in 0..20 {
            rig.publish("a", AtLeastOnce, number);
        }
        let first = rig.wire.iter().filter_map(|packet| match packet {
            Packet::Publish(publish) => publish.packet_id,
            _ => None,
        });
        let mut taken: Vec<_> = first.collect();
        // What is left does not begin at 1.
        taken.drain(..5).for_each(|id| rig.send(&puback(id)));
        rig.advance(secs(1));
        rig.restart_with(&resumed());
        let again = rig.expect_publish().packet_id.unwrap();
        assert_eq!(again, taken[0]);
        rig.subscribe(&[("s", AtLeastOnce)], 99);
        let subscribe = rig.expect_subscribe();
        assert!(!taken.contains(&subscribe.packet_id), "{}", subscribe.packet_id);
        rig.send(&puback(again));
        rig.forget_wire();
        for number in 100..150 {
            rig.publish("b", AtLeastOnce, number);
            let id = rig.expect_publish().packet_id.unwrap();
            assert!(!taken[1..].contains(&id), "{id}");
        }
    });
}

/// As without a crash: the server has nothing of it, or says so.
#[test]
fn after_a_lost_session_everything_is_sent_as_new() {
    each_version(|version| {
        let mut rig = rig(version);
        rig.publish("one", AtLeastOnce, 1);
        rig.publish("two", ExactlyOnce, 2);
        rig.publish("three", ExactlyOnce, 3);
        rig.forget_wire();
        rig.send(&pubrec(id(3)));
        rig.restart_with(&accepted());
        let lost = DeliveryError::Uncertain { attempts: 1 };
        assert_eq!(rig.settled(), [(3, Err(lost))], "the server had taken it over");
        let first = rig.expect_publish();
        assert_eq!((&first.topic[..], first.dup), ("one", false));
        rig.send(&puback(first.packet_id.unwrap()));
        let second = rig.expect_publish();
        assert_eq!((&second.topic[..], second.dup), ("two", false));
        rig.expect_nothing();
    });
}

#[test]
fn the_queue_is_sent_in_order_after_the_exchanges() {
    each_version(|version| {
        let mut rig = rig(version);
        rig.publish("sent", AtLeastOnce, 1);
        rig.cut();
        for number in 2..=5 {
            rig.publish(&format!("t/{number}"), AtLeastOnce, number);
        }
        rig.restart_with(&resumed());
        let id = rig.expect_publish().packet_id.unwrap();
        rig.expect_nothing();
        rig.send(&puback(id));
        let topics: Vec<String> = (2..=5).map(|_| rig.expect_publish().topic.to_string()).collect();
        assert_eq!(topics, ["t/2", "t/3", "t/4", "t/5"]);
    });
}

/// D3: what was not committed was not accepted, and was not sent.
#[test]
fn what_was_not_committed_never_was() {
    each_version(|version| {
        let mut rig = rig(version);
        rig.advance(secs(1));
        rig.commits = Commits::Held;
        rig.publish("a", AtLeastOnce, 1);
        rig.crash();
        rig.commits = Commits::AtOnce;
        rig.client.start(rig.now);
        rig.settle();
        rig.accept_with(&resumed());
        rig.expect_nothing();
        assert_eq!(rig.client.queued() + rig.client.in_flight(), 0);
    });
}

//= [MQTT-4.3.3-10] test
/// D3: a message whose PUBREC was promised is not delivered again.
#[test]
fn a_received_message_is_not_delivered_again() {
    each_version(|version| {
        let mut rig = rig(version);
        rig.send(&Packet::Publish(delivery("in", ExactlyOnce, 9)));
        rig.handle_message();
        rig.restart_with(&resumed());
        let mut again = delivery("in", ExactlyOnce, 9);
        again.dup = true;
        rig.send(&Packet::Publish(again));
        assert!(rig.client.next_message().is_none());
        assert_eq!(rig.expect(), pubrec(id(9)));
        rig.send(&pubrel(id(9)));
        assert_eq!(rig.expect(), pubcomp(id(9)));
        // The identifier is free, also for the process after this.
        rig.restart_with(&resumed());
        rig.send(&Packet::Publish(delivery("in", ExactlyOnce, 9)));
        assert_eq!(rig.handle_message(), "in");
    });
}

/// D3: what the application was not done with is delivered again.
#[test]
fn an_unhandled_message_is_delivered_again() {
    each_version(|version| {
        let mut rig = rig(version);
        rig.send(&Packet::Publish(delivery("in", ExactlyOnce, 9)));
        let _ = rig.message();
        rig.restart_with(&resumed());
        let mut again = delivery("in", ExactlyOnce, 9);
        again.dup = true;
        rig.send(&Packet::Publish(again));
        assert_eq!(rig.handle_message(), "in");
        assert_eq!(rig.expect(), pubrec(id(9)));
    });
}

#[test]
fn a_lost_session_voids_received_identifiers_for_good() {
    each_version(|version| {
        let mut rig = rig(version);
        rig.send(&Packet::Publish(delivery("in", ExactlyOnce, 9)));
        rig.handle_message();
        rig.restart_with(&accepted());
        rig.advance(secs(1));
        rig.restart_with(&resumed());
        rig.send(&Packet::Publish(delivery("new", ExactlyOnce, 9)));
        assert_eq!(rig.handle_message(), "new");
    });
}

/// D8: known after a restart, sent again only if the session is lost.
#[test]
fn subscriptions_are_restored_where_the_session_is_lost() {
    each_version(|version| {
        let mut rig = rig(version);
        rig.subscribe(&[("a/#", AtLeastOnce), ("b", ExactlyOnce)], 1);
        let packet_id = rig.expect_subscribe().packet_id;
        rig.send(&suback(packet_id, &[1, 2]));
        rig.advance(secs(1));
        rig.restart_with(&resumed());
        rig.expect_nothing();
        assert_eq!(rig.client.subscriptions(), 2);
        rig.advance(secs(1));
        rig.restart_with(&accepted());
        let again = rig.expect_subscribe();
        let filters: Vec<_> =
            again.filters.iter().map(|f| (f.filter.as_str(), f.options.qos)).collect();
        assert_eq!(filters, [("a/#", AtLeastOnce), ("b", ExactlyOnce)]);
    });
}

/// The process died between a new session and its subscriptions: the session
/// is resumed and holds none of them.
#[test]
fn a_session_that_was_begun_before_a_crash_gets_its_subscriptions() {
    each_version(|version| {
        let mut rig = rig(version);
        rig.subscribe(&[("a/#", AtLeastOnce)], 1);
        let packet_id = rig.expect_subscribe().packet_id;
        rig.send(&suback(packet_id, &[1]));
        rig.send(&Packet::Publish(delivery("in", ExactlyOnce, 9)));
        rig.handle_message();
        rig.advance(secs(1));
        rig.restart_with(&accepted());
        rig.expect_subscribe();
        rig.restart_with(&resumed());
        assert_eq!(rig.expect_subscribe().filters.len(), 1, "it had no answer");
        // The identifier of the old session means another message now.
        rig.send(&Packet::Publish(delivery("new", ExactlyOnce, 9)));
        assert_eq!(rig.handle_message(), "new");
    });
}

/// The same if the process died before it saw the CONNACK.
#[test]
fn a_connect_without_answer_is_remembered_over_a_crash() {
    each_version(|version| {
        let mut rig = rig(version);
        rig.subscribe(&[("a/#", AtLeastOnce)], 1);
        let packet_id = rig.expect_subscribe().packet_id;
        rig.send(&suback(packet_id, &[1]));
        rig.advance(secs(1));
        rig.cut();
        rig.await_open();
        rig.accept();
        rig.restart_with(&resumed());
        let again = rig.expect_subscribe();
        assert_eq!(again.filters.len(), 1);
        rig.send(&suback(again.packet_id, &[1]));
        rig.advance(secs(1));
        rig.restart_with(&resumed());
        rig.expect_nothing();
    });
}

#[test]
fn expiry_goes_by_the_wall_clock_over_restarts() {
    let mut rig = rig(Version::V5);
    rig.cut();
    let mut message = publish("short", "x", AtLeastOnce);
    message.properties.push(Property::MessageExpiryInterval(60));
    rig.try_publish(message, 1).unwrap();
    let mut message = publish("long", "x", AtLeastOnce);
    message.properties.push(Property::MessageExpiryInterval(600));
    rig.try_publish(message, 2).unwrap();
    rig.crash();
    // The machine is off for a while.
    rig.jump(secs(100));
    rig.crash();
    rig.client.start(rig.now);
    rig.settle();
    rig.accept_with(&resumed());
    let sent = rig.expect_publish();
    assert_eq!(&sent.topic[..], "long");
    assert_eq!(sent.properties.message_expiry_interval(), Some(500));
    rig.expect_nothing();
    let queued = secs(100);
    assert_eq!(rig.settled(), [(1, Err(DeliveryError::Expired { queued }))]);
    assert_eq!(rig.store.queued(), [], "nothing is left of it");
}

#[test]
fn serials_go_on_where_they_stopped() {
    each_version(|version| {
        let mut rig = rig(version);
        rig.publish("a", AtLeastOnce, 1);
        let id = rig.expect_publish().packet_id.unwrap();
        rig.send(&puback(id));
        rig.advance(secs(1));
        rig.restart_with(&resumed());
        rig.publish("a", AtLeastOnce, 2);
        let serials = rig.store.records.iter().filter_map(|record| match record {
            Record::Accepted(accepted) => Some(accepted.serial),
            _ => None,
        });
        assert_eq!(serials.collect::<Vec<_>>(), [Serial(1), Serial(2)]);
    });
}

#[test]
fn the_client_identifier_is_that_of_the_store() {
    let mut config = quiet(lasting(Version::V5));
    let mut rig = Rig::durable_online(config.clone());
    rig.advance(secs(1));
    let recovered = rig.store.recovered();
    assert_eq!(recovered.client_id, Some(text("boat")));
    let recover = |config| {
        Client::recover(config, 1, Instant::default(), UnixMillis(0), rig.store.recovered())
    };
    config.connect.client_id = text("another");
    assert_eq!(recover(config.clone()).err(), Some(ConfigError::ClientIdOfStore));
    config.connect.client_id = text("");
    assert!(recover(config).is_ok());
}

#[test]
fn an_assigned_identifier_is_kept() {
    let mut config = quiet(lasting(Version::V5));
    config.connect.client_id = text("");
    let mut rig = Rig::durable(config);
    rig.client.start(rig.now);
    rig.settle();
    rig.accept_with(&with([Property::AssignedClientIdentifier(text("given"))]));
    rig.advance(secs(1));
    assert_eq!(rig.store.recovered().client_id, Some(text("given")));
    let connect = rig.restart_with(&resumed());
    assert_eq!(connect.client_id, "given");
}

#[test]
fn a_new_store_is_no_reason_to_resume() {
    let config = quiet(config(Version::V5));
    let mut rig = Rig::durable(config.clone());
    rig.client.start(rig.now);
    rig.settle();
    assert!(rig.accept().clean_start, "as configured");
    assert!(!rig.take_events().iter().any(|event| matches!(event, Event::Recovered { .. })));
    let client =
        Client::recover(config, 1, Instant::default(), UnixMillis(0), Recovered::default());
    assert!(client.is_ok());
}

#[test]
fn what_was_found_is_told() {
    each_version(|version| {
        let mut rig = rig(version);
        rig.publish("a", AtLeastOnce, 1);
        rig.cut();
        rig.publish("b", AtLeastOnce, 2);
        rig.publish("b", AtLeastOnce, 3);
        rig.crash();
        rig.settle();
        let expected =
            Event::Recovered { exchanges: 1, queued: 2, quarantined: 0, subscriptions: 0 };
        assert_eq!(rig.take_events(), [expected]);
    });
}

/// D1, D12: what a shutdown leaves is told to be stored, and is.
#[test]
fn what_a_shutdown_leaves_goes_out_from_the_next_process() {
    each_version(|version| {
        let mut config = quiet(lasting(version));
        config.bounds.in_flight = 1;
        let mut rig = Rig::durable_online(config);
        rig.publish("sent", AtLeastOnce, 1);
        rig.publish("queued", AtLeastOnce, 2);
        rig.expect_publish();
        assert_eq!(rig.outcomes().len(), 2, "both are stored");
        rig.shutdown(secs(2));
        rig.advance(secs(2));
        let ends: Vec<_> = (rig.outcomes().into_iter())
            .map(|completion| match completion {
                Completion::Publish { token, result } => (token, result.map(drop)),
                other => panic!("{other:?}"),
            })
            .collect();
        let still_stored = |attempts| Err(DeliveryError::StillStored { attempts });
        assert_eq!(ends, [(token(1), still_stored(1)), (token(2), still_stored(0))]);
        assert_eq!(rig.client.shutdown_report().unwrap().stored, 2);
        assert_eq!(rig.store.messages().len(), 2);
        rig.forget_wire();
        rig.restart_with(&resumed());
        let first = rig.expect_publish();
        assert_eq!((&first.topic[..], first.dup), ("sent", true));
        rig.send(&puback(first.packet_id.unwrap()));
        assert_eq!(&rig.expect_publish().topic[..], "queued");
    });
}

/// A message of QoS 2 is handled; then the CONNACK of a new session is lost, and
/// the next one resumes that.
fn in_doubt(version: Version) -> Rig {
    let mut rig = rig(version);
    rig.send(&Packet::Publish(delivery("old", ExactlyOnce, 9)));
    rig.handle_message();
    rig.advance(secs(1));
    rig.cut();
    rig.await_open();
    rig.accept();
    rig.cut();
    rig.reconnect_with(&resumed());
    rig.advance(secs(1));
    rig
}

/// D3: nothing was seen of the old message in this session, so that no later
/// connection and no later process takes a new one for a copy of it.
#[test]
fn a_receipt_that_may_be_of_another_session_is_in_doubt_until_the_server_tells() {
    each_version(|version| {
        for crashes in [false, true] {
            let again = |rig: &mut Rig| {
                if crashes {
                    rig.restart_with(&resumed());
                } else {
                    rig.reconnect_with(&resumed());
                }
            };
            let mut rig = in_doubt(version);
            again(&mut rig);
            rig.send(&Packet::Publish(delivery("new", ExactlyOnce, 9)));
            assert_eq!(rig.message().publish.topic, "new", "{crashes}");

            // It came, and was not handled: to the next process it comes again.
            rig.advance(secs(1));
            rig.restart_with(&resumed());
            let copy = Publish { dup: true, ..delivery("new", ExactlyOnce, 9) };
            rig.send(&Packet::Publish(copy.clone()));
            assert_eq!(rig.handle_message(), "new");

            // The server tells that it has the old one: from then on it is a copy.
            let mut rig = in_doubt(version);
            let old = Publish { dup: true, ..delivery("old", ExactlyOnce, 9) };
            rig.send(&Packet::Publish(old));
            rig.advance(secs(1));
            again(&mut rig);
            rig.send(&Packet::Publish(delivery("old", ExactlyOnce, 9)));
            assert!(rig.client.next_message().is_none(), "{crashes}");
        }
    });
}

/// D8: the session is called proven once nothing of it is in doubt.
#[test]
fn subscriptions_of_a_session_in_doubt_are_asked_for_until_it_is_proven() {
    each_version(|version| {
        let mut rig = in_doubt(version);
        assert!(rig.store.recovered().unproven);
        rig.send(&pubrel(id(9)));
        rig.advance(secs(1));
        assert!(!rig.store.recovered().unproven);
        assert_eq!(rig.store.recovered().received, []);
    });
}

/// D13: a PUBCOMP that may be of another session proves as little to the next process.
#[test]
fn what_is_in_doubt_is_in_doubt_for_the_next_process_too() {
    each_version(|version| {
        let mut rig = rig(version);
        rig.publish("a", ExactlyOnce, 1);
        let id = rig.expect_publish().packet_id.unwrap();
        rig.send(&pubrec(id));
        assert_eq!(rig.expect(), pubrel(id));
        rig.cut();
        rig.await_open();
        // Its CONNACK is lost, and a session may have begun.
        rig.accept();
        rig.reconnect_with(&resumed());
        assert_eq!(rig.expect(), pubrel(id));
        rig.advance(secs(1));
        assert!(rig.store.recovered().unproven, "the message is in doubt");
        rig.restart_with(&resumed());
        assert_eq!(rig.expect(), pubrel(id));
        rig.send(&pubcomp(id));
        let settled = rig.settled();
        assert!(matches!(settled[..], [(1, Err(DeliveryError::Uncertain { .. }))]), "{settled:?}");
        rig.advance(secs(1));
        assert!(!rig.store.recovered().unproven, "nothing is in doubt any more");
    });
}

/// D6: what waited for the store as its connection ended goes out for the first time.
#[test]
fn what_was_never_sent_is_no_duplicate() {
    each_version(|version| {
        let mut rig = rig(version);
        rig.commits = Commits::Held;
        rig.publish("a", ExactlyOnce, 1);
        rig.drop_link(TransportFailure::TimedOut);
        while !rig.batches.is_empty() {
            rig.commit();
        }
        rig.commits = Commits::AtOnce;
        rig.await_open();
        rig.accept_with(&resumed());
        rig.show_life();
        let sent = rig.expect_publish();
        assert_eq!((&*sent.topic, sent.dup), ("a", false));
        // From here on it is one.
        rig.drop_link(TransportFailure::TimedOut);
        rig.await_open();
        rig.accept_with(&resumed());
        rig.show_life();
        assert!(rig.expect_publish().dup);
    });
}

/// A session under an identifier that the broker assigned, and lets nobody use again, is
/// out of reach. What is stored is not: it goes on in a session of its own.
#[test]
fn a_store_of_an_identifier_that_cannot_come_back_is_opened() {
    let profile = "name = 'x'\nbased_on = 'none'\n\
                   connection.assigned_client_id_reusable.value = false\n\
                   connection.client_id_reserved_prefix.value = '$'\n";
    for wanted in ["", "boat"] {
        let mut config = quiet(lasting(Version::V5));
        config.connect.client_id = text("");
        let mut rig = Rig::durable(config.clone());
        rig.client.start(rig.now);
        rig.settle();
        rig.accept_with(&with([Property::AssignedClientIdentifier(text("$GEN/1"))]));
        rig.publish("a", AtLeastOnce, 1);
        rig.expect_publish();
        rig.advance(secs(1));
        config.connect.client_id = text(wanted);
        config.obey(&Profile::from_toml(profile).unwrap()).unwrap();
        rig.reconfigure(config);
        let connect = rig.restart_with(&accepted());
        assert!(!connect.client_id.is_empty() && !connect.client_id.starts_with('$'));
        assert!(wanted.is_empty() || connect.client_id == wanted);
        rig.show_life();
        rig.advance(secs(1));
        let sent = rig.expect_publish();
        assert_eq!(sent.topic, "a");
        rig.send(&puback(sent.packet_id.unwrap()));
        rig.advance(secs(1));
        assert_eq!(rig.settled(), [(1, Ok(()))]);
        assert_eq!(rig.store.recovered().client_id, Some(connect.client_id));
    }
}
