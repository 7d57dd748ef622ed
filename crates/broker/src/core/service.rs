//! The seam by which somebody else decides who may do what, and what happens
//! behind topics: a [`Gate`] and a [`Service`], together an [`Extension`].
//!
//! ```
//! use evenkeel_broker::core::{
//!     Act, Admission, Arrival, Core, Gate, Instant, Permit, Service, Time,
//! };
//! use evenkeel_broker::{Config, ConnectionId};
//! use evenkeel_codec::Connect;
//!
//! #[derive(Debug)]
//! struct OnlyPumps;
//!
//! impl Gate for OnlyPumps {
//!     fn admit(&mut self, _: Time, _: ConnectionId, _: &Arrival, connect: &Connect) -> Admission {
//!         if connect.client_id.starts_with("pump-") { Admission::Welcome } else { Admission::Close }
//!     }
//!
//!     fn may(&self, _: Time, _: ConnectionId, _: Act<'_>) -> Permit {
//!         Permit::Allow
//!     }
//! }
//!
//! impl Service for OnlyPumps {}
//!
//! let mut core = Core::new(Config::default(), Instant::START);
//! core.extend(Box::new(OnlyPumps));
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use evenkeel_codec::{Connect, Publish, QoS, ReasonCode, TopicFilter, Will};
use serde_json::Value;

use super::event::{CloseReason, EventKind};
use super::http::{HttpCall, HttpResponse};
use super::ids::ConnectionId;
use super::time::{Instant, Time};

/// How a connection came, as far as it has come by now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The transport: tcp, tls, ws, wss, https, alpn (which ALPN decides), unix or memory.
    pub transport: &'static str,
    /// The well-known port that the listener stands for.
    pub port: Option<u16>,
    /// The client's address, with its port if it has one.
    pub peer: Arc<str>,
    /// What the TLS handshake has shown.
    pub tls: Option<TlsFacts>,
    /// The request that became a WebSocket.
    pub http: Option<HttpFacts>,
}

/// What a TLS handshake has shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// The client's own certificate, DER.
    pub certificate: Option<Bytes>,
    /// SHA-256 of it in hexadecimal digits, as AWS names certificates.
    pub fingerprint: Option<String>,
    /// The name that the client asked for (SNI).
    pub server_name: Option<String>,
    /// The protocol agreed on by ALPN.
    pub alpn: Option<String>,
    /// The version, such as `TLSv1_3`.
    pub version: String,
    /// The cipher suite, such as `TLS13_AES_128_GCM_SHA256`.
    pub suite: String,
}

/// An HTTP request. It may hold credentials, so `Debug` shows its path alone.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpFacts {
    /// Path and query as they came.
    pub target: String,
    /// Names in lower case with their values, in their order.
    pub headers: Vec<(String, String)>,
}

/// Who may come in, and what they may do. Asked before the core's own checks.
pub trait Gate: fmt::Debug + Send {
    /// An HTTP request is to become a WebSocket; `Err` is the HTTP status that
    /// refuses it.
    fn upgrade(&mut self, now: Time, arrival: &Arrival) -> Result<(), u16> {
        let _ = (now, arrival);
        Ok(())
    }

    /// A CONNECT has come. Whoever is welcome is known by the connection's id
    /// until [`Gate::forget`].
    fn admit(
        &mut self,
        now: Time,
        id: ConnectionId,
        arrival: &Arrival,
        connect: &Connect,
    ) -> Admission;

    /// Whether [`Gate::next_question`] has one.
    fn has_question(&self) -> bool {
        false
    }

    /// Takes a question that somebody outside has to answer, by [`Core::answer`]:
    /// about a CONNECT that it has said [`Admission::Ask`] to, about a request that
    /// [`Service::http`] has not answered, or about a client that is in.
    ///
    /// [`Core::answer`]: super::Core::answer
    fn next_question(&mut self) -> Option<Question> {
        None
    }

    /// The answer about a CONNECT that waits for it; `Err` says why there is none.
    fn answered(
        &mut self,
        now: Time,
        id: ConnectionId,
        arrival: &Arrival,
        connect: &Connect,
        answer: Result<&str, &str>,
    ) -> Admission {
        let _ = (now, id, arrival, connect, answer);
        Admission::Close
    }

    /// The longest time for which a session may outlive its connection, if the gate has a
    /// word in it beside [`Offer::session_expiry_maximum`].
    ///
    /// [`Offer::session_expiry_maximum`]: crate::Offer::session_expiry_maximum
    fn longest_session(&self) -> Option<Duration> {
        None
    }

