//! How the bytes travel: TCP, TLS, WebSocket, Unix sockets, in-memory pairs and the user's own
//! streams.
//!
//! An [`Endpoint`] says where a server is and which layers lie between. Most are made of a URL;
//! one over streams of the application's own is made of a [`Connector`]:
//!
//! ```
//! use evenkeel::Client;
//! use evenkeel::transport::Endpoint;
//!
//! let modem = || tokio::net::TcpStream::connect("127.0.0.1:1883");
//! let builder = Client::builder(Endpoint::custom(modem));
//! ```
//!
//! [`TcpOptions`], [`WebSocketOptions`] and [`Proxy`] are given to the
//! [builder](crate::ClientBuilder), and bind all endpoints that have such a layer.

/// What opens endpoints, for the tests of this crate. No part of the API: it changes without
/// notice.
#[doc(hidden)]
pub mod internals {
    #[cfg(feature = "tls")]
    pub use super::layers::TlsSession;
    pub use super::layers::Transport;
    pub use super::opener::Opener;
    pub use super::progress::ConnectProgress;
}

mod custom;
mod endpoint;
mod error;
mod forward;
mod happy_eyeballs;
mod http;
mod layers;
mod memory;
mod opener;
mod options;
mod progress;
mod proxy;
mod resolver;
mod retry_after;
mod route;
mod socket;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;
mod websocket;

pub use crate::io_error::IoError;
pub use custom::{BoxedStream, ByteStream, Connector};
pub use endpoint::Endpoint;
pub use error::{ConfigError, ConnectError, FailedAttempt, StreamError};
pub(crate) use layers::Transport;
pub use memory::{MemoryConnector, MemoryListener, MemoryStream};
pub(crate) use opener::Opener;
pub use options::TransportOptions;
pub(crate) use progress::ConnectProgress;
pub use proxy::{Proxy, ProxyError};
#[cfg(feature = "aws")]
pub(crate) use retry_after::days_since_1970;
pub(crate) use route::{Failed, Route};
pub use tcp::TcpOptions;
pub use websocket::{Subprotocol, WebSocketClose, WebSocketError, WebSocketOptions};
