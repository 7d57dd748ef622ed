//! Messages that a client has asked for.

use std::io::Write;
use std::net::TcpStream;

use super::packets::put_header;

/// Bytes gathered for one write.
const BLOCK: usize = 64 * 1024;

/// `count=N,size=N,topics=N,qos=N,window=N`: so many messages with payloads of
/// so many bytes, to the topics `t/0` to `t/{N-1}` in an order that jumps about;
/// QoS 1 has at most `window` under way.
#[derive(Default)]
pub(crate) struct Order {
    left: u64,
    size: usize,
    topics: u64,
    qos: u8,
    window: u64,
    in_flight: u64,
    sent: u64,
}

impl Order {
    pub(crate) fn parse(text: &[u8]) -> Self {
        let get = |key| value(text, key);
        Self {
            left: get("count").unwrap_or_default(),
            size: get("size").unwrap_or(64) as usize,
            topics: get("topics").unwrap_or(1).max(1),
            qos: get("qos").unwrap_or_default() as u8,
            window: get("window").unwrap_or(100),
            in_flight: 0,
            sent: 0,
        }
    }

    /// An exchange is over.
    pub(crate) const fn on_done(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Appends QoS 1 messages, as many as the window takes.
    pub(crate) fn fill(&mut self, out: &mut Vec<u8>) {
        while self.qos > 0 && self.left > 0 && self.in_flight < self.window {
            self.in_flight += 1;
            self.put(out);
        }
    }

    /// Sends all QoS 0 messages.
    pub(crate) fn send(&mut self, socket: &mut TcpStream) -> std::io::Result<()> {
        let mut out = Vec::new();
        while self.qos == 0 && self.left > 0 {
            self.put(&mut out);
            if out.len() >= BLOCK || self.left == 0 {
                socket.write_all(&out)?;
                out.clear();
            }
        }
        Ok(())
    }

    fn put(&mut self, out: &mut Vec<u8>) {
        // 7919 is prime, so every topic has its turn unless their number is
        // a multiple of it.
        let topic = format!("t/{}", (self.sent * 7919) % self.topics);
        let identifier = (self.sent % 65_535 + 1) as u16;
        self.sent += 1;
        self.left -= 1;
        let body = 2 + topic.len() + if self.qos > 0 { 2 } else { 0 } + 1 + self.size;
        put_header(0x30 | (self.qos << 1), body, out);
        out.extend_from_slice(&(topic.len() as u16).to_be_bytes());
        out.extend_from_slice(topic.as_bytes());
        if self.qos > 0 {
            out.extend_from_slice(&identifier.to_be_bytes());
        }
        out.push(0);
        out.resize(out.len() + self.size, b'x');
    }
}

/// The number behind `key=` in `KEY=VALUE,KEY=VALUE`.
pub(crate) fn value(text: &[u8], key: &str) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| *name == key).find_map(|(_, value)| value.parse().ok())
}
