//! The keep-alive engine: one per connection, a pure function of instants.
//!
//! Laws kept here: K1 (one PINGREQ queued or awaited), K2 (spacing as
//! written), K3 (no silence beyond the interval less a margin), K4 (death
//! only by a written ping and the silence of the peer since its last byte, or
//! by a ping that cannot be written), K5 (the response clock starts at the
//! write), K6 (a late or unsolicited PINGRESP is counted, never fatal), K10 (a
//! jump of the clock is no proof of death), K11 (silence of the peer makes a
//! ping due even while we write), K14 (the first ping of a connection may come
//! early, so that clients that connect together do not ping together). K7 and K12 hold because the engine is made
//! at CONNACK and dies with its connection.
//!
//! ```text
//!            due / probe                 written
//!   Quiet ---------------> Queued ----------------> Awaiting
//!     ^                      |  not written in time     |
//!     |                      v                          | silent for too long
//!     |                    Dead <-----------------------+
//!     +------------ PINGRESP, or written off -----------+
//! ```
//!
//! The peer is judged by its last byte. In keep-alives, at most:
//!
//! ```text
//!   last byte heard       ping written                            dead
//!   0                     0.85                                    1.5
//!   |---------------------|---------------------------------------|
//!                         |<--- 0.65: the response time-out ----->|
//! ```
//!
//! So a server whose answers are always late by 0.6 keep-alives costs no
//! connection. A ping that goes out earlier than at 0.85 has more time; one
//! that K2, a slow transport or a sleep delayed has its response time-out in
//! any case. No ping is waited for longer than [`LONGEST_WAIT`], unless the
//! response time-out is longer.
//!
//! A ping is written off when other bytes came and its time is over, and when
//! its answer is so late that the next ping is due (K3): the peer counts our
//! silence whatever it owes us. What runs on then is its trial: a peer of
//! which nothing is heard is judged by the first ping it left unanswered, so
//! that pinging on postpones nothing (K11).
//!
//! While the client itself has stopped reading, an answer may lie unread: a
//! ping is then given up in silence when its time is over, pings go out at
//! their interval, and death is judged afresh once reading goes on.

use core::time::Duration;

use crate::time::{Deadline, Instant, Timer};

/// The part of the interval by which a ping may be late.
const SLACK_PART: u32 = 40;

/// A peer that says nothing is waited for no longer than this after a ping,
/// unless the response time-out is longer.
pub const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// What one engine works by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The effective keep-alive of the connection; not zero.
    pub interval: Duration,
    /// How much earlier than `interval` a ping is due.
    pub margin: Duration,
    /// Silence on our side after which the first ping of the connection is due,
    /// if the interval less the margin is longer.
    pub first_ping: Duration,
    /// How long a ping may stay unwritten, and how long it may at least stay
    /// unanswered.
    pub response_timeout: Duration,
    /// Least time between two pings as written.
    pub min_ping_spacing: Duration,
    /// Silence of the peer, from its last byte on, that is death once a ping
    /// has had its `response_timeout`. Zero if that alone decides.
    pub silence_limit: Duration,
}

impl Settings {
    /// How much later than it is due a ping may go out.
    fn slack(&self) -> Duration {
        self.interval / SLACK_PART
    }

    /// Silence on our side after which a ping is due (K3).
    fn own_silence(&self) -> Duration {
        self.interval.saturating_sub(self.margin)
    }

    /// The same until the first ping is written (K14).
    fn first_silence(&self) -> Duration {
        self.own_silence().min(self.first_ping)
    }

    /// Silence of the peer after which a ping is due although we write (K11):
    /// longer by the slack, so that it does not use that up.
    fn silence_of_peer(&self) -> Duration {
        self.own_silence() + self.slack()
    }

    /// When a peer that was heard last at `heard` is dead, or else the time of
    /// a ping written at `sent` is over (K4, K5).
    fn limit(&self, sent: Instant, heard: Instant) -> Instant {
        let silent = heard + self.silence_limit;
        silent.min(sent + LONGEST_WAIT).max(sent + self.response_timeout)
    }
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
    /// `limit`: when its time is over.
    Awaiting {
        sent: Instant,
        limit: Instant,
    },
    Dead,
}

/// The peer is on trial from a written ping to the next byte of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trial {
    /// When the first ping was written of which nothing was heard since.
    sent: Instant,
    /// When the link is dead.
    limit: Instant,
}

