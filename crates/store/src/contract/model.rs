//! Random batches against a store that is too simple to be wrong: it keeps
//! every record, and adds them up anew for each question.

use std::collections::BTreeMap;

use evenkeel_proto::codec::PacketId;
use evenkeel_proto::record::{
    Count, Outcome, Phase, Priority, Read, Record, Recovered, Serial, StoredMessage, StoredState,
};

use super::{ALL, Open, commit, message, one, opened, packet_id, sent};
use crate::{Store, StoreError};

/// All that a store says when it is asked for everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Serial, identifier, released; in order.
    exchanges: Vec<(u64, PacketId, bool)>,
    clearing: Vec<PacketId>,
    received: Vec<PacketId>,
    next_serial: u64,
    quarantined: u64,
    /// In whatever state, by serial.
    messages: Vec<StoredMessage>,
    /// The queue by priority, in the order of [`Priority::ALL`].
    queued: [Vec<StoredMessage>; 3],
}

impl View {
    /// Asks a store for everything.
    ///
    /// # Panics
    ///
    /// How its counts are not those of its messages.
    pub fn of(recovered: &Recovered, store: &mut dyn Store) -> Result<Self, StoreError> {
        let exchanges = recovered.exchanges.iter();
        let (clearing, received) = (recovered.clearing.clone(), recovered.received.clone());
        let mut queued: [Vec<StoredMessage>; 3] = Default::default();
        for (priority, queued) in Priority::ALL.into_iter().zip(&mut queued) {
            *queued = store.read(&Read::Queue { priority, after: None, limit: ALL })?;
        }
        for (priority, queued) in Priority::ALL.into_iter().zip(&queued) {
            let bytes = queued.iter().map(|message| crate::weight(&message.publish)).sum();
            let count = Count { messages: queued.len() as u64, bytes };
            assert_eq!(recovered.queued[priority as usize], count, "{priority:?}");
        }
        Ok(Self {
            exchanges: exchanges
                .map(|e| (e.serial.0, e.packet_id, !matches!(e.phase, Phase::Unanswered(_))))
                .collect(),
            clearing: sorted(clearing),
            received: sorted(received),
            next_serial: recovered.next_serial.0,
            quarantined: recovered.quarantined,
            messages: store.list(None, ALL)?,
            queued,
        })
    }
}

/// What is expected, by the definition of each record.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Messages with content, by serial.
    messages: BTreeMap<u64, StoredMessage>,
    /// Exchanges in order: serial, identifier, released.
    exchanges: Vec<(u64, PacketId, bool)>,
    clearing: Vec<PacketId>,
    received: Vec<PacketId>,
    next_serial: u64,
    /// Makes no record that 0.1.0 did not know.
    is_of_0_1_0: bool,
}

impl Model {
    /// A model whose random batches are those that 0.1.0 made.
    pub fn of_0_1_0() -> Self {
        Self { is_of_0_1_0: true, ..Self::default() }
    }

    /// Adds a record.
    pub fn add(&mut self, record: &Record) {
        if let Some(serial) = serial_of(record) {
            self.next_serial = self.next_serial.max(serial.0 + 1);
        }
        match record {
            Record::Accepted(message) => {
                let message = StoredMessage {
                    serial: message.serial,
                    publish: message.publish.clone(),
                    accepted: message.accepted,
                    expires: message.expires,
                    age: message.age,
                    priority: message.priority,
                    state: StoredState::Queued,
                };
                self.messages.insert(message.serial.0, message);
            }
            Record::Sent { serial, packet_id } => self.sent(serial.0, *packet_id),
            Record::Released { serial } => {
                if let Some(exchange) = self.exchanges.iter_mut().find(|e| e.0 == serial.0) {
                    exchange.2 = true;
                    self.messages.remove(&serial.0);
                }
            }
            Record::ReleasedAndKept { serial } if self.messages.contains_key(&serial.0) => {
                if let Some(exchange) = self.exchanges.iter_mut().find(|e| e.0 == serial.0) {
                    exchange.2 = true;
                }
            }
            Record::Done { serial, .. } => {
                self.messages.remove(&serial.0);
                self.exchanges.retain(|exchange| exchange.0 != serial.0);
            }
            Record::Quarantined { serial, deaths, attempts } => {
                if let Some(message) = self.messages.get_mut(&serial.0)
                    && !matches!(message.state, StoredState::Quarantined { .. })
                {
                    let (deaths, attempts) = (*deaths, *attempts);
                    message.state = StoredState::Quarantined { deaths, attempts };
                    self.exchanges.retain(|exchange| exchange.0 != serial.0);
                }
            }
            Record::Received { packet_id } => {
                self.received.retain(|id| id != packet_id);
                self.received.push(*packet_id);
            }
            Record::Finished { packet_id } => self.received.retain(|id| id != packet_id),
            Record::SessionLost => self.received.clear(),
            Record::Clearing { packet_id } => {
                self.clearing.retain(|id| id != packet_id);
                self.clearing.push(*packet_id);
            }
            Record::Freed { packet_id } => self.clearing.retain(|id| id != packet_id),
            // Cases of their own.
            Record::ReleasedAndKept { .. }
            | Record::SessionUnknown
            | Record::Identity { .. }
            | Record::Subscribed(_)
            | Record::Unsubscribed { .. }
            | Record::Unproven
            | Record::Proven
            | Record::Time(_) => {}
        }
    }

