//! The handle that applications hold.

mod online;
pub(crate) mod queue;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use evenkeel_codec::TopicName;
use evenkeel_proto::{Connected, Limits, RateWait, ShutdownReport, State, Stats};
use tokio::sync::watch;

use crate::arguments::{IntoBytes, IntoFilters, IntoTopic};
use crate::builder::ClientBuilder;
use crate::error::ConnectError;
use crate::events::Events;
use crate::publish::{Draft, PublishRequest};
use crate::receive::{Messages, SubscribeRequest, UnsubscribeRequest};
use crate::request::Request;
use crate::server::IntoServer;
use crate::shared::{Inner, Shared};

use online::{Connecting, Until};
use queue::{Drained, Queue};

/// Messages the stream of unmatched messages buffers.
const UNMATCHED_BUFFERED: usize = 1024;

/// A handle to one MQTT client; clones share it.
///
/// A task of the library's own keeps the connection: nothing has to be polled
/// for it to stay up. When the last handle and the last [`Messages`] stream
/// are dropped, the client shuts down by itself within five seconds; use
/// [`shutdown`](Self::shutdown) to know what was left.
pub struct Client {
    shared: Arc<Shared>,
}

impl Client {
    /// Begins a client for the server at this URL, such as
    /// `mqtts://device.example:8883`, or at this endpoint; mistakes in it are
    /// reported by [`start`](ClientBuilder::start).
    pub fn builder(server: impl IntoServer) -> ClientBuilder {
        ClientBuilder::new(server)
    }

    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        shared.add_user();
        Self { shared }
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Waits until the client is online, or for the reason why it is not: that
    /// it has halted, or that it was refused and tries on in the slow lane
    /// ([`ConnectError::Refused`]). Ready at once if that is known already; each
    /// refusal is told to those who wait when it comes, or else to the first who
    /// asks, so that waiting again waits for what comes next.
    ///
    /// Cancel-safe. Does not bound its time: a client that keeps trying, without
    /// a refusal, keeps this waiting.
    pub async fn online(&self) -> Result<(), ConnectError> {
        Connecting::new(&self.shared, Until::Refusal).await
    }

    /// Waits until the client is online, or for how its attempt failed, if that is
    /// for a reason that may pass: [`ConnectError::Failed`]. The client tries on all
    /// the same. For programs that somebody looks at, whose server may be down or
    /// whose settings may be wrong; bounded by the time-outs of one attempt.
    ///
    /// Each failure is told once, as [`online`](Self::online) tells refusals.
    /// Cancel-safe.
    pub async fn try_online(&self) -> Result<(), ConnectError> {
        Connecting::new(&self.shared, Until::Failure).await
    }

    /// What the last CONNACK said, such as an assigned client identifier; also
    /// after its connection has ended. `None` before the first.
    pub fn connected(&self) -> Option<Connected> {
        self.shared.lock().connecting.connected.as_deref().cloned()
    }

    /// Subscribes to a filter, or to several at once; see [`SubscribeRequest`].
    ///
    /// Streams that have a topic in common get each message once, copies of a
    /// shared subscription only those of its own, if the server has Subscription
    /// Identifiers (MQTT 5); else by topic, every copy.
    pub fn subscribe(&self, filters: impl IntoFilters) -> SubscribeRequest {
        SubscribeRequest::new(self.shared.clone(), filters)
    }

    /// Ends a subscription, or several at once; see [`UnsubscribeRequest`].
    pub fn unsubscribe(&self, filters: impl IntoFilters) -> UnsubscribeRequest {
        UnsubscribeRequest::new(self.shared.clone(), filters)
    }

