//! Errors to build into a client, one for each thing an oracle looks for.
//! Oracles that miss them are worth nothing.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use bytes::BytesMut;
use evenkeel_codec::{Packet, ReasonCode, TopicFilter};
use evenkeel_proto::record::{Outcome, Record, Recovered};
use evenkeel_proto::{
    Client, Completion, ConnectionId, Delivered, DeliveryError, DisconnectCause, Event, Incoming,
    Instant, Open, Output, Retry, State,
};

use crate::packet_reader::PacketReader;

/// An error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// A second PINGREQ follows each.
    SecondPing,
    /// No PINGREQ leaves.
    MutePing,
    /// What comes after the first PINGREQ is not listened to.
    Deaf,
    /// Reading stops once the server has sent more than it may.
    DeafBeyondReceiveMaximum,
    /// Events do not tell of a server that sends more than it may.
    BearsInSilence,
    /// Bytes are called written when they are handed to the driver.
    WrittenEarly,
    /// A second PINGRESP in a row is called malformed.
    ShyOfAnswers,
    /// An old connection is closed once more.
    Ghost,
    /// Inputs of old connections are not counted.
    Miscount,
    /// Deadlines are reported before the socket is read.
    Rash,
    /// Deadlines are reported as if the machine had never slept.
    Sleepless,
    /// The server's keep-alive is asked for at the next connect.
    KeepsServersKeepAlive,
    /// Two connections are opened for one.
    TwoConnections,
    /// The state never names a cause.
    NoCause,
    /// Events do not tell of the next attempt.
    SilentRetry,
    /// The end of an authorisation is followed by the slow lane.
    SlowAfterWord,
    /// The cause of an end is always the network.
    WrongCause,
    /// Outcomes are lost.
    LosesOutcome,
    /// Outcomes are told twice.
    TwoOutcomes,
    /// A message is not delivered.
    LosesMessage,
    /// Messages are delivered twice.
    TwoMessages,
    /// Two messages change places.
    SwapsMessages,
    /// Messages are acknowledged before the application is done.
    AcknowledgesEarly,
    /// The application's messages are taken off the client for it.
    Hoards,
    /// PUBACKs are lost while messages wait to be taken.
    MuteAnswers,
    /// Messages that match no filter asked for are not delivered.
    DropsUnmatched,
    /// A packet identifier is used that is in use.
    ReusesIdentifier,
    /// The server's receive maximum is overlooked.
    OverlooksReceiveMaximum,
    /// What is sent again has no DUP.
    NoDup,
    /// Nothing is sent again.
    NeverAgain,
    /// PUBLISH is sent twice.
    SendsTwice,
    /// A payload changes on its way out.
    ChangesPayload,
    /// SUBSCRIBE is sent twice.
    SubscribesTwice,
    /// After the first connection no SUBSCRIBE leaves.
    ForgetsSubscriptions,
    /// A shutdown is not begun.
    IgnoresShutdown,
    /// After the first connection none is opened.
    GivesUp,
    /// Each connection goes to the first server.
    SticksToServer,
    /// Batches are called committed when they are handed to the driver.
    StoredEarly,
    /// Answers of the store are not listened to.
    DeafToStore,
    /// Records of one kind are not stored.
    Omits(Kept),
    /// An acknowledgement that comes twice in a row is a protocol error.
    ShyOfDoubles,
    /// What is set aside is stored as if it had expired.
    Buries,
    /// One kind of what was stored is not looked at by the next process.
    Forgets(Kept),
    /// What may be lost is called delivered.
    CallsItDelivered,
    /// A session that is resumed is taken for a new one.
    TakesSessionForNew,
    /// Subscriptions with topics in common are not marked.
    MarksNothing,
    /// The wall clock says how much time has passed, within one boot as well.
    TrustsWallClock,
}

/// What a store is to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Messages that were accepted.
    Accepted,
    /// Exchanges, with their packet identifiers.
    Sent,
    /// That the server owns a message.
    Released,
    /// Outcomes.
    Done,
    /// The evidence against a message.
    Quarantined,
    /// Receipts.
    Received,
    /// Their end.
    Finished,
    /// Subscriptions.
    Subscribed,
    /// Identifiers of exchanges that were given up.
    Clearing,
    /// Their end.
    Freed,
    /// How old the store is.
    Time,
}

