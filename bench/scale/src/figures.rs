//! What was measured: for each point one figure a round.

use std::collections::BTreeMap;

use crate::group::{Group, Series};

type Key = (&'static str, &'static str, u64);

#[derive(Default)]
pub(crate) struct Figures(BTreeMap<Key, Vec<f64>>);

/// The middle of all rounds, and the ends of their range.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Figures {
    pub(crate) fn add(&mut self, group: &Group, series: &Series, at: u64, figure: f64) {
        self.0.entry((group.name, series.name, at)).or_default().push(figure);
    }

    /// `None` if no round gave a figure.
    pub(crate) fn spread(&self, group: &Group, series: &'static str, at: u64) -> Option<Spread> {
        let mut sorted = self.0.get(&(group.name, series, at))?.clone();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        Some(Spread { least, median: *sorted.get(sorted.len() / 2)?, most })
    }
}
