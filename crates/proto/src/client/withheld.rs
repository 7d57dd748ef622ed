//! Acknowledgements that never come, as the server discards what is published
//! too fast: noticed, the identifiers recovered by a renewed connection, and the
//! rate of publishes lowered for a time (R17).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use evenkeel_codec::{PacketId, Version};

use crate::config::Config;
use crate::event::Event;
use crate::pace::{Rated, Rates};
use crate::time::Instant;

use super::Client;

/// An exchange that waits so long while later packets are answered is lost.
const LOST_AFTER: Duration = Duration::from_secs(30);

/// How often it is looked for them if a glance found none.
const GLANCE: Duration = Duration::from_secs(10);

/// The least time between two connections that are renewed for this; it doubles
/// each time.
const FIRST_WAIT: Duration = Duration::from_secs(5 * 60);

/// What that grows to. After as long without need it is short again.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// The rates of publishes are a sixteenth of what they were at least.
const MOST_HALVINGS: u32 = 4;

/// Identifiers in one event at most.
const TOLD: usize = 100;

/// The watch over the acknowledgements of one connection.
#[derive(Debug)]
pub(crate) struct Withheld {
    /// When the latest packet was sent that the server has answered.
    answered: Instant,
    /// The next look.
    look_at: Instant,
    /// They were found: a renewed connection follows.
    found: bool,
}

/// When a connection may be renewed for this again, and how much is published until
/// then; outlives connections.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recovery {
    next: Instant,
    wait: Duration,
    /// How many times the rates of publishes are halved now: one less from
    /// `raise_at` on, and one more each `span` later.
    halvings: u32,
    raise_at: Instant,
    span: Duration,
}

impl Withheld {
    /// For a connection in this version; `None` if its server withholds none.
    pub(super) fn watch(config: &Config, version: Version, now: Instant) -> Rated<Self> {
        let does = config.rates.withheld && !version.has_properties();
        let (answered, look_at) = (Instant::default(), now + LOST_AFTER);
        Rated::new(|| does.then_some(Self { answered, look_at, found: false }))
    }
}

impl Recovery {
    /// From when on a connection may be renewed that is found to need it now.
    fn plan(&mut self, now: Instant) -> Instant {
        if self.wait.is_zero() || now.since(self.next) >= LONGEST_WAIT {
            self.wait = FIRST_WAIT;
        }
        let at = now.max(self.next);
        self.next = at + self.wait;
        // If what is raised then proves too much, it can be recovered from at once.
        (self.raise_at, self.span) = (self.next, self.wait);
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        at
    }

    /// Halves rates, of which this is the largest amount, once more.
    fn lower(&mut self, largest: u32) {
        let most = largest.checked_ilog2().unwrap_or(0).min(MOST_HALVINGS);
        self.halvings = (self.halvings + 1).min(most);
    }

    /// Takes the steps back whose time has come.
    fn raise(&mut self, now: Instant) {
        while self.raise_deadline().is_some_and(|at| at <= now) {
            self.halvings -= 1;
            self.raise_at = self.raise_at + self.span;
        }
    }

    fn raise_deadline(&self) -> Option<Instant> {
        (self.halvings > 0).then_some(self.raise_at)
    }
}

impl Client {
    /// The server has answered a packet that was sent then.
    pub(super) fn note_answered(&mut self, sent: Instant) {
        let online = self.connection.online_mut();
        if let Some(withheld) = online.and_then(|online| online.ends.withheld.get_mut()) {
            withheld.answered = withheld.answered.max(sent);
        }
    }

    /// The server has answered the exchange with this identifier, if there is one.
    #[inline]
    pub(super) fn note_acknowledged(&mut self, id: PacketId) {
        if self.connection.online().is_some_and(|online| online.ends.withheld.get().is_some())
            && let Some(flight) = self.session.flights.get(id)
            && flight.is_sent_here()
            // The answer may be that to an earlier copy.
            && flight.repeats() == 0
        {
            self.note_answered(flight.sent);
        }
    }

