//! The faults of a script on connections that somebody else serves, such as
//! those of a proxy.
//!
//! Without I/O and without a clock, as [`core`](crate::core) is. What sides send
//! is cut into packets, the rules are asked about each, and what is left of them
//! waits for the driver. Towards the client a [`Relay`] behaves as a broker with
//! these faults does; the server sees a client on a bad path.
//!
//! ```
//! use evenkeel_broker::Instant;
//! use evenkeel_broker::fault::Script;
//! use evenkeel_broker::relay::{Faults, Relay, Side, Speech};
//!
//! let script = "[[rule]]\nsent = \"PINGRESP\"\naction = \"drop\"";
//! let mut faults = Faults::new(Script::parse(script)?)?;
//! let now = Instant::START;
//! let mut relay = Relay::open(&mut faults, now, Speech::Mqtt);
//!
//! // CONNECT and PINGREQ of a client, CONNACK and PINGRESP of a server.
//! relay.receive(&mut faults, now, Side::Client, b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01x\xc0\0");
//! relay.receive(&mut faults, now, Side::Server, b"\x20\x02\0\0\xd0\0");
//! let mut to_client = Vec::new();
//! relay.take_output(now, Side::Client, &mut to_client);
//! assert_eq!(to_client, b"\x20\x02\0\0", "the answer to the ping is lost");
//! assert_eq!(relay.applied()[0].action, "drop");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cut;
mod faults;
mod later;
mod speaker;
mod websocket;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use evenkeel_codec::PacketType;

use crate::core::{Instant, Output, Pause};
use crate::fault::{Action, Hit};
use cut::{Cutter, Piece};
use later::{Later, Postponed};
use speaker::Speaker;

pub use faults::{Faults, FaultsError};

/// Bytes that wait for a side that does not take them, before the other one is
/// read from no more.
const WAITING_MAX: usize = 256 * 1024;

/// What a silent relay takes in of the client meanwhile, as the system's
/// buffers of a silent broker would.
const UNREAD_MAX: usize = 64 * 1024;

/// Copies of one packet that several duplicating rules make at most.
const COPIES_MAX: u32 = 16;

/// How long what is ready may take to leave once a rule has closed the
/// connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// One of the two that a relay stands between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The client.
    Client,
    /// The server.
    Server,
}

impl Side {
    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What carries the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// The stream itself.
    Mqtt,
    /// Frames of a WebSocket, behind its handshake.
    WebSocket,
}

/// A rule has been applied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// The rule's name, or its number.
    pub rule: Arc<str>,
    /// The action's name.
    pub action: &'static str,
    /// On which packet; none if the connection was opened.
    pub packet: Option<PacketType>,
    /// The client identifier, once it is known.
    pub client: Option<Arc<str>>,
}

/// One connection through a relay.
///
/// Instants must never decrease. After every call the driver takes the output
/// of both sides, and calls [`Relay::tick`] at [`Relay::deadline`].
pub struct Relay {
    speaker: Speaker,
    /// From the client to the server.
    up: Way,
    /// From the server to the client.
    down: Way,
    /// While it is on, what the client sends is not looked at.
    reading: Pause,
    later: Later,
    /// A rule has closed the connection; until then what is ready may leave.
    closing: Option<Instant>,
    applied: Vec<Applied>,
}

impl fmt::Debug for Relay {
    /// Shows no bytes of packets: passwords and payloads are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("client", &self.speaker.client())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// The bytes of one direction.
struct Way {
    input: Cutter,
    output: Output,
    /// Its source sends nothing more.
    has_ended: bool,
}

impl Way {
    fn new(speech: Speech, from: Side) -> Self {
        Self { input: Cutter::new(speech, from), output: Output::default(), has_ended: false }
    }
}

/// What several rules together do to one packet.
struct Plan {
    copies: u32,
    delay: Duration,
    close_after: bool,
}

impl Relay {
    /// A connection was accepted.
    pub fn open(faults: &mut Faults, now: Instant, speech: Speech) -> Self {
        let mut relay = Self {
            speaker: Speaker::new(faults.next_connection()),
            up: Way::new(speech, Side::Client),
            down: Way::new(speech, Side::Server),
            reading: Pause::default(),
            later: Later::default(),
            closing: None,
            applied: Vec::new(),
        };
        for hit in faults.opened(now, &relay.speaker) {
            relay.note(&hit, None);
            relay.act_or_wait(now, hit);
        }
        relay
    }

