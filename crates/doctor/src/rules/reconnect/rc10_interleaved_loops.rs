//! RC10: two reconnect loops work on one client.

use crate::rule::guards;
use crate::rule::prelude::*;

const SPREAD: Threshold = Threshold {
    name: "RC10.spread_percent",
    value: 5,
    reason: "timers of one length differ by less",
};
const EACH: Threshold = Threshold {
    name: "RC10.delays_each",
    value: 4,
    reason: "fewer delays of one length may be chance",
};
const LEAST: Threshold = Threshold {
    name: "RC10.least_ms",
    value: 50,
    reason: "who tries again sooner waits for no timer",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "RC10",
        slug: "interleaved-loops",
        severity: Severity::Error,
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::ClientLog, Vantage::BrokerLog, Vantage::ClientEvents],
            support: &[],
        },
        rounds: 1,
        sees: "The client reconnects in two rhythms at once.",
        why: "The delays before its connections have two lengths, each exact, mixed with each \
              other: two timers reconnect one client, such as the library's and the \
              application's own.",
        fix: "Let one part reconnect, and switch the other off.",
        raises: "A longer record; the client's log.",
        explains: &["RC03", "RC04"],
        references: &["https://github.com/Yeraze/meshmonitor/pull/3241"],
        thresholds: &[SPREAD, EACH, LEAST],
        ..Meta::EMPTY
    },
    on: &[On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    // Two addresses are two programs: ID01.
    if view.client.hosts.len() > 1 {
        return;
    }
    let row = guards::failed_row(view, Duration::MAX, usize::MAX);
    let each = usize::try_from(view.number(&EACH)).unwrap_or(usize::MAX);
    let Some(delays) = guards::delays(&row).filter(|it| it.len() / 2 >= each) else { return };
    let mut sorted = delays.clone();
    sorted.sort_unstable();
    // The widest gap, as a ratio, divides the short ones from the long ones.
    let gaps = sorted.iter().zip(sorted.iter().skip(1)).enumerate();
    let ratio = |(one, next): (&Duration, &Duration)| {
        next.as_micros().saturating_mul(1000) / one.as_micros().max(1)
    };
    let Some(at) = gaps.max_by_key(|(_, pair)| ratio(*pair)).map(|(at, _)| at + 1) else { return };
    let (short, long) = sorted.split_at(at);
    let percent = u32::try_from(view.number(&SPREAD)).unwrap_or(u32::MAX);
    let exact = |all: &[Duration]| {
        all.len() >= each
            && steady(all, percent)
            && view.source.tells(median(all).saturating_mul(percent) / 100)
    };
    let (one, other) = (median(short), median(long));
    let is_short = |delay: &Duration| delay.abs_diff(one) < delay.abs_diff(other);
    let turns = delays.iter().zip(delays.iter().skip(1));
    let turns = turns.filter(|(one, next)| is_short(one) != is_short(next)).count();
    // A delay that doubles and begins anew has two lengths as well.
    let doubles = alike(one * 2, other, percent);
    let timers = one >= view.millis(&LEAST);
    if timers && exact(short) && exact(long) && !alike(one, other, 20) && !doubles && turns >= 3 {
        let sentence = format!(
            "it reconnects by two timers: {} delays of {:.2} s and {} of {:.2} s, mixed",
            short.len(),
            one.as_secs_f64(),
            long.len(),
            other.as_secs_f64(),
        );
        let mut hit = Hit::new(sentence);
        for round in row.iter().rev().take(4).rev() {
            hit = hit.at(round.beginning(), "another connection");
        }
        hits.add(hit);
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    /// Connections of two seconds with these delays between them.
    fn row(vantage: Vantage, delays: &[f64], host: fn(usize) -> usize) -> Trace {
        let mut at = 0.0;
        let mut trace = Trace::of(vantage);
        for (n, delay) in delays.iter().chain([&0.0]).enumerate() {
            let lines = format!(
                "c{n} 0 open 10.0.0.{}:5000 10.0.0.9:1883\nc{n} 0.1 > CONNECT id=pump
                 c{n} 0.2 < CONNACK\nc{n} 2 < rst",
                host(n),
            );
            trace = trace.after(at, &lines);
            at += 2.0 + delay;
        }
        trace
    }

    #[test]
    fn true_two_rhythms() {
        for vantage in
            [Vantage::Plain, Vantage::ClientLog, Vantage::BrokerLog, Vantage::ClientEvents]
        {
            let delays = [1.0, 5.0, 5.0, 1.0, 1.01, 5.02, 1.0, 5.0];
            row(vantage, &delays, |_| 1).finds_at_least("RC10", Confidence::Shown);
        }
    }

    #[test]
    fn alike_two_addresses() {
        let delays = [1.0, 5.0, 5.0, 1.0, 1.01, 5.02, 1.0, 5.0];
        row(Vantage::Plain, &delays, |n| n % 2).does_not_find("RC10");
    }

    #[test]
    fn alike_doubling_that_begins_anew() {
        let delays = [1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0];
        row(Vantage::Plain, &delays, |_| 1).does_not_find("RC10");
    }

    #[test]
    fn alike_another_setting_from_some_time_on() {
        let delays = [1.0, 1.0, 1.0, 1.0, 5.0, 5.0, 5.0, 5.0];
        row(Vantage::Plain, &delays, |_| 1).does_not_find("RC10");
    }
}