    /// Publishes a message; see [`PublishRequest`].
    ///
    /// Topic and payload may be borrowed: text is checked and copied. Owned
    /// payloads are taken as they are, see [`IntoBytes`].
    #[inline]
    pub fn publish(&self, topic: impl IntoTopic, payload: impl IntoBytes) -> PublishRequest<'_> {
        PublishRequest::new(&self.shared, Draft::new(topic, payload))
    }

    /// Publishes a request and waits for its response; see [`Request`].
    pub fn request(&self, topic: impl IntoTopic, payload: impl IntoBytes) -> Request {
        Request::new(self.clone(), topic, payload)
    }

    /// The messages that no subscription of this client matches: some brokers
    /// send such replies, and a session that goes on may have subscriptions of
    /// an earlier run. Begins with those that are held, so open the streams
    /// that have filters first. `None` if this stream is taken already.
    ///
    /// While no one holds it, unmatched messages are first held and then
    /// discarded: see [`hold_unmatched`](ClientBuilder::hold_unmatched). Dropping
    /// it says that they are not wanted: what comes later is discarded at once.
    pub fn unmatched(&self) -> Option<Messages> {
        let now = self.shared.clock.now();
        let open = |inner: &mut Inner| inner.streams.open_unmatched(now, UNMATCHED_BUFFERED);
        let id = self.shared.command(open)?;
        Some(Messages::new(self.shared.clone(), id, false))
    }

    /// Messages that were acknowledged without being given out by any stream.
    pub fn discarded(&self) -> u64 {
        self.shared.lock().streams.discarded()
    }

    /// The state now: connecting, online, waiting for the next attempt, halted or
    /// closed.
    pub fn state(&self) -> State {
        self.shared.lock().state()
    }

    /// The state as a value that can be watched: what matters now, and not each step
    /// on the way to it, which [`events`](Self::events) tells. The receiver does not
    /// keep the client alive.
    ///
    /// ```no_run
    /// # async fn watch(client: evenkeel::Client) {
    /// let mut state = client.watch_state();
    /// while state.changed().await.is_ok() {
    ///     let is_online = state.borrow_and_update().is_online();
    ///     println!("{}", if is_online { "online" } else { "offline" });
    /// }
    /// # }
    /// ```
    pub fn watch_state(&self) -> watch::Receiver<State> {
        self.shared.state.watch()
    }

    /// Everything that happens, as a stream; [`Events`] shows the loop. The first
    /// call gives it from the start of the client, however late it comes; later
    /// calls give what happens from then on.
    ///
    /// Before the first call the first 64 events are kept, and none after the
    /// first ping; those missed are counted by an
    /// [`Event::Lagged`](crate::Event::Lagged) in their place.
    pub fn events(&self) -> Events {
        Events::new(self.shared.clone())
    }

    /// What is in force on the present connection, and who set it; `None` while offline.
    pub fn limits(&self) -> Option<Limits> {
        self.shared.lock().core.limits().cloned()
    }

    /// The rate that what is to be sent waits for, since when, and how many messages
    /// wait; `None` if nothing waits for a rate.
    pub fn waits_for_rate(&self) -> Option<RateWait> {
        self.shared.lock().core.waits_for_rate()
    }

    /// Counters of all connections since the client was started: attempts, packets,
    /// pings, messages.
    pub fn stats(&self) -> Stats {
        *self.shared.lock().core.stats()
    }

    /// How many messages are accepted and not yet sent, of all QoS.
    pub fn queued(&self) -> usize {
        self.shared.lock().core.queued()
    }

    /// How many QoS 1 and 2 messages are sent and not yet acknowledged to the end; at
    /// most what the builder's [`in_flight`](ClientBuilder::in_flight) and the server allow.
    pub fn in_flight(&self) -> usize {
        self.shared.lock().core.in_flight()
    }

    /// Waits until every accepted message has been sent, and every QoS 1 and 2
    /// message has its outcome; also if the client has closed.
    ///
    /// Cancel-safe.
    pub async fn drained(&self) {
        Drained::new(&self.shared).await;
    }

    /// The messages that have no outcome yet, and those in quarantine.
    pub fn queue(&self) -> Queue {
        Queue::new(self.shared.clone())
    }

    /// The present instant of the client's clock, to compare with those in
    /// [`State`] and events.
    pub fn now(&self) -> evenkeel_proto::Instant {
        self.shared.clock.now()
    }

    /// Closes the connection and opens another, at once but within the budget
    /// of the reconnect policy; also leaves [`State::Halted`].
    pub fn reconnect(&self) {
        let now = self.shared.clock.now();
        self.shared.command(|inner| {
            inner.streams.reopen();
            inner.core.reconnect(now);
        });
    }

    /// Sends a ping soon, if the laws of keep-alive allow; it joins one that
    /// is outstanding. False while offline or without keep-alive.
    pub fn probe(&self) -> bool {
        let now = self.shared.clock.now();
        self.shared.command(|inner| inner.core.probe(now))
    }

    /// Begins re-authentication with the authenticator's first data (MQTT 5).
    /// False while offline or without an authenticator. Its success is told by
    /// [`Event::Reauthenticated`](crate::Event::Reauthenticated); its failure ends
    /// the connection.
    pub fn reauthenticate(&self) -> bool {
        let Some(authenticator) = &self.shared.identity.connect.hooks.authenticator else {
            return false;
        };
        let data = authenticator.start();
        let now = self.shared.clock.now();
        self.shared.command(|inner| inner.core.reauthenticate(now, data))
    }

    /// Finishes what was accepted within `limit`, sends DISCONNECT, closes,
    /// and reports what was left. Always returns, at the latest about a
    /// second after `limit`.
    ///
    /// Cancel-safe: the shutdown goes on without its caller.
    pub async fn shutdown(&self, limit: Duration) -> ShutdownReport {
        let now = self.shared.clock.now();
        self.shared.command(|inner| inner.core.shutdown(now, limit));
        let mut state = self.shared.state.watch();
        // An error means that the driver is gone, which is as closed as can be.
        let _ = state.wait_for(|state| *state == State::Closed).await;
        self.shared.lock().core.shutdown_report().unwrap_or_default()
    }

    pub(crate) fn next_request(&self) -> u64 {
        self.shared.identity.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// A topic for the response to a request: below what the server gives as a
    /// basis for such topics.
    pub(crate) fn response_topic(&self, number: u64) -> String {
        let own = format!("evenkeel/response/{:016x}/{number}", self.shared.identity.seed);
        let given = self.connected().and_then(|connected| connected.response_information);
        let given = given.as_deref().map(|basis| basis.trim_end_matches('/'));
        let below = given.map(|basis| format!("{basis}/{own}"));
        below.filter(|topic| TopicName::try_from(topic.as_str()).is_ok()).unwrap_or(own)
    }
}

impl Clone for Client {
    fn clone(&self) -> Self {
        self.shared.add_user();
        Self { shared: self.shared.clone() }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shared.remove_user();
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("state", &self.state()).finish_non_exhaustive()
    }
}
