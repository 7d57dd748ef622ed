//! LM02: the server has no QoS 2.

use crate::rule::prelude::*;
use crate::rules::poison::not_there;
use crate::track::Mark;

const WAITS: Threshold = Threshold {
    name: "LM02.waits_s",
    value: 30,
    reason: "a server that has QoS 2 sends PUBREC within a round trip, not half a minute",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "LM02",
        slug: "qos2-unsupported",
        vantages: Vantages { show: &[Vantage::Plain, Vantage::BrokerLog], support: &[] },
        sees: "Messages with QoS 2 end the connection, or are never answered.",
        why: "The server does not have QoS 2, as AWS IoT Core, and the client uses it in a \
              message, a will or a subscription. MQTT 5 announces it by Maximum QoS in CONNACK.",
        fix: "Use QoS 1.",
        raises: "MQTT 5: reason code 0x9B and Maximum QoS say so.",
        explains: &["AU02", "AU01", "RC01", "RC03", "RC04", "FC03"],
        references: &["MQTT-3.2.2-11", "https://github.com/awslabs/aws-c-mqtt/issues/120"],
        thresholds: &[WAITS],
        ..Meta::EMPTY
    },
    on: &[On::End, On::Disconnect, On::Refused, On::PingAnswer, On::Words],
    check,
};

/// QoS not supported.
const UNSUPPORTED: u8 = 0x9B;

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    match event.what {
        What::Packet {
            packet: PacketSeen::Disconnect(UNSUPPORTED) | PacketSeen::PubRec(_, UNSUPPORTED),
            from: Side::Server,
            ..
        } => {
            let hit = Hit::new("the server does not have the QoS it uses: reason code 0x9B");
            hits.add(hit.proven().event(event, "QoS not supported"));
        }
        What::Words(Words::QosUnsupported) => {
            let hit = Hit::new("the server does not have the QoS it uses").proven();
            hits.add(hit.event(event, "the log says so"));
        }
        What::Packet { packet: PacketSeen::PingResp, .. } => never_received(view, hits),
        What::Closing { .. } => ended(view, hits),
        _ => {}
    }
}

fn ended(view: &View<'_>, hits: &mut Hits) {
    let kind = |mark: &Mark| match mark.kind {
        _ if mark.qos != 2 => None,
        MarkKind::Publish => Some("a message"),
        _ => Some("a subscription"),
    };
    let connect = view.connection.and_then(|connection| connection.mqtt.connect);
    let will = connect.is_some_and(|(_, it)| !it.will_topic.is_none() && it.will_qos == 2);
    let Some((what, asked, end)) = not_there(view, kind, will.then_some("a will")) else {
        return;
    };
    let sentence = format!("the server ended the connection after {what} with QoS 2");
    let hit = Hit::new(sentence).at(asked, "QoS 2");
    hits.add(hit.end(&end, "the server ends the connection"));
}

/// The server answers pings, but not a message with QoS 2.
fn never_received(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(event)) = (view.connection, view.event) else { return };
    let waits = view.seconds(&WAITS);
    let mut flights = connection.flights(Side::Client).iter();
    let waiting = flights.find(|flight| {
        flight.publish.qos == 2 && !flight.received && event.at.since(flight.sent) > waits
    });
    let Some(flight) = waiting else { return };
    let sentence = format!(
        "its message with QoS 2 has had no PUBREC for {} s, while the server answers pings",
        event.at.since(flight.sent).as_secs()
    );
    let hit = Hit::new(sentence).class("unanswered").rounds(1);
    let hit = hit.at(flight.moment(), "PUBLISH with QoS 2");
    hits.add(hit.event(event, "PINGRESP, but no PUBREC"));
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const ENDED: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump
        c1 0.2 < CONNACK
        c1 0.3 > PUBLISH qos=2 id=3
        c1 0.4 < fin";
    const UNANSWERED: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump k=20
        c1 0.2 < CONNACK
        c1 0.3 > PUBLISH qos=2 id=3
        c1 31  > PINGREQ
        c1 31.1 < PINGRESP";

    #[test]
    fn true_each_message_ends_the_connection() {
        Trace::plain().rounds(2, 5.0, ENDED).finds_at_least("LM02", Confidence::Shown);
    }

    #[test]
    fn true_a_will_with_qos_2() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
            c1 0.1 > CONNECT id=pump will=gone will-qos=2
            c1 0.3 < fin";
        Trace::plain().rounds(2, 5.0, lines).finds_at_least("LM02", Confidence::Shown);
    }

    #[test]
    fn true_never_received() {
        Trace::plain().lines(UNANSWERED).finds_at_least("LM02", Confidence::Shown);
    }

    #[test]
    fn true_the_broker_says_so() {
        Trace::of(Vantage::BrokerLog)
            .lines("c1 0 open a b\nc1 1 words qos-unsupported")
            .finds_at_least("LM02", Confidence::Proven);
    }

    #[test]
    fn alike_qos_1() {
        Trace::plain().rounds(2, 5.0, &ENDED.replace("qos=2", "qos=1")).does_not_find("LM02");
    }

    #[test]
    fn alike_slow_qos_2() {
        let lines = UNANSWERED.replace("c1 31  >", "c1 29 < PUBREC id=3\nc1 31  >");
        Trace::plain().lines(&lines).does_not_find("LM02");
    }
}
