//! A session in memory, beside a log of it that somebody else keeps.

mod log;
mod messages;
mod snapshot;

use alloc::vec::Vec;
use core::fmt;

use evenkeel_proto::record::{
    Read, Record, Recovered, Serial, StorageFailure, StoreBounds, StoredExchange, StoredMessage,
    Window,
};

pub use log::{LogError, Replayed};

use crate::budget::Budget;
use crate::session::Session;
use crate::{Disorder, behind, in_order, weight};

/// The highest serial.
const LAST: Serial = Serial(u64::MAX);

/// A session in memory whose records somebody else keeps as bytes: a file that a
/// binding writes, a data base of a browser.
///
/// That log begins with a [`snapshot`](Self::snapshot), which takes the place of all
/// that was there before, and goes on with what [`encode`](Self::encode) gives. Each of
/// them is appended as a whole before it counts here, by [`apply`](Self::apply). What
/// lies there at the start of the next run is read by [`replay`](Self::replay).
///
/// ```
/// use evenkeel_store::Mirror;
/// use evenkeel_store::record::Record;
///
/// let mut mirror = Mirror::new(None);
/// let mut log = Vec::new();
/// mirror.snapshot(&mut log);
/// let records = [Record::Unproven];
/// mirror.encode(&records, &mut log)?;
/// mirror.apply(&records);
///
/// let mut next_run = Mirror::new(None);
/// next_run.replay(&log)?;
/// assert_eq!(next_run.recovered(), mirror.recovered());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Mirror {
    session: Session,
    messages: messages::Memory,
    limit: Option<u64>,
}

/// Why records are not taken. Nothing of them counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MirrorError {
    /// With these messages there would be more bytes than allowed.
    Full {
        /// Bytes of topics and payloads that are there.
        bytes: u64,
        /// The bound.
        limit: u64,
    },
    /// A message has a serial that is not above the last one.
    Disorder(Disorder),
    /// A message or subscription that fits no MQTT packet.
    Unencodable,
}

impl MirrorError {
    /// What the core needs to know of it.
    #[must_use]
    pub const fn failure(&self) -> StorageFailure {
        match self {
            Self::Full { .. } => StorageFailure::Full,
            Self::Disorder(_) | Self::Unencodable => StorageFailure::Other(None),
        }
    }
}

impl fmt::Display for MirrorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { bytes, limit } => {
                write!(f, "the store is full: {bytes} bytes of at most {limit}")
            }
            Self::Disorder(disorder) => disorder.fmt(f),
            Self::Unencodable => f.write_str("a message or subscription fits no MQTT packet"),
        }
    }
}

impl core::error::Error for MirrorError {}

impl Mirror {
    /// An empty session; `limit` bounds the bytes of topics and payloads.
    #[must_use]
    pub fn new(limit: Option<u64>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// What a client goes on with.
    #[must_use]
    pub fn recovered(&self) -> Recovered {
        let exchanges = self.session.exchanges().into_iter().map(|(serial, exchange)| {
            let phase = exchange.phase(|| self.stored(serial))?;
            Some(StoredExchange { packet_id: exchange.packet_id, serial, phase })
        });
        Recovered {
            client_id: self.session.client_id.clone(),
            exchanges: exchanges.flatten().collect(),
            clearing: self.session.clearing.iter().copied().collect(),
            received: self.session.received.iter().copied().collect(),
            unproven: self.session.unproven,
            time: self.session.time,
            session_unknown: self.session.unknown,
            subscriptions: self.session.subscriptions().cloned().collect(),
            queued: self.messages.counts(),
            quarantined: self.session.quarantined().count() as u64,
            next_serial: self.session.next_serial,
            notices: Vec::new(),
            bounds: StoreBounds { bytes: self.limit.unwrap_or(u64::MAX), ..StoreBounds::default() },
        }
    }

    /// Whether these records may be applied.
    pub(crate) fn check(&self, records: &[Record]) -> Result<(), MirrorError> {
        let mut grows = 0;
        let mut next = self.session.next_serial;
        for record in records {
            if let Record::Accepted(message) = record {
                next = in_order(message.serial, next).map_err(MirrorError::Disorder)?;
                grows += weight(&message.publish);
            }
        }
        let bytes = self.messages.bytes;
        match self.limit {
            Some(limit) if grows > 0 && bytes.saturating_add(grows) > limit => {
                Err(MirrorError::Full { bytes, limit })
            }
            _ => Ok(()),
        }
    }

    /// Counts records that were encoded, and are kept by now.
    pub fn apply(&mut self, records: &[Record]) {
        for record in records {
            self.session.apply(record, &mut self.messages);
        }
    }

    /// What the core wants to read.
    #[must_use]
    pub fn read(&self, read: &Read) -> Vec<StoredMessage> {
        match *read {
            Read::Queue { priority, after, limit } => {
                let queued = self.messages.queued.get(priority as usize);
                let from = behind(after);
                let serials = queued.into_iter().flat_map(|queued| queued.range(from..=LAST));
                self.take(serials, limit)
            }
            Read::Message(serial) => self.stored(serial).into_iter().collect(),
        }
    }

    /// Messages of any state by serial, behind `after`.
    #[must_use]
    pub fn list(&self, after: Option<Serial>, limit: Window) -> Vec<StoredMessage> {
        let serials = self.messages.messages.range(behind(after)..=LAST).map(|(serial, _)| serial);
        self.take(serials, limit)
    }

    /// Bytes of topics and payloads.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.messages.bytes
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
