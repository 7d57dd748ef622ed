//! NW03: the client has moved to another address.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "NW03",
        slug: "address-change",
        severity: Severity::Info,
        vantages: Vantages { show: &[Vantage::Plain, Vantage::BrokerLog], support: &[] },
        rounds: 1,
        sees: "One interruption, then the client comes from another address.",
        why: "The client connects from an address that it did not have before, and its old \
              connection never ended: it changed from WiFi to mobile, or got a new address.",
        fix: "Nothing is broken. If it happens often, look at the network.",
        raises: "The device's log of its network.",
        explains: &["ID02", "NW01"],
        references: &["MQTT-3.1.4-3"],
        ..Meta::EMPTY
    },
    on: &[On::Connect],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(event), Some(connection)) = (view.event, view.connection) else { return };
    let host = connection.tcp.client.host;
    // The hosts of this client, its newest first seen last. A host that comes
    // back is two clients with one identifier, or one that roams to and fro.
    let hosts: Vec<_> = view.client.hosts.iter().collect();
    let newest = hosts.last().is_some_and(|(last, _)| *last == host);
    let returned = view.client.rounds.iter().any(|round| round.client.host == host);
    let old_is_open = view.client.live.len() > 1
        || view.client.rounds.last().is_some_and(|round| round.end.is_none());
    if hosts.len() >= 2 && newest && !returned && old_is_open && !host.is_none() {
        let before = hosts.iter().rev().nth(1).map_or(crate::TextId::NONE, |(host, _)| *host);
        let sentence = format!(
            "it moved from {} to {} while its old connection was open",
            view.text(before),
            view.text(host)
        );
        hits.add(Hit::new(sentence).event(event, "CONNECT from another address"));
    }
}

#[cfg(test)]
mod tests {
    use crate::Severity;
    use crate::trace::Trace;

    const HOME: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=phone
        c1 0.2 < CONNACK";
    const ROAD: &str = "
        c2 90.0 open 172.16.0.4:6000 10.0.0.9:1883
        c2 90.1 > CONNECT id=phone
        c2 90.2 < CONNACK";

    #[test]
    fn true_moved_once() {
        let finding = Trace::plain().lines(HOME).lines(ROAD).finds("NW03");
        assert_eq!(finding.severity, Severity::Info);
        assert!(finding.sentence.contains("172.16.0.4"), "{}", finding.sentence);
    }

    #[test]
    fn alike_the_old_one_had_ended() {
        let home = alloc::format!("{HOME}\nc1 80 > DISCONNECT\nc1 80 > fin");
        Trace::plain().lines(&home).lines(ROAD).does_not_find("NW03");
    }

    #[test]
    fn alike_another_client() {
        Trace::plain().lines(HOME).lines(&ROAD.replace("phone", "tablet")).does_not_find("NW03");
    }
}
