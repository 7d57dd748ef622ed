//! Events of an Evenkeel client: `evenkeel sub --events`, `Report::to_json`.

use core::time::Duration;

use evenkeel_doctor::{
    Address, ConnAckSeen, ConnectSeen, Denied, PacketSeen, Side, Vantage, Words,
};
use serde_json::Value;

use crate::logs::facts::Facts;
use crate::logs::format::{Format, Hit, Times};
use crate::logs::json;
use crate::logs::reasons::open_failure;
use crate::logs::scan::host_of_url;
use crate::logs::threads::Who;

pub(super) static FORMAT: Format = Format {
    name: "evenkeel",
    of: "Evenkeel's client: --events",
    vantage: Vantage::ClientEvents,
    shows: "attempts, causes with reason codes, pings, delays, quarantine",
    signs: &["\"type\":\"event\""],
    anchors: &[("\"type\":\"event\"", event)],
    times: Times::Within(Duration::from_nanos(1), true),
    ..Format::EMPTY
};

fn event(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let Some(value) = hit.json() else { return facts.unknown() };
    if let Some(stamp) = json::time(&value, "time") {
        facts.set_time(stamp);
    }
    let who = Who::id(json::text(&value, "client_id"));
    let seconds = |key: &str| {
        let seconds = value.get(key).and_then(Value::as_f64)?;
        Duration::try_from_secs_f64(seconds).ok()
    };
    match json::text(&value, "event") {
        "connecting" => {
            let server = facts.address(host_of_url(json::text(&value, "server_url")));
            facts.open(who, Address::UNKNOWN, server);
        }
        "connected" => connected(who, &value, facts),
        "disconnected" => disconnected(who, &value, seconds("online_s"), facts),
        "retry" => match seconds("delay_s") {
            Some(delay) => facts.retry(who, delay),
            None => facts.unknown(),
        },
        "halted" => facts.words(who, Words::GaveUp),
        "ping_sent" => facts.packet(who, Side::Client, PacketSeen::PingReq),
        "pong" => facts.packet(who, Side::Server, PacketSeen::PingResp),
        "reading_paused" => facts.memory.paused = Some(facts.moment.at),
        "reading_resumed" => {
            let Some(from) = facts.memory.paused.take() else { return };
            let paused = facts.moment.at.since(from);
            facts.words(who, Words::ReadingPaused(paused));
        }
        "delivery_stalled" => facts.words(who, Words::NoAck),
        "receive_maximum_exceeded" => facts.words(who, Words::ReceiveMaximum),
        "quarantined" => {
            let topic = facts.keep(json::text(&value, "topic"));
            facts.words(who, Words::Quarantined(topic));
        }
        "subscription_lost" => {
            facts.denied(who, Denied::Subscribe, json::text(&value, "filter"));
        }
        "ping_unanswered"
        | "loop"
        | "version_fallback"
        | "pong_unsolicited"
        | "renewed"
        | "subscriptions_restoring"
        | "reauthenticated"
        | "delivery_resumed"
        | "rate_reached"
        | "acknowledgements_withheld"
        | "lagged"
        | "recovered"
        | "settled"
        | "store_failed"
        | "store_restored"
        | "store_notice"
        | "files_renewed"
        | "files_kept" => {}
        _ => facts.unknown(),
    }
}

fn connected(who: Who<'_>, value: &Value, facts: &mut Facts<'_>) {
    let version = json::number(value, "version").unwrap_or(0);
    // Only later versions of the events say what was asked for.
    if let Some(keep_alive) = json::number(value, "keep_alive_s") {
        let keep_alive = Some(keep_alive);
        let connect = ConnectSeen { version, keep_alive, ..ConnectSeen::default() };
        facts.connect(who, connect);
    }
    let connack = ConnAckSeen {
        session_present: json::flag(value, "session_present"),
        version_5: version == 5,
        assigned_id: facts.keep(json::text(value, "assigned_client_id")),
        ..ConnAckSeen::default()
    };
    facts.packet(who, Side::Server, PacketSeen::ConnAck(connack));
}

