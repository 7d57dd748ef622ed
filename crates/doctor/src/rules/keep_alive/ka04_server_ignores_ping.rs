//! KA04: the server sends other things, but no PINGRESP.

use crate::rule::prelude::*;

const UNANSWERED: Threshold = Threshold {
    name: "KA04.unanswered_ms",
    value: 10_000,
    reason: "the shortest time that common clients wait for an answer",
};
/// So many times the slowest answer that came.
const SLOW: u32 = 5;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "KA04",
        slug: "server-ignores-ping",
        severity: Severity::Error,
        vantages: Vantages { show: &Vantage::ALL, support: &[] },
        sees: "Clients report keep-alive timeouts while messages still arrive.",
        why: "A PINGREQ stays without its PINGRESP although the server sends other bytes after \
              it, so the link lives and the answer was not lost on the way. Brokers do so when \
              pings come faster than they allow, or when answers wait behind a full queue.",
        fix: "Look for a limit of pings at the broker: AWS IoT Core answers one in 30 s. In the \
              client, read PINGRESP before it holds back what else arrives, and take any byte \
              from the server as a sign of life.",
        raises: "The broker's log with its packets, or a capture at the broker.",
        explains: &["KA13", "KA01", "RC01", "RC03", "RC04"],
        references: &["MQTT-3.12.4-1", "https://github.com/aws/amazon-freertos/issues/19"],
        thresholds: &[UNANSWERED],
        ..Meta::EMPTY
    },
    on: &[On::Tick, On::End, On::Ping, On::Finish],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(connection) = view.connection.filter(|it| !it.tcp.paths.has_gaps()) else { return };
    let pings = &connection.mqtt.pings;
    // A log may lack the answers of them all.
    if !view.source.vantage.is_wire() && pings.answered == 0 {
        return;
    }
    let slowest = pings.recent.iter().filter_map(crate::track::Ping::round_trip).max();
    let wait = view.millis(&UNANSWERED).max(slowest.unwrap_or_default().saturating_mul(SLOW));
    let until = connection.end.map_or(view.now, |end| end.at);
    let unanswered =
        pings.recent.iter().find(|ping| ping.answered.is_none() && until.since(ping.asked) >= wait);
    let Some(ping) = unanswered else { return };
    let Some(heard) = connection.last_received() else { return };
    // What was on its way as the ping went says nothing, nor does a packet
    // behind which the answer still waits.
    let alive = heard > ping.asked.plus(view.slack()) && paused(view, connection, ping.asked);
    if alive && view.source.tells(wait) {
        let sentence = format!(
            "its broker does not answer a ping: no PINGRESP after {:.1} s, but other bytes \
             came {:.1} s after it",
            until.since(ping.asked).as_secs_f64(),
            heard.since(ping.asked).as_secs_f64(),
        );
        let hit = Hit::new(sentence).ping(ping, "PINGREQ without an answer");
        let last = connection.recent.iter().rev().find(|it| it.sender() == Some(Side::Server));
        hits.add(match last {
            Some(event) => hit.event(event, "other bytes from the server"),
            None => hit,
        });
    }
}

/// Whether the server fell silent for a moment since the ping: one long packet
/// does not.
fn paused(view: &View<'_>, connection: &Connection, asked: crate::Time) -> bool {
    let slack = view.slack();
    let mut last = asked;
    let server =
        connection.recent.iter().filter(|it| it.sender() == Some(Side::Server) && it.at > asked);
    server.map(|it| it.at).chain([view.now]).any(|at| {
        let pause = at.since(core::mem::replace(&mut last, at));
        pause > slack
    })
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const IGNORED: &str = "
        c1 0.0  open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1  > CONNECT id=pump k=20
        c1 0.2  < CONNACK
        c1 20.0 > PINGREQ
        c1 20.1 < PINGRESP
        c1 40.0 > PINGREQ
        c1 45.0 < PUBLISH
        c1 50.0 < PUBLISH
        c1 55.0 < PUBLISH
        c1 60.0 > fin";

    #[test]
    fn true_messages_but_no_answer() {
        for vantage in Vantage::ALL {
            let lines = match vantage {
                Vantage::Encrypted => IGNORED.replace("PUBLISH", "sealed bytes=40"),
                _ => IGNORED.into(),
            };
            let lines = match vantage {
                Vantage::Encrypted => {
                    lines.replace("> PING", "> ~PING").replace("< PING", "< ~PING")
                }
                _ => lines,
            };
            let trace = Trace::of(vantage).rounds(2, 80.0, &lines);
            trace.finds_at_least("KA04", Confidence::Inferred);
        }
    }

    #[test]
    fn alike_the_server_is_silent() {
        let lines = IGNORED.replace("PUBLISH", "window-open");
        Trace::plain().rounds(2, 80.0, &lines).does_not_find("KA04");
    }

    #[test]
    fn alike_answer_late_but_there() {
        let lines = IGNORED.replace("c1 50.0 < PUBLISH", "c1 49.9 < PINGRESP");
        Trace::plain().rounds(2, 80.0, &lines).does_not_find("KA04");
    }

    #[test]
    fn alike_a_log_without_answers() {
        let lines = IGNORED.replace("c1 20.1 < PINGRESP", "");
        Trace::of(Vantage::BrokerLog).rounds(2, 80.0, &lines).does_not_find("KA04");
    }
}
