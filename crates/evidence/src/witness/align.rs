//! How far the clocks of two sources are apart.
//!
//! Each pair of CONNECTs of one client, one in each source, votes for an offset.
//! The offsets with most votes are followed: each matches some connections, and
//! what it matches lays it more exactly. One wins if nothing else explains the
//! connections nearly as well.

use std::time::Duration;

use evenkeel_doctor::Time;

use super::clients::{Clients, may_be_same};
use super::line::Line;
use super::matching::Matching;
use super::seen::Witness;

/// Differences of times that vote.
const VOTES: usize = 1 << 18;

/// Connections of one client that one of the other source is compared with.
const COMPARED: usize = 512;

/// Offsets that are followed.
const FOLLOWED: usize = 8;

/// The least width of a window for an offset: what clients, networks and logs
/// take from one line to the other.
const WIDTH: Duration = Duration::from_millis(500);

/// The least spread of matched times that differs from a lesser one.
const LEAST_SPREAD: Duration = Duration::from_micros(250);

/// Connections that must match before an offset is believed.
pub(super) const NEEDED: usize = 3;

/// Clocks that are nearer to each other are set right, in nanoseconds.
const RIGHT: i64 = 2_000_000_000;

/// Zones differ by multiples of this, and by no more than a day and a bit.
const ZONE: i64 = 900_000_000_000;
const FARTHEST_ZONE: i64 = 26 * 4 * ZONE;

/// Why the clocks of two sources are not aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unaligned {
    /// No more than so many connections match.
    TooFew(usize),
    /// Connections come so regularly that several offsets match them as well.
    TooRegular,
}

/// Two sources whose clocks are aligned.
#[derive(Clone, Debug)]
pub(super) struct Aligned {
    pub(super) matching: Matching,
    /// How many connections could match, as far as both sources go.
    pub(super) of: usize,
}

/// How likely an offset is, whatever the connections say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Any,
    /// As between two zones.
    Zone,
    /// Both clocks are right.
    Right,
}

/// Two sources, and their connections by client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair<'a> {
    pub(super) one: &'a Witness,
    pub(super) other: &'a Witness,
    pub(super) here: &'a Clients<'a>,
    pub(super) there: &'a Clients<'a>,
}

