//! Acknowledging what the server sends: in the order it came ([MQTT-4.6.0-2]),
//! and not before the application is done with it (D5, D10).

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use evenkeel_codec::{Ack, PacketId, Properties, ReasonCode};

use super::receipts::{Receipt, Receipts};
use crate::io::{AckKey, ConnectionId};
use crate::sorted::Map;
use crate::time::Instant;

/// A server that has more exchanges open uses identifiers that are in use: there
/// are no more.
pub(crate) const MOST_OPEN: usize = u16::MAX as usize;

/// Acknowledgements owed on one connection, oldest first.
#[derive(Debug, Default)]
struct Owed {
    /// Sequence number of the front.
    first: u64,
    items: VecDeque<(PacketId, Answer)>,
}

/// What is to be said beside the codes, by sequence number.
#[derive(Debug, Default)]
struct Said {
    pubacks: Map<u64, Properties>,
    pubrecs: Map<u64, Properties>,
}

/// What became of an answer that the application gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settled {
    Now,
    /// It has one already.
    Before,
    /// Nothing is owed there any more.
    Gone,
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    /// The application is not done with the message.
    Due,
    /// It waits for those before it.
    Ready(ReasonCode),
    /// The exchange is over without it.
    Void,
}

impl Owed {
    fn push(&mut self, id: PacketId) -> u64 {
        self.items.push_back((id, Answer::Due));
        self.first + self.items.len() as u64 - 1
    }

    fn get_mut(&mut self, sequence: u64) -> Option<&mut Answer> {
        let index = usize::try_from(sequence.checked_sub(self.first)?).ok()?;
        self.items.get_mut(index).map(|(_, answer)| answer)
    }

    fn settle(&mut self, sequence: u64, reason: ReasonCode) -> Settled {
        match self.get_mut(sequence) {
            Some(answer @ Answer::Due) => {
                *answer = Answer::Ready(reason);
                Settled::Now
            }
            Some(Answer::Ready(_)) => Settled::Before,
            Some(Answer::Void) | None => Settled::Gone,
        }
    }

    /// Nothing is owed there, and what comes behind does not wait for it.
    fn cancel(&mut self, sequence: u64) {
        if let Some(answer) = self.get_mut(sequence) {
            *answer = Answer::Void;
        }
    }

    const fn is_owed(&self, sequence: u64) -> bool {
        sequence >= self.first
    }

    /// The next answer that may go out, with its sequence number.
    fn pop_settled(&mut self) -> Option<(u64, Ack)> {
        loop {
            let (id, answer) = *self.items.front()?;
            if let Answer::Due = answer {
                return None;
            }
            self.items.pop_front();
            self.first += 1;
            if let Answer::Ready(reason) = answer {
                return Some((self.first - 1, Ack::new(id, reason)));
            }
        }
    }

    fn clear(&mut self) {
        self.first += self.items.len() as u64;
        self.items.clear();
    }
}

/// What the server has sent and we have not finished.
#[derive(Debug, Default)]
pub(crate) struct Inbound {
    pubacks: Owed,
    pubrecs: Owed,
    /// Made when it is first needed.
    said: Option<Box<Said>>,
    receipts: Receipts,
    /// Receipts whose PUBLISH came on the present connection.
    receipts_here: usize,
    generation: u64,
    /// Receipts in doubt.
    doubted: usize,
    /// What our receive maximum has come to on the present connection.
    pub(crate) quota: Quota,
    /// Since when it is full.
    pub(crate) full_since: Instant,
}

/// What a QoS 2 message from the server is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arrival {
    /// It is to be delivered under this key.
    New(AckKey),
    /// The same; the store has to forget a receipt of another session first.
    InPlace(AckKey),
    /// A second copy of one that is known.
    Copy,
}

/// What is told of our receive maximum, once for each connection or stall.
#[derive(Debug, Default)]
pub(crate) struct Quota {
    /// The server has gone beyond it.
    pub(crate) is_exceeded: bool,
    /// Messages that we owe an answer use it up.
    pub(crate) is_full: bool,
    /// That they have done so for some time has been told.
    pub(crate) is_stalled: bool,
}

