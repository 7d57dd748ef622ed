//! How much is remembered.

/// Limits in memory; at each the oldest is forgotten or the new is left out,
/// and the report counts it.
///
/// With the default, one source holds about 650 MB at most: 65,536 open
/// connections with their newest events and pings (3.4 kB each, 225 MB), 16,384
/// clients with 32 ended connections each (18 kB, 290 MB), a million messages in
/// flight (98 bytes each, 103 MB), texts and findings (some 30 MB). Nothing is
/// held in advance: a file with ten clients needs little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connections followed at one time, of each source. Of 16 times as many
    /// messages in flight, over all sources, it is known which they are; those
    /// beyond are counted.
    pub connections: usize,
    /// Clients whose history is kept, of all sources; a host and the clients
    /// behind it are one each. Past it a quarter is forgotten: first those
    /// without a connection.
    pub clients: usize,
    /// Bytes of texts: identifiers, topics, hosts. Clients past it are not told
    /// from each other, and so not judged.
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
