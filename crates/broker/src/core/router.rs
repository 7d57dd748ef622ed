//! Which sessions a message goes to, by its topic.

use std::collections::BTreeMap;

use evenkeel_codec::{TopicFilter, TopicName};

use super::ids::SessionId;
use super::share::Group;
use super::subscription::{Match, Subscription};

/// All subscriptions in a tree of topic levels.
///
/// The tree is as deep as the deepest filter, which
/// [`Limits::topic_levels`](super::Limits::topic_levels) bounds; so is the
/// recursion.
#[derive(Debug)]
pub(crate) struct Router {
    root: Node,
    len: usize,
    /// What the subscriptions take, in bytes.
    bytes: usize,
    /// Whether `a/#` matches `a`, as the specification says.
    pub(crate) hash_matches_parent: bool,
}

impl Default for Router {
    fn default() -> Self {
        Self { root: Node::default(), len: 0, bytes: 0, hash_matches_parent: true }
    }
}

#[derive(Debug, Default)]
struct Node {
    children: BTreeMap<Box<str>, Self>,
    any: Option<Box<Self>>,
    /// Filters that end here.
    here: Subscribers,
    /// Filters that end here with one more level, `#`.
    rest: Subscribers,
}

#[derive(Debug, Default)]
struct Subscribers {
    /// Sorted by session.
    plain: Vec<Match>,
    groups: Vec<Group>,
}

impl Router {
    /// The number of subscriptions.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// What the subscriptions take, in bytes.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a subscription or replaces it; false if it was there before.
    //= [MQTT-3.8.4-3]
    pub(crate) fn subscribe(
        &mut self,
        filter: &TopicFilter,
        session: SessionId,
        subscription: Subscription,
    ) -> bool {
        let entry = Match { session, subscription };
        let place = self.root.place(filter.pattern());
        let is_new = match filter.share_name() {
            Some(name) => place.group(name).join(entry),
            None => place.insert(entry),
        };
        self.len += usize::from(is_new);
        self.bytes += if is_new { weight(filter) } else { 0 };
        is_new
    }

    /// Removes a subscription; false if there was none.
    //= [MQTT-3.10.4-1]
    pub(crate) fn unsubscribe(&mut self, filter: &TopicFilter, session: SessionId) -> bool {
        let was_there = self.root.remove(filter.pattern(), filter.share_name(), session);
        self.len -= usize::from(was_there);
        self.bytes -= if was_there { weight(filter) } else { 0 };
        was_there
    }

    /// Collects who gets a message, one entry for each matching subscription.
    ///
    /// Of a shared subscription's group one member is chosen in turn, those
    /// with a connection first.
    pub(crate) fn matches(
        &mut self,
        topic: &TopicName,
        is_online: &dyn Fn(SessionId) -> bool,
        found: &mut Vec<Match>,
    ) {
        let topic = topic.as_str();
        let mut search = Search { is_online, found, hash_matches_parent: self.hash_matches_parent };
        //= [MQTT-4.7.2-1]
        if topic.starts_with('$') {
            let (level, rest) = split(topic);
            if let Some(child) = self.root.children.get_mut(level) {
                child.visit(rest, &mut search);
            }
        } else {
            self.root.visit(Some(topic), &mut search);
        }
    }
}

/// What a subscription takes at most, in bytes: its filter here and in its
/// session, and a node for each level.
pub(crate) fn weight(filter: &TopicFilter) -> usize {
    let levels = filter.as_str().split('/').count();
    let node = size_of::<(Box<str>, Node)>() + size_of::<Node>();
    let entry = size_of::<(TopicFilter, Subscription)>() + size_of::<Match>();
    2 * filter.as_str().len() + levels * node + entry
}

struct Search<'a> {
    is_online: &'a dyn Fn(SessionId) -> bool,
    found: &'a mut Vec<Match>,
    hash_matches_parent: bool,
}

fn split(topic: &str) -> (&str, Option<&str>) {
    match topic.split_once('/') {
        Some((level, rest)) => (level, Some(rest)),
        None => (topic, None),
    }
}

impl Node {
    /// The subscribers of a filter, made if there are none.
    fn place(&mut self, pattern: &str) -> &mut Subscribers {
        let mut node = self;
        for level in pattern.split('/') {
            node = match level {
                "#" => return &mut node.rest,
                "+" => node.any.get_or_insert_default(),
                _ => node.children.entry(level.into()).or_default(),
            };
        }
        &mut node.here
    }

    fn remove(&mut self, pattern: &str, share: Option<&str>, session: SessionId) -> bool {
        if pattern == "#" {
            return self.rest.remove(share, session);
        }
        let (level, rest) = split(pattern);
        let next = match level {
            "+" => self.any.as_deref_mut(),
            _ => self.children.get_mut(level),
        };
        let Some(next) = next else { return false };
        let removed = match rest {
            Some(rest) => next.remove(rest, share, session),
            None => next.here.remove(share, session),
        };
        if next.is_empty() {
            match level {
                "+" => self.any = None,
                _ => drop(self.children.remove(level)),
            }
        }
        removed
    }

