//! Events of Evenkeel's broker, of both versions: `evenkeel broker --events`.

use core::time::Duration;

use evenkeel_doctor::{
    Address, ConnAckSeen, ConnectSeen, Denied, PacketSeen, PublishSeen, Side, Vantage, Words,
};

use crate::logs::clock::Stamp;
use crate::logs::facts::Facts;
use crate::logs::format::{Format, Hit, Times};
use crate::logs::json::{self, Json};
use crate::logs::threads::Who;

/// What every line of version 2 has, and none of version 1.
const VERSION_2: &str = "\"type\":\"broker_event\"";

pub(super) static FORMAT: Format = Format {
    name: "evenkeel-broker",
    of: "Evenkeel's broker: --events",
    vantage: Vantage::BrokerLog,
    shows: "connections with addresses and why each ended; messages with message_events",
    signs: &[
        VERSION_2,
        "\"event\":\"opened\"",
        "\"event\":\"closed\"",
        "\"event\":\"ping_received\"",
        "\"event\":\"ping_answered\"",
        "\"event\":\"subscribed\"",
        "\"event\":\"disconnect_received\"",
        "\"event\":\"listening\"",
    ],
    anchors: &[("\"event\":", event)],
    times: Times::WithinBy(Duration::from_micros(1), VERSION_2),
    ..Format::EMPTY
};

fn event(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let Some(value) = hit.json() else { return facts.unknown() };
    let name = json::text(&value, "event");
    if let Some(stamp) = time(&value) {
        facts.set_time(stamp);
    }
    if name == "stopped" {
        return facts.server_stops();
    }
    let Some(number) = json::number::<u64>(&value, "connection") else { return };
    let number = number.to_string();
    let who = Who { id: json::text(&value, "client_id"), peer: "", instance: &number };
    connection(name, who, &value, facts);
}

/// Version 1 has seconds since the broker's start, version 2 a time of the calendar.
fn time(value: &Json<'_>) -> Option<Stamp> {
    match value.get("time")? {
        Json::Text(_) => json::time(value, "time"),
        seconds => seconds.as_f64().map(Stamp::since_start),
    }
}

/// A number that version 2 has under another name.
fn renamed<T: TryFrom<u64>>(value: &Json<'_>, now: &str, before: &str) -> Option<T> {
    json::number(value, now).or_else(|| json::number(value, before))
}

fn connection(name: &str, who: Who<'_>, value: &Json<'_>, facts: &mut Facts<'_>) {
    let reason = renamed(value, "reason_code", "reason").unwrap_or(0);
    let topic = json::text(value, "topic");
    match name {
        "opened" => {
            let client = facts.address(json::text(value, "peer"));
            facts.open(who, client, Address::UNKNOWN);
        }
        "connected" => connected(who, value, facts),
        "refused" => facts.connack(who, reason),
        "upgrade_refused" => {
            facts.words(who, Words::WebSocket(json::number(value, "status").unwrap_or(0)));
        }
        "denied" => {
            let publishes = json::text(value, "act") == "publish";
            let right = if publishes { Denied::Publish } else { Denied::Subscribe };
            facts.denied(who, right, topic);
        }
        "subscribed" => {
            let seen = facts.filters(0, core::iter::once((json::text(value, "filter"), 0)));
            let failed = u16::from(reason >= 0x80);
            facts.packet(who, Side::Client, PacketSeen::Subscribe(seen));
            facts.packet(who, Side::Server, PacketSeen::SubAck(0, reason, failed));
        }
        "publish_received" => publish(who, Side::Client, value, facts),
        "publish_sent" => publish(who, Side::Server, value, facts),
        "message_dropped" if json::text(value, "why") == "queue_full" => {
            facts.words(who, Words::Dropped);
        }
        "ping_received" => facts.packet(who, Side::Client, PacketSeen::PingReq),
        "ping_answered" => facts.packet(who, Side::Server, PacketSeen::PingResp),
        "keep_alive_timeout" => facts.words(who, Words::KeepAliveTimeout { by: Side::Server }),
        "taken_over" => facts.words(who, Words::TakenOver),
        "protocol_error" => facts.words(who, Words::ProtocolError),
        "fault" => {
            let action = facts.keep(json::text(value, "action"));
            facts.words(who, Words::Fault(action));
        }
        "quota" if json::text(value, "by") != "service" => {
            // Other limits are no rates.
            match json::text(value, "limit") {
                "connect_floor" | "account_connect_rate" => facts.words(who, Words::ConnectRate),
                "publish_rate" | "publish_rates" | "publish_rate_per_topic" | "byte_rate" => {
                    facts.words(who, Words::Throttled);
                }
                _ => {}
            }
        }
        "disconnect_received" => facts.packet(who, Side::Client, PacketSeen::Disconnect(reason)),
        "disconnect_sent" => facts.packet(who, Side::Server, PacketSeen::Disconnect(reason)),
        "closed" => facts.closed(who, Some(closer(value))),
        _ => {}
    }
}

