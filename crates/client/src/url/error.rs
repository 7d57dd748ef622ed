//! What can be wrong with a server URL.

use std::fmt;

use super::Scheme;
use crate::explain::{Below, explained_error};

/// Why a text is not the URL of an MQTT server.
///
/// No variant carries any part of the text that could belong to a password.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// The text is empty.
    Empty,
    /// There is no `scheme://` at the front.
    MissingScheme,
    /// The scheme is none of the known ones.
    UnknownScheme {
        /// The scheme as written.
        scheme: String,
    },
    /// The scheme is none of those of proxies.
    UnknownProxyScheme {
        /// The scheme as written.
        scheme: String,
    },
    /// White space or a control character.
    WhiteSpace {
        /// Where it stands, in bytes from the start.
        position: usize,
    },
    /// The host is missing.
    MissingHost,
    /// A character that no host name has.
    InvalidHost {
        /// The first such character.
        character: char,
    },
    /// A host name, or one of its labels, is longer than DNS allows (253, labels 63), or a
    /// label is empty.
    InvalidHostLength,
    /// What stands between `[` and `]` is not an IPv6 address, or the brackets don't pair.
    InvalidIpv6,
    /// An IPv6 address without brackets: its last part can't be told from a port.
    UnbracketedIpv6,
    /// The port is not a number from 1 to 65535.
    ///
    /// What stands there instead is not shown: in `mqtt://user:password` it is the password.
    InvalidPort,
    /// User name or password hold `/`, `?` or `#` as they are.
    UnescapedUserInfo,
    /// A `%` that two hexadecimal digits don't follow.
    BadEscape {
        /// The part of the URL that has it.
        part: UrlPart,
    },
    /// The bytes of a text are not UTF-8 once decoded.
    NotUtf8 {
        /// The part of the URL.
        part: UrlPart,
    },
    /// A path after the host, which only `ws` and `wss` use.
    UnexpectedPath,
    /// A query parameter other than `clientId`, or `clientId` twice.
    UnexpectedQuery {
        /// Its name; empty if there is no name and value on both sides of a `=`, as it may be
        /// a secret then.
        name: String,
    },
    /// A `#`.
    UnexpectedFragment,
    /// A character in the path or query that HTTP does not allow there.
    InvalidPath {
        /// The first such character.
        character: char,
    },
    /// The URL of a Unix socket without the socket's path.
    MissingSocketPath,
    /// The URL of a Unix socket that names a host.
    SocketWithHost,
}

/// A part of a URL, named in errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlPart {
    /// The user name.
    UserName,
    /// The password.
    Password,
    /// The path of a Unix socket.
    SocketPath,
    /// The query parameter `clientId`.
    ClientId,
}

explained_error!(UrlError);

impl UrlError {
    #[expect(clippy::unused_self, reason = "all explained errors have it")]
    pub(crate) const fn below(&self) -> Below<'_> {
        None
    }

    pub(crate) fn write_fact(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the server URL is empty"),
            Self::MissingScheme => f.write_str("the server URL has no scheme"),
            Self::UnknownScheme { scheme } => write!(f, "unknown URL scheme '{scheme}'"),
            Self::UnknownProxyScheme { scheme } => write!(f, "unknown proxy scheme '{scheme}'"),
            Self::WhiteSpace { position } => {
                write!(f, "white space or a control character in the URL at byte {position}")
            }
            Self::MissingHost => f.write_str("the URL has no host"),
            Self::InvalidHost { character } => {
                write!(f, "the URL's host has the character {character:?}")
            }
            Self::InvalidHostLength => {
                f.write_str("the URL's host has an empty or overlong part between its dots")
            }
            Self::InvalidIpv6 => f.write_str("the URL's host is not a valid IPv6 address"),
            Self::UnbracketedIpv6 => f.write_str("the URL's IPv6 address has no brackets"),
            Self::InvalidPort => f.write_str("what follows the URL's host is not a port number"),
            Self::UnescapedUserInfo => {
                f.write_str("the URL's user name or password has '/', '?' or '#' in it")
            }
            Self::BadEscape { part } => {
                write!(f, "the URL's {part} has a '%' without two hexadecimal digits")
            }
            Self::NotUtf8 { part } => write!(f, "the URL's {part} is not UTF-8"),
            Self::UnexpectedPath => f.write_str("the URL has a path, which this scheme can't use"),
            Self::UnexpectedQuery { name } if name.is_empty() => {
                f.write_str("the URL has a query that this scheme can't use")
            }
            Self::UnexpectedQuery { name } => {
                write!(f, "the URL has the query parameter '{name}', which this scheme can't use")
            }
            Self::UnexpectedFragment => f.write_str("the URL has a '#'"),
            Self::InvalidPath { character } => {
                write!(f, "the URL's path or query has the character {character:?}")
            }
            Self::MissingSocketPath => f.write_str("the URL names no socket"),
            Self::SocketWithHost => f.write_str("the URL of a Unix socket names a host"),
        }
    }

    /// Returns advice for the person who wrote the URL.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Empty | Self::MissingScheme => {
                "write it like mqtt://broker.example or mqtts://broker.example:8883"
            }
            Self::UnknownScheme { scheme } if scheme == "http" || scheme == "https" => {
                "MQTT over WebSocket is ws:// or wss://"
            }
            Self::UnknownScheme { .. } => Scheme::LIST,
            Self::UnknownProxyScheme { .. } => "known are socks5h, socks5 and http",
            Self::WhiteSpace { .. } => "remove it, or write it as %20 where it belongs",
            Self::MissingHost => "write it like mqtt://broker.example",
            Self::InvalidHost { character } if !character.is_ascii() => {
                "write an international name in its ASCII form (xn--...)"
            }
            Self::InvalidHost { .. } => {
                "a host is a name, an IPv4 address or an IPv6 address in brackets"
            }
            Self::InvalidHostLength => "check the name for doubled dots",
            Self::InvalidIpv6 | Self::UnbracketedIpv6 => "write it like mqtt://[2001:db8::1]:1883",
            Self::InvalidPort => {
                "a port is a number from 1 to 65535; user name and password end with '@'"
            }
            Self::UnescapedUserInfo => "write '/' as %2F, '?' as %3F and '#' as %23",
            Self::BadEscape { .. } => "write a literal '%' as %25",
            Self::NotUtf8 { .. } => "only the password may hold bytes that are not UTF-8",
            Self::UnexpectedPath => "paths are for ws:// and wss://; remove it",
            Self::UnexpectedQuery { .. } => "only clientId is known; set options in code or flags",
            Self::UnexpectedFragment => "write '#' as %23 in a password or path, or remove it",
            Self::InvalidPath { .. } => "percent-encode it",
            Self::MissingSocketPath | Self::SocketWithHost => {
                "write it with three slashes, like mqtt+unix:///run/mosquitto.sock"
            }
        })
    }
}

impl fmt::Display for UrlPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UserName => "user name",
            Self::Password => "password",
            Self::SocketPath => "socket path",
            Self::ClientId => "clientId",
        })
    }
}
