//! The store in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evenkeel_proto::record::{
    Accepted, Count, Read, Record, Recovered, Serial, StoreBounds, StoredExchange, StoredMessage,
    Window,
};

use crate::budget::Budget;
use crate::session::{Messages, Session};
use crate::{Bound, Store, StoreError, Usage, behind, weight};

/// Keeps a session in memory: it outlives the client, not the process.
///
/// Clones are the same store, so that a test can look into it, or give it to
/// the next client.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    contents: Arc<Mutex<Contents>>,
    limit: Option<u64>,
}

#[derive(Debug, Default)]
struct Contents {
    session: Session,
    messages: Memory,
}

/// Messages as they are, and the queue by priority.
#[derive(Debug, Default)]
struct Memory {
    messages: BTreeMap<Serial, Accepted>,
    queued: [BTreeSet<Serial>; 3],
    bytes: u64,
}

impl MemoryStore {
    /// An empty store without a bound of its own; the client's queue has one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that refuses messages beyond so many bytes of topics
    /// and payloads.
    #[must_use]
    pub fn with_limit(bytes: u64) -> Self {
        Self { limit: Some(bytes), ..Self::default() }
    }

    fn bounds(&self) -> StoreBounds {
        StoreBounds { bytes: self.limit.unwrap_or(u64::MAX), ..StoreBounds::default() }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn recover(&mut self) -> Result<Recovered, StoreError> {
        let contents = self.contents();
        let exchanges = contents.session.exchanges().into_iter().map(|(serial, exchange)| {
            let phase = exchange.phase(|| contents.stored(serial))?;
            Some(StoredExchange { packet_id: exchange.packet_id, serial, phase })
        });
        Ok(Recovered {
            client_id: contents.session.client_id.clone(),
            exchanges: exchanges.flatten().collect(),
            clearing: contents.session.clearing.iter().copied().collect(),
            received: contents.session.received.iter().copied().collect(),
            unproven: contents.session.unproven,
            time: contents.session.time,
            session_unknown: contents.session.unknown,
            subscriptions: contents.session.subscriptions().cloned().collect(),
            queued: contents.messages.counts(),
            quarantined: contents.session.quarantined().len() as u64,
            next_serial: contents.session.next_serial,
            notices: Vec::new(),
            bounds: self.bounds(),
        })
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let limit = self.limit;
        let mut contents = self.contents();
        let grows = contents.check(records)?;
        if let Some(limit) = limit
            && grows > 0
            && contents.messages.bytes.saturating_add(grows) > limit
        {
            let bytes = contents.messages.bytes;
            return Err(StoreError::Bound(Bound::Full { bytes, limit }));
        }
        let Contents { session, messages } = &mut *contents;
        for record in records {
            session.apply(record, messages);
        }
        Ok(())
    }

    fn commit_in_place(&mut self, records: &[Record]) -> Option<Result<(), StoreError>> {
        Some(self.commit(records))
    }

    fn read(&mut self, read: &Read) -> Result<Vec<StoredMessage>, StoreError> {
        let contents = self.contents();
        match *read {
            Read::Queue { priority, after, limit } => {
                let queued = contents.messages.queued.get(priority as usize);
                let from = behind(after);
                let serials = queued.into_iter().flat_map(|queued| queued.range(from..));
                Ok(contents.take(serials, limit))
            }
            Read::Message(serial) => Ok(contents.stored(serial).into_iter().collect()),
        }
    }

    fn list(
        &mut self,
        after: Option<Serial>,
        limit: Window,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let contents = self.contents();
        let from = behind(after);
        let serials = contents.messages.messages.range(from..).map(|(serial, _)| serial);
        Ok(contents.take(serials, limit))
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn usage(&self) -> Usage {
        Usage::new(self.contents().messages.bytes, self.limit)
    }
}

impl Contents {
    /// Checks the order of serials; the bytes of the messages accepted.
    fn check(&self, records: &[Record]) -> Result<u64, StoreError> {
        let mut grows = 0;
        let mut next = self.session.next_serial;
        for record in records {
            if let Record::Accepted(message) = record {
                next = crate::in_order(message.serial, next)?;
                grows += weight(&message.publish);
            }
        }
        Ok(grows)
    }

    fn stored(&self, serial: Serial) -> Option<StoredMessage> {
        let mut message = self.messages.messages.get(&serial)?.clone();
        (message.publish.packet_id, message.publish.dup) = (None, false);
        Some(self.session.stands(message))
    }

    fn take<'a>(
        &self,
        serials: impl Iterator<Item = &'a Serial>,
        limit: Window,
    ) -> Vec<StoredMessage> {
        let mut budget = Budget::new(limit);
        serials
            .map_while(|serial| self.stored(*serial).filter(|message| budget.takes(message)))
            .collect()
    }
}

impl Memory {
    fn counts(&self) -> [Count; 3] {
        let mut counts = [Count::default(); 3];
        for (count, queued) in counts.iter_mut().zip(&self.queued) {
            let messages = queued.iter().filter_map(|serial| self.messages.get(serial));
            count.messages = queued.len() as u64;
            count.bytes = messages.map(|message| weight(&message.publish)).sum();
        }
        counts
    }
}

impl Messages for Memory {
    fn accept(&mut self, message: &Accepted) {
        self.bytes += weight(&message.publish);
        self.messages.insert(message.serial, message.clone());
        if let Some(queued) = self.queued.get_mut(message.priority as usize) {
            queued.insert(message.serial);
        }
    }

    fn dequeue(&mut self, serial: Serial) -> bool {
        self.queued.iter_mut().any(|queued| queued.remove(&serial))
    }

    fn discard(&mut self, serial: Serial) {
        if let Some(message) = self.messages.remove(&serial) {
            self.bytes -= weight(&message.publish);
        }
    }
}
