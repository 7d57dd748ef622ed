//! KA07: what arrives postpones the ping, and the broker waits in vain.

use crate::rule::guards;
use crate::rule::prelude::*;

const PACKETS: Threshold = Threshold {
    name: "KA07.inbound_packets",
    value: 2,
    reason: "one packet may be the answer to the client's last one",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "KA07",
        slug: "ping-postponed-by-inbound",
        severity: Severity::Error,
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::ClientLog, Vantage::BrokerLog],
            support: &[],
        },
        sees: "The broker says that the client exceeded its timeout, while the client was \
               receiving messages all the time.",
        why: "The keep-alive counts what the client sends. This client starts its timer anew \
              with each packet that arrives, so while messages come often enough it never pings. \
              The broker hears nothing for one and a half times the keep-alive, and closes. \
              Brokers look now and then, so the end comes up to some seconds later than that.",
        fix: "Count the idle time from the last packet that was sent. MQTT.js 5.5.5 has \
              this fault, 5.5.6 has not. Until then a shorter keep-alive does not help: let the \
              application publish something within each keep-alive.",
        raises: "A capture in the clear; a second connection that ends so.",
        explains: &["KA08", "KA12", "NW01", "RC01", "RC02", "RC03", "RC04", "RC10", "ID06"],
        references: &["MQTT-3.1.2-23", "https://github.com/mqttjs/MQTT.js/issues/1861"],
        thresholds: &[PACKETS],
        ..Meta::EMPTY
    },
    on: &[On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(round)) = (view.connection, view.ended()) else { return };
    let (Some(end), Some(sent)) = (round.end, round.sent) else { return };
    let timeout = told(&end);
    let by_server = end.by != Some(Side::Client) && !end.goodbye && !round.gaps;
    let closed = by_server && !guards::together(view, end.at);
    if !timeout && !closed {
        return;
    }
    // The server's bytes were sent again and again: the client did not hear.
    let deaf = connection.tcp.paths.of(Side::Server).resent_in_silence >= 2;
    let silent = end.at.since(sent.at);
    let Some(newest) = connection.inbound.newest.filter(|newest| newest.at > sent.at) else {
        return;
    };
    let inbound = connection.inbound.packets;
    if deaf || u64::from(inbound) < view.number(&PACKETS) {
        return;
    }
    let fits = match guards::keep_alive(view) {
        // The ping was due after the end, if the newest message postponed it.
        Some(keep_alive) => {
            end.at.since(newest.at) <= keep_alive + view.slack()
                && silent > keep_alive + view.slack()
                && (timeout || guards::server_gave_up(view, keep_alive, silent))
        }
        None => timeout || (view.is(Vantage::Encrypted) && alike_before(view, silent)),
    };
    if fits {
        let sentence = format!(
            "its client sends no ping while messages come: the broker closed after {:.1} s \
             without a packet from it, in which {inbound} packets arrived",
            silent.as_secs_f64(),
        );
        // The broker's log alone does not tell what was lost on the way.
        let hit = if view.is(Vantage::BrokerLog) {
            let text = format!(
                "its client sends no ping while messages come, or what it sends is lost: the broker \
                 closed after {:.1} s without a packet from it, in which it sent {inbound} packets",
                silent.as_secs_f64(),
            );
            Hit::new(text).one_sided()
        } else {
            Hit::new(sentence)
        };
        let hit = hit.at(sent, "the client's last packet");
        let hit = hit.at(newest, "the server still sends");
        hits.add(hit.end(&end, "the server closes"));
    }
}

/// The broker says that the client was silent for too long.
fn told(end: &End) -> bool {
    matches!(end.words, Some(Words::KeepAliveTimeout { by: Side::Server }))
        || end.disconnect == Some((Side::Server, 0x8D))
}

/// Under TLS, if no ping tells the keep-alive: the two rounds before ended by
/// the server after a silence as long, give or take how seldom it looks.
fn alike_before(view: &View<'_>, silent: Duration) -> bool {
    let before = view.client.rounds.iter().rev().skip(1).take(2);
    let same = before.filter(|round| {
        let (Some(end), Some(sent)) = (round.end, round.last_sent()) else { return false };
        let other = end.at.since(sent);
        round.pings == 0
            && end.by == Some(Side::Server)
            && round.last_received() > Some(sent.plus(view.slack()))
            && other.abs_diff(silent) <= Duration::from_secs(7).min(silent / 2)
    });
    silent >= Duration::from_secs(5) && same.count() == 2
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const POSTPONED: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=device k=4
        c1 0.2 < CONNACK
        c1 0.3 > SUBSCRIBE
        c1 0.4 < SUBACK
        c1 1.2 < PUBLISH
        c1 2.0 < PUBLISH
        c1 3.6 < PUBLISH
        c1 5.2 < PUBLISH
        c1 6.8 < PUBLISH
        c1 7.9 < fin";

    #[test]
    fn true_messages_postpone() {
        let finding = Trace::plain().rounds(2, 12.0, POSTPONED).finds("KA07");
        assert_eq!(finding.confidence, Confidence::Shown);
        assert!(finding.sentence.contains("7.6 s"), "{}", finding.sentence);
    }

    #[test]
    fn true_in_logs() {
        let log = POSTPONED.replace("c1 7.9 < fin", "c1 7.9 words timeout\nc1 7.9 < closed");
        let trace = Trace::of(Vantage::BrokerLog).rounds(2, 12.0, &log);
        // What is lost on the way looks the same to the broker.
        assert_eq!(trace.finds("KA07").confidence, Confidence::Inferred);
        let trace = Trace::of(Vantage::ClientLog).rounds(2, 12.0, POSTPONED);
        trace.finds_at_least("KA07", Confidence::Shown);
    }

    #[test]
    fn true_under_tls() {
        let lines = POSTPONED
            .replace("> CONNECT id=device k=4", "> sealed bytes=30")
            .replace("< CONNACK", "< sealed bytes=4")
            .replace("> SUBSCRIBE", "> sealed bytes=15")
            .replace("< SUBACK", "< sealed bytes=5")
            .replace("PUBLISH", "sealed bytes=20");
        let trace = Trace::encrypted().rounds(4, 12.0, &lines);
        trace.finds_at_least("KA07", Confidence::Inferred);
    }

    #[test]
    fn alike_a_client_that_died() {
        // The server's messages go unheard: it sends them again.
        let lines = POSTPONED.replace("c1 7.9", "c1 7.0 < resent\nc1 7.4 < resent\nc1 7.9");
        Trace::plain().rounds(2, 12.0, &lines).does_not_find("KA07");
    }

    #[test]
    fn alike_closed_for_another_reason() {
        let lines = POSTPONED.replace("c1 7.9", "c1 2.9");
        Trace::plain().rounds(3, 12.0, &lines).does_not_find("KA07");
    }

    #[test]
    fn alike_closed_long_after_the_keep_alive() {
        let lines = POSTPONED.replace("c1 7.9", "c1 12 < PUBLISH\nc1 17 < PUBLISH\nc1 19.5");
        Trace::plain().rounds(3, 30.0, &lines).does_not_find("KA07");
    }

    #[test]
    fn alike_no_messages() {
        let lines = POSTPONED.replace("< PUBLISH", "< window-open");
        Trace::plain().rounds(3, 12.0, &lines).does_not_find("KA07");
    }
}
