//! TLS as a capture shows it: hellos, then sizes.

use evenkeel_doctor::Side;

use crate::rng::Rng;

/// A cipher suite, by what it adds to each record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suite {
    number: u16,
    /// TLS 1.3, where the type of the content is encrypted too.
    is_13: bool,
    added: usize,
}

/// AES-GCM and ChaCha20-Poly1305 of both versions.
const SUITES: [Suite; 4] = [
    Suite { number: 0x1301, is_13: true, added: 17 },
    Suite { number: 0x1303, is_13: true, added: 17 },
    Suite { number: 0xC02F, is_13: false, added: 24 },
    Suite { number: 0xCCA8, is_13: false, added: 16 },
];

impl Suite {
    pub(super) fn any(rng: &mut Rng) -> Self {
        SUITES[rng.index(SUITES.len())]
    }
}

/// One connection's TLS.
#[derive(Debug)]
pub(super) struct Sealed {
    suite: Suite,
    /// Tickets of new sessions, which follow the handshake in TLS 1.3.
    tickets: usize,
    up: bool,
    /// The client has sent DISCONNECT.
    pub(super) goodbye: bool,
}

impl Sealed {
    pub(super) fn new(suite: Suite, tickets: usize) -> Self {
        Self { suite, tickets, up: false, goodbye: false }
    }

    pub(super) fn is_up(&self) -> bool {
        self.up
    }

    /// The handshake, once, before the first bytes.
    pub(super) fn hello(&mut self, first: Side) -> Vec<(Side, Vec<u8>)> {
        if std::mem::replace(&mut self.up, true) || first != Side::Client {
            return Vec::new();
        }
        let mut all = vec![
            (Side::Client, client_hello(self.suite)),
            (Side::Server, server_hello(self.suite)),
        ];
        if self.suite.is_13 {
            // EncryptedExtensions to Finished of the server, Finished of the client.
            all.push((Side::Server, record(23, &[0; 900])));
            all.push((Side::Client, record(23, &[0; 53])));
            let ticket = || record(23, &[0; 200 + 17]);
            all.extend((0..self.tickets).map(|_| (Side::Server, ticket())));
        } else {
            all.push((Side::Server, handshake(11, &[0; 800])));
            all.push((Side::Client, handshake(16, &[0; 32])));
            for side in [Side::Client, Side::Server] {
                all.push((side, record(20, &[1])));
                all.push((side, record(22, &vec![0; 16 + self.suite.added])));
            }
        }
        all
    }

    /// Application data of this size.
    pub(super) fn record(&self, bytes: &[u8]) -> Vec<u8> {
        record(23, &vec![0xA5; bytes.len() + self.suite.added])
    }

    pub(super) fn close_notify(&self) -> Vec<u8> {
        let kind = if self.suite.is_13 { 23 } else { 21 };
        record(kind, &vec![0xA5; 2 + self.suite.added])
    }
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut all = vec![kind, 3, 3];
    all.extend((body.len() as u16).to_be_bytes());
    all.extend(body);
    all
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, 0];
    message.extend((body.len() as u16).to_be_bytes());
    message.extend(body);
    record(22, &message)
}

fn client_hello(suite: Suite) -> Vec<u8> {
    let name = b"broker.example";
    let mut server_name = vec![0, 0];
    server_name.extend((name.len() as u16 + 5).to_be_bytes());
    server_name.extend((name.len() as u16 + 3).to_be_bytes());
    server_name.push(0);
    server_name.extend((name.len() as u16).to_be_bytes());
    server_name.extend(name);
    let versions = [0, 43, 0, 3, 2, 3, 4];
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2]);
    body.extend(suite.number.to_be_bytes());
    body.extend([1, 0]);
    body.extend((server_name.len() as u16 + versions.len() as u16).to_be_bytes());
    body.extend(server_name);
    body.extend(versions);
    handshake(1, &body)
}

fn server_hello(suite: Suite) -> Vec<u8> {
    let versions: &[u8] = if suite.is_13 { &[0, 43, 0, 2, 3, 4] } else { &[] };
    let mut body = vec![3, 3];
    body.extend([9; 32]);
    body.push(0);
    body.extend(suite.number.to_be_bytes());
    body.push(0);
    body.extend((versions.len() as u16).to_be_bytes());
    body.extend(versions);
    handshake(2, &body)
}
