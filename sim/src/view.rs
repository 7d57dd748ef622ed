//! What is known of a client from what was seen of it: the ground on which
//! the oracles stand. Nothing here is asked of the client itself.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_codec::{ConnAck, Connect, Packet, PacketId, PacketType, Publish, QoS, Version};
use evenkeel_proto::keepalive::Death;
use evenkeel_proto::record::{Phase, Record, Recovered, Serial, StoredExchange};
use evenkeel_proto::{
    Completion, Config, ConnectionId, DeliveryError, DisconnectCause, Event, Instant, Token,
};

use crate::message::MessageId;
use crate::observation::{Asked, Facts, Observation};

/// What was seen of one client.
#[derive(Debug)]
pub struct View {
    /// What it was made with, or claims to be.
    pub declared: Config,
    /// The present connection, from its opening to its end.
    pub conn: Option<Conn>,
    /// When connections were opened, on the client's clock.
    pub opens: Vec<Instant>,
    /// Exchanges that hold a packet identifier.
    pub ids: BTreeMap<u16, Flight>,
    /// Messages by the token of their operation.
    pub tokens: BTreeMap<Token, MessageId>,
    /// Sessions begun with the server.
    pub sessions: u64,
    /// When a shutdown is to be over, on the client's clock.
    pub shutdown: Option<Instant>,
    /// Ends of links that were taken to be dead without an answer.
    pub deaths: u32,
    /// The client has a store.
    pub is_durable: bool,
    /// Operations on subscriptions that wait for their outcome.
    pub operations: BTreeMap<Token, Asked>,
    /// Messages by their names in the store.
    pub serials: BTreeMap<Serial, MessageId>,
    /// The last QoS 2 message that came under each identifier.
    pub incoming: BTreeMap<u16, MessageId>,
    /// How many receipts of each message were stored.
    pub receipts: BTreeMap<MessageId, u32>,
    /// When the client last did not want to read, or read again: from then on
    /// silence counts.
    pub paused: Instant,
}

/// One connection.
#[derive(Debug)]
pub struct Conn {
    /// Its name.
    pub id: ConnectionId,
    /// When it was asked for.
    pub asked: Instant,
    /// Whether the transport was reported open.
    pub is_open: bool,
    /// What CONNECT said.
    pub connect: Option<Box<Connect>>,
    /// Since CONNACK accepted it.
    pub online: Option<Online>,
    /// When the last packet was written whole.
    pub last_wrote: Instant,
    /// When the transport last took bytes.
    pub last_taken: Instant,
    /// When bytes last came.
    pub last_arrived: Instant,
    /// Bytes the transport has yet to take.
    pub backlog: usize,
    /// The PINGREQ that waits for its answer.
    pub ping: Option<Ping>,
    /// When the last PINGREQ was written.
    pub last_ping: Option<Instant>,
    /// When PINGREQs were written since the last byte came.
    pub unheard: Vec<Instant>,
    /// PINGREQs that were written and have no PINGRESP, given up or not.
    pub unanswered: u32,
    /// An acknowledgement has come, or a PINGRESP to a ping, no earlier than the
    /// answer to one that is not the first.
    pub is_useful: bool,
    /// The last packet that came.
    pub last_got: Option<Packet>,
}

/// The most a client waits for a peer that says nothing.
#[derive(Clone, Copy, Debug)]
pub struct AllowedSilence {
    /// From its last byte on.
    pub silence: Duration,
    /// From a ping on, whenever it was written.
    pub response_timeout: Duration,
}

/// A silent peer is waited for no longer than this after a ping.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// An accepted connection.
#[derive(Clone, Copy, Debug)]
pub struct Online {
    /// Since when.
    pub since: Instant,
    /// The version spoken.
    pub version: Version,
    /// The keep-alive in force; zero is none.
    pub interval: Duration,
    /// QoS 1 and 2 messages the server takes at a time.
    pub receive_maximum: u16,
    /// The largest packet the server takes.
    pub packet_size: u32,
    /// Whether the server held the session.
    pub session_present: bool,
}

