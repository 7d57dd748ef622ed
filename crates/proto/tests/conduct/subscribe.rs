//! SUBSCRIBE and UNSUBSCRIBE, and what becomes of subscriptions later.

use evenkeel_proto::codec::{
    Packet, PacketId, Property, ReasonCode, RetainHandling, SubscribeFilter, SubscribeOptions,
    Version,
};
use evenkeel_proto::{
    Completion, Config, DisconnectCause, Event, ProtocolError, RefusedPolicy, State,
    SubscribeError, TransportFailure,
};

use crate::support::*;

/// Success codes of an UNSUBACK, which has none before MQTT 5.
fn unsubscribed(version: Version, count: usize) -> Vec<u8> {
    if version == Version::V5 { vec![0; count] } else { Vec::new() }
}

/// A client with these subscriptions granted, each asked for by itself.
fn subscribed(config: Config, filters: &[&str]) -> Rig {
    let mut rig = Rig::online(config);
    for filter in filters {
        rig.subscribe(&[(filter, AtLeastOnce)], 0);
        let packet_id = rig.expect_subscribe().packet_id;
        rig.send(&suback(packet_id, &[1]));
    }
    rig.completions.clear();
    assert_eq!(rig.client.subscriptions(), filters.len());
    rig
}

#[test]
fn each_filter_has_its_own_answer() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        rig.subscribe(&[("a", AtMostOnce), ("b/+", AtLeastOnce), ("c/#", ExactlyOnce)], 1);
        let subscribe = rig.expect_subscribe();
        let filters: Vec<_> = subscribe.filters.iter().map(|f| f.filter.as_str()).collect();
        assert_eq!(filters, ["a", "b/+", "c/#"]);
        assert!(rig.outcomes().is_empty());
        rig.send(&suback(subscribe.packet_id, &[0, 0x80, 1]));
        assert_eq!(rig.answer(1), Ok(vec![0, 0x80, 1]));
        assert_eq!(rig.client.subscriptions(), 2, "the refused one is none");

        rig.unsubscribe(&["a", "never"], 2);
        let unsubscribe = rig.expect_unsubscribe();
        assert_eq!(unsubscribe.filters, [filter("a"), filter("never")]);
        let codes: &[u8] = if version == Version::V5 { &[0, 0x11] } else { &[] };
        rig.send(&unsuback(unsubscribe.packet_id, codes));
        let expected = if version == Version::V5 { vec![0, 0x11] } else { vec![0, 0] };
        assert_eq!(rig.answer(2), Ok(expected));
        assert_eq!(rig.client.subscriptions(), 1);
    });
}

#[test]
fn options_and_properties_go_out_as_given() {
    let options = SubscribeOptions {
        qos: ExactlyOnce,
        no_local: true,
        retain_as_published: true,
        retain_handling: RetainHandling::Never,
    };
    let wanted = SubscribeFilter { filter: filter("a"), options };
    let properties: evenkeel_proto::codec::Properties =
        [Property::SubscriptionIdentifier(7), Property::UserProperty(text("k"), text("v"))]
            .into_iter()
            .collect();
    let mut rig = Rig::online(config(Version::V5));
    rig.client.subscribe(rig.now, vec![wanted.clone()], properties.clone(), token(1)).unwrap();
    rig.settle();
    let subscribe = rig.expect_subscribe();
    assert_eq!(subscribe.filters, std::slice::from_ref(&wanted));
    assert_eq!(subscribe.properties, properties);
    rig.send(&suback(subscribe.packet_id, &[2]));
    rig.reconnect_with(&accepted());
    let restored = rig.expect_subscribe();
    assert_eq!((restored.filters, restored.properties), (vec![wanted], properties));
}

#[test]
fn an_operation_without_filters_is_refused() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        assert_eq!(rig.try_subscribe(&[], 1), Err(SubscribeError::NoFilter));
        let error = rig.client.unsubscribe(rig.now, vec![], Default::default(), token(2));
        assert_eq!(error, Err(SubscribeError::NoFilter));
        rig.settle();
        rig.expect_nothing();
    });
}

#[test]
fn many_filters_go_out_in_parts_one_after_the_other() {
    each_version(|version| {
        let mut settings = config(version);
        settings.bounds.filters_per_packet = 8;
        let mut rig = Rig::online(settings);
        let names: Vec<String> = (0..19).map(|number| format!("t/{number:02}")).collect();
        let filters: Vec<_> = names.iter().map(|name| (name.as_str(), AtLeastOnce)).collect();
        rig.subscribe(&filters, 1);
        let mut asked = Vec::new();
        for size in [8, 8, 3] {
            assert!(rig.outcomes().is_empty());
            let part = rig.expect_subscribe();
            assert_eq!(part.filters.len(), size);
            rig.expect_nothing();
            asked.extend(part.filters.iter().map(|f| f.filter.to_string()));
            rig.send(&suback(part.packet_id, &vec![1; size]));
        }
        assert_eq!(asked, names);
        assert_eq!(rig.answer(1), Ok(vec![1; 19]));

        let filters: Vec<_> = names.iter().map(String::as_str).collect();
        rig.unsubscribe(&filters, 2);
        for size in [8, 8, 3] {
            let part = rig.expect_unsubscribe();
            assert_eq!(part.filters.len(), size);
            rig.send(&unsuback(part.packet_id, &unsubscribed(version, size)));
        }
        assert_eq!(rig.answer(2), Ok(vec![0; 19]));
        assert_eq!(rig.client.subscriptions(), 0);
    });
}

