//! What a client offers when it begins a handshake of TLS, read without TLS.

mod bytes;
pub(super) mod cipher;
mod error;

use std::fmt;

use bytes::Bytes;
pub use error::HelloError;

/// Bytes that a client may take to begin a handshake.
pub const HELLO_BYTES: usize = 16 * 1024;

/// Numbers of TLS.
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const SUPPORTED_VERSIONS: u16 = 43;

/// The ClientHello: what a client offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// The versions, the best first: `0x0303` is TLS 1.2, `0x0304` TLS 1.3.
    pub versions: Vec<u16>,
    /// The cipher suites, the best first.
    pub suites: Vec<u16>,
    /// The server's name.
    pub server_name: Option<String>,
}

impl Hello {
    /// Reads what a client has sent so far; nothing if more must come.
    ///
    /// # Errors
    /// If that is no ClientHello, and never becomes one.
    pub fn read(sent: &[u8]) -> Result<Option<Self>, HelloError> {
        let handshake = handshake(sent)?;
        let mut bytes = Bytes(&handshake);
        if bytes.0.first().is_some_and(|kind| *kind != CLIENT_HELLO) {
            return Err(HelloError::OtherMessage);
        }
        bytes.u8();
        let Some(length) = bytes.u24() else { return Ok(None) };
        if length > HELLO_BYTES {
            return Err(HelloError::TooLong);
        }
        match bytes.take(length) {
            Some(body) => Self::parse(body).map(Some).ok_or(HelloError::Damaged),
            None if sent.len() >= HELLO_BYTES => Err(HelloError::TooLong),
            None => Ok(None),
        }
    }

    fn parse(body: &[u8]) -> Option<Self> {
        let mut body = Bytes(body);
        let newest = body.u16()?;
        let (_random, _session) = (body.take(32)?, body.short()?);
        let suites = body.long()?;
        let _compression = body.short()?;
        let mut hello =
            Self { versions: vec![newest], suites: numbers(suites)?, server_name: None };
        if body.0.is_empty() {
            return Some(hello);
        }
        let mut extensions = Bytes(body.long()?);
        while !extensions.0.is_empty() {
            let (kind, data) = (extensions.u16()?, extensions.long()?);
            match kind {
                SERVER_NAME => hello.server_name = server_name(data)?,
                SUPPORTED_VERSIONS => hello.versions = numbers(Bytes(data).short()?)?,
                _ => {}
            }
        }
        Some(hello)
    }
}

/// The parts of the handshake in whole and in begun records.
fn handshake(sent: &[u8]) -> Result<Vec<u8>, HelloError> {
    let mut sent = Bytes(sent);
    let mut handshake = Vec::new();
    while let Some(kind) = sent.u8() {
        if kind != HANDSHAKE {
            // Whatever follows the message is not looked at.
            return if handshake.is_empty() { Err(HelloError::NotTls) } else { Ok(handshake) };
        }
        let Some(version) = sent.u16() else { break };
        if version >> 8 != 3 {
            return Err(HelloError::NotTls);
        }
        let Some(length) = sent.u16() else { break };
        let length = usize::from(length);
        if length == 0 {
            return Err(HelloError::Damaged);
        }
        let part = sent.take(length.min(sent.0.len())).unwrap_or_default();
        handshake.extend_from_slice(part);
    }
    Ok(handshake)
}

/// Numbers of two bytes, without those that clients throw in so that servers get
/// used to unknown ones.
fn numbers(mut bytes: &[u8]) -> Option<Vec<u16>> {
    let mut numbers = Vec::new();
    while !bytes.is_empty() {
        let (pair, rest) = bytes.split_first_chunk()?;
        let number = u16::from_be_bytes(*pair);
        if !(pair[0] == pair[1] && pair[0] & 0x0f == 0x0a) {
            numbers.push(number);
        }
        bytes = rest;
    }
    Some(numbers)
}

/// The first name of a host. The outer `None` says that there should be one.
fn server_name(data: &[u8]) -> Option<Option<String>> {
    let mut names = Bytes(Bytes(data).long()?);
    while !names.0.is_empty() {
        let (kind, name) = (names.u8()?, names.long()?);
        if kind == 0 {
            return Some(Some(String::from_utf8_lossy(name).into_owned()));
        }
    }
    Some(None)
}

impl fmt::Display for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientHello")?;
        for version in &self.versions {
            match version {
                0x0300 => f.write_str(" SSL 3")?,
                0x0301..=0x0304 => write!(f, " TLS 1.{}", version - 0x0301)?,
                _ => write!(f, " version {version:#06x}")?,
            }
        }
        write!(f, ", {} suites", self.suites.len())?;
        match &self.server_name {
            Some(name) => write!(f, ", for {name:?}"),
            None => f.write_str(", for no name"),
        }
    }
}
