//! D16: what was in flight at a cut waits for a sign of life, and not forever.

use std::collections::BTreeSet;
use std::time::Duration;

use evenkeel_codec::{Packet, Publish};
use evenkeel_proto::{ConnectionId, DisconnectCause, Event, Instant, TransportFailure};

use super::{Oracle, Verdict};
use crate::message::MessageId;
use crate::observation::{Facts, Observation};
use crate::view::{Online, View};

/// Judges one process: the next one suspects nothing.
#[derive(Debug, Default)]
pub(super) struct SignsOfLife {
    /// The last connection on which a packet followed CONNACK.
    alive: ConnectionId,
    /// The last connection on which something was sent that asks for an answer.
    busy: ConnectionId,
    /// Messages that were in flight when the peer cut a connection.
    suspects: BTreeSet<MessageId>,
    /// When the client last did not want to read.
    paused: Instant,
}

impl Oracle for SignsOfLife {
    fn see(&mut self, facts: &Facts, view: &View, seen: &Observation<'_>, verdict: &mut Verdict) {
        if !facts.reading {
            self.paused = facts.local;
        }
        match seen {
            Observation::Got(_, Packet::ConnAck(_)) => {}
            Observation::Got(conn, _) => self.alive = *conn,
            Observation::Event(Event::Disconnected { conn, cause, .. }) if is_cut(cause) => {
                let here = view.ids.values().filter(|flight| flight.conn == *conn);
                self.suspects.extend(here.filter_map(|flight| flight.message));
            }
            Observation::Wrote(conn, Packet::Publish(publish), _) => {
                self.on_publish(facts, view, *conn, publish, verdict);
                self.busy = *conn;
            }
            Observation::Wrote(conn, Packet::PubRel(_) | Packet::Subscribe(_), _)
            | Observation::Wrote(conn, Packet::Unsubscribe(_), _) => self.busy = *conn,
            Observation::Settled(settled) if settled.backlog == 0 => {
                self.overdue(facts, view, verdict);
            }
            _ => {}
        }
    }
}

/// A cut that accuses what was in flight.
pub(super) const fn is_cut(cause: &DisconnectCause) -> bool {
    let DisconnectCause::Transport { failure, .. } = cause else { return false };
    matches!(failure, TransportFailure::Eof | TransportFailure::Reset)
}

/// How long the wait may be.
fn most(view: &View, online: &Online) -> Duration {
    if online.interval.is_zero() {
        Duration::from_secs(10)
    } else {
        view.response_timeout(online.interval)
    }
}

/// How long it is at least: half of a response time-out is left for answers.
fn least(view: &View, online: &Online) -> Duration {
    if online.interval.is_zero() { most(view, online) } else { most(view, online) / 2 }
}

impl SignsOfLife {
    fn on_publish(
        &self,
        facts: &Facts,
        view: &View,
        id: ConnectionId,
        publish: &Publish,
        verdict: &mut Verdict,
    ) {
        let message = MessageId::of(&publish.payload);
        let waits = message.is_some_and(|message| self.suspects.contains(&message));
        let Some((conn, online)) = view.online() else { return };
        if !waits || self.alive == id {
            return;
        }
        let limit = view.declared.bounds.deaths_per_packet;
        let waited = facts.local.since(online.since);
        let holds = limit == 0 || conn.id != id || waited >= least(view, online);
        verdict.require("D16", holds, || {
            format!("{message:?} is sent again after {waited:?}, without a sign of life")
        });
    }

    /// Nothing was sent yet, and something waits to be sent again.
    fn overdue(&self, facts: &Facts, view: &View, verdict: &mut Verdict) {
        let Some((conn, online)) = view.online() else { return };
        if view.is_durable || !facts.reading || view.shutdown.is_some() {
            return;
        }
        if self.busy == conn.id {
            return;
        }
        let mut left = view.ids.values().filter_map(|flight| flight.message);
        let from = online.since.max(facts.awake_since).max(self.paused);
        let limit = from + most(view, online) + facts.grace;
        let waits = left.find(|message| self.suspects.contains(message));
        verdict.require("D16", waits.is_none() || facts.local <= limit, || {
            format!("{waits:?} waits since {:?}", facts.local.since(from))
        });
    }
}
