//! AU03: the server does not let the client in.

use crate::event::Denied;
use crate::rule::prelude::*;
use crate::rules::cloud::below_floor;

const SOON: Threshold = Threshold {
    name: "AU03.soon_ms",
    value: 2000,
    reason: "a server that has read CONNECT and says no does so at once",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "AU03",
        slug: "connect-denied",
        vantages: Vantages {
            show: &[
                Vantage::Plain,
                Vantage::Encrypted,
                Vantage::ClientLog,
                Vantage::BrokerLog,
                Vantage::ClientEvents,
            ],
            support: &[],
        },
        sees: "The client never gets in: \"not authorized\", \"bad user name or password\", or an \
               end right after CONNECT.",
        why: "The server reads CONNECT and refuses it, by a code in CONNACK or, as AWS IoT Core \
              does, by ending the connection without one.",
        fix: "Check user name, password, token or certificate, and whether the policy lets this \
              client identifier connect (at AWS: `iot:Connect` on `client/ID`).",
        raises: "The broker's log says which part it refused.",
        explains: &["RC01", "RC03", "RC04", "RC06", "AU01", "SV04"],
        references: &["MQTT-3.1.4-5", "https://github.com/aws/aws-iot-device-sdk-js-v2/issues/101"],
        thresholds: &[SOON],
        ..Meta::EMPTY
    },
    on: &[On::ConnAck, On::End, On::Words],
    check,
};

/// Codes that speak of who the client is: before MQTT 5, then since.
pub(super) fn denies(code: u8) -> bool {
    matches!(code, 2 | 4 | 5 | 0x85 | 0x86 | 0x87 | 0x8C)
}

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    match event.what {
        What::Packet { packet: PacketSeen::ConnAck(connack), inferred: false, .. }
            if denies(connack.code) =>
        {
            let sentence = format!(
                "the server refuses its CONNECT with {} 0x{:02X}",
                if connack.code < 0x80 { "return code" } else { "reason code" },
                connack.code
            );
            hits.add(Hit::new(sentence).proven().event(event, "CONNACK that refuses"));
        }
        What::Words(Words::Denied(Denied::Connect, _)) => {
            let hit = Hit::new("the server does not let it connect").proven();
            hits.add(hit.event(event, "denied"));
        }
        What::Closing { .. } if view.source.vantage.is_wire() => unanswered(view, hits),
        _ => {}
    }
}

/// CONNECT was read, as more than a round trip passed, and answered by an end.
fn unanswered(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(round)) = (view.connection, view.ended()) else { return };
    let (Some(end), Some(sent)) = (round.end, round.sent) else { return };
    // One that comes too soon is ended so, too: AW02.
    if end.by != Some(Side::Server) || below_floor(view).is_some() {
        return;
    }
    let connect = if view.is(Vantage::Encrypted) {
        // The one thing the client has said, beyond the handshake.
        connection.suite != 0 && connection.mqtt.pings.asked == 0 && only_one_sealed(connection)
    } else {
        round.said.connect == Some(sent) && round.said.connack.is_none()
    };
    let trip = connection.tcp.handshake.unwrap_or_default();
    let waited = end.at.since(sent.at);
    let silent = round.last_received().is_none_or(|heard| heard <= sent.at);
    let (soon, read) = (view.millis(&SOON), waited > trip);
    if connect && silent && read && waited <= soon && !round.gaps {
        let sentence = format!(
            "the server ended the connection {} ms after CONNECT, without an answer",
            waited.as_millis()
        );
        let hit = Hit::new(sentence).class("ended");
        hits.add(hit.end(&end, "the server ends the connection"));
    }
}

fn only_one_sealed(connection: &Connection) -> bool {
    let sealed = |event: &&crate::Event| {
        let (What::Sealed { from, .. } | What::Packet { from, .. }) = event.what else {
            return false;
        };
        from == Side::Client
    };
    connection.recent.iter().filter(sealed).count() == 1
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const REFUSED: &str = "
        c1 0.0  open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.1  > CONNECT id=pump user=7
        c1 0.2  < CONNACK code=5
        c1 0.3  < fin";
    const ENDED: &str = "
        c1 0.00  open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.01  accepted
        c1 0.1  > CONNECT id=pump
        c1 0.3  < fin";

    #[test]
    fn true_refused_by_code() {
        let finding = Trace::plain().lines(REFUSED).finds("AU03");
        assert_eq!(finding.confidence, Confidence::Proven);
        let v5 = REFUSED.replace("code=5", "code=135 v5");
        assert!(Trace::plain().lines(&v5).finds("AU03").sentence.contains("0x87"));
    }

    #[test]
    fn true_ended_without_an_answer() {
        Trace::plain().rounds(2, 5.0, ENDED).finds_at_least("AU03", Confidence::Shown);
    }

    #[test]
    fn true_under_tls() {
        let lines = "
            c1 0.00  open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.01  accepted
            c1 0.02  > hello sni=broker
            c1 0.03  < hello
            c1 0.10  > sealed bytes=60
            c1 0.30  < fin";
        Trace::encrypted().rounds(2, 5.0, lines).finds_at_least("AU03", Confidence::Inferred);
    }

    #[test]
    fn true_in_logs() {
        for vantage in [Vantage::ClientLog, Vantage::BrokerLog] {
            Trace::of(vantage)
                .lines("c1 0 open a b\nc1 1 words denied-connect pump")
                .finds_at_least("AU03", Confidence::Proven);
        }
    }

    /// The cloud ends what comes too soon after a short life: AW02.
    #[test]
    fn alike_it_comes_too_soon() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.1 > CONNECT id=pump
            c1 0.3 < fin";
        Trace::plain().rounds(4, 3.0, lines).finds("AU03");
        let trace = Trace::at("aws-iot-core").rounds(4, 3.0, lines).report();
        assert_eq!(trace.findings[0].rule.id, "AW02");
        assert!(trace.findings.iter().all(|finding| finding.rule.id != "AU03"));
    }

    #[test]
    fn alike_the_server_is_busy() {
        Trace::plain().lines(&REFUSED.replace("code=5", "code=3")).does_not_find("AU03");
    }

    #[test]
    fn alike_nobody_read_it() {
        // The end comes faster than any round trip: a load balancer without a server.
        let lines = ENDED.replace("c1 0.3 ", "c1 0.105 ");
        Trace::plain().rounds(2, 5.0, &lines).does_not_find("AU03");
    }

    #[test]
    fn alike_silence_until_the_client_ends() {
        let lines = ENDED.replace("c1 0.3  <", "c1 20.3  >");
        Trace::plain().rounds(2, 50.0, &lines).does_not_find("AU03");
    }

    #[test]
    fn alike_an_alert_instead_of_a_connect() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.1 > hello sni=broker
            c1 0.2 < hello
            c1 0.3 < ~PINGRESP
            c1 0.3 < fin";
        Trace::encrypted().rounds(3, 5.0, lines).does_not_find("AU03");
    }
}
