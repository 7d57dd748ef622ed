//! Packets known by the sizes of encrypted records alone.
//!
//! Only four packets have two bytes, so a record of two bytes is a ping or its
//! answer, unless it is one of six other things: see the rules below, each
//! beside its reason. In WebSocket a frame is around them: six bytes more from
//! the client, with its mask, and two from the server.

use std::time::Duration;

use evenkeel_doctor::{PacketSeen, Place, Side, Time, What};

use super::ALERT;
use super::suite::Suite;
use crate::capture::out::Out;

/// Within this time an end, or the tail of a long write, belongs to a record.
const NEAR: Duration = Duration::from_millis(50);
/// Within this time a record is the rest of what the one before began: a
/// header written apart from its body.
const AT_ONCE: Duration = Duration::from_millis(5);
/// The most bytes of the application in one record.
const FULL: u32 = 1 << 14;
/// A ticket of a new session is not smaller, and CONNACK hardly ever larger.
const TICKET: u32 = 150;
/// CONNACK of MQTT 3.1.1 in a frame of WebSocket.
const FRAMED_CONNACK: u32 = 6;
/// The content of close_notify.
const GOODBYE: u32 = 2;
/// Records of a client's handshake, with a certificate, and tickets, at most.
const HANDSHAKE: u8 = 4;

/// A record of a ping's size whose meaning depends on what follows.
#[derive(Clone, Copy, Debug)]
struct Held {
    from: Side,
    at: Time,
    place: Place,
    /// Another one of the same size followed at once.
    twice: bool,
    /// TLS said goodbye after it.
    goodbye: bool,
}

#[derive(Debug)]
pub(super) struct Sizes {
    suite: Option<Suite>,
    held: Option<Held>,
    /// The client's handshake is over, and the server's tickets.
    client_up: bool,
    server_up: bool,
    handshake: u8,
    tickets: u8,
    /// When each side last sent a full record.
    full: [Option<Time>; 2],
    /// Which sides have ended TCP.
    ended: [bool; 2],
    /// PINGREQs without an answer, and whether there was one at all.
    unanswered: u32,
    pinged: bool,
    /// MQTT is in WebSocket: the client offers HTTP alone, or its CONNACK says so.
    pub(super) websocket: bool,
}

const fn index(side: Side) -> usize {
    match side {
        Side::Client => 0,
        Side::Server => 1,
    }
}

impl Sizes {
    pub(super) fn new(whole: bool) -> Self {
        Self {
            suite: None,
            held: None,
            client_up: !whole,
            server_up: !whole,
            handshake: 0,
            tickets: 0,
            full: [None; 2],
            ended: [false; 2],
            unanswered: 0,
            pinged: false,
            websocket: false,
        }
    }

    /// ServerHello has come.
    pub(super) fn agreed(&mut self, suite: Option<Suite>) {
        self.suite = suite;
        if suite.is_none_or(|suite| !suite.is_13) {
            // Up to TLS 1.2 the type of a record says what it is.
            self.client_up = true;
        }
    }

    /// The size of a ping, or of its answer.
    const fn ping(&self, from: Side) -> u32 {
        match from {
            _ if !self.websocket => 2,
            Side::Client => 8,
            Side::Server => 4,
        }
    }

    fn is_13(&self) -> bool {
        self.suite.is_some_and(|suite| suite.is_13)
    }

    fn has_ended(&self, side: Side) -> bool {
        self.ended.get(index(side)).copied().unwrap_or_default()
    }

    /// Takes an encrypted record in.
    pub(super) fn record(&mut self, from: Side, kind: u8, len: u32, out: &mut Out<'_>) {
        if kind != 23 {
            // Finished of TLS 1.2, or an alert: nearly always close_notify.
            if kind == ALERT
                && let Some(held) = &mut self.held
            {
                held.goodbye |= held.from == from;
            }
            return;
        }
        let overhead = self.suite.and_then(Suite::overhead);
        let bytes = overhead.map_or(len, |overhead| len.saturating_sub(overhead));
        if self.is_of_handshake(from, len, bytes) {
            return;
        }
        if self.websocket && bytes == GOODBYE && self.is_13() {
            // A ping has more: this is close_notify.
            if let Some(held) = &mut self.held {
                held.goodbye |= held.from == from;
            }
            return;
        }
        let is_tail = self.follows_full(from, out.at);
        if overhead.is_some() && bytes >= FULL {
            self.set_full(from, out.at);
        }
        let small = overhead.is_some() && bytes == self.ping(from) && !is_tail;
        if self.follow(from, small, out) {
            return;
        }
        // After an end, two bytes may be its close_notify, or an answer that
        // crossed it: they say nothing.
        if small && (self.has_ended(from.other()) || self.has_ended(from)) {
            return;
        }
        if small {
            let (at, place) = (out.at, out.place);
            self.held = Some(Held { from, at, place, twice: false, goodbye: false });
            return;
        }
        out.tell(What::Sealed { from, bytes });
    }

