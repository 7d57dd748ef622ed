//! What the service does by itself: delivering later, and ending connections.

use evenkeel_codec::{PacketType, Version};

use super::meter::{End, EndReason};
use super::verdict::{self, Break, By, Suspect, Verdict};
use crate::core::session::Session;
use crate::core::wire::Wire;
use crate::core::{CloseReason, ConnectionId, Core, EventKind, Instant};

impl Core {
    /// Whether the next message may go to this client now. What is in the way
    /// is told once.
    pub(in crate::core) fn delivers(
        judge: Option<&super::Judge>,
        wire: &mut Wire<'_>,
        session: &Session,
        window: u16,
    ) -> bool {
        let now = wire.now;
        let Some(judge) = judge else { return true };
        let Some(meter) = wire.connection.online_mut().and_then(|online| online.meter.as_mut())
        else {
            return true;
        };
        if !session.has_unsent(window) {
            meter.outflow.rest();
            return true;
        }
        match meter.outflow.ready(now) {
            Ok(()) => true,
            Err(broken) => {
                if let Some(broken) = broken {
                    wire.note(verdict::event(&judge.rules, &broken, Verdict::Delay, By::Service));
                }
                wire.journal.wake(wire.id, wire.connection);
                false
            }
        }
    }

    /// Counts what was sent since the output had this length.
    pub(in crate::core) fn delivered(wire: &mut Wire<'_>, before: usize) {
        let bytes = wire.connection.output.buffer.len().saturating_sub(before);
        let now = wire.now;
        if bytes > 0
            && let Some(meter) = wire.connection.online_mut().and_then(|o| o.meter.as_mut())
        {
            meter.outflow.sent(now, bytes);
        }
    }

    /// Does what is due for a connection because of its limits.
    pub(in crate::core) fn tick_meter(&mut self, now: Instant, id: ConnectionId) {
        let online = self.connections.get_mut(&id).and_then(|c| c.online_mut());
        let Some(meter) = online.and_then(|online| online.meter.as_mut()) else { return };
        let end = meter.end.filter(|end| end.at <= now);
        let pumps = meter.outflow.release(now);
        match end {
            Some(end) => self.end_by_service(now, id, end),
            None if pumps => self.pump_connection(now, id),
            None => {}
        }
    }

    fn end_by_service(&mut self, now: Instant, id: ConnectionId, end: End) {
        let broken = end.broken();
        let verdict = match end.why {
            EndReason::Age => self.verdict_of_service(id, &broken),
            EndReason::Deployment(says) => says,
        };
        self.note_of_service(now, id, &broken, verdict);
        self.carry_out(now, id, verdict, CloseReason::Quota);
    }

    /// What the service does to a connection of its own accord.
    fn verdict_of_service(&self, id: ConnectionId, broken: &Break) -> Verdict {
        let version = self.connections.get(&id).map_or(Version::V5, |c| c.version);
        let Some(judge) = &self.judge else { return Verdict::Close };
        let suspect = Suspect { packet: PacketType::Disconnect, is_answered: false, version };
        verdict::punish(&judge.rules, broken, suspect)
    }

    pub(super) fn note_of_service(
        &mut self,
        now: Instant,
        id: ConnectionId,
        broken: &Break,
        verdict: Verdict,
    ) {
        let Some(judge) = &self.judge else { return };
        let event = verdict::event(&judge.rules, broken, verdict, By::Service);
        if let Some(mut wire) = self.wire(now, id) {
            wire.note(event);
        }
    }

    /// A client was silent for longer than the profile's grace: as the profile
    /// says, if it says something.
    pub(in crate::core) fn end_silence(&mut self, now: Instant, id: ConnectionId) -> bool {
        let has_limit = |judge: &super::Judge| judge.rules.connection.keep_alive_grace.is_some();
        if !self.judge.as_ref().is_some_and(|judge| has_limit(judge)) {
            return false;
        }
        let timeout = self.connections.get(&id).map(|c| c.keep_alive.timeout()).unwrap_or_default();
        let silence = timeout.as_secs_f64();
        let broken = Break::new("keep_alive_grace", format!("{silence} s of silence"));
        let verdict = self.verdict_of_service(id, &broken);
        if let Some(mut wire) = self.wire(now, id) {
            wire.journal.stats.keep_alive_timeouts += 1;
            wire.note(EventKind::KeepAliveTimeout { silence });
        }
        self.note_of_service(now, id, &broken, verdict);
        let verdict = match verdict {
            Verdict::Disconnect(_) => verdict,
            _ => Verdict::Close,
        };
        self.carry_out(now, id, verdict, CloseReason::KeepAliveTimeout);
        true
    }
}