/// An attempt that failed has no `online_s`.
fn disconnected(who: Who<'_>, value: &Value, online: Option<Duration>, facts: &mut Facts<'_>) {
    let code: Option<u8> = json::number(value, "reason_code");
    if online.is_none() {
        return match code {
            Some(code) => facts.refused(who, code),
            None => facts.failed(who, open_failure(json::text(value, "cause"))),
        };
    }
    let (server, client) = (Some(Side::Server), Some(Side::Client));
    if let Some(code) = code {
        facts.packet(who, Side::Server, PacketSeen::Disconnect(code));
    }
    let by = if code.is_some() { Side::Server } else { Side::Client };
    // Version 1 writes `KeepAliveDeath`, version 2 `keep_alive_death`.
    let class = json::text(value, "class").replace('_', "").to_ascii_lowercase();
    match class.as_str() {
        "keepalivedeath" => facts.ends(who, Words::KeepAliveTimeout { by }, Some(by)),
        "takenover" => facts.ends(who, Words::TakenOver, server),
        "throttled" => facts.ends(who, Words::Throttled, server),
        "servergoingaway" | "redirect" => facts.ends(who, Words::ServerEvent, server),
        "local" => facts.ends(who, Words::Goodbye, client),
        _ => match json::text(value, "closer") {
            "client" => facts.closed(who, client),
            "server" => facts.closed(who, server),
            // The other end without a word: it may be something on the way.
            _ => facts.closed(who, code.map(|_| Side::Server)),
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::logs::told::Told;

    fn told(events: &[&str]) -> Told {
        let line = |(at, event): (usize, &&str)| {
            format!(
                r#"{{"v":1,"type":"event","time":"2026-01-02T03:04:{at:02}.000000000Z",{event}}}"#
            )
        };
        let lines: Vec<String> = events.iter().enumerate().map(line).collect();
        Told::of("evenkeel", &lines.join("\n"))
    }

    #[test]
    fn a_connection_from_its_attempt_to_its_end() {
        let told = told(&[
            r#""event":"connecting","attempt":1,"server":0"#,
            r#""event":"connected","version":5,"session_present":true,"assigned_client_id":"auto-1","took_ms":1.5"#,
            r#""event":"ping_sent""#,
            r#""event":"pong","round_trip_ms":1.0"#,
            r#""event":"reading_paused""#,
            r#""event":"reading_resumed""#,
            r#""event":"disconnected","cause":"the link is dead","class":"KeepAliveDeath","reason_code":null,"online_s":4.0"#,
            r#""event":"retry","attempt":1,"delay_s":2.5,"pace":"BackOff""#,
            r#""event":"connecting","attempt":2,"server":0"#,
            r#""event":"disconnected","cause":"x","class":"Refused","reason_code":135,"online_s":null"#,
            r#""event":"halted","reason":"Refused""#,
            r#""event":"brew""#,
        ]);
        assert_eq!(
            told.timed(),
            "0 0 opening - -
             1000 0 < CONNACK 0 session
             2000 0 > PINGREQ
             3000 0 < PINGRESP
             5000 0 words ReadingPaused 1s
             6000 0 words KeepAliveTimeout by Client
             6000 0 > closing
             7000 0 words Retry 2.5s
             8000 0 forgotten
             8000 0 opening - -
             9000 0 < CONNACK 135
             9000 0 < closing
             10000 0 words GaveUp"
        );
        assert_eq!(told.understood(), 11);
    }

    #[test]
    fn version_2_says_whose_it_is_and_who_closed() {
        let common = r#""client_id":"a","connection":1,"server_url":"mqtts://b.example:8883","keep_alive_s":30,"last_sent_s":1.0,"last_received_s":1.0,"in_flight":0,"queued":0"#;
        let ended = |class: &str, closer: &str| {
            let opened = format!(r#""event":"connecting",{common},"attempt":1,"server":0"#);
            let connected = format!(r#""event":"connected",{common},"version":5"#);
            let ended = format!(
                r#""event":"disconnected",{common},"cause":"x","class":"{class}","closer":"{closer}","online_s":1.0"#
            );
            let told = told(&[&opened, &connected, &ended]);
            let lines = told.lines();
            lines.lines().map(str::trim).skip(4).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            ended("keep_alive_death", "client"),
            ["0 words KeepAliveTimeout by Client", "0 > closing"]
        );
        assert_eq!(ended("packet_fault", "client"), ["0 > closing"]);
        assert_eq!(ended("network", "server"), ["0 < closing"]);
        assert_eq!(ended("network", "peer"), ["0 ? closing"]);
    }

    #[test]
    fn an_attempt_that_fails_and_a_server_that_says_why() {
        let told = told(&[
            r#""event":"connecting","attempt":1,"server":0,"client_id":"a","server_url":"mqtts://b.example:8883""#,
            r#""event":"disconnected","client_id":"a","cause":"connection refused","class":"Network","online_s":null"#,
            r#""event":"connecting","attempt":2,"server":0,"client_id":"a""#,
            r#""event":"connected","client_id":"a","version":5,"keep_alive_s":30"#,
            r#""event":"disconnected","client_id":"a","cause":"x","class":"TakenOver","reason_code":142,"online_s":1.0"#,
        ]);
        assert_eq!(
            told.lines(),
            "0 is a
             0 opening - b.example:8883
             0 failed Refused
             0 forgotten
             0 is a
             0 opening - -
             0 > CONNECT id=a k=30 v=5
             0 < CONNACK 0
             0 < DISCONNECT 142
             0 words TakenOver
             0 < closing"
        );
    }
}
