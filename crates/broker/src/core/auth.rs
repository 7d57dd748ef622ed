//! One exchange of enhanced authentication.

use std::fmt;

use evenkeel_codec::{Auth, Bytes, Properties, Property, ReasonCode, Text};

use super::access::Challenge;
use super::ids::ConnectionId;

/// A challenge that waits for its answer.
pub(crate) struct Exchange {
    method: Text,
    rounds_left: u32,
    expected: Bytes,
}

/// What became of an answer.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The next challenge.
    Continue(Auth),
    Accepted,
    Rejected,
}

impl Exchange {
    /// Begins with a first challenge; `None` if there is no round at all.
    pub(crate) fn begin(
        config: &Challenge,
        method: Text,
        connection: ConnectionId,
    ) -> Option<(Self, Auth)> {
        let mut exchange = Self { method, rounds_left: config.rounds, expected: Bytes::new() };
        let auth = exchange.challenge(connection)?;
        Some((exchange, auth))
    }

    /// Judges the client's answer.
    pub(crate) fn on_answer(&mut self, auth: &Auth, connection: ConnectionId) -> Answer {
        if auth.properties.authentication_data().unwrap_or_default() != self.expected {
            return Answer::Rejected;
        }
        self.challenge(connection).map_or(Answer::Accepted, Answer::Continue)
    }

    pub(crate) const fn method(&self) -> &Text {
        &self.method
    }

    //= [MQTT-4.12.0-2]
    //= [MQTT-4.12.0-5]
    fn challenge(&mut self, connection: ConnectionId) -> Option<Auth> {
        let left = self.rounds_left.checked_sub(1)?;
        self.rounds_left = left;
        let data = Bytes::from(format!("evenkeel-{connection}-{left}"));
        self.expected = data.iter().rev().copied().collect();
        let properties = Properties::new()
            .with(Property::AuthenticationMethod(self.method.clone()))
            .with(Property::AuthenticationData(data));
        Some(Auth { reason: ReasonCode::CONTINUE_AUTHENTICATION, properties })
    }
}

impl fmt::Debug for Exchange {
    /// Shows the method; never what is expected.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("method", &self.method).finish_non_exhaustive()
    }
}
