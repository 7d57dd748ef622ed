//! Every sequence of ends, up to a depth, against every law; and policies
//! broken on purpose, which the same check must catch.

extern crate std;

use std::vec::Vec;

use evenkeel_codec::ReasonCode;

use super::*;
use crate::cause::{ConnectPhase, TransportFailure};
use crate::keepalive::Death;

/// Ends in a row, with the usual policy, and with a floor or with bans.
const DEPTHS: [usize; 2] = [5, 4];

/// How a connection or an attempt ends, or what the application wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The peer cannot be reached.
    Unreachable,
    /// The attempt takes too long.
    GivenUp,
    /// Closed right after CONNACK.
    Cut,
    /// Closed right after a message was published.
    CutOff,
    /// Closed just before it would have been stable.
    AlmostStable,
    /// Closed as soon as it was stable.
    Stable,
    /// Closed after a long life in which nothing was done.
    Idle,
    /// Found dead after a long and useful life.
    Death,
    /// Refused for good.
    Refused,
    /// Refused for good, while another server is left to ask.
    RefusedByOne,
    /// Accepted, useful for a while, and then not authorised any more.
    Dismissed,
    /// The server's certificate is not valid yet.
    TooYoung,
    /// The server's certificate has expired.
    Expired,
    /// Taken over after a while.
    TakenOver,
    /// Taken over after more than the window of take-overs.
    TakenOverLate,
    /// Asked to come back later.
    Throttled,
    /// Asked to come back after twenty seconds.
    Later,
    /// Asked to come back after more than the cap.
    MuchLater,
    /// Sent to another server.
    Redirected,
    /// Closed by our own wish.
    Wish,
    /// The application does not want to wait.
    Impatience,
    /// The application begins anew.
    Restart,
}

const STEPS: [Step; 22] = [
    Step::Unreachable,
    Step::GivenUp,
    Step::Cut,
    Step::CutOff,
    Step::AlmostStable,
    Step::Stable,
    Step::Idle,
    Step::Death,
    Step::Refused,
    Step::RefusedByOne,
    Step::Dismissed,
    Step::TooYoung,
    Step::Expired,
    Step::TakenOver,
    Step::TakenOverLate,
    Step::Throttled,
    Step::Later,
    Step::MuchLater,
    Step::Redirected,
    Step::Wish,
    Step::Impatience,
    Step::Restart,
];

impl Step {
    /// The cause, how long it was online, and whether useful work was done.
    fn end(self) -> Option<(DisconnectCause, Option<Duration>, bool)> {
        let transport = |failure| DisconnectCause::Transport { failure, phase: None };
        let refused = |reason: ReasonCode| DisconnectCause::Refused {
            reason,
            wire_code: reason.0,
            text: None,
            server_reference: (reason == ReasonCode::USE_ANOTHER_SERVER)
                .then(|| evenkeel_codec::Text::try_from("other").unwrap_or_default()),
            properties: evenkeel_codec::Properties::new(),
        };
        let told = |reason| DisconnectCause::ServerDisconnect {
            reason,
            text: None,
            server_reference: None,
            properties: evenkeel_codec::Properties::new(),
        };
        let later = |after| transport(TransportFailure::TryLater { status: 503, after });
        let stable = Duration::from_secs(30);
        let hour = Duration::from_secs(3600);
        let moment = Duration::from_micros(1);
        Some(match self {
            Self::Unreachable => (transport(TransportFailure::Unreachable), None, false),
            Self::GivenUp => {
                let phase = ConnectPhase::Handshake;
                let cause = DisconnectCause::ConnectTimeout { phase, after: stable };
                (cause, None, false)
            }
            Self::Cut | Self::CutOff => {
                (transport(TransportFailure::Eof), Some(Duration::ZERO), false)
            }
            Self::AlmostStable => (transport(TransportFailure::Eof), Some(stable - moment), true),
            Self::Stable => (transport(TransportFailure::Eof), Some(stable), true),
            Self::Idle => (transport(TransportFailure::Eof), Some(hour), false),
            Self::Death => {
                let death = Death::NotWritten { queued: Instant::default() };
                (DisconnectCause::KeepAlive(death), Some(hour), true)
            }
            Self::Refused | Self::RefusedByOne => {
                (refused(ReasonCode::NOT_AUTHORIZED), None, false)
            }
            Self::Dismissed => (told(ReasonCode::NOT_AUTHORIZED), Some(stable / 3), true),
            Self::TooYoung => (transport(TransportFailure::CertificateNotYetValid), None, false),
            Self::Expired => (transport(TransportFailure::CertificateExpired), None, false),
            Self::Later => (later(Duration::from_secs(20)), None, false),
            Self::MuchLater => (later(hour), None, false),
            Self::TakenOver => (told(ReasonCode::SESSION_TAKEN_OVER), Some(stable), true),
            Self::TakenOverLate => (told(ReasonCode::SESSION_TAKEN_OVER), Some(hour), true),
            Self::Throttled => (refused(ReasonCode::QUOTA_EXCEEDED), None, false),
            Self::Redirected => (refused(ReasonCode::USE_ANOTHER_SERVER), None, false),
            Self::Wish => (DisconnectCause::ReconnectRequested, Some(Duration::ZERO), false),
            Self::Impatience | Self::Restart => return None,
        })
    }
}

