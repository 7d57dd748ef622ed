//! What is told of a store when it is opened.

use std::collections::BTreeMap;

use evenkeel_proto::record::{Count, Recovered, Serial, StoreBounds, StoredExchange};

use super::read::Reader;
use super::{format, recover};
use crate::disk::Directory;
use crate::{StoreError, weight};

/// Bytes of a batch with one message that are not the message, at most.
const AROUND: usize = 1024;

impl<D: Directory> Reader<'_, D> {
    /// Everything but the queue, of which sealed segments are counted already.
    pub(super) fn recovered(&self, sealed: [Count; 3]) -> Result<Recovered, StoreError> {
        let session = self.session;
        Ok(Recovered {
            client_id: session.client_id.clone(),
            exchanges: self.exchanges()?,
            clearing: session.clearing.iter().copied().collect(),
            received: session.received.iter().copied().collect(),
            unproven: session.unproven,
            time: session.time,
            session_unknown: session.unknown,
            subscriptions: session.subscriptions().cloned().collect(),
            queued: self.count(sealed)?,
            quarantined: session.quarantined().count() as u64,
            next_serial: session.next_serial,
            bounds: bounds(),
            notices: Vec::new(),
        })
    }

    fn exchanges(&self) -> Result<Vec<StoredExchange>, StoreError> {
        let exchanges = self.session.exchanges();
        let kept = exchanges.iter().filter(|(_, exchange)| exchange.kept);
        let mut serials: Vec<Serial> = kept.map(|(serial, _)| *serial).collect();
        serials.sort_unstable();
        let mut messages = BTreeMap::new();
        self.each(serials.into_iter(), |message| {
            messages.insert(message.serial, message);
        })?;
        let stored = exchanges.into_iter().filter_map(|(serial, exchange)| {
            let phase = exchange.phase(|| messages.remove(&serial))?;
            Some(StoredExchange { packet_id: exchange.packet_id, serial, phase })
        });
        Ok(stored.collect())
    }

    /// Adds the queued messages of the newest segment to those of the others.
    fn count(&self, mut counts: [Count; 3]) -> Result<[Count; 3], StoreError> {
        let Some(newest) = self.index.segments.back() else { return Ok(counts) };
        let mut serials: Vec<u64> = newest.all_queued().collect();
        serials.sort_unstable();
        self.each(serials.into_iter().map(Serial), |message| {
            recover::add(&mut counts, message.priority, weight(&message.publish));
        })?;
        Ok(counts)
    }
}

fn bounds() -> StoreBounds {
    let message_bytes = (format::MAX_BODY - AROUND) as u64;
    StoreBounds { message_bytes, ..StoreBounds::default() }
}
