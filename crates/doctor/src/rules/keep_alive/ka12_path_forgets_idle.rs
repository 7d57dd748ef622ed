//! KA12: a box on the path forgets connections that are idle.

use crate::rule::guards;
use crate::rule::prelude::*;

const DEATHS: Threshold = Threshold {
    name: "KA12.deaths",
    value: 3,
    reason: "two deaths after idle times can be chance",
};
const SILENCE: Threshold = Threshold {
    name: "KA12.silence_ms",
    value: 2000,
    reason: "an answer that is only slow comes within this time",
};
const LEAST: Threshold = Threshold {
    name: "KA12.least_idle_ms",
    value: 5000,
    reason: "no box forgets sooner; recorded with a box that forgets after 5 s",
};
/// Idle time-outs that boxes have by default, in seconds.
const USUAL: [(u64, &str); 7] = [
    (50, "as some mobile networks have"),
    (60, "nginx's and many load balancers' default"),
    (120, "many firewalls' value for TCP"),
    (240, "Azure's load balancer's default"),
    (300, "many firewalls' value for TCP"),
    (350, "AWS's network load balancer and NAT gateway"),
    (3600, "many firewalls' default for TCP"),
];

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "KA12",
        slug: "path-forgets-idle",
        severity: Severity::Error,
        vantages: Vantages { show: &Vantage::ALL, support: &[] },
        sees: "The connection works while there is traffic, and dies after quiet times.",
        why: "A router, firewall or load balancer drops what it knows of a connection that was \
              idle for too long. The first packet after that is answered by nobody, or by RST. A \
              connection whose idle times are shorter lives. If the ping is what finds the hole, \
              the idle time at death is the keep-alive itself: the box's time-out lies between \
              the longest idle time that was survived and the shortest that killed. A client's \
              log in which no ping ever had an answer looks the same if the broker answers none: \
              then it is inferred, and the sentence says both.",
        fix: "Set the keep-alive to less than 0.8 times the box's time-out, or use TCP \
              keep-alive; or raise the time-out of the box.",
        raises: "A capture at the client over a few deaths, with some shorter idle times in it.",
        explains: &[
            "NW01", "KA13", "KA08", "KA10", "KA04", "RC01", "RC02", "RC03", "RC05", "RC10", "ID02",
            "ID06",
        ],
        references: &[
            "https://github.com/eclipse-paho/paho.mqtt.c/issues/724",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/network/",
        ],
        thresholds: &[DEATHS, SILENCE, LEAST],
        ..Meta::EMPTY
    },
    on: &[On::Open, On::Connect, On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    if view.is(Vantage::BrokerLog) {
        broker_log(view, hits);
        return;
    }
    // Most connections end without silence: nothing is copied for them.
    let may = |round: &&Round| {
        round.idle.silent_from.is_some() || round.ended_by(Side::Server) && !round.goodbye()
    };
    let ended = view.client.rounds.iter().filter(may).count();
    if (ended + view.others().count()) as u64 >= view.number(&DEATHS) {
        let mut rounds: Vec<Round> = guards::given_up(view);
        rounds.sort_by_key(|round| round.opened);
        rounds.splice(0..0, view.client.rounds.iter().copied());
        silent(view, &rounds, hits);
        closed(view, hits);
    }
}

/// The first packet after an idle time has no answer.
fn silent(view: &View<'_>, rounds: &[Round], hits: &mut Hits) {
    let deaths: Vec<(Duration, &Round)> =
        rounds.iter().filter_map(|round| Some((died(view, round)?, round))).collect();
    let newest = rounds.last().is_some_and(|round| died(view, round).is_some());
    let survived = rounds.iter().map(|round| round.idle.longest_survived).max().unwrap_or_default();
    let Some(&(shortest, _)) = deaths.iter().min_by_key(|(idle, _)| *idle) else { return };
    let enough = deaths.len() as u64 >= view.number(&DEATHS);
    if !newest || !enough || survived >= shortest {
        return;
    }
    let sure = view.source.vantage.is_wire() || rounds.iter().any(answers_pings);
    if sure && shortest < view.millis(&LEAST) {
        return;
    }
    let between = if survived > view.slack() {
        format!("above {:.1} s and at most", survived.as_secs_f64())
    } else {
        "at most".into()
    };
    let (died, shortest) = (deaths.len(), shortest.as_secs_f64());
    let mut hit = if sure {
        Hit::new(format!(
            "it has a box on its path that forgets idle connections: {died} died at the first \
             packet after an idle time of {shortest:.1} s or more, and none after a shorter one; \
             the box's time-out is {between} {shortest:.1} s"
        ))
    } else {
        // What has no answer are pings alone, and none ever had one.
        Hit::new(format!(
            "a box on its path forgets idle connections, or its broker answers no pings: {died} \
             connections ended as the ping after {shortest:.1} s had no answer"
        ))
        .one_sided()
    };
    hit = hit.class("silent").rounds(1);
    for (_, round) in deaths.iter().rev().take(3) {
        if let Some(ping) = round.last_ping {
            hit = hit.ping(&ping, "the first packet after the idle time, without an answer");
        } else if let Some(from) = round.idle.silent_from {
            hit = hit.at(from, "no answer to what was sent then");
        }
    }
    hits.add(hit);
}

