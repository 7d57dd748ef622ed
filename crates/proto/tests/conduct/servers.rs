//! Servers and addresses in turn (R10).

use evenkeel_proto::codec::{ConnAck, Packet, Property, ReasonCode, Version};
use evenkeel_proto::{Config, Halt, Pace, RefusedPolicy, Served, State, TransportFailure};

use crate::support::*;

fn with_servers(count: usize) -> Config {
    let mut settings = config(Version::V5);
    settings.servers = count;
    settings
}

fn server(rig: &Rig) -> usize {
    rig.opens.last().unwrap().1.server
}

fn redirect(rig: &Rig) -> Option<&str> {
    rig.opens.last().unwrap().1.redirect.as_ref().map(|text| text.as_str())
}

fn halt(rig: &Rig) -> Option<Halt> {
    match rig.client.state() {
        State::Halted { reason, .. } => Some(reason),
        _ => None,
    }
}

fn refuse(rig: &mut Rig) {
    rig.accept_with(&refused(ReasonCode::NOT_AUTHORIZED));
}

/// Every way in which a server that takes TCP can be no good above it.
fn fail(rig: &mut Rig, way: usize) {
    match way {
        0 => rig.advance(secs(30)),
        1 => {
            rig.accept();
            rig.advance(secs(30));
        }
        2 => {
            rig.accept();
            rig.cut();
        }
        3 => drop(rig.accept_with(&refused(ReasonCode::SERVER_UNAVAILABLE))),
        4 => drop(rig.accept_with(&refused(ReasonCode::NOT_AUTHORIZED))),
        5 => drop(rig.accept_with(&refused(ReasonCode::BANNED))),
        6 => rig.drop_link(TransportFailure::TlsRefused),
        7 => rig.drop_link(TransportFailure::WebSocketRefused(503)),
        8 => rig.drop_link(TransportFailure::WebSocketRefused(403)),
        9 => {
            rig.accept();
            rig.send_bytes(&[0x20, 2, 0, 0]);
        }
        10 => {
            rig.accept();
            rig.send(&Packet::PingResp);
        }
        11 => {
            rig.accept_with(&accepted());
            rig.send(&disconnect(ReasonCode::SERVER_SHUTTING_DOWN));
        }
        _ => rig.drop_link(TransportFailure::ProxyRefused),
    }
}

const WAYS: usize = 13;

/// R1: each attempt is one request for a connection.
#[test]
fn servers_are_tried_in_turn() {
    let mut rig = Rig::started(with_servers(3));
    for _ in 0..6 {
        rig.drop_link(TransportFailure::Refused);
        rig.await_open();
    }
    let servers: Vec<usize> = rig.opens.iter().map(|(_, open)| open.server).collect();
    assert_eq!(servers, [0, 1, 2, 0, 1, 2, 0]);
    rig.accept_with(&accepted());
    rig.client.reconnect(rig.now);
    rig.settle();
    rig.await_open();
    assert_eq!(server(&rig), 0, "our own wish does not accuse the server");
}

#[test]
fn whatever_fails_the_other_server_is_next_by_back_off() {
    for way in 0..WAYS {
        let mut rig = Rig::started(with_servers(2));
        fail(&mut rig, way);
        let retries = rig.retries();
        let (retry, delay) = retries.last().unwrap();
        assert_eq!(retry.pace, Pace::BackOff, "way {way}");
        assert!(*delay >= millis(500) && *delay <= secs(1), "way {way}: {delay:?}");
        rig.await_open();
        assert_eq!(server(&rig), 1, "way {way}");
        let served = if way == 11 { Served::Briefly } else { Served::No };
        assert_eq!(rig.served.last(), Some(&served), "way {way}");
        rig.accept_with(&accepted());
        assert!(rig.client.state().is_online(), "way {way}");
    }
}

/// The good one is lost for a moment: the one that failed is not asked first.
#[test]
fn a_server_that_failed_is_remembered_for_ten_minutes() {
    for way in 0..WAYS {
        let mut rig = Rig::started(quiet(with_servers(2)));
        fail(&mut rig, way);
        let failed = rig.now;
        rig.await_open();
        rig.accept_with(&accepted());
        rig.advance(secs(60));
        rig.cut();
        assert_eq!(rig.served.last(), Some(&Served::Yes));
        rig.await_open();
        assert_eq!(server(&rig), 1, "way {way}: {:?} later", rig.now.since(failed));
        rig.accept_with(&accepted());
        rig.advance(secs(600));
        rig.cut();
        rig.await_open();
        assert_eq!(server(&rig), 0, "way {way}: it may work again");
    }
}

