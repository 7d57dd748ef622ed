//! What a connection speaks: MQTT in the clear, in WebSocket, under TLS.

mod begin;
mod mqtt;
mod plain;
mod tls;
mod websocket;

use evenkeel_doctor::{Begins, Side, Vantage, What};

use super::out::Out;
use begin::Preface;
pub(super) use begin::begins_mqtt;
pub(super) use plain::Plain;
pub(super) use tls::KeyLog;
use tls::Tls;

/// What is known of a connection's bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Too few have come.
    #[default]
    Open,
    /// They are told, in the clear or not.
    Told(Vantage),
    /// They are of no interest.
    Ignored,
}

/// The bytes of a connection.
#[derive(Debug)]
pub(super) struct Speech {
    /// Its beginning was seen.
    whole: bool,
    /// The server's port is one of MQTT's.
    listed: bool,
    verdict: Verdict,
    layer: Layer,
}

#[derive(Debug)]
enum Layer {
    /// Nothing that says what it is; maybe a part of a proxy's preface.
    Begin(Vec<u8>),
    Plain(Box<Plain>),
    Tls(Box<Tls>),
    /// Nothing more is read.
    Done,
}

impl Speech {
    /// The bytes of what is spoken, at most: without a key log, and without what
    /// is counted as held.
    pub(super) const BESIDE: usize =
        if size_of::<Tls>() > size_of::<Plain>() { size_of::<Tls>() } else { size_of::<Plain>() };

    pub(super) fn new(whole: bool, listed: bool) -> Self {
        Self { whole, listed, verdict: Verdict::Open, layer: Layer::Begin(Vec::new()) }
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Takes the next bytes of a side in.
    pub(super) fn bytes(&mut self, from: Side, bytes: &[u8], out: &mut Out<'_>) {
        if let Layer::Begin(held) = &mut self.layer
            && self.whole
            && from == Side::Client
            && (!held.is_empty() || begin::preface(bytes) != Preface::None)
        {
            held.extend_from_slice(bytes);
            let held = std::mem::take(held);
            return self.preface(held, out);
        }
        if matches!(self.layer, Layer::Begin(_)) {
            self.begin(from, bytes);
        }
        match &mut self.layer {
            Layer::Plain(plain) => {
                plain.bytes(from, bytes, out);
                self.verdict = plain.verdict();
            }
            Layer::Tls(tls) => {
                tls.bytes(from, bytes, out);
                self.verdict = tls.verdict();
            }
            Layer::Begin(_) | Layer::Done => {}
        }
    }

    /// Says what the connection speaks, by its first bytes.
    fn begin(&mut self, from: Side, bytes: &[u8]) {
        self.layer = if begin::is_tls(from, bytes, self.whole) {
            Layer::Tls(Box::new(Tls::new(self.whole, self.listed)))
        } else {
            Layer::Plain(Box::new(Plain::new(self.whole, self.listed)))
        };
    }

    /// What a proxy puts before the bytes of its client is stepped over.
    fn preface(&mut self, begun: Vec<u8>, out: &mut Out<'_>) {
        let rest = match begin::preface(&begun) {
            Preface::None => &begun[..],
            Preface::Part => {
                self.layer = Layer::Begin(begun);
                return;
            }
            Preface::Whole(len) => {
                let begins = Begins::ProxyPreface;
                out.tell(What::NotMqtt { from: Side::Client, begins });
                begun.get(len..).unwrap_or_default()
            }
        };
        if rest.is_empty() {
            return;
        }
        self.begin(Side::Client, rest);
        self.bytes(Side::Client, rest, out);
    }

    /// So many bytes of a side are missing.
    pub(super) fn gap(&mut self, from: Side, bytes: u64, out: &mut Out<'_>) {
        match &mut self.layer {
            Layer::Begin(held) => {
                self.whole = false;
                held.clear();
            }
            Layer::Plain(plain) => plain.gap(from, bytes, out),
            Layer::Tls(tls) => tls.gap(from, bytes, out),
            Layer::Done => {}
        }
    }

    /// A side ends the connection.
    pub(super) fn closing(&mut self, by: Side, out: &mut Out<'_>) {
        if let Layer::Tls(tls) = &mut self.layer {
            tls.closing(by, out);
        }
    }

    /// Whether something waits for what follows it.
    pub(super) fn waits(&self) -> bool {
        matches!(&self.layer, Layer::Tls(tls) if tls.waits())
    }

    /// What waits has waited long enough.
    pub(super) fn due(&mut self, out: &mut Out<'_>) {
        if let Layer::Tls(tls) = &mut self.layer {
            tls.due(out);
        }
    }

    /// What waits is told now: something else is about to be.
    pub(super) fn settle(&mut self, out: &mut Out<'_>) {
        if let Layer::Tls(tls) = &mut self.layer {
            tls.settle(out);
        }
    }

    /// Nothing more will come.
    pub(super) fn finish(&mut self) {
        self.layer = Layer::Done;
    }

    /// Bytes in memory that wait for others.
    pub(super) fn held(&self) -> usize {
        match &self.layer {
            Layer::Plain(plain) => plain.held(),
            Layer::Tls(tls) => tls.held(),
            Layer::Begin(held) => held.capacity(),
            Layer::Done => 0,
        }
    }

    /// There is no memory for what is held.
    pub(super) fn let_go(&mut self) {
        match &mut self.layer {
            Layer::Plain(plain) => plain.let_go(),
            Layer::Tls(tls) => tls.let_go(),
            Layer::Begin(held) => {
                self.whole = false;
                *held = Vec::new();
            }
            Layer::Done => {}
        }
    }
}
