//! AWS IoT Core's log group `AWSIotLogsV2` of CloudWatch: one JSON object for
//! each event, as `aws logs` prints them or as Insights exports them.

use core::time::Duration;

use evenkeel_doctor::{
    Address, ConnectSeen, Denied, PacketSeen, PublishSeen, Side, Vantage, Words,
};

use crate::logs::facts::Facts;
use crate::logs::format::{Format, Hit, Times};
use crate::logs::json::{self, Json};
use crate::logs::threads::Who;

pub(super) static FORMAT: Format = Format {
    name: "aws-cloudwatch",
    of: "AWS IoT Core: CloudWatch, log group AWSIotLogsV2",
    vantage: Vantage::BrokerLog,
    shows: "connections with addresses, why each ended, refused rights",
    // Lifecycle events have `disconnectReason`, too.
    signs: &["\"traceId\"", "\"eventType\":\"Connect\"", "\"eventType\": \"Connect\""],
    anchors: &[("\"eventType\"", event)],
    times: Times::Within(Duration::from_millis(1), true),
    ..Format::EMPTY
};

fn event(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let Some(value) = hit.json() else { return facts.unknown() };
    if let Some(stamp) = json::time(&value, "timestamp") {
        facts.set_time(stamp);
    }
    if json::text(&value, "protocol") == "HTTP" {
        return;
    }
    let id = json::text(&value, "clientId");
    let ip = json::text(&value, "sourceIp");
    let port: Option<u16> = json::number(&value, "sourcePort");
    let peer = match port {
        Some(port) if !ip.is_empty() => Some(format!("{ip}:{port}")),
        _ => None,
    };
    let who = Who { id, peer: peer.as_deref().unwrap_or_default(), instance: "" };
    let failed = json::text(&value, "status") == "Failure";
    let topic = json::text(&value, "topicName");
    match json::text(&value, "eventType") {
        _ if id.is_empty() => facts.unknown(),
        "Connect" => {
            let client = facts.address(peer.as_deref().unwrap_or(ip));
            facts.open(who, client, Address::UNKNOWN);
            facts.connect(who, ConnectSeen::default());
            if failed {
                refused(who, &value, facts);
            } else {
                facts.connack(who, 0);
            }
        }
        "Connection.AuthNError" => {
            facts.denied(who, Denied::Connect, "");
            facts.closed(who, Some(Side::Server));
        }
        "Disconnect" => disconnected(who, &value, facts),
        "DeleteConnection" => facts.ends(who, Words::Administrative, Some(Side::Server)),
        "Ping" => facts.packet(who, Side::Client, PacketSeen::PingReq),
        "Publish-In" if failed => denied(who, Denied::Publish, topic, &value, facts),
        "Publish-In" => publish(who, Side::Client, topic, facts),
        "Publish-Out" if !failed => publish(who, Side::Server, topic, facts),
        "Subscribe" if failed => denied(who, Denied::Subscribe, topic, &value, facts),
        "Subscribe" => {
            let seen = facts.filters(0, core::iter::once((topic, 0)));
            facts.packet(who, Side::Client, PacketSeen::Subscribe(seen));
            facts.packet(who, Side::Server, PacketSeen::SubAck(0, 0, 0));
        }
        "Unsubscribe" => {
            let seen = facts.filters(0, core::iter::once((topic, 0)));
            facts.packet(who, Side::Client, PacketSeen::Unsubscribe(seen));
        }
        "Queued" | "Publish-Out" => {}
        _ => facts.unknown(),
    }
}

fn publish(who: Who<'_>, from: Side, topic: &str, facts: &mut Facts<'_>) {
    let topic = facts.keep(topic);
    facts.packet(who, from, PacketSeen::Publish(PublishSeen { topic, ..PublishSeen::default() }));
}

fn refused(who: Who<'_>, value: &Json<'_>, facts: &mut Facts<'_>) {
    let reason = json::text(value, "reason");
    if reason.contains("THROTTL") {
        facts.words(who, Words::ConnectRate);
    } else if reason.contains("SERVER_ERROR") {
        facts.words(who, Words::ServerEvent);
    } else if reason.contains("CLIENT_ERROR") {
        facts.words(who, Words::ProtocolError);
    } else {
        facts.denied(who, Denied::Connect, "");
    }
    facts.closed(who, Some(Side::Server));
}

fn denied(who: Who<'_>, right: Denied, topic: &str, value: &Json<'_>, facts: &mut Facts<'_>) {
    if json::text(value, "reason").contains("THROTTL") {
        return facts.words(who, Words::Throttled);
    }
    facts.denied(who, right, topic);
}

fn disconnected(who: Who<'_>, value: &Json<'_>, facts: &mut Facts<'_>) {
    let reason = match json::text(value, "disconnectReason") {
        "" => json::text(value, "reason"),
        reason => reason,
    };
    ended(who, reason, facts);
}

