//! Accepted messages that wait to be sent.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::time::Duration;

use evenkeel_codec::{Publish, QoS, Text};

use crate::config::{OfflineQos0, QueueConfig, WhenFull};
use crate::operation::{Claim, Report};
use crate::record::{Count, Priority, Read, Serial, Window};
use crate::time::Instant;
use crate::tuning;

use super::levels::{Level, Levels};

/// A message accepted and not yet sent.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) publish: Publish,
    pub(crate) claim: Claim,
    /// When it was accepted, or read back from the store ...
    pub(crate) since: Instant,
    /// ... after it had waited for so long in earlier runs.
    pub(crate) before: Duration,
    pub(crate) expires: Option<Instant>,
}

impl Queued {
    /// What it counts against the bound in bytes.
    pub(crate) fn weight(&self) -> usize {
        weight(&self.publish)
    }

    /// How long it has waited.
    pub(crate) fn waited(&self, now: Instant) -> Duration {
        now.since(self.since) + self.before
    }
}

/// Accepted messages by priority, bounded in number and bytes (D9).
#[derive(Debug)]
pub(crate) struct Queue {
    config: QueueConfig,
    levels: Levels,
    /// Who waits for messages that are in the store alone.
    reports: BTreeMap<Serial, Report>,
    /// The messages held here by topic, if the policy asks for it. A topic
    /// has more than one where they were read from the store.
    topics: BTreeSet<(Text, Serial)>,
    /// No message held here expires before this.
    next_expiry: Option<Instant>,
}

/// What the queue says to a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Fits,
    Full,
    /// QoS 0 while offline, and the policy keeps none.
    NotKept,
}

impl Queue {
    pub(crate) fn new(config: QueueConfig) -> Self {
        Self {
            config,
            levels: Levels::default(),
            reports: BTreeMap::new(),
            topics: BTreeSet::new(),
            next_expiry: None,
        }
    }

    fn level(&self, priority: Priority) -> &Level {
        self.levels.get(priority)
    }

    fn level_mut(&mut self, priority: Priority) -> &mut Level {
        self.levels.get_mut(priority)
    }

