//! Listener URLs, parsed.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BindAddress {
    Tcp(SocketAddr),
    #[cfg_attr(not(unix), expect(dead_code, reason = "Unix sockets need Unix"))]
    Unix(PathBuf),
}

/// What the bytes on the socket are wrapped in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers {
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<super::Tls>,
    pub(crate) protocol: Protocol,
    /// The well-known port that the listener stands for.
    pub(crate) role: Option<u16>,
}

/// What is spoken there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Protocol {
    #[default]
    Mqtt,
    #[cfg(feature = "websocket")]
    WebSocket,
    #[cfg(feature = "http")]
    Http,
    /// One of these.
    #[cfg(feature = "http")]
    Alpn,
}

/// A listener's address and what is spoken there.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) bind: BindAddress,
    pub(crate) layers: Layers,
}

impl Layers {
    #[cfg(feature = "websocket")]
    pub(crate) const fn websocket() -> Self {
        Self {
            #[cfg(feature = "tls")]
            tls: None,
            protocol: Protocol::WebSocket,
            role: None,
        }
    }

    pub(crate) const fn has_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        {
            self.tls.is_some()
        }
        #[cfg(not(feature = "tls"))]
        {
            false
        }
    }
}

impl Endpoint {
    /// The transport's name in events.
    pub(crate) const fn transport(&self) -> &'static str {
        if let BindAddress::Unix(_) = self.bind {
            return "unix";
        }
        match (self.layers.protocol, self.layers.has_tls()) {
            (Protocol::Mqtt, false) => "tcp",
            (Protocol::Mqtt, true) => "tls",
            #[cfg(feature = "websocket")]
            (Protocol::WebSocket, false) => "ws",
            #[cfg(feature = "websocket")]
            (Protocol::WebSocket, true) => "wss",
            #[cfg(feature = "http")]
            (Protocol::Http, _) => "https",
            #[cfg(feature = "http")]
            (Protocol::Alpn, _) => "alpn",
        }
    }

    /// The URL a client connects to.
    pub(crate) fn url(&self) -> String {
        let address = match &self.bind {
            BindAddress::Tcp(address) => address,
            BindAddress::Unix(path) => return format!("mqtt+unix://{}", path.display()),
        };
        match self.transport() {
            "tls" => format!("mqtts://{address}"),
            "https" => format!("https://{address}"),
            "alpn" => format!("tls://{address}"),
            name @ ("ws" | "wss") => format!("{name}://{address}/mqtt"),
            _ => format!("mqtt://{address}"),
        }
    }
}
