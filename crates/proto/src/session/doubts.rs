//! Packet identifiers that the server may hold from a session this client has
//! no memory of (D13).

use alloc::boxed::Box;

use evenkeel_codec::PacketId;

/// One bit for each identifier.
type Bits = [u64; 1024];

/// Identifiers under which the server may take a new QoS 2 message for a copy
/// of an older one: an earlier process began the session, and is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    held: Option<Box<Bits>>,
    /// The server bears no PUBREL for what it does not hold.
    gave_up: bool,
}

impl Doubts {
    /// The server may hold any identifier.
    pub(crate) fn raise(&mut self) {
        self.held.get_or_insert_with(|| Box::new([u64::MAX; 1024]));
    }

    /// The session is new: nothing is held.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// True if identifiers are to be given back before their first use.
    #[inline]
    pub(crate) const fn ask_first(&self) -> bool {
        self.held.is_some() && !self.gave_up
    }

    /// The server may hold this one.
    pub(crate) fn holds(&self, id: PacketId) -> bool {
        let (word, bit) = place(id);
        let word = self.held.as_ref().and_then(|held| held.get(word));
        word.is_some_and(|word| word & bit != 0)
    }

    /// The server does not hold this one.
    pub(crate) fn clear(&mut self, id: PacketId) {
        let (word, bit) = place(id);
        if let Some(word) = self.held.as_mut().and_then(|held| held.get_mut(word)) {
            *word &= !bit;
        }
    }

    /// Nothing is given back any more: what is sent under an identifier for
    /// the first time may pass for a copy.
    pub(crate) const fn give_up(&mut self) {
        self.gave_up = true;
    }
}

const fn place(id: PacketId) -> (usize, u64) {
    (id.get() as usize / 64, 1 << (id.get() % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: u16) -> PacketId {
        PacketId::new(id).unwrap()
    }

    #[test]
    fn each_identifier_has_a_bit_of_its_own() {
        let mut doubts = Doubts::default();
        assert!(!doubts.ask_first() && !doubts.holds(id(1)));
        doubts.raise();
        for number in [1, 63, 64, 65, 1023, 1024, u16::MAX] {
            assert!(doubts.holds(id(number)));
            doubts.clear(id(number));
            assert!(!doubts.holds(id(number)));
        }
        let left = (1..=u16::MAX).filter(|number| doubts.holds(id(*number))).count();
        assert_eq!(left, 65_535 - 7);
        // Asked for again at each reconnect: what is known stays known.
        doubts.raise();
        assert!(!doubts.holds(id(64)) && doubts.holds(id(2)));
        doubts.give_up();
        assert!(!doubts.ask_first() && doubts.holds(id(2)));
        doubts.forget();
        assert!(!doubts.holds(id(2)));
    }
}
