//! Attempts of clients that have no identifier yet, as the server has still to
//! assign it. Several clients may be so at a time, and lines tell them apart no
//! further than by the number of the attempt and its server.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use evenkeel_doctor::Time;

/// Attempts that are remembered: the newest.
const LIMIT: usize = 256;

#[derive(Debug)]
struct Attempt {
    serial: u64,
    /// What lines say of it.
    said: u64,
    began: Time,
    over: bool,
}

impl Attempt {
    fn name(&self) -> String {
        format!("?{}", self.serial)
    }
}

/// The attempts of one log, each with a name that no other one has.
#[derive(Debug, Default)]
pub(crate) struct Unnamed {
    all: VecDeque<Attempt>,
    made: u64,
}

impl Unnamed {
    /// One more begins, of which lines say this.
    pub(crate) fn begin(&mut self, said: impl Hash, began: Time) -> String {
        if self.all.len() >= LIMIT {
            self.all.pop_front();
        }
        self.made = self.made.saturating_add(1);
        let attempt = Attempt { serial: self.made, said: digest(said), began, over: false };
        let name = attempt.name();
        self.all.push_back(attempt);
        name
    }

    /// The one that began nearest to this time; of those that are over, if such
    /// a one is looked for, else of the others first.
    pub(crate) fn find(&mut self, said: impl Hash, began: Time, over: bool) -> Option<String> {
        self.nearest(digest(said), began, over).map(|attempt| attempt.name())
    }

    /// The one that began nearest to this time is over.
    pub(crate) fn end(&mut self, said: impl Hash, began: Time) {
        if let Some(attempt) = self.nearest(digest(said), began, false) {
            attempt.over = true;
        }
    }

    /// The one that began nearest to this time, and is not over, has got an
    /// identifier.
    pub(crate) fn take(&mut self, said: impl Hash, began: Time) -> Option<String> {
        let attempt = self.nearest(digest(said), began, false)?;
        let (serial, name, over) = (attempt.serial, attempt.name(), attempt.over);
        self.all.retain(|attempt| over || attempt.serial != serial);
        (!over).then_some(name)
    }

    /// Of equally near ones the newest.
    fn nearest(&mut self, said: u64, began: Time, over: bool) -> Option<&mut Attempt> {
        let like = self.all.iter_mut().rev().filter(|attempt| attempt.said == said);
        like.min_by_key(|attempt| (attempt.over != over, attempt.began.0.abs_diff(began.0)))
    }
}

fn digest(said: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    said.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_at_the_limit() {
        let mut all = Unnamed::default();
        let at = Time(0);
        let first = all.begin(0, at);
        (1..256).for_each(|number| _ = all.begin(number, at));
        assert_eq!(all.find(0, at, false), Some(first));
        all.begin(256, at);
        assert_eq!(all.find(0, at, false), None);
        assert!(all.find(1, at, false).is_some());
    }

    #[test]
    fn one_that_is_over_gets_no_identifier() {
        let mut all = Unnamed::default();
        let (early, late) = (all.begin("1", Time(10)), all.begin("1", Time(20)));
        assert_eq!(all.find("1", Time(12), false), Some(early.clone()));
        all.end("1", Time(30));
        assert_eq!(all.find("1", Time(30), true), Some(late.clone()));
        assert_eq!(all.take("1", Time(30)), Some(early));
        assert_eq!(all.take("1", Time(30)), None);
        assert_eq!(all.find("1", Time(30), false), Some(late));
    }
}