/// The reasons of AWS IoT Core, in its logs and lifecycle events.
pub(super) fn ended(who: Who<'_>, reason: &str, facts: &mut Facts<'_>) {
    let server = Some(Side::Server);
    match reason {
        "CLIENT_INITIATED_DISCONNECT" => facts.ends(who, Words::Goodbye, Some(Side::Client)),
        "AUTH_ERROR" | "FORBIDDEN_ACCESS" => {
            // What it was that was refused, this does not say.
            let nothing = facts.keep("");
            facts.ends(who, Words::Denied(Denied::Connect, nothing), server);
        }
        "CLIENT_ERROR" => facts.ends(who, Words::ProtocolError, server),
        "CONNECTION_LOST" => facts.closed(who, None),
        "DUPLICATE_CLIENTID" | "DUPLICATE_CLIENT_ID" => facts.ends(who, Words::TakenOver, server),
        "MQTT_KEEP_ALIVE_TIMEOUT" => {
            facts.ends(who, Words::KeepAliveTimeout { by: Side::Server }, server);
        }
        "SERVER_ERROR" | "SERVER_INITIATED_DISCONNECT" => {
            facts.ends(who, Words::ServerEvent, server);
        }
        "API_INITIATED_DISCONNECT" => facts.ends(who, Words::Administrative, server),
        "THROTTLED" => facts.ends(who, Words::Throttled, server),
        "WEBSOCKET_TTL_EXPIRATION" => facts.ends(who, Words::LifetimeReached, server),
        "CUSTOMAUTH_TTL_EXPIRATION" => facts.ends(who, Words::CredentialsExpired, server),
        _ => facts.closed(who, None),
    }
}

#[cfg(test)]
mod tests {
    use crate::logs::told::Told;

    const CONNECT: &str = r#"{"timestamp":"2026-01-02 03:04:05.678","logLevel":"INFO","traceId":"t","accountId":"1","status":"Success","eventType":"Connect","protocol":"MQTT","clientId":"a","principalId":"secret-principal","sourceIp":"192.0.2.1","sourcePort":5000}"#;

    fn ended_by(reason: &str) -> String {
        let connect = CONNECT.replace("Connect", "Disconnect");
        connect.replace(r#""sourceIp""#, &format!(r#""disconnectReason":"{reason}","sourceIp""#))
    }

    #[test]
    fn connections_and_their_ends() {
        let told = Told::of("aws-cloudwatch", &format!("{CONNECT}\n{}", ended_by("X")));
        told.hides("secret");
        assert_eq!(
            told.lines(),
            "0 is a
             0 opening 192.0.2.1:5000 -
             0 > CONNECT id=a
             0 < CONNACK 0
             0 ended"
        );
        for (reason, expected) in [
            ("AUTH_ERROR", "words Denied Connect \n 0 < closing"),
            ("CLIENT_INITIATED_DISCONNECT", "words Goodbye\n 0 > closing"),
            ("CLIENT_ERROR", "words ProtocolError\n 0 < closing"),
            ("CONNECTION_LOST", "ended"),
            ("DUPLICATE_CLIENTID", "words TakenOver\n 0 < closing"),
            ("DUPLICATE_CLIENT_ID", "words TakenOver\n 0 < closing"),
            ("MQTT_KEEP_ALIVE_TIMEOUT", "words KeepAliveTimeout by Server\n 0 < closing"),
            ("SERVER_INITIATED_DISCONNECT", "words ServerEvent\n 0 < closing"),
            ("API_INITIATED_DISCONNECT", "words Administrative\n 0 < closing"),
            ("THROTTLED", "words Throttled\n 0 < closing"),
            ("WEBSOCKET_TTL_EXPIRATION", "words LifetimeReached\n 0 < closing"),
            ("CUSTOMAUTH_TTL_EXPIRATION", "words CredentialsExpired\n 0 < closing"),
        ] {
            let told = Told::of("aws-cloudwatch", &ended_by(reason));
            let lines = told.lines().replace("             ", " ");
            let expected = format!("0 is a\n 0 joined 192.0.2.1:5000 -\n 0 {expected}");
            assert_eq!(lines, expected, "{reason}");
        }
    }

    #[test]
    fn refusals_name_what_was_refused() {
        let publish = CONNECT.replace(r#""Connect""#, r#""Publish-In","topicName":"a/b""#);
        let told = Told::of("aws-cloudwatch", &publish.replace("Success", "Failure"));
        assert!(told.lines().ends_with("words Denied Publish a/b"), "{}", told.lines());
        let told = Told::of("aws-cloudwatch", &publish);
        assert!(told.lines().ends_with("> PUBLISH 0 a/b qos=0 payload=0"), "{}", told.lines());
        let told = Told::of("aws-cloudwatch", &CONNECT.replace("Success", "Failure"));
        assert!(told.lines().ends_with("words Denied Connect \n             0 < closing"));
    }

    #[test]
    fn the_wrappers_of_the_tools_come_off() {
        let escaped = serde_json::to_string(CONNECT).expect("a text");
        let doubled = CONNECT.replace('"', "\"\"");
        for line in [
            format!("      \"message\": {escaped},"),
            format!("\"2026-01-02 03:04:05.678\",\"{doubled}\""),
            format!("2026-01-02T03:05:09.000000+00:00 stream {CONNECT}"),
        ] {
            let told = Told::of("aws-cloudwatch", &line);
            assert!(told.lines().contains("> CONNECT id=a"), "{line}");
            // The event's time counts, not the wrapper's.
            assert_eq!(told.events[0].at.0 % 1_000_000_000, 678_000_000, "{line}");
        }
    }

    #[test]
    fn what_is_no_event_is_not_understood() {
        for line in [
            r#"{"eventType":"#,
            r#"{"eventType":"Connect"}"#,
            r#"{"eventType":"Brew","clientId":"a"}"#,
        ] {
            let told = Told::of("aws-cloudwatch", line);
            assert_eq!((told.understood(), told.events.len()), (0, 0), "{line}");
        }
    }
}
