//! RC01: the delay before a reconnect does not grow.

use crate::rule::guards::{self, Pauses};
use crate::rule::prelude::*;

const FAILED: Threshold = Threshold {
    name: "RC01.rounds",
    value: 5,
    reason: "an exponential delay has grown sixteen-fold by then",
};
const SHORT: Threshold = Threshold {
    name: "RC01.short_s",
    value: 30,
    reason: "a connection that lived longer may begin again with the first delay",
};
const SPREAD: Threshold = Threshold {
    name: "RC01.spread_percent",
    value: 10,
    reason: "timers of one length differ by less, delays with jitter by more",
};
/// From here on a constant delay may be the end of one that grew.
const CAPPED: Duration = Duration::from_secs(60);

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "RC01",
        slug: "no-backoff",
        severity: Severity::Error,
        vantages: Vantages { show: &Vantage::ALL, support: &[] },
        sees: "The client reconnects every second or so, for hours.",
        why: "Connection after connection fails, and the delay before the next one stays the \
              same, or grows by the same step. A fleet that does so keeps a broker down that \
              tries to come back, and is throttled or banned by cloud brokers.",
        fix: "Let the delay grow exponentially with a random part, up to a minute or more, and \
              begin anew only after a connection that lived long. MQTT.js has a constant \
              `reconnectPeriod`: set it anew on each `close`.",
        raises: "A longer record: more failed connections in a row.",
        explains: &["RC03", "RC04", "RC09", "AW02", "SV04"],
        references: &[
            "https://docs.aws.amazon.com/iot/latest/developerguide/device-advisor-tests-mqtt.html",
        ],
        thresholds: &[FAILED, SHORT, SPREAD],
        ..Meta::EMPTY
    },
    on: &[On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let row = guards::failed_row(view, view.seconds(&SHORT), usize::MAX);
    if (row.len() as u64) < view.number(&FAILED) {
        return;
    }
    let Some(Pauses { spans: delays, from_ends }) = guards::pauses(&row) else { return };
    let seen_from_the_start = view.client.ended as usize == view.client.rounds.len();
    if median(&delays) >= CAPPED && !seen_from_the_start {
        return;
    }
    let percent = u32::try_from(view.number(&SPREAD)).unwrap_or(u32::MAX);
    let seconds = |delay: Option<&Duration>| delay.map_or(0.0, Duration::as_secs_f64);
    let typical = median(&delays).as_secs_f64();
    let (first, last) = (seconds(delays.first()), seconds(delays.last()));
    let constant = guards::constant(view, &delays, percent);
    if !constant && !linear(view, &delays, percent) {
        return;
    }
    let how = match (constant, from_ends) {
        (true, true) => format!("each about {typical:.2} s after the end before"),
        (true, false) => format!("one about every {typical:.2} s; when they ended is not logged"),
        (false, true) => {
            format!("after delays that grow by one step, from {first:.1} s to {last:.1} s")
        }
        (false, false) => {
            format!("each later after the one before by one step, from {first:.1} s to {last:.1} s")
        }
    };
    let sentence =
        format!("it reconnects without back-off: {} short connections, {how}", row.len());
    let mut hit = Hit::new(sentence).rounds(1);
    for round in row.iter().rev().take(4).rev() {
        hit = hit.at(round.beginning(), "a short connection begins");
    }
    hits.add(hit);
}

