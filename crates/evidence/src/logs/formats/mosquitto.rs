//! The log of the mosquitto broker, 1.4 to 2.1.
//!
//! "New connection" has an address and no identifier, most other lines have an
//! identifier alone. A broker that does not log packets says nothing of
//! CONNACK: it follows from "New client connected".

use evenkeel_doctor::{
    Address, ConnAckSeen, ConnectSeen, Denied, PacketSeen, Side, Vantage, Words,
};

use super::libmosquitto::{printed_ack, printed_publish};
use crate::digest;
use crate::logs::facts::{Facts, split_address};
use crate::logs::format::{Format, Hit};
use crate::logs::reasons::{refusal, tls_words};
use crate::logs::scan::{between, number, number_after};
use crate::logs::threads::Who;

pub(super) static FORMAT: Format = Format {
    name: "mosquitto",
    of: "the mosquitto broker, 1.4 to 2.1",
    vantage: Vantage::BrokerLog,
    shows: "connections, keep-alive and why each ended; packets with log_type all",
    signs: &[
        "New connection from ",
        "New client connected from ",
        " has exceeded timeout, disconnecting.",
        " already connected, closing old connection.",
        " closed its connection.",
        "mosquitto version ",
        "Received PINGREQ from ",
        "Sending CONNACK to ",
        "Socket error on client ",
        "Sending PUBLISH to ",
        "Received PUBLISH from ",
        "] disconnected: ",
        "Connecting bridge (step ",
        " doing local SUBSCRIBE on topic ",
    ],
    anchors: &[
        ("New connection from ", opened),
        ("New client connected from ", connected),
        ("No will message specified", |_, _| {}),
        ("Will message specified", |_, _| {}),
        ("mosquitto version ", |hit, facts| match hit.rest() {
            // If it did not say that it stops, it crashed.
            rest if rest.ends_with(" starting") => {
                facts.server_stops();
                facts.begins_anew();
            }
            rest if rest.ends_with(" terminating") => facts.server_stops(),
            _ => {}
        }),
        (" has exceeded timeout, disconnecting", |hit, facts| {
            let words = Words::KeepAliveTimeout { by: Side::Server };
            facts.ends(who(hit), words, Some(Side::Server));
        }),
        (" already connected, closing old connection", |hit, facts| {
            facts.ends(who(hit), Words::TakenOver, Some(Side::Server));
        }),
        (" closed its connection", |hit, facts| facts.closed(who(hit), Some(Side::Client))),
        (" disconnected.", |hit, facts| {
            facts.ends(who(hit), Words::Goodbye, Some(Side::Client));
        }),
        (" disconnected, not authorised", |hit, facts| ended_for("not authorised", hit, facts)),
        (" disconnected due to ", |hit, facts| ended_for(hit.rest(), hit, facts)),
        (" disconnected: ", |hit, facts| ended_for(hit.rest(), hit, facts)),
        (" been disconnected by administrative action", |hit, facts| {
            ended_for("administrative action", hit, facts);
        }),
        ("Bad socket read/write on client ", |hit, facts| {
            let (id, why) = hit.after.split_once(": ").unwrap_or((hit.after, ""));
            // This is the broker's own decision, all others are the socket's.
            let by = why.contains("not supported").then_some(Side::Server);
            facts.closed(Who::id(id), by);
        }),
        ("Socket error on client ", |hit, facts| {
            let id = hit.after.split_once(", ").map_or(hit.after, |(id, _)| id);
            with_known(id, facts, |who, facts| facts.closed(who, None));
        }),
        ("OpenSSL Error", tls_error),
        ("Client connection from ", not_let_in),
        ("Too high QoS in PUBLISH from ", |hit, facts| {
            let id = hit.after.split_once(", ").map_or(hit.after, |(id, _)| id);
            facts.words(Who::id(id), Words::QosUnsupported);
        }),
        // A bridge is a client of another broker.
        ("Bridge ", |hit, facts| {
            if let Some((id, "")) = hit.after.split_once(" sending CONNECT") {
                facts.memory.bridge = id.into();
            }
        }),
        ("Connection Refused: ", |hit, facts| {
            let id = core::mem::take(&mut facts.memory.bridge);
            let (false, Some(code)) = (id.is_empty(), refusal(hit.after)) else {
                return facts.unknown();
            };
            facts.open(Who::id(&id), Address::UNKNOWN, Address::UNKNOWN);
            facts.connect(Who::id(&id), ConnectSeen::default());
            facts.refused(Who::id(&id), code);
        }),
        (" appears to be using TLS to connect to a non-TLS listener", |hit, facts| {
            let Some((_, peer)) = hit.before.split_once("from ") else { return facts.unknown() };
            facts.words(Who::peer(peer), Words::TlsOnPlain);
        }),
        ("Outgoing messages are being dropped for client ", |hit, facts| {
            facts.words(Who::id(hit.rest()), Words::Dropped);
        }),
        ("Denied PUBLISH from ", |hit, facts| {
            let Some((id, rest)) = hit.after.split_once(" (d") else { return facts.unknown() };
            let topic = between(rest, "'", "', ...").unwrap_or_default();
            facts.denied(Who::id(id), Denied::Publish, topic);
        }),
        ("Sending CONNACK to ", connack),
        ("Received PINGREQ from ", |hit, facts| {
            facts.packet(Who::id(hit.after), Side::Client, PacketSeen::PingReq);
        }),
        ("Sending PINGRESP to ", |hit, facts| {
            facts.packet(Who::id(hit.after), Side::Server, PacketSeen::PingResp);
        }),
        ("Received PUBLISH from ", |hit, facts| publish(hit, facts, Side::Client)),
        ("Sending PUBLISH to ", |hit, facts| publish(hit, facts, Side::Server)),
        ("Received SUBSCRIBE from ", |hit, facts| filters_follow(hit, facts, true)),
        ("Received UNSUBSCRIBE from ", |hit, facts| filters_follow(hit, facts, false)),
        ("Sending SUBACK to ", |hit, facts| {
            facts.packet(Who::id(hit.after), Side::Server, PacketSeen::SubAck(0, 0, 0));
        }),
        ("Sending UNSUBACK to ", |hit, facts| {
            facts.packet(Who::id(hit.after), Side::Server, PacketSeen::UnsubAck(0, 0, 0));
        }),
        ("Received PUBACK from ", |hit, facts| ack(hit, facts, Side::Client, PacketSeen::PubAck)),
        ("Sending PUBACK to ", |hit, facts| ack(hit, facts, Side::Server, PacketSeen::PubAck)),
        ("Received PUBREC from ", |hit, facts| ack(hit, facts, Side::Client, PacketSeen::PubRec)),
        ("Sending PUBREC to ", |hit, facts| ack(hit, facts, Side::Server, PacketSeen::PubRec)),
        ("Received PUBREL from ", |hit, facts| ack(hit, facts, Side::Client, PacketSeen::PubRel)),
        ("Sending PUBREL to ", |hit, facts| ack(hit, facts, Side::Server, PacketSeen::PubRel)),
        ("Received PUBCOMP from ", |hit, facts| {
            ack(hit, facts, Side::Client, PacketSeen::PubComp);
        }),
        ("Sending PUBCOMP to ", |hit, facts| ack(hit, facts, Side::Server, PacketSeen::PubComp)),
        ("Received DISCONNECT from ", |hit, facts| {
            facts.packet(Who::id(hit.after), Side::Client, PacketSeen::Disconnect(0));
        }),
        ("Sending DISCONNECT to ", |hit, facts| {
            let id = hit.after.split_once(" (").map_or(hit.after, |(id, _)| id);
            let code = number_after(hit.after, "rc").unwrap_or(0);
            facts.packet(Who::id(id), Side::Server, PacketSeen::Disconnect(code));
        }),
    ],
    before,
    finish: |facts| {
        tell_connack(facts);
        tell_filters(facts);
    },
    ..Format::EMPTY
};

