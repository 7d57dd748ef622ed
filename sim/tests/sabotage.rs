//! Oracles that cannot fail prove nothing. Each error that is built into the
//! clients, and each promise they do not keep, has to be found by the law that
//! forbids it.

use std::time::Duration;

use sim::plan::Plan;
use sim::sabotage::{Kept, Sabotage};
use sim::scenario::named;
use sim::setup::{ClientSpec, Setup};

use evenkeel_codec::Version;
use evenkeel_proto::TakeOverPolicy;

/// Random worlds that have to be enough.
const SEEDS: u64 = 80;

/// Builds the error into every client of random worlds until a law is broken.
#[track_caller]
fn finds(law: &str, sabotage: Sabotage) {
    let broken = (1..=SEEDS).find_map(|seed| {
        let mut setup = Plan::of(seed).setup();
        setup.clients.iter_mut().for_each(|client| client.sabotage = Some(sabotage));
        sim::run(&setup).violation.filter(|violation| violation.law == law)
    });
    assert!(broken.is_some(), "{sabotage:?} breaks {law}, and nobody sees it in {SEEDS} worlds");
}

/// The same in worlds in which clients have stores, and processes end.
#[track_caller]
fn finds_with_stores(law: &str, sabotage: Sabotage) {
    let broken = (1..=SEEDS).find_map(|seed| {
        let mut setup = Plan::durable(seed).setup();
        setup.clients.iter_mut().for_each(|client| client.sabotage = Some(sabotage));
        sim::run(&setup).violation.filter(|violation| violation.law == law)
    });
    assert!(broken.is_some(), "{sabotage:?} breaks {law}, and nobody sees it in {SEEDS} worlds");
}

