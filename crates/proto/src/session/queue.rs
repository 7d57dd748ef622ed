//! Accepted messages that wait to be sent.

use alloc::vec::Vec;
use core::time::Duration;

use evenkeel_codec::{Publish, QoS, Text};

use crate::config::{OfflineQos0, QueueConfig, WhenFull};
use crate::hash::hash;
use crate::operation::{Claim, Report};
use crate::record::{Count, Priority, Read, Serial, Window};
use crate::sorted::{Map, Set};
use crate::time::Instant;

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
    reports: Map<Serial, Report>,
    /// The messages held here by the hash of their topic, if the policy asks for
    /// it. A topic has more than one where they were read from the store.
    topics: Set<(u64, Serial)>,
    /// The messages held here that expire, the first to expire first.
    expiries: Set<(Instant, Serial)>,
    /// It was left with something at its front that may go, for the next turn.
    pub(crate) goes_on: bool,
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
            reports: Map::new(),
            topics: Set::new(),
            expiries: Set::new(),
            goes_on: false,
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
        if let Some(at) = queued.expires {
            self.expiries.insert((at, queued.claim.serial));
        }
        if self.config.when_full == WhenFull::LatestPerTopic {
            self.topics.insert((hash(queued.publish.topic.as_bytes()), queued.claim.serial));
        }
        let level = self.level_mut(priority);
        level.here_bytes += queued.weight();
        level.here.push_back(queued);
    }

    /// The next to be sent, with its priority; `None` also if it has to be
    /// read first.
    #[inline]
    pub(crate) fn front(&self) -> Option<(Priority, &Queued)> {
        let level = |priority: &Priority| !self.level(*priority).is_empty();
        let priority = Priority::ALL.into_iter().find(level)?;
        Some((priority, self.level(priority).here.front()?))
    }

    /// This message has left the ones held here.
    #[inline]
    fn forget(&mut self, priority: Priority, queued: &Queued) {
        self.level_mut(priority).here_bytes -= queued.weight();
        let serial = queued.claim.serial;
        if let Some(at) = queued.expires {
            self.expiries.remove(&(at, serial));
        }
        if !self.topics.is_empty() {
            self.topics.remove(&(hash(queued.publish.topic.as_bytes()), serial));
        }
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

    /// Takes out the oldest message of this priority.
    #[inline]
    pub(crate) fn pop_oldest(&mut self, priority: Priority) -> Option<Queued> {
        let queued = self.level_mut(priority).here.pop_front();
        if let Some(queued) = &queued {
            self.forget(priority, queued);
        }
        queued
    }

    /// The messages held here that have this topic, oldest first, under the
    /// policy that asks for it.
    fn of_topic(&self, topic: &Text) -> impl Iterator<Item = &Queued> {
        let hash = if self.topics.is_empty() { 0 } else { hash(topic.as_bytes()) };
        let alike = self.topics.range((hash, Serial(0))..=(hash, Serial(u64::MAX)));
        let alike = alike.filter_map(|(_, serial)| self.get(*serial));
        alike.filter(|queued| queued.publish.topic == *topic)
    }

    /// What the messages of this topic leave free if they give way.
    pub(crate) fn freed_by_topic(&self, topic: &Text) -> Window {
        self.of_topic(topic).fold(Window::NONE, |sum, queued| Window {
            messages: sum.messages + 1,
            bytes: sum.bytes + queued.weight(),
        })
    }

    /// Takes out the oldest message of this topic that is held here.
    pub(crate) fn pop_of_topic(&mut self, topic: &Text) -> Option<Queued> {
        let hash = if self.topics.is_empty() { return None } else { hash(topic.as_bytes()) };
        let mut after = Serial(0);
        // Mostly there is one at most.
        while let Some(serial) = self.next_alike(hash, after) {
            let is_of_it = |queued: &Queued| queued.publish.topic == *topic;
            if let Some((_, queued)) = self.take_if(serial, is_of_it) {
                return Some(queued);
            }
            after = serial.next();
        }
        None
    }

    /// The first message from this one on whose topic has this hash.
    fn next_alike(&self, hash: u64, from: Serial) -> Option<Serial> {
        let mut alike = self.topics.range((hash, from)..=(hash, Serial(u64::MAX)));
        alike.next().map(|(_, serial)| *serial)
    }

    // ---- one message ----

    /// The message with this name, if it is held here.
    pub(crate) fn get(&self, serial: Serial) -> Option<&Queued> {
        self.levels.iter().find_map(|level| level.here.get(serial))
    }

    /// Takes out the message with this name, if it is held here.
    pub(crate) fn take(&mut self, serial: Serial) -> Option<(Priority, Queued)> {
        self.take_if(serial, |_| true)
    }

    /// The same if the message is as wanted.
    fn take_if(
        &mut self,
        serial: Serial,
        is_wanted: impl Fn(&Queued) -> bool,
    ) -> Option<(Priority, Queued)> {
        // Each name is in one level.
        let (priority, queued) = Priority::ALL.into_iter().find_map(|priority| {
            let level = self.levels.used_mut(priority)?;
            Some((priority, level.here.take_if(serial, &is_wanted)?))
        })?;
        self.forget(priority, &queued);
        Some((priority, queued))
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

    /// The messages held here of each priority, from the one after `after`, at
    /// most so many.
    pub(crate) fn iter_after(
        &self,
        after: Option<Serial>,
        limit: usize,
    ) -> impl Iterator<Item = (Priority, &Queued)> {
        Priority::ALL.into_iter().flat_map(move |priority| {
            let here = self.level(priority).here.iter_after(after);
            here.take(limit).map(move |queued| (priority, queued))
        })
    }

    /// The messages held here.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Priority, &Queued)> {
        self.iter_after(None, usize::MAX)
    }

    /// Nobody waits any more, except for messages that are not yet in the store
    /// (from `stored_below` on). What is stored stays; the rest is gone.
    /// Returns who waited, in order, those for messages in the store alone last.
    pub(crate) fn abandon(&mut self, stored_below: Serial) -> Vec<Claim> {
        let mut claims = Vec::new();
        self.expiries.clear();
        self.topics.clear();
        for priority in Priority::ALL {
            if self.level(priority).here.is_empty() {
                continue;
            }
            let level = self.level_mut(priority);
            level.here_bytes = 0;
            let mut here = core::mem::take(&mut level.here);
            while let Some(mut queued) = here.pop_front() {
                let claim = queued.claim;
                if !claim.stored {
                    claims.push(claim);
                    continue;
                }
                if claim.serial < stored_below {
                    queued.claim.report = Report::Nobody;
                    claims.push(claim);
                }
                self.hold(priority, queued);
            }
        }
        let later = self.reports.split_off(&stored_below);
        let rest = core::mem::replace(&mut self.reports, later).into_iter();
        claims.extend(rest.map(|(serial, report)| Claim { report, serial, stored: true }));
        claims
    }

    // ---- expiry ----

    /// When the next message expires.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// Takes out the message that was the first to expire, if one has.
    pub(crate) fn pop_expired(&mut self, now: Instant) -> Option<Queued> {
        let (at, serial) = self.expiries.first().copied()?;
        if at > now { None } else { self.take(serial).map(|(_, queued)| queued) }
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
            let after = || level.here.iter_after(None).rev().find(|queued| queued.claim.stored);
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
        queue.pop_oldest(Priority::Normal).unwrap();
        queue.pop_oldest(Priority::Normal).unwrap();
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
