//! What follows from each cause: reason codes, clocks that are wrong, and the
//! server's own word (R4, R11, R13).

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_proto::codec::{ConnAck, Disconnect, Packet, Property, ReasonCode, Version};
use evenkeel_proto::{
    Config, DisconnectCause, Event, Halt, Pace, Reconnect, RefusedPolicy, Retry, State,
    TransportFailure,
};

use crate::support::*;

const REFUSED_POLICIES: [RefusedPolicy; 3] =
    [RefusedPolicy::HaltUnlessProven, RefusedPolicy::Halt, RefusedPolicy::SlowLane];

fn policy(change: impl FnOnce(&mut Reconnect)) -> Config {
    let mut config = quiet(config(Version::V5));
    change(&mut config.reconnect);
    config
}

fn fresh() -> Rig {
    Rig::started(policy(|_| {}))
}

/// The class of the end that was told last.
fn class(rig: &mut Rig) -> String {
    let causes = rig.take_events().into_iter().filter_map(|event| match event {
        Event::Disconnected { cause, .. } => Some(cause),
        _ => None,
    });
    format!("{:?}", causes.last().expect("an end").class())
}

/// What follows, in the words of the page.
fn consequence(rig: &Rig) -> String {
    match rig.client.state() {
        State::Online { .. } => "online".to_owned(),
        State::Halted { reason, .. } => format!("halt by {reason:?}"),
        State::Waiting { retry, .. } => {
            let delay = retry.at.since(rig.now);
            match retry.pace {
                Pace::AtOnce => "at once".to_owned(),
                Pace::BackOff if delay <= secs(1) => "back-off".to_owned(),
                Pace::Throttled if delay >= secs(5) => "5 s at least".to_owned(),
                Pace::SlowLane if delay >= secs(60) => "slow lane".to_owned(),
                pace => format!("{pace:?} after {delay:?}"),
            }
        }
        // An attempt that follows at once is under way.
        State::Connecting { attempt: 2.., .. } => "at once".to_owned(),
        state => format!("{state:?}"),
    }
}

/// Ends a connection by this code; a client that was never accepted if the code
/// is that of CONNACK.
fn end_by(reason: ReasonCode, in_connack: bool, reference: Option<&str>) -> Rig {
    let properties = || {
        reference.map(|reference| Property::ServerReference(text(reference))).into_iter().collect()
    };
    if in_connack {
        let mut rig = fresh();
        let wire_code = reason.0;
        rig.accept_with(&ConnAck { reason, wire_code, properties: properties(), ..accepted() });
        rig
    } else {
        let mut rig = Rig::online(policy(|_| {}));
        rig.send(&Packet::Disconnect(Disconnect { reason, properties: properties() }));
        rig
    }
}

/// Checks what the page says about a code in one of the two packets.
fn check(reason: ReasonCode, in_connack: bool, class_told: &str, told: &str) {
    let mut rig = end_by(reason, in_connack, None);
    let seen = consequence(&rig);
    let place = if in_connack { "CONNACK" } else { "DISCONNECT" };
    let right = |what: &str| assert_eq!(seen, what, "{reason} in {place}");
    match told {
        "online" | "back-off" | "5 s at least" => right(told),
        "halt, or slow lane" => {
            right("halt by Refused");
            let mut proven = Rig::online(policy(|_| {}));
            proven.cut();
            proven.await_open();
            proven.accept_with(&refused(reason));
            assert_eq!(consequence(&proven), "slow lane", "{reason} in {place}");
        }
        "back-off, with fresh credentials" => {
            right("back-off");
            rig.await_open();
            rig.accept_with(&refused(reason));
            assert_eq!(consequence(&rig), "slow lane", "refused at once again");
        }
        "back-off, the second time halt" => {
            right("back-off");
            rig.await_open();
            rig.accept_with(&accepted());
            rig.send(&disconnect(reason));
            assert_eq!(consequence(&rig), "halt by TakenOver");
        }
        "at once if it names a server, else back-off" => {
            right("back-off");
            let mut rig = end_by(reason, in_connack, Some("other"));
            assert_eq!(consequence(&rig), "at once", "{reason} in {place}");
            assert_eq!(class(&mut rig), class_told);
            return;
        }
        other => panic!("the test does not know {other:?}"),
    }
    if told != "online" {
        assert_eq!(class(&mut end_by(reason, in_connack, None)), class_told, "{reason} in {place}");
    }
}

