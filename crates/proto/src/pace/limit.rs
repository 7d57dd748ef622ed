//! What a rate is, who set it, and what it makes wait.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::time::Duration;

use crate::limits::SetBy;
use crate::time::Instant;

/// A rate: no window of `period`, wherever it begins, holds more than `amount`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// What it is called, by a profile as in its file.
    pub name: Cow<'static, str>,
    /// Packets, filters or bytes.
    pub amount: u32,
    /// The time in which there are no more.
    pub period: Duration,
    /// Who set it.
    pub set_by: SetBy,
    /// Where it is written, for people; may be empty.
    pub source: Cow<'static, str>,
}

impl RateLimit {
    /// A rate that the application sets.
    pub const fn new(name: &'static str, amount: u32, period: Duration) -> Self {
        Self {
            name: Cow::Borrowed(name),
            amount,
            period,
            set_by: SetBy::Client,
            source: Cow::Borrowed(""),
        }
    }
}

/// How often the client may send what. Each rate is one of a connection and begins
/// with none of it left to use, so that it holds across connections as well.
///
/// To hold in every window, a rate is not used up to its end: of 100 messages a
/// second 98 go out. Of bytes it is seven eighths, or less so that a packet of the
/// largest size fits beside; half at least, and if that size is not known. A packet
/// larger than half of the rate goes alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rates {
    /// PUBLISH packets, those that are sent again included; all of them hold.
    pub publish: Vec<RateLimit>,
    /// PUBLISH packets to one topic. Of topics 1,024 are counted at a time: a further
    /// one waits until one of them has its whole rate again.
    pub publish_per_topic: Option<RateLimit>,
    /// Bytes of MQTT. PUBLISH, SUBSCRIBE and UNSUBSCRIBE wait for it, while
    /// acknowledgements, PUBREL and PINGREQ are only counted. The frames of TLS and
    /// WebSocket are not.
    pub bytes: Option<RateLimit>,
    /// SUBSCRIBE and UNSUBSCRIBE packets.
    pub subscribe_packets: Option<RateLimit>,
    /// Filters in SUBSCRIBE packets.
    pub subscribe_filters: Option<RateLimit>,
    /// Whether the server, before MQTT 5, discards what is published too fast
    /// without an acknowledgement. It is then looked for exchanges that stay
    /// unanswered for 30 s while later packets are answered
    /// ([`AcknowledgementsWithheld`](crate::Event::AcknowledgementsWithheld)), and
    /// `publish` is halved for a time each time some are found. Default false.
    pub withheld: bool,
}

/// One of the rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Publish(usize),
    Topic,
    Bytes,
    Packets,
    Filters,
}

impl Rates {
    /// True if there is no rate.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// All rates there are.
    pub fn iter(&self) -> impl Iterator<Item = &RateLimit> {
        let others = [
            &self.publish_per_topic,
            &self.bytes,
            &self.subscribe_packets,
            &self.subscribe_filters,
        ];
        self.publish.iter().chain(others.into_iter().flatten())
    }

    /// Neither amount nor period of a rate is 0.
    pub(crate) fn are_possible(&self) -> bool {
        self.iter().all(|limit| limit.amount > 0 && !limit.period.is_zero())
    }

    /// Halves the rates of PUBLISH so many times, to 1 at least.
    pub(crate) fn lower(&mut self, halvings: u32) {
        for limit in &mut self.publish {
            let amount = limit.amount.unbounded_shr(halvings).max(1);
            if amount < limit.amount {
                (limit.amount, limit.set_by) = (amount, SetBy::Withheld);
            }
        }
    }

    pub(crate) fn get(&self, which: Which) -> Option<&RateLimit> {
        match which {
            Which::Publish(index) => self.publish.get(index),
            Which::Topic => self.publish_per_topic.as_ref(),
            Which::Bytes => self.bytes.as_ref(),
            Which::Packets => self.subscribe_packets.as_ref(),
            Which::Filters => self.subscribe_filters.as_ref(),
        }
    }
}

/// How far a rate is used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLeft {
    /// The rate.
    pub limit: RateLimit,
    /// What may go out at this moment: packets, filters or bytes, as the rate counts.
    pub tokens: u64,
    /// The most that may ever go out at one moment.
    pub most: u64,
}

/// Something that could go out waits for a rate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateWait {
    /// The rate.
    pub limit: RateLimit,
    /// Since when something has waited without a break.
    pub since: Instant,
    /// When the next packet goes; `None` when something before it is written.
    pub next: Option<Instant>,
    /// Messages in the queue.
    pub queued: usize,
}
