//! Zigbee2MQTT, whose client is MQTT.js.

use core::time::Duration;

use evenkeel_doctor::{Address, ConnectSeen, PacketSeen, Side, Vantage, Words};

use crate::logs::clock::Stamp;
use crate::logs::facts::Facts;
use crate::logs::format::{Format, Times};
use crate::logs::scan::{host_of_url, number, unquoted, word};
use crate::logs::threads::Who;

pub(super) static FORMAT: Format = Format {
    name: "zigbee2mqtt",
    of: "Zigbee2MQTT",
    vantage: Vantage::ClientLog,
    shows: "connections, reason codes of MQTT 5, errors of MQTT.js",
    signs: &["z2m: ", "Zigbee2MQTT:", "zh:"],
    anchors: &[
        ("Using MQTT keepalive: ", |hit, facts| facts.memory.keep_alive = number(hit.after)),
        ("Using MQTT client ID: ", |hit, facts| {
            facts.memory.client = unquoted(hit.after).into();
        }),
        ("Connecting to MQTT server at ", |hit, facts| {
            let server = facts.address(host_of_url(word(hit.after)));
            with(facts, |who, facts| {
                facts.open(who, Address::UNKNOWN, server);
            });
        }),
        ("Connected to MQTT server", |_, facts| {
            let keep_alive = facts.memory.keep_alive;
            with(facts, |who, facts| {
                if facts.threads.is_over(who) || facts.threads.is_accepted(who) {
                    facts.open(who, Address::UNKNOWN, Address::UNKNOWN);
                }
                if keep_alive.is_some() {
                    facts.connect(who, ConnectSeen { keep_alive, ..ConnectSeen::default() });
                }
                facts.connack(who, 0);
            });
        }),
        ("MQTT error: ", |hit, facts| with(facts, |who, facts| facts.error(who, hit.after))),
        ("MQTT server error: ", |hit, facts| {
            with(facts, |who, facts| facts.error(who, hit.after));
        }),
        ("MQTT disconnect: reason ", |hit, facts| {
            let Some(code) = number(hit.after) else { return facts.unknown() };
            with(facts, |who, facts| {
                facts.packet(who, Side::Server, PacketSeen::Disconnect(code));
                facts.lost(who, Some(Side::Server));
            });
        }),
        ("Not connected to MQTT server!", |_, facts| {
            with(facts, |who, facts| facts.lost(who, None));
        }),
        ("MQTT failed to connect", |_, facts| {
            with(facts, |who, facts| facts.words(who, Words::GaveUp));
        }),
        ("Disconnecting from MQTT server", |_, facts| {
            with(facts, |who, facts| facts.ends(who, Words::Goodbye, Some(Side::Client)));
        }),
        ("Cannot send message: ", |_, _| {}),
    ],
    // Before 1.36 the time follows the level: `Zigbee2MQTT:info  2022-..`.
    before: |line, facts| {
        if let Some((_, rest)) = line.strip_prefix("Zigbee2MQTT:").and_then(|it| it.split_once(' '))
        {
            facts.time(Stamp::read(rest.trim_start()).map(|(stamp, _)| stamp));
        }
        false
    },
    times: Times::Either(Duration::from_secs(1)),
    ..Format::EMPTY
};

/// Does something with the connection of the only client.
fn with(facts: &mut Facts<'_>, then: impl FnOnce(Who<'_>, &mut Facts<'_>)) {
    let id = core::mem::take(&mut facts.memory.client);
    then(Who::id(&id), facts);
    facts.memory.client = id;
}

#[cfg(test)]
mod tests {
    use crate::logs::told::Told;

    #[test]
    fn connections_and_their_ends() {
        let told = Told::of(
            "zigbee2mqtt",
            "[2026-01-02 03:04:05] debug: \tz2m: Using MQTT keepalive: 60
             [2026-01-02 03:04:05] debug: \tz2m: Using MQTT client ID: 'coordinator'
             [2026-01-02 03:04:05] info: \tz2m: Connecting to MQTT server at mqtt://u:secret@broker:1883
             [2026-01-02 03:04:06] info: \tz2m: Connected to MQTT server
             [2026-01-02 03:05:06] error: \tz2m: Cannot send message: topic: 'a', payload: 'secret'
             [2026-01-02 03:06:06] error: \tz2m: MQTT error: Keepalive timeout
             [2026-01-02 03:06:07] error: \tz2m: Not connected to MQTT server!
             [2026-01-02 03:06:08] info: \tz2m: Connected to MQTT server
             [2026-01-02 03:06:09] error: \tz2m: MQTT disconnect: reason 142 (Session taken over)
             [2026-01-02 03:06:10] error: \tz2m: MQTT error: connect ECONNREFUSED 10.0.0.1:1883",
        );
        told.hides("secret");
        assert_eq!(
            told.lines(),
            "0 is coordinator
             0 opening - broker:1883
             0 > CONNECT id=coordinator k=60
             0 < CONNACK 0
             0 words KeepAliveTimeout by Client
             0 > closing
             0 forgotten
             0 is coordinator
             0 opening - -
             0 > CONNECT id=coordinator k=60
             0 < CONNACK 0
             0 < DISCONNECT 142
             0 < closing
             0 forgotten
             0 is coordinator
             0 opening - -
             0 failed Refused"
        );
        assert_eq!(told.understood(), 10);
    }

    #[test]
    fn the_older_form_has_its_time_behind_the_level() {
        let told = Told::of(
            "zigbee2mqtt",
            "Zigbee2MQTT:info  2026-01-02 03:04:05: Connecting to MQTT server at mqtt://broker
             Zigbee2MQTT:error 2026-01-02 03:04:15: MQTT error: connack timeout",
        );
        assert_eq!(
            told.timed(),
            "0 0 opening - broker
             10000 0 words ConnAckTimeout
             10000 0 > closing"
        );
    }
}
