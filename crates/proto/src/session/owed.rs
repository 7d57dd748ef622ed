//! Answers that are still due to copies of packets whose exchange is over (D4).

use evenkeel_codec::PacketId;

use crate::sorted::Map;

/// Identifiers that the server may answer again on the present connection.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    answers: Map<PacketId, u8>,
}

impl Owed {
    pub(crate) fn len(&self) -> usize {
        self.answers.len()
    }

    pub(crate) fn holds(&self, id: PacketId) -> bool {
        self.answers.contains_key(&id)
    }

    /// So many answers are due.
    pub(crate) fn owe(&mut self, id: PacketId, answers: u8) {
        self.answers.insert(id, answers);
    }

    /// One has come; true if it was due.
    pub(crate) fn pay(&mut self, id: PacketId) -> bool {
        let Some(left) = self.answers.get_mut(&id) else { return false };
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.answers.remove(&id);
        }
        true
    }
}
