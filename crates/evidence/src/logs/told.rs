//! What a parser told, as text: for the tests of formats.

use core::time::Duration;

use evenkeel_doctor::{
    Address, Event, PacketSeen, Side, Source, SourceId, TextId, Texts, What, Words,
};

use super::{Log, LogSummary, Options};
use crate::Sink;

/// A sink that remembers.
pub(crate) struct Told {
    pub(crate) texts: Texts,
    pub(crate) events: Vec<Event>,
    pub(crate) sources: Vec<Source>,
    summary: Option<LogSummary>,
}

impl Sink for Told {
    fn source(&mut self, source: Source) -> Option<SourceId> {
        self.sources.push(source);
        Some(SourceId(0))
    }

    fn keep(&mut self, text: &str) -> TextId {
        self.texts.keep(text)
    }

    fn event(&mut self, event: &Event) {
        self.events.push(*event);
    }
}

impl Told {
    pub(crate) fn new() -> Self {
        let (events, sources) = (Vec::new(), Vec::new());
        Self { texts: Texts::new(1 << 20), events, sources, summary: None }
    }

    /// Lines of one format; spaces before them are the test's.
    #[track_caller]
    pub(crate) fn of(format: &str, lines: &str) -> Self {
        Self::with(&Options { format: Some(format.into()), ..Options::default() }, lines)
    }

    #[track_caller]
    pub(crate) fn with(options: &Options, lines: &str) -> Self {
        let mut told = Self::new();
        let mut log = Log::new("test", options);
        for line in lines.lines() {
            let line = line.strip_prefix("             ").unwrap_or(line);
            log.feed(line.as_bytes(), &mut told).expect("a format");
            log.feed(b"\n", &mut told).expect("a format");
        }
        told.summary = Some(log.end(&mut told).expect("a format"));
        told.keeps_the_rules();
        told
    }

    /// What every log must keep to: nothing follows an end but words, and no
    /// time of a connection goes back.
    #[track_caller]
    fn keeps_the_rules(&self) {
        let mut live = std::collections::BTreeMap::new();
        for event in &self.events {
            let (last, ended) = live.entry(event.connection).or_insert((event.at, false));
            assert!(event.at >= *last, "time goes back at {}", self.event_line(event));
            *last = event.at;
            if *ended {
                let may = matches!(event.what, What::Words(_) | What::Forgotten);
                assert!(may, "after the end: {}", self.event_line(event));
            }
            *ended |= matches!(event.what, What::Closing { .. } | What::Ended);
            if matches!(event.what, What::Forgotten) {
                live.remove(&event.connection);
            }
        }
    }

    pub(crate) fn understood(&self) -> u64 {
        self.summary.as_ref().map_or(0, |summary| summary.understood)
    }

    /// No text that was kept has this in it.
    #[track_caller]
    pub(crate) fn hides(&self, secret: &str) {
        let mut shown = String::new();
        for event in &self.events {
            shown.push_str(&self.event_line(event));
            shown.push('\n');
        }
        assert!(!shown.contains(secret), "{secret} is in\n{shown}");
    }

    /// The events, as the literals of tests have them.
    pub(crate) fn lines(&self) -> String {
        let lines: Vec<String> = self.events.iter().map(|event| self.event_line(event)).collect();
        lines.join("\n             ")
    }

    /// As [`Told::lines`], each with the milliseconds since the first.
    pub(crate) fn timed(&self) -> String {
        let first = self.events.first().map(|event| event.at).unwrap_or_default();
        let lines = self.events.iter().map(|event| {
            format!("{} {}", event.at.since(first).as_millis(), self.event_line(event))
        });
        lines.collect::<Vec<_>>().join("\n             ")
    }

