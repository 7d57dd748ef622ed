use core::time::Duration;

use crate::cause::{CauseClass, DisconnectCause};
use crate::rng::Rng;
use crate::time::Instant;

use super::budget::Budget;
use super::repeat::{RepeatWatch, Repetition};

/// How connections are re-opened. Every field is a bound; `Default` is meant
/// for unattended devices.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconnect {
    /// False: a lost connection, or a first attempt that fails, halts the client.
    pub enabled: bool,
    /// Upper end of the first delay; the lower end is half of it. Doubled at
    /// each further attempt. Default 1 s.
    pub base: Duration,
    /// Upper end of every delay. Default 60 s.
    pub cap: Duration,
    /// A connection that has been online this long and has done useful work
    /// resets the growth. Default 30 s.
    pub stable_after: Duration,
    /// Attempts in a row without stability before halting; `None` never halts. Default `None`.
    pub attempts: Option<u32>,
    /// Connects allowed in any `budget_window`, whatever the cause. Default 8.
    pub budget: u32,
    /// The sliding window of `budget`. Default 60 s.
    pub budget_window: Duration,
    /// Least time between two connects when the connection between them
    /// lived less than 30 s. A profile may raise it. Default 0.
    pub floor: Duration,
    /// What follows a refusal that repeating cannot mend.
    pub refused: RefusedPolicy,
    /// What follows a second take-over within ten minutes.
    pub taken_over: TakeOverPolicy,
    /// Range of the jittered delay of the slow lane. Default 60 s to 120 s.
    pub slow_lane: (Duration, Duration),
}

/// What follows a refusal for good: credentials, identifier, version, ban, TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusedPolicy {
    /// Halts if the server never accepted this client; otherwise the slow lane,
    /// since an authentication back end may come back.
    #[default]
    HaltUnlessProven,
    /// Halts always.
    Halt,
    /// Never halts: tries again in the slow lane, asking the credentials hook each time.
    SlowLane,
}

/// What follows the second take-over within ten minutes (R9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TakeOverPolicy {
    /// Stops fighting: another instance uses the same client identifier.
    #[default]
    Halt,
    /// Tries again in the slow lane.
    SlowLane,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            enabled: true,
            base: Duration::from_secs(1),
            cap: Duration::from_secs(60),
            stable_after: Duration::from_secs(30),
            attempts: None,
            budget: 8,
            budget_window: Duration::from_secs(60),
            floor: Duration::ZERO,
            refused: RefusedPolicy::default(),
            taken_over: TakeOverPolicy::default(),
            slow_lane: (Duration::from_secs(60), Duration::from_secs(120)),
        }
    }
}

impl Reconnect {
    /// A policy that never re-opens: the first failure halts the client.
    pub fn never() -> Self {
        Self { enabled: false, ..Self::default() }
    }
}

/// Which rule set the delay before the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pace {
    /// The very first attempt, or one the application asked for.
    AtOnce,
    /// Exponential growth with jitter.
    BackOff,
    /// The least time after a short-lived connection.
    Floor,
    /// The budget of connects per window is used up.
    Budget,
    /// Minutes: a refusal or take-over that repeating cannot mend.
    SlowLane,
    /// The server asked for less.
    Throttled,
}

/// The next attempt and why then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// When it may be opened.
    pub at: Instant,
    /// Its number since the last stable connection, from 1.
    pub attempt: u32,
    /// Which rule decided.
    pub pace: Pace,
}

/// Why there will be no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Halt {
    /// The policy does not re-open connections.
    Disabled,
    /// Refused for good.
    Refused,
    /// Another instance uses the client identifier.
    TakenOver,
    /// The allowed number of attempts is used up.
    Attempts(u32),
}

/// What the policy decides after the end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Try again then.
    Retry(Retry),
    /// Stop.
    Halt(Halt),
}

/// How a connection ended, as the policy sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) cause: &'a DisconnectCause,
    /// When CONNACK accepted it; `None` if it never did.
    pub(crate) online_since: Option<Instant>,
    /// An acknowledgement or a PINGRESP came.
    pub(crate) useful: bool,
}

const TAKE_OVER_WINDOW: Duration = Duration::from_secs(600);
const SHORT_LIFE: Duration = Duration::from_secs(30);
const REDIRECTS: u32 = 3;

/// The reconnect engine of one client: the only place that decides when to
/// open a connection.
#[derive(Clone, Debug)]
pub(crate) struct Reconnector {
    policy: Reconnect,
    budget: Budget,
    repeat: RepeatWatch,
    attempt: u32,
    redirects: u32,
    proven: bool,
    last_connect: Option<Instant>,
    last_take_over: Option<Instant>,
}

impl Reconnector {
    pub(crate) fn new(policy: Reconnect) -> Self {
        let budget = Budget::new(policy.budget.max(1), policy.budget_window);
        Self {
            policy,
            budget,
            repeat: RepeatWatch::default(),
            attempt: 0,
            redirects: 0,
            proven: false,
            last_connect: None,
            last_take_over: None,
        }
    }

