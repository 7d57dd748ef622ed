//! K1, K2, K3, K6 and K12: when pings go out, and that answers do no harm.

use std::time::Duration;

use evenkeel_codec::Packet;
use evenkeel_proto::{DisconnectCause, Event, ProtocolError};

use super::{Oracle, Verdict};
use crate::seen::{Facts, Seen};
use crate::view::{Online, View};

#[derive(Debug, Default)]
pub(super) struct Pings;

impl Oracle for Pings {
    fn see(&mut self, facts: &Facts, view: &View, seen: &Seen<'_>, verdict: &mut Verdict) {
        match seen {
            Seen::Wrote(_, Packet::PingReq, _) => on_ping(facts, view, verdict),
            Seen::Wrote(_, Packet::Connect(connect), _) => {
                let ours = view.declared.connect.keep_alive;
                verdict.require("K12", connect.keep_alive == ours, || {
                    format!("CONNECT asks for {} s, configured are {ours} s", connect.keep_alive)
                });
            }
            Seen::Settled(_) => on_silence(facts, view, verdict),
            Seen::Event(Event::Disconnected { cause, .. }) => on_end(view, cause, verdict),
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
/// next one, which goes out up to a fifth of the interval early.
pub(super) fn write_off(view: &View, online: &Online) -> Duration {
    view.response_timeout(online.interval).min(online.interval * 4 / 5)
}

/// K3: nothing on its way, and silent for too long.
fn on_silence(facts: &Facts, view: &View, verdict: &mut Verdict) {
    let Some((conn, online)) = view.online() else { return };
    if online.interval.is_zero() || conn.backlog > 0 {
        return;
    }
    let quiet = online.interval - online.interval / 20;
    let mut due = (conn.last_wrote + quiet).max(online.since).max(facts.awake_since);
    if let Some(ping) = conn.last_ping {
        due = due.max(ping + view.declared.keep_alive.min_ping_spacing);
    }
    let silent = facts.local.since(conn.last_wrote);
    verdict.require("K3", facts.local <= due + facts.grace, || {
        format!("silent for {silent:?} at a keep-alive of {:?}", online.interval)
    });
}

/// K6: the server of this world breaks no rule but the receive maximum, which is
/// borne (D14), so an end that blames it comes from an answer that was late,
/// doubled, or not asked for.
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