    fn sent(&mut self, serial: u64, packet_id: PacketId) {
        let Some(message) = self.messages.get_mut(&serial) else { return };
        if !matches!(message.state, StoredState::Quarantined { .. }) {
            message.state = StoredState::Sent(packet_id);
            let sent = (serial, packet_id, false);
            match self.exchanges.iter_mut().find(|exchange| exchange.0 == serial) {
                // Sent anew: the place among the others stays.
                Some(exchange) => *exchange = sent,
                None => self.exchanges.push(sent),
            }
        }
    }

    fn queued(&self, priority: Priority) -> impl Iterator<Item = &StoredMessage> {
        let queued = move |message: &&StoredMessage| {
            message.state == StoredState::Queued && message.priority == priority
        };
        self.messages.values().filter(queued)
    }

    /// What a store must say that holds these records.
    #[must_use]
    pub fn view(&self) -> View {
        let quarantined =
            |message: &&StoredMessage| matches!(message.state, StoredState::Quarantined { .. });
        View {
            exchanges: self.exchanges.clone(),
            clearing: sorted(self.clearing.clone()),
            received: sorted(self.received.clone()),
            next_serial: self.next_serial,
            quarantined: self.messages.values().filter(quarantined).count() as u64,
            messages: self.messages.values().cloned().collect(),
            queued: Priority::ALL.map(|priority| self.queued(priority).cloned().collect()),
        }
    }

    /// A batch that makes sense in most of its records; now and then one
    /// that ends most messages, the oldest first.
    #[must_use]
    pub fn batch(&self, random: &mut Random) -> Vec<Record> {
        if self.messages.len() > 40 {
            return self.ending(35);
        }
        let mut ahead = self.clone();
        let records = 1 + random.below(6);
        let mut batch = Vec::new();
        for _ in 0..records {
            let record = ahead.record(random);
            ahead.add(&record);
            batch.push(record);
        }
        batch
    }

    /// A batch that ends so many messages, the oldest first.
    #[must_use]
    pub fn ending(&self, messages: usize) -> Vec<Record> {
        let outcome = Outcome::Delivered;
        let oldest = self.messages.keys().take(messages);
        oldest.map(|serial| Record::Done { serial: Serial(*serial), outcome }).collect()
    }

    fn record(&self, random: &mut Random) -> Record {
        let any = |random: &mut Random, serials: Vec<u64>| match serials.len() {
            0 => random.below(10) as u64,
            len => serials[random.below(len)],
        };
        let stored = self.messages.keys().copied().collect();
        let under_way = self.exchanges.iter().map(|exchange| exchange.0).collect();
        let serial = |random: &mut Random, serials| Serial(any(random, serials));
        match random.below(12) {
            0..5 => {
                let priority = Priority::ALL[random.below(3)];
                let payload = vec![self.next_serial as u8; random.below(200)];
                let gap = if random.below(8) == 0 { random.below(100) as u64 } else { 0 };
                Record::Accepted(message(self.next_serial + gap, priority, &payload))
            }
            5..7 => sent(serial(random, stored).0, 1 + random.below(50) as u16),
            7 if !self.is_of_0_1_0 && self.next_serial.is_multiple_of(4) => {
                Record::ReleasedAndKept { serial: serial(random, under_way) }
            }
            7 => Record::Released { serial: serial(random, under_way) },
            8 => Record::Done { serial: serial(random, under_way), outcome: Outcome::Delivered },
            9 => Record::Done { serial: serial(random, stored), outcome: Outcome::Removed },
            10 => match random.below(5) {
                0 => Record::Received { packet_id: packet_id(1 + random.below(9) as u16) },
                1 => Record::Finished { packet_id: packet_id(1 + random.below(9) as u16) },
                2 => Record::Clearing { packet_id: packet_id(1 + random.below(9) as u16) },
                3 => Record::Freed { packet_id: packet_id(1 + random.below(9) as u16) },
                _ => Record::SessionLost,
            },
            _ => Record::Quarantined { serial: serial(random, stored), deaths: 2, attempts: 2 },
        }
    }
}

fn sorted(mut ids: Vec<PacketId>) -> Vec<PacketId> {
    ids.sort_unstable();
    ids
}

const fn serial_of(record: &Record) -> Option<Serial> {
    match record {
        Record::Accepted(message) => Some(message.serial),
        Record::Sent { serial, .. }
        | Record::Released { serial }
        | Record::ReleasedAndKept { serial }
        | Record::Done { serial, .. }
        | Record::Quarantined { serial, .. } => Some(*serial),
        _ => None,
    }
}

/// Numbers that a seed says everything about (splitmix64).
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

pub fn random_batches_agree_with_the_model(open: Open<'_>) {
    let mut random = Random(1);
    let mut model = Model::default();
    let (mut store, _) = opened(open);
    for turn in 0..400 {
        let batch = model.batch(&mut random);
        commit(&mut store, &batch);
        batch.iter().for_each(|record| model.add(record));
        if let Some(serial) = model.messages.keys().next() {
            assert_eq!(one(&mut store, *serial).as_ref(), model.messages.get(serial));
        }
        if turn % 20 == 0 {
            drop(store);
            let recovered;
            (store, recovered) = opened(open);
            let view = View::of(&recovered, &mut store).expect("a store can be read");
            assert_eq!(view, model.view(), "turn {turn}");
        }
    }
}
