//! One line of a trace.

use super::{packet, time, words};
use crate::event::{
    Address, Alpn, Begins, CloseHow, ConnectionId, Event, OpenFailure, Place, Side, What,
};
use crate::{SourceId, TextId, Texts};

/// What stands behind the words of a line: `key=value`, or a bare `key`.
#[derive(Clone, Copy)]
pub(super) struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        self.0.split_whitespace().find_map(|word| match word.split_once('=') {
            Some((name, value)) => (name == key).then_some(value),
            None => (word == key).then_some(""),
        })
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    #[track_caller]
    pub(super) fn number<T: core::str::FromStr>(&self, key: &str, otherwise: T) -> T {
        self.get(key).map_or(otherwise, |text| match text.parse() {
            Ok(number) => number,
            Err(_) => panic!("{key}={text} is no number that fits"),
        })
    }

    pub(super) fn maybe<T: core::str::FromStr>(&self, key: &str) -> Option<T> {
        self.get(key).and_then(|text| text.parse().ok())
    }

    pub(super) fn text(&self, key: &str, texts: &mut Texts) -> TextId {
        self.get(key).map_or(TextId::NONE, |text| texts.keep(text))
    }

    pub(super) fn word(&self, n: usize) -> &'a str {
        self.0.split_whitespace().nth(n).unwrap_or_default()
    }
}

#[track_caller]
pub(super) fn read(
    line: &str,
    number: u64,
    source: SourceId,
    round: u32,
    from: f64,
    texts: &mut Texts,
) -> Event {
    let mut words = line.split_whitespace();
    let connection = words.next().and_then(|word| word.strip_prefix('c'));
    let connection: u32 = connection.and_then(|n| n.parse().ok()).expect("c and a number");
    assert!(connection < 64, "connections are c0 to c63");
    let at: f64 = words.next().and_then(|word| word.parse().ok()).expect("a time in seconds");
    let rest = line.splitn(3, char::is_whitespace).nth(2).unwrap_or_default().trim();
    // The time may be padded with spaces.
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').trim();
    Event {
        at: time(from + at),
        source,
        connection: ConnectionId(connection + 64 * round),
        place: Place(number),
        what: what(rest, texts),
    }
}

fn what(rest: &str, texts: &mut Texts) -> What {
    let (first, after) = rest.split_once(' ').unwrap_or((rest, ""));
    match first {
        ">" => from(Side::Client, after.trim(), texts),
        "<" => from(Side::Server, after.trim(), texts),
        "words" => What::Words(words::read(&Rest(after), texts)),
        _ => bare(first, Rest(after), texts),
    }
}

fn bare(first: &str, rest: Rest<'_>, texts: &mut Texts) -> What {
    let mut address = |n| {
        let (host, port) = rest.word(n).rsplit_once(':').unwrap_or_else(|| (rest.word(n), "0"));
        Address { host: texts.keep(host), port: port.parse().expect("a port") }
    };
    match first {
        "open" => What::Opening { client: address(0), server: address(1) },
        "joined" => What::Joined { client: address(0), server: address(1) },
        "accepted" => What::Accepted,
        "refused" => What::OpenFailed(OpenFailure::Refused),
        "silent" => What::OpenFailed(OpenFailure::Silent),
        "unreachable" => What::OpenFailed(OpenFailure::Unreachable),
        "name" => What::OpenFailed(OpenFailure::Name),
        "tls-failed" => What::OpenFailed(OpenFailure::Tls),
        "upgrade" => What::Upgrade {
            mqtt: !rest.has("no-mqtt"),
            signed: rest.text("signed", texts),
            expires: rest.maybe("expires").map(time),
        },
        "upgraded" => {
            What::UpgradeAnswer { status: rest.number("status", 101), mqtt: !rest.has("no-mqtt") }
        }
        "ended" => What::Ended,
        "is" => What::Identified(texts.keep(rest.word(0))),
        "forgotten" => What::Forgotten,
        other => panic!("{other} is nothing that happens"),
    }
}

fn from(side: Side, rest: &str, texts: &mut Texts) -> What {
    let (first, after) = rest.split_once(' ').unwrap_or((rest, ""));
    let after = Rest(after);
    match first {
        "fin" => What::Closing { by: side, how: CloseHow::Fin },
        "rst" => What::Closing { by: side, how: CloseHow::Reset },
        "closed" => What::Closing { by: side, how: CloseHow::Unknown },
        "resent" => What::Resent { from: side, bytes: after.number("bytes", 100) },
        "window-closed" => What::Window { of: side, open: false },
        "window-open" => What::Window { of: side, open: true },
        "heard" => What::Heard { from: side },
        "missing" => What::Missing { from: side },
        "sealed" => What::Sealed { from: side, bytes: after.number("bytes", 100) },
        "hello" if side == Side::Client => What::ClientHello {
            sni: after.text("sni", texts),
            alpn: Alpn {
                any: after.has("alpn"),
                mqtt: after.get("alpn") == Some("mqtt"),
                amazon: after.get("alpn") == Some("amazon"),
                http: after.get("alpn") == Some("http"),
            },
            sni_is_address: after.has("sni-is-address"),
        },
        "hello" => What::ServerHello {
            suite: after.number("suite", 0x1301),
            version: after.number("version", 0x0304),
        },
        "alert" => What::Alert { from: side, code: after.number("code", 40) },
        "text-frame" => What::TextFrame { from: side },
        "ws-close" => What::WebSocketClose { from: side, code: after.number("code", 1000) },
        "malformed" => What::Malformed { from: side, rule: "MQTT-2.1.3-1" },
        "not-mqtt" => What::NotMqtt { from: side, begins: begins(after.word(0)) },
        _ => packet::read(side, first, &after, texts),
    }
}

fn begins(word: &str) -> Begins {
    match word {
        "tls" => Begins::Tls,
        "http" => Begins::Http,
        "ssh" => Begins::Ssh,
        "greeting" => Begins::Greeting,
        "proxy" => Begins::ProxyPreface,
        _ => Begins::Other,
    }
}
