//! AWS IoT Core's lifecycle events, `$aws/events/presence/..`: their payloads,
//! or the JSON lines in which a subscriber prints messages.
//!
//! They may come twice and out of order; a session's connection is opened once
//! and ended once.

use core::time::Duration;

use evenkeel_doctor::{Address, Denied, Side, Vantage, Words};

use super::aws_cloudwatch::ended;
use crate::logs::facts::Facts;
use crate::logs::format::{Format, Hit, Times};
use crate::logs::json::{self, Json};
use crate::logs::threads::Who;

pub(super) static FORMAT: Format = Format {
    name: "aws-lifecycle",
    of: "AWS IoT Core: lifecycle events",
    vantage: Vantage::BrokerLog,
    shows: "connections with addresses, why each ended",
    signs: &["sessionIdentifier", "$aws/events/presence/"],
    anchors: &[("eventType", event)],
    times: Times::Within(Duration::from_millis(1), true),
    ..Format::EMPTY
};

fn event(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let Some(value) = hit.json() else { return facts.unknown() };
    match json::inner(&value, "payload") {
        Some(inner) => presence(&inner, facts),
        None => presence(&value, facts),
    }
}

fn presence(value: &Json<'_>, facts: &mut Facts<'_>) {
    if let Some(stamp) = json::time(value, "timestamp") {
        facts.set_time(stamp);
    }
    let (id, instance) = (json::text(value, "clientId"), json::text(value, "sessionIdentifier"));
    let who = Who { id, peer: "", instance };
    match json::text(value, "eventType") {
        _ if id.is_empty() => facts.unknown(),
        "connected" if facts.threads.knows(who) => {}
        "connected" => {
            let client = facts.address(json::text(value, "ipAddress"));
            facts.open(who, client, Address::UNKNOWN);
            facts.connack(who, 0);
        }
        "disconnected" => {
            let goodbye = json::flag(value, "clientInitiatedDisconnect");
            match json::text(value, "disconnectReason") {
                "" if goodbye => facts.ends(who, Words::Goodbye, Some(Side::Client)),
                reason => ended(who, reason, facts),
            }
        }
        "connect_failed" => {
            let client = facts.address(json::text(value, "ipAddress"));
            facts.open(who, client, Address::UNKNOWN);
            facts.denied(who, Denied::Connect, "");
            facts.closed(who, Some(Side::Server));
        }
        _ => facts.unknown(),
    }
}

#[cfg(test)]
mod tests {
    use crate::logs::told::Told;

    const CONNECTED: &str = r#"{"clientId":"a","timestamp":1767323045000,"eventType":"connected","sessionIdentifier":"s1","principalIdentifier":"secret","ipAddress":"192.0.2.1","versionNumber":0}"#;
    const DISCONNECTED: &str = r#"{"clientId":"a","timestamp":1767323055000,"eventType":"disconnected","sessionIdentifier":"s1","clientInitiatedDisconnect":false,"disconnectReason":"DUPLICATE_CLIENTID","versionNumber":0}"#;

    const EXPECTED: &str = "0 0 is a
             0 0 opening 192.0.2.1 -
             0 0 < CONNACK 0
             10000 0 words TakenOver
             10000 0 < closing";

    #[test]
    fn a_connection_is_opened_and_ended_once() {
        let twice = format!("{CONNECTED}\n{CONNECTED}\n{DISCONNECTED}\n{CONNECTED}");
        let told = Told::of("aws-lifecycle", &twice);
        told.hides("secret");
        assert_eq!(told.timed(), EXPECTED);
        assert_eq!(told.understood(), 4);
    }

    #[test]
    fn lines_of_a_subscriber_are_read_too() {
        let wrapped = |event: &str| {
            let text = serde_json::to_string(event).expect("a text");
            format!(r#"{{"topic":"$aws/events/presence/connected/a","payload":{text}}}"#)
        };
        let lines = format!("{}\n{}", wrapped(CONNECTED), wrapped(DISCONNECTED));
        assert_eq!(Told::of("aws-lifecycle", &lines).timed(), EXPECTED);
        let object = format!(r#"{{"payload":{CONNECTED}}}"#);
        assert!(Told::of("aws-lifecycle", &object).lines().contains("opening"));
    }
}
