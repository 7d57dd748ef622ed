//! Acknowledging messages on behalf of the application.

use core::time::Duration;

use evenkeel_codec::{Properties, Property, ReasonCode};

use crate::event::Event;
use crate::io::AckKey;
use crate::operation::{AckError, Acknowledged};
use crate::profile;
use crate::time::Instant;

use super::Client;

/// An application that finishes no message for so long holds back the server.
const STALLED_AFTER: Duration = Duration::from_secs(10);

impl Client {
    /// Answers with a code that can be sent.
    pub(super) fn finish_message(&mut self, key: AckKey, reason: ReasonCode) -> Acknowledged {
        let outcome = self.answer_one(key, reason, Properties::new());
        self.send_answers(outcome != Acknowledged::Stale);
        outcome
    }

    /// Answers several; how many codes could not be sent.
    pub(super) fn finish_messages(
        &mut self,
        answers: impl IntoIterator<Item = (AckKey, ReasonCode)>,
    ) -> usize {
        let (mut any, mut replaced) = (false, 0);
        for (key, reason) in answers {
            let outcome = self.answer_one(key, reason, Properties::new());
            any |= outcome != Acknowledged::Stale;
            replaced += usize::from(matches!(outcome, Acknowledged::Replaced(_)));
        }
        self.send_answers(any);
        replaced
    }

    /// Answers with this code and these properties, or not at all.
    pub(super) fn finish_message_with(
        &mut self,
        key: AckKey,
        reason: ReasonCode,
        properties: Properties,
    ) -> Result<(), AckError> {
        let is_plain = reason == ReasonCode::SUCCESS && properties.is_empty();
        if !is_plain && !self.version().has_properties() {
            return Err(AckError::NeedsV5);
        }
        if sendable(reason) != reason {
            return Err(AckError::Reason(reason));
        }
        let has_place = |property: &&Property| {
            matches!(property, Property::ReasonString(_) | Property::UserProperty(..))
        };
        if let Some(other) = properties.iter().find(|property| !has_place(property)) {
            return Err(AckError::Property(other.id()));
        }
        let broken = |it| profile::properties::broken(it, key.packet_name(), &properties);
        if let Some(broken) = self.config.profile().and_then(broken) {
            return Err(AckError::Profile(broken));
        }
        match self.answer_one(key, reason, properties) {
            Acknowledged::Stale => Err(AckError::Stale),
            _ => {
                self.send_answers(true);
                Ok(())
            }
        }
    }

    fn answer_one(
        &mut self,
        key: AckKey,
        given: ReasonCode,
        properties: Properties,
    ) -> Acknowledged {
        let conn = self.conn().unwrap_or(self.attempts.last_conn);
        let has_reasons = self.version().has_properties();
        let reason = if has_reasons { sendable(given) } else { ReasonCode::SUCCESS };
        if !self.session.inbound.acknowledge(conn, key, reason, properties) {
            self.stats.stale_acknowledgements += 1;
            return Acknowledged::Stale;
        }
        if reason == given { Acknowledged::AsGiven } else { Acknowledged::Replaced(reason) }
    }

    fn send_answers(&mut self, any: bool) {
        if any && self.connection.is_online() {
            self.send_pending();
        }
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
