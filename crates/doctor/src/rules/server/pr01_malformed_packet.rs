//! PR01: somebody breaks the protocol.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "PR01",
        slug: "malformed-packet",
        vantages: Vantages { show: &[Vantage::Plain, Vantage::BrokerLog], support: &[] },
        rounds: 1,
        sees: "\"Malformed packet\", \"protocol error\"; the connection ends at once.",
        why: "A packet is not what MQTT allows: bytes that no packet can have, a packet before \
              CONNECT or a second CONNECT, or one after DISCONNECT.",
        fix: "Find who made it: a library's fault, two threads writing at once, or a proxy that \
              changes bytes.",
        raises: "The bytes: a capture in the clear.",
        explains: &["RC01", "RC03", "RC04", "AU02", "AU03"],
        references: &["MQTT-4.13.1-1", "MQTT-3.1.0-1", "MQTT-3.1.0-2"],
        ..Meta::EMPTY
    },
    on: &[On::Odd, On::Words, On::Connect, On::Publish, On::Subscribe, On::Ping, On::Disconnect],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(event), Some(connection)) = (view.event, view.connection) else { return };
    match event.what {
        What::Malformed { from, rule } => {
            let who = if from == Side::Client { "it sends" } else { "the server sends" };
            let sentence = format!("{who} bytes that MQTT forbids ({rule})");
            hits.add(Hit::new(sentence).class("bytes").proven().event(event, "the bytes"));
        }
        What::Words(Words::ProtocolError) => {
            let hit = Hit::new("a packet broke the protocol, says the log").class("log");
            hits.add(hit.proven().event(event, "the log says so"));
        }
        What::Packet { packet: PacketSeen::Connect(_), inferred: false, .. }
            if connection.mqtt.connects == 2 && view.source.vantage.is_wire() =>
        {
            let hit = Hit::new("it sends CONNECT twice on one connection").class("CONNECT");
            hits.add(hit.proven().event(event, "the second CONNECT"));
        }
        What::Packet { packet: PacketSeen::Disconnect(code @ (0x81 | 0x82)), from, .. } => {
            let who = if from == Side::Server { "the server says" } else { "it says" };
            let sentence = format!("{who} that a packet broke the protocol: code 0x{code:02X}");
            hits.add(Hit::new(sentence).class("code").proven().event(event, "the reason code"));
        }
        What::Packet { packet: PacketSeen::Disconnect(_), .. } => {}
        What::Packet { from: Side::Client, inferred: false, .. } => {
            out_of_order(view, connection, hits);
        }
        _ => {}
    }
}

fn out_of_order(view: &View<'_>, connection: &Connection, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    if !view.is(Vantage::Plain) || !connection.whole() {
        return;
    }
    if connection.mqtt.connect.is_none() {
        let hit = Hit::new("its first packet is not CONNECT").class("first");
        hits.add(hit.proven().event(event, "before any CONNECT"));
    } else if matches!(connection.mqtt.disconnect, Some((Side::Client, _))) {
        let hit = Hit::new("it sends packets after DISCONNECT").class("after");
        hits.add(hit.proven().event(event, "after DISCONNECT"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const OPEN: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump
        c1 0.2 < CONNACK";

    #[test]
    fn true_bytes_that_are_no_packet() {
        let lines = alloc::format!("{OPEN}\nc1 1 > malformed");
        Trace::plain().lines(&lines).finds_at_least("PR01", Confidence::Proven);
    }

    #[test]
    fn true_connect_twice() {
        let lines = alloc::format!("{OPEN}\nc1 1 > CONNECT id=pump");
        assert_eq!(Trace::plain().lines(&lines).finds("PR01").class, "CONNECT");
    }

    #[test]
    fn true_publish_first() {
        let lines = "c1 0 open a:1 b:1883\nc1 1 > PUBLISH";
        assert_eq!(Trace::plain().lines(lines).finds("PR01").class, "first");
    }

    #[test]
    fn true_the_broker_says_so() {
        Trace::of(Vantage::BrokerLog)
            .lines("c1 0 open a b\nc1 9 words protocol-error")
            .finds_at_least("PR01", Confidence::Proven);
    }

    #[test]
    fn alike_joined_in_the_middle() {
        Trace::plain().lines("c1 0 joined a:1 b:1883\nc1 1 > PUBLISH").does_not_find("PR01");
    }

    #[test]
    fn alike_a_connection_that_ends_well() {
        let lines = alloc::format!("{OPEN}\nc1 1 > PUBLISH\nc1 2 > DISCONNECT\nc1 2 > fin");
        Trace::plain().lines(&lines).finds_nothing();
    }
}
