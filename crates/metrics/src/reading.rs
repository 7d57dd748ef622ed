//! What was read at one moment, summed by name.

use std::sync::Arc;
use std::time::Duration;

use evenkeel::error::CauseClass;

use crate::counts::{Counts, Spread};
use crate::families::{Family, Of};
use crate::gauges::{Gauges, STATES};

/// What was read of all clients at one moment.
#[derive(Clone, Debug)]
pub struct Reading {
    /// In the order of their names, `other` last.
    pub(crate) rows: Vec<Row>,
    /// The names of rates, by their places.
    pub(crate) rates: Vec<Arc<str>>,
}

/// All clients of one name.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) client: Arc<str>,
    pub(crate) counts: Counts,
    pub(crate) gauges: Gauges,
}

/// One value of a [`Family`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Sample<'a> {
    /// The label `client`.
    pub client: &'a str,
    /// The label `class`, for families that have it.
    pub class: Option<&'a str>,
    /// The value.
    pub value: Value<'a>,
}

/// The value of a [`Sample`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A count.
    Count(u64),
    /// A measure, such as seconds.
    Number(f64),
    /// Durations in buckets, of [`Kind::Histogram`](crate::Kind::Histogram) only.
    Spread(&'a Spread),
}

impl Value<'_> {
    pub(crate) const fn seconds(time: Duration) -> Self {
        Self::Number(time.as_secs_f64())
    }
}

impl Reading {
    /// All samples of a family, one name after the other.
    pub fn samples(&self, family: &Family) -> Vec<Sample<'_>> {
        let mut samples = Vec::new();
        for row in &self.rows {
            let mut push =
                |class, value| samples.push(Sample { client: &row.client, class, value });
            match family.of {
                Of::Counter(place) => push(None, Value::Count(row.counts.stats[place])),
                Of::Value(of) => of(row).into_iter().for_each(|value| push(None, value)),
                Of::States => {
                    let states = STATES.iter().zip(row.gauges.states);
                    states.for_each(|(state, count)| push(Some(state), Value::Count(count)));
                }
                Of::Ends => {
                    let ends = CauseClass::ALL.iter().zip(row.counts.ends);
                    ends.for_each(|(class, count)| push(Some(class.label()), Value::Count(count)));
                }
                Of::Loops => {
                    let loops = CauseClass::ALL.iter().zip(row.gauges.loops);
                    let there = loops.filter(|(_, count)| *count > 0);
                    there.for_each(|(class, count)| {
                        push(Some(class.label()), Value::Count(count.into()));
                    });
                }
                Of::Rates(of) => {
                    let rates = self.rates.iter().zip(&row.gauges.rates);
                    let there = rates.filter_map(|(name, rate)| Some((name, rate.as_ref()?)));
                    there.for_each(|(name, rate)| push(Some(name), Value::Count(of(rate))));
                }
            }
        }
        samples
    }
}