impl Online {
    /// The first ping may come at any time, and is no proof of useful work.
    fn is_past_first_ping(&self, now: Instant) -> bool {
        now.since(self.since) >= self.interval * 675 / 1000
    }
}

/// A PINGREQ that was written.
#[derive(Clone, Copy, Debug)]
pub struct Ping {
    /// When.
    pub sent: Instant,
    /// The client had stopped reading since: its answer may lie unread, and
    /// the ping is given up without a word.
    pub excused: bool,
}

/// An exchange.
#[derive(Clone, Debug)]
pub struct Flight {
    /// What it waits for.
    pub stage: Stage,
    /// The message, of a PUBLISH.
    pub message: Option<MessageId>,
    /// The connection it was last sent on.
    pub conn: ConnectionId,
}

/// What an exchange waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// PUBACK.
    AtLeastOnce,
    /// PUBREC.
    Receipt,
    /// PUBCOMP.
    Completion,
    /// SUBACK.
    Subscribe,
    /// UNSUBACK.
    Unsubscribe,
}

impl View {
    /// Nothing seen.
    pub fn new(declared: Config, is_durable: bool) -> Self {
        Self {
            declared,
            conn: None,
            opens: Vec::new(),
            ids: BTreeMap::new(),
            tokens: BTreeMap::new(),
            sessions: 0,
            shutdown: None,
            deaths: 0,
            is_durable,
            operations: BTreeMap::new(),
            serials: BTreeMap::new(),
            incoming: BTreeMap::new(),
            receipts: BTreeMap::new(),
            paused: Instant::default(),
        }
    }

    /// How long a ping may at least stay unanswered.
    pub fn response_timeout(&self, interval: Duration) -> Duration {
        let usual = (interval * 65 / 100).min(LONGEST_WAIT);
        self.declared.keep_alive.response_timeout.unwrap_or(usual)
    }

    /// The earliest moment at which a peer is dead that was heard last at
    /// `heard` and left the ping of `sent` without an answer: K4, word by word.
    pub fn dead_at(&self, interval: Duration, heard: Instant, sent: Instant) -> Instant {
        let response = sent + self.response_timeout(interval);
        match self.declared.keep_alive.response_timeout {
            Some(_) => response,
            None => (heard + interval * 3 / 2).min(sent + LONGEST_WAIT).max(response),
        }
    }

    /// How long a client waits that found links dead before: K11.
    pub fn allowed_silence(&self, interval: Duration) -> AllowedSilence {
        let learnt = self.deaths.min(2);
        let most = match learnt {
            0 => interval * 3 / 2,
            1 => interval * 2,
            _ => interval * 9 / 4,
        };
        match self.declared.keep_alive.response_timeout {
            Some(wanted) => {
                let wait = (wanted * (1 << learnt)).min((interval * 5 / 4).max(wanted));
                AllowedSilence { silence: Duration::ZERO, response_timeout: wait }
            }
            None => {
                let left = most - interval * 85 / 100;
                let response_timeout = left.min(LONGEST_WAIT * (1 << learnt));
                AllowedSilence { silence: most, response_timeout }
            }
        }
    }

    /// The present connection, if it is accepted.
    pub fn online(&self) -> Option<(&Conn, &Online)> {
        let conn = self.conn.as_ref()?;
        Some((conn, conn.online.as_ref()?))
    }

    /// Exchanges of PUBLISH begun on the present connection that the server
    /// counts against its receive maximum.
    pub fn publishes_here(&self, conn: ConnectionId) -> usize {
        let counts = |flight: &&Flight| flight.conn == conn && flight.message.is_some();
        self.ids.values().filter(counts).count()
    }

