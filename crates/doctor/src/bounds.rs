//! How much is remembered.

/// Limits in memory; each is reached by forgetting the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connections followed at one time.
    pub connections: usize,
    /// Clients whose history is kept.
    pub clients: usize,
    /// Bytes of texts: identifiers, topics, hosts.
    pub text_bytes: usize,
    /// Findings kept, before they are weighed.
    pub findings: usize,
}

impl Bounds {
    /// Messages in flight that are followed, over all connections.
    pub(crate) fn flights(&self) -> usize {
        self.connections.saturating_mul(16)
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections: 65_536, clients: 16_384, text_bytes: 16 << 20, findings: 16_384 }
    }
}