/// What the line before left to be said is said, unless this line goes on.
fn before(line: &str, facts: &mut Facts<'_>) -> bool {
    if let Some(filter) = line.strip_prefix('\t') {
        let Some((moment, mut seen, subscribes)) = facts.memory.filters.take() else {
            // The topic of a will.
            return facts.memory.connack.is_some();
        };
        let (filter, qos) = filter.rsplit_once(" (QoS ").unwrap_or((filter, ""));
        facts.filter(&mut seen, filter, number(qos).unwrap_or(0));
        facts.memory.filters = Some((moment, seen, subscribes));
        return true;
    }
    if facts.memory.filters.is_some() {
        tell_filters(facts);
    }
    if facts.memory.connack.is_some()
        && !line.starts_with("Sending CONNACK to ")
        && !line.contains("ill message specified")
    {
        tell_connack(facts);
    }
    false
}

fn tell_connack(facts: &mut Facts<'_>) {
    let Some(moment) = facts.memory.connack.take() else { return };
    let id = facts.memory.client.clone();
    facts.back_at(moment, |facts| facts.connack(Who::id(&id), 0));
}

fn tell_filters(facts: &mut Facts<'_>) {
    let Some((moment, seen, subscribes)) = facts.memory.filters.take() else { return };
    let id = facts.memory.client.clone();
    let packet =
        if subscribes { PacketSeen::Subscribe(seen) } else { PacketSeen::Unsubscribe(seen) };
    facts.back_at(moment, |facts| facts.packet(Who::id(&id), Side::Client, packet));
}