    /// Takes in an observation, after the oracles have judged it.
    pub fn apply(&mut self, facts: &Facts, seen: &Observation<'_>) {
        let now = facts.local;
        if !facts.reading || matches!(seen, Observation::Event(Event::ReadingResumed)) {
            self.paused = now;
        }
        match seen {
            Observation::Opening(open) => {
                self.opens.push(now);
                self.conn = Some(Conn::new(open.conn, now));
            }
            Observation::Opened(_) => self.with_conn(|conn| conn.is_open = true),
            Observation::Taken(_, left) => self.with_conn(|conn| {
                conn.last_taken = now;
                conn.backlog = *left;
            }),
            Observation::Wrote(id, packet, _) => self.wrote(now, *id, packet),
            Observation::LastPacket(id, Packet::Publish(publish)) => self.wrote_last(*id, publish),
            Observation::Arrived(..) => self.with_conn(|conn| {
                conn.last_arrived = now;
                conn.unheard.clear();
            }),
            Observation::Got(id, packet) => self.got(now, *id, packet),
            Observation::Event(event) => self.event(event),
            Observation::Accepted(token, Asked::Publish(message, true)) => {
                self.tokens.insert(*token, *message);
            }
            Observation::Accepted(_, Asked::Publish(..)) => {}
            Observation::Accepted(token, asked) => {
                self.operations.insert(*token, (*asked).clone());
            }
            Observation::Completed(Completion::Publish { token, result }) => {
                let message = self.tokens.remove(token);
                self.over(if is_end(result) { message } else { None });
            }
            Observation::Completed(
                Completion::Subscribe { token, .. } | Completion::Unsubscribe { token, .. },
            ) => drop(self.operations.remove(token)),
            Observation::Commit(records) => self.name(records),
            Observation::Stored(records) => self.receive(records),
            Observation::Died(_) => self.die(),
            Observation::Recovered(recovered) => self.recover(recovered),
            Observation::ShutdownAsked(limit) => {
                let end = now + *limit;
                self.shutdown = Some(self.shutdown.map_or(end, |before| before.min(end)));
            }
            Observation::Waits(_) if !facts.reading => self.with_conn(|conn| {
                if let Some(ping) = &mut conn.ping {
                    ping.excused = true;
                }
            }),
            Observation::Settled(settled) => self.with_conn(|conn| conn.backlog = settled.backlog),
            _ => {}
        }
    }

    /// A message has its outcome.
    fn over(&mut self, message: Option<MessageId>) {
        if message.is_some() {
            self.ids.retain(|_, flight| flight.message != message);
        }
    }

    /// Learns the names of messages.
    fn name(&mut self, records: &[Record]) {
        for record in records {
            if let Record::Accepted(accepted) = record
                && let Some(message) = MessageId::of(&accepted.publish.payload)
            {
                self.serials.insert(accepted.serial, message);
            }
        }
    }

    fn receive(&mut self, records: &[Record]) {
        for record in records {
            if let Record::Received { packet_id } = record
                && let Some(message) = self.incoming.get(&packet_id.get())
            {
                *self.receipts.entry(*message).or_default() += 1;
            }
        }
    }

    /// What is in memory is gone. What the server may hold, it still may.
    fn die(&mut self) {
        self.conn = None;
        self.opens.clear();
        self.tokens.clear();
        self.operations.clear();
        self.shutdown = None;
        self.deaths = 0;
        let is_control = |stage| matches!(stage, Stage::Subscribe | Stage::Unsubscribe);
        self.ids.retain(|_, flight| !is_control(flight.stage));
        for flight in self.ids.values_mut() {
            flight.conn = ConnectionId::default();
        }
    }