/// Whether one of its pings had an answer.
fn answers_pings(round: &Round) -> bool {
    let answered = round.last_ping.is_some_and(|ping| ping.answered.is_some());
    answered || round.earlier_pings.answered.is_some()
}

/// If the round died at its first packet after an idle time: how long that was.
fn died(view: &View<'_>, round: &Round) -> Option<Duration> {
    let (idle, from) = (round.idle.before_silence?, round.idle.silent_from?.at);
    if round.gaps || round.opened.is_none() || guards::on_purpose(view, round) {
        return None;
    }
    // Far longer than the keep-alive: the whole machine slept.
    let keep_alive = round.said.keep_alive;
    if keep_alive.is_some_and(|it| idle > it.saturating_mul(6) / 5 + view.slack()) {
        return None;
    }
    let silence = view.millis(&SILENCE);
    // A log may lack answers: what has none must be the one ping that found out.
    let only_ping =
        round.idle.unanswered <= 1 && round.last_ping.is_some_and(|ping| ping.asked == from);
    if !view.source.vantage.is_wire() && !only_ping {
        return None;
    }
    let died = match round.end {
        None => true,
        Some(end) if end.by == Some(Side::Server) => {
            let answer = end.at.since(from) <= Duration::from_secs(1).max(view.slack());
            end.how == crate::CloseHow::Reset && answer
        }
        Some(end) => {
            let sent_again = round.resent > 0 || !view.source.vantage.is_wire();
            end.at.since(from) >= silence && sent_again
        }
    };
    died.then_some(idle)
}

/// Idle times of boxes; what ends connections that were idle for their whole life
/// sooner or later than that may be a server that restarts, or a lifetime (SV02).
const BY_IDLE: core::ops::Range<Duration> = Duration::from_secs(10)..Duration::from_secs(1800);

/// Somebody closes after an idle time that is always the same.
fn closed(view: &View<'_>, hits: &mut Hits) {
    let idle = |round: &Round| {
        let end = round.end.filter(|end| end.by == Some(Side::Server) && !end.goodbye)?;
        let both = round.last_sent().max(round.last_received())?;
        let silent = end.at.since(round.last_sent()?);
        // If the keep-alive is not known, it may be the broker that closes.
        let keep_alive = round.said.keep_alive.or_else(|| guards::keep_alive(view));
        let known = keep_alive.is_some() || !view.is(Vantage::Encrypted);
        // It would have pinged: the whole program stood still.
        let slept = keep_alive
            .is_some_and(|it| !it.is_zero() && silent > it.saturating_mul(6) / 5 + view.slack());
        let broker = keep_alive.is_some_and(|it| guards::server_gave_up(view, it, silent));
        // One that was never let in waits for CONNACK, and is not idle.
        let waits = round.said.connect.is_some() && round.said.connack.is_none();
        let whole = !round.gaps && round.opened.is_some() && end.disconnect.is_none() && !waits;
        (whole && known && !broker && !slept && end.words.is_none())
            .then(|| (end.at.since(both), round.lifetime()))
    };
    let row: Vec<(Duration, Option<Duration>)> =
        view.client.rounds.iter().rev().map_while(idle).collect();
    let idles: Vec<Duration> = row.iter().map(|(idle, _)| *idle).collect();
    let typical = median(&idles);
    // Idle for its whole life, and long: a lifetime looks the same (SV02).
    let by_age =
        row.iter().all(|(idle, life)| life.is_some_and(|life| *idle > life.saturating_mul(9) / 10));
    let enough = row.len() as u64 >= view.number(&DEATHS) && typical >= view.millis(&LEAST);
    if !enough || !steady(&idles, 5) || (by_age && !BY_IDLE.contains(&typical)) {
        return;
    }
    // A longer idle time that was survived: it was not the idle time.
    let survived = (view.client.rounds.iter()).map(|round| round.idle.longest_survived).max();
    if survived.is_some_and(|survived| survived > typical.saturating_add(view.slack())) {
        return;
    }
    let usual = USUAL.iter().find(|(seconds, _)| alike(Duration::from_secs(*seconds), typical, 3));
    let sentence = format!(
        "it has a box on its path that closes idle connections: {} ended {:.1} s after their last \
         byte{}",
        row.len(),
        typical.as_secs_f64(),
        usual.map_or(alloc::string::String::new(), |(s, what)| format!("; {s} s is {what}")),
    );
    let mut hit = Hit::new(sentence).class("closed").rounds(1);
    for round in view.client.rounds.newest(3) {
        if let Some(end) = round.end {
            hit = hit.end(&end, "closed after the idle time");
        }
    }
    hits.add(hit);
}

