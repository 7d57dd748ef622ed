//! Which streams a topic belongs to, at a cost that grows with the levels of the
//! topic and not with the number of subscriptions.
//!
//! Filters without wildcards are found by the whole topic, all others in a tree of
//! levels. The former have a tree as well, for filters with wildcards to find
//! which of them they [overlap](Routes::overlapping).

mod by_hash;
mod overlap;
mod slab;
mod tree;

use alloc::boxed::Box;
use alloc::vec::Vec;

use evenkeel_codec::TopicFilter;

use crate::StreamId;
use crate::tuning::TOPIC_REMEMBERED;
use by_hash::{ByHash, hash};
use tree::{End, Subscription, Tree, Unvisited};

/// Filters and the streams they belong to.
#[derive(Default)]
pub struct Routes {
    /// Made when it is first needed.
    filters: Option<Box<Filters>>,
    /// The last topic, and its streams: messages of one topic often come in a
    /// row. The topic is empty once the filters have changed, or if it is long.
    last: (Vec<u8>, Vec<StreamId>),
}

#[derive(Default)]
struct Filters {
    /// Filters with wildcards.
    wild: Tree,
    /// Filters without.
    plain: Tree,
    /// The ends of the plain tree, by topic.
    by_topic: ByHash,
    /// Reused by every search.
    unvisited: Unvisited,
}

impl Routes {
    /// Adds a filter of a stream.
    pub fn insert(&mut self, filter: &TopicFilter, stream: StreamId) {
        self.last.0.clear();
        let filters = self.filters.get_or_insert_default();
        let first = filters.tree_mut(filter).insert(filter, stream);
        if !filter.has_wildcard()
            && let Some(end) = first
        {
            filters.by_topic.insert(hash(filter.pattern_bytes()), end);
        }
    }

    /// Takes a filter away from a stream; true if another one still uses it.
    pub fn remove(&mut self, filter: &TopicFilter, stream: StreamId) -> bool {
        self.last.0.clear();
        let Some(filters) = &mut self.filters else { return false };
        let Some(removed) = filters.tree_mut(filter).remove(filter, stream) else { return false };
        if !filter.has_wildcard()
            && let Some(end) = removed.last_of
        {
            filters.by_topic.remove(hash(filter.pattern_bytes()), end);
        }
        removed.is_used
    }

    /// From now on the server marks messages of this subscription so. Unless it
    /// is to `replace` another mark, a filter that has one keeps it; false then.
    pub fn identify(&mut self, filter: &TopicFilter, identifier: u32, replace: bool) -> bool {
        let Some(filters) = &mut self.filters else { return false };
        let subscription = filters.tree_mut(filter).subscription_mut(filter);
        let Some(subscription) = subscription else { return false };
        let changes = replace || subscription.identifier.is_none();
        if changes {
            subscription.identifier = Some(identifier);
        }
        changes
    }

    /// Whether the server marks messages of this subscription.
    pub fn is_marked(&self, filter: &TopicFilter) -> bool {
        let Some(filters) = &self.filters else { return false };
        let tree = if filter.has_wildcard() { &filters.wild } else { &filters.plain };
        tree.subscription(filter).is_some_and(|subscription| subscription.identifier.is_some())
    }

    /// The streams of a message that is marked with the subscriptions it is for.
    /// One whose marks are not known goes by its topic.
    pub fn find_marked(&mut self, topic: &[u8], marks: &[u32]) -> &[StreamId] {
        let (mut known, mut found) = core::mem::take(&mut self.last);
        known.clear();
        found.clear();
        let is_marked = |subscription: &Subscription| {
            subscription.identifier.is_some_and(|own| marks.contains(&own))
        };
        if let Some(filters) = &mut self.filters {
            filters.search(topic, is_marked, &mut found);
        }
        // What was found goes by more than the topic: it is not remembered.
        self.last = (known, found);
        if self.last.1.is_empty() { self.find(topic) } else { &self.last.1 }
    }

    /// Every stream with a filter that matches, each once.
    #[inline]
    pub fn find(&mut self, topic: &[u8]) -> &[StreamId] {
        if self.last.0 != topic || topic.is_empty() {
            self.search_anew(topic);
        }
        &self.last.1
    }

