//! The public methods of the client, in their groups. What takes more than a few
//! lines is done by the modules beside this one.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use evenkeel_codec::{
    Disconnect, PacketId, Properties, Publish, ReasonCode, SubscribeFilter, Text, TopicFilter,
};

use crate::config::{Config, ConfigError, ConnectConfig, WhenFull};
use crate::connection::Connection;
use crate::event::{Event, State};
use crate::io::{AckKey, ConnectionId, Incoming, Input, Output};
use crate::keepalive::KeepAlive;
use crate::limits::Limits;
use crate::operation::{
    AckError, Acknowledged, Completion, QueueError, RejectReason, SubscribeError, Token,
};
use crate::pace::RateWait;
use crate::profile::own_client_id;
use crate::reconnect::{Reconnector, Servers};
#[cfg(feature = "store")]
use crate::record::{Moment, Recovered};
use crate::record::{Priority, Serial, StoredMessage, UnixMillis, Window};
use crate::rng::Rng;
use crate::session::Session;
use crate::session::control::{Asked, Control};
use crate::session::journal::Wish;
use crate::stats::Stats;
use crate::time::{Deadline, Instant};
use crate::trace::Traced;
use crate::transmit::Transmit;

use super::publish::Accepted;
use super::shutdown::ShutdownReport;
use super::{Attempts, Client, Ready};

/// # Make
impl Client {
    /// Makes a client that has not started. `seed` decides all jitter.
    pub fn new(
        config: impl Into<Arc<Config>>,
        seed: u64,
        now: Instant,
    ) -> Result<Self, ConfigError> {
        let config = config.into();
        let client_id = config.connect.client_id.clone();
        Self::named(config, client_id, seed, now)
    }

    /// The same with another client identifier than the configuration's, for
    /// clients that share one. An empty one is replaced by a random UUID if the
    /// broker's profile says that an assigned one cannot come back.
    pub fn named(
        config: impl Into<Arc<Config>>,
        client_id: Text,
        seed: u64,
        now: Instant,
    ) -> Result<Self, ConfigError> {
        let config = config.into();
        let mut rng = Rng::new(seed);
        let client_id = own_client_id(&config, client_id, &mut rng);
        config.validate_with(&client_id)?;
        Ok(Self {
            now,
            rng,
            connection: Connection::Stopped,
            attempts: Attempts {
                reconnector: Reconnector::new(config.clone()),
                servers: Servers::new(config.servers),
                alternatives: 0,
                last_conn: ConnectionId::default(),
                last_cause: None,
                history: None,
                timeout_doublings: 0,
                version: config.version,
                client_id,
                session_is_other: false,
                renewed: None,
            },
            session: Session::new(&config),
            transmit: Transmit::default(),
            ready: Ready::default(),
            shutdown: None,
            stats: Stats::default(),
            extras: None,
            config,
        })
    }

    /// Makes a client with a store, out of what that holds; it has not
    /// started. `moment` is what the system says of `now`: by it and the
    /// moment that is stored it is known how much time has passed since, and
    /// which messages have expired. A wall-clock time alone will do.
    ///
    /// A configuration without client identifier takes the one in the store. One that
    /// a broker assigned, and by the profile lets nobody use again, is left: what is
    /// stored goes on in a session of the configured one, or of a random UUID.
    /// A session that the store knows is resumed, whatever the configuration
    /// says about a clean start.
    #[cfg(feature = "store")]
    pub fn recover(
        config: impl Into<Arc<Config>>,
        seed: u64,
        now: Instant,
        moment: impl Into<Moment>,
        recovered: Recovered,
    ) -> Result<Self, ConfigError> {
        Self::from_store(config.into(), seed, now, moment.into(), recovered)
    }
}

