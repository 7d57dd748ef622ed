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
/// The message Certificate of TLS 1.3 with no certificate in it.
const NO_CERTIFICATE: u32 = 8;
/// CONNACK of MQTT 3.1.1 in a frame of WebSocket.
const FRAMED_CONNACK: u32 = 6;
/// The content of close_notify.
const GOODBYE: u32 = 2;
/// Pings in one write.
const AT_MOST: u32 = 16;
/// Records of a client's handshake, with a certificate, and tickets, at most.
const HANDSHAKE: u8 = 4;

/// A record of a ping's size whose meaning depends on what follows.
#[derive(Clone, Copy, Debug)]
struct Held {
    from: Side,
    at: Time,
    place: Place,
    /// When the newest of those that it stands for was.
    newest: Time,
    /// How many more of the same size followed at once.
    more: u32,
    /// One of the same size that followed soon, not at once.
    second: Option<Place>,
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
    /// The client was asked for a certificate and has none, and the server has said
    /// nothing since: it may refuse it by an alert.
    no_certificate: bool,
    /// When each side last sent a full record.
    full: [Option<Time>; 2],
    /// Which sides have ended TCP.
    ended: [bool; 2],
    /// PINGREQs without an answer, and whether there was one at all.
    unanswered: u32,
    pinged: bool,
    /// How many pings the client's newest bytes are, if they are pings at all:
    /// as many answers in a row will tell.
    perhaps: u32,
    /// The server sent records of a ping's size that answered nothing: a record
    /// of that size says nothing more by itself.
    odd: bool,
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
            no_certificate: false,
            full: [None; 2],
            ended: [false; 2],
            unanswered: 0,
            pinged: false,
            perhaps: 0,
            odd: false,
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
        self.no_certificate &= from == Side::Client || small && self.held.is_none();
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
            let held = Held { from, at, place, newest: at, more: 0, second: None, goodbye: false };
            self.held = Some(held);
            return;
        }
        match from {
            Side::Client => self.client_sent(bytes),
            // Whatever that is, it is no row of answers.
            Side::Server => self.perhaps = 0,
        }
        out.tell(What::Sealed { from, bytes });
    }

    /// Bytes of the client that may be some pings in one write.
    fn client_sent(&mut self, bytes: u32) {
        let ping = self.ping(Side::Client);
        let many = bytes > ping && bytes <= ping * AT_MOST && bytes.is_multiple_of(ping);
        self.perhaps = if many { bytes / ping } else { 0 };
    }

    /// Handshake under encryption, in TLS 1.3.
    fn is_of_handshake(&mut self, from: Side, len: u32, bytes: u32) -> bool {
        let finished = self.suite.and_then(Suite::finished) == Some(len);
        match from {
            Side::Client if !self.client_up => {
                // A certificate may go before, in one record with Finished or not.
                self.handshake += 1;
                // A client that was asked for one and has none sends an empty one.
                let empty = self.is_13() && self.handshake == 1 && bytes == NO_CERTIFICATE;
                self.no_certificate |= empty;
                let more = !finished && self.handshake < HANDSHAKE && (bytes >= TICKET || empty);
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
        let Some(mut held) = self.held.take() else { return false };
        let soon = out.at.since(held.newest);
        let same = held.from == from;
        if same && from == Side::Client && small && held.second.is_none() {
            // DISCONNECT and close_notify, if the end follows.
            if soon <= AT_ONCE {
                held.more = held.more.saturating_add(1);
            } else if soon <= NEAR && held.more == 0 {
                held.second = Some(out.place);
            }
            if soon <= AT_ONCE || held.second.is_some() {
                held.newest = out.at;
                self.held = Some(held);
                return true;
            }
        }
        let begins = same && soon <= AT_ONCE && !small && held.more == 0 && held.second.is_none();
        if begins && (from == Side::Client || self.unanswered == 0) {
            self.odd |= from == Side::Server;
            let bytes = self.ping(from);
            out.tell_of(held.at, held.place, What::Sealed { from, bytes });
        } else {
            self.release(held, out);
        }
        false
    }

    /// It stands alone, or before what has nothing to do with it.
    fn release(&mut self, held: Held, out: &mut Out<'_>) {
        if held.from == Side::Server {
            self.answered(held, out);
        } else if held.more > 0 {
            // A header apart from a body as long, or several pings.
            let (from, bytes) =
                (held.from, self.ping(held.from).saturating_mul(held.more.saturating_add(1)));
            self.client_sent(bytes);
            out.tell_of(held.at, held.place, What::Sealed { from, bytes });
        } else {
            self.asked(held.at, held.place, out);
            if let Some(place) = held.second {
                self.asked(held.newest, place, out);
            }
        }
    }

    fn asked(&mut self, at: Time, place: Place, out: &mut Out<'_>) {
        self.unanswered = self.unanswered.saturating_add(1);
        (self.pinged, self.perhaps) = (true, 0);
        self.packet(Side::Client, PacketSeen::PingReq, (at, place), out);
    }

    fn answered(&mut self, held: Held, out: &mut Out<'_>) {
        self.no_certificate = false;
        let (asked, odd) = (self.unanswered > 0, self.odd);
        let waits = if asked { &mut self.unanswered } else { &mut self.perhaps };
        if *waits > 0 && (asked || !odd) {
            *waits -= 1;
            self.packet(Side::Server, PacketSeen::PingResp, (held.at, held.place), out);
        } else {
            self.odd = true;
            let (from, bytes) = (Side::Server, self.ping(Side::Server));
            out.tell_of(held.at, held.place, What::Sealed { from, bytes });
        }
    }

    fn packet(&self, from: Side, packet: PacketSeen, at: (Time, Place), out: &mut Out<'_>) {
        let bytes = self.ping(from);
        out.tell_of(at.0, at.1, What::Packet { from, packet, bytes, inferred: true });
    }

    /// A side ends TCP: what it sent just before may have been a goodbye.
    pub(super) fn closing(&mut self, by: Side, out: &mut Out<'_>) {
        if let Some(ended) = self.ended.get_mut(index(by)) {
            *ended = true;
        }
        let Some(held) = self.held.take() else { return };
        if out.at.since(held.newest) > NEAR {
            return self.release(held, out);
        }
        match (held.from, by) {
            (Side::Client, _) => {
                // A client that pinged before may have done so again, and have
                // given up at once: rules compare that with other connections.
                let twice = held.second.is_some() || held.more == 1;
                let goodbye = twice || held.goodbye || by == Side::Server || !self.pinged;
                if !goodbye || held.more > 1 {
                    return self.release(held, out);
                }
                let goodbye = PacketSeen::Disconnect(0);
                self.packet(Side::Client, goodbye, (held.at, held.place), out);
            }
            // In TLS 1.3 close_notify looks the same as an answer.
            // Two bytes and an end are an alert, if the client has no certificate.
            (Side::Server, Side::Server) if self.no_certificate => {
                self.packet(Side::Server, PacketSeen::PingResp, (held.at, held.place), out);
            }
            (Side::Server, Side::Server) if self.is_13() => {}
            (Side::Server, _) => self.release(held, out),
        }
    }

    pub(super) fn waits(&self) -> bool {
        self.held.is_some()
    }

    /// Nothing has followed; of several, the newest may have come just now.
    pub(super) fn due(&mut self, out: &mut Out<'_>) {
        let several = |held: &&Held| held.more > 0 || held.second.is_some();
        let held = self.held.as_ref().filter(several);
        if held.is_none_or(|held| out.at.since(held.newest) >= NEAR) {
            self.release_held(out);
        }
    }

    /// Whatever follows, it is told now.
    pub(super) fn release_held(&mut self, out: &mut Out<'_>) {
        if let Some(held) = self.held.take() {
            self.release(held, out);
        }
    }

    /// Bytes are missing.
    pub(super) fn gap(&mut self, out: &mut Out<'_>) {
        self.release_held(out);
        // An answer may have been among them, or a question.
        (self.client_up, self.server_up) = (true, true);
    }
}