#[test]
fn a_connection_that_lives_long_does_not_accuse_its_server() {
    for (lived, served) in [(secs(30) - MICRO, Served::Briefly), (secs(30), Served::Yes)] {
        let mut rig = Rig::started(quiet(with_servers(2)));
        rig.accept_with(&accepted());
        rig.advance(lived);
        rig.cut();
        assert_eq!(rig.served, [served]);
    }
}

/// What took a connection and lost it soon is better than what never took one.
#[test]
fn a_server_that_served_briefly_comes_before_one_that_never_did() {
    let mut rig = Rig::started(quiet(with_servers(3)));
    let mut asked = Vec::new();
    for _ in 0..6 {
        asked.push(server(&rig));
        match server(&rig) {
            0 => rig.drop_link(TransportFailure::Refused),
            1 => drop(rig.accept_with(&refused(ReasonCode::SERVER_UNAVAILABLE))),
            _ => {
                rig.accept_with(&accepted());
                rig.cut();
            }
        }
        rig.await_open();
    }
    assert_eq!(asked, [0, 1, 2, 2, 2, 2]);
}

/// The only ones to halt for are those that all refused.
#[test]
fn the_client_halts_when_every_server_has_refused_for_good() {
    for policy in [RefusedPolicy::HaltUnlessProven, RefusedPolicy::Halt] {
        let mut settings = with_servers(3);
        settings.reconnect.refused = policy;
        let mut rig = Rig::started(settings);
        for asked in 0..3 {
            assert_eq!((server(&rig), halt(&rig)), (asked, None));
            refuse(&mut rig);
            if asked < 2 {
                rig.await_open();
            }
        }
        assert_eq!(halt(&rig), Some(Halt::Refused));
        assert_eq!(rig.opens.len(), 3);
    }
}

#[test]
fn one_that_is_only_down_keeps_the_client_going() {
    let mut rig = Rig::started(with_servers(2));
    refuse(&mut rig);
    for _ in 0..20 {
        rig.await_open();
        assert_eq!(halt(&rig), None);
        match server(&rig) {
            0 => refuse(&mut rig),
            _ => rig.drop_link(TransportFailure::Refused),
        }
    }
    let asked = rig.opens.iter().filter(|(_, open)| open.server == 0).count();
    assert!((2..=4).contains(&asked), "the one that refused is asked again after a while: {asked}");
    while server(&rig) == 0 {
        rig.await_open();
        rig.drop_link(TransportFailure::Refused);
    }
    rig.await_open();
    refuse(&mut rig);
    assert_eq!(halt(&rig), Some(Halt::Refused), "now both have refused");
}

/// A clock may be wrong, so an expired certificate is no refusal for good (R11).
#[test]
fn a_server_whose_certificate_has_expired_has_not_refused() {
    for (policy, halts) in [(RefusedPolicy::HaltUnlessProven, false), (RefusedPolicy::Halt, true)] {
        let mut settings = with_servers(2);
        settings.reconnect.refused = policy;
        let mut rig = Rig::started(settings);
        rig.drop_link(TransportFailure::CertificateExpired);
        rig.await_open();
        assert_eq!(server(&rig), 1);
        refuse(&mut rig);
        assert_eq!(halt(&rig).is_some(), halts, "{policy:?}");
    }
}

/// Each attempt obeys budget and floor, whatever server it goes to.
#[test]
fn moving_on_obeys_the_budget_and_the_floor() {
    let mut settings = with_servers(4);
    settings.reconnect.refused = RefusedPolicy::SlowLane;
    settings.reconnect.floor = secs(11);
    settings.reconnect.base = millis(1);
    let mut rig = Rig::started(settings);
    for _ in 0..40 {
        refuse(&mut rig);
        rig.await_open();
    }
    let opens: Vec<_> = rig.opens.iter().map(|(at, _)| *at).collect();
    for pair in opens.windows(2) {
        assert!(pair[1].since(pair[0]) >= secs(11));
    }
}