    /// A process goes on with these exchanges.
    fn recover(&mut self, recovered: &Recovered) {
        for StoredExchange { packet_id, serial, phase } in &recovered.exchanges {
            let stage = match phase {
                Phase::Released | Phase::ReleasedAndKept(_) => Stage::Completion,
                Phase::Unanswered(stored) if stored.publish.qos == QoS::AtLeastOnce => {
                    Stage::AtLeastOnce
                }
                Phase::Unanswered(_) => Stage::Receipt,
            };
            let message = self.serials.get(serial).copied();
            let conn = ConnectionId::default();
            self.ids.insert(packet_id.get(), Flight { stage, message, conn });
        }
        for id in &recovered.clearing {
            let (stage, conn) = (Stage::Completion, ConnectionId::default());
            self.ids.insert(id.get(), Flight { stage, message: None, conn });
        }
    }

    fn with_conn(&mut self, change: impl FnOnce(&mut Conn)) {
        if let Some(conn) = &mut self.conn {
            change(conn);
        }
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Disconnected { cause, .. } => {
                self.conn = None;
                let is_control = |stage| matches!(stage, Stage::Subscribe | Stage::Unsubscribe);
                self.ids.retain(|_, flight| !is_control(flight.stage));
                if let DisconnectCause::KeepAlive(Death::NoResponse { .. }) = **cause {
                    self.deaths += 1;
                }
            }
            Event::PingUnanswered { .. } => self.with_conn(|conn| conn.ping = None),
            Event::Settled { serial, result } if is_end(result) => {
                self.over(self.serials.get(serial).copied());
            }
            _ => {}
        }
    }

    fn wrote(&mut self, now: Instant, id: ConnectionId, packet: &Packet) {
        let Some(conn) = self.conn.as_mut().filter(|conn| conn.id == id) else { return };
        conn.last_wrote = now;
        match packet {
            Packet::Connect(connect) => conn.connect = Some(Box::new(connect.clone())),
            Packet::PingReq => {
                conn.ping = Some(Ping { sent: now, excused: false });
                conn.last_ping = Some(now);
                conn.unheard.push(now);
                conn.unanswered += 1;
            }
            _ => {}
        }
        let stage = match packet {
            Packet::Publish(publish) if publish.qos == QoS::AtLeastOnce => Stage::AtLeastOnce,
            Packet::Publish(publish) if publish.qos == QoS::ExactlyOnce => Stage::Receipt,
            Packet::Subscribe(_) => Stage::Subscribe,
            Packet::Unsubscribe(_) => Stage::Unsubscribe,
            _ => return,
        };
        let message = match packet {
            Packet::Publish(publish) => MessageId::of(&publish.payload),
            _ => None,
        };
        if let Some(packet_id) = packet_id(packet) {
            self.ids.insert(packet_id.get(), Flight { stage, message, conn: id });
        }
    }

    /// An exchange goes out again on a connection that is being closed.
    fn wrote_last(&mut self, conn: ConnectionId, publish: &Publish) {
        let flight = publish.packet_id.and_then(|id| self.ids.get_mut(&id.get()));
        if let Some(flight) = flight
            && flight.message == MessageId::of(&publish.payload)
        {
            flight.conn = conn;
        }
    }

    fn got(&mut self, now: Instant, id: ConnectionId, packet: &Packet) {
        if let Packet::ConnAck(connack) = packet {
            return self.connack(now, connack);
        }
        let useful = match packet {
            Packet::PingResp => {
                let answers = self.conn.as_mut().is_some_and(Conn::answers_a_ping);
                answers && self.online().is_some_and(|(_, online)| online.is_past_first_ping(now))
            }
            _ => {
                if let Packet::Publish(publish) = packet
                    && publish.qos == QoS::ExactlyOnce
                    && let (Some(id), Some(message)) =
                        (publish.packet_id, MessageId::of(&publish.payload))
                {
                    self.incoming.insert(id.get(), message);
                }
                // One that nobody waits for any more shows a working link, too.
                self.acknowledged(id, packet);
                answers(packet.packet_type()).is_some()
            }
        };
        self.with_conn(|conn| {
            conn.is_useful |= useful;
            conn.last_got = Some(packet.clone());
        });
    }

    fn connack(&mut self, now: Instant, connack: &ConnAck) {
        let declared = &self.declared;
        let Some(conn) = &mut self.conn else { return };
        conn.last_got = Some(Packet::ConnAck(connack.clone()));
        let Some(connect) = conn.connect.as_ref() else { return };
        if connack.reason.is_error() {
            return;
        }
        let said = &connack.properties;
        let keep_alive = said.server_keep_alive().unwrap_or(connect.keep_alive);
        let in_flight = declared.bounds.in_flight;
        conn.online = Some(Online {
            since: now,
            version: connect.version,
            interval: Duration::from_secs(keep_alive.into()),
            receive_maximum: said.receive_maximum().unwrap_or(u16::MAX).min(in_flight),
            packet_size: said.maximum_packet_size().unwrap_or(u32::MAX),
            session_present: connack.session_present,
        });
        if !connack.session_present {
            self.sessions += 1;
            self.ids.retain(|_, flight| flight.stage != Stage::Completion);
        }
    }

    /// Moves an exchange on, if one waits for this packet.
    fn acknowledged(&mut self, conn: ConnectionId, packet: &Packet) {
        let resumed = self.online().is_some_and(|(_, online)| online.session_present);
        let (Some(id), Some(wanted)) = (packet_id(packet), answers(packet.packet_type())) else {
            return;
        };
        let Some(flight) = self.ids.get_mut(&id.get()) else { return };
        if !wanted.contains(&flight.stage) || !(flight.conn == conn || resumed) {
            return;
        }
        let refused = matches!(packet, Packet::PubRec(ack) if ack.reason.is_error());
        if flight.stage == Stage::Receipt && !refused {
            flight.stage = Stage::Completion;
        } else {
            self.ids.remove(&id.get());
        }
    }
}

