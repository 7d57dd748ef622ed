//! Clients on libmosquitto with their debug log: `mosquitto_sub -d`.
//!
//! It has no times of its own, and no line for a lost connection: the next
//! CONNECT tells of it.

use evenkeel_doctor::{
    Address, ConnectSeen, OpenFailure, PacketSeen, PublishSeen, Side, SubscribeSeen, Vantage, Words,
};

use crate::logs::facts::Facts;
use crate::logs::format::{Format, Hit};
use crate::logs::reasons::{open_failure, tls_words};
use crate::logs::scan::{between, number, number_after};
use crate::logs::threads::Who;

pub(super) static FORMAT: Format = Format {
    name: "libmosquitto",
    of: "clients on libmosquitto: mosquitto_sub -d, mosquitto_pub -d",
    vantage: Vantage::ClientLog,
    shows: "packets by kind, without reason codes; times if a program adds them",
    signs: &[
        " sending CONNECT",
        " received CONNACK (",
        " sending SUBSCRIBE (Mid",
        " sending PINGREQ",
        " received PINGRESP",
        " sending PUBLISH (d",
        "Unable to connect (",
        // MQTT.js goes on with a reason.
        "Error: Connection refused\n",
        "Error: A TLS error occurred.",
        "Error: The connection was lost.",
    ],
    anchors: &[
        (" sending CONNECT", |hit, facts| {
            facts.memory.client = id(hit).into();
            let who = Who::id(id(hit));
            facts.open(who, Address::UNKNOWN, Address::UNKNOWN);
            facts.connect(who, ConnectSeen::default());
        }),
        (" received CONNACK (", |hit, facts| match number(hit.after) {
            Some(code) => facts.connack(Who::id(id(hit)), code),
            None => facts.unknown(),
        }),
        (" sending SUBSCRIBE (", |hit, facts| {
            let packet = PacketSeen::Subscribe(subscribe(hit, facts));
            facts.packet(Who::id(id(hit)), Side::Client, packet);
        }),
        (" received SUBACK", |hit, facts| {
            facts.packet(Who::id(id(hit)), Side::Server, PacketSeen::SubAck(0, 0, 0));
        }),
        (" sending UNSUBSCRIBE (", |hit, facts| {
            let packet = PacketSeen::Unsubscribe(subscribe(hit, facts));
            facts.packet(Who::id(id(hit)), Side::Client, packet);
        }),
        (" received UNSUBACK", |hit, facts| {
            facts.packet(Who::id(id(hit)), Side::Server, PacketSeen::UnsubAck(0, 0, 0));
        }),
        (" sending PINGREQ", |hit, facts| {
            facts.packet(Who::id(id(hit)), Side::Client, PacketSeen::PingReq);
        }),
        (" received PINGRESP", |hit, facts| {
            facts.packet(Who::id(id(hit)), Side::Server, PacketSeen::PingResp);
        }),
        (" sending PUBLISH (", |hit, facts| publish(hit, facts, Side::Client)),
        (" received PUBLISH (", |hit, facts| publish(hit, facts, Side::Server)),
        (" sending PUBACK (", |hit, facts| ack(hit, facts, Side::Client, PacketSeen::PubAck)),
        (" received PUBACK (", |hit, facts| ack(hit, facts, Side::Server, PacketSeen::PubAck)),
        (" sending PUBREC (", |hit, facts| ack(hit, facts, Side::Client, PacketSeen::PubRec)),
        (" received PUBREC (", |hit, facts| ack(hit, facts, Side::Server, PacketSeen::PubRec)),
        (" sending PUBREL (", |hit, facts| ack(hit, facts, Side::Client, PacketSeen::PubRel)),
        (" received PUBREL (", |hit, facts| ack(hit, facts, Side::Server, PacketSeen::PubRel)),
        (" sending PUBCOMP (", |hit, facts| ack(hit, facts, Side::Client, PacketSeen::PubComp)),
        (" received PUBCOMP (", |hit, facts| ack(hit, facts, Side::Server, PacketSeen::PubComp)),
        (" sending DISCONNECT", |hit, facts| {
            let who = Who::id(id(hit));
            facts.packet(who, Side::Client, PacketSeen::Disconnect(0));
            facts.closed(who, Some(Side::Client));
        }),
        (" received DISCONNECT (", |hit, facts| {
            let who = Who::id(id(hit));
            facts.packet(who, Side::Server, PacketSeen::Disconnect(number(hit.after).unwrap_or(0)));
            facts.closed(who, Some(Side::Server));
        }),
        // What mosquitto_sub and mosquitto_pub say as they give up.
        ("Error: ", |hit, facts| fails(hit.after, facts)),
        ("Unable to connect (", |hit, facts| {
            named(facts, |who, facts| facts.error_before_mqtt(who, hit.after));
        }),
        ("OpenSSL Error[", |hit, facts| {
            let Some(words) = tls_words(Side::Client, hit.after) else { return };
            named(facts, |who, facts| {
                // Without -d there is no line for the attempt itself.
                if words != Words::TlsFailed(0) {
                    facts.attempts(who);
                }
                facts.words(who, words);
            });
        }),
    ],
    ..Format::EMPTY
};