    fn event_line(&self, event: &Event) -> String {
        let number = event.connection.0;
        let text = |id: TextId| self.texts.text(id).to_string();
        let address = |address: Address| match (text(address.host), address.port) {
            (host, 0) if host.is_empty() => "-".into(),
            (host, 0) => host,
            (host, port) => format!("{host}:{port}"),
        };
        let arrow = |side: Side| if side == Side::Client { ">" } else { "<" };
        let what = match event.what {
            What::Opening { client, server } => {
                format!("opening {} {}", address(client), address(server))
            }
            What::Joined { client, server } => {
                format!("joined {} {}", address(client), address(server))
            }
            What::Identified(id) => format!("is {}", text(id)),
            What::Closing { by, how } => match how {
                evenkeel_doctor::CloseHow::Unknown => format!("{} closing", arrow(by)),
                how => format!("{} closing {how:?}", arrow(by)),
            },
            What::Heard { from } => format!("{} heard", arrow(from)),
            What::Ended => "ended".into(),
            What::Forgotten => "forgotten".into(),
            What::OpenFailed(failure) => format!("failed {failure:?}"),
            What::Words(words) => format!("words {}", self.words(words)),
            What::Packet { from, packet, bytes, .. } => {
                let size = if bytes > 0 { format!(" bytes={bytes}") } else { String::new() };
                format!("{} {}{size}", arrow(from), self.packet(&packet))
            }
            other => format!("{other:?}"),
        };
        format!("{number} {what}")
    }

    fn words(&self, words: Words) -> String {
        let short = |span: Duration| format!("{}s", span.as_secs_f64());
        match words {
            Words::KeepAliveTimeout { by } => format!("KeepAliveTimeout by {by:?}"),
            Words::Denied(right, topic) => format!("Denied {right:?} {}", self.texts.text(topic)),
            Words::Other(text) | Words::Fault(text) | Words::Quarantined(text) => {
                let all = format!("{words:?}");
                let kind = all.split('(').next().unwrap_or_default();
                format!("{kind} {}", self.texts.text(text))
            }
            Words::Retry(span) => format!("Retry {}", short(span)),
            Words::Stalled(span) => format!("Stalled {}", short(span)),
            Words::ReadingPaused(span) => format!("ReadingPaused {}", short(span)),
            other => format!("{other:?}"),
        }
    }

    fn packet(&self, packet: &PacketSeen) -> String {
        let text = |id: TextId| self.texts.text(id).to_string();
        let flag = |is: bool, name: &str| if is { format!(" {name}") } else { String::new() };
        match packet {
            PacketSeen::Connect(it) => {
                let mut line = format!("CONNECT id={}", text(it.client_id));
                if let Some(seconds) = it.keep_alive {
                    line += &format!(" k={seconds}");
                }
                if it.version > 0 {
                    line += &format!(" v={}", it.version);
                }
                line + &flag(it.clean, "clean") + &flag(it.credentials, "user")
            }
            PacketSeen::ConnAck(it) => {
                let keep_alive = it.server_keep_alive.map(|seconds| format!(" k={seconds}"));
                let keep_alive = keep_alive.unwrap_or_default();
                format!("CONNACK {}{}", it.code, flag(it.session_present, "session")) + &keep_alive
            }
            PacketSeen::Publish(it) => {
                format!("PUBLISH {} {} qos={}", it.id, text(it.topic), it.qos)
                    + &flag(it.dup, "dup")
                    + &flag(it.retain, "retain")
                    + &format!(" payload={}", it.payload)
            }
            PacketSeen::Subscribe(it) => self.subscribe("SUBSCRIBE", it),
            PacketSeen::Unsubscribe(it) => self.subscribe("UNSUBSCRIBE", it),
            PacketSeen::SubAck(id, code, failed) => format!("SUBACK {id} {code} failed={failed}"),
            PacketSeen::UnsubAck(id, code, failed) => {
                format!("UNSUBACK {id} {code} failed={failed}")
            }
            PacketSeen::PubAck(id, code) => format!("PUBACK {id} {code}"),
            PacketSeen::PubRec(id, code) => format!("PUBREC {id} {code}"),
            PacketSeen::PubRel(id, code) => format!("PUBREL {id} {code}"),
            PacketSeen::PubComp(id, code) => format!("PUBCOMP {id} {code}"),
            PacketSeen::PingReq => "PINGREQ".into(),
            PacketSeen::PingResp => "PINGRESP".into(),
            PacketSeen::Disconnect(code) => format!("DISCONNECT {code}"),
            PacketSeen::Auth(code) => format!("AUTH {code}"),
        }
    }

    fn subscribe(&self, name: &str, it: &evenkeel_doctor::SubscribeSeen) -> String {
        let first = self.texts.text(it.first);
        let mut line = format!("{name} {} {first} n={} qos={}", it.id, it.filters, it.maximum_qos);
        for (is, word) in [(it.wildcard, " wildcard"), (it.shared, " shared")] {
            line += if is { word } else { "" };
        }
        line
    }
}
