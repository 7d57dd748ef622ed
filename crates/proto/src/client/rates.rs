//! What has its turn and waits for a rate (P2), and what is told of it (P3).

use alloc::boxed::Box;

use evenkeel_codec::{Packet, PacketId, Publish};

use crate::connection::Connection;
use crate::event::Event;
use crate::pace::{Held, OnTheirWay, RateWait};
use crate::session::flights::Exchange;
use crate::session::journal::Gate;
use crate::time::Instant;

use super::Client;

impl Client {
    /// The connection has rates. What waits for one is sent by a later turn, whose
    /// time has to be known.
    #[inline]
    pub(super) fn is_paced(&self) -> bool {
        matches!(&self.connection, Connection::Online(online) if online.pacer.get().is_some())
    }

    /// What a PUBLISH with a payload of this length has to wait for.
    #[inline]
    pub(super) fn rate_of(&self, publish: &Publish, payload: usize) -> Option<Held> {
        if self.is_paced() { self.rate_held(publish, payload) } else { None }
    }

    /// The same of the message at the front of the queue.
    #[inline]
    pub(super) fn rate_of_front(&self) -> Option<Held> {
        if !self.is_paced() {
            return None;
        }
        let (_, front) = self.session.queue.front()?;
        self.rate_held(&front.publish, front.publish.payload.len())
    }

    #[cold]
    fn rate_held(&self, publish: &Publish, payload: usize) -> Option<Held> {
        let online = self.connection.online()?;
        let before = || self.on_their_way(publish.topic.as_str());
        online.pacer.get()?.holds_publish(self.now, publish, payload, &online.offsets, before)
    }

    /// Messages that go out when the store has committed what it was told of them.
    fn on_their_way(&self, topic: &str) -> OnTheirWay {
        let mut sum = OnTheirWay::default();
        let journal = self.session.journal.as_ref();
        for gate in journal.into_iter().flat_map(|journal| journal.gates()) {
            match gate {
                Gate::Publish(id, _) => {
                    if let Some(publish) = self.begun(*id) {
                        sum.add(publish, topic);
                    }
                }
                Gate::StoredQos0(publish, ..) => sum.add(publish, topic),
                _ => {}
            }
        }
        sum
    }

    /// The message of an exchange that began on this connection and is not sent.
    fn begun(&self, id: PacketId) -> Option<&Publish> {
        let flight = self.session.flights.get(id).filter(|flight| flight.is_begun())?;
        match &flight.exchange {
            Exchange::Publish { publish, .. } => Some(publish),
            _ => None,
        }
    }

    /// What a SUBSCRIBE or UNSUBSCRIBE has to wait for.
    pub(super) fn rate_of_control(&self, filters: usize, packet: &Packet) -> Option<Held> {
        let online = self.connection.online()?;
        let pacer = online.pacer.get()?;
        // One that cannot be encoded is not sent.
        let size = packet.encoded_len(online.limits.version).ok()?;
        pacer.holds_control(self.now, filters as u64, size as u64, &online.offsets)
    }

    /// What the operation at the front waits for, if its time has not come: then
    /// nobody looks through its filters.
    pub(super) fn front_still_waits(&self) -> Option<Held> {
        let pacer = self.connection.online()?.pacer.get()?;
        pacer.operation_still_waits(self.now, self.session.subscriptions.front_subscribes())
    }

    /// Notes what waits now, and tells of it if it has waited for long.
    pub(super) fn note_waits(&mut self, messages: Option<Held>, operations: Option<Held>) {
        let now = self.now;
        let pacer = self.connection.online_mut().and_then(|online| online.pacer.get_mut());
        let told = pacer.is_some_and(|pacer| pacer.note_waits(now, messages, operations));
        if told && let Some(wait) = self.rate_wait() {
            self.event(Event::RateReached(Box::new(wait)));
        }
    }

    pub(super) fn rate_wait(&self) -> Option<RateWait> {
        let pacer = self.connection.online()?.pacer.get()?;
        let (which, since, next) = pacer.waits()?;
        let limit = self.connection.online()?.limits.rates.as_ref()?.get(which)?.clone();
        Some(RateWait { limit, since, next, queued: self.session.queue.len() })
    }

    pub(super) fn rate_deadline(&self) -> Option<Instant> {
        self.connection.online()?.pacer.get()?.deadline()
    }

    /// Sends what has a token now.
    pub(super) fn run_rates(&mut self) {
        if self.rate_deadline().is_some_and(|at| at <= self.now) {
            self.send_pending();
        }
    }
}
