//! The client for programs without async: every call waits on the spot.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use evenkeel::QoS;
//! use evenkeel::blocking::Client;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::start(evenkeel::Client::builder("mqtt://localhost"))?;
//! client.online_within(Duration::from_secs(30))??;
//! client.publish("site/7/level", "4.2").qos(QoS::AtLeastOnce).retain(true).delivered()?;
//! for message in client.subscribe("site/+/alarm").qos(QoS::AtLeastOnce).send()? {
//!     println!("{}", message.topic());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The requests have the settings of those of [`evenkeel::Client`](crate::Client), and
//! end with `send`, which waits as awaiting those does. What may take long has a
//! twin that waits for a time only, and tells by [`TimedOut`] that it is over: that is
//! never taken for the end of a stream.

use std::future::{Future, IntoFuture};
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Waker};
use std::time::Duration;

use evenkeel_codec::{Property, QoS, ReasonCode, RetainHandling, SubscribeOptions, TopicFilter};
use evenkeel_proto::record::{Priority, Serial, StoredMessage, Window};
use evenkeel_proto::{Connected, Delivered, DeliveryError, QueueError, ShutdownReport, State};
use evenkeel_store::StoreError;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;
use tokio::task::coop::has_budget_remaining;
use tokio::time::timeout;

use crate::arguments::{IntoBytes, IntoFilter, IntoFilters, IntoTopic};
use crate::builder::ClientBuilder;
use crate::error::{
    BuildError, ConnectError, PublishError, PublishFailure, RequestError, SubscribeError,
};
use crate::{Message, Report};

/// How long the last handle waits for what was accepted when it is dropped.
const LAST_GRACE: Duration = Duration::from_secs(7);

/// A client with a thread of its own that keeps the connection; clones share it.
///
/// Dropping the last of client, streams and receipts finishes what was
/// accepted, for up to five seconds, and disconnects: a program may simply
/// end. So it does in `spawn_blocking` of tokio's. Must not be used inside
/// async code, which may not wait: dropped there, it finishes in the
/// background, for as long as the program goes on.
#[derive(Clone, Debug)]
pub struct Client {
    // The client goes before its thread, which waits for it.
    inner: crate::Client,
    thread: Arc<DriverThread>,
}

/// The thread that drives the client; waits for the client's end when dropped.
#[derive(Debug)]
struct DriverThread {
    runtime: Option<Runtime>,
    handle: Handle,
    state: watch::Receiver<State>,
}

impl DriverThread {
    fn wait<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }
}

impl Drop for DriverThread {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        let mut state = self.state.clone();
        let (ended, end) = mpsc::channel::<()>();
        // The runtime ends itself, so that what is left goes on whoever waits for it.
        self.handle.spawn(async move {
            let closed = state.wait_for(|state| *state == State::Closed);
            if timeout(LAST_GRACE, closed).await.is_err() {
                tracing::warn!("dropped with work left, which did not end in time");
            }
            runtime.shutdown_background();
            drop(ended);
        });
        if thread_may_wait() {
            // Ends when the other side is dropped. Bounded, as a hook of the
            // application's may hold the runtime's thread.
            let _ = end.recv_timeout(LAST_GRACE);
        }
    }
}

/// Whether this thread may be blocked, which a runtime's handle does not say:
/// threads of `spawn_blocking`, and those that merely entered a runtime, have
/// one as well. Tokio gives what runs as async code a budget of steps, and
/// nothing else; so this takes steps until there is no budget left, or more
/// are taken than any budget has.
fn thread_may_wait() -> bool {
    const MORE_THAN_ANY_BUDGET: u32 = 1024;
    if Handle::try_current().is_err() {
        return true;
    }
    let mut context = Context::from_waker(Waker::noop());
    (0..MORE_THAN_ANY_BUDGET).all(|_| {
        let step = pin!(tokio::task::consume_budget());
        step.poll(&mut context).is_ready() && has_budget_remaining()
    })
}

