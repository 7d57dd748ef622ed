//! Why a connection could not be opened, or broke.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::proxy::ProxyError;
use super::websocket::WebSocketError;
use crate::explain::{Below, explained_error};
use crate::io_error::IoError;
use crate::tls::{TlsConfigError, TlsError};

/// Why no transport could be opened.
///
/// The first level says whose fault it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// The settings can't work, whatever the network does: trying again is useless.
    Config(ConfigError),
    /// The TLS identity that was given for this attempt can't be used. The next one may be.
    Identity(TlsConfigError),
    /// The host's name did not lead to an address.
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said; `None` if it answered without any address.
        error: Option<IoError>,
    },
    /// The interface that the local address names is not there, at least now.
    NoInterface {
        /// The local address.
        bind: Ipv6Addr,
        /// The interface.
        zone: String,
        /// What the operating system said.
        error: IoError,
    },
    /// No address of the host took the TCP connection.
    Network {
        /// Every address that was tried, in the order in which they failed; never empty.
        attempts: Vec<FailedAttempt>,
    },
    /// The Unix socket, the in-memory listener or the user's connector gave no stream.
    Stream {
        /// What was to be opened, as in `unix socket /run/mosquitto.sock`.
        endpoint: String,
        /// Its answer.
        error: IoError,
    },
    /// The proxy did not make the connection.
    Proxy(ProxyError),
    /// The TLS handshake failed.
    Tls(TlsError),
    /// The WebSocket handshake failed.
    WebSocket(WebSocketError),
}

/// One address that refused a TCP connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedAttempt {
    /// The address and port.
    pub address: SocketAddr,
    /// What the operating system said.
    pub error: IoError,
}

/// What is wrong with the settings of a transport.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A `mqtts` or `wss` endpoint, in a build without the feature `tls`.
    TlsNotCompiled,
    /// A `ws` or `wss` endpoint, in a build without the feature `websocket`.
    WebSocketNotCompiled,
    /// A Unix socket, on a system that has none.
    UnixNotSupported,
    /// The path of a Unix socket is longer than this system allows, or has a null character.
    SocketPath {
        /// Its length in bytes.
        length: usize,
    },
    /// The local address to bind is of another family than every address of the host.
    BindFamily {
        /// The local address.
        bind: IpAddr,
    },
    /// The local address to bind is link-local, which means another one on each interface, and
    /// names no interface.
    BindWithoutZone {
        /// The local address.
        bind: Ipv6Addr,
    },
    /// An interface is named without a link-local address to bind.
    ZoneWithoutBind,
    /// The host's address is link-local, which means another host on each interface, and names no
    /// interface.
    HostWithoutZone {
        /// The host's address.
        address: Ipv6Addr,
    },
    /// The TLS settings can't be used.
    Tls(TlsConfigError),
    /// The WebSocket path is not what HTTP allows.
    WebSocketPath,
    /// A WebSocket header's name is not what HTTP allows. It is not shown: if name and value
    /// are not told apart, it may hold a secret.
    WebSocketHeaderName,
    /// A WebSocket header's value is not what HTTP allows. The value is not shown, as it may be a
    /// secret.
    WebSocketHeader {
        /// The header's name.
        name: String,
    },
    /// A WebSocket header that the handshake itself sets.
    ReservedHeader {
        /// The header's name.
        name: String,
    },
    /// A proxy was given for an endpoint that is no network address.
    ProxyWithoutNetwork,
    /// The user name or password for the proxy is longer than its protocol allows.
    ProxyCredentials,
}

/// Why an open [`Transport`](super::Transport) broke: the classified form of the [`io::Error`] that its
/// reads and writes return.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamError {
    /// The network, or the user's stream.
    Io(IoError),
    /// TLS: most often an alert, as when a TLS 1.3 server rejects the client's certificate.
    Tls(TlsError),
    /// WebSocket.
    WebSocket(WebSocketError),
}

explained_error!(ConnectError);
explained_error!(ConfigError);
explained_error!(StreamError);

