//! MQTT over WebSocket.

mod error;
mod options;

#[cfg(feature = "websocket")]
mod bytes;
#[cfg(feature = "websocket")]
mod handshake;
#[cfg(feature = "websocket")]
mod request;
#[cfg(feature = "websocket")]
mod scan;
#[cfg(feature = "websocket")]
mod server_clock;

pub use error::{WebSocketClose, WebSocketError};
pub use options::{Subprotocol, WebSocketOptions};

#[cfg(feature = "websocket")]
pub(super) use bytes::WebSocketBytes;
#[cfg(feature = "websocket")]
pub(super) use handshake::handshake;
#[cfg(feature = "websocket")]
pub(super) use request::{Request, request};
