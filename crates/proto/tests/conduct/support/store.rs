//! A store in memory that judges what it is told.

use std::collections::BTreeMap;

use evenkeel_proto::codec::PacketId;
use evenkeel_proto::record::{
    Accepted, Age, Count, Phase, Priority, Read, Record, Recovered, Serial, StoreBounds,
    StoredExchange, StoredMessage, StoredState,
};

/// The plainest store there is: a list of records, added up whenever someone asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModelStore {
    pub(crate) records: Vec<Record>,
    /// Where each batch that was committed ends.
    pub(crate) ends: Vec<usize>,
    pub(crate) bounds: StoreBounds,
}

/// What the records add up to.
#[derive(Default)]
struct Sum {
    messages: BTreeMap<Serial, StoredMessage>,
    /// In order of sending, and whether PUBREC came; without content then
    /// unless that was kept.
    exchanges: Vec<(PacketId, Serial, bool)>,
    recovered: Recovered,
}

impl ModelStore {
    pub(crate) fn commit(&mut self, records: &[Record]) {
        self.records.extend_from_slice(records);
        self.ends.push(self.records.len());
    }

    pub(crate) fn recovered(&self) -> Recovered {
        let sum = self.sum();
        let mut recovered = Recovered { bounds: self.bounds, ..sum.recovered };
        for (packet_id, serial, released) in sum.exchanges {
            let message = sum.messages.get(&serial).cloned().map(Box::new);
            let phase = match message {
                Some(message) if released => Phase::ReleasedAndKept(message),
                None if released => Phase::Released,
                message => Phase::Unanswered(message.expect("the store has the message")),
            };
            recovered.exchanges.push(StoredExchange { packet_id, serial, phase });
        }
        for message in sum.messages.values() {
            match message.state {
                StoredState::Queued => {
                    let Count { messages, bytes } =
                        &mut recovered.queued[message.priority as usize];
                    *messages += 1;
                    *bytes += (message.publish.topic.len() + message.publish.payload.len()) as u64;
                }
                StoredState::Quarantined { .. } => recovered.quarantined += 1,
                _ => {}
            }
        }
        recovered
    }

    pub(crate) fn read(&self, read: &Read) -> Vec<StoredMessage> {
        let sum = self.sum();
        let (priority, after, limit) = match *read {
            Read::Message(serial) => {
                return sum.messages.get(&serial).cloned().into_iter().collect();
            }
            Read::Queue { priority, after, limit } => (priority, after, limit),
        };
        let mut bytes = 0;
        let queued = sum.messages.into_values().filter(|message| {
            message.state == StoredState::Queued
                && message.priority == priority
                && after.is_none_or(|after| message.serial > after)
        });
        let within = queued.take(limit.messages).take_while(|message| {
            let first = bytes == 0;
            bytes += message.publish.topic.len() + message.publish.payload.len();
            first || bytes <= limit.bytes
        });
        within.collect()
    }

    /// Messages that are in the store in whatever state.
    pub(crate) fn messages(&self) -> Vec<StoredMessage> {
        self.sum().messages.into_values().collect()
    }

    /// Payloads of the queued messages of normal priority, as numbers or words.
    pub(crate) fn queued(&self) -> Vec<Serial> {
        let queued = self.messages().into_iter().filter(|message| {
            message.state == StoredState::Queued && message.priority == Priority::Normal
        });
        queued.map(|message| message.serial).collect()
    }

    fn sum(&self) -> Sum {
        let mut sum = Sum::default();
        for record in &self.records {
            sum.add(record);
        }
        sum
    }
}

impl Sum {
    fn add(&mut self, record: &Record) {
        match record {
            Record::Identity { client_id } => self.recovered.client_id = Some(client_id.clone()),
            Record::Accepted(accepted) => self.accept(accepted),
            Record::Sent { serial, packet_id } => {
                let message = self.messages.get_mut(serial).expect("what is sent was accepted");
                let anew = self
                    .exchanges
                    .iter()
                    .position(|exchange| *exchange == (*packet_id, *serial, true));
                let is_queued = message.state == StoredState::Queued;
                assert!(is_queued || anew.is_some(), "it is sent once");
                anew.map(|index| self.exchanges.remove(index));
                message.state = StoredState::Sent(*packet_id);
                let clearing = self.recovered.clearing.contains(packet_id);
                let taken = clearing || self.exchanges.iter().any(|(id, ..)| id == packet_id);
                assert!(!taken, "{packet_id} is in use (D4)");
                self.exchanges.push((*packet_id, *serial, false));
            }
            Record::Released { serial } => {
                self.messages.remove(serial).expect("what is released was sent");
                let exchange = self.exchanges.iter_mut().find(|(_, of, _)| of == serial);
                exchange.expect("an exchange").2 = true;
            }
            Record::ReleasedAndKept { serial } => {
                let exchange = self.exchanges.iter_mut().find(|(_, of, _)| of == serial);
                exchange.expect("an exchange").2 = true;
            }
            Record::Done { serial, .. } => {
                self.messages.remove(serial);
                self.exchanges.retain(|(_, of, _)| of != serial);
            }
            Record::Quarantined { serial, deaths, attempts } => {
                let (deaths, attempts) = (*deaths, *attempts);
                let message = self.messages.get_mut(serial).expect("it was sent");
                message.state = StoredState::Quarantined { deaths, attempts };
                self.exchanges.retain(|(_, of, _)| of != serial);
            }
            Record::Received { packet_id } => {
                let fresh = !self.recovered.received.contains(packet_id);
                assert!(fresh, "{packet_id} is recorded once");
                self.recovered.received.push(*packet_id);
            }
            Record::Finished { packet_id } => {
                self.recovered.received.retain(|id| id != packet_id);
            }
            Record::Clearing { packet_id } => {
                let held = &mut self.recovered.clearing;
                assert!(!held.contains(packet_id), "{packet_id} is cleared once");
                held.push(*packet_id);
            }
            Record::Freed { packet_id } => {
                let held = &mut self.recovered.clearing;
                assert!(held.contains(packet_id), "{packet_id} is being cleared");
                held.retain(|id| id != packet_id);
            }
            Record::Subscribed(subscription) => {
                self.unsubscribe(&subscription.filter.filter);
                self.recovered.subscriptions.push(subscription.clone());
            }
            Record::Unsubscribed { filter } => self.unsubscribe(filter),
            Record::SessionLost => {
                self.recovered.received.clear();
                self.recovered.session_unknown = false;
            }
            Record::SessionUnknown => self.recovered.session_unknown = true,
            Record::Unproven => self.recovered.unproven = true,
            Record::Proven => self.recovered.unproven = false,
            Record::Time(time) => {
                let known = self.recovered.time.map_or(Age(0), |known| known.age);
                if time.age >= known {
                    self.recovered.time = Some(*time);
                }
            }
        }
    }

    fn accept(&mut self, accepted: &Accepted) {
        let Accepted { serial, publish, accepted, expires, age, priority } = accepted.clone();
        if let (Some(time), Some(age)) = (&mut self.recovered.time, age) {
            *time = time.advanced_to(age);
        }
        assert!(serial >= self.recovered.next_serial, "names ascend");
        self.recovered.next_serial = serial.next();
        let state = StoredState::Queued;
        let message = StoredMessage { serial, publish, accepted, expires, age, priority, state };
        self.messages.insert(serial, message);
    }

    fn unsubscribe(&mut self, filter: &evenkeel_proto::codec::TopicFilter) {
        self.recovered.subscriptions.retain(|known| known.filter.filter != *filter);
    }
}
