use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use evenkeel_codec::{TopicFilter, TopicName};

use super::message::Message;
use super::time::Instant;

/// The last retained message of each topic.
#[derive(Debug, Default)]
pub(crate) struct Retained(BTreeMap<TopicName, Arc<Message>>);

/// What became of a message with the RETAIN flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Stored,
    Removed,
    Full,
}

impl Retained {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    //= [MQTT-3.3.1-5]
    //= [MQTT-3.3.1-6]
    //= [MQTT-3.3.1-7]
    pub(crate) fn keep(&mut self, now: Instant, message: &Arc<Message>, limit: usize) -> Kept {
        if message.payload.is_empty() {
            self.0.remove(&message.topic);
            return Kept::Removed;
        }
        if self.0.len() >= limit && !self.0.contains_key(&message.topic) {
            self.0.retain(|_, old| !old.is_expired(now));
            if self.0.len() >= limit {
                return Kept::Full;
            }
        }
        self.0.insert(message.topic.clone(), message.clone());
        Kept::Stored
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
        let candidates = self.0.range((from, Bound::Unbounded));
        candidates
            .take_while(move |(topic, _)| topic.starts_with(prefix))
            .map(|(_, message)| message)
            .filter(move |message| filter.matches(&message.topic) && !message.is_expired(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, payload: &str) -> Arc<Message> {
        Arc::new(Message::of_broker(topic.try_into().unwrap(), payload.into()))
    }

    #[test]
    fn finds_what_the_filter_matches() {
        let mut retained = Retained::default();
        let topics = ["a", "a/b", "a/b/c", "a b", "b", "/a", "a/", "$SYS/x"];
        for topic in topics {
            assert_eq!(retained.keep(Instant::START, &message(topic, "1"), 100), Kept::Stored);
        }
        for filter in ["#", "a/#", "a/b", "+", "a/+", "+/b/#", "/+", "/#", "$SYS/#", "a/b/+"] {
            let filter = TopicFilter::try_from(filter).unwrap();
            let found: Vec<&str> = retained
                .matching(Instant::START, &filter)
                .map(|message| message.topic.as_str())
                .collect();
            let mut expected: Vec<&str> = topics
                .into_iter()
                .filter(|topic| filter.matches(&TopicName::try_from(*topic).unwrap()))
                .collect();
            expected.sort_unstable();
            assert_eq!(found, expected, "{filter}");
        }
    }

    #[test]
    fn the_limit_counts_topics() {
        let mut retained = Retained::default();
        assert_eq!(retained.keep(Instant::START, &message("a", "1"), 1), Kept::Stored);
        assert_eq!(retained.keep(Instant::START, &message("a", "2"), 1), Kept::Stored);
        assert_eq!(retained.keep(Instant::START, &message("b", "1"), 1), Kept::Full);
        assert_eq!(retained.keep(Instant::START, &message("a", ""), 1), Kept::Removed);
        assert_eq!(retained.keep(Instant::START, &message("b", "1"), 1), Kept::Stored);
        assert_eq!(retained.len(), 1);
    }
}
