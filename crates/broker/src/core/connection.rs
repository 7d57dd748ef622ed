//! The state of one network connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_codec::{Connect, Decoder, Packet, PacketType, Publish, Text, Version, Will};

use super::admission::Held;
use super::alias::{ReceivedAliases, SentAliases};
use super::auth::Exchange;
use super::event::{Activity, CloseReason, Closer, Situation};
use super::http::HeldRequest;
use super::ids::SessionId;
use super::inflow::Inflow;
use super::keepalive::KeepAlive;
use super::output::{Output, Pause};
use super::quota::Meter;
use super::service::Arrival;
use super::session::Load;
use super::stats::PacketCounts;
use super::time::Instant;
use super::will;
use crate::fault::Action;

/// Time for the last bytes of a connection to be taken by the transport.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// What may wait in one connection because of faults, in items and bytes.
const DELAYED_MAX: usize = 10_000;
const DELAYED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// One network connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) decoder: Decoder,
    pub(crate) version: Version,
    pub(crate) phase: Phase,
    pub(crate) client_id: Option<Arc<str>>,
    /// Counts the connections of the broker, and once CONNECT has come those
    /// of the client.
    pub(crate) number: u64,
    pub(crate) keep_alive: KeepAlive,
    pub(crate) output: Output,
    /// Nothing is read.
    pub(crate) input: Pause,
    pub(crate) delayed: Delayed,
    pub(crate) closing: Option<Closing>,
    pub(crate) counts: PacketCounts,
    pub(crate) is_woken: bool,
    /// The address it comes from, without the port.
    pub(crate) owner: Arc<str>,
    /// How it came; up to CONNECT.
    pub(crate) arrival: Option<Box<Arrival>>,
    /// Largest packet the client accepts, from its CONNECT on.
    pub(crate) maximum_packet_size: Option<u32>,
}

/// How far a connection has come.
#[derive(Debug)]
pub(crate) enum Phase {
    /// No CONNECT yet.
    Opened,
    /// CONNECT has come, and the gate has asked somebody about it.
    Pending(Box<Held>),
    /// A request of the HTTP API has come, and somebody was asked about it.
    Requested(Box<HeldRequest>),
    /// Between CONNECT and CONNACK.
    Authenticating(Box<Connect>, Exchange),
    /// After CONNACK.
    Online(Box<Online>),
    /// The session belongs to this connection no more.
    Over,
}

/// What a connection has from CONNACK on.
#[derive(Debug)]
pub(crate) struct Online {
    pub(crate) session: SessionId,
    pub(crate) will: Option<Box<Will>>,
    /// QoS 1 and 2 messages on the way to the client at a time.
    pub(crate) window: u16,
    /// Whether reason strings may be sent with acknowledgements.
    pub(crate) problem_information: bool,
    /// The session expiry that CONNECT asked for.
    pub(crate) asked_expiry: u32,
    pub(crate) method: Option<Text>,
    pub(crate) exchange: Option<Exchange>,
    /// What the session holds for the client.
    pub(crate) load: Load,
    pub(crate) inflow: Inflow,
    pub(crate) received_aliases: ReceivedAliases,
    pub(crate) sent_aliases: SentAliases,
    /// Counts what the profile limits.
    pub(crate) meter: Option<Box<Meter>>,
}

/// A connection that is to end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closing {
    pub(crate) why: CloseReason,
    pub(crate) closer: Closer,
    /// Without sending what is ready.
    pub(crate) abort: bool,
    /// When the transport is closed, sent or not.
    pub(crate) deadline: Instant,
}

impl Closing {
    pub(crate) fn new(now: Instant, why: CloseReason, abort: bool) -> Self {
        Self { why, closer: why.closer(), abort, deadline: now + CLOSE_TIMEOUT }
    }

    /// The transport has ended.
    pub(crate) fn lost(now: Instant, why: CloseReason) -> Self {
        Self { closer: Closer::Peer, ..Self::new(now, why, true) }
    }
}

/// What faults have postponed.
#[derive(Debug, Default)]
pub(crate) struct Delayed {
    items: BTreeMap<(Instant, u64), Postponed>,
    number: u64,
    bytes: usize,
}

#[derive(Debug)]
pub(crate) enum Postponed {
    /// Send an encoded packet; it may end an exchange of the client.
    Send { kind: PacketType, bytes: Vec<u8>, ends_exchange: bool },
    /// Handle a packet from the client; a CONNECT may be refused.
    Handle(Packet, Option<Refusal>),
    /// Do something to the connection.
    Act(Action),
}

/// How a rule refuses CONNECT.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: u8,
    pub(crate) server_reference: Option<String>,
}

impl Postponed {
    fn bytes(&self) -> usize {
        match self {
            Self::Send { bytes, .. } => bytes.len(),
            Self::Act(Action::Inject(bytes)) => bytes.len(),
            Self::Handle(packet, _) => weight(packet),
            Self::Act(_) => 0,
        }
    }
}

