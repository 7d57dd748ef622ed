//! SV01: the server ends many connections at once.

use crate::rule::prelude::*;

const WITHIN: Threshold = Threshold {
    name: "SV01.within_s",
    value: 5,
    reason: "a server that stops ends its connections within seconds",
};

/// "Server shutting down".
const SHUTTING_DOWN: u8 = 0x8B;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "SV01",
        slug: "server-side-event",
        severity: Severity::Info,
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
        rounds: 1,
        sees: "Many clients are disconnected in the same moment.",
        why: "The server ended the connections: it restarts, moves clients, or is maintained. \
              MQTT 5 says so by a reason code, and a CONNACK that the server is not available. \
              One stop alone is what operators do, and is only mentioned.",
        fix: "Nothing at the client, if it comes back with a growing delay and some jitter. If \
              the server is full, raise its limit of connections (mosquitto: max_connections).",
        raises: "The server's own log.",
        explains: &["RC09", "NW04", "SV02", "KA12", "RC01", "RC02", "RC03", "RC04", "ID06"],
        references: &["MQTT-4.13.1-1"],
        thresholds: &[WITHIN],
        ..Meta::EMPTY
    },
    on: &[On::End, On::ConnAck, On::Disconnect, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    match event.what {
        What::Packet {
            packet: PacketSeen::Disconnect(code @ (0x8B | 0x98 | 0x9C | 0x9D)),
            from: Side::Server,
            ..
        } => {
            let sentence = format!("the server ended its connection: reason code 0x{code:02X}");
            let hit = Hit::new(sentence).event(event, "the server says so");
            hits.add(if code == SHUTTING_DOWN { stop(view, hit) } else { said(hit) });
        }
        What::Packet { packet: PacketSeen::ConnAck(connack), from: Side::Server, .. }
            if matches!(connack.code, 3 | 0x88 | 0x9C | 0x9D) =>
        {
            let sentence = format!(
                "the server takes no connection of it now: CONNACK with code 0x{:02X}",
                connack.code
            );
            let hit = Hit::new(sentence).class("unavailable").proven();
            hits.add(hit.event(event, "the server says so"));
        }
        What::Words(words @ (Words::ServerEvent | Words::Administrative)) => {
            let hit = Hit::new("the server ended its connection for a reason of its own");
            let hit = hit.event(event, "the log says so");
            hits.add(if words == Words::ServerEvent { stop(view, hit) } else { said(hit) });
        }
        What::Words(Words::Full) => {
            let sentence = "the server takes no connection of it: it has as many as its limit is";
            let hit = Hit::new(sentence).class("full").severity(Severity::Error).proven();
            hits.add(hit.event(event, "the log says so"));
        }
        What::Closing { .. } if view.closed_by() == Some(Side::Server) => together(view, hits),
        _ => {}
    }
}

/// It is this client that the server means.
fn said(hit: Hit) -> Hit {
    hit.class("code").proven()
}

/// The server stops. Once, that is what operators do (guard G7).
fn stop(view: &View<'_>, hit: Hit) -> Hit {
    let stopped = |round: &Round| {
        round.end.is_some_and(|end| {
            let code = matches!(end.disconnect, Some((Side::Server, SHUTTING_DOWN)));
            code || end.words == Some(Words::ServerEvent)
        })
    };
    let hit = hit.class("stop").rounds(2);
    if view.client.rounds.iter().any(stopped) { hit.proven() } else { hit }
}

