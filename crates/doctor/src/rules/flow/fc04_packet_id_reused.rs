//! FC04: an identifier is used again before its message is acknowledged.

use crate::rule::prelude::*;
use crate::track::Again;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "FC04",
        slug: "packet-id-reused",
        vantages: Vantages { show: &[Vantage::Plain], support: &[] },
        rounds: 1,
        sees: "Messages are lost now and then; acknowledgements seem to be for others.",
        why: "The client gives a new message the packet identifier of one that is still without \
              an acknowledgement. The server takes it for the same message, or the \
              acknowledgement of one counts for the other.",
        fix: "Choose identifiers that are not in use; two senders on one connection must share \
              them.",
        raises: "More of the capture.",
        explains: &["PR01"],
        references: &["MQTT-2.2.1-3"],
        ..Meta::EMPTY
    },
    on: &[On::Publish],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(event), Some(connection)) = (view.event, view.connection) else { return };
    let What::Packet { packet: PacketSeen::Publish(publish), from, .. } = event.what else {
        return;
    };
    let flights = connection.flights(from);
    let again = flights.newest_again == Some(Again::Reused);
    // A capture of one direction shows no acknowledgement at all.
    let both = flights.done > 0 && !connection.tcp.paths.has_gaps();
    if publish.qos == 0 || !again || !both {
        return;
    }
    let who = if from == Side::Client { "it gives" } else { "the server gives" };
    let sentence = format!(
        "{who} packet identifier {} to another message while the first is not acknowledged",
        publish.id
    );
    hits.add(Hit::new(sentence).event(event, "the identifier again"));
}

#[cfg(test)]
mod tests {
    use crate::Confidence;
    use crate::trace::Trace;

    const REUSED: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump
        c1 0.2 < CONNACK
        c1 0.3 > PUBLISH qos=1 id=6 digest=6
        c1 0.4 < PUBACK id=6
        c1 1.0 > PUBLISH qos=1 id=7 digest=1
        c1 2.0 > PUBLISH qos=1 id=7 digest=2";

    #[test]
    fn true_another_message_with_the_same_identifier() {
        Trace::plain().lines(REUSED).finds_at_least("FC04", Confidence::Shown);
    }

    #[test]
    fn alike_sent_again() {
        let lines = REUSED.replace("digest=2", "digest=1 dup");
        Trace::plain().lines(&lines).does_not_find("FC04");
    }

    #[test]
    fn alike_acknowledged_before() {
        let lines = REUSED.replace("c1 2.0", "c1 1.5 < PUBACK id=7\nc1 2.0");
        Trace::plain().lines(&lines).finds_nothing();
    }

    #[test]
    fn alike_a_capture_of_one_direction() {
        let sent = REUSED.lines().filter(|line| !line.contains('<'));
        let lines: alloc::vec::Vec<&str> = sent.collect();
        Trace::plain().lines(&lines.join("\n")).does_not_find("FC04");
    }

    #[test]
    fn alike_acknowledged_in_a_gap() {
        let lines = REUSED.replace("c1 2.0", "c1 1.5 < missing\nc1 2.0");
        Trace::plain().lines(&lines).finds_nothing();
    }
}
