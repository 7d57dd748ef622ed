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
    pub(crate) websocket: bool,
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
            websocket: true,
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
        match (&self.bind, self.layers.has_tls(), self.layers.websocket) {
            (BindAddress::Unix(_), ..) => "unix",
            (BindAddress::Tcp(_), false, false) => "tcp",
            (BindAddress::Tcp(_), true, false) => "tls",
            (BindAddress::Tcp(_), false, true) => "ws",
            (BindAddress::Tcp(_), true, true) => "wss",
        }
    }

    /// The URL a client connects to.
    pub(crate) fn url(&self) -> String {
        let address = match &self.bind {
            BindAddress::Tcp(address) => address,
            BindAddress::Unix(path) => return format!("mqtt+unix://{}", path.display()),
        };
        match (self.layers.has_tls(), self.layers.websocket) {
            (false, false) => format!("mqtt://{address}"),
            (true, false) => format!("mqtts://{address}"),
            (false, true) => format!("ws://{address}/mqtt"),
            (true, true) => format!("wss://{address}/mqtt"),
        }
    }
}
