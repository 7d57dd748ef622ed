//! The sources of a capture: what is in the clear, and what is not.

use std::collections::HashMap;
use std::time::Duration;

use evenkeel_doctor::{Source, SourceId, Vantage};

use super::net::Endpoint;
use crate::Sink;

/// Servers whose kind is remembered.
const SERVERS: usize = 4096;
/// Ports on which TLS is taken to be spoken if nothing was seen of a server.
const TLS: &[u16] = &[443, 8883, 8884, 8084];

#[derive(Debug)]
pub(super) struct Sources {
    name: String,
    pub(super) resolution: Duration,
    plain: Option<Option<SourceId>>,
    encrypted: Option<Option<SourceId>>,
    /// How each server was spoken to last.
    servers: HashMap<Endpoint, Vantage>,
}

impl Sources {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            resolution: Duration::from_micros(1),
            plain: None,
            encrypted: None,
            servers: HashMap::new(),
        }
    }

    /// The source of this kind; `None` if the sink has no room for more.
    pub(super) fn get(&mut self, vantage: Vantage, sink: &mut dyn Sink) -> Option<SourceId> {
        let known = if vantage == Vantage::Plain { &mut self.plain } else { &mut self.encrypted };
        *known.get_or_insert_with(|| {
            let name = self.name.clone();
            sink.source(Source { name, vantage, resolution: self.resolution, calendar: true })
        })
    }

    pub(super) fn saw(&mut self, server: Endpoint, vantage: Vantage) {
        if self.servers.len() >= SERVERS && !self.servers.contains_key(&server) {
            self.servers.clear();
        }
        self.servers.insert(server, vantage);
    }

    pub(super) fn knows(&self, server: Endpoint) -> bool {
        self.servers.contains_key(&server)
    }

    /// How a server will be spoken to, most likely.
    pub(super) fn guess(&self, server: Endpoint) -> Vantage {
        let by_port = if TLS.contains(&server.port) { Vantage::Encrypted } else { Vantage::Plain };
        self.servers.get(&server).copied().unwrap_or(by_port)
    }
}
