//! Which subscriptions a message can be for at the same time: a server may send
//! a copy for each of them, and the copies have to be told apart (D17).

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use evenkeel_codec::TopicFilter;

use super::tree::{NodeId, ROOT, Tree};
use super::{Routes, count_look};
use crate::StreamId;

impl Routes {
    /// The streams with another filter that has a topic in common with this one.
    pub fn overlapping(&self, filter: &TopicFilter) -> BTreeSet<StreamId> {
        let mut streams = BTreeSet::new();
        if let Some(filters) = &self.filters {
            filters.wild.find_overlapping(filter, &mut streams);
            filters.plain.find_overlapping(filter, &mut streams);
        }
        streams
    }
}

impl Tree {
    fn find_overlapping(&self, filter: &TopicFilter, streams: &mut BTreeSet<StreamId>) {
        let levels: Vec<&[u8]> = filter.pattern_bytes().split(|byte| *byte == b'/').collect();
        let mut pending = vec![(ROOT, 0)];
        while let Some((at, depth)) = pending.pop() {
            let Some(node) = self.node(at) else { continue };
            count_look();
            let level = levels.get(depth).copied();
            // Wildcards in the first level leave out topics of the server's own.
            let reserved = |level: &[u8]| at == ROOT && level.starts_with(b"$");
            let is_open = |child: &NodeId| {
                self.node(*child).is_some_and(|child| !reserved(child.name.as_bytes()))
            };
            let takes_wildcards = !level.is_some_and(reserved);
            let (any, below) = if takes_wildcards { (node.any, node.below) } else { (None, None) };
            let wild = |next| any.map(|any| (any, next));
            let children =
                |next| node.children.iter().filter(is_open).map(move |child| (child, next));
            if let Some(below) = below {
                self.collect_others(below, filter, streams);
            }
            match level {
                None => self.collect_others(at, filter, streams),
                Some(b"#") => {
                    // It matches the level before as well, and all that follow.
                    self.collect_others(at, filter, streams);
                    pending.extend(children(depth).chain(wild(depth)));
                }
                Some(b"+") => pending.extend(children(depth + 1).chain(wild(depth + 1))),
                Some(level) => {
                    let child = self.named(node, level).map(|child| (child, depth + 1));
                    pending.extend(child.into_iter().chain(wild(depth + 1)));
                }
            }
        }
    }

    fn collect_others(&self, at: NodeId, own: &TopicFilter, streams: &mut BTreeSet<StreamId>) {
        if let Some(node) = self.node(at) {
            self.collect(node, |other| other.filter != *own, streams);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::ToOwned;
    use std::format;
    use std::string::String;

    use evenkeel_codec::Text;
    use proptest::prelude::*;

    use super::*;

    /// Every topic of up to four levels out of these; the empty one as well, which
    /// no message has, but filters match.
    fn topics() -> Vec<Text> {
        let mut topics = vec![String::new()];
        let mut all = Vec::new();
        for depth in 0..4 {
            let longer = topics.iter().flat_map(|topic| {
                ["", "a", "b", "$", "$a", "$b"].map(|level| match depth {
                    0 => level.to_owned(),
                    _ => format!("{topic}/{level}"),
                })
            });
            topics = longer.collect();
            all.extend(topics.iter().filter_map(|topic| Text::try_from(topic.as_str()).ok()));
        }
        all
    }

    proptest! {
        #[test]
        fn filters_overlap_if_a_topic_matches_both(
            filters in prop::collection::vec(
                "(\\$share/g/)?(\\$?[ab]?|\\+)(/([ab]?|\\+)){0,2}(/#)?", 1..8,
            ),
            own in "(\\$share/g/)?(\\$?[ab]?|\\+|#)(/([ab]?|\\+)){0,2}(/#)?",
        ) {
            let Ok(own) = TopicFilter::try_from(own.as_str()) else { return Ok(()) };
            let valid = |text: &String| TopicFilter::try_from(text.as_str()).ok();
            let filters: Vec<_> = filters.iter().filter_map(valid).collect();
            let mut routes = Routes::default();
            for (stream, filter) in filters.iter().enumerate() {
                routes.insert(filter, stream);
            }
            let topics = topics();
            let overlaps = |other: &TopicFilter| {
                other != &own && topics.iter().any(|topic| own.matches_text(topic) && other.matches_text(topic))
            };
            let expected: BTreeSet<StreamId> =
                (0..filters.len()).filter(|stream| overlaps(&filters[*stream])).collect();
            prop_assert_eq!(routes.overlapping(&own), expected);
        }
    }
}
