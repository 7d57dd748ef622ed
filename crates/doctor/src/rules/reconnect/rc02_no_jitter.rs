//! RC02: delays double exactly, without a random part.

use crate::rule::guards;
use crate::rule::prelude::*;

const SPREAD: Threshold = Threshold {
    name: "RC02.spread_percent",
    value: 3,
    reason: "a random part makes ratios differ by far more",
};
const RATIOS: Threshold =
    Threshold { name: "RC02.ratios", value: 3, reason: "fewer ratios of two may be chance" };
const SHORT: Threshold =
    Threshold { name: "RC02.short_s", value: 30, reason: "who lived longer begins anew" };

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "RC02",
        slug: "no-jitter",
        severity: Severity::Info,
        vantages: Vantages { show: &Vantage::ALL, support: &[] },
        rounds: 1,
        sees: "After an outage all devices come back in waves.",
        why: "The delays double exactly. Clients that lost their connections together then try \
              again together, each time.",
        fix: "Choose each delay at random, from zero or from half up to the doubled value.",
        raises: "A longer outage in the record: more delays.",
        explains: &["RC09"],
        references: &[
            "https://docs.aws.amazon.com/iot/latest/developerguide/device-advisor-tests-mqtt.html",
        ],
        thresholds: &[SPREAD, RATIOS, SHORT],
        ..Meta::EMPTY
    },
    on: &[On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let wanted = usize::try_from(view.number(&RATIOS)).unwrap_or(usize::MAX).saturating_add(1);
    let newest = guards::failed_row(view, view.seconds(&SHORT), wanted.saturating_add(1));
    let Some(delays) = guards::delays(&newest).filter(|delays| delays.len() >= wanted) else {
        return;
    };
    let percent = u32::try_from(view.number(&SPREAD)).unwrap_or(u32::MAX);
    let doubles = |(one, next): (&Duration, &Duration)| {
        view.source.tells(one.saturating_mul(percent) / 100) && alike(*one * 2, *next, percent)
    };
    if delays.iter().zip(delays.iter().skip(1)).all(doubles) {
        let seconds: Vec<_> = delays.iter().map(|it| format!("{:.2}", it.as_secs_f64())).collect();
        let sentence =
            format!("doubles its delays exactly, without a random part: {} s", seconds.join(", "));
        let mut hit = Hit::new(sentence);
        for round in newest.iter().skip(1).take(4) {
            hit = hit.at(round.beginning(), "another try");
        }
        hits.add(hit);
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    /// Connections that fail at once, at these times.
    fn tries(vantage: Vantage, at: &[f64]) -> Trace {
        at.iter().enumerate().fold(Trace::of(vantage), |trace, (n, at)| {
            let lines = "c1 0 open 10.0.0.1:5000 10.0.0.9:1883\nc1 0.001 refused";
            trace.after(*at, &lines.replace("c1", &alloc::format!("c{n}")))
        })
    }

    #[test]
    fn true_doubling_in_every_source() {
        for vantage in Vantage::ALL {
            let trace = tries(vantage, &[0.0, 1.0, 3.0, 7.0, 15.0]);
            trace.finds_at_least("RC02", Confidence::Inferred);
        }
    }

    #[test]
    fn alike_doubling_with_a_random_part() {
        tries(Vantage::Plain, &[0.0, 0.8, 2.9, 6.3, 15.0]).does_not_find("RC02");
    }

    #[test]
    fn alike_three_delays_only() {
        tries(Vantage::Plain, &[0.0, 1.0, 3.0, 7.0]).does_not_find("RC02");
    }
}