    pub(super) fn withheld_deadline(&self) -> Option<Instant> {
        let withheld = self.connection.online()?.ends.withheld.get()?;
        let waits = self.session.flights.publishes_open_here() > 0;
        (waits && !withheld.found && self.shutdown.is_none()).then_some(withheld.look_at)
    }

    /// Looks for exchanges that the server has passed over, where it is time.
    pub(super) fn run_withheld(&mut self) {
        if self.withheld_deadline().is_none_or(|at| at > self.now) {
            return;
        }
        let lost = self.lost();
        let found = !lost.is_empty();
        if let Some(online) = self.connection.online_mut()
            && let Some(withheld) = online.ends.withheld.get_mut()
        {
            withheld.look_at = self.now + GLANCE;
            withheld.found = found;
        }
        if found {
            self.recover_lost(lost);
        }
    }

    /// Exchanges that wait too long, though what was sent later is answered, the
    /// oldest first.
    fn lost(&self) -> Vec<(Instant, PacketId)> {
        let withheld = self.connection.online().and_then(|online| online.ends.withheld.get());
        let Some(Withheld { answered, .. }) = withheld else { return Vec::new() };
        let flights = self.session.flights.iter().filter(|(_, flight)| {
            flight.exchange.is_publish() && flight.is_sent_here() && flight.sent < *answered
        });
        let mut lost: Vec<_> = flights
            .map(|(id, flight)| (flight.sent, id))
            .filter(|(sent, _)| self.now.since(*sent) >= LOST_AFTER)
            .collect();
        lost.sort_unstable();
        lost
    }

    /// Tells it, lowers the rates, and plans one connection that gives the
    /// identifiers back.
    fn recover_lost(&mut self, lost: Vec<(Instant, PacketId)>) {
        let oldest = lost.first().map_or(self.now, |(sent, _)| *sent);
        let packet_ids = lost.into_iter().map(|(_, id)| id).take(TOLD).collect();
        self.event(Event::AcknowledgementsWithheld { packet_ids, after: self.now.since(oldest) });
        let largest = self.config.rates.publish.iter().map(|limit| limit.amount).max();
        let recovery = &mut self.extras.get_or_insert_default().recovery;
        let at = recovery.plan(self.now);
        recovery.lower(largest.unwrap_or(0));
        self.change_rates();
        if let Some(online) = self.connection.online_mut() {
            online.ends.renewal.hurry(at);
        }
    }

    /// From the configured rates to those that are in force now.
    pub(super) fn lower_rates(&mut self, rates: &mut Rates) {
        if let Some(extras) = &mut self.extras {
            extras.recovery.raise(self.now);
            rates.lower(extras.recovery.halvings);
        }
    }

    /// Puts them in force on a connection that goes on.
    fn change_rates(&mut self) {
        let mut rates = self.config.rates.clone();
        self.lower_rates(&mut rates);
        let now = self.now;
        if let Some(online) = self.connection.online_mut()
            && let Some(pacer) = online.pacer.get_mut()
        {
            pacer.replace_publishes(&rates, now);
            online.limits.rates = Some(Box::new(rates));
        }
    }

    /// When the rates of publishes rise by a step.
    pub(super) fn raise_deadline(&self) -> Option<Instant> {
        self.connection.online()?;
        if !cfg!(feature = "rates") {
            return None;
        }
        self.extras.as_ref()?.recovery.raise_deadline()
    }

    /// Raises them, where it is time.
    pub(super) fn run_raise(&mut self) {
        if self.raise_deadline().is_some_and(|at| at <= self.now) {
            self.change_rates();
            self.send_pending();
        }
    }

    /// How many answers need not be waited for when the connection is renewed.
    pub(super) fn lost_count(&self) -> usize {
        self.lost().len()
    }
}
