//! Connections that another one of the same client took over.

use alloc::vec::Vec;
use core::time::Duration;

use super::Round;
use crate::event::Side;
use crate::time::Time;

/// One connection that ended as another one began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Swap<'a> {
    pub(crate) old: &'a Round,
    pub(crate) new: &'a Round,
    pub(crate) at: Time,
}

/// The swaps among connections of one client, which are given in the order of
/// their beginnings: the new one began at most `before` before the old one
/// ended, or `slack` after.
pub(crate) fn swaps(rounds: &[Round], before: Duration, slack: Duration) -> Vec<Swap<'_>> {
    let mut found = Vec::new();
    for (at, old) in rounds.iter().enumerate() {
        let Some(end) = old.end.filter(|end| end.by != Some(Side::Client) && !end.goodbye) else {
            continue;
        };
        let near = |time: Time| end.at.since(time) <= before && time.since(end.at) <= slack;
        let newer = rounds.iter().skip(at + 1).find(|new| {
            let outlives = new.end.is_none_or(|it| it.at > end.at);
            outlives && [new.said.connect, new.opened].into_iter().flatten().any(near)
        });
        if let Some(new) = newer {
            found.push(Swap { old, new, at: end.at });
        }
    }
    found
}
