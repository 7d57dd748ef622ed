//! What has no answer is sent again on its connection, if the application wants
//! that: for servers of MQTT 3.1.1 alone (D6).

use core::time::Duration;

use evenkeel_codec::{PacketId, Publish, Transfer, Version};

use crate::session::control::Control;
use crate::session::flights::{Exchange, Flight};
use crate::time::Instant;

use super::Client;

/// Copies of one packet on one connection at most.
const COPIES: u8 = 3;

/// Identifiers that wait for the answers to copies at most: then there are no
/// more copies on this connection.
const OWED: usize = 1000;

/// When what had no room is tried again.
const LATER: Duration = Duration::from_secs(1);

impl Client {
    /// When it is looked first for what has no answer, on a connection of this
    /// version.
    pub(super) fn first_retry(&self, version: Version) -> Option<Instant> {
        if version.has_properties() {
            return None;
        }
        Some(self.now + self.config.bounds.retry_unacked?)
    }

    pub(super) fn retry_deadline(&self) -> Option<Instant> {
        let at = self.connection.online()?.ends.retry?;
        let flights = &self.session.flights;
        let may_be = flights.unanswered() > 0 && flights.owed() < OWED && !self.is_draining();
        may_be.then_some(at)
    }

    /// Sends again what is due, the oldest first. Whatever goes out later is due
    /// later than the next look.
    pub(super) fn run_retries(&mut self) {
        if self.retry_deadline().is_none_or(|at| at > self.now) {
            return;
        }
        let Some(after) = self.config.bounds.retry_unacked else { return };
        let mut next = self.now + after;
        for id in self.session.flights.all_in_order() {
            let due = self.session.flights.get(id).and_then(|flight| due(flight, after, self.now));
            let Some(due) = due else { continue };
            if due > self.now {
                next = next.min(due);
            } else if !self.repeat(id) {
                next = self.now + LATER;
                break;
            }
        }
        if let Some(online) = self.connection.online_mut() {
            online.ends.retry = Some(next);
        }
    }

    //= [MQTT311-2.3.1-3]
    //= [MQTT-3.3.1-1]
    //= [MQTT-4.6.0-1]
    /// Sends a copy; false if it has to wait for room, its turn or a rate.
    fn repeat(&mut self, id: PacketId) -> bool {
        let Some(flight) = self.session.flights.get(id) else { return true };
        let written = self.connection.online().map_or(0, |online| online.offsets.written);
        // The first copy is on its way as long as it waits to be written.
        if !flight.is_out(written) || !self.has_room() {
            return false;
        }
        let sent = match &flight.exchange {
            Exchange::Publish { publish, .. } => {
                let publish = publish.clone();
                self.repeat_publish(id, &publish)
            }
            Exchange::Control(control) => {
                let control = control.clone();
                self.repeat_control(id, &control)
            }
            _ => return true,
        };
        if sent {
            self.session.flights.on_repeated(id, self.now);
        }
        sent
    }

    fn repeat_publish(&mut self, id: PacketId, publish: &Publish) -> bool {
        if self.rate_of(publish, publish.payload.len()).is_some() {
            return false;
        }
        let transfer = Transfer { dup: true, packet_id: Some(id), ..Transfer::default() };
        let sent = self.write_publish(publish, &transfer).is_ok();
        self.stats.publishes_resent += u64::from(sent);
        sent
    }

    fn repeat_control(&mut self, id: PacketId, control: &Control) -> bool {
        let filters = control.subscribes(control.out);
        let mut packet = control.packet(id, control.out, false);
        self.clamp_qos(&mut packet);
        if self.is_paced() && self.rate_of_control(filters, &packet).is_some() {
            return false;
        }
        let sent = self.send_bounded(&packet).is_ok();
        if sent
            && let Some(online) = self.connection.online_mut()
            && let Some(pacer) = online.pacer.get_mut()
        {
            pacer.on_control(filters as u64, &online.offsets);
        }
        sent
    }
}

/// When a copy of it is due, if one ever is: not of what a connection may have been
/// cut for (R7), nor of what is of no more use.
fn due(flight: &Flight, after: Duration, now: Instant) -> Option<Instant> {
    let waits = matches!(flight.exchange, Exchange::Publish { .. } | Exchange::Control(_));
    let may_go = waits && flight.is_sent_here() && !flight.suspicion.suspect;
    let is_useful = flight.expires.is_none_or(|at| at > now);
    (may_go && is_useful && flight.repeats() < COPIES)
        .then(|| flight.sent + after.saturating_mul(1 << flight.repeats()))
}