#[test]
fn an_answer_with_another_number_of_codes_ends_the_connection() {
    each_version(|version| {
        let mut wrong = vec![(true, vec![0]), (true, vec![0, 0, 0])];
        if version == Version::V5 {
            wrong.extend([(false, vec![0]), (false, vec![0, 0, 0])]);
        }
        for (is_subscribe, codes) in wrong {
            let mut rig = Rig::online(config(version));
            let packet_id = if is_subscribe {
                rig.subscribe(&[("a", AtMostOnce), ("b", AtMostOnce)], 1);
                rig.expect_subscribe().packet_id
            } else {
                rig.unsubscribe(&["a", "b"], 1);
                rig.expect_unsubscribe().packet_id
            };
            rig.send(&if is_subscribe {
                suback(packet_id, &codes)
            } else {
                unsuback(packet_id, &codes)
            });
            let expected = DisconnectCause::ProtocolError(ProtocolError::WrongCodeCount);
            assert_eq!(rig.cause(), expected);
            assert!(rig.outcomes().is_empty(), "it goes out again");
        }
    });
}

/// What a server answers with one code whatever was asked for (rumqttd 0.20).
/// It gets the filters one by one, and so bears them (R7, D1).
#[test]
fn a_server_that_counts_to_one_is_asked_for_one_filter_at_a_time() {
    each_version(|version| {
        for is_subscribe in [true, false] {
            if !is_subscribe && version != Version::V5 {
                continue;
            }
            let mut settings = lasting(version);
            settings.connect.keep_alive = 600;
            let mut rig = subscribed(settings, &["a", "b"]);
            if is_subscribe {
                rig.subscribe(&[("a", AtMostOnce), ("b", AtMostOnce)], 1);
            } else {
                rig.unsubscribe(&["a", "b"], 1);
            }
            let mut sizes = Vec::new();
            while sizes.len() < 3 {
                let reply = match rig.expect() {
                    Packet::PingReq => Packet::PingResp,
                    Packet::Subscribe(asked) => {
                        sizes.push(asked.filters.len());
                        suback(asked.packet_id, &[0])
                    }
                    Packet::Unsubscribe(asked) => {
                        sizes.push(asked.filters.len());
                        unsuback(asked.packet_id, &[0])
                    }
                    other => panic!("{other:?}"),
                };
                rig.send(&reply);
                if rig.link.is_none() {
                    rig.reconnect_with(&resumed());
                }
            }
            assert_eq!(sizes, [2, 1, 1]);
            assert_eq!(rig.answer(1), Ok(vec![0, 0]));
            assert_eq!(rig.stats().connects, 2);
            assert_eq!(rig.client.subscriptions(), if is_subscribe { 2 } else { 0 });
        }
    });
}

