//! What a store holds besides messages: the sum of all records but their
//! contents. The one place that says what each record means.

use alloc::boxed::Box;
use alloc::vec::Vec;

use evenkeel_proto::codec::{PacketId, Text};
use evenkeel_proto::record::{
    Accepted, Outcome, Phase, Record, Serial, StoredMessage, StoredState, StoredSubscription,
    StoredTime,
};
use evenkeel_proto::sorted::{Map, Set};

/// The messages of a store, wherever they are.
pub(crate) trait Messages {
    /// Takes a new message into the queue.
    fn accept(&mut self, message: &Accepted);

    /// Takes a message off the queue but keeps it; false if it was not
    /// queued.
    fn dequeue(&mut self, serial: Serial) -> bool;

    /// Forgets a message that is no longer queued.
    fn discard(&mut self, serial: Serial);
}

/// The state of a session, messages aside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    pub(crate) client_id: Option<Text>,
    exchanges: Map<Serial, Exchange>,
    pub(crate) clearing: Set<PacketId>,
    pub(crate) received: Set<PacketId>,
    pub(crate) unproven: bool,
    pub(crate) time: Option<StoredTime>,
    /// What the server has may be older than this store.
    pub(crate) unknown: bool,
    subscriptions: Map<Text, StoredSubscription>,
    quarantined: Map<Serial, Quarantine>,
    pub(crate) next_serial: Serial,
    /// Counts `Sent` records, to tell in which order exchanges began.
    begun: u64,
}

/// An exchange that holds a packet identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub(crate) packet_id: PacketId,
    /// PUBREC came.
    pub(crate) released: bool,
    /// The store has the message still.
    pub(crate) kept: bool,
    /// Earlier ones are lower.
    pub(crate) begun: u64,
}

impl Exchange {
    /// What it waits for; `message` gives the content that is kept.
    pub(crate) fn phase(self, message: impl FnOnce() -> Option<StoredMessage>) -> Option<Phase> {
        Some(match (self.released, self.kept) {
            (true, false) => Phase::Released,
            (true, true) => Phase::ReleasedAndKept(Box::new(message()?)),
            (false, _) => Phase::Unanswered(Box::new(message()?)),
        })
    }
}

/// The evidence against a message (R7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quarantine {
    pub(crate) deaths: u8,
    pub(crate) attempts: u32,
}

impl Session {
    /// Adds one record.
    pub(crate) fn apply(&mut self, record: &Record, messages: &mut impl Messages) {
        match record {
            Record::Identity { client_id } => self.client_id = Some(client_id.clone()),
            Record::Accepted(message) => {
                self.saw(message.serial);
                if let (Some(time), Some(age)) = (&mut self.time, message.age) {
                    *time = time.advanced_to(age);
                }
                messages.accept(message);
            }
            Record::Sent { serial, packet_id } => self.sent(*serial, *packet_id, messages),
            Record::Released { serial } => self.release(*serial, messages),
            Record::ReleasedAndKept { serial } => self.release_and_keep(*serial),
            Record::Done { serial, outcome } => {
                self.saw(*serial);
                if let Outcome::Requeued(under) = outcome {
                    self.saw(*under);
                }
                self.done(*serial, messages);
            }
            Record::Quarantined { serial, deaths, attempts } => {
                let evidence = Quarantine { deaths: *deaths, attempts: *attempts };
                self.quarantine(*serial, evidence, messages);
            }
            Record::Received { packet_id } => {
                self.received.insert(*packet_id);
            }
            Record::Finished { packet_id } => {
                self.received.remove(packet_id);
            }
            Record::Clearing { packet_id } => {
                self.clearing.insert(*packet_id);
            }
            Record::Freed { packet_id } => {
                self.clearing.remove(packet_id);
            }
            Record::Subscribed(subscription) => {
                let filter = subscription.filter.filter.text().clone();
                self.subscriptions.insert(filter, subscription.clone());
            }
            Record::Unsubscribed { filter } => {
                self.subscriptions.remove(filter.text());
            }
            Record::SessionLost => {
                self.received.clear();
                self.unknown = false;
            }
            Record::SessionUnknown => self.unknown = true,
            Record::Unproven => self.unproven = true,
            Record::Proven => self.unproven = false,
            Record::Time(time) => {
                // Time does not go back.
                if self.time.is_none_or(|known| known.age <= time.age) {
                    self.time = Some(*time);
                }
            }
        }
    }