/// What the engine wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing before this deadline.
    Wait(Deadline),
    /// Queue one PINGREQ and report when it is written.
    SendPing,
    /// The ping is written off: it had no answer, but the peer is alive or the
    /// next ping is due. Note it, go on.
    NoteUnanswered {
        /// When it was written.
        sent: Instant,
        /// Other bytes came since: the peer is alive. If none came, the next
        /// ping is due, and the peer stays on trial.
        heard: bool,
    },
    /// The link is dead.
    Close(Death),
}

/// Why a link is taken to be dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// A PINGREQ could not be written in time: the transport takes no bytes.
    NotWritten {
        /// When it was queued.
        queued: Instant,
    },
    /// A written PINGREQ brought no byte of any kind, and the peer has been
    /// silent for too long.
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
    /// It answers the outstanding ping.
    Matched {
        /// From write to answer. Pings carry no number: if one before it
        /// was written off unheard, the answer is held to be that one's.
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
    trial: Option<Trial>,
    /// The first ping written that the next PINGRESP may answer.
    oldest: Option<Instant>,
    last_sent: Instant,
    /// When the transport last took bytes, a whole packet or not.
    last_progress: Instant,
    last_received: Instant,
    last_ping: Option<Instant>,
    probe: bool,
    /// The client had stopped reading when it was asked last.
    paused: bool,
    /// When it, or the client, wants to be called again.
    wake: Instant,
}

impl KeepAlive {
    /// An engine for a connection that was accepted (CONNACK) now.
    pub const fn new(settings: Settings, now: Instant) -> Self {
        Self {
            settings,
            phase: Phase::Quiet,
            trial: None,
            oldest: None,
            last_sent: now,
            last_progress: now,
            last_received: now,
            last_ping: None,
            probe: false,
            paused: false,
            wake: now,
        }
    }

    /// The same engine if our last packet, CONNECT, was written at `last_sent`.
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

    /// The queued PINGREQ was written whole. The response clock starts here.
    pub fn on_ping_sent(&mut self, now: Instant) {
        if let Phase::Queued { .. } = self.phase {
            let limit = self.settings.limit(now, self.last_received);
            self.phase = Phase::Awaiting { sent: now, limit };
            self.trial.get_or_insert(Trial { sent: now, limit });
            self.oldest.get_or_insert(now);
            self.last_ping = Some(now);
            self.on_sent(now);
        }
    }

    /// Bytes of any kind came, a whole packet or not.
    pub fn on_received(&mut self, now: Instant) {
        self.last_received = self.last_received.max(now);
        self.trial = None;
    }

    /// A PINGRESP came.
    pub fn on_pong(&mut self, now: Instant) -> Pong {
        self.on_received(now);
        let oldest = self.oldest.take();
        match self.phase {
            Phase::Awaiting { sent, .. } => {
                self.phase = Phase::Quiet;
                Pong::Matched { round_trip: now.since(oldest.unwrap_or(sent)) }
            }
            _ => Pong::Unsolicited,
        }
    }

    /// Asks for a ping; it joins one that is outstanding and waits for
    /// the spacing.
    pub const fn request_probe(&mut self) {
        if let Phase::Quiet = self.phase {
            self.probe = true;
        }
    }

    /// True while a ping is queued or unanswered.
    pub const fn is_outstanding(&self) -> bool {
        matches!(self.phase, Phase::Queued { .. } | Phase::Awaiting { .. })
    }

    /// The client wants to be called again at this time, for whatever reason: one
    /// that is called long after it has slept.
    pub fn on_wait(&mut self, until: Instant) {
        self.wake = self.wake.min(until);
    }

    /// The only place where a ping or a death is decided.
    ///
    /// Call with everything that had arrived by `now` already read.
    /// `reading` is false while the client itself has stopped reading: then
    /// an answer may lie unread, and death by silence is not judged.
    pub fn poll(&mut self, now: Instant, reading: bool) -> Action {
        let resumed = core::mem::replace(&mut self.paused, !reading) && reading;
        if resumed || self.has_slept(now) {
            self.judge_afresh(now);
        }
        let action = self.judge(now);
        if let Action::Wait(deadline) = action {
            self.wake = deadline.at;
        }
        action
    }

    /// What [`poll`](Self::poll) would wait for; at once if it would do something.
    pub fn next_deadline(&self, now: Instant, reading: bool) -> Deadline {
        match self.clone().poll(now, reading) {
            Action::Wait(deadline) => deadline,
            Action::SendPing => Deadline { at: now, timer: Timer::Ping },
            Action::NoteUnanswered { .. } | Action::Close(_) => {
                Deadline { at: now, timer: Timer::PingResponse }
            }
        }
    }

