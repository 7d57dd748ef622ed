//! Events of Evenkeel's broker: `evenkeel broker --events`.

use core::time::Duration;

use evenkeel_doctor::{
    Address, ConnAckSeen, ConnectSeen, Denied, PacketSeen, PublishSeen, Side, Vantage, Words,
};
use serde_json::Value;

use crate::logs::clock::Stamp;
use crate::logs::facts::Facts;
use crate::logs::format::{Format, Hit, Times};
use crate::logs::json;
use crate::logs::threads::Who;

pub(super) static FORMAT: Format = Format {
    name: "evenkeel-broker",
    of: "Evenkeel's broker: --events",
    vantage: Vantage::BrokerLog,
    shows: "connections with addresses and why each ended; messages with message_events",
    signs: &[
        "\"event\":\"opened\"",
        "\"event\":\"closed\"",
        "\"event\":\"ping_received\"",
        "\"event\":\"ping_answered\"",
        "\"event\":\"subscribed\"",
        "\"event\":\"disconnect_received\"",
        "\"event\":\"listening\"",
    ],
    anchors: &[("\"event\":", event)],
    times: Times::Within(Duration::from_micros(1), false),
    ..Format::EMPTY
};

fn event(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let Some(value) = hit.json() else { return facts.unknown() };
    let name = json::text(&value, "event");
    if let Some(seconds) = value.get("time").and_then(Value::as_f64) {
        facts.set_time(Stamp::since_start(seconds));
    }
    if name == "stopped" {
        return facts.server_stops();
    }
    let Some(number) = json::number::<u64>(&value, "connection") else { return };
    let number = number.to_string();
    let who = Who { id: json::text(&value, "client_id"), peer: "", instance: &number };
    connection(name, who, &value, facts);
}

fn connection(name: &str, who: Who<'_>, value: &Value, facts: &mut Facts<'_>) {
    let reason = json::number(value, "reason").unwrap_or(0);
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
        "quota" => facts.words(who, Words::Throttled),
        "disconnect_received" => facts.packet(who, Side::Client, PacketSeen::Disconnect(reason)),
        "disconnect_sent" => facts.packet(who, Side::Server, PacketSeen::Disconnect(reason)),
        "closed" => {
            let by_client = matches!(json::text(value, "why"), "disconnected" | "connection_lost");
            facts.closed(who, Some(if by_client { Side::Client } else { Side::Server }));
        }
        _ => {}
    }
}

fn connected(who: Who<'_>, value: &Value, facts: &mut Facts<'_>) {
    let connect = ConnectSeen {
        version: json::number(value, "version").unwrap_or(0),
        clean: json::flag(value, "clean_start"),
        keep_alive: json::number(value, "keep_alive"),
        session_expiry: json::number(value, "session_expiry").unwrap_or(0),
        receive_maximum: u16::MAX,
        ..ConnectSeen::default()
    };
    let connack = ConnAckSeen {
        session_present: json::flag(value, "session_present"),
        version_5: connect.version == 5,
        ..ConnAckSeen::default()
    };
    facts.connect(who, connect);
    facts.packet(who, Side::Server, PacketSeen::ConnAck(connack));
}

fn publish(who: Who<'_>, from: Side, value: &Value, facts: &mut Facts<'_>) {
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
        assert_eq!(
            told.timed(),
            "0 0 opening 127.0.0.1:5000 -
             100 0 is a
             100 0 > CONNECT id=a k=10 v=5 clean
             100 0 < CONNACK 0
             200 0 > SUBSCRIBE 0 x/# n=1 qos=0 wildcard
             200 0 < SUBACK 0 135 failed=1
             1000 0 > PINGREQ
             1000 0 < PINGRESP
             1100 0 words Fault drop
             2000 1 opening 127.0.0.1:5001 -
             2100 0 words TakenOver
             2100 0 < closing
             2100 1 is a
             2100 1 > CONNECT id=a k=10 v=5 clean
             2100 1 < CONNACK 0
             3000 1 > DISCONNECT 0
             3000 1 > closing"
        );
        assert_eq!(told.understood(), 13);
        assert!(!told.sources[0].calendar);
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