/// R4: the page is the table of what follows from each reason code.
#[test]
fn every_reason_code_does_what_the_page_says() {
    let page = include_str!("../../../../docs/reconnect.md");
    let rows: BTreeMap<u8, Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| `0x"))
        .map(|line| {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let code = cells[1].trim_matches('`').trim_start_matches("0x");
            (u8::from_str_radix(code, 16).unwrap(), cells)
        })
        .collect();
    let mut seen = [Vec::new(), Vec::new()];
    for (code, cells) in &rows {
        let [_, _, name, _, class, connack, disconnect, _] = cells[..] else { panic!("{cells:?}") };
        let reason = ReasonCode(*code);
        assert_eq!(reason.name(), Some(name));
        for (place, told) in [connack, disconnect].into_iter().enumerate() {
            if !told.is_empty() {
                seen[place].push(*code);
                check(reason, place == 0, class.trim_matches('`'), told);
            }
        }
    }
    // Those of tables 3-1 and 3-13 of the specification; 0x04 is the client's.
    assert_eq!(
        seen[0],
        [
            0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90,
            0x95, 0x97, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F
        ]
    );
    assert_eq!(
        seen[1],
        [
            0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x90, 0x93, 0x94,
            0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2
        ]
    );
}

#[test]
fn the_page_has_the_return_codes_of_3_1_1() {
    let page = include_str!("../../../../docs/reconnect.md");
    for return_code in 0..=5_u8 {
        let mut rig = Rig::started(quiet(config(Version::V311)));
        rig.accept();
        rig.send_bytes(&[0x20, 2, 0, return_code]);
        let reason = match rig.client.state() {
            State::Online { .. } => ReasonCode::SUCCESS,
            _ => match rig.cause() {
                DisconnectCause::Refused { reason, .. } => reason,
                cause => panic!("{cause:?}"),
            },
        };
        let row = format!("| `0x{:02X}` | {} | {return_code} |", reason.0, reason.name().unwrap());
        assert!(page.contains(&row), "{row}");
    }
}

/// A reference that names nothing is no host to dial.
#[test]
fn a_blank_or_malformed_reference_is_none() {
    for reference in ["", " ", ":1883", "other:0", "http://other", "a b:c:d /x"] {
        for in_connack in [true, false] {
            let mut rig = end_by(ReasonCode::SERVER_MOVED, in_connack, Some(reference));
            if reference.starts_with("a ") {
                assert_eq!(consequence(&rig), "at once", "one of {reference:?} is a server");
                continue;
            }
            assert_eq!(consequence(&rig), "back-off", "{reference:?}");
            assert_eq!(class(&mut rig), "ServerGoingAway");
            rig.await_open();
            assert_eq!(rig.opens.last().unwrap().1.redirect, None, "{reference:?}");
        }
    }
    let rig = end_by(ReasonCode::USE_ANOTHER_SERVER, true, Some("mqtt://other:1884"));
    assert_eq!(consequence(&rig), "at once");
}

fn the_retry(rig: &mut Rig) -> (Retry, Duration) {
    let retries = rig.retries();
    assert_eq!(retries.len(), 1, "{retries:?}");
    retries[0]
}

/// R11: whatever the policy, the client is there soon after the clock is right.
#[test]
fn a_certificate_that_is_not_valid_yet_never_halts() {
    for refused in REFUSED_POLICIES {
        let settings = policy(|policy| policy.refused = refused);
        is_tried_at_short_distances(TransportFailure::CertificateNotYetValid, settings);
    }
}

/// R11: what a clock signed wrongly is as good as any once the clock is set.
#[test]
fn a_refusal_that_a_wrong_clock_explains_never_halts() {
    for refused in REFUSED_POLICIES {
        let settings = policy(|policy| policy.refused = refused);
        is_tried_at_short_distances(TransportFailure::ClockWrong { status: 403 }, settings);
    }
}

