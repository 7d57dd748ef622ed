//! Events of an Evenkeel client: `evenkeel sub --events`, `Report::to_json`.

use core::time::Duration;

use evenkeel_doctor::{
    Address, ConnAckSeen, ConnectSeen, Denied, PacketSeen, Side, Time, Vantage, Words,
};

use crate::logs::facts::Facts;
use crate::logs::format::{Format, Hit, Times};
use crate::logs::json::{self, Json};
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

/// Connection rate exceeded.
const CONNECT_RATE: u8 = 0x9F;

fn event(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let Some(value) = hit.json() else { return facts.unknown() };
    if let Some(stamp) = json::time(&value, "time") {
        facts.set_time(stamp);
    }
    let name = json::text(&value, "event");
    let id = id(&value);
    let instance = instance(name, id, &value, facts);
    let who = Who { id, peer: "", instance: &instance };
    let seconds = |key: &str| {
        let seconds = value.get(key).and_then(Json::as_f64)?;
        Duration::try_from_secs_f64(seconds).ok()
    };
    traffic(name, who, [seconds("last_sent_s"), seconds("last_received_s")], facts);
    match name {
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
        "reading_paused" => facts.memory.pause(id, facts.moment.at),
        "reading_resumed" => {
            let Some(from) = facts.memory.resume(id) else { return };
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
        "ping_unanswered" => {
            if json::flag(&value, "heard") {
                facts.heard(who, Side::Server);
            }
            facts.words(who, Words::PingWrittenOff);
        }
        "loop"
        | "version_fallback"
        | "pong_unsolicited"
        | "renewed"
        | "subscriptions_restoring"
        | "subscriptions_forgotten"
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

/// The traffic since the event before, as far as version 2 says it: the newest
/// bytes of either side.
fn traffic(event: &str, who: Who<'_>, ages: [Option<Duration>; 2], facts: &mut Facts<'_>) {
    if matches!(event, "connecting" | "connected" | "retry" | "halted") {
        return;
    }
    let [sent, received] = ages;
    let mut newest = [(sent, Side::Client), (received, Side::Server)];
    newest.sort_by_key(|(ago, _)| core::cmp::Reverse(*ago));
    for (ago, side) in newest {
        if let Some(ago) = ago {
            facts.heard_before(who, side, ago);
        }
    }
}

/// The identifier in use; the one that CONNACK assigns is in use from there on.
/// Empty in version 1.
fn id<'a>(value: &'a Json<'_>) -> &'a str {
    match json::text(value, "client_id") {
        "" if value.get("connection").is_some() => json::text(value, "assigned_client_id"),
        id => id,
    }
}

/// The connection's name: its number counts for each client by itself. Empty in
/// version 1, which has no numbers.
fn instance(event: &str, id: &str, value: &Json<'_>, facts: &mut Facts<'_>) -> String {
    let Some(number) = json::number::<u64>(value, "connection") else { return String::new() };
    if !id.is_empty() {
        return format!("{number} {id}");
    }
    let (at, said) = (facts.moment.at, (number, json::text(value, "server_url")));
    let unnamed = &mut facts.memory.unnamed;
    let known = match event {
        "connecting" => None,
        "retry" | "halted" => unnamed.find(said, at, true),
        _ => unnamed.find(said, at, false),
    };
    known.unwrap_or_else(|| unnamed.begin(said, at))
}

/// The attempt that began without an identifier has got one. It is told from
/// others by when it began.
fn named(who: Who<'_>, value: &Json<'_>, facts: &mut Facts<'_>) {
    let waits = !facts.threads.is_over(who) && !facts.threads.is_accepted(who);
    let Some(number) = json::number::<u64>(value, "connection") else { return };
    if waits {
        return;
    }
    let took = value.get("took_ms").and_then(Json::as_f64).unwrap_or_default();
    let took = Duration::try_from_secs_f64(took / 1e3).unwrap_or_default();
    let took = i64::try_from(took.as_nanos()).unwrap_or(i64::MAX);
    let began = Time(facts.moment.at.0.saturating_sub(took));
    let said = (number, json::text(value, "server_url"));
    if let Some(name) = facts.memory.unnamed.take(said, began) {
        facts.threads.rename(Who::instance(&name), who, facts.moment, facts.sink);
    }
}

fn connected(who: Who<'_>, value: &Json<'_>, facts: &mut Facts<'_>) {
    let version = json::number(value, "version").unwrap_or(0);
    let assigned = json::text(value, "assigned_client_id");
    if !assigned.is_empty() {
        named(who, value, facts);
    }
    // Later versions of the events say which keep-alive is in force, not which
    // one was asked for.
    let keep_alive = json::number(value, "keep_alive_s");
    if keep_alive.is_some() {
        let asked = if assigned.is_empty() { who } else { Who { id: "", ..who } };
        facts.connect(asked, ConnectSeen { version, ..ConnectSeen::default() });
    }
    let connack = ConnAckSeen {
        session_present: json::flag(value, "session_present"),
        version_5: version == 5,
        server_keep_alive: keep_alive,
        assigned_id: facts.keep(assigned),
        ..ConnAckSeen::default()
    };
    facts.packet(who, Side::Server, PacketSeen::ConnAck(connack));
}

/// An attempt that failed has no `online_s`.
fn disconnected(who: Who<'_>, value: &Json<'_>, online: Option<Duration>, facts: &mut Facts<'_>) {
    if let ("", Some(number)) = (who.id, json::number::<u64>(value, "connection")) {
        let said = (number, json::text(value, "server_url"));
        facts.memory.unnamed.end(said, facts.moment.at);
    }
    let code: Option<u8> = json::number(value, "reason_code");
    if online.is_none() {
        let cause = json::text(value, "cause");
        return match code {
            Some(code) => facts.refused(who, code),
            None if cause.contains(UNANSWERED) => unanswered(who, cause, facts),
            None => facts.failed(who, open_failure(cause)),
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
        "throttled" if code == Some(CONNECT_RATE) => facts.ends(who, Words::ConnectRate, server),
        // The code says of what there was too much.
        "throttled" if code.is_some() => facts.closed(who, server),
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

/// The attempt was accepted and CONNECT was sent, but no CONNACK came: the words of
/// `DisconnectCause`.
const UNANSWERED: &str = "while waiting for CONNACK";

fn unanswered(who: Who<'_>, cause: &str, facts: &mut Facts<'_>) {
    facts.tcp_accepted(who);
    if cause.contains("ran out") {
        facts.ends(who, Words::ConnAckTimeout, Some(Side::Client));
    } else {
        facts.closed(who, Some(Side::Server));
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
        assert_eq!(ended("network", "peer"), ["0 ended"]);
    }

    #[test]
    fn a_ping_is_written_off_and_the_code_says_what_was_too_much() {
        let ended = |code: u8| {
            format!(
                r#""event":"disconnected","class":"throttled","reason_code":{code},"online_s":1.0"#
            )
        };
        let said = |code| {
            let off = r#""event":"ping_unanswered","after_s":2.0,"heard":false"#;
            let told = told(&[r#""event":"ping_sent""#, off, &ended(code)]);
            let lines = told.lines();
            lines.lines().map(str::trim).skip(2).map(str::to_owned).collect::<Vec<_>>()
        };
        let off = "0 words PingWrittenOff";
        assert_eq!(said(0x89), [off, "0 < DISCONNECT 137", "0 < closing"]);
        assert_eq!(said(0x97), [off, "0 < DISCONNECT 151", "0 < closing"]);
        assert_eq!(said(0x9F), [off, "0 < DISCONNECT 159", "0 words ConnectRate", "0 < closing"]);
    }

    /// An event of version 2, of a client and its connection.
    fn of(client: &str, connection: u32, event: &str, more: &str) -> String {
        format!(
            r#""event":"{event}","client_id":{client},"connection":{connection},"server_url":"mqtt://b:1883"{more}"#
        )
    }

    /// CONNACK which assigns an identifier, to an attempt that began so long before.
    fn assigns(id: &str, seconds: u32) -> String {
        let more = format!(
            r#","version":5,"keep_alive_s":30,"assigned_client_id":"{id}","took_ms":{seconds}e3"#
        );
        of(&format!("\"{id}\""), 1, "connected", &more)
    }

    const LOST: &str = r#","class":"network","closer":"server","online_s":1.0"#;

    #[track_caller]
    fn tells(events: &[String], expected: &str) {
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        assert_eq!(told(&events).lines(), expected);
    }

    #[test]
    fn an_identifier_that_is_assigned_splits_no_connection() {
        for none in ["\"\"", "null"] {
            tells(
                &[
                    of(none, 1, "connecting", ""),
                    assigns("auto-1", 1),
                    of("\"auto-1\"", 1, "ping_sent", ""),
                    of("\"auto-1\"", 1, "disconnected", LOST),
                    of("\"auto-1\"", 1, "retry", r#","delay_s":1.5"#),
                    of("\"auto-1\"", 2, "connecting", ""),
                ],
                "0 opening - b:1883
             0 > CONNECT id= v=5
             0 is auto-1
             0 < CONNACK 0 k=30
             0 > PINGREQ
             0 < closing
             0 words Retry 1.5s
             1 is auto-1
             1 opening - b:1883",
            );
        }
    }

    #[test]
    fn clients_that_wait_for_an_identifier_are_told_apart_by_when_they_began() {
        let none = "\"\"";
        tells(
            &[
                of(none, 1, "connecting", ""),
                of(none, 1, "connecting", ""),
                assigns("auto-1", 2),
                assigns("auto-2", 2),
                of("\"auto-1\"", 1, "disconnected", LOST),
                of("\"auto-2\"", 1, "ping_sent", ""),
            ],
            "0 opening - b:1883
             1 opening - b:1883
             0 > CONNECT id= v=5
             0 is auto-1
             0 < CONNACK 0 k=30
             1 > CONNECT id= v=5
             1 is auto-2
             1 < CONNACK 0 k=30
             0 < closing
             1 > PINGREQ",
        );
    }

    #[test]
    fn numbers_begin_again_with_the_next_run() {
        let none = "\"\"";
        let failed = r#","class":"refused","reason_code":135,"online_s":null"#;
        // The first run is killed in its attempt, the second one while it is connected.
        tells(
            &[
                of(none, 1, "connecting", ""),
                of(none, 1, "connecting", ""),
                assigns("auto-1", 1),
                of(none, 1, "connecting", ""),
                of(none, 1, "disconnected", failed),
                of(none, 1, "retry", r#","delay_s":1.5"#),
                of(none, 2, "connecting", ""),
                of("\"auto-1\"", 1, "ping_sent", ""),
            ],
            "0 opening - b:1883
             1 opening - b:1883
             1 > CONNECT id= v=5
             1 is auto-1
             1 < CONNACK 0 k=30
             2 opening - b:1883
             2 < CONNACK 135
             2 < closing
             2 words Retry 1.5s
             3 opening - b:1883
             1 > PINGREQ",
        );
        // With an identifier of its own, the client's older connection is over.
        tells(
            &[
                of("\"a\"", 1, "connecting", ""),
                of("\"b\"", 1, "connecting", ""),
                of("\"a\"", 2, "connecting", ""),
                of("\"a\"", 1, "connecting", ""),
                of("\"b\"", 1, "disconnected", LOST),
            ],
            "0 is a
             0 opening - b:1883
             1 is b
             1 opening - b:1883
             0 ended
             2 is a
             2 opening - b:1883
             0 forgotten
             2 ended
             0 is a
             0 opening - b:1883
             1 < closing",
        );
    }

    #[test]
    fn each_client_has_its_own_pause() {
        let (a, b) = ("\"a\"", "\"b\"");
        tells(
            &[
                of(a, 1, "reading_paused", ""),
                of(b, 1, "reading_paused", ""),
                of(a, 1, "reading_resumed", ""),
                of(b, 1, "reading_resumed", ""),
                of(b, 1, "reading_resumed", ""),
            ],
            "0 is a
             0 joined - -
             0 words ReadingPaused 2s
             1 is b
             1 joined - -
             1 words ReadingPaused 2s",
        );
    }

    #[test]
    fn a_ping_without_an_answer_says_whether_anything_was_heard() {
        let told = told(&[
            r#""event":"connecting","attempt":1,"server":0"#,
            r#""event":"ping_sent""#,
            r#""event":"ping_unanswered","after_s":1.0"#,
            r#""event":"ping_unanswered","after_s":2.0,"heard":false"#,
            r#""event":"ping_unanswered","after_s":3.0,"heard":true"#,
        ]);
        assert_eq!(
            told.timed(),
            "0 0 opening - -
             1000 0 > PINGREQ
             2000 0 words PingWrittenOff
             3000 0 words PingWrittenOff
             4000 0 < heard
             4000 0 words PingWrittenOff"
        );
        assert_eq!(told.understood(), 5);
    }

    #[test]
    fn version_2_says_what_came_and_went_since_the_event_before() {
        let connected = r#""event":"connected","client_id":"a","version":5,"keep_alive_s":3"#;
        let ping = |sent: &str, received: &str| {
            format!(
                r#""event":"ping_sent","client_id":"a","last_sent_s":{sent},"last_received_s":{received}"#
            )
        };
        let (first, second) = (ping("0.0", "1.0"), ping("0.3", "0.4"));
        let pong = r#""event":"pong","client_id":"a","last_sent_s":1.0,"last_received_s":0.0"#;
        let told = told(&[connected, &first, pong, &second]);
        let lines = told.timed();
        let after = lines.split_once("CONNACK 0 k=3\n").map(|(_, after)| after);
        assert_eq!(
            after,
            Some(
                "             1000 0 > PINGREQ
             2000 0 < PINGRESP
             2600 0 < heard
             2700 0 > heard
             3000 0 > PINGREQ"
            )
        );
    }

    #[test]
    fn an_attempt_without_connack() {
        let attempt = |cause: &str| {
            let ended = format!(
                r#""event":"disconnected","cause":"{cause}","class":"Network","online_s":null"#
            );
            told(&[r#""event":"connecting","attempt":1,"server":0"#, &ended]).lines()
        };
        let lines = attempt("no connection within 5s, ran out while waiting for CONNACK");
        assert!(
            lines.ends_with(
                "0 Accepted\n             0 words ConnAckTimeout\n             0 > closing"
            ),
            "{lines}"
        );
        let lines = attempt("the server closed the connection while waiting for CONNACK");
        assert!(lines.ends_with("0 Accepted\n             0 < closing"), "{lines}");
        let lines = attempt("the server closed the connection in the TLS handshake");
        assert!(lines.ends_with("0 failed Tls"), "{lines}");
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
             0 > CONNECT id=a v=5
             0 < CONNACK 0 k=30
             0 < DISCONNECT 142
             0 words TakenOver
             0 < closing"
        );
    }
}
