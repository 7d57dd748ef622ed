//! MQTT over WebSocket.

mod error;
mod options;

#[cfg(feature = "websocket")]
mod bytes;
#[cfg(feature = "websocket")]
mod handshake;

pub use error::{WebSocketClose, WebSocketError};
pub use options::{Subprotocol, WebSocketOptions};

#[cfg(feature = "websocket")]
pub(super) use bytes::WebSocketBytes;
#[cfg(feature = "websocket")]
pub(super) use handshake::{handshake, request};