/// Nothing came within the time that was given; what was waited for goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut {
    /// How long was waited.
    pub after: Duration,
}

impl std::fmt::Display for TimedOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "nothing came within {:?}", self.after)
    }
}

impl std::error::Error for TimedOut {}

impl DriverThread {
    fn wait_within<F: Future>(&self, after: Duration, future: F) -> Result<F::Output, TimedOut> {
        self.wait(async { timeout(after, future).await.map_err(|_| TimedOut { after }) })
    }
}

impl Client {
    /// Starts a client from its settings and a thread that drives it; returns at
    /// once and connects in the background. What the operating system says when it
    /// gives no thread is in [`BuildError::Runtime`].
    pub fn start(builder: ClientBuilder) -> Result<Self, BuildError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("evenkeel")
            .enable_all()
            .build()
            .map_err(BuildError::Runtime)?;
        let inner = {
            let _inside = runtime.enter();
            builder.start()?
        };
        let state = inner.watch_state();
        let handle = runtime.handle().clone();
        Ok(Self { inner, thread: Arc::new(DriverThread { runtime: Some(runtime), handle, state }) })
    }

    /// The async client itself, for everything that does not wait: its state,
    /// limits and counters, `probe` and `reconnect`.
    pub const fn handle(&self) -> &crate::Client {
        &self.inner
    }

    /// Waits until the client is online, or for the reason why it is not; without
    /// bound while the server does not answer. See [`crate::Client::online`].
    pub fn online(&self) -> Result<(), ConnectError> {
        self.thread.wait(self.inner.online())
    }

    /// Waits until the client is online, or for how its attempt failed; the client
    /// tries on all the same. See [`crate::Client::try_online`].
    pub fn try_online(&self) -> Result<(), ConnectError> {
        self.thread.wait(self.inner.try_online())
    }

    /// [`online`](Self::online) for at most this long.
    pub fn online_within(&self, limit: Duration) -> Result<Result<(), ConnectError>, TimedOut> {
        self.thread.wait_within(limit, self.inner.online())
    }

    /// The state now; see [`crate::Client::state`].
    pub fn state(&self) -> State {
        self.inner.state()
    }

    /// What the last CONNACK said; `None` before the first.
    pub fn connected(&self) -> Option<Connected> {
        self.inner.connected()
    }

    /// A message to be published; see [`PublishRequest`].
    pub fn publish(&self, topic: impl IntoTopic, payload: impl IntoBytes) -> PublishRequest<'_> {
        PublishRequest { inner: self.inner.publish(topic, payload), thread: &self.thread }
    }

    /// A subscription to one filter, or to several at once; see [`SubscribeRequest`].
    pub fn subscribe(&self, filters: impl IntoFilters) -> SubscribeRequest<'_> {
        SubscribeRequest { inner: self.inner.subscribe(filters), thread: &self.thread }
    }

    /// The end of one subscription, or of several at once; see
    /// [`UnsubscribeRequest`].
    pub fn unsubscribe(&self, filters: impl IntoFilters) -> UnsubscribeRequest<'_> {
        UnsubscribeRequest { inner: self.inner.unsubscribe(filters), thread: &self.thread }
    }

    /// A request that has a response; see [`Request`].
    pub fn request(&self, topic: impl IntoTopic, payload: impl IntoBytes) -> Request<'_> {
        Request { inner: self.inner.request(topic, payload), thread: &self.thread }
    }

    /// The messages that no subscription of this client matches; see
    /// [`crate::Client::unmatched`]. `None` if that stream is taken already.
    pub fn unmatched(&self) -> Option<Messages> {
        let inner = self.inner.unmatched()?;
        Some(Messages { inner, thread: self.thread.clone() })
    }

    /// Everything that happens; see [`crate::Client::events`].
    pub fn events(&self) -> Events {
        Events { inner: self.inner.events(), thread: self.thread.clone() }
    }

    /// The messages that have no outcome yet, and those in quarantine.
    pub fn queue(&self) -> Queue {
        Queue { inner: self.inner.queue(), thread: self.thread.clone() }
    }

    /// Waits until every accepted message has been sent, and every QoS 1 and 2
    /// message has its outcome; also if the client has closed.
    pub fn drained(&self) {
        self.thread.wait(self.inner.drained());
    }

    /// [`drained`](Self::drained) for at most this long.
    pub fn drained_within(&self, limit: Duration) -> Result<(), TimedOut> {
        self.thread.wait_within(limit, self.inner.drained())
    }

    /// Finishes what was accepted within `limit`, disconnects and reports; returns
    /// about a second after `limit` at the latest.
    pub fn shutdown(&self, limit: Duration) -> ShutdownReport {
        self.thread.wait(self.inner.shutdown(limit))
    }

    /// Waits for any future of the [`handle`](Self::handle)'s, or of the
    /// application's.
    pub fn wait<F: IntoFuture>(&self, future: F) -> F::Output {
        self.thread.wait(future.into_future())
    }
}

