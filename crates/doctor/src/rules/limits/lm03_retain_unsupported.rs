//! LM03: the server does not take retained messages.

use crate::rule::prelude::*;
use crate::rules::poison::not_there;
use crate::track::Mark;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "LM03",
        slug: "retain-unsupported",
        vantages: Vantages { show: &[Vantage::Plain, Vantage::BrokerLog], support: &[] },
        sees: "Messages with RETAIN end the connection; the same without it work.",
        why: "The server does not take retained messages or wills, or this client has no right to \
              retain (at AWS: `iot:RetainPublish`).",
        fix: "Publish without RETAIN, or allow it.",
        raises: "MQTT 5: reason code 0x9A and Retain Available say so; the broker's log.",
        explains: &["AU02", "RC01", "RC03", "RC04"],
        references: &[
            "MQTT-3.2.2-14",
            "https://github.com/aws/aws-iot-device-sdk-python-v2/issues/113",
        ],
        ..Meta::EMPTY
    },
    on: &[On::End, On::Disconnect, On::Refused, On::Words],
    check,
};

/// Retain not supported.
const UNSUPPORTED: u8 = 0x9A;

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    match event.what {
        What::Packet {
            packet:
                PacketSeen::Disconnect(UNSUPPORTED)
                | PacketSeen::PubAck(_, UNSUPPORTED)
                | PacketSeen::PubRec(_, UNSUPPORTED),
            from: Side::Server,
            ..
        } => {
            let hit = Hit::new("the server does not take retained messages: reason code 0x9A");
            hits.add(hit.proven().event(event, "Retain not supported"));
        }
        What::Words(Words::RetainUnsupported) => {
            let hit = Hit::new("the server does not take its retained messages").proven();
            hits.add(hit.event(event, "the log says so"));
        }
        What::Closing { .. } => ended(view, hits),
        _ => {}
    }
}

fn ended(view: &View<'_>, hits: &mut Hits) {
    let kind = |mark: &Mark| (mark.retain && mark.qos < 2).then_some("a retained message");
    let connect = view.connection.and_then(|connection| connection.mqtt.connect);
    let will = connect.is_some_and(|(_, it)| it.will_retain).then_some("a retained will");
    let Some((what, asked, end)) = not_there(view, kind, will) else { return };
    let sentence = format!(
        "the server ended the connection after {what}: it takes none, or none on this topic"
    );
    let hit = Hit::new(sentence).at(asked, "RETAIN");
    hits.add(hit.end(&end, "the server ends the connection"));
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const ENDED: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump
        c1 0.2 < CONNACK
        c1 0.3 > PUBLISH qos=1 id=3 retain
        c1 0.4 < fin";

    #[test]
    fn true_each_retained_message_ends_the_connection() {
        Trace::plain().rounds(2, 5.0, ENDED).finds_at_least("LM03", Confidence::Shown);
    }

    #[test]
    fn true_by_reason_code() {
        let lines = ENDED.replace("c1 0.4", "c1 0.35 < DISCONNECT code=154\nc1 0.4");
        Trace::plain().lines(&lines).finds_at_least("LM03", Confidence::Proven);
    }

    #[test]
    fn true_the_broker_says_so() {
        Trace::of(Vantage::BrokerLog)
            .lines("c1 0 open a b\nc1 1 words retain-unsupported")
            .finds_at_least("LM03", Confidence::Proven);
    }

    #[test]
    fn alike_without_retain() {
        Trace::plain().rounds(2, 5.0, &ENDED.replace(" retain", "")).does_not_find("LM03");
    }

    #[test]
    fn alike_acknowledged_before_the_end() {
        let lines = ENDED.replace("c1 0.4", "c1 0.35 < PUBACK id=3\nc1 0.4");
        Trace::plain().rounds(2, 5.0, &lines).does_not_find("LM03");
    }
}
