//! KA08: the ping is late or never sent.

use crate::rule::guards;
use crate::rule::prelude::*;
use crate::track::Ping;

const LATE: Threshold = Threshold {
    name: "KA08.late_percent",
    value: 10,
    reason: "timers that run at all are more exact than that",
};
const TIMES: Threshold =
    Threshold { name: "KA08.late_pings", value: 2, reason: "one late ping may be a wake-up" };
const RETURNS: Threshold = Threshold {
    name: "KA08.returns_ms",
    value: 5000,
    reason: "who is back so soon was running as the broker closed",
};
const STALLED: Threshold = Threshold {
    name: "KA08.stalled_percent",
    value: 50,
    reason: "with half a keep-alive of delay the broker's limit is reached",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "KA08",
        slug: "ping-not-sent",
        severity: Severity::Error,
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::ClientLog, Vantage::ClientEvents],
            support: &[],
        },
        sees: "The broker says that the client exceeded its timeout, although the client's \
               process was alive.",
        why: "A ping was due and did not leave in time, with nothing from the broker to explain \
              it. The loop that sends pings did not run: mostly a handler of the application \
              blocks it, or nobody drives it.",
        fix: "Drive the client's loop all the time, and move slow work off the thread that it \
              runs on. If FC06 is found too, the handler of messages is what blocks.",
        raises: "A client log with its own times, or Evenkeel's events, which tell delays of the \
                 loop.",
        explains: &["RC01", "RC03", "ID06"],
        references: &["MQTT-3.1.2-23", "https://github.com/eclipse-paho/paho.golang/issues/208"],
        thresholds: &[LATE, TIMES, RETURNS, STALLED],
        ..Meta::EMPTY
    },
    on: &[On::Ping, On::Open, On::Connect, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    match view.event.map(|event| event.what) {
        Some(What::Words(Words::Stalled(span))) => stalled(view, span, hits),
        // Events of a client lack the messages that postpone its pings.
        _ if view.is(Vantage::ClientEvents) => {}
        Some(What::Packet { packet: PacketSeen::PingReq, .. }) => late(view, hits),
        Some(What::Opening { .. } | What::Packet { .. }) => closed_in_silence(view, hits),
        _ => {}
    }
}

/// Pings come, but late: again and again on one connection.
fn late(view: &View<'_>, hits: &mut Hits) {
    let Some(connection) = view.connection.filter(|it| !it.tcp.paths.has_gaps()) else { return };
    let Some(keep_alive) = view.keep_alive() else { return };
    let percent = u32::try_from(view.number(&LATE)).unwrap_or(u32::MAX);
    let bound = (keep_alive.saturating_mul(percent) / 100).max(Duration::from_secs(1));
    let late = |ping: &&Ping| {
        let idle = ping.last_sent.map(|sent| ping.asked.since(sent));
        idle.is_some_and(|idle| idle > keep_alive + bound + view.slack())
    };
    let pings = &connection.mqtt.pings;
    let all: Vec<&Ping> = pings.recent.iter().filter(late).collect();
    let newest = pings.last().filter(late).is_some();
    if newest && all.len() as u64 >= view.number(&TIMES) && view.source.tells(bound) {
        let worst = all.iter().filter_map(|ping| Some(ping.asked.since(ping.last_sent?))).max();
        let sentence = format!(
            "it pings late: {} of its last {} pings came up to {:.1} s after its last packet, with \
             a keep-alive of {:.0} s",
            all.len(),
            pings.recent.len(),
            worst.unwrap_or_default().as_secs_f64(),
            keep_alive.as_secs_f64(),
        );
        let mut hit = Hit::new(sentence).class("late").rounds(1);
        for ping in all.iter().take(4) {
            hit = hit.ping(ping, "a late PINGREQ");
        }
        hits.add(hit);
    }
}

