//! The keep-alive engine: one per connection, a pure function of instants.
//!
//! Laws kept here: K1 (one PINGREQ queued or unanswered), K2 (spacing as
//! written), K3 (no silence beyond the interval less a margin), K4 (death
//! only by a written ping without any byte since, or a ping that cannot be
//! written), K5 (the response clock starts at the write), K6 (a late or
//! unsolicited PINGRESP is counted, never fatal), K10 (a jump of the clock is
//! no proof of death), K11 (silence of the peer makes a ping due even while
//! we write). K7 and K12 hold because the engine is made at CONNACK and dies
//! with its connection.
//!
//! ```text
//!            due / probe                 written
//!   Quiet ---------------> Queued ----------------> Awaiting
//!     ^                      |  not written in time     |
//!     |                      v                          | nothing heard
//!     |                    Dead <-----------------------+
//!     +---- PINGRESP, or other bytes heard meanwhile ---+
//! ```

use core::time::Duration;

use crate::time::{Deadline, Instant, Timer};

/// What one engine works by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The effective keep-alive of the connection; not zero.
    pub interval: Duration,
    /// How much earlier than `interval` a ping goes out.
    pub margin: Duration,
    /// How long a ping may stay unwritten, and then unanswered.
    pub response_timeout: Duration,
    /// Least time between two pings as written.
    pub min_ping_spacing: Duration,
    /// Silence of the peer that makes a ping due although we write.
    pub probe_after_silence: Duration,
}

/// Where the one ping of the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Quiet,
    Queued { at: Instant },
    Awaiting { sent: Instant, limit: Instant, extended: bool },
    Dead,
}

/// What the engine wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing before this deadline.
    Wait(Deadline),
    /// Queue one PINGREQ and report when it is written.
    SendPing,
    /// The ping was never answered, but the peer is alive: note it, go on.
    NoteUnanswered {
        /// When it was written.
        sent: Instant,
    },
    /// The link is dead.
    Close(Death),
}

/// Why a link is held for dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// A PINGREQ could not be written in time: the transport takes no bytes.
    NotWritten {
        /// When it was queued.
        queued: Instant,
    },
    /// A written PINGREQ brought no byte of any kind.
    NoResponse {
        /// When it was written.
        sent: Instant,
        /// When the last byte came.
        last_received: Instant,
    },
}

/// What a PINGRESP meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pong {
    /// It answers the outstanding ping after this time.
    Matched {
        /// From write to answer.
        round_trip: Duration,
    },
    /// No ping was outstanding: late, doubled, or never asked for.
    Unsolicited,
}

/// The engine of one connection.
#[derive(Clone, Debug)]
pub struct KeepAlive {
    settings: Settings,
    phase: Phase,
    last_sent: Instant,
    /// When the transport last took bytes, a whole packet or not.
    last_progress: Instant,
    last_received: Instant,
    last_ping: Option<Instant>,
    probe: bool,
}

impl KeepAlive {
    /// An engine for a connection that was accepted (CONNACK) now.
    pub const fn new(settings: Settings, now: Instant) -> Self {
        Self {
            settings,
            phase: Phase::Quiet,
            last_sent: now,
            last_progress: now,
            last_received: now,
            last_ping: None,
            probe: false,
        }
    }

    /// The same engine where our last packet, CONNECT, was written at `last_sent`.
    #[must_use]
    pub const fn silent_since(mut self, last_sent: Instant) -> Self {
        self.last_sent = last_sent;
        self
    }

    /// The settings it was made with.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The transport took bytes: it is slow at worst, not stuck.
    pub fn on_progress(&mut self, now: Instant) {
        self.last_progress = self.last_progress.max(now);
    }

    /// A control packet was written whole.
    pub fn on_sent(&mut self, now: Instant) {
        self.last_sent = self.last_sent.max(now);
    }

