//! A message to be published, and its way into the core.

use std::future::IntoFuture;
use std::sync::{Arc, MutexGuard};
use std::task::Waker;
use std::time::Duration;

use evenkeel_codec::{Properties, Property, PropertyId, Publish, QoS, Text, TextError};
use evenkeel_proto::record::Priority;
use evenkeel_proto::{Accepted, Delivered, RejectReason, Token};

use super::receipt::{Receipt, Waiting};
use crate::arguments::{IntoBytes, IntoTopic};
use crate::error::{PublishError, PublishFailure};
use crate::shared::{Inner, Shared};
use evenkeel_dispatch::Waiter;

/// A message to be published; await it to have it accepted.
///
/// Awaiting gives a [`Receipt`] as soon as the client has taken the message
/// over: sent, in flight or queued; with a store, QoS 1 and 2 once it is
/// stored. It waits while the queue or the write buffer is full, unless the
/// policy for a full queue says otherwise. Dropping the future before it is
/// ready drops the message, except one that is being stored: that is sent.
/// Once ready, the message is sent whatever becomes of the receipt.
#[must_use = "a publish does nothing until it is awaited"]
pub struct PublishRequest<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) draft: Draft,
}

/// A message as far as it has been put together.
pub(crate) struct Draft {
    pub(crate) publish: Publish,
    pub(crate) priority: Priority,
    pub(crate) error: Option<PublishError>,
}

impl Draft {
    #[inline]
    pub(crate) fn new(topic: impl IntoTopic, payload: impl IntoBytes) -> Self {
        let (topic, error) = match topic.into_topic() {
            Ok(topic) => (topic.into_text(), None),
            Err(error) => (Text::default(), Some(PublishError::Topic(error))),
        };
        let publish = Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic,
            packet_id: None,
            payload: payload.into_bytes(),
            properties: Properties::new(),
        };
        Self { publish, priority: Priority::default(), error }
    }

    pub(crate) fn text(
        &mut self,
        text: impl Into<String>,
        property: impl FnOnce(Text) -> Property,
    ) {
        match Text::try_from(text.into()) {
            Ok(text) => self.publish.properties.push(property(text)),
            Err(error) => self.fail(error),
        }
    }

    pub(crate) fn fail(&mut self, error: TextError) {
        self.error.get_or_insert(PublishError::Property(error));
    }

    /// Hands the message over to the core, which takes out what it keeps, or
    /// leaves it if it refuses. If there is no room, a task that gave its waiter
    /// and waker is woken when there is; `tracker` is woken for the outcome.
    pub(super) fn offer(
        &mut self,
        shared: &Shared,
        mut inner: MutexGuard<'_, Inner>,
        waiter: Option<(&mut Waiter, &Waker)>,
        tracker: Option<&Waker>,
    ) -> Result<Offered, PublishError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let traced = tracing::enabled!(tracing::Level::TRACE).then(|| Traced::of(&self.publish));
        if inner.ended {
            return Err(PublishError::Rejected(RejectReason::Closed));
        }
        let now = if self.needs_clock(&inner) { shared.clock.now() } else { inner.core.now() };
        let token = inner.operations.upcoming();
        let mut accepted = inner.core.publish(now, &mut self.publish, self.priority, token);
        // A store that failed is tried again after a while, which may have passed
        // since the core was told the time.
        if let Err(RejectReason::Storage(_)) = accepted {
            let now = shared.clock.now();
            accepted = inner.core.publish(now, &mut self.publish, self.priority, token);
        }
        let offered = match accepted {
            Ok(Accepted::Tracked) => {
                inner.gathered.published += 1;
                let token = inner.operations.begin();
                Offered::Taken(match tracker {
                    Some(waker) => {
                        inner.operations.poll_publish(token, waker);
                        Waiting::Awaited(token)
                    }
                    None => Waiting::Tracked(token),
                })
            }
            Ok(Accepted::Storing) => Offered::Storing(inner.operations.begin()),
            Ok(Accepted::Sent { conn, offset }) => {
                Offered::Taken(Waiting::Streamed { conn, offset, waiter: Waiter::default() })
            }
            // Nothing has changed for the driver: it need not be woken.
            Err(reason) => {
                let waits = inner.core.waits_for(&reason);
                if waits && let Some((waiter, waker)) = waiter {
                    inner.publishers.wait(waiter, waker);
                }
                return Err(refused(&inner, reason));
            }
        };
        Inner::signal(inner);
        if let Some(traced) = traced {
            traced.tell(&shared.span);
        }
        Ok(offered)
    }

    /// Only round trips and expiries need the exact time. What is accepted
    /// before the driver had its turn is sent together with what it follows,
    /// and has the same time.
    fn needs_clock(&self, inner: &Inner) -> bool {
        let tracked = self.publish.qos != QoS::AtMostOnce;
        (tracked && !inner.signalled) || !self.publish.properties.is_empty()
    }
}

/// What is closed because the client has halted says why it has.
#[cold]
fn refused(inner: &Inner, reason: RejectReason) -> PublishError {
    if reason == RejectReason::Closed
        && let Some(halted) = inner.halted()
    {
        return PublishError::Halted(Box::new(halted));
    }
    PublishError::Rejected(reason)
}