impl Step {
    /// Whether the attempt that ends so had sent its CONNECT.
    const fn has_sent_connect(self) -> bool {
        !matches!(
            self,
            Self::Unreachable | Self::TooYoung | Self::Expired | Self::Later | Self::MuchLater
        )
    }
}

/// One law broken each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutation {
    /// R2: the budget is one too many.
    BudgetOffByOne,
    /// R2: what the application wants passes the budget.
    WishesAreFree,
    /// R2: the floor is not kept.
    NoFloor,
    /// R2: the floor is not kept for what the application wants.
    WishesPassTheFloor,
    /// R2: the floor takes the place of the back-off.
    FloorReplacesBackOff,
    /// R2: no floor after a connection that lived long.
    LongLivesAreFree,
    /// R3: CONNACK resets the growth.
    ResetByConnack,
    /// R3: a long life without any work resets the growth.
    ResetWithoutWork,
    /// R3: a long and useful life does not reset the growth.
    NeverReset,
    /// R3: delays do not grow.
    NoGrowth,
    /// R3: jitter begins at zero.
    FullJitter,
    /// R3: delays outgrow the cap.
    NoCap,
    /// R3: a server that was useful a moment ago is left alone for long.
    LeftAlone,
    /// R18: the attempts that the server wants to see come too late.
    ExpectationIgnored,
    /// R18: they never end.
    HurriesForever,
    /// R4: a refusal for good is repeated like any failure.
    RefusalsBackOff,
    /// R4: a server that asks for less does not get less.
    ThrottlingIgnored,
    /// R4: references to other servers are followed forever.
    RedirectsForever,
    /// R10: one server's refusal is taken for that of all.
    OneSpeaksForAll,
    /// R10: one server's refusal is followed without back-off.
    StormsTheOthers,
    /// R5: attempts are not counted.
    AttemptsUncounted,
    /// R9: a fight over the client identifier goes on.
    FightsOn,
    /// R9: the first take-over ends it already.
    GivesInAtOnce,
    /// R11: a certificate out of its time is a refusal like any other.
    ClocksAreTrusted,
    /// R11: a certificate that is not valid yet is tried in the slow lane.
    ClocksTakeLong,
    /// R13: the end of an authorisation costs more than a close without a word.
    WordsCostMore,
    /// R13: the server's wish is not heard.
    WishIgnored,
    /// R13: the server's wish is a command, however long.
    WishUnbounded,
    /// R15: a ban is not waited out.
    BanIgnored,
    /// R15: a ban is not waited out if the application does not want to wait.
    WishesPassTheBan,
    /// R15: each ban is taken for the first.
    BansDoNotGrow,
    /// R15: bans grow without end.
    BansGrowForever,
    /// R15: every close is taken for a ban.
    EveryCloseBans,
}

