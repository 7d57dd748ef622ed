//! AWS IoT Core as an extension of the development broker: the [`Gate`] and the
//! [`Services`] behind its seam.
//!
//! Without I/O as all else here: whoever drives the broker reads the files of an
//! account into the gate and the services, and writes down what the emulator
//! wants saved.

mod ask;
mod asked;
mod changes;
mod client;
mod door;
mod http;
mod left_out;
mod registrar;
mod restore;
mod saved;
mod service;
pub mod settings;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use evenkeel_broker::ConnectionId;

use crate::gate::Gate;
use crate::{Issuer, Services, Time};
use asked::Asked;
use changes::Changes;
use client::Client;

pub use ask::Ask;
pub use left_out::LeftOut;
pub use saved::LoadError;
pub use settings::{Settings, SettingsError};

/// One account of AWS IoT Core.
pub struct Emulator {
    gate: Gate,
    services: Services,
    issuer: Box<dyn Issuer + Send>,
    /// Makes names of sessions that no other run has.
    seed: u64,
    clients: BTreeMap<ConnectionId, Client>,
    /// Connections of clients that were let in, by client identifier.
    online: BTreeMap<String, ConnectionId>,
    /// When connections end that may not last.
    ends: BTreeSet<(Duration, ConnectionId)>,
    /// What authorizers are asked.
    asked: Asked,
    /// What is to be told of who was not let in.
    refused: BTreeMap<ConnectionId, Refused>,
    /// Why requests for a WebSocket were refused, as far as the operator is not told.
    untold: Vec<String>,
    /// What differs in the registry from the operator's files.
    changes: Changes,
}

/// Somebody who was not let in.
#[derive(Debug)]
struct Refused {
    why: String,
    principal: String,
    ip_address: String,
    /// It is for lack of rights, of which there is a lifecycle event.
    lacks_rights: bool,
}

impl Emulator {
    /// An emulator of the account that gate and services know. `issuer` makes
    /// certificates, `seed` is a random number.
    #[must_use]
    pub fn new(gate: Gate, services: Services, issuer: Box<dyn Issuer + Send>, seed: u64) -> Self {
        let changes = Changes::new(&gate.registry);
        Self {
            gate,
            services,
            issuer,
            seed,
            clients: BTreeMap::new(),
            online: BTreeMap::new(),
            ends: BTreeSet::new(),
            asked: Asked::default(),
            refused: BTreeMap::new(),
            untold: Vec::new(),
            changes,
        }
    }

    /// The name of a connection in lifecycle events: 32 hexadecimal digits.
    fn session(&self, id: ConnectionId) -> String {
        format!("{:016x}{:016x}", self.seed, id.get())
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").field("clients", &self.clients).finish_non_exhaustive()
    }
}

/// The emulator's time of the broker's.
const fn time(now: evenkeel_broker::core::Time) -> Time {
    Time { elapsed: now.now.since_start(), unix: now.unix }
}