impl Inbound {
    //= [MQTT-4.9.0-1]
    /// Messages of the present connection that the server has no answer to,
    /// which is what counts against our receive maximum.
    pub(crate) fn open(&self) -> usize {
        // Cancelled answers behind one that is due take room as well.
        self.pubacks.items.len() + self.receipts_here.max(self.pubrecs.items.len())
    }

    /// Messages of the present connection that wait for an answer of ours.
    pub(crate) fn owed(&self) -> usize {
        self.pubacks.items.len() + self.pubrecs.items.len()
    }

    /// The message of QoS 2 with this identifier has come on this connection
    /// before, and opens no further exchange.
    pub(crate) fn is_open(&mut self, id: PacketId) -> bool {
        self.receipts.get_mut(id).is_some_and(|receipt| receipt.owed.is_some())
    }

    /// The server has messages of QoS 2 under way.
    pub(crate) fn has_receipts(&self) -> bool {
        !self.receipts.is_empty()
    }

    //= [MQTT-4.3.2-4]
    pub(crate) fn on_at_least_once(&mut self, conn: ConnectionId, id: PacketId) -> AckKey {
        AckKey::at_least_once(conn, self.pubacks.push(id))
    }

    //= [MQTT-4.3.3-8]
    //= [MQTT-4.3.3-10]
    /// A copy carries DUP: a message without it is new if the receipt may be of
    /// another session.
    pub(crate) fn on_exactly_once(&mut self, id: PacketId, dup: bool) -> Arrival {
        let mut is_stored = false;
        let place = match self.receipts.find(id) {
            Err(place) => place,
            Ok(place) if self.comes_anew(place, dup) => {
                let before = self.take_out(id);
                is_stored = before.is_some_and(|before| before.recorded);
                self.receipts.find(id).unwrap_or_else(|place| place)
            }
            Ok(place) => {
                self.on_copy(place);
                return Arrival::Copy;
            }
        };
        self.receipts_here += 1;
        let owed = Some(self.pubrecs.push(id));
        let receipt = Receipt { owed, ..self.receipt(id) };
        let key = AckKey::exactly_once(id, receipt.generation);
        self.receipts.insert(place, receipt);
        if is_stored { Arrival::InPlace(key) } else { Arrival::New(key) }
    }

    /// A new use of an identifier.
    fn receipt(&mut self, id: PacketId) -> Receipt {
        self.generation += 1;
        Receipt {
            id,
            generation: self.generation,
            answer: None,
            owed: None,
            recorded: false,
            given_back: false,
            doubted: false,
        }
    }

    fn take_out(&mut self, id: PacketId) -> Option<Receipt> {
        let receipt = self.receipts.remove(id)?;
        self.doubted -= usize::from(receipt.doubted);
        Some(receipt)
    }

    /// The session that was resumed may not be the one the receipts are of. What
    /// the server says of each tells, on this connection or a later one.
    pub(crate) fn doubt(&mut self) {
        for receipt in self.receipts.iter_mut() {
            receipt.doubted = true;
        }
        self.doubted = self.receipts.len();
    }

    /// No receipt is in doubt.
    pub(crate) const fn is_certain(&self) -> bool {
        self.doubted == 0
    }

    /// The message that comes under a known identifier is to be delivered all the
    /// same: on another connection, a new one in a session that may be another,
    /// or one that the application gave back.
    fn comes_anew(&mut self, place: usize, dup: bool) -> bool {
        let receipt = self.receipts.at(place).filter(|receipt| receipt.owed.is_none());
        receipt.is_some_and(|receipt| receipt.doubted && !dup || receipt.given_back)
    }

    /// The application will not finish this message: nobody will give its answer,
    /// and a copy that comes on another connection is delivered in its place.
    pub(crate) fn give_back(&mut self, key: AckKey) {
        if let crate::io::AckTarget::ExactlyOnce { id, generation } = key.target()
            && let Some(receipt) = self.receipts.get_mut(id)
        {
            receipt.given_back |= receipt.generation == generation && receipt.answer.is_none();
        }
    }

    /// A message that is known came again: it is answered again.
    fn on_copy(&mut self, place: usize) {
        let Some(receipt) = self.receipts.at(place) else { return };
        self.doubted -= usize::from(core::mem::take(&mut receipt.doubted));
        self.receipts_here += usize::from(receipt.owed.is_none());
        if !receipt.owed.is_some_and(|sequence| self.pubrecs.is_owed(sequence)) {
            let sequence = self.pubrecs.push(receipt.id);
            receipt.owed = Some(sequence);
            if let Some(answer) = receipt.answer {
                self.pubrecs.settle(sequence, answer);
            }
        }
    }

