//! How the bytes travel: TCP, TLS, WebSocket, Unix sockets, in-memory pairs and the user's own
//! streams.
//!
//! An [`Endpoint`] says where a server is and which layers lie between; an [`Opener`] opens it and
//! gives a [`Transport`], one byte stream whatever the layers. No function here has a time-out:
//! whoever calls [`Opener::open`] bounds its time and asks the [`ConnectProgress`] in which phase
//! it ran out.

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
#[cfg(feature = "websocket")]
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
#[cfg(feature = "tls")]
pub use layers::TlsSession;
pub use layers::Transport;
pub use memory::{MemoryConnector, MemoryListener, MemoryStream};
pub use opener::Opener;
pub use options::TransportOptions;
pub use progress::{ConnectPhase, ConnectProgress};
pub use proxy::{Proxy, ProxyError};
pub(crate) use route::{Failed, Route};
pub use tcp::TcpOptions;
pub use websocket::{Subprotocol, WebSocketClose, WebSocketError, WebSocketOptions};