    /// The queued PINGREQ was written whole. The response clock starts here (K5).
    pub fn on_ping_sent(&mut self, now: Instant) {
        if let Phase::Queued { .. } = self.phase {
            let limit = now + self.settings.response_timeout;
            self.phase = Phase::Awaiting { sent: now, limit, extended: false };
            self.last_ping = Some(now);
            self.on_sent(now);
        }
    }

    /// Bytes of any kind came, a whole packet or not (K4).
    pub fn on_received(&mut self, now: Instant) {
        self.last_received = self.last_received.max(now);
    }

    /// A PINGRESP came.
    pub fn on_pong(&mut self, now: Instant) -> Pong {
        self.on_received(now);
        match self.phase {
            Phase::Awaiting { sent, .. } => {
                self.phase = Phase::Quiet;
                Pong::Matched { round_trip: now.since(sent) }
            }
            _ => Pong::Unsolicited,
        }
    }

    /// Asks for a ping; it joins one that is outstanding (K1) and waits for
    /// the spacing (K2).
    pub const fn request_probe(&mut self) {
        if let Phase::Quiet = self.phase {
            self.probe = true;
        }
    }

    /// True while a ping is queued or unanswered.
    pub const fn is_outstanding(&self) -> bool {
        matches!(self.phase, Phase::Queued { .. } | Phase::Awaiting { .. })
    }

    /// The only place where a ping or a death is decided.
    ///
    /// Call with everything that had arrived by `now` already read (K9).
    /// `reading` is false while the client itself has stopped reading: then
    /// an answer may lie unread, and death is not judged.
    pub fn poll(&mut self, now: Instant, reading: bool) -> Action {
        match self.phase {
            Phase::Dead => {
                Action::Wait(Deadline { at: Instant::from_micros(u64::MAX), timer: Timer::Ping })
            }
            Phase::Queued { at } => self.judge_queued(at, now),
            Phase::Awaiting { sent, limit, extended } => {
                self.judge_awaiting(sent, limit, extended, now, reading)
            }
            Phase::Quiet => {
                let due = self.ping_due();
                if now < due {
                    return Action::Wait(Deadline { at: due, timer: Timer::Ping });
                }
                self.probe = false;
                self.phase = Phase::Queued { at: now };
                Action::SendPing
            }
        }
    }

    fn judge_queued(&mut self, queued: Instant, now: Instant) -> Action {
        let limit = queued.max(self.last_progress) + self.settings.response_timeout;
        if now < limit {
            return Action::Wait(Deadline { at: limit, timer: Timer::PingResponse });
        }
        self.phase = Phase::Dead;
        Action::Close(Death::NotWritten { queued })
    }

    fn judge_awaiting(
        &mut self,
        sent: Instant,
        limit: Instant,
        extended: bool,
        now: Instant,
        reading: bool,
    ) -> Action {
        if now < limit {
            return Action::Wait(Deadline { at: limit, timer: Timer::PingResponse });
        }
        if self.last_received > sent {
            self.phase = Phase::Quiet;
            return Action::NoteUnanswered { sent };
        }
        // Woken long after the limit (suspend, stall): an answer may still be
        // on its way, so the ping is judged afresh, once (K10).
        let slept = now.since(limit) >= self.settings.response_timeout / 2;
        if !reading || (slept && !extended) {
            let limit = now + self.settings.response_timeout;
            self.phase = Phase::Awaiting { sent, limit, extended: extended || slept };
            return Action::Wait(Deadline { at: limit, timer: Timer::PingResponse });
        }
        self.phase = Phase::Dead;
        Action::Close(Death::NoResponse { sent, last_received: self.last_received })
    }

    fn ping_due(&self) -> Instant {
        let quiet = self.settings.interval.saturating_sub(self.settings.margin);
        let by_us = self.last_sent + quiet;
        let by_peer = self.last_received + self.settings.probe_after_silence;
        let mut due = by_us.min(by_peer);
        if self.probe {
            due = Instant::default();
        }
        match self.last_ping {
            Some(ping) => due.max(ping + self.settings.min_ping_spacing),
            None => due,
        }
    }
}
