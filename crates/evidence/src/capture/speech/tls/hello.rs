//! ClientHello and ServerHello.

use std::net::IpAddr;

use evenkeel_doctor::Alpn;

use crate::capture::cursor::Cursor;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;

/// The random number of a server that asks for another hello: SHA-256 of
/// "HelloRetryRequest" (RFC 8446, 4.1.3).
const RETRY: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
    0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// A hello of either side.
#[derive(Debug)]
pub(super) enum Hello {
    Client(ClientHello),
    Server(ServerHello),
}

#[derive(Debug)]
pub(super) struct ClientHello {
    pub(super) random: [u8; 32],
    pub(super) sni: String,
    pub(super) sni_is_address: bool,
    pub(super) alpn: Alpn,
}

#[derive(Debug)]
pub(super) struct ServerHello {
    pub(super) random: [u8; 32],
    pub(super) suite: u16,
    pub(super) version: u16,
}

/// The body of the first handshake message, if it is whole.
pub(super) fn message(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = Cursor(bytes);
    rest.u8()?;
    let len = rest.u24()?;
    rest.take(len as usize)
}

/// A hello; `None` of another message, and of a request to say it again.
pub(super) fn read(kind: u8, body: &[u8]) -> Option<Hello> {
    match kind {
        CLIENT_HELLO => client(body).map(Hello::Client),
        SERVER_HELLO => server(body).filter(|it| it.random != RETRY).map(Hello::Server),
        _ => None,
    }
}

fn client(body: &[u8]) -> Option<ClientHello> {
    let mut rest = Cursor(body);
    rest.u16()?;
    let random = rest.array()?;
    rest.after_u8()?;
    rest.after_u16()?;
    rest.after_u8()?;
    let mut hello =
        ClientHello { random, sni: String::new(), sni_is_address: false, alpn: Alpn::default() };
    for (kind, data) in extensions(rest) {
        match kind {
            SERVER_NAME => hello.sni = server_name(data).unwrap_or_default(),
            ALPN => hello.alpn = alpn(data),
            _ => {}
        }
    }
    hello.sni_is_address = hello.sni.parse::<IpAddr>().is_ok();
    Some(hello)
}

fn server(body: &[u8]) -> Option<ServerHello> {
    let mut rest = Cursor(body);
    let version = rest.u16()?;
    let random = rest.array()?;
    rest.after_u8()?;
    let suite = rest.u16()?;
    rest.u8()?;
    let chosen = extensions(rest).find(|(kind, _)| *kind == SUPPORTED_VERSIONS);
    let chosen = chosen.and_then(|(_, data)| Cursor(data).u16());
    Some(ServerHello { random, suite, version: chosen.unwrap_or(version) })
}

fn extensions(mut rest: Cursor<'_>) -> impl Iterator<Item = (u16, &[u8])> {
    let mut all = Cursor(rest.after_u16().unwrap_or_default());
    std::iter::from_fn(move || Some((all.u16()?, all.after_u16()?)))
}

fn server_name(data: &[u8]) -> Option<String> {
    let mut list = Cursor(Cursor(data).after_u16()?);
    while let (Some(kind), Some(name)) = (list.u8(), list.after_u16()) {
        if kind == 0 && name.len() <= 255 && name.iter().all(u8::is_ascii_graphic) {
            return String::from_utf8(name.to_ascii_lowercase()).ok();
        }
    }
    None
}

fn alpn(data: &[u8]) -> Alpn {
    let mut alpn = Alpn::default();
    let mut list = Cursor(Cursor(data).after_u16().unwrap_or_default());
    while let Some(name) = list.after_u8() {
        alpn.any = true;
        match name {
            b"mqtt" => alpn.mqtt = true,
            b"x-amzn-mqtt-ca" => alpn.amazon = true,
            b"http/1.1" | b"h2" => alpn.http = true,
            _ => {}
        }
    }
    alpn
}
