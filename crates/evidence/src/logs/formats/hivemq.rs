//! HiveMQ's event.log, and what hivemq.log says of ends.

use evenkeel_doctor::{Address, ConnAckSeen, ConnectSeen, PacketSeen, Side, Vantage, Words};

use crate::logs::facts::Facts;
use crate::logs::format::{Format, Hit};
use crate::logs::reasons;
use crate::logs::scan::{between, number_after};
use crate::logs::threads::Who;

pub(super) static FORMAT: Format = Format {
    name: "hivemq",
    of: "HiveMQ: event.log, hivemq.log",
    vantage: Vantage::BrokerLog,
    shows: "connections and why each ended, dropped messages",
    signs: &[
        "- Client ID: ",
        "Receiving client: ",
        "Disconnecting already connected client with id ",
    ],
    anchors: &[
        (" connected.", connected),
        (" disconnected gracefully.", |hit, facts| match id(hit.before) {
            Some(id) => facts.ends(Who::id(id), Words::Goodbye, Some(Side::Client)),
            None => facts.unknown(),
        }),
        (" disconnected ungracefully", |hit, facts| match id(hit.before) {
            Some(id) => facts.closed(Who::id(id), Some(Side::Client)),
            None => facts.unknown(),
        }),
        (" was disconnected", |hit, facts| {
            let Some(id) = id(hit.before) else { return facts.unknown() };
            let reason = hit.rest().split_once("reason: ").map_or("", |(_, reason)| reason);
            match reasons::words(reason) {
                Some(words) => facts.ends(Who::id(id), words, Some(Side::Server)),
                None => facts.closed(Who::id(id), Some(Side::Server)),
            }
        }),
        ("Outgoing publish message was dropped. Receiving client: ", |hit, facts| {
            let id = hit.after.split_once(", topic: ").map_or_else(|| hit.rest(), |(id, _)| id);
            facts.words(Who::id(id), Words::Dropped);
        }),
        ("Disconnecting already connected client with id ", |hit, facts| {
            let Some((id, _)) = hit.after.split_once(" and ip ") else { return facts.unknown() };
            facts.ends(Who::id(id), Words::TakenOver, Some(Side::Server));
        }),
        (" disconnected. The client was idle for too long", |hit, facts| {
            let Some(id) = between(hit.before, "Client with ID ", " and IP ") else {
                return facts.unknown();
            };
            let words = Words::KeepAliveTimeout { by: Side::Server };
            facts.ends(Who::id(id), words, Some(Side::Server));
        }),
        ("session has expired", |_, _| {}),
    ],
    ..Format::EMPTY
};

fn id(before: &str) -> Option<&str> {
    between(before, "Client ID: ", ", IP: ")
}

/// `Client ID: a, IP: 10.0.0.1, Clean Start: true, Session Expiry: 0 connected.`
fn connected(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let Some(id) = id(hit.before) else { return facts.unknown() };
    let (_, rest) = hit.before.split_once(", IP: ").unwrap_or(("", ""));
    let client = facts.address(rest.split_once(", ").map_or(rest, |(ip, _)| ip));
    let connect = ConnectSeen {
        clean: rest.contains("Clean Start: true"),
        session_expiry: number_after(rest, "Session Expiry: ").unwrap_or(0),
        receive_maximum: u16::MAX,
        ..ConnectSeen::default()
    };
    facts.open(Who::id(id), client, Address::UNKNOWN);
    facts.connect(Who::id(id), connect);
    facts.packet(Who::id(id), Side::Server, PacketSeen::ConnAck(ConnAckSeen::default()));
}

#[cfg(test)]
mod tests {
    use crate::logs::told::Told;

    #[test]
    fn connections_and_their_ends() {
        let told = Told::of(
            "hivemq",
            "2026-01-02 03:04:05,123 - Client ID: a, IP: 10.0.0.1, Clean Start: true, Session Expiry: 0 connected.
             2026-01-02 03:04:06,123 - Client ID: a, IP: 10.0.0.1 disconnected gracefully. Reason given by client: bye
             2026-01-02 03:04:07,123 - Client ID: b, IP: 10.0.0.2, Clean Start: false, Session Expiry: 60 connected.
             2026-01-02 03:04:08,123 - Outgoing publish message was dropped. Receiving client: b, topic: t, qos: 0, reason: full.
             2026-01-02 03:04:09,123 - Client ID: b, IP: 10.0.0.2 was disconnected. reason: Client was idle for too long.",
        );
        assert_eq!(
            told.timed(),
            "0 0 is a
             0 0 opening 10.0.0.1 -
             0 0 > CONNECT id=a clean
             0 0 < CONNACK 0
             1000 0 words Goodbye
             1000 0 > closing
             2000 1 is b
             2000 1 opening 10.0.0.2 -
             2000 1 > CONNECT id=b
             2000 1 < CONNACK 0
             3000 1 words Dropped
             4000 1 words KeepAliveTimeout by Server
             4000 1 < closing"
        );
    }

    #[test]
    fn a_take_over_that_is_told_late_is_of_the_older_connection() {
        let told = Told::of(
            "hivemq",
            "2026-01-02 03:04:05,123 - Client ID: a, IP: 10.0.0.1, Clean Start: true, Session Expiry: 0 connected.
             2026-01-02 03:04:06,123 - Client ID: a, IP: 10.0.0.2, Clean Start: true, Session Expiry: 0 connected.
             2026-01-02 03:04:06,124 - Client ID: a, IP: 10.0.0.1 was disconnected. reason: Another client connected with the same client identifier.
             2026-01-02 03:04:09,124 - Client ID: a, IP: 10.0.0.2 disconnected ungracefully from tcp on port: 1883.",
        );
        let lines = told.lines();
        assert!(lines.contains("0 ended\n             1 is a"), "{lines}");
        assert!(lines.ends_with("0 words TakenOver\n             1 > closing"), "{lines}");
    }
}
