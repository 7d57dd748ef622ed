//! What the broker tells: one event for each decision.

mod end;
mod fields;
mod json;
mod kind;
mod situation;
mod v1;

use std::sync::Arc;
use std::time::Duration;

pub use end::{CloseReason, Closer};
pub use kind::EventKind;
pub(crate) use situation::Activity;
pub use situation::Situation;

use super::ids::ConnectionId;
use super::time::Instant;

/// One decision of the broker.
///
/// As JSON it is one flat object with stable field names: first what every event has,
/// then the fields of this one; docs/broker-events.schema.json is its schema. Payloads,
/// passwords and authentication data are never part of an event.
///
/// ```
/// use evenkeel_broker::{ConnectionId, Event, EventKind, Instant};
/// let event = Event {
///     connection: Some(ConnectionId::new(7)),
///     client_id: Some("pump-17".into()),
///     ..Event::new(Instant::from_micros(1_500_000), EventKind::PingReceived)
/// };
/// assert!(event.to_json().starts_with(
///     r#"{"v":2,"type":"broker_event","time":null,"mono_ns":1500000000,"event":"ping_received","client_id":"pump-17","connection":7,"#
/// ));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When, on the broker's clock: the time between two events is the difference of
    /// these.
    pub time: Instant,
    /// When by the wall clock, since the beginning of 1970; `None` of a core whose
    /// driver has not said. That clock may be set at any time.
    pub unix: Option<Duration>,
    /// The network connection it is about.
    pub connection: Option<ConnectionId>,
    /// The client identifier it is about.
    pub client_id: Option<Arc<str>>,
    /// Where the connection stood.
    pub situation: Situation,
    /// What was decided.
    pub kind: EventKind,
}

impl Event {
    /// An event about no connection and no client.
    pub const fn new(time: Instant, kind: EventKind) -> Self {
        Self {
            time,
            unix: None,
            connection: None,
            client_id: None,
            situation: Situation::UNKNOWN,
            kind,
        }
    }

    /// The event as one line of JSON, without a line break: version 2.
    pub fn to_json(&self) -> String {
        json::line(self)
    }

    /// As [`to_json`](Self::to_json) in version 1, for programs that read that; it
    /// goes with 0.4.
    pub fn to_json_v1(&self) -> String {
        v1::line(self)
    }

    /// The name of the event in JSON, such as `ping_received`.
    pub const fn name(&self) -> &'static str {
        self.kind.name()
    }
}