/// A transport that ended is the client's doing, as far as a broker can see.
fn closer(value: &Json<'_>) -> Side {
    let by_client = match json::text(value, "closer") {
        "" => matches!(json::text(value, "why"), "disconnected" | "connection_lost"),
        closer => matches!(closer, "client" | "peer"),
    };
    if by_client { Side::Client } else { Side::Server }
}

fn connected(who: Who<'_>, value: &Json<'_>, facts: &mut Facts<'_>) {
    let connect = ConnectSeen {
        version: json::number(value, "version").unwrap_or(0),
        clean: json::flag(value, "clean_start"),
        session_expiry: renamed(value, "session_expiry_s", "session_expiry").unwrap_or(0),
        receive_maximum: u16::MAX,
        ..ConnectSeen::default()
    };
    let connack = ConnAckSeen {
        session_present: json::flag(value, "session_present"),
        version_5: connect.version == 5,
        // The one in force, whatever was asked for.
        server_keep_alive: renamed(value, "keep_alive_s", "keep_alive"),
        ..ConnAckSeen::default()
    };
    facts.connect(who, connect);
    facts.packet(who, Side::Server, PacketSeen::ConnAck(connack));
}

fn publish(who: Who<'_>, from: Side, value: &Json<'_>, facts: &mut Facts<'_>) {
    let publish = PublishSeen {
        id: json::number(value, "packet_id").unwrap_or(0),
        qos: json::number(value, "qos").unwrap_or(0),
        dup: json::flag(value, "dup"),
        topic: facts.keep(json::text(value, "topic")),
        payload: json::number(value, "bytes").unwrap_or(0),
        ..PublishSeen::default()
    };
    facts.packet(who, from, PacketSeen::Publish(publish));
}

#[cfg(test)]
mod tests {
    use evenkeel_doctor::{Time, What};

    use crate::logs::told::Told;

    #[test]
    fn connections_and_their_ends() {
        let told = Told::of(
            "evenkeel-broker",
            r#"{"time":0.0,"event":"listening","url":"mqtt://127.0.0.1:1883"}
             {"time":1.0,"connection":1,"event":"opened","transport":"tcp","peer":"127.0.0.1:5000"}
             {"time":1.1,"connection":1,"client_id":"a","event":"connected","version":5,"number":1,"clean_start":true,"session_present":false,"keep_alive":10,"session_expiry":0}
             {"time":1.2,"connection":1,"client_id":"a","event":"subscribed","filter":"x/#","reason":135}
             {"time":2.0,"connection":1,"client_id":"a","event":"ping_received"}
             {"time":2.0,"connection":1,"client_id":"a","event":"ping_answered"}
             {"time":2.1,"connection":1,"client_id":"a","event":"fault","rule":"r","action":"drop"}
             {"time":3.0,"connection":2,"event":"opened","transport":"tcp","peer":"127.0.0.1:5001"}
             {"time":3.1,"connection":1,"client_id":"a","event":"taken_over","by":2}
             {"time":3.1,"connection":1,"client_id":"a","event":"closed","why":"taken_over"}
             {"time":3.1,"connection":2,"client_id":"a","event":"connected","version":5,"number":2,"clean_start":true,"session_present":false,"keep_alive":10,"session_expiry":0}
             {"time":4.0,"connection":2,"client_id":"a","event":"disconnect_received","reason":0}
             {"time":4.0,"connection":2,"client_id":"a","event":"closed","why":"disconnected"}"#,
        );
        story(&told);
        assert!(!told.sources[0].calendar);
    }

    /// What both versions say of the same connections.
    #[track_caller]
    fn story(told: &Told) {
        assert_eq!(
            told.timed(),
            "0 0 opening 127.0.0.1:5000 -
             100 0 is a
             100 0 > CONNECT id=a v=5 clean
             100 0 < CONNACK 0 k=10
             200 0 > SUBSCRIBE 0 x/# n=1 qos=0 wildcard
             200 0 < SUBACK 0 135 failed=1
             1000 0 > PINGREQ
             1000 0 < PINGRESP
             1100 0 words Fault drop
             2000 1 opening 127.0.0.1:5001 -
             2100 0 words TakenOver
             2100 0 < closing
             2100 1 is a
             2100 1 > CONNECT id=a v=5 clean
             2100 1 < CONNACK 0 k=10
             3000 1 > DISCONNECT 0
             3000 1 > closing"
        );
        assert_eq!(told.understood(), 13);
    }