    /// A side sent bytes.
    pub fn receive(&mut self, faults: &mut Faults, now: Instant, from: Side, bytes: &[u8]) {
        if self.closing.is_none() {
            self.way_mut(from).input.push(bytes);
        }
        self.tick(faults, now);
    }

    /// A side sends nothing more.
    pub fn ended(&mut self, faults: &mut Faults, now: Instant, from: Side) {
        self.way_mut(from).has_ended = true;
        self.tick(faults, now);
    }

    /// Does what is due.
    pub fn tick(&mut self, faults: &mut Faults, now: Instant) {
        while let Some(postponed) = self.later.pop(now) {
            self.happen(now, postponed);
        }
        for from in [Side::Client, Side::Server] {
            self.take_in(faults, now, from);
        }
    }

    /// The connection is gone: forgets what rules have counted for it.
    pub fn forget(self, faults: &mut Faults) {
        faults.forget(&self.speaker);
    }

    /// Whether there is room for what a side sends.
    pub fn wants(&self, now: Instant, from: Side) -> bool {
        let way = self.way(from);
        let unread = way.input.held() < UNREAD_MAX || self.reads(now, from);
        self.closing.is_none() && unread && way.output.waiting() < WAITING_MAX
    }

    /// Appends what is to be sent to a side now.
    pub fn take_output(&mut self, now: Instant, to: Side, into: &mut Vec<u8>) {
        let output = &mut self.way_mut(to.other()).output;
        let taken = output.take(now, into);
        output.written(now, taken);
    }

    /// Whether nothing more is to be sent to a side, ever.
    pub fn is_over(&self, now: Instant, to: Side) -> bool {
        let from = to.other();
        let way = self.way(from);
        let has_left = way.output.waiting() == 0 && !way.output.is_held(now);
        match self.closing {
            Some(deadline) => has_left || now >= deadline,
            None => {
                let all_seen = self.reads(now, from) && way.input.is_empty();
                way.has_ended && all_seen && has_left && !self.later.has_packets(to)
            }
        }
    }

    /// Whether a rule has closed the connection.
    pub const fn is_closed(&self) -> bool {
        self.closing.is_some()
    }

    /// Whether a rule has closed the connection, and what was ready had its time
    /// to leave.
    pub fn is_overdue(&self, now: Instant) -> bool {
        self.closing.is_some_and(|deadline| now >= deadline)
    }

    /// When something is due, or what waits may leave.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let reading = if self.reading.is_on(now) { self.reading.end() } else { None };
        let outputs = [&self.up, &self.down].map(|way| way.output.deadline(now));
        let held = self.down.output.held_until(now);
        let all = [self.later.next(), reading, held, self.closing].into_iter().chain(outputs);
        all.flatten().min()
    }

    /// What rules have done since this was called last.
    pub fn applied(&mut self) -> Vec<Applied> {
        std::mem::take(&mut self.applied)
    }

    /// Whether the bytes of a side are no packets that can be cut: they are
    /// passed on as they are, and no rule is asked.
    pub const fn is_blind(&self) -> bool {
        self.up.input.is_lost() || self.down.input.is_lost()
    }

    const fn way(&self, from: Side) -> &Way {
        match from {
            Side::Client => &self.up,
            Side::Server => &self.down,
        }
    }

    const fn way_mut(&mut self, from: Side) -> &mut Way {
        match from {
            Side::Client => &mut self.up,
            Side::Server => &mut self.down,
        }
    }

    fn reads(&self, now: Instant, from: Side) -> bool {
        from == Side::Server || !self.reading.is_on(now)
    }

