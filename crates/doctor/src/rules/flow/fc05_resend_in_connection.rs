//! FC05: a message is sent again on the same connection.

use crate::rule::prelude::*;
use crate::track::Again;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "FC05",
        slug: "resend-in-connection",
        severity: Severity::Warn,
        vantages: Vantages { show: &[Vantage::Plain], support: &[] },
        rounds: 1,
        sees: "Messages arrive twice under load.",
        why: "MQTT 5 forbids to send a message again while the connection lives: TCP delivers it, \
              so a second copy only doubles the load of a server that is slow already.",
        fix: "Send again after a reconnect alone, with DUP.",
        raises: "More of the capture.",
        explains: &[],
        references: &["MQTT-4.4.0-1"],
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
    let version = connection.mqtt.connect.map_or(0, |(_, connect)| connect.version);
    let flights = connection.flights(from);
    let again = flights.newest_again == Some(Again::Resent);
    // A capture of one direction shows no acknowledgement at all.
    let both = flights.done > 0 && !connection.tcp.paths.has_gaps();
    if publish.qos > 0 && again && both && version == 5 {
        let who = if from == Side::Client { "it sends" } else { "the server sends" };
        let sentence = format!("{who} message {} again on the same connection", publish.id);
        hits.add(Hit::new(sentence).event(event, "the same message again"));
    }
}

#[cfg(test)]
mod tests {
    use crate::Confidence;
    use crate::trace::Trace;

    const AGAIN: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump v=5
        c1 0.2 < CONNACK v5
        c1 0.3 > PUBLISH qos=1 id=6 digest=6
        c1 0.4 < PUBACK id=6
        c1 1.0 > PUBLISH qos=1 id=7
        c1 2.0 > PUBLISH qos=1 id=7 dup";

    #[test]
    fn true_again_with_dup() {
        Trace::plain().lines(AGAIN).finds_at_least("FC05", Confidence::Shown);
    }

    #[test]
    fn alike_3_1_1_may() {
        Trace::plain().lines(&AGAIN.replace("v=5", "v=4")).finds_nothing();
    }

    #[test]
    fn alike_acknowledged_in_a_gap() {
        let lines = AGAIN.replace("c1 2.0", "c1 1.5 < missing\nc1 2.0");
        Trace::plain().lines(&lines).finds_nothing();
    }

    #[test]
    fn alike_a_capture_of_one_direction() {
        let sent = AGAIN.lines().filter(|line| !line.contains('<'));
        let lines: alloc::vec::Vec<&str> = sent.collect();
        Trace::plain().lines(&lines.join("\n")).does_not_find("FC05");
    }

    #[test]
    fn alike_on_the_next_connection() {
        let lines = AGAIN.replace("c1 2.0", "c2 2.0");
        Trace::plain().lines(&lines).does_not_find("FC05");
    }
}