    /// How much later than its deadline says the next ping may go out, so that
    /// one wake-up can serve many connections; the margin allows for it.
    /// Zero if more than the end of our own silence may come of the
    /// deadline: the judgement of a ping, or a ping that is due though we write.
    pub fn slack(&self) -> Duration {
        let due = self.ping_due();
        let ends_silence =
            self.phase == Phase::Quiet && self.trial.is_none() && due == self.silence_ends();
        if !ends_silence {
            return Duration::ZERO;
        }
        let asked = self.last_received + self.settings.silence_of_peer();
        self.settings.slack().min(asked.since(due))
    }

    /// Called long after it, or the client, wanted to be: time passed in suspend or
    /// in a stall, in which nothing could be written or read. It proves no death (K10).
    fn has_slept(&self, now: Instant) -> bool {
        now.since(self.wake) > self.settings.response_timeout / 8
    }

    /// Whatever runs out has its whole time again from now.
    fn judge_afresh(&mut self, now: Instant) {
        let limit = now + self.settings.response_timeout;
        match &mut self.phase {
            Phase::Queued { from, .. } => *from = now,
            Phase::Awaiting { limit: own, .. } => *own = limit.max(*own),
            Phase::Quiet | Phase::Dead => {}
        }
        if let Some(trial) = &mut self.trial {
            trial.limit = limit.max(trial.limit);
        }
    }

    fn judge(&mut self, now: Instant) -> Action {
        // A peer that is not listened to is not on trial.
        let trial = if self.paused || self.phase == Phase::Dead { None } else { self.trial };
        if let Some(Trial { sent, .. }) = trial.filter(|trial| now >= trial.limit) {
            self.phase = Phase::Dead;
            return Action::Close(Death::NoResponse { sent, last_received: self.last_received });
        }
        let action = match self.phase {
            Phase::Dead => wait(Instant::from_micros(u64::MAX), Timer::Ping),
            Phase::Queued { at, from } => self.judge_queued(at, from, now),
            Phase::Awaiting { sent, limit } => self.judge_awaiting(sent, limit, now),
            Phase::Quiet => self.judge_quiet(now),
        };
        match (action, trial) {
            (Action::Wait(deadline), Some(Trial { limit, .. })) if limit < deadline.at => {
                wait(limit, Timer::PingResponse)
            }
            _ => action,
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
        let limit = from.max(self.last_progress) + self.settings.response_timeout;
        if now < limit {
            return wait(limit, Timer::PingResponse);
        }
        self.phase = Phase::Dead;
        Action::Close(Death::NotWritten { queued: at })
    }

    fn judge_awaiting(&mut self, sent: Instant, limit: Instant, now: Instant) -> Action {
        let heard = self.trial.is_none();
        // Of a peer that is silent since, the trial decides.
        let due = if heard { self.ping_due() } else { self.spaced(self.silence_ends()) };
        let ends = if heard || self.paused { due.min(limit) } else { due };
        if now < ends {
            return wait(ends, if ends == due { Timer::Ping } else { Timer::PingResponse });
        }
        self.phase = Phase::Quiet;
        if heard || self.paused {
            self.trial = None;
            self.oldest = None;
        }
        if self.paused && !heard {
            return self.judge_quiet(now);
        }
        Action::NoteUnanswered { sent, heard }
    }

    /// When our own silence has lasted as long as it may (K3).
    fn silence_ends(&self) -> Instant {
        self.last_sent
            + match self.last_ping {
                Some(_) => self.settings.own_silence(),
                None => self.settings.first_silence(),
            }
    }

    /// Not before the spacing of pings is kept (K2).
    fn spaced(&self, at: Instant) -> Instant {
        self.last_ping.map_or(at, |ping| at.max(ping + self.settings.min_ping_spacing))
    }

    fn ping_due(&self) -> Instant {
        let mut due = self.silence_ends();
        // A peer that is not listened to is not accused of silence.
        if !self.paused {
            due = due.min(self.last_received + self.settings.silence_of_peer());
        }
        if self.probe {
            due = Instant::default();
        }
        self.spaced(due)
    }
}

const fn wait(at: Instant, timer: Timer) -> Action {
    Action::Wait(Deadline { at, timer })
}

#[cfg(test)]
mod exhaustive;
