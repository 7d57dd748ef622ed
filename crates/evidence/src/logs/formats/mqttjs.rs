//! The debug log of MQTT.js, `DEBUG=mqttjs*`, versions 4 and 5.
//!
//! Lines with a client identifier are few. What comes before such a line, such
//! as a timer's check, waits for it. A PINGRESP has no line that names it: it
//! is the packet after which no handler says anything while a ping waits.

use std::time::Duration;

use evenkeel_doctor::{ConnectSeen, PacketSeen, PublishSeen, Side, Vantage, Words};

use crate::digest;
use crate::logs::facts::Facts;
use crate::logs::format::{Format, Hit};
use crate::logs::memory::Block;
use crate::logs::scan::{between, host_of_url, inspected, number, unquoted, word};
use crate::logs::threads::Who;

/// The most of a packet over several lines that is kept.
const BLOCK: usize = 16 << 10;
/// What a refusal is called, with its code behind.
const REFUSED: &str = "_handleConnack :: connection refused with reason code ";

pub(super) static FORMAT: Format = Format {
    name: "mqttjs",
    of: "MQTT.js with DEBUG=mqttjs*",
    vantage: Vantage::ClientLog,
    shows: "packets, timers that look for answers, who closes, delays",
    signs: &["mqttjs:client ", "mqttjs:tcp ", "mqttjs connecting to an MQTT broker"],
    anchors: &[
        ("MqttClient :: clientId ", |hit, facts| facts.memory.client = hit.rest().into()),
        ("MqttClient :: options.keepalive ", |_, _| {}),
        ("mqttjs:tcp port ", |hit, facts| {
            attempt(hit.after.split_once("and host ").map(|(_, host)| host), hit, facts);
        }),
        ("mqttjs:tls port ", |hit, facts| {
            attempt(between(hit.after, "host ", " "), hit, facts);
        }),
        ("mqttjs:ws url ", |hit, facts| url(hit, facts)),
        ("mqttjs:ws WebSocket connection to ", |hit, facts| url(hit, facts)),
        ("_writePacket :: packet: ", |hit, facts| dump(hit, facts, true)),
        ("handlePublish: packet ", |hit, facts| {
            facts.memory.received = None;
            dump(hit, facts, false);
        }),
        ("_handlePacket :: emitting packetreceive", |_, facts| {
            facts.memory.received = Some(facts.moment);
        }),
        ("_handleConnack", |hit, facts| {
            facts.memory.received = None;
            // The next line says so if it is a refusal, from 5.6 on.
            match hit.after.split_once("reason code ").and_then(|(_, code)| number(code)) {
                Some(code) => with(facts, |who, facts| facts.connack(who, code)),
                None => facts.memory.connack = Some(facts.moment),
            }
        }),
        ("_handleAck :: packet type ", |hit, facts| {
            facts.memory.received = None;
            let packet = match word(hit.after) {
                "suback" => PacketSeen::SubAck(0, 0, 0),
                "unsuback" => PacketSeen::UnsubAck(0, 0, 0),
                // Without its packet identifier an acknowledgement says only
                // that the server lives.
                "puback" => PacketSeen::PubAck(0, 0),
                "pubrec" => PacketSeen::PubRec(0, 0),
                "pubcomp" => PacketSeen::PubComp(0, 0),
                _ => return facts.unknown(),
            };
            with(facts, |who, facts| facts.packet(who, Side::Server, packet));
        }),
        ("handling pubrel packet", |_, facts| {
            facts.memory.received = None;
            with(facts, |who, facts| facts.packet(who, Side::Server, PacketSeen::PubRel(0, 0)));
        }),
        ("_checkPing :: checking ping", |_, facts| {
            let moment = facts.moment;
            facts.memory.hold(moment, Words::PingChecked);
        }),
        ("_checkPing :: calling _cleanUp with force true", |_, facts| {
            let moment = facts.moment;
            facts.memory.hold(moment, Words::ForcedClose);
        }),
        ("_checkPing :: ping response received", |_, _| {}),
        ("_sendPacket :: (", |hit, facts| named(hit, facts)),
        ("_cleanUp :: (", |hit, facts| {
            named(hit, facts);
            if hit.after.contains(":: destroying stream") {
                with(facts, |who, facts| facts.closed(who, Some(Side::Client)));
            }
        }),
        (")stream :: on close", |hit, facts| {
            let (_, id) = hit.before.rsplit_once('(').unwrap_or(("", ""));
            facts.memory.client = id.into();
            release(facts);
            // An attempt that sent no CONNECT begins and ends here.
            begin(facts);
            with(facts, |who, facts| facts.lost(who, Some(Side::Server)));
        }),
        ("streamErrorHandler :: error ", |hit, facts| {
            begin(facts);
            with(facts, |who, facts| facts.error_before_mqtt(who, hit.after));
        }),
        ("_setupReconnect :: setting reconnectTimer for ", |hit, facts| {
            let Some(millis) = number(hit.after) else { return facts.unknown() };
            with(facts, |who, facts| facts.retry(who, Duration::from_millis(millis)));
        }),
        ("!!connectTimeout hit!!", |_, facts| {
            with(facts, |who, facts| facts.words(who, Words::ConnAckTimeout));
        }),
        // From 5.6 on; the text of the error is the application's to log.
        ("onKeepaliveTimeout :: ", |_, facts| timed_out(facts)),
        ("Keepalive timeout", |_, facts| timed_out(facts)),
    ],
    before,
    finish: |facts| {
        facts.memory.block = None;
        accepted(facts);
        release(facts);
        answered(facts);
    },
    ..Format::EMPTY
};

