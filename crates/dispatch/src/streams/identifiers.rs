//! Subscription identifiers, by which copies of a message are told apart (D17).
//!
//! A server may send one message for all subscriptions that match, or a copy for
//! each; a message of a shared subscription is always one of its own. So streams
//! that can match the same topic have their messages marked, each with its own
//! identifier. Streams that cannot go without: a mark costs bytes and time.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use evenkeel_codec::{Properties, Property, PropertyId, Publish, TopicFilter};

use super::Streams;
use crate::StreamId;
use crate::routes::Routes;

/// Streams that are marked for the sake of a new one at most. Beyond, as for `#`
/// beside thousands of streams, messages go by their topics.
const NEIGHBOURS: usize = 256;

/// The first identifier of ours: far from those that applications choose, and at
/// another place for each client, as a session may know those of an earlier one.
const FIRST: u32 = 1 << 27;

/// What a new stream asks the core for.
pub struct Opened {
    /// The stream.
    pub id: StreamId,
    /// What its SUBSCRIBE is to say, if it is not what the application chose.
    pub identifier: Option<u32>,
    /// Subscriptions of other streams that need an identifier from now on, and
    /// are to have it before this stream is subscribed.
    pub others: Vec<(Vec<TopicFilter>, u32)>,
}

/// The last one that the specification allows.
const LAST: u32 = 268_435_455;

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

    /// `None` after tens of millions: messages go by their topics then.
    const fn take(&mut self) -> Option<u32> {
        if self.next > LAST {
            return None;
        }
        let taken = self.next;
        self.next += 1;
        Some(taken)
    }

    const fn is_ours(&self, identifier: u32) -> bool {
        self.first <= identifier && identifier < self.next
    }

    /// The application sees only what it asked for.
    #[inline]
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
#[inline]
pub(super) fn find<'a>(routes: &'a mut Routes, publish: &Publish) -> &'a [StreamId] {
    let topic = publish.topic.as_bytes();
    if publish.properties.is_empty() {
        return routes.find(topic);
    }
    // Collects, and so allocates, only for a message that has marks.
    let marks: Vec<u32> = publish.properties.subscription_identifiers().collect();
    if marks.is_empty() { routes.find(topic) } else { routes.find_marked(topic, &marks) }
}

impl Streams {
    /// The open streams that have a topic in common with these filters.
    pub(super) fn neighbours(&self, filters: &[TopicFilter]) -> BTreeSet<StreamId> {
        filters.iter().flat_map(|filter| self.routes.overlapping(filter)).collect()
    }

    /// Decides which streams are to have identifiers because of a new one.
    ///
    /// A filter that is marked for another stream keeps a mark: the SUBSCRIBE of
    /// the new one takes the place of the first subscription, and without an
    /// identifier it would take the mark away that later streams count on.
    pub(super) fn tell_apart(
        &mut self,
        id: StreamId,
        own: Option<u32>,
        neighbours: BTreeSet<StreamId>,
    ) -> Opened {
        let marked = !neighbours.is_empty() && neighbours.len() <= NEIGHBOURS;
        let identifier = match own {
            None if marked || self.is_marked(id) => self.identifiers.take(),
            _ => None,
        };
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

    /// Whether a filter of this stream is marked, for another stream so far.
    fn is_marked(&self, id: StreamId) -> bool {
        let stream = self.streams.get(id).and_then(Option::as_ref);
        stream
            .is_some_and(|stream| stream.filters.iter().any(|filter| self.routes.is_marked(filter)))
    }

    /// The filters of a stream that had no identifier, and the one they have now.
    fn mark_neighbour(&mut self, id: StreamId) -> Option<(Vec<TopicFilter>, u32)> {
        if self.stream(id)?.identifier.is_some() {
            return None;
        }
        let identifier = self.identifiers.take()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_identifier_is_the_last_of_the_specification() {
        let mut identifiers = Identifiers { first: LAST - 1, next: LAST - 1 };
        assert_eq!(identifiers.take(), Some(LAST - 1));
        assert_eq!(identifiers.take(), Some(LAST));
        assert_eq!(identifiers.take(), None);
        assert_eq!(identifiers.take(), None);
        assert!(identifiers.is_ours(LAST));
        assert!(!identifiers.is_ours(LAST - 2));
    }

    #[test]
    fn every_seed_leaves_room_to_count() {
        for seed in [0, 1, u64::from(FIRST / 2) - 1, u64::MAX] {
            assert!(LAST - Identifiers::new(seed).first > FIRST / 2 - 2);
        }
    }
}