/// The broker closed after a silence of both sides, twice, and the client was
/// back at once: it had not slept.
fn closed_in_silence(view: &View<'_>, hits: &mut Hits) {
    let Some(began) = view.began() else { return };
    let mut newest = view.client.rounds.iter().rev();
    let (Some(round), Some(before)) = (newest.next(), newest.next()) else { return };
    let Some(end) = round.end.filter(|end| began >= end.at) else { return };
    let known = view.client.rounds.iter().rev().find_map(|round| round.said.keep_alive);
    let Some(keep_alive) = known.or_else(|| guards::keep_alive(view)) else { return };
    let quick = |end: &End, next: crate::Time| next.since(end.at) <= view.millis(&RETURNS);
    let both = silent(view, round, keep_alive) && silent(view, before, keep_alive);
    let returned = quick(&end, began)
        && before.end.zip(round.began()).is_some_and(|(end, next)| quick(&end, next));
    if both
        && returned
        && !by_its_own_clock(round, before, began)
        && !guards::together(view, end.at)
    {
        let silence = round.last_sent().map(|sent| end.at.since(sent)).unwrap_or_default();
        let sentence = format!(
            "it sends no ping: nothing came from it for {:.1} s, with a keep-alive of {:.0} s, the \
             broker closed, and {:.1} s later it was back",
            silence.as_secs_f64(),
            keep_alive.as_secs_f64(),
            began.since(end.at).as_secs_f64(),
        );
        let hit = Hit::new(sentence).class("never").rounds(1);
        let hit = hit.at(round.sent, "its last packet");
        hits.add(hit.end(&end, "the broker closes"));
    }
}

/// It came back a constant time after its own last packet, and not after the broker's
/// end: it had given up by itself, so its pings were lost, not missing.
fn by_its_own_clock(round: &Round, before: &Round, began: crate::Time) -> bool {
    let since = |from: fn(&Round) -> Option<crate::Time>| {
        let old = round.began()?.since(from(before)?);
        Some(old.abs_diff(began.since(from(round)?)))
    };
    let (own, brokers) = (since(Round::last_sent), since(|it| Some(it.end?.at)));
    own.zip(brokers).is_some_and(|(own, brokers)| own + Duration::from_millis(200) < brokers)
}

/// Closed by the server after a silence that its keep-alive ends, in which
/// nothing came that postpones a ping.
fn silent(view: &View<'_>, round: &Round, keep_alive: Duration) -> bool {
    let (Some(end), Some(sent)) = (round.end, round.last_sent()) else { return false };
    // MQTT 5 says why with a DISCONNECT: that is the server's last packet then.
    let postponed = round.last_received()
        > Some(sent.plus(Duration::from_secs(1).max(view.slack())))
        && end.disconnect.is_none();
    // Before CONNACK no client has to ping, and a broker's log may not tell it.
    let welcome = round.said.connect.is_none() || round.accepted() || view.is(Vantage::BrokerLog);
    // What TCP sends again and again keeps the ping back.
    end.by == Some(Side::Server)
        && round.resent < 3
        && !round.gaps
        && !end.goodbye
        && !postponed
        && welcome
        && guards::server_gave_up(view, keep_alive, end.at.since(sent))
}

