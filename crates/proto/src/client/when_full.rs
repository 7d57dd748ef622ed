//! What happens when the queue has no room for a message (D9).

use alloc::vec::Vec;

use evenkeel_codec::Publish;

use crate::config::WhenFull;
use crate::operation::{Claim, DeliveryError, RejectReason};
use crate::record::{Priority, Window};
use crate::session::queue::{Admission, Queued};

use super::Client;

/// What the policy says to a message.
pub(super) enum Room {
    /// There is room, or there is now.
    Made,
    /// It is not accepted.
    None(RejectReason),
    /// It is accepted and dropped.
    DropIt,
}

impl Client {
    /// Makes room as far as the policy allows. Nothing is dropped for a
    /// message that is not accepted in the end.
    pub(super) fn make_room(
        &mut self,
        publish: &Publish,
        priority: Priority,
        stored: bool,
    ) -> Room {
        let policy = self.when_full();
        let former = match policy {
            WhenFull::LatestPerTopic => self.session.queue.of_topic(&publish.topic),
            _ => Vec::new(),
        };
        let queued = former.iter().filter_map(|serial| self.session.queue.get(*serial));
        let freed = Window { messages: former.len(), bytes: queued.map(Queued::weight).sum() };
        let online = self.connection.is_online();
        match self.session.queue.admits(publish, priority, stored, online, freed) {
            Admission::Fits => {
                for serial in former {
                    if let Some((_, queued)) = self.session.queue.take(serial) {
                        self.drop_queued(queued.claim, DeliveryError::Superseded);
                    }
                }
                Room::Made
            }
            Admission::NotKept => Room::None(RejectReason::Offline),
            Admission::Full => match policy {
                WhenFull::DropNewest => Room::DropIt,
                WhenFull::DropOldest => self.drop_oldest(publish, priority, stored),
                WhenFull::Wait | WhenFull::Refuse | WhenFull::LatestPerTopic => self.full(),
            },
        }
    }

    fn full(&self) -> Room {
        Room::None(self.queue_full())
    }

    fn queue_full(&self) -> RejectReason {
        let queue = &self.session.queue;
        RejectReason::QueueFull { messages: queue.len(), bytes: queue.bytes() }
    }

    /// The reason not to queue a message again that the policy would drop:
    /// nobody would hear of it (D1).
    pub(super) fn would_drop(&self, publish: &Publish, priority: Priority) -> Option<RejectReason> {
        let stored = self.is_to_be_stored(publish);
        let online = self.connection.is_online();
        let admission = self.session.queue.admits(publish, priority, stored, online, Window::NONE);
        let drops = self.when_full() == WhenFull::DropNewest && admission == Admission::Full;
        drops.then(|| self.queue_full())
    }

    fn drop_oldest(&mut self, publish: &Publish, priority: Priority, stored: bool) -> Room {
        let online = self.connection.is_online();
        while let Some(lowest) = self.session.queue.victim(publish, priority) {
            let Some(victim) = self.session.queue.pop_oldest(lowest) else { break };
            self.drop_queued(victim.claim, DeliveryError::Dropped);
            let queue = &self.session.queue;
            if queue.admits(publish, priority, stored, online, Window::NONE) == Admission::Fits {
                return Room::Made;
            }
        }
        self.full()
    }

    pub(super) fn drop_queued(&mut self, claim: Claim, why: DeliveryError) {
        self.stats.dropped += 1;
        self.settle(claim, Err(why));
    }
}
