//! Reaching servers through a SOCKS5 or HTTP proxy.

mod error;
mod http;
mod socks5;

use std::fmt;
use std::io;
use std::str::FromStr;

use evenkeel_proto::ConnectPhase;
use tokio::net::TcpStream;

pub use error::ProxyError;

use super::error::{ConfigError, ConnectError};
use super::progress::ConnectProgress;
use super::route::Route;
use super::tcp::{self, TcpOptions};
use crate::url::{Host, UrlError, authority};

/// A proxy, as parsed from its URL: `socks5h://user:password@host:1080`.
///
/// | scheme | protocol | who resolves the server's name | default port |
/// |---|---|---|---|
/// | `socks5h` | SOCKS5 (RFC 1928, RFC 1929) | the proxy | 1080 |
/// | `socks5` | SOCKS5 | this machine | 1080 |
/// | `http` | HTTP CONNECT (RFC 9110, section 9.3.6) | the proxy | 80 |
///
/// The connection to the proxy itself is not encrypted; TLS to the server passes through it.
/// `Debug` does not show user name and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    protocol: Protocol,
    host: Host,
    port: u16,
    user_name: Option<String>,
    password: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Socks5 { resolve_here: bool },
    Http,
}

impl Proxy {
    /// Parses a proxy's URL.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let url = authority(text)?;
        let (protocol, default_port) = match url.scheme.to_ascii_lowercase().as_str() {
            "socks5h" => (Protocol::Socks5 { resolve_here: false }, 1080),
            "socks5" => (Protocol::Socks5 { resolve_here: true }, 1080),
            "http" => (Protocol::Http, 80),
            scheme => return Err(UrlError::UnknownProxyScheme { scheme: scheme.to_owned() }),
        };
        let (user_name, password) = url.credentials;
        let port = url.port.unwrap_or(default_port);
        Ok(Self { protocol, host: url.host, port, user_name, password })
    }

    /// User name and password, if there are any; a missing half is empty.
    fn credentials(&self) -> Option<(&str, &[u8])> {
        let user_name = self.user_name.as_deref();
        let password = self.password.as_deref();
        (user_name.is_some() || password.is_some())
            .then(|| (user_name.unwrap_or_default(), password.unwrap_or_default()))
    }

    fn unreachable(&self, error: ConnectError) -> ProxyError {
        ProxyError::Unreachable {
            proxy: format!("{}:{}", self.host, self.port),
            error: Box::new(error),
        }
    }

    pub(super) fn check(&self, tcp: &TcpOptions) -> Result<(), ConfigError> {
        tcp.check(&self.host)?;
        let Some((user_name, password)) = self.credentials() else { return Ok(()) };
        let fits = match self.protocol {
            Protocol::Socks5 { .. } => {
                let allowed = 1..=usize::from(u8::MAX);
                allowed.contains(&user_name.len()) && allowed.contains(&password.len())
            }
            Protocol::Http => !user_name.contains(':'),
        };
        if fits { Ok(()) } else { Err(ConfigError::ProxyCredentials) }
    }
}

/// Connects to the proxy and makes it connect to `host`.
pub(super) async fn connect(
    proxy: &Proxy,
    host: &Host,
    port: u16,
    options: &TcpOptions,
    progress: &ConnectProgress,
    route: &Route,
) -> Result<TcpStream, ConnectError> {
    let target = match proxy.protocol {
        Protocol::Socks5 { resolve_here: true } => {
            progress.enter(ConnectPhase::Resolve);
            let order = route.order(tcp::resolve(host, port, options).await?);
            order.first.first().map(|address| (*address, order.clone()))
        }
        Protocol::Socks5 { resolve_here: false } | Protocol::Http => None,
    };
    let resolved = target.as_ref().map(|(address, _)| match address.ip() {
        std::net::IpAddr::V4(address) => Host::Ipv4(address),
        std::net::IpAddr::V6(address) => Host::Ipv6 { address, zone: None },
    });
    let host = resolved.as_ref().unwrap_or(host);
    // Whatever takes long from here on, it is the proxy that is waited for.
    progress.enter(ConnectPhase::Proxy);
    let unseen = ConnectProgress::new();
    let reached = tcp::connect(&proxy.host, proxy.port, options, &unseen, route).await;
    let mut stream = reached.map_err(|error| match error {
        ConnectError::Config(error) => error.into(),
        error => ConnectError::from(proxy.unreachable(error)),
    })?;
    let asked = match proxy.protocol {
        Protocol::Socks5 { .. } => socks5::ask(&mut stream, host, port, proxy.credentials()).await,
        Protocol::Http => http::ask(&mut stream, host, port, proxy.credentials()).await,
    };
    // From here on it is not the proxy's address that is put to the test, but the server's.
    if asked.as_ref().map_or_else(ProxyError::is_of_the_server, |()| true) {
        match &target {
            Some((address, order)) => route.took(*address, order),
            None => route.is_beyond(),
        }
    }
    asked?;
    Ok(stream)
}

impl FromStr for Proxy {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("protocol", &self.protocol)
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl From<io::Error> for ProxyError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Io(error.into()),
        }
    }
}
