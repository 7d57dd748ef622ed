//! RC05: the client opens a connection before it has closed the one before.

use crate::rule::guards;
use crate::rule::prelude::*;
use crate::track::{Swap, swaps};

const TIMES: Threshold = Threshold {
    name: "RC05.times",
    value: 2,
    reason: "once, the old connection may have been dead",
};
const WITHIN: Threshold = Threshold {
    name: "RC05.within_ms",
    value: 2000,
    reason: "a broker closes the old connection as the new CONNECT arrives, or soon after",
};

/// No client that waits at all connects twice within this time.
const AT_ONCE: Duration = Duration::from_millis(100);
/// More connections than the queue of a broker's port holds.
const QUEUE: u32 = 256;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "RC05",
        slug: "overlapping-own-connections",
        severity: Severity::Error,
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::BrokerLog],
            support: &[],
        },
        sees: "The broker says \"already connected\" again and again, with one address.",
        why: "The client connects anew while its old connection is alive. The broker closes the \
              old one, the client takes that for a loss and reconnects: it fights with itself. \
              Mostly two parts of one program reconnect, such as a library and its caller.",
        fix: "Let one part own the connection. Close the old connection, and wait for its end, \
              before a new one is opened; switch off either the library's reconnect or your own.",
        raises: "A capture in the clear, or the client's log.",
        explains: &["RC01", "RC03", "RC04", "RC10", "ID02", "ID06", "PR01"],
        references: &["MQTT-3.1.4-3", "https://github.com/mqttjs/MQTT.js/issues/476"],
        thresholds: &[TIMES, WITHIN],
        ..Meta::EMPTY
    },
    on: &[On::Connect, On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    if let (Some(connection), Some(event)) = (view.connection, view.event)
        && connection.mqtt.connects >= 2
        && matches!(event.what, What::Packet { packet: PacketSeen::Connect(_), .. })
    {
        let hit =
            Hit::new("it sends a second CONNECT on one connection").class("on one connection");
        hits.add(hit.event(event, "another CONNECT"));
        return;
    }
    if !view.may_have_swaps() {
        return;
    }
    let open = view.open();
    let lives = view.lives(&open);
    let within = view.millis(&WITHIN).max(view.source.resolution * 2);
    let swaps = swaps(&lives, within, view.source.vantage.is_wire());
    let own: Vec<&Swap<'_>> = swaps.iter().filter(|swap| own(view, swap)).collect();
    let Some(newest) = own.last() else { return };
    let moment = view.connection.and_then(|it| it.tcp.opened);
    let news = moment == newest.old.opened || moment == newest.new.opened;
    // A host with many clients has connections that overlap without an end.
    let overlaps = lives.iter().zip(lives.iter().skip(1)).filter(|(one, next)| {
        one.end.is_none_or(|end| next.began().is_some_and(|began| began < end.at))
    });
    let alone = !view.is(Vantage::Encrypted) || overlaps.count() <= own.len();
    if own.len() as u64 >= view.number(&TIMES) && news && alone {
        let sentence = format!(
            "it connects again before its old connection has ended: {} times the broker closed a \
             connection of it that was alive",
            own.len(),
        );
        let mut hit = Hit::new(sentence).rounds(1);
        for swap in own.iter().rev().take(3).rev() {
            hit = hit.at(swap.new.said.connect.or(swap.new.opened), "it connects again");
            hit = hit.end(swap.old.end.as_ref(), "the old connection is closed");
        }
        hits.add(hit);
    }
}