/// # Feed
///
/// What happened, told to the client.
impl Client {
    /// Takes an input. Late inputs of old connections are counted and ignored.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.advance_clock(now);
        match input {
            Input::Phase(conn, phase) => self.on_phase(conn, phase),
            Input::Alternatives(conn, count) => self.on_alternatives(conn, count),
            Input::FreshCredentials(conn) => self.on_fresh_credentials(conn),
            Input::Opened(conn, credentials) => self.on_opened(conn, credentials),
            Input::Received(conn, buffer) => self.on_received(conn, buffer),
            Input::Heard(conn) => self.on_heard(conn),
            Input::Written(conn, bytes) => self.on_written(conn, bytes),
            Input::Closed(conn, failure) => self.on_closed(conn, failure),
            Input::Committed(committed) => self.on_committed(committed),
        }
        self.send_pending();
    }

    /// The first data of enhanced authentication for this attempt, in place of
    /// the configured; to be said before [`Input::Opened`](crate::Input::Opened).
    pub fn begin_authentication(&mut self, now: Instant, conn: ConnectionId, data: Bytes) {
        self.advance_clock(now);
        match self.connection.opening_of(conn) {
            Some(opening) => opening.first_data = Some(data),
            None => self.stats.stale_inputs += 1,
        }
    }

    /// Answers [`Output::Authenticate`]; `None` gives up and closes the
    /// connection, also after the last step, when any other answer believes
    /// the server. An answer that nobody waits for is counted and ignored.
    pub fn authenticate(&mut self, now: Instant, conn: ConnectionId, answer: Option<Bytes>) {
        self.advance_clock(now);
        self.take_authentication(conn, answer);
    }

    /// The wall-clock time of the present instant, for messages that are
    /// looked at, and for the next process; to be told again when the clock
    /// may have been set. No message expires by it.
    pub fn set_wall_clock(&mut self, now: Instant, wall: UnixMillis) {
        self.session.clock.set_wall(now, wall);
    }
}

/// # Command
///
/// What is wanted of it. Commands wait if they have to, and return at once.
impl Client {
    /// Begins to connect; also out of [`State::Halted`], with a fresh back-off
    /// but within the budget. Does nothing in other states.
    pub fn start(&mut self, now: Instant) {
        self.advance_clock(now);
        if let Connection::Stopped | Connection::Halted(_) = self.connection {
            self.attempts.reconnector.restart();
            self.attempts.servers.restart();
            self.attempts.renewed = None;
            self.connect_at_once();
        }
    }

    /// Accepts a message, or leaves it as it is. Of one that is accepted the
    /// client takes out what it keeps: the message itself if an exchange or the
    /// queue holds it, nothing of one of QoS 0 that is sent at once.
    ///
    /// Without a token nobody is told of the outcome. `now` may be the instant of
    /// an earlier call ([`Client::now`]) if an exact round trip does not matter.
    /// The packet identifier and the DUP flag of `publish` are ignored.
    pub fn publish(
        &mut self,
        now: Instant,
        publish: &mut Publish,
        priority: Priority,
        token: impl Into<Option<Token>>,
    ) -> Result<Accepted, RejectReason> {
        self.advance_clock(now);
        self.accept_publish(publish, priority, token.into())
    }

    /// As [`publish`](Self::publish), with a payload that the caller keeps no longer
    /// than this call, in place of that of `publish`. QoS 0 that can go at once
    /// is copied into the outgoing buffer and nowhere else; what has to be kept,
    /// for acknowledgement or in the queue, is copied once. `publish` is left as
    /// it is, so that one value serves for many payloads.
    ///
    /// A payload in a [`Bytes`](bytes::Bytes) is better given to `publish`: it is
    /// shared wherever it is kept, and written from where it is if it is large.
    pub fn publish_slice(
        &mut self,
        now: Instant,
        publish: &Publish,
        payload: &[u8],
        priority: Priority,
        token: impl Into<Option<Token>>,
    ) -> Result<Accepted, RejectReason> {
        self.advance_clock(now);
        self.accept_slice(publish, payload, priority, token.into())
    }

