//! What is counted for one connection, and when the service ends it.

use std::time::Duration;

use evenkeel_profile::Profile;

use super::Judge;
use super::bucket::{Bucket, Window};
use super::inflow::Inflow;
use super::outflow::Outflow;
use super::ping::Pings;
use super::settings::{Quota, Strictness};
use super::shape::value;
use super::verdict::{Break, Verdict};
use crate::core::{ConnectionId, Instant};

/// How soon and how late a connection is cut on a bad day.
const CUT_AFTER: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(4 * 3600));

/// What is counted for one connection.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(super) inflow: Inflow,
    pub(super) outflow: Outflow,
    pub(super) pings: Pings,
    /// Bytes from the client.
    pub(super) bytes: Option<Bucket>,
    /// SUBSCRIBE and UNSUBSCRIBE packets.
    pub(super) subscribes: Option<Window>,
    /// When the service ends it, whatever the client does.
    pub(super) end: Option<End>,
}

/// An end that the service has planned.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) at: Instant,
    pub(super) lived: Duration,
    pub(super) why: EndReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndReason {
    /// The connection is as old as the profile allows.
    Age,
    /// A new version is deployed; with or without a word.
    Deployment(Verdict),
}

impl Judge {
    /// Counters for a connection that begins, for which so many messages were stored.
    pub(crate) fn meter(&self, now: Instant, id: ConnectionId, stored: usize) -> Meter {
        let rules = &self.rules;
        let bytes = value(&rules.connection.byte_rate).map(|rate| Bucket::new(rate, now));
        Meter {
            inflow: Inflow::new(rules),
            outflow: Outflow::new(rules, now, stored),
            pings: Pings::default(),
            bytes,
            subscribes: value(&rules.subscribe.subscribe_packet_rate).map(Window::new),
            end: end(&self.quota, rules, now, id),
        }
    }

    /// Messages on their way to a client at a time.
    pub(crate) fn window(&self, own: u16) -> u16 {
        value(&self.rules.publish.delivery_receive_maximum).map_or(own, |most| most.min(own))
    }
}

impl Meter {
    /// When the connection needs a look because of its limits.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let end = self.end.map(|end| end.at);
        [self.outflow.deadline(), end].into_iter().flatten().min()
    }
}

impl End {
    pub(super) fn broken(self) -> Break {
        let limit = match self.why {
            EndReason::Age => "maximum_connection_age",
            EndReason::Deployment(_) => "deployment",
        };
        Break::new(limit, format!("{} s", self.lived.as_secs()))
    }
}

/// The first end that the service has in mind.
fn end(quota: &Quota, rules: &Profile, now: Instant, id: ConnectionId) -> Option<End> {
    let age = value(&rules.connection.maximum_connection_age);
    let age = age.map(|age| quota.hastened(age)).map(|lived| (lived, EndReason::Age));
    let cut = (quota.strictness == Strictness::Harsh).then(|| {
        let random = mix(quota.seed ^ mix(id.get()));
        let (least, most) = CUT_AFTER;
        let millis = (most - least).as_millis() as u64;
        let says = if random >> 63 == 0 { Verdict::Disconnect(0x8B) } else { Verdict::Close };
        (least + Duration::from_millis((random >> 8) % millis), EndReason::Deployment(says))
    });
    let (lived, why) = age.into_iter().chain(cut).min_by_key(|(lived, _)| *lived)?;
    Some(End { at: now + lived, lived, why })
}

/// A number that looks random: the last step of SplitMix64.
const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