    #[test]
    fn version_2_says_the_same_with_times_of_the_calendar() {
        let told = Told::of(
            "evenkeel-broker",
            r#"{"v":2,"type":"broker_event","time":"2026-01-02T03:04:05.000000000Z","mono_ns":0,"event":"listening","client_id":null,"connection":null,"keep_alive_s":null,"url":"mqtt://127.0.0.1:1883"}
             {"v":2,"type":"broker_event","time":"2026-01-02T03:04:06.000000000Z","mono_ns":1000000000,"event":"opened","client_id":null,"connection":1,"keep_alive_s":null,"transport":"tcp","peer":"127.0.0.1:5000"}
             {"v":2,"type":"broker_event","time":"2026-01-02T03:04:06.100000000Z","mono_ns":1100000000,"event":"connected","client_id":"a","connection":1,"keep_alive_s":10,"version":5,"number":1,"clean_start":true,"session_present":false,"session_expiry_s":0}
             {"v":2,"type":"broker_event","time":"2026-01-02T03:04:06.200000000Z","mono_ns":1200000000,"event":"subscribed","client_id":"a","connection":1,"keep_alive_s":10,"filter":"x/#","reason_code":135}
             {"v":2,"type":"broker_event","time":"2026-01-02T03:04:07.000000000Z","mono_ns":2000000000,"event":"ping_received","client_id":"a","connection":1,"keep_alive_s":10}
             {"v":2,"type":"broker_event","time":"2026-01-02T03:04:07.000000000Z","mono_ns":2000000000,"event":"ping_answered","client_id":"a","connection":1,"keep_alive_s":10}
             {"v":2,"type":"broker_event","time":"2026-01-02T03:04:07.100000000Z","mono_ns":2100000000,"event":"fault","client_id":"a","connection":1,"keep_alive_s":10,"rule":"r","action":"drop","packet":"PINGREQ"}
             {"v":2,"type":"broker_event","time":"2026-01-02T03:04:08.000000000Z","mono_ns":3000000000,"event":"opened","client_id":null,"connection":2,"keep_alive_s":null,"transport":"tcp","peer":"127.0.0.1:5001"}
             {"v":2,"type":"broker_event","time":"2026-01-02T03:04:08.100000000Z","mono_ns":3100000000,"event":"taken_over","client_id":"a","connection":1,"keep_alive_s":10,"by":2}
             {"v":2,"type":"broker_event","time":"2026-01-02T03:04:08.100000000Z","mono_ns":3100000000,"event":"closed","client_id":"a","connection":1,"keep_alive_s":10,"why":"taken_over","closer":"server"}
             {"v":2,"type":"broker_event","time":"2026-01-02T03:04:08.100000000Z","mono_ns":3100000000,"event":"connected","client_id":"a","connection":2,"keep_alive_s":10,"version":5,"number":2,"clean_start":true,"session_present":false,"session_expiry_s":0}
             {"v":2,"type":"broker_event","time":"2026-01-02T03:04:09.000000000Z","mono_ns":4000000000,"event":"disconnect_received","client_id":"a","connection":2,"keep_alive_s":10,"reason_code":0}
             {"v":2,"type":"broker_event","time":"2026-01-02T03:04:09.000000000Z","mono_ns":4000000000,"event":"closed","client_id":"a","connection":2,"keep_alive_s":10,"why":"disconnected","closer":"client"}"#,
        );
        story(&told);
        assert!(told.sources[0].calendar);
        assert_eq!(told.events[0].at, Time(1_767_323_046_000_000_000));
    }

    #[test]
    fn version_2_says_who_closed() {
        for (why, closer, side) in [
            ("disconnected", "client", ">"),
            ("connection_lost", "peer", ">"),
            ("no_connect", "peer", ">"),
            ("no_connect", "server", "<"),
            ("quota", "server", "<"),
        ] {
            let told = Told::of(
                "evenkeel-broker",
                &format!(
                    r#"{{"v":2,"type":"broker_event","time":"2026-01-02T03:04:05.000000000Z","event":"opened","connection":1,"peer":"127.0.0.1:5000"}}
                    {{"v":2,"type":"broker_event","time":"2026-01-02T03:04:06.000000000Z","event":"closed","connection":1,"why":"{why}","closer":"{closer}"}}"#
                ),
            );
            assert!(told.lines().ends_with(&format!("{side} closing")), "{why} {closer}");
        }
    }

    #[test]
    fn only_a_rate_that_the_client_broke_throttles_it() {
        let quota = |limit: &str, by: &str| {
            let line = format!(
                r#"{{"time":1.0,"connection":1,"client_id":"a","event":"quota","limit":"{limit}","by":"{by}"}}"#
            );
            let told = Told::of("evenkeel-broker", &line);
            told.events.iter().filter(|it| matches!(it.what, What::Words(_))).count()
        };
        for (limit, by, said) in [
            ("publish_rate", "client", 1),
            ("byte_rate", "client", 1),
            ("connect_floor", "client", 1),
            ("maximum_qos", "client", 0),
            ("delivery_rate", "service", 0),
            ("byte_rate", "service", 0),
        ] {
            assert_eq!(quota(limit, by), said, "{limit} by {by}");
        }
    }

    #[test]
    fn a_broker_that_stops_ends_what_is_open() {
        let told = Told::of(
            "evenkeel-broker",
            r#"{"time":1.0,"connection":1,"event":"opened","transport":"tcp","peer":"127.0.0.1:5000"}
             {"time":2.0,"event":"stopped","keeps_sessions":false}"#,
        );
        assert!(told.lines().ends_with("0 words ServerEvent\n             0 < closing"));
    }
}
