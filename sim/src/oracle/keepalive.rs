//! K1, K2, K3, K6 and K12: when pings go out, and that answers do no harm.

use std::time::Duration;

use evenkeel_codec::Packet;
use evenkeel_proto::{DisconnectCause, Event, Instant, ProtocolError};

use super::{Oracle, Verdict};
use crate::observation::{Facts, Observation};
use crate::view::{Online, View};

#[derive(Debug, Default)]
pub(super) struct Pings;

impl Oracle for Pings {
    fn see(&mut self, facts: &Facts, view: &View, seen: &Observation<'_>, verdict: &mut Verdict) {
        match seen {
            Observation::Wrote(_, Packet::PingReq, _) => on_ping(facts, view, verdict),
            Observation::Wrote(_, Packet::Connect(connect), _) => {
                let ours = view.declared.connect.keep_alive;
                verdict.require("K12", connect.keep_alive == ours, || {
                    format!("CONNECT asks for {} s, configured are {ours} s", connect.keep_alive)
                });
            }
            Observation::Settled(settled) if settled.backlog == 0 => {
                on_silence(facts, view, verdict);
            }
            Observation::Event(Event::Disconnected { cause, .. }) => on_end(view, cause, verdict),
            _ => {}
        }
    }
}

fn on_ping(facts: &Facts, view: &View, verdict: &mut Verdict) {
    let now = facts.local;
    let Some((conn, online)) = view.online() else {
        return verdict.broken("K7", "a PINGREQ without an accepted connection".into());
    };
    verdict.require("K12", !online.interval.is_zero(), || {
        "a PINGREQ although the server turned keep-alive off".into()
    });
    if let Some(ping) = conn.ping {
        let waited = now.since(ping.sent);
        let given_up = ping.excused && waited >= write_off(view, online);
        verdict.require("K1", given_up, || {
            format!("a second PINGREQ {waited:?} after one without its answer")
        });
    }
    let spacing = view.declared.keep_alive.min_ping_spacing;
    if let Some(gap) = conn.last_ping.map(|last| now.since(last)).filter(|gap| *gap < spacing) {
        verdict.broken("K2", format!("PINGREQs {gap:?} apart, at least {spacing:?} are asked for"));
    }
}

/// The least time after which a ping is written off: its own, or that to the
/// next one.
pub(super) fn write_off(view: &View, online: &Online) -> Duration {
    view.response_timeout(online.interval).min(next_ping(online))
}

/// The least time from a packet or a byte to the ping that its silence asks for.
pub(super) fn next_ping(online: &Online) -> Duration {
    online.interval * 675 / 1000
}

/// The most (K4).
pub(super) fn latest_ping(online: &Online) -> Duration {
    online.interval * 85 / 100
}

/// K3, K4: nothing on its way, and one side silent for too long.
fn on_silence(facts: &Facts, view: &View, verdict: &mut Verdict) {
    let Some((conn, online)) = view.online() else { return };
    if online.interval.is_zero() {
        return;
    }
    let spaced = |from: Instant| {
        let due = (from + latest_ping(online)).max(online.since).max(facts.awake_since);
        let spacing = view.declared.keep_alive.min_ping_spacing;
        conn.last_ping.map_or(due, |ping| due.max(ping + spacing))
    };
    let silent = facts.local.since(conn.last_wrote);
    verdict.require("K3", facts.local <= spaced(conn.last_wrote) + facts.grace, || {
        format!("silent for {silent:?} at a keep-alive of {:?}", online.interval)
    });
    // A peer that is not listened to is not asked; one that is asked already
    // has its time.
    if facts.reading && conn.ping.is_none() {
        let from = conn.last_arrived.max(view.paused);
        verdict.require("K4", facts.local <= spaced(from) + facts.grace, || {
            let quiet = facts.local.since(conn.last_arrived);
            format!("nothing came for {quiet:?} at {:?}, and no ping goes out", online.interval)
        });
    }
}

/// K6: the server of this world breaks no rule but the receive maximum, which is
/// tolerated (D14), so an end that blames it comes from an answer that was late,
/// duplicate, or not asked for.
fn on_end(view: &View, cause: &DisconnectCause, verdict: &mut Verdict) {
    if let DisconnectCause::Malformed(_) | DisconnectCause::ProtocolError(_) = cause {
        let last = view.conn.as_ref().and_then(|conn| conn.last_got.as_ref());
        let law = match (cause, last) {
            (DisconnectCause::ProtocolError(ProtocolError::ReceiveMaximumExceeded), _) => "D14",
            (_, Some(Packet::PingResp)) => "K6",
            _ => "D7",
        };
        verdict.broken(law, format!("{cause:?} after {last:?}, which is allowed"));
    }
}
