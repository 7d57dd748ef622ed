//! Which streams a topic belongs to: the filters of all streams as a tree of
//! levels, so that a message costs the depth of its topic and not the number
//! of subscriptions.

mod overlap;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use evenkeel_codec::TopicFilter;

use crate::StreamId;
use crate::tuning::TOPIC_REMEMBERED;

type NodeId = usize;

const ROOT: NodeId = 0;

/// Filters and the streams they belong to.
///
/// The nodes lie in one list and name each other by index: a filter of sixty
/// thousand levels is no danger to the stack.
#[derive(Default)]
pub struct Routes {
    nodes: Vec<Node>,
    free: Vec<NodeId>,
    /// Nodes still to be looked at, each with what is left of the topic.
    /// Reused by every search; positions, as it outlives the topic.
    pending: Vec<(NodeId, Option<usize>)>,
    /// The last topic, and its streams: messages of one topic often come in a
    /// row. The topic is empty once the filters have changed, or if it is long.
    last: (Vec<u8>, Vec<StreamId>),
}

/// A level of filters.
#[derive(Default)]
struct Node {
    children: BTreeMap<Box<[u8]>, NodeId>,
    /// The child named `+`.
    any: Option<NodeId>,
    /// The child named `#`.
    below: Option<NodeId>,
    /// Filters that end here.
    entries: Vec<Entry>,
}

struct Entry {
    filter: TopicFilter,
    stream: StreamId,
    /// What the server marks messages of this subscription with. Equal filters
    /// are one subscription, and have the same.
    identifier: Option<u32>,
}

impl Routes {
    /// Adds a filter of a stream.
    pub fn insert(&mut self, filter: &TopicFilter, stream: StreamId) {
        self.last.0.clear();
        if self.nodes.is_empty() {
            // A client that subscribes to nothing needs not even the root.
            self.nodes.push(Node::default());
        }
        let mut at = ROOT;
        for level in levels(filter) {
            at = match self.child(at, level) {
                Some(child) => child,
                None => self.grow(at, level),
            };
        }
        if let Some(node) = self.nodes.get_mut(at) {
            let mut twins = node.entries.iter().filter(|entry| entry.filter == *filter);
            let identifier = twins.find_map(|entry| entry.identifier);
            node.entries.push(Entry { filter: filter.clone(), stream, identifier });
        }
    }

    /// From now on the server marks messages of this subscription so. Unless it
    /// is to `replace` another mark, a filter that has one keeps it; false then.
    pub fn identify(&mut self, filter: &TopicFilter, identifier: u32, replace: bool) -> bool {
        let Some(node) = self.end_of(filter).and_then(|at| self.nodes.get_mut(at)) else {
            return false;
        };
        let mut changed = false;
        for entry in node.entries.iter_mut().filter(|entry| entry.filter == *filter) {
            if replace || entry.identifier.is_none() {
                entry.identifier = Some(identifier);
                changed = true;
            }
        }
        changed
    }

    /// Whether the server marks messages of this subscription.
    pub fn is_marked(&self, filter: &TopicFilter) -> bool {
        let node = self.end_of(filter).and_then(|at| self.nodes.get(at));
        let mut entries = node.into_iter().flat_map(|node| &node.entries);
        entries.any(|entry| entry.filter == *filter && entry.identifier.is_some())
    }

    fn end_of(&self, filter: &TopicFilter) -> Option<NodeId> {
        levels(filter).try_fold(ROOT, |at, level| self.child(at, level))
    }

    /// The streams of a message that is marked with the subscriptions it is for.
    /// One whose marks are not known goes by its topic.
    pub fn find_marked(&mut self, topic: &[u8], marks: &[u32]) -> &[StreamId] {
        let (mut known, mut found) = core::mem::take(&mut self.last);
        known.clear();
        found.clear();
        let is_marked = |entry: &Entry| entry.identifier.is_some_and(|own| marks.contains(&own));
        self.search(topic, is_marked, &mut found);
        // What was found goes by more than the topic: it is not remembered.
        self.last = (known, found);
        if self.last.1.is_empty() { self.find(topic) } else { &self.last.1 }
    }

