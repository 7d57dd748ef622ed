//! Server URLs, as MQTT.js and most MQTT tools write them.
//!
//! | scheme | transport | default port |
//! |---|---|---|
//! | `mqtt`, `tcp` | TCP | 1883 |
//! | `mqtts`, `tls`, `ssl` | TLS over TCP | 8883 |
//! | `ws` | WebSocket over TCP | 80 |
//! | `wss` | WebSocket over TLS | 443 |
//! | `mqtt+unix`, `unix` | Unix socket | |
//! | `mqtts+unix` | TLS over a Unix socket | |
//!
//! User name and password stand before the host (`mqtt://user:password@host`), percent-encoded
//! if they hold `/`, `?`, `#`, `@` or `%`; a password may hold `:` as it is. `?clientId=` names
//! the client, as in MQTT.js. A path belongs to `ws` and `wss`, whose path and query reach the
//! server unchanged.

mod error;
mod host;
mod parse;
mod percent;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use error::{UrlError, UrlPart};
pub use host::Host;
pub(crate) use parse::authority;

/// The first part of a server URL, less its synonyms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// MQTT over TCP: `mqtt`, `tcp`.
    Mqtt,
    /// MQTT over TLS: `mqtts`, `tls`, `ssl`.
    Mqtts,
    /// MQTT over WebSocket: `ws`.
    Ws,
    /// MQTT over WebSocket over TLS: `wss`.
    Wss,
    /// MQTT over a Unix socket: `mqtt+unix`, `unix`.
    MqttUnix,
    /// MQTT over TLS over a Unix socket: `mqtts+unix`.
    MqttsUnix,
}

/// Where an MQTT server is and how it is reached: the parsed form of its URL.
///
/// `Debug` and `Display` never show user name and password, as both may be secrets, nor the query
/// of a WebSocket URL, which often carries a token or a signature.
///
/// ```
/// use evenkeel::url::ServerUrl;
///
/// let url: ServerUrl = "wss://pump:p%40ss@broker.example/mqtt?token=1".parse()?;
/// assert_eq!(url.port(), Some(443));
/// assert_eq!(url.password(), Some(b"p@ss".as_slice()));
/// assert_eq!(url.websocket_target(), Some("/mqtt?token=1"));
/// assert_eq!(url.to_string(), "wss://***@broker.example:443/mqtt?***");
/// # Ok::<(), evenkeel::url::UrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    scheme: Scheme,
    location: Location,
    user_name: Option<String>,
    password: Option<Vec<u8>>,
    client_id: Option<String>,
}

/// What follows the scheme and the credentials.
#[derive(Clone, PartialEq, Eq)]
enum Location {
    Network {
        host: Host,
        port: u16,
        /// Path and query; empty if the URL has none.
        target: String,
    },
    Socket(PathBuf),
}

impl Scheme {
    const NAMES: [(&'static str, Self); 10] = [
        ("mqtt", Self::Mqtt),
        ("tcp", Self::Mqtt),
        ("mqtts", Self::Mqtts),
        ("tls", Self::Mqtts),
        ("ssl", Self::Mqtts),
        ("ws", Self::Ws),
        ("wss", Self::Wss),
        ("mqtt+unix", Self::MqttUnix),
        ("unix", Self::MqttUnix),
        ("mqtts+unix", Self::MqttsUnix),
    ];
    pub(crate) const LIST: &'static str =
        "known are mqtt, tcp, mqtts, tls, ssl, ws, wss, mqtt+unix, unix and mqtts+unix";

    fn from_name(name: &str) -> Option<Self> {
        let known = Self::NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, scheme)| *scheme)
    }

    /// Returns the usual name of the scheme, as in `mqtts`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mqtt => "mqtt",
            Self::Mqtts => "mqtts",
            Self::Ws => "ws",
            Self::Wss => "wss",
            Self::MqttUnix => "mqtt+unix",
            Self::MqttsUnix => "mqtts+unix",
        }
    }

    /// Returns the port that a URL without one means; `None` for Unix sockets.
    pub const fn default_port(self) -> Option<u16> {
        match self {
            Self::Mqtt => Some(1883),
            Self::Mqtts => Some(8883),
            Self::Ws => Some(80),
            Self::Wss => Some(443),
            Self::MqttUnix | Self::MqttsUnix => None,
        }
    }

    /// Returns whether the bytes travel in TLS.
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Mqtts | Self::Wss | Self::MqttsUnix)
    }

    /// Returns whether the bytes travel in WebSocket frames.
    pub const fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    /// Returns whether the server listens on a Unix socket.
    pub const fn is_unix(self) -> bool {
        matches!(self, Self::MqttUnix | Self::MqttsUnix)
    }
}

