//! KA05: the client gives up although the broker answers.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::event::{PacketSeen, Side, What, Words};
use crate::rule::{Hit, Hits, Meta, On, Rule, Severity, Threshold, Vantages, View};
use crate::source::Vantage;
use crate::steady::{alike, steady};
use crate::track::Round;

const ORPHAN: Threshold = Threshold {
    name: "KA05.orphan_ms",
    value: 50,
    reason: "recorded: 0.11 to 0.70 ms on the wire, 0 to 1 ms in logs, from the ping to the end",
};
const GIVES_UP: Threshold = Threshold {
    name: "KA05.after_ping_ms",
    value: 2000,
    reason: "no client that waits for an answer gives up sooner",
};
const HEARD: Threshold = Threshold {
    name: "KA05.heard_ms",
    value: 1000,
    reason: "bytes from the broker as young as this show that the link lives",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "KA05",
        slug: "false-keepalive-death",
        severity: Severity::Error,
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::ClientLog],
            support: &[Vantage::BrokerLog],
        },
        rounds: 2,
        sees: "The client reports a keep-alive timeout and reconnects, again and again, although \
               the network and the broker are well.",
        why: "The client sends PINGREQ and ends the connection at once, or although bytes from \
              the broker have just arrived. Between the ping and the end there is no time in \
              which an answer could have come, so what gives up is not a judgement of this \
              connection: mostly it is a timer that an earlier connection left behind. It finds \
              the ping of the new connection without an answer, and closes it. The life of each \
              connection is then the same, about two keep-alive intervals less the delay before \
              it. That the answer crosses the end, or came before it, is part of the picture.",
        fix: "Update the client: MQTT.js has this fault up to 5.3.4, so use 5.3.5 or later. In \
              a client of your own, let one timer per connection own the ping, and end it with \
              the connection.",
        raises: "A client log with its timers (`DEBUG=mqttjs*`), or a capture in the clear.",
        explains: &["KA05", "RC01", "RC03", "RC04", "KA01", "KA04", "NW01", "KA13", "KA06"],
        references: &["MQTT-3.1.2-24", "https://github.com/mqttjs/MQTT.js/issues/1845"],
        thresholds: &[ORPHAN, GIVES_UP, HEARD],
        ..Meta::EMPTY
    },
    on: &[On::End, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    if view.event.is_some_and(|event| event.what == What::Words(Words::ForcedClose)) {
        checked_twice(view, hits);
    } else if view.closed_by() == Some(Side::Client) {
        if view.source.vantage.is_wire() {
            on_the_wire(view, hits);
        } else if view.is(Vantage::BrokerLog) {
            broker_log(view, hits);
        }
    }
}

/// The wire: the client ends the connection right after its ping.
fn on_the_wire(view: &View<'_>, hits: &mut Hits) {
    let Some(round) = view.ended().filter(|round| !round.goodbye() && !round.gaps) else { return };
    let (Some(ping), Some(end)) = (round.last_ping, round.end) else { return };
    let waited = end.at.since(ping.asked);
    let heard = round.last_received().map(|heard| end.at.since(heard));
    if orphan(view, round) {
        let (spans, since_answers) = orphan_lives(view);
        // Under TLS two goodbyes may come at the same time by chance.
        let sure = round.pings >= 2 && !view.is(Vantage::Encrypted);
        let enough = if sure { 2 } else { 3 };
        let same = steady(&spans, 2) && (since_answers.is_empty() || steady(&since_answers, 2));
        // Two timers take turns: the lives differ, but so near to a ping nobody ends by chance.
        let brisk = sure && spans.len() == brisk_lives(view, spans.len());
        let (Some(life), true) = (round.lifetime(), spans.len() >= enough && (same || brisk))
        else {
            return;
        };
        let each =
            if same { format!(" each after {:.2} s,", life.as_secs_f64()) } else { String::new() };
        let sentence = format!(
            "its client gives up {}: {} connections ended {:.1} ms or \
             less after a ping,{each} by a timer that an earlier connection left behind",
            if round.pings >= 2 {
                "although the broker answers"
            } else {
                "before an answer can come"
            },
            spans.len(),
            waited.as_secs_f64() * 1e3,
        );
        let hit = Hit::new(sentence).class("orphan timer").rounds(1);
        hits.add(hit.ping(&ping, "PINGREQ").end(&end, "the client ends the connection"));
    } else if view.is(Vantage::Plain)
        && waited <= view.millis(&GIVES_UP)
        && heard.is_some_and(|age| age < view.millis(&HEARD).max(waited))
        && heard_after(round)
    {
        let sentence = format!(
            "its client gives up although the broker answers: it ended the connection {} ms \
             after a ping, and had heard the broker since",
            waited.as_millis(),
        );
        let hit = Hit::new(sentence).ping(&ping, "PINGREQ");
        hits.add(hit.end(&end, "the client ends the connection"));
    }
}

/// Whether the broker was heard after the last ping was sent.
fn heard_after(round: &Round) -> bool {
    round.last_ping.is_some_and(|ping| round.last_received() > Some(ping.asked))
}