/// The connection of the newest CONNECT, whose identifier these lines lack.
fn named(facts: &mut Facts<'_>, then: impl FnOnce(Who<'_>, &mut Facts<'_>)) {
    let id = core::mem::take(&mut facts.memory.client);
    then(Who::id(&id), facts);
    facts.memory.client = id;
}

/// The end of a connection, or of an attempt; others are mistakes in how it was called.
fn fails(text: &str, facts: &mut Facts<'_>) {
    const LOST: [&str; 4] =
        ["The connection was lost", "A network protocol error", "Connection reset", "Broken pipe"];
    named(facts, |who, facts| {
        if text.starts_with("A TLS error") {
            // Its cause has a line of its own, before.
            facts.attempts(who);
            facts.lost(who, None);
        } else if LOST.iter().any(|lost| text.starts_with(lost)) {
            facts.lost(who, None);
        } else if open_failure(text) == OpenFailure::Other {
            facts.unknown();
        } else {
            facts.error_before_mqtt(who, text);
        }
    });
}

/// `Client pump`; `(null)` has no identifier.
fn id<'a>(hit: &Hit<'a>) -> &'a str {
    let (_, id) = hit.before.split_once("Client ").unwrap_or(("", hit.before));
    if id == "(null)" { "" } else { id.trim() }
}

/// `Mid: 1, Topic: cmd/#, QoS: 0, Options: 0x00)`.
fn subscribe(hit: &Hit<'_>, facts: &mut Facts<'_>) -> SubscribeSeen {
    let after = hit.after;
    let filter = between(after, "Topic: ", ", QoS: ").or_else(|| {
        let (_, filter) = after.split_once("Topic: ")?;
        filter.strip_suffix(')')
    });
    let qos = number_after(after, ", QoS: ").unwrap_or(0);
    let id = number_after(after, "Mid: ").unwrap_or(0);
    facts.filters(id, filter.into_iter().map(|filter| (filter, qos)))
}

/// `d0, q1, r0, m7, 'topic', ... (12 bytes))`.
fn publish(hit: &Hit<'_>, facts: &mut Facts<'_>, from: Side) {
    match printed_publish(hit.after, facts) {
        Some(publish) => facts.packet(Who::id(id(hit)), from, PacketSeen::Publish(publish)),
        None => facts.unknown(),
    }
}

/// PUBLISH as mosquitto, its library and Paho print it.
pub(super) fn printed_publish(text: &str, facts: &mut Facts<'_>) -> Option<PublishSeen> {
    let (flags, rest) = text.split_once('\'')?;
    let (topic, rest) = rest.split_once("', ...").or_else(|| rest.rsplit_once('\''))?;
    let flag = |key: &str| {
        let mut all = flags.split([',', ')']).map(str::trim);
        all.find_map(|flag| flag.trim_start_matches(['(', ' ']).strip_prefix(key)).and_then(number)
    };
    Some(PublishSeen {
        dup: flag("d")? > 0,
        qos: u8::try_from(flag("q")?).ok()?,
        retain: flag("r")? > 0,
        id: flag("m")?,
        topic: facts.keep(topic),
        payload: number_after(rest, "(").unwrap_or(0),
        ..PublishSeen::default()
    })
}

/// `Mid: 7, RC:0)`, or `m7, rc0)`.
fn ack(hit: &Hit<'_>, facts: &mut Facts<'_>, from: Side, kind: fn(u16, u8) -> PacketSeen) {
    match printed_ack(hit.after) {
        Some((mid, code)) => facts.packet(Who::id(id(hit)), from, kind(mid, code)),
        None => facts.unknown(),
    }
}

/// An acknowledgement as mosquitto and its library print it.
pub(super) fn printed_ack(text: &str) -> Option<(u16, u8)> {
    let id = number_after(text, "Mid: ").or_else(|| number(text.trim_start_matches(['(', 'm'])))?;
    let code = number_after(text, "RC:").or_else(|| number_after(text, "rc")).unwrap_or(0);
    Some((id, code))
}

