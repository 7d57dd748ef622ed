//! FC03: the server lives, but does not acknowledge.

use crate::rule::prelude::*;

const WAITS: Threshold = Threshold {
    name: "FC03.waits_s",
    value: 15,
    reason: "a server that answers pings acknowledges within seconds, or not at all",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "FC03",
        slug: "broker-stopped-acking",
        vantages: Vantages { show: &[Vantage::Plain, Vantage::ClientLog], support: &[] },
        rounds: 1,
        sees: "\"No ACK\" in the log, messages pile up; the connection looks healthy.",
        why: "The server answers PINGREQ, but messages with QoS 1 or 2 stay without an \
              acknowledgement: it throttles, does not allow them without saying so, or its \
              storage is stuck.",
        fix: "Look at the server's limits and rights first, then at its load. A client should \
              tell its application, not wait without end.",
        raises: "The broker's log at that time.",
        explains: &[],
        references: &["MQTT-4.3.2-4"],
        thresholds: &[WAITS],
        ..Meta::EMPTY
    },
    on: &[On::PingAnswer, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(event), Some(connection)) = (view.event, view.connection) else { return };
    if event.what == What::Words(Words::NoAck) {
        let hit = Hit::new("messages stay without an acknowledgement").rounds(1);
        hits.add(hit.event(event, "no acknowledgement"));
        return;
    }
    if !matches!(event.what, What::Packet { packet: PacketSeen::PingResp, .. }) {
        return;
    }
    let waits = view.seconds(&WAITS);
    let mut flights = connection.flights(Side::Client).iter();
    let waiting = flights.find(|flight| {
        !flight.received && event.at.since(flight.sent) > waits && flight.publish.qos == 1
    });
    let Some(flight) = waiting else { return };
    if connection.tcp.paths.has_gaps() {
        return;
    }
    // Later ones are acknowledged: this one is refused in silence.
    let others = connection.flights(Side::Client).last_done > Some(flight.sent);
    let sentence = format!(
        "the server answers pings, but has not acknowledged its message to {} for {} s{}",
        view.text(flight.publish.topic),
        event.at.since(flight.sent).as_secs(),
        if others { ", while it acknowledges others" } else { "" },
    );
    let hit = Hit::new(sentence).at(flight.moment(), "PUBLISH");
    hits.add(hit.event(event, "PINGRESP, but no acknowledgement"));
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const STUCK: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump k=20
        c1 0.2 < CONNACK
        c1 1.0 > PUBLISH qos=1 id=1
        c1 17  > PINGREQ
        c1 17.1 < PINGRESP";

    #[test]
    fn true_pings_but_no_acknowledgement() {
        Trace::plain().lines(STUCK).finds_at_least("FC03", Confidence::Shown);
    }

    #[test]
    fn true_in_a_client_log() {
        Trace::of(Vantage::ClientLog)
            .lines("c1 0 open a b\nc1 90 words no-ack")
            .finds_at_least("FC03", Confidence::Shown);
    }

    #[test]
    fn alike_still_within_the_time() {
        Trace::plain().lines(&STUCK.replace("c1 17", "c1 15")).does_not_find("FC03");
    }

    #[test]
    fn alike_late_but_acknowledged() {
        let lines = STUCK.replace("c1 17  >", "c1 16 < PUBACK id=1\nc1 17  >");
        Trace::plain().lines(&lines).does_not_find("FC03");
        // As MQTT.js logs it: without its identifier.
        let lines = lines.replace("PUBACK id=1", "PUBACK id=0");
        Trace::of(Vantage::ClientLog).lines(&lines).does_not_find("FC03");
    }
}
