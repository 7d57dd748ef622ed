//! Packets after which the server ends the connection, round after round.

use core::time::Duration;

use crate::event::{Moment, Side};
use crate::rule::View;
use crate::track::{End, Mark, MarkKind, Round};

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
    // Within the resolution of a log, the line tells what came later.
    let newer = |it: Moment| (it.at, it.place()) > (mark.at, mark.place);
    let unanswered = !round.received.is_some_and(newer);
    let server = end.by == Some(Side::Server) && end.failure.is_none();
    (server && unanswered && !round.gaps && end.at.since(mark.at) <= soon).then_some(mark)
}

/// A round that the server ended after a kind of packet that it does not have:
/// what it was, and where it is. `of` names the packet's kind if it is one;
/// `will` is the kind of the client's will, if that is one.
pub(super) fn not_there(
    view: &View<'_>,
    of: impl Fn(&Mark) -> Option<&'static str>,
    will: Option<&'static str>,
) -> Option<(&'static str, Moment, End)> {
    let round = view.ended()?;
    let end = round.end.filter(|end| end.by == Some(Side::Server))?;
    let packet = last_words(view, round).and_then(|mark| Some((of(&mark)?, mark.moment())));
    let (what, asked) = match packet {
        Some(packet) => packet,
        // A server that minds the will never answers CONNECT.
        None if round.said.connack.is_none() => (will?, round.said.connect?),
        None => return None,
    };
    (!round.gaps).then_some((what, asked, end))
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
    let row = (rounds.iter().rev())
        .map_while(|round| last_words(view, round))
        .take_while(|mark| same(mark, &newest));
    let row = row.count();
    // Who is thrown out also without it is not thrown out for it.
    let others = rounds.iter().filter(|round| thrown_out_at_once(round)).count();
    (others < row).then_some((newest, row))
}

/// The server ended it right after CONNACK, before the client did anything.
fn thrown_out_at_once(round: &Round) -> bool {
    let (Some(end), Some(connack)) = (round.end, round.said.connack) else { return false };
    let idle = round.marks.last.is_none() && round.pings == 0 && round.accepted();
    idle && end.by == Some(Side::Server) && !round.gaps && end.at.since(connack.at) <= SOON
}
