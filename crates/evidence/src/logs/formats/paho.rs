//! The logger of paho.mqtt.python, behind whatever the application's logging
//! puts before its texts.
//!
//! Only CONNECT names the client. If several clients of one program are
//! connected at a time, lines without a name could be of either: they are left
//! out.

use evenkeel_doctor::{
    Address, CloseHow, ConnectSeen, OpenFailure, PacketSeen, Side, Vantage, Words,
};

use super::libmosquitto::{printed_ack, printed_publish};
use crate::logs::facts::Facts;
use crate::logs::format::{Format, Hit};
use crate::logs::reasons::code;
use crate::logs::scan::{between, number, number_after};
use crate::logs::threads::Who;

pub(super) static FORMAT: Format = Format {
    name: "paho-python",
    of: "paho.mqtt.python with enable_logger or on_log",
    vantage: Vantage::ClientLog,
    shows: "packets by kind, reason codes of MQTT 5, failing sockets",
    signs: &[
        "Sending CONNECT (u",
        "Received CONNACK (",
        "Sending PINGREQ",
        "Received PINGRESP",
        "Sending SUBSCRIBE (d",
        "Sending PUBLISH (d",
        "Received PUBLISH (d",
    ],
    anchors: &[
        ("Sending CONNECT (", connect),
        ("Received CONNACK (", |hit, facts| {
            let result = hit.after.split_once(", ").map_or("", |(_, rest)| rest);
            match number(result).or_else(|| code(result)) {
                Some(code) => with(facts, |who, facts| facts.connack(who, code)),
                None => facts.unknown(),
            }
        }),
        ("Sending PINGREQ", |_, facts| tell(facts, Side::Client, PacketSeen::PingReq)),
        ("Received PINGRESP", |_, facts| tell(facts, Side::Server, PacketSeen::PingResp)),
        ("Sending PUBLISH (", |hit, facts| publish(hit, facts, Side::Client)),
        ("Received PUBLISH (", |hit, facts| publish(hit, facts, Side::Server)),
        ("Sending SUBSCRIBE (", |hit, facts| {
            let seen = filters(hit, facts);
            tell(facts, Side::Client, PacketSeen::Subscribe(seen));
        }),
        ("Sending UNSUBSCRIBE (", |hit, facts| {
            let seen = filters(hit, facts);
            tell(facts, Side::Client, PacketSeen::Unsubscribe(seen));
        }),
        ("Received SUBACK", |hit, facts| {
            let mid = number_after(hit.after, "Mid: ").unwrap_or(0);
            tell(facts, Side::Server, PacketSeen::SubAck(mid, 0, 0));
        }),
        ("Received UNSUBACK", |hit, facts| {
            let mid = number_after(hit.after, "Mid: ").unwrap_or(0);
            tell(facts, Side::Server, PacketSeen::UnsubAck(mid, 0, 0));
        }),
        ("Sending PUBACK (", |hit, facts| ack(hit, facts, Side::Client, PacketSeen::PubAck)),
        ("Received PUBACK (", |hit, facts| ack(hit, facts, Side::Server, PacketSeen::PubAck)),
        ("Sending PUBREC (", |hit, facts| ack(hit, facts, Side::Client, PacketSeen::PubRec)),
        ("Received PUBREC (", |hit, facts| ack(hit, facts, Side::Server, PacketSeen::PubRec)),
        ("Sending PUBREL (", |hit, facts| ack(hit, facts, Side::Client, PacketSeen::PubRel)),
        ("Received PUBREL (", |hit, facts| ack(hit, facts, Side::Server, PacketSeen::PubRel)),
        ("Sending PUBCOMP (", |hit, facts| ack(hit, facts, Side::Client, PacketSeen::PubComp)),
        ("Received PUBCOMP (", |hit, facts| ack(hit, facts, Side::Server, PacketSeen::PubComp)),
        ("Sending DISCONNECT", |_, facts| {
            with(facts, |who, facts| {
                facts.packet(who, Side::Client, PacketSeen::Disconnect(0));
                facts.closed(who, Some(Side::Client));
            });
        }),
        ("Received DISCONNECT", |hit, facts| {
            let code = code(hit.after).or_else(|| number(hit.after.trim())).unwrap_or(0);
            with(facts, |who, facts| {
                facts.packet(who, Side::Server, PacketSeen::Disconnect(code));
                facts.closed(who, Some(Side::Server));
            });
        }),
        ("failed to receive on socket: ", |hit, facts| {
            let reset = hit.after.contains("Errno 104") || hit.after.contains("reset by peer");
            with(facts, |who, facts| {
                if reset {
                    facts.closed_how(who, Some(Side::Server), CloseHow::Reset);
                } else {
                    facts.closed(who, None);
                }
            });
        }),
        ("Connection failed, retrying", |_, facts| {
            with(facts, |who, facts| facts.failed(who, OpenFailure::Other));
        }),
        ("Packet too large", |_, facts| {
            with(facts, |who, facts| facts.words(who, Words::TooLarge));
        }),
    ],
    ..Format::EMPTY
};

/// `u1, p1, wr0, wq0, wf0, c1, k60) client_id=b'pump' properties=..`.
fn connect(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let Some((flags, rest)) = hit.after.split_once(')') else { return facts.unknown() };
    let id = between(rest, "client_id=b'", "'").unwrap_or_default();
    let another = !facts.memory.client.is_empty() && facts.memory.client != id;
    let before = core::mem::replace(&mut facts.memory.client, id.into());
    if another && !facts.threads.is_over(Who::id(&before)) {
        facts.memory.mixed = true;
    }
    let flag = |name: &str| flags.split(", ").any(|flag| flag == name);
    let connect = ConnectSeen {
        clean: flag("c1"),
        keep_alive: number_after(flags, "k"),
        credentials: flag("u1") || flag("p1"),
        receive_maximum: u16::MAX,
        ..ConnectSeen::default()
    };
    facts.open(Who::id(id), Address::UNKNOWN, Address::UNKNOWN);
    facts.connect(Who::id(id), connect);
}

