//! LM01: a message that is too large ends every connection.

use crate::rule::prelude::*;
use crate::rules::poison::{last_words, poison};

const SEALED: Threshold = Threshold {
    name: "LM01.sealed_bytes",
    value: 131_072,
    reason: "under TLS a burst of this size is a message at the limit of AWS IoT Core",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "LM01",
        slug: "oversize-loop",
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::BrokerLog, Vantage::ClientEvents],
            support: &[],
        },
        sees: "The client connects, sends, is thrown out, and begins again; one large message is \
               first in its queue.",
        why: "The message is larger than the server accepts: than the Maximum Packet Size of its \
              CONNACK, or than its documented limit. The server ends the connection, and the \
              client sends the same message again.",
        fix: "Split the message or store it elsewhere and send a link. A client that knows the \
              limit refuses such a message before it is sent.",
        raises: "The broker's log, or MQTT 5: reason code 0x95 says so.",
        explains: &["AU02", "RC01", "RC03", "RC04", "RC11"],
        references: &["MQTT-3.1.2-24", "MQTT-3.2.2-15"],
        thresholds: &[SEALED],
        ..Meta::EMPTY
    },
    on: &[On::End, On::Disconnect, On::Refused, On::Words],
    check,
};

/// Packet Too Large.
const TOO_LARGE: u8 = 0x95;

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    match event.what {
        What::Packet {
            packet:
                PacketSeen::Disconnect(TOO_LARGE)
                | PacketSeen::PubAck(_, TOO_LARGE)
                | PacketSeen::PubRec(_, TOO_LARGE),
            from: Side::Server,
            ..
        } => {
            let hit = Hit::new("the server refuses its message as too large: reason code 0x95");
            hits.add(hit.proven().event(event, "Packet too large"));
        }
        What::Words(Words::TooLarge) => {
            let hit = Hit::new("the server refuses its message as too large").proven();
            hits.add(hit.event(event, "the log says so"));
        }
        What::Closing { .. } if view.is(Vantage::Encrypted) => sealed(view, hits),
        What::Closing { .. } => plain(view, hits),
        _ => {}
    }
}

fn plain(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(round)) = (view.connection, view.ended()) else { return };
    let Some(mark) = last_words(view, round).filter(|it| it.kind == MarkKind::Publish) else {
        return;
    };
    let announced = connection.mqtt.connack.and_then(|(_, it)| it.maximum_packet_size);
    let packet = announced.or_else(|| view.profile.maximum_packet_size());
    let over_packet = packet.is_some_and(|limit| mark.bytes > limit);
    let payload = view.profile.maximum_payload_size();
    if !over_packet && payload.is_none_or(|limit| mark.payload <= limit) {
        return;
    }
    let limit = if over_packet { packet } else { payload }.unwrap_or_default();
    let sentence = format!(
        "the server ended the connection after its message of {} bytes to {}: the limit is {limit}",
        mark.payload,
        view.text(mark.topic),
    );
    let hit = Hit::new(sentence).rounds(1).at(mark.moment(), "the message");
    hits.add(hit.end(round.end.as_ref(), "the server ends the connection"));
}

fn sealed(view: &View<'_>, hits: &mut Hits) {
    let Some((mark, times)) = poison(view, MarkKind::Sealed) else { return };
    let sent = view.connection.map_or(0, |connection| connection.bytes_in(Side::Client));
    if times >= 2 && sent >= view.number(&SEALED) {
        let sentence = format!(
            "the server ended {times} connections in a row after a burst of about {sent} bytes"
        );
        let hit = Hit::new(sentence).rounds(1);
        hits.add(hit.at(mark.moment(), "the end of the burst"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    fn lines(bytes: u32) -> alloc::string::String {
        alloc::format!(
            "c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
             c1 0.1 > CONNECT id=pump v=5
             c1 0.2 < CONNACK v5 max=1000
             c1 0.3 > PUBLISH qos=1 id=3 bytes={bytes} payload={bytes}
             c1 0.4 < fin"
        )
    }

    #[test]
    fn true_above_what_was_announced() {
        Trace::plain().lines(&lines(1001)).finds_at_least("LM01", Confidence::Shown);
    }

    #[test]
    fn true_by_reason_code() {
        let lines = lines(1001).replace("c1 0.4", "c1 0.35 < DISCONNECT code=149\nc1 0.4");
        Trace::plain().lines(&lines).finds_at_least("LM01", Confidence::Proven);
    }

    #[test]
    fn true_under_tls() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.1 > sealed bytes=60
            c1 0.2 < sealed bytes=4
            c1 0.3 > sealed bytes=131072
            c1 0.4 < fin";
        Trace::encrypted().rounds(2, 5.0, lines).finds_at_least("LM01", Confidence::Inferred);
    }

    #[test]
    fn true_the_broker_says_so() {
        for vantage in [Vantage::BrokerLog, Vantage::ClientEvents] {
            let trace = Trace::of(vantage).lines("c1 0 open a b\nc1 1 words too-large");
            trace.finds_at_least("LM01", Confidence::Proven);
        }
    }

    #[test]
    fn alike_at_the_limit() {
        Trace::plain().rounds(3, 5.0, &lines(1000)).does_not_find("LM01");
    }

    #[test]
    fn alike_acknowledged_then_ended() {
        let lines = lines(1001).replace("c1 0.4", "c1 0.35 < PUBACK id=3\nc1 0.4");
        Trace::plain().lines(&lines).does_not_find("LM01");
    }
}
