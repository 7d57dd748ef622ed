//! Messages that connections died of, kept if there is no store.

use alloc::boxed::Box;
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
pub(crate) struct Quarantine(
    /// Made when it is first needed.
    Option<Box<Kept>>,
);

#[derive(Debug, Default)]
struct Kept {
    messages: VecDeque<StoredMessage>,
    bytes: usize,
}

impl Quarantine {
    pub(crate) fn push(&mut self, message: StoredMessage) {
        let kept = self.0.get_or_insert_default();
        kept.bytes += weight(&message.publish);
        kept.messages.push_back(message);
        while kept.messages.len() > MESSAGES || kept.bytes > BYTES && kept.messages.len() > 1 {
            let oldest = kept.messages.pop_front();
            kept.bytes -= oldest.map_or(0, |oldest| weight(&oldest.publish));
        }
    }

    pub(crate) fn take(&mut self, serial: Serial) -> Option<StoredMessage> {
        let kept = self.0.as_mut()?;
        let index = kept.messages.iter().position(|message| message.serial == serial)?;
        let message = kept.messages.remove(index)?;
        kept.bytes -= weight(&message.publish);
        Some(message)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |kept| kept.messages.len())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &StoredMessage> {
        self.0.iter().flat_map(|kept| &kept.messages)
    }
}
