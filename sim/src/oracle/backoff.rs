//! R3, R4, R9 and R13: how long the client waits after the end of a connection, by
//! its cause. Lower bounds are those of the policy's description; the upper
//! bound is one for all, but after connections that had been accepted.

use std::collections::BTreeSet;
use std::time::Duration;

use evenkeel_codec::{ReasonCode, Version};
use evenkeel_proto::{
    CauseClass, DisconnectCause, Event, Halt, Instant, Pace, Reconnect, RefusedPolicy, Retry,
    TakeOverPolicy, TransportFailure,
};

use super::{Oracle, Verdict};
use crate::observation::{Facts, Observation};
use crate::view::View;

const TAKE_OVERS_WITHIN: Duration = Duration::from_secs(600);
/// How long an attempt that was given up may still take over a later one.
const ECHO: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct BackOff {
    /// Number of the latest attempt, as it was told.
    attempt: u32,
    /// Some CONNACK has accepted this client.
    proven: bool,
    /// The server of the latest attempt, and those that accepted MQTT 5.
    server: usize,
    speak_v5: BTreeSet<usize>,
    halted: bool,
    taken_over: Option<Instant>,
    /// When the client gave up an attempt that may still reach the server.
    gave_up: Option<Instant>,
    /// The end that has no consequence yet.
    ended: Option<Ended>,
}

#[derive(Clone, Copy, Debug)]
struct Ended {
    class: CauseClass,
    /// Growth may start over: the connection was stable and useful.
    was_good: bool,
    /// CONNACK had accepted the connection.
    was_accepted: bool,
    /// The longest back-off after a connection that was useful.
    most: Option<Duration>,
    /// The second take-over within the window.
    is_fight: bool,
    /// The older version is tried at once.
    is_fallback: bool,
}

impl Oracle for BackOff {
    fn see(&mut self, facts: &Facts, view: &View, seen: &Observation<'_>, verdict: &mut Verdict) {
        let policy = &view.declared.reconnect;
        match seen {
            Observation::Started => self.attempt = 0,
            Observation::ReconnectAsked if self.halted => self.attempt = 0,
            Observation::Recovered(_) => self.speak_v5.clear(),
            Observation::Event(Event::Connecting { attempt, server, .. }) => {
                self.server = *server;
                verdict.require("R5", self.ended.is_none(), || {
                    format!("connects without a word after {:?}", self.ended)
                });
                self.attempt = *attempt;
                self.halted = false;
            }
            Observation::Event(Event::Connected(connected)) => {
                self.proven = true;
                if connected.version == Version::V5 {
                    self.speak_v5.insert(self.server);
                }
            }
            Observation::Event(Event::Disconnected { cause, .. }) => {
                self.ended = self.judge(facts.local, view, cause);
            }
            Observation::Event(Event::RetryScheduled { retry, delay }) => {
                let ended = self.ended.take();
                verdict.require("R5", facts.local + *delay == retry.at, || {
                    format!("{retry:?} does not come after {delay:?}")
                });
                if let Some(ended) = ended {
                    self.compare(policy, ended, *retry, *delay, verdict);
                }
            }
            Observation::Event(Event::Halted(halt)) => {
                self.halted = true;
                let ended = self.ended.take();
                let is_right = ended.is_some_and(|ended| match halt {
                    Halt::Refused => {
                        ended.class == CauseClass::Refused
                            && policy.refused != RefusedPolicy::SlowLane
                            && !(self.proven && policy.refused == RefusedPolicy::HaltUnlessProven)
                    }
                    Halt::TakenOver => ended.is_fight && policy.taken_over == TakeOverPolicy::Halt,
                    _ => false,
                });
                verdict.require("R4", is_right, || format!("halts by {halt:?} after {ended:?}"));
            }
            _ => {}
        }
    }
}

impl BackOff {
    fn judge(&mut self, now: Instant, view: &View, cause: &DisconnectCause) -> Option<Ended> {
        let policy = &view.declared.reconnect;
        let lived = view.online().map(|(conn, online)| (now.since(online.since), conn.is_useful));
        let was_accepted = lived.is_some();
        let useful_life = lived.filter(|(_, useful)| *useful).map(|(lived, _)| lived);
        let most = useful_life.map(|lived| (lived / 2).max(policy.base));
        let was_good = lived.is_some_and(|(lived, useful)| lived >= policy.stable_after && useful);
        if lived.is_none()
            && matches!(
                cause,
                DisconnectCause::ReconnectRequested | DisconnectCause::ConnectTimeout { .. }
            )
        {
            self.gave_up = Some(now);
        }
        if *cause == DisconnectCause::Shutdown {
            return None;
        }
        let class = class_of(cause);
        let is_fight = class == CauseClass::TakenOver && self.is_second(now);
        // A server that never spoke MQTT 5 is asked again for it after an hour (R14).
        let may_lack_v5 = !self.speak_v5.contains(&self.server);
        let is_fallback = is_about_version(cause) && view.declared.fallback && may_lack_v5;
        Some(Ended { class, was_good, was_accepted, most, is_fight, is_fallback })
    }

