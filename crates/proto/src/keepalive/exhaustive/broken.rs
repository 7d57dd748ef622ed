//! Engines broken on purpose, one law each.

use super::super::*;

/// One law broken each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutation {
    /// K1: a probe forgets the ping that is out.
    ProbeForgetsPing,
    /// K1: a PINGRESP clears a ping that is only queued.
    PongClearsQueued,
    /// K2: spacing is not kept.
    NoSpacing,
    /// K2: spacing counts from the queueing, not from the writing.
    SpacingFromQueue,
    /// K3: what comes in counts as breaking our silence.
    ReceivedCountsAsSent,
    /// K3: a part of a packet counts as one.
    ProgressCountsAsSent,
    /// K3: pings go out at the interval, without margin.
    NoMargin,
    /// K3: a ping that was written off is never followed by another.
    OnePingForever,
    /// K3: a ping that is out holds back the next, however late its answer is.
    WaitsForAnswer,
    /// K1: the next ping goes out though the one that is out is not written off.
    PingsBesideAPing,
    /// K14: each ping is as early as the first one.
    EachPingIsFirst,
    /// K4: half the interval after a ping, the peer is called dead.
    HalfTheInterval,
    /// K4: the peer's silence counts from the ping, not from its last byte.
    SilenceFromPing,
    /// K4: a ping is waited for as long as the interval makes it.
    NoLongestWait,
    /// K4: the peer is asked only after the whole interval.
    AsksLate,
    /// K4: the slack of a ping comes on top of the latest instant.
    SlackOnTop,
    /// K4: bytes other than PINGRESP are no life.
    DeafToBytes,
    /// K4: a dead link is never called so.
    NeverDead,
    /// K4: each further ping begins the trial of the peer anew.
    EachPingForgives,
    /// K4: a slow transport is called stuck.
    ProgressIgnored,
    /// K5: the response clock starts at the queueing.
    ClockFromQueue,
    /// K6: a stray PINGRESP closes.
    StrayPongKills,
    /// K7: the engine of the old connection lives on.
    Orphan,
    /// K9: judged before what had arrived is read.
    JudgedBeforeRead,
    /// K10: sleep is taken for silence of the peer.
    SleepKills,
    /// K10: sleep is taken for a transport that is stuck.
    SleepKillsQueued,
    /// K10: after a sleep the ping waits for another interval.
    SleepForgets,
    /// K11: what we write counts as life of the peer.
    WritesAreLife,
    /// K11: while a ping has no answer, silence of the peer makes none due.
    AsksOnce,
    /// An unanswered ping is always said to have been followed by bytes.
    AlwaysHeard,
    /// K9, K13: judged though an answer may lie unread.
    PausedIsJudged,
    /// A probe is lost.
    ProbeIgnored,
}

pub(super) const MUTATIONS: [(Mutation, &[&str]); 32] = [
    (Mutation::ProbeForgetsPing, &["K1"]),
    (Mutation::PongClearsQueued, &["K1"]),
    (Mutation::NoSpacing, &["K2"]),
    (Mutation::SpacingFromQueue, &["K2"]),
    (Mutation::ReceivedCountsAsSent, &["K3"]),
    (Mutation::ProgressCountsAsSent, &["K3"]),
    (Mutation::NoMargin, &["K3"]),
    (Mutation::OnePingForever, &["K3"]),
    (Mutation::WaitsForAnswer, &["K3"]),
    (Mutation::PingsBesideAPing, &["K1"]),
    (Mutation::EachPingIsFirst, &["no needless ping"]),
    (Mutation::HalfTheInterval, &["K4"]),
    (Mutation::SilenceFromPing, &["K4"]),
    (Mutation::NoLongestWait, &["K4"]),
    (Mutation::AsksLate, &["K4"]),
    (Mutation::SlackOnTop, &["K4"]),
    (Mutation::DeafToBytes, &["K4"]),
    (Mutation::NeverDead, &["K4"]),
    (Mutation::EachPingForgives, &["K4"]),
    (Mutation::ProgressIgnored, &["K4"]),
    (Mutation::ClockFromQueue, &["K5"]),
    (Mutation::StrayPongKills, &["K6"]),
    (Mutation::Orphan, &["K7"]),
    (Mutation::JudgedBeforeRead, &["K9"]),
    (Mutation::SleepKills, &["K10"]),
    (Mutation::SleepKillsQueued, &["K10"]),
    (Mutation::SleepForgets, &["K10"]),
    (Mutation::WritesAreLife, &["K11"]),
    (Mutation::AsksOnce, &["K11"]),
    (Mutation::AlwaysHeard, &["heard"]),
    (Mutation::PausedIsJudged, &["K9"]),
    (Mutation::ProbeIgnored, &["probe"]),
];

/// The engine, as it is or broken.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) engine: KeepAlive,
    mutation: Option<Mutation>,
    /// When the ping that is out was queued.
    queued: Instant,
    /// A ping has been written off.
    wrote_off: bool,
}

impl Subject {
    pub(super) const fn new(engine: KeepAlive, mutation: Option<Mutation>, now: Instant) -> Self {
        Self { engine, mutation, queued: now, wrote_off: false }
    }

