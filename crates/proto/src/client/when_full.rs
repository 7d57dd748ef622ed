//! What happens when the queue has no room for a message (D9).

use evenkeel_codec::Publish;

use crate::config::WhenFull;
use crate::operation::{Claim, DeliveryError, RejectReason};
use crate::record::{Priority, Window};
use crate::session::queue::Admission;

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
        let is_latest = policy == WhenFull::LatestPerTopic;
        let online = self.is_online_or_renewing();
        let queue = &self.session.queue;
        let mut admission = queue.admits(publish, priority, stored, online, Window::NONE);
        if is_latest && admission == Admission::Full {
            let freed = queue.freed_by_topic(&publish.topic);
            admission = queue.admits(publish, priority, stored, online, freed);
        }
        match admission {
            Admission::Fits => {
                while is_latest
                    && let Some(former) = self.session.queue.pop_of_topic(&publish.topic)
                {
                    self.drop_queued(former.claim, DeliveryError::Superseded);
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
        let online = self.is_online_or_renewing();
        let admission = self.session.queue.admits(publish, priority, stored, online, Window::NONE);
        let drops = self.when_full() == WhenFull::DropNewest && admission == Admission::Full;
        drops.then(|| self.queue_full())
    }

    fn drop_oldest(&mut self, publish: &Publish, priority: Priority, stored: bool) -> Room {
        let online = self.is_online_or_renewing();
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
