//! What happened in a run: a hash of everything, and the last of it for
//! people to read.

use std::collections::VecDeque;
use std::fmt;

use evenkeel_codec::{Packet, QoS};

use crate::message::MessageId;
use crate::time::Time;
use crate::view::packet_id;

/// A run's events.
#[derive(Debug)]
pub struct Trace {
    hash: u64,
    entries: VecDeque<Entry>,
    keep: usize,
    counted: u64,
}

/// One event.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When.
    pub time: Time,
    /// Whose; the broker's or the world's if there is none.
    pub client: Option<usize>,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// A packet was written by the client.
    Sent(Summary),
    /// A packet was taken by the client.
    Got(Summary),
    /// Anything else, in words.
    Note(String),
}

/// A packet in short.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    kind: &'static str,
    id: Option<u16>,
    dup: bool,
    message: Option<MessageId>,
    code: Option<u8>,
    flag: Option<bool>,
}

impl Trace {
    /// Keeps so many of the last events.
    pub const fn new(keep: usize) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, entries: VecDeque::new(), keep, counted: 0 }
    }

    /// Takes numbers into the hash.
    pub fn mix(&mut self, numbers: &[u64]) {
        for number in numbers {
            for byte in number.to_le_bytes() {
                self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
    }

    /// Adds an event.
    pub fn push(&mut self, time: Time, client: Option<usize>, what: What) {
        self.counted += 1;
        self.mix(&[time.0, client.map_or(0, |client| client as u64 + 1)]);
        match &what {
            What::Sent(summary) => self.mix(&[1, summary.number()]),
            What::Got(summary) => self.mix(&[2, summary.number()]),
            What::Note(text) => {
                for byte in text.bytes() {
                    self.mix(&[u64::from(byte)]);
                }
            }
        }
        if self.entries.len() >= self.keep {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { time, client, what });
    }

    /// Stands for everything that happened, in its order.
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// Events so far.
    pub const fn counted(&self) -> u64 {
        self.counted
    }

    /// The events that were kept, oldest first.
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries.into()
    }
}

impl Summary {
    /// The gist of a packet.
    pub fn of(packet: &Packet) -> Self {
        let (message, dup) = match packet {
            Packet::Publish(publish) => (MessageId::of(&publish.payload), publish.dup),
            _ => (None, false),
        };
        let code = match packet {
            Packet::PubAck(ack)
            | Packet::PubRec(ack)
            | Packet::PubRel(ack)
            | Packet::PubComp(ack) => Some(ack.reason.0),
            Packet::ConnAck(connack) => Some(connack.reason.0),
            Packet::Disconnect(disconnect) => Some(disconnect.reason.0),
            Packet::SubAck(suback) => suback.codes.first().map(|code| code.0),
            _ => None,
        };
        let flag = match packet {
            Packet::Connect(connect) => Some(connect.clean_start),
            Packet::ConnAck(connack) => Some(connack.session_present),
            _ => None,
        };
        let kind = packet.packet_type().name();
        let id = packet_id(packet).map(evenkeel_codec::PacketId::get);
        Self { kind, id, dup, message, code, flag }
    }

    fn number(&self) -> u64 {
        let message = self.message.map_or(0, |message| u64::from(message.number) + 1);
        let kind = self.kind.bytes().fold(7, |sum: u64, byte| sum * 31 + u64::from(byte));
        let small = u64::from(self.id.unwrap_or(0)) << 12
            | u64::from(self.code.unwrap_or(0)) << 4
            | u64::from(self.dup) << 1
            | u64::from(self.flag.unwrap_or(false));
        message << 32 ^ small ^ kind << 40
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)?;
        if let Some(id) = self.id {
            write!(f, " id={id}")?;
        }
        if let Some(message) = self.message {
            write!(f, " {message}")?;
        }
        if self.dup {
            f.write_str(" DUP")?;
        }
        if let Some(code) = self.code.filter(|code| *code > QoS::ExactlyOnce.level()) {
            write!(f, " code={code:#04x}")?;
        }
        match (self.kind, self.flag) {
            ("CONNECT", Some(true)) => f.write_str(" clean start"),
            ("CONNACK", Some(true)) => f.write_str(" session present"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  ", self.time)?;
        match self.client {
            Some(client) => write!(f, "{:<5}", format!("c{client}"))?,
            None => f.write_str("world")?,
        }
        match &self.what {
            What::Sent(summary) => write!(f, "  -> {summary}"),
            What::Got(summary) => write!(f, "  <- {summary}"),
            What::Note(text) => write!(f, "  {text}"),
        }
    }
}