impl Pair<'_> {
    pub(super) fn align(&self) -> Result<Aligned, Unaligned> {
        let width = WIDTH.max(self.coarsest());
        let follow = |line| Matching::along(line, self.here, self.there, width);
        let mut found: Vec<Matching> = self.by_addresses().and_then(follow).into_iter().collect();
        if found.is_empty() {
            for matching in self.offsets(width).into_iter().filter_map(follow) {
                if !found.iter().any(|known| known.is_like(&matching)) {
                    found.push(matching);
                }
            }
        }
        let matching = self.best(found)?;
        let (matched, (of, all)) = (matching.joined.len(), self.could_match(&matching.line));
        let many = matched >= NEEDED || matching.sure > 0;
        // One alone may be chance: then no other may be missing in either.
        let few = self.rank(&matching) == Rank::Right && matched == all;
        if (many || few) && matched * 2 >= of {
            Ok(Aligned { matching: self.without_noise(matching), of })
        } else {
            Err(Unaligned::TooFew(matched))
        }
    }

    pub(super) fn coarsest(&self) -> Duration {
        self.one.resolution.max(self.other.resolution)
    }

    /// From when to when both sources show all connections, by the first one's clock.
    pub(super) fn overlap(&self, line: &Line) -> Option<(Time, Time)> {
        let ((from, to), (other_from, other_to)) = (self.one.whole()?, self.other.whole()?);
        let (from, to) = (from.max(line.back(other_from)), to.min(line.back(other_to)));
        (from <= to).then_some((from, to))
    }

    /// How many connections both should show: the lesser number of the two, and
    /// the greater one.
    fn could_match(&self, line: &Line) -> (usize, usize) {
        let Some((from, to)) = self.overlap(line) else { return (0, 0) };
        let here = self.here.shared(self.there, from, to);
        let there = self.there.shared(self.here, line.there(from), line.there(to));
        (here.min(there), here.max(there))
    }

    /// The line through connections that their address and port tell apart from
    /// all others.
    fn by_addresses(&self) -> Option<Line> {
        let there = self.there.once();
        let same = |(address, at)| Some((at, *there.get(&address)?));
        let mut pairs: Vec<(Time, Time)> = self.here.once().into_iter().filter_map(same).collect();
        pairs.sort_unstable();
        if pairs.len() >= NEEDED { Line::through(&pairs) } else { None }
    }

    /// The offsets with most votes.
    fn offsets(&self, width: Duration) -> Vec<Line> {
        let width = i64::try_from(width.as_nanos()).unwrap_or(i64::MAX);
        let (mut votes, middle) = (self.votes(), self.middle());
        let mut lines = Vec::new();
        while lines.len() < FOLLOWED
            && let Some(offset) = densest(&votes, width)
        {
            lines.push(Line::level(middle, offset));
            votes.retain(|vote| vote.abs_diff(offset) > width.unsigned_abs());
        }
        if self.one.calendar && self.other.calendar {
            lines.push(Line::level(middle, 0));
        }
        lines
    }

    fn middle(&self) -> Time {
        self.here.all.get(self.here.all.len() / 2).map(|it| it.0).unwrap_or_default()
    }

    /// Differences of times of connections that may be the same, in order.
    fn votes(&self) -> Vec<i64> {
        let only = self.here.has_one_client();
        let mut votes = Vec::new();
        // The newest first: if there are too many, they are the likelier ones to be in both.
        for (at, seen) in self.here.all.iter().rev() {
            let like = self.there.like(seen, only).iter().rev().take(COMPARED);
            let like = like.filter_map(|it| self.there.all.get(*it));
            let like = like.filter(|(_, it)| may_be_same(seen, it));
            votes.extend(like.map(|(there, _)| there.0.saturating_sub(at.0)));
            if votes.len() >= VOTES {
                break;
            }
        }
        votes.sort_unstable();
        votes
    }

    fn rank(&self, matching: &Matching) -> Rank {
        let offset = matching.line.offset;
        let beside = (offset.rem_euclid(ZONE)).min(ZONE - offset.rem_euclid(ZONE));
        match (self.one.calendar && self.other.calendar, offset.saturating_abs()) {
            (false, _) => Rank::Any,
            (true, ..=RIGHT) => Rank::Right,
            (true, ..=FARTHEST_ZONE) if beside <= RIGHT => Rank::Zone,
            _ => Rank::Any,
        }
    }

    /// What explains the connections best: of those that match nearly as many,
    /// the ones whose times agree best, and of those the likeliest.
    fn best(&self, mut found: Vec<Matching>) -> Result<Matching, Unaligned> {
        let most = found.iter().map(|it| it.joined.len()).max().unwrap_or_default();
        found.retain(|it| it.joined.len() * 5 >= most * 4);
        let least = LEAST_SPREAD.max(self.coarsest() / 2);
        let least = i64::try_from(least.as_nanos()).unwrap_or(i64::MAX);
        let spread = |it: &Matching| it.spread.max(least);
        let tightest = found.iter().map(spread).min().unwrap_or_default();
        found.retain(|it| spread(it) <= tightest.saturating_mul(4));
        let order =
            |it: &Matching| (self.rank(it), it.joined.len(), -it.line.offset.saturating_abs());
        found.sort_by_key(|it| std::cmp::Reverse(order(it)));
        let mut found = found.into_iter();
        let best = found.next().ok_or(Unaligned::TooFew(0))?;
        let rank = self.rank(&best);
        let all = self.here.all.len().max(self.there.all.len());
        let rivals = |it: Matching| self.rank(&it) == rank && it.joined.len() >= NEEDED;
        // One that leaves nothing over has no rival.
        if rank != Rank::Right && best.joined.len() < all && found.any(rivals) {
            return Err(Unaligned::TooRegular);
        }
        Ok(best)
    }

    /// Without a drift that is no more than noise.
    fn without_noise(&self, mut matching: Matching) -> Matching {
        let pairs = matching.times(self.here, self.there);
        let span = pairs.first().zip(pairs.last()).map(|(from, to)| to.0.since(from.0));
        let gained = matching.line.drift.abs() * span.unwrap_or_default().as_secs_f64();
        let noise = Duration::from_nanos(matching.spread.unsigned_abs().saturating_mul(4));
        let noise = noise.max(self.coarsest()).max(Duration::from_millis(50));
        if gained <= 2.0 * noise.as_secs_f64()
            && let Some(line) = Line::leveled(&pairs)
        {
            matching.line = line;
        }
        matching
    }
}

/// The middle of the window that holds most of the sorted values; of equal ones
/// the nearest to zero.
fn densest(sorted: &[i64], width: i64) -> Option<i64> {
    let mut best: Option<(i64, usize)> = None;
    let mut end = 0;
    for (start, first) in sorted.iter().enumerate() {
        while sorted.get(end).is_some_and(|last| last.saturating_sub(*first) <= width) {
            end += 1;
        }
        let count = end - start;
        let middle = *sorted.get(start + (count - 1) / 2)?;
        let better = best.is_none_or(|(nanos, most)| {
            count > most || (count == most && middle.unsigned_abs() < nanos.unsigned_abs())
        });
        if better {
            best = Some((middle, count));
        }
    }
    best.map(|(middle, _)| middle)
}