    /// A connection is opened now.
    pub(crate) fn on_open(&mut self, now: Instant) {
        self.budget.record(now);
        self.last_connect = Some(now);
        self.attempt = self.attempt.saturating_add(1);
    }

    /// CONNACK accepted. Resets nothing but what acceptance proves (R3).
    pub(crate) const fn on_online(&mut self) {
        self.proven = true;
    }

    /// The first attempt, or one asked for by the application: no back-off,
    /// but the budget and the floor hold.
    pub(crate) fn at_once(&self, now: Instant) -> Retry {
        self.bounded(now, now, Pace::AtOnce)
    }

    /// The policy for what has just ended.
    pub(crate) fn on_end(
        &mut self,
        now: Instant,
        ended: &Ended<'_>,
        rng: &mut Rng,
    ) -> (Verdict, Option<Repetition>) {
        let lived = ended.online_since.map(|since| now.since(since));
        let class = ended.cause.class();
        let repetition = self.repeat.on_end(now, class, lived);
        if lived.is_some_and(|lived| lived >= self.policy.stable_after) && ended.useful {
            self.attempt = 0;
            self.redirects = 0;
        }
        let floor_applies = lived.is_none_or(|lived| lived < SHORT_LIFE);
        (self.verdict(now, class, floor_applies, rng), repetition)
    }

    fn verdict(
        &mut self,
        now: Instant,
        class: CauseClass,
        floor_applies: bool,
        rng: &mut Rng,
    ) -> Verdict {
        if !self.policy.enabled && class != CauseClass::Local {
            return Verdict::Halt(Halt::Disabled);
        }
        if let Some(limit) = self.policy.attempts.filter(|limit| self.attempt >= *limit) {
            return Verdict::Halt(Halt::Attempts(limit));
        }
        let (delay, pace) = match class {
            CauseClass::Local => (Duration::ZERO, Pace::AtOnce),
            CauseClass::Refused => match self.policy.refused {
                RefusedPolicy::Halt => return Verdict::Halt(Halt::Refused),
                RefusedPolicy::HaltUnlessProven if !self.proven => {
                    return Verdict::Halt(Halt::Refused);
                }
                _ => (self.slow_lane(rng), Pace::SlowLane),
            },
            CauseClass::TakenOver if self.is_second_take_over(now) => {
                match self.policy.taken_over {
                    TakeOverPolicy::Halt => return Verdict::Halt(Halt::TakenOver),
                    TakeOverPolicy::SlowLane => (self.slow_lane(rng), Pace::SlowLane),
                }
            }
            CauseClass::Redirect if self.redirects < REDIRECTS => {
                self.redirects += 1;
                (Duration::ZERO, Pace::AtOnce)
            }
            CauseClass::Throttled => {
                let delay =
                    self.back_off(rng).max(rng.between(self.policy.cap / 12, self.policy.cap / 6));
                (delay, Pace::Throttled)
            }
            _ => (self.back_off(rng), Pace::BackOff),
        };
        let mut retry = self.bounded(now, now + delay, pace);
        if floor_applies {
            retry = self.floored(retry, rng);
        }
        Verdict::Retry(retry)
    }

    /// Half to the whole of `base` doubled per attempt: jitter above a floor (R3).
    fn back_off(&self, rng: &mut Rng) -> Duration {
        let doublings = self.attempt.saturating_sub(1).min(31);
        let high = self.policy.base.saturating_mul(1 << doublings).min(self.policy.cap);
        rng.between(high / 2, high)
    }

    fn slow_lane(&self, rng: &mut Rng) -> Duration {
        rng.between(self.policy.slow_lane.0, self.policy.slow_lane.1)
    }

    fn is_second_take_over(&mut self, now: Instant) -> bool {
        let earlier = self.last_take_over.replace(now);
        earlier.is_some_and(|earlier| now.since(earlier) < TAKE_OVER_WINDOW)
    }

    fn bounded(&self, now: Instant, at: Instant, pace: Pace) -> Retry {
        let earliest = self.budget.earliest();
        let (at, pace) = if earliest > at.max(now) { (earliest, Pace::Budget) } else { (at, pace) };
        Retry { at, attempt: self.attempt.saturating_add(1), pace }
    }

    fn floored(&self, retry: Retry, rng: &mut Rng) -> Retry {
        let Some(last) = self.last_connect.filter(|_| !self.policy.floor.is_zero()) else {
            return retry;
        };
        // A tenth of jitter above the floor keeps a fleet from marching in step.
        let floor = last + self.policy.floor + rng.between(Duration::ZERO, self.policy.floor / 10);
        if floor > retry.at { Retry { at: floor, pace: Pace::Floor, ..retry } } else { retry }
    }
}
