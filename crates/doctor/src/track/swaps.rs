//! Connections that another one of the same client took over.

use alloc::vec::Vec;
use core::time::Duration;

use super::Round;
use crate::event::{Side, Words};
use crate::time::Time;

/// One connection that ended as another one began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Swap<'a> {
    pub(crate) old: &'a Round,
    pub(crate) new: &'a Round,
    pub(crate) at: Time,
}

/// Whether the server says that another connection took over.
pub(crate) fn taken_over(round: &Round) -> bool {
    round.end.is_some_and(|end| {
        end.words == Some(Words::TakenOver) || end.disconnect == Some((Side::Server, 0x8E))
    })
}

/// Whether a connection may have ended as another one began.
pub(super) fn may_be_old(round: &Round, wire: bool) -> bool {
    round.end.is_some_and(|end| {
        let told = taken_over(round);
        // The server gave no other reason; a log gives this one.
        let fits = told || (wire && end.words.is_none() && end.disconnect.is_none());
        // One that was never let in is none to take over.
        let refused = round.said.code.is_some_and(|code| code != 0);
        fits && !refused && end.by != Some(Side::Client) && !end.goodbye
    })
}

/// The swaps among connections of one client, which are given in the order of
/// their beginnings. On the wire the old one is closed within `near` after the
/// CONNECT of the new one. In a log the times are coarse: there the server's
/// words decide, and `near` holds before and after.
pub(crate) fn swaps<'a>(rounds: &[&'a Round], near: Duration, wire: bool) -> Vec<Swap<'a>> {
    let mut found = Vec::new();
    for (at, old) in rounds.iter().enumerate() {
        let (Some(end), true) = (old.end, may_be_old(old, wire)) else { continue };
        let beside = |time: Time| {
            let after = wire && time > end.at;
            end.at.since(time).max(time.since(end.at)) <= near && !after
        };
        let newer = rounds.iter().skip(at + 1).find(|new| {
            let outlives = new.end.is_none_or(|it| it.at > end.at);
            outlives && new.said.connect.or(new.opened).is_some_and(|it| beside(it.at))
        });
        if let Some(new) = newer {
            found.push(Swap { old, new, at: end.at });
        }
    }
    found
}
