//! The client under test: the real core, with an error built in where a test
//! asks for one.

use std::time::Duration;

use bytes::BytesMut;
use evenkeel_codec::{Properties, SubscribeFilter, TopicFilter};
use evenkeel_proto::record::{Moment, Record, Recovered};
use evenkeel_proto::{
    Client, Completion, ConnectionId, Incoming, Input, Instant, Output, State, SubscribeError,
    Token, Transmit,
};

use crate::sabotage::{Sabotage, Saboteur};

/// A client.
#[derive(Debug)]
pub(crate) struct Subject {
    core: Client,
    saboteur: Option<Saboteur>,
    /// Bytes of the core that the batch under way stands for, if it was
    /// changed and must be written whole first.
    changed: Option<(usize, usize)>,
}

impl Subject {
    /// Wraps a client.
    pub(crate) fn new(core: Client, sabotage: Option<Sabotage>) -> Self {
        Self { core, saboteur: sabotage.map(Saboteur::new), changed: None }
    }

    /// The client, for all that no error is built into.
    pub(crate) const fn core(&mut self) -> &mut Client {
        &mut self.core
    }

    /// The client, to look at.
    pub(crate) const fn look(&self) -> &Client {
        &self.core
    }

    /// The next thing to do.
    pub(crate) fn poll(&mut self, now: Instant) -> Output {
        let Some(saboteur) = &mut self.saboteur else { return self.core.poll(now) };
        saboteur.output(now, || self.core.poll(now))
    }

    /// Bytes to write, of this connection.
    pub(crate) fn take_transmit(&mut self) -> Option<(ConnectionId, Vec<u8>)> {
        let mut batch = Transmit::default();
        let conn = self.core.take_transmit(&mut batch)?;
        let bytes: Vec<u8> = batch.chunks().flatten().copied().collect();
        let Some(saboteur) = &mut self.saboteur else { return Some((conn, bytes)) };
        let original = bytes.len();
        let changed = saboteur.sent(&self.core, bytes);
        self.changed = (changed.len() != original).then_some((original, changed.len()));
        if changed.is_empty() || saboteur.claims_written_early() {
            self.changed = Some((0, changed.len()));
            self.core.handle(self.core.now(), Input::Written(conn, original));
        }
        Some((conn, changed))
    }

    /// The transport took bytes.
    pub(crate) fn written(&mut self, now: Instant, conn: ConnectionId, bytes: usize) {
        let Some((original, left)) = &mut self.changed else {
            return self.core.handle(now, Input::Written(conn, bytes));
        };
        *left = left.saturating_sub(bytes);
        if *left == 0 {
            let original = *original;
            self.changed = None;
            self.core.handle(now, Input::Written(conn, original));
        }
    }

    /// Bytes have come, and are about to be handed over behind those that
    /// were before.
    pub(crate) fn incoming(&mut self, bytes: &mut BytesMut) {
        if let Some(saboteur) = &mut self.saboteur {
            saboteur.received(bytes);
        }
    }

    /// Hands over the buffer.
    pub(crate) fn received(&mut self, now: Instant, conn: ConnectionId, buffer: &mut BytesMut) {
        if self.saboteur.as_ref().is_some_and(|saboteur| saboteur.is_deaf(&self.core)) {
            return;
        }
        self.core.handle(now, Input::Received(conn, buffer));
        if let Some(saboteur) = &mut self.saboteur {
            saboteur.hoard(&mut self.core);
        }
    }

    /// Whether deadlines are reported before the socket is read.
    pub(crate) fn is_rash(&self) -> bool {
        self.saboteur.as_ref().is_some_and(Saboteur::is_rash)
    }

    /// Whether deadlines that passed in sleep are reported as if in time.
    pub(crate) fn is_sleepless(&self) -> bool {
        self.saboteur.as_ref().is_some_and(Saboteur::is_sleepless)
    }

    /// What the store is given of these records.
    pub(crate) fn stores(&self, records: &[Record]) -> Vec<Record> {
        let Some(saboteur) = &self.saboteur else { return records.to_vec() };
        records.iter().filter_map(|record| saboteur.stores(record)).collect()
    }

    /// Whether batches are called committed when they are handed to the driver.
    pub(crate) fn claims_stored_early(&self) -> bool {
        self.saboteur.as_ref().is_some_and(Saboteur::claims_stored_early)
    }

    /// Whether the core never hears of its store.
    pub(crate) fn is_deaf_to_store(&self) -> bool {
        self.saboteur.as_ref().is_some_and(Saboteur::is_deaf_to_store)
    }

    /// Takes away what the next process does not look at.
    pub(crate) fn forgets(&self, recovered: &mut Recovered) {
        if let Some(saboteur) = &self.saboteur {
            saboteur.recovered(recovered);
        }
    }

    /// What the next process believes of the time.
    pub(crate) fn moment(&self, moment: Moment) -> Moment {
        let trusts_wall = self.saboteur.as_ref().is_some_and(Saboteur::trusts_wall_clock);
        if trusts_wall { Moment { boot: None, ..moment } } else { moment }
    }

    /// Asks for subscriptions, and for their messages to be marked.
    pub(crate) fn subscribe(
        &mut self,
        now: Instant,
        filters: Vec<SubscribeFilter>,
        properties: Properties,
        identifier: Option<u32>,
        token: Token,
    ) -> Result<(), SubscribeError> {
        match identifier {
            Some(mark) if self.marks() => {
                self.core.subscribe_identified(now, filters, properties, mark, token)
            }
            _ => self.core.subscribe(now, filters, properties, token),
        }
    }

    /// Asks for messages of these subscriptions to be marked.
    pub(crate) fn identify(&mut self, now: Instant, filters: &[TopicFilter], identifier: u32) {
        if self.marks() {
            self.core.identify(now, filters, identifier);
        }
    }

    fn marks(&self) -> bool {
        !self.saboteur.as_ref().is_some_and(Saboteur::marks_nothing)
    }

    /// Outcomes of operations.
    pub(crate) fn completions(&mut self) -> Vec<Completion> {
        let mut completions: Vec<_> = std::iter::from_fn(|| self.core.next_completion()).collect();
        if let Some(saboteur) = &mut self.saboteur {
            saboteur.completions(&mut completions);
        }
        completions
    }

    /// The next message.
    pub(crate) fn next_message(&mut self) -> Option<Incoming> {
        let Some(saboteur) = &mut self.saboteur else { return self.core.next_message() };
        let incoming = saboteur.message(|| self.core.next_message())?;
        saboteur.acknowledges(&mut self.core, &incoming);
        Some(incoming)
    }

    /// Where the client stands.
    pub(crate) fn state(&self) -> State {
        let state = self.core.state();
        self.saboteur
            .as_ref()
            .map_or_else(|| state.clone(), |saboteur| saboteur.state(state.clone()))
    }

    /// Messages queued.
    pub(crate) fn queued(&self) -> usize {
        self.core.queued()
    }

    /// Begins a shutdown.
    pub(crate) fn shutdown(&mut self, now: Instant, limit: Duration) {
        if !self.saboteur.as_ref().is_some_and(Saboteur::ignores_shutdown) {
            self.core.shutdown(now, limit);
        }
    }

    /// Inputs of old connections that were counted.
    pub(crate) fn stale_inputs(&self) -> u64 {
        let counted = self.core.stats().stale_inputs;
        if self.saboteur.as_ref().is_some_and(Saboteur::miscounts) { 0 } else { counted }
    }
}
