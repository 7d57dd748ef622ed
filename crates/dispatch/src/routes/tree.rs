//! Filters as a tree of levels.

use alloc::vec::Vec;

use evenkeel_codec::{Text, TopicFilter};

use super::by_hash::{ByHash, hash};
use super::count_look;
use super::slab::Slab;
use crate::StreamId;

pub(super) type NodeId = u32;
pub(super) type EndId = u32;

pub(super) const ROOT: NodeId = 0;

/// Nodes that a search has yet to visit, each with what is left of the topic:
/// a position, as the list outlives the topic.
pub(super) type Unvisited = Vec<(NodeId, Option<usize>)>;

/// The nodes lie in one list and name each other by place: a filter of sixty
/// thousand levels is no danger to the stack.
#[derive(Default)]
pub(super) struct Tree {
    nodes: Slab<Node>,
    ends: Slab<End>,
}

/// A level of filters.
#[derive(Default)]
pub(super) struct Node {
    pub(super) name: Text,
    /// Those that are named in full.
    pub(super) children: ByHash,
    /// The child named `+`.
    pub(super) any: Option<NodeId>,
    /// The child named `#`.
    pub(super) below: Option<NodeId>,
    /// Filters end here.
    pub(super) end: Option<EndId>,
}

/// The filters of one pattern, which all end at the same node. They lie close
/// together, apart from the nodes: with many of them it is the look into
/// memory that takes the time.
pub(super) struct End {
    first: Subscription,
    /// Other shares of the pattern.
    others: Vec<Subscription>,
}

/// A filter, and the streams that use it.
pub(super) struct Subscription {
    pub(super) filter: TopicFilter,
    /// What the server marks its messages with.
    pub(super) identifier: Option<u32>,
    /// Mostly it is the only one, and needs no memory of its own.
    stream: StreamId,
    others: Vec<StreamId>,
}

/// What came of taking a filter away from a stream.
pub(super) struct Removed {
    /// Another stream still uses the filter.
    pub(super) is_used: bool,
    /// Where its pattern ended, if no filter has it any more.
    pub(super) last_of: Option<EndId>,
}

impl Tree {
    /// Adds a filter of a stream. Returns where it ends, if it is the first there.
    pub(super) fn insert(&mut self, filter: &TopicFilter, stream: StreamId) -> Option<EndId> {
        if self.nodes.is_empty() {
            // A client that subscribes to nothing needs not even the root.
            self.nodes.insert(Node::default());
        }
        let mut at = ROOT;
        for level in levels(filter) {
            at = match self.child(at, level) {
                Some(child) => child,
                None => self.grow(at, level),
            };
        }
        let node = self.nodes.get_mut(at)?;
        match node.end.and_then(|end| self.ends.get_mut(end)) {
            Some(end) => {
                end.insert(filter, stream);
                None
            }
            None => {
                let first = Subscription::new(filter, stream);
                node.end = Some(self.ends.insert(End { first, others: Vec::new() }));
                node.end
            }
        }
    }

    /// Takes a filter away from a stream.
    pub(super) fn remove(&mut self, filter: &TopicFilter, stream: StreamId) -> Option<Removed> {
        let mut path = Vec::new();
        let mut at = ROOT;
        for level in levels(filter) {
            path.push((at, level));
            at = self.child(at, level)?;
        }
        let node = self.nodes.get_mut(at)?;
        let id = node.end?;
        let end = self.ends.get_mut(id)?;
        if end.get_mut(filter)?.remove(stream) {
            return Some(Removed { is_used: true, last_of: None });
        }
        let is_last = !end.remove(filter);
        if is_last {
            node.end = None;
            self.ends.remove(id);
            self.prune(path, at);
        }
        Some(Removed { is_used: false, last_of: is_last.then_some(id) })
    }

    pub(super) fn subscription(&self, filter: &TopicFilter) -> Option<&Subscription> {
        self.end(self.end_of(filter)?)?.iter().find(|known| known.filter == *filter)
    }

    pub(super) fn subscription_mut(&mut self, filter: &TopicFilter) -> Option<&mut Subscription> {
        let end = self.end_of(filter)?;
        self.ends.get_mut(end)?.get_mut(filter)
    }

    fn end_of(&self, filter: &TopicFilter) -> Option<EndId> {
        let at = levels(filter).try_fold(ROOT, |at, level| self.child(at, level));
        self.node(at?)?.end
    }

