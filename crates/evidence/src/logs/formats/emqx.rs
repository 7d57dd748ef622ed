//! EMQX: version 5 as text or JSON, 3 and 4 as text, and the events of its rule
//! engine and webhooks.

use core::time::Duration;

use evenkeel_doctor::{ConnectSeen, Denied, PacketSeen, Side, Vantage, Words};

use crate::logs::facts::Facts;
use crate::logs::format::{Format, Hit, Times};
use crate::logs::json::{self, Json};
use crate::logs::reasons;
use crate::logs::scan::word;
use crate::logs::threads::Who;

pub(super) static FORMAT: Format = Format {
    name: "emqx",
    of: "EMQX 3 to 5, text or JSON",
    vantage: Vantage::BrokerLog,
    shows: "why connections end, refusals, flapping, full queues; packets in traces",
    signs: &["emqx_", "clientid: ", "\"clientid\"", "\"peername\"", " [MQTT] ", "peername: "],
    anchors: &[
        ("msg: ", |hit, facts| line(&Fields::Text(hit.line), facts)),
        ("\"msg\"", object),
        ("client.disconnected", object),
        ("client.connected", object),
        (" [MQTT] ", version_4),
    ],
    times: Times::Either(Duration::from_micros(1)),
    ..Format::EMPTY
};

/// Fields by their names, from either form.
enum Fields<'a> {
    Text(&'a str),
    Json(Json<'a>),
}

impl Fields<'_> {
    fn get(&self, key: &str) -> &str {
        match self {
            Self::Json(value) => json::text(value, key),
            Self::Text(text) => text_field(text, key).unwrap_or_default(),
        }
    }
}

/// `key: value, key: value`; a value ends at a comma with a space behind it.
fn text_field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut rest = text;
    loop {
        let at = rest.find(key)?;
        let (before, after) = (rest.get(..at)?, rest.get(at.checked_add(key.len())?..)?);
        let begins = before.is_empty() || before.ends_with([' ', ',']);
        if let (true, Some(value)) = (begins, after.strip_prefix(": ")) {
            return Some(value.split_once(", ").map_or(value, |(value, _)| value).trim());
        }
        rest = after;
    }
}

fn object(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let Some(value) = hit.json() else { return facts.unknown() };
    facts.time(json::time(&value, "time").or_else(|| json::time(&value, "timestamp")));
    match json::text(&value, "event") {
        "client.disconnected" => {
            facts.time(json::time(&value, "disconnected_at"));
            let fields = Fields::Json(value);
            ends(&fields, facts);
        }
        "client.connected" => {
            facts.time(json::time(&value, "connected_at"));
            connected(value, facts);
        }
        _ => line(&Fields::Json(value), facts),
    }
}

fn who<'a>(fields: &'a Fields<'_>) -> Who<'a> {
    Who { id: fields.get("clientid"), peer: fields.get("peername"), instance: "" }
}

fn connected(value: Json<'_>, facts: &mut Facts<'_>) {
    let connect = ConnectSeen {
        version: json::number(&value, "proto_ver").unwrap_or(0),
        clean: json::flag(&value, "clean_start"),
        keep_alive: json::number(&value, "keepalive"),
        receive_maximum: u16::MAX,
        ..ConnectSeen::default()
    };
    let fields = Fields::Json(value);
    facts.connect(who(&fields), connect);
    facts.connack(who(&fields), 0);
}

fn line(fields: &Fields<'_>, facts: &mut Facts<'_>) {
    let who = who(fields);
    if who == Who::ONLY {
        return facts.unknown();
    }
    match fields.get("msg") {
        "terminate" | "socket_force_closed" | "emqx_connection_terminated" => ends(fields, facts),
        "mqtt_packet_received" => packet(who, Side::Client, fields.get("packet"), facts),
        "mqtt_packet_sent" => packet(who, Side::Server, fields.get("packet"), facts),
        "flapping_detected" => facts.words(who, Words::Flapping),
        "authentication_failure" => facts.denied(who, Denied::Connect, ""),
        "first_packet_probably_not_mqtt" => facts.words(who, Words::NotMqtt),
        "malformed_mqtt_message" => facts.words(who, Words::ProtocolError),
        "session_buffer_high_watermark" | "dropped_msg_due_to_mqueue_is_full" => {
            facts.words(who, Words::Dropped);
        }
        msg if msg.contains("quota_exceeded") => facts.words(who, Words::Throttled),
        msg if msg.contains("not_authorized") => {
            let publishes = msg.contains("publish");
            let right = if publishes { Denied::Publish } else { Denied::Subscribe };
            facts.denied(who, right, fields.get("topic"));
        }
        _ => facts.unknown(),
    }
}

fn ends(fields: &Fields<'_>, facts: &mut Facts<'_>) {
    ended(who(fields), fields.get("reason"), facts);
}

/// `{shutdown,keepalive_timeout}`, or the atom alone.
fn ended(who: Who<'_>, reason: &str, facts: &mut Facts<'_>) {
    let reason = reason.trim_start_matches("{shutdown,").trim_end_matches('}');
    match reason {
        "normal" => facts.ends(who, Words::Goodbye, Some(Side::Client)),
        "closed" | "tcp_closed" | "ssl_closed" => facts.closed(who, Some(Side::Client)),
        "idle_timeout" => facts.closed(who, Some(Side::Server)),
        "not_authorized" => {
            facts.denied(who, Denied::Connect, "");
            facts.closed(who, Some(Side::Server));
        }
        _ => match reasons::words(reason) {
            Some(words) => facts.ends(who, words, Some(Side::Server)),
            None => facts.closed(who, None),
        },
    }
}