/// R7: the same broken answer does not end every connection forever.
#[test]
fn an_operation_always_answered_wrongly_is_quarantined_and_the_rest_goes_on() {
    each_version(|version| {
        for session in [accepted(), resumed()] {
            let mut settings = lasting(version);
            settings.connect.keep_alive = 600;
            let mut rig = Rig::online(settings);
            rig.subscribe(&[("bad", AtMostOnce)], 1);
            rig.subscribe(&[("good", AtMostOnce)], 2);
            rig.publish("a", AtLeastOnce, 3);
            let mut ends = 0;
            while let Some(packet) = rig.wire.pop_front() {
                let bad = filter("bad");
                match packet {
                    Packet::Subscribe(asked) if asked.filters[0].filter == bad => {
                        ends += 1;
                        assert!(ends < 10, "an endless loop");
                        rig.send(&suback(asked.packet_id, &[0, 0]));
                        rig.reconnect_with(&session);
                    }
                    Packet::Subscribe(asked) => rig.send(&suback(asked.packet_id, &[0])),
                    Packet::Publish(publish) => rig.send(&puback(publish.packet_id.unwrap())),
                    Packet::PingReq => rig.send(&Packet::PingResp),
                    Packet::Connect(_) | Packet::Disconnect(_) => {}
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(ends, 2, "deaths_per_packet");
            let outcomes = rig.outcomes();
            assert_eq!(outcomes.len(), 3, "one for each: {outcomes:?}");
            let error = SubscribeError::Quarantined { deaths: 2 };
            let bad = Completion::Subscribe { token: token(1), result: Err(error) };
            assert!(outcomes.contains(&bad), "{outcomes:?}");
            let causes = rig.causes();
            let wrong = DisconnectCause::ProtocolError(ProtocolError::WrongCodeCount);
            assert_eq!(causes, [wrong.clone(), wrong]);
        }
    });
}

/// D7: the duplicate of an answer may lie unread for long. The next operations do without
/// its identifier, so that it answers none of them.
#[test]
fn the_late_duplicate_of_an_answer_meets_no_other_operation() {
    each_version(|version| {
        let mut rig = Rig::online(quiet(config(version)));
        rig.subscribe(&[("a", AtMostOnce)], 1);
        let first = rig.expect_subscribe().packet_id;
        rig.send(&suback(first, &[0]));
        rig.completions.clear();
        let publish = |rig: &mut Rig| {
            rig.publish("a", AtLeastOnce, 2);
            let packet_id = rig.expect_publish().packet_id.unwrap();
            rig.send(&puback(packet_id));
            rig.completions.clear();
            packet_id
        };
        // Identifiers are taken in turn, until it would be that one's again.
        let turn = std::iter::repeat_with(|| publish(&mut rig)).position(|id| id == first);
        for _ in 0..turn.unwrap() {
            publish(&mut rig);
        }

        rig.subscribe(&[("b", AtMostOnce), ("c", AtMostOnce)], 3);
        let second = rig.expect_subscribe().packet_id;
        assert_ne!(second, first);
        rig.send(&suback(first, &[0]));
        assert_eq!(rig.stats().unknown_acknowledgements, 1);
        rig.send(&suback(second, &[0, 0]));
        assert_eq!(rig.answer(3), Ok(vec![0, 0]));
    });
}

#[test]
fn the_wrong_kind_of_answer_is_nobodys() {
    each_version(|version| {
        let mut rig = Rig::online(config(version));
        rig.subscribe(&[("a", AtMostOnce)], 1);
        let packet_id = rig.expect_subscribe().packet_id;
        rig.send(&unsuback(packet_id, &unsubscribed(version, 1)));
        rig.send(&puback(packet_id));
        assert_eq!(rig.stats().unknown_acknowledgements, 2);
        assert!(rig.outcomes().is_empty());
        rig.send(&suback(packet_id, &[0]));
        assert_eq!(rig.answer(1), Ok(vec![0]));
    });
}

#[test]
fn operations_wait_for_the_connection_in_order() {
    each_version(|version| {
        let mut rig = Rig::new(config(version));
        rig.subscribe(&[("a", AtMostOnce)], 1);
        rig.unsubscribe(&["b"], 2);
        rig.subscribe(&[("c", AtMostOnce)], 3);
        rig.client.start(rig.now);
        rig.settle();
        rig.accept_with(&accepted());
        assert_eq!(rig.expect_subscribe().filters[0].filter, filter("a"));
        assert_eq!(rig.expect_unsubscribe().filters[0], filter("b"));
        assert_eq!(rig.expect_subscribe().filters[0].filter, filter("c"));
    });
}

/// D9.
#[test]
fn the_bound_on_operations_counts_those_that_are_out() {
    each_version(|version| {
        let mut settings = config(version);
        settings.bounds.operations = 2;
        let full = Err(SubscribeError::TooManyOperations { limit: 2 });
        for mut rig in [Rig::online(settings.clone()), Rig::new(settings)] {
            rig.subscribe(&[("a", AtMostOnce)], 1);
            rig.subscribe(&[("b", AtMostOnce)], 2);
            assert_eq!(rig.try_subscribe(&[("c", AtMostOnce)], 3), full);
            if rig.client.state().is_online() {
                let packet_id = rig.expect_subscribe().packet_id;
                rig.send(&suback(packet_id, &[0]));
                rig.subscribe(&[("c", AtMostOnce)], 3);
            }
        }
    });
}

/// D8.
#[test]
fn a_lost_session_is_restored_once_and_in_one_packet() {
    each_version(|version| {
        let mut rig = subscribed(quiet(lasting(version)), &["a", "b", "c"]);
        rig.reconnect_with(&accepted());
        let restored = rig.expect_subscribe();
        let filters: Vec<_> = restored.filters.iter().map(|f| f.filter.as_str()).collect();
        assert_eq!(filters, ["a", "b", "c"]);
        assert!(restored.filters.iter().all(|f| f.options.qos == AtLeastOnce));
        rig.expect_nothing();
        assert!(rig.take_events().contains(&Event::SubscriptionsRestoring { filters: 3 }));
        rig.send(&suback(restored.packet_id, &[1, 1, 1]));
        rig.expect_nothing();
        assert!(rig.outcomes().is_empty(), "nobody asked for this one");
        assert_eq!(rig.client.subscriptions(), 3);
        rig.reconnect_with(&resumed());
        rig.expect_nothing();
        assert!(
            !rig.take_events().iter().any(|e| matches!(e, Event::SubscriptionsRestoring { .. }))
        );
        rig.reconnect_with(&accepted());
        assert_eq!(rig.expect_subscribe().filters.len(), 3);
        rig.expect_nothing();
    });
}

#[test]
fn a_restoration_that_was_cut_short_is_done_again_but_not_twice() {
    each_version(|version| {
        let mut settings = quiet(lasting(version));
        settings.bounds.filters_per_packet = 2;
        let mut rig = subscribed(settings, &["a", "b", "c"]);
        rig.reconnect_with(&accepted());
        let first = rig.expect_subscribe();
        rig.send(&suback(first.packet_id, &[1, 1]));
        assert_eq!(rig.expect_subscribe().filters.len(), 1);
        rig.drop_link(TransportFailure::TimedOut);
        rig.reconnect_with(&accepted());
        let mut asked = Vec::new();
        while let Some(Packet::Subscribe(part)) = rig.wire.pop_front() {
            asked.extend(part.filters.iter().map(|f| f.filter.to_string()));
            rig.send(&suback(part.packet_id, &vec![1; part.filters.len()]));
        }
        asked.sort();
        assert_eq!(asked, ["a", "b", "c"]);
        assert_eq!(rig.client.subscriptions(), 3);
    });
}

/// D8: nobody asked for it, so that nobody would know that it is lost.
#[test]
fn a_restoration_outlives_a_halt() {
    each_version(|version| {
        for connack in [resumed(), accepted()] {
            let mut settings = quiet(lasting(version));
            settings.reconnect.refused = RefusedPolicy::Halt;
            let mut rig = subscribed(settings, &["a", "b"]);
            rig.reconnect_with(&accepted());
            assert_eq!(rig.expect_subscribe().filters.len(), 2);
            rig.subscribe(&[("asked", AtLeastOnce)], 1);
            rig.expect_subscribe();
            rig.drop_link(TransportFailure::TimedOut);
            rig.await_open();
            rig.accept_with(&refused(ReasonCode::NOT_AUTHORIZED));
            assert!(matches!(rig.client.state(), State::Halted { .. }));
            rig.outcomes();
            rig.client.start(rig.now);
            rig.settle();
            if rig.link.is_none() {
                rig.await_open();
            }
            rig.accept_with(&connack);
            let again = rig.expect_subscribe();
            let filters = again.filters.iter().map(|entry| entry.filter.as_str());
            assert_eq!(filters.collect::<Vec<_>>(), ["a", "b"]);
            rig.expect_nothing();
            rig.send(&suback(again.packet_id, &[1, 1]));
            assert_eq!(rig.client.subscriptions(), 2);

            // A client that is over leaves nothing unanswered by that.
            rig.reconnect_with(&accepted());
            rig.expect_subscribe();
            rig.drop_link(TransportFailure::TimedOut);
            rig.await_open();
            rig.accept_with(&refused(ReasonCode::NOT_AUTHORIZED));
            rig.shutdown(secs(5));
            assert!(rig.client.shutdown_report().unwrap().is_clean());
        }
    });
}

/// D8 holds unless the application says otherwise.
#[test]
fn subscriptions_of_a_lost_session_are_forgotten_if_they_are_not_to_be_restored() {
    each_version(|version| {
        let mut settings = quiet(lasting(version));
        settings.restore_subscriptions = false;
        let mut rig = subscribed(settings, &["a", "b"]);
        rig.reconnect_with(&resumed());
        rig.expect_nothing();
        assert_eq!(rig.client.subscriptions(), 2, "a session that lives keeps them");
        rig.take_events();
        rig.subscribe(&[("c", AtMostOnce)], 1);
        rig.expect_subscribe();
        rig.reconnect_with(&accepted());
        let told = Event::SubscriptionsForgotten { filters: 2 };
        assert!(rig.take_events().contains(&told));
        let again = rig.expect_subscribe();
        assert_eq!(again.filters, [subscribe_to("c", AtMostOnce)], "it has no outcome yet (D1)");
        rig.send(&suback(again.packet_id, &[0]));
        assert_eq!(rig.answer(1), Ok(vec![0]));
        rig.expect_nothing();
        assert_eq!(rig.client.subscriptions(), 1);
    });
}

#[test]
fn a_store_forgets_the_subscriptions_that_are_not_to_be_restored() {
    each_version(|version| {
        let mut settings = quiet(lasting(version));
        settings.restore_subscriptions = false;
        let mut rig = Rig::durable_online(settings);
        rig.subscribe(&[("a", AtLeastOnce)], 1);
        let packet_id = rig.expect_subscribe().packet_id;
        rig.send(&suback(packet_id, &[1]));
        rig.advance(secs(1));
        rig.restart_with(&accepted());
        rig.expect_nothing();
        rig.advance(secs(1));
        rig.restart_with(&resumed());
        assert_eq!(rig.client.subscriptions(), 0, "the session that was resumed has none");
    });
}

#[test]
fn a_restored_filter_that_is_refused_now_is_told() {
    each_version(|version| {
        let mut rig = subscribed(quiet(lasting(version)), &["a", "b"]);
        rig.reconnect_with(&accepted());
        let packet_id = rig.expect_subscribe().packet_id;
        rig.send(&suback(packet_id, &[0x80, 1]));
        let reason = ReasonCode::UNSPECIFIED_ERROR;
        let lost = Event::SubscriptionLost { filter: filter("a"), reason };
        assert!(rig.take_events().contains(&lost));
        assert_eq!(rig.client.subscriptions(), 1);
        rig.reconnect_with(&accepted());
        assert_eq!(rig.expect_subscribe().filters.len(), 1, "not asked for again");
    });
}

#[test]
fn a_restored_filter_the_new_server_lacks_is_told() {
    use evenkeel_proto::codec::ReasonCode;
    let mut rig = subscribed(quiet(lasting(Version::V5)), &["a", "b/+"]);
    rig.reconnect_with(&with([Property::WildcardSubscriptionAvailable(0)]));
    let restored = rig.expect_subscribe();
    assert_eq!(restored.filters.len(), 1);
    rig.send(&suback(restored.packet_id, &[1]));
    let reason = ReasonCode::WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED;
    let lost = Event::SubscriptionLost { filter: filter("b/+"), reason };
    assert!(rig.take_events().contains(&lost));
}

#[test]
fn restored_filters_that_do_not_fit_one_packet_are_sent_in_parts() {
    let mut rig = subscribed(quiet(lasting(Version::V5)), &["filter/1", "filter/2", "filter/3"]);
    rig.reconnect_with(&with([Property::MaximumPacketSize(32)]));
    let mut asked = 0;
    while let Some(Packet::Subscribe(part)) = rig.wire.pop_front() {
        assert!(Packet::Subscribe(part.clone()).encoded_len(Version::V5).unwrap() <= 32);
        asked += part.filters.len();
        rig.send(&suback(part.packet_id, &vec![1; part.filters.len()]));
    }
    assert_eq!(asked, 3);
}

#[test]
fn filters_with_different_properties_are_restored_apart() {
    let mut rig = Rig::online(quiet(lasting(Version::V5)));
    for (number, name) in (1..).zip(["a", "b", "c"]) {
        let identifier = [Property::SubscriptionIdentifier(number / 3 + 1)].into_iter().collect();
        let filters = vec![subscribe_to(name, AtMostOnce)];
        rig.client.subscribe(rig.now, filters, identifier, token(1)).unwrap();
        rig.settle();
        let packet_id = rig.expect_subscribe().packet_id;
        rig.send(&suback(packet_id, &[0]));
    }
    rig.reconnect_with(&accepted());
    let mut restored: Vec<(Vec<u32>, usize)> = Vec::new();
    while let Some(Packet::Subscribe(part)) = rig.wire.pop_front() {
        let identifiers = part.properties.subscription_identifiers().collect();
        restored.push((identifiers, part.filters.len()));
    }
    assert_eq!(restored, [(vec![1], 2), (vec![2], 1)]);
}

#[test]
fn a_subscribe_in_flight_at_the_end_goes_out_again_once() {
    each_version(|version| {
        for connack in [accepted(), resumed()] {
            let mut rig = Rig::online(quiet(lasting(version)));
            rig.subscribe(&[("a", AtMostOnce)], 1);
            rig.expect_subscribe();
            rig.reconnect_with(&connack);
            let again = rig.expect_subscribe();
            assert_eq!(again.filters, [subscribe_to("a", AtMostOnce)]);
            rig.expect_nothing();
            rig.send(&suback(again.packet_id, &[0]));
            assert_eq!(rig.answer(1), Ok(vec![0]));
            rig.expect_nothing();
        }
    });
}

#[test]
fn an_unsubscribe_in_flight_at_the_end_goes_out_again_in_a_session_that_lives() {
    each_version(|version| {
        let mut rig = subscribed(quiet(lasting(version)), &["a"]);
        rig.unsubscribe(&["a"], 1);
        rig.expect_unsubscribe();
        rig.reconnect_with(&resumed());
        let again = rig.expect_unsubscribe();
        rig.expect_nothing();
        rig.send(&unsuback(again.packet_id, &unsubscribed(version, 1)));
        assert_eq!(rig.answer(1), Ok(vec![0]));
        assert_eq!(rig.client.subscriptions(), 0);
    });
}

/// D1: the subscription ended with its session, and nobody is left to say so.
#[test]
fn an_unsubscribe_in_flight_is_fulfilled_by_the_loss_of_the_session() {
    each_version(|version| {
        let mut settings = quiet(lasting(version));
        settings.bounds.filters_per_packet = 2;
        let mut rig = subscribed(settings, &["a", "b"]);
        rig.subscribe(&[("c", AtMostOnce), ("d", AtMostOnce)], 0);
        let packet_id = rig.expect_subscribe().packet_id;
        rig.send(&suback(packet_id, &[0, 0]));
        rig.outcomes();
        rig.unsubscribe(&["a", "b", "c"], 1);
        assert_eq!(rig.expect_unsubscribe().filters.len(), 2);
        rig.drop_link(TransportFailure::TimedOut);
        rig.reconnect_with(&accepted());
        assert_eq!(rig.expect_subscribe().filters, [subscribe_to("d", AtMostOnce)]);
        // What was never sent is asked for as always.
        let rest = rig.expect_unsubscribe();
        assert_eq!(rest.filters, [filter("c")]);
        rig.expect_nothing();
        assert!(rig.outcomes().is_empty());
        rig.send(&unsuback(rest.packet_id, &unsubscribed(version, 1)));
        assert_eq!(rig.answer(1), Ok(vec![0, 0, 0]));

        rig.unsubscribe(&["x"], 2);
        rig.expect_unsubscribe();
        rig.reconnect_with(&accepted());
        assert_eq!(rig.answer(2), Ok(vec![0]), "once, and without a word to the server");
        rig.wire.retain(|packet| matches!(packet, Packet::Unsubscribe(_)));
        rig.expect_nothing();
    });
}

#[test]
fn a_filter_asked_for_again_replaces_its_options() {
    each_version(|version| {
        let mut rig = subscribed(quiet(lasting(version)), &["a"]);
        rig.subscribe(&[("a", AtMostOnce)], 2);
        let packet_id = rig.expect_subscribe().packet_id;
        rig.send(&suback(packet_id, &[0]));
        assert_eq!(rig.client.subscriptions(), 1);
        rig.reconnect_with(&accepted());
        let restored = rig.expect_subscribe();
        assert_eq!(restored.filters, [subscribe_to("a", AtMostOnce)]);
        rig.expect_nothing();
    });
}

#[test]
fn parts_answered_before_the_session_was_lost_go_out_again() {
    each_version(|version| {
        let mut settings = quiet(lasting(version));
        settings.bounds.filters_per_packet = 1;
        for (connack, rest) in [(accepted(), vec!["a", "b"]), (resumed(), vec!["b"])] {
            let mut rig = Rig::online(settings.clone());
            rig.subscribe(&[("a", AtMostOnce), ("b", AtMostOnce)], 1);
            let first = rig.expect_subscribe();
            rig.send(&suback(first.packet_id, &[0]));
            rig.expect_subscribe();
            rig.reconnect_with(&connack);
            let mut asked = Vec::new();
            while let Some(Packet::Subscribe(part)) = rig.wire.pop_front() {
                asked.extend(part.filters.iter().map(|f| f.filter.to_string()));
                rig.send(&suback(part.packet_id, &vec![0; part.filters.len()]));
            }
            assert_eq!(asked, rest);
            assert_eq!(rig.answer(1), Ok(vec![0, 0]));
        }
    });
}

/// D8: the session is lost while a part of an operation is out. What a later
/// operation ended or replaced meanwhile is not asked for again as it was first.
#[test]
fn parts_ended_or_replaced_before_the_session_was_lost_do_not_come_back() {
    each_version(|version| {
        let mut settings = quiet(lasting(version));
        settings.bounds.filters_per_packet = 2;
        for is_restored in [false, true] {
            let names = [("a", AtMostOnce), ("b", AtMostOnce), ("c", AtMostOnce)];
            let mut rig = Rig::online(settings.clone());
            rig.subscribe(&names, 1);
            let first = rig.expect_subscribe();
            rig.send(&suback(first.packet_id, &[0, 0]));
            let mut last = rig.expect_subscribe();
            if is_restored {
                rig.send(&suback(last.packet_id, &[0]));
                rig.reconnect_with(&accepted());
                let first = rig.expect_subscribe();
                rig.send(&suback(first.packet_id, &[0, 0]));
                last = rig.expect_subscribe();
            }
            assert_eq!(last.filters, [subscribe_to("c", AtMostOnce)]);
            rig.outcomes();
            rig.unsubscribe(&["a"], 2);
            let ended = rig.expect_unsubscribe();
            rig.send(&unsuback(ended.packet_id, &unsubscribed(version, 1)));
            rig.subscribe(&[("b", AtLeastOnce)], 3);
            let replaced = rig.expect_subscribe();
            rig.send(&suback(replaced.packet_id, &[1]));
            rig.outcomes();

            rig.reconnect_with(&accepted());
            let mut asked = Vec::new();
            while let Some(Packet::Subscribe(part)) = rig.wire.pop_front() {
                asked.extend(part.filters.iter().cloned());
                rig.send(&suback(part.packet_id, &vec![0; part.filters.len()]));
            }
            asked.sort_by_key(|asked| asked.filter.to_string());
            let wanted = [subscribe_to("b", AtLeastOnce), subscribe_to("c", AtMostOnce)];
            assert_eq!(asked, wanted, "restored before: {is_restored}");
            assert_eq!(rig.client.subscriptions(), 2);
            if !is_restored {
                assert_eq!(rig.answer(1), Ok(vec![0, 0, 0]));
            }
        }
    });
}

#[test]
fn subscriptions_survive_a_session_that_never_lasts() {
    each_version(|version| {
        let mut rig = subscribed(quiet(config(version)), &["a"]);
        for _ in 0..3 {
            assert!(rig.reconnect_with(&accepted()).clean_start);
            let restored = rig.expect_subscribe();
            rig.expect_nothing();
            rig.send(&suback(restored.packet_id, &[1]));
        }
    });
}

/// D8: SUBSCRIBE `b` must not follow UNSUBSCRIBE `b`, which was asked for later.
#[test]
fn nothing_overtakes_the_rest_of_an_operation_in_parts() {
    each_version(|version| {
        let mut settings = quiet(lasting(version));
        settings.bounds.filters_per_packet = 1;
        let mut rig = Rig::online(settings);
        rig.subscribe(&[("a", AtMostOnce), ("b", AtMostOnce)], 1);
        rig.unsubscribe(&["b"], 2);
        let first = rig.expect_subscribe();
        assert_eq!(first.filters, [subscribe_to("a", AtMostOnce)]);
        rig.expect_nothing();
        rig.send(&suback(first.packet_id, &[0]));
        let last = rig.expect_subscribe();
        assert_eq!(last.filters, [subscribe_to("b", AtMostOnce)]);
        rig.expect_nothing();
        rig.send(&suback(last.packet_id, &[0]));
        assert_eq!(rig.answer(1), Ok(vec![0, 0]));
        let later = rig.expect_unsubscribe();
        rig.send(&unsuback(later.packet_id, &unsubscribed(version, 1)));
        assert_eq!(rig.answer(2), Ok(vec![0]));
        assert_eq!(rig.client.subscriptions(), 1, "a is left");
    });
}

#[test]
fn a_connection_that_ends_between_two_parts_holds_nothing_back() {
    each_version(|version| {
        let mut settings = quiet(lasting(version));
        settings.bounds.filters_per_packet = 1;
        let mut rig = Rig::online(settings);
        rig.subscribe(&[("a", AtMostOnce), ("b", AtMostOnce)], 1);
        rig.expect_subscribe();
        rig.reconnect_with(&resumed());
        for name in ["a", "b"] {
            let part = rig.expect_subscribe();
            assert_eq!(part.filters, [subscribe_to(name, AtMostOnce)]);
            rig.send(&suback(part.packet_id, &[0]));
        }
        assert_eq!(rig.answer(1), Ok(vec![0, 0]));
    });
}

/// D8: a CONNECT whose CONNACK was lost may have begun the session that the
/// next CONNACK calls present, and that one holds no subscription.
#[test]
fn a_session_that_may_be_another_gets_the_subscriptions_again_once() {
    each_version(|version| {
        let mut rig = subscribed(quiet(lasting(version)), &["a"]);
        rig.cut();
        rig.await_open();
        rig.accept();
        rig.cut();
        rig.reconnect_with(&resumed());
        let again = rig.expect_subscribe();
        rig.expect_nothing();
        let [SubscribeFilter { filter: name, options }] = again.filters.as_slice() else {
            panic!("one filter: {again:?}")
        };
        assert_eq!((name, options.qos), (&filter("a"), AtLeastOnce));
        let wanted = match version {
            // The server may hold it, and have sent what is retained.
            Version::V5 => RetainHandling::OnNewSubscribe,
            _ => RetainHandling::OnSubscribe,
        };
        assert_eq!(options.retain_handling, wanted);
        rig.send(&suback(again.packet_id, &[1]));
        rig.reconnect_with(&resumed());
        rig.expect_nothing();
    });
}

#[test]
fn an_attempt_that_was_refused_or_never_sent_begins_no_session() {
    use evenkeel_proto::codec::ReasonCode;
    each_version(|version| {
        let mut rig = subscribed(quiet(lasting(version)), &["a"]);
        rig.cut();
        rig.await_open();
        rig.accept();
        rig.send(&Packet::ConnAck(refused(ReasonCode::SERVER_UNAVAILABLE)));
        rig.await_open();
        rig.cut();
        rig.reconnect_with(&resumed());
        rig.expect_nothing();
    });
}

/// What the next packet on the wire asks for: `+a,b` subscribes, `-a` ends.
fn asked(rig: &mut Rig) -> (String, PacketId) {
    match rig.expect() {
        Packet::Subscribe(packet) => {
            let names: Vec<_> = packet.filters.iter().map(|f| f.filter.as_str()).collect();
            (format!("+{}", names.join(",")), packet.packet_id)
        }
        Packet::Unsubscribe(packet) => {
            let names: Vec<_> = packet.filters.iter().map(|filter| filter.as_str()).collect();
            (format!("-{}", names.join(",")), packet.packet_id)
        }
        other => panic!("{other:?}"),
    }
}

/// Answers what `asked` has shown.
fn grant(rig: &mut Rig, version: Version, (what, packet_id): &(String, PacketId)) {
    let count = what.split(',').count();
    rig.send(&if what.starts_with('+') {
        suback(*packet_id, &vec![0; count])
    } else {
        unsuback(*packet_id, &unsubscribed(version, count))
    });
}

/// Servers may take two operations on one filter in either order: aedes loses
/// the subscription if UNSUBSCRIBE and SUBSCRIBE come back to back.
#[test]
fn operations_on_one_filter_wait_for_each_other() {
    each_version(|version| {
        let mut rig = subscribed(quiet(config(version)), &["a"]);
        rig.unsubscribe(&["a"], 1);
        rig.subscribe(&[("a", AtMostOnce)], 2);
        rig.unsubscribe(&["a"], 3);
        rig.subscribe(&[("a", AtMostOnce)], 4);
        rig.subscribe(&[("a", AtLeastOnce)], 5);
        for (number, expected) in (1..).zip(["-a", "+a", "-a", "+a", "+a"]) {
            let out = asked(&mut rig);
            assert_eq!(out.0, expected);
            rig.expect_nothing();
            grant(&mut rig, version, &out);
            assert_eq!(rig.answer(number), Ok(vec![0]));
        }
        rig.expect_nothing();
        assert_eq!(rig.client.subscriptions(), 1);
    });
}

#[test]
fn operations_on_other_filters_need_not_wait() {
    each_version(|version| {
        let mut rig = Rig::online(quiet(config(version)));
        rig.subscribe(&[("a", AtMostOnce)], 1);
        rig.unsubscribe(&["a", "b"], 2);
        rig.subscribe(&[("c", AtMostOnce)], 3);
        // Not held by what is out, but by what is held itself.
        rig.subscribe(&[("b", AtMostOnce), ("d", AtMostOnce)], 4);
        rig.unsubscribe(&["d"], 5);
        rig.unsubscribe(&["e"], 6);
        let first = asked(&mut rig);
        assert_eq!(first.0, "+a");
        let others = [asked(&mut rig), asked(&mut rig)];
        assert_eq!(others.clone().map(|(what, _)| what), ["+c", "-e"]);
        rig.expect_nothing();
        for other in &others {
            grant(&mut rig, version, other);
        }
        assert_eq!(rig.outcomes().len(), 2);
        let mut out = first;
        for expected in ["-a,b", "+b,d", "-d"] {
            rig.expect_nothing();
            grant(&mut rig, version, &out);
            out = asked(&mut rig);
            assert_eq!(out.0, expected);
        }
        grant(&mut rig, version, &out);
        assert_eq!(rig.outcomes().len(), 4);
        assert_eq!(rig.client.subscriptions(), 2, "b and c");
    });
}

#[test]
fn what_is_held_back_keeps_its_place_across_reconnects() {
    each_version(|version| {
        for connack in [accepted(), resumed()] {
            let mut rig = Rig::online(quiet(lasting(version)));
            rig.subscribe(&[("a", AtMostOnce)], 1);
            rig.unsubscribe(&["a"], 2);
            rig.subscribe(&[("b", AtMostOnce)], 3);
            rig.forget_wire();
            for _ in 0..3 {
                rig.drop_link(TransportFailure::TimedOut);
                rig.reconnect_with(&connack);
                let out = [asked(&mut rig).0, asked(&mut rig).0];
                assert_eq!(out, ["+a", "+b"]);
                rig.expect_nothing();
            }
            let ids: Vec<_> = rig.history.iter().rev().take(2).map(|(.., p)| p.clone()).collect();
            let Packet::Subscribe(first) = &ids[1] else { panic!("{ids:?}") };
            rig.send(&suback(first.packet_id, &[0]));
            let held = asked(&mut rig);
            assert_eq!(held.0, "-a");
            grant(&mut rig, version, &held);
            assert_eq!(rig.outcomes().len(), 2);
        }
    });
}

/// R7: the first one is quarantined, the one it held back has its turn.
#[test]
fn what_a_quarantined_operation_held_back_goes_on() {
    each_version(|version| {
        let mut settings = lasting(version);
        settings.connect.keep_alive = 600;
        let mut rig = Rig::online(settings);
        rig.subscribe(&[("bad", AtMostOnce)], 1);
        rig.unsubscribe(&["bad"], 2);
        let mut cuts = 0;
        while let Some(packet) = rig.wire.pop_front() {
            match packet {
                Packet::Subscribe(_) => {
                    cuts += 1;
                    assert!(cuts < 10, "an endless loop");
                    rig.cut();
                    rig.await_open();
                    rig.accept_with(&resumed());
                }
                Packet::Unsubscribe(asked) => {
                    rig.send(&unsuback(asked.packet_id, &unsubscribed(version, 1)));
                }
                Packet::PingReq => rig.send(&Packet::PingResp),
                _ => {}
            }
        }
        let outcomes = rig.outcomes();
        let error = Err(SubscribeError::Quarantined { deaths: 2 });
        let bad = Completion::Subscribe { token: token(1), result: error };
        assert_eq!(outcomes.len(), 2, "{outcomes:?}");
        assert_eq!(outcomes[0], bad);
        assert!(matches!(outcomes[1], Completion::Unsubscribe { result: Ok(_), .. }));
    });
}

/// D1, D12.
#[test]
fn what_is_held_back_is_reported_at_the_end() {
    each_version(|version| {
        let mut rig = Rig::online(quiet(config(version)));
        rig.subscribe(&[("a", AtMostOnce)], 1);
        for number in 2..=5 {
            rig.unsubscribe(&["a"], number);
        }
        rig.shutdown(secs(1));
        rig.advance(secs(1));
        assert_eq!(rig.client.state(), State::Closed);
        let outcomes = rig.outcomes();
        assert_eq!(outcomes.len(), 5, "{outcomes:?}");
        let abandoned = outcomes.iter().filter(|outcome| {
            matches!(
                outcome,
                Completion::Subscribe { result: Err(SubscribeError::Abandoned), .. }
                    | Completion::Unsubscribe { result: Err(SubscribeError::Abandoned), .. }
            )
        });
        assert_eq!(abandoned.count(), 5);
    });
}