/// Both from one host, in the same words, and the old one was alive.
fn own(view: &View<'_>, swap: &Swap<'_>) -> bool {
    let say =
        |round: &Round| (round.client.host, round.said.credentials_digest, round.said.version);
    // What the server sent may have reached nobody.
    let newest = swap.old.last_sent();
    // A broker that hung takes many at once, of which only the last is alive, and logs them
    // as if they came then.
    let at_once = view.is(Vantage::BrokerLog)
        && view.client.ended <= QUEUE
        && swap.old.began().is_some_and(|began| swap.at.since(began) < AT_ONCE);
    let keep_alive = swap.old.said.keep_alive.or_else(|| guards::keep_alive(view));
    let bound = keep_alive.unwrap_or(Duration::from_secs(10));
    // What was under way as the path came back is no sign of life.
    let idle = swap.old.idle.longest_survived.max(swap.old.idle.before_silence.unwrap_or_default());
    let cut =
        keep_alive.is_some_and(|span| idle > span.saturating_mul(6) / 5 + Duration::from_secs(1));
    let alive = newest.is_some_and(|newest| swap.at.since(newest) < bound);
    let asks = |from: Moment| swap.at.since(from.at) >= Duration::from_secs(2);
    alive
        && !at_once
        && !cut
        && !swap.old.idle.silent_from.is_some_and(asks)
        && say(swap.old) == say(swap.new)
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    /// Every ten seconds a new connection; the one before ends just after.
    fn row(mut trace: Trace, connect: &str, connack: &str, last: &str) -> Trace {
        for n in 0..5 {
            let lines = format!(
                "c{n} 0 open 10.0.0.1:{} 10.0.0.9:1883
                 c{n} 0.1 > {connect}
                 c{n} 0.2 < {connack}\n",
                5000 + n,
            );
            trace = trace.after(f64::from(n) * 10.0, &lines);
            if n > 0 {
                let end = last.replace("OLD", &format!("c{}", n - 1));
                trace = trace.after(f64::from(n) * 10.0, &end);
            }
        }
        trace
    }

    #[test]
    fn true_fights_with_itself() {
        let told = "OLD 0.3 words taken-over\nOLD 0.3 < fin";
        for (vantage, end) in [(Vantage::Plain, "OLD 0.3 < fin"), (Vantage::BrokerLog, told)] {
            let trace = row(Trace::of(vantage), "CONNECT id=pump", "CONNACK", end);
            trace.finds_at_least("RC05", Confidence::Shown);
        }
    }

    #[test]
    fn true_under_tls() {
        let trace = row(Trace::encrypted(), "~CONNECT k=60", "~CONNACK", "OLD 0.3 < fin");
        trace.finds_at_least("RC05", Confidence::Inferred);
    }

    #[test]
    fn true_twice_on_one_connection() {
        let lines = "c1 0 open a b\nc1 0.1 > CONNECT id=pump\nc1 0.2 < CONNACK
            c1 1 > CONNECT id=pump\nc1 1.1 < fin";
        let finding = Trace::plain().rounds(2, 5.0, lines).finds("RC05");
        assert_eq!(finding.class, "on one connection");
    }

    #[test]
    fn true_under_tls_with_a_goodbye_of_the_server() {
        let end = "OLD 0.3 < ~PINGRESP\nOLD 0.31 > fin";
        let sealed = "OLD 0.3 < sealed bytes=2\nOLD 0.31 > fin";
        for end in [end, sealed, "OLD 0.3 < ~PINGRESP\nOLD 0.305 > ~DISCONNECT\nOLD 0.31 > fin"] {
            let trace = row(Trace::encrypted(), "~CONNECT k=60", "~CONNACK", end);
            trace.finds_at_least("RC05", Confidence::Inferred);
        }
        // Its own goodbye comes first: the server only answers.
        let own = "OLD 0.3 > ~DISCONNECT\nOLD 0.301 < sealed bytes=2\nOLD 0.302 > fin";
        row(Trace::encrypted(), "~CONNECT k=60", "~CONNACK", own).does_not_find("RC05");
        // The client's own end is another one.
        let trace = row(Trace::encrypted(), "~CONNECT k=60", "~CONNACK", "OLD 0.31 > fin");
        trace.does_not_find("RC05");
    }

    /// How long it may be idle is not known there: a long pause is no cut.
    #[test]
    fn true_under_tls_after_a_pause() {
        let end = "OLD 0.3 < fin";
        let trace = {
            (0..5).fold(Trace::encrypted(), |trace, n| {
                let (at, old) = (f64::from(n) * 60.0, format!("c{}", n - 1));
                let lines = format!(
                    "c{n} 0 open 10.0.0.1:{} 10.0.0.9:8883\nc{n} 0.1 > ~CONNECT\n\
                     c{n} 0.2 < ~CONNACK\nc{n} 30 > ~PINGREQ\nc{n} 30.1 < ~PINGRESP\n\
                     c{n} 59.5 > ~PINGREQ\nc{n} 59.6 < ~PINGRESP\n",
                    5000 + n,
                );
                let trace = trace.after(at, &lines);
                if n > 0 { trace.after(at, &end.replace("OLD", &old)) } else { trace }
            })
        };
        trace.finds_at_least("RC05", Confidence::Inferred);
    }

    #[test]
    fn alike_the_old_one_was_refused() {
        let trace = row(Trace::plain(), "CONNECT id=pump", "CONNACK code=3", "OLD 0.3 < fin");
        trace.does_not_find("RC05");
    }

    #[test]
    fn alike_the_old_one_was_dead() {
        let trace = row(Trace::plain(), "CONNECT id=pump k=5", "CONNACK", "OLD 0.3 < fin");
        trace.does_not_find("RC05");
    }

    #[test]
    fn alike_the_server_closed_before_for_another_reason() {
        let late = "OLD 0.05 < fin";
        row(Trace::plain(), "CONNECT id=pump", "CONNACK", late).does_not_find("RC05");
        let timeout = "OLD 0.3 words timeout\nOLD 0.3 < fin";
        let trace = row(Trace::of(Vantage::BrokerLog), "CONNECT id=pump", "CONNACK", timeout);
        trace.does_not_find("RC05");
    }

    #[test]
    fn alike_the_old_one_ends_first() {
        let trace = row(Trace::plain(), "CONNECT id=pump", "CONNACK", "OLD 0.05 > fin");
        trace.does_not_find("RC05");
    }

    #[test]
    fn alike_two_addresses() {
        let trace = row(Trace::plain(), "CONNECT id=pump", "CONNACK", "OLD 0.3 < fin");
        assert!(!trace.causes().contains(&"ID01"));
    }

    #[test]
    fn alike_a_broker_that_hung_and_takes_all_at_once() {
        let told = "OLD 10.1 words taken-over\nOLD 10.1 < fin";
        let lines = (0..5).fold(String::new(), |all, n| {
            let end = if n > 0 { told.replace("OLD", &format!("c{}", n - 1)) } else { "".into() };
            all + &format!(
                "c{n} 10.1 open 10.0.0.1:{} 10.0.0.9:1883\nc{n} 10.1 > CONNECT id=pump\n\
                 {end}\nc{n} 10.1 < CONNACK\n",
                5000 + n,
            )
        });
        Trace::of(Vantage::BrokerLog).lines(&lines).does_not_find("RC05");
    }

    /// So many at once that no queue holds them: it does not wait at all.
    #[test]
    fn true_a_storm_of_its_own() {
        let storm = |n: u32| {
            let each = |n: u32| {
                let (at, c, old) = (f64::from(n) * 0.002, n % 60, n.saturating_sub(1) % 60);
                let end = format!(
                    "c{old} {:.4} words taken-over\nc{old} {:.4} < fin\n",
                    at + 0.001,
                    at + 0.001
                );
                let begin = format!(
                    "c{c} {at:.4} open 10.0.0.1:{} b:1883\nc{c} {:.4} > CONNECT id=pump k=60\n\
                     c{c} {:.4} < CONNACK\n",
                    5000 + n,
                    at + 0.0005,
                    at + 0.0005
                );
                begin + if n > 0 { &end } else { "" }
            };
            Trace::of(Vantage::BrokerLog).lines(&(0..n).map(each).collect::<String>())
        };
        storm(300).finds_at_least("RC05", Confidence::Shown);
        storm(200).does_not_find("RC05");
    }

    #[test]
    fn alike_what_was_under_way_as_the_path_came_back() {
        let late = "OLD 0.05 > PINGREQ\nOLD 0.06 < PINGRESP\nOLD 0.3 < fin";
        let trace = row(Trace::plain(), "CONNECT id=pump k=5", "CONNACK", late);
        trace.does_not_find("RC05");
    }
}
