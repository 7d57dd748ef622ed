//! Messages that are useless after some time, on their way and in the queue.

use core::time::Duration;

use evenkeel_codec::Publish;

use crate::operation::DeliveryError;
use crate::session::queue::Queued;
use crate::time::Instant;
use crate::tuning;

use super::Client;

impl Client {
    pub(super) fn expire(&mut self, queued: Queued) {
        self.stats.expired += 1;
        let error = DeliveryError::Expired { queued: queued.waited(self.now) };
        self.settle(queued.claim, Err(error));
    }

    /// A part of what has expired; the rest is due still, and has its turn.
    pub(super) fn expire_queued(&mut self) {
        for _ in 0..tuning::EXPIRED_AT_ONCE {
            let Some(queued) = self.session.queue.pop_expired(self.now) else { return };
            self.expire(queued);
        }
    }

    /// When the next message that waits expires.
    pub(super) fn expiry_deadline(&self) -> Option<Instant> {
        if self.connection.is_closed() {
            return None;
        }
        let goes_on = self.session.queue.goes_on.then_some(self.now);
        goes_on.or_else(|| self.session.queue.next_expiry())
    }

    /// Of no more use, although it is at the front: it expired unnoticed, or was
    /// for those who were there when it was published.
    pub(super) fn is_useless(&self, queued: &Queued) -> bool {
        queued.expires.is_some_and(|expires| expires <= self.now)
            || is_momentary(&queued.publish) && !self.was_online(queued.since)
    }

    /// The present connection was online at that time already.
    fn was_online(&self, at: Instant) -> bool {
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
