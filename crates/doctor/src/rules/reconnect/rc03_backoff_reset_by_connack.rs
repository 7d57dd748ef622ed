//! RC03: each CONNACK begins the delays anew.

use crate::rule::guards::{self, Pauses};
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
    let rounds = usize::try_from(view.number(&ROUNDS)).unwrap_or(usize::MAX);
    let most = rounds.saturating_mul(2).saturating_add(1);
    let row = guards::failed_row(view, view.seconds(&SHORT), most);
    let newest = |pauses: usize| {
        let from = row.len().checked_sub(pauses.saturating_add(1))?;
        row.get(from..)
    };
    let Some(few) = newest(rounds) else { return };
    let Some(Pauses { from_ends, .. }) = guards::pauses(few) else { return };
    // From beginning to beginning, a delay that grows shows only after some more.
    let Some(newest) = newest(if from_ends { rounds } else { rounds.saturating_mul(2) }) else {
        return;
    };
    // A ping comes after CONNACK: under TLS it shows that there was one.
    let accepted = |round: &Round| round.accepted() || round.pings > 0;
    if !newest.iter().copied().all(accepted) {
        return;
    }
    let Some(Pauses { spans: delays, .. }) = guards::pauses(newest) else { return };
    let percent = u32::try_from(view.number(&GROWTH)).unwrap_or(u32::MAX);
    let blur = view.slack();
    let grew = |(one, next): (&Duration, &Duration)| {
        *next > (one.saturating_mul(percent) / 100).saturating_add(blur)
    };
    let (least, most) = (delays.iter().min(), delays.iter().max());
    // Delays drawn at random differ by more.
    let most_of = |least: Duration| {
        if from_ends { least.saturating_mul(2) } else { least.saturating_mul(percent) / 100 }
    };
    let alike = least.zip(most).is_some_and(|(least, most)| *most <= most_of(*least) + blur);
    if !alike || delays.iter().zip(delays.iter().skip(1)).any(grew) {
        return;
    }
    let typical = median(&delays).as_secs_f64();
    let how = if from_ends {
        format!("the delay stayed at {typical:.2} s")
    } else {
        format!("one began about every {typical:.2} s; when they ended is not logged")
    };
    let sentence = format!(
        "it begins its delays anew with each CONNACK: {} accepted connections ended within {} s, \
         and {how}",
        newest.len(),
        view.number(&SHORT),
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

    /// As paho's log: the next CONNECT tells of the end.
    fn without_ends(begun: &[f64]) -> Trace {
        let mut trace = Trace::of(Vantage::ClientLog);
        for (n, at) in begun.iter().enumerate() {
            let (old, new) = (n + 10, n + 11);
            let lines = alloc::format!(
                "c{old} 0 ended\nc{new} 0 open - -\nc{new} 0 > CONNECT id=pump k=60
                 c{new} 0.1 < CONNACK\nc{new} 0.5 < PUBLISH"
            );
            trace = trace.after(*at, &lines);
        }
        trace
    }

    #[test]
    fn true_in_a_log_without_ends() {
        let finding = without_ends(&[0.0, 8.0, 17.0, 25.0, 33.0, 41.0, 50.0, 58.0]).finds("RC03");
        assert!(finding.sentence.contains("one began about every 8"), "{}", finding.sentence);
        assert_eq!(finding.confidence, Confidence::Shown);
    }

    #[test]
    fn alike_the_delay_grows_in_a_log_without_ends() {
        without_ends(&[0.0, 2.0, 5.0, 10.0, 19.0, 36.0]).does_not_find("RC03");
        // Lives of 20 s, and delays of 1, 2, 4 s, which are a small part of each round.
        without_ends(&[0.0, 21.0, 43.0, 67.0, 88.0]).does_not_find("RC03");
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

    #[test]
    fn alike_what_a_broker_that_hung_takes_in_at_once() {
        let taken = "
            c1 9.0 open 10.0.0.1:5000 10.0.0.9:1883
            c1 9.0 > CONNECT id=pump
            c1 9.0 < CONNACK
            c1 9.0 words taken-over
            c1 9.0 < closed";
        let lines = (0..6).map(|n| taken.replace("c1", &alloc::format!("c{n}")) + "\n");
        let lines: alloc::string::String = lines.collect();
        Trace::of(Vantage::BrokerLog).lines(&lines).does_not_find("RC03");
    }
}