impl ConnectError {
    pub(crate) fn write_fact(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.write_fact(f),
            Self::Identity(error) => error.write_fact(f),
            Self::Resolve { host, error: Some(_) } => {
                write!(f, "cannot resolve the host '{host}'")
            }
            Self::Resolve { host, error: None } => write!(f, "the host '{host}' has no address"),
            Self::NoInterface { bind, zone, .. } => {
                write!(f, "the interface of the local address {bind}%{zone} is not found")
            }
            Self::Network { attempts } => {
                f.write_str("cannot connect to ")?;
                for (index, attempt) in attempts.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{} ({})", attempt.address, attempt.error)?;
                }
                Ok(())
            }
            Self::Stream { endpoint, .. } => write!(f, "cannot open {endpoint}"),
            Self::Proxy(error) => error.write_fact(f),
            Self::Tls(error) => error.write_fact(f),
            Self::WebSocket(error) => error.write_fact(f),
        }
    }

    pub(crate) fn below(&self) -> Below<'_> {
        match self {
            Self::Config(error) => error.below(),
            Self::Identity(error) => error.below(),
            Self::Resolve { error, .. } => error.as_ref().map(|error| error as _),
            Self::NoInterface { error, .. } | Self::Stream { error, .. } => Some(error),
            // The text has what each address answered.
            Self::Network { .. } => None,
            Self::Proxy(error) => error.below(),
            Self::Tls(error) => error.below(),
            Self::WebSocket(error) => error.below(),
        }
    }

    /// Returns advice, if there is any.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Identity(error) => error.hint(),
            Self::Resolve { .. } => Some("check the name and this machine's DNS"),
            Self::NoInterface { .. } => Some("check the interface's name, and that it is up"),
            Self::Network { attempts } => {
                attempts.first().and_then(|attempt| io_hint(attempt.error.kind()))
            }
            Self::Stream { endpoint, error } => match error.kind() {
                io::ErrorKind::NotFound => Some("check the path, and that the broker runs"),
                io::ErrorKind::ConnectionRefused if endpoint.starts_with("unix") => {
                    Some("check that the broker runs and listens there; the file may be left over")
                }
                io::ErrorKind::PermissionDenied => Some(
                    "this user needs the right to write to the socket and to enter its folders",
                ),
                kind => io_hint(kind),
            },
            Self::Proxy(error) => error.hint(),
            Self::Tls(error) => error.hint(),
            Self::WebSocket(error) => error.hint(),
        }
    }
}

fn io_hint(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::ConnectionRefused => Some("check the port, and that the broker listens"),
        io::ErrorKind::AddrNotAvailable => Some("check the local address to bind"),
        io::ErrorKind::TimedOut
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable => Some("check the route and firewalls on the way"),
        io::ErrorKind::PermissionDenied => Some("check this user's rights and local firewalls"),
        _ => None,
    }
}