    /// As [`publish`](Self::publish) for QoS 1 and 2, and tells the packet
    /// identifier at once, also of a message that has to wait: it is in use from
    /// now on, for this message alone, until the message has its outcome.
    /// For bindings whose API tells the identifier at publish; others do better
    /// without, as each message that waits takes one of 65,535. If none is left,
    /// the message is refused for now as [`NoIdentifier`](RejectReason::NoIdentifier).
    ///
    /// A store does not keep it for a message that waits: after a restart, or
    /// a [`start`](Self::start) out of a halt, such a message has another one.
    pub fn publish_identified(
        &mut self,
        now: Instant,
        publish: &mut Publish,
        priority: Priority,
        token: impl Into<Option<Token>>,
    ) -> Result<(Accepted, PacketId), RejectReason> {
        self.advance_clock(now);
        self.accept_identified(publish, priority, token.into())
    }

    /// Gives up the message of QoS 1 or 2 that has this packet identifier: its
    /// outcome is [`Withdrawn`](crate::DeliveryError::Withdrawn), and it is not sent
    /// again. One that waits in the queue in memory is taken out of it, and
    /// ends as [`Removed`](crate::DeliveryError::Removed); one in the store alone is left
    /// to [`remove`](Self::remove).
    ///
    /// The identifier stays in use until the exchange is over on the wire, or the
    /// session: QoS 2 is brought to its end, on a later connection if need
    /// be; of QoS 1 a server keeps nothing, so that it ends with PUBACK or the
    /// connection. An error says that no message has this identifier.
    pub fn abandon(&mut self, now: Instant, packet_id: PacketId) -> Result<(), QueueError> {
        self.advance_clock(now);
        self.abandon_message(packet_id)
    }

    /// Says that the application is done with a message. `reason` is success
    /// or, on MQTT 5, a refusal (`0x80` or above); before MQTT 5 every answer
    /// is sent as success. A code that PUBACK and PUBREC do not have is
    /// replaced by success or by unspecified error. What is returned says so;
    /// [`acknowledge_with`](Self::acknowledge_with) replaces nothing.
    ///
    /// A key of a connection that is over is counted and ignored: the server
    /// delivers that message again.
    pub fn acknowledge(&mut self, now: Instant, key: AckKey, reason: ReasonCode) -> Acknowledged {
        self.advance_clock(now);
        self.finish_message(key, reason)
    }

    /// Says that the application is done with several messages, each as by
    /// [`acknowledge`](Self::acknowledge); costs less than one by one. Returns
    /// how many codes were replaced.
    pub fn acknowledge_all(
        &mut self,
        now: Instant,
        answers: impl IntoIterator<Item = (AckKey, ReasonCode)>,
    ) -> usize {
        self.advance_clock(now);
        self.finish_messages(answers)
    }

    /// As [`acknowledge`](Self::acknowledge), with what PUBACK or PUBREC shall
    /// say beside the code: reason string and user properties. They are left
    /// out if the server takes no packet of that size, and from PUBRECs to
    /// further copies of a QoS 2 message.
    ///
    /// What cannot be sent is refused, and the message is still to be
    /// acknowledged: before MQTT 5 nothing but success without properties can
    /// be sent.
    pub fn acknowledge_with(
        &mut self,
        now: Instant,
        key: AckKey,
        reason: ReasonCode,
        properties: Properties,
    ) -> Result<(), AckError> {
        self.advance_clock(now);
        self.finish_message_with(key, reason, properties)
    }

    /// Says that the application let go of a message and will not finish it, as
    /// after a panic. It stays unacknowledged, and is delivered again when the
    /// server sends it again, on another connection; a message of QoS 1 is so in
    /// any case.
    pub fn give_back(&mut self, key: AckKey) {
        self.session.inbound.give_back(key);
    }

    /// Asks for subscriptions. Accepted while offline too; the outcome comes
    /// as a [`Completion`](crate::Completion) with one code per filter.
    /// `properties` may hold a subscription identifier and user properties;
    /// MQTT 5 only.
    ///
    /// A filter of several that cannot be sent, or is quarantined, has a
    /// failure code of ours in its place; the others go on.
    ///
    /// While another operation on one of the filters waits for its answer, this
    /// one waits, too: servers may take the two in either order.
    pub fn subscribe(
        &mut self,
        now: Instant,
        filters: Vec<SubscribeFilter>,
        properties: Properties,
        token: impl Into<Option<Token>>,
    ) -> Result<(), SubscribeError> {
        self.submit(now, Control::new(Asked::Subscribe(filters), properties, token.into()))
    }

