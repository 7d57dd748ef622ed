//! Messages that connections died of, kept if there is no store.

use alloc::collections::VecDeque;

use crate::record::{Serial, StoredMessage};

use super::queue::weight;

/// So many are kept ...
const MESSAGES: usize = 100;
/// ... of so many bytes; the newest in any case.
const BYTES: usize = 1 << 20;

/// The latest messages that were quarantined, for people to look at (R7).
/// They have had their outcome, so that older ones may be forgotten.
#[derive(Debug, Default)]
pub(crate) struct Quarantine {
    messages: VecDeque<StoredMessage>,
    bytes: usize,
}

impl Quarantine {
    pub(crate) fn push(&mut self, message: StoredMessage) {
        self.bytes += weight(&message.publish);
        self.messages.push_back(message);
        while self.messages.len() > MESSAGES || self.bytes > BYTES && self.messages.len() > 1 {
            let oldest = self.messages.pop_front();
            self.bytes -= oldest.map_or(0, |oldest| weight(&oldest.publish));
        }
    }

    pub(crate) fn take(&mut self, serial: Serial) -> Option<StoredMessage> {
        let index = self.messages.iter().position(|message| message.serial == serial)?;
        let message = self.messages.remove(index)?;
        self.bytes -= weight(&message.publish);
        Some(message)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &StoredMessage> {
        self.messages.iter()
    }
}
