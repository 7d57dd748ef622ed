//! Captures made by hand, and a sink that writes down what it is told.

use std::collections::BTreeSet;
use std::fmt::Write;

use evenkeel_doctor::{Event, Source, SourceId, TextId, Texts, What};
use evenkeel_evidence::Sink;
use evenkeel_evidence::capture::{Capture, Options, Summary};

/// Writes down sources and events.
pub(crate) struct Notes {
    pub(crate) sources: Vec<Source>,
    pub(crate) events: Vec<Event>,
    pub(crate) texts: Texts,
    kept: BTreeSet<String>,
}

impl Default for Notes {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            events: Vec::new(),
            texts: Texts::new(1 << 20),
            kept: BTreeSet::new(),
        }
    }
}

impl Sink for Notes {
    fn source(&mut self, source: Source) -> Option<SourceId> {
        self.sources.push(source);
        Some(SourceId(self.sources.len() as u16 - 1))
    }

    fn keep(&mut self, text: &str) -> TextId {
        self.kept.insert(text.into());
        self.texts.keep(text)
    }

    fn event(&mut self, event: &Event) {
        self.events.push(*event);
    }
}

impl Notes {
    /// Every text that was kept, in order.
    pub(crate) fn kept(&self) -> Vec<String> {
        self.kept.iter().cloned().collect()
    }

    /// What happened, in the order in which it was told.
    pub(crate) fn what(&self) -> Vec<What> {
        self.events.iter().map(|event| event.what).collect()
    }

    /// The kinds of events, a word each.
    pub(crate) fn words(&self) -> String {
        let mut words = String::new();
        for event in &self.events {
            let shown = format!("{:?}", event.what);
            let word = match event.what {
                What::Packet { packet, inferred, .. } => {
                    let shown = format!("{packet:?}");
                    let name = shown.split(|c: char| !c.is_alphanumeric()).next().unwrap_or("");
                    format!("{}{name}", if inferred { "~" } else { "" })
                }
                What::OpenFailed(failure) => format!("{failure:?}"),
                What::Sealed { bytes, .. } => format!("Sealed{bytes}"),
                _ => shown.split(|c: char| !c.is_alphanumeric()).next().unwrap_or("").into(),
            };
            write!(words, "{word} ").unwrap();
        }
        words.trim_end().into()
    }
}

pub(crate) const CLIENT: ([u8; 4], u16) = ([10, 0, 0, 1], 5000);
pub(crate) const SERVER: ([u8; 4], u16) = ([10, 0, 0, 9], 1883);

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const ACK: u8 = 16;

/// A pcap of one connection, raw IP, with times in milliseconds.
pub(crate) struct Wire {
    pub(crate) file: Vec<u8>,
    pub(crate) client: ([u8; 4], u16),
    pub(crate) server: ([u8; 4], u16),
    pub(crate) window: u16,
    /// The most bytes that are captured of a packet.
    pub(crate) snap: usize,
    /// The only side whose packets are captured.
    pub(crate) only: Option<usize>,
    /// The next sequence number of each side.
    pub(crate) seq: [u32; 2],
}

impl Wire {
    /// An empty capture.
    pub(crate) fn new() -> Self {
        let mut file = Vec::new();
        for field in [0xA1B2_C3D4_u32, 0x0002_0004, 0, 0, 65_535, 101] {
            file.extend(field.to_be_bytes());
        }
        Self {
            file,
            client: CLIENT,
            server: SERVER,
            window: 500,
            snap: usize::MAX,
            only: None,
            seq: [100, 0xFFFF_FFF0],
        }
    }

    /// With a connection that is up at 2 ms.
    pub(crate) fn up() -> Self {
        Self::new().on_port(SERVER.1)
    }

    pub(crate) fn on_port(mut self, port: u16) -> Self {
        self.server.1 = port;
        self.open(0);
        self
    }

    /// The three segments of an opening.
    pub(crate) fn open(&mut self, at: u64) {
        self.raw(at, 0, SYN, b"");
        self.seq[0] += 1;
        self.raw(at + 1, 1, SYN | ACK, b"");
        self.seq[1] = self.seq[1].wrapping_add(1);
        self.raw(at + 2, 0, ACK, b"");
    }

    /// Any packet of IP.
    pub(crate) fn ip(&mut self, at: u64, packet: &[u8], captured: usize) {
        let (seconds, micros) = (at / 1000, at % 1000 * 1000);
        let captured = captured.min(packet.len());
        for field in [seconds as u32, micros as u32, captured as u32, packet.len() as u32] {
            self.file.extend(field.to_be_bytes());
        }
        self.file.extend(&packet[..captured]);
    }

    pub(crate) fn packet(&self, from: usize, seq: u32, flags: u8, data: &[u8]) -> Vec<u8> {
        let (source, destination) =
            if from == 0 { (self.client, self.server) } else { (self.server, self.client) };
        let mut packet = vec![0x45, 0];
        packet.extend((40 + data.len() as u16).to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        packet.extend(source.0);
        packet.extend(destination.0);
        packet.extend(source.1.to_be_bytes());
        packet.extend(destination.1.to_be_bytes());
        packet.extend(seq.to_be_bytes());
        packet.extend(self.seq[1 - from].to_be_bytes());
        packet.extend([0x50, flags]);
        packet.extend(self.window.to_be_bytes());
        packet.extend([0; 4]);
        packet.extend(data);
        packet
    }

    /// A segment that changes no sequence number.
    pub(crate) fn raw(&mut self, at: u64, from: usize, flags: u8, data: &[u8]) {
        if self.only.is_none_or(|only| only == from) {
            let packet = self.packet(from, self.seq[from], flags, data);
            self.ip(at, &packet, self.snap);
        }
    }

    /// A segment with these bytes at this distance from the next sequence number.
    pub(crate) fn at(&mut self, at: u64, from: usize, ahead: u32, data: &[u8]) {
        let packet = self.packet(from, self.seq[from].wrapping_add(ahead), ACK, data);
        self.ip(at, &packet, usize::MAX);
    }

    /// The next bytes of a side.
    pub(crate) fn send(&mut self, at: u64, from: usize, data: &[u8]) {
        self.raw(at, from, ACK, data);
        self.seq[from] = self.seq[from].wrapping_add(data.len() as u32);
    }

    pub(crate) fn end(&mut self, at: u64, from: usize) {
        self.raw(at, from, FIN | ACK, b"");
        self.seq[from] = self.seq[from].wrapping_add(1);
    }

    pub(crate) fn notes(&self) -> Notes {
        self.notes_with(&Options::default()).0
    }

    pub(crate) fn notes_with(&self, options: &Options) -> (Notes, Summary) {
        let mut notes = Notes::default();
        let mut capture = Capture::new("test", options);
        capture.feed(&self.file, &mut notes).unwrap();
        capture.end(&mut notes).unwrap();
        (notes, capture.summary())
    }

    pub(crate) fn words(&self) -> String {
        self.notes().words()
    }
}

pub(crate) const CONNECT: &[u8] = b"\x10\x10\0\x04MQTT\x04\x02\0\x3C\0\x04pump";
pub(crate) const CONNACK: &[u8] = b"\x20\x02\0\0";
pub(crate) const PINGREQ: &[u8] = b"\xC0\0";
pub(crate) const PINGRESP: &[u8] = b"\xD0\0";
pub(crate) const PUBLISH: &[u8] = b"\x30\x07\0\x03a/bhi";
