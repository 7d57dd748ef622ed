//! What can be said about a capture beforehand.

use std::fmt;

/// Ports on which MQTT is taken to be spoken, if nobody says others: those
/// registered, and those that brokers use for TLS and WebSocket.
const PORTS: &[u16] = &[1883, 1884, 8883, 8884, 8083, 8084];

/// What is known beforehand.
#[derive(Clone)]
pub struct Options {
    /// Ports of servers. On others a connection is followed only if its first
    /// bytes show MQTT: CONNECT, an upgrade for it, or a ClientHello that
    /// names it.
    pub ports: Vec<u16>,
    /// Lines of TLS key logs (`SSLKEYLOGFILE`), to read encrypted connections
    /// in the clear. A secret.
    pub key_log: Vec<u8>,
}

impl Default for Options {
    fn default() -> Self {
        Self { ports: PORTS.to_vec(), key_log: Vec::new() }
    }
}

impl fmt::Debug for Options {
    /// Shows of a key log that there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("ports", &self.ports)
            .field("key_log", &format_args!("{} bytes", self.key_log.len()))
            .finish()
    }
}
