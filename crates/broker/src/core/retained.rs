//! Retained messages, within bounds.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use evenkeel_codec::{TopicFilter, TopicName};

use super::message::Message;
use super::time::Instant;

/// The last retained message of each topic.
#[derive(Debug, Default)]
pub(crate) struct Retained {
    messages: BTreeMap<TopicName, Entry>,
    /// Messages that clients have published, which alone are bounded.
    count: usize,
    /// What these take, in bytes.
    bytes: usize,
}

/// A message, and when it came.
#[derive(Debug)]
struct Entry {
    message: Arc<Message>,
    since: Instant,
}

/// What became of a message with the RETAIN flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Stored,
    Removed,
    /// By this bound.
    Full(&'static str),
}

impl Retained {
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    //= [MQTT-3.3.1-5]
    //= [MQTT-3.3.1-6]
    //= [MQTT-3.3.1-7]
    pub(crate) fn keep(
        &mut self,
        now: Instant,
        message: &Arc<Message>,
        (count, bytes): (usize, usize),
    ) -> Kept {
        // One that cannot be kept takes the place of the old one all the same:
        // a value that is no longer true is worse than none.
        let old = self.messages.remove(&message.topic).map(|old| old.message);
        if let Some(old) = old.filter(is_bounded) {
            self.count -= 1;
            self.bytes -= cost(&old);
        }
        if message.payload.is_empty() {
            return Kept::Removed;
        }
        let full = |retained: &Self| {
            if !is_bounded(message) {
                None
            } else if retained.count >= count {
                Some("retained_messages")
            } else if retained.bytes + cost(message) > bytes {
                Some("retained_bytes")
            } else {
                None
            }
        };
        if full(self).is_some() {
            self.messages.retain(|_, old| !old.message.is_expired(now));
            let all = self.messages.values().map(|old| &old.message);
            let bounded = all.filter(|old| is_bounded(old));
            (self.count, self.bytes) =
                bounded.fold((0, 0), |(count, bytes), old| (count + 1, bytes + cost(old)));
        }
        if let Some(limit) = full(self) {
            return Kept::Full(limit);
        }
        if is_bounded(message) {
            self.count += 1;
            self.bytes += cost(message);
        }
        let entry = Entry { message: message.clone(), since: now };
        self.messages.insert(message.topic.clone(), entry);
        Kept::Stored
    }

    /// The message that a client has published on a topic, and when.
    pub(crate) fn get(&self, now: Instant, topic: &str) -> Option<(&Message, Instant)> {
        let entry = self.messages.get(&TopicName::try_from(topic).ok()?)?;
        entry.shown(now)
    }

    /// Those on the topics behind this one, in their order.
    pub(crate) fn after(
        &self,
        now: Instant,
        topic: &str,
    ) -> impl Iterator<Item = (&Message, Instant)> {
        let from = TopicName::try_from(topic).map_or(Bound::Unbounded, Bound::Excluded);
        let entries = self.messages.range((from, Bound::Unbounded));
        entries.filter_map(move |(_, entry)| entry.shown(now))
    }

    /// The messages a filter matches, in the order of their topics.
    pub(crate) fn matching(
        &self,
        now: Instant,
        filter: &TopicFilter,
    ) -> impl Iterator<Item = &Arc<Message>> {
        let pattern = filter.pattern();
        let prefix = pattern.split(['+', '#']).next().unwrap_or_default();
        // `a/#` matches `a` too, so the search begins one character earlier.
        let prefix = if prefix.len() < pattern.len() {
            prefix.strip_suffix('/').unwrap_or(prefix)
        } else {
            prefix
        };
        let from = TopicName::try_from(prefix).map_or(Bound::Unbounded, Bound::Included);
        let candidates = self.messages.range((from, Bound::Unbounded));
        candidates
            .take_while(move |(topic, _)| topic.starts_with(prefix))
            .map(|(_, entry)| &entry.message)
            .filter(move |message| filter.matches_name(&message.topic) && !message.is_expired(now))
    }
}

impl Entry {
    /// Nothing if it is the broker's own, or has expired.
    fn shown(&self, now: Instant) -> Option<(&Message, Instant)> {
        let is_shown = is_bounded(&self.message) && !self.message.is_expired(now);
        is_shown.then_some((&*self.message, self.since))
    }
}

