//! Why bytes are no ClientHello.

use std::error::Error;
use std::fmt;

use super::HELLO_BYTES;

/// Why bytes are no ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelloError {
    /// They are no records of a handshake.
    NotTls,
    /// The handshake begins with another message.
    OtherMessage,
    /// A length is beyond what it is part of.
    Damaged,
    /// It takes more than [`HELLO_BYTES`].
    TooLong,
}

impl fmt::Display for HelloError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTls => f.write_str("what the client sends is no TLS"),
            Self::OtherMessage => f.write_str("the handshake does not begin with ClientHello"),
            Self::Damaged => f.write_str("the ClientHello is damaged"),
            Self::TooLong => write!(f, "the ClientHello takes more than {HELLO_BYTES} bytes"),
        }
    }
}

impl Error for HelloError {}