    /// The application is done with a message. False if the key is of no use any more.
    pub(crate) fn acknowledge(
        &mut self,
        conn: ConnectionId,
        key: AckKey,
        reason: ReasonCode,
        properties: Properties,
    ) -> bool {
        match key.target() {
            crate::io::AckTarget::AtLeastOnce { conn: of, sequence } => {
                if of != conn {
                    return false;
                }
                let settled = self.pubacks.settle(sequence, reason);
                if settled == Settled::Now && !properties.is_empty() {
                    self.said.get_or_insert_default().pubacks.insert(sequence, properties);
                }
                settled != Settled::Gone
            }
            crate::io::AckTarget::ExactlyOnce { id, generation } => {
                let receipt = self.receipts.get_mut(id);
                let Some(receipt) = receipt.filter(|receipt| receipt.generation == generation)
                else {
                    return false;
                };
                receipt.answer.get_or_insert(reason);
                if let Some(sequence) = receipt.owed {
                    let settled = self.pubrecs.settle(sequence, reason);
                    if settled == Settled::Now && !properties.is_empty() {
                        self.said.get_or_insert_default().pubrecs.insert(sequence, properties);
                    }
                }
                true
            }
        }
    }

    //= [MQTT-4.6.0-2]
    /// The next PUBACK that may go out.
    pub(crate) fn next_puback(&mut self) -> Option<Ack> {
        let (sequence, mut ack) = self.pubacks.pop_settled()?;
        if let Some(said) = &mut self.said {
            ack.properties = said.pubacks.remove(&sequence).unwrap_or_default();
        }
        Some(ack)
    }

    //= [MQTT-4.6.0-3]
    /// The next PUBREC that may go out. A refusal ends the exchange here.
    pub(crate) fn next_pubrec(&mut self) -> Option<Ack> {
        let (sequence, mut ack) = self.pubrecs.pop_settled()?;
        if let Some(said) = &mut self.said {
            ack.properties = said.pubrecs.remove(&sequence).unwrap_or_default();
        }
        if ack.reason.is_error() {
            self.on_release(ack.packet_id);
        }
        Some(ack)
    }

    /// The store is to be told of this identifier; true the first time.
    pub(crate) fn record(&mut self, id: PacketId) -> bool {
        let receipt = self.receipts.get_mut(id);
        receipt.is_some_and(|receipt| !core::mem::replace(&mut receipt.recorded, true))
    }

    /// The application of an earlier run was done with this message, and its
    /// identifier is still in use.
    #[cfg(feature = "store")]
    pub(crate) fn restore(&mut self, id: PacketId) {
        let answer = Some(ReasonCode::SUCCESS);
        let receipt = Receipt { answer, recorded: true, ..self.receipt(id) };
        if let Err(place) = self.receipts.find(id) {
            self.receipts.insert(place, receipt);
        }
    }

    /// PUBREL: forgets the identifier. False where it was not known.
    ///
    /// PUBREC may still be due, though that is against the protocol: it is due no
    /// more, and the answers behind it do not wait for it.
    pub(crate) fn on_release(&mut self, id: PacketId) -> bool {
        let Some(receipt) = self.take_out(id) else { return false };
        if let Some(sequence) = receipt.owed {
            self.receipts_here -= 1;
            self.pubrecs.cancel(sequence);
            if let Some(said) = &mut self.said {
                said.pubrecs.remove(&sequence);
            }
        }
        true
    }

    /// The connection ended: what was owed on it is owed no more.
    pub(crate) fn on_down(&mut self) {
        self.pubacks.clear();
        self.pubrecs.clear();
        self.said = None;
        self.receipts_here = 0;
        self.quota = Quota::default();
        for receipt in self.receipts.iter_mut() {
            receipt.owed = None;
        }
    }

    /// The server has forgotten the session.
    /// Returns whether there was anything to forget.
    pub(crate) fn forget(&mut self) -> bool {
        let any = !self.receipts.is_empty();
        self.receipts.clear();
        self.receipts_here = 0;
        self.doubted = 0;
        any
    }
}