impl ServerUrl {
    /// Parses a URL whose path, if there is one, belongs to the transport.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        parse::url(text)
    }

    /// Parses a URL that names a topic after the host, as `mosquitto_pub -L` takes it:
    /// `mqtt://host/site/7/level`.
    ///
    /// The topic is everything after the first `/`, taken as it is, so filters with `+` and `#`
    /// need no encoding. It is `None` if nothing follows the host, or a query such as
    /// `?clientId=pump-17`, and for `ws`, `wss` and Unix sockets, whose path is not a topic.
    pub fn parse_with_topic(text: &str) -> Result<(Self, Option<String>), UrlError> {
        parse::url_with_topic(text)
    }

    /// Makes the URL of a server on the network; without `port` it has the scheme's default.
    ///
    /// `host` is a name, an IPv4 address, or an IPv6 address with or without brackets. The
    /// schemes of Unix sockets are refused ([`UrlError::SocketWithHost`]).
    pub fn new(scheme: Scheme, host: &str, port: Option<u16>) -> Result<Self, UrlError> {
        let default_port = scheme.default_port().ok_or(UrlError::SocketWithHost)?;
        let host = Host::parse(host)?;
        let port = port.unwrap_or(default_port);
        if port == 0 {
            return Err(UrlError::InvalidPort);
        }
        Ok(Self::at(scheme, Location::Network { host, port, target: String::new() }))
    }

    /// Makes the URL of a server that listens on a Unix socket, without TLS.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::at(Scheme::MqttUnix, Location::Socket(path.into()))
    }

    const fn at(scheme: Scheme, location: Location) -> Self {
        Self { scheme, location, user_name: None, password: None, client_id: None }
    }

    /// Returns the scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the host; `None` for Unix sockets.
    pub const fn host(&self) -> Option<&Host> {
        match &self.location {
            Location::Network { host, .. } => Some(host),
            Location::Socket(_) => None,
        }
    }

    /// Returns the port, which is the scheme's default if the URL has none; `None` for Unix
    /// sockets.
    pub const fn port(&self) -> Option<u16> {
        match &self.location {
            Location::Network { port, .. } => Some(*port),
            Location::Socket(_) => None,
        }
    }

    /// Returns the path of the Unix socket.
    pub fn socket_path(&self) -> Option<&Path> {
        match &self.location {
            Location::Network { .. } => None,
            Location::Socket(path) => Some(path),
        }
    }

    /// Returns path and query of a WebSocket URL, still percent-encoded. `None` for other
    /// schemes and if the URL has neither.
    pub fn websocket_target(&self) -> Option<&str> {
        match &self.location {
            Location::Network { target, .. } if !target.is_empty() => Some(target),
            _ => None,
        }
    }

    /// Returns the user name, decoded.
    pub fn user_name(&self) -> Option<&str> {
        self.user_name.as_deref()
    }

    /// Returns the password, decoded. MQTT passwords are bytes, so it need not be UTF-8.
    pub fn password(&self) -> Option<&[u8]> {
        self.password.as_deref()
    }

    /// Returns the value of the query parameter `clientId`, decoded.
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }
}

impl FromStr for ServerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme.name())?;
        // Some services have tokens for user names.
        if self.user_name.is_some() || self.password.is_some() {
            f.write_str("***@")?;
        }
        match &self.location {
            Location::Network { host, port, target } => {
                write!(f, "{host}:{port}{}", target_without_query(target))
            }
            Location::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerUrl").field(&format_args!("{self}")).finish()
    }
}

/// Replaces the query, which may hold secrets, by stars.
pub(crate) fn target_without_query(target: &str) -> String {
    match target.split_once('?') {
        Some((path, _)) => format!("{path}?***"),
        None => target.to_owned(),
    }
}

/// Someone else's URL, or a part of one, as it may be shown: without user info and without what
/// follows the path.
#[cfg_attr(not(any(feature = "websocket", test)), expect(dead_code, reason = "for redirects"))]
pub(crate) fn without_secrets(text: &str) -> String {
    let path_end = text.find(['?', '#']).unwrap_or(text.len());
    let (front, rest) = text.split_at(path_end);
    let hidden = rest.get(..1).map_or(String::new(), |mark| format!("{mark}***"));
    match front.rsplit_once('@') {
        // An '@' may stand in a path as well; better too little is shown than too much.
        Some((before, location)) => {
            let scheme = before.split_once("://").filter(|(scheme, _)| parse::is_scheme(scheme));
            let scheme = scheme.map_or(String::new(), |(scheme, _)| format!("{scheme}://"));
            format!("{scheme}***@{location}{hidden}")
        }
        None => format!("{front}{hidden}"),
    }
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn urls_lose_their_secrets() {
        for (text, shown) in [
            ("wss://b.example/mqtt", "wss://b.example/mqtt"),
            ("/mqtt/x", "/mqtt/x"),
            ("", ""),
            ("https://b.example/login?token=s3cret", "https://b.example/login?***"),
            ("/login?s3cret#s3cret", "/login?***"),
            ("/login#s3cret?s3cret", "/login#***"),
            ("?s3cret", "?***"),
            ("https://s3cret:s3cret@b.example/x?y", "https://***@b.example/x?***"),
            ("https://s3cret@b.example", "https://***@b.example"),
            ("//s3cret@b.example/x", "***@b.example/x"),
            ("s3cret:s3cret@b.example", "***@b.example"),
            ("s3cret s3cret://x@b.example", "***@b.example"),
            ("https://u:s3c/ret@b.example/x", "https://***@b.example/x"),
            ("https://u:s3c@ret@b.example/x", "https://***@b.example/x"),
        ] {
            assert_eq!(without_secrets(text), shown, "{text}");
        }
    }
}
