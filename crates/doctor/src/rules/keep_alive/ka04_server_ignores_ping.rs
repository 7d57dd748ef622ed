//! KA04: the server sends other things, but no PINGRESP.

use crate::rule::guards;
use crate::rule::prelude::*;

const UNANSWERED: Threshold = Threshold {
    name: "KA04.unanswered_ms",
    value: 10_000,
    reason: "the shortest time that common clients wait for an answer",
};
const GIVEN_UP: Threshold = Threshold {
    name: "KA04.given_up_ms",
    value: 1000,
    reason: "a client that waits for less ends by another timer (KA05)",
};
const DEATHS: Threshold = Threshold {
    name: "KA04.deaths",
    value: 3,
    reason: "if nothing else came from the server, two deaths can be chance",
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
              pings come faster than they allow, or when answers wait behind a full queue. A \
              client gives up sooner or later; then the end of each connection after a ping \
              that was delivered shows it.",
        fix: "Look for a limit of pings at the broker: AWS IoT Core answers one in 30 s. In the \
              client, read PINGRESP before it holds back what else arrives, and take any byte \
              from the server as a sign of life.",
        raises: "The broker's log with its packets, or a capture at the broker.",
        explains: &["KA13", "KA01", "RC01", "RC02", "RC03", "RC04", "ID06"],
        references: &["MQTT-3.12.4-1", "https://github.com/aws/amazon-freertos/issues/19"],
        thresholds: &[UNANSWERED, GIVEN_UP, DEATHS],
        ..Meta::EMPTY
    },
    on: &[On::TickPings, On::End, On::Ping, On::Finish],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    unanswered(view, hits);
    if matches!(view.event.map(|event| event.what), Some(What::Closing { .. } | What::Ended)) {
        given_up(view, hits);
    }
}

/// The client ends the connection, as its ping, which was delivered, has no
/// answer.
fn given_up(view: &View<'_>, hits: &mut Hits) {
    let died = |round: &Round| {
        let (asked, end) = (waiting(view, round)?, round.end?);
        let waited = end.at.since(asked.at);
        let long = waited >= view.millis(&GIVEN_UP).max(view.slack());
        // Under TLS nobody sees CONNACK, but without it a client has nothing to ping for.
        let accepted = round.accepted() || view.is(Vantage::Encrypted);
        let fits = accepted && !round.ended_by(Side::Server) && !round.gaps && long;
        fits.then_some(waited)
    };
    let Some(round) = view.ended() else { return };
    let (Some(waited), Some(asked), Some(end)) = (died(round), waiting(view, round), round.end)
    else {
        return;
    };
    let heard = round.last_received() > Some(asked.at.plus(view.slack()));
    // Its TCP took the ping in: the machine lives, and so does the path.
    let delivered = view.source.vantage.is_wire() && round.resent == 0;
    let row = view.client.rounds.iter().rev().take_while(|round| died(round).is_some()).count();
    // A log may lack all answers: then its own words have to say what it waited for.
    let words = Words::KeepAliveTimeout { by: Side::Client };
    let told = view.source.vantage.is_wire() || end.words == Some(words);
    if view.is(Vantage::BrokerLog)
        || !told
        || !(heard || delivered && row as u64 >= view.number(&DEATHS))
    {
        return;
    }
    let sentence = format!(
        "its broker does not answer a ping: {row} connections in a row were given up, the last one \
         {:.1} s after a ping{}",
        waited.as_secs_f64(),
        if heard { ", while other bytes came" } else { " that TCP had delivered" },
    );
    let hit = Hit::new(sentence).class("given up");
    let hit = hit.at(asked, "PINGREQ without an answer");
    let hit = if heard { hit } else { hit.rounds(1) };
    hits.add(hit.end(&end, "the client gives up"));
}

/// When the ping was sent that had no answer as the client ended the connection.
fn waiting(view: &View<'_>, round: &Round) -> Option<Moment> {
    let ping = round.last_ping.filter(|ping| ping.answered.is_none())?;
    let before = round.earlier_pings;
    match before.asked {
        // Clients say goodbye to TLS as they give up: that is a record like a ping.
        Some(asked) if guards::says_goodbye(view, round) && !before.answered() => Some(asked),
        _ => (!guards::on_purpose(view, round)).then_some(ping.moment()),
    }
}