/// Whether a round ended as one with an orphan timer does: on a ping, too soon
/// for an answer. Under TLS a first ping may as well be a DISCONNECT.
fn orphan(view: &View<'_>, round: &Round) -> bool {
    let (Some(ping), Some(end)) = (round.last_ping, round.end) else { return false };
    let least = if view.is(Vantage::Plain) { 1 } else { 2 };
    round.pings >= least
        && !round.goodbye()
        && round.ended_by(Side::Client)
        // The ping before it was answered: else nobody gave up wrongly.
        && (round.earlier_pings.asked.is_none() || round.earlier_pings.answered())
        && end.at.since(ping.asked) <= view.millis(&ORPHAN)
}

/// How many of the newest connections ended within 5 ms of their last ping, which came a
/// while after the one before: without a keep-alive some clients ping at once, again and again.
fn brisk_lives(view: &View<'_>, of: usize) -> usize {
    let brisk = |round: &&Round| {
        let (Some(ping), Some(end)) = (round.last_ping, round.end) else { return false };
        let calm = (round.earlier_pings.asked)
            .is_some_and(|before| ping.asked.since(before.at) >= Duration::from_millis(500));
        calm && end.at.since(ping.asked) <= Duration::from_millis(5)
    };
    view.client.rounds.iter().rev().take(of).filter(brisk).count()
}

/// Of the newest connections in a row that ended so: their lives, and the time
/// from the last answer to the ping that ended each. A goodbye under TLS comes
/// at any time after an answer; a timer does not.
fn orphan_lives(view: &View<'_>) -> (Vec<Duration>, Vec<Duration>) {
    let row = || view.client.rounds.iter().rev().take_while(|round| orphan(view, round));
    let since_answer = |round: &Round| {
        let ping = round.last_ping?;
        Some(ping.asked.since(round.earlier_pings.answered?))
    };
    (row().filter_map(Round::lifetime).collect(), row().filter_map(since_answer).collect())
}

/// A broker's log: the client ends each connection so that its life and the
/// delay before it make two keep-alives.
fn broker_log(view: &View<'_>, hits: &mut Hits) {
    let row: Vec<&Round> = view.client.rounds.newest(4).collect();
    let lost = |round: &&&Round| round.ended_by(Side::Client) && !round.goodbye() && !round.gaps;
    let begun: Vec<_> =
        row.iter().filter(lost).filter_map(|round| round.opened).map(|it| it.at).collect();
    let periods: Vec<Duration> =
        begun.iter().zip(begun.iter().skip(1)).map(|(one, next)| next.since(*one)).collect();
    let (Some(last), true) = (row.last(), periods.len() == 3) else { return };
    let Some(two) = last.said.keep_alive.map(|keep_alive| keep_alive * 2) else { return };
    let told = view.source.tells(two / 50);
    if told
        && periods.iter().all(|period| alike(*period, two, 2))
        && let Some(end) = last.end
    {
        let sentence = format!(
            "its client seems to give up by a timer: it ends each connection without a word, \
             and begins one every {:.1} s, which is two keep-alives",
            two.as_secs_f64(),
        );
        hits.add(Hit::new(sentence).class("period").end(&end, "the client ends the connection"));
    }
}

/// A client log: a timer looked twice within moments, and the second look
/// closed the connection.
fn checked_twice(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(event)) = (view.connection, view.event) else { return };
    let checks = connection
        .recent
        .iter()
        .rev()
        .filter(|event| matches!(event.what, What::Words(Words::PingChecked)));
    let checks: Vec<_> = checks.take(2).collect();
    let &[second, first] = checks.as_slice() else { return };
    let apart = second.at.since(first.at);
    let ping_between = connection.recent.iter().rev().any(|event| {
        matches!(event.what, What::Packet { packet: PacketSeen::PingReq, .. })
            && event.at >= first.at
    });
    if apart <= view.millis(&ORPHAN) && ping_between {
        let sentence = format!(
            "its client gives up although the broker answers: two timers looked for the answer \
             within {} ms, the second found the ping that the first had just sent",
            apart.as_millis(),
        );
        let hit = Hit::new(sentence).class("orphan timer");
        let hit = hit.event(first, "a timer sends the ping").event(second, "another timer looks");
        hits.add(hit.event(event, "and closes the connection"));
    }
}

#[cfg(test)]
mod tests {
    use crate::Confidence;
    use crate::trace::Trace;

    const ORPHAN: &str = "
        c1 0.00  open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.01  > CONNECT id=pump k=2
        c1 0.02  < CONNACK
        c1 1.50  > PINGREQ
        c1 1.51  < PINGRESP
        c1 3.5000  > PINGREQ
        c1 3.5004  > fin";

    #[test]
    fn true_orphan_timer() {
        let finding = Trace::plain().rounds(4, 4.0, ORPHAN).finds("KA05");
        assert_eq!(finding.confidence, Confidence::Shown);
        assert_eq!(finding.class, "orphan timer");
        assert!(finding.sentence.contains("gives up although the broker answers"));
    }