/// Lines of a packet go on until its bracket closes.
fn before(line: &str, facts: &mut Facts<'_>) -> bool {
    if facts.memory.block.is_some() {
        if facts.stamped {
            // It was cut off: what there is of it counts.
            end_block(facts);
        } else {
            if let Some(block) = &mut facts.memory.block
                && block.text.len().saturating_add(line.len()) < BLOCK
            {
                block.text.push('\n');
                block.text.push_str(line);
            }
            if line.starts_with('}') {
                end_block(facts);
            }
            return true;
        }
    }
    if line.contains(REFUSED) {
        facts.memory.connack = None;
    }
    accepted(facts);
    if facts.memory.received.is_some()
        && !line.contains("_handle")
        && !line.contains("handlePub")
        && !line.contains("handling pub")
    {
        answered(facts);
    }
    false
}

/// The client gives up, for a ping without an answer.
fn timed_out(facts: &mut Facts<'_>) {
    let words = Words::KeepAliveTimeout { by: Side::Client };
    with(facts, |who, facts| facts.words(who, words));
}

/// A CONNACK came that no line called a refusal.
fn accepted(facts: &mut Facts<'_>) {
    let Some(moment) = facts.memory.connack.take() else { return };
    facts.back_at(moment, |facts| with(facts, |who, facts| facts.connack(who, 0)));
}

/// A packet came that no handler names: the answer, if a ping waits for one.
fn answered(facts: &mut Facts<'_>) {
    let Some(moment) = facts.memory.received.take() else { return };
    if core::mem::take(&mut facts.memory.pinged) {
        facts.back_at(moment, |facts| {
            with(facts, |who, facts| facts.packet(who, Side::Server, PacketSeen::PingResp));
        });
    }
}

/// Does something with the connection of the current client.
fn with(facts: &mut Facts<'_>, then: impl FnOnce(Who<'_>, &mut Facts<'_>)) {
    let id = core::mem::take(&mut facts.memory.client);
    then(Who::id(&id), facts);
    facts.memory.client = id;
}

/// `.. :: (pump) :: ..`: from here on it is about this client, and what waited
/// was about it too.
fn named(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    if let Some((id, _)) = hit.after.split_once(") ::") {
        facts.memory.client = id.into();
        release(facts);
    }
}

fn release(facts: &mut Facts<'_>) {
    for (moment, words) in core::mem::take(&mut facts.memory.held) {
        facts.back_at(moment, |facts| with(facts, |who, facts| facts.words(who, words)));
    }
}

/// A socket is opened. Whose it is, CONNECT will say.
fn attempt(host: Option<&str>, hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let port = number(hit.after).unwrap_or(0);
    let mut server = facts.address(host.map(word).unwrap_or_default());
    server.port = port;
    facts.memory.attempt = Some((facts.moment, server));
}

fn url(hit: &Hit<'_>, facts: &mut Facts<'_>) {
    let server = facts.address(host_of_url(word(hit.after)));
    facts.memory.attempt = Some((facts.moment, server));
}

