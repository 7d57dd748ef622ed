//! KA06: a new connection is judged by the ping of the one before.

use crate::rule::guards;
use crate::rule::prelude::*;

const WITHIN: Threshold = Threshold {
    name: "KA06.within_ms",
    value: 1000,
    reason: "no client that waits for an answer gives up within a second of its ping",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "KA06",
        slug: "stale-ping-flag",
        severity: Severity::Error,
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::ClientLog],
            support: &[],
        },
        sees: "After one real network failure the next connection ends too, one keep-alive after \
               it began.",
        why: "The connection before ended while a ping had no answer. The client kept that in \
              mind, outside of the connection: as the first ping of the new connection is due, it \
              finds one outstanding, and closes.",
        fix: "Keep the state of the ping inside the object that is made anew for each \
              connection.",
        raises: "A client log with its timers, or a capture in the clear.",
        explains: &["RC01", "RC03", "KA13"],
        references: &["https://github.com/eclipse-paho/paho.mqtt.java/issues/153"],
        thresholds: &[WITHIN],
        ..Meta::EMPTY
    },
    on: &[On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let mut newest = view.client.rounds.iter().rev();
    let (Some(round), Some(before)) = (newest.next(), newest.next()) else { return };
    let Some(end) = round.end.filter(|end| end.by == Some(Side::Client) && !end.goodbye) else {
        return;
    };
    let goodbye = guards::on_purpose(view, round) || guards::on_purpose(view, before);
    let outstanding = before.last_ping.is_some_and(|ping| ping.answered.is_none());
    let Some(begun) = round.said.connack.or(round.opened).map(|it| it.at) else { return };
    if round.gaps || round.pings > 1 || !outstanding || goodbye {
        return;
    }
    let within = view.millis(&WITHIN);
    let due = match (round.last_ping, round.said.keep_alive) {
        (Some(ping), keep_alive) => {
            let idle = ping.asked.since(ping.last_sent.unwrap_or(begun));
            // Under TLS a record of two bytes before FIN may be a goodbye: what
            // was due is the pause after which the connection before pinged.
            let due = keep_alive.or_else(|| {
                let ping = before.last_ping?;
                Some(ping.asked.since(ping.last_sent?))
            });
            // Pings without a pause, as with a keep-alive of 0, are due all the time.
            let due = due.filter(|due| *due >= within);
            due.is_some_and(|due| alike(idle, due, 5) || idle.abs_diff(due) <= view.slack())
                && end.at.since(ping.asked) <= within
        }
        (None, Some(keep_alive)) => {
            let idle = end.at.since(round.last_sent().unwrap_or(begun));
            idle + view.slack() >= keep_alive && idle <= keep_alive + within + view.slack()
        }
        (None, None) => false,
    };
    if due && view.source.tells(within) {
        let sentence = format!(
            "it closes a new connection as its first ping is due, {:.1} s after it began: the ping \
             that had no answer was on the connection before",
            end.at.since(begun).as_secs_f64(),
        );
        let mut hit = Hit::new(sentence);
        if let Some(ping) = before.last_ping {
            hit = hit.ping(&ping, "a ping without an answer, on the connection before");
        }
        hits.add(hit.end(&end, "the client ends the new connection"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const STALE: &str = "
        c1 0    open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1  > CONNECT id=pump k=20
        c1 0.2  < CONNACK
        c1 20.1 > PINGREQ
        c1 28.0 > fin
        c2 29   open 10.0.0.1:5001 10.0.0.9:1883
        c2 29.1 > CONNECT id=pump k=20
        c2 29.2 < CONNACK
        c2 49.1 > PINGREQ
        c2 49.1002 < PINGRESP
        c2 49.2 > fin";

    #[test]
    fn true_the_next_connection_ends_too() {
        for vantage in [Vantage::Plain, Vantage::ClientLog] {
            let trace = Trace::of(vantage).rounds(2, 200.0, STALE);
            trace.finds_at_least("KA06", Confidence::Shown);
        }
    }

    #[test]
    fn true_without_a_ping_of_its_own() {
        let lines = STALE.replace("c2 49.1 > PINGREQ", "").replace("c2 49.1002 < PINGRESP", "");
        let trace = Trace::plain().rounds(2, 200.0, &lines);
        trace.finds_at_least("KA06", Confidence::Shown);
    }

    #[test]
    fn true_under_tls() {
        let lines = STALE
            .replace("CONNECT id=pump k=20", "sealed")
            .replace("CONNACK", "sealed bytes=4")
            .replace("PING", "~PING");
        let trace = Trace::encrypted().rounds(2, 200.0, &lines);
        trace.finds_at_least("KA06", Confidence::Inferred);
    }

    #[test]
    fn alike_the_ping_before_was_answered() {
        let lines = STALE.replace("c1 28.0", "c1 20.2 < PINGRESP\nc1 28.0");
        Trace::plain().rounds(2, 200.0, &lines).does_not_find("KA06");
    }

    #[test]
    fn alike_it_says_goodbye() {
        let lines = STALE.replace("c2 49.2", "c2 49.15 > DISCONNECT\nc2 49.2");
        Trace::plain().rounds(2, 200.0, &lines).does_not_find("KA06");
    }

    #[test]
    fn alike_it_waits_for_the_answer() {
        let lines = STALE.replace("c2 49.1002 < PINGRESP", "").replace("c2 49.2", "c2 57.2");
        Trace::plain().rounds(2, 200.0, &lines).does_not_find("KA06");
    }
}