    /// All messages, wherever they are.
    pub(crate) fn len(&self) -> usize {
        self.levels.iter().fold(0, |sum, level| sum.saturating_add(level.len()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.levels.iter().all(Level::is_empty)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.levels.iter().fold(0, |sum, level| sum.saturating_add(level.bytes()))
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.config.messages || self.bytes() >= self.config.bytes
    }

    /// `freed` are messages that would give way.
    pub(crate) fn admits(
        &self,
        publish: &Publish,
        priority: Priority,
        stored: bool,
        online: bool,
        freed: Window,
    ) -> Admission {
        if publish.qos == QoS::AtMostOnce && !online {
            match self.config.offline_qos0 {
                OfflineQos0::Queue => {}
                OfflineQos0::Refuse => return Admission::NotKept,
            }
        }
        let left = self.bytes().saturating_sub(freed.bytes);
        let fits = self.len().saturating_sub(freed.messages) < self.config.messages
            && left.saturating_add(weight(publish)) <= self.config.bytes;
        // Beside a queue that is longer than its window, what is not stored is
        // bounded by that too.
        let overflows = !stored
            && self.levels.iter().any(|level| level.rest.messages > 0)
            && !self.level(priority).has_room(self.config.window);
        // An empty queue takes one message of any size that the limits let pass.
        if (fits && !overflows) || self.is_empty() { Admission::Fits } else { Admission::Full }
    }

    /// Appends to the messages of its priority. A stored message for which
    /// there is no room in memory is left to the store.
    pub(crate) fn push(&mut self, priority: Priority, queued: Queued) {
        let window = self.config.window;
        let level = self.level_mut(priority);
        if queued.claim.stored && (level.rest.messages > 0 || !level.has_room(window)) {
            level.rest.messages = level.rest.messages.saturating_add(1);
            level.rest.bytes = level.rest.bytes.saturating_add(queued.weight() as u64);
            if queued.claim.report != Report::Nobody {
                self.reports.insert(queued.claim.serial, queued.claim.report);
            }
            return;
        }
        self.hold(priority, queued);
    }

    fn hold(&mut self, priority: Priority, queued: Queued) {
        note_expiry(&mut self.next_expiry, &queued);
        if self.config.when_full == WhenFull::LatestPerTopic {
            self.topics.insert((queued.publish.topic.clone(), queued.claim.serial));
        }
        let level = self.level_mut(priority);
        level.here_bytes += queued.weight();
        level.here.push_back(queued);
    }

    /// The next to be sent, with its priority; `None` also if it has to be
    /// read first.
    pub(crate) fn front(&self) -> Option<(Priority, &Queued)> {
        let level = |priority: &Priority| !self.level(*priority).is_empty();
        let priority = Priority::ALL.into_iter().find(level)?;
        Some((priority, self.level(priority).here.front()?))
    }

    pub(crate) fn pop(&mut self) -> Option<Queued> {
        let (priority, _) = self.front()?;
        self.pop_at(priority, 0)
    }

    fn pop_at(&mut self, priority: Priority, index: usize) -> Option<Queued> {
        let level = self.level_mut(priority);
        let queued = level.here.remove(index)?;
        level.here_bytes -= queued.weight();
        if level.here.is_empty() {
            level.here.shrink_to(tuning::QUEUE_ROOM);
        }
        forget_topic(&mut self.topics, &queued);
        if self.is_empty() {
            self.next_expiry = None;
        }
        Some(queued)
    }

    // ---- making room ----

    /// The message to give way to one of this weight and priority: the oldest
    /// of the lowest priority. `None` if giving way would not be enough, or
    /// if it has to be read first.
    pub(crate) fn victim(&self, publish: &Publish, priority: Priority) -> Option<Priority> {
        let lower = Priority::ALL.into_iter().filter(|other| *other <= priority);
        let higher = Priority::ALL.into_iter().filter(|other| *other > priority);
        let least =
            higher.fold(0_usize, |sum, level| sum.saturating_add(self.level(level).bytes()));
        let enough = least == 0 || least.saturating_add(weight(publish)) <= self.config.bytes;
        let lowest = lower.rev().find(|level| !self.level(*level).is_empty());
        lowest.filter(|level| enough && !self.level(*level).here.is_empty())
    }

    /// The oldest message of this priority, which gives way.
    pub(crate) fn pop_oldest(&mut self, priority: Priority) -> Option<Queued> {
        self.pop_at(priority, 0)
    }

    /// The messages held here that have this topic, under the policy that asks
    /// for it.
    pub(crate) fn of_topic(&self, topic: &Text) -> Vec<Serial> {
        let all = (topic.clone(), Serial(0))..=(topic.clone(), Serial(u64::MAX));
        self.topics.range(all).map(|(_, serial)| *serial).collect()
    }

    // ---- one message ----

    fn find(&self, serial: Serial) -> Option<(Priority, usize)> {
        Priority::ALL.into_iter().find_map(|priority| {
            let here = &self.level(priority).here;
            let name = |queued: &Queued| queued.claim.serial;
            // Mostly ascending; what was read from the store may stand behind a later
            // message that is not stored.
            let index = here.binary_search_by_key(&serial, name).ok();
            let index = index.or_else(|| here.iter().position(|queued| name(queued) == serial))?;
            Some((priority, index))
        })
    }

    /// The message with this name, if it is held here.
    pub(crate) fn get(&self, serial: Serial) -> Option<&Queued> {
        let (priority, index) = self.find(serial)?;
        self.level(priority).here.get(index)
    }

    /// Takes out the message with this name, if it is held here.
    pub(crate) fn take(&mut self, serial: Serial) -> Option<(Priority, Queued)> {
        let (priority, index) = self.find(serial)?;
        Some((priority, self.pop_at(priority, index)?))
    }

    /// A message that is in the store alone has left the queue; returns who waits for it.
    pub(crate) fn take_rest(
        &mut self,
        priority: Priority,
        serial: Serial,
        weight: usize,
    ) -> Report {
        self.level_mut(priority).forget_rest(one(weight));
        self.reports.remove(&serial).unwrap_or(Report::Nobody)
    }

    /// Nobody waits for this message any more. True if that is forgotten at
    /// once: the message is in the store alone.
    pub(crate) fn detach(&mut self, serial: Serial) -> bool {
        self.reports.remove(&serial).is_some()
    }

    /// The messages held here.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Priority, &Queued)> {
        Priority::ALL.into_iter().flat_map(|priority| {
            self.level(priority).here.iter().map(move |queued| (priority, queued))
        })
    }

    /// Nobody waits any more, except for messages that are not yet in the store
    /// (from `stored_below` on). What is stored stays; the rest is gone.
    /// Returns who waited, in order, those for messages in the store alone last.
    pub(crate) fn abandon(&mut self, stored_below: Serial) -> Vec<Claim> {
        let mut claims = Vec::new();
        for priority in Priority::ALL {
            for _ in 0..self.level(priority).here.len() {
                let Some(mut queued) = self.pop_at(priority, 0) else { break };
                let claim = queued.claim;
                if claim.stored {
                    if claim.serial < stored_below {
                        queued.claim.report = Report::Nobody;
                        claims.push(claim);
                    }
                    self.hold(priority, queued);
                } else {
                    claims.push(claim);
                }
            }
        }
        let later = self.reports.split_off(&stored_below);
        let rest = core::mem::replace(&mut self.reports, later).into_iter();
        claims.extend(rest.map(|(serial, report)| Claim { report, serial, stored: true }));
        claims
    }

    // ---- expiry ----

    /// When the next message may expire.
    pub(crate) const fn next_expiry(&self) -> Option<Instant> {
        self.next_expiry
    }

    /// Hands the expired messages to `drop`, in order.
    pub(crate) fn expire(&mut self, now: Instant, mut drop: impl FnMut(Queued)) {
        if self.next_expiry.is_none_or(|next| now < next) {
            return;
        }
        self.next_expiry = None;
        for level in self.levels.iter_mut() {
            for _ in 0..level.here.len() {
                let Some(queued) = level.here.pop_front() else { break };
                if queued.expires.is_some_and(|expires| expires <= now) {
                    level.here_bytes -= queued.weight();
                    forget_topic(&mut self.topics, &queued);
                    drop(queued);
                    continue;
                }
                note_expiry(&mut self.next_expiry, &queued);
                level.here.push_back(queued);
            }
        }
    }

    // ---- the part that is in the store alone ----

    /// The store holds these, of which none is held here.
    #[cfg(feature = "store")]
    pub(crate) fn begin_with(&mut self, queued: [Count; 3]) {
        let [low, normal, high] = queued;
        for (priority, count) in
            [(Priority::Low, low), (Priority::Normal, normal), (Priority::High, high)]
        {
            if count != Count::default() {
                self.level_mut(priority).rest = count;
            }
        }
    }

    /// What to read next: the first level that has run half empty.
    pub(crate) fn wanted(&self) -> Option<Read> {
        let window = self.config.window;
        Priority::ALL.into_iter().find_map(|priority| {
            let level = self.level(priority);
            let hungry = level.here.len() <= window.messages / 2
                && level.here_bytes <= window.bytes / 2
                && level.rest.messages > 0
                && level.loading.is_none();
            let after = || level.here.iter().rev().find(|queued| queued.claim.stored);
            hungry.then(|| Read::Queue {
                priority,
                after: after().map(|queued| queued.claim.serial),
                limit: Window {
                    messages: window.messages - level.here.len(),
                    bytes: window.bytes - level.here_bytes,
                },
            })
        })
    }

    /// Reading a part has begun.
    pub(crate) fn on_reading(&mut self, priority: Priority) {
        let level = self.level_mut(priority);
        level.loading = Some(level.rest);
    }

    /// Reading a part is over.
    pub(crate) fn on_read(&mut self, priority: Priority) {
        self.level_mut(priority).loading = None;
    }

    /// The store has none of the messages that were to be read: what came
    /// meanwhile is left.
    pub(crate) fn on_missing(&mut self, priority: Priority) {
        let level = self.level_mut(priority);
        let missing = level.loading.take().unwrap_or_default();
        level.forget_rest(missing);
    }

    /// A message was read that follows those held here.
    pub(crate) fn load(&mut self, priority: Priority, mut queued: Queued) {
        self.level_mut(priority).forget_rest(one(queued.weight()));
        if let Some(report) = self.reports.remove(&queued.claim.serial) {
            queued.claim.report = report;
        }
        self.hold(priority, queued);
    }
}

const fn one(weight: usize) -> Count {
    Count { messages: 1, bytes: weight as u64 }
}

fn forget_topic(topics: &mut BTreeSet<(Text, Serial)>, queued: &Queued) {
    if !topics.is_empty() {
        topics.remove(&(queued.publish.topic.clone(), queued.claim.serial));
    }
}

fn note_expiry(next: &mut Option<Instant>, queued: &Queued) {
    if let Some(expires) = queued.expires {
        *next = Some(next.map_or(expires, |next| next.min(expires)));
    }
}

/// What a message counts against the bound in bytes.
pub(crate) fn weight(publish: &Publish) -> usize {
    publish.weight()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued(serial: u64, stored: bool) -> Queued {
        let claim = Claim { report: Report::Nobody, serial: Serial(serial), stored };
        let topic = Text::try_from("t").unwrap();
        let publish = Publish { topic, ..Publish::default() };
        let (since, before) = (Instant::default(), Duration::ZERO);
        Queued { publish, claim, since, before, expires: None }
    }

    /// Under `LatestPerTopic` such a message gave way and stayed, beyond the bound (D9).
    #[test]
    fn a_message_that_was_read_behind_a_later_one_is_found() {
        let window = Window { messages: 2, bytes: 1 << 20 };
        let mut queue = Queue::new(QueueConfig { window, ..QueueConfig::default() });
        for serial in 1..=3 {
            queue.push(Priority::Normal, queued(serial, true));
        }
        queue.pop().unwrap();
        queue.pop().unwrap();
        queue.push(Priority::Normal, queued(4, false));
        queue.push(Priority::Normal, queued(5, false));
        queue.load(Priority::Normal, queued(3, true));
        assert_eq!(queue.len(), 3);
        for serial in [3, 4, 5] {
            assert!(queue.get(Serial(serial)).is_some(), "{serial}");
        }
        assert!(queue.take(Serial(3)).is_some());
        assert!(queue.take(Serial(3)).is_none());
    }
}