const MUTATIONS: [(Mutation, &str); 33] = [
    (Mutation::BudgetOffByOne, "R2"),
    (Mutation::WishesAreFree, "R2"),
    (Mutation::NoFloor, "floor"),
    (Mutation::WishesPassTheFloor, "floor"),
    (Mutation::FloorReplacesBackOff, "floor"),
    (Mutation::LongLivesAreFree, "floor"),
    (Mutation::ResetByConnack, "R3"),
    (Mutation::ResetWithoutWork, "R3"),
    (Mutation::NeverReset, "R3"),
    (Mutation::NoGrowth, "R3"),
    (Mutation::FullJitter, "R3"),
    (Mutation::NoCap, "R3"),
    (Mutation::LeftAlone, "R3"),
    (Mutation::ExpectationIgnored, "R18"),
    (Mutation::HurriesForever, "R18"),
    (Mutation::RefusalsBackOff, "R4"),
    (Mutation::ThrottlingIgnored, "R4"),
    (Mutation::RedirectsForever, "R4"),
    (Mutation::OneSpeaksForAll, "R10"),
    (Mutation::StormsTheOthers, "R10"),
    (Mutation::AttemptsUncounted, "R5"),
    (Mutation::FightsOn, "R9"),
    (Mutation::GivesInAtOnce, "R9"),
    (Mutation::ClocksAreTrusted, "R11"),
    (Mutation::ClocksTakeLong, "R11"),
    (Mutation::WordsCostMore, "R13"),
    (Mutation::WishIgnored, "R13"),
    (Mutation::WishUnbounded, "R13"),
    (Mutation::BanIgnored, "R15"),
    (Mutation::WishesPassTheBan, "R15"),
    (Mutation::BansDoNotGrow, "R15"),
    (Mutation::BansGrowForever, "R15"),
    (Mutation::EveryCloseBans, "R15"),
];

/// The engine, as it is or broken.
#[derive(Clone)]
struct Subject {
    engine: Reconnector,
    mutation: Option<Mutation>,
}

impl Subject {
    fn new(policy: &Reconnect, mutation: Option<Mutation>) -> Self {
        let mut policy = policy.clone();
        match mutation {
            Some(Mutation::BudgetOffByOne) => policy.budget = policy.budget.map(|most| most + 1),
            Some(Mutation::NoFloor) => policy.floor = Duration::ZERO,
            Some(Mutation::LongLivesAreFree) => policy.spacing = Duration::ZERO,
            Some(Mutation::BanIgnored) => policy.server.ban = None,
            Some(Mutation::BansDoNotGrow) => {
                policy.server.ban = policy.server.ban.map(|ban| Ban { longest: ban.first, ..ban });
            }
            Some(Mutation::BansGrowForever) => {
                policy.server.ban =
                    policy.server.ban.map(|ban| Ban { longest: ban.longest * 1000, ..ban });
            }
            Some(Mutation::ExpectationIgnored) => policy.server.expected = None,
            Some(Mutation::HurriesForever) => {
                let forever = |it: Expected| Expected {
                    connects: 1 << 20,
                    within: it.within / it.connects * (1 << 20),
                };
                policy.server.expected = policy.server.expected.map(forever);
            }
            Some(Mutation::NoCap) => policy.cap = Duration::from_secs(3600),
            _ => {}
        }
        let config = Config { reconnect: policy, ..Config::default() };
        Self { engine: Reconnector::new(Arc::new(config)), mutation }
    }

    fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    fn on_open(&mut self, now: Instant) {
        let attempt = self.engine.attempt;
        self.engine.on_open(now);
        if self.is(Mutation::AttemptsUncounted) {
            self.engine.attempt = attempt;
        }
    }

    fn on_online(&mut self) {
        self.engine.on_online();
        if self.is(Mutation::ResetByConnack) {
            self.engine.attempt = 0;
        }
    }

    fn at_once(&self, now: Instant, rng: &mut Rng) -> Retry {
        let mut retry = self.engine.at_once(now, rng);
        let freed = match retry.pace {
            Pace::Budget => self.is(Mutation::WishesAreFree),
            Pace::Floor => self.is(Mutation::WishesPassTheFloor),
            Pace::Ban => self.is(Mutation::WishesPassTheBan),
            _ => false,
        };
        if freed {
            retry.at = now;
        }
        retry
    }