    /// A take-over that another instance is to blame for, soon after the last.
    /// One that follows an attempt of ours that we gave up may be that one's.
    fn is_second(&mut self, now: Instant) -> bool {
        if self.gave_up.take().is_some_and(|at| now.since(at) < ECHO) {
            return false;
        }
        self.taken_over.replace(now).is_some_and(|last| now.since(last) < TAKE_OVERS_WITHIN)
    }

    fn compare(
        &self,
        policy: &Reconnect,
        ended: Ended,
        retry: Retry,
        delay: Duration,
        verdict: &mut Verdict,
    ) {
        let is_next = retry.attempt == self.attempt + 1;
        verdict.require("R3", is_next || ended.was_good && retry.attempt == 1, || {
            format!("attempt {} follows {}, good: {}", retry.attempt, self.attempt, ended.was_good)
        });
        if ended.is_fallback && retry.pace != Pace::SlowLane {
            return;
        }
        let is_refusal = ended.class == CauseClass::Refused;
        let may_halt = is_refusal
            && match policy.refused {
                RefusedPolicy::Halt => true,
                RefusedPolicy::HaltUnlessProven => !self.proven,
                _ => false,
            };
        verdict.require("R4", !may_halt, || format!("{retry:?} after a refusal for good"));
        let must_stop = ended.is_fight && policy.taken_over == TakeOverPolicy::Halt;
        verdict.require("R9", !must_stop, || format!("{retry:?} after a second take-over"));
        let grown = policy.base * (1 << retry.attempt.saturating_sub(2).min(16));
        let high = grown.min(policy.cap).min(ended.most.unwrap_or(Duration::MAX));
        let back_off = high / 2;
        let (law, least) = match ended.class {
            CauseClass::Local => ("R3", Duration::ZERO),
            // No longer than after a close without a word.
            CauseClass::Refused if ended.was_accepted => ("R13", back_off),
            CauseClass::Refused => ("R4", policy.slow_lane.0),
            CauseClass::TakenOver if ended.is_fight => ("R9", policy.slow_lane.0),
            CauseClass::Throttled => ("R4", back_off.max(policy.cap / 12)),
            _ => ("R3", back_off),
        };
        let is_bounded = law == "R13" || law == "R3" && ended.most.is_some();
        let is_long = delay > high && !matches!(retry.pace, Pace::Floor | Pace::Budget);
        verdict.require(law, !(is_bounded && is_long), || {
            format!("{retry:?} after {delay:?}, which is more than {high:?}: {ended:?}")
        });
        let most = policy.slow_lane.1.max(policy.cap).max(policy.budget_window);
        let most = most + policy.floor.max(policy.spacing) * 11 / 10;
        verdict.require(law, (least..=most).contains(&delay), || {
            format!("{retry:?} after {delay:?}, which is not {least:?} to {most:?}: {ended:?}")
        });
    }
}

fn is_about_version(cause: &DisconnectCause) -> bool {
    let unsupported = ReasonCode::UNSUPPORTED_PROTOCOL_VERSION;
    matches!(cause, DisconnectCause::Refused { reason, .. } if *reason == unsupported)
}

/// R4, as the reason codes are documented; not asked of the client.
const fn class_of(cause: &DisconnectCause) -> CauseClass {
    match cause {
        DisconnectCause::Refused { reason, .. }
        | DisconnectCause::ServerDisconnect { reason, .. } => match reason.0 {
            0x84..=0x87 | 0x8A | 0x8C => CauseClass::Refused,
            0x8E => CauseClass::TakenOver,
            0x89 | 0x96 | 0x97 | 0x9F => CauseClass::Throttled,
            _ => CauseClass::Network,
        },
        DisconnectCause::Transport {
            failure: TransportFailure::TlsRefused | TransportFailure::Config,
            ..
        }
        | DisconnectCause::Authentication => CauseClass::Refused,
        DisconnectCause::ReconnectRequested | DisconnectCause::Renewal => CauseClass::Local,
        _ => CauseClass::Network,
    }
}
