//! Azure: resource logs of IoT Hub (category Connections), and events of Event
//! Grid's MQTT broker.

use core::time::Duration;

use evenkeel_doctor::{Address, Denied, Side, Vantage, Words};

use crate::logs::facts::Facts;
use crate::logs::format::{Format, Hit, Times};
use crate::logs::json::{self, Json};
use crate::logs::threads::Who;

pub(super) static FORMAT: Format = Format {
    name: "azure",
    of: "Azure IoT Hub resource logs, Event Grid MQTT events",
    vantage: Vantage::BrokerLog,
    shows: "connections and why each ended",
    signs: &["deviceConnect\"", "deviceDisconnect\"", "Microsoft.EventGrid.MQTTClientSession"],
    anchors: &[
        ("deviceConnect\"", hub),
        ("deviceDisconnect\"", hub),
        ("Microsoft.EventGrid.MQTTClientSession", grid),
    ],
    times: Times::Within(Duration::from_millis(1), true),
    ..Format::EMPTY
};

fn hub(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let Some(value) = hit.json() else { return facts.unknown() };
    if let Some(stamp) = json::time(&value, "time") {
        facts.set_time(stamp);
    }
    let Some(properties) = json::inner(&value, "properties") else { return facts.unknown() };
    let who = Who::id(json::text(&properties, "deviceId"));
    if who == Who::ONLY {
        return facts.unknown();
    }
    let code: u32 = json::number(&properties, "statusCode")
        .or_else(|| json::number(&value, "resultType"))
        .unwrap_or(0);
    if json::text(&value, "operationName") == "deviceConnect" {
        let client = facts.address(json::text(&properties, "maskedIpAddress"));
        facts.open(who, client, Address::UNKNOWN);
        if code < 400_000 {
            facts.connack(who, 0);
            return;
        }
        match code {
            403_002 => facts.words(who, Words::Throttled),
            _ => facts.denied(who, Denied::Connect, ""),
        }
        facts.closed(who, Some(Side::Server));
        return;
    }
    let server = Some(Side::Server);
    match code {
        400_027 => facts.ends(who, Words::TakenOver, server),
        401_003 => facts.ends(who, Words::CredentialsExpired, server),
        403_002 => facts.ends(who, Words::Throttled, server),
        _ => facts.closed(who, None),
    }
}

fn grid(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let Some(value) = hit.json() else { return facts.unknown() };
    if let Some(stamp) = json::time(&value, "time") {
        facts.set_time(stamp);
    }
    let Some(data) = json::inner(&value, "data") else { return facts.unknown() };
    let who = Who::id(json::text(&data, "clientSessionName"));
    if who == Who::ONLY {
        return facts.unknown();
    }
    if json::text(&value, "type").ends_with("MQTTClientSessionConnected") {
        facts.open(who, Address::UNKNOWN, Address::UNKNOWN);
        facts.connack(who, 0);
        return;
    }
    ended(who, &data, facts);
}

fn ended(who: Who<'_>, data: &Json<'_>, facts: &mut Facts<'_>) {
    let server = Some(Side::Server);
    match json::text(data, "disconnectionReason") {
        "ClientInitiatedDisconnect" => facts.ends(who, Words::Goodbye, Some(Side::Client)),
        "ClientAuthenticationError" => facts.ends(who, Words::CredentialsExpired, server),
        "ClientAuthorizationError" | "IpForbidden" => {
            facts.denied(who, Denied::Connect, "");
            facts.closed(who, server);
        }
        "ClientError" => facts.ends(who, Words::ProtocolError, server),
        "QuotaExceeded" => facts.ends(who, Words::Throttled, server),
        "ServerError" | "ServerInitiatedDisconnect" => facts.ends(who, Words::ServerEvent, server),
        "SessionOverflow" => facts.ends(who, Words::Dropped, server),
        "SessionTakenOver" => facts.ends(who, Words::TakenOver, server),
        _ => facts.closed(who, None),
    }
}

#[cfg(test)]
mod tests {
    use crate::logs::told::Told;

    fn hub(operation: &str, code: &str) -> String {
        let properties = r#"{\"deviceId\":\"a\",\"protocol\":\"Mqtt\",\"maskedIpAddress\":\"192.0.2.XXX\",\"statusCode\":\"CODE\"}"#;
        let line = r#"{"time":"2026-01-02T03:04:05.1234567Z","category":"Connections","operationName":"OP","properties":"PROPERTIES"}"#;
        line.replace("OP\"", &format!("{operation}\""))
            .replace("PROPERTIES", properties)
            .replace("CODE", code)
    }

    #[test]
    fn iot_hub() {
        let line = format!("{}\n{}", hub("deviceConnect", "0"), hub("deviceDisconnect", "400027"));
        assert_eq!(
            Told::of("azure", &line).lines(),
            "0 is a
             0 opening 192.0.2.XXX -
             0 < CONNACK 0
             0 words TakenOver
             0 < closing"
        );
        for (code, expected) in [
            ("401003", "words CredentialsExpired\n             0 < closing"),
            ("403002", "words Throttled\n             0 < closing"),
            ("404104", "0 ended"),
        ] {
            let told = Told::of("azure", &hub("deviceDisconnect", code));
            assert!(told.lines().ends_with(expected), "{code}: {}", told.lines());
        }
        let refused = Told::of("azure", &hub("deviceConnect", "401003"));
        assert!(refused.lines().contains("words Denied Connect"), "{}", refused.lines());
    }

    #[test]
    fn event_grid() {
        let line = |kind: &str, reason: &str| {
            format!(
                r#"[{{"time":"2026-01-02T03:04:05.1Z","type":"Microsoft.EventGrid.MQTTClientSession{kind}","data":{{"clientAuthenticationName":"secret","clientSessionName":"a","disconnectionReason":"{reason}"}}}}]"#
            )
        };
        let lines =
            format!("{}\n{}", line("Connected", ""), line("Disconnected", "SessionTakenOver"));
        let told = Told::of("azure", &lines);
        told.hides("secret");
        assert_eq!(
            told.lines(),
            "0 is a
             0 opening - -
             0 < CONNACK 0
             0 words TakenOver
             0 < closing"
        );
        let told = Told::of("azure", &line("Disconnected", "SessionOverflow"));
        assert!(told.lines().contains("words Dropped"), "{}", told.lines());
    }
}