    fn on_end(&mut self, now: Instant, ended: &Ended<'_>, rng: &mut Rng) -> Verdict {
        let before = self.engine.attempt;
        let useful = ended.useful || self.is(Mutation::ResetWithoutWork);
        if self.is(Mutation::RedirectsForever) {
            self.engine.redirects = 0;
        }
        if self.is(Mutation::FightsOn) {
            self.engine.last_take_over = None;
        }
        if self.is(Mutation::GivesInAtOnce) && ended.cause.class() == CauseClass::TakenOver {
            self.engine.last_take_over = Some(now);
            self.engine.gave_up = None;
        }
        if self.is(Mutation::NoGrowth) {
            self.engine.attempt = 1;
        }
        let others = ended.others && !self.is(Mutation::OneSpeaksForAll);
        let instead = self.instead_of(ended.cause);
        let cause = instead.as_ref().unwrap_or(ended.cause);
        let published = ended.published || self.is(Mutation::EveryCloseBans);
        let ended_so = Ended { useful, published, others, cause, ..*ended };
        let (verdict, _) = self.engine.on_end(now, &ended_so, rng);
        if self.is(Mutation::NeverReset) || self.is(Mutation::NoGrowth) {
            self.engine.attempt = before;
        }
        let Verdict::Retry(mut retry) = verdict else { return self.instead_of_halt(verdict, now) };
        match self.mutation {
            Some(Mutation::FullJitter) if retry.pace == Pace::BackOff => {
                retry.at = now + rng.between(Duration::ZERO, retry.at.since(now));
            }
            Some(Mutation::FloorReplacesBackOff) if retry.pace == Pace::Floor => {
                retry.at = self.floor_or_back_off(now, rng);
            }
            Some(Mutation::LeftAlone) if retry.pace == Pace::BackOff => {
                self.engine.most = Duration::MAX;
                retry.at = now + self.engine.back_off(rng);
            }
            Some(Mutation::ClocksTakeLong)
                if ended.cause.class() == CauseClass::CertificateTime =>
            {
                retry.at = now + self.engine.slow_lane(rng);
            }
            Some(Mutation::WordsCostMore)
                if ended.online_since.is_some() && ended.cause.class() == CauseClass::Refused =>
            {
                retry.at = now + self.engine.slow_lane(rng);
            }
            Some(Mutation::ThrottlingIgnored)
                if retry.pace == Pace::Throttled && ended.cause.retry_after().is_none() =>
            {
                retry.at = now + self.engine.back_off(rng);
            }
            Some(Mutation::StormsTheOthers) if ended.others && retry.pace == Pace::BackOff => {
                retry.at = now;
            }
            Some(Mutation::RefusalsBackOff) if retry.pace == Pace::SlowLane => {
                retry.at = now + self.engine.back_off(rng);
            }
            Some(Mutation::WishUnbounded) => {
                retry.at = retry.at.max(now + ended.cause.retry_after().unwrap_or_default());
            }
            Some(Mutation::WishesAreFree)
                if retry.pace == Pace::Budget && ended.cause.class() == CauseClass::Local =>
            {
                retry.at = now;
            }
            _ => {}
        }
        Verdict::Retry(retry)
    }

    /// The later of both ends, where one should come after the other.
    fn floor_or_back_off(&mut self, now: Instant, rng: &mut Rng) -> Instant {
        let floor = self.engine.distance.floor_end(&self.engine.config.reconnect, rng);
        floor.max(now + self.engine.back_off(rng))
    }

    /// Another cause than the one that the engine is to judge.
    fn instead_of(&self, cause: &DisconnectCause) -> Option<DisconnectCause> {
        let failure = match self.mutation? {
            Mutation::ClocksAreTrusted if cause.class() == CauseClass::CertificateTime => {
                TransportFailure::TlsRefused
            }
            Mutation::WishIgnored => {
                cause.retry_after()?;
                TransportFailure::WebSocketRefused(503)
            }
            _ => return None,
        };
        Some(DisconnectCause::Transport { failure, phase: None })
    }