impl Kept {
    const fn of(record: &Record) -> Option<Self> {
        Some(match record {
            Record::Accepted(_) => Self::Accepted,
            Record::Sent { .. } => Self::Sent,
            Record::Released { .. } | Record::ReleasedAndKept { .. } => Self::Released,
            Record::Done { .. } => Self::Done,
            Record::Quarantined { .. } => Self::Quarantined,
            Record::Received { .. } => Self::Received,
            Record::Finished { .. } => Self::Finished,
            Record::Subscribed(_) => Self::Subscribed,
            Record::Clearing { .. } => Self::Clearing,
            Record::Freed { .. } => Self::Freed,
            Record::Time(_) => Self::Time,
            _ => return None,
        })
    }
}

/// A client's error with its memory.
#[derive(Debug)]
pub(crate) struct Saboteur {
    kind: Sabotage,
    pinged: bool,
    connections: u32,
    /// The server has ended the authorisation.
    dismissed: bool,
    outputs: VecDeque<Output>,
    last_conn: Option<ConnectionId>,
    publishes: u32,
    messages: VecDeque<Incoming>,
    lost: u32,
    /// Reads what is sent.
    reader: PacketReader,
    filters: BTreeSet<TopicFilter>,
    /// The server had the session.
    was_present: bool,
}

const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;
const SUBSCRIBE: u8 = 8;
const PINGREQ: u8 = 12;

impl Saboteur {
    pub(crate) fn new(kind: Sabotage) -> Self {
        Self {
            kind,
            pinged: false,
            connections: 0,
            dismissed: false,
            outputs: VecDeque::new(),
            last_conn: None,
            publishes: 0,
            messages: VecDeque::new(),
            lost: 0,
            reader: PacketReader::up(),
            filters: BTreeSet::new(),
            was_present: false,
        }
    }

