//! KA13: the client waits for an answer to its ping almost as long as its
//! keep-alive.

use crate::Time;
use crate::rule::guards;
use crate::rule::prelude::*;
use crate::track::Ping;

const PERCENT: Threshold = Threshold {
    name: "KA13.percent_of_keep_alive",
    value: 90,
    reason: "with so long a wait, a dead link is noticed only after two keep-alives",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "KA13",
        slug: "ping-timeout-too-long",
        severity: Severity::Warn,
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::ClientLog],
            support: &[],
        },
        sees: "After the network fails the client looks connected for minutes.",
        why: "The client has no time-out of its own for the answer to a ping: it waits a whole \
              keep-alive or more. From the last byte that arrived to the end that makes two \
              keep-alives, in which messages are lost or late.",
        fix: "Set a separate time-out for the answer to a ping, some round trips long: 5 to 30 s. \
              If the client has none, shorten the keep-alive.",
        raises: "A second death; a capture in the clear, which shows the keep-alive.",
        explains: &[],
        references: &["MQTT-3.1.2-24", "https://github.com/aws/aws-iot-device-sdk-js/issues/264"],
        thresholds: &[PERCENT],
        ..Meta::EMPTY
    },
    on: &[On::End, On::Open, On::Connect],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let ended = view.connection.is_some_and(|connection| connection.end.is_some());
    if ended {
        if let Some(round) = view.ended() {
            judge(view, round, hits);
        }
        return;
    }
    // Not closed, but given up: the client connects anew.
    if let Some(round) = guards::given_up(view).iter().max_by_key(|round| round.opened) {
        judge(view, round, hits);
    }
}

fn judge(view: &View<'_>, round: &Round, hits: &mut Hits) {
    let Some(keep_alive) = round.said.keep_alive.or_else(|| guards::keep_alive(view)) else {
        return;
    };
    let Some(waited) = wait(view, round) else { return };
    // Under TLS it is known from pauses: one that was longer makes it unsure.
    let pause = |ping: Ping| Some(ping.asked.since(ping.last_sent?));
    let longer = |it: &Round| it.last_ping.and_then(pause) > Some(keep_alive + view.slack());
    if view.is(Vantage::Encrypted) && view.client.rounds.iter().any(longer) {
        return;
    }
    let bound = keep_alive.saturating_mul(u32::try_from(view.number(&PERCENT)).unwrap_or(90)) / 100;
    if waited <= bound || !view.source.tells(bound) {
        return;
    }
    let Some(ping) = round.last_ping else { return };
    let text = format!(
        "it waits {:.1} s for the answer to a ping, with a keep-alive of {:.0} s",
        waited.as_secs_f64(),
        keep_alive.as_secs_f64(),
    );
    // A client that waits longer each time it was wrong has a reason.
    let shorter = |other: &Round| {
        let earlier = wait(view, other);
        other.opened < round.opened
            && earlier.is_some_and(|earlier| earlier.saturating_mul(6) / 5 < waited)
    };
    let adapts =
        waited <= keep_alive.saturating_mul(9) / 4 && view.client.rounds.iter().any(shorter);
    let hit = Hit::new(text).ping(&ping, "PINGREQ, without an answer");
    let hit = match round.end {
        Some(end) => hit.end(&end, "the client gives up"),
        None => hit.event(view.event, "the client connects anew"),
    };
    hits.add(if adapts { hit.class("adapts").severity(Severity::Info) } else { hit });
}