    fn instead_of_halt(&self, verdict: Verdict, now: Instant) -> Verdict {
        if self.is(Mutation::RefusalsBackOff) && verdict == Verdict::Halt(Halt::Refused) {
            return Verdict::Retry(Retry {
                at: now + Duration::from_secs(1),
                attempt: self.engine.attempt + 1,
                pace: Pace::BackOff,
            });
        }
        verdict
    }
}

type Broken = &'static str;

fn hold(law: Broken, holds: bool) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(law) }
}

/// An end, as an onlooker saw it.
struct End {
    cause: DisconnectCause,
    /// CONNACK had accepted the connection.
    accepted: bool,
    /// Another server is left to ask.
    others: bool,
    /// The longest back-off that may follow.
    most: Duration,
}

/// What an onlooker expects, by the words of the laws.
#[derive(Clone)]
struct Run {
    policy: Reconnect,
    subject: Subject,
    rng: Rng,
    now: Instant,
    opens: Vec<Instant>,
    /// Connects since the last stable connection.
    attempts: u32,
    redirects: u32,
    proven: bool,
    short_lived: bool,
    take_over: Option<Instant>,
    gave_up: Option<Instant>,
    connect: Option<Instant>,
    banned_until: Instant,
    bans: u32,
}

impl Run {
    fn begin(policy: &Reconnect, mutation: Option<Mutation>) -> Result<Self, Broken> {
        let mut run = Self {
            policy: policy.clone(),
            subject: Subject::new(policy, mutation),
            rng: Rng::new(1),
            now: Instant::from_micros(1 << 50),
            opens: Vec::new(),
            attempts: 0,
            redirects: 0,
            proven: false,
            short_lived: false,
            take_over: None,
            gave_up: None,
            connect: None,
            banned_until: Instant::default(),
            bans: 0,
        };
        run.open_at_once()?;
        Ok(run)
    }

    /// One end and the connect that follows it; false if none follows.
    fn take(&mut self, step: Step) -> Result<bool, Broken> {
        let is_wish = matches!(step, Step::Impatience | Step::Restart);
        // A failure first, then the wish that cuts the wait short.
        let ending = if is_wish { Step::CutOff } else { step };
        let Some(retry) = self.end(ending)? else { return Ok(false) };
        if step == Step::Restart {
            self.subject.engine.restart();
            (self.attempts, self.redirects) = (0, 0);
        }
        if is_wish {
            self.open_at_once()?
        } else {
            self.open(retry)?
        }
        Ok(true)
    }

    /// One end and what is planned then.
    fn end(&mut self, step: Step) -> Result<Option<Retry>, Broken> {
        let Some((cause, lived, useful)) = step.end() else { return Ok(None) };
        if step.has_sent_connect() {
            self.subject.engine.on_connect(self.now);
            self.connect = Some(self.now);
        }
        let online_since = lived.map(|lived| {
            let since = self.now;
            self.subject.on_online();
            self.proven = true;
            self.now = self.now + lived;
            since
        });
        let (others, published) = (step == Step::RefusedByOne, step == Step::CutOff);
        let verdict = self.subject.on_end(
            self.now,
            &Ended { cause: &cause, online_since, useful, published, others },
            &mut self.rng,
        );
        self.note_end(&cause, lived, useful);
        if published || matches!(step, Step::Throttled) {
            self.note_ban();
        }
        let most = match lived {
            Some(lived) if useful => (lived / 2).max(self.policy.base),
            _ => Duration::MAX,
        };
        self.judge(&End { cause, accepted: lived.is_some(), others, most }, verdict)
    }

    fn note_end(&mut self, cause: &DisconnectCause, lived: Option<Duration>, useful: bool) {
        if lived.is_some_and(|lived| lived >= self.policy.stable_after) && useful {
            (self.attempts, self.redirects) = (0, 0);
            self.bans = 0;
        }
        self.short_lived = lived.is_none_or(|lived| lived < self.policy.short_life);
        if lived.is_none() && matches!(cause, DisconnectCause::ConnectTimeout { .. }) {
            self.gave_up = Some(self.now);
        }
    }

