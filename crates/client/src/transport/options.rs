//! The settings of all transports together.

use super::proxy::Proxy;
use super::tcp::TcpOptions;
use super::websocket::WebSocketOptions;
#[cfg(feature = "tls")]
use crate::tls::TlsOptions;

/// The settings of all transports. Those of layers that an endpoint does not have
/// are without effect on it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TransportOptions {
    /// Settings of TCP connections.
    pub tcp: TcpOptions,
    /// Settings of TLS.
    #[cfg(feature = "tls")]
    pub tls: TlsOptions,
    /// Settings of WebSocket.
    pub websocket: WebSocketOptions,
    /// The proxy through which servers on the network are reached; `None` for none.
    pub proxy: Option<Proxy>,
}
