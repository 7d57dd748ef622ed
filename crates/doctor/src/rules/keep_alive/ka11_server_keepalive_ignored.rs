//! KA11: the client keeps its own keep-alive although the server set another.

use crate::rule::guards;
use crate::rule::prelude::*;

const OWN: Threshold =
    Threshold { name: "KA11.own_percent", value: 5, reason: "timers are more exact than that" };

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "KA11",
        slug: "server-keepalive-ignored",
        severity: Severity::Error,
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::ClientLog, Vantage::BrokerLog],
            support: &[],
        },
        sees: "With MQTT 5 the broker closes idle connections, although the client pings.",
        why: "CONNACK holds Server Keep Alive, which counts instead of what CONNECT asked for. \
              The client goes on by its own number. If that is longer, the broker closes after \
              one and a half times its own; if it is shorter, the client only pings too often.",
        fix: "Use Server Keep Alive for the length of this connection, and ask for a keep-alive \
              that the server accepts.",
        raises: "A second idle time in the record.",
        explains: &["KA08", "RC01", "RC03", "SV02"],
        references: &["MQTT-3.2.2-21", "https://github.com/awslabs/aws-crt-nodejs/issues"],
        thresholds: &[OWN],
        ..Meta::EMPTY
    },
    on: &[On::Ping, On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(connection) = view.connection.filter(|it| !it.tcp.paths.has_gaps()) else { return };
    let mqtt = &connection.mqtt;
    let (Some((_, connect)), Some((told, connack))) = (mqtt.connect, mqtt.connack) else { return };
    let (Some(own), Some(server)) = (connect.keep_alive, connack.server_keep_alive) else { return };
    let (own, server) = (Duration::from_secs(own.into()), Duration::from_secs(server.into()));
    if let Some(end) = connection.end {
        let Some(sent) = connection.last_sent() else { return };
        let silent = end.at.since(sent);
        let closed = end.by == Some(Side::Server) && !end.goodbye;
        let longer = own > server || own.is_zero();
        if closed && longer && guards::server_gave_up(view, server, silent) {
            let sentence = format!(
                "it ignores the server's keep-alive of {} s: it was silent for {:.1} s, and was \
                 closed",
                server.as_secs(),
                silent.as_secs_f64(),
            );
            let hit = Hit::new(sentence).at(told, "CONNACK with Server Keep Alive");
            hits.add(hit.end(&end, "the server closes"));
        }
        return;
    }
    let Some(ping) = mqtt.pings.last() else { return };
    let Some(idle) = ping.last_sent.map(|sent| ping.asked.since(sent)) else { return };
    let percent = u32::try_from(view.number(&OWN)).unwrap_or(u32::MAX);
    let by_its_own = alike(idle, own, percent);
    let slack = view.slack().max(Duration::from_secs(1));
    if own > server && idle > server + slack {
        let sentence = format!(
            "it ignores the server's keep-alive of {} s: its ping came {:.1} s after its last packet",
            server.as_secs(),
            idle.as_secs_f64(),
        );
        let hit = Hit::new(sentence).at(told, "CONNACK with Server Keep Alive");
        hits.add(hit.ping(ping, "PINGREQ, too late"));
    } else if own + slack < server && by_its_own {
        let sentence = format!(
            "it pings every {} s as it asked for, although the server set {} s",
            own.as_secs(),
            server.as_secs(),
        );
        let hit = Hit::new(sentence).class("more often").severity(Severity::Info);
        hits.add(hit.ping(ping, "PINGREQ by its own keep-alive"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Severity, Vantage};

    const IGNORED: &str = "
        c1 0   open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1 > CONNECT id=pump v=5 k=60
        c1 0.2 < CONNACK v5 k=30
        c1 45.5 < DISCONNECT code=141
        c1 45.5 < fin";

    #[test]
    fn true_closed_by_the_server() {
        for vantage in [Vantage::Plain, Vantage::ClientLog, Vantage::BrokerLog] {
            let trace = Trace::of(vantage).rounds(2, 60.0, IGNORED);
            trace.finds_at_least("KA11", Confidence::Shown);
        }
    }

    #[test]
    fn true_pings_too_late() {
        let lines = IGNORED.replace("c1 45.5 < DISCONNECT code=141", "c1 44 > PINGREQ");
        let lines = lines.replace("c1 45.5 < fin", "c1 44.1 < PINGRESP\nc1 50 > fin");
        Trace::plain().rounds(2, 60.0, &lines).finds_at_least("KA11", Confidence::Shown);
    }

    #[test]
    fn true_pings_more_often_than_asked() {
        let lines = IGNORED.replace("k=30", "k=300").replace("c1 45.5 < DISCONNECT code=141", "");
        let lines = lines.replace("c1 45.5 < fin", "c1 60.1 > PINGREQ\nc1 60.2 < PINGRESP");
        let finding = Trace::plain().rounds(2, 100.0, &lines).finds("KA11");
        assert_eq!(finding.severity, Severity::Info);
    }

    #[test]
    fn alike_the_servers_is_used() {
        let lines = IGNORED.replace("c1 45.5 < DISCONNECT code=141", "c1 30.1 > PINGREQ");
        let lines = lines.replace("c1 45.5 < fin", "c1 30.2 < PINGRESP\nc1 50 > fin");
        Trace::plain().rounds(2, 60.0, &lines).does_not_find("KA11");
    }

    #[test]
    fn alike_no_server_keep_alive() {
        let lines = IGNORED.replace("k=30", "");
        Trace::plain().rounds(2, 60.0, &lines).does_not_find("KA11");
    }
}
