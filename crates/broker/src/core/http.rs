//! Requests of an HTTP API, which the extension answers.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use evenkeel_codec::{Properties, QoS};

use super::Core;
use super::event::EventKind;
use super::ids::ConnectionId;
use super::message::Message;
use super::retained::Retained;
use super::service::{Arrival, Effects, HttpFacts, WallClock};
use super::time::Instant;

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

impl Core {
    /// A request of the HTTP API has come on a connection, which has as long for the next
    /// one as it had for this.
    ///
    /// A connection that closes is answered no more: see [`Core::status`].
    pub fn http(&mut self, now: Instant, id: ConnectionId, request: &HttpRequest) -> HttpResponse {
        self.tick_sessions(now);
        let time = self.wall.at(now);
        let Some(connection) = self.connections.get_mut(&id) else {
            return HttpResponse::empty(503);
        };
        connection.keep_alive.restart(now);
        self.journal.wake(id, connection);
        let retained = RetainedMessages { retained: &self.retained, now, wall: self.wall };
        let mut effects = Effects::default();
        let answer = match (&mut self.extension, &connection.arrival) {
            (Some(extension), Some(arrival)) => {
                extension.http(time, &HttpCall { arrival, request, retained }, &mut effects)
            }
            _ => HttpResponse::empty(404),
        };
        self.apply(now, effects);
        if let Some(mut wire) = self.wire(now, id) {
            let method = request.method.clone();
            let path = request.path().to_owned();
            wire.note(EventKind::HttpRequest { method, path, status: answer.status });
        }
        self.end_connections(now);
        answer
    }
}
