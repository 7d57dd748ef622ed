//! Rates: how often a server lets a client send what.
//!
//! A connection with rates has buckets of tokens, which begin empty at CONNACK and
//! die with it. What has no token waits where it is, in order; what keeps a
//! connection going (acknowledgements, PUBREL, PINGREQ) never waits.

mod bucket;
mod limit;
mod rated;
mod topics;
mod unwritten;

use alloc::vec::Vec;
use core::time::Duration;

use evenkeel_codec::Publish;

use crate::connection::Offsets;
use crate::hash::hash;
use crate::limits::{Limits, SetBy};
use crate::time::Instant;

use bucket::{Bucket, Refill, Supply};
use topics::Topics;
use unwritten::{Taken, Unwritten};

pub(crate) use limit::Which;
pub use limit::{RateLeft, RateLimit, RateWait, Rates};
pub(crate) use rated::Rated;

/// The most tokens that a bucket of packets holds: as many may go at one moment.
const DEEPEST: u64 = 10;
/// A bucket of packets holds one token for each so many of its rate, and one: what a
/// wake-up that is late by 2 % of the period would lose.
const PER_TOKEN: u32 = 50;
/// Part of a rate of bytes that its bucket holds at least ...
const LEAST_BYTES: u64 = 8;
/// ... and at most, if packets may be as large or larger.
const MOST_BYTES: u64 = 2;

/// Waiting is told of if it takes so long, ...
const TOLD_AFTER: Duration = Duration::from_secs(1);
/// ... and not again within this time.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// More than a PUBLISH holds beside topic, payload and properties of the message.
const LARGEST_FRAME: u64 = 32;

/// The rates of one connection, and how far each is used.
#[derive(Debug)]
pub(crate) struct Pacer {
    publishes: Vec<(Refill, Bucket)>,
    topics: Option<Topics>,
    bytes: Option<(Refill, Bucket)>,
    packets: Option<(Refill, Bucket)>,
    filters: Option<(Refill, Bucket)>,
    unwritten: Unwritten,
    /// What messages wait for, and what SUBSCRIBE and UNSUBSCRIBE do.
    messages: Option<Wait>,
    operations: Option<Wait>,
    told: Option<Instant>,
}

/// Why something has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) by: Which,
    /// Until then; `None` until something is written.
    until: Option<Instant>,
}

/// Something waits for a rate.
#[derive(Clone, Copy, Debug)]
struct Wait {
    held: Held,
    since: Instant,
}

/// Messages that have their turn and wait for the store, by what they will take.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OnTheirWay {
    messages: u64,
    bytes: u64,
    /// Those to the topic that is asked about.
    to_topic: u64,
}

impl OnTheirWay {
    pub(crate) fn add(&mut self, publish: &Publish, topic: &str) {
        self.messages += 1;
        self.bytes += most_bytes(publish, publish.payload.len());
        self.to_topic += u64::from(publish.topic.as_str() == topic);
    }
}

/// At least as many bytes as the PUBLISH will have.
fn most_bytes(publish: &Publish, payload: usize) -> u64 {
    (payload + publish.topic.len() + publish.properties.encoded_len()) as u64 + LARGEST_FRAME
}

fn packets(limit: &RateLimit) -> Refill {
    let depth = u64::from(1 + limit.amount / PER_TOKEN).min(DEEPEST);
    Refill::new(limit.amount, limit.period, depth)
}

/// A packet of the largest size fits, so that no window holds too much; if the size
/// is not known, one as large as may be.
fn bytes(limit: &RateLimit, largest: u64) -> Refill {
    let amount = u64::from(limit.amount);
    let depth = largest.clamp(amount / LEAST_BYTES, amount / MOST_BYTES);
    Refill::new(limit.amount, limit.period, depth)
}

fn empty_publishes(rates: &Rates, now: Instant) -> Vec<(Refill, Bucket)> {
    let refills = rates.publish.iter().map(packets);
    refills.map(|refill| (refill, Bucket::empty(now, refill))).collect()
}