/// Settings that the async request has, each with its first sentence.
macro_rules! settings {
    ($(#[doc = $doc:literal] $name:ident($($argument:ident: $type:ty),*);)*) => {
        $(
            #[doc = $doc]
            pub fn $name(mut self, $($argument: $type),*) -> Self {
                self.inner = self.inner.$name($($argument),*);
                self
            }
        )*
    };
}

/// A message to be published: what [`crate::PublishRequest`] is, and ends with
/// [`send`](Self::send) or [`delivered`](Self::delivered).
#[derive(Debug)]
#[must_use = "a publish does nothing until it is sent"]
pub struct PublishRequest<'a> {
    inner: crate::PublishRequest<'a>,
    thread: &'a Arc<DriverThread>,
}

impl<'a> PublishRequest<'a> {
    settings! {
        /// The delivery promise; QoS 0 unless set.
        qos(qos: QoS);
        /// Whether the server keeps it as the topic's last value.
        retain(retain: bool);
        /// Its rank in the queue, if it has to wait there.
        priority(priority: Priority);
        /// How long it is worth delivering; see [`crate::PublishRequest::expiry`] (MQTT 5).
        expiry(expiry: Duration);
        /// Says what the payload is, such as a MIME type (MQTT 5).
        content_type(content_type: impl Into<String>);
        /// Where a response is expected (MQTT 5).
        response_topic(topic: impl Into<String>);
        /// Ties a response to this request (MQTT 5).
        correlation_data(data: impl IntoBytes);
        /// A name and value of the application's (MQTT 5).
        user_property(name: impl Into<String>, value: impl Into<String>);
        /// Any property of PUBLISH; a topic alias is removed (MQTT 5).
        property(property: Property);
    }

    /// Hands the message over; waits only while the queue or the write buffer is
    /// full, and with a store until it is stored.
    pub fn send(self) -> Result<Receipt, PublishError> {
        let inner = self.thread.wait(self.inner.into_future())?;
        Ok(Receipt { inner, thread: self.thread.clone() })
    }

    /// Hands the message over without waiting; the whole request comes back if it
    /// is not accepted.
    pub fn try_send(self) -> Result<Receipt, RejectedPublish<'a>> {
        let thread = self.thread;
        match self.inner.try_send() {
            Ok(inner) => Ok(Receipt { inner, thread: thread.clone() }),
            Err(crate::RejectedPublish { request: inner, error }) => {
                Err(RejectedPublish { request: Self { inner, thread }, error })
            }
        }
    }

    /// Waits until the message has its outcome: with QoS 1 and 2 its
    /// acknowledgement, with QoS 0 that it is written.
    pub fn delivered(self) -> Result<Delivered, PublishFailure> {
        self.thread.wait(self.inner.delivered())
    }
}

