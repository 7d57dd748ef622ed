//! ESPHome's log.

use evenkeel_doctor::{Address, OpenFailure, Vantage, Words};

use crate::logs::format::Format;
use crate::logs::reasons::refusal;
use crate::logs::threads::Who;

pub(super) static FORMAT: Format = Format {
    name: "esphome",
    of: "ESPHome",
    vantage: Vantage::ClientLog,
    shows: "connections, names that do not resolve, refusals, WiFi",
    signs: &["[mqtt:", "[mqtt.client:"],
    anchors: &[
        ("Connecting to MQTT...", |_, facts| {
            facts.open(Who::ONLY, Address::UNKNOWN, Address::UNKNOWN);
        }),
        ("MQTT Connected!", |_, facts| facts.accepted(Who::ONLY)),
        ("MQTT Disconnected: ", |hit, facts| match hit.rest() {
            text if refusal(text).is_some() => {
                facts.refused(Who::ONLY, refusal(text).unwrap_or_default());
            }
            "TLS Bad Fingerprint" => {
                facts.words(Who::ONLY, Words::TlsFailed(0));
                facts.lost(Who::ONLY, None);
            }
            "WiFi disconnected" => {
                facts.words(Who::ONLY, Words::LinkDown);
                facts.lost(Who::ONLY, None);
            }
            _ => facts.lost(Who::ONLY, None),
        }),
        ("Lost MQTT Client connection!", |_, facts| facts.lost(Who::ONLY, None)),
        ("Couldn't resolve IP address for ", |_, facts| {
            facts.failed(Who::ONLY, OpenFailure::Name);
        }),
        ("Can't connect to MQTT... Restarting", |_, facts| {
            facts.words(Who::ONLY, Words::GaveUp);
        }),
        ("[wifi:", |hit, facts| {
            if !hit.after.contains("Disconnected") {
                return facts.unknown();
            }
            facts.words(Who::ONLY, Words::LinkDown);
        }),
    ],
    ..Format::EMPTY
};

#[cfg(test)]
mod tests {
    use crate::logs::told::Told;

    #[test]
    fn connections_and_their_ends() {
        let told = Told::of(
            "esphome",
            "[23:59:58][I][mqtt:123]: Connecting to MQTT...
             [23:59:59][I][mqtt:234]: MQTT Connected!
             [00:00:09][W][mqtt:345]: MQTT Disconnected: TCP disconnected.
             [00:00:10][I][mqtt:123]: Connecting to MQTT...
             [00:00:11][W][mqtt:345]: MQTT Disconnected: Not Authorized.
             [00:00:12][W][mqtt:99]: Couldn't resolve IP address for 'broker.local'!
             [00:00:13][W][wifi:99]: Disconnected ssid='x'
             [00:00:13][I][wifi:99]: Connecting
             [00:00:14][E][mqtt:99]: Can't connect to MQTT... Restarting...",
        );
        assert_eq!(
            told.timed(),
            "0 0 opening - -
             1000 0 < CONNACK 0
             11000 0 ended
             12000 0 forgotten
             12000 0 opening - -
             13000 0 < CONNACK 5
             13000 0 < closing
             14000 0 forgotten
             14000 0 opening - -
             14000 0 failed Name
             15000 0 words LinkDown
             16000 0 words GaveUp"
        );
        assert_eq!(told.understood(), 8);
    }
}