    fn note_ban(&mut self) {
        if let Some(ban) = self.policy.server.ban {
            let length = (ban.first * (1 << self.bans)).min(ban.longest);
            self.bans += 1;
            self.banned_until = self.now + length;
        }
    }

    /// From when on the next attempt may follow, before any back-off.
    fn free_from(&self) -> (Instant, Broken) {
        let floor = if self.short_lived { self.policy.floor } else { Duration::ZERO };
        let floor = floor.max(self.policy.spacing);
        let floor = self.connect.map_or(self.now, |last| last + floor).max(self.now);
        if self.banned_until > floor { (self.banned_until, "R15") } else { (floor, "floor") }
    }

    fn judge(&mut self, end: &End, verdict: Verdict) -> Result<Option<Retry>, Broken> {
        let (class, others) = (end.cause.class(), end.others);
        let fight = class == CauseClass::TakenOver && self.is_fight();
        let hopeless = class == CauseClass::Refused && !self.proven && !others;
        match verdict {
            Verdict::Halt(Halt::TakenOver) => hold("R9", fight).map(|()| None),
            Verdict::Halt(_) if others => Err("R10"),
            Verdict::Halt(_) if class == CauseClass::CertificateTime => Err("R11"),
            Verdict::Halt(halt) => hold("R4", hopeless && halt == Halt::Refused).map(|()| None),
            Verdict::Retry(retry) => {
                hold("R9", !fight)?;
                hold("R4", !hopeless)?;
                self.judge_delay(end, retry)?;
                Ok(Some(retry))
            }
        }
    }

    /// A second take-over within ten minutes, echoes of our own attempts aside.
    fn is_fight(&mut self) -> bool {
        let echo = self.gave_up.take();
        if echo.is_some_and(|at| self.now.since(at) < Duration::from_secs(60)) {
            return false;
        }
        let earlier = self.take_over.replace(self.now);
        earlier.is_some_and(|at| self.now.since(at) < Duration::from_secs(600))
    }

    fn judge_delay(&mut self, end: &End, retry: Retry) -> Result<(), Broken> {
        let (begin, begins_by) = self.free_from();
        let delay = retry.at.since(begin);
        let minute = Duration::from_secs(60);
        let doublings = self.attempts.saturating_sub(1).min(20);
        let grown = self.policy.base * (1 << doublings);
        let hurries = self.policy.server.expected.filter(|it| self.attempts < it.connects);
        let room = |it: Expected| it.within / it.connects - self.policy.floor;
        let up_to = |cap: Duration| grown.min(cap).min(hurries.map_or(cap, room)).min(end.most);
        let high = up_to(self.policy.cap);
        let (law, low, high) = match end.cause.class() {
            CauseClass::Local => ("R4", Duration::ZERO, Duration::ZERO),
            CauseClass::Redirect if self.redirects < 3 => {
                self.redirects += 1;
                ("R4", Duration::ZERO, Duration::ZERO)
            }
            CauseClass::Redirect => ("R4", high / 2, high),
            CauseClass::Refused if end.others => ("R10", high / 2, high),
            CauseClass::Refused if end.accepted => ("R13", high / 2, high),
            CauseClass::Refused => ("R4", minute, minute * 2),
            CauseClass::CertificateTime if !end.cause.has_expired() => {
                let high = up_to(self.policy.cap / 4);
                ("R11", high / 2, high)
            }
            CauseClass::CertificateTime if grown >= minute => ("R11", minute, minute * 2),
            CauseClass::CertificateTime => ("R11", high / 2, high),
            CauseClass::Throttled if self.banned_until > self.now => ("R15", high / 2, high),
            CauseClass::Throttled => match end.cause.retry_after() {
                Some(after) => {
                    let after = after.min(self.policy.cap);
                    ("R13", after.max(high / 2), (after * 11 / 10).max(high))
                }
                None => {
                    let (low, most) = (self.policy.cap / 12, self.policy.cap / 6);
                    ("R4", low.max(high / 2), most.max(high))
                }
            },
            _ if self.policy.server.expected.is_some() => ("R18", high / 2, high),
            _ => ("R3", high / 2, high),
        };
        hold("R15", retry.pace != Pace::Ban || self.banned_until > self.now)?;
        // The back-off comes on top of floor and ban.
        let law = if begin > self.now && law != "R18" { begins_by } else { law };
        hold(law, retry.at >= begin + low)?;
        // The budget may ask for more than the class does, the floor for a tenth.
        let slack = self.policy.floor.max(self.policy.spacing) / 10;
        let is_short =
            delay <= high + if retry.pace == Pace::Floor { slack } else { Duration::ZERO };
        hold(law, is_short || retry.pace == Pace::Budget)
    }