/// Does something with the connection of the only client.
fn with(facts: &mut Facts<'_>, then: impl FnOnce(Who<'_>, &mut Facts<'_>)) {
    if facts.memory.mixed {
        return facts.unknown();
    }
    let id = core::mem::take(&mut facts.memory.client);
    then(Who::id(&id), facts);
    facts.memory.client = id;
}

fn tell(facts: &mut Facts<'_>, from: Side, packet: PacketSeen) {
    with(facts, |who, facts| facts.packet(who, from, packet));
}

fn publish(hit: &Hit<'_>, facts: &mut Facts<'_>, from: Side) {
    // A topic as Python prints bytes: 'b'topic''.
    let text = hit.after.replacen("'b'", "'", 1).replacen("'', ...", "', ...", 1);
    match printed_publish(&text, facts) {
        Some(publish) => tell(facts, from, PacketSeen::Publish(publish)),
        None => facts.unknown(),
    }
}

/// `d0, m1) [(b'cmd/#', 0), (b'x', 1)]`, or `d0, m1) [b'cmd/#']`.
fn filters(hit: &Hit<'_>, facts: &mut Facts<'_>) -> evenkeel_doctor::SubscribeSeen {
    let mid = number_after(hit.after, " m").unwrap_or(0);
    let parts = hit.after.split("b'").skip(1).filter_map(|part| {
        let (filter, rest) = part.split_once('\'')?;
        Some((filter, number_after(rest, ", ").unwrap_or(0)))
    });
    facts.filters(mid, parts)
}

fn ack(hit: &Hit<'_>, facts: &mut Facts<'_>, from: Side, kind: fn(u16, u8) -> PacketSeen) {
    match printed_ack(hit.after) {
        Some((mid, code)) => tell(facts, from, kind(mid, code)),
        None => facts.unknown(),
    }
}

#[cfg(test)]
mod tests {
    use crate::logs::told::Told;

    #[test]
    fn packets_behind_a_logging_prefix() {
        let told = Told::of(
            "paho-python",
            "2026-01-02 03:04:05,100 - paho - DEBUG - Sending CONNECT (u1, p1, wr0, wq0, wf0, c1, k60) client_id=b'pump'
             2026-01-02 03:04:05,200 - paho - DEBUG - Received CONNACK (0, Success) properties=[]
             2026-01-02 03:04:05,300 - paho - DEBUG - Sending SUBSCRIBE (d0, m1) [(b'cmd/#', 1), (b'x', 0)]
             2026-01-02 03:04:05,400 - paho - DEBUG - Received SUBACK
             2026-01-02 03:04:05,500 - paho - DEBUG - Sending PUBLISH (d0, q1, r0, m2), 'b'a/b'', ... (5 bytes)
             2026-01-02 03:04:05,600 - paho - DEBUG - Received PUBACK (Mid: 2)
             2026-01-02 03:04:05,700 - paho - DEBUG - Received PUBLISH (d0, q0, r1, m0), 'cmd/1', ...  (3 bytes)
             2026-01-02 03:05:05,000 - paho - DEBUG - Sending PINGREQ
             2026-01-02 03:05:05,100 - paho - DEBUG - Received PINGRESP
             2026-01-02 03:05:06,000 - paho - DEBUG - Received DISCONNECT Session taken over []",
        );
        assert_eq!(
            told.timed(),
            "0 0 is pump
             0 0 opening - -
             0 0 > CONNECT id=pump k=60 clean user
             100 0 < CONNACK 0
             200 0 > SUBSCRIBE 1 cmd/# n=2 qos=1 wildcard
             300 0 < SUBACK 0 0 failed=0
             400 0 > PUBLISH 2 a/b qos=1 payload=5
             500 0 < PUBACK 2 0
             600 0 < PUBLISH 0 cmd/1 qos=0 retain payload=3
             59900 0 > PINGREQ
             60000 0 < PINGRESP
             60900 0 < DISCONNECT 142
             60900 0 < closing"
        );
    }

    #[test]
    fn a_refusal_and_a_reset() {
        let told = Told::of(
            "paho-python",
            "Sending CONNECT (u0, p0, wr0, wq0, wf0, c0, k60) client_id=b'a'
             Received CONNACK (0, 5)
             failed to receive on socket: [Errno 104] Connection reset by peer
             Connection failed, retrying",
        );
        let lines = told.lines();
        assert!(lines.contains("< CONNACK 5\n             0 < closing Reset"), "{lines}");
        assert!(lines.ends_with("failed Other"), "{lines}");
    }

    #[test]
    fn two_clients_at_a_time_are_not_mixed_up() {
        let told = Told::of(
            "paho-python",
            "Sending CONNECT (u0, p0, wr0, wq0, wf0, c0, k60) client_id=b'a'
             Sending CONNECT (u0, p0, wr0, wq0, wf0, c0, k60) client_id=b'b'
             Sending PINGREQ",
        );
        assert_eq!(told.understood(), 2);
        assert!(!told.lines().contains("PINGREQ"));
        // One after the other is no mix.
        let told = Told::of(
            "paho-python",
            "Sending CONNECT (u0, p0, wr0, wq0, wf0, c0, k60) client_id=b'a'
             Sending DISCONNECT
             Sending CONNECT (u0, p0, wr0, wq0, wf0, c0, k60) client_id=b'b'
             Sending PINGREQ",
        );
        assert!(told.lines().contains("PINGREQ"));
    }
}
