//! Messages that are useless after some time, on their way and in the queue.

use core::time::Duration;

use evenkeel_codec::Publish;

use crate::operation::DeliveryError;
use crate::session::queue::Queued;
use crate::time::Instant;

use super::Client;

impl Client {
    pub(super) fn expire(&mut self, queued: Queued) {
        self.stats.expired += 1;
        let error = DeliveryError::Expired { queued: queued.waited(self.now) };
        self.settle(queued.claim, Err(error));
    }

    pub(super) fn expire_queued(&mut self) {
        let now = self.now;
        if self.session.queue.next_expiry().is_none_or(|next| now < next) {
            return;
        }
        let mut expired = alloc::vec::Vec::new();
        self.session.queue.expire(now, |queued| expired.push(queued));
        for queued in expired {
            self.expire(queued);
        }
    }

    /// The present connection was online at that time already.
    pub(super) fn was_online(&self, at: Instant) -> bool {
        self.connection.online().is_some_and(|online| online.since <= at)
    }
}

/// Whole seconds, rounded up, and never 0: what goes out is useful still, or
/// was sent before and expires no more on our side.
pub(super) fn seconds_left(expires: Instant, now: Instant) -> u32 {
    let span = expires.since(now);
    let whole = u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
    whole.saturating_add(u32::from(span.subsec_nanos() > 0)).max(1)
}

pub(super) fn expiry(publish: &Publish, now: Instant) -> Option<Instant> {
    if publish.properties.is_empty() {
        return None;
    }
    let seconds = publish.properties.message_expiry_interval().filter(|seconds| *seconds > 0)?;
    Some(now + Duration::from_secs(seconds.into()))
}

/// Useful only to those who are there when it is published (an interval of
/// 0): it is sent on the connection it was published on, or not at all.
pub(super) fn is_momentary(publish: &Publish) -> bool {
    !publish.properties.is_empty() && publish.properties.message_expiry_interval() == Some(0)
}
