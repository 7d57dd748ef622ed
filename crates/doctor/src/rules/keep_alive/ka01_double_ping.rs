//! KA01: a PINGREQ while another one waits for its answer.

use crate::rule::prelude::*;
use crate::track::Ping;

const WITHIN: Threshold = Threshold {
    name: "KA01.within_ms",
    value: 250,
    reason: "on most paths, satellites among them, no answer can come between two pings as close",
};
/// Under TLS two pings without two answers may be DISCONNECT and close_notify:
/// then the end follows as soon as the other side has answered.
const GOODBYE: Duration = Duration::from_secs(1);

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "KA01",
        slug: "double-ping",
        severity: Severity::Error,
        vantages: Vantages { show: &Vantage::ALL, support: &[] },
        sees: "The client reports keep-alive timeouts and reconnects, although the broker answers.",
        why: "The client sends PINGREQ while an earlier one still waits. If both come within a \
              moment, two timers of one connection ping on their own: each takes the other's ping \
              for one that nobody answered. If the second comes half a keep-alive later, the \
              client does not look at the answer of the first. One extra ping is a warning; more \
              of them end in false timeouts, and on AWS IoT Core in pings that stay unanswered.",
        fix: "Let one owner per connection keep the state of the ping, and end its timer with the \
              connection. MQTT.js: update to 5.3.5 or later.",
        raises: "A capture in the clear, or a client log with its timers.",
        explains: &["AW01"],
        references: &["MQTT-3.1.2-24", "https://github.com/mqttjs/MQTT.js/issues/1845"],
        thresholds: &[WITHIN],
        ..Meta::EMPTY
    },
    on: &[On::Ping, On::PingAnswer, On::TickPings, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(connection) = view.connection.filter(|it| !it.tcp.paths.has_gaps()) else { return };
    match view.event.map(|event| event.what) {
        Some(What::Words(words)) => timers(view, connection, words, hits),
        Some(What::Packet { packet: PacketSeen::PingResp, .. }) if view.is(Vantage::Encrypted) => {
            two_answers(view, connection, hits);
            pings(view, connection, hits);
        }
        Some(What::Packet { packet: PacketSeen::PingReq, .. }) if !view.is(Vantage::Encrypted) => {
            pings(view, connection, hits);
        }
        None if view.is(Vantage::Encrypted) => pings(view, connection, hits),
        _ => {}
    }
}

fn pings(view: &View<'_>, connection: &Connection, hits: &mut Hits) {
    let pings = &connection.mqtt.pings;
    let (Some(second), Some(first)) = (pings.last(), pings.before_last()) else { return };
    // Events of a client say that it waits no longer.
    let written_off = first.lost && view.is(Vantage::ClientEvents);
    let waited = !written_off && first.answered.is_none_or(|answer| answer > second.asked);
    let unsure = view.is(Vantage::Encrypted)
        && (connection.end.is_some() || view.now.since(second.asked) <= GOODBYE);
    if !waited || (unsure && second.answered.is_none()) || burst(connection, second) {
        return;
    }
    let apart = second.asked.since(first.asked);
    // What a broker's log shows is how long the broker took, not the path.
    let path = if view.is(Vantage::BrokerLog) { Duration::ZERO } else { connection.round_trip() };
    let within = view.millis(&WITHIN).max(path);
    if apart <= within && view.source.tells(within) {
        let sentence = format!(
            "its client sends two pings {} ms apart, the second while the first waits: two timers \
             ping on one connection",
            apart.as_millis(),
        );
        let before =
            |round: &Round| round.earlier_pings.closest.is_some_and(|apart| apart <= within);
        let again = view.client.rounds.iter().any(before);
        let severity = if again { Severity::Error } else { Severity::Warn };
        hits.add(told(sentence, first, second).class("two timers").severity(severity).rounds(1));
    } else if first.heard
        && view.keep_alive().is_some_and(|keep_alive| apart >= keep_alive / 2)
        && view.source.vantage != Vantage::Encrypted
        // A log may lack the answers of them all.
        && (view.source.vantage.is_wire() || pings.answered > 0)
    {
        let sentence = format!(
            "its client pings again after {:.1} s although its last ping has no answer yet",
            apart.as_secs_f64(),
        );
        hits.add(told(sentence, first, second).class("answer late"));
    }
}

