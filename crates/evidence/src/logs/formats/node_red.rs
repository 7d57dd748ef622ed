//! Node-RED's log of its broker nodes.

use evenkeel_doctor::{Address, OpenFailure, Vantage};

use crate::logs::facts::Facts;
use crate::logs::format::{Format, Hit};
use crate::logs::scan::host_of_url;
use crate::logs::threads::Who;

pub(super) static FORMAT: Format = Format {
    name: "node-red",
    of: "Node-RED",
    vantage: Vantage::ClientLog,
    shows: "connections of each broker node",
    signs: &["[mqtt-broker:"],
    anchors: &[
        ("Connected to broker: ", |hit, facts| {
            let server = url(hit).map(host_of_url).unwrap_or_default();
            let server = facts.address(server);
            facts.open(who(hit), Address::UNKNOWN, server);
            facts.connack(who(hit), 0);
        }),
        ("Disconnected from broker: ", |hit, facts| facts.lost(who(hit), None)),
        ("Connection failed to broker: ", |hit, facts: &mut Facts<'_>| {
            facts.failed(who(hit), OpenFailure::Other);
        }),
    ],
    ..Format::EMPTY
};

/// `[mqtt-broker:name] .. broker: id@mqtt://host:1883`; the identifier may be
/// missing.
fn who<'a>(hit: &Hit<'a>) -> Who<'a> {
    let instance = hit.before.split_once("[mqtt-broker:").map_or("", |(_, rest)| rest);
    let instance = instance.rsplit_once(']').map_or(instance, |(name, _)| name);
    let id = hit.after.split_once("://").and_then(|(before, _)| before.rsplit_once('@'));
    Who { id: id.map_or("", |(id, _)| id), peer: "", instance }
}

fn url<'a>(hit: &Hit<'a>) -> Option<&'a str> {
    let (before, _) = hit.after.split_once("://")?;
    let start = before.rfind('@').map_or(0, |at| at.saturating_add(1));
    hit.after.get(start..)
}

#[cfg(test)]
mod tests {
    use crate::logs::told::Told;

    #[test]
    fn nodes_are_told_apart() {
        let told = Told::of(
            "node-red",
            "2 Jan 03:04:05 - [info] [mqtt-broker:home] Connected to broker: flow@mqtt://broker:1883
             2 Jan 03:04:06 - [info] [mqtt-broker:1a2b] Connection failed to broker: mqtt://other:1883
             2 Jan 03:04:15 - [info] [mqtt-broker:home] Disconnected from broker: flow@mqtt://broker:1883
             2 Jan 03:04:16 - [info] Started flows",
        );
        assert_eq!(
            told.timed(),
            "0 0 is flow
             0 0 opening - broker:1883
             0 0 < CONNACK 0
             1000 1 opening - -
             1000 1 failed Other
             10000 0 ended"
        );
        assert_eq!(told.understood(), 3);
    }
}