/// A message that was not accepted, ready to be tried again.
#[derive(Debug)]
pub struct RejectedPublish<'a> {
    /// The request as it was.
    pub request: PublishRequest<'a>,
    /// Why it was not accepted.
    pub error: PublishError,
}

/// A subscription to be made: what [`crate::SubscribeRequest`] is, and ends with
/// [`send`](Self::send).
#[derive(Debug)]
#[must_use = "a subscribe does nothing until it is sent"]
pub struct SubscribeRequest<'a> {
    inner: crate::SubscribeRequest,
    thread: &'a Arc<DriverThread>,
}

impl SubscribeRequest<'_> {
    settings! {
        /// Another filter of the same stream, with a QoS of its own.
        filter(filter: impl IntoFilter, qos: QoS);
        /// Another filter of the same stream, with options of its own.
        filter_with(filter: impl IntoFilter, options: SubscribeOptions);
        /// All options at once, for the filters that have none of their own.
        options(options: SubscribeOptions);
        /// The highest QoS to deliver with; QoS 0 unless set.
        qos(qos: QoS);
        /// Leaves out what this client publishes itself (MQTT 5).
        no_local(no_local: bool);
        /// Keeps the retain flag as published (MQTT 5).
        retain_as_published(keep: bool);
        /// When retained messages are sent (MQTT 5).
        retain_handling(handling: RetainHandling);
        /// A number from 1 to 268,435,455 that comes back with each message (MQTT 5).
        subscription_identifier(identifier: u32);
        /// A name and value of the application's (MQTT 5).
        user_property(name: impl Into<String>, value: impl Into<String>);
        /// Any property of SUBSCRIBE (MQTT 5).
        property(property: Property);
        /// Messages the stream buffers before it holds back the server; 256 unless set.
        buffer(messages: usize);
        /// Messages are acknowledged only by [`Message::ack`].
        manual_ack();
    }

    /// Sends SUBSCRIBE and waits for SUBACK; also while offline.
    /// [`Messages::granted`] has the answer to each filter.
    pub fn send(self) -> Result<Messages, SubscribeError> {
        let inner = self.thread.wait(self.inner.into_future())?;
        Ok(Messages { inner, thread: self.thread.clone() })
    }
}

/// An unsubscribe to be made: what [`crate::UnsubscribeRequest`] is, and ends with
/// [`send`](Self::send).
#[derive(Debug)]
#[must_use = "an unsubscribe does nothing until it is sent"]
pub struct UnsubscribeRequest<'a> {
    inner: crate::UnsubscribeRequest,
    thread: &'a Arc<DriverThread>,
}

impl UnsubscribeRequest<'_> {
    settings! {
        /// Another filter to end with the same packet.
        filter(filter: impl IntoFilter);
        /// A name and value of the application's (MQTT 5).
        user_property(name: impl Into<String>, value: impl Into<String>);
        /// Any property of UNSUBSCRIBE (MQTT 5).
        property(property: Property);
    }

    /// Sends UNSUBSCRIBE and waits for UNSUBACK: one reason code for each filter,
    /// in order.
    pub fn send(self) -> Result<Vec<ReasonCode>, SubscribeError> {
        self.thread.wait(self.inner.into_future())
    }
}

/// A request to be made: what [`crate::Request`] is, and ends with
/// [`send`](Self::send).
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request<'a> {
    inner: crate::Request,
    thread: &'a Arc<DriverThread>,
}

impl Request<'_> {
    settings! {
        /// QoS of the request and of the subscription for the response.
        qos(qos: QoS);
        /// From the call to the response; 30 s unless set.
        timeout(timeout: Duration);
        /// Where the response is expected; a topic of this client's own unless set.
        response_topic(topic: impl Into<String>);
        /// What the response carries too; chosen by the client unless set.
        correlation_data(data: impl IntoBytes);
        /// Any further property of the request (MQTT 5).
        property(property: Property);
    }

    /// Publishes the request and waits for its response.
    pub fn send(self) -> Result<Message, RequestError> {
        self.thread.wait(self.inner.into_future())
    }
}