/// A broker sees a silent client; its own time-out ends the connection. That
/// the client came back by its own clock, which runs from the last packet that it
/// was heard to send, and not by the broker's, shows that it lived, and did not
/// hear the broker close.
fn broker_log(view: &View<'_>, hits: &mut Hits) {
    let timeout = |round: &&Round| {
        let words = round.end.and_then(|end| end.words);
        matches!(words, Some(Words::KeepAliveTimeout { by: Side::Server }))
            && round.pings == 0
            && round.last_received() <= round.last_sent().map(|sent| sent.plus(view.slack()))
    };
    let Some(next) = view.began() else { return };
    // Not at the end of a connection: it is its own newest round.
    if Some(next) <= view.client.rounds.last().and_then(Round::opened_at) {
        return;
    }
    let mut row: Vec<&Round> = view.client.rounds.iter().rev().take_while(timeout).collect();
    row.reverse();
    if (row.len() as u64) < view.number(&DEATHS) {
        return;
    }
    let back = row.iter().skip(1).map(|round| round.opened_at()).chain([Some(next)]);
    let since = |from: fn(&Round) -> Option<crate::Time>| -> Vec<Duration> {
        let pairs = row.iter().zip(back.clone());
        pairs.filter_map(|(round, back)| Some(back?.since(from(round)?))).collect()
    };
    let by_its_own = since(Round::last_sent);
    let by_the_brokers = since(|round| round.end.map(|end| end.at));
    let complete = by_its_own.len() == row.len() && by_the_brokers.len() == row.len();
    // If the broker ends them all after the same time, it may be by either clock.
    let differ = spread(&by_the_brokers).saturating_sub(spread(&by_its_own)) >= DIFFER;
    if complete && differ && steady(&by_its_own, 5) {
        let sentence = format!(
            "it is heard no more after quiet times, but lives: it connected again {:.1} s after it \
             was last heard, by its own clock, and {} old connections timed out at the broker",
            median(&by_its_own).as_secs_f64(),
            row.len(),
        );
        let mut hit = Hit::new(sentence).class("broker log").rounds(1);
        for end in row.iter().rev().take(3).filter_map(|round| round.end) {
            hit = hit.end(&end, "the broker's keep-alive timeout");
        }
        hits.add(hit);
    }
}

/// By how much less the times of one clock differ than those of another.
const DIFFER: Duration = Duration::from_millis(500);