    fn is_empty(&self) -> bool {
        self.children.is_empty()
            && self.any.is_none()
            && self.here.is_empty()
            && self.rest.is_empty()
    }

    //= [MQTT-4.7.1-1]
    fn visit(&mut self, topic: Option<&str>, search: &mut Search<'_>) {
        if topic.is_some() || search.hash_matches_parent {
            self.rest.collect(search);
        }
        let Some(topic) = topic else {
            self.here.collect(search);
            return;
        };
        let (level, rest) = split(topic);
        if let Some(any) = &mut self.any {
            any.visit(rest, search);
        }
        if let Some(child) = self.children.get_mut(level) {
            child.visit(rest, search);
        }
    }
}

impl Subscribers {
    fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.groups.is_empty()
    }

    fn insert(&mut self, entry: Match) -> bool {
        match self.plain.binary_search_by_key(&entry.session, |other| other.session) {
            Ok(at) => {
                if let Some(old) = self.plain.get_mut(at) {
                    *old = entry;
                }
                false
            }
            Err(at) => {
                self.plain.insert(at, entry);
                true
            }
        }
    }

    fn group(&mut self, name: &str) -> &mut Group {
        let at = self.groups.iter().position(|group| group.name() == name).unwrap_or_else(|| {
            self.groups.push(Group::new(name));
            self.groups.len() - 1
        });
        &mut self.groups[at]
    }

    fn remove(&mut self, share: Option<&str>, session: SessionId) -> bool {
        match share {
            None => {
                let before = self.plain.len();
                self.plain.retain(|entry| entry.session != session);
                self.plain.len() < before
            }
            Some(name) => {
                let group = self.groups.iter_mut().find(|group| group.name() == name);
                let removed = group.is_some_and(|group| group.leave(session));
                self.groups.retain(|group| !group.is_empty());
                removed
            }
        }
    }

    fn collect(&mut self, search: &mut Search<'_>) {
        search.found.extend_from_slice(&self.plain);
        for group in &mut self.groups {
            search.found.extend(group.choose(search.is_online));
        }
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_codec::QoS;

    use super::*;

    const OPTIONS: Subscription = Subscription {
        qos: QoS::AtMostOnce,
        no_local: false,
        retain_as_published: false,
        identifier: None,
    };

    fn router(filters: &[(&str, u64)]) -> Router {
        let mut router = Router::default();
        for (filter, session) in filters {
            let filter = TopicFilter::try_from(*filter).unwrap();
            router.subscribe(&filter, SessionId(*session), OPTIONS);
        }
        router
    }

    fn found(router: &mut Router, topic: &str) -> Vec<u64> {
        let mut found = Vec::new();
        router.matches(&TopicName::try_from(topic).unwrap(), &|_| true, &mut found);
        let mut sessions: Vec<u64> = found.iter().map(|entry| entry.session.0).collect();
        sessions.sort_unstable();
        sessions
    }

    //= [MQTT-4.7.1-1] test
    //= [MQTT-4.7.1-2] test
    //= [MQTT-4.7.2-1] test
    //= [MQTT-4.7.3-4] test
    #[test]
    fn agrees_with_the_codecs_matching() {
        let filters = [
            "#", "+", "+/+", "/+", "a", "a/#", "a/+", "a/+/c", "a/b", "a/b/#", "+/b/c", "+/b/#",
            "A/b", "a/", "/", "//", "$SYS/#", "$SYS/+", "+/x", "a//c", "a/+/+",
        ];
        let topics = [
            "a", "a/b", "a/b/c", "a/", "/", "//", "/a", "A/b", "$SYS/x", "$SYS", "a//c", "b", "x/x",
        ];
        let numbered: Vec<(&str, u64)> = filters.iter().copied().zip(0..).collect();
        let mut router = router(&numbered);
        assert_eq!(router.len(), filters.len());
        for topic in topics {
            let name = TopicName::try_from(topic).unwrap();
            let matches = |text: &str| TopicFilter::try_from(text).unwrap().matches_name(&name);
            let expected: Vec<u64> =
                numbered.iter().filter(|(text, _)| matches(text)).map(|(_, id)| *id).collect();
            assert_eq!(found(&mut router, topic), expected, "{topic}");
        }
    }

    #[test]
    fn removing_leaves_no_empty_nodes() {
        let filters = ["a/b/c", "a/+/#", "$share/g/a/b/c", "#", "+"];
        let numbered: Vec<(&str, u64)> = filters.iter().copied().zip(0..).collect();
        let mut router = router(&numbered);
        for (text, session) in numbered {
            let filter = TopicFilter::try_from(text).unwrap();
            assert!(!router.unsubscribe(&filter, SessionId(99)), "{text}: not this session's");
            assert!(router.unsubscribe(&filter, SessionId(session)), "{text}");
            assert!(!router.unsubscribe(&filter, SessionId(session)), "{text}: twice");
        }
        assert_eq!((router.len(), router.bytes()), (0, 0));
        assert!(router.root.is_empty());
    }

    #[test]
    fn subscribing_again_replaces() {
        let mut router = router(&[("a", 1), ("a", 1)]);
        assert_eq!(router.len(), 1);
        assert_eq!(found(&mut router, "a"), [1]);
    }
}
