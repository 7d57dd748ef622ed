//! Home Assistant's log of its MQTT integration.

use core::time::Duration;

use evenkeel_doctor::{Address, Side, Vantage, Words};

use crate::logs::facts::Facts;
use crate::logs::format::{Format, Hit};
use crate::logs::scan::{number, word};
use crate::logs::threads::Who;

pub(super) static FORMAT: Format = Format {
    name: "home-assistant",
    of: "Home Assistant, homeassistant.components.mqtt",
    vantage: Vantage::ClientLog,
    shows: "connections with return codes, acknowledgements that do not come",
    signs: &["[homeassistant.components.mqtt"],
    anchors: &[
        ("Connected to MQTT server ", |hit, facts| {
            let server = facts.address(word(hit.after));
            facts.open(Who::ONLY, Address::UNKNOWN, server);
            facts.connack(Who::ONLY, 0);
        }),
        ("Disconnected from MQTT server ", disconnected),
        ("No ACK from MQTT server in ", |_, facts| facts.words(Who::ONLY, Words::NoAck)),
        ("Unable to connect to the MQTT broker: ", |hit, facts| {
            facts.error(Who::ONLY, hit.after);
        }),
        ("Failed to connect to MQTT server due to exception: ", |hit, facts| {
            facts.error(Who::ONLY, hit.after);
        }),
        ("Error returned from MQTT server: ", |_, _| {}),
        ("Stalled for ", |hit, facts| match number(hit.after) {
            Some(seconds) => facts.words(Who::ONLY, Words::Stalled(Duration::from_secs(seconds))),
            None => facts.unknown(),
        }),
    ],
    ..Format::EMPTY
};

/// `broker:1883 (7)`: codes of Paho, 7 for a lost connection, 16 for a ping
/// without answer.
fn disconnected(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let code = hit.after.rsplit_once('(').and_then(|(_, code)| number::<u8>(code));
    match code {
        Some(0) => facts.ends(Who::ONLY, Words::Goodbye, Some(Side::Client)),
        Some(16) => {
            let words = Words::KeepAliveTimeout { by: Side::Client };
            facts.ends(Who::ONLY, words, Some(Side::Client));
        }
        _ => facts.closed(Who::ONLY, None),
    }
}

#[cfg(test)]
mod tests {
    use crate::logs::told::Told;

    #[test]
    fn connections_and_their_ends() {
        let line = |text: &str| {
            format!(
                "2026-01-02 03:04:05.678 WARNING (MainThread) [homeassistant.components.mqtt.client] {text}\n"
            )
        };
        let lines = [
            "Connected to MQTT server core-mosquitto:1883 (0)",
            "No ACK from MQTT server in 10 seconds (mid: 5)",
            "Disconnected from MQTT server core-mosquitto:1883 (7)",
            "Unable to connect to the MQTT broker: Not authorized",
            "Connected to MQTT server core-mosquitto:1883 (0)",
            "Disconnected from MQTT server core-mosquitto:1883 (16)",
            "Failed to connect to MQTT server due to exception: [Errno 111] Connection refused",
            "Connected to MQTT server core-mosquitto:1883 (0)",
            "Disconnected from MQTT server core-mosquitto:1883 (0)",
            "Setting up integration",
        ];
        let told = Told::of("home-assistant", &lines.map(line).concat());
        assert_eq!(
            told.lines(),
            "0 opening - core-mosquitto:1883
             0 < CONNACK 0
             0 words NoAck
             0 ended
             0 forgotten
             0 opening - -
             0 < CONNACK 5
             0 < closing
             0 forgotten
             0 opening - core-mosquitto:1883
             0 < CONNACK 0
             0 words KeepAliveTimeout by Client
             0 > closing
             0 forgotten
             0 opening - -
             0 failed Refused
             0 forgotten
             0 opening - core-mosquitto:1883
             0 < CONNACK 0
             0 words Goodbye
             0 > closing"
        );
        assert_eq!(told.understood(), 9);
    }
}
