//! Packets after which the server ends the connection, round after round.

use alloc::vec::Vec;
use core::time::Duration;

use crate::event::Side;
use crate::rule::View;
use crate::track::{Mark, MarkKind, Round};

/// How soon after a packet an end is its answer: a second, or three round trips.
const SOON: Duration = Duration::from_secs(1);

/// The client's last packet of a round that the server ended right after it,
/// with no byte in between.
pub(super) fn last_words(view: &View<'_>, round: &Round) -> Option<Mark> {
    // Logs of whole seconds are too coarse for this.
    if !view.source.tells(SOON) {
        return None;
    }
    let (end, mark) = (round.end?, round.marks.last?);
    let trip = view.connection.map(|connection| connection.round_trip()).unwrap_or_default();
    let soon = SOON.max(trip.saturating_mul(3));
    let unanswered = round.last_received.is_none_or(|at| at <= mark.at);
    let server = end.by == Some(Side::Server) && end.failure.is_none();
    (server && unanswered && !round.gaps && end.at.since(mark.at) <= soon).then_some(mark)
}

/// Whether two packets are the same thing sent again.
fn same(one: &Mark, other: &Mark) -> bool {
    one.kind == other.kind
        && match one.kind {
            MarkKind::Sealed => one.bytes == other.bytes,
            _ => one.topic == other.topic && one.digest == other.digest,
        }
}

/// The packet that ended the newest rounds, one after the other, and how often
/// in a row; `None` if the newest did not end so.
pub(super) fn poison(view: &View<'_>, kind: MarkKind) -> Option<(Mark, usize)> {
    let rounds = &view.client.rounds;
    let newest = last_words(view, rounds.last()?).filter(|mark| mark.kind == kind)?;
    let row: Vec<Mark> = (rounds.iter().rev())
        .map_while(|round| last_words(view, round))
        .take_while(|mark| same(mark, &newest))
        .collect();
    Some((newest, row.len()))
}