/// The attempt becomes a connection of the current client.
fn begin(facts: &mut Facts<'_>) {
    let Some((moment, server)) = facts.memory.attempt.take() else { return };
    facts.back_at(moment, |facts| {
        with(facts, |who, facts| {
            facts.open(who, evenkeel_doctor::Address::UNKNOWN, server);
        });
    });
}

/// A packet as Node prints objects, on one line or on several.
fn dump(hit: &Hit<'_>, facts: &mut Facts<'_>, sent: bool) {
    let text = hit.after;
    facts.memory.block = Some(Block { moment: facts.moment, text: text.into(), sent });
    if text.trim_end().ends_with('}') {
        end_block(facts);
    }
}

fn end_block(facts: &mut Facts<'_>) {
    let Some(Block { moment, text, sent }) = facts.memory.block.take() else { return };
    let fields = Fields(&text);
    facts.back_at(moment, |facts| {
        if sent {
            sent_packet(fields, facts);
        } else if let Some(publish) = fields.publish(facts) {
            let packet = PacketSeen::Publish(publish);
            with(facts, |who, facts| facts.packet(who, Side::Server, packet));
        }
    });
}

fn sent_packet(fields: Fields<'_>, facts: &mut Facts<'_>) {
    let id = fields.number("messageId").unwrap_or(0);
    let code = fields.number("reasonCode").unwrap_or(0);
    let packet = match fields.text("cmd") {
        "connect" => return connect(fields, facts),
        "pingreq" => {
            facts.memory.pinged = true;
            PacketSeen::PingReq
        }
        "publish" => match fields.publish(facts) {
            Some(publish) => PacketSeen::Publish(publish),
            None => return,
        },
        "subscribe" => PacketSeen::Subscribe(facts.filters(id, fields.filters().into_iter())),
        "unsubscribe" => PacketSeen::Unsubscribe(facts.filters(id, fields.filters().into_iter())),
        "puback" => PacketSeen::PubAck(id, code),
        "pubrec" => PacketSeen::PubRec(id, code),
        "pubrel" => PacketSeen::PubRel(id, code),
        "pubcomp" => PacketSeen::PubComp(id, code),
        "disconnect" => PacketSeen::Disconnect(code),
        "auth" => PacketSeen::Auth(code),
        _ => return,
    };
    with(facts, |who, facts| facts.packet(who, Side::Client, packet));
}

fn connect(fields: Fields<'_>, facts: &mut Facts<'_>) {
    let user = fields.get("username").filter(|user| *user != "undefined");
    let password = fields.get("password").filter(|password| *password != "undefined");
    let connect = ConnectSeen {
        version: fields.number("protocolVersion").unwrap_or(0),
        clean: fields.get("clean") == Some("true"),
        keep_alive: fields.number("keepalive"),
        credentials: user.is_some() || password.is_some(),
        credentials_digest: match (user, password) {
            (None, None) => 0,
            both => digest::of(&format!("{both:?}")),
        },
        receive_maximum: u16::MAX,
        ..ConnectSeen::default()
    };
    facts.memory.client = fields.text("clientId").into();
    facts.memory.pinged = false;
    begin(facts);
    with(facts, |who, facts| facts.connect(who, connect));
}

/// The fields of a packet.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a str);

