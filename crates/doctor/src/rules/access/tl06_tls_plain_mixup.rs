//! TL06: TLS to a port without it, or the other way round.

use crate::event::Begins;
use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "TL06",
        slug: "tls-plain-mixup",
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::BrokerLog, Vantage::ClientLog],
            support: &[],
        },
        rounds: 1,
        sees: "The connection opens and ends at once; the error speaks of a malformed packet, a \
               wrong version number or an unexpected message.",
        why: "One side speaks TLS and the other does not: the port or the scheme is wrong.",
        fix: "Use `mqtts://` with port 8883, `mqtt://` with port 1883.",
        raises: "The broker's list of listeners.",
        explains: &["RC01", "RC03", "RC04", "PR01", "AU03", "PR03", "NW09", "TL01"],
        references: &["MQTT-3.1.0-1"],
        ..Meta::EMPTY
    },
    on: &[On::Odd, On::Words, On::Tls, On::End],
    check,
};

const ON_PLAIN: &str = "it speaks TLS to a port that expects none";

/// The port of MQTT without TLS.
const PLAIN: u16 = 1883;
/// The port of MQTT over TLS.
const TLS: u16 = 8883;

/// Nobody reads CONNECT and decides faster over a network.
const AT_ONCE: Duration = Duration::from_millis(50);

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    match event.what {
        What::NotMqtt { from: Side::Server, begins: Begins::Tls } => {
            let sentence = "it speaks without TLS to a port that expects TLS";
            hits.add(Hit::new(sentence).class("plain to TLS").proven().event(event, "a TLS alert"));
        }
        What::NotMqtt { from: Side::Client, begins: Begins::Tls } => {
            let hit = Hit::new(ON_PLAIN).class("TLS to plain").proven();
            hits.add(hit.event(event, "the beginning of TLS"));
        }
        What::Words(Words::TlsOnPlain) => {
            let hit = Hit::new(ON_PLAIN).class("TLS to plain").event(event, "the log says so");
            // A client only knows that what came is no TLS.
            hits.add(if view.is(Vantage::ClientLog) { hit } else { hit.proven() });
        }
        What::Words(Words::PlainOnTls) => {
            let sentence = "it speaks without TLS to a port that expects TLS";
            let hit = Hit::new(sentence).class("plain to TLS").proven();
            hits.add(hit.event(event, "the log says so"));
        }
        What::Closing { .. } if view.closed_by() == Some(Side::Server) => {
            hello_unanswered(view, hits);
            connect_unanswered(view, hits);
        }
        _ => {}
    }
}

/// CONNECT in the clear to the port of TLS, and an end at once.
fn connect_unanswered(view: &View<'_>, hits: &mut Hits) {
    let (Some(round), Some(connection)) = (view.ended(), view.connection) else { return };
    // TLS that a key log opens has a hello before.
    if !view.is(Vantage::Plain) || connection.suite != 0 {
        return;
    }
    let (Some(end), Some(connect)) = (round.end, round.said.connect) else { return };
    let at_once = end.at.since(connect.at) <= AT_ONCE && round.last_received().is_none();
    if round.server.port == TLS && at_once && !round.gaps {
        let sentence =
            "it speaks without TLS to the port of TLS, which ends the connection at once";
        let hit =
            Hit::new(sentence).class("unanswered").rounds(2).at(connect, "CONNECT, in the clear");
        hits.add(hit.end(&end, "the server ends the connection"));
    }
}

/// A ClientHello that is answered by an end alone: not by an alert, as a TLS
/// server would.
fn hello_unanswered(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(round)) = (view.connection, view.ended()) else { return };
    let hello = connection.recent.iter().find_map(|event| match event.what {
        What::ClientHello { sni, .. } => Some((event, sni)),
        _ => None,
    });
    let (Some((hello, sni)), Some(end)) = (hello, round.end) else { return };
    // Who needs a name may end without one as well: TL01, unless it is a plain port.
    let named = !sni.is_none() || round.server.port == PLAIN;
    if named && round.last_received().is_none() && !round.gaps {
        let hit = Hit::new("its ClientHello is answered by an end alone, without a TLS alert");
        let hit = hit.class("TLS to plain").rounds(2).event(hello, "ClientHello");
        hits.add(hit.end(&end, "the server ends the connection"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    #[test]
    fn true_plain_to_tls() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.1 > CONNECT id=pump
            c1 0.2 < not-mqtt tls
            c1 0.3 < fin";
        Trace::plain().lines(lines).finds_at_least("TL06", Confidence::Proven);
    }

    #[test]
    fn true_tls_to_plain() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
            c1 0.1 > hello sni=broker
            c1 0.2 < fin";
        Trace::encrypted().rounds(2, 5.0, lines).finds_at_least("TL06", Confidence::Inferred);
    }

    #[test]
    fn true_the_broker_says_so() {
        Trace::of(Vantage::BrokerLog)
            .lines("c1 0 open a b\nc1 1 words tls-on-plain")
            .finds_at_least("TL06", Confidence::Proven);
    }

    #[test]
    fn true_the_client_says_so() {
        let finding = Trace::of(Vantage::ClientLog)
            .lines("c1 0 open a b\nc1 1 words tls-on-plain")
            .finds("TL06");
        assert_eq!(finding.confidence, Confidence::Shown);
    }

    #[test]
    fn alike_a_proxy_preface() {
        let lines = "c1 0 open a:1 b:1883\nc1 0.1 > not-mqtt proxy\nc1 0.2 < fin";
        Trace::plain().lines(lines).does_not_find("TL06");
    }

    #[test]
    fn alike_a_handshake_that_fails_by_an_alert() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.1 > hello sni=broker
            c1 0.2 < alert code=40
            c1 0.3 < fin";
        Trace::encrypted().rounds(2, 5.0, lines).does_not_find("TL06");
    }

    #[test]
    fn true_the_broker_got_no_tls() {
        let trace = Trace::of(Vantage::BrokerLog).lines("c1 0 open a b\nc1 1 words plain-on-tls");
        let finding = trace.finds("TL06");
        assert_eq!((finding.class, finding.confidence), ("plain to TLS", Confidence::Proven));
    }

    #[test]
    fn true_tls_without_a_name_to_the_plain_port() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
            c1 0.1 > hello
            c1 0.2 < fin";
        let trace = || Trace::encrypted().rounds(2, 5.0, lines);
        trace().finds_at_least("TL06", Confidence::Inferred);
        trace().does_not_find("TL01");
        let lines = lines.replace("1883", "8883");
        Trace::encrypted().rounds(2, 5.0, &lines).does_not_find("TL06");
    }

    #[test]
    fn true_plain_to_the_port_of_tls() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.1 > CONNECT id=pump
            c1 0.12 < fin";
        Trace::plain().rounds(3, 5.0, lines).finds_at_least("TL06", Confidence::Shown);
        Trace::plain().rounds(3, 5.0, &lines.replace("0.12", "0.4")).does_not_find("TL06");
        Trace::plain().rounds(3, 5.0, &lines.replace("8883", "1883")).does_not_find("TL06");
    }
}