fn is_tried_at_short_distances(failure: TransportFailure, settings: Config) {
    let mut rig = Rig::started(settings);
    for round in 0..200_u32 {
        rig.take_events();
        rig.drop_link(failure);
        let (retry, delay) = the_retry(&mut rig);
        let high = (secs(1) * 2_u32.pow(round.min(10))).min(secs(15));
        let paced = matches!(retry.pace, Pace::BackOff | Pace::Budget);
        assert!(paced && delay >= high / 2, "{retry:?} after {delay:?}");
        // The budget may ask for more in the first minute.
        assert!(delay <= high || retry.pace == Pace::Budget, "{delay:?} of {high:?}");
        assert!(round < 8 || delay <= secs(15), "{delay:?}");
        rig.await_open();
    }
    rig.accept_with(&accepted());
    assert!(rig.client.state().is_online());
}

/// R11: people fix it, if it is not a clock's fault.
#[test]
fn an_expired_certificate_is_tried_on_more_and_more_slowly() {
    for refused in REFUSED_POLICIES {
        let mut rig = Rig::started(policy(|policy| policy.refused = refused));
        rig.drop_link(TransportFailure::CertificateExpired);
        if refused == RefusedPolicy::Halt {
            assert_eq!(consequence(&rig), "halt by Refused", "the application asked for it");
            continue;
        }
        for round in 1..20_u32 {
            let (retry, delay) = the_retry(&mut rig);
            let high = secs(1) * 2_u32.pow((round - 1).min(10));
            if high < secs(60) {
                assert!(retry.pace == Pace::BackOff, "{retry:?}");
                assert!((high / 2..=high).contains(&delay), "{delay:?} of {high:?}");
            } else {
                assert!(retry.pace == Pace::SlowLane, "{retry:?}");
                assert!((secs(60)..=secs(120)).contains(&delay), "{delay:?}");
            }
            rig.await_open();
            rig.take_events();
            rig.drop_link(TransportFailure::CertificateExpired);
        }
    }
}

#[test]
fn a_client_that_shall_not_try_again_does_not_for_a_certificate_either() {
    for failure in [TransportFailure::CertificateNotYetValid, TransportFailure::CertificateExpired]
    {
        let mut settings = policy(|_| {});
        settings.reconnect = Reconnect::never();
        let mut rig = Rig::started(settings);
        rig.drop_link(failure);
        assert!(matches!(rig.client.state(), State::Halted { reason: Halt::Disabled, .. }));
    }
}

/// R13: a token that expires on a live connection costs no more than a close.
#[test]
fn a_connection_that_was_accepted_and_is_refused_is_tried_again_quickly() {
    for refused_policy in REFUSED_POLICIES {
        let mut rig = Rig::online(policy(|policy| policy.refused = refused_policy));
        for _ in 0..5 {
            rig.publish("a", AtLeastOnce, 1);
            let id = rig.expect_publish().packet_id.unwrap();
            rig.send(&puback(id));
            rig.advance(secs(30));
            rig.take_events();
            rig.send(&disconnect(ReasonCode::NOT_AUTHORIZED));
            if refused_policy == RefusedPolicy::Halt {
                assert_eq!(consequence(&rig), "halt by Refused", "the application asked for it");
                break;
            }
            let (retry, delay) = the_retry(&mut rig);
            assert_eq!(retry.pace, Pace::BackOff);
            assert!((millis(500)..=secs(1)).contains(&delay), "{delay:?}");
            rig.await_open();
            rig.accept_with(&accepted());
        }
        if refused_policy != RefusedPolicy::Halt {
            rig.send(&disconnect(ReasonCode::NOT_AUTHORIZED));
            rig.await_open();
            for _ in 0..5 {
                rig.accept_with(&refused(ReasonCode::NOT_AUTHORIZED));
                assert_eq!(consequence(&rig), "slow lane", "the fresh ones are refused, too");
                rig.await_open();
            }
        }
    }
}