/// Whether it counts against the bounds: the broker's own do not.
fn is_bounded(message: &Arc<Message>) -> bool {
    !message.is_of_broker
}

/// What a retained message takes, its entry and its topic there included.
fn cost(message: &Arc<Message>) -> usize {
    size_of::<(TopicName, Entry)>() + message.topic.len() + message.weight()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_broker(topic: &str, payload: &str) -> Message {
        Message::of_broker(topic.try_into().unwrap(), payload.into())
    }

    fn message(topic: &str, payload: &str) -> Arc<Message> {
        let mut message = of_broker(topic, payload);
        message.is_of_broker = false;
        Arc::new(message)
    }

    #[test]
    fn finds_what_the_filter_matches() {
        let mut retained = Retained::default();
        let topics = ["a", "a/b", "a/b/c", "a b", "b", "/a", "a/", "$SYS/x"];
        for topic in topics {
            let kept = retained.keep(Instant::START, &message(topic, "1"), (100, usize::MAX));
            assert_eq!(kept, Kept::Stored);
        }
        for filter in ["#", "a/#", "a/b", "+", "a/+", "+/b/#", "/+", "/#", "$SYS/#", "a/b/+"] {
            let filter = TopicFilter::try_from(filter).unwrap();
            let found: Vec<&str> = retained
                .matching(Instant::START, &filter)
                .map(|message| message.topic.as_str())
                .collect();
            let mut expected: Vec<&str> = topics
                .into_iter()
                .filter(|topic| filter.matches_name(&TopicName::try_from(*topic).unwrap()))
                .collect();
            expected.sort_unstable();
            assert_eq!(found, expected, "{filter}");
        }
    }

    #[test]
    fn the_limit_counts_topics() {
        let mut retained = Retained::default();
        let mut keep = |topic: &str, payload: &str| {
            retained.keep(Instant::START, &message(topic, payload), (1, usize::MAX))
        };
        assert_eq!(keep("a", "1"), Kept::Stored);
        assert_eq!(keep("a", "2"), Kept::Stored);
        assert_eq!(keep("b", "1"), Kept::Full("retained_messages"));
        assert_eq!(keep("a", ""), Kept::Removed);
        assert_eq!(keep("b", "1"), Kept::Stored);
        assert_eq!(retained.len(), 1);
    }

    #[test]
    fn messages_of_the_broker_take_no_room() {
        let mut retained = Retained::default();
        let one = cost(&message("a", "1"));
        let mut keep = |message| retained.keep(Instant::START, &message, (1, one));
        let own = |topic| Arc::new(of_broker(topic, "1"));
        assert_eq!(keep(own("$SYS/a")), Kept::Stored);
        assert_eq!(keep(message("a", "1")), Kept::Stored);
        assert_eq!(keep(own("$SYS/a")), Kept::Stored);
        assert_eq!(keep(own("$SYS/b")), Kept::Stored, "although all is full");
        assert_eq!(keep(message("b", "1")), Kept::Full("retained_messages"));
        assert_eq!(keep(message("$SYS/b", "1")), Kept::Full("retained_messages"));
        assert_eq!((retained.len(), retained.count, retained.bytes), (2, 1, one));
    }

    #[test]
    fn the_limit_in_bytes_counts_what_is_kept_now() {
        let mut retained = Retained::default();
        let one = cost(&message("a", "12345678"));
        let mut keep = |topic: &str, payload: &str| {
            retained.keep(Instant::START, &message(topic, payload), (100, 2 * one))
        };
        assert_eq!(keep("a", "12345678"), Kept::Stored);
        assert_eq!(keep("b", "123456789"), Kept::Full("retained_bytes"));
        assert_eq!(keep("b", "12345678"), Kept::Stored);
        assert_eq!(keep("b", "87654321"), Kept::Stored, "in place of the old one");
        assert_eq!(keep("c", "1"), Kept::Full("retained_bytes"));
        assert_eq!(keep("a", "123456789"), Kept::Full("retained_bytes"));
        assert_eq!(keep("c", "12345678"), Kept::Stored, "the old one of `a` is gone");
        retained.clear();
        assert_eq!((retained.len(), retained.count, retained.bytes), (0, 0, 0));
    }
}
