//! QoS 1 and 2 messages on the way to a client, by packet identifier.

use std::collections::VecDeque;
use std::sync::Arc;

use evenkeel_codec::{PacketId, QoS};

use super::message::Message;

/// Packet identifiers there are.
const IDS: u64 = u16::MAX as u64;

/// A message for one session, with what its subscriptions ask for.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) message: Arc<Message>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    /// Identifiers of the subscriptions that matched; no memory if none did.
    pub(crate) identifiers: Box<[u32]>,
}

impl Delivery {
    /// What this takes in a queue and on its way, in bytes. Several sessions
    /// may share the message; each counts it whole.
    pub(crate) fn cost(&self) -> usize {
        let entry = size_of::<(u64, Self)>() + size_of_val(&*self.identifiers);
        self.message.weight() + entry
    }
}

/// The QoS 1 and 2 messages sent to a client and not yet acknowledged.
///
/// Identifiers are given out in a circle. An exchange keeps its place in the
/// order of sending until all before it are over, so an identifier gives the
/// place without a search, and the order of sending again is the first order.
#[derive(Debug, Default)]
pub(crate) struct Inflight {
    /// Number of the exchange at the front, counted since the session began.
    front: u64,
    slots: VecDeque<Slot>,
    /// How many slots from the front were sent on the present connection.
    sent: usize,
    /// How many of these are unfinished.
    pending: usize,
    /// How many of all slots are unfinished.
    unfinished: usize,
    /// What the messages take.
    bytes: usize,
}

#[derive(Debug)]
enum Slot {
    /// PUBLISH is to be answered by PUBACK or PUBREC.
    Publish(Delivery),
    /// PUBREL is to be answered by PUBCOMP.
    Release,
    Done,
}

/// What is to be sent again on a new connection.
#[derive(Debug)]
pub(crate) enum Resend {
    Publish(PacketId, Delivery),
    Release(PacketId),
}

/// What an acknowledgement meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acked {
    /// The exchange is over.
    Finished,
    /// PUBREL is next.
    Release,
    /// No exchange has this identifier, or it is over.
    Unknown,
    /// The exchange with this identifier waits for another packet.
    WrongKind,
}

impl Inflight {
    /// Exchanges that are not over.
    pub(crate) const fn stored(&self) -> usize {
        self.unfinished
    }

    /// What the messages take, in bytes.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// True if one more message may be sent below this window.
    //= [MQTT-3.3.4-9]
    pub(crate) fn has_room(&self, window: u16) -> bool {
        self.sent == self.slots.len()
            && self.pending < usize::from(window)
            && (self.slots.len() as u64) < IDS
    }

    /// Exchanges of an earlier connection that are to go on, those that are over
    /// included.
    pub(crate) fn unsent(&self) -> usize {
        self.slots.len() - self.sent
    }

    /// Begins an exchange; the caller has asked [`Inflight::has_room`].
    //= [MQTT-2.2.1-4]
    pub(crate) fn begin(&mut self, delivery: Delivery) -> Option<PacketId> {
        let id = self.id_at(self.slots.len())?;
        self.bytes += delivery.cost();
        self.slots.push_back(Slot::Publish(delivery));
        self.sent += 1;
        self.pending += 1;
        self.unfinished += 1;
        Some(id)
    }

    /// A new connection: everything unfinished is to be sent again.
    pub(crate) fn rewind(&mut self) {
        self.sent = 0;
        self.pending = 0;
    }

    /// The next packet to send again, in the order of first sending.
    //= [MQTT-4.4.0-1]
    //= [MQTT-4.6.0-5]
    pub(crate) fn next_resend(&mut self, window: u16) -> Option<Resend> {
        while let Some(slot) = self.slots.get(self.sent) {
            let id = self.id_at(self.sent)?;
            let again = match slot {
                Slot::Done => None,
                Slot::Publish(_) if self.pending >= usize::from(window) => return None,
                Slot::Publish(delivery) => Some(Resend::Publish(id, delivery.clone())),
                Slot::Release => Some(Resend::Release(id)),
            };
            self.sent += 1;
            if again.is_some() {
                self.pending += 1;
                return again;
            }
        }
        None
    }

    /// PUBACK.
    //= [MQTT-4.3.2-3]
    pub(crate) fn on_puback(&mut self, id: PacketId) -> Acked {
        self.advance(id, |slot| match slot {
            Slot::Publish(delivery) if delivery.qos == QoS::AtLeastOnce => Acked::Finished,
            _ => Acked::WrongKind,
        })
    }

    /// PUBREC; a failure ends the exchange.
    //= [MQTT-4.3.3-4]
    //= [MQTT-4.8.2-6]
    pub(crate) fn on_pubrec(&mut self, id: PacketId, is_error: bool) -> Acked {
        self.advance(id, |slot| match slot {
            Slot::Publish(delivery) if delivery.qos == QoS::ExactlyOnce && is_error => {
                Acked::Finished
            }
            Slot::Publish(delivery) if delivery.qos == QoS::ExactlyOnce => Acked::Release,
            // A PUBREC that came twice.
            Slot::Release if !is_error => Acked::Release,
            _ => Acked::WrongKind,
        })
    }

    /// PUBCOMP.
    pub(crate) fn on_pubcomp(&mut self, id: PacketId) -> Acked {
        self.advance(id, |slot| match slot {
            Slot::Release => Acked::Finished,
            _ => Acked::WrongKind,
        })
    }