/// A server that accepts and dismisses at once is not stormed.
#[test]
fn a_server_that_accepts_and_then_refuses_is_left_alone_more_and_more() {
    let mut rig = fresh();
    for high in [1, 2, 4, 8, 16, 32, 60, 60] {
        rig.accept_with(&accepted());
        rig.take_events();
        rig.send(&disconnect(ReasonCode::NOT_AUTHORIZED));
        let (retry, delay) = the_retry(&mut rig);
        let as_grown = (secs(high) / 2..=secs(high)).contains(&delay);
        assert!(as_grown || retry.pace == Pace::Budget, "{delay:?} of {high} s");
        rig.await_open();
    }
}

/// R13: obeyed, up to the cap, and never quicker than the back-off.
#[test]
fn retry_after_is_obeyed_up_to_the_cap() {
    let refusal = |after| TransportFailure::TryLater { status: 503, after };
    for (after, low, high) in [
        (secs(0), millis(500), secs(1)),
        (millis(100), millis(500), secs(1)),
        (secs(20), secs(20), secs(22)),
        (secs(60), secs(60), secs(66)),
        (secs(3600), secs(60), secs(66)),
        (Duration::MAX, secs(60), secs(66)),
    ] {
        for seed in 0..20 {
            let mut rig = Rig::seeded(policy(|_| {}), seed);
            rig.client.start(rig.now);
            rig.settle();
            rig.drop_link(refusal(after));
            let (retry, delay) = the_retry(&mut rig);
            assert_eq!(retry.pace, Pace::Throttled);
            assert!((low..=high).contains(&delay), "{delay:?} for {after:?}");
        }
    }
    let mut rig = fresh();
    for _ in 0..10 {
        rig.drop_link(TransportFailure::Refused);
        rig.await_open();
    }
    rig.take_events();
    rig.drop_link(refusal(secs(2)));
    assert!(the_retry(&mut rig).1 >= secs(30), "the back-off has grown beyond that");
}

/// A status that would halt does not if the server says when to come again.
#[test]
fn a_refusal_that_says_when_to_come_again_is_none_for_good() {
    for status in [401, 403, 404, 426, 429, 503] {
        let mut rig = fresh();
        rig.drop_link(TransportFailure::TryLater { status, after: secs(30) });
        let (retry, delay) = the_retry(&mut rig);
        assert!(retry.pace == Pace::Throttled && delay >= secs(30), "{status}: {delay:?}");
    }
    for status in [401, 403, 404, 426] {
        let mut rig = fresh();
        rig.drop_link(TransportFailure::WebSocketRefused(status));
        assert_eq!(consequence(&rig), "halt by Refused", "{status}");
        let mut rig = Rig::started(policy(|policy| policy.refused = RefusedPolicy::SlowLane));
        rig.drop_link(TransportFailure::WebSocketRefused(status));
        assert_eq!(consequence(&rig), "slow lane", "{status}");
    }
}

/// R3: a server that was useful a moment ago is not left alone for long.
#[test]
fn the_wait_after_a_useful_connection_is_half_of_its_life_at_most() {
    for (lived, most) in [(0, 1), (2, 1), (4, 2), (20, 10), (29, 15)] {
        for useful in [true, false] {
            let mut rig = fresh();
            for _ in 0..10 {
                rig.drop_link(TransportFailure::Refused);
                rig.await_open();
            }
            rig.accept_with(&accepted());
            if useful {
                rig.publish("a", AtLeastOnce, 1);
                let id = rig.expect_publish().packet_id.unwrap();
                rig.send(&puback(id));
            }
            rig.advance(secs(lived));
            rig.take_events();
            rig.cut();
            let (retry, delay) = the_retry(&mut rig);
            assert_eq!(retry.pace, Pace::BackOff);
            assert!(retry.attempt > 10, "nothing starts over");
            if useful {
                assert!((millis(500)..=secs(most)).contains(&delay), "{delay:?} after {lived} s");
            } else {
                assert!(delay >= secs(30), "{delay:?} after {lived} s");
            }
        }
    }
}