impl Pacer {
    /// For a connection that was accepted now; `None` if it has no rate.
    pub(crate) fn new(
        rates: &Rates,
        limits: &Limits,
        filters_per_packet: usize,
        sent: &Offsets,
        now: Instant,
    ) -> Option<Self> {
        if rates.is_empty() {
            return None;
        }
        let empty = |refill: Refill| (refill, Bucket::empty(now, refill));
        let largest = match limits.packet_size.set_by {
            SetBy::Protocol => u64::MAX,
            _ => limits.packet_size.value.into(),
        };
        let mut paced = Self {
            publishes: empty_publishes(rates, now),
            topics: rates.publish_per_topic.as_ref().map(|limit| Topics::new(packets(limit), now)),
            bytes: rates.bytes.as_ref().map(|limit| empty(bytes(limit, largest))),
            packets: rates.subscribe_packets.as_ref().map(|limit| empty(packets(limit))),
            filters: rates.subscribe_filters.as_ref().map(|limit| {
                let most = filters_per_packet as u64;
                empty(Refill::new(limit.amount, limit.period, most.min((limit.amount / 2).into())))
            }),
            unwritten: Unwritten::default(),
            messages: None,
            operations: None,
            told: None,
        };
        // CONNECT is one of the bytes.
        if let Some((refill, bucket)) = &mut paced.bytes {
            bucket.take(now, *refill, sent.written);
        }
        Some(paced)
    }

    /// Other amounts of PUBLISH are in force from now on. Their buckets are empty, so
    /// that no window holds more than the larger of the two amounts.
    pub(crate) fn replace_publishes(&mut self, rates: &Rates, now: Instant) {
        self.publishes = empty_publishes(rates, now);
    }

    // ---- questions ----

    /// What a PUBLISH with a payload of this length has to wait for, if anything,
    /// beside messages that are on their way through the store.
    pub(crate) fn holds_publish(
        &self,
        now: Instant,
        publish: &Publish,
        payload: usize,
        sent: &Offsets,
        before: impl FnOnce() -> OnTheirWay,
    ) -> Option<Held> {
        let none = OnTheirWay::default();
        // Mostly what waits does so without a look at what is on its way.
        self.holds(now, publish, payload, sent, none)
            .or_else(|| self.holds(now, publish, payload, sent, before()))
    }

    fn holds(
        &self,
        now: Instant,
        publish: &Publish,
        payload: usize,
        sent: &Offsets,
        before: OnTheirWay,
    ) -> Option<Held> {
        let published = self.unwritten.publishes() + before.messages;
        for (index, (refill, bucket)) in self.publishes.iter().enumerate() {
            let supply = bucket.supply(now, *refill, published, 1);
            if let Some(held) = held(Which::Publish(index), supply) {
                return Some(held);
            }
        }
        if let Some(topics) = &self.topics {
            let topic = hash(publish.topic.as_bytes());
            let published = self.unwritten.publishes_to(topic) + before.to_topic;
            if let Some(held) = held(Which::Topic, topics.supply(now, topic, published)) {
                return Some(held);
            }
        }
        let (refill, bucket) = self.bytes.as_ref()?;
        let on_their_way = sent.unwritten() + before.bytes;
        let supply = bucket.supply(now, *refill, on_their_way, most_bytes(publish, payload));
        held(Which::Bytes, supply)
    }

    /// What a SUBSCRIBE or UNSUBSCRIBE of this size has to wait for, if anything;
    /// `filters` are those that it subscribes to.
    pub(crate) fn holds_control(
        &self,
        now: Instant,
        filters: u64,
        size: u64,
        sent: &Offsets,
    ) -> Option<Held> {
        let asked = [
            (Which::Packets, &self.packets, self.unwritten.controls(), 1),
            (Which::Filters, &self.filters, self.unwritten.filters(), filters),
            (Which::Bytes, &self.bytes, sent.unwritten(), size),
        ];
        asked.into_iter().find_map(|(which, rate, on_their_way, tokens)| {
            let (refill, bucket) = rate.as_ref()?;
            if tokens == 0 {
                return None;
            }
            held(which, bucket.supply(now, *refill, on_their_way, tokens))
        })
    }

    /// How much of each rate but that of topics may go out now.
    pub(crate) fn left(&self, rates: &Rates, now: Instant) -> Vec<RateLeft> {
        let publishes = rates.publish.iter().zip(&self.publishes);
        let others = [
            (&rates.bytes, &self.bytes),
            (&rates.subscribe_packets, &self.packets),
            (&rates.subscribe_filters, &self.filters),
        ];
        let others =
            others.into_iter().filter_map(|(limit, held)| limit.as_ref().zip(held.as_ref()));
        let left = |(limit, (refill, bucket)): (&RateLimit, &(Refill, Bucket))| RateLeft {
            limit: limit.clone(),
            tokens: bucket.left(now, *refill),
            most: refill.depth(),
        };
        publishes.chain(others).map(left).collect()
    }