fn told(sentence: alloc::string::String, first: &Ping, second: &Ping) -> Hit {
    Hit::new(sentence).ping(first, "PINGREQ").ping(second, "PINGREQ while the first waits")
}

/// Pings that waited in a queue and come all at once: KA03.
fn burst(connection: &Connection, newest: &Ping) -> bool {
    let third = connection.mqtt.pings.recent.iter().rev().nth(2);
    third.is_some_and(|third| newest.asked.since(third.asked) <= Duration::from_millis(250))
}

/// Two pings in one record look like a packet of 4 bytes; two answers tell.
fn two_answers(view: &View<'_>, connection: &Connection, hits: &mut Hits) {
    let pings = &connection.mqtt.pings;
    let double = connection.recent.iter().rev().find(|event| {
        matches!(event.what, What::Sealed { from: Side::Client, bytes: 4 })
            && view.now.since(event.at) <= view.millis(&WITHIN).max(view.slack())
    });
    if let Some(double) = double
        && pings.answered == pings.asked.saturating_add(2)
    {
        let sentence = "its client sends two pings in one record: two answers come back";
        let hit = Hit::new(sentence).class("two timers").severity(Severity::Warn);
        hits.add(hit.event(double, "4 bytes, as two PINGREQ have"));
    }
}

/// A client log: two timers look within a moment, and the connection lives on.
fn timers(view: &View<'_>, connection: &Connection, words: Words, hits: &mut Hits) {
    let looks = |what: &What| matches!(what, What::Words(Words::PingChecked));
    let mut before = connection.recent.iter().rev().skip(1);
    let (true, Some(event)) = (words == Words::PingChecked, view.event) else { return };
    let Some(first) = before.find(|event| looks(&event.what)) else { return };
    let (apart, within) = (event.at.since(first.at), view.millis(&WITHIN));
    if apart <= within && view.source.tells(within) {
        let sentence = format!(
            "its client has two timers for one ping: they looked for the answer {} ms apart",
            apart.as_millis(),
        );
        let hit = Hit::new(sentence).class("two timers").event(first, "a timer looks");
        hits.add(hit.event(event, "another timer looks"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Severity, Vantage};

    const TWO: &str = "
        c1 0.0   open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1   > CONNECT id=pump k=20
        c1 0.2   < CONNACK
        c1 20.0  > PINGREQ
        c1 20.05 > PINGREQ
        c1 20.3  < PINGRESP
        c1 20.4  < PINGRESP";

    #[test]
    fn true_two_timers() {
        let finding = Trace::plain().lines(TWO).finds_at_least("KA01", Confidence::Shown);
        assert_eq!(finding.severity, Severity::Warn);
        let lines = alloc::format!("{TWO}\nc1 30 > fin");
        let finding = Trace::plain().rounds(2, 40.0, &lines).finds("KA01");
        assert_eq!(finding.severity, Severity::Error);
    }

    #[test]
    fn true_in_a_broker_log_and_events() {
        for vantage in [Vantage::BrokerLog, Vantage::ClientLog, Vantage::ClientEvents] {
            Trace::of(vantage).lines(TWO).finds_at_least("KA01", Confidence::Shown);
        }
    }

    #[test]
    fn true_answer_late() {
        let lines = "
            c1 0   open 10.0.0.1:5000 10.0.0.9:1883
            c1 0.1 > CONNECT id=pump k=20
            c1 0.2 < CONNACK
            c1 20  > PINGREQ
            c1 21  < PUBLISH
            c1 35  > PINGREQ
            c1 36  > fin";
        let finding = Trace::plain().rounds(2, 60.0, lines).finds("KA01");
        assert_eq!((finding.class, finding.confidence), ("answer late", Confidence::Shown));
    }

    const SEALED: &str = "
        c1 0.0   open 10.0.0.1:5000 10.0.0.9:8883
        c1 0.1   > sealed bytes=30
        c1 0.2   < sealed bytes=4
        c1 20.0  > ~PINGREQ
        c1 20.05 > ~PINGREQ
        c1 20.3  < ~PINGRESP
        c1 20.4  < ~PINGRESP";

    #[test]
    fn true_under_tls() {
        Trace::encrypted().lines(SEALED).finds_at_least("KA01", Confidence::Inferred);
    }

    #[test]
    fn true_two_in_one_record() {
        let one = "c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883\nc1 0.1 > sealed bytes=30
            c1 20.0 > sealed bytes=4\nc1 20.01 < ~PINGRESP\nc1 20.01 < ~PINGRESP\nc1 30 > fin";
        Trace::encrypted().rounds(2, 40.0, one).finds_at_least("KA01", Confidence::Inferred);
    }

    #[test]
    fn alike_a_goodbye_after_a_ping() {
        let lines = SEALED.replace("c1 20.3  < ~PINGRESP", "c1 20.06 > fin");
        let lines = lines.replace("c1 20.4  < ~PINGRESP", "");
        Trace::encrypted().rounds(3, 30.0, &lines).does_not_find("KA01");
    }

    #[test]
    fn alike_a_half_open_connection_is_asked_again() {
        // Nothing was heard since the first ping: a new one is a probe.
        let lines = "
            c1 0   open 10.0.0.1:5000 10.0.0.9:1883
            c1 0.1 > CONNECT id=pump k=20
            c1 0.2 < CONNACK
            c1 20  > PINGREQ
            c1 38  > PINGREQ
            c1 50  > fin";
        Trace::plain().rounds(2, 60.0, lines).does_not_find("KA01");
    }

    #[test]
    fn alike_a_ping_that_was_written_off() {
        // The path is slow, so that even pings as close are no two timers' by their distance.
        let lines = "
            c1 0   open 10.0.0.1:5000 10.0.0.9:1883
            c1 0.1 > CONNECT id=pump k=2
            c1 0.2 < CONNACK
            c1 2   > PINGREQ
            c1 3.7 < PINGRESP
            c1 6   > PINGREQ
            c1 7.5 words written-off
            c1 7.6 > PINGREQ
            c1 7.7 < PINGRESP";
        let events = |lines: &str| Trace::of(Vantage::ClientEvents).rounds(2, 10.0, lines);
        events(lines).does_not_find("KA01");
        let waits = lines.replace("c1 7.5 words written-off", "");
        events(&waits).finds_at_least("KA01", Confidence::Shown);
    }

    #[test]
    fn alike_a_broker_that_answers_late() {
        let lines = "
            c1 0   open 10.0.0.1:5000 10.0.0.9:1883
            c1 0.1 > CONNECT id=pump k=2
            c1 0.2 < CONNACK
            c1 2   > PINGREQ
            c1 3.7 < PINGRESP
            c1 6   > PINGREQ
            c1 7.6 > PINGREQ
            c1 7.7 < PINGRESP";
        Trace::of(Vantage::BrokerLog).rounds(1, 10.0, lines).does_not_find("KA01");
    }

    #[test]
    fn alike_one_lost_answer_long_ago() {
        let lines = "
            c1 0   open 10.0.0.1:5000 10.0.0.9:1883
            c1 0.1 > CONNECT id=pump k=20
            c1 0.2 < CONNACK
            c1 20  > PINGREQ
            c1 40  > PINGREQ
            c1 40.1 < PINGRESP
            c1 60  > PINGREQ
            c1 60.1 < PINGRESP";
        Trace::plain().lines(lines).does_not_find("KA01");
    }
}
