//! What a group says of itself.

use crate::Outcome;
use crate::groups;

/// Points that stand in one table and one picture.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// The unit of all its figures.
    pub(crate) unit: &'static str,
    /// What the points count: "tasks", "filters".
    pub(crate) axis: &'static str,
    pub(crate) series: &'static [Series],
    pub(crate) goals: &'static [Goal],
}

/// One way to do the work, at several sizes.
pub(crate) struct Series {
    pub(crate) name: &'static str,
    pub(crate) points: &'static [u64],
    pub(crate) cores: Cores,
    /// Measures one point: its size, and the port of a server.
    pub(crate) measure: fn(u64, u16) -> Outcome<f64>,
}

/// The cores that the measured process may use.
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "not every kind is in use at every time")]
pub(crate) enum Cores {
    /// The last one; the server has the first to itself.
    One,
    /// All, the server's too.
    All,
}

pub(crate) struct Goal {
    pub(crate) series: &'static str,
    pub(crate) at: u64,
    pub(crate) bound: Bound,
}

/// What a figure shall be.
#[allow(dead_code, reason = "not every kind is in use at every time")]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
    /// At most so many times the figure of another series at the same size.
    Times(f64, &'static str),
}

pub(crate) fn named(name: &str) -> Option<&'static Group> {
    groups::ALL.iter().find(|group| group.name == name)
}

pub(crate) fn find(group: &str, series: &str) -> Option<&'static Series> {
    named(group)?.series.iter().find(|one| one.name == series)
}