/// `PINGREQ(Q0, R0, D0)`.
fn packet(who: Who<'_>, from: Side, text: &str, facts: &mut Facts<'_>) {
    let packet = match text.split(['(', ' ']).next().unwrap_or_default() {
        "PINGREQ" => PacketSeen::PingReq,
        "PINGRESP" => PacketSeen::PingResp,
        "DISCONNECT" => PacketSeen::Disconnect(0),
        _ => return facts.unknown(),
    };
    facts.packet(who, from, packet);
}

/// `[level] id@10.0.0.1:5000 [MQTT] text`.
fn version_4(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let name = hit.before.rsplit_once("] ").map_or(hit.before, |(_, name)| name);
    let Some((id, peer)) = name.rsplit_once('@') else { return facts.unknown() };
    let who = Who { id, peer, instance: "" };
    if let Some(reason) = hit.after.strip_prefix("Terminated for ") {
        ended(who, word(reason), facts);
    } else if let Some(text) = hit.after.strip_prefix("RECV ") {
        packet(who, Side::Client, text, facts);
    } else if let Some(text) = hit.after.strip_prefix("SEND ") {
        packet(who, Side::Server, text, facts);
    } else {
        facts.unknown();
    }
}

#[cfg(test)]
mod tests {
    use crate::logs::told::Told;

    #[test]
    fn both_forms_of_version_5_say_the_same() {
        let text = Told::of(
            "emqx",
            "2026-01-02T03:04:05.100000+00:00 [info] msg: terminate, mfa: emqx_connection:terminate/2, peername: 10.0.0.1:5000, clientid: a, username: eve, reason: {shutdown,keepalive_timeout}
             2026-01-02T03:04:06.100000+00:00 [warning] tag: X, clientid: b, msg: cannot_publish_to_topic_due_to_not_authorized, peername: 10.0.0.2:5000, topic: a/b, reason: not_authorized",
        );
        let object = Told::of(
            "emqx",
            r#"{"time":1767323045100000,"level":"info","msg":"terminate","clientid":"a","username":"eve","peername":"10.0.0.1:5000","reason":"{shutdown,keepalive_timeout}"}
             {"time":1767323046100000,"level":"warning","msg":"cannot_publish_to_topic_due_to_not_authorized","clientid":"b","peername":"10.0.0.2:5000","topic":"a/b"}"#,
        );
        text.hides("eve");
        object.hides("eve");
        assert_eq!(text.timed(), object.timed());
        assert_eq!(
            text.timed(),
            "0 0 is a
             0 0 joined 10.0.0.1:5000 -
             0 0 words KeepAliveTimeout by Server
             0 0 < closing
             1000 1 is b
             1000 1 joined 10.0.0.2:5000 -
             1000 1 words Denied Publish a/b"
        );
        assert!(object.sources[0].calendar);
    }

    #[test]
    fn reasons() {
        for (reason, expected) in [
            ("takenover", "words TakenOver\n 0 < closing"),
            ("discarded", "words TakenOver\n 0 < closing"),
            ("kicked", "words Administrative\n 0 < closing"),
            ("tcp_closed", "> closing"),
            ("normal", "words Goodbye\n 0 > closing"),
            ("frame_too_large", "words TooLarge\n 0 < closing"),
            ("not_authorized", "words Denied Connect \n 0 < closing"),
            ("banned", "words Banned\n 0 < closing"),
            ("einval", "ended"),
        ] {
            let line = format!(
                "2026-01-02T03:04:05.1+00:00 [info] clientid: a, msg: terminate, peername: 10.0.0.1:5, reason: {{shutdown,{reason}}}"
            );
            let lines = Told::of("emqx", &line).lines().replace("             ", " ");
            assert_eq!(lines, format!("0 is a\n 0 joined 10.0.0.1:5 -\n 0 {expected}"), "{reason}");
        }
    }

    #[test]
    fn version_4_and_webhooks() {
        let told = Told::of(
            "emqx",
            r#"2026-01-02T03:04:05.123+00:00 [debug] a@10.0.0.1:5000 [MQTT] RECV PINGREQ(Q0, R0, D0)
             2026-01-02T03:04:05.223+00:00 [debug] a@10.0.0.1:5000 [MQTT] SEND PINGRESP(Q0, R0, D0)
             2026-01-02T03:04:06.123+00:00 [debug] a@10.0.0.1:5000 [MQTT] Terminated for {shutdown,takenover}
             {"event":"client.connected","clientid":"b","peername":"10.0.0.2:1","proto_ver":4,"keepalive":60,"clean_start":true,"connected_at":1767323047000}
             {"event":"client.disconnected","clientid":"b","peername":"10.0.0.2:1","reason":"keepalive_timeout","disconnected_at":1767323147000}"#,
        );
        assert_eq!(
            told.lines(),
            "0 is a
             0 joined 10.0.0.1:5000 -
             0 > PINGREQ
             0 < PINGRESP
             0 words TakenOver
             0 < closing
             1 is b
             1 opening 10.0.0.2:1 -
             1 > CONNECT id=b k=60 v=4 clean
             1 < CONNACK 0
             1 words KeepAliveTimeout by Server
             1 < closing"
        );
    }
}