fn spread(spans: &[Duration]) -> Duration {
    let (least, most) = (spans.iter().min(), spans.iter().max());
    most.zip(least).map_or(Duration::ZERO, |(most, least)| *most - *least)
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    /// As recorded: the client never closes, it connects anew.
    const FORGOTTEN: &str = "
        c1 0.0   open 10.0.1.2:34060 10.0.2.9:1883
        c1 0.1   > CONNECT id=meter k=12
        c1 0.2   < CONNACK
        c1 0.2   > SUBSCRIBE
        c1 0.3   < SUBACK
        c1 12.3  > PINGREQ
        c1 12.5  > resent
        c1 13.0  > resent
        c1 15.0  > resent
        c1 19.0  > resent";

    #[test]
    fn true_no_answer_after_idle_times() {
        let finding = Trace::plain().rounds(4, 25.0, FORGOTTEN).finds("KA12");
        assert_eq!((finding.class, finding.confidence), ("silent", Confidence::Shown));
        assert!(finding.sentence.contains("at most 12.0 s"), "{}", finding.sentence);
    }

    #[test]
    fn true_under_tls() {
        let lines = FORGOTTEN
            .replace("> CONNECT id=meter k=12", "> sealed bytes=30")
            .replace("< CONNACK", "< sealed bytes=4")
            .replace("> SUBSCRIBE", "> sealed bytes=15")
            .replace("< SUBACK", "< sealed bytes=5")
            .replace("PINGREQ", "~PINGREQ");
        let trace = Trace::encrypted().rounds(4, 25.0, &lines);
        trace.finds_at_least("KA12", Confidence::Inferred);
    }

    #[test]
    fn true_in_a_client_log_and_events() {
        let lines = "
            c1 0.0   open 10.0.1.2:34060 10.0.2.9:1883
            c1 0.1   > CONNECT id=meter k=12
            c1 0.2   < CONNACK
            c1 12.3  > PINGREQ
            c1 25.0  words timeout client
            c1 25.0  > closed";
        // A ping that came sooner had its answer: the broker answers pings.
        let sooner = "
            c9 0.0   open 10.0.1.2:34060 10.0.2.9:1883
            c9 0.1   > CONNECT id=meter k=12
            c9 0.2   < CONNACK
            c9 6.0   < PUBLISH
            c9 12.3  > PINGREQ
            c9 12.4  < PINGRESP
            c9 13.0  < closed";
        for vantage in [Vantage::ClientLog, Vantage::ClientEvents] {
            let trace = Trace::of(vantage).rounds(1, 0.0, sooner);
            let trace = (1..4).fold(trace, |trace, n| {
                trace.after(f64::from(n) * 26.0, &lines.replace("c1", &alloc::format!("c{n}")))
            });
            trace.finds_at_least("KA12", Confidence::Shown);
        }
        // Else it may be a broker that answers none: both are said.
        for vantage in [Vantage::ClientLog, Vantage::ClientEvents] {
            let finding = Trace::of(vantage).rounds(3, 26.0, lines).finds("KA12");
            assert_eq!(finding.confidence, Confidence::Inferred);
            assert!(finding.sentence.contains("or its broker answers no pings"));
        }
    }

    #[test]
    fn true_reset_by_the_box() {
        let lines = "
            c1 0.0   open 10.0.1.2:34060 10.0.2.9:1883
            c1 0.1   > CONNECT id=meter k=900
            c1 0.2   < CONNACK
            c1 100.0 > PUBLISH qos=1 id=1
            c1 100.1 < PUBACK id=1
            c1 500.0 > PUBLISH qos=1 id=2
            c1 500.1 < rst";
        let finding = Trace::plain().rounds(3, 600.0, lines).finds("KA12");
        assert!(finding.sentence.contains("above 99.8 s"), "{}", finding.sentence);
    }

    #[test]
    fn true_closed_by_the_box() {
        let lines = "
            c1 0.0   open 10.0.1.2:34060 10.0.2.9:1883
            c1 0.1   > CONNECT id=meter k=900
            c1 100.0 < CONNACK
            c1 450.0 < fin";
        let finding = Trace::plain().rounds(3, 600.0, lines).finds("KA12");
        assert!(finding.sentence.contains("AWS"), "{}", finding.sentence);
    }

    #[test]
    fn true_in_a_broker_log() {
        let lines = |end: u32| {
            alloc::format!(
                "c1 0 open 10.0.2.1:34060 10.0.2.9:1883\nc1 0.1 > CONNECT id=meter k=12
                 c1 0.2 < CONNACK\nc1 {end} words timeout\nc1 {end} < closed"
            )
        };
        let mut trace = Trace::of(Vantage::BrokerLog);
        for (round, end) in [23, 22, 21, 22].into_iter().enumerate() {
            let at = round as f64 * 25.0;
            let text = lines(end).replace("c1 ", &alloc::format!("c{round} "));
            trace = trace.after(at, &text);
        }
        trace.finds_at_least("KA12", Confidence::Shown);
    }

    /// A broker's log: a message at `busy`, the broker's time-out, the next
    /// connection. All in whole seconds since the connection began.
    fn timed_out(rounds: &[(u32, u32, u32)]) -> Trace {
        let mut trace = Trace::of(Vantage::BrokerLog);
        let mut at = 0.0;
        for (n, (busy, end, next)) in rounds.iter().enumerate() {
            let text = alloc::format!(
                "c{n} 0 open 10.0.2.1:34060 10.0.2.9:1883\nc{n} 0 > CONNECT id=meter k=60
                 c{n} 0 < CONNACK\nc{n} {busy} > PUBLISH\nc{n} {end} words timeout
                 c{n} {end} < closed"
            );
            trace = trace.after(at, &text);
            at += f64::from(*next);
        }
        trace.after(at, "c9 0 open 10.0.2.1:34061 10.0.2.9:1883\nc9 0 > CONNECT id=meter k=60")
    }

    #[test]
    fn true_in_a_broker_log_of_a_busy_client() {
        // It is back 107 s after its last message, however late the broker looked.
        let trace = timed_out(&[(45, 136, 152), (20, 115, 127), (70, 162, 177), (33, 128, 140)]);
        trace.finds_at_least("KA12", Confidence::Shown);
    }

    #[test]
    fn alike_a_client_that_hears_the_broker_close() {
        // It is back 2 s after the end, whenever that came.
        let trace = timed_out(&[(45, 136, 138), (20, 115, 117), (70, 162, 164), (33, 128, 130)]);
        trace.does_not_find("KA12");
    }

    #[test]
    fn alike_shorter_idle_times_die_too() {
        // An outage: idle for as long before, and nothing happened.
        let lines = FORGOTTEN.replace("c1 12.3", "c1 12.3 > PINGREQ\nc1 12.4 < PINGRESP\nc1 24.4");
        let lines = lines.replace("c1 12.5", "c1 24.5").replace("c1 13.0", "c1 24.9");
        let lines = lines.replace("c1 15.0", "c1 25.7").replace("c1 19.0", "c1 27.3");
        Trace::plain().rounds(4, 40.0, &lines).does_not_find("KA12");
    }

    #[test]
    fn alike_a_broker_under_tls_whose_keep_alive_nobody_knows() {
        let lines = "
            c1 0.0   open 10.0.1.2:34060 10.0.2.9:8883
            c1 0.1   > sealed
            c1 0.2   < sealed
            c1 90.2  < fin";
        Trace::encrypted().rounds(4, 100.0, lines).does_not_find("KA12");
    }

    #[test]
    fn alike_a_log_without_answers() {
        let lines = "
            c1 0.0   open 10.0.1.2:34060 10.0.2.9:1883
            c1 0.1   > CONNECT id=meter k=12
            c1 0.2   < CONNACK
            c1 12.3  > PINGREQ
            c1 24.3  > PINGREQ
            c1 30.0  > closed";
        Trace::of(Vantage::ClientLog).rounds(4, 40.0, lines).does_not_find("KA12");
    }

    #[test]
    fn alike_the_machine_slept() {
        let lines = "
            c1 0.0   open 10.0.1.2:34060 10.0.2.9:1883
            c1 0.1   > CONNECT id=laptop k=60
            c1 0.2   < CONNACK
            c1 5000  > PINGREQ
            c1 5000.1 < rst";
        Trace::plain().rounds(4, 6000.0, lines).does_not_find("KA12");
    }

    #[test]
    fn alike_the_broker_closes_for_its_keep_alive() {
        let lines = "
            c1 0.0   open 10.0.1.2:34060 10.0.2.9:1883
            c1 0.1   > CONNECT id=meter k=60
            c1 0.2   < CONNACK
            c1 90.2  < fin";
        Trace::plain().rounds(4, 100.0, lines).does_not_find("KA12");
    }

    #[test]
    fn alike_a_program_that_stands_still() {
        // Recorded: frozen for 30 s again and again, with a keep-alive of 10 s.
        let lines = "
            c1 0.0   open 10.0.1.2:34060 10.0.2.9:1883
            c1 0.1   > CONNECT id=meter k=10
            c1 0.2   < CONNACK
            c1 34.2  < fin";
        Trace::of(Vantage::ClientLog).rounds(4, 40.0, lines).does_not_find("KA12");
    }

    #[test]
    fn alike_a_broker_that_crashes_every_eight_seconds() {
        let lines = "
            c1 0.0   open 10.0.1.2:34060 10.0.2.9:1883
            c1 0.1   > CONNECT id=meter k=20
            c1 0.2   < CONNACK
            c1 8.0   < fin";
        Trace::plain().rounds(4, 10.0, lines).does_not_find("KA12");
    }
}
