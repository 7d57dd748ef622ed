//! When and whether the next attempt follows (R3, R4, R9, R18).

use alloc::sync::Arc;
use core::time::Duration;

use crate::cause::{CauseClass, DisconnectCause};
use crate::config::Config;
use crate::rng::Rng;
use crate::time::Instant;

use super::budget::Budget;
use super::distance::{Ban, Distance};
use super::expected::{Expected, Waits, apart};
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
    /// Whether delays vary at random within their range. Default true: after a
    /// broker's restart its clients do not come back in one moment. False takes
    /// each back-off at its upper end (with `base` equal to `cap` that is a fixed
    /// period), and every other delay at its lower end: for bindings whose users
    /// set a period, and for few clients only.
    pub jitter: bool,
    /// A connection that has been online this long and has done useful work
    /// resets the growth. Default 30 s.
    pub stable_after: Duration,
    /// Attempts in a row without stability before halting; `None` never halts. Default `None`.
    pub attempts: Option<u32>,
    /// Connects allowed in any `budget_window`, whatever the cause; at least
    /// one. Default 8. `None` sets no bound: for bindings whose users expect
    /// that each period brings an attempt. The crate `evenkeel` refuses `None`.
    pub budget: Option<u32>,
    /// The sliding window of `budget`. Default 60 s.
    pub budget_window: Duration,
    /// Least time from one CONNECT to the next, always. Default 0.
    pub spacing: Duration,
    /// The same if the connection between them lived less than `short_life`, or
    /// never came about. The back-off begins when this time is over: the floor
    /// is added to it. What an attempt waits for its CONNACK is part of the
    /// floor. Default 0.
    pub floor: Duration,
    /// A connection that lived less than this is followed by the floor. Default
    /// 30 s.
    pub short_life: Duration,
    /// What is known of the server. Profiles set it.
    pub server: ServerHabits,
    /// What follows a refusal that repeating cannot fix.
    pub refused: RefusedPolicy,
    /// What follows a second take-over within ten minutes.
    pub taken_over: TakeOverPolicy,
    /// Range of the jittered delay of the slow lane. Default 60 s to 120 s.
    pub slow_lane: (Duration, Duration),
}

/// What a server does to those who come too often, and what it wants of those who wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerHabits {
    /// How long the server keeps a client out that broke one of its limits;
    /// `None`, the default, if it does not. It is believed to do so when it names
    /// a quota, a rate or a ban as its reason, or closes without a word a
    /// connection on which something was published. The back-off begins when
    /// the ban is over.
    pub ban: Option<Ban>,
    /// How often the server wants to see a CONNECT while it answers none; `None`,
    /// the default, if it does not say. For so many attempts since the last stable
    /// connection the back-off is shorter than `cap` then, and an attempt waits for
    /// CONNACK shorter than the connect time-out, every sixth one excepted.
    pub expected: Option<Expected>,
}

/// What follows a refusal for good: credentials, identifier, version, ban, TLS.
///
/// A refusal that ends a connection which had been accepted, such as that of a
/// token which has expired, is answered by an attempt after the back-off first,
/// with fresh credentials, unless the policy is `Halt`.
///
/// For devices that nobody looks after, [`SlowLane`](Self::SlowLane) is the
/// right choice: a proxy in the way, a web server that is starting or a user
/// data base that is down refuse as if for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusedPolicy {
    /// Halts if the server never accepted this client; otherwise the slow lane,
    /// since an authentication back end may come back.
    #[default]
    HaltUnlessProven,
    /// Halts always, also if a certificate has expired.
    Halt,
    /// Never halts: tries again in the slow lane, asking the credentials hook
    /// each time. Recommended for unattended devices.
    SlowLane,
}