    pub(crate) fn output(&mut self, now: Instant, poll: impl FnOnce() -> Output) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        match (self.kind, poll()) {
            (Sabotage::TwoConnections, Output::Open(open)) => {
                let conn = ConnectionId(open.conn.0 + 1000);
                let second = Open { conn, redirect: None, ..open };
                self.outputs.push_back(Output::Open(second));
                Output::Open(open)
            }
            (Sabotage::SticksToServer, Output::Open(open)) => {
                Output::Open(Open { server: 0, ..open })
            }
            (Sabotage::GivesUp, Output::Open(open)) => {
                self.connections += 1;
                if self.connections == 1 { Output::Open(open) } else { Output::Wait(None) }
            }
            (Sabotage::SilentRetry, Output::Event(Event::RetryScheduled { .. })) => {
                Output::Event(Event::ReadingResumed)
            }
            (Sabotage::BearsInSilence, Output::Event(Event::ReceiveMaximumExceeded { .. })) => {
                Output::Event(Event::ReadingResumed)
            }
            (Sabotage::SlowAfterWord, Output::Event(event)) => {
                Output::Event(self.slow_after_word(now, event))
            }
            (Sabotage::WrongCause, Output::Event(Event::Disconnected { conn, online_for, .. })) => {
                let cause = Box::new(DisconnectCause::Transport {
                    failure: evenkeel_proto::TransportFailure::Unreachable,
                    phase: None,
                });
                Output::Event(Event::Disconnected { conn, cause, online_for })
            }
            (Sabotage::Ghost, output) => {
                if let Output::Close(close) = &output {
                    self.last_conn = Some(close.conn);
                }
                if let Output::Event(Event::Connected(_)) = &output
                    && let Some(conn) = self.last_conn.take()
                {
                    let last = evenkeel_proto::Transmit::default();
                    let served = evenkeel_proto::Served::Unknown;
                    let close = evenkeel_proto::Close { conn, last, served };
                    self.outputs.push_back(Output::Close(close));
                }
                output
            }
            (_, output) => output,
        }
    }

    /// The slow lane, if the server ended an authorisation.
    fn slow_after_word(&mut self, now: Instant, event: Event) -> Event {
        match event {
            Event::Disconnected { ref cause, .. } => {
                let reason = match **cause {
                    DisconnectCause::ServerDisconnect { reason, .. } => Some(reason),
                    _ => None,
                };
                self.dismissed = reason == Some(ReasonCode::NOT_AUTHORIZED);
                event
            }
            Event::RetryScheduled { retry, .. } if self.dismissed => {
                let delay = Duration::from_secs(90);
                Event::RetryScheduled { retry: Retry { at: now + delay, ..retry }, delay }
            }
            event => event,
        }
    }

    /// Changes what leaves; whole packets come in.
    pub(crate) fn sent(&mut self, core: &Client, bytes: Vec<u8>) -> Vec<u8> {
        let mut changed = Vec::with_capacity(bytes.len());
        let mut rest = bytes.as_slice();
        while let Some((packet, behind)) = split(rest) {
            rest = behind;
            let first = packet.first().copied().unwrap_or_default();
            self.pinged |= first >> 4 == PINGREQ;
            let packet = self.packet(core, first >> 4, packet.to_vec());
            changed.extend_from_slice(&packet);
        }
        changed
    }

    fn packet(&mut self, core: &Client, kind: u8, mut packet: Vec<u8>) -> Vec<u8> {
        if kind == CONNECT {
            self.connections += 1;
            self.reader = PacketReader::up();
        }
        self.learn_filters(&packet);
        let is_publish = kind == PUBLISH && packet.first().is_some_and(|first| first & 6 != 0);
        match self.kind {
            Sabotage::SecondPing if kind == PINGREQ => packet.extend_from_slice(&[0xC0, 0]),
            Sabotage::MutePing if kind == PINGREQ => packet.clear(),
            Sabotage::KeepsServersKeepAlive if kind == CONNECT && self.connections > 1 => {
                // Behind the fixed header, `MQTT`, the level and the flags.
                let at = header(&packet) + 9;
                if let Some(low) = packet.get_mut(at) {
                    *low ^= 1;
                }
            }
            Sabotage::ReusesIdentifier if is_publish => {
                self.publishes += 1;
                let at = identifier_at(&packet);
                if core.in_flight() > 1
                    && let Some(id) = packet.get_mut(at..at + 2)
                {
                    let previous = u16::from_be_bytes([id[0], id[1]]).saturating_sub(1);
                    id.copy_from_slice(&previous.max(1).to_be_bytes());
                }
            }
            Sabotage::MuteAnswers if kind == PUBACK && core.peek_message().is_some() => {
                packet.clear();
            }
            Sabotage::NoDup if is_publish => packet[0] &= !8,
            Sabotage::NeverAgain if is_publish && packet[0] & 8 != 0 => packet.clear(),
            Sabotage::SendsTwice if is_publish => packet.extend_from_within(..),
            Sabotage::ChangesPayload if is_publish => {
                if let Some(last) = packet.last_mut() {
                    *last ^= 1;
                }
            }
            Sabotage::SubscribesTwice if kind == SUBSCRIBE => {
                let mut second = packet.clone();
                let at = header(&second);
                // An identifier that the client is far from using.
                second[at..at + 2].copy_from_slice(&60_000_u16.to_be_bytes());
                packet.extend_from_slice(&second);
            }
            Sabotage::ForgetsSubscriptions if kind == SUBSCRIBE && self.connections > 1 => {
                packet.clear();
            }
            _ => {}
        }
        packet
    }

    fn learn_filters(&mut self, packet: &[u8]) {
        for (packet, _) in self.reader.feed(packet).unwrap_or_default() {
            match packet {
                Packet::Subscribe(subscribe) => {
                    self.filters.extend(subscribe.filters.into_iter().map(|entry| entry.filter));
                }
                Packet::Unsubscribe(unsubscribe) => {
                    self.filters.retain(|filter| !unsubscribe.filters.contains(filter));
                }
                _ => {}
            }
        }
    }

    /// Takes what has come, for any application.
    pub(crate) fn hoard(&mut self, core: &mut Client) {
        if self.kind == Sabotage::Hoards {
            self.messages.extend(std::iter::from_fn(|| core.next_message()));
        }
    }

    /// Changes what comes; any bytes may be in it.
    pub(crate) fn received(&mut self, bytes: &mut BytesMut) {
        match self.kind {
            Sabotage::ShyOfAnswers => {
                let found = bytes.windows(4).position(|window| window == [0xD0, 0, 0xD0, 0]);
                if let Some(at) = found {
                    bytes[at + 2] = 0xD1;
                }
            }
            Sabotage::ShyOfDoubles => {
                let is_double =
                    |two: &[u8]| matches!(two, [0x40 | 0x50 | 0x70, 2, ..]) && two[..4] == two[4..];
                if let Some(at) = bytes.windows(8).position(is_double) {
                    bytes[at + 4] |= 1;
                }
            }
            // Session Present, in the first packet that comes.
            Sabotage::TakesSessionForNew if bytes.first() == Some(&0x20) => {
                if let Some(flags) = bytes.get_mut(2) {
                    self.was_present = *flags & 1 != 0;
                    *flags &= !1;
                }
            }
            // The property of CONNACK, which tests set to 2.
            Sabotage::OverlooksReceiveMaximum => {
                let found = bytes.windows(3).position(|window| window == [0x21, 0, 2]);
                if let Some(at) = found
                    && bytes[0] == 0x20
                {
                    bytes[at + 2] = 200;
                }
            }
            _ => {}
        }
    }

    pub(crate) fn completions(&mut self, completions: &mut Vec<Completion>) {
        match self.kind {
            Sabotage::LosesOutcome => completions.clear(),
            Sabotage::TwoOutcomes => {
                let again: Vec<_> = completions.iter().filter_map(copy).collect();
                completions.extend(again);
            }
            Sabotage::CallsItDelivered => {
                for completion in completions {
                    if let Completion::Publish { result, .. } = completion
                        && let Err(DeliveryError::Uncertain { attempts }) = *result
                    {
                        let (reason, packet_id) = (ReasonCode::SUCCESS, None);
                        let round_trip = None;
                        *result = Ok(Delivered { reason, packet_id, attempts, round_trip });
                    }
                }
            }
            _ => {}
        }
    }

    pub(crate) fn message(
        &mut self,
        mut next: impl FnMut() -> Option<Incoming>,
    ) -> Option<Incoming> {
        if let Some(message) = self.messages.pop_front() {
            return Some(message);
        }
        let message = next()?;
        match self.kind {
            Sabotage::LosesMessage if message.ack.is_some() && self.lost == 0 => {
                self.lost = 1;
                next()
            }
            Sabotage::DropsUnmatched => {
                let matches = |message: &Incoming| {
                    let topic = &message.publish.topic;
                    self.filters.iter().any(|filter| filter.matches_text(topic))
                };
                std::iter::once(message).chain(std::iter::from_fn(next)).find(matches)
            }
            Sabotage::TwoMessages => {
                let publish = message.publish.clone();
                self.messages.push_back(Incoming { publish, ack: None });
                Some(message)
            }
            Sabotage::SwapsMessages => match next() {
                Some(second) => {
                    self.messages.push_back(message);
                    Some(second)
                }
                None => Some(message),
            },
            _ => Some(message),
        }
    }

    pub(crate) fn state(&self, state: State) -> State {
        match (self.kind, state) {
            (Sabotage::NoCause, State::Waiting { retry, .. }) => {
                State::Waiting { retry, cause: None }
            }
            // What it says is not what it believes.
            (Sabotage::TakesSessionForNew, State::Online { since, .. }) => {
                State::Online { since, session_present: self.was_present }
            }
            (_, state) => state,
        }
    }

    pub(crate) fn is_deaf(&self, core: &Client) -> bool {
        match self.kind {
            Sabotage::Deaf => self.pinged,
            Sabotage::DeafBeyondReceiveMaximum => core.stats().receive_maximum_exceeded > 0,
            _ => false,
        }
    }

    pub(crate) fn claims_written_early(&self) -> bool {
        self.kind == Sabotage::WrittenEarly
    }

    pub(crate) fn is_rash(&self) -> bool {
        self.kind == Sabotage::Rash
    }

    pub(crate) fn is_sleepless(&self) -> bool {
        self.kind == Sabotage::Sleepless
    }

    pub(crate) fn miscounts(&self) -> bool {
        self.kind == Sabotage::Miscount
    }

    pub(crate) fn ignores_shutdown(&self) -> bool {
        self.kind == Sabotage::IgnoresShutdown
    }

    pub(crate) fn claims_stored_early(&self) -> bool {
        self.kind == Sabotage::StoredEarly
    }

    pub(crate) fn is_deaf_to_store(&self) -> bool {
        self.kind == Sabotage::DeafToStore
    }

    pub(crate) fn marks_nothing(&self) -> bool {
        self.kind == Sabotage::MarksNothing
    }

    pub(crate) fn trusts_wall_clock(&self) -> bool {
        self.kind == Sabotage::TrustsWallClock
    }

    /// What the store is given in the place of a record.
    pub(crate) fn stores(&self, record: &Record) -> Option<Record> {
        match (self.kind, record) {
            (Sabotage::Omits(kept), _) if Kept::of(record) == Some(kept) => None,
            (Sabotage::Buries, Record::Quarantined { serial, .. }) => {
                Some(Record::Done { serial: *serial, outcome: Outcome::Expired })
            }
            _ => Some(record.clone()),
        }
    }

    pub(crate) fn recovered(&self, recovered: &mut Recovered) {
        match self.kind {
            Sabotage::Forgets(Kept::Accepted) => recovered.queued = Default::default(),
            Sabotage::Forgets(Kept::Sent) => recovered.exchanges.clear(),
            Sabotage::Forgets(Kept::Clearing) => recovered.clearing.clear(),
            Sabotage::Forgets(Kept::Received) => recovered.received.clear(),
            Sabotage::Forgets(Kept::Subscribed) => recovered.subscriptions.clear(),
            Sabotage::Forgets(Kept::Time) => recovered.time = None,
            _ => {}
        }
    }

    /// Acknowledges a message that the application has only just got.
    pub(crate) fn acknowledges(&self, core: &mut Client, incoming: &Incoming) {
        if let (Sabotage::AcknowledgesEarly, Some(key)) = (self.kind, incoming.ack) {
            core.acknowledge(core.now(), key, ReasonCode::SUCCESS);
        }
    }
}

