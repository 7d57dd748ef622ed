use alloc::boxed::Box;
use alloc::vec::Vec;

use evenkeel_codec::{PacketId, Publish};

use crate::operation::{SubscribeOperation, Token, UnsubscribeOperation};
use crate::time::Instant;

/// One exchange that holds a packet identifier.
#[derive(Debug)]
pub(crate) struct Flight {
    /// Order of first sending; resending keeps it (D6).
    pub(crate) serial: u64,
    /// When it was last sent.
    pub(crate) sent: Instant,
    /// How often it was sent.
    pub(crate) attempts: u32,
    /// Connections that died with this in flight, in a row (R7).
    pub(crate) strikes: u8,
    /// False until it is sent on the present connection.
    pub(crate) sent_here: bool,
    pub(crate) exchange: Exchange,
}

/// What the exchange is about and what it waits for.
#[derive(Debug)]
pub(crate) enum Exchange {
    /// QoS 1 waits for PUBACK, QoS 2 for PUBREC.
    Publish { publish: Publish, token: Token },
    /// PUBREL is sent, PUBCOMP awaited.
    Release { token: Token },
    /// SUBACK is awaited.
    Subscribe(Box<SubscribeOperation>),
    /// UNSUBACK is awaited.
    Unsubscribe(Box<UnsubscribeOperation>),
}

impl Exchange {
    pub(crate) const fn is_publish(&self) -> bool {
        matches!(self, Self::Publish { .. } | Self::Release { .. })
    }
}

/// The exchanges in flight, by packet identifier: the one allocator for
/// PUBLISH, SUBSCRIBE and UNSUBSCRIBE (D4).
#[derive(Debug, Default)]
pub(crate) struct Flights {
    /// Index is the identifier less one; grows as needed, to 65,535 at most.
    slots: Vec<Option<Flight>>,
    used: usize,
    publishes: usize,
    cursor: usize,
    serial: u64,
}

impl Flights {
    /// Exchanges of PUBLISH in flight.
    pub(crate) const fn publishes(&self) -> usize {
        self.publishes
    }

    /// All exchanges in flight.
    pub(crate) const fn len(&self) -> usize {
        self.used
    }

    pub(crate) fn get_mut(&mut self, id: PacketId) -> Option<&mut Flight> {
        self.slots.get_mut(index(id))?.as_mut()
    }

    pub(crate) fn get(&self, id: PacketId) -> Option<&Flight> {
        self.slots.get(index(id))?.as_ref()
    }

    //= [MQTT-2.2.1-3]
    //= [MQTT-2.2.1-2]
    /// The identifier the next [`insert`](Self::insert) will use; `None` where all 65,535 are in use.
    ///
    /// Identifiers rotate, so that one just freed is not taken again at once.
    pub(crate) fn reserve(&mut self) -> Option<PacketId> {
        if self.used * 2 >= self.slots.len() {
            let target = (self.slots.len() * 2).clamp(16, usize::from(u16::MAX));
            self.slots.resize_with(target, || None);
        }
        if self.used >= self.slots.len() {
            return None;
        }
        let after = self.slots.iter().skip(self.cursor).position(Option::is_none);
        let free = match after {
            Some(offset) => self.cursor + offset,
            None => self.slots.iter().position(Option::is_none)?,
        };
        self.cursor = free;
        PacketId::new(u16::try_from(free + 1).ok()?)
    }

    /// Puts an exchange under the identifier that [`reserve`](Self::reserve) gave.
    pub(crate) fn insert(&mut self, id: PacketId, exchange: Exchange, now: Instant) {
        let Some(slot) = self.slots.get_mut(index(id)) else { return };
        self.used += 1;
        self.publishes += usize::from(exchange.is_publish());
        self.serial += 1;
        self.cursor = index(id) + 1;
        *slot = Some(Flight {
            serial: self.serial,
            sent: now,
            attempts: 1,
            strikes: 0,
            sent_here: true,
            exchange,
        });
    }

    /// Ends an exchange and frees its identifier.
    pub(crate) fn remove(&mut self, id: PacketId) -> Option<Flight> {
        let flight = self.slots.get_mut(index(id))?.take()?;
        self.used -= 1;
        self.publishes -= usize::from(flight.exchange.is_publish());
        Some(flight)
    }

    /// The identifiers of publish exchanges, in order of first sending.
    pub(crate) fn publishes_in_order(&self) -> Vec<PacketId> {
        self.ids_in_order(Exchange::is_publish)
    }

    /// Takes out SUBSCRIBE and UNSUBSCRIBE exchanges, in order of first sending.
    pub(crate) fn take_control(&mut self) -> Vec<Flight> {
        let ids = self.ids_in_order(|exchange| !exchange.is_publish());
        ids.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    /// Takes out everything, in order of first sending.
    pub(crate) fn take_all(&mut self) -> Vec<Flight> {
        let ids = self.ids_in_order(|_| true);
        ids.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    /// Every flight, for counting strikes.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (PacketId, &mut Flight)> {
        self.slots.iter_mut().enumerate().filter_map(|(index, slot)| {
            let id = PacketId::new(u16::try_from(index + 1).ok()?)?;
            Some((id, slot.as_mut()?))
        })
    }

    /// True while a SUBSCRIBE or UNSUBSCRIBE is out that was in flight at a death.
    pub(crate) fn has_suspect_control(&self) -> bool {
        self.used > self.publishes
            && self.slots.iter().flatten().any(|f| f.strikes > 0 && !f.exchange.is_publish())
    }

    fn ids_in_order(&self, wanted: impl Fn(&Exchange) -> bool) -> Vec<PacketId> {
        let mut found: Vec<(u64, PacketId)> = (self.slots.iter().enumerate())
            .filter_map(|(index, slot)| {
                let flight = slot.as_ref().filter(|flight| wanted(&flight.exchange))?;
                Some((flight.serial, PacketId::new(u16::try_from(index + 1).ok()?)?))
            })
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, id)| id).collect()
    }
}

const fn index(id: PacketId) -> usize {
    id.get() as usize - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release() -> Exchange {
        Exchange::Release { token: Token::NONE }
    }

    //= [MQTT-2.2.1-3] test
    //= [MQTT-2.2.1-2] test
    #[test]
    fn identifiers_are_unique_until_all_are_used_and_reused_once_freed() {
        let mut flights = Flights::default();
        let mut seen = alloc::collections::BTreeSet::new();
        for _ in 0..u16::MAX {
            let id = flights.reserve().unwrap();
            assert!(seen.insert(id), "{id} was handed out twice");
            flights.insert(id, release(), Instant::default());
        }
        assert_eq!(flights.reserve(), None);
        let freed = PacketId::new(777).unwrap();
        assert!(flights.remove(freed).is_some());
        assert_eq!(flights.reserve(), Some(freed));
        assert!(flights.remove(freed).is_none(), "an identifier is freed once");
    }

    #[test]
    fn order_is_that_of_sending_not_of_identifiers() {
        let mut flights = Flights::default();
        let first: Vec<_> = (0..20)
            .map(|_| {
                let id = flights.reserve().unwrap();
                flights.insert(id, release(), Instant::default());
                id
            })
            .collect();
        flights.remove(first[3]);
        flights.remove(first[4]);
        flights.cursor = 0;
        let late = flights.reserve().unwrap();
        flights.insert(late, release(), Instant::default());
        assert_eq!(late, first[3], "the lowest free identifier follows the cursor");
        let mut expected: Vec<_> = first.clone();
        expected.drain(3..5);
        expected.push(late);
        assert_eq!(flights.publishes_in_order(), expected);
    }
}