    fn take_in(&mut self, faults: &mut Faults, now: Instant, from: Side) {
        while self.closing.is_none() && self.reads(now, from) {
            let way = self.way_mut(from);
            let Some(piece) = way.input.next() else {
                if way.has_ended {
                    // Half a packet is passed on, as it came.
                    let rest = way.input.rest();
                    way.output.buffer.extend_from_slice(&rest);
                }
                return;
            };
            match piece {
                Piece::Packet(packet) => self.packet(faults, now, from, packet),
                Piece::Part(bytes) => self.put(from.other(), &bytes),
                Piece::Wire(bytes) => self.way_mut(from).output.buffer.extend_from_slice(&bytes),
            }
        }
    }

    /// Passes a packet on as the rules that hit it say.
    fn packet(&mut self, faults: &mut Faults, now: Instant, from: Side, mut packet: BytesMut) {
        let (kind, hits) = faults.judge(now, &mut self.speaker, from, &packet);
        let mut plan = Plan { copies: 1, delay: Duration::ZERO, close_after: false };
        for hit in hits {
            self.note(&hit, kind);
            match hit.action {
                _ if !hit.wait.is_zero() => self.act_or_wait(now, hit),
                Action::Drop => plan.copies = 0,
                Action::Duplicate => plan.copies = (plan.copies * 2).min(COPIES_MAX),
                Action::Delay(by) => plan.delay += by,
                Action::CloseAfter => plan.close_after = true,
                Action::Corrupt { offset, mask } => corrupt(&mut packet, offset, mask),
                _ => self.act_or_wait(now, hit),
            }
        }
        for _ in 0..plan.copies {
            if plan.delay.is_zero() {
                self.put(from.other(), &packet);
            } else {
                let postponed = Postponed::Send(from.other(), packet.to_vec());
                self.postpone(now, plan.delay, postponed);
            }
        }
        if plan.close_after && plan.delay.is_zero() {
            self.close(now);
        } else if plan.close_after {
            self.postpone(now, plan.delay, Postponed::Act(Action::Close));
        }
    }

    fn note(&mut self, hit: &Hit, packet: Option<PacketType>) {
        let (rule, action) = (hit.rule.clone(), hit.action.name());
        self.applied.push(Applied { rule, action, packet, client: self.speaker.client() });
    }

    fn act_or_wait(&mut self, now: Instant, hit: Hit) {
        if hit.wait.is_zero() {
            self.act(now, hit.action);
        } else {
            self.postpone(now, hit.wait, Postponed::Act(hit.action));
        }
    }

    /// Does what a rule says to the connection.
    fn act(&mut self, now: Instant, action: Action) {
        match action {
            Action::Close | Action::CloseAfter => self.close(now),
            Action::Inject(bytes) => self.put(Side::Client, &bytes),
            Action::Silence { stop, lasts } => {
                let pause = Pause::new(now, lasts);
                if stop.reading() {
                    self.reading = pause;
                }
                if stop.sending() {
                    self.down.output.pause(pause);
                }
            }
            Action::Dribble { bytes, every, lasts } => {
                self.down.output.dribble(now, bytes, every, lasts);
            }
            // The others concern packets, or are refused by `Faults::new`.
            _ => {}
        }
    }

    /// Lets something happen later; at once if too much waits already.
    fn postpone(&mut self, now: Instant, by: Duration, postponed: Postponed) {
        if let Some(refused) = self.later.push(now + by, postponed) {
            self.happen(now, refused);
        }
    }

    fn happen(&mut self, now: Instant, postponed: Postponed) {
        match postponed {
            Postponed::Send(to, packet) => self.put(to, &packet),
            Postponed::Act(action) => self.act(now, action),
        }
    }

    fn close(&mut self, now: Instant) {
        if self.closing.is_none() {
            self.closing = Some(now + CLOSE_TIMEOUT);
        }
    }

    /// Adds bytes of packets to what a side gets.
    fn put(&mut self, to: Side, bytes: &[u8]) {
        if self.closing.is_none() {
            let way = self.way_mut(to.other());
            way.input.wrap(bytes, &mut way.output.buffer);
        }
    }
}

fn corrupt(bytes: &mut [u8], offset: usize, mask: u8) {
    let last = bytes.len().saturating_sub(1);
    if let Some(byte) = bytes.get_mut(offset.min(last)) {
        *byte ^= mask;
    }
}