impl ConfigError {
    pub(crate) fn write_fact(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TlsNotCompiled => f.write_str("this build has no TLS"),
            Self::WebSocketNotCompiled => f.write_str("this build has no WebSocket"),
            Self::UnixNotSupported => f.write_str("this system has no Unix sockets"),
            Self::SocketPath { length } => write!(
                f,
                "the path of the Unix socket has {length} bytes, more than this system allows, or a null character"
            ),
            Self::BindFamily { bind } => {
                write!(f, "the host has no address of the same family as the local address {bind}")
            }
            Self::BindWithoutZone { bind } => {
                write!(f, "the local address {bind} is link-local and names no interface")
            }
            Self::ZoneWithoutBind => {
                f.write_str("an interface is named without a link-local address to bind")
            }
            Self::HostWithoutZone { address } => {
                write!(f, "the host {address} is link-local and names no interface")
            }
            Self::Tls(error) => error.write_fact(f),
            Self::WebSocketPath => f.write_str("the WebSocket path is not a valid HTTP path"),
            Self::WebSocketHeader { name } => {
                write!(f, "the WebSocket header '{name}' has a value that HTTP forbids")
            }
            Self::WebSocketHeaderName => {
                f.write_str("a WebSocket header has a name that HTTP forbids")
            }
            Self::ReservedHeader { name } => {
                write!(f, "the WebSocket header '{name}' is set by the handshake itself")
            }
            Self::ProxyWithoutNetwork => {
                f.write_str("a proxy can't reach a Unix socket or a stream of this process")
            }
            Self::ProxyCredentials => {
                f.write_str("the proxy's user name or password does not fit its protocol")
            }
        }
    }

    pub(crate) fn below(&self) -> Below<'_> {
        match self {
            Self::Tls(error) => error.below(),
            _ => None,
        }
    }

    /// Returns advice, if there is any.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::TlsNotCompiled => Some("build with the feature 'tls'"),
            Self::WebSocketNotCompiled => Some("build with the feature 'websocket'"),
            Self::UnixNotSupported => Some("use mqtt:// or mqtts://"),
            Self::SocketPath { .. } => {
                Some("give a shorter path, such as one from the current folder, or make a link")
            }
            Self::BindFamily { bind: IpAddr::V4(_) } => Some("bind an IPv6 address, or none"),
            Self::BindFamily { bind: IpAddr::V6(_) } => Some("bind an IPv4 address, or none"),
            Self::BindWithoutZone { .. } => Some("write it with its interface, like fe80::1%eth0"),
            Self::ZoneWithoutBind => Some("bind the interface's address in fe80::/10"),
            Self::HostWithoutZone { .. } => {
                Some("write it with the interface to it, like [fe80::1%25eth0] in a URL")
            }
            Self::Tls(error) => error.hint(),
            Self::WebSocketPath => Some("begin it with '/' and percent-encode the rest"),
            Self::WebSocketHeader { .. } => Some("use visible ASCII characters and no line breaks"),
            Self::WebSocketHeaderName => {
                Some("a name has no blanks and ends at the ':', as in 'Authorization: Bearer ...'")
            }
            Self::ReservedHeader { name }
                if name.eq_ignore_ascii_case("sec-websocket-protocol") =>
            {
                Some("use the subprotocol setting instead")
            }
            Self::ReservedHeader { .. } => Some("remove it"),
            Self::ProxyWithoutNetwork => Some("remove the proxy, or use a network URL"),
            Self::ProxyCredentials => {
                Some("SOCKS5 allows 1 to 255 bytes for each, HTTP no ':' in the user name")
            }
        }
    }
}

impl StreamError {
    pub(crate) fn write_fact(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Tls(error) => error.write_fact(f),
            Self::WebSocket(error) => error.write_fact(f),
        }
    }

    pub(crate) fn below(&self) -> Below<'_> {
        match self {
            // Its text is this one.
            Self::Io(error) => std::error::Error::source(error),
            Self::Tls(error) => error.below(),
            Self::WebSocket(error) => error.below(),
        }
    }

    /// Returns advice, if there is any.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Io(_) => None,
            Self::Tls(error) => error.hint(),
            Self::WebSocket(error) => error.hint(),
        }
    }
}

impl From<&io::Error> for StreamError {
    fn from(error: &io::Error) -> Self {
        let inner = error.get_ref();
        if let Some(error) = inner.and_then(|e| e.downcast_ref::<WebSocketError>()) {
            return Self::WebSocket(error.clone());
        }
        match TlsError::in_stream(error) {
            Some(error) => Self::Tls(error),
            None => Self::Io(error.into()),
        }
    }
}

impl From<io::Error> for StreamError {
    fn from(error: io::Error) -> Self {
        Self::from(&error)
    }
}

impl From<ConfigError> for ConnectError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<TlsConfigError> for ConfigError {
    fn from(error: TlsConfigError) -> Self {
        Self::Tls(error)
    }
}

impl From<TlsError> for ConnectError {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}

impl From<WebSocketError> for ConnectError {
    fn from(error: WebSocketError) -> Self {
        Self::WebSocket(error)
    }
}

impl From<ProxyError> for ConnectError {
    fn from(error: ProxyError) -> Self {
        Self::Proxy(error)
    }
}
