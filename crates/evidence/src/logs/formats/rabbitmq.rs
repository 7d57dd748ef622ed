//! RabbitMQ's log of its MQTT plugin.

use evenkeel_doctor::{Denied, Side, Vantage, Words};

use crate::logs::facts::Facts;
use crate::logs::format::Format;
use crate::logs::reasons;
use crate::logs::scan::{between, number};
use crate::logs::threads::Who;

pub(super) static FORMAT: Format = Format {
    name: "rabbitmq",
    of: "RabbitMQ's MQTT plugin",
    vantage: Vantage::BrokerLog,
    shows: "connections with addresses, why each ended, refusals",
    signs: &[
        "Accepted MQTT connection ",
        "closing MQTT connection ",
        "MQTT disconnecting client ",
        "Rejected MQTT connection ",
        "MQTT detected ",
    ],
    anchors: &[
        ("Accepted MQTT connection ", |hit, facts| {
            let Some((peer, server)) = pair(hit.after) else { return facts.unknown() };
            let id = hit.after.split_once(" for client ID ").map_or("", |(_, id)| id.trim());
            let (client, server) = (facts.address(peer), facts.address(server));
            let who = Who { id, peer, instance: "" };
            facts.open(who, client, server);
            facts.connack(who, 0);
        }),
        ("closing MQTT connection ", |hit, facts| {
            let Some((peer, _)) = pair(hit.after) else { return facts.unknown() };
            let reason = hit.rest().rsplit_once('(').map_or("", |(_, reason)| reason);
            ended(Who::peer(peer), reason.trim_end_matches(')'), facts);
        }),
        ("MQTT disconnecting client ", |hit, facts| {
            let Some((peer, _)) = pair(hit.after) else { return facts.unknown() };
            let id = between(hit.after, "duplicate id '", "'").unwrap_or_default();
            let who = Who { id, peer, instance: "" };
            facts.ends(who, Words::TakenOver, Some(Side::Server));
        }),
        ("MQTT detected network error on ", |hit, facts| {
            let Some((peer, _)) = pair(hit.after) else { return facts.unknown() };
            facts.closed(Who::peer(peer), None);
        }),
        ("MQTT detected TLS ClientHello from ", |hit, facts| {
            let Some((peer, _)) = pair(hit.after) else { return facts.unknown() };
            facts.words(Who::peer(peer), Words::TlsOnPlain);
        }),
        ("because credential expired", |hit, facts| {
            let Some((peer, _)) = pair(hit.before) else { return facts.unknown() };
            facts.ends(Who::peer(peer), Words::CredentialsExpired, Some(Side::Server));
        }),
        ("Rejected MQTT connection ", |hit, facts| {
            let Some((peer, _)) = pair(hit.after) else { return facts.unknown() };
            let code = hit.after.split_once("Reason Code ").and_then(|(_, code)| number(code));
            match code {
                Some(code) => facts.refused(Who::peer(peer), code),
                None => facts.unknown(),
            }
        }),
    ],
    ..Format::EMPTY
};

/// `10.0.0.1:5000 -> 10.0.0.9:1883` somewhere in a text.
fn pair(text: &str) -> Option<(&str, &str)> {
    let (before, after) = text.split_once(" -> ")?;
    let ends = [' ', '"', '\'', '(', ')'];
    let client = before.rsplit(ends).next()?;
    let server = after.split(ends).next()?;
    (!client.is_empty()).then_some((client, server))
}

fn ended(who: Who<'_>, reason: &str, facts: &mut Facts<'_>) {
    match reasons::words(reason) {
        Some(words) => facts.ends(who, words, Some(Side::Server)),
        None if reason == "login timeout" => {
            facts.denied(who, Denied::Connect, "");
            facts.closed(who, Some(Side::Server));
        }
        None => facts.lost(who, None),
    }
}

#[cfg(test)]
mod tests {
    use crate::logs::told::Told;

    #[test]
    fn connections_and_their_ends() {
        let told = Told::of(
            "rabbitmq",
            "2026-01-02 03:04:05.123456+00:00 [info] <0.1.0> Accepted MQTT connection 10.0.0.1:5000 -> 10.0.0.9:1883 for client ID a
             2026-01-02 03:04:06.123456+00:00 [info] <0.1.0> Accepted MQTT connection 10.0.0.2:5000 -> 10.0.0.9:1883 for client ID b
             2026-01-02 03:04:07.123456+00:00 [error] <0.1.0> closing MQTT connection \"10.0.0.1:5000 -> 10.0.0.9:1883\" (keepalive timeout)
             2026-01-02 03:04:08.123456+00:00 [warning] <0.1.0> MQTT disconnecting client <0.2.0> (10.0.0.2:5000 -> 10.0.0.9:1883) with duplicate id 'b'
             2026-01-02 03:04:09.123456+00:00 [error] <0.1.0> Rejected MQTT connection 10.0.0.3:5000 -> 10.0.0.9:1883 with Connect Reason Code 134",
        );
        assert_eq!(
            told.timed(),
            "0 0 is a
             0 0 opening 10.0.0.1:5000 10.0.0.9:1883
             0 0 < CONNACK 0
             1000 1 is b
             1000 1 opening 10.0.0.2:5000 10.0.0.9:1883
             1000 1 < CONNACK 0
             2000 0 words KeepAliveTimeout by Server
             2000 0 < closing
             3000 1 words TakenOver
             3000 1 < closing
             4000 2 opening 10.0.0.3:5000 -
             4000 2 < CONNACK 134
             4000 2 < closing"
        );
        assert_eq!(told.sources[0].resolution, core::time::Duration::from_micros(1));
    }

    #[test]
    fn what_is_cut_short_is_not_understood() {
        for line in [
            "Accepted MQTT connection 10.0.0.1:5000",
            "Rejected MQTT connection 10.0.0.3:5000 -> 10.0.0.9:1883 with Connect Reason Code",
        ] {
            assert_eq!(Told::of("rabbitmq", line).understood(), 0, "{line}");
        }
    }
}