fn filters_follow(hit: &Hit<'_>, facts: &mut Facts<'_>, subscribes: bool) {
    facts.memory.client = hit.after.into();
    let none = facts.filters(0, core::iter::empty());
    facts.memory.filters = Some((facts.moment, none, subscribes));
}

/// `10.0.0.1:5000 on port 1883.`; before 1.6 the client's port is missing.
fn opened(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let (peer, port) = hit.rest().rsplit_once(" on port ").unwrap_or_else(|| (hit.rest(), ""));
    facts.memory.peer = peer.into();
    let client = facts.address(peer);
    if client.port > 0 {
        let server = Address { port: number(port).unwrap_or(0), ..Address::UNKNOWN };
        facts.open(Who::peer(peer), client, server);
    }
}

/// `10.0.0.1:5000 as pump (p2, c1, k60, u'user').`; before 1.6 `(c1, k60)`.
fn connected(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let parts = hit.after.split_once(" as ").and_then(|(peer, rest)| {
        let (id, options) = rest.split_once(" (p").or_else(|| rest.split_once(" (c"))?;
        Some((peer, id, options, rest.contains(" (p")))
    });
    let Some((peer, id, options, versioned)) = parts else { return facts.unknown() };
    let version = match (versioned, number::<u8>(options)) {
        (true, Some(1)) => 3,
        (true, Some(2)) => 4,
        (true, Some(5)) => 5,
        _ => 0,
    };
    let user = between(options, ", u'", "'");
    let connect = ConnectSeen {
        version,
        clean: if versioned { options.contains(", c1") } else { options.starts_with('1') },
        keep_alive: number_after(options, ", k"),
        credentials: user.is_some(),
        credentials_digest: user.map_or(0, digest::of),
        receive_maximum: u16::MAX,
        ..ConnectSeen::default()
    };
    // Without a port an address is no name of a connection.
    let peer = if split_address(peer).1 > 0 { peer } else { "" };
    facts.connect(Who { id, peer, instance: "" }, connect);
    facts.memory.client = id.into();
    facts.memory.connack = Some(facts.moment);
}

/// `pump (0, 0)`: session present, code. Before an identifier is known, the
/// host stands in its place.
fn connack(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let parts = hit.rest().rsplit_once(" (").and_then(|(id, codes)| {
        let (present, code) = codes.split_once(", ")?;
        Some((id, present == "1", number(code)?))
    });
    let Some((id, session_present, code)) = parts else { return facts.unknown() };
    facts.memory.connack = None;
    let connack = ConnAckSeen { code, session_present, ..ConnAckSeen::default() };
    with_known(id, facts, |who, facts| {
        facts.packet(who, Side::Server, PacketSeen::ConnAck(connack));
    });
}

