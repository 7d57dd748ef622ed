//! A bounded number of names, however long the program runs: what comes after them is `other`.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{NAME_MAX, OTHER};

/// Names by the order in which they came.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    most: usize,
    places: HashMap<Arc<str>, usize>,
    /// By place; `other` has the first.
    all: Vec<Arc<str>>,
}

impl Names {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, places: HashMap::new(), all: vec![OTHER.into()] }
    }

    /// The place of a name, that of `other` if there is no room for one more, or for one so long.
    pub(crate) fn place(&mut self, name: &str) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        if self.places.len() >= self.most || name.chars().count() > NAME_MAX {
            return 0;
        }
        let (name, place) = (Arc::<str>::from(name), self.all.len());
        self.places.insert(name.clone(), place);
        self.all.push(name);
        place
    }

    /// All names, by their places.
    pub(crate) fn all(&self) -> &[Arc<str>] {
        &self.all
    }

    pub(crate) fn name(&self, place: usize) -> Arc<str> {
        self.all.get(place).cloned().unwrap_or_else(|| OTHER.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_the_bound_is_other_and_stays_it() {
        let mut names = Names::new(2);
        let places = ["a", "b", "c", "a", "d", "b", "c"].map(|name| names.place(name));
        assert_eq!(places, [1, 2, 0, 1, 0, 2, 0]);
        assert_eq!(
            [0, 1, 2].map(|place| names.name(place)),
            ["other".into(), "a".into(), "b".into()]
        );
        let mut names = Names::new(2);
        assert_eq!(names.place(&"x".repeat(NAME_MAX + 1)), 0);
        assert_eq!(names.place(&"x".repeat(NAME_MAX)), 1);
        assert_eq!(Names::new(0).place("a"), 0);
    }
}
