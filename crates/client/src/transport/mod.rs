//! How the bytes travel: TCP, TLS, WebSocket, Unix sockets, in-memory pairs and the user's own
//! streams.
//!
//! An [`Endpoint`] says where a server is and which layers lie between; a [`Dialer`] opens it and
//! gives a [`Stream`], one byte stream whatever the layers. No function here has a time-out:
//! whoever calls [`Dialer::open`] bounds its time and asks the [`ConnectProgress`] in which phase
//! it ran out.

mod custom;
mod dialer;
mod endpoint;
mod error;
mod happy_eyeballs;
mod http;
mod memory;
mod options;
mod progress;
mod proxy;
mod resolver;
#[cfg(feature = "websocket")]
mod retry_after;
mod route;
mod socket;
mod stream;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;
mod websocket;

pub use crate::io_error::IoError;
pub use custom::{BoxedStream, ByteStream, Connector};
pub use dialer::Dialer;
pub use endpoint::Endpoint;
pub use error::{ConfigError, ConnectError, FailedAttempt, StreamError};
pub use memory::{MemoryConnector, MemoryListener, MemoryStream};
pub use options::TransportOptions;
pub use progress::{ConnectPhase, ConnectProgress};
pub use proxy::{Proxy, ProxyError};
pub(crate) use route::{Failed, Route};
pub use stream::Stream;
#[cfg(feature = "tls")]
pub use stream::TlsSession;
pub use tcp::TcpOptions;
pub use websocket::{Subprotocol, WebSocketClose, WebSocketError, WebSocketOptions};
