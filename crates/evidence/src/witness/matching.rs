//! Which connection of one source is which of another, if a line leads from the
//! clock of the one to that of the other.

use std::time::Duration;

use evenkeel_doctor::Time;

use super::clients::{Clients, may_be_same, same_address};
use super::line::{Line, median};

/// Neighbours in time that are tried on each side.
const NEAR: usize = 8;

/// Times that the line is laid anew through what it matches.
const ROUNDS: usize = 12;

/// Connections that are the same.
#[derive(Clone, Debug)]
pub(super) struct Matching {
    pub(super) line: Line,
    /// Their numbers in each of the two.
    pub(super) joined: Vec<(usize, usize)>,
    /// How far the middle one is from the line, in nanoseconds.
    pub(super) spread: i64,
    /// How many of them have one address and port.
    pub(super) sure: usize,
}

impl Matching {
    /// Follows a line: what it matches lays it more exactly, and so it reaches
    /// further, also if the clocks drift.
    pub(super) fn along(
        mut line: Line,
        one: &Clients<'_>,
        other: &Clients<'_>,
        width: Duration,
    ) -> Option<Self> {
        let width = i64::try_from(width.as_nanos()).ok()?;
        let mut joined = Vec::new();
        for _ in 0..ROUNDS {
            let next = join(&line, one, other, width);
            if next.len() <= joined.len() {
                break;
            }
            joined = next;
            line = Line::through(&times(&joined, one, other))?;
        }
        let pairs = times(&joined, one, other);
        let spread = median(pairs.iter().map(|pair| line.misses(pair)).collect())?;
        let sure = joined.iter().filter(|(here, there)| {
            let both = one.all.get(*here).zip(other.all.get(*there));
            both.is_some_and(|(here, there)| same_address(here.1, there.1))
        });
        let sure = sure.count();
        Some(Self { line, joined, spread, sure })
    }

    /// The times of what is joined.
    pub(super) fn times(&self, one: &Clients<'_>, other: &Clients<'_>) -> Vec<(Time, Time)> {
        times(&self.joined, one, other)
    }

    /// Whether most of the connections are matched as in another matching.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let same = self.joined.iter().filter(|pair| other.joined.binary_search(pair).is_ok());
        same.count() * 2 > self.joined.len()
    }
}

fn times(joined: &[(usize, usize)], one: &Clients<'_>, other: &Clients<'_>) -> Vec<(Time, Time)> {
    let time =
        |(here, there): &(usize, usize)| Some((one.all.get(*here)?.0, other.all.get(*there)?.0));
    joined.iter().filter_map(time).collect()
}

/// Matches each connection with the nearest one that the line leads to, each
/// once. In the order of the first numbers.
fn join(line: &Line, one: &Clients<'_>, other: &Clients<'_>, width: i64) -> Vec<(usize, usize)> {
    let only = one.has_one_client();
    let mut taken = vec![false; other.all.len()];
    let mut joined = Vec::new();
    for (number, (at, seen)) in one.all.iter().enumerate() {
        let there = line.there(*at);
        let like = other.like(seen, only);
        let begins = |it: &usize| other.all.get(*it).map(|(at, _)| *at);
        let after = like.partition_point(|it| begins(it) < Some(there));
        let (before, after) = like.split_at_checked(after).unwrap_or_default();
        let near = before.iter().rev().take(NEAR).chain(after.iter().take(NEAR));
        let free = near.filter(|it| {
            let begun = other.all.get(**it);
            begun.is_some_and(|(begins, it)| {
                there.0.abs_diff(begins.0) <= width.unsigned_abs() && may_be_same(seen, it)
            }) && taken.get(**it) == Some(&false)
        });
        let nearest = free.min_by_key(|it| begins(it).map(|at| there.0.abs_diff(at.0)));
        if let Some(&nearest) = nearest
            && let Some(taken) = taken.get_mut(nearest)
        {
            *taken = true;
            joined.push((number, nearest));
        }
    }
    joined
}