#[test]
fn with_all_refusing_the_slow_lane_goes_round() {
    let mut settings = with_servers(2);
    settings.reconnect.refused = RefusedPolicy::SlowLane;
    let mut rig = Rig::started(settings);
    let mut asked = Vec::new();
    for round in 0..6 {
        asked.push(server(&rig));
        rig.take_events();
        refuse(&mut rig);
        let (retry, _) = rig.retries()[0];
        let expected = if round == 0 { Pace::BackOff } else { Pace::SlowLane };
        assert_eq!(retry.pace, expected, "round {round}");
        rig.await_open();
    }
    assert_eq!(asked, [0, 1, 0, 1, 0, 1]);
}

/// After it was accepted once, a refusal by one server still leads to the
/// others before the slow lane.
#[test]
fn a_proven_client_asks_the_others_before_the_slow_lane() {
    let mut rig = Rig::started(with_servers(2));
    rig.accept_with(&accepted());
    rig.cut();
    rig.await_open();
    rig.take_events();
    refuse(&mut rig);
    assert_eq!(rig.retries()[0].0.pace, Pace::BackOff);
    rig.await_open();
    refuse(&mut rig);
    assert_eq!(rig.retries()[0].0.pace, Pace::SlowLane);
}

/// A name with several addresses: not the server has refused, but one of them.
#[test]
fn a_refusal_by_one_address_of_several_is_not_final() {
    for way in [4, 5, 6, 8, 12] {
        let mut rig = Rig::started(with_servers(1));
        rig.has_alternatives(1);
        fail(&mut rig, way);
        assert_eq!(halt(&rig), None, "way {way}");
        let round = rig.opens[0].1.round;
        rig.await_open();
        assert_eq!(rig.opens[1].1.round, round, "what failed is still known");
        fail(&mut rig, way);
        assert_eq!(halt(&rig), Some(Halt::Refused), "way {way}: no address is left");
        rig.client.reconnect(rig.now);
        rig.settle();
        assert_ne!(rig.opens[2].1.round, round, "the application begins anew");
    }
}

#[test]
fn servers_that_refused_are_asked_again_with_other_credentials() {
    let mut rig = Rig::started(with_servers(2));
    refuse(&mut rig);
    rig.await_open();
    assert_eq!(server(&rig), 1);
    let round = rig.opens[1].1.round;
    rig.fresh_credentials();
    rig.drop_link(TransportFailure::Refused);
    rig.await_open();
    assert_eq!(server(&rig), 0, "it refused others than these");
    assert_ne!(rig.opens[2].1.round, round);
    rig.accept_with(&accepted());
    assert!(rig.client.state().is_online());
}

/// A hook that answers otherwise each time does not keep the client from its
/// halt.
#[test]
fn credentials_that_always_change_do_not_put_off_the_halt_forever() {
    let mut rig = Rig::started(with_servers(2));
    for _ in 0..20 {
        rig.fresh_credentials();
        refuse(&mut rig);
        if halt(&rig).is_some() {
            break;
        }
        rig.await_open();
    }
    assert_eq!(halt(&rig), Some(Halt::Refused));
    let asked = rig.opens.len();
    assert!((4..=8).contains(&asked), "{asked} connects");
}

#[test]
fn fresh_credentials_for_an_old_connection_change_nothing() {
    let mut rig = Rig::started(with_servers(1));
    let old = rig.conn();
    rig.drop_link(TransportFailure::Refused);
    rig.await_open();
    let round = rig.opens[1].1.round;
    rig.client.handle(rig.now, evenkeel_proto::Input::FreshCredentials(old));
    rig.client.handle(rig.now, evenkeel_proto::Input::Alternatives(old, 3));
    refuse(&mut rig);
    assert_eq!(halt(&rig), Some(Halt::Refused));
    assert_eq!((rig.stats().stale_inputs, rig.opens[1].1.round), (2, round));
}

fn moved(code: ReasonCode, to: &str) -> ConnAck {
    let mut connack = refused(code);
    connack.properties.push(Property::ServerReference(text(to)));
    connack
}

#[test]
fn a_refusal_that_names_another_server_is_followed_at_once() {
    for code in [ReasonCode::USE_ANOTHER_SERVER, ReasonCode::SERVER_MOVED] {
        let mut rig = Rig::started(config(Version::V5));
        rig.accept_with(&moved(code, "other:1884"));
        assert_eq!(rig.await_open(), secs(0));
        assert_eq!(rig.opens[1].1.redirect, Some(text("other:1884")));
        assert!(rig.opens[0].1.redirect.is_none());
        rig.accept_with(&accepted());
        assert!(rig.client.state().is_online());
    }
}