    /// The same with a subscription identifier that serves to route messages to
    /// where they belong: it is left out if the server has none, before
    /// MQTT 5, and if the packet would be too large with it. `identifier` is from
    /// 1 to 268,435,455; `properties` hold none.
    pub fn subscribe_identified(
        &mut self,
        now: Instant,
        filters: Vec<SubscribeFilter>,
        properties: Properties,
        identifier: u32,
        token: impl Into<Option<Token>>,
    ) -> Result<(), SubscribeError> {
        let control = Control::new(Asked::Subscribe(filters), properties, token.into());
        self.submit(now, control.identified(identifier))
    }

    /// Gives subscriptions that have none an identifier. Those in force are asked
    /// for anew, without their retained messages; no message is missed by it.
    pub fn identify(&mut self, now: Instant, filters: &[TopicFilter], identifier: u32) {
        self.advance_clock(now);
        self.identify_filters(filters, identifier);
    }

    /// Ends subscriptions. The outcome comes as a
    /// [`Completion`](crate::Completion) with one code per filter. It has its
    /// turn as [`subscribe`](Self::subscribe) has; if the session is lost
    /// before the answer, it is fulfilled.
    pub fn unsubscribe(
        &mut self,
        now: Instant,
        filters: Vec<TopicFilter>,
        properties: Properties,
        token: impl Into<Option<Token>>,
    ) -> Result<(), SubscribeError> {
        self.submit(now, Control::new(Asked::Unsubscribe(filters), properties, token.into()))
    }

    /// Takes a message out of the queue or the quarantine. The outcome comes
    /// as [`Completion::Removed`], with the message; its own outcome is
    /// [`DeliveryError::Removed`](crate::DeliveryError::Removed).
    pub fn remove(&mut self, now: Instant, serial: Serial, token: Token) {
        self.operate(now, Wish::Remove, serial, token);
    }

    /// Puts a quarantined message at the end of the queue of its priority,
    /// under a new name, where it is checked like any other. The outcome comes
    /// as [`Completion::Requeued`]; that of the message itself as [`Event::Settled`](crate::Event::Settled).
    pub fn requeue(&mut self, now: Instant, serial: Serial, token: Token) {
        self.operate(now, Wish::Requeue, serial, token);
    }

    /// Nobody waits for the outcome of this message any more. True if its
    /// token is forgotten at once, as the message is in the store alone: its
    /// outcome is told by [`Event::Settled`](crate::Event::Settled), if at all
    /// in this run. Otherwise the completion comes as usual.
    pub fn detach(&mut self, serial: Serial) -> bool {
        self.session.queue.detach(serial)
    }

    /// Asks for a sign of life now, with at most one ping awaited and the
    /// profile's spacing between two: it joins an
    /// outstanding ping and keeps the spacing. False while offline or without
    /// keep-alive.
    pub fn probe(&mut self, now: Instant) -> bool {
        self.advance_clock(now);
        self.request_probe()
    }

    /// Begins re-authentication (MQTT 5 section 4.12.1). False while offline,
    /// without an authentication method, or while one is under way.
    pub fn reauthenticate(&mut self, now: Instant, data: Bytes) -> bool {
        self.advance_clock(now);
        self.begin_reauthentication(data)
    }

    /// What CONNECT says from the next attempt on: client identifier, will,
    /// keep-alive, properties and the rest, checked as the configuration is. The
    /// connection that there is, or is being opened, goes on with what it began
    /// with; [`reconnect`](Self::reconnect) ends it. By default all CONNECTs say
    /// what the configuration does.
    ///
    /// Another client identifier means another session: the one before is left to
    /// the server. Messages in flight are sent in the new one, where a QoS 2
    /// message may end as [`Uncertain`](crate::DeliveryError::Uncertain) if the
    /// server knows that session already, and subscriptions are asked for
    /// again unless they are not to be restored.
    pub fn set_connect(&mut self, connect: ConnectConfig) -> Result<(), ConfigError> {
        self.change_connect(connect)
    }

