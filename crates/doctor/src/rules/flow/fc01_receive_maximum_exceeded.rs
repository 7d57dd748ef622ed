//! FC01: more messages in flight than the server takes.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "FC01",
        slug: "receive-maximum-exceeded",
        vantages: Vantages { show: &[Vantage::Plain, Vantage::BrokerLog], support: &[] },
        rounds: 1,
        sees: "Under load, or right after a reconnect, the server ends the connection.",
        why: "CONNACK's Receive Maximum says how many messages with QoS 1 and 2 may be without an \
              acknowledgement, those sent again among them. The client has more.",
        fix: "Count what is in flight, resends included, and wait.",
        raises: "Reason code 0x93, or the broker's log.",
        explains: &["RC01", "RC03", "AU02", "PR01", "RC11"],
        references: &["MQTT-3.3.4-7", "MQTT-3.3.4-9"],
        ..Meta::EMPTY
    },
    on: &[On::Publish, On::Disconnect, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(event), Some(connection)) = (view.event, view.connection) else { return };
    match event.what {
        What::Packet { packet: PacketSeen::Publish(publish), from: Side::Client, .. }
            if publish.qos > 0 =>
        {
            let connack = connection.mqtt.connack.map(|(_, connack)| connack);
            let Some(maximum) = connack.and_then(|connack| connack.receive_maximum) else { return };
            let flying = connection.flights(Side::Client).len();
            if flying > usize::from(maximum) && !connection.tcp.paths.has_gaps() {
                let sentence =
                    format!("it has {flying} messages in flight; the server takes {maximum}");
                hits.add(Hit::new(sentence).event(event, "one more than Receive Maximum"));
            }
        }
        What::Packet { packet: PacketSeen::Disconnect(0x93), from: Side::Server, .. } => {
            let hit =
                Hit::new("the server ends the connection: reason code 0x93, too many in flight");
            hits.add(hit.proven().event(event, "Receive Maximum exceeded"));
        }
        What::Words(Words::ReceiveMaximum) => {
            let hit = Hit::new("it has more messages in flight than the server takes").proven();
            hits.add(hit.event(event, "the log says so"));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    fn lines(messages: u32, connack: &str) -> alloc::string::String {
        let mut lines = alloc::format!(
            "c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
             c1 0.1 > CONNECT id=pump v=5
             c1 0.2 < CONNACK v5 {connack}\n"
        );
        for n in 1..=messages {
            lines += &alloc::format!("c1 1 > PUBLISH qos=1 id={n} digest={n}\n");
        }
        lines
    }

    #[test]
    fn true_one_too_many() {
        Trace::plain().lines(&lines(11, "rm=10")).finds_at_least("FC01", Confidence::Shown);
    }

    #[test]
    fn true_the_server_says_so() {
        let lines = lines(1, "rm=10") + "c1 2 < DISCONNECT code=147";
        Trace::plain().lines(&lines).finds_at_least("FC01", Confidence::Proven);
        Trace::of(Vantage::BrokerLog)
            .lines("c1 0 open a b\nc1 1 words receive-maximum")
            .finds_at_least("FC01", Confidence::Proven);
    }

    #[test]
    fn alike_as_many_as_allowed() {
        Trace::plain().lines(&lines(10, "rm=10")).finds_nothing();
    }

    #[test]
    fn alike_acknowledged_in_between() {
        let mut all = lines(10, "rm=10");
        all += "c1 1 < PUBACK id=1\nc1 1 > PUBLISH qos=1 id=1 digest=99";
        Trace::plain().lines(&all).finds_nothing();
    }

    #[test]
    fn alike_no_maximum() {
        Trace::plain().lines(&lines(200, "")).does_not_find("FC01");
    }
}