    pub(super) fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    pub(super) fn poll(&mut self, now: Instant, reading: bool) -> Action {
        let engine = &mut self.engine;
        match self.mutation {
            Some(Mutation::NoSpacing) => {
                if let Some(last_ping) = &mut engine.last_ping {
                    *last_ping = Instant::default();
                }
            }
            Some(Mutation::EachPingIsFirst) => {
                let first_silence = engine.settings.first_silence();
                engine.settings.margin = engine.settings.interval - first_silence;
            }
            Some(Mutation::SpacingFromQueue) => {
                engine.last_ping = engine.last_ping.map(|_| self.queued);
            }
            Some(Mutation::SleepForgets) if engine.phase == Phase::Quiet => {
                let due = engine.ping_due();
                if now > due + engine.settings.interval {
                    engine.last_sent = now;
                    engine.last_received = now;
                }
            }
            Some(Mutation::SleepKills) if matches!(engine.phase, Phase::Awaiting { .. }) => {
                engine.wake = now;
            }
            Some(Mutation::SleepKillsQueued) if matches!(engine.phase, Phase::Queued { .. }) => {
                engine.wake = now;
            }
            Some(Mutation::NeverDead) => {
                if let Some(trial) = &mut engine.trial {
                    trial.limit = now + engine.settings.response_timeout;
                }
            }
            Some(Mutation::WaitsForAnswer) if matches!(engine.phase, Phase::Awaiting { .. }) => {
                let last_sent = core::mem::replace(&mut engine.last_sent, now);
                let action = engine.poll(now, reading);
                engine.last_sent = last_sent;
                return action;
            }
            Some(Mutation::AsksOnce)
                if engine.trial.is_none() && matches!(engine.phase, Phase::Awaiting { .. }) =>
            {
                let last_received = core::mem::replace(&mut engine.last_received, now);
                let action = engine.poll(now, reading);
                engine.last_received = last_received;
                return action;
            }
            Some(Mutation::AsksLate) => {
                let early = engine.settings.interval - engine.settings.silence_of_peer();
                let last_received = engine.last_received;
                engine.last_received = last_received + early;
                let action = engine.poll(now, reading);
                engine.last_received = last_received;
                return action;
            }
            Some(Mutation::OnePingForever) if self.wrote_off => {
                engine.last_sent = now;
                engine.last_received = now;
            }
            _ => {}
        }
        let action = engine.poll(now, reading || self.mutation == Some(Mutation::PausedIsJudged));
        self.after(action, now, reading)
    }

    /// What becomes of the answer of the engine.
    fn after(&mut self, action: Action, now: Instant, reading: bool) -> Action {
        match action {
            Action::SendPing => self.queued = now,
            Action::NoteUnanswered { sent, .. } => {
                self.wrote_off = true;
                match self.mutation {
                    Some(Mutation::AlwaysHeard) => {
                        return Action::NoteUnanswered { sent, heard: true };
                    }
                    Some(Mutation::EachPingForgives) => self.engine.trial = None,
                    Some(Mutation::PingsBesideAPing) => return self.engine.poll(now, reading),
                    _ => {}
                }
            }
            _ => {}
        }
        action
    }

    pub(super) fn on_sent(&mut self, now: Instant) {
        self.engine.on_sent(now);
        if self.is(Mutation::WritesAreLife) {
            self.engine.last_received = self.engine.last_received.max(now);
        }
    }

    pub(super) fn on_progress(&mut self, now: Instant) {
        if self.is(Mutation::ProgressCountsAsSent) {
            self.engine.on_sent(now);
        }
        if !self.is(Mutation::ProgressIgnored) {
            self.engine.on_progress(now);
        }
    }

    pub(super) fn on_ping_sent(&mut self, now: Instant) {
        self.on_progress(now);
        if self.is(Mutation::WritesAreLife) {
            self.engine.last_received = self.engine.last_received.max(now);
        }
        self.engine.on_ping_sent(now);
        let Settings { interval, silence_limit, response_timeout, .. } = self.engine.settings;
        let Some(trial) = &mut self.engine.trial else { return };
        match self.mutation {
            Some(Mutation::ClockFromQueue) => trial.limit = self.queued + response_timeout,
            Some(Mutation::HalfTheInterval) => trial.limit = now + interval / 2,
            Some(Mutation::SilenceFromPing) => trial.limit = now + silence_limit,
            Some(Mutation::NoLongestWait) => {
                let silent = self.engine.last_received + silence_limit;
                trial.limit = silent.max(now + response_timeout);
            }
            _ => {}
        }
    }

    pub(super) fn slack(&self) -> Duration {
        let slack = self.engine.slack();
        if self.is(Mutation::SlackOnTop) { slack * 2 } else { slack }
    }

    pub(super) fn on_received(&mut self, now: Instant) {
        match self.mutation {
            Some(Mutation::DeafToBytes) => {
                self.engine.last_received = self.engine.last_received.max(now);
            }
            _ => self.engine.on_received(now),
        }
        if self.is(Mutation::ReceivedCountsAsSent) {
            self.engine.on_sent(now);
        }
    }

    pub(super) fn on_pong(&mut self, now: Instant) -> Pong {
        if self.is(Mutation::PongClearsQueued)
            && let Phase::Queued { .. } = self.engine.phase
        {
            self.engine.phase = Phase::Quiet;
        }
        let pong = self.engine.on_pong(now);
        if self.is(Mutation::StrayPongKills) && pong == Pong::Unsolicited {
            // As a client does that takes it for an error of the protocol.
            let limit = now;
            self.engine.phase = Phase::Awaiting { sent: now, limit };
            self.engine.trial = Some(Trial { sent: now, limit });
        }
        pong
    }

    pub(super) fn request_probe(&mut self) {
        if self.is(Mutation::ProbeIgnored) {
            return;
        }
        if self.is(Mutation::ProbeForgetsPing) {
            self.engine.phase = Phase::Quiet;
        }
        self.engine.request_probe();
    }

    pub(super) fn replace(&mut self, settings: Settings, now: Instant) {
        if !self.is(Mutation::Orphan) {
            self.engine = KeepAlive::new(settings, now);
        }
    }
}