    /// Begins to keep the packets that go out and come in, or ends it and
    /// forgets them. Default: none are kept, which costs nothing; each that is
    /// kept costs some memory until it is taken. For logs, and for bindings
    /// whose API tells of each packet.
    pub fn set_trace(&mut self, on: bool) {
        if on {
            self.extras.get_or_insert_default().trace.get_or_insert_default();
        } else if let Some(extras) = &mut self.extras {
            extras.trace = None;
        }
    }

    /// Asks for a new connection at once, within the budget.
    pub fn reconnect(&mut self, now: Instant) {
        self.advance_clock(now);
        self.leave_connection();
    }

    /// Begins to shut down: accepts nothing new, finishes what was accepted
    /// within `limit`, sends DISCONNECT, closes. The state is
    /// [`Closed`](crate::State::Closed) at the latest when `limit` is over,
    /// and everything unfinished has its outcome by then. Called again, it
    /// can bring the end nearer, not put it off.
    ///
    /// DISCONNECT has reason code 0 and the properties of
    /// [`Config::disconnect_properties`](crate::Config::disconnect_properties);
    /// [`shutdown_with`](Self::shutdown_with) says something else.
    pub fn shutdown(&mut self, now: Instant, limit: Duration) {
        self.advance_clock(now);
        self.begin_shutdown(limit);
    }

    /// As [`shutdown`](Self::shutdown), with a DISCONNECT of the caller's instead
    /// of the configured one: reason code 0x04 has the server publish the will,
    /// the failures of a client are possible on MQTT 5, and so are Session
    /// Expiry Interval, Reason String and user properties, which are left out
    /// if the server takes no packet of that size. The latest call counts.
    ///
    /// Before MQTT 5 there is one way to have the will published: reason code
    /// 0x04 closes without DISCONNECT there. Everything else is refused, and
    /// the shutdown does not begin. The version may still change while
    /// there is no connection: then the client closes without DISCONNECT if
    /// the code is not 0, and leaves out properties.
    pub fn shutdown_with(
        &mut self,
        now: Instant,
        limit: Duration,
        disconnect: Disconnect,
    ) -> Result<(), ConfigError> {
        self.advance_clock(now);
        self.begin_shutdown_with(limit, disconnect)
    }
}

/// # Drain
///
/// What it wants done, and what has come of commands and of the server.
impl Client {
    /// Does what is due at `now`, and returns the next thing to do;
    /// [`Output::Wait`] is the last. Always safe, early or late. Everything that
    /// had arrived by `now` must have been handed over before.
    ///
    /// If very many messages expire at once, a part of them has its outcome, and
    /// the deadline of [`Output::Wait`] is `now`: the rest follows in the next
    /// turns, between which others may use the client.
    #[must_use]
    pub fn poll(&mut self, now: Instant) -> Output {
        self.advance_clock(now);
        if let Some(output) = self.ready.outputs.pop_front() {
            return output;
        }
        if self.ready.events_lost > 0 {
            let lost = core::mem::take(&mut self.ready.events_lost);
            return Output::Event(Event::Lagged { lost });
        }
        self.run_timers();
        if let Some(output) = self.ready.outputs.pop_front() {
            return output;
        }
        if let Some(batch) = self.next_batch() {
            return Output::Commit(batch);
        }
        // Outputs are rare, and an idle client keeps no room for them.
        self.ready.outputs.shrink_to(0);
        Output::Wait(self.wait())
    }

    /// The next outcome of an operation.
    pub fn next_completion(&mut self) -> Option<Completion> {
        self.ready.completions.pop_front()
    }