/// The client itself says that it could not run.
fn stalled(view: &View<'_>, span: Duration, hits: &mut Hits) {
    let (Some(event), Some(keep_alive)) = (view.event, guards::keep_alive(view)) else { return };
    let percent = u32::try_from(view.number(&STALLED)).unwrap_or(u32::MAX);
    if span >= keep_alive.saturating_mul(percent) / 100 {
        let sentence = format!(
            "it could not run for {:.1} s, with a keep-alive of {:.0} s: no ping can leave in time",
            span.as_secs_f64(),
            keep_alive.as_secs_f64(),
        );
        hits.add(Hit::new(sentence).class("stalled").event(event, "its own words"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const NEVER: &str = "
        c1 0    open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1  > CONNECT id=pump k=20
        c1 0.2  < CONNACK
        c1 31.0 < fin
        c1 31.1 > fin";

    #[test]
    fn true_no_ping_at_all() {
        for vantage in [Vantage::Plain, Vantage::ClientLog] {
            let trace = Trace::of(vantage).rounds(3, 33.0, NEVER);
            trace.finds_at_least("KA08", Confidence::Shown);
        }
    }

    #[test]
    fn true_under_tls() {
        let lines = "
            c1 0    open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.1  > sealed
            c1 0.2  < sealed
            c1 20.1 > ~PINGREQ
            c1 20.2 < ~PINGRESP
            c1 51.0 < fin
            c1 51.1 > fin";
        Trace::encrypted().rounds(3, 53.0, lines).finds_at_least("KA08", Confidence::Inferred);
    }

    #[test]
    fn true_late_pings() {
        let lines = "
            c1 0    open 10.0.0.1:5000 10.0.0.9:1883
            c1 0.1  > CONNECT id=pump k=20
            c1 0.2  < CONNACK
            c1 24   > PINGREQ
            c1 24.1 < PINGRESP
            c1 49   > PINGREQ
            c1 49.1 < PINGRESP";
        let finding = Trace::plain().lines(lines).finds("KA08");
        assert_eq!((finding.class, finding.confidence), ("late", Confidence::Shown));
    }

    #[test]
    fn alike_a_busy_client_whose_messages_are_not_told() {
        let lines = "
            c1 0    open 10.0.0.1:5000 10.0.0.9:1883
            c1 0.1  > CONNECT id=pump k=20
            c1 0.2  < CONNACK
            c1 124  > PINGREQ
            c1 124.1 < PINGRESP
            c1 349  > PINGREQ
            c1 349.1 < PINGRESP";
        Trace::of(Vantage::ClientEvents).lines(lines).does_not_find("KA08");
    }

    #[test]
    fn true_in_its_own_words() {
        let lines = "
            c1 0    open a b
            c1 0.1  > CONNECT id=pump k=20
            c1 0.2  < CONNACK
            c1 31.0 words stalled 28
            c1 31.1 < closed";
        let trace = Trace::of(Vantage::ClientEvents).rounds(2, 40.0, lines);
        trace.finds_at_least("KA08", Confidence::Shown);
    }

    #[test]
    fn alike_messages_postponed_it() {
        let lines = NEVER.replace("c1 31.0", "c1 15 < PUBLISH\nc1 25 < PUBLISH\nc1 31.0");
        Trace::plain().rounds(3, 33.0, &lines).does_not_find("KA08");
    }

    #[test]
    fn alike_the_server_was_slow_to_accept() {
        let lines = NEVER.replace("c1 0.2  < CONNACK", "");
        for vantage in [Vantage::Plain, Vantage::ClientLog] {
            Trace::of(vantage).rounds(3, 33.0, &lines).does_not_find("KA08");
        }
    }

    #[test]
    fn alike_the_machine_slept() {
        // It is back minutes after the broker closed, each time.
        Trace::plain().rounds(4, 600.0, NEVER).does_not_find("KA08");
    }

    #[test]
    fn alike_pings_of_a_slow_clock() {
        let lines = "
            c1 0    open 10.0.0.1:5000 10.0.0.9:1883
            c1 0.1  > CONNECT id=pump k=20
            c1 0.2  < CONNACK
            c1 20.9 > PINGREQ
            c1 21   < PINGRESP
            c1 41.9 > PINGREQ
            c1 42   < PINGRESP";
        Trace::plain().lines(lines).does_not_find("KA08");
    }

    #[test]
    fn alike_a_client_that_gave_up_by_itself() {
        // Its pings are lost; it comes back 34 s after its last packet, and the broker
        // closed at some time before.
        let late = NEVER.replace("c1 31.0", "c1 32.5").replace("c1 31.1", "c1 32.6");
        let row = Trace::plain().lines(NEVER).after(34.0, &late.replace("c1", "c2"));
        row.after(68.0, &NEVER.replace("c1", "c3")).does_not_find("KA08");
    }

    #[test]
    fn alike_a_ping_behind_what_is_sent_again() {
        let sent = "c1 0.3 > PUBLISH bytes=3000\nc1 1 > resent\nc1 3 > resent\nc1 7 > resent";
        let lines = NEVER.replace("c1 31.0", &alloc::format!("{sent}\nc1 31.0"));
        Trace::plain().rounds(3, 33.0, &lines).does_not_find("KA08");
    }
}