/// Whether the delays grow, each by the same step.
fn linear(view: &View<'_>, delays: &[Duration], percent: u32) -> bool {
    let steps = delays.iter().zip(delays.iter().skip(1));
    let steps: Option<Vec<Duration>> = steps.map(|(one, next)| next.checked_sub(*one)).collect();
    steps.is_some_and(|steps| {
        let typical = median(&steps);
        steps.len() >= 3
            && view.source.tells(typical.saturating_mul(percent) / 100)
            && typical > view.slack()
            && steps.iter().all(|step| alike(*step, typical, percent))
    })
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use evenkeel_profile::Profile;

    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const SHORT: &str = "
        c1 0   open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump
        c1 0.2 < CONNACK
        c1 2.0 < fin";

    /// The same connection after each of these delays.
    fn after(vantage: Vantage, delays: &[f64], lines: &str) -> Trace {
        let mut at = 0.0;
        let mut trace = Trace::of(vantage).lines(lines);
        for (n, delay) in delays.iter().enumerate() {
            at += 2.0 + delay;
            trace = trace.after(at, &lines.replace("c1 ", &alloc::format!("c{} ", n + 2)));
        }
        trace
    }

    #[test]
    fn true_constant_in_every_source() {
        for vantage in Vantage::ALL {
            let lines = match vantage {
                Vantage::Encrypted => SHORT.replace("CONNECT id=pump", "sealed"),
                _ => SHORT.into(),
            };
            let lines = match vantage {
                Vantage::Encrypted => lines.replace("CONNACK", "sealed bytes=4"),
                _ => lines,
            };
            let trace = after(vantage, &[1.0, 1.01, 0.99, 1.0], &lines);
            trace.finds_at_least("RC01", Confidence::Inferred);
        }
    }

    #[test]
    fn true_never_comes_up() {
        let lines = "c1 0 open 10.0.0.1:5000 10.0.0.9:1883\nc1 2.0 refused";
        let finding = after(Vantage::Plain, &[5.0; 4], lines).finds("RC01");
        assert_eq!(finding.confidence, Confidence::Shown);
    }

    #[test]
    fn true_linear() {
        let finding = after(Vantage::Plain, &[10.0, 20.0, 30.0, 40.0], SHORT).finds("RC01");
        assert!(finding.sentence.contains("one step"), "{}", finding.sentence);
    }

    /// As paho's log and mosquitto_sub's: the next CONNECT tells of the end.
    fn without_ends(begun: &[f64]) -> Trace {
        let mut trace = Trace::of(Vantage::ClientLog);
        for (n, at) in begun.iter().enumerate() {
            let (old, new) = (n + 10, n + 11);
            let lines = alloc::format!(
                "c{old} 0 ended\nc{new} 0 open - -\nc{new} 0 > CONNECT id=pump\nc{new} 0.1 < CONNACK"
            );
            trace = trace.after(*at, &lines);
        }
        trace
    }

    #[test]
    fn true_in_a_log_without_ends() {
        let finding = without_ends(&[0.0, 3.0, 6.0, 9.0, 12.0, 15.0]).finds("RC01");
        assert!(finding.sentence.contains("one about every 3.00 s"), "{}", finding.sentence);
    }

    /// All that is known of a log without times is the order of its lines.
    #[test]
    fn alike_without_times() {
        let year = Duration::from_secs(86_400 * 365);
        let mut trace = Trace::with(Vantage::BrokerLog, Profile::empty(), year);
        for n in 0..12 {
            let lines =
                ["open 10.0.0.1:5000 10.0.0.9:1883", "> CONNECT id=pump", "< CONNACK", "< fin"];
            let lines = lines.map(|line| alloc::format!("c{n} 0 {line}\n")).concat();
            trace = trace.lines(&lines);
        }
        trace.finds_nothing();
    }

    #[test]
    fn alike_exponential_in_a_log_without_ends() {
        without_ends(&[0.0, 1.0, 3.0, 7.0, 15.0, 31.0]).finds_nothing();
    }

    #[test]
    fn alike_exponential() {
        after(Vantage::Plain, &[1.0, 2.0, 4.0, 8.0, 16.0], SHORT).does_not_find("RC01");
    }

    #[test]
    fn alike_jitter() {
        after(Vantage::Plain, &[1.0, 0.4, 2.9, 1.2, 3.3], SHORT).does_not_find("RC01");
    }

    #[test]
    fn alike_four_rounds() {
        after(Vantage::Plain, &[1.0, 1.0, 1.0], SHORT).does_not_find("RC01");
    }

    #[test]
    fn alike_each_lived_long() {
        let lines = SHORT.replace("c1 2.0", "c1 32.0");
        Trace::plain().rounds(8, 33.0, &lines).does_not_find("RC01");
    }

    #[test]
    fn alike_a_publisher_that_connects_for_each_message() {
        let lines = SHORT.replace("c1 2.0", "c1 1.9 > DISCONNECT\nc1 2.0");
        after(Vantage::Plain, &[1.0; 8], &lines).does_not_find("RC01");
    }

    #[test]
    fn alike_a_look_whether_the_port_is_open() {
        let lines = "c1 0 open 10.0.0.1:5000 10.0.0.9:1883\nc1 0.01 > fin";
        after(Vantage::Plain, &[2.0; 20], lines).does_not_find("RC01");
        after(Vantage::Plain, &[2.0; 20], lines).does_not_find("RC04");
    }
}