impl<'a> Fields<'a> {
    fn get(&self, key: &str) -> Option<&'a str> {
        inspected(self.0).find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    fn text(&self, key: &str) -> &'a str {
        self.get(key).map(unquoted).unwrap_or_default()
    }

    fn number<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.get(key)?.parse().ok()
    }

    fn publish(&self, facts: &mut Facts<'_>) -> Option<PublishSeen> {
        Some(PublishSeen {
            id: self.number("messageId").unwrap_or(0),
            qos: self.number("qos")?,
            dup: self.get("dup") == Some("true"),
            retain: self.get("retain") == Some("true"),
            topic: facts.keep(self.text("topic")),
            // `length` is that of the packet behind its header: with the topic.
            payload: self.number::<u32>("length").map_or(0, |length| {
                let topic = u32::try_from(self.text("topic").len()).unwrap_or(0);
                length.saturating_sub(topic.saturating_add(2))
            }),
            ..PublishSeen::default()
        })
    }

    /// `[ { topic: 'a', qos: 0 }, .. ]`, or `[ 'a', .. ]` of UNSUBSCRIBE.
    fn filters(&self) -> Vec<(&'a str, u8)> {
        let Some(list) = self.get("subscriptions") else {
            let list = self.get("unsubscriptions").unwrap_or_default();
            let list = list.trim_start_matches('[').trim_end_matches(']');
            return list.split(',').map(|filter| (unquoted(filter), 0)).collect();
        };
        let objects = list.split_inclusive('}').filter(|object| object.contains('{'));
        let filter = |object: &'a str| {
            let fields = Fields(object);
            (fields.text("topic"), fields.number("qos").unwrap_or(0))
        };
        objects.map(filter).collect()
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_doctor::{PacketSeen, Side, What, Words};

    use crate::logs::told::Told;

    /// Lines of MQTT.js, each with its time before it.
    fn told(lines: &str) -> Told {
        Told::of("mqttjs", lines)
    }

    const CONNECTED: &str = "2026-01-02T03:04:05.000Z mqttjs:tcp port 1883 and host 10.0.0.9
             2026-01-02T03:04:05.010Z mqttjs:client _writePacket :: packet: {
               cmd: 'connect',
               protocolId: 'MQTT',
               protocolVersion: 5,
               clean: true,
               clientId: 'pump',
               keepalive: 2,
               username: 'eve',
               password: 'hunter2',
               will: { topic: 'clientId: x', payload: 'secret' },
               properties: undefined
             }
             2026-01-02T03:04:05.020Z mqttjs:client _handlePacket :: emitting packetreceive
             2026-01-02T03:04:05.020Z mqttjs:client _handleConnack";

    #[test]
    fn a_ping_given_up() {
        let gives_up = "2026-01-02T03:04:12.020Z mqttjs:client onKeepaliveTimeout :: \
                        calling _cleanUp with force true";
        let told = told(&format!("{CONNECTED}\n{gives_up}"));
        let words = What::Words(Words::KeepAliveTimeout { by: Side::Client });
        assert!(told.events.iter().any(|event| event.what == words));
    }

    #[test]
    fn a_refusal() {
        let refused = "2026-01-02T03:04:05.020Z mqttjs:client _handleConnack :: \
                       connection refused with reason code 135";
        let told = told(&format!("{CONNECTED}\n{refused}"));
        let codes = told.events.iter().filter_map(|event| match event.what {
            What::Packet { packet: PacketSeen::ConnAck(connack), .. } => Some(connack.code),
            _ => None,
        });
        assert_eq!(codes.collect::<Vec<_>>(), [135]);
    }

    #[test]
    fn a_connection_with_its_packets() {
        let told = told(&format!(
            "{CONNECTED}
             2026-01-02T03:04:05.030Z mqttjs:client _writePacket :: packet: {{
               cmd: 'subscribe',
               subscriptions: [ {{ topic: 'cmd/#', qos: 1 }}, {{ topic: 'b', qos: 0 }} ],
               messageId: 7
             }}
             2026-01-02T03:04:05.040Z mqttjs:client _handlePacket :: emitting packetreceive
             2026-01-02T03:04:05.040Z mqttjs:client _handleAck :: packet type suback
             2026-01-02T03:04:06.000Z mqttjs:client _handlePacket :: emitting packetreceive
             2026-01-02T03:04:06.000Z mqttjs:client handlePublish: packet Packet {{ cmd: 'publish', retain: false, qos: 0, dup: false, length: 12, topic: 'cmd/1', payload: <Buffer 73 65 63> }}
             2026-01-02T03:04:07.000Z mqttjs:client _checkPing :: checking ping...
             2026-01-02T03:04:07.000Z mqttjs:client _sendPacket :: (pump) ::  start
             2026-01-02T03:04:07.000Z mqttjs:client _writePacket :: packet: {{ cmd: 'pingreq' }}
             2026-01-02T03:04:07.010Z mqttjs:client _handlePacket :: emitting packetreceive
             2026-01-02T03:04:09.000Z mqttjs:client (pump)stream :: on close"
        ));
        for secret in ["eve", "hunter2", "secret", "73 65"] {
            told.hides(secret);
        }
        assert_eq!(
            told.timed(),
            "0 0 is pump
             0 0 opening - 10.0.0.9:1883
             10 0 > CONNECT id=pump k=2 v=5 clean user
             20 0 < CONNACK 0
             30 0 > SUBSCRIBE 7 cmd/# n=2 qos=1 wildcard
             40 0 < SUBACK 0 0 failed=0
             1000 0 < PUBLISH 0 cmd/1 qos=0 payload=5
             2000 0 words PingChecked
             2000 0 > PINGREQ
             2010 0 < PINGRESP
             4000 0 < closing"
        );
        assert_eq!(told.understood(), 29, "every line");
    }

    #[test]
    fn a_forced_close_is_of_the_client_that_is_named_after_it() {
        let other = CONNECTED.replace("'pump'", "'fan'").replace("05.0", "05.5");
        let told = told(&format!(
            "{CONNECTED}
             {other}
             2026-01-02T03:04:07.000Z mqttjs:client _checkPing :: checking ping...
             2026-01-02T03:04:07.000Z mqttjs:client _checkPing :: calling _cleanUp with force true
             2026-01-02T03:04:07.001Z mqttjs:client _cleanUp :: (pump) :: destroying stream
             2026-01-02T03:04:07.001Z mqttjs:client _setupReconnect :: setting reconnectTimer for 500 ms
             2026-01-02T03:04:07.002Z mqttjs:client (pump)stream :: on close"
        ));
        let lines = told.lines();
        let end = lines.rsplit_once("CONNACK 0\n").expect("a CONNACK").1;
        assert_eq!(
            end,
            "             0 words PingChecked
             0 words ForcedClose
             0 > closing
             0 words Retry 0.5s"
        );
    }

    #[test]
    fn an_attempt_without_connect_is_a_connection_too() {
        let told = told(
            "2026-01-02T03:04:05.000Z mqttjs:client MqttClient :: clientId pump
             2026-01-02T03:04:05.000Z mqttjs:ws url wss://u:p@b.example:443/mqtt?X-Amz-Signature=abc protocol mqtt
             2026-01-02T03:04:06.000Z mqttjs:client (pump)stream :: on close",
        );
        for secret in ["abc", "u:p"] {
            told.hides(secret);
        }
        assert_eq!(
            told.timed(),
            "0 0 is pump
             0 0 opening - b.example:443
             1000 0 < closing"
        );
    }

    #[test]
    fn a_packet_that_is_cut_off_counts_as_far_as_it_goes() {
        let told = told(
            "2026-01-02T03:04:05.000Z mqttjs:client _writePacket :: packet: {
               cmd: 'connect',
               clientId: 'pump',
             2026-01-02T03:04:05.100Z mqttjs:client _handleConnack",
        );
        assert!(told.lines().contains("> CONNECT id=pump\n"), "{}", told.lines());
        assert!(told.lines().contains("< CONNACK 0"), "{}", told.lines());
    }

    #[test]
    fn a_packet_without_a_ping_is_no_answer() {
        let told = told(&format!(
            "{CONNECTED}
             2026-01-02T03:04:06.000Z mqttjs:client _handlePacket :: emitting packetreceive
             2026-01-02T03:04:06.000Z mqttjs:client work :: getting next packet in queue"
        ));
        assert!(!told.lines().contains("PINGRESP"), "{}", told.lines());
    }

    #[test]
    fn an_attempt_that_fails_says_why() {
        for (error, expected) in [
            ("connect ECONNREFUSED 10.0.0.1:1883", "failed Refused"),
            ("getaddrinfo ENOTFOUND broker.example", "failed Name"),
            ("certificate has expired", "words TlsFailed(45)"),
            ("Unexpected server response: 404", "words WebSocket(404)"),
        ] {
            let told = told(&format!(
                "2026-01-02T03:04:05.000Z mqttjs:client MqttClient :: clientId a
                 2026-01-02T03:04:05.000Z mqttjs:tcp port 1883 and host 10.0.0.1
                 2026-01-02T03:04:05.010Z mqttjs:client streamErrorHandler :: error {error}
                 2026-01-02T03:04:05.010Z mqttjs:client (a)stream :: on close
                 2026-01-02T03:04:05.010Z mqttjs:client _setupReconnect :: setting reconnectTimer for 1000 ms"
            ));
            let lines = told.lines();
            assert_eq!(lines.matches("opening").count(), 1, "{lines}");
            assert!(lines.contains(expected), "{lines}");
        }
    }
}
