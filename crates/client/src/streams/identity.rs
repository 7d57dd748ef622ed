//! Subscription identifiers, by which copies of a message are told apart (D17).
//!
//! A server may send one message for all subscriptions that match, or a copy for
//! each; a message of a shared subscription is always one of its own. So streams
//! that can match the same topic have their messages marked, each with its own
//! identifier. Streams that cannot go without: a mark costs bytes and time.

use std::collections::BTreeSet;

use evenkeel_codec::{Properties, Property, PropertyId, Publish, TopicFilter};

use super::{StreamId, Streams};
use crate::routes::Routes;

/// Streams that are marked for the sake of a new one at most. Beyond, as for `#`
/// beside thousands of streams, messages go by their topics.
const NEIGHBOURS: usize = 256;

/// The first identifier of ours: far from those that applications choose, and at
/// another place for each client, as a session may know those of an earlier one.
const FIRST: u32 = 1 << 27;

/// What a new stream asks the core for.
pub(crate) struct Opened {
    pub(crate) id: StreamId,
    /// What its SUBSCRIBE is to say, if it is not what the application chose.
    pub(crate) identifier: Option<u32>,
    /// Subscriptions of other streams that need an identifier from now on, and
    /// are to have it before this stream is subscribed.
    pub(crate) others: Vec<(Vec<TopicFilter>, u32)>,
}

/// Gives out identifiers of ours.
pub(super) struct Identifiers {
    first: u32,
    next: u32,
}

impl Identifiers {
    pub(super) const fn new(seed: u64) -> Self {
        // Half of the room above is left to count in.
        let first = FIRST + (seed % (FIRST as u64 / 2)) as u32;
        Self { first, next: first }
    }

    const fn take(&mut self) -> u32 {
        let taken = self.next;
        self.next += 1;
        taken
    }

    const fn is_ours(&self, identifier: u32) -> bool {
        self.first <= identifier && identifier < self.next
    }

    /// The application sees only what it asked for.
    pub(super) fn hide(&self, properties: &mut Properties) {
        if properties.is_empty()
            || !properties.subscription_identifiers().any(|id| self.is_ours(id))
        {
            return;
        }
        let theirs: Vec<u32> =
            properties.subscription_identifiers().filter(|id| !self.is_ours(*id)).collect();
        properties.remove(PropertyId::SUBSCRIPTION_IDENTIFIER);
        theirs.into_iter().for_each(|id| properties.push(Property::SubscriptionIdentifier(id)));
    }
}

/// The streams that a message is for.
pub(super) fn find<'a>(routes: &'a mut Routes, publish: &Publish) -> &'a [StreamId] {
    let topic = publish.topic.as_bytes();
    if publish.properties.is_empty() {
        return routes.find(topic);
    }
    let marks: Vec<u32> = publish.properties.subscription_identifiers().collect();
    if marks.is_empty() { routes.find(topic) } else { routes.find_marked(topic, &marks) }
}

impl Streams {
    /// The open streams that have a topic in common with these filters.
    pub(super) fn neighbours(&self, filters: &[TopicFilter]) -> BTreeSet<StreamId> {
        filters.iter().flat_map(|filter| self.routes.overlapping(filter)).collect()
    }

    /// Decides which streams are to have identifiers because of a new one.
    pub(super) fn tell_apart(
        &mut self,
        id: StreamId,
        own: Option<u32>,
        neighbours: BTreeSet<StreamId>,
    ) -> Opened {
        let marked = !neighbours.is_empty() && neighbours.len() <= NEIGHBOURS;
        let identifier = (own.is_none() && marked).then(|| self.identifiers.take());
        let mut opened = Opened { id, identifier, others: Vec::new() };
        if let Some(mark) = own.or(identifier) {
            self.mark(id, mark, true);
        }
        if marked {
            let unmarked = neighbours.into_iter().filter(|neighbour| *neighbour != id);
            opened.others =
                unmarked.filter_map(|neighbour| self.mark_neighbour(neighbour)).collect();
        }
        opened
    }

    /// The filters of a stream that had no identifier, and the one they have now.
    fn mark_neighbour(&mut self, id: StreamId) -> Option<(Vec<TopicFilter>, u32)> {
        if self.stream(id)?.identifier.is_some() {
            return None;
        }
        let identifier = self.identifiers.take();
        let filters = self.mark(id, identifier, false);
        (!filters.is_empty()).then_some((filters, identifier))
    }

    fn mark(&mut self, id: StreamId, identifier: u32, replace: bool) -> Vec<TopicFilter> {
        let Some(stream) = self.streams.get_mut(id).and_then(Option::as_mut) else {
            return Vec::new();
        };
        stream.identifier = Some(identifier);
        let filters = stream.filters.iter();
        filters
            .filter(|filter| self.routes.identify(filter, identifier, replace))
            .cloned()
            .collect()
    }
}