    /// The next message from the server.
    #[inline]
    pub fn next_message(&mut self) -> Option<Incoming> {
        match self.ready.inbox.len() {
            0 => return None,
            1 => self.resume_reading(),
            _ => {}
        }
        self.ready.last_taken = self.now;
        self.ready.inbox.pop(&self.config.bounds)
    }

    /// Swaps `batch` for the bytes that wait to be written, and names their
    /// connection. `None`, and nothing swapped, if none wait or if
    /// `batch` is not empty: a batch is written whole before the next is taken.
    pub fn take_transmit(&mut self, batch: &mut Transmit) -> Option<ConnectionId> {
        let conn = self.conn()?;
        if self.transmit.is_empty() || !batch.is_empty() {
            return None;
        }
        core::mem::swap(&mut self.transmit, batch);
        Some(conn)
    }

    /// The next packet that went by, in order; see [`set_trace`](Self::set_trace).
    pub fn next_traced(&mut self) -> Option<Traced> {
        self.extras.as_mut()?.trace.as_mut()?.pop()
    }
}

/// # Query
///
/// How it stands. Queries change nothing.
impl Client {
    /// When something is due next, and what; `None` if nothing is. That of the
    /// last [`Output::Wait`](crate::Output::Wait), until something is fed or commanded.
    pub fn next_deadline(&self) -> Option<Deadline> {
        self.earliest_deadline()
    }

    /// The rate that something waits for which could go out otherwise, and how many
    /// messages wait; `None` if nothing waits for a rate.
    pub fn waits_for_rate(&self) -> Option<RateWait> {
        self.rate_wait()
    }

    /// How much later than at its [`Ping`](crate::Timer::Ping) deadline the next ping
    /// may go out; see [`KeepAlive::slack`](crate::keepalive::KeepAlive::slack).
    /// Other deadlines have none.
    pub fn ping_slack(&self) -> Duration {
        let engine = self.connection.online().and_then(|online| online.keep_alive.as_ref());
        engine.map(KeepAlive::slack).unwrap_or_default()
    }

    /// True if [`poll`](Self::poll) has something to say, whatever the time.
    pub fn needs_poll(&self) -> bool {
        !self.ready.outputs.is_empty()
            || self.shutdown_deadline().is_some()
            || self.has_batch()
            || self.is_moved_by_writing()
    }

    /// What was written may have brought a deadline forward that no output tells of:
    /// a rate's, or the end of the wait before a renewal.
    fn is_moved_by_writing(&self) -> bool {
        self.rate_deadline().is_some() || self.is_draining()
    }

    /// False while messages wait to be taken beyond the bounds, or answers of
    /// ours to be written: the caller stops reading the socket, which holds
    /// back the server.
    ///
    /// If an operation of ours waits for its answer and the application has
    /// taken no message for a second, it may be waiting for that answer inside
    /// its message handler: reading goes on, up to eight times the bounds, and
    /// QoS 0 messages that do not fit are dropped.
    #[inline]
    pub fn wants_read(&self) -> bool {
        match &self.connection {
            // A connection in the making brings no messages, and is not to wait for them.
            // One that was accepted is read on when the application believes the server.
            Connection::Opening(opening) => return opening.accepted.is_none(),
            Connection::Online(online) if !self.answers_fit(&online.offsets) => return false,
            _ => {}
        }
        !self.ready.inbox.is_full() || self.reads_on().is_some_and(|since| since <= self.now)
    }

    /// Bytes missing for the packet at the front of the read buffer; 0 if unknown.
    pub fn missing(&self, buffer: &[u8]) -> usize {
        self.connection.online().map_or(0, |online| online.decoder.missing(buffer))
    }

    /// Looks at the next message without taking it.
    pub fn peek_message(&self) -> Option<&Incoming> {
        self.ready.inbox.front()
    }

