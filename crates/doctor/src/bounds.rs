//! How much is remembered.

use crate::sighting::Sightings;
use crate::track::{Connections, Flight, Registry, Round};

/// Limits in memory; at each the oldest is forgotten or the new is left out,
/// and the report counts it.
///
/// With the default, a doctor holds at most 149 MB ([`Bounds::most_bytes`]):
/// 2.5 kB for each connection, 0.7 kB for each client, 0.5 kB for each connection
/// that has ended, 1.1 kB for each finding; and the texts. Nothing is held in
/// advance: a file with ten clients needs little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connections followed at one time, of all sources; numbers of a source's
    /// connections are below it. Of 8 times as many messages in flight it is
    /// known which they are; those beyond are counted.
    pub connections: usize,
    /// Clients whose history is kept, of all sources; a host and the clients
    /// behind it are one each. Past it a quarter is forgotten: first those
    /// without a connection.
    pub clients: usize,
    /// Connections that have ended and are remembered, of all clients; of each
    /// client at most 32. Past it each client's older half is forgotten.
    pub rounds: usize,
    /// Bytes of texts: identifiers, topics, hosts. Clients past it are not told
    /// from each other, and so not judged.
    pub text_bytes: usize,
    /// Findings kept, before they are weighed.
    pub findings: usize,
}

impl Bounds {
    /// How many connections are followed by default. Who reads evidence follows
    /// no more at one time.
    pub const CONNECTIONS: usize = 32_768;

    /// The bytes that a doctor with these bounds holds at most, except 92 kB of
    /// each source. An allocator takes some more.
    pub fn most_bytes(&self) -> usize {
        let of = |number: usize, bytes: usize| number.saturating_mul(bytes);
        of(self.connections, Connections::EACH)
            .saturating_add(of(self.flights(), size_of::<Flight>()))
            .saturating_add(of(self.clients, Registry::EACH))
            .saturating_add(of(self.rounds, size_of::<Round>()))
            .saturating_add(of(self.findings, Sightings::EACH))
            .saturating_add(self.text_bytes)
    }

    /// Messages in flight that are followed, over all connections.
    pub(crate) fn flights(&self) -> usize {
        self.connections.saturating_mul(8)
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: Self::CONNECTIONS,
            clients: 16_384,
            rounds: 65_536,
            text_bytes: 16 << 20,
            findings: 8_192,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::Population;

    /// Another compiler or processor may need less, not more.
    #[test]
    fn the_default_takes_no_more_than_its_description_says() {
        let text = include_str!("bounds.rs");
        let all = Bounds::default().most_bytes();
        let source = Population::BESIDE + Connections::of_source(Bounds::CONNECTIONS);
        for (bytes, said, of) in [
            (all, 149 << 20, "at most 149 MB"),
            (Connections::EACH, 2500, "2.5 kB for each connection,"),
            (Registry::EACH, 700, "0.7 kB for each client"),
            (size_of::<Round>(), 500, "0.5 kB for each connection\n/// that has ended"),
            (Sightings::EACH, 1100, "1.1 kB for each finding"),
            (source, 92 << 10, "92 kB of\n    /// each source"),
        ] {
            assert!(text.contains(of), "{of}");
            assert!(bytes <= said, "{bytes} bytes, but: {of}");
            assert!(bytes >= said / 2, "only {bytes} bytes, but: {of}");
        }
        // With a capture's reader beside it, the program stays below 256 MB.
        assert!(all <= 150 << 20, "{all} bytes");
    }
}
