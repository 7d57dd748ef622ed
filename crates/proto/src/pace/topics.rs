//! Buckets of topics, bounded in number.

use alloc::collections::BTreeMap;

use crate::time::Instant;

use super::bucket::{Bucket, Refill, Supply};

/// Topics that are remembered. Those whose bucket is full again are forgotten to
/// make room, which changes nothing; if none is, a further topic waits.
const TOPICS: usize = 1024;

/// A bucket for each topic, by its hash: topics with the same one share a bucket,
/// which costs them time and breaks no rate.
#[derive(Debug)]
pub(super) struct Topics {
    refill: Refill,
    /// That of a topic that nothing went to.
    fresh: Bucket,
    buckets: BTreeMap<u64, Bucket>,
}

impl Topics {
    pub(super) fn new(refill: Refill, now: Instant) -> Self {
        Self { refill, fresh: Bucket::empty(now, refill), buckets: BTreeMap::new() }
    }

    pub(super) fn supply(&self, now: Instant, topic: u64, on_their_way: u64) -> Supply {
        let known = self.buckets.get(&topic);
        if known.is_none() && self.buckets.len() >= TOPICS {
            let first = self.buckets.values().map(Bucket::full_at).min();
            if let Some(at) = first.filter(|at| *at > now) {
                return Supply::At(at);
            }
        }
        known.unwrap_or(&self.fresh).supply(now, self.refill, on_their_way, 1)
    }

    /// A message to this topic is on its way.
    pub(super) fn note(&mut self, now: Instant, topic: u64) {
        if self.buckets.len() >= TOPICS && !self.buckets.contains_key(&topic) {
            self.buckets.retain(|_, bucket| !bucket.is_full(now));
        }
        self.buckets.entry(topic).or_insert(self.fresh);
    }

    /// A message to this topic was written.
    pub(super) fn take(&mut self, now: Instant, topic: u64) {
        self.buckets.entry(topic).or_insert(self.fresh).take(now, self.refill, 1);
    }
}
