//! What the server answers.

use std::io::Write;
use std::time::Instant;

use crate::framing::{Header, put_header, u16_at};
use crate::setup::Setup;
use crate::source::Source;
use crate::stream::Stream;

pub(crate) const V5: u8 = 5;

const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;
const PUBREC: u8 = 5;
const PUBREL: u8 = 6;
const PUBCOMP: u8 = 7;
const SUBSCRIBE: u8 = 8;
const UNSUBSCRIBE: u8 = 10;
const PINGREQ: u8 = 12;
const DISCONNECT: u8 = 14;

pub(crate) struct Session {
    receive_maximum: u16,
    pub(crate) version: u8,
    pub(crate) connected: bool,
    pub(crate) subscribed: bool,
    pub(crate) ended: bool,
    source: Source,
    /// Bytes of a payload that are still to come, and are not looked at.
    skip: usize,
    /// The acknowledgement due when they have come.
    due: Option<[u8; 4]>,
    received: u64,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Session {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self {
            receive_maximum: setup.receive_maximum,
            version: 0,
            connected: false,
            subscribed: false,
            ended: false,
            source: Source::new(setup),
            skip: 0,
            due: None,
            received: 0,
            first: None,
            last: None,
        }
    }

    /// Takes what is understood off the front of `input`, appends the answers
    /// to `out`, and returns how many bytes it took.
    pub(crate) fn take(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        let mut at = self.take_payload(input.len(), out);
        let before = self.received;
        while let Some(header) = Header::read(&input[at..]) {
            let body = &input[at + header.len..];
            if header.packet_type() == PUBLISH {
                let Some(due) = acknowledgement(&header, body) else { break };
                self.received += 1;
                self.due = due;
                self.skip = header.body;
                at += header.len + self.take_payload(body.len(), out);
                continue;
            }
            let Some(body) = body.get(..header.body) else { break };
            at += header.len + header.body;
            self.answer(&header, body, out);
        }
        if self.received > before {
            let now = Instant::now();
            self.first.get_or_insert(now);
            self.last = Some(now);
        }
        at
    }

    /// Sends the answers, and as many messages as may go.
    pub(crate) fn send(&mut self, stream: &mut Stream, out: &mut Vec<u8>) -> std::io::Result<()> {
        self.source.fill(out, self.version);
        stream.write_all(out)?;
        out.clear();
        self.source.send(stream, self.version)
    }

    /// Passes over up to `available` bytes of a payload.
    #[inline]
    fn take_payload(&mut self, available: usize, out: &mut Vec<u8>) -> usize {
        let taken = self.skip.min(available);
        self.skip -= taken;
        if self.skip == 0
            && let Some(ack) = self.due.take()
        {
            out.extend_from_slice(&ack);
        }
        taken
    }

    fn answer(&mut self, header: &Header, body: &[u8], out: &mut Vec<u8>) {
        match header.packet_type() {
            CONNECT => self.connect(body, out),
            PUBACK | PUBCOMP => self.source.on_done(),
            PUBREC => out.extend_from_slice(&[0x62, 2, body[0], body[1]]),
            PUBREL => out.extend_from_slice(&[0x70, 2, body[0], body[1]]),
            SUBSCRIBE => {
                let properties = if self.version == V5 { &[0][..] } else { &[] };
                put_header(0x90, 3 + properties.len(), out);
                out.extend_from_slice(&body[..2]);
                out.extend_from_slice(properties);
                out.push(2);
                self.subscribed = true;
                self.source.begin();
            }
            UNSUBSCRIBE if self.version == V5 => {
                out.extend_from_slice(&[0xb0, 4, body[0], body[1], 0, 0]);
            }
            UNSUBSCRIBE => out.extend_from_slice(&[0xb0, 2, body[0], body[1]]),
            PINGREQ => out.extend_from_slice(&[0xd0, 0]),
            DISCONNECT => self.ended = true,
            other => panic!("packet type {other} from a client"),
        }
    }

    fn connect(&mut self, body: &[u8], out: &mut Vec<u8>) {
        self.version = body[2 + usize::from(u16_at(body, 0))];
        self.connected = true;
        match (self.version, self.receive_maximum) {
            (V5, 0) => out.extend_from_slice(&[0x20, 3, 0, 0, 0]),
            (V5, maximum) => {
                let [high, low] = maximum.to_be_bytes();
                out.extend_from_slice(&[0x20, 6, 0, 0, 3, 0x21, high, low]);
            }
            _ => out.extend_from_slice(&[0x20, 2, 0, 0]),
        }
    }

    /// What was counted, as JSON.
    pub(crate) fn report(&self, reads: u64) -> String {
        let span = self.first.zip(self.last).map(|(first, last)| last - first);
        format!(
            r#"{{"received":{},"sent":{},"seconds":{:.6},"reads":{reads},"cpu":{:.6}}}"#,
            self.received,
            self.source.sent,
            span.unwrap_or_default().as_secs_f64(),
            crate::cpu_seconds(),
        )
    }
}

/// What a PUBLISH asks for in answer; `None` while that cannot be told.
#[inline]
fn acknowledgement(header: &Header, body: &[u8]) -> Option<Option<[u8; 4]>> {
    let first = match (header.first >> 1) & 3 {
        0 => return Some(None),
        1 => 0x40,
        _ => 0x50,
    };
    let length = usize::from(u16::from_be_bytes(*body.first_chunk()?));
    let [high, low] = *body.get(2 + length..)?.first_chunk()?;
    Some(Some([first, 2, high, low]))
}
