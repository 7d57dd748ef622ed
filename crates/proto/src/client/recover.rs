//! A client that goes on where an earlier run of the program stopped.

use alloc::boxed::Box;
use alloc::sync::Arc;

use evenkeel_codec::PacketId;

use crate::config::{Config, ConfigError, QueueConfig};
use crate::event::Event;
use crate::operation::{Claim, Report};
use crate::profile::is_out_of_reach;
use crate::record::{Moment, Phase, Record, Recovered, StoreBounds, StoredExchange};
use crate::session::flights::Exchange;
use crate::session::journal::Journal;
use crate::time::{Instant, StoreClock};

use super::Client;

impl Client {
    /// A client with what the store holds.
    pub(super) fn from_store(
        mut config: Arc<Config>,
        seed: u64,
        now: Instant,
        moment: Moment,
        recovered: Recovered,
    ) -> Result<Self, ConfigError> {
        let configured = &config.connect.client_id;
        let inherited = recovered.client_id.is_some();
        let is_left = recovered.client_id.as_ref().is_some_and(|id| is_out_of_reach(&config, id));
        let client_id = match &recovered.client_id {
            Some(stored) if !is_left => stored.clone(),
            _ => configured.clone(),
        };
        if !configured.is_empty() && *configured != client_id {
            return Err(ConfigError::ClientIdOfStore);
        }
        bound(&mut Arc::make_mut(&mut config).queue, &recovered.bounds);
        let mut client = Self::named(config, client_id, seed, now)?;
        client.session.clock = StoreClock::new(now, moment, recovered.time.as_ref());
        client.session.inherited = inherited;
        client.take_up(recovered);
        if is_left {
            // Its messages and subscriptions go on in a session of their own.
            client.leave_session(client.client_id().clone());
        }
        Ok(client)
    }

    fn take_up(&mut self, recovered: Recovered) {
        let Recovered { exchanges, clearing, received, .. } = recovered;
        let Recovered { subscriptions, queued, quarantined, .. } = recovered;
        let now = self.now;
        let session = &mut self.session;
        session.number_from(recovered.next_serial);
        let mut journal = Journal::new(recovered.next_serial, recovered.bounds);
        journal.unproven = recovered.unproven;
        session.journal.fill(journal);
        session.unproven = recovered.unproven;
        session.unknown = recovered.session_unknown || !session.inherited;
        session.queue.begin_with(queued);
        let event = Event::Recovered {
            exchanges: exchanges.len(),
            queued: session.queue.len(),
            quarantined,
            subscriptions: subscriptions.len(),
        };
        for exchange in exchanges {
            let (id, expires) = (exchange.packet_id, expiry_of(&exchange, &session.clock, now));
            session.note_expiry(expires);
            session.flights.restore(id, exchange_of(exchange), now);
            session.flights.set_expiry(id, expires);
        }
        for id in clearing {
            session.flights.restore(id, Exchange::GivenUp, now);
        }
        received.into_iter().for_each(|id: PacketId| session.inbound.restore(id));
        for subscription in subscriptions {
            session.subscriptions.begin_with(subscription);
        }
        for notice in recovered.notices {
            self.event(Event::StoreNotice(Box::new(notice)));
        }
        if self.session.inherited {
            self.event(event);
        } else {
            self.note(Record::SessionUnknown);
            self.note_identity();
        }
    }
}

fn expiry_of(stored: &StoredExchange, clock: &StoreClock, now: Instant) -> Option<Instant> {
    match &stored.phase {
        Phase::Unanswered(message) | Phase::ReleasedAndKept(message) => clock.expiry(message, now),
        Phase::Released => None,
    }
}

fn exchange_of(stored: StoredExchange) -> Exchange {
    let claim = Claim { report: Report::Nobody, serial: stored.serial, stored: true };
    match stored.phase {
        Phase::Unanswered(message) => Exchange::Publish { publish: message.publish, claim },
        Phase::Released => Exchange::Release { claim, kept: None },
        Phase::ReleasedAndKept(message) => {
            Exchange::Release { claim, kept: Some(Box::new(message.publish)) }
        }
    }
}

/// The queue takes no more than the store.
fn bound(queue: &mut QueueConfig, store: &StoreBounds) {
    queue.messages = queue.messages.min(usize::try_from(store.messages).unwrap_or(usize::MAX));
    queue.bytes = queue.bytes.min(usize::try_from(store.bytes).unwrap_or(usize::MAX));
}
