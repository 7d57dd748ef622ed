//! How much there is of what, for those who measure: nothing here is counted
//! message by message.

use alloc::vec::Vec;

use crate::pace::RateLeft;
use crate::record::{Count, StorageFailure};
use crate::session::flights::Exchange;
use crate::session::queue::weight;
use crate::time::Instant;

use super::Client;

/// # Measure
///
/// Sums for those who look now and then; each call looks through what it sums up. `now`
/// is the present instant, and changes nothing.
impl Client {
    /// Messages accepted and not yet sent, those in the store included, and their
    /// bytes as they count against the bound of the queue.
    pub fn queue_load(&self) -> Count {
        let queue = &self.session.queue;
        Count { messages: queue.len() as u64, bytes: queue.bytes() as u64 }
    }

    /// Messages in flight that are still held here, and their bytes. Those that wait
    /// for PUBCOMP alone count with what is kept of them.
    pub fn in_flight_load(&self) -> Count {
        let mut load = Count::default();
        for (_, flight) in self.session.flights.iter() {
            let bytes = match &flight.exchange {
                Exchange::Publish { publish, .. } => weight(publish),
                Exchange::Release { kept, .. } => kept.as_deref().map_or(0, weight),
                _ => continue,
            };
            load.messages += 1;
            load.bytes += bytes as u64;
        }
        load
    }

    /// The rates of the present connection, and how much of each may go out at
    /// once. A rate for each topic is left out: it has as many buckets as topics.
    pub fn rates_left(&self, now: Instant) -> Vec<RateLeft> {
        let Some(online) = self.connection.online() else { return Vec::new() };
        let (Some(pacer), Some(rates)) = (online.pacer.get(), &online.limits.rates) else {
            return Vec::new();
        };
        pacer.left(rates, now.max(self.now))
    }

    /// What the store failed with last, until it works again; `None` if it works, or
    /// there is none.
    pub fn store_failure(&self) -> Option<StorageFailure> {
        self.session.journal.as_ref()?.trouble()
    }

    /// Messages in quarantine in memory; `None` if a store keeps them.
    pub fn quarantined(&self) -> Option<usize> {
        (!self.is_durable()).then(|| self.session.quarantine.len())
    }
}