    //= [MQTT-4.7.2-1]
    /// The streams of the filters that match, of those that are `wanted`.
    pub(super) fn search(
        &self,
        topic: &[u8],
        wanted: impl Fn(&Subscription) -> bool,
        unvisited: &mut Unvisited,
        streams: &mut Vec<StreamId>,
    ) {
        unvisited.clear();
        // Mostly one way leads on: only a second one has to wait.
        let mut ahead = Some((ROOT, Some(0)));
        while let Some((at, position)) = ahead.take().or_else(|| unvisited.pop()) {
            let Some(node) = self.node(at) else { continue };
            // Wildcards in the first level leave out topics of the server's own.
            let takes_wildcards = at != ROOT || !topic.starts_with(b"$");
            // `level/#` matches `level` itself, too.
            let (any, below) = if takes_wildcards { (node.any, node.below) } else { (None, None) };
            if let Some(below) = below.and_then(|below| self.node(below)) {
                self.collect(below, &wanted, streams);
            }
            let Some(start) = position else {
                self.collect(node, &wanted, streams);
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
            if let Some(child) = self.named(node, level) {
                unvisited.extend(ahead.replace((child, next)));
            }
        }
    }

    /// Adds the streams of the `wanted` filters that end at this node.
    pub(super) fn collect(
        &self,
        node: &Node,
        wanted: impl Fn(&Subscription) -> bool,
        streams: &mut impl Extend<StreamId>,
    ) {
        if let Some(end) = node.end.and_then(|end| self.end(end)) {
            end.collect(wanted, streams);
        }
    }

    fn child(&self, at: NodeId, level: &str) -> Option<NodeId> {
        let node = self.node(at)?;
        match level {
            "+" => node.any,
            "#" => node.below,
            _ => self.named(node, level.as_bytes()),
        }
    }

    /// The child that is named in full.
    #[inline]
    pub(super) fn named(&self, node: &Node, level: &[u8]) -> Option<NodeId> {
        if node.children.is_empty() {
            return None;
        }
        let is_it = |child| {
            count_look();
            self.node(child).is_some_and(|child| child.name.as_bytes() == level)
        };
        node.children.find(hash(level), is_it)
    }

    fn grow(&mut self, parent: NodeId, level: &str) -> NodeId {
        // A part of a valid text is one.
        let name = Text::try_from(level).unwrap_or_default();
        let child = self.nodes.insert(Node { name, ..Node::default() });
        if let Some(node) = self.nodes.get_mut(parent) {
            match level {
                "+" => node.any = Some(child),
                "#" => node.below = Some(child),
                _ => node.children.insert(hash(level.as_bytes()), child),
            }
        }
        child
    }

    /// Frees the nodes at the end of a path that nobody needs any more.
    fn prune(&mut self, path: Vec<(NodeId, &str)>, mut at: NodeId) {
        for (parent, level) in path.into_iter().rev() {
            if !self.node(at).is_some_and(Node::is_empty) {
                return;
            }
            if let Some(node) = self.nodes.get_mut(parent) {
                match level {
                    "+" => node.any = None,
                    "#" => node.below = None,
                    _ => node.children.remove(hash(level.as_bytes()), at),
                }
            }
            self.nodes.remove(at);
            at = parent;
        }
    }

    pub(super) fn node(&self, at: NodeId) -> Option<&Node> {
        self.nodes.get(at)
    }

    pub(super) fn end(&self, id: EndId) -> Option<&End> {
        self.ends.get(id)
    }

    #[cfg(test)]
    pub(super) const fn places(&self) -> usize {
        self.nodes.places() + self.ends.places()
    }
}

impl Node {
    fn is_empty(&self) -> bool {
        self.children.is_empty() && self.any.is_none() && self.below.is_none() && self.end.is_none()
    }
}

impl End {
    pub(super) fn has_pattern(&self, pattern: &[u8]) -> bool {
        self.first.filter.pattern_bytes() == pattern
    }

    /// Adds the streams of the filters that are `wanted`.
    pub(super) fn collect(
        &self,
        wanted: impl Fn(&Subscription) -> bool,
        streams: &mut impl Extend<StreamId>,
    ) {
        for subscription in self.iter() {
            count_look();
            if wanted(subscription) {
                streams.extend([subscription.stream]);
                streams.extend(subscription.others.iter().copied());
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Subscription> {
        core::iter::once(&self.first).chain(&self.others)
    }

    fn get_mut(&mut self, filter: &TopicFilter) -> Option<&mut Subscription> {
        let mut all = core::iter::once(&mut self.first).chain(&mut self.others);
        all.find(|known| known.filter == *filter)
    }

    fn insert(&mut self, filter: &TopicFilter, stream: StreamId) {
        match self.get_mut(filter) {
            Some(known) => known.others.push(stream),
            None => self.others.push(Subscription::new(filter, stream)),
        }
    }

    /// Takes out a filter; false if it is the only one, which stays.
    fn remove(&mut self, filter: &TopicFilter) -> bool {
        if self.first.filter != *filter {
            self.others.retain(|known| known.filter != *filter);
            return true;
        }
        let Some(other) = self.others.pop() else { return false };
        self.first = other;
        true
    }
}

impl Subscription {
    fn new(filter: &TopicFilter, stream: StreamId) -> Self {
        Self { filter: filter.clone(), identifier: None, stream, others: Vec::new() }
    }

    /// Takes a stream away; false if none is left.
    fn remove(&mut self, stream: StreamId) -> bool {
        self.others.retain(|other| *other != stream);
        if self.stream == stream {
            let Some(other) = self.others.pop() else { return false };
            self.stream = other;
        }
        true
    }
}

fn levels(filter: &TopicFilter) -> impl Iterator<Item = &str> {
    filter.pattern().split('/')
}