/// Half of at least three clients, closed by the server within seconds.
fn together(view: &View<'_>, hits: &mut Hits) {
    let Some(end) = view.ended().and_then(|round| round.end) else { return };
    // Half of those that were there.
    let least = (view.all.live as usize).max(3);
    let ended = view.all.ended_within(view.seconds(&WITHIN), view.now, least, |ending| {
        ending.by == Some(Side::Server) && !ending.goodbye
    });
    let known = view.all.live as usize + ended;
    if ended >= least {
        let sentence = format!("the server ended {ended} of {known} connections within seconds");
        let hit = Hit::new(sentence).class("together").rounds(2);
        hits.add(hit.end(&end, "the server ends the connection"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Severity, Vantage};

    fn lines(ended: u32) -> alloc::string::String {
        let mut lines = alloc::string::String::new();
        for n in 1..=6 {
            lines += &alloc::format!(
                "c{n} 0.{n} open 10.0.0.{n}:5000 10.0.0.9:1883
                 c{n} 1.{n} > CONNECT id=pump-{n}
                 c{n} 2.{n} < CONNACK\n"
            );
        }
        for n in 1..=ended {
            lines += &alloc::format!("c{n} 60.{n} < fin\n");
        }
        lines
    }

    #[test]
    fn true_half_at_once_and_again() {
        // The other half goes on purpose, later.
        let mut all = lines(3);
        for n in 4..=6 {
            all += &alloc::format!("c{n} 80.{n} > DISCONNECT\nc{n} 80.{n} > fin\n");
        }
        let finding = Trace::plain().rounds(2, 100.0, &all).finds("SV01");
        assert_eq!((finding.severity, finding.confidence), (Severity::Info, Confidence::Shown));
    }

    #[test]
    fn true_by_reason_code() {
        let lines = "c1 0 open a:1 b:1883\nc1 1 < DISCONNECT code=152\nc1 1 < fin";
        Trace::plain().lines(lines).finds_at_least("SV01", Confidence::Proven);
        let stops = lines.replace("152", "139");
        Trace::plain().rounds(2, 100.0, &stops).finds_at_least("SV01", Confidence::Proven);
    }

    #[test]
    fn true_not_available() {
        let lines =
            "c1 0 open a:1 b:1883\nc1 0.1 > CONNECT id=pump\nc1 0.2 < CONNACK code=3\nc1 0.3 < fin";
        for vantage in [Vantage::Plain, Vantage::ClientLog] {
            let trace = Trace::of(vantage).rounds(1, 1.0, lines);
            trace.finds_at_least("SV01", Confidence::Proven);
        }
        assert_eq!(Trace::plain().rounds(8, 1.0, lines).causes(), ["SV01"]);
    }

    #[test]
    fn true_before_what_follows_from_it() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
            c1 0.1 > CONNECT id=pump clean
            c1 0.2 < CONNACK
            c1 0.3 > SUBSCRIBE topic=a qos=1
            c1 0.4 < SUBACK
            c1 8.0 < DISCONNECT code=152
            c1 8.0 < fin";
        assert_eq!(Trace::plain().rounds(5, 9.0, lines).causes(), ["SV01"]);
    }

    #[test]
    fn true_in_logs() {
        for vantage in [Vantage::BrokerLog, Vantage::ClientLog, Vantage::ClientEvents] {
            let lines = "c1 0 open a b\nc1 1 words server-event\nc1 1 < closed";
            let trace = Trace::of(vantage).rounds(2, 100.0, lines);
            trace.finds_at_least("SV01", Confidence::Proven);
            let lines = lines.replace("server-event", "administrative");
            Trace::of(vantage).lines(&lines).finds_at_least("SV01", Confidence::Proven);
        }
    }

    #[test]
    fn alike_one_restart_that_all_survive() {
        Trace::plain().lines(&lines(6)).does_not_find("SV01");
        let said = lines(6).replace("< fin", "< DISCONNECT code=139");
        Trace::plain().lines(&said).does_not_find("SV01");
        let log = lines(6).replace("< fin", "words server-event");
        Trace::of(Vantage::BrokerLog).lines(&log).does_not_find("SV01");
    }

    #[test]
    fn alike_two_of_six() {
        Trace::plain().lines(&lines(2)).does_not_find("SV01");
    }

    #[test]
    fn alike_the_clients_end_them() {
        let lines = lines(6).replace("< fin", "> fin");
        Trace::plain().lines(&lines).does_not_find("SV01");
    }

    #[test]
    fn true_the_broker_is_full() {
        let trace =
            Trace::of(Vantage::BrokerLog).lines("c1 0 open a b\nc1 0 words full\nc1 0 < closed");
        let finding = trace.finds("SV01");
        assert_eq!((finding.class, finding.severity), ("full", Severity::Error));
    }
}