/// How long the client waited for the answer to the ping that it gave up on.
fn wait(view: &View<'_>, round: &Round) -> Option<Duration> {
    let ping = round.last_ping.filter(|ping| ping.answered.is_none() && !ping.heard)?;
    let until: Time = match round.end {
        Some(end) if end.by == Some(Side::Server) || end.goodbye => return None,
        // A log without ends has the next CONNECT alone, and not what failed before.
        Some(end) if end.by.is_none() => return None,
        Some(end) => end.at,
        None if view.is(Vantage::ClientLog) => return None,
        None => {
            let open = view.open();
            let began = view.client.rounds.iter().chain(&open).filter_map(Round::began);
            began.filter(|began| *began > ping.asked).min()?
        }
    };
    (!round.gaps).then(|| until.since(ping.asked))
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Severity, Vantage};

    const WAITS: &str = "
        c1 0    open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1  > CONNECT id=pump k=20
        c1 0.2  < CONNACK
        c1 20.0 > PINGREQ
        c1 20.1 < PINGRESP
        c1 40.0 > PINGREQ
        c1 60.0 > fin";

    #[test]
    fn true_waits_a_keep_alive() {
        let finding = Trace::plain().rounds(2, 80.0, WAITS).finds("KA13");
        assert_eq!((finding.confidence, finding.severity), (Confidence::Shown, Severity::Warn));
        let trace = Trace::of(Vantage::ClientLog).rounds(2, 80.0, WAITS);
        trace.finds_at_least("KA13", Confidence::Shown);
    }

    #[test]
    fn true_under_tls() {
        let lines = WAITS
            .replace("> CONNECT id=pump k=20", "> sealed bytes=30")
            .replace("< CONNACK", "< sealed bytes=4")
            .replace("PING", "~PING");
        let trace = Trace::encrypted().rounds(2, 80.0, &lines);
        trace.finds_at_least("KA13", Confidence::Inferred);
    }

    #[test]
    fn alike_under_tls_pings_that_came_sooner_than_they_had_to() {
        // Timers of an earlier connection: the keep-alive is longer than most pauses.
        let lines = "
            c1 0 open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.1 > sealed bytes=30
            c1 0.2 < sealed bytes=4
            c1 20.1 > ~PINGREQ
            c1 20.2 < ~PINGRESP
            c1 36.1 > ~PINGREQ
            c1 36.2 < ~PINGRESP
            c1 52.2 > ~PINGREQ
            c1 72.2 > fin";
        Trace::encrypted().rounds(2, 80.0, lines).finds("KA13");
        let first = lines.replace("c1 36.1 > ~PINGREQ\n            c1 36.2 < ~PINGRESP\n", "");
        let first = first.replace("52.2", "45.2").replace("72.2", "65.2");
        Trace::encrypted().lines(&first).rounds(2, 80.0, lines).does_not_find("KA13");
    }

    #[test]
    fn true_never_closed_but_connected_anew() {
        let lines = WAITS.replace("c1 60.0 > fin", "c1 45.0 > resent");
        let trace = Trace::plain().rounds(3, 60.0, &lines);
        trace.finds_at_least("KA13", Confidence::Shown);
    }

    #[test]
    fn alike_a_short_time_out() {
        let lines = WAITS.replace("c1 60.0", "c1 50.0");
        Trace::plain().rounds(3, 80.0, &lines).does_not_find("KA13");
    }

    #[test]
    fn alike_the_server_closes() {
        let lines = WAITS.replace("> fin", "< fin");
        Trace::plain().rounds(3, 80.0, &lines).does_not_find("KA13");
    }

    #[test]
    fn alike_waits_longer_after_a_mistake() {
        // Just at the bound is no fault; beyond it, after a shorter wait, is a lesson.
        let short = WAITS.replace("c1 60.0", "c1 48.0");
        let trace = Trace::plain().lines(&short).after(80.0, &WAITS.replace("c1", "c2"));
        let finding = trace.finds("KA13");
        assert_eq!((finding.class, finding.severity), ("adapts", Severity::Info));
    }

    #[test]
    fn alike_a_log_that_has_no_ends() {
        // Recorded with mosquitto_sub: what it tried in between is not logged.
        let lines = WAITS.replace("c1 60.0 > fin", "c1 60.0 ended");
        let trace = Trace::of(Vantage::ClientLog).rounds(3, 80.0, &lines);
        trace.does_not_find("KA13");
    }
}
