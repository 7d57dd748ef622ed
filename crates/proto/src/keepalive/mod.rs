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
//!
//! While the client itself has stopped reading, an answer may lie unread: a
//! ping is then given up in silence when its time is over, pings go out at
//! their interval, and death is judged afresh once reading goes on.

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
    /// `from`: judged as if it had been queued then.
    Queued {
        at: Instant,
        from: Instant,
    },
    /// `heard`: bytes came since it was written.
    Awaiting {
        sent: Instant,
        limit: Instant,
        heard: bool,
    },
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
    /// The client had stopped reading when it was asked last.
    paused: bool,
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
            paused: false,
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
            self.phase = Phase::Awaiting { sent: now, limit, heard: false };
            self.last_ping = Some(now);
            self.on_sent(now);
        }
    }

    /// Bytes of any kind came, a whole packet or not (K4).
    pub fn on_received(&mut self, now: Instant) {
        self.last_received = self.last_received.max(now);
        if let Phase::Awaiting { heard, .. } = &mut self.phase {
            *heard = true;
        }
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
    /// an answer may lie unread, and death by silence is not judged.
    pub fn poll(&mut self, now: Instant, reading: bool) -> Action {
        let resumed = core::mem::replace(&mut self.paused, !reading) && reading;
        match self.phase {
            Phase::Dead => wait(Instant::from_micros(u64::MAX), Timer::Ping),
            Phase::Queued { at, from } => self.judge_queued(at, from, now),
            Phase::Awaiting { sent, limit, heard } => {
                let afresh = if resumed { now + self.settings.response_timeout } else { limit };
                self.judge_awaiting(sent, limit.max(afresh), heard, now)
            }
            Phase::Quiet => self.judge_quiet(now),
        }
    }

    fn judge_quiet(&mut self, now: Instant) -> Action {
        let due = self.ping_due();
        if now < due {
            return wait(due, Timer::Ping);
        }
        self.probe = false;
        self.phase = Phase::Queued { at: now, from: now };
        Action::SendPing
    }

    fn judge_queued(&mut self, at: Instant, from: Instant, now: Instant) -> Action {
        let mut limit = from.max(self.last_progress) + self.settings.response_timeout;
        if self.has_slept(limit, now) {
            self.phase = Phase::Queued { at, from: now };
            limit = now + self.settings.response_timeout;
        }
        if now < limit {
            return wait(limit, Timer::PingResponse);
        }
        self.phase = Phase::Dead;
        Action::Close(Death::NotWritten { queued: at })
    }

    fn judge_awaiting(
        &mut self,
        sent: Instant,
        mut limit: Instant,
        heard: bool,
        now: Instant,
    ) -> Action {
        if heard && now >= limit {
            self.phase = Phase::Quiet;
            return Action::NoteUnanswered { sent };
        }
        if self.paused && now >= limit {
            self.phase = Phase::Quiet;
            return self.judge_quiet(now);
        }
        if self.has_slept(limit, now) {
            limit = now + self.settings.response_timeout;
        }
        if now < limit {
            self.phase = Phase::Awaiting { sent, limit, heard };
            return wait(limit, Timer::PingResponse);
        }
        self.phase = Phase::Dead;
        Action::Close(Death::NoResponse { sent, last_received: self.last_received })
    }

    /// Woken long after the limit: time passed in suspend or in a stall, in
    /// which nothing could be written or read. It proves no death (K10).
    fn has_slept(&self, limit: Instant, now: Instant) -> bool {
        now.since(limit) > self.settings.response_timeout / 8
    }

    fn ping_due(&self) -> Instant {
        let quiet = self.settings.interval.saturating_sub(self.settings.margin);
        let mut due = self.last_sent + quiet;
        // A peer that is not listened to is not accused of silence.
        if !self.paused {
            due = due.min(self.last_received + self.settings.probe_after_silence);
        }
        if self.probe {
            due = Instant::default();
        }
        match self.last_ping {
            Some(ping) => due.max(ping + self.settings.min_ping_spacing),
            None => due,
        }
    }
}

const fn wait(at: Instant, timer: Timer) -> Action {
    Action::Wait(Deadline { at, timer })
}

#[cfg(test)]
mod exhaustive;