/// The connection with this identifier; the newest one, if the identifier is
/// not known yet, or a host in its place.
fn with_known(id: &str, facts: &mut Facts<'_>, then: impl FnOnce(Who<'_>, &mut Facts<'_>)) {
    let newest = facts.memory.peer.clone();
    if id == "<unknown>" || id == split_address(&newest).0 {
        then(Who::peer(&newest), facts);
    } else {
        then(Who::id(id), facts);
    }
}

/// `Client pump`, and since 2.1 `Client pump [10.0.0.1:5000]`.
fn who<'a>(hit: &Hit<'a>) -> Who<'a> {
    let (_, id) = hit.before.split_once("Client ").unwrap_or(("", hit.before));
    match id.strip_suffix(']').and_then(|id| id.rsplit_once(" [")) {
        Some((id, peer)) if split_address(peer).1 > 0 => Who { id, peer, instance: "" },
        _ => Who::id(id),
    }
}

/// The reasons of 2.1; the older texts have the same words.
fn ended_for(reason: &str, hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let server = Some(Side::Server);
    let (words, by) = match reason {
        "exceeded timeout" => (Words::KeepAliveTimeout { by: Side::Server }, server),
        "session taken over" => (Words::TakenOver, server),
        "not authorised" | "bad username or password" => {
            (Words::Denied(Denied::Connect, facts.keep("")), server)
        }
        "protocol error" | "malformed packet" => (Words::ProtocolError, server),
        "oversize packet" | "oversize payload" => (Words::TooLarge, server),
        "receive maximum exceeded" => (Words::ReceiveMaximum, server),
        "quota exceeded" => (Words::Throttled, server),
        "connection rate exceeded" => (Words::ConnectRate, server),
        "topic alias invalid" => (Words::AliasInvalid, server),
        "server busy" | "out of memory" => (Words::ServerEvent, server),
        "client banned" => (Words::Banned, server),
        "administrative action" => (Words::Administrative, server),
        "QoS too high or retain not supported" => (Words::QosUnsupported, server),
        other if other.starts_with("used disallowed feature") => {
            let retain = other.contains("retain");
            (if retain { Words::RetainUnsupported } else { Words::QosUnsupported }, server)
        }
        "connection closed by client" => return closed(hit, facts, Some(Side::Client)),
        // A socket's error is no side's decision.
        other if other.starts_with("bad socket read/write") => return closed(hit, facts, None),
        other => (Words::Other(facts.keep(other)), None),
    };
    let Who { id, peer, .. } = who(hit);
    match peer {
        "" => with_known(id, facts, |who, facts| facts.ends(who, words, by)),
        _ => facts.ends(Who { id, peer, instance: "" }, words, by),
    }
}

fn closed(hit: &Hit<'_>, facts: &mut Facts<'_>, by: Option<Side>) {
    facts.closed(who(hit), by);
}

/// `OpenSSL Error[0]: error:..:SSL routines:..:tlsv1 alert unknown ca`: of the
/// newest connection, as the line does not say which.
fn tls_error(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let peer = facts.memory.peer.clone();
    if peer.is_empty() {
        return facts.unknown();
    }
    if let Some(words) = tls_words(Side::Server, hit.after) {
        facts.words(Who::peer(&peer), words);
    }
}

/// `10.0.0.1 denied: max_connections exceeded.`, and `10.0.0.1 failed: error:..`: it was
/// closed at once, and has no other line.
fn not_let_in(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let parts = hit.after.split_once(" denied: ").or_else(|| hit.after.split_once(" failed: "));
    let Some((peer, why)) = parts else { return facts.unknown() };
    let words = if why.contains("max_connections") {
        Some(Words::Full)
    } else {
        tls_words(Side::Server, why)
    };
    let client = facts.address(peer);
    facts.open(Who::peer(peer), client, Address::UNKNOWN);
    match words {
        Some(words) => facts.ends(Who::peer(peer), words, Some(Side::Server)),
        None => facts.closed(Who::peer(peer), None),
    }
}