impl Conn {
    /// PINGRESP came: true if a ping had none, though it may have been given up.
    const fn answers_a_ping(&mut self) -> bool {
        self.ping = None;
        let answers = self.unanswered > 0;
        self.unanswered = self.unanswered.saturating_sub(1);
        answers
    }

    const fn new(id: ConnectionId, now: Instant) -> Self {
        Self {
            id,
            asked: now,
            is_open: false,
            connect: None,
            online: None,
            last_wrote: now,
            last_taken: now,
            last_arrived: now,
            backlog: 0,
            ping: None,
            last_ping: None,
            unheard: Vec::new(),
            unanswered: 0,
            is_useful: false,
            last_got: None,
        }
    }
}

/// True if nothing of a message with this result is left to do.
pub const fn is_end<T>(result: &Result<T, DeliveryError>) -> bool {
    !matches!(result, Err(DeliveryError::StillStored { .. }))
}

/// The stages that a packet from the server ends.
const fn answers(kind: PacketType) -> Option<&'static [Stage]> {
    match kind {
        PacketType::PubAck => Some(&[Stage::AtLeastOnce]),
        PacketType::PubRec => Some(&[Stage::Receipt]),
        PacketType::PubComp => Some(&[Stage::Completion]),
        PacketType::SubAck => Some(&[Stage::Subscribe]),
        PacketType::UnsubAck => Some(&[Stage::Unsubscribe]),
        _ => None,
    }
}

/// The packet identifier of a packet that has one.
pub const fn packet_id(packet: &Packet) -> Option<PacketId> {
    match packet {
        Packet::Publish(publish) => publish.packet_id,
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            Some(ack.packet_id)
        }
        Packet::Subscribe(subscribe) => Some(subscribe.packet_id),
        Packet::SubAck(ack) => Some(ack.packet_id),
        Packet::Unsubscribe(unsubscribe) => Some(unsubscribe.packet_id),
        Packet::UnsubAck(ack) => Some(ack.packet_id),
        _ => None,
    }
}
