//! What must not be taken for a fault, in one place for all rules.
//!
//! G1: a goodbye is no death. G2: what the source did not see whole gives no
//! times. G5: differences finer than the source can tell mean nothing
//! ([`Source::tells`](crate::Source::tells)). G7: many clients that end at once
//! are a restart.

use alloc::vec::Vec;
use core::time::Duration;

use super::View;
use crate::event::Side;
use crate::source::Vantage;
use crate::steady::{alike, median, steady};
use crate::time::Time;
use crate::track::Round;

/// The time from a last 2-byte record to FIN within which it may be DISCONNECT.
const GOODBYE: Duration = Duration::from_millis(50);

/// G1: the round ended on purpose. Under TLS a record of two bytes right
/// before FIN is DISCONNECT, unless the client sent it as a timer does: as long
/// after the packet before it as in another round.
pub(crate) fn on_purpose(view: &View<'_>, round: &Round) -> bool {
    // Somebody looked whether the port is open, as load balancers do.
    if round.ended_by(Side::Client) && round.sent.is_none() && round.last_received().is_none() {
        return view.source.vantage.is_wire() || round.goodbye();
    }
    if round.goodbye() || !view.is(Vantage::Encrypted) {
        return round.goodbye();
    }
    let Some(distance) = last_moment(round) else { return false };
    let timer = |other: &Round| {
        last_moment(other).is_some_and(|it| {
            other.opened != round.opened
                && it >= Duration::from_secs(1)
                && alike(it, distance, 2)
                && other.pings >= 2
        })
    };
    round.ended_by(Side::Server) || round.pings < 2 || !view.client.rounds.iter().any(timer)
}

/// Whether a record of two bytes right before FIN may be a goodbye.
pub(crate) fn says_goodbye(view: &View<'_>, round: &Round) -> bool {
    view.is(Vantage::Encrypted) && last_moment(round).is_some()
}

/// If the connection ended right after a ping without an answer, or the client
/// ended it: how long after the packet before it that ping came.
fn last_moment(round: &Round) -> Option<Duration> {
    let (ping, end) = (round.last_ping?, round.end?);
    let by_client = end.by == Some(Side::Client);
    let soon = (by_client || ping.answered.is_none()) && end.at.since(ping.asked) <= GOODBYE;
    soon.then(|| ping.asked.since(ping.last_sent.unwrap_or(ping.asked)))
}

/// G7: most of the clients of this source, and three at least, lost their
/// connections around this time: a restart, or a network for all.
pub(crate) fn together(view: &View<'_>, at: Time) -> bool {
    let most = (view.all.clients as usize).div_ceil(2).max(3);
    view.all.ended_around(at, Duration::from_secs(5), most) > 0
}

/// How long a client was silent if the server may have closed for that: 1.5
/// times the keep-alive less a second, and 6 s more, as brokers look only now
/// and then; or as the profile says.
pub(crate) fn server_gave_up(view: &View<'_>, keep_alive: Duration, silent: Duration) -> bool {
    let grace = view.profile.keep_alive_grace();
    let percent = grace.map_or(150, |grace| u32::from(grace.percent));
    let longest = grace.and_then(|grace| grace.longest).unwrap_or(Duration::MAX);
    let due = (keep_alive.saturating_mul(percent) / 100).min(longest);
    let slack = Duration::from_secs(1).max(view.slack());
    silent.saturating_add(slack) >= due
        && silent <= due.saturating_add(Duration::from_secs(6)) + slack
}

/// One of many that a broker took in at once after it hung: the next one took it over.
fn taken_at_once(round: &Round) -> bool {
    let taken = round.end.is_some_and(|end| end.words == Some(crate::Words::TakenOver));
    taken && round.lifetime().is_some_and(|life| life < Duration::from_millis(100))
}