/// Changes the clients of a scenario; the law has to be broken.
#[track_caller]
fn finds_in(law: &str, scenario: &str, change: impl Fn(&mut ClientSpec)) {
    let mut setup: Setup = (named(scenario).expect("a scenario").setup)();
    let honest = sim::run(&setup);
    assert!(honest.violation.is_none(), "{scenario}: {:?}", honest.violation);
    setup.clients.iter_mut().for_each(change);
    let found = sim::run(&setup).violation;
    let by = found.as_ref().map(|violation| violation.law);
    assert_eq!(by, Some(law), "{scenario}, {:?}: {found:?}", setup.clients[0].sabotage);
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn errors_of_the_keep_alive_are_found() {
    finds("K1", Sabotage::SecondPing);
    finds("K3", Sabotage::MutePing);
    finds("K5", Sabotage::Deaf);
    finds("K6", Sabotage::ShyOfAnswers);
    finds("K12", Sabotage::KeepsServersKeepAlive);
}

#[test]
fn keep_alive_promises_that_are_not_kept_are_found() {
    finds_in("K2", "one-pong-per-30s", |client| {
        client.config.keep_alive.min_ping_spacing = secs(1);
    });
    finds_in("K4", "half-open", |client| {
        client.declared.keep_alive.response_timeout = Some(secs(9));
    });
    finds_in("K11", "half-open", |client| {
        client.declared.keep_alive.response_timeout = Some(secs(1));
    });
    // The rule of before: half the keep-alive since the ping.
    finds_in("K4", "late-pong-0.6", |client| {
        client.config.keep_alive.response_timeout = Some(secs(5));
    });
}

/// The answer comes just before its time is over; a client that looks at the
/// clock before it reads calls the link dead.
#[test]
fn judging_before_reading_is_found() {
    finds_in("K9", "late-answers", |client| client.sabotage = Some(Sabotage::Rash));
}

/// It stalls over that moment, too.
#[test]
fn a_stall_that_is_taken_for_silence_is_found() {
    finds_in("K10", "late-answers", |client| {
        client.wake = Duration::from_millis(2);
        client.sabotage = Some(Sabotage::Sleepless);
    });
}

/// PINGREQ waits long behind large messages on a slow path. To a client that is
/// told too early what is written, the transport seems to be stuck then.
#[test]
fn bytes_that_are_called_written_too_early_are_found() {
    finds_in("K4", "slow-path", |client| client.sabotage = Some(Sabotage::WrittenEarly));
}

#[test]
fn errors_of_connections_are_found() {
    finds("K7", Sabotage::Ghost);
    finds("K7", Sabotage::Miscount);
    finds("R1", Sabotage::TwoConnections);
    finds("R4", Sabotage::WrongCause);
    finds("R13", Sabotage::SlowAfterWord);
    finds("R5", Sabotage::NoCause);
    finds("R5", Sabotage::SilentRetry);
    finds("R5", Sabotage::GivesUp);
    finds("calm", Sabotage::MutePing);
    finds("liveness", Sabotage::ForgetsSubscriptions);
}

#[test]
fn reconnect_promises_that_are_not_kept_are_found() {
    finds_in("R2", "poison", |client| client.declared.reconnect.budget = Some(1));
    finds_in("R3", "poison", |client| client.declared.reconnect.base = secs(10));
    finds_in("R7", "poison", |client| client.declared.bounds.deaths_per_packet = 9);
    finds_in("R9", "take-over-fight", |client| {
        client.config.reconnect.taken_over = TakeOverPolicy::SlowLane;
    });
}

#[test]
fn renewals_that_come_too_early_are_found() {
    // In worlds from here on connections may have an end.
    let broken = (100_000..100_000 + SEEDS).find_map(|seed| {
        let mut setup = Plan::of(seed).setup();
        for client in &mut setup.clients {
            client.config.bounds.connection_age =
                client.declared.bounds.connection_age.map(|age| age / 2);
        }
        sim::run(&setup).violation.filter(|violation| violation.law == "R16")
    });
    assert!(broken.is_some(), "connections are renewed too early, and nobody sees it");
}

#[test]
fn choices_of_server_and_version_that_break_a_law_are_found() {
    finds_in("R10", "two-servers", |client| client.sabotage = Some(Sabotage::SticksToServer));
    finds_in("R14", "proxy-in-front", |client| {
        client.config.version = Version::V311;
    });
    finds_in("R14", "proxy-in-front", |client| {
        client.declared.fallback = false;
    });
}

#[test]
fn waits_for_a_sign_of_life_that_are_too_short_or_too_long_are_found() {
    finds_in("D16", "no-pongs", |client| client.sabotage = Some(Sabotage::NeverAgain));
    finds_in("D16", "no-pongs", |client| {
        client.config.keep_alive.response_timeout = Some(secs(6));
    });
    finds_in("D16", "no-pongs", |client| {
        client.declared.keep_alive.response_timeout = Some(secs(4));
    });
}

#[test]
fn errors_of_delivery_are_found() {
    finds("D1", Sabotage::LosesOutcome);
    finds("D1", Sabotage::TwoOutcomes);
    finds("D3", Sabotage::LosesMessage);
    finds("D3", Sabotage::TwoMessages);
    finds("D3", Sabotage::SwapsMessages);
    finds("D3", Sabotage::ChangesPayload);
    finds("D4", Sabotage::ReusesIdentifier);
    finds("D5", Sabotage::AcknowledgesEarly);
    finds("D5", Sabotage::OverlooksReceiveMaximum);
    finds("D6", Sabotage::NoDup);
    finds("D6", Sabotage::SendsTwice);
    finds("D7", Sabotage::ShyOfDoubles);
    finds("D8", Sabotage::SubscribesTwice);
    finds("D10", Sabotage::Hoards);
    finds("D10", Sabotage::MuteAnswers);
    finds("D11", Sabotage::DropsUnmatched);
    finds("D12", Sabotage::IgnoresShutdown);
    finds_in("D9", "herd", |client| {
        client.app.topics = 1;
        client.app.levels = vec![1];
        client.app.burst = 1;
        client.app.publish_every = Some(Duration::from_millis(300));
        client.declared.queue.messages = 1;
    });
}

/// PUBREL, which makes room, lies behind what was sent too much.
#[test]
fn errors_with_servers_that_send_too_much_are_found() {
    finds("D14", Sabotage::BearsInSilence);
    finds_in("D14", "overrun", |client| client.config.bounds.strict_receive_maximum = true);
    let mut setup: Setup = (named("overrun").expect("a scenario").setup)();
    setup.clients[1].sabotage = Some(Sabotage::DeafBeyondReceiveMaximum);
    let found = sim::run(&setup).violation.map(|violation| violation.law);
    assert_eq!(found, Some("liveness"));
}

#[test]
fn outcomes_that_are_not_true_are_found() {
    finds("D13", Sabotage::CallsItDelivered);
    finds_in("D13", "successor", |client| client.sabotage = Some(Sabotage::TakesSessionForNew));
}

/// The broker sends a copy for each subscription.
#[test]
fn copies_that_cannot_be_told_apart_are_found() {
    finds_in("D17", "overlap", |client| client.sabotage = Some(Sabotage::MarksNothing));
}

/// Wall clocks are set, and boots follow each other, in every world with stores.
#[test]
fn expiry_by_a_wall_clock_and_running_time_that_is_forgotten_are_found() {
    finds_with_stores("D18", Sabotage::TrustsWallClock);
    finds_with_stores("D18", Sabotage::Forgets(Kept::Time));
}

#[test]
fn what_goes_out_before_it_is_stored_is_found() {
    finds_with_stores("D3", Sabotage::StoredEarly);
    finds_with_stores("D3", Sabotage::Omits(Kept::Accepted));
    finds_with_stores("D3", Sabotage::Omits(Kept::Sent));
    finds_with_stores("D3", Sabotage::Omits(Kept::Released));
    finds_with_stores("D3", Sabotage::Omits(Kept::Received));
    finds_with_stores("D3", Sabotage::Omits(Kept::Finished));
    finds_with_stores("D8", Sabotage::Omits(Kept::Subscribed));
}

#[test]
fn what_is_not_stored_or_not_taken_up_is_found() {
    finds_with_stores("D1", Sabotage::Omits(Kept::Done));
    finds_in("D4", "poison-and-crashes", |client| {
        client.sabotage = Some(Sabotage::Omits(Kept::Quarantined));
    });
    finds_in("R7", "poison-and-crashes", |client| client.sabotage = Some(Sabotage::Buries));
    // Messages of QoS 2 whose identifiers the server may hold.
    for sabotage in [
        Sabotage::Omits(Kept::Clearing),
        Sabotage::Omits(Kept::Freed),
        Sabotage::Forgets(Kept::Clearing),
    ] {
        finds_in("D4", "poison-and-crashes", |client| {
            client.app.levels = vec![2];
            client.sabotage = Some(sabotage);
        });
    }
    finds_with_stores("D1", Sabotage::Forgets(Kept::Accepted));
    finds_with_stores("D1", Sabotage::Forgets(Kept::Sent));
    finds_with_stores("D3", Sabotage::Forgets(Kept::Received));
    finds_with_stores("D1", Sabotage::Forgets(Kept::Subscribed));
    finds_with_stores("liveness", Sabotage::DeafToStore);
}
