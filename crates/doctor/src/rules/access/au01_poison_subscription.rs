//! AU01: a subscription ends every connection.

use crate::event::Denied;
use crate::rule::prelude::*;
use crate::rules::poison::poison;

const ROUNDS: Threshold =
    Threshold { name: "AU01.rounds", value: 2, reason: "one end after a SUBSCRIBE may be chance" };
const ROUNDS_INFERRED: Threshold = Threshold {
    name: "AU01.rounds_inferred",
    value: 3,
    reason: "a size, or a log that lacks packets, says less than the wire: one round more",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "AU01",
        slug: "poison-subscription",
        vantages: Vantages { show: &Vantage::ALL, support: &[] },
        sees: "The client connects, subscribes, is thrown out, and begins again.",
        why: "The server ends the connection right after SUBSCRIBE instead of answering it, and \
              the client subscribes to the same filter on each new connection. Servers that \
              check rights, such as AWS IoT Core, do so with MQTT 3.1.1, which has no reason \
              code for it. A SUBACK with a failure says the same without ending anything.",
        fix: "Allow the filter in the policy (at AWS: `iot:Subscribe` on the filter and \
              `iot:Receive` on its topics), or correct the filter. With MQTT 5 the server can \
              say why.",
        raises: "The broker's log, or MQTT 5, whose SUBACK carries a reason code.",
        explains: &["RC01", "RC03", "RC04", "RC11", "RC06", "ID04", "ID06"],
        references: &["MQTT-3.8.4-1", "https://github.com/aws/aws-iot-device-sdk-js/issues/125"],
        thresholds: &[ROUNDS, ROUNDS_INFERRED],
        ..Meta::EMPTY
    },
    on: &[On::End, On::SubAck, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    match event.what {
        What::Packet { packet: PacketSeen::SubAck(_, code, failed), .. } if code >= 0x80 => {
            let sentence = format!(
                "the server refused {failed} of its subscriptions with reason code 0x{code:02X}"
            );
            let hit = Hit::new(sentence).class("refused").proven().severity(Severity::Warn);
            hits.add(hit.event(event, "SUBACK with a failure"));
        }
        What::Words(Words::Denied(Denied::Subscribe, filter)) => {
            let sentence = format!("the server does not let it subscribe to {}", view.text(filter));
            hits.add(Hit::new(sentence).class("denied").proven().event(event, "denied"));
        }
        What::Words(Words::Quarantined(filter)) if is_filter(view.texts.text(filter)) => {
            let sentence = format!(
                "its subscription to {} ended connections and was set aside",
                view.text(filter)
            );
            hits.add(Hit::new(sentence).proven().event(event, "set aside"));
        }
        What::Closing { .. } => ended(view, hits),
        _ => {}
    }
}

/// Only filters have wildcards.
fn is_filter(text: &str) -> bool {
    text.contains(['+', '#']) || text.starts_with("$share/")
}

fn ended(view: &View<'_>, hits: &mut Hits) {
    let sealed = view.is(Vantage::Encrypted);
    let kind = if sealed { MarkKind::Sealed } else { MarkKind::Subscribe };
    let Some((mark, times)) = poison(view, kind) else { return };
    let infers = sealed || view.is(Vantage::ClientLog);
    let enough = if infers { &ROUNDS_INFERRED } else { &ROUNDS };
    let limit = view.profile.max_subscribe_filters();
    let too_many = limit.is_some_and(|limit| usize::from(mark.filters) > limit);
    if (times as u64) < view.number(enough) || too_many {
        return;
    }
    let sentence = if sealed {
        format!(
            "the server ended {times} connections in a row right after the same packet of {} \
             bytes: a subscription or a message that it does not allow",
            mark.bytes
        )
    } else {
        format!(
            "the server ended {times} connections in a row right after its SUBSCRIBE to {}, \
             without an answer",
            view.text(mark.topic)
        )
    };
    let hit = Hit::new(sentence).rounds(1).at(mark.moment(), "its last packet");
    let end = view.ended().and_then(|round| round.end);
    hits.add(hit.end(end.as_ref(), "the server ends the connection"));
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const THROWN_OUT: &str = "
        c1 0.0  open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1  > CONNECT id=pump
        c1 0.2  < CONNACK
        c1 0.3  > SUBSCRIBE topic=secret/#
        c1 0.4  < fin";

    #[test]
    fn true_same_filter_ends_each_connection() {
        let finding = Trace::plain().rounds(3, 5.0, THROWN_OUT).finds("AU01");
        assert_eq!(finding.confidence, Confidence::Shown);
        assert!(finding.sentence.contains("secret/#"), "{}", finding.sentence);
    }

    #[test]
    fn alike_a_server_that_closes_after_connack() {
        // Some SUBSCRIBEs are on their way as it closes.
        let closed = THROWN_OUT.replace("c1 0.3  > SUBSCRIBE topic=secret/#", "");
        let at_once = Trace::plain().rounds(3, 5.0, &closed);
        at_once.after(20.0, THROWN_OUT).after(25.0, THROWN_OUT).does_not_find("AU01");
        let once = Trace::plain().rounds(1, 5.0, &closed);
        once.after(20.0, THROWN_OUT).after(25.0, THROWN_OUT).finds("AU01");
    }

    #[test]
    fn true_by_sizes() {
        let lines = "
            c1 0.0  open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.1  > sealed bytes=40
            c1 0.2  < sealed bytes=4
            c1 0.3  > sealed bytes=17
            c1 0.4  < fin";
        Trace::encrypted().rounds(2, 5.0, lines).does_not_find("AU01");
        Trace::encrypted().rounds(3, 5.0, lines).finds_at_least("AU01", Confidence::Inferred);
    }

    #[test]
    fn true_in_a_client_log() {
        let trace = |rounds| Trace::of(Vantage::ClientLog).rounds(rounds, 5.0, THROWN_OUT);
        trace(2).does_not_find("AU01");
        trace(3).finds_at_least("AU01", Confidence::Shown);
    }

    #[test]
    fn true_the_broker_says_so() {
        let trace = Trace::of(Vantage::BrokerLog)
            .lines("c1 0 open 10.0.0.1:5000 b\nc1 1 words denied-subscribe secret/#");
        trace.finds_at_least("AU01", Confidence::Proven);
    }

    #[test]
    fn true_set_aside_by_our_client() {
        let trace = Trace::of(Vantage::ClientEvents)
            .lines("c1 0 open a b\nc1 1 words quarantined secret/#");
        trace.finds_at_least("AU01", Confidence::Proven);
    }

    #[test]
    fn alike_once() {
        Trace::plain().lines(THROWN_OUT).does_not_find("AU01");
    }

    #[test]
    fn alike_the_subscription_was_answered() {
        let lines = THROWN_OUT.replace("c1 0.4", "c1 0.35 < SUBACK\nc1 0.4");
        Trace::plain().rounds(3, 5.0, &lines).does_not_find("AU01");
    }

    #[test]
    fn alike_too_many_filters() {
        let lines = THROWN_OUT.replace("secret/#", "a filters=9");
        Trace::at("aws-iot-core").rounds(3, 15.0, &lines).does_not_find("AU01");
        let lines = THROWN_OUT.replace("secret/#", "a filters=8");
        Trace::at("aws-iot-core").rounds(3, 15.0, &lines).finds("AU01");
    }

    #[test]
    fn alike_an_answer_within_the_same_millisecond() {
        let lines = THROWN_OUT.replace("c1 0.4", "c1 0.3 < SUBACK\nc1 0.4");
        Trace::of(Vantage::ClientLog).rounds(4, 5.0, &lines).does_not_find("AU01");
    }
}
