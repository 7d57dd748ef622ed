//! Acknowledging what the server sends: in the order it came ([MQTT-4.6.0-2]),
//! and not before the application is done with it (D5, D10).

use alloc::collections::{BTreeMap, VecDeque};

use evenkeel_codec::{Ack, PacketId, QoS, ReasonCode};

use crate::io::{AckKey, ConnectionId};

/// Acknowledgements owed on one connection, oldest first.
#[derive(Debug, Default)]
struct Owed {
    /// Sequence number of the front.
    first: u64,
    items: VecDeque<(PacketId, Option<ReasonCode>)>,
}

impl Owed {
    fn push(&mut self, id: PacketId) -> u64 {
        self.items.push_back((id, None));
        self.first + self.items.len() as u64 - 1
    }

    fn settle(&mut self, sequence: u64, reason: ReasonCode) {
        let index = sequence.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        if let Some((_, slot)) = index.and_then(|index| self.items.get_mut(index)) {
            slot.get_or_insert(reason);
        }
    }

    fn pop_settled(&mut self) -> Option<Ack> {
        let (id, reason) = *self.items.front()?;
        let reason = reason?;
        self.items.pop_front();
        self.first += 1;
        Some(Ack::new(id, reason))
    }

    fn clear(&mut self) {
        self.first += self.items.len() as u64;
        self.items.clear();
    }
}

/// A QoS 2 message between its first PUBLISH and its PUBREL. Part of the
/// session: survives the connection.
#[derive(Debug)]
struct Receipt {
    /// Tells this use of the identifier from earlier ones.
    generation: u64,
    /// The application's answer, once it has given one.
    answer: Option<ReasonCode>,
    /// Where PUBREC is owed on the present connection.
    owed: Option<u64>,
}

/// What the server has sent and we have not finished.
#[derive(Debug, Default)]
pub(crate) struct Inbound {
    pubacks: Owed,
    pubrecs: Owed,
    receipts: BTreeMap<PacketId, Receipt>,
    generation: u64,
}

/// What to do with an incoming QoS 1 or 2 PUBLISH.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Deliver it under this key.
    Deliver(AckKey),
    /// A second copy of a QoS 2 message that is known: do not deliver.
    Duplicate,
}

impl Inbound {
    /// Exchanges the server has open with us.
    pub(crate) fn open(&self) -> usize {
        self.pubacks.items.len() + self.receipts.len()
    }

    //= [MQTT-4.3.2-4]
    //= [MQTT-4.3.3-8]
    pub(crate) fn on_publish(&mut self, conn: ConnectionId, qos: QoS, id: PacketId) -> Arrival {
        if qos != QoS::ExactlyOnce {
            let sequence = self.pubacks.push(id);
            return Arrival::Deliver(AckKey::at_least_once(conn, sequence));
        }
        if let Some(receipt) = self.receipts.get_mut(&id) {
            if receipt.owed.is_none() {
                let sequence = self.pubrecs.push(id);
                receipt.owed = Some(sequence);
                if let Some(answer) = receipt.answer {
                    self.pubrecs.settle(sequence, answer);
                }
            } else if receipt.answer.is_some() {
                // PUBREC is sent or about to be; the server asks again.
                let sequence = self.pubrecs.push(id);
                receipt.owed = Some(sequence);
                self.pubrecs.settle(sequence, receipt.answer.unwrap_or_default());
            }
            return Arrival::Duplicate;
        }
        self.generation += 1;
        let generation = self.generation;
        let owed = Some(self.pubrecs.push(id));
        self.receipts.insert(id, Receipt { generation, answer: None, owed });
        Arrival::Deliver(AckKey::exactly_once(id, generation))
    }

    /// The application is done with a message. False where the key is of no use any more.
    pub(crate) fn acknowledge(
        &mut self,
        conn: ConnectionId,
        key: AckKey,
        reason: ReasonCode,
    ) -> bool {
        match key.target() {
            crate::io::AckTarget::AtLeastOnce { conn: of, sequence } => {
                let current = of == conn;
                if current {
                    self.pubacks.settle(sequence, reason);
                }
                current
            }
            crate::io::AckTarget::ExactlyOnce { id, generation } => {
                let receipt = self.receipts.get_mut(&id);
                let Some(receipt) = receipt.filter(|receipt| receipt.generation == generation)
                else {
                    return false;
                };
                receipt.answer.get_or_insert(reason);
                if let Some(sequence) = receipt.owed {
                    self.pubrecs.settle(sequence, reason);
                }
                true
            }
        }
    }

    //= [MQTT-4.6.0-2]
    /// The next PUBACK that may go out.
    pub(crate) fn next_puback(&mut self) -> Option<Ack> {
        self.pubacks.pop_settled()
    }

    //= [MQTT-4.6.0-3]
    /// The next PUBREC that may go out. A refusal ends the exchange here.
    pub(crate) fn next_pubrec(&mut self) -> Option<Ack> {
        let ack = self.pubrecs.pop_settled()?;
        if ack.reason.is_error() {
            self.receipts.remove(&ack.packet_id);
        }
        Some(ack)
    }

    /// PUBREL: forgets the identifier. False where it was not known.
    pub(crate) fn on_release(&mut self, id: PacketId) -> bool {
        self.receipts.remove(&id).is_some()
    }

    /// The connection ended: what was owed on it is owed no more.
    pub(crate) fn on_down(&mut self) {
        self.pubacks.clear();
        self.pubrecs.clear();
        for receipt in self.receipts.values_mut() {
            receipt.owed = None;
        }
    }

    /// The server has forgotten the session.
    pub(crate) fn forget(&mut self) {
        self.receipts.clear();
    }
}
