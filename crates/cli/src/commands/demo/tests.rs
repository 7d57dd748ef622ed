//! The tally and the law_checks find what they are there to find.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_broker::{ConnectionId, Event, EventKind, Instant};

use super::*;

fn sent_and_received(tally: &mut Tally, kind: Kind, numbers: &[u64]) {
    for number in numbers {
        tally.note(&DemoEvent::Sent { kind, number: *number });
        tally.note(&DemoEvent::Acknowledged { kind, number: *number });
        tally.note(&DemoEvent::Received { kind, number: *number });
    }
}

fn clean_ledger() -> Tally {
    let mut tally = Tally::default();
    sent_and_received(&mut tally, Kind::Qos1, &[1, 2, 3]);
    sent_and_received(&mut tally, Kind::Qos2, &[1, 2]);
    tally
}

#[test]
fn a_clean_ledger_has_no_charges_and_qos_1_may_double() {
    let mut tally = clean_ledger();
    assert_eq!(tally.violations(), [""; 0]);
    tally.note(&DemoEvent::Received { kind: Kind::Qos1, number: 2 });
    tally.note(&DemoEvent::Sent { kind: Kind::Qos0, number: 1 });
    tally.note(&DemoEvent::Failed { kind: Kind::Qos0, number: 1, why: "lost".into() });
    assert_eq!(tally.violations(), [""; 0]);
    assert_eq!(tally.counts(Kind::Qos1).duplicates, 1);
}

#[test]
fn each_offence_against_delivery_is_charged() {
    let found = |edit: &dyn Fn(&mut Tally)| {
        let mut tally = clean_ledger();
        edit(&mut tally);
        tally.violations().join("; ")
    };
    let lost = found(&|tally| {
        tally.note(&DemoEvent::Sent { kind: Kind::Qos1, number: 4 });
        tally.note(&DemoEvent::Acknowledged { kind: Kind::Qos1, number: 4 });
    });
    assert_eq!(lost, "1 messages of QoS 1 were lost");
    let unacknowledged = found(&|tally| {
        tally.note(&DemoEvent::Sent { kind: Kind::Qos2, number: 3 });
        tally.note(&DemoEvent::Received { kind: Kind::Qos2, number: 3 });
    });
    assert_eq!(unacknowledged, "1 messages of QoS 2 were not acknowledged");
    let doubled = found(&|tally| tally.note(&DemoEvent::Received { kind: Kind::Qos2, number: 2 }));
    assert_eq!(doubled, "1 messages of QoS 2 came twice");
    let disordered = found(&|tally| sent_and_received(tally, Kind::Qos1, &[5, 4]));
    assert_eq!(disordered, "1 messages of QoS 1 came out of order");
    let failed = found(&|tally| {
        tally.note(&DemoEvent::Failed { kind: Kind::Qos2, number: 9, why: "x".into() })
    });
    assert_eq!(failed, "message 9 of QoS 2 failed: x");
    assert_eq!(
        Tally::default().violations(),
        ["no message of QoS 1 was sent", "no message of QoS 2 was sent"]
    );
}

/// A law_checks that is told what the broker decided, by milliseconds.
struct Game(LawChecks);

impl Game {
    fn new() -> Self {
        Self(LawChecks::default())
    }

    fn event(&mut self, millis: u64, connection: u64, kind: EventKind) {
        self.0.note(&DemoEvent::Broker(Event {
            connection: Some(ConnectionId::new(connection)),
            client_id: Some("subscriber".into()),
            ..Event::new(Instant::from_micros(millis * 1000), kind)
        }));
    }

    fn ping(&mut self, millis: u64) {
        self.event(millis, 1, EventKind::PingReceived);
    }

    fn answer(&mut self, millis: u64) {
        self.event(millis, 1, EventKind::PingAnswered);
    }

    fn lose(&mut self, millis: u64) {
        let rule: Arc<str> = "rule".into();
        self.event(millis, 1, EventKind::Fault { rule, action: "drop", packet: None });
    }

    fn connect(&mut self, millis: u64) {
        let kind = EventKind::Connected {
            version: 5,
            number: 1,
            clean_start: true,
            session_present: false,
            keep_alive: 1,
            session_expiry: 0,
        };
        self.event(millis, 1, kind);
    }

    fn violations(&self) -> String {
        self.0.violations().join("; ")
    }
}

#[test]
fn a_lost_answer_is_no_offence_if_the_client_waits_it_out() {
    let mut game = Game::new();
    game.ping(1000);
    game.answer(1001);
    game.ping(2000);
    game.lose(2000);
    game.ping(2650);
    game.answer(2651);
    assert_eq!(game.violations(), "");
    assert!(game.0.lost_answer_was_free());
}

#[test]
fn two_outstanding_pings_are_charged() {
    let mut game = Game::new();
    game.lose(0);
    game.ping(1000);
    game.ping(1003);
    assert_eq!(game.violations(), "two PINGREQ were outstanding, 3 ms apart (K1)");
    let mut game = Game::new();
    game.ping(1000);
    game.lose(1000);
    game.ping(1499);
    assert_eq!(game.violations(), "two PINGREQ were outstanding, 499 ms apart (K1)");
}

#[test]
fn a_connection_lost_over_a_lost_answer_is_charged_until_the_next_scene() {
    let reason = || EventKind::Closed {
        why: evenkeel_broker::CloseReason::ConnectionLost,
        closer: evenkeel_broker::Closer::Peer,
    };
    let mut game = Game::new();
    game.ping(1000);
    game.lose(1000);
    game.event(1600, 1, reason());
    assert_eq!(
        game.violations(),
        "one lost PINGRESP ended a connection that carried messages (K4)"
    );
    assert!(!game.0.lost_answer_was_free());
    let mut game = Game::new();
    game.ping(1000);
    game.lose(1000);
    game.0.note(&DemoEvent::Scene("next"));
    game.event(1600, 1, reason());
    assert_eq!(game.violations(), "");
}

#[test]
fn connecting_without_pause_and_beyond_the_budget_is_charged() {
    let mut game = Game::new();
    game.ping(0);
    game.lose(0);
    game.connect(0);
    game.connect(150);
    assert_eq!(game.violations(), "");
    game.connect(299);
    assert_eq!(game.violations(), "the subscriber connected again without waiting (R3)");
    let mut game = Game::new();
    game.ping(0);
    game.lose(0);
    for nth in 0..20 {
        game.connect(nth * 200);
    }
    assert_eq!(game.violations(), "");
    game.connect(59_999);
    assert_eq!(game.violations(), "the subscriber connected 21 times in a minute (R2)");
}

#[test]
fn a_play_without_its_scenes_is_no_success() {
    assert_eq!(Game::new().violations(), "no ping was ever sent; no PINGRESP was lost");
    assert_eq!(Duration::ZERO, Instant::START.since_start());
}