fn publish(hit: &Hit<'_>, facts: &mut Facts<'_>, from: Side) {
    let id = hit.after.split_once(" (d").map(|(id, _)| id);
    match (id, id.and_then(|id| printed_publish(hit.after.get(id.len()..)?, facts))) {
        (Some(id), Some(publish)) => {
            facts.packet(Who::id(id), from, PacketSeen::Publish(publish));
        }
        _ => facts.unknown(),
    }
}

fn ack(hit: &Hit<'_>, facts: &mut Facts<'_>, from: Side, kind: fn(u16, u8) -> PacketSeen) {
    let parts = hit.after.rsplit_once(" (").and_then(|(id, rest)| Some((id, printed_ack(rest)?)));
    match parts {
        Some((id, (mid, code))) => facts.packet(Who::id(id), from, kind(mid, code)),
        None => facts.unknown(),
    }
}

#[cfg(test)]
mod tests {
    use crate::logs::told::Told;

    fn told(lines: &str) -> Told {
        Told::of("mosquitto", lines)
    }

    #[test]
    fn a_connection_with_packets() {
        let told = told(
            "1767323045: New connection from 10.0.0.1:5000 on port 1883.
             1767323045: New client connected from 10.0.0.1:5000 as pump 1 (p2, c0, k60, u'eve').
             1767323045: Will message specified (4 bytes) (r0, q1).
             1767323045: \tsite/will
             1767323045: Sending CONNACK to pump 1 (1, 0)
             1767323046: Received SUBSCRIBE from pump 1
             1767323046: \tcmd/# (QoS 1)
             1767323046: \t$share/g/x (QoS 0)
             1767323046: pump 1 1 cmd/#
             1767323046: Sending SUBACK to pump 1
             1767323047: Received PUBLISH from pump 1 (d1, q1, r1, m7, 'it's', ... (9 bytes))
             1767323047: Sending PUBACK to pump 1 (m7, rc16)
             1767323048: Received PINGREQ from pump 1
             1767323048: Sending PINGRESP to pump 1
             1767323049: Received DISCONNECT from pump 1
             1767323049: Client pump 1 disconnected.",
        );
        told.hides("eve");
        assert_eq!(
            told.lines(),
            "0 opening 10.0.0.1:5000 :1883
             0 is pump 1
             0 > CONNECT id=pump 1 k=60 v=4 user
             0 < CONNACK 0 session
             0 > SUBSCRIBE 0 cmd/# n=2 qos=1 wildcard shared
             0 < SUBACK 0 0 failed=0
             0 > PUBLISH 7 it's qos=1 dup retain payload=9
             0 < PUBACK 7 16
             0 > PINGREQ
             0 < PINGRESP
             0 > DISCONNECT 0
             0 words Goodbye
             0 > closing"
        );
        assert_eq!(told.understood(), 15);
    }

    #[test]
    fn a_log_without_packets_has_connacks_all_the_same() {
        let told = told(
            "1767323045: New connection from 10.0.0.1:5000 on port 1883.
             1767323045: New client connected from 10.0.0.1:5000 as a (p5, c1, k10).
             1767323065: Client a has exceeded timeout, disconnecting.",
        );
        assert_eq!(
            told.timed(),
            "0 0 opening 10.0.0.1:5000 :1883
             0 0 is a
             0 0 > CONNECT id=a k=10 v=5 clean
             0 0 < CONNACK 0
             20000 0 words KeepAliveTimeout by Server
             20000 0 < closing"
        );
    }

    #[test]
    fn a_take_over_ends_the_older_connection() {
        let told = told(
            "1: x
             1767323045: New connection from 10.0.0.1:5000 on port 1883.
             1767323045: New client connected from 10.0.0.1:5000 as a (p2, c1, k10).
             1767323046: New connection from 10.0.0.2:5001 on port 1883.
             1767323046: Client a already connected, closing old connection.
             1767323046: New client connected from 10.0.0.2:5001 as a (p2, c1, k10).
             1767323047: Client a closed its connection.",
        );
        let lines = told.lines();
        let after = lines.split_once("CONNACK 0\n").expect("a CONNACK").1;
        assert_eq!(
            after,
            "             1 opening 10.0.0.2:5001 :1883
             0 words TakenOver
             0 < closing
             1 is a
             1 > CONNECT id=a k=10 v=4 clean
             1 < CONNACK 0
             1 > closing"
        );
    }

    #[test]
    fn the_reasons_of_2_1() {
        for (reason, expected) in [
            ("exceeded timeout", "words KeepAliveTimeout by Server\n 0 < closing"),
            ("session taken over", "words TakenOver\n 0 < closing"),
            ("connection closed by client", "> closing"),
            ("not authorised", "words Denied Connect \n 0 < closing"),
            ("bad username or password", "words Denied Connect \n 0 < closing"),
            ("protocol error", "words ProtocolError\n 0 < closing"),
            ("malformed packet", "words ProtocolError\n 0 < closing"),
            ("oversize packet", "words TooLarge\n 0 < closing"),
            ("receive maximum exceeded", "words ReceiveMaximum\n 0 < closing"),
            ("quota exceeded", "words Throttled\n 0 < closing"),
            ("connection rate exceeded", "words ConnectRate\n 0 < closing"),
            ("topic alias invalid", "words AliasInvalid\n 0 < closing"),
            ("server busy", "words ServerEvent\n 0 < closing"),
            ("client banned", "words Banned\n 0 < closing"),
            ("administrative action", "words Administrative\n 0 < closing"),
            ("used disallowed feature (QoS)", "words QosUnsupported\n 0 < closing"),
            ("used disallowed feature (retain)", "words RetainUnsupported\n 0 < closing"),
            ("bad socket read/write: reset", "ended"),
            ("something new", "words Other something new\n 0 ended"),
        ] {
            let told =
                told(&format!("1767323045: Client a [10.0.0.1:5000] disconnected: {reason}."));
            let joined = "0 is a\n 0 joined 10.0.0.1:5000 -\n 0 ";
            let lines = told.lines().replace("             ", " ");
            assert_eq!(lines, format!("{joined}{expected}"), "{reason}");
        }
    }

    #[test]
    fn a_refusal_is_of_the_newest_connection() {
        let told = told(
            "1767323045: New connection from 10.0.0.1:5000 on port 1883.
             1767323045: Sending CONNACK to 10.0.0.1 (0, 5)
             1767323045: Client <unknown> disconnected, not authorised.",
        );
        assert_eq!(
            told.lines(),
            "0 opening 10.0.0.1:5000 :1883
             0 < CONNACK 5
             0 words Denied Connect 
             0 < closing"
        );
    }

    #[test]
    fn older_versions_have_no_port_and_no_version() {
        let told = told(
            "1767323045: New connection from 10.0.0.1 on port 1883.
             1767323045: New client connected from 10.0.0.1 as a (c1, k60).
             1767323045: New connection from 10.0.0.1 on port 1883.
             1767323045: New client connected from 10.0.0.1 as b (c0, k60, u'x').
             1767323100: Client a has exceeded timeout, disconnecting.
             1767323100: Socket error on client a, disconnecting.",
        );
        assert_eq!(
            told.lines(),
            "0 is a
             0 opening - -
             0 > CONNECT id=a k=60 clean
             0 < CONNACK 0
             1 is b
             1 opening - -
             1 > CONNECT id=b k=60 user
             1 < CONNACK 0
             0 words KeepAliveTimeout by Server
             0 < closing"
        );
    }

    #[test]
    fn tls_errors_are_of_the_newest_connection() {
        let told = told(
            "1767323045: New connection from 10.0.0.1:5000 on port 8883.
             1767323045: OpenSSL Error[0]: error:0A000418:SSL routines::tlsv1 alert unknown ca
             1767323045: Client <unknown> closed its connection.
             1767323046: Client from 10.0.0.9:7 appears to be using TLS to connect to a non-TLS listener.",
        );
        assert!(told.lines().contains("0 words TlsFailed(48)"), "{}", told.lines());
        assert!(told.lines().contains("words TlsOnPlain"), "{}", told.lines());
    }

    #[test]
    fn a_restart_forgets_and_a_stop_ends() {
        let told = told(
            "1767323045: New connection from 10.0.0.1:5000 on port 1883.
             1767323046: mosquitto version 2.0.11 terminating
             1767323046: mosquitto version 2.0.11 starting
             1767323047: New connection from 10.0.0.1:5001 on port 1883.
             1767323048: mosquitto version 2.0.11 starting",
        );
        assert_eq!(
            told.lines(),
            "0 opening 10.0.0.1:5000 :1883
             0 words ServerEvent
             0 < closing
             0 forgotten
             0 opening 10.0.0.1:5001 :1883
             0 words ServerEvent
             0 < closing
             0 forgotten"
        );
    }

    #[test]
    fn what_is_cut_short_is_not_understood() {
        for line in [
            "New client connected from 10.0.0.1:5000",
            "New client connected from 10.0.0.1:5000 as a",
            "Sending CONNACK to a",
            "Sending CONNACK to a (0, x)",
            "Received PUBLISH from a (d0, q0",
            "Sending PUBACK to a",
            "OpenSSL Error[0]: x",
        ] {
            let told = told(line);
            assert_eq!((told.understood(), told.events.len()), (0, 0), "{line}");
        }
    }

    #[test]
    fn who_is_not_let_in_has_a_line_of_its_own() {
        let told = told(
            "1767323045: Client connection from 10.0.0.1 denied: max_connections exceeded.
             1767323046: Client connection from 10.0.0.1 failed: error:0A00010B:SSL routines::wrong version number.
             1767323047: Client connection from 10.0.0.1 failed: error:0A000126:SSL routines::unexpected eof while reading.",
        );
        let lines = told.lines().replace("             ", "");
        let told = |line: &&str| !line.contains("opening") && !line.contains("forgotten");
        let all: Vec<_> = lines.lines().filter(told).collect();
        let expected =
            ["0 words Full", "0 < closing", "0 words PlainOnTls", "0 < closing", "0 ended"];
        assert_eq!(all, expected, "{lines}");
    }

    #[test]
    fn the_broker_minds_a_qos() {
        let told = told(
            "1767323045: New connection from 10.0.0.1:5000 on port 1883.
             1767323045: New client connected from 10.0.0.1:5000 as a (p2, c1, k10).
             1767323046: Too high QoS in PUBLISH from a, disconnecting.
             1767323046: Bad socket read/write on client a: Requested QoS not supported on server.",
        );
        let end = "0 words QosUnsupported\n             0 < closing";
        assert!(told.lines().ends_with(end), "{}", told.lines());
    }

    /// The lines of ordinary clients stand between those of a bridge.
    #[test]
    fn a_refused_bridge_is_no_other_client() {
        let client = "1767323045: New client connected from 10.0.0.1:5000 as pump (p2, c1, k60).";
        let refused = "1767323045: Connection Refused: not authorised";
        let bridge = "1767323045: Bridge edge-1 sending CONNECT";
        let lines = told(&[bridge, client, refused].join("\n")).lines();
        assert!(lines.contains("is edge-1") && lines.contains("CONNACK 5"), "{lines}");
        assert!(!lines.contains("0 ended"), "{lines}");
        // Whose it is, is not known: the line is not understood.
        let told = told(&[client, refused].join("\n"));
        assert_eq!((told.understood(), told.lines().contains("CONNACK 5")), (1, false));
    }

    #[test]
    fn a_bridge_is_refused() {
        let told = told(
            "1767323045: Connecting bridge (step 1) cloud (10.9.0.1:1883)
             1767323045: Bridge edge-1 sending CONNECT
             1767323045: Received CONNACK on connection local.edge-1.
             1767323045: Connection Refused: not authorised",
        );
        assert_eq!(
            told.lines(),
            "0 is edge-1
             0 opening - -
             0 > CONNECT id=edge-1
             0 < CONNACK 5
             0 < closing"
        );
    }
}