/// Parts the first packet from the rest.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = header(bytes);
    let length =
        bytes.get(1..at)?.iter().rev().fold(0, |sum, byte| sum << 7 | usize::from(byte & 0x7F));
    bytes.split_at_checked(at + length).filter(|(packet, _)| !packet.is_empty())
}

/// Length of the fixed header.
fn header(bytes: &[u8]) -> usize {
    let more = bytes.iter().skip(1).take_while(|byte| **byte & 0x80 != 0).count();
    more + 2
}

/// Where the packet identifier of a PUBLISH is.
fn identifier_at(packet: &[u8]) -> usize {
    let at = header(packet);
    let length = packet.get(at..at + 2).map_or(0, |l| u16::from_be_bytes([l[0], l[1]]));
    at + 2 + usize::from(length)
}

fn copy(completion: &Completion) -> Option<Completion> {
    match completion {
        Completion::Publish { token, result } => {
            Some(Completion::Publish { token: *token, result: result.clone() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_parted_at_their_ends() {
        let mut bytes = vec![0xC0, 0, 0x30, 0x80, 0x01];
        bytes.extend([7; 128]);
        bytes.extend([0x40, 2, 0, 1]);
        let mut rest = bytes.as_slice();
        let mut lengths = Vec::new();
        while let Some((packet, behind)) = split(rest) {
            lengths.push(packet.len());
            rest = behind;
        }
        assert_eq!(lengths, [2, 131, 4]);
    }
}
