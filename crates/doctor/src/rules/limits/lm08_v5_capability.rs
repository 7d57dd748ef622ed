//! LM08: the client uses what the server said it does not have.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "LM08",
        slug: "v5-capability",
        vantages: Vantages { show: &[Vantage::Plain, Vantage::BrokerLog], support: &[] },
        rounds: 1,
        sees: "The server ends MQTT 5 connections with a protocol error.",
        why: "CONNACK says what the server has: how many topic aliases, whether wildcards, shared \
              subscriptions and subscription identifiers. The client uses one it does not have.",
        fix: "Read CONNACK's properties and keep to them.",
        raises: "The reason code of the server's DISCONNECT.",
        explains: &["PR01", "AU01", "RC01", "RC03", "RC04"],
        references: &["MQTT-3.2.2-17", "MQTT-3.2.2-18", "MQTT-3.2.2-19"],
        ..Meta::EMPTY
    },
    on: &[On::Publish, On::Subscribe, On::Disconnect, On::SubAck, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(event), Some(connection)) = (view.event, view.connection) else { return };
    let connack = connection.mqtt.connack.map(|(_, connack)| connack);
    match event.what {
        What::Packet { packet: PacketSeen::Publish(publish), from: Side::Client, .. } => {
            let Some(connack) = connack.filter(|connack| connack.version_5) else { return };
            let most = connack.topic_alias_maximum.unwrap_or(0);
            if publish.alias > most {
                let alias = publish.alias;
                let sentence =
                    format!("it uses topic alias {alias}; the server allows aliases up to {most}");
                hits.add(Hit::new(sentence).class("alias").event(event, "the alias"));
            }
        }
        What::Packet { packet: PacketSeen::Subscribe(subscribe), from: Side::Client, .. } => {
            let Some(connack) = connack else { return };
            let uses = [
                (subscribe.wildcard && connack.no_wildcard, "wildcards"),
                (subscribe.shared && connack.no_shared, "shared subscriptions"),
                (
                    subscribe.subscription_id && connack.no_subscription_id,
                    "subscription identifiers",
                ),
            ];
            for (_, what) in uses.into_iter().filter(|(used, _)| *used) {
                let sentence = format!("it uses {what}, which the server said it does not have");
                hits.add(Hit::new(sentence).class(what).event(event, "SUBSCRIBE"));
            }
        }
        What::Packet {
            packet:
                PacketSeen::Disconnect(code @ (0x94 | 0xA1 | 0xA2 | 0x9E))
                | PacketSeen::SubAck(_, code @ (0xA1 | 0xA2 | 0x9E), _),
            from: Side::Server,
            ..
        } => {
            let sentence = format!("the server does not have what it uses: code 0x{code:02X}");
            hits.add(Hit::new(sentence).class("code").proven().event(event, "the server says so"));
        }
        What::Words(Words::AliasInvalid) => {
            let hit = Hit::new("it uses a topic alias that the server does not allow");
            hits.add(hit.class("alias").proven().event(event, "the log says so"));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    fn lines(connack: &str, then: &str) -> alloc::string::String {
        alloc::format!(
            "c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
             c1 0.1 > CONNECT id=pump v=5
             c1 0.2 < CONNACK v5 {connack}
             c1 0.3 {then}"
        )
    }

    #[test]
    fn true_an_alias_too_high() {
        Trace::plain().lines(&lines("aliases=5", "> PUBLISH alias=6")).finds("LM08");
    }

    #[test]
    fn true_shared_is_not_there() {
        Trace::plain().lines(&lines("no-shared", "> SUBSCRIBE topic=a shared")).finds("LM08");
    }

    #[test]
    fn true_by_reason_code() {
        let lines = lines("", "< DISCONNECT code=158");
        Trace::plain().lines(&lines).finds_at_least("LM08", Confidence::Proven);
    }

    #[test]
    fn true_the_broker_says_so() {
        Trace::of(Vantage::BrokerLog)
            .lines("c1 0 open a b\nc1 1 words alias-invalid")
            .finds_at_least("LM08", Confidence::Proven);
    }

    #[test]
    fn alike_the_highest_alias() {
        Trace::plain().lines(&lines("aliases=5", "> PUBLISH alias=5")).finds_nothing();
    }

    #[test]
    fn alike_shared_is_there() {
        Trace::plain().lines(&lines("no-wildcard", "> SUBSCRIBE topic=a shared")).finds_nothing();
    }
}
