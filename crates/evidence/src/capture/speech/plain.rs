//! Bytes in the clear: MQTT, or WebSocket that carries it, or something else.

use evenkeel_doctor::{Begins, Side, Vantage, What};

use super::Verdict;
use super::begin::{self, ENOUGH};
use super::mqtt::Mqtt;
use super::websocket::WebSocket;
use crate::capture::out::Out;

#[derive(Debug)]
pub(in crate::capture) struct Plain {
    whole: bool,
    listed: bool,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// The client's first bytes.
    Begin(Vec<u8>),
    Mqtt(Mqtt),
    WebSocket(WebSocket),
    /// Nothing that can be read; it has been told.
    Silent,
    Ignored,
}

impl Plain {
    pub(in crate::capture) fn new(whole: bool, listed: bool) -> Self {
        Self { whole, listed, kind: Kind::Begin(Vec::new()) }
    }

    pub(super) fn verdict(&self) -> Verdict {
        match &self.kind {
            Kind::Begin(_) => Verdict::Open,
            Kind::WebSocket(websocket) => websocket.verdict(),
            Kind::Mqtt(_) | Kind::Silent => Verdict::Told(Vantage::Plain),
            Kind::Ignored => Verdict::Ignored,
        }
    }

    pub(in crate::capture) fn bytes(&mut self, from: Side, bytes: &[u8], out: &mut Out<'_>) {
        match &mut self.kind {
            Kind::Begin(begun) if begun.is_empty() => self.begins(from, bytes, out),
            Kind::Begin(begun) if from == Side::Client => {
                begun.extend_from_slice(bytes);
                let begun = std::mem::take(begun);
                self.begins(from, &begun, out);
            }
            Kind::Begin(_) => self.begins(from, bytes, out),
            Kind::Mqtt(mqtt) => mqtt.bytes(from, bytes, out),
            Kind::WebSocket(websocket) => websocket.bytes(from, bytes, out),
            Kind::Silent | Kind::Ignored => {}
        }
    }

    fn begins(&mut self, from: Side, bytes: &[u8], out: &mut Out<'_>) {
        let connect = begin::connect(bytes);
        let get = begin::get(bytes);
        if from == Side::Client && (connect == Some(true) || self.listed && bytes[..1] == [0x10]) {
            self.kind = Kind::Mqtt(Mqtt::new(true));
        } else if from == Side::Client && get == Some(true) {
            self.kind = Kind::WebSocket(WebSocket::new(self.listed));
        } else if from == Side::Client
            && (connect.is_none() || get.is_none())
            && bytes.len() < ENOUGH
        {
            self.kind = Kind::Begin(bytes.to_vec());
            return;
        } else if !self.listed {
            self.kind = Kind::Ignored;
            return;
        } else if !self.whole {
            self.kind = Kind::Mqtt(Mqtt::new(false));
        } else {
            self.kind = Kind::Silent;
            out.tell(What::NotMqtt { from, begins: begin::begins(from, bytes) });
            return;
        }
        self.bytes(from, bytes, out);
    }

    /// So many bytes are missing.
    pub(in crate::capture) fn gap(&mut self, from: Side, bytes: u64, out: &mut Out<'_>) {
        match &mut self.kind {
            Kind::Begin(_) => {
                self.whole = false;
                self.kind = Kind::Begin(Vec::new());
            }
            Kind::Mqtt(mqtt) => mqtt.gap(from, bytes),
            Kind::WebSocket(websocket) => websocket.gap(from, bytes, out),
            Kind::Silent | Kind::Ignored => {}
        }
    }

    pub(in crate::capture) fn held(&self) -> usize {
        match &self.kind {
            Kind::Mqtt(mqtt) => mqtt.held(),
            Kind::WebSocket(websocket) => websocket.held(),
            Kind::Begin(_) | Kind::Silent | Kind::Ignored => 0,
        }
    }

    pub(in crate::capture) fn let_go(&mut self) {
        match &mut self.kind {
            Kind::Mqtt(mqtt) => mqtt.let_go(),
            Kind::WebSocket(websocket) => websocket.let_go(),
            Kind::Begin(_) | Kind::Silent | Kind::Ignored => {}
        }
    }
}

/// What a server says in answer to another protocol than its own.
pub(super) fn other_protocol(from: Side, bytes: &[u8]) -> Option<Begins> {
    Some(begin::begins(from, bytes)).filter(|begins| *begins != Begins::Other)
}