/// What a packet of a client takes, in bytes (S4).
pub(super) fn weight(packet: &Packet) -> usize {
    match packet {
        Packet::Publish(packet) => packet.weight(),
        Packet::Connect(packet) => {
            let will = packet.will.as_deref().map_or(0, will::weight);
            packet.client_id.len() + packet.properties.weight() + will
        }
        Packet::PubAck(packet)
        | Packet::PubRec(packet)
        | Packet::PubRel(packet)
        | Packet::PubComp(packet) => packet.properties.weight(),
        Packet::Subscribe(packet) => {
            let filters = packet.filters.iter();
            let texts: usize = filters.map(|entry| entry.filter.as_str().len()).sum();
            size_of_val(&packet.filters[..]) + texts + packet.properties.weight()
        }
        Packet::Unsubscribe(packet) => {
            let texts: usize = packet.filters.iter().map(|filter| filter.as_str().len()).sum();
            size_of_val(&packet.filters[..]) + texts + packet.properties.weight()
        }
        Packet::Disconnect(packet) => packet.properties.weight(),
        Packet::Auth(packet) => packet.properties.weight(),
        // Those of servers are small, and refused.
        _ => 0,
    }
}

impl Delayed {
    /// Puts something off; gives it back if too much waits already.
    pub(crate) fn push(&mut self, at: Instant, later: Postponed) -> Option<Postponed> {
        if self.items.len() >= DELAYED_MAX || self.bytes >= DELAYED_BYTES_MAX {
            return Some(later);
        }
        self.bytes += later.bytes();
        self.number += 1;
        self.items.insert((at, self.number), later);
        None
    }

    pub(crate) fn pop(&mut self, now: Instant) -> Option<Postponed> {
        if self.next()? > now {
            return None;
        }
        let (_, later) = self.items.pop_first()?;
        self.bytes -= later.bytes();
        Some(later)
    }

    /// A CONNECT that is due.
    pub(crate) fn connect(&self, now: Instant) -> Option<&Connect> {
        self.items.range(..=(now, u64::MAX)).find_map(|(_, later)| match later {
            Postponed::Handle(Packet::Connect(connect), _) => Some(connect),
            _ => None,
        })
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.items.first_key_value().map(|((at, _), _)| *at)
    }
}

impl Connection {
    pub(crate) fn new(
        now: Instant,
        number: u64,
        arrival: Arrival,
        connect_timeout: Duration,
        packet_size: u32,
    ) -> Self {
        Self {
            decoder: Decoder::for_server(packet_size),
            version: Version::V311,
            phase: Phase::Opened,
            client_id: None,
            number,
            keep_alive: KeepAlive::before_connect(now, connect_timeout),
            output: Output::default(),
            input: Pause::Off,
            delayed: Delayed::default(),
            closing: None,
            counts: PacketCounts::default(),
            is_woken: false,
            owner: arrival.host().into(),
            arrival: Some(Box::new(arrival)),
            maximum_packet_size: None,
        }
    }

    /// Where it stands, for an event.
    pub(crate) fn situation(&self, now: Instant) -> Situation {
        let (sent, received) = (self.output.last_written(), self.keep_alive.received());
        let load = self.online().map(|online| online.load);
        Situation::new(now, self.keep_alive.in_force(), Activity { sent, received }, load)
    }

    pub(crate) fn online(&self) -> Option<&Online> {
        match &self.phase {
            Phase::Online(online) => Some(online),
            _ => None,
        }
    }

    pub(crate) fn online_mut(&mut self) -> Option<&mut Online> {
        match &mut self.phase {
            Phase::Online(online) => Some(online),
            _ => None,
        }
    }

    /// The CONNECT that waits for an answer, and what has come behind it.
    pub(crate) fn held(&self) -> Option<&Held> {
        match &self.phase {
            Phase::Pending(held) => Some(held),
            _ => None,
        }
    }

    /// The request of the HTTP API that waits for an answer.
    pub(crate) fn requested(&self) -> Option<&HeldRequest> {
        match &self.phase {
            Phase::Requested(held) => Some(held),
            _ => None,
        }
    }

    /// The topic a packet means, by name or by an alias of the client's.
    pub(crate) fn topic<'a>(&'a self, publish: &'a Publish) -> &'a str {
        match self.online() {
            Some(online) => online.received_aliases.meant(publish),
            None => publish.topic.as_str(),
        }
    }

    /// Whether bytes of the client are to be read and handled.
    pub(crate) fn reads(&self, now: Instant, output_limit: usize) -> bool {
        self.closing.is_none()
            && !self.input.is_on(now)
            && self.held().is_none_or(Held::has_room)
            && self.output.waiting() < output_limit.saturating_mul(2)
    }

    /// When this connection needs a look, input and output apart.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        let output = self.output.deadline(now);
        if let Some(closing) = self.closing {
            if closing.abort {
                return None;
            }
            return Some(output.map_or(closing.deadline, |at| at.min(closing.deadline)));
        }
        let answer = match &self.phase {
            Phase::Pending(held) => Some(held.deadline()),
            Phase::Requested(held) => held.deadline(),
            _ => None,
        };
        let silence = match (answer, self.input) {
            (Some(deadline), _) => Some(deadline),
            (None, Pause::Off) => self.keep_alive.deadline(),
            (None, pause) => pause.end(),
        };
        let meter = self.online().and_then(|online| online.meter.as_ref()?.deadline());
        [output, silence, self.delayed.next(), meter].into_iter().flatten().min()
    }
}
