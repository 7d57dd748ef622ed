//! Which messages `sub` shows and counts, in the order mosquitto_sub decides.

use std::hash::{BuildHasher, Hasher, RandomState};

use evenkeel::{TopicFilter, TopicName};

use crate::settings::Selection;

/// Decides about each message in turn.
pub(super) struct Selector<'a> {
    selection: &'a Selection,
    wanted: Option<u64>,
    taken: u64,
    random: RandomState,
}

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It ends the program, unseen.
    End,
    /// It is neither shown nor counted.
    Drop {
        /// Its retained copy is to be removed all the same.
        remove: bool,
    },
    /// It counts.
    Take {
        /// Its retained copy is to be removed.
        remove: bool,
        /// It is shown.
        show: bool,
    },
}

impl<'a> Selector<'a> {
    pub(super) fn new(selection: &'a Selection, wanted: Option<u64>) -> Self {
        Self { selection, wanted, taken: 0, random: RandomState::new() }
    }

    /// Messages that counted so far.
    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    /// True once as many as wanted were taken.
    pub(super) fn is_full(&self) -> bool {
        self.wanted.is_some_and(|wanted| self.taken >= wanted)
    }

    pub(super) fn judge(&mut self, topic: &str, retained: bool) -> Decision {
        let selection = self.selection;
        if selection.retained_only && !retained {
            return Decision::End;
        }
        if self.is_filtered_out(topic) {
            return Decision::Drop { remove: false };
        }
        let remove = selection.remove_retained && retained;
        if selection.no_retained && retained {
            return Decision::Drop { remove };
        }
        self.taken += 1;
        let show = selection.share.is_none_or(|share| self.chance() < share / 100.0);
        Decision::Take { remove, show }
    }

    fn is_filtered_out(&self, topic: &str) -> bool {
        let matches = |filter: &TopicFilter, topic: &TopicName| filter.matches_name(topic);
        !self.selection.filter_out.is_empty()
            && TopicName::try_from(topic).is_ok_and(|topic| {
                self.selection.filter_out.iter().any(|filter| matches(filter, &topic))
            })
    }

    /// A number from 0 to below 1, of the standard library's random keys.
    fn chance(&self) -> f64 {
        let mut hasher = self.random.build_hasher();
        hasher.write_u64(self.taken);
        (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(edit: impl FnOnce(&mut Selection)) -> Selection {
        let mut selection = Selection::default();
        edit(&mut selection);
        selection
    }

    const SHOW: Decision = Decision::Take { remove: false, show: true };

    #[test]
    fn everything_is_taken_unless_told_otherwise() {
        let selection = Selection::default();
        let mut selector = Selector::new(&selection, Some(2));
        assert_eq!(selector.judge("a", false), SHOW);
        assert!(!selector.is_full());
        assert_eq!(selector.judge("a", true), SHOW);
        assert!(selector.is_full());
        assert_eq!(selector.taken(), 2);
    }

    #[test]
    fn what_is_filtered_out_does_not_count() {
        let selection = selection(|s| s.filter_out = vec![TopicFilter::try_from("a/+").unwrap()]);
        let mut selector = Selector::new(&selection, None);
        assert_eq!(selector.judge("a/b", false), Decision::Drop { remove: false });
        assert_eq!(selector.judge("a", false), SHOW);
        assert_eq!(selector.taken(), 1);
    }

    #[test]
    fn retained_messages_are_hidden_alone_or_ended_by_the_first_other() {
        let hidden = selection(|s| s.no_retained = true);
        let mut selector = Selector::new(&hidden, None);
        assert_eq!(selector.judge("a", true), Decision::Drop { remove: false });
        assert_eq!(selector.judge("a", false), SHOW);
        let only = selection(|s| s.retained_only = true);
        let mut selector = Selector::new(&only, None);
        assert_eq!(selector.judge("a", true), SHOW);
        assert_eq!(selector.judge("a", false), Decision::End);
    }

    #[test]
    fn retained_messages_are_removed_even_when_hidden_but_not_when_filtered_out() {
        let selection = selection(|s| {
            s.remove_retained = true;
            s.no_retained = true;
            s.filter_out = vec![TopicFilter::try_from("keep/#").unwrap()];
        });
        let mut selector = Selector::new(&selection, None);
        assert_eq!(selector.judge("a", true), Decision::Drop { remove: true });
        assert_eq!(selector.judge("keep/a", true), Decision::Drop { remove: false });
        assert_eq!(selector.judge("a", false), SHOW);
    }

    #[test]
    fn a_share_is_shown_and_all_are_counted() {
        let selection = selection(|s| s.share = Some(50.0));
        let mut selector = Selector::new(&selection, None);
        let decisions = (0..10_000).map(|_| selector.judge("a", false));
        let shown = decisions.filter(|decision| *decision == SHOW).count();
        // Six standard deviations of 50 around the mean.
        assert!((4_700..=5_300).contains(&shown), "{shown}");
        assert_eq!(selector.taken(), 10_000);
    }
}