    /// Brings back an exchange of which the identifier alone is left.
    pub(crate) fn restore_released(&mut self, serial: Serial, packet_id: PacketId) {
        self.begun += 1;
        let exchange = Exchange { packet_id, released: true, kept: false, begun: self.begun };
        self.exchanges.insert(serial, exchange);
    }

    /// The exchanges in the order in which they began.
    pub(crate) fn exchanges(&self) -> Vec<(Serial, Exchange)> {
        let mut exchanges: Vec<_> = self.exchanges.iter().map(|(s, e)| (*s, *e)).collect();
        exchanges.sort_by_key(|(_, exchange)| exchange.begun);
        exchanges
    }

    /// The subscriptions by filter.
    pub(crate) fn subscriptions(&self) -> impl Iterator<Item = &StoredSubscription> {
        self.subscriptions.values()
    }

    /// The messages in quarantine by serial.
    pub(crate) fn quarantined(&self) -> impl Iterator<Item = (Serial, Quarantine)> {
        self.quarantined.iter().map(|(serial, evidence)| (*serial, *evidence))
    }

    /// Serials of messages that are kept without being queued.
    #[cfg(feature = "std")]
    pub(crate) fn kept(&self) -> impl Iterator<Item = Serial> {
        let sent = self.exchanges.iter().filter(|(_, exchange)| exchange.kept);
        sent.map(|(serial, _)| *serial).chain(self.quarantined.keys().copied())
    }

    /// Where a message stands that a store still has.
    pub(crate) fn stands(&self, message: Accepted) -> StoredMessage {
        let serial = message.serial;
        let state = match (self.exchanges.get(&serial), self.quarantined.get(&serial)) {
            (Some(exchange), _) => StoredState::Sent(exchange.packet_id),
            (None, Some(&Quarantine { deaths, attempts })) => {
                StoredState::Quarantined { deaths, attempts }
            }
            (None, None) => StoredState::Queued,
        };
        let Accepted { serial, publish, accepted, expires, age, priority } = message;
        StoredMessage { serial, publish, accepted, expires, age, priority, state }
    }

    /// True if the message is kept without being queued.
    #[cfg(feature = "std")]
    pub(crate) fn keeps(&self, serial: Serial) -> bool {
        self.exchanges.get(&serial).is_some_and(|exchange| exchange.kept)
            || self.quarantined.contains_key(&serial)
    }

    fn saw(&mut self, serial: Serial) {
        self.next_serial = self.next_serial.max(Serial(serial.0.saturating_add(1)));
    }

    fn sent(&mut self, serial: Serial, packet_id: PacketId, messages: &mut impl Messages) {
        self.saw(serial);
        if let Some(exchange) = self.exchanges.get_mut(&serial).filter(|exchange| exchange.kept) {
            // Sent anew, in its old place: messages of a topic keep their order (D6).
            (exchange.packet_id, exchange.released) = (packet_id, false);
        } else if messages.dequeue(serial) {
            self.begun += 1;
            let exchange = Exchange { packet_id, released: false, kept: true, begun: self.begun };
            self.exchanges.insert(serial, exchange);
        }
    }

    fn release(&mut self, serial: Serial, messages: &mut impl Messages) {
        self.saw(serial);
        let Some(exchange) = self.exchanges.get_mut(&serial) else { return };
        exchange.released = true;
        if core::mem::replace(&mut exchange.kept, false) {
            messages.discard(serial);
        }
    }

    fn release_and_keep(&mut self, serial: Serial) {
        self.saw(serial);
        if let Some(exchange) = self.exchanges.get_mut(&serial).filter(|exchange| exchange.kept) {
            exchange.released = true;
        }
    }

    fn done(&mut self, serial: Serial, messages: &mut impl Messages) {
        let kept = match (self.exchanges.remove(&serial), self.quarantined.remove(&serial)) {
            (Some(exchange), _) => exchange.kept,
            (None, Some(_)) => true,
            (None, None) => messages.dequeue(serial),
        };
        if kept {
            messages.discard(serial);
        }
    }

    fn quarantine(&mut self, serial: Serial, evidence: Quarantine, messages: &mut impl Messages) {
        self.saw(serial);
        let sent = self.exchanges.get(&serial).is_some_and(|exchange| exchange.kept);
        if sent || messages.dequeue(serial) {
            self.exchanges.remove(&serial);
            self.quarantined.insert(serial, evidence);
        }
    }
}