/// The claim to the outcome of an accepted message.
#[derive(Debug)]
#[must_use = "the outcome is known only to those who wait for it; drop it knowingly"]
pub struct Receipt {
    inner: crate::Receipt,
    thread: Arc<DriverThread>,
}

impl Receipt {
    /// Waits for the acknowledgement, or with QoS 0 until it is written.
    pub fn wait(self) -> Result<Delivered, DeliveryError> {
        self.thread.wait(self.inner)
    }

    /// [`wait`](Self::wait) for at most this long; it can be asked again.
    pub fn wait_within(
        &mut self,
        limit: Duration,
    ) -> Result<Result<Delivered, DeliveryError>, TimedOut> {
        self.thread.wait_within(limit, &mut self.inner)
    }
}

/// The messages of one subscription, as an iterator that waits for the next.
/// It ends when the client is closed or has halted.
#[derive(Debug)]
pub struct Messages {
    // Goes before the thread, as it unsubscribes when it is dropped.
    inner: crate::Messages,
    thread: Arc<DriverThread>,
}

impl Messages {
    /// Waits for the next message, at most this long. `Ok(None)` is the end of the
    /// stream: the client is closed or has halted, and everything was taken.
    pub fn next_within(&mut self, limit: Duration) -> Result<Option<Message>, TimedOut> {
        self.thread.wait_within(limit, self.inner.next())
    }

    /// A message that is here already; `None` if there is none.
    pub fn try_next(&mut self) -> Option<Message> {
        self.inner.try_next()
    }

    /// What the server granted: one entry for each filter, in order, with the QoS
    /// or the code of its refusal.
    pub fn granted(&self) -> &[(TopicFilter, Result<QoS, ReasonCode>)] {
        self.inner.granted()
    }

    /// Lets the subscription outlive this stream; see [`crate::Messages::keep`].
    pub fn keep(&mut self) {
        self.inner.keep();
    }
}

impl Iterator for Messages {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        self.thread.wait(self.inner.next())
    }
}

/// The events of a client, as an iterator that waits for the next. It ends when
/// the client has closed.
#[derive(Debug)]
pub struct Events {
    inner: crate::Events,
    thread: Arc<DriverThread>,
}

impl Events {
    /// Waits for the next event, at most this long. `Ok(None)` is the end: the
    /// client has closed.
    pub fn next_within(&mut self, limit: Duration) -> Result<Option<Report>, TimedOut> {
        self.thread.wait_within(limit, self.inner.next())
    }

    /// An event that is here already; `None` if there is none.
    pub fn try_next(&mut self) -> Option<Report> {
        self.inner.try_next()
    }
}

impl Iterator for Events {
    type Item = Report;

    fn next(&mut self) -> Option<Report> {
        self.thread.wait(self.inner.next())
    }
}

/// A look into the queue of a client; see [`crate::Queue`].
#[derive(Clone, Debug)]
pub struct Queue {
    inner: crate::Queue,
    thread: Arc<DriverThread>,
}

impl Queue {
    /// Messages that have no outcome yet, from the one after `after`; see
    /// [`crate::Queue::list`].
    pub fn list(
        &self,
        after: Option<Serial>,
        limit: Window,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        self.thread.wait(self.inner.list(after, limit))
    }

    /// Takes a message out of the queue or the quarantine.
    pub fn remove(&self, serial: Serial) -> Result<StoredMessage, QueueError> {
        self.thread.wait(self.inner.remove(serial))
    }

    /// Puts a quarantined message at the end of the queue of its priority; returns
    /// its new serial.
    pub fn requeue(&self, serial: Serial) -> Result<Serial, QueueError> {
        self.thread.wait(self.inner.requeue(serial))
    }
}
