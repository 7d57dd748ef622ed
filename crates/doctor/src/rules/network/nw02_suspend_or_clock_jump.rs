//! NW02: the machine slept, or its clock jumped.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "NW02",
        slug: "suspend-or-clock-jump",
        severity: Severity::Info,
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::ClientLog, Vantage::ClientEvents],
            support: &[],
        },
        rounds: 1,
        sees: "After a pause the connection is found dead, and a new one works at once.",
        why: "Both directions were silent for longer than the keep-alive, then the client sent, \
              and the answer was an end: its machine slept, and the server had given it up in \
              the meantime.",
        fix: "Nothing is broken. A client can probe its connection when the machine wakes.",
        raises: "The machine's log of sleep.",
        explains: &["NW01", "KA08", "KA12"],
        references: &["MQTT-3.1.2-24"],
        ..Meta::EMPTY
    },
    on: &[On::End, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    match event.what {
        What::Words(Words::ClockJump) => {
            let hit = Hit::new("its machine slept, or its clock jumped");
            hits.add(hit.event(event, "the log says so"));
        }
        What::Closing { by: Side::Server, .. } => woke(view, hits),
        _ => {}
    }
}

fn woke(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(round)) = (view.connection, view.ended()) else { return };
    let (Some(keep_alive), Some(end)) = (view.keep_alive(), round.end) else { return };
    let Some(idle) = round.idle.before_silence else { return };
    let reset = end.how == crate::CloseHow::Reset;
    let soon = round
        .last_sent()
        .is_some_and(|sent| end.at.since(sent) <= view.slack().max(connection.round_trip()));
    if reset && soon && idle > keep_alive.saturating_mul(3) / 2 && !round.gaps {
        let sentence = format!(
            "it was silent for {:.0} s, longer than its keep-alive of {} s, then found the \
             connection gone: its machine slept, or its network was away",
            idle.as_secs_f64(),
            keep_alive.as_secs()
        );
        hits.add(Hit::new(sentence).end(&end, "RST to the first bytes after the pause"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Severity, Vantage};

    const SLEPT: &str = "
        c1 0.0  open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1  > CONNECT id=laptop k=60
        c1 0.15 < CONNACK
        c1 60   > PINGREQ
        c1 60.1 < PINGRESP
        c1 3600 > PINGREQ
        c1 3600.05 < rst";

    #[test]
    fn true_a_reset_after_a_long_pause() {
        let finding = Trace::plain().lines(SLEPT).finds("NW02");
        assert_eq!((finding.confidence, finding.severity), (Confidence::Shown, Severity::Info));
    }

    #[test]
    fn true_a_log_says_so() {
        for vantage in [Vantage::ClientLog, Vantage::ClientEvents] {
            let trace = Trace::of(vantage).lines("c1 0 open a b\nc1 90 words clock-jump");
            trace.finds_at_least("NW02", Confidence::Shown);
        }
    }

    #[test]
    fn alike_within_the_keep_alive() {
        Trace::plain().lines(&SLEPT.replace("c1 3600", "c1 120")).does_not_find("NW02");
    }

    #[test]
    fn alike_the_server_went_on_sending() {
        let lines = SLEPT.replace("c1 3600 >", "c1 3599 < PUBLISH\nc1 3600 >");
        Trace::plain().lines(&lines).does_not_find("NW02");
    }
}
