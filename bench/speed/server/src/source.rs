//! Messages for a client that has subscribed, encoded ahead.

use std::io::Write;

use crate::framing::put_header;
use crate::session::V5;
use crate::setup::Setup;
use crate::stream::Stream;

/// The topic of everything that is sent.
pub(crate) const TOPIC: &[u8] = b"bench/00";

/// Bytes gathered for one write.
const BLOCK: usize = 64 * 1024;

pub(crate) struct Source {
    qos: u8,
    size: usize,
    window: u64,
    /// Still to be sent; none before the client subscribes.
    left: u64,
    count: u64,
    in_flight: u64,
    next_id: u16,
    pub(crate) sent: u64,
    /// One packet, and where its identifier stands.
    packet: Vec<u8>,
    id_at: usize,
}

impl Source {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self {
            qos: setup.qos,
            size: setup.size,
            window: setup.window,
            left: 0,
            count: setup.count,
            in_flight: 0,
            next_id: 0,
            sent: 0,
            packet: Vec::new(),
            id_at: 0,
        }
    }

    /// The client has subscribed: the messages may go.
    pub(crate) fn begin(&mut self) {
        self.left = std::mem::take(&mut self.count);
    }

    /// An exchange is over.
    pub(crate) fn on_done(&mut self) {
        self.in_flight -= 1;
    }

    fn prepare(&mut self, version: u8) {
        if self.packet.is_empty() {
            (self.packet, self.id_at) = packet(self.qos, self.size, version);
        }
    }

    /// Appends small messages, as many as the window takes.
    pub(crate) fn fill(&mut self, out: &mut Vec<u8>, version: u8) {
        if self.qos == 0 || self.left == 0 {
            return;
        }
        self.prepare(version);
        while self.may_send() && self.packet.len() < BLOCK {
            let start = out.len();
            out.extend_from_slice(&self.packet);
            let id = self.count_one().to_be_bytes();
            out[start + self.id_at..][..2].copy_from_slice(&id);
        }
    }

    /// Sends what [`fill`](Self::fill) does not: large messages as far as the
    /// window goes, or everything with QoS 0.
    pub(crate) fn send(&mut self, stream: &mut Stream, version: u8) -> std::io::Result<()> {
        if self.left == 0 {
            return Ok(());
        }
        self.prepare(version);
        if self.qos == 0 {
            return self.blast(stream);
        }
        while self.may_send() {
            let id = self.count_one().to_be_bytes();
            self.packet[self.id_at..][..2].copy_from_slice(&id);
            stream.write_all(&self.packet)?;
        }
        Ok(())
    }

    fn blast(&mut self, stream: &mut Stream) -> std::io::Result<()> {
        let each = (BLOCK / self.packet.len()).max(1) as u64;
        let block = self.packet.repeat(each as usize);
        while self.left > 0 {
            let now = each.min(self.left);
            stream.write_all(&block[..now as usize * self.packet.len()])?;
            self.left -= now;
            self.sent += now;
        }
        Ok(())
    }

    const fn may_send(&self) -> bool {
        self.left > 0 && self.in_flight < self.window
    }

    /// Counts a message and names it: identifiers go round, and those of a
    /// window never meet.
    const fn count_one(&mut self) -> u16 {
        self.left -= 1;
        self.sent += 1;
        self.in_flight += 1;
        self.next_id = if self.next_id == u16::MAX { 1 } else { self.next_id + 1 };
        self.next_id
    }
}

/// A PUBLISH, and where its packet identifier stands.
pub(crate) fn packet(qos: u8, size: usize, version: u8) -> (Vec<u8>, usize) {
    let id: &[u8] = if qos > 0 { &[0, 0] } else { &[] };
    let properties: &[u8] = if version == V5 { &[0] } else { &[] };
    let mut packet = Vec::new();
    let body = 2 + TOPIC.len() + id.len() + properties.len() + size;
    put_header(0x30 | (qos << 1), body, &mut packet);
    packet.extend_from_slice(&(TOPIC.len() as u16).to_be_bytes());
    packet.extend_from_slice(TOPIC);
    let id_at = packet.len();
    packet.extend_from_slice(id);
    packet.extend_from_slice(properties);
    packet.resize(packet.len() + size, b'x');
    (packet, id_at)
}
