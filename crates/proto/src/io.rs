//! Everything that crosses the border of the core.

use bytes::{Bytes, BytesMut};
use evenkeel_codec::{PacketId, Publish, Text};

use crate::cause::{ConnectPhase, TransportFailure};
use crate::event::Event;
use crate::record::{Batch, Committed};
use crate::time::Deadline;

/// Names one connection of one client; never used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// What the outside world tells the core. Inputs that name a connection that
/// is over are counted and otherwise ignored.
#[derive(Debug)]
pub enum Input<'a> {
    /// An attempt to connect has come this far.
    Phase(ConnectionId, ConnectPhase),
    /// The host that this attempt goes to has so many other addresses that
    /// have not failed in this [round](Open::round). Not needed if it has none.
    Alternatives(ConnectionId, usize),
    /// The credentials for this attempt are others than those for the last
    /// one: servers that refused are asked again.
    FreshCredentials(ConnectionId),
    /// The transport is connected: CONNECT may go out, with these credentials
    /// in place of the configured ones.
    Opened(ConnectionId, Option<Credentials>),
    /// Bytes came. Whole packets are taken off the front of the buffer; the
    /// rest stays in it for the next time.
    Received(ConnectionId, &'a mut BytesMut),
    /// Bytes came of which a layer below gives nothing yet, such as the beginning
    /// of a large WebSocket message: a sign of life. Not needed if every byte
    /// is handed over by `Received`.
    Heard(ConnectionId),
    /// The transport took this many bytes.
    Written(ConnectionId, usize),
    /// The transport is closed, or could not be opened.
    Closed(ConnectionId, TransportFailure),
    /// The store is done with a batch, or has failed at it.
    Committed(Committed),
}

/// User name and password for one CONNECT. `Debug` shows neither.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The user name of CONNECT; `None` leaves it out.
    pub username: Option<Text>,
    /// The password of CONNECT, at most 65,535 bytes; MQTT 3.1.1 allows none without
    /// a user name.
    pub password: Option<Bytes>,
}

impl core::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// What the core asks of, or tells, the outside world.
#[derive(Debug)]
pub enum Output {
    /// The end of the drain: nothing to do before this deadline or an input.
    Wait(Option<Deadline>),
    /// Open a transport; report `Opened` or `Closed`.
    Open(Open),
    /// Close the transport of this connection. The core has forgotten it.
    Close(Close),
    /// Enhanced authentication: answer with [`Client::authenticate`](crate::Client::authenticate).
    Authenticate(ConnectionId, Challenge),
    /// Commit these records, then read what is asked for; report `Committed`.
    /// One batch is under way at a time, except the last one of a client that
    /// closes: batches are to be worked off in order.
    Commit(Batch),
    /// Something worth telling.
    Event(Event),
}

/// Which transport to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The name of the new connection.
    pub conn: ConnectionId,
    /// Index into the list of servers.
    pub server: usize,
    /// Another server to use instead, as the server named it: `host` or
    /// `host:port`.
    pub redirect: Option<Text>,
    /// Which round this attempt is part of: addresses that failed in an
    /// earlier one count as untried.
    pub round: u32,
}

/// How to close a transport.
#[derive(Debug)]
pub struct Close {
    /// The connection to close.
    pub conn: ConnectionId,
    /// What to write before, as far as that goes without delay: bytes handed
    /// over earlier come first, then these.
    pub last: crate::Transmit,
    /// What the connection says of the address it went to.
    pub served: Served,
}

/// What a connection says of the address that it went to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Served {
    /// The address is good.
    Yes,
    /// It took the connection, which did not live long: others come first for a
    /// while, but those that never took one.
    Briefly,
    /// It is no good, even if only above TCP: all others come first for a while.
    No,
    /// Nothing: the end had other reasons.
    Unknown,
}

/// A step of enhanced authentication.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The server's data; a secret.
    pub data: Bytes,
    /// True for the last step: any answer but `None` believes the server.
    /// Behind CONNACK the client goes online only then.
    pub done: bool,
}

impl core::fmt::Debug for Challenge {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Challenge").field("done", &self.done).finish_non_exhaustive()
    }
}

/// A message from the server.
#[derive(Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The message; its topic is never empty, aliases are resolved.
    pub publish: Publish,
    /// To be handed back by [`Client::acknowledge`](crate::Client::acknowledge)
    /// when the application is done; `None` for QoS 0.
    pub ack: Option<AckKey>,
}

impl Incoming {
    /// What it counts against bounds in bytes: [`Publish::weight`].
    #[inline]
    pub fn weight(&self) -> usize {
        self.publish.weight()
    }
}

/// The right to acknowledge one incoming message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AckKey(AckTarget);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AckTarget {
    AtLeastOnce { conn: ConnectionId, sequence: u64 },
    ExactlyOnce { id: PacketId, generation: u64 },
}

impl AckKey {
    pub(crate) const fn at_least_once(conn: ConnectionId, sequence: u64) -> Self {
        Self(AckTarget::AtLeastOnce { conn, sequence })
    }

    /// The packet that acknowledges, as profiles name it.
    pub(crate) const fn packet_name(self) -> &'static str {
        match self.0 {
            AckTarget::AtLeastOnce { .. } => "puback",
            AckTarget::ExactlyOnce { .. } => "pubrec",
        }
    }

    pub(crate) const fn exactly_once(id: PacketId, generation: u64) -> Self {
        Self(AckTarget::ExactlyOnce { id, generation })
    }

    pub(crate) const fn target(self) -> AckTarget {
        self.0
    }
}