#[cfg(test)]
mod tests {
    use crate::logs::told::Told;

    #[test]
    fn packets_are_told_and_a_second_connect_is_a_loss() {
        let told = Told::of(
            "libmosquitto",
            "1767323045: Client meter sending CONNECT
             1767323045: Client meter received CONNACK (0)
             1767323045: Client meter sending SUBSCRIBE (Mid: 1, Topic: cmd/#, QoS: 1, Options: 0x00)
             1767323045: Client meter received SUBACK
             1767323046: Client meter sending PUBLISH (d0, q1, r1, m2, 'a, b', ... (5 bytes))
             1767323046: Client meter received PUBACK (Mid: 2, RC:16)
             1767323057: Client meter sending PINGREQ
             1767323070: Client meter sending CONNECT",
        );
        assert_eq!(
            told.lines(),
            "0 is meter
             0 opening - -
             0 > CONNECT id=meter
             0 < CONNACK 0
             0 > SUBSCRIBE 1 cmd/# n=1 qos=1 wildcard
             0 < SUBACK 0 0 failed=0
             0 > PUBLISH 2 a, b qos=1 retain payload=5
             0 < PUBACK 2 16
             0 > PINGREQ
             0 ended
             1 is meter
             1 opening - -
             1 > CONNECT id=meter"
        );
    }

    #[test]
    fn a_goodbye_ends_and_null_is_no_identifier() {
        let told = Told::of(
            "libmosquitto",
            "Client (null) sending CONNECT
             Client (null) received CONNACK (5)
             Client (null) sending DISCONNECT
             Client (null) sending CONNECT",
        );
        assert_eq!(
            told.lines(),
            "0 opening - -
             0 > CONNECT id=
             0 < CONNACK 5
             0 > DISCONNECT 0
             0 > closing
             0 forgotten
             0 opening - -
             0 > CONNECT id="
        );
    }

    #[test]
    fn what_is_cut_short_is_not_understood() {
        for line in [
            "Client meter received CONNACK (x",
            "Client meter sending PUBLISH (d0, q1, r0, m1",
            "Client meter sending PUBLISH (d0, q9999, r0, m1, 't', ... (1 bytes))",
            "Client meter received PUBACK (",
            "Client meter",
        ] {
            assert_eq!(Told::of("libmosquitto", line).understood(), 0, "{line}");
        }
    }

    /// Without -d the failures are all that there is.
    #[test]
    fn each_failure_of_tls_is_an_attempt() {
        let once = "OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed
             Error: A TLS error occurred.\n";
        let told = Told::of("libmosquitto", &once.repeat(3));
        let count = |text: &str| told.lines().matches(text).count();
        assert_eq!((count("opening"), count("TlsFailed(46)"), count("ended")), (3, 3, 3));
        let plain = "OpenSSL Error[0]: error:0A00010B:SSL routines::wrong version number";
        let told = Told::of("libmosquitto", plain);
        assert!(told.lines().ends_with("words TlsOnPlain"), "{}", told.lines());
    }

    #[test]
    fn other_errors_are_no_attempts() {
        let told = Told::of(
            "libmosquitto",
            "Client a sending CONNECT
             Client a received CONNACK (0)
             Client a sending DISCONNECT
             Error: The client is not currently connected.
             Error: Unknown option '--quite'.",
        );
        assert_eq!((told.understood(), told.lines().matches("opening").count()), (3, 1));
        // Nor are they lines of MQTT.js, which begin in the same way.
        let mqttjs = "Error: Connection refused: Not authorized\n".repeat(3);
        let mut detector = crate::logs::detect::Detector::new();
        mqttjs.lines().for_each(|line| detector.line(line));
        assert!(detector.verdict().is_err());
    }

    #[test]
    fn what_it_says_as_it_gives_up() {
        let told = Told::of(
            "libmosquitto",
            "1767323045.100: Error: Connection refused
             1767323046.100: Unable to connect (Lookup error.).
             1767323047.100: Client a sending CONNECT
             1767323047.200: OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed
             1767323047.200: Error: A TLS error occurred.",
        );
        let lines = told.lines();
        for part in ["failed Refused", "failed Name", "words TlsFailed(46)"] {
            assert!(lines.contains(part), "{part}: {lines}");
        }
        assert!(lines.ends_with("ended"), "{lines}");
    }
}
