//! AU02: a message ends every connection.

use crate::event::Denied;
use crate::rule::prelude::*;
use crate::rules::poison::poison;

const ROUNDS: Threshold =
    Threshold { name: "AU02.rounds", value: 2, reason: "one end after a PUBLISH may be chance" };
const ROUNDS_INFERRED: Threshold = Threshold {
    name: "AU02.rounds_inferred",
    value: 3,
    reason: "a client's log may lack packets: one round more than the wire",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "AU02",
        slug: "poison-publish",
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::BrokerLog, Vantage::ClientLog, Vantage::ClientEvents],
            support: &[],
        },
        sees: "The client connects, publishes, is thrown out, and begins again.",
        why: "The server ends the connection right after a PUBLISH, and the client sends the same \
              message first on each new connection: a message that the server does not allow \
              stands at the head of its queue and takes everything behind it down.",
        fix: "Allow the topic in the policy (at AWS: `iot:Publish`), or drop the message. A \
              client should set such a message aside after a few ends and go on with the rest; \
              Evenkeel does.",
        raises: "The broker's log, or MQTT 5, whose PUBACK carries a reason code.",
        explains: &["RC01", "RC03", "RC04", "RC11", "RC06", "ID06"],
        references: &["MQTT 3.1.1, section 3.3.5", "https://github.com/emqx/MQTTX/issues/1667"],
        thresholds: &[ROUNDS, ROUNDS_INFERRED],
        ..Meta::EMPTY
    },
    on: &[On::End, On::Refused, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    match event.what {
        What::Packet {
            packet: PacketSeen::PubAck(_, code @ 0x87) | PacketSeen::PubRec(_, code @ 0x87),
            from: Side::Server,
            ..
        } => {
            let sentence = format!("the server refused its message with reason code 0x{code:02X}");
            let hit = Hit::new(sentence).class("refused").proven().severity(Severity::Warn);
            hits.add(hit.event(event, "Not authorized"));
        }
        What::Words(Words::Denied(Denied::Publish, topic)) => {
            let sentence = format!("the server does not let it publish to {}", view.text(topic));
            hits.add(Hit::new(sentence).class("denied").proven().event(event, "denied"));
        }
        What::Words(Words::Quarantined(topic)) if !view.texts.text(topic).contains(['+', '#']) => {
            let sentence =
                format!("its message to {} ended connections and was set aside", view.text(topic));
            hits.add(Hit::new(sentence).proven().event(event, "set aside"));
        }
        What::Closing { .. } => ended(view, hits),
        _ => {}
    }
}

fn ended(view: &View<'_>, hits: &mut Hits) {
    let Some((mark, times)) = poison(view, MarkKind::Publish) else { return };
    // Size, QoS and retain are other rules': they are checked first.
    let largest = view.profile.maximum_payload_size();
    let too_large = largest.is_some_and(|largest| mark.payload > largest);
    let enough = if view.is(Vantage::ClientLog) { &ROUNDS_INFERRED } else { &ROUNDS };
    if (times as u64) < view.number(enough) || too_large || mark.qos == 2 || mark.retain {
        return;
    }
    let sentence = format!(
        "the server ended {times} connections in a row right after its message to {}",
        view.text(mark.topic)
    );
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
        c1 0.3  > PUBLISH topic=secret qos=1 id=4
        c1 0.4  < fin";

    #[test]
    fn true_same_message_ends_each_connection() {
        let finding = Trace::plain().rounds(3, 5.0, THROWN_OUT).finds("AU02");
        assert_eq!(finding.confidence, Confidence::Shown);
        assert!(finding.sentence.contains("secret"), "{}", finding.sentence);
    }

    #[test]
    fn true_in_a_client_log() {
        let trace = |rounds| Trace::of(Vantage::ClientLog).rounds(rounds, 5.0, THROWN_OUT);
        trace(2).does_not_find("AU02");
        trace(3).finds_at_least("AU02", Confidence::Shown);
    }

    #[test]
    fn true_the_broker_says_so() {
        Trace::of(Vantage::BrokerLog)
            .lines("c1 0 open 10.0.0.1:5000 b\nc1 1 words denied-publish secret")
            .finds_at_least("AU02", Confidence::Proven);
    }

    #[test]
    fn true_set_aside_by_our_client() {
        Trace::of(Vantage::ClientEvents)
            .lines("c1 0 open a b\nc1 1 words quarantined secret")
            .finds_at_least("AU02", Confidence::Proven);
    }

    #[test]
    fn alike_once() {
        Trace::plain().lines(THROWN_OUT).does_not_find("AU02");
    }

    #[test]
    fn alike_different_messages() {
        let other = THROWN_OUT.replace("topic=secret", "topic=other").replace("c1 ", "c2 ");
        let both = alloc::format!("{THROWN_OUT}\n{other}");
        // Two topics in turns: no row of the same.
        let shifted = both.replace("c2 0.", "c2 2.");
        Trace::plain().rounds(2, 5.0, &shifted).does_not_find("AU02");
    }

    #[test]
    fn alike_qos_2_is_another_fault() {
        let lines = THROWN_OUT.replace("qos=1", "qos=2");
        Trace::plain().rounds(3, 5.0, &lines).does_not_find("AU02");
    }
}
