//! Why a proxy did not make a connection.

use std::fmt;
use std::time::Duration;

use crate::explain::{Below, explained_error};
use crate::io_error::IoError;
use crate::transport::error::ConnectError;

/// Why there is no connection through a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyError {
    /// The proxy itself can't be reached.
    Unreachable {
        /// Its host and port.
        proxy: String,
        /// Why not: its name has no address, or none of them takes the connection.
        error: Box<ConnectError>,
    },
    /// The SOCKS5 proxy accepts none of the ways to authenticate that were offered.
    NoAuthenticationMethod,
    /// The proxy rejected, or wants, a user name and password.
    CredentialsRejected,
    /// The SOCKS5 proxy could or would not connect.
    SocksRefused {
        /// Its reply (RFC 1928, section 6).
        code: u8,
    },
    /// The HTTP proxy could or would not connect.
    HttpRefused {
        /// The HTTP status.
        status: u16,
    },
    /// The same, and the proxy said when to come again (`Retry-After`).
    TryLater {
        /// The HTTP status.
        status: u16,
        /// How long it asks not to be bothered.
        after: Duration,
    },
    /// The answer is not that of a proxy of this kind.
    NotAProxy,
    /// The proxy closed the connection before it answered.
    Closed,
    /// The network failed while the proxy was being asked.
    Io(IoError),
}

explained_error!(ProxyError);

impl ProxyError {
    /// The proxy did what it could: it is the server that was not to be reached.
    pub(super) const fn is_of_the_server(&self) -> bool {
        matches!(
            self,
            Self::SocksRefused { code: 3..=6 }
                | Self::HttpRefused { status: 502..=504 }
                | Self::TryLater { status: 502..=504, .. }
        )
    }

    pub(crate) fn write_fact(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { proxy, error } => {
                write!(f, "the proxy {proxy} is not reached: ")?;
                error.write_fact(f)
            }
            Self::NoAuthenticationMethod => {
                f.write_str("the proxy accepts no authentication that was offered")
            }
            Self::CredentialsRejected => {
                f.write_str("the proxy did not accept the user name and password")
            }
            Self::SocksRefused { code } => {
                write!(f, "the proxy did not connect: {}", socks_reply(*code))
            }
            Self::HttpRefused { status } => {
                write!(f, "the proxy did not connect: HTTP status {status}")
            }
            Self::TryLater { status, after } => {
                let after = after.as_secs();
                write!(f, "the proxy did not connect: HTTP status {status} (Retry-After {after} s)")
            }
            Self::NotAProxy => f.write_str("the answer is not that of such a proxy"),
            Self::Closed => f.write_str("the proxy closed the connection"),
            Self::Io(_) => f.write_str("the connection to the proxy broke"),
        }
    }

    pub(crate) fn below(&self) -> Below<'_> {
        match self {
            // The text has that of the error itself.
            Self::Unreachable { error, .. } => error.below(),
            Self::Io(error) => Some(error),
            _ => None,
        }
    }

    /// Returns advice, if there is any.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { .. } => Some("check the proxy's host and port, and that it runs"),
            Self::NoAuthenticationMethod
            | Self::CredentialsRejected
            | Self::TryLater { status: 407, .. } => {
                Some("give the proxy's user name and password in its URL")
            }
            Self::SocksRefused { code: 2 }
            | Self::HttpRefused { status: 403 }
            | Self::TryLater { status: 403, .. } => {
                Some("the proxy's rules forbid this host or port")
            }
            Self::SocksRefused { code: 1 | 3..=6 }
            | Self::HttpRefused { status: 502..=504 }
            | Self::TryLater { status: 502..=504, .. } => Some("check the server's host and port"),
            Self::NotAProxy => Some("check the proxy's scheme and port"),
            _ => None,
        }
    }
}

fn socks_reply(code: u8) -> &'static str {
    match code {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live exceeded",
        7 => "it does not know the command",
        8 => "it does not know the kind of address",
        _ => "for an unknown reason",
    }
}
