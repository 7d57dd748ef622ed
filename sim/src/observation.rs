//! What can be observed of a client from outside: its calls, its events and
//! every packet on the wire. The oracles judge by this alone.

use std::fmt;
use std::time::Duration;

use evenkeel_codec::{Packet, Publish, QoS, SubscribeFilter, TopicFilter};
use evenkeel_proto::record::{Moment, Record, Recovered};
use evenkeel_proto::{
    Completion, ConnectionId, Deadline, Event, Instant, Open, ShutdownReport, State, Stats, Token,
    TransportFailure,
};

use crate::message::MessageId;
use crate::setup::Death;
use crate::time::Time;

/// The circumstances of an observation.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The world's time.
    pub time: Time,
    /// What the client was told the time is.
    pub local: Instant,
    /// How late the client woke for the deadline it had asked for.
    pub late: Duration,
    /// On the client's clock, since when it has not been stalled or asleep.
    pub awake_since: Instant,
    /// How late the world wakes a client at most, stalls and sleep aside.
    pub grace: Duration,
    /// Bytes that have arrived at the client's machine and that the core has
    /// not taken off the front of its buffer.
    pub unread: usize,
    /// Whether the core wants to read.
    pub reading: bool,
}

/// What an application asked for.
#[derive(Clone, Debug)]
pub enum Asked {
    /// A publish; whether a completion is to come.
    Publish(MessageId, bool),
    /// Subscriptions.
    Subscribe(Vec<SubscribeFilter>),
    /// Their end.
    Unsubscribe(Vec<TopicFilter>),
}

impl Asked {
    /// The filters it is about.
    pub fn filters(&self) -> Vec<TopicFilter> {
        match self {
            Self::Publish(..) => Vec::new(),
            Self::Subscribe(filters) => filters.iter().map(|entry| entry.filter.clone()).collect(),
            Self::Unsubscribe(filters) => filters.clone(),
        }
    }
}

/// How a client stands when it has nothing left to do at the moment.
#[derive(Clone, Debug)]
pub struct Settled {
    /// Its state.
    pub state: State,
    /// What it waits for.
    pub deadline: Option<Deadline>,
    /// Messages queued.
    pub queued: usize,
    /// Exchanges in flight.
    pub in_flight: usize,
    /// Bytes handed to the driver that the transport has not taken.
    pub backlog: usize,
    /// The counters.
    pub stats: Stats,
    /// What was left, once closed.
    pub report: Option<ShutdownReport>,
    /// A batch is on its way into the store.
    pub is_storing: bool,
}

/// One observation.
#[derive(Clone, Copy, Debug)]
pub enum Observation<'a> {
    /// The application started the client, or started it again.
    Started,
    /// The application asked for a new connection.
    ReconnectAsked,
    /// The core asked for a connection.
    Opening(&'a Open),
    /// The core closed a connection; whether it left a last_write to write.
    Closing(ConnectionId, bool),
    /// The core was told that the transport is open.
    Opened(ConnectionId),
    /// The core was told that the transport is closed.
    Lost(ConnectionId, TransportFailure),
    /// The transport took bytes; so many are left to take.
    Taken(ConnectionId, usize),
    /// With them, it took the last byte of a packet of this length.
    Wrote(ConnectionId, &'a Packet, usize),
    /// The same on a connection that is over and is being closed in order.
    LastPacket(ConnectionId, &'a Packet),
    /// The core was handed bytes that are new to it.
    Arrived(ConnectionId, usize),
    /// The core took a whole packet off the front of the buffer.
    Got(ConnectionId, &'a Packet),
    /// The core told of something.
    Event(&'a Event),
    /// The application is about to publish a message that is useless after this time.
    Expires(MessageId, Duration),
    /// The core accepted an operation.
    Accepted(Token, &'a Asked),
    /// An operation is over.
    Completed(&'a Completion),
    /// Subscriptions are asked for again, to have their messages marked.
    Marking(&'a [TopicFilter]),
    /// The application opened a stream for this filter.
    OpenedStream(&'a TopicFilter),
    /// The application took a message.
    Taking(&'a Delivery),
    /// The message came out of the stream of this filter.
    Reached(&'a TopicFilter, &'a Delivery),
    /// The application is done with the message that has this number.
    Done(u64),
    /// The application asked for a shutdown within this time.
    ShutdownAsked(Duration),
    /// Inputs that name an old connection were given; how the counter of
    /// such inputs and the state changed.
    Stale(&'a StaleInputs),
    /// The core has decided all there is to decide at the moment, and waits
    /// for this.
    Waits(Option<Deadline>),
    /// Nothing is left to do.
    Settled(&'a Settled),
    /// The core asked for these records to be committed.
    Commit(&'a [Record]),
    /// The store holds these records from now on.
    Stored(&'a [Record]),
    /// The process is dead, and all it had in memory lost.
    Died(Death),
    /// The next process begins with this.
    Recovered(&'a Recovered),
    /// A process begins on a machine that says this of the time.
    Began(&'a Moment),
    /// The world has ended; the client was closed in order.
    Ended,
}

/// A message as the application took it.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// Counts the messages that this client took.
    pub number: u64,
    /// Which.
    pub message: MessageId,
    /// The QoS it was delivered with.
    pub qos: QoS,
    /// The packet identifier it came under.
    pub packet_id: Option<u16>,
}

impl Delivery {
    /// The message in this packet; `None` if its payload was changed.
    pub(crate) fn of(publish: &Publish, number: u64) -> Option<Self> {
        let message = MessageId::of(&publish.payload)?;
        let packet_id = publish.packet_id.map(evenkeel_codec::PacketId::get);
        Some(Self { number, message, qos: publish.qos, packet_id })
    }
}

/// The effect of inputs that name an old connection.
#[derive(Clone, Debug)]
pub struct StaleInputs {
    /// How many were given.
    pub given: u64,
    /// How many were counted.
    pub counted: u64,
    /// Whether the state is as it was before.
    pub state_is_same: bool,
}

/// A law that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its name.
    pub law: &'static str,
    /// When.
    pub time: Time,
    /// Who broke it; the world as a whole if there is none.
    pub client: Option<usize>,
    /// What was seen and what was expected.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.time, self.law)?;
        if let Some(client) = self.client {
            write!(f, " c{client}")?;
        }
        write!(f, ": {}", self.text)
    }
}
