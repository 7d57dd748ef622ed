//! Texts that were kept lately: most come again and again.

use std::fmt;

use evenkeel_doctor::TextId;

use crate::Sink;
use crate::fold::FoldKey;

/// Texts that are remembered, at most: each has one place.
const PLACES: usize = 32_768;

/// The bytes of all places.
pub(crate) const MOST: usize = PLACES * size_of::<(u64, TextId)>();

/// Keeps texts in a sink, and remembers the newest by hashes that nobody can
/// foresee: 64 bits are enough to tell them apart.
#[derive(Default)]
pub(crate) struct Recent {
    key: FoldKey,
    all: Vec<(u64, TextId)>,
}

impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").finish_non_exhaustive()
    }
}

impl Recent {
    /// Keeps a text, all of them in the same sink.
    pub(crate) fn keep(&mut self, text: &str, sink: &mut dyn Sink) -> TextId {
        if text.is_empty() {
            return TextId::NONE;
        }
        let hash = self.key.hash(text.as_bytes());
        if self.all.is_empty() {
            self.all = vec![(0, TextId::NONE); PLACES];
        }
        let at = (hash % PLACES as u64) as usize;
        let Some(place) = self.all.get_mut(at) else { return sink.keep(text) };
        if place.0 != hash {
            *place = (hash, sink.keep(text));
        }
        place.1
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_doctor::{Event, Source, SourceId, Texts};

    use super::*;

    struct Count(Texts, u32);

    impl Sink for Count {
        fn source(&mut self, _: Source) -> Option<SourceId> {
            None
        }

        fn keep(&mut self, text: &str) -> TextId {
            self.1 += 1;
            self.0.keep(text)
        }

        fn event(&mut self, _: &Event) {}
    }

    #[test]
    fn texts_are_told_apart_and_kept_once() {
        let (mut recent, mut sink) = (Recent::default(), Count(Texts::new(1 << 20), 0));
        let texts: Vec<String> = (0..5000).map(|n| format!("site/{n}")).collect();
        for _ in 0..3 {
            for text in &texts {
                let id = recent.keep(text, &mut sink);
                assert_eq!(sink.0.text(id), text);
                // The newest is always remembered.
                let before = sink.1;
                assert_eq!((recent.keep(text, &mut sink), sink.1), (id, before));
            }
        }
        assert_eq!(recent.keep("", &mut sink), TextId::NONE);
    }
}
