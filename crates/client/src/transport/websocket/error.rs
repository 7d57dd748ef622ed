//! Why a WebSocket could not be opened, or broke.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::explain::{Below, explained_error};
use crate::io_error::IoError;

const CLOSED_HINT: &str = "check the port, and whether it wants ws:// or wss://";

/// Why a WebSocket handshake, or an established WebSocket, failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebSocketError {
    /// The server answered the handshake with another HTTP status than 101.
    Refused {
        /// The status, such as 401 or 404.
        status: u16,
        /// Where it redirects to, if it does; without user info and query, which may be secrets.
        location: Option<String>,
        /// How long it asks not to be bothered (`Retry-After`), if it does.
        retry_after: Option<Duration>,
    },
    /// The server refused what it was shown (401 or 403), and its clock shows another time than
    /// this machine's: a signature or token that was made here is not valid there.
    ClockWrong {
        /// The status.
        status: u16,
        /// By how many seconds the server's clock is ahead; negative if it is behind.
        ahead: i64,
    },
    /// The server's answer is no WebSocket handshake.
    NotWebSocket {
        /// What is wrong with it.
        detail: String,
    },
    /// The server accepted the WebSocket but not the subprotocol of MQTT.
    SubprotocolRefused {
        /// The subprotocol offered.
        offered: &'static str,
    },
    /// The server closed the connection before the handshake was over.
    ClosedInHandshake,
    /// The server sent a text frame, which MQTT forbids.
    TextFrame,
    /// The server sent a message larger than the limit.
    MessageTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The server sent frame after frame without any content, such as pings, and nothing else,
    /// faster than there is a use for.
    Flood {
        /// So many within ten seconds are too many.
        frames: u32,
    },
    /// The server broke the WebSocket protocol.
    Protocol {
        /// How, in the WebSocket library's words.
        detail: String,
    },
    /// Bytes were written after the WebSocket was closed.
    Closed,
    /// The network failed during the handshake.
    Io(IoError),
}

/// The close frame with which a server ended a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebSocketClose {
    /// The status code (RFC 6455, section 7.4); 1005 if the frame had none.
    pub code: u16,
    /// The reason, often empty.
    pub reason: String,
}

impl fmt::Display for WebSocketClose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "code {}", self.code)?;
        match self.reason.as_str() {
            "" => Ok(()),
            reason => write!(f, " ({reason:?})"),
        }
    }
}

explained_error!(WebSocketError);

impl WebSocketError {
    pub(crate) fn write_fact(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, location: None, retry_after } => {
                write!(f, "the server refused the WebSocket with HTTP status {status}")?;
                match retry_after {
                    Some(after) => write!(f, " (Retry-After {} s)", after.as_secs()),
                    None => Ok(()),
                }
            }
            Self::Refused { status, location: Some(location), .. } => {
                write!(f, "the server redirects the WebSocket to {location:?} (HTTP {status})")
            }
            Self::ClockWrong { status, ahead } => {
                let (seconds, side) =
                    (ahead.unsigned_abs(), if *ahead > 0 { "behind" } else { "ahead of" });
                write!(
                    f,
                    "the server refused the WebSocket with HTTP status {status}, and this machine's \
                     clock is {seconds} s {side} the server's"
                )
            }
            Self::NotWebSocket { detail } => {
                write!(f, "the server's answer is no WebSocket handshake: {detail}")
            }
            Self::SubprotocolRefused { offered } => {
                write!(f, "the WebSocket server did not agree to the subprotocol '{offered}'")
            }
            Self::ClosedInHandshake => {
                f.write_str("the server closed the connection during the WebSocket handshake")
            }
            Self::TextFrame => f.write_str("the server sent a WebSocket text frame"),
            Self::MessageTooLarge { limit } => {
                write!(f, "the server sent a WebSocket message of more than {limit} bytes")
            }
            Self::Flood { frames } => write!(
                f,
                "the server sent more than {frames} WebSocket frames in a row without content"
            ),
            Self::Protocol { detail } => write!(f, "WebSocket failed: {detail}"),
            Self::Closed => f.write_str("the WebSocket is closed"),
            Self::Io(_) => f.write_str("the connection broke during the WebSocket handshake"),
        }
    }

    pub(crate) fn below(&self) -> Below<'_> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }

    /// Returns advice, if there is any.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Refused { status: 300..=399, .. } => Some("connect to that address instead"),
            Self::Refused { status: 401 | 403 | 407, .. } => {
                Some("check the headers, token or signature that the server wants")
            }
            Self::ClockWrong { .. } => {
                Some("set the clock: signatures and tokens are good for some minutes only")
            }
            Self::Refused { status: 404 | 405, .. } => {
                Some("check the path; many brokers serve MQTT at /mqtt or /ws")
            }
            Self::Refused { status: 429 | 500..=599, .. } => Some("try again later"),
            Self::Refused { .. } => None,
            Self::NotWebSocket { .. } | Self::ClosedInHandshake => Some(CLOSED_HINT),
            // Servers that close with bytes unread reset the connection.
            Self::Io(error) if error.kind() == io::ErrorKind::ConnectionReset => Some(CLOSED_HINT),
            Self::SubprotocolRefused { .. } => {
                Some("check that path and port belong to an MQTT broker")
            }
            Self::TextFrame | Self::Flood { .. } => {
                Some("check that path and port belong to an MQTT broker")
            }
            Self::MessageTooLarge { .. } => Some("raise the WebSocket message limit"),
            Self::Protocol { .. } | Self::Closed | Self::Io(_) => None,
        }
    }
}
