//! TLS 1.3 as a capture shows it: hellos, then sizes.

use evenkeel_doctor::Side;

/// What AES-128-GCM adds to the content: its type and the tag.
const ADDED: usize = 17;

/// One connection's TLS.
#[derive(Debug, Default)]
pub(super) struct Sealed {
    up: bool,
    /// The client has sent DISCONNECT.
    pub(super) goodbye: bool,
}

impl Sealed {
    pub(super) fn is_up(&self) -> bool {
        self.up
    }

    /// The handshake, once, before the first bytes.
    pub(super) fn hello(&mut self, first: Side) -> Vec<(Side, Vec<u8>)> {
        if std::mem::replace(&mut self.up, true) || first != Side::Client {
            return Vec::new();
        }
        vec![
            (Side::Client, client_hello()),
            (Side::Server, server_hello()),
            // EncryptedExtensions to Finished of the server, Finished of the client.
            (Side::Server, record(23, &[0; 900])),
            (Side::Client, record(23, &[0; 53])),
        ]
    }

    /// Application data of this size.
    pub(super) fn record(&self, bytes: &[u8]) -> Vec<u8> {
        record(23, &vec![0xA5; bytes.len() + ADDED])
    }

    pub(super) fn close_notify(&self) -> Vec<u8> {
        record(23, &[0xA5; 2 + ADDED])
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

fn client_hello() -> Vec<u8> {
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
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    body.extend((server_name.len() as u16 + versions.len() as u16).to_be_bytes());
    body.extend(server_name);
    body.extend(versions);
    handshake(1, &body)
}

fn server_hello() -> Vec<u8> {
    let versions = [0, 43, 0, 2, 3, 4];
    let mut body = vec![3, 3];
    body.extend([9; 32]);
    body.extend([0, 0x13, 0x01, 0]);
    body.extend((versions.len() as u16).to_be_bytes());
    body.extend(versions);
    handshake(2, &body)
}
