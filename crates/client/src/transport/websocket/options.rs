//! Settings of WebSocket.

use std::fmt;

/// The largest incoming message by default: nothing an MQTT broker sends in one frame comes
/// near, and a hostile server can't take more memory.
const MAXIMUM_MESSAGE_SIZE: usize = 16 << 20;

/// Settings of WebSocket connections. `Debug` does not show the headers' values.
///
/// tungstenite, the WebSocket library, logs whole frames, the password of a CONNECT packet
/// included, at the level `TRACE` of the crate `log`. A program that collects logs of that crate
/// must keep the targets `tungstenite` and `tokio_tungstenite` below it.
#[derive(Clone)]
pub struct WebSocketOptions {
    pub(super) path: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) subprotocol: Subprotocol,
    pub(super) maximum_message_size: usize,
}

/// What the WebSocket handshake says will be spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subprotocol {
    /// `mqtt`: MQTT 3.1.1 and 5.
    #[default]
    Mqtt,
    /// `mqttv3.1`: MQTT 3.1, the one with the protocol name `MQIsdp`.
    MqttV31,
}

impl Default for WebSocketOptions {
    fn default() -> Self {
        Self {
            path: None,
            headers: Vec::new(),
            subprotocol: Subprotocol::default(),
            maximum_message_size: MAXIMUM_MESSAGE_SIZE,
        }
    }
}

impl WebSocketOptions {
    /// Makes the default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for this path (and query, percent-encoded) if the URL has none. `/` by default.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Adds a header to the handshake, as for authorisation. A `Host` replaces the usual one.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the subprotocol.
    #[must_use]
    pub const fn subprotocol(mut self, subprotocol: Subprotocol) -> Self {
        self.subprotocol = subprotocol;
        self
    }

    /// Limits incoming WebSocket messages, in bytes; 16 MiB by default. A server may put many
    /// MQTT packets, or a part of one, into a message.
    #[must_use]
    pub const fn maximum_message_size(mut self, bytes: usize) -> Self {
        self.maximum_message_size = bytes;
        self
    }
}

impl Subprotocol {
    /// Returns the name, as `Sec-WebSocket-Protocol` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mqtt => "mqtt",
            Self::MqttV31 => "mqttv3.1",
        }
    }
}

impl fmt::Debug for WebSocketOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        let path = self.path.as_deref().map(crate::url::target_without_query);
        f.debug_struct("WebSocketOptions")
            .field("path", &path)
            .field("headers", &names)
            .field("subprotocol", &self.subprotocol)
            .field("maximum_message_size", &self.maximum_message_size)
            .finish()
    }
}