/// The newest rounds in a row that failed: no CONNACK, or a life shorter than
/// `long`; none of them on purpose; `most` of them. The oldest comes first. In a log
/// without times nothing is short (G5).
pub(crate) fn failed_row<'a>(view: &View<'a>, long: Duration, most: usize) -> Vec<&'a Round> {
    if !view.source.tells(long) {
        return Vec::new();
    }
    let failed = |round: &&Round| {
        let short = round.lifetime().is_some_and(|lifetime| lifetime < long);
        let refused = round.end.is_some() && round.said.connect.is_some() && !round.accepted();
        (short || refused) && !on_purpose(view, round) && !taken_at_once(round)
    };
    let client: &'a crate::track::Client = view.client;
    let newest = client.rounds.iter().rev().take(most);
    let mut row: Vec<&Round> = newest.take_while(failed).collect();
    row.reverse();
    row
}

/// The delays between rounds, from an end to the next beginning; `None` if two
/// of them overlap.
pub(crate) fn delays(row: &[&Round]) -> Option<Vec<Duration>> {
    let pairs = row.iter().zip(row.iter().skip(1));
    let delay = |(one, next): (&&Round, &&Round)| {
        let (end, began) = (one.end?.at, next.began()?);
        (began >= end).then(|| began.since(end))
    };
    pairs.map(delay).collect()
}

/// The times between rounds.
pub(crate) struct Pauses {
    pub(crate) spans: Vec<Duration>,
    /// From an end to the next beginning. If the log has no line for the ends,
    /// from beginning to beginning: the delay is a part of that.
    pub(crate) from_ends: bool,
}

/// The times between rounds, as far as the source knows them; `None` if two
/// rounds overlap.
pub(crate) fn pauses(row: &[&Round]) -> Option<Pauses> {
    // A log without a word on an end tells it with the next beginning.
    let unseen = |(one, next): (&&Round, &&Round)| {
        one.end.is_some_and(|end| {
            end.by.is_none() && end.failure.is_none() && Some(end.at) == next.began()
        })
    };
    let pairs = || row.iter().zip(row.iter().skip(1));
    if !pairs().any(unseen) {
        return Some(Pauses { spans: delays(row)?, from_ends: true });
    }
    let apart = |(one, next): (&&Round, &&Round)| Some(next.began()?.since(one.began()?));
    Some(Pauses { spans: pairs().map(apart).collect::<Option<_>>()?, from_ends: false })
}

/// Whether delays are the same within `percent`. If they are too short, or the
/// source too coarse, to compare them so: nine that do not grow beyond that.
pub(crate) fn constant(view: &View<'_>, delays: &[Duration], percent: u32) -> bool {
    let typical = median(delays);
    if view.source.tells(typical.saturating_mul(percent) / 100) && steady(delays, percent) {
        return true;
    }
    let blur = Duration::from_millis(100).max(view.source.resolution.saturating_mul(2));
    let (least, most) = (delays.iter().min(), delays.iter().max());
    let spread = most.zip(least).map(|(most, least)| most.saturating_sub(*least));
    delays.len() >= 9 && spread.is_some_and(|spread| spread <= blur)
}

/// The keep-alive of this connection, or of an earlier one of its client: as
/// said, or as its pings show.
pub(crate) fn keep_alive(view: &View<'_>) -> Option<Duration> {
    let of_round = |round: &Round| {
        let pause = round.last_ping.and_then(|ping| Some(ping.asked.since(ping.last_sent?)));
        let shown = pause.filter(|pause| *pause >= Duration::from_secs(1));
        round.said.keep_alive.or(shown)
    };
    view.keep_alive().or_else(|| view.client.rounds.iter().rev().find_map(of_round))
}

/// Connections of this client that no source saw end, but that it gave up: its
/// packets had no answer for two seconds as it began the present one.
pub(crate) fn given_up(view: &View<'_>) -> Vec<Round> {
    let began = view.began().unwrap_or(view.now);
    let silent = |connection: &&crate::track::Connection| {
        let from = connection.idle.silent_from;
        from.is_some_and(|from| began.since(from.at) >= Duration::from_secs(2))
    };
    view.others().filter(silent).map(crate::track::Connection::round).collect()
}
