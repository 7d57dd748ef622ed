//! NW04: no TCP connection comes up.

use crate::event::OpenFailure;
use crate::rule::prelude::*;

const RESTART: Threshold = Threshold {
    name: "NW04.restart_s",
    value: 60,
    reason: "a broker that restarts refuses for a minute at most",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "NW04",
        slug: "tcp-refused",
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::ClientLog, Vantage::ClientEvents],
            support: &[],
        },
        rounds: 1,
        sees: "The client cannot connect at all.",
        why: "Refused: the host is there, but nothing listens on the port, or a firewall says no. \
              Silent: nobody answers, so the address is wrong, the host is down, or a firewall \
              drops the packets.",
        fix: "Check host and port, then firewall and whether the broker runs and listens on that \
              address.",
        raises: "The same attempt from another machine.",
        explains: &["RC01", "RC04", "RC02"],
        references: &["RFC 9293, section 3.5"],
        thresholds: &[RESTART],
        ..Meta::EMPTY
    },
    on: &[On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(round) = view.ended() else { return };
    let Some(end) = round.end else { return };
    let (class, what) = match end.failure {
        Some(OpenFailure::Refused) => ("refused", "is refused"),
        Some(OpenFailure::Silent) => ("silent", "has no answer"),
        Some(OpenFailure::Unreachable) => ("unreachable", "finds no way"),
        _ => return,
    };
    // The failures in a row: two or more, over more than a restart takes.
    let row: Vec<&Round> = (view.client.rounds.iter().rev())
        .take_while(|round| round.end.is_some_and(|it| it.failure == end.failure))
        .collect();
    let Some(first) = row.last().and_then(|round| round.began().or(Some(round.end?.at))) else {
        return;
    };
    let lasted = end.at.since(first);
    let long = lasted > view.seconds(&RESTART);
    if row.len() < 2 {
        return;
    }
    let sentence =
        format!("its connection {what}: {} attempts in {} s", row.len(), lasted.as_secs());
    let hit = Hit::new(sentence).class(class).end(&end, what);
    hits.add(if long { hit } else { hit.severity(Severity::Info) });
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Severity, Vantage};

    const REFUSED: &str = "c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883\nc1 0.01 refused";

    #[test]
    fn true_refused_for_minutes() {
        let finding = Trace::plain().rounds(8, 20.0, REFUSED).finds("NW04");
        assert_eq!((finding.class, finding.severity), ("refused", Severity::Error));
    }

    #[test]
    fn true_nobody_answers() {
        let lines = REFUSED.replace("c1 0.01 refused", "c1 20 silent");
        let finding = Trace::encrypted().rounds(4, 60.0, &lines).finds("NW04");
        assert_eq!(finding.class, "silent");
    }

    #[test]
    fn true_in_a_client_log() {
        for vantage in [Vantage::ClientLog, Vantage::ClientEvents] {
            let trace = Trace::of(vantage).rounds(8, 20.0, REFUSED);
            trace.finds_at_least("NW04", Confidence::Shown);
        }
    }

    #[test]
    fn alike_a_restart_is_worth_knowing_alone() {
        let finding = Trace::plain().rounds(3, 20.0, REFUSED).finds("NW04");
        assert_eq!(finding.severity, Severity::Info);
    }

    #[test]
    fn alike_refused_once() {
        Trace::plain().lines(REFUSED).does_not_find("NW04");
    }
}