    /// Whether a client may do this.
    fn may(&self, now: Time, id: ConnectionId, act: Act<'_>) -> Permit;

    /// Why [`Gate::may`] has not allowed this, for the event.
    fn explain(&self, id: ConnectionId, act: Act<'_>) -> String {
        let _ = (id, act);
        String::new()
    }

    /// The connection is gone, whether it was welcome or not.
    fn forget(&mut self, id: ConnectionId) {
        let _ = id;
    }
}

/// What becomes of a CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It goes on to the core's own checks.
    Welcome,
    /// CONNACK with this reason; `why` is for the event.
    Refuse {
        /// The reason code of MQTT 5; older versions get what comes closest.
        reason: ReasonCode,
        /// What was wrong.
        why: &'static str,
    },
    /// The transport is closed without a word.
    Close,
    /// It waits: the gate has a [`Question`] for somebody outside.
    Ask,
}

/// What a gate cannot answer by itself. It may hold credentials, so `Debug` does
/// not show what is asked.
#[derive(Clone, PartialEq)]
pub struct Question {
    /// About this connection.
    pub id: ConnectionId,
    /// Who is asked, by a name of the gate's.
    pub whom: String,
    /// What.
    pub content: Value,
}

/// What a client is about to do.
#[derive(Clone, Copy, Debug)]
pub enum Act<'a> {
    /// Publish to a topic.
    Publish {
        /// Where.
        topic: &'a str,
        /// With this QoS.
        qos: QoS,
        /// With the RETAIN flag.
        retain: bool,
    },
    /// Subscribe to a filter.
    Subscribe(&'a TopicFilter),
    /// Get a message of this topic.
    Receive(&'a str),
}

/// Whether it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Yes.
    Allow,
    /// No: the acknowledgement has this reason. A message is not delivered.
    Refuse(ReasonCode),
    /// No: the connection ends with this reason.
    Disconnect(ReasonCode),
}

/// What happens behind topics. Comes after the quota checks and the gate.
pub trait Service: fmt::Debug + Send {
    /// Who gets a message with this topic.
    fn claims(&self, topic: &str) -> Claim {
        let _ = topic;
        Claim::Pass
    }

    /// Something has happened. What is to follow goes into `effects`.
    fn on(&mut self, now: Time, what: &Happening<'_>, effects: &mut Effects) {
        let _ = (now, what, effects);
    }

    /// When [`Service::tick`] is due next.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Time has passed, perhaps less than to the deadline.
    fn tick(&mut self, now: Time, effects: &mut Effects) {
        let _ = (now, effects);
    }

    /// Whether a client that ends its WebSocket by a Close frame has said goodbye,
    /// so that no will is published.
    fn close_frame_is_disconnect(&self) -> bool {
        false
    }

    /// A request of the HTTP API, and its answer; nothing if the gate has a [`Question`]
    /// about it. Then it waits for [`Service::http_answered`].
    fn http(
        &mut self,
        now: Time,
        call: &HttpCall<'_>,
        effects: &mut Effects,
    ) -> Option<HttpResponse> {
        let _ = (now, call, effects);
        Some(HttpResponse::empty(404))
    }

    /// The answer about a request that waits for it, `Err` says why there is none; and
    /// what the request is answered.
    fn http_answered(
        &mut self,
        now: Time,
        call: &HttpCall<'_>,
        answer: Result<&str, &str>,
        effects: &mut Effects,
    ) -> HttpResponse {
        let _ = (now, call, answer, effects);
        HttpResponse::empty(503)
    }

    /// The answer to a question about a client that is in; `Err` says why there is
    /// none.
    fn answered_later(
        &mut self,
        now: Time,
        id: ConnectionId,
        answer: Result<&str, &str>,
        effects: &mut Effects,
    ) {
        let _ = (now, id, answer, effects);
    }

    /// A request of the broker's owner, and its answer.
    fn ask(&mut self, now: Time, request: &Value, effects: &mut Effects) -> Value {
        let _ = (now, request, effects);
        Value::Null
    }

    /// What of the state has changed since the last call; nothing if nothing has.
    /// The driver writes it down before any answer leaves.
    fn changes(&mut self, now: Time) -> Parts {
        let _ = now;
        Parts::new()
    }

    /// The whole state, part by part, for a driver that begins anew.
    fn state(&self, now: Time) -> Box<dyn Iterator<Item = (String, String)> + '_> {
        let _ = now;
        Box::new(std::iter::empty())
    }
}

/// Parts of an extension's state by name, in the extension's own notation; `None` for
/// one that is gone.
pub type Parts = BTreeMap<String, Option<String>>;

/// Both sides of the seam in one.
pub trait Extension: Gate + Service {}

impl<T: Gate + Service> Extension for T {}

/// Who gets a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Whoever has subscribed; the service is told.
    Pass,
    /// The service alone; the message is acknowledged like any other.
    Consume,
    /// Nobody: the connection ends with this reason, and a CONNECT whose will has such a
    /// topic is refused with it.
    Forbid(ReasonCode),
}

