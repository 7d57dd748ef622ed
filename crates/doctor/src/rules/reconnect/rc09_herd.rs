//! RC09: after an outage all clients come back at once.

use crate::rule::prelude::*;

const CLIENTS: Threshold =
    Threshold { name: "RC09.clients", value: 10, reason: "with fewer clients a wave harms nobody" };
const TIMES: Threshold = Threshold {
    name: "RC09.times_uniform",
    value: 5,
    reason: "so much above an even spread over 30 s a second has no place by chance",
};
/// The time over which clients should spread, and for which an outage counts.
const SPREAD: Duration = Duration::from_secs(30);
const OUTAGE: Duration = Duration::from_secs(120);

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "RC09",
        slug: "herd",
        severity: Severity::Warn,
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::BrokerLog],
            support: &[],
        },
        rounds: 1,
        sees: "After a restart the broker is down again, or refuses connections for a while.",
        why: "Many clients lost their connections together, and half of them or more came back \
              within one second: their delays have no random part.",
        fix: "Let each client wait for a random time before its first reconnect, and add a random \
              part to the later ones.",
        raises: "A second outage in the record.",
        explains: &[],
        references: &[
            "https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/",
        ],
        thresholds: &[CLIENTS, TIMES],
        ..Meta::EMPTY
    },
    on: &[On::Open],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event.filter(|event| matches!(event.what, What::Opening { .. })) else {
        return;
    };
    let second = Duration::from_secs(1);
    let newest = view.all.beginnings.iter().rev();
    let peak = newest.take_while(|it| view.now.since(it.at) <= second).count() as u64;
    if peak < view.number(&CLIENTS) / 2 {
        return;
    }
    // Those that lost their connection within five seconds of each other.
    let Some(last) = view.all.loss else { return };
    if view.now.since(last.at) > OUTAGE {
        return;
    }
    let together = Duration::from_secs(5);
    let least = usize::try_from(view.number(&CLIENTS)).unwrap_or(usize::MAX);
    let window = view.now.since(last.at) + together;
    let lost = view.all.ended_within(window, view.now, least, |ending| {
        !ending.goodbye && last.at.since(ending.at) <= together
    }) as u64;
    let even = lost.saturating_mul(view.number(&TIMES)).div_ceil(SPREAD.as_secs());
    // Told once, as the wave reaches what is too much.
    if lost >= view.number(&CLIENTS) && peak == even.max(lost.div_ceil(2)) {
        let sentence = format!(
            "it is one of a herd: {lost} clients lost their connections together, and {peak} \
             connections began within one second",
        );
        let hit = Hit::new(sentence).at(last.moment(), "all connections have ended");
        hits.add(hit.event(event, "they come back at once"));
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    /// Twelve clients whose connections end at 100 s; `back(n)` is when client
    /// n begins anew.
    fn outage(vantage: Vantage, end: &str, back: impl Fn(u32) -> f64) -> Trace {
        let mut trace = Trace::of(vantage);
        for n in 0..12 {
            let begin =
                format!("c{n} 0 open 10.0.0.{n}:5000 10.0.1.1:1883\nc{n} 0.1 > CONNECT id=p{n}");
            trace = trace.after(f64::from(n), &begin);
        }
        for n in 0..12 {
            trace = trace.after(100.0, &format!("c{n} 0.0{n} {end}").replace("0.01", "0.1"));
        }
        for n in 0..12 {
            trace = trace.after(back(n), &format!("c{n} 0 open 10.0.0.{n}:5001 10.0.1.1:1883"));
        }
        trace
    }

    #[test]
    fn true_all_at_once() {
        for vantage in [Vantage::Plain, Vantage::Encrypted, Vantage::BrokerLog] {
            let trace = outage(vantage, "< fin", |n| 105.0 + f64::from(n) * 0.01);
            trace.finds_at_least("RC09", Confidence::Inferred);
        }
    }

    #[test]
    fn alike_they_spread() {
        outage(Vantage::Plain, "< fin", |n| 101.0 + f64::from(n) * 2.0).does_not_find("RC09");
    }

    #[test]
    fn alike_five_of_twelve_in_a_second() {
        let back = |n| if n < 5 { 105.0 } else { 106.0 + f64::from(n) * 2.0 };
        outage(Vantage::Plain, "< fin", back).does_not_find("RC09");
    }

    #[test]
    fn alike_a_job_that_ends_and_begins_anew() {
        let goodbye = "> DISCONNECT\nc9 0.5 > window-open";
        let trace = outage(Vantage::Plain, goodbye, |n| 105.0 + f64::from(n) * 0.01);
        trace.does_not_find("RC09");
    }
}
