//! The QoS 2 messages that the server may send again, by packet identifier.

use alloc::collections::VecDeque;

use evenkeel_codec::{PacketId, ReasonCode};

use crate::tuning;

/// A QoS 2 message between its first PUBLISH and its PUBREL. Part of the
/// session: survives the connection.
#[derive(Debug)]
pub(crate) struct Receipt {
    pub(crate) id: PacketId,
    /// Tells this use of the identifier from earlier ones.
    pub(crate) generation: u64,
    /// The application's answer, once it has given one.
    pub(crate) answer: Option<ReasonCode>,
    /// Where PUBREC is or was owed on the present connection; `None` if
    /// PUBLISH has not come on it.
    pub(crate) owed: Option<u64>,
    /// The store has been told.
    pub(crate) recorded: bool,
    /// The application let go of the message and will not finish it.
    pub(crate) given_back: bool,
    /// It may be of another session than the present one: its message was seen in
    /// a session before, and nothing of it since.
    pub(crate) doubted: bool,
}

/// In the order of identifiers, round from the front's past 65,535 back to it.
///
/// A server mostly numbers its messages in sequence and releases them in that
/// order: then a new one belongs behind the last, the place of any other is its
/// distance from the first, and it is the first that goes.
#[derive(Debug, Default)]
pub(crate) struct Receipts(VecDeque<Receipt>);

impl Receipts {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The place of this identifier, or where it belongs; as of a sorted slice.
    #[inline]
    pub(crate) fn find(&self, id: PacketId) -> Result<usize, usize> {
        let Some(first) = self.0.front() else { return Err(0) };
        let distance = |id: PacketId| id.get().wrapping_sub(first.id.get());
        let wanted = distance(id);
        match self.0.get(usize::from(wanted)) {
            Some(receipt) if receipt.id == id => Ok(usize::from(wanted)),
            None if self.0.back().is_some_and(|last| distance(last.id) < wanted) => {
                Err(self.0.len())
            }
            _ => self.0.binary_search_by_key(&wanted, |receipt| distance(receipt.id)),
        }
    }

    #[inline]
    pub(crate) fn at(&mut self, place: usize) -> Option<&mut Receipt> {
        self.0.get_mut(place)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: PacketId) -> Option<&mut Receipt> {
        self.at(self.find(id).ok()?)
    }

    /// Puts in a receipt whose identifier has none, where it belongs.
    #[inline]
    pub(crate) fn insert(&mut self, place: usize, receipt: Receipt) {
        if place == self.0.len() {
            self.0.push_back(receipt);
        } else {
            self.0.insert(place, receipt);
        }
    }

    #[inline]
    pub(crate) fn remove(&mut self, id: PacketId) -> Option<Receipt> {
        let receipt = match self.find(id).ok()? {
            0 => self.0.pop_front(),
            place => self.0.remove(place),
        };
        if self.0.is_empty() {
            self.0.shrink_to(tuning::RECEIPTS_ROOM);
        }
        receipt
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Receipt> {
        self.0.iter_mut()
    }

    pub(crate) fn clear(&mut self) {
        self.0 = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    use super::*;
    use crate::rng::Rng;

    fn receipt(id: u16, generation: u64) -> Receipt {
        let id = PacketId::new(id).unwrap();
        Receipt {
            id,
            generation,
            answer: None,
            owed: None,
            recorded: false,
            given_back: false,
            doubted: false,
        }
    }

    fn id(id: u16) -> PacketId {
        PacketId::new(id).unwrap()
    }

    fn insert(receipts: &mut Receipts, id: u16, generation: u64) {
        match receipts.find(PacketId::new(id).unwrap()) {
            Ok(place) => *receipts.at(place).unwrap() = receipt(id, generation),
            Err(place) => receipts.insert(place, receipt(id, generation)),
        }
    }

    fn ids(receipts: &mut Receipts) -> Vec<u16> {
        receipts.iter_mut().map(|receipt| receipt.id.get()).collect()
    }

    #[test]
    fn a_receipt_is_small() {
        assert!(size_of::<Receipt>() <= 32);
    }

    #[test]
    fn each_identifier_has_one_place_whatever_the_order_they_come_in() {
        let mut receipts = Receipts::default();
        for (id, generation) in [7, 9, 8, u16::MAX, 1, 7].into_iter().zip(1..) {
            insert(&mut receipts, id, generation);
        }
        assert_eq!(ids(&mut receipts), [7, 8, 9, u16::MAX, 1]);
        let generations = |receipts: &mut Receipts| -> Vec<_> {
            receipts.iter_mut().map(|receipt| receipt.generation).collect()
        };
        assert_eq!(generations(&mut receipts), [6, 3, 2, 4, 5], "the last 7 took the first one's");
        for (absent, present) in [(6, 7), (10, 9), (u16::MAX - 1, u16::MAX), (2, 1)] {
            assert!(receipts.get_mut(id(absent)).is_none(), "{absent}");
            assert!(receipts.remove(id(absent)).is_none(), "{absent}");
            assert_eq!(receipts.get_mut(id(present)).unwrap().id.get(), present);
        }
        for gone in [8, 7, 1, u16::MAX, 9] {
            assert_eq!(receipts.remove(id(gone)).unwrap().id.get(), gone);
            assert!(receipts.remove(id(gone)).is_none(), "{gone} went once");
        }
        assert!(receipts.is_empty());
    }

    #[test]
    fn a_window_that_moves_through_all_identifiers_is_found_everywhere() {
        let mut receipts = Receipts::default();
        let mut newest = u16::MAX - 300;
        let next = |id: u16| if id == u16::MAX { 1 } else { id + 1 };
        let mut window = VecDeque::new();
        for generation in 0..1_000 {
            newest = next(newest);
            window.push_back(newest);
            insert(&mut receipts, newest, generation);
            if window.len() > 100 {
                let oldest = window.pop_front().unwrap();
                assert_eq!(receipts.remove(id(oldest)).unwrap().generation, generation - 100);
            }
            assert_eq!(receipts.get_mut(id(newest)).unwrap().generation, generation);
            assert_eq!(ids(&mut receipts), Vec::from(window.clone()), "no order but the cycle's");
        }
    }

    #[test]
    fn any_sequence_of_calls_goes_as_with_a_map() {
        let mut rng = Rng::new(7);
        let mut any = |most: u64| rng.next() % most;
        let mut receipts = Receipts::default();
        let mut map = BTreeMap::new();
        for generation in 0..20_000 {
            // Few enough to meet again, on both sides of the end.
            let id = id(1 + ((65_500 + any(72)) % u64::from(u16::MAX)) as u16);
            if any(2) == 0 {
                insert(&mut receipts, id.get(), generation);
                map.insert(id, generation);
            } else {
                let gone = receipts.remove(id).map(|receipt| receipt.generation);
                assert_eq!(gone, map.remove(&id));
            }
            let found = receipts.get_mut(id).map(|receipt| receipt.generation);
            assert_eq!(found, map.get(&id).copied());
            assert_eq!(receipts.0.len(), map.len());
        }
    }

    #[test]
    fn what_a_burst_needed_is_given_back() {
        let mut receipts = Receipts::default();
        for id in 1..=10_000 {
            insert(&mut receipts, id, 0);
        }
        for gone in 1..=10_000 {
            receipts.remove(id(gone));
        }
        assert!(receipts.0.capacity() <= tuning::RECEIPTS_ROOM, "{}", receipts.0.capacity());
    }
}