/// What follows the second take-over within ten minutes.
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
            jitter: true,
            stable_after: Duration::from_secs(30),
            attempts: None,
            budget: Some(8),
            budget_window: Duration::from_secs(60),
            spacing: Duration::ZERO,
            floor: Duration::ZERO,
            short_life: Duration::from_secs(30),
            server: ServerHabits::default(),
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
    /// The least time from CONNECT to CONNECT, then growth with jitter.
    Floor,
    /// The server may keep this client out for a while; then growth with jitter.
    Ban,
    /// The budget of connects per window is used up.
    Budget,
    /// Minutes: a refusal or take-over that repeating cannot fix.
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
    /// A message was published on it.
    pub(crate) published: bool,
    /// Another server, or another address, has not refused for good.
    pub(crate) others: bool,
}

const TAKE_OVER_WINDOW: Duration = Duration::from_secs(600);
/// How long an attempt we gave up may still reach the server, and take over
/// the connection that followed it.
const ECHO: Duration = Duration::from_secs(60);
/// The part of the cap up to which waits for a certificate's time grow (R11).
const CLOCK_SHARE: u32 = 4;
/// The part of a useful connection's life that the wait after it may take (R3).
const LIFE_SHARE: u32 = 2;
const REDIRECTS: u32 = 3;

/// The reconnect engine of one client: the only place that decides when to
/// open a connection.
#[derive(Clone, Debug)]
pub(crate) struct Reconnector {
    /// Whose policy it goes by.
    config: Arc<Config>,
    /// `None` if the policy sets no bound.
    budget: Option<Budget>,
    repeat: RepeatWatch,
    attempt: u32,
    redirects: u32,
    proven: bool,
    distance: Distance,
    last_take_over: Option<Instant>,
    /// When we last gave up an attempt before its CONNACK.
    gave_up: Option<Instant>,
    /// The longest back-off after the connection that ended last (R3).
    most: Duration,
    /// The last back-off.
    before: Duration,
    waits: Waits,
}