#[test]
fn a_disconnect_that_names_another_server_is_followed_at_once() {
    let mut rig = Rig::online(config(Version::V5));
    let Packet::Disconnect(mut packet) = disconnect(ReasonCode::USE_ANOTHER_SERVER) else {
        unreachable!()
    };
    packet.properties.push(Property::ServerReference(text("other")));
    rig.send(&Packet::Disconnect(packet));
    assert_eq!(rig.await_open(), secs(0));
    assert_eq!(rig.opens[1].1.redirect, Some(text("other")));
}

#[test]
fn a_chain_of_references_is_followed_three_times_and_then_slowly() {
    let mut rig = Rig::started(config(Version::V5));
    for _ in 0..3 {
        rig.accept_with(&moved(ReasonCode::USE_ANOTHER_SERVER, "round"));
        assert_eq!(rig.await_open(), secs(0));
    }
    rig.accept_with(&moved(ReasonCode::USE_ANOTHER_SERVER, "round"));
    assert!(rig.await_open() > secs(1), "a loop of references is paced like any failure");
}

#[test]
fn the_hosts_of_a_reference_are_tried_in_turn() {
    let mut rig = Rig::started(quiet(with_servers(1)));
    let list = " silent:1884  second third ";
    rig.accept_with(&moved(ReasonCode::USE_ANOTHER_SERVER, list));
    assert_eq!((rig.await_open(), redirect(&rig)), (secs(0), Some("silent:1884")));
    rig.accept();
    rig.take_events();
    rig.advance(secs(30));
    assert_eq!(rig.retries()[0].0.pace, Pace::BackOff);
    rig.await_open();
    assert_eq!(redirect(&rig), Some("second"));
    refuse(&mut rig);
    assert_eq!(halt(&rig), None, "one host has refused, not all");
    rig.await_open();
    assert_eq!(redirect(&rig), Some("third"));
    rig.accept_with(&accepted());
    assert!(rig.client.state().is_online());
    rig.advance(secs(60));
    rig.cut();
    rig.await_open();
    assert_eq!(redirect(&rig), None, "the list is at its end");
}

#[test]
fn the_server_whose_hosts_all_refuse_has_refused() {
    for (first, halts) in [("refuses", true), ("is down", false)] {
        let mut rig = Rig::started(with_servers(1));
        rig.accept_with(&moved(ReasonCode::SERVER_MOVED, "one two"));
        rig.await_open();
        match first {
            "refuses" => refuse(&mut rig),
            _ => rig.drop_link(TransportFailure::Refused),
        }
        rig.await_open();
        refuse(&mut rig);
        assert_eq!(halt(&rig).is_some(), halts, "the first {first}");
    }
}

#[test]
fn after_the_hosts_of_a_reference_the_other_servers_come() {
    let mut rig = Rig::started(with_servers(2));
    rig.accept_with(&moved(ReasonCode::USE_ANOTHER_SERVER, "dead"));
    rig.await_open();
    assert_eq!((server(&rig), redirect(&rig)), (0, Some("dead")));
    rig.drop_link(TransportFailure::Refused);
    rig.await_open();
    assert_eq!((server(&rig), redirect(&rig)), (1, None));
}

/// A reference may be 65,535 bytes long.
#[test]
fn of_a_long_reference_sixteen_hosts_are_tried() {
    let hosts: Vec<String> = (0..1000).map(|number| format!("host{number}")).collect();
    let mut rig = Rig::started(with_servers(1));
    rig.accept_with(&moved(ReasonCode::USE_ANOTHER_SERVER, &hosts.join(" ")));
    rig.await_open();
    for host in &hosts[..16] {
        assert_eq!(redirect(&rig), Some(host.as_str()));
        rig.drop_link(TransportFailure::Refused);
        rig.await_open();
    }
    assert_eq!(redirect(&rig), None);
}

/// Only a wish of ours says nothing of the server.
#[test]
fn wishes_and_take_overs_keep_to_the_server() {
    let mut rig = Rig::started(with_servers(2));
    rig.accept_with(&accepted());
    rig.send(&disconnect(ReasonCode::SESSION_TAKEN_OVER));
    rig.await_open();
    rig.client.reconnect(rig.now);
    rig.settle();
    rig.await_open();
    assert_eq!(server(&rig), 0);
    assert_eq!(rig.served, [Served::Unknown, Served::Unknown]);
}
