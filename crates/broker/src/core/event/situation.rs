//! Where a connection stood when an event happened, in little memory.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::core::session::Load;
use crate::core::time::Instant;

/// Where a connection stood when an event happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Situation {
    #[serde(rename = "keep_alive_s")]
    keep_alive: Option<u16>,
    /// In milliseconds, as the next one.
    #[serde(rename = "last_sent_s", serialize_with = "in_seconds")]
    sent: Option<u32>,
    #[serde(rename = "last_received_s", serialize_with = "in_seconds")]
    received: Option<u32>,
    in_flight: Option<u32>,
    queued: Option<u32>,
}

/// When bytes last went either way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Activity {
    pub(crate) sent: Option<Instant>,
    pub(crate) received: Option<Instant>,
}

impl Situation {
    /// Nothing is known: there is no connection.
    pub const UNKNOWN: Self =
        Self { keep_alive: None, sent: None, received: None, in_flight: None, queued: None };

    pub(crate) fn new(
        now: Instant,
        keep_alive: Option<u16>,
        activity: Activity,
        load: Option<Load>,
    ) -> Self {
        // What is longer than can be said is said as the longest.
        let fit = |millis: u128| u32::try_from(millis).unwrap_or(u32::MAX);
        let age = |at: Option<Instant>| at.map(|at| fit(now.since(at).as_millis()));
        Self {
            keep_alive,
            sent: age(activity.sent),
            received: age(activity.received),
            in_flight: load.map(|load| load.in_flight),
            queued: load.map(|load| load.queued),
        }
    }

    /// The keep alive in force: 0 for no limit; `None` before CONNACK.
    pub fn keep_alive(&self) -> Option<Duration> {
        self.keep_alive.map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// How long ago the transport last took bytes for the client, to the millisecond;
    /// `None` if it has taken none.
    pub fn last_sent(&self) -> Option<Duration> {
        self.sent.map(|millis| Duration::from_millis(millis.into()))
    }

    /// How long ago bytes last came from the client, to the millisecond; `None` if none
    /// did.
    pub fn last_received(&self) -> Option<Duration> {
        self.received.map(|millis| Duration::from_millis(millis.into()))
    }

    /// Messages of QoS 1 and 2 on their way to the client: sent, and not acknowledged.
    /// `None` without a session.
    pub const fn in_flight(&self) -> Option<u32> {
        self.in_flight
    }

    /// Messages that wait for the client; `None` without a session.
    pub const fn queued(&self) -> Option<u32> {
        self.queued
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands in references")]
fn in_seconds<S: Serializer>(millis: &Option<u32>, to: S) -> Result<S::Ok, S::Error> {
    millis.map(|millis| f64::from(millis) / 1e3).serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_to_the_millisecond_and_never_wrap() {
        let at = Instant::from_micros;
        let activity = Activity { sent: Some(at(1_000)), received: None };
        let told = Situation::new(at(3_999), Some(u16::MAX), activity, None);
        assert_eq!(told.last_sent(), Some(Duration::from_millis(2)));
        assert_eq!((told.last_received(), told.in_flight(), told.queued()), (None, None, None));
        assert_eq!(told.keep_alive(), Some(Duration::from_secs(65_535)));
        let years = Situation::new(at(u64::MAX), None, activity, None);
        assert_eq!(years.last_sent(), Some(Duration::from_millis(u32::MAX.into())));
    }
}
