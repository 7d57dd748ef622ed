//! Acknowledging messages on behalf of the application.

use core::time::Duration;

use evenkeel_codec::ReasonCode;

use crate::event::Event;
use crate::io::AckKey;
use crate::time::Instant;

use super::Client;

/// An application that finishes no message for so long holds back the server.
const STALLED_AFTER: Duration = Duration::from_secs(10);

impl Client {
    /// Says that the application is done with a message. `reason` is success
    /// or, on MQTT 5, a refusal (`0x80` or above); before MQTT 5 every answer
    /// is sent as success. A code that PUBACK and PUBREC do not have is
    /// replaced by success or by unspecified error.
    ///
    /// A key of a connection that is over is counted and ignored: the server
    /// delivers that message again.
    pub fn acknowledge(&mut self, now: Instant, key: AckKey, reason: ReasonCode) {
        self.acknowledge_all(now, [(key, reason)]);
    }

    /// Says that the application is done with several messages, each as by
    /// [`acknowledge`](Self::acknowledge); costs less than one by one.
    pub fn acknowledge_all(
        &mut self,
        now: Instant,
        answers: impl IntoIterator<Item = (AckKey, ReasonCode)>,
    ) {
        self.advance_clock(now);
        let conn = self.conn().unwrap_or(self.attempts.last_conn);
        let has_reasons = self.version().has_properties();
        let mut any_of_use = false;
        for (key, reason) in answers {
            let reason = if has_reasons { sendable(reason) } else { ReasonCode::SUCCESS };
            let of_use = self.session.inbound.acknowledge(conn, key, reason);
            any_of_use |= of_use;
            self.stats.stale_acknowledgements += u64::from(!of_use);
        }
        if any_of_use && self.connection.is_online() {
            self.send_pending();
        }
    }

    /// Says that the application let go of a message and will not finish it, as
    /// after a panic. It stays unacknowledged, and is delivered again when the
    /// server sends it again, on another connection; a message of QoS 1 is so in
    /// any case.
    pub fn give_back(&mut self, key: AckKey) {
        self.session.inbound.give_back(key);
    }

    /// Notes since when messages that wait for an answer of ours use up our
    /// receive maximum, and tells when that is over.
    pub(super) fn watch_quota(&mut self) {
        let maximum = usize::from(self.config.connect.receive_maximum);
        let inbound = &mut self.session.inbound;
        let was_full = inbound.quota.is_full;
        inbound.quota.is_full = inbound.owed() >= maximum;
        match (was_full, inbound.quota.is_full) {
            (false, true) => inbound.full_since = self.now,
            (true, false) => self.end_stall(),
            _ => {}
        }
    }

    /// When it is to be told that the application finishes no message.
    pub(super) fn stall_deadline(&self) -> Option<Instant> {
        let inbound = &self.session.inbound;
        let is_untold = inbound.quota.is_full && !inbound.quota.is_stalled;
        is_untold.then(|| inbound.full_since + STALLED_AFTER)
    }

    /// Tells that the application holds back the server, where it is time (D10).
    pub(super) fn tell_stall(&mut self) {
        if self.stall_deadline().is_some_and(|at| at <= self.now) {
            let unacknowledged = self.session.inbound.owed();
            self.session.inbound.quota.is_stalled = true;
            self.event(Event::DeliveryStalled { unacknowledged });
        }
    }

    /// The server may send again, or the connection is over.
    pub(super) fn end_stall(&mut self) {
        if core::mem::take(&mut self.session.inbound.quota.is_stalled) {
            self.event(Event::DeliveryResumed);
        }
    }
}

//= [MQTT-3.4.2-1]
//= [MQTT-3.5.2-1]
/// The code as PUBACK and PUBREC may hold it.
const fn sendable(reason: ReasonCode) -> ReasonCode {
    match reason {
        ReasonCode::SUCCESS
        | ReasonCode::NO_MATCHING_SUBSCRIBERS
        | ReasonCode::UNSPECIFIED_ERROR
        | ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR
        | ReasonCode::NOT_AUTHORIZED
        | ReasonCode::TOPIC_NAME_INVALID
        | ReasonCode::PACKET_IDENTIFIER_IN_USE
        | ReasonCode::QUOTA_EXCEEDED
        | ReasonCode::PAYLOAD_FORMAT_INVALID => reason,
        reason if reason.is_error() => ReasonCode::UNSPECIFIED_ERROR,
        _ => ReasonCode::SUCCESS,
    }
}
