//! Messages in memory as they are, and the queue by priority.

use evenkeel_proto::record::{Accepted, Count, Serial};
use evenkeel_proto::sorted::{Map, Set};

use crate::session::Messages;
use crate::weight;

#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub(super) messages: Map<Serial, Accepted>,
    pub(super) queued: [Set<Serial>; 3],
    pub(super) bytes: u64,
}

impl Memory {
    pub(super) fn counts(&self) -> [Count; 3] {
        let mut counts = [Count::default(); 3];
        for (count, queued) in counts.iter_mut().zip(&self.queued) {
            let messages = queued.iter().filter_map(|serial| self.messages.get(serial));
            count.messages = queued.len() as u64;
            count.bytes = messages.map(|message| weight(&message.publish)).sum();
        }
        counts
    }
}

impl Messages for Memory {
    fn accept(&mut self, message: &Accepted) {
        self.bytes += weight(&message.publish);
        self.messages.insert(message.serial, message.clone());
        if let Some(queued) = self.queued.get_mut(message.priority as usize) {
            queued.insert(message.serial);
        }
    }

    fn dequeue(&mut self, serial: Serial) -> bool {
        self.queued.iter_mut().any(|queued| queued.remove(&serial))
    }

    fn discard(&mut self, serial: Serial) {
        if let Some(message) = self.messages.remove(&serial) {
            self.bytes -= weight(&message.publish);
        }
    }
}
