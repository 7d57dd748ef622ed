//! Requests of an HTTP API, which the extension answers.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use evenkeel_codec::{Properties, QoS};

use super::Core;
use super::admission::ADMISSION_TIMEOUT;
use super::connection::Phase;
use super::event::EventKind;
use super::ids::ConnectionId;
use super::message::Message;
use super::retained::Retained;
use super::service::{Arrival, Effects, Extension, HttpFacts, WallClock};
use super::time::{Instant, Time};

/// A request. It may hold credentials and a message, so `Debug` shows method, path and
/// length alone.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method, such as `GET`.
    pub method: String,
    /// Target and headers.
    pub head: HttpFacts,
    /// What came behind the head: of a body that is longer than
    /// [`HttpRequest::BODY_MAX`] the beginning, one byte longer than that.
    pub body: Bytes,
}

impl HttpRequest {
    /// Bytes of the longest body that a driver has to read.
    pub const BODY_MAX: usize = 128 * 1024;

    /// True if the body is longer than [`HttpRequest::BODY_MAX`], so not all of it is here.
    pub fn is_too_large(&self) -> bool {
        self.body.len() > Self::BODY_MAX
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.head.target.split('?').next().unwrap_or_default()
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, body, .. } = self;
        write!(f, "HttpRequest({method} {:?}, {} bytes)", self.path(), body.len())
    }
}

/// An answer. `Debug` shows the status and the length alone.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status, such as 200.
    pub status: u16,
    /// Names and values, apart from those of the connection and of the length.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// Nothing but a status.
    pub const fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpResponse({}, {} bytes)", self.status, self.body.len())
    }
}

/// A request with what it takes to answer it.
#[derive(Clone, Copy, Debug)]
pub struct HttpCall<'a> {
    /// Its connection.
    pub id: ConnectionId,
    /// How its connection came.
    pub arrival: &'a Arrival,
    /// The request.
    pub request: &'a HttpRequest,
    /// The retained messages.
    pub retained: RetainedMessages<'a>,
}

/// The retained messages that clients have published, to be read.
#[derive(Clone, Copy)]
pub struct RetainedMessages<'a> {
    retained: &'a Retained,
    now: Instant,
    wall: WallClock,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct RetainedMessage<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// Its payload.
    pub payload: &'a Bytes,
    /// Its QoS.
    pub qos: QoS,
    /// What is forwarded with it.
    pub properties: &'a Properties,
    /// When it was published, since the beginning of 1970.
    pub since: Duration,
}

impl<'a> RetainedMessages<'a> {
    /// The message of a topic.
    pub fn get(&self, topic: &str) -> Option<RetainedMessage<'a>> {
        let (message, since) = self.retained.get(self.now, topic)?;
        Some(self.shown(message, since))
    }

    /// The messages of all topics behind this one, in the order of the topics.
    pub fn after(&self, topic: &str) -> impl Iterator<Item = RetainedMessage<'a>> {
        let view = *self;
        let found = self.retained.after(self.now, topic);
        found.map(move |(message, since)| view.shown(message, since))
    }

    fn shown(&self, message: &'a Message, since: Instant) -> RetainedMessage<'a> {
        RetainedMessage {
            topic: &message.topic,
            payload: &message.payload,
            qos: message.qos,
            properties: &message.properties,
            since: self.wall.at(since).unix,
        }
    }
}

impl fmt::Debug for RetainedMessages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RetainedMessages").field(&self.retained.len()).finish()
    }
}

/// A request that waits for an answer from outside, or for its driver to take that.
#[derive(Debug)]
pub(crate) struct HeldRequest {
    request: HttpRequest,
    deadline: Instant,
    response: Option<HttpResponse>,
}

impl HeldRequest {
    /// Until when there must be an answer; nothing if there is one.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.response.is_none().then_some(self.deadline)
    }
}

impl Core {
    /// A request of the HTTP API has come on a connection, which has as long for the next
    /// one as it had for this. Nothing comes back if it has to wait for an answer from
    /// outside: then [`Core::take_response`] has it later, by [`ADMISSION_TIMEOUT`] at last.
    ///
    /// A connection that closes is answered no more: see [`Core::status`].
    pub fn http(
        &mut self,
        now: Instant,
        id: ConnectionId,
        request: &HttpRequest,
    ) -> Option<HttpResponse> {
        self.tick_sessions(now);
        let response = self.call(now, id, request, |service, time, call, effects| {
            service.http(time, call, effects)
        });
        if response.is_none()
            && let Some(connection) = self.connections.get_mut(&id)
        {
            let (request, deadline) = (request.clone(), now + ADMISSION_TIMEOUT);
            let held = HeldRequest { request, deadline, response: None };
            connection.phase = Phase::Requested(Box::new(held));
        }
        self.end_connections(now);
        response
    }

    /// The answer to the request that has waited on this connection, once it is there.
    pub fn take_response(&mut self, id: ConnectionId) -> Option<HttpResponse> {
        let connection = self.connections.get_mut(&id)?;
        let Phase::Requested(held) = &mut connection.phase else { return None };
        let response = held.response.take()?;
        connection.phase = Phase::Opened;
        Some(response)
    }

    /// Answers the request that waits on this connection.
    pub(super) fn answer_request(
        &mut self,
        now: Instant,
        id: ConnectionId,
        answer: Result<&str, &str>,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let phase = std::mem::replace(&mut connection.phase, Phase::Opened);
        let Phase::Requested(mut held) = phase else {
            connection.phase = phase;
            return;
        };
        if held.response.is_none() && connection.closing.is_none() {
            held.response = self.call(now, id, &held.request, |service, time, call, effects| {
                Some(service.http_answered(time, call, answer, effects))
            });
        }
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.phase = Phase::Requested(held);
        }
    }

    /// No answer comes any more, if it is time.
    pub(super) fn judge_request(&mut self, now: Instant, id: ConnectionId) {
        let held = self.connections.get(&id).and_then(|connection| connection.requested());
        if held.and_then(HeldRequest::deadline).is_some_and(|deadline| deadline <= now) {
            self.answer_request(now, id, Err("no answer in time"));
        }
    }

    /// Asks the service, and does what it wants. Silence of the client begins now.
    fn call(
        &mut self,
        now: Instant,
        id: ConnectionId,
        request: &HttpRequest,
        ask: impl FnOnce(&mut dyn Extension, Time, &HttpCall<'_>, &mut Effects) -> Option<HttpResponse>,
    ) -> Option<HttpResponse> {
        let time = self.wall.at(now);
        let Some(connection) = self.connections.get_mut(&id) else {
            return Some(HttpResponse::empty(503));
        };
        connection.keep_alive.restart(now);
        self.journal.wake(id, connection);
        let retained = RetainedMessages { retained: &self.retained, now, wall: self.wall };
        let mut effects = Effects::default();
        let response = match (&mut self.extension, &connection.arrival) {
            (Some(extension), Some(arrival)) => {
                let call = HttpCall { id, arrival, request, retained };
                ask(&mut **extension, time, &call, &mut effects)
            }
            _ => Some(HttpResponse::empty(404)),
        };
        self.apply(now, effects);
        if let Some(HttpResponse { status, .. }) = response
            && let Some(mut wire) = self.wire(now, id)
        {
            let (method, path) = (request.method.clone(), request.path().to_owned());
            wire.note(EventKind::HttpRequest { method, path, status });
        }
        response
    }
}