/// What a service is told.
#[derive(Clone, Copy, Debug)]
pub enum Happening<'a> {
    /// A client was let in.
    Connected {
        /// Its connection.
        id: ConnectionId,
        /// Its identifier, an assigned one too.
        client: &'a str,
    },
    /// A CONNECT was refused by the gate.
    Refused {
        /// Its connection.
        id: ConnectionId,
        /// Its identifier; empty if it gave none.
        client: &'a str,
    },
    /// A client that was let in has lost its connection. Its will comes later.
    Ended {
        /// Its connection.
        id: ConnectionId,
        /// Its identifier.
        client: &'a str,
        /// Who or what ended it.
        why: CloseReason,
    },
    /// Filters were subscribed to.
    Subscribed {
        /// By this connection.
        id: ConnectionId,
        /// Those that were granted.
        filters: &'a [&'a str],
    },
    /// Filters were given up.
    Unsubscribed {
        /// By this connection.
        id: ConnectionId,
        /// All that were named.
        filters: &'a [&'a str],
    },
    /// A client has published, with a topic that [`Service::claims`] passes or
    /// consumes.
    Published {
        /// From this connection.
        id: ConnectionId,
        /// Where to, without aliases.
        topic: &'a str,
        /// The packet.
        publish: &'a Publish,
    },
    /// A will was published, on a topic that [`Service::claims`] passes or consumes.
    /// One that it forbids does not come in.
    WillPublished {
        /// The identifier of its client, whose connection has ended.
        client: &'a str,
        /// The message.
        will: &'a Will,
    },
}

/// What a service wants done, in this order.
#[derive(Debug, Default)]
pub struct Effects(pub(super) Vec<Effect>);

#[derive(Debug)]
pub(super) enum Effect {
    Publish(Will),
    Send(ConnectionId, Will),
    Disconnect(ConnectionId, ReasonCode),
    Delete { id: ConnectionId, forget_session: bool, drop_will: bool },
    Note(EventKind),
}

impl Effects {
    /// Publishes a message to all who have subscribed to it.
    pub fn publish(&mut self, message: Will) {
        self.0.push(Effect::Publish(message));
    }

    /// Sends a message to one connection, whatever it has subscribed to.
    pub fn send(&mut self, id: ConnectionId, message: Will) {
        self.0.push(Effect::Send(id, message));
    }

    /// Ends a connection, on MQTT 5 with a DISCONNECT.
    pub fn disconnect(&mut self, id: ConnectionId, reason: ReasonCode) {
        self.0.push(Effect::Disconnect(id, reason));
    }

    /// Ends a connection by its owner's wish, on MQTT 5 with a DISCONNECT: with its
    /// session or without, and with its will published or not.
    pub fn delete(&mut self, id: ConnectionId, forget_session: bool, drop_will: bool) {
        self.0.push(Effect::Delete { id, forget_session, drop_will });
    }

    /// Adds an event.
    pub fn note(&mut self, service: &'static str, text: impl Into<String>) {
        self.0.push(Effect::Note(EventKind::Service { service, text: text.into() }));
    }
}

impl<'a> Act<'a> {
    /// Its name in events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Publish { .. } => "publish",
            Self::Subscribe(_) => "subscribe",
            Self::Receive(_) => "receive",
        }
    }

    /// The topic or filter.
    pub fn topic(self) -> &'a str {
        match self {
            Self::Publish { topic, .. } | Self::Receive(topic) => topic,
            Self::Subscribe(filter) => filter.as_str(),
        }
    }
}

impl Arrival {
    /// A connection of which no more is known yet.
    pub fn new(transport: &'static str, peer: impl Into<Arc<str>>) -> Self {
        Self { transport, port: None, peer: peer.into(), tls: None, http: None }
    }

    /// The client's address, without the port.
    pub fn host(&self) -> &str {
        self.peer.rsplit_once(':').map_or(&self.peer, |(host, _)| host)
    }
}

impl fmt::Debug for HttpFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.target.split('?').next().unwrap_or_default();
        f.debug_struct("HttpFacts").field("path", &path).finish_non_exhaustive()
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("id", &self.id)
            .field("whom", &self.whom)
            .finish_non_exhaustive()
    }
}

/// Wall clock and core's clock together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WallClock {
    /// Since the beginning of 1970, at the core's start.
    start: Duration,
}

impl WallClock {
    pub(super) fn set(&mut self, now: Instant, unix: Duration) {
        self.start = unix.saturating_sub(now.since_start());
    }

    pub(super) fn at(self, now: Instant) -> Time {
        Time { now, unix: self.start.saturating_add(now.since_start()) }
    }
}
