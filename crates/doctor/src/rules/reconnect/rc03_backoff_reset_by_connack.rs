//! RC03: each CONNACK begins the delays anew.

use crate::rule::guards;
use crate::rule::prelude::*;

const ROUNDS: Threshold = Threshold {
    name: "RC03.rounds",
    value: 3,
    reason: "three delays in a row that do not grow are seldom chance",
};
const SHORT: Threshold = Threshold {
    name: "RC03.short_s",
    value: 30,
    reason: "who lived longer may begin anew with the first delay",
};
const GROWTH: Threshold = Threshold {
    name: "RC03.growth_percent",
    value: 120,
    reason: "a delay that grows at all grows by half or more",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "RC03",
        slug: "backoff-reset-by-connack",
        severity: Severity::Error,
        vantages: Vantages { show: &Vantage::ALL, support: &[] },
        sees: "The client connects, is closed a moment later, and is back at once, again and \
               again.",
        why: "Each connection gets its CONNACK and then ends soon. The client takes CONNACK for \
              success and begins its delays anew, so its back-off never grows although nothing \
              works.",
        fix: "Begin the delays anew only after a connection that lived for 30 s or more and had \
              an answer to something else than CONNECT.",
        raises: "A longer record: more such connections in a row.",
        explains: &["RC04", "AW02"],
        references: &["law R3 of ARCHITECTURE.md"],
        thresholds: &[ROUNDS, SHORT, GROWTH],
        ..Meta::EMPTY
    },
    on: &[On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let row = guards::failed_row(view, view.seconds(&SHORT));
    let rounds = usize::try_from(view.number(&ROUNDS)).unwrap_or(usize::MAX);
    let newest = row.get(row.len().saturating_sub(rounds.saturating_add(1))..).unwrap_or_default();
    // A ping comes after CONNACK: under TLS it shows that there was one.
    let accepted = |round: &Round| round.accepted() || round.pings > 0;
    if newest.len() <= rounds || !newest.iter().copied().all(accepted) {
        return;
    }
    let Some(delays) = guards::delays(newest) else { return };
    let percent = u32::try_from(view.number(&GROWTH)).unwrap_or(u32::MAX);
    let blur = view.slack();
    let grew = |(one, next): (&Duration, &Duration)| *next > *one * percent / 100 + blur;
    let (least, most) = (delays.iter().min(), delays.iter().max());
    // Delays drawn at random differ by more.
    let alike = least.zip(most).is_some_and(|(least, most)| *most <= *least * 2 + blur);
    if !alike || delays.iter().zip(delays.iter().skip(1)).any(grew) {
        return;
    }
    let sentence = format!(
        "it begins its delays anew with each CONNACK: {} accepted connections ended within {} s, and \
         the delay stayed at {:.2} s",
        newest.len(),
        view.number(&SHORT),
        median(&delays).as_secs_f64(),
    );
    let mut hit = Hit::new(sentence).rounds(1);
    for round in newest {
        if let Some(end) = round.end {
            hit = hit.end(&end, "ends soon after CONNACK");
        }
    }
    hits.add(hit);
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const SHORT: &str = "
        c1 0   open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump k=1
        c1 0.2 < CONNACK
        c1 1.2 > PINGREQ
        c1 1.3 < PINGRESP
        c1 2.0 < fin";

    #[test]
    fn true_accepted_and_closed() {
        for vantage in Vantage::ALL {
            let lines = match vantage {
                Vantage::Encrypted => SHORT
                    .replace("CONNECT id=pump k=1", "sealed")
                    .replace("CONNACK", "sealed bytes=4")
                    .replace("PING", "~PING"),
                _ => SHORT.into(),
            };
            let trace = Trace::of(vantage).rounds(4, 4.0, &lines);
            trace.finds_at_least("RC03", Confidence::Inferred);
        }
    }

    #[test]
    fn alike_three_rounds() {
        Trace::plain().rounds(3, 4.0, SHORT).does_not_find("RC03");
    }

    #[test]
    fn alike_the_delay_grows() {
        let mut trace = Trace::plain();
        for (n, at) in [0.0, 3.0, 7.0, 13.0, 23.0].into_iter().enumerate() {
            trace = trace.after(at, &SHORT.replace("c1 ", &alloc::format!("c{n} ")));
        }
        trace.does_not_find("RC03");
    }

    #[test]
    fn alike_refused() {
        let lines = "c1 0 open 10.0.0.1:5000 10.0.0.9:1883\nc1 0.1 > CONNECT id=pump
            c1 0.2 < CONNACK code=3\nc1 2.0 < fin";
        Trace::plain().rounds(6, 4.0, lines).does_not_find("RC03");
    }

    #[test]
    fn alike_goodbyes() {
        let lines = SHORT.replace("c1 2.0", "c1 1.9 > DISCONNECT\nc1 2.0");
        Trace::plain().rounds(6, 4.0, &lines).does_not_find("RC03");
    }
}
