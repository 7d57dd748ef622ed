//! One packet the server does not accept must not keep all others from it (R7).

use evenkeel_proto::codec::{Packet, PacketId, Publish, ReasonCode, Version};
use evenkeel_proto::record::Window;
use evenkeel_proto::{
    Completion, Config, DeliveryError, DisconnectCause, Event, State, SubscribeError,
    TransportFailure,
};

use crate::support::*;

fn patient(version: Version) -> Config {
    let mut config = lasting(version);
    config.connect.keep_alive = 600;
    config
}

/// What this server cannot accept.
#[derive(Clone, Copy)]
enum Poison {
    Topic(&'static str),
    Filter(&'static str),
    Filters(usize),
    Nothing,
}

impl Poison {
    fn kills(self, packet: &Packet) -> bool {
        match (self, packet) {
            (Self::Topic(topic), Packet::Publish(publish)) => publish.topic == topic,
            (Self::Filter(poison), Packet::Subscribe(subscribe)) => {
                subscribe.filters.iter().any(|entry| entry.filter == filter(poison))
            }
            (Self::Filter(poison), Packet::Unsubscribe(unsubscribe)) => {
                unsubscribe.filters.contains(&filter(poison))
            }
            (Self::Filters(most), Packet::Subscribe(subscribe)) => subscribe.filters.len() > most,
            _ => false,
        }
    }
}

fn answer(packet: &Packet, version: Version) -> Option<Packet> {
    Some(match packet {
        Packet::PingReq => Packet::PingResp,
        Packet::Publish(Publish { qos: AtLeastOnce, packet_id: Some(id), .. }) => puback(*id),
        Packet::Publish(Publish { packet_id: Some(id), .. }) => pubrec(*id),
        Packet::PubRel(ack) => pubcomp(ack.packet_id),
        Packet::Subscribe(subscribe) => {
            suback(subscribe.packet_id, &vec![1; subscribe.filters.len()])
        }
        Packet::Unsubscribe(unsubscribe) => {
            let codes = vec![0; unsubscribe.filters.len()];
            unsuback(unsubscribe.packet_id, if version == Version::V5 { &codes } else { &[] })
        }
        _ => return None,
    })
}

/// Lets the server answer everything, or cut the connection at the poison,
/// until nothing happens any more; returns how often it cut.
fn serve(rig: &mut Rig, poison: Poison, session: bool) -> usize {
    let version = rig.client.limits().map_or(Version::V5, |limits| limits.version);
    let mut cuts = 0;
    loop {
        let Some(packet) = rig.wire.pop_front() else {
            if rig.client.state().is_online() {
                return cuts;
            }
            rig.await_open();
            rig.accept_with(&if session { resumed() } else { accepted() });
            continue;
        };
        if poison.kills(&packet) {
            cuts += 1;
            assert!(cuts < 20, "an endless loop: {:?}", rig.history);
            rig.cut();
            rig.forget_wire();
        } else if let Some(reply) = answer(&packet, version) {
            rig.send(&reply);
        }
    }
}

/// Tokens of publishes that were delivered, and of those that were quarantined.
fn sorted_outcomes(rig: &mut Rig) -> (Vec<u64>, Vec<u64>) {
    let (mut delivered, mut quarantined) = (Vec::new(), Vec::new());
    for outcome in rig.outcomes() {
        match outcome {
            Completion::Publish { token, result: Ok(_) } => delivered.push(token.0),
            Completion::Publish { token, result: Err(DeliveryError::Quarantined { .. }) } => {
                quarantined.push(token.0);
            }
            other => panic!("{other:?}"),
        }
    }
    delivered.sort_unstable();
    (delivered, quarantined)
}

#[test]
fn the_offender_alone_fails_wherever_it_stands_among_the_others() {
    each_version(|version| {
        for session in [true, false] {
            for place in 0..6 {
                let mut rig = Rig::online(patient(version));
                for number in 0..6 {
                    let topic = if number == place { "poison" } else { "fine" };
                    rig.publish(topic, AtLeastOnce, number);
                }
                let cuts = serve(&mut rig, Poison::Topic("poison"), session);
                let (delivered, quarantined) = sorted_outcomes(&mut rig);
                assert_eq!(quarantined, [place], "session {session}");
                assert_eq!(delivered.len(), 5, "the rest goes on");
                assert!((2..=4).contains(&cuts), "{cuts}");
                let told = rig.take_events().into_iter().find_map(|told| match told {
                    Event::Quarantined { topic, deaths, serial } => Some((topic, deaths, serial)),
                    _ => None,
                });
                let (topic, deaths, serial) = told.expect("an event tells of it");
                assert_eq!(topic, Some(text("poison")));
                assert!(deaths >= 2);
                let limit = Window { messages: 10, bytes: 1000 };
                let kept = rig.client.list(None, limit);
                assert_eq!(kept.len(), 1, "it is kept to be looked at");
                assert_eq!((Some(kept[0].serial), &kept[0].publish.topic[..]), (serial, "poison"));
                assert!(rig.client.state().is_online());
            }
        }
    });
}

#[test]
fn a_poison_qos_2_message_fails_alone_too() {
    each_version(|version| {
        let mut rig = Rig::online(patient(version));
        rig.publish("fine", ExactlyOnce, 1);
        rig.publish("poison", ExactlyOnce, 2);
        rig.publish("fine", AtLeastOnce, 3);
        serve(&mut rig, Poison::Topic("poison"), true);
        assert_eq!(sorted_outcomes(&mut rig), (vec![1, 3], vec![2]));
    });
}

/// D4: the server may have taken it in before it cut; a new message under the
/// identifier would pass for a copy.
#[test]
fn a_quarantined_qos_2_message_leaves_its_identifier_when_the_server_has() {
    each_version(|version| {
        let mut rig = Rig::online(patient(version));
        rig.publish("poison", ExactlyOnce, 1);
        serve(&mut rig, Poison::Topic("poison"), true);
        assert_eq!(sorted_outcomes(&mut rig), (vec![], vec![1]));
        let of_poison = rig.history.iter().find_map(|(_, _, packet)| match packet {
            Packet::Publish(publish) => publish.packet_id,
            _ => None,
        });
        let last = rig.history.iter().rev().find_map(|(_, _, packet)| match packet {
            Packet::PubRel(ack) => Some(ack.packet_id),
            _ => None,
        });
        assert_eq!(last, of_poison, "PUBREL ends what the server may hold");
        assert_eq!(rig.client.in_flight(), 0);
    });
}

/// Nothing at all came before the cut: the server's first packet was its FIN.
#[test]
fn a_poison_message_is_found_on_a_server_that_says_nothing_else() {
    each_version(|version| {
        let mut rig = Rig::online(patient(version));
        rig.publish("poison", AtLeastOnce, 1);
        let cuts = serve(&mut rig, Poison::Topic("poison"), false);
        assert_eq!(sorted_outcomes(&mut rig), (vec![], vec![1]));
        assert!(cuts <= 3, "{cuts}");
    });
}

#[test]
fn the_evidence_names_deaths_and_sendings() {
    let mut rig = Rig::online(patient(Version::V5));
    rig.send(&Packet::Publish(delivery("hello", AtMostOnce, 0)));
    rig.publish("poison", AtLeastOnce, 1);
    serve(&mut rig, Poison::Topic("poison"), true);
    let expected = DeliveryError::Quarantined { deaths: 2, attempts: 2 };
    assert_eq!(rig.outcome(1), Err(expected));
}

#[test]
fn a_server_that_cuts_every_connection_makes_no_packet_guilty() {
    each_version(|version| {
        let mut rig = Rig::online(patient(version));
        rig.publish("fine", AtLeastOnce, 1);
        rig.publish("fine", ExactlyOnce, 2);
        rig.subscribe(&[("s", AtMostOnce)], 3);
        for _ in 0..20 {
            rig.cut();
            rig.await_open();
            rig.accept_with(&resumed());
        }
        assert!(rig.outcomes().is_empty(), "nobody is quarantined");
        serve(&mut rig, Poison::Nothing, true);
        assert_eq!(rig.outcomes().len(), 3, "all of it arrives in the end");
    });
}

/// What is still in our own buffers at the cut cannot be what it was for.
#[test]
fn what_the_peer_has_seen_nothing_of_is_not_suspected() {
    each_version(|version| {
        for seen in [0, 1] {
            let mut rig = Rig::online(patient(version));
            rig.writable = false;
            rig.publish("fine", AtLeastOnce, 1);
            if seen > 0 {
                rig.write(seen);
            }
            rig.cut();
            rig.writable = true;
            rig.await_open();
            rig.accept_with(&resumed());
            let waits_for_a_sign_of_life = rig.expect() == Packet::PingReq;
            assert_eq!(waits_for_a_sign_of_life, seen > 0);
        }
    });
}

/// Without pings a server may have no reason to show life.
#[test]
fn without_pings_a_cut_before_any_sign_of_life_is_no_evidence() {
    each_version(|version| {
        let mut rig = Rig::online(quiet(lasting(version)));
        for number in 1..=3 {
            rig.publish("fine", AtLeastOnce, number);
        }
        rig.send(&Packet::Publish(delivery("hello", AtMostOnce, 0)));
        rig.reconnect_with(&resumed());
        let first = rig.expect_publish().packet_id.unwrap();
        rig.send(&puback(first));
        // Two deaths in company: the other two are guilty no more than each other.
        rig.cut();
        assert_eq!(rig.outcomes().len(), 1);
        for _ in 0..5 {
            rig.await_open();
            rig.accept_with(&resumed());
            rig.advance(secs(10));
            rig.expect_publish();
            rig.expect_nothing();
            rig.cut();
        }
        assert!(rig.outcomes().is_empty());
        rig.await_open();
        rig.accept_with(&resumed());
        rig.advance(secs(10));
        serve(&mut rig, Poison::Nothing, true);
        assert_eq!(rig.outcomes().len(), 2);
    });
}

/// The cut overtakes the answers to everything that went before the poison.
#[test]
fn the_offender_is_found_in_four_deaths_among_any_number() {
    each_version(|version| {
        for place in [0, 1, 4, 9] {
            let mut rig = Rig::online(patient(version));
            for number in 0..10 {
                let topic = if number == place { "poison" } else { "fine" };
                rig.publish(topic, AtLeastOnce, number);
            }
            let mut cuts = 0;
            while !rig.wire.is_empty() || !rig.client.state().is_online() {
                assert!(cuts < 20, "an endless loop");
                if !rig.client.state().is_online() {
                    rig.await_open();
                    rig.accept_with(&resumed());
                    continue;
                }
                let packets = std::mem::take(&mut rig.wire);
                if packets.iter().any(|packet| Poison::Topic("poison").kills(packet)) {
                    cuts += 1;
                    rig.cut();
                    continue;
                }
                for packet in packets {
                    rig.send(&answer(&packet, version).unwrap());
                }
            }
            let (delivered, quarantined) = sorted_outcomes(&mut rig);
            assert_eq!((delivered.len(), quarantined), (9, vec![place]));
            assert!(cuts <= 4, "{cuts} with the poison at {place}");
        }
    });
}

#[test]
fn a_suspect_waits_for_a_sign_of_life() {
    each_version(|version| {
        let mut rig = Rig::online(patient(version));
        rig.publish("a", AtLeastOnce, 1);
        rig.reconnect_with(&resumed());
        assert_eq!(rig.expect(), Packet::PingReq, "the server is asked whether it lives");
        rig.expect_nothing();
        rig.send(&Packet::PingResp);
        assert_eq!(rig.expect_publish().topic, "a");
    });
}

#[test]
fn a_suspect_is_tried_alone() {
    each_version(|version| {
        // A suspected SUBSCRIBE: nothing that asks for an answer goes beside it.
        let mut rig = Rig::online(patient(version));
        rig.subscribe(&[("suspect", AtMostOnce)], 1);
        rig.reconnect_with(&resumed());
        assert_eq!(rig.expect(), Packet::PingReq);
        rig.publish("waits", AtLeastOnce, 2);
        rig.send(&Packet::PingResp);
        let suspect = rig.expect_subscribe().packet_id;
        rig.subscribe(&[("waits", AtMostOnce)], 3);
        rig.publish("waits", ExactlyOnce, 4);
        rig.expect_nothing();
        rig.send(&suback(suspect, &[0]));
        assert!(matches!(rig.expect(), Packet::Subscribe(_)));
        assert_eq!(rig.expect_publish().qos, AtLeastOnce);
        assert_eq!(rig.expect_publish().qos, ExactlyOnce);

        // A suspected PUBLISH likewise.
        let mut rig = Rig::online(patient(version));
        rig.publish("suspect", AtLeastOnce, 1);
        rig.reconnect_with(&resumed());
        rig.expect();
        rig.send(&Packet::PingResp);
        let suspect = rig.expect_publish().packet_id.unwrap();
        rig.subscribe(&[("waits", AtMostOnce)], 2);
        rig.publish("waits", AtLeastOnce, 3);
        rig.expect_nothing();
        rig.send(&puback(suspect));
        assert!(matches!(rig.expect(), Packet::Subscribe(_)));
        assert_eq!(rig.expect_publish().topic, "waits");
    });
}

#[test]
fn any_packet_of_the_server_is_a_sign_of_life() {
    each_version(|version| {
        let mut rig = Rig::online(patient(version));
        rig.publish("a", AtLeastOnce, 1);
        rig.reconnect_with(&resumed());
        rig.send(&Packet::Publish(delivery("b", AtMostOnce, 0)));
        assert_eq!(rig.expect(), Packet::PingReq);
        assert_eq!(rig.expect_publish().topic, "a");
    });
}

#[test]
fn ends_that_accuse_nobody_leave_no_suspicion() {
    type End = fn(&mut Rig);
    let ends: [End; 5] = [
        |rig| rig.drop_link(TransportFailure::TimedOut),
        |rig| rig.drop_link(TransportFailure::Unreachable),
        |rig| {
            rig.client.reconnect(rig.now);
            rig.settle();
        },
        |rig| rig.send(&disconnect(ReasonCode::SERVER_SHUTTING_DOWN)),
        |rig| rig.send(&disconnect(ReasonCode::SERVER_BUSY)),
    ];
    for end in ends {
        let mut rig = Rig::online(patient(Version::V5));
        rig.publish("a", AtLeastOnce, 1);
        for _ in 0..5 {
            rig.send(&Packet::Publish(delivery("b", AtMostOnce, 0)));
            end(&mut rig);
            rig.await_open();
            rig.accept_with(&resumed());
            assert_eq!(rig.expect_publish().topic, "a", "sent again without further ado");
        }
        assert!(rig.outcomes().is_empty());
    }
}

#[test]
fn a_disconnect_over_a_packet_accuses_it() {
    let mut rig = Rig::online(patient(Version::V5));
    rig.publish("a", AtLeastOnce, 1);
    for _ in 0..2 {
        rig.send(&Packet::PingResp);
        rig.send(&disconnect(ReasonCode::NOT_AUTHORIZED));
        if !matches!(rig.client.state(), State::Waiting { .. }) {
            break;
        }
        rig.await_open();
        rig.accept_with(&resumed());
        rig.send(&Packet::PingResp);
    }
    assert!(matches!(rig.outcome(1), Err(DeliveryError::Quarantined { .. })));
}

#[test]
fn what_the_server_has_taken_over_is_never_quarantined() {
    each_version(|version| {
        let mut rig = Rig::online(patient(version));
        rig.publish("a", ExactlyOnce, 1);
        let packet_id = rig.expect_publish().packet_id.unwrap();
        rig.send(&pubrec(packet_id));
        for _ in 0..5 {
            rig.cut();
            rig.await_open();
            rig.accept_with(&resumed());
            rig.send(&Packet::PingResp);
            assert!(std::mem::take(&mut rig.wire).contains(&pubrel(packet_id)));
        }
        assert!(rig.outcomes().is_empty());
        rig.send(&pubcomp(packet_id));
        assert!(rig.outcome(1).is_ok());
    });
}

#[test]
fn quarantine_may_be_turned_off_or_made_slower() {
    for (deaths, expected) in [(0, None), (1, Some(1)), (5, Some(5))] {
        let mut settings = patient(Version::V5);
        settings.bounds.deaths_per_packet = deaths;
        let mut rig = Rig::online(settings);
        rig.send(&Packet::Publish(delivery("hello", AtMostOnce, 0)));
        rig.publish("poison", AtLeastOnce, 1);
        let mut cuts = 0;
        while cuts < 10 && rig.completions.is_empty() {
            if let Some(packet) = rig.wire.pop_front() {
                if Poison::Topic("poison").kills(&packet) {
                    rig.cut();
                    cuts += 1;
                    rig.await_open();
                    rig.accept_with(&resumed());
                } else if packet == Packet::PingReq {
                    rig.send(&Packet::PingResp);
                }
            }
        }
        assert_eq!(rig.completions.is_empty().then_some(()), expected.is_none().then_some(()));
        assert_eq!(cuts, expected.unwrap_or(10));
    }
}

#[test]
fn a_poison_filter_fails_alone() {
    each_version(|version| {
        for session in [true, false] {
            let mut rig = Rig::online(patient(version));
            rig.subscribe(&[("bad", AtMostOnce)], 1);
            rig.subscribe(&[("good", AtMostOnce)], 2);
            rig.publish("fine", AtLeastOnce, 3);
            serve(&mut rig, Poison::Filter("bad"), session);
            let mut outcomes = rig.outcomes();
            outcomes.sort_by_key(|outcome| outcome.token());
            let Completion::Subscribe { result: Err(error), .. } = &outcomes[0] else { panic!() };
            assert!(matches!(error, SubscribeError::Quarantined { deaths: 2.. }), "{error:?}");
            assert!(
                matches!(&outcomes[1], Completion::Subscribe { result: Ok(codes), .. } if codes.len() == 1)
            );
            assert!(matches!(&outcomes[2], Completion::Publish { result: Ok(_), .. }));
            assert_eq!(rig.client.subscriptions(), 1);
        }
    });
}

#[test]
fn a_poison_filter_among_many_has_its_own_code() {
    each_version(|version| {
        let mut rig = Rig::online(patient(version));
        let filters = ["a", "b", "bad", "c", "d"].map(|filter| (filter, AtLeastOnce));
        rig.subscribe(&filters, 1);
        let cuts = serve(&mut rig, Poison::Filter("bad"), true);
        assert_eq!(rig.answer(1), Ok(vec![1, 1, 0x80, 1, 1]));
        assert!(cuts <= 4, "{cuts}");
        let told = rig.take_events().into_iter().any(|event| {
            matches!(event, Event::Quarantined { topic: Some(topic), .. } if topic == "bad")
        });
        assert!(told);
    });
}

#[test]
fn the_neighbour_of_a_poison_filter_is_judged_by_its_own_deaths() {
    each_version(|version| {
        let mut settings = patient(version);
        settings.bounds.deaths_per_packet = 3;
        let mut rig = Rig::online(settings);
        rig.subscribe(&[("bad", AtMostOnce), ("good", AtMostOnce)], 1);
        rig.send(&Packet::Publish(delivery("hello", AtMostOnce, 0)));
        let mut unlucky = false;
        loop {
            assert!(rig.stats().connects < 20, "an endless loop");
            let Some(packet) = rig.wire.pop_front() else {
                if rig.client.state().is_online() {
                    break;
                }
                rig.await_open();
                rig.accept_with(&resumed());
                continue;
            };
            let good = !Poison::Filter("bad").kills(&packet);
            if !good || (matches!(packet, Packet::Subscribe(_)) && !unlucky) {
                unlucky |= good;
                rig.cut();
                rig.forget_wire();
            } else if let Some(reply) = answer(&packet, version) {
                rig.send(&reply);
            }
        }
        assert!(unlucky);
        assert_eq!(rig.answer(1), Ok(vec![0x80, 1]), "one death of its own is chance");
    });
}

/// AWS IoT Core cuts at more than eight filters in one SUBSCRIBE.
/// The first cut may be chance and halves the packet; the second, after a sign
/// of life, leaves one filter in each.
#[test]
fn a_server_that_bears_fewer_filters_gets_fewer_at_a_time() {
    each_version(|version| {
        for (filters, sizes) in [
            (12, vec![12, 6, 6]),
            (17, vec![17, 8, 8, 1]),
            (40, [40, 20].into_iter().chain([1; 40]).collect()),
        ] {
            let mut rig = Rig::online(patient(version));
            let names: Vec<String> = (0..filters).map(|number| format!("t/{number}")).collect();
            for name in &names {
                rig.subscribe(&[(name.as_str(), AtLeastOnce)], 0);
            }
            serve(&mut rig, Poison::Filters(8), false);
            assert_eq!(rig.client.subscriptions(), filters);
            rig.completions.clear();
            rig.history.clear();
            // The session is lost: all go out in one packet, which is cut.
            rig.reconnect_with(&accepted());
            let cuts = serve(&mut rig, Poison::Filters(8), false);
            assert_eq!(rig.client.subscriptions(), filters, "not one is lost");
            let asked: Vec<usize> = rig
                .history
                .iter()
                .filter_map(|(.., packet)| match packet {
                    Packet::Subscribe(subscribe) => Some(subscribe.filters.len()),
                    _ => None,
                })
                .collect();
            assert_eq!(asked, sizes);
            assert_eq!(cuts, sizes.iter().filter(|size| **size > 8).count());
            assert!(!rig.take_events().iter().any(|e| matches!(e, Event::Quarantined { .. })));
        }
    });
}

#[test]
fn a_poison_unsubscribe_fails_alone() {
    each_version(|version| {
        let mut rig = Rig::online(patient(version));
        rig.unsubscribe(&["bad"], 1);
        serve(&mut rig, Poison::Filter("bad"), true);
        assert!(matches!(rig.answer(1), Err(SubscribeError::Quarantined { .. })));
    });
}

#[test]
fn a_restored_filter_that_turned_to_poison_is_told() {
    each_version(|version| {
        let mut rig = Rig::online(patient(version));
        rig.subscribe(&[("good", AtMostOnce), ("bad", AtMostOnce)], 1);
        serve(&mut rig, Poison::Nothing, false);
        rig.take_events();
        rig.reconnect_with(&accepted());
        serve(&mut rig, Poison::Filter("bad"), false);
        let events = rig.take_events();
        let lost = events.iter().any(|event| {
            matches!(event, Event::SubscriptionLost { filter: lost, .. } if *lost == filter("bad"))
        });
        assert!(lost, "{events:?}");
        assert_eq!(rig.client.subscriptions(), 1);
    });
}

/// An application that never stops publishing must not hide the culprit.
#[test]
fn a_poison_filter_is_found_under_constant_traffic() {
    each_version(|version| {
        let mut rig = Rig::online(patient(version));
        rig.subscribe(&[("bad", AtMostOnce)], 1_000_000);
        let mut number = 0;
        let mut cuts = 0;
        while !rig.completions.iter().any(|o| matches!(o, Completion::Subscribe { .. })) {
            number += 1;
            assert!(number < 2000 && cuts < 10, "{cuts} cuts");
            rig.publish("fine", AtLeastOnce, number);
            let Some(packet) = rig.wire.pop_front() else {
                if !rig.client.state().is_online() {
                    rig.await_open();
                    rig.accept_with(&resumed());
                }
                continue;
            };
            if Poison::Filter("bad").kills(&packet) {
                cuts += 1;
                rig.cut();
                rig.forget_wire();
            } else if let Some(reply) = answer(&packet, version) {
                rig.send(&reply);
            }
        }
        serve(&mut rig, Poison::Nothing, true);
        let mut delivered = 0;
        for outcome in rig.outcomes() {
            match outcome {
                Completion::Publish { result, .. } => {
                    assert!(result.is_ok(), "{result:?}");
                    delivered += 1;
                }
                Completion::Subscribe { result, .. } => assert!(result.is_err()),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(delivered, number);
    });
}

#[test]
fn causes_and_identifiers_stay_right_after_a_quarantine() {
    let mut rig = Rig::online(patient(Version::V5));
    rig.publish("poison", AtLeastOnce, 1);
    serve(&mut rig, Poison::Topic("poison"), true);
    let causes = rig.causes();
    let eof = DisconnectCause::Transport { failure: TransportFailure::Eof, phase: None };
    assert!(causes.iter().all(|cause| *cause == eof), "{causes:?}");
    assert_eq!(rig.client.in_flight(), 0);
    rig.completions.clear();
    rig.publish("fine", AtLeastOnce, 2);
    let packet_id: PacketId = rig.expect_publish().packet_id.unwrap();
    rig.send(&puback(packet_id));
    assert!(rig.outcome(2).is_ok());
}