    fn open_at_once(&mut self) -> Result<(), Broken> {
        let retry = self.subject.at_once(self.now, &mut self.rng);
        let bounded = matches!(retry.pace, Pace::Floor | Pace::Ban | Pace::Budget);
        hold("at once", bounded || retry.at <= self.now)?;
        self.open(retry)
    }

    fn open(&mut self, retry: Retry) -> Result<(), Broken> {
        hold("R5", retry.attempt == self.attempts + 1)?;
        self.now = self.now.max(retry.at);
        let (free_from, by) = self.free_from();
        hold(by, self.now >= free_from)?;
        self.opens.push(self.now);
        let within = |at: &&Instant| self.now.since(**at) < self.policy.budget_window;
        let recent = self.opens.iter().filter(within).count();
        hold("R2", self.policy.budget.is_none_or(|most| recent <= most as usize))?;
        self.attempts += 1;
        self.subject.on_open(self.now);
        Ok(())
    }
}

/// Follows every sequence; returns how many there were, or the law that was
/// broken and how.
fn explore(
    policy: &Reconnect,
    mutation: Option<Mutation>,
    depth: usize,
) -> Result<usize, (Broken, Vec<Step>)> {
    let begin = Run::begin(policy, mutation).map_err(|law| (law, Vec::new()))?;
    let mut steps = Vec::new();
    follow(&begin, depth, &mut steps).map_err(|law| (law, steps))
}

fn follow(run: &Run, depth: usize, steps: &mut Vec<Step>) -> Result<usize, Broken> {
    let mut count = 1;
    if depth == 0 {
        return Ok(count);
    }
    for step in STEPS {
        let mut after = run.clone();
        steps.push(step);
        if after.take(step)? {
            count += follow(&after, depth - 1, steps)?;
        }
        steps.pop();
    }
    Ok(count)
}

fn policies() -> [(Reconnect, usize); 4] {
    let few = Reconnect { budget: Some(3), ..Reconnect::default() };
    let (floor, base) = (Duration::from_secs(11), Duration::from_secs(20));
    let floored = Reconnect { floor, base, ..Reconnect::default() };
    let (first, longest) = (Duration::from_secs(90), Duration::from_secs(200));
    let (spacing, short_life) = (first / 2, first / 10);
    let ban = Some(Ban { first, longest });
    let banned = Reconnect {
        server: ServerHabits { ban, expected: None },
        spacing,
        short_life,
        ..Reconnect::default()
    };
    let expected = Some(Expected { connects: 4, within: Duration::from_secs(52) });
    let hurried =
        Reconnect { floor, server: ServerHabits { ban: None, expected }, ..Reconnect::default() };
    [(few, DEPTHS[0]), (floored, DEPTHS[1]), (banned, DEPTHS[1]), (hurried, DEPTHS[1])]
}

#[test]
fn no_sequence_of_ends_breaks_a_law() {
    for (policy, depth) in policies() {
        let result = explore(&policy, None, depth);
        assert!(result.is_ok(), "broken: {result:?} with {policy:?}");
        std::println!("{result:?} sequences with {policy:?}");
    }
}

#[test]
fn every_broken_policy_is_caught() {
    for (mutation, expected) in MUTATIONS {
        let caught = policies().into_iter().find_map(|(policy, depth)| {
            let (law, steps) = explore(&policy, Some(mutation), depth).err()?;
            (law == expected).then(|| std::println!("{mutation:?}: {law} by {steps:?}"))
        });
        assert!(caught.is_some(), "{mutation:?} does not break {expected}");
    }
}
