//! KA09: the time to the next ping counts from the answer to the last one.

use crate::rule::prelude::*;
use crate::track::Ping;

const TRIP: Threshold = Threshold {
    name: "KA09.round_trip_percent",
    value: 10,
    reason: "with faster answers the two ways to count cannot be told apart",
};
const SPREAD: Threshold =
    Threshold { name: "KA09.spread_percent", value: 5, reason: "timers are more exact than that" };
const TIMES: Threshold =
    Threshold { name: "KA09.times", value: 3, reason: "once or twice may be chance" };

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "KA09",
        slug: "ping-counted-from-answer",
        severity: Severity::Warn,
        vantages: Vantages { show: &[Vantage::Plain, Vantage::Encrypted], support: &[] },
        sees: "On slow networks the broker drops the client now and then for its keep-alive.",
        why: "The client starts its timer as the PINGRESP arrives, not as it sends. The pings \
              are then one keep-alive and one round trip apart: with slow answers more than the \
              broker accepts.",
        fix: "Count the keep-alive from the last packet that was sent.",
        raises: "A capture in the clear; answers of different speed.",
        explains: &[],
        references: &["MQTT-3.1.2-23", "https://github.com/eclipse-paho/paho.mqtt.embedded-c"],
        thresholds: &[TRIP, SPREAD, TIMES],
        ..Meta::EMPTY
    },
    on: &[On::Ping],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(connection) = view.connection.filter(|it| !it.tcp.paths.has_gaps()) else { return };
    let pings = &connection.mqtt.pings;
    let spread = u32::try_from(view.number(&SPREAD)).unwrap_or(u32::MAX);
    let trip = u32::try_from(view.number(&TRIP)).unwrap_or(u32::MAX);
    // Only pings between which nothing else was sent.
    let pairs = pings.recent.iter().zip(pings.recent.iter().skip(1));
    let lone = pairs.filter(|(one, next)| next.last_sent == Some(one.asked));
    let gaps: Vec<(Duration, Duration, Duration, &Ping)> = lone
        .filter_map(|(one, next)| {
            let answered = one.answered.filter(|answer| *answer <= next.asked)?;
            let (sent, heard) = (next.asked.since(one.asked), next.asked.since(answered));
            Some((sent, heard, one.round_trip()?, next))
        })
        .collect();
    let heard: Vec<Duration> = gaps.iter().map(|gap| gap.1).collect();
    let sealed = view.is(Vantage::Encrypted);
    let said = if sealed { Some(median(&heard)) } else { connection.keep_alive() };
    let Some(keep_alive) = said.filter(|it| *it >= Duration::from_secs(1)) else { return };
    let from_answer = gaps.iter().filter(|(_, heard, took, _)| {
        *took > keep_alive * trip / 100 && alike(*heard, keep_alive, spread)
    });
    let found: Vec<&Ping> = from_answer.map(|gap| gap.3).collect();
    // Without the keep-alive, what is constant tells: answers must differ.
    let sent: Vec<Duration> = gaps.iter().map(|gap| gap.0).collect();
    let told = !sealed || (steady(&heard, spread) && !steady(&sent, spread));
    if found.len() as u64 >= view.number(&TIMES) && told {
        let sentence = format!(
            "it counts its keep-alive from the answer: its pings come {:.1} s after PINGRESP, but \
             up to {:.1} s after the ping before",
            median(&heard).as_secs_f64(),
            sent.iter().max().copied().unwrap_or_default().as_secs_f64(),
        );
        let mut hit = Hit::new(sentence).rounds(1);
        for ping in found.iter().take(4) {
            hit = hit.ping(ping, "PINGREQ, counted from the last answer");
        }
        hits.add(hit);
    }
}

#[cfg(test)]
mod tests {
    use crate::Confidence;
    use crate::trace::Trace;

    const FROM_ANSWER: &str = "
        c1 0   open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump k=20
        c1 0.2 < CONNACK
        c1 20  > PINGREQ
        c1 23  < PINGRESP
        c1 43  > PINGREQ
        c1 52  < PINGRESP
        c1 72  > PINGREQ
        c1 76  < PINGRESP
        c1 96  > PINGREQ
        c1 96.5 < PINGRESP";

    #[test]
    fn true_one_keep_alive_after_the_answer() {
        Trace::plain().lines(FROM_ANSWER).finds_at_least("KA09", Confidence::Shown);
    }

    #[test]
    fn true_under_tls() {
        let lines = FROM_ANSWER
            .replace("CONNECT id=pump k=20", "sealed")
            .replace("CONNACK", "sealed")
            .replace("PING", "~PING");
        Trace::encrypted().lines(&lines).finds_at_least("KA09", Confidence::Inferred);
    }

    #[test]
    fn alike_counted_from_the_ping() {
        let lines = FROM_ANSWER.replace("c1 43 ", "c1 40 ").replace("c1 72 ", "c1 60 ");
        let lines = lines.replace("c1 96 ", "c1 80 ").replace("c1 52 ", "c1 49 ");
        let lines = lines.replace("c1 76 ", "c1 64 ").replace("c1 96.5", "c1 80.5");
        Trace::plain().lines(&lines).does_not_find("KA09");
    }

    #[test]
    fn alike_fast_answers() {
        let lines = FROM_ANSWER.replace("c1 23 ", "c1 21.5 ").replace("c1 43 ", "c1 41.5 ");
        let lines = lines.replace("c1 52 ", "c1 43 ").replace("c1 72 ", "c1 63 ");
        let lines = lines.replace("c1 76 ", "c1 64.5 ").replace("c1 96 ", "c1 84.5 ");
        let lines = lines.replace("c1 96.5", "c1 86");
        Trace::plain().lines(&lines).does_not_find("KA09");
    }
}
