//! Where a server is, and through which layers.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::custom::Connector;
use super::memory::MemoryConnector;
#[cfg(feature = "tls")]
use crate::tls::TlsIdentity;
use crate::url::{Host, ServerUrl, target_without_query};

/// The name that a server on this machine, or in this process, is expected to have.
const LOCAL_NAME: &str = "localhost";

/// What a client connects to, and the layers on the way to it.
///
/// `Debug` and `Display` show no credentials, no headers and no query.
#[derive(Clone)]
pub struct Endpoint {
    pub(super) target: Target,
    pub(super) tls: bool,
    /// Path and query of the WebSocket; `None` if there is no WebSocket.
    pub(super) websocket: Option<String>,
    /// Of the WebSocket request, beside those of the settings.
    pub(super) headers: Vec<(String, String)>,
    /// A server reference led here, and not the user.
    pub(super) is_named_by_server: bool,
    /// The client's own certificate and key, in place of those of the settings.
    #[cfg(feature = "tls")]
    pub(super) identity: Option<TlsIdentity>,
}

#[derive(Clone)]
pub(super) enum Target {
    Network { host: Host, port: u16 },
    Unix(PathBuf),
    Memory(MemoryConnector),
    Custom(Arc<dyn Connector>),
}

impl Endpoint {
    /// Reaches a listener of this process.
    pub const fn memory(connector: MemoryConnector) -> Self {
        Self::at(Target::Memory(connector))
    }

    /// Reaches a server over streams that the user opens.
    pub fn custom(connector: impl Connector) -> Self {
        Self::at(Target::Custom(Arc::new(connector)))
    }

    const fn at(target: Target) -> Self {
        Self {
            target,
            tls: false,
            websocket: None,
            headers: Vec::new(),
            is_named_by_server: false,
            #[cfg(feature = "tls")]
            identity: None,
        }
    }

    /// Puts TLS over the stream.
    ///
    /// Without `TlsOptions::server_name` the certificate
    /// of a server that is not on the network must be for `localhost`.
    #[must_use]
    pub const fn with_tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Puts WebSocket over the stream, with this path and query (such as `/mqtt`).
    #[must_use]
    pub fn with_websocket(mut self, target: impl Into<String>) -> Self {
        self.websocket = Some(target.into());
        self
    }

    /// Adds a header to the WebSocket request, such as a token that is good for one attempt. It
    /// takes the place of those of [`WebSocketOptions`](super::WebSocketOptions) that have its
    /// name. `Debug` and `Display` do not show it.
    #[must_use]
    pub fn with_websocket_header(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The certificate must be for this endpoint's own host (R10), whatever the settings say.
    pub(crate) const fn named_by_server(mut self) -> Self {
        self.is_named_by_server = true;
        self
    }

    #[cfg(feature = "tls")]
    pub(crate) const fn is_tls(&self) -> bool {
        self.tls
    }

    #[cfg(feature = "aws")]
    pub(crate) const fn is_websocket(&self) -> bool {
        self.websocket.is_some()
    }

    /// Identifies the client by this certificate and key, in place of those of
    /// [`TlsOptions`](crate::tls::TlsOptions).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls_identity(mut self, identity: TlsIdentity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// The name that the server's certificate must be for, unless the settings say another.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "only TLS has certificates"))]
    pub(super) fn certificate_name(&self) -> String {
        match &self.target {
            Target::Network { host, .. } => host.certificate_name(),
            Target::Unix(_) | Target::Memory(_) | Target::Custom(_) => LOCAL_NAME.to_owned(),
        }
    }

    /// Host and port as HTTP requests name them: without the default port, and without the zone
    /// of a link-local address, which means nothing to the server.
    #[cfg_attr(not(feature = "websocket"), expect(dead_code, reason = "only WebSocket has HTTP"))]
    pub(crate) fn http_authority(&self) -> String {
        let Target::Network { host, port } = &self.target else { return LOCAL_NAME.to_owned() };
        let host = match host {
            Host::Ipv6 { address, .. } => format!("[{address}]"),
            host => host.to_string(),
        };
        let default_port = if self.tls { 443 } else { 80 };
        if *port == default_port { host } else { format!("{host}:{port}") }
    }
}

impl From<&ServerUrl> for Endpoint {
    fn from(url: &ServerUrl) -> Self {
        let target = match (url.host(), url.port(), url.socket_path()) {
            (Some(host), Some(port), _) => Target::Network { host: host.clone(), port },
            (_, _, path) => Target::Unix(path.map(PathBuf::from).unwrap_or_default()),
        };
        let scheme = url.scheme();
        let path = || url.websocket_target().unwrap_or_default().to_owned();
        let websocket = scheme.is_websocket().then(path);
        Self { tls: scheme.is_tls(), websocket, ..Self::at(target) }
    }
}

impl From<ServerUrl> for Endpoint {
    fn from(url: ServerUrl) -> Self {
        Self::from(&url)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.websocket.is_some(), self.tls) {
            (false, false) => "mqtt",
            (false, true) => "mqtts",
            (true, false) => "ws",
            (true, true) => "wss",
        })?;
        match &self.target {
            Target::Network { host, port } => write!(f, "://{host}:{port}")?,
            Target::Unix(path) => write!(f, "+unix://{}", path.display())?,
            Target::Memory(_) => f.write_str("+memory")?,
            Target::Custom(_) => f.write_str("+custom")?,
        }
        f.write_str(&target_without_query(self.websocket.as_deref().unwrap_or_default()))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&format_args!("{self}")).finish()
    }
}