    /// Gives up an exchange whose message cannot be sent to this client.
    pub(crate) fn give_up(&mut self, id: PacketId) {
        self.advance(id, |_| Acked::Finished);
    }

    fn advance(&mut self, id: PacketId, judge: impl FnOnce(&Slot) -> Acked) -> Acked {
        let at = self.place_of(id);
        if at >= self.sent {
            return Acked::Unknown;
        }
        let Some(slot) = self.slots.get_mut(at) else { return Acked::Unknown };
        let acked = if matches!(slot, Slot::Done) { Acked::Unknown } else { judge(slot) };
        let next = match acked {
            Acked::Unknown | Acked::WrongKind => return acked,
            Acked::Release => Slot::Release,
            Acked::Finished => Slot::Done,
        };
        if let Slot::Publish(delivery) = std::mem::replace(slot, next) {
            self.bytes -= delivery.cost();
        }
        if acked == Acked::Finished {
            self.pending -= 1;
            self.unfinished -= 1;
            self.drop_done();
        }
        acked
    }

    fn drop_done(&mut self) {
        while let Some(Slot::Done) = self.slots.front() {
            self.slots.pop_front();
            self.front += 1;
            self.sent -= 1;
        }
    }

    fn id_at(&self, place: usize) -> Option<PacketId> {
        let number = (self.front + place as u64) % IDS;
        u16::try_from(number + 1).ok().and_then(PacketId::new)
    }

    /// The place in the circle; beyond the last slot for an unknown identifier.
    fn place_of(&self, id: PacketId) -> usize {
        let place = (u64::from(id.get()) - 1 + IDS - self.front % IDS) % IDS;
        usize::try_from(place).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(qos: QoS) -> Delivery {
        let message = Message::of_broker("t".try_into().unwrap(), "x".into());
        Delivery { message: Arc::new(message), qos, retain: false, identifiers: Box::default() }
    }

    #[test]
    fn identifiers_go_round_and_are_never_used_twice_at_a_time() {
        let mut inflight = Inflight::default();
        let first = inflight.begin(delivery(QoS::AtLeastOnce)).unwrap();
        assert_eq!(first.get(), 1);
        for expected in 2..=u16::MAX {
            assert!(inflight.has_room(u16::MAX));
            assert_eq!(inflight.begin(delivery(QoS::AtLeastOnce)).unwrap().get(), expected);
        }
        assert!(!inflight.has_room(u16::MAX), "all identifiers are in use");
        for id in 2..=u16::MAX {
            assert_eq!(inflight.on_puback(PacketId::new(id).unwrap()), Acked::Finished);
        }
        assert!(!inflight.has_room(u16::MAX), "the circle is closed by the first");
        assert_eq!(inflight.on_puback(first), Acked::Finished);
        assert_eq!(inflight.on_puback(first), Acked::Unknown);
        assert!(inflight.has_room(u16::MAX));
        assert_eq!(inflight.begin(delivery(QoS::AtLeastOnce)).unwrap().get(), 1);
    }

    #[test]
    fn acknowledgements_of_the_wrong_kind_change_nothing() {
        let mut inflight = Inflight::default();
        let one = inflight.begin(delivery(QoS::AtLeastOnce)).unwrap();
        let two = inflight.begin(delivery(QoS::ExactlyOnce)).unwrap();
        assert_eq!(inflight.on_pubrec(one, false), Acked::WrongKind);
        assert_eq!(inflight.on_pubcomp(one), Acked::WrongKind);
        assert_eq!(inflight.on_puback(two), Acked::WrongKind);
        assert_eq!(inflight.on_pubcomp(two), Acked::WrongKind);
        assert_eq!(inflight.stored(), 2);
        assert_eq!(inflight.on_pubrec(two, false), Acked::Release);
        assert_eq!(inflight.on_pubrec(two, false), Acked::Release);
        assert_eq!(inflight.on_pubrec(two, true), Acked::WrongKind);
        assert_eq!(inflight.on_puback(two), Acked::WrongKind);
        assert_eq!(inflight.on_pubcomp(two), Acked::Finished);
        assert_eq!(inflight.on_pubcomp(two), Acked::Unknown);
        assert_eq!(inflight.stored(), 1);
    }

    #[test]
    fn sends_again_in_order_within_the_window() {
        let mut inflight = Inflight::default();
        let ids: Vec<PacketId> = [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::AtLeastOnce]
            .into_iter()
            .map(|qos| inflight.begin(delivery(qos)).unwrap())
            .collect();
        inflight.on_pubrec(ids[1], false);
        inflight.rewind();
        assert_eq!(inflight.on_puback(ids[0]), Acked::Unknown, "not sent on this connection");
        assert!(!inflight.has_room(10), "new messages wait for those sent again");
        assert!(matches!(inflight.next_resend(2), Some(Resend::Publish(id, _)) if id == ids[0]));
        assert!(matches!(inflight.next_resend(2), Some(Resend::Release(id)) if id == ids[1]));
        assert!(inflight.next_resend(2).is_none());
        assert_eq!(inflight.on_puback(ids[0]), Acked::Finished);
        assert!(matches!(inflight.next_resend(2), Some(Resend::Publish(id, _)) if id == ids[2]));
        assert!(inflight.next_resend(2).is_none());
        assert_eq!(inflight.on_pubcomp(ids[1]), Acked::Finished);
        assert_eq!(inflight.on_puback(ids[2]), Acked::Finished);
        assert_eq!((inflight.stored(), inflight.bytes()), (0, 0));
    }
}