    /// Where the client stands.
    pub fn state(&self) -> State {
        let cause = || self.attempts.last_cause.clone();
        match &self.connection {
            Connection::Stopped => State::Stopped,
            Connection::Waiting(retry) => State::Waiting { retry: *retry, cause: cause() },
            Connection::Opening(opening) => State::Connecting {
                attempt: opening.attempt,
                server: opening.server,
                cause: cause(),
            },
            Connection::Online(online) => {
                State::Online { since: online.since, session_present: online.session_present }
            }
            Connection::Halted(reason) => State::Halted { reason: *reason, cause: cause() },
            Connection::Closed => State::Closed,
        }
    }

    /// What is in force on the present connection; `None` while offline.
    pub fn limits(&self) -> Option<&Limits> {
        self.connection.online().map(|online| &online.limits)
    }

    /// The counters.
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The instant of the last input: for commands that need no exact time.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// True while this connection is the present one.
    pub fn is_current(&self, conn: ConnectionId) -> bool {
        self.conn() == Some(conn)
    }

    /// Bytes written on a connection; `None` where it is too long ago to know.
    pub fn written(&self, conn: ConnectionId) -> Option<u64> {
        match &self.connection {
            Connection::Online(online) if online.conn == conn => Some(online.offsets.written),
            _ => self.attempts.history.as_ref()?.written(conn),
        }
    }

    /// False while the write buffer or the queue is at its bound, so that
    /// whoever was refused for a temporary reason need not try again. True
    /// also if the answer is now another refusal.
    pub fn takes_publishes(&self) -> bool {
        let journal = self.session.journal.as_ref();
        if journal.is_some_and(|journal| journal.is_busy(self.config.queue.window)) {
            return false;
        }
        if self.session.flights.lacks_reserved() {
            return false;
        }
        if self.session.queue.is_empty() { self.has_room() } else { !self.session.queue.is_full() }
    }

    /// True if a message that was refused for this reason is to be offered
    /// again when [`takes_publishes`](Self::takes_publishes) says so.
    pub fn waits_for(&self, reason: &RejectReason) -> bool {
        let full = matches!(reason, RejectReason::QueueFull { .. });
        reason.is_temporary() && !(full && self.when_full() == WhenFull::Refuse)
    }

    /// The policy for a full queue.
    pub fn when_full(&self) -> WhenFull {
        self.config.queue.when_full
    }

    /// Messages accepted and not yet sent, those in the store included.
    pub fn queued(&self) -> usize {
        self.session.queue.len()
    }

    /// Exchanges in flight.
    pub const fn in_flight(&self) -> usize {
        self.session.flights.len()
    }

    /// True if every message that was accepted has been sent, and every
    /// QoS 1 and 2 message has its outcome.
    pub fn is_settled(&self) -> bool {
        let written = self.connection.online().is_none_or(|online| online.unwritten.is_empty());
        self.session.queue.is_empty() && self.session.flights.messages() == 0 && written
    }

    /// The packet identifier of the message in flight that was published with
    /// this token, or of one that waits with its identifier told. Looks through
    /// all that is in flight.
    pub fn packet_id(&self, token: Token) -> Option<PacketId> {
        self.identifier_of(token)
    }

    /// Messages in memory that have no outcome yet, and those in quarantine,
    /// ascending by name from the one after `after`. With a store, ask that:
    /// it knows all of them.
    pub fn list(&self, after: Option<Serial>, limit: Window) -> Vec<StoredMessage> {
        self.messages_here(after, limit)
    }

    /// Filters that the server holds for this session.
    pub fn subscriptions(&self) -> usize {
        self.session.subscriptions.len()
    }

    /// The client identifier in use: the configured one, or the one that the server
    /// assigned. Empty if neither is there.
    pub const fn client_id(&self) -> &Text {
        &self.attempts.client_id
    }

    /// What the next CONNECT says, with the client identifier in use, which the
    /// server may have assigned: to be changed and given to
    /// [`set_connect`](Self::set_connect).
    pub fn connect_config(&self) -> ConnectConfig {
        self.connect_settings()
    }

    /// What was left; `None` until the state is [`Closed`](crate::State::Closed).
    pub fn shutdown_report(&self) -> Option<ShutdownReport> {
        self.shutdown.as_ref()?.report
    }
}