    /// Several such timers: one finds the first ping of each connection.
    #[test]
    fn true_orphan_timers_that_leave_time_for_one_ping() {
        let lines = ORPHAN.replace("c1 1.50  > PINGREQ", "").replace("c1 1.51  < PINGRESP", "");
        Trace::plain().rounds(2, 4.0, &lines).does_not_find("KA05");
        let finding = Trace::plain().rounds(3, 4.0, &lines).finds("KA05");
        assert_eq!(finding.confidence, Confidence::Shown);
        assert!(finding.sentence.contains("before an answer can come"), "{}", finding.sentence);
    }

    /// Recorded: on a busy machine two of them took turns, and the lives differed.
    #[test]
    fn true_orphan_timers_that_take_turns() {
        let trace = |late: &str| {
            let longer = ORPHAN.replace("c1 3.5000", "c2 5.4000").replace("c1 3.5004", "c2 5.4004");
            let both = [ORPHAN, &longer.replace("c1", "c2")].map(|it| it.replace("004 ", late));
            Trace::plain().after(0.0, &both[0]).after(4.0, &both[1])
        };
        let finding = trace("004 ").finds("KA05");
        assert_eq!((finding.class, finding.confidence), ("orphan timer", Confidence::Shown));
        assert!(!finding.sentence.contains("each after"), "{}", finding.sentence);
        trace("049 ").finds("KA05");
        trace("060 ").does_not_find("KA05");
        // rumqttc, if the server wants no keep-alive.
        let hasty = ORPHAN.replace("c1 1.5", "c1 3.49");
        let longer = hasty.replace("c1 3.", "c1 5.");
        Trace::plain().after(0.0, &hasty).after(5.0, &longer).does_not_find("KA05");
    }

    #[test]
    fn true_answer_had_arrived() {
        let trace = Trace::plain().rounds(
            2,
            30.0,
            "c1 0  open 10.0.0.1:5000 10.0.0.9:1883
             c1 0.1  > CONNECT id=pump k=20
             c1 0.2  < CONNACK
             c1 20.0 > PINGREQ
             c1 20.1 < PINGRESP
             c1 20.5 > rst",
        );
        trace.finds_at_least("KA05", Confidence::Shown);
    }

    #[test]
    fn true_under_tls() {
        let lines = "
            c1 0.00  open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.01  > hello sni=broker
            c1 0.02  > sealed bytes=30
            c1 0.03  < sealed bytes=4
            c1 1.50  > ~PINGREQ
            c1 1.51  < ~PINGRESP
            c1 3.5000 > ~PINGREQ
            c1 3.5004 > fin";
        let finding = Trace::encrypted().rounds(4, 4.0, lines).finds("KA05");
        assert_eq!(finding.confidence, Confidence::Inferred);
    }

    #[test]
    fn true_in_a_client_log() {
        let trace = Trace::of(crate::Vantage::ClientLog).rounds(
            3,
            4.0,
            "c1 0.0  open client server
             c1 3.499 words ping-checked
             c1 3.499 > PINGREQ
             c1 3.500 words ping-checked
             c1 3.500 words forced-close
             c1 3.501 > closed",
        );
        trace.finds_at_least("KA05", Confidence::Shown);
    }

    #[test]
    fn true_a_suspicion_in_a_broker_log() {
        let lines = "c1 0 open 10.0.0.1:5000 10.0.0.9:1883\nc1 0.01 > CONNECT id=pump k=2
            c1 0.02 < CONNACK\nc1 3.5 > fin";
        let finding = Trace::of(crate::Vantage::BrokerLog).rounds(5, 4.0, lines).finds("KA05");
        assert_eq!(finding.confidence, Confidence::Suspect);
    }

    /// paho closes because the server told it to.
    #[test]
    fn alike_the_server_says_goodbye_soon_after_a_ping() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
            c1 0.1 > CONNECT id=pump k=5
            c1 0.2 < CONNACK
            c1 5.1 > PINGREQ
            c1 5.2 < PINGRESP
            c1 6.0 < DISCONNECT code=152
            c1 6.1 > fin";
        assert_eq!(Trace::plain().rounds(3, 10.0, lines).causes(), ["SV01"]);
        let unasked = lines.replace("c1 6.0 < DISCONNECT code=152", "c1 6.0 < PINGRESP");
        Trace::plain().rounds(3, 10.0, &unasked).finds_at_least("KA05", Confidence::Shown);
    }

    #[test]
    fn alike_one_round_is_a_chance() {
        Trace::plain().lines(ORPHAN).does_not_find("KA05");
    }

    #[test]
    fn alike_goodbye_after_a_ping() {
        let lines = ORPHAN.replace("c1 3.5004", "c1 3.5002 > DISCONNECT\nc1 3.5004");
        Trace::plain().rounds(4, 4.0, &lines).does_not_find("KA05");
    }

    #[test]
    fn alike_the_broker_is_silent() {
        Trace::plain()
            .rounds(
                3,
                40.0,
                "c1 0  open 10.0.0.1:5000 10.0.0.9:1883
                 c1 0.1  > CONNECT id=pump k=20
                 c1 0.2  < CONNACK
                 c1 20.0 > PINGREQ
                 c1 30.0 > fin",
            )
            .does_not_find("KA05");
    }
}
