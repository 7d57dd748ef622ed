//! TLS: hellos and alerts in the clear, then sizes, or with a key log all of it.

mod hello;
mod keys;
mod open;
mod records;
mod sizes;
mod suite;

use evenkeel_doctor::{Alpn, Side, Vantage, What};

use super::Verdict;
use super::plain::{Plain, other_protocol};
use crate::capture::out::Out;
use hello::{ClientHello, Hello, ServerHello};
pub(in crate::capture) use keys::KeyLog;
use open::{Content, Opener};
use records::{Gap, Record, Records};
use sizes::Sizes;
use suite::Suite;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// TLS of one connection.
#[derive(Debug)]
pub(super) struct Tls {
    whole: bool,
    listed: bool,
    verdict: Verdict,
    client: Records,
    server: Records,
    /// The client's random number, by which key logs name a connection.
    random: Option<[u8; 32]>,
    sizes: Sizes,
    /// With a key log: what opens records, and what is in them.
    opened: Option<Box<(Opener, Plain)>>,
}

impl Tls {
    pub(super) fn new(whole: bool, listed: bool) -> Self {
        Self {
            whole,
            listed,
            verdict: Verdict::Open,
            client: Records::default(),
            server: Records::default(),
            random: None,
            sizes: Sizes::new(whole),
            opened: None,
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.verdict
    }

    fn records(&mut self, side: Side) -> &mut Records {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    pub(super) fn bytes(&mut self, from: Side, bytes: &[u8], out: &mut Out<'_>) {
        if from == Side::Server && self.whole && self.server.is_fresh() {
            self.answered(bytes, out);
        }
        if !self.whole {
            self.verdict = Verdict::Told(Vantage::Encrypted);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let open = self.opened.is_some();
            let (record, taken) = self.records(from).next(rest, open);
            rest = rest.get(taken..).unwrap_or_default();
            if let Some(mut record) = record {
                self.record(from, &mut record, out);
            }
        }
    }

    /// The server's first bytes: does it speak TLS at all?
    fn answered(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        if matches!(bytes, [20..=23] | [20..=23, 3, ..]) {
            if self.verdict == Verdict::Open && !self.waits_for_keys(out) {
                self.verdict = Verdict::Told(Vantage::Encrypted);
            }
            return;
        }
        self.settle(out);
        out.tell(match other_protocol(Side::Server, bytes) {
            Some(begins) => What::NotMqtt { from: Side::Server, begins },
            None => What::NotMqtt { from: Side::Client, begins: evenkeel_doctor::Begins::Tls },
        });
        if self.verdict == Verdict::Open {
            self.verdict = Verdict::Told(Vantage::Plain);
        }
        self.client.die();
        self.server.die();
    }

    /// Whether ServerHello will decide if the connection can be read.
    fn waits_for_keys(&self, out: &Out<'_>) -> bool {
        self.random.is_some_and(|random| out.ground.keys.get(&random).is_some())
    }

    fn record(&mut self, from: Side, record: &mut Record, out: &mut Out<'_>) {
        let sealed = self.records(from).sealed;
        match record.kind {
            CHANGE_CIPHER_SPEC => self.records(from).sealed = true,
            HANDSHAKE | ALERT if record.cut && (!sealed || record.len == 2) => {}
            HANDSHAKE if !sealed => self.handshake(from, &record.body, out),
            // Some clients of TLS 1.3 refuse a certificate so, after ServerHello.
            ALERT if record.len == 2 => {
                if let [_, code] = *record.body.as_slice()
                    && code > 0
                {
                    self.settle(out);
                    out.tell(What::Alert { from, code });
                }
            }
            _ => self.sealed(from, record, out),
        }
    }

    fn handshake(&mut self, from: Side, body: &[u8], out: &mut Out<'_>) {
        match self.records(from).hello(body) {
            Some(Hello::Client(hello)) if from == Side::Client => self.client_hello(hello, out),
            Some(Hello::Server(hello)) if from == Side::Server => self.server_hello(&hello, out),
            _ => {}
        }
    }

    fn client_hello(&mut self, hello: ClientHello, out: &mut Out<'_>) {
        let Alpn { mqtt, amazon, .. } = hello.alpn;
        let named = ["mqtt", ".iot."].iter().any(|part| hello.sni.contains(part));
        if !self.listed && !mqtt && !amazon && !named {
            self.verdict = Verdict::Ignored;
            return;
        }
        self.random = Some(hello.random);
        self.sizes.websocket = hello.alpn.http && !mqtt && !amazon;
        self.settle(out);
        out.tell_hello(&hello.sni, hello.alpn, hello.sni_is_address);
        if !self.listed && !self.waits_for_keys(out) {
            self.verdict = Verdict::Told(Vantage::Encrypted);
        }
    }

    fn server_hello(&mut self, hello: &ServerHello, out: &mut Out<'_>) {
        let (suite, version) = (hello.suite, hello.version);
        self.settle(out);
        out.tell(What::ServerHello { suite, version });
        let suite = Suite::new(suite, version);
        self.sizes.agreed(suite);
        if suite.is_some_and(|suite| suite.is_13) {
            self.client.sealed = true;
            self.server.sealed = true;
        }
        let secrets = self.random.and_then(|random| out.ground.keys.get(&random));
        let opener = match (suite, self.random, secrets) {
            (Some(suite), Some(random), Some(secrets)) if self.verdict == Verdict::Open => {
                Opener::new(suite, secrets, &random, &hello.random)
            }
            _ => None,
        };
        if let Some(opener) = opener {
            self.opened = Some(Box::new((opener, Plain::new(true, true))));
            self.verdict = Verdict::Told(Vantage::Plain);
        } else if self.verdict == Verdict::Open {
            self.verdict = Verdict::Told(Vantage::Encrypted);
        }
    }

    /// An encrypted record.
    fn sealed(&mut self, from: Side, record: &mut Record, out: &mut Out<'_>) {
        let Some((opener, plain)) = self.opened.as_deref_mut() else {
            return self.sizes.record(from, record.kind, record.len, out);
        };
        if record.cut {
            let bytes = opener.passed_over(from, record.len);
            return plain.gap(from, bytes.into(), out);
        }
        match opener.open(from, record.kind, &mut record.body) {
            Content::Data(data) => plain.bytes(from, data, out),
            Content::Alert(code @ 1..) => out.tell(What::Alert { from, code }),
            Content::Alert(_) | Content::Other => {}
            Content::Lost => plain.gap(from, u64::MAX, out),
        }
    }

    /// So many bytes are missing.
    pub(super) fn gap(&mut self, from: Side, bytes: u64, out: &mut Out<'_>) {
        match self.records(from).gap(bytes) {
            Gap::Within(Some(mut record)) => return self.record(from, &mut record, out),
            Gap::Within(None) => return,
            Gap::Lost => {}
        }
        if let Some((opener, plain)) = self.opened.as_deref_mut() {
            opener.lost(from);
            plain.gap(from, u64::MAX, out);
        }
        self.sizes.gap(out);
    }

    pub(super) fn closing(&mut self, by: Side, out: &mut Out<'_>) {
        self.sizes.closing(by, out);
    }

    pub(super) fn settle(&mut self, out: &mut Out<'_>) {
        self.sizes.release_held(out);
    }

    pub(super) fn waits(&self) -> bool {
        self.sizes.waits()
    }

    pub(super) fn due(&mut self, out: &mut Out<'_>) {
        self.sizes.due(out);
    }

    pub(super) fn held(&self) -> usize {
        let opened = self.opened.as_deref();
        let opened = opened.map_or(0, |(opener, plain)| opener.held() + plain.held());
        self.client.held() + self.server.held() + opened
    }

    pub(super) fn let_go(&mut self) {
        self.client.let_go();
        self.server.let_go();
        if let Some((opener, plain)) = self.opened.as_deref_mut() {
            opener.lost(Side::Client);
            opener.lost(Side::Server);
            plain.let_go();
        }
    }
}

impl Out<'_> {
    fn tell_hello(&mut self, sni: &str, alpn: Alpn, sni_is_address: bool) {
        let sni = self.keep(sni);
        self.tell(What::ClientHello { sni, alpn, sni_is_address });
    }
}