/// The ping of an open connection stays without an answer for long.
fn unanswered(view: &View<'_>, hits: &mut Hits) {
    let Some(connection) = view.connection.filter(|it| !it.tcp.paths.has_gaps()) else { return };
    let pings = &connection.mqtt.pings;
    // A log may lack the answers of them all. The events of a client do not.
    let is_log = view.is(Vantage::ClientLog) || view.is(Vantage::BrokerLog);
    if is_log && pings.answered == 0 {
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
        // Several on one connection are no chance either.
        let never = pings.answered == 0 && pings.asked >= 3;
        let hit = if never { hit.rounds(1) } else { hit };
        let last = connection.recent.iter().rev().find(|it| it.sender() == Some(Side::Server));
        hits.add(hit.event(last, "other bytes from the server"));
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

    /// MQTT.js 5.16, mosquitto_sub and paho beside a broker that answers no ping.
    const GIVEN_UP: &str = "
        c1 0.0  open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1  > CONNECT id=pump k=5
        c1 0.2  < CONNACK
        c1 5.0  > PINGREQ
        c1 7.5  > fin";

    #[test]
    fn true_given_up_each_time() {
        let trace = Trace::plain().rounds(6, 8.5, GIVEN_UP);
        let finding = trace.finds_at_least("KA04", Confidence::Shown);
        assert_eq!(finding.class, "given up");
        assert_eq!(Trace::plain().rounds(6, 8.5, GIVEN_UP).causes(), ["KA04"]);
    }

    #[test]
    fn true_given_up_each_time_under_tls() {
        let lines = GIVEN_UP
            .replace("> CONNECT id=pump k=5", "> sealed bytes=22")
            .replace("< CONNACK", "< sealed bytes=4")
            .replace("> PINGREQ", "> ~PINGREQ");
        let finding = Trace::encrypted().rounds(6, 8.5, &lines).finds("KA04");
        assert_eq!(finding.confidence, Confidence::Inferred);
        // What is sent just before the end is a goodbye.
        let goodbye = lines.replace("c1 7.5", "c1 5.02");
        Trace::encrypted().rounds(6, 8.5, &goodbye).does_not_find("KA04");
        // It may be one after a ping without an answer, as mosquitto_sub says it.
        let both = lines.replace("c1 7.5", "c1 10.0 > ~PINGREQ\nc1 10.0001");
        Trace::encrypted().rounds(6, 11.0, &both).finds_at_least("KA04", Confidence::Inferred);
        let answered = both.replace("c1 10.0 >", "c1 5.1 < ~PINGRESP\nc1 10.0 >");
        Trace::encrypted().rounds(6, 11.0, &answered).does_not_find("KA04");
    }

    #[test]
    fn true_never_on_one_connection() {
        let message = "c1 41.0 < PUBLISH\nc1 44.0 < PUBLISH\n";
        let lines = alloc::format!(
            "{}{message}c1 60.0 > PINGREQ",
            IGNORED.replace("c1 20.1 < PINGRESP", "").replace("c1 60.0 > fin", "")
        );
        Trace::plain().lines(&lines).finds_at_least("KA04", Confidence::Shown);
    }

    #[test]
    fn true_given_up_while_receiving() {
        let lines = GIVEN_UP.replace("c1 7.5", "c1 5.5 < PUBLISH\nc1 7.5");
        let told = lines.replace("c1 7.5", "c1 7.5 words timeout client\nc1 7.5");
        for (vantage, lines) in [(Vantage::Plain, &lines), (Vantage::ClientLog, &told)] {
            let trace = Trace::of(vantage).rounds(2, 8.5, lines);
            trace.finds_at_least("KA04", Confidence::Shown);
        }
        Trace::of(Vantage::ClientLog).rounds(6, 8.5, &lines).does_not_find("KA04");
    }

    #[test]
    fn true_our_client_heard_something_else() {
        let lines =
            GIVEN_UP.replace("c1 7.5", "c1 7.5 < heard\nc1 7.5 words timeout client\nc1 7.5");
        let trace = Trace::of(Vantage::ClientEvents).rounds(2, 8.5, &lines);
        assert_eq!(trace.causes(), ["KA04"]);
        let silent = lines.replace("c1 7.5 < heard", "");
        Trace::of(Vantage::ClientEvents).rounds(2, 8.5, &silent).does_not_find("KA04");
    }

    #[test]
    fn alike_the_ping_is_not_delivered() {
        let lines = GIVEN_UP.replace("c1 7.5", "c1 5.3 > resent\nc1 5.9 > resent\nc1 7.5");
        Trace::plain().rounds(6, 8.5, &lines).does_not_find("KA04");
        Trace::of(Vantage::ClientLog).rounds(6, 8.5, GIVEN_UP).does_not_find("KA04");
    }

    #[test]
    fn alike_given_up_twice() {
        Trace::plain().rounds(2, 8.5, GIVEN_UP).does_not_find("KA04");
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