    /// Filters that may be in one SUBSCRIBE.
    pub(crate) fn filters_per_packet(&self) -> usize {
        self.filters.as_ref().map_or(usize::MAX, |(refill, _)| refill.depth() as usize)
    }

    // ---- what goes out ----

    /// A PUBLISH was queued last.
    pub(crate) fn on_publish(&mut self, now: Instant, publish: &Publish, sent: &Offsets) {
        let topic = hash(publish.topic.as_bytes());
        if let Some(topics) = &mut self.topics {
            topics.note(now, topic);
        }
        self.unwritten.push(sent.queued, Taken::Publish { topic });
    }

    /// A SUBSCRIBE to so many filters, or an UNSUBSCRIBE, was queued last.
    pub(crate) fn on_control(&mut self, filters: u64, sent: &Offsets) {
        self.unwritten.push(sent.queued, Taken::Control { filters });
    }

    /// The transport took bytes.
    pub(crate) fn on_written(&mut self, now: Instant, bytes: u64, sent: &Offsets) {
        if let Some((refill, bucket)) = &mut self.bytes {
            bucket.take(now, *refill, bytes);
        }
        while let Some(taken) = self.unwritten.pop(sent.written) {
            match taken {
                Taken::Publish { topic } => {
                    for (refill, bucket) in &mut self.publishes {
                        bucket.take(now, *refill, 1);
                    }
                    if let Some(topics) = &mut self.topics {
                        topics.take(now, topic);
                    }
                }
                Taken::Control { filters } => {
                    let rates = [(&mut self.packets, 1), (&mut self.filters, filters)];
                    for (rate, tokens) in rates {
                        if let Some((refill, bucket)) = rate {
                            bucket.take(now, *refill, tokens);
                        }
                    }
                }
            }
        }
    }

    // ---- waiting ----

    /// What messages and operations wait for now. True if what [`waits`](Self::waits)
    /// says is to be told.
    pub(crate) fn note_waits(
        &mut self,
        now: Instant,
        messages: Option<Held>,
        operations: Option<Held>,
    ) -> bool {
        let waits = [(&mut self.messages, messages), (&mut self.operations, operations)];
        for (wait, held) in waits {
            let since = wait.map_or(now, |wait| wait.since);
            *wait = held.map(|held| Wait { held, since });
        }
        let told_lately = self.told.is_some_and(|told| now < told + TOLD_AGAIN);
        let waits = [self.messages, self.operations].into_iter().flatten();
        // Of two, the one that ends later is told of.
        let wait = waits.max_by_key(|wait| wait.held.until);
        if told_lately || wait.is_none_or(|wait| wait.end(now) < wait.since + TOLD_AFTER) {
            return false;
        }
        self.told = Some(now);
        true
    }

    /// What the operation at the front waited for when it was asked for last, until
    /// the time that was told then. An UNSUBSCRIBE waits for no rate of filters.
    pub(crate) fn operation_still_waits(&self, now: Instant, subscribes: bool) -> Option<Held> {
        let held = self.operations?.held;
        let applies = subscribes || held.by != Which::Filters;
        if applies && held.until? > now { Some(held) } else { None }
    }

    /// When something that waits may go.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let waits = [self.messages, self.operations].into_iter().flatten();
        waits.filter_map(|wait| wait.held.until).min()
    }

    /// What is waited for the longest, since when, and until when at the earliest.
    pub(crate) fn waits(&self) -> Option<(Which, Instant, Option<Instant>)> {
        let waits = [self.operations, self.messages].into_iter().flatten();
        let wait = waits.max_by_key(|wait| wait.held.until)?;
        Some((wait.held.by, wait.since, wait.held.until))
    }
}

impl Wait {
    fn end(&self, now: Instant) -> Instant {
        self.held.until.unwrap_or(now)
    }
}

fn held(by: Which, supply: Supply) -> Option<Held> {
    match supply {
        Supply::Now => None,
        Supply::At(at) => Some(Held { by, until: Some(at) }),
        Supply::WhenWritten => Some(Held { by, until: None }),
    }
}
