//! RC07: the client does not come back.

use crate::rule::guards;
use crate::rule::prelude::*;

const AWAY: Threshold =
    Threshold { name: "RC07.away_s", value: 600, reason: "no usual back-off is as long" };

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "RC07",
        slug: "gave-up",
        severity: Severity::Error,
        vantages: Vantages { show: &Vantage::ALL, support: &[] },
        sees: "A device is offline until somebody restarts it.",
        why: "The client lost its connection for a cause that passes, came back from such losses \
              before, and then did not try again, although the record goes on. Some clients stop \
              after a refusal, after some tries, or if the first connection fails.",
        fix: "Supervise the client: if it is offline for long, make it anew. MQTT.js stops after \
              a refusal unless `reconnectOnConnackError` is set.",
        raises: "A client log that goes on after the loss, or the words with which it stops.",
        explains: &[],
        references: &["https://github.com/aws/aws-iot-device-sdk-python/issues/39"],
        thresholds: &[AWAY],
        ..Meta::EMPTY
    },
    on: &[On::Finish, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    if let Some(event) = view.event {
        if event.what == What::Words(Words::GaveUp) {
            let hit =
                Hit::new("it stops trying to connect, as it says itself").class("said").proven();
            let on_purpose = view.is(Vantage::ClientEvents);
            let severity = if on_purpose { Severity::Info } else { Severity::Error };
            hits.add(hit.severity(severity).event(event, "its own words"));
        }
        return;
    }
    let Some(round) = view.client.rounds.last() else { return };
    let Some(end) = round.end else { return };
    if !view.client.live.is_empty() || guards::on_purpose(view, round) {
        return;
    }
    let away = view.now.since(end.at);
    let begun = view.client.begun.last().is_none_or(|last| *last <= end.at);
    let refused = round.said.code.is_some_and(|code| ![0, 3, 0x88, 0x97].contains(&code));
    let said = matches!(end.words, Some(Words::GaveUp | Words::TakenOver));
    // Who came back each time before had the means to.
    let row: Vec<&Round> = view.client.rounds.newest(4).collect();
    let back = guards::delays(&row).and_then(|delays| delays.into_iter().max());
    let used_to = back.is_some_and(|longest| away > longest.saturating_mul(10));
    if away > view.seconds(&AWAY) && begun && used_to && !refused && !said {
        let sentence = format!(
            "it does not come back: {:.0} min after its last loss nothing was tried, and before it \
             was back within {:.1} s each time",
            away.as_secs_f64() / 60.0,
            back.unwrap_or_default().as_secs_f64(),
        );
        // Its process may have ended: the wire cannot tell, its own log can.
        let own = !view.source.vantage.is_wire() && !view.is(Vantage::BrokerLog);
        hits.add(Hit::new(sentence).rounds(if own { 1 } else { 2 }).end(&end, "its last loss"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Severity, Vantage};

    const LOST: &str = "
        c1 0   open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump
        c1 0.2 < CONNACK
        c1 100 < rst";
    /// The record goes on, with another client.
    const OTHER: &str = "c9 2000 open 10.0.0.2:5000 10.0.0.9:1883";

    #[test]
    fn true_the_log_goes_on() {
        for vantage in [Vantage::ClientLog, Vantage::ClientEvents] {
            let trace = Trace::of(vantage).rounds(3, 102.0, LOST).lines(OTHER);
            trace.finds_at_least("RC07", Confidence::Shown);
        }
    }

    #[test]
    fn true_a_suspicion_on_the_wire() {
        for vantage in [Vantage::Plain, Vantage::Encrypted, Vantage::BrokerLog] {
            let finding = Trace::of(vantage).rounds(3, 102.0, LOST).lines(OTHER).finds("RC07");
            assert_eq!(finding.confidence, Confidence::Suspect);
        }
    }

    #[test]
    fn true_it_says_so() {
        let lines = alloc::format!("{LOST}\nc1 100.1 words gave-up");
        let finding = Trace::of(Vantage::ClientLog).lines(&lines).finds("RC07");
        assert_eq!((finding.confidence, finding.severity), (Confidence::Proven, Severity::Error));
    }

    #[test]
    fn alike_it_said_goodbye() {
        let lines = LOST.replace("c1 100", "c1 99 > DISCONNECT\nc1 100");
        Trace::of(Vantage::ClientLog).rounds(3, 102.0, &lines).lines(OTHER).does_not_find("RC07");
    }

    #[test]
    fn alike_the_record_ends() {
        Trace::of(Vantage::ClientLog).rounds(3, 102.0, LOST).does_not_find("RC07");
    }

    #[test]
    fn alike_refused_for_good() {
        let lines = LOST.replace("CONNACK", "CONNACK code=5");
        Trace::of(Vantage::ClientLog).rounds(3, 102.0, &lines).lines(OTHER).does_not_find("RC07");
    }
}