    fn search_anew(&mut self, topic: &[u8]) {
        let (mut known, mut found) = core::mem::take(&mut self.last);
        known.clear();
        found.clear();
        if let Some(filters) = &mut self.filters {
            filters.search(topic, |_| true, &mut found);
        }
        if topic.len() <= TOPIC_REMEMBERED {
            known.extend_from_slice(topic);
        }
        self.last = (known, found);
    }
}

impl Filters {
    /// The streams of the `wanted` filters that match, each once.
    fn search(
        &mut self,
        topic: &[u8],
        wanted: impl Fn(&Subscription) -> bool,
        streams: &mut Vec<StreamId>,
    ) {
        if let Some(end) = self.plain_end(topic) {
            end.collect(&wanted, streams);
        }
        self.wild.search(topic, wanted, &mut self.unvisited, streams);
        if streams.len() > 1 {
            streams.sort_unstable();
            streams.dedup();
        }
    }

    /// The filters that are this topic.
    fn plain_end(&self, topic: &[u8]) -> Option<&End> {
        let is_it = |id| {
            count_look();
            self.plain.end(id).is_some_and(|end| end.has_pattern(topic))
        };
        self.plain.end(self.by_topic.find(hash(topic), is_it)?)
    }

    fn tree_mut(&mut self, filter: &TopicFilter) -> &mut Tree {
        if filter.has_wildcard() { &mut self.wild } else { &mut self.plain }
    }
}

/// A name or a filter is looked at.
#[cfg(not(test))]
const fn count_look() {}

#[cfg(test)]
use tests::count_look;

#[cfg(test)]
mod tests {
    use std::borrow::ToOwned;
    use std::cell::Cell;
    use std::format;
    use std::string::String;

    use evenkeel_codec::TopicName;
    use proptest::prelude::*;

    use super::*;

    std::thread_local! {
        static LOOKS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn count_look() {
        LOOKS.set(LOOKS.get() + 1);
    }

    fn filter(text: &str) -> TopicFilter {
        TopicFilter::try_from(text).unwrap()
    }

    fn find(routes: &mut Routes, topic: &str) -> Vec<StreamId> {
        routes.find(topic.as_bytes()).to_vec()
    }

    proptest! {
        #[test]
        fn finds_what_each_filter_for_itself_matches(
            filters in prop::collection::vec(
                "(\\$share/g/)?(\\$?[ab]?|\\+)(/([ab]?|\\+)){0,3}(/#)?", 0..12,
            ),
            removed in prop::collection::vec(any::<bool>(), 12),
            topic in "\\$?[ab]?(/[ab]?){0,4}",
        ) {
            let valid = |text: &String| TopicFilter::try_from(text.as_str()).ok();
            let mut filters: Vec<_> = filters.iter().filter_map(valid).enumerate().collect();
            let mut routes = Routes::default();
            for (stream, filter) in &filters {
                routes.insert(filter, *stream);
            }
            for (stream, filter) in &filters {
                if removed[*stream] {
                    routes.remove(filter, *stream);
                }
            }
            filters.retain(|(stream, _)| !removed[*stream]);
            let Ok(name) = TopicName::try_from(topic.as_str()) else { return Ok(()) };
            let expected: Vec<StreamId> = filters
                .iter()
                .filter(|(_, filter)| filter.matches_name(&name))
                .map(|(stream, _)| *stream)
                .collect();
            prop_assert_eq!(find(&mut routes, &topic), expected);
        }
    }

    #[test]
    fn a_removed_filter_says_whether_it_is_still_used() {
        let mut routes = Routes::default();
        routes.insert(&filter("a/+"), 1);
        routes.insert(&filter("a/+"), 2);
        routes.insert(&filter("$share/g/a/+"), 3);
        assert!(routes.remove(&filter("a/+"), 1), "the second stream has it too");
        assert!(!routes.remove(&filter("a/+"), 2), "a share of it is another subscription");
        assert!(!routes.remove(&filter("a/+"), 2), "it is gone");
        assert_eq!(find(&mut routes, "a/b"), [3]);
    }

    #[test]
    fn a_filter_and_its_shares_come_and_go_in_any_order() {
        let filters = ["a/b", "$share/g/a/b", "$share/h/a/b"].map(filter);
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut routes = Routes::default();
            for (stream, filter) in filters.iter().enumerate() {
                routes.insert(filter, stream);
                routes.insert(filter, stream + 10);
            }
            let mut left = Vec::from([0, 1, 2, 10, 11, 12]);
            for stream in order {
                assert!(routes.remove(&filters[stream], stream));
                assert!(!routes.remove(&filters[stream], stream + 10));
                left.retain(|other| other % 10 != stream);
                assert_eq!(find(&mut routes, "a/b"), left);
            }
            assert!(routes.filters.unwrap().by_topic.is_empty());
        }
    }