    /// Handshake under encryption, in TLS 1.3.
    fn is_of_handshake(&mut self, from: Side, len: u32, bytes: u32) -> bool {
        let finished = self.suite.and_then(Suite::finished) == Some(len);
        match from {
            Side::Client if !self.client_up => {
                // A certificate may go before, in one record with Finished or not.
                self.handshake += 1;
                let more = !finished && self.handshake < HANDSHAKE && bytes >= TICKET;
                self.client_up = !more;
                finished || self.handshake == 1 || more
            }
            Side::Server if !self.client_up => true,
            Side::Server if !self.server_up => {
                self.tickets += 1;
                self.server_up = bytes < TICKET || self.tickets > HANDSHAKE;
                // Without WebSocket no CONNACK has this size.
                self.websocket |= self.server_up && bytes == FRAMED_CONNACK;
                // In TLS 1.2 tickets have a type of their own.
                self.is_13() && !self.server_up
            }
            _ => false,
        }
    }

    /// The tail of a write longer than a record is no packet of its own.
    fn follows_full(&self, from: Side, now: Time) -> bool {
        let full = self.full.get(index(from)).copied().flatten();
        full.is_some_and(|full| now.since(full) <= NEAR)
    }

    fn set_full(&mut self, from: Side, now: Time) {
        if let Some(full) = self.full.get_mut(index(from)) {
            *full = Some(now);
        }
    }

    /// Tells what the held record was, now that another follows it. Whether
    /// the other one is told with it.
    fn follow(&mut self, from: Side, small: bool, out: &mut Out<'_>) -> bool {
        let Some(held) = self.held else { return false };
        let soon = out.at.since(held.at);
        let same = held.from == from && from == Side::Client;
        if same && small && soon <= NEAR {
            // DISCONNECT and close_notify, if the end follows.
            self.held = Some(Held { twice: true, ..held });
            return true;
        }
        self.held = None;
        if same && soon <= AT_ONCE {
            let bytes = self.ping(from);
            out.tell_of(held.at, held.place, What::Sealed { from, bytes });
        } else {
            self.release(held, out);
        }
        false
    }

    /// It stands alone.
    fn release(&mut self, held: Held, out: &mut Out<'_>) {
        let (from, bytes) = (held.from, self.ping(held.from));
        let packet = match from {
            _ if held.twice => None,
            Side::Client => {
                self.unanswered = self.unanswered.saturating_add(1);
                self.pinged = true;
                Some(PacketSeen::PingReq)
            }
            Side::Server if self.unanswered > 0 => {
                self.unanswered -= 1;
                Some(PacketSeen::PingResp)
            }
            Side::Server => None,
        };
        let what = match packet {
            Some(packet) => What::Packet { from, packet, bytes, inferred: true },
            None => What::Sealed { from, bytes },
        };
        out.tell_of(held.at, held.place, what);
    }

    /// A side ends TCP: what it sent just before may have been a goodbye.
    pub(super) fn closing(&mut self, by: Side, out: &mut Out<'_>) {
        if let Some(ended) = self.ended.get_mut(index(by)) {
            *ended = true;
        }
        let Some(held) = self.held.take() else { return };
        if out.at.since(held.at) > NEAR {
            return self.release(held, out);
        }
        match (held.from, by) {
            (Side::Client, _) => {
                // A client that pinged before may have done so again, and have
                // given up at once: rules compare that with other connections.
                let goodbye = held.twice || held.goodbye || by == Side::Server || !self.pinged;
                if !goodbye {
                    return self.release(held, out);
                }
                let (packet, from) = (PacketSeen::Disconnect(0), Side::Client);
                let bytes = self.ping(from);
                let what = What::Packet { from, packet, bytes, inferred: true };
                out.tell_of(held.at, held.place, what);
            }
            // In TLS 1.3 close_notify looks the same as an answer.
            (Side::Server, Side::Server) if self.is_13() => {}
            (Side::Server, _) => self.release(held, out),
        }
    }

    pub(super) fn waits(&self) -> bool {
        self.held.is_some()
    }

    /// Nothing has followed.
    pub(super) fn due(&mut self, out: &mut Out<'_>) {
        if let Some(held) = self.held.take() {
            self.release(held, out);
        }
    }

    /// Bytes are missing.
    pub(super) fn gap(&mut self, out: &mut Out<'_>) {
        self.due(out);
        // An answer may have been among them, or a question.
        (self.client_up, self.server_up) = (true, true);
    }
}