    /// Takes a filter away from a stream; true if another one still uses it.
    pub fn remove(&mut self, filter: &TopicFilter, stream: StreamId) -> bool {
        self.last.0.clear();
        let mut path = Vec::new();
        let mut at = ROOT;
        for level in levels(filter) {
            let Some(child) = self.child(at, level) else { return false };
            path.push((at, level));
            at = child;
        }
        let Some(node) = self.nodes.get_mut(at) else { return false };
        node.entries.retain(|entry| entry.stream != stream || entry.filter != *filter);
        let is_used = node.entries.iter().any(|entry| entry.filter == *filter);
        self.prune(path, at);
        is_used
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
        self.search(topic, |_| true, &mut found);
        if topic.len() <= TOPIC_REMEMBERED {
            known.extend_from_slice(topic);
        }
        self.last = (known, found);
    }

    //= [MQTT-4.7.2-1]
    fn search(
        &mut self,
        topic: &[u8],
        wanted: impl Fn(&Entry) -> bool,
        streams: &mut Vec<StreamId>,
    ) {
        self.pending.clear();
        // Mostly one way leads on: only a second one has to wait.
        let mut ahead = Some((ROOT, Some(0)));
        while let Some((at, position)) = ahead.take().or_else(|| self.pending.pop()) {
            let Some(node) = self.nodes.get(at) else { continue };
            // Wildcards in the first level leave out topics of the server's own.
            let takes_wildcards = at != ROOT || !topic.starts_with(b"$");
            // `level/#` matches `level` itself, too.
            let (any, below) = if takes_wildcards { (node.any, node.below) } else { (None, None) };
            if let Some(below) = below {
                self.collect(below, &wanted, streams);
            }
            let Some(start) = position else {
                self.collect(at, &wanted, streams);
                continue;
            };
            if node.children.is_empty() && node.any.is_none() {
                continue;
            }
            let rest = topic.get(start..).unwrap_or_default();
            let end = rest.iter().position(|byte| *byte == b'/');
            let level = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
            let next = end.map(|end| start + end + 1);
            ahead = any.map(|any| (any, next));
            if let Some(child) = node.children.get(level) {
                self.pending.extend(ahead.replace((*child, next)));
            }
        }
        if streams.len() > 1 {
            streams.sort_unstable();
            streams.dedup();
        }
    }

    fn child(&self, at: NodeId, level: &[u8]) -> Option<NodeId> {
        let node = self.nodes.get(at)?;
        match level {
            b"+" => node.any,
            b"#" => node.below,
            _ => node.children.get(level).copied(),
        }
    }

    fn collect(&self, at: NodeId, wanted: impl Fn(&Entry) -> bool, streams: &mut Vec<StreamId>) {
        if let Some(node) = self.nodes.get(at) {
            let entries = node.entries.iter().filter(|entry| wanted(entry));
            streams.extend(entries.map(|entry| entry.stream));
        }
    }

    fn grow(&mut self, parent: NodeId, level: &[u8]) -> NodeId {
        let child = self.free.pop().unwrap_or_else(|| {
            self.nodes.push(Node::default());
            self.nodes.len() - 1
        });
        if let Some(node) = self.nodes.get_mut(parent) {
            match level {
                b"+" => node.any = Some(child),
                b"#" => node.below = Some(child),
                _ => drop(node.children.insert(level.into(), child)),
            }
        }
        child
    }

    /// Frees the nodes at the end of a path that nobody needs any more.
    fn prune(&mut self, path: Vec<(NodeId, &[u8])>, mut at: NodeId) {
        for (parent, level) in path.into_iter().rev() {
            if !self.nodes.get(at).is_some_and(Node::is_empty) {
                return;
            }
            if let Some(node) = self.nodes.get_mut(parent) {
                match level {
                    b"+" => node.any = None,
                    b"#" => node.below = None,
                    _ => drop(node.children.remove(level)),
                }
            }
            self.free.push(at);
            at = parent;
        }
    }
}

impl Node {
    fn is_empty(&self) -> bool {
        self.entries.is_empty()
            && self.children.is_empty()
            && self.any.is_none()
            && self.below.is_none()
    }
}

fn levels(filter: &TopicFilter) -> impl Iterator<Item = &[u8]> {
    filter.pattern().as_bytes().split(|byte| *byte == b'/')
}

#[cfg(test)]
mod tests {
    use std::borrow::ToOwned;
    use std::format;
    use std::string::String;

    use evenkeel_codec::TopicName;
    use proptest::prelude::*;

    use super::*;

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

    #[test]
    fn removed_filters_leave_no_memory_behind() {
        let mut routes = Routes::default();
        routes.insert(&filter("a/b"), 0);
        for stream in 0..1000 {
            let other = filter(&format!("a/{stream}/+/#"));
            routes.insert(&other, stream);
            routes.remove(&other, stream);
        }
        assert!(routes.nodes.len() < 10, "{} nodes", routes.nodes.len());
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