impl Reconnector {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        let policy = &config.reconnect;
        let budget = policy.budget.map(|most| Budget::new(most.max(1), policy.budget_window));
        Self {
            config,
            budget,
            repeat: RepeatWatch::default(),
            attempt: 0,
            redirects: 0,
            proven: false,
            distance: Distance::default(),
            last_take_over: None,
            gave_up: None,
            most: Duration::MAX,
            before: Duration::ZERO,
            waits: Waits::default(),
        }
    }

    /// A connection is opened now.
    pub(crate) fn on_open(&mut self, now: Instant) {
        if let Some(budget) = &mut self.budget {
            budget.record(now);
        }
        self.attempt = self.attempt.saturating_add(1);
    }

    /// CONNECT is sent now: the floor counts from here.
    pub(crate) const fn on_connect(&mut self, now: Instant) {
        self.distance.on_connect(now);
    }

    /// The server has answered CONNECT, so long after it.
    pub(crate) fn on_answer(&mut self, took: Duration) {
        if let Some(expected) = self.config.reconnect.server.expected {
            self.waits.on_answer(took, expected);
        }
    }

    /// The server has been silent to CONNECT for as long as was waited.
    pub(crate) const fn on_no_answer(&mut self) {
        self.waits.on_no_answer();
    }

    /// How long the present attempt waits for CONNACK, if that is shorter than the
    /// connect time-out (R18).
    pub(crate) fn wait_for_answer(&self) -> Option<Duration> {
        let expected = self.config.reconnect.server.expected?;
        let is_short = self.attempt <= expected.connects && self.waits.is_short();
        is_short.then(|| expected.wait())
    }

    /// When a connect could follow at the latest, if the connection, so old, were
    /// ended by our own wish.
    pub(crate) fn free_from(&self, lived: Duration) -> Instant {
        let floor = self.distance.latest_floor_end(&self.config.reconnect, lived);
        floor.max(self.budget.as_ref().map_or_else(Instant::default, Budget::earliest))
    }

    /// CONNACK accepted. Resets nothing but what acceptance proves (R3).
    pub(crate) const fn on_online(&mut self) {
        self.proven = true;
    }

    /// The application begins anew: earlier failures count no more, but the
    /// budget does.
    pub(crate) const fn restart(&mut self) {
        self.attempt = 0;
        self.redirects = 0;
    }

    /// The first attempt, or one asked for by the application: no back-off,
    /// but the budget and the floor hold.
    pub(crate) fn at_once(&self, now: Instant, rng: &mut Rng) -> Retry {
        self.plan(now, Duration::ZERO, Pace::AtOnce, rng)
    }

    /// The next attempt after one that failed over the protocol version alone.
    pub(crate) fn after_fallback(&mut self, now: Instant, rng: &mut Rng) -> Retry {
        self.distance.on_end(&self.config.reconnect, None);
        self.at_once(now, rng)
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
        // What is planned to happen again and again is no loop.
        let is_planned = matches!(ended.cause, DisconnectCause::Renewal);
        let repetition = if is_planned { None } else { self.repeat.on_end(now, class, lived) };
        if lived.is_some_and(|lived| lived >= self.config.reconnect.stable_after) && ended.useful {
            self.restart();
            self.distance.on_stable();
        }
        self.distance.on_end(&self.config.reconnect, lived);
        if lived.is_none() && ended.cause.is_ours() {
            self.gave_up = Some(now);
        }
        // A server that was useful a moment ago is not left alone for long.
        self.most = match lived {
            Some(lived) if ended.useful => (lived / LIFE_SHARE).max(self.config.reconnect.base),
            _ => Duration::MAX,
        };
        (self.verdict(now, ended, rng), repetition)
    }

    fn verdict(&mut self, now: Instant, ended: &Ended<'_>, rng: &mut Rng) -> Verdict {
        let class = ended.cause.class();
        // What this side wants itself is no failure.
        if class != CauseClass::Local {
            if !self.config.reconnect.enabled {
                return Verdict::Halt(Halt::Disabled);
            }
            if let Some(limit) =
                self.config.reconnect.attempts.filter(|limit| self.attempt >= *limit)
            {
                return Verdict::Halt(Halt::Attempts(limit));
            }
        }
        if let Some(ban) = self.config.reconnect.server.ban
            && ended.cause.may_ban(ended.published)
        {
            self.distance.on_ban(now, ban);
            let delay = self.back_off(rng);
            return Verdict::Retry(self.plan(now, delay, Pace::Ban, rng));
        }
        let (delay, pace) = match class {
            CauseClass::Local => (Duration::ZERO, Pace::AtOnce),
            // One refusal is not that of all: the next one is asked (R10).
            CauseClass::Refused if ended.others => (self.back_off(rng), Pace::BackOff),
            CauseClass::Refused => match self.config.reconnect.refused {
                RefusedPolicy::Halt => return Verdict::Halt(Halt::Refused),
                // It was accepted, so the refusal may be about credentials that
                // have expired: the hook has others, and a close without a word
                // would cost no more (R13).
                _ if ended.online_since.is_some() => (self.back_off(rng), Pace::BackOff),
                RefusedPolicy::HaltUnlessProven if !self.proven => {
                    return Verdict::Halt(Halt::Refused);
                }
                _ => (self.slow_lane(rng), Pace::SlowLane),
            },
            CauseClass::CertificateTime => match self.certificate_time(ended, rng) {
                Some(paced) => paced,
                None => return Verdict::Halt(Halt::Refused),
            },
            CauseClass::TakenOver if self.is_second_take_over(now) => {
                match self.config.reconnect.taken_over {
                    TakeOverPolicy::Halt => return Verdict::Halt(Halt::TakenOver),
                    TakeOverPolicy::SlowLane => (self.slow_lane(rng), Pace::SlowLane),
                }
            }
            CauseClass::Redirect if self.redirects < REDIRECTS => {
                self.redirects += 1;
                (Duration::ZERO, Pace::AtOnce)
            }
            CauseClass::Throttled => (self.throttled(ended.cause, rng), Pace::Throttled),
            _ => (self.back_off(rng), Pace::BackOff),
        };
        Verdict::Retry(self.plan(now, delay, pace, rng))
    }

    /// Half to the whole of `base` doubled per attempt: jitter above a floor (R3).
    fn back_off(&mut self, rng: &mut Rng) -> Duration {
        self.growing_to(self.config.reconnect.cap, rng)
    }

    fn growing_to(&mut self, cap: Duration, rng: &mut Rng) -> Duration {
        let expected = self.expected_back_off();
        let cap = expected.map_or(cap, |longest| longest.min(cap));
        let high = self.grown().min(cap).min(self.most);
        self.before = match (self.config.reconnect.jitter, expected) {
            (false, _) => high,
            (true, None) => rng.between(high / 2, high),
            (true, Some(_)) => apart(high / 2, high, self.before, rng),
        };
        self.before
    }

    /// The longest back-off before the next attempt, if it is one of those that the
    /// server wants to see (R18).
    fn expected_back_off(&self) -> Option<Duration> {
        let policy = &self.config.reconnect;
        let expected =
            policy.server.expected.filter(|expected| self.attempt < expected.connects)?;
        let floor = policy.floor.max(policy.spacing);
        Some(expected.longest_back_off(floor).max(policy.base))
    }

    /// A delay from `low` to `high`; `low` without jitter.
    fn spread(&self, low: Duration, high: Duration, rng: &mut Rng) -> Duration {
        if self.config.reconnect.jitter { rng.between(low, high) } else { low }
    }

    fn grown(&self) -> Duration {
        let doublings = self.attempt.saturating_sub(1).min(31);
        self.config.reconnect.base.saturating_mul(1 << doublings)
    }

    /// A clock that is wrong at boot is set sooner or later, so a certificate
    /// that is not valid yet is tried at short distances forever. One that has
    /// expired is fixed by people, if it is not a clock's fault: its distances
    /// grow into the slow lane. `None` halts (R11).
    fn certificate_time(&mut self, ended: &Ended<'_>, rng: &mut Rng) -> Option<(Duration, Pace)> {
        let policy = &self.config.reconnect;
        if !ended.cause.has_expired() {
            return Some((self.growing_to(policy.cap / CLOCK_SHARE, rng), Pace::BackOff));
        }
        match policy.refused {
            RefusedPolicy::Halt if !ended.others => None,
            _ if self.grown() < policy.slow_lane.0 => Some((self.back_off(rng), Pace::BackOff)),
            _ => Some((self.slow_lane(rng), Pace::SlowLane)),
        }
    }

    /// What the server asks for, up to the cap, or else what may help it; with
    /// jitter above that, and never less than the back-off (R13).
    fn throttled(&mut self, cause: &DisconnectCause, rng: &mut Rng) -> Duration {
        let cap = self.config.reconnect.cap;
        let (low, high) = match cause.retry_after().map(|after| after.min(cap)) {
            Some(after) => (after, after + after / 10),
            None => (cap / 12, cap / 6),
        };
        self.back_off(rng).max(self.spread(low, high, rng))
    }

    fn slow_lane(&self, rng: &mut Rng) -> Duration {
        let (low, high) = self.config.reconnect.slow_lane;
        self.spread(low, high, rng)
    }

    /// Another instance is at work. A take-over soon after an attempt that we
    /// gave up may be that attempt's own, arrived late: it does not count.
    fn is_second_take_over(&mut self, now: Instant) -> bool {
        if self.gave_up.take().is_some_and(|at| now.since(at) < ECHO) {
            return false;
        }
        let earlier = self.last_take_over.replace(now);
        earlier.is_some_and(|earlier| now.since(earlier) < TAKE_OVER_WINDOW)
    }

    /// After `delay`, which begins when floor and ban are over (R2, R15); later if
    /// the budget asks for it.
    fn plan(&self, now: Instant, delay: Duration, pace: Pace, rng: &mut Rng) -> Retry {
        let later = |a: (Instant, Pace), b: (Instant, Pace)| if b.0 > a.0 { b } else { a };
        let floor = (self.distance.floor_end(&self.config.reconnect, rng), Pace::Floor);
        let ban = (self.distance.banned_until(), Pace::Ban);
        let (begin, pace) = later(later((now, pace), floor), ban);
        let earliest = self.budget.as_ref().map_or_else(Instant::default, Budget::earliest);
        let (at, pace) = later((begin + delay, pace), (earliest, Pace::Budget));
        Retry { at, attempt: self.attempt.saturating_add(1), pace }
    }
}

#[cfg(test)]
mod exhaustive;