    #[test]
    fn a_topic_that_comes_again_finds_what_is_there_now() {
        let mut routes = Routes::default();
        for topic in ["a/b".to_owned(), "a/".repeat(TOPIC_REMEMBERED)] {
            assert!(find(&mut routes, &topic).is_empty());
            routes.insert(&filter(&topic), 1);
            assert_eq!(find(&mut routes, &topic), [1]);
            routes.insert(&filter("a/#"), 0);
            assert_eq!(find(&mut routes, &topic), [0, 1]);
            assert_eq!(find(&mut routes, &topic), [0, 1]);
            routes.remove(&filter("a/#"), 0);
            assert_eq!(find(&mut routes, &topic), [1]);
            routes.remove(&filter(&topic), 1);
            assert!(find(&mut routes, &topic).is_empty());
        }
    }

    /// The names and filters looked at to add a filter to so many alike, in one
    /// stream each or all in one, and to find its topic.
    fn looks(filters: usize, pattern: impl Fn(usize) -> String) -> [usize; 2] {
        let mut routes = Routes::default();
        for stream in 0..filters {
            routes.insert(&filter(&pattern(stream)), stream);
        }
        let (new, topic) = (filter(&pattern(filters)), pattern(filters).replace(['+', '#'], "x"));
        LOOKS.take();
        assert!(routes.overlapping(&new).is_empty());
        routes.insert(&new, filters);
        routes.identify(&new, 1, false);
        let added = LOOKS.take();
        assert_eq!(find(&mut routes, &topic), [filters]);
        [added, LOOKS.take()]
    }

    #[test]
    fn what_is_looked_at_is_bounded_by_levels_and_not_by_filters() {
        let patterns: [fn(usize) -> String; 4] = [
            |number| format!("site/{number}/temperature"),
            |number| format!("site/{number}/+"),
            |number| format!("{number}/a/#"),
            |number| format!("site/temperature/{number}"),
        ];
        for pattern in patterns {
            let (few, many) = (looks(10, pattern), looks(10_000, pattern));
            assert!(many[0] <= few[0] + 2 && many[0] <= 12, "adding: {few:?}, {many:?}");
            assert!(many[1] <= few[1] + 1 && many[1] <= 5, "finding: {few:?}, {many:?}");
        }
    }

    #[test]
    fn removed_filters_leave_no_memory_behind() {
        let mut routes = Routes::default();
        routes.insert(&filter("a/b"), 0);
        for stream in 0..1000 {
            let other = filter(&format!("a/{stream}/+/#"));
            routes.insert(&other, stream);
            routes.remove(&other, stream);
        }
        let filters = routes.filters.as_ref().unwrap();
        let places = filters.plain.places() + filters.wild.places();
        assert!(places < 12, "{places} nodes and ends");
        assert!(filters.by_topic.iter().eq([0]), "the end of the filter that is left");
        assert_eq!(find(&mut routes, "a/b"), [0]);
    }

    #[test]
    fn the_deepest_filter_does_not_overflow_the_stack() {
        let deepest = "/".repeat(65_535);
        let mut routes = Routes::default();
        routes.insert(&filter(&deepest), 7);
        assert_eq!(find(&mut routes, &deepest), [7]);
        assert!(find(&mut routes, &deepest[1..]).is_empty());
        routes.remove(&filter(&deepest), 7);
        assert!(find(&mut routes, &deepest).is_empty());
    }
}