/// A name and value of the application's as a property.
pub(crate) fn user_property(
    name: impl Into<String>,
    value: impl Into<String>,
) -> Result<Property, TextError> {
    let (name, value) = (Text::try_from(name.into())?, Text::try_from(value.into())?);
    Ok(Property::UserProperty(name, value))
}

/// A message that the core has taken.
pub(super) enum Offered {
    /// It is accepted.
    Taken(Waiting),
    /// It is accepted once it is stored.
    Storing(Token),
}

/// Rounded up, so that what has time left never has none.
pub(crate) fn whole_seconds(span: Duration) -> u32 {
    let seconds = span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0));
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

impl<'a> PublishRequest<'a> {
    #[inline]
    pub(crate) const fn new(shared: &'a Arc<Shared>, draft: Draft) -> Self {
        Self { shared, draft }
    }

    /// The delivery promise; QoS 0 unless set.
    #[inline]
    pub const fn qos(mut self, qos: QoS) -> Self {
        self.draft.publish.qos = qos;
        self
    }

    /// Whether the server keeps it as the topic's last value.
    #[inline]
    pub const fn retain(mut self, retain: bool) -> Self {
        self.draft.publish.retain = retain;
        self
    }

    /// Its place in the queue, if it has to wait there.
    #[inline]
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.draft.priority = priority;
        self
    }

    /// How long it is useful, in whole seconds rounded up: time in the queue
    /// counts, and what is over before it is sent ends as expired (MQTT 5).
    ///
    /// Zero is for those who are there now: such a message is sent on the present
    /// connection, and refused with
    /// [`RejectReason::Expired`] if there is none.
    pub fn expiry(mut self, expiry: Duration) -> Self {
        let expiry = Property::MessageExpiryInterval(whole_seconds(expiry));
        self.draft.publish.properties.push(expiry);
        self
    }

    /// Says what the payload is, such as a MIME type (MQTT 5).
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.draft.text(content_type, Property::ContentType);
        self
    }

    /// The topic on which a response is expected (MQTT 5);
    /// [`Client::request`](crate::Client::request) does all of that by itself.
    pub fn response_topic(mut self, topic: impl Into<String>) -> Self {
        self.draft.text(topic, Property::ResponseTopic);
        self
    }

    /// What a response is to carry, too, so that it is known by it (MQTT 5).
    pub fn correlation_data(mut self, data: impl IntoBytes) -> Self {
        self.draft.publish.properties.push(Property::CorrelationData(data.into_bytes()));
        self
    }

    /// A name and value of the application's (MQTT 5).
    pub fn user_property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        match user_property(name, value) {
            Ok(property) => self.draft.publish.properties.push(property),
            Err(error) => self.draft.fail(error),
        }
        self
    }

    /// Any property of PUBLISH. A topic alias is removed: the client assigns
    /// aliases itself.
    pub fn property(mut self, property: Property) -> Self {
        if property.id() != PropertyId::TOPIC_ALIAS {
            self.draft.publish.properties.push(property);
        }
        self
    }

    /// Hands the message over without waiting; the whole request comes back
    /// if it is not accepted.
    pub fn try_send(mut self) -> Result<Receipt, RejectedPublish<'a>> {
        let waiting = match self.draft.offer(self.shared, self.shared.lock(), None, None) {
            Ok(Offered::Taken(waiting)) => waiting,
            Ok(Offered::Storing(token)) => Waiting::Tracked(token),
            Err(error) => return Err(RejectedPublish { request: self, error }),
        };
        Ok(Receipt { shared: self.shared.clone(), waiting })
    }

    /// Waits until the message has its outcome: [`Receipt`] and its
    /// acknowledgement in one. Dropping the future leaves open whether the
    /// message was accepted; one that was is sent.
    pub async fn delivered(self) -> Result<Delivered, PublishFailure> {
        let mut publishing = self.into_future();
        publishing.tracks = true;
        let receipt = publishing.await.map_err(PublishFailure::NotAccepted)?;
        receipt.await.map_err(PublishFailure::NotDelivered)
    }
}

/// Shows no payload.
impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { publish, priority, error } = self;
        f.debug_struct("Message")
            .field("topic", &publish.topic)
            .field("qos", &publish.qos)
            .field("retain", &publish.retain)
            .field("payload_len", &publish.payload.len())
            .field("priority", priority)
            .field("error", error)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for PublishRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PublishRequest").field(&self.draft).finish()
    }
}

/// A message that was not accepted, ready to be tried again.
pub struct RejectedPublish<'a> {
    /// The request as it was.
    pub request: PublishRequest<'a>,
    /// Why it was not accepted.
    pub error: PublishError,
}

impl std::fmt::Debug for RejectedPublish<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RejectedPublish")
            .field("request", &self.request)
            .field("error", &self.error)
            .finish()
    }
}

/// What of a message goes to `tracing` once it is accepted.
struct Traced {
    topic: Text,
    qos: u8,
    retain: bool,
    payload_len: usize,
}

impl Traced {
    fn of(publish: &Publish) -> Self {
        Self {
            topic: publish.topic.clone(),
            qos: publish.qos.level(),
            retain: publish.retain,
            payload_len: publish.payload.len(),
        }
    }

    fn tell(&self, span: &tracing::Span) {
        let Self { topic, qos, retain, payload_len } = self;
        tracing::trace!(parent: span, topic = topic.as_str(), qos, retain, payload_len, "publish");
    }
}
