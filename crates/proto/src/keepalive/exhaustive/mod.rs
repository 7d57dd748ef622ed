//! Every sequence of steps, up to a depth, against every law; and engines
//! broken on purpose, which the same check must catch.
//!
//! States that differ in nothing but the time of day have the same future, so
//! each is followed once: the search covers all sequences without walking all.

extern crate std;

use std::collections::HashSet;
use std::vec::Vec;

use self::broken::{MUTATIONS, Mutation, Subject};
use super::*;
use crate::connection::keep_alive_settings;

mod broken;

/// Steps in a row.
const DEPTH: usize = 10;

/// What may happen next. The driver wakes at its deadline, unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The deadline comes.
    Deadline,
    /// A quarter of the interval, or the deadline if it comes before.
    Quarter,
    /// The task wakes a little after its deadline.
    Late,
    /// The machine sleeps for ten intervals.
    Suspend,
    /// The clock is asked and says an earlier time.
    Backwards,
    /// Bytes came by the deadline, the task wakes late, and reads them first.
    StallWithBytes,
    /// The same with PINGRESP.
    StallWithPong,
    /// A packet is written whole.
    Written,
    /// The transport takes a part of a packet.
    Progress,
    /// Bytes come that are not PINGRESP.
    Received,
    /// PINGRESP comes.
    Pong,
    /// The queued PINGREQ is written.
    PingWritten,
    /// The application asks for a sign of life.
    Probe,
    /// The connection is replaced.
    Replaced,
    /// The client stops reading, or goes on.
    Pause,
}

const STEPS: [Step; 15] = [
    Step::Deadline,
    Step::Quarter,
    Step::Late,
    Step::Suspend,
    Step::Backwards,
    Step::StallWithBytes,
    Step::StallWithPong,
    Step::Written,
    Step::Progress,
    Step::Received,
    Step::Pong,
    Step::PingWritten,
    Step::Probe,
    Step::Replaced,
    Step::Pause,
];

/// A ping that waits for its answer.
#[derive(Clone, Copy)]
struct Written {
    sent: Instant,
    /// When its time is over, had nothing come in between.
    over: Instant,
}

/// What an onlooker knows of the connection, without a look into the engine.
#[derive(Clone)]
struct World {
    now: Instant,
    reading: bool,
    /// What the engine waits for.
    deadline: Instant,
    queued: Option<Instant>,
    written: Option<Written>,
    /// The first ping written of which nothing was heard since.
    unheard: Option<Instant>,
    /// The first ping that the next PINGRESP may answer.
    oldest: Option<Instant>,
    last_written: Instant,
    last_progress: Instant,
    last_received: Instant,
    last_ping: Option<Instant>,
    probe: bool,
    /// When the task last woke from a sleep or stall.
    woke: Instant,
    /// When the client last went on reading.
    resumed: Instant,
    dead: bool,
}

/// The law an engine broke.
type Broken = &'static str;

fn hold(law: Broken, holds: bool) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(law) }
}

/// What the driver had not read when it let the engine judge.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unread {
    Nothing,
    Bytes,
    Pong,
}

#[derive(Clone)]
struct Run {
    settings: Settings,
    subject: Subject,
    world: World,
}

impl Run {
    fn begin(settings: Settings, mutation: Option<Mutation>) -> Result<Self, Broken> {
        let now = Instant::from_micros(1 << 50);
        let mut engine = KeepAlive::new(settings, now);
        if mutation == Some(Mutation::NoMargin) {
            engine.settings.margin = Duration::ZERO;
        }
        let subject = Subject::new(engine, mutation, now);
        let mut run = Self { settings, subject, world: World::begin(now) };
        run.drain(false)?;
        Ok(run)
    }

    /// True if the step means something now.
    fn admits(&self, step: Step) -> bool {
        match step {
            Step::Replaced => true,
            _ if self.world.dead => false,
            Step::PingWritten => self.world.queued.is_some(),
            _ => true,
        }
    }

    fn take(&mut self, step: Step) -> Result<(), Broken> {
        let late = self.world.deadline + self.settings.response_timeout / 16;
        match step {
            Step::Deadline => self.wake(self.world.deadline, Unread::Nothing),
            Step::Quarter => {
                let at = self.world.now + self.settings.interval / 4;
                self.wake(at.min(self.world.deadline), Unread::Nothing)
            }
            Step::Late => self.wake(late, Unread::Nothing),
            Step::Suspend => {
                let at = self.world.now + self.settings.interval * 10;
                self.wake(at, Unread::Nothing)
            }
            Step::StallWithBytes => self.wake(late, Unread::Bytes),
            Step::StallWithPong => self.wake(late, Unread::Pong),
            Step::Backwards => self.step_back(),
            Step::Written => {
                self.world.last_written = self.world.now;
                self.world.last_progress = self.world.now;
                self.subject.on_progress(self.world.now);
                self.subject.on_sent(self.world.now);
                self.drain(false)
            }
            Step::Progress => {
                self.world.last_progress = self.world.now;
                self.subject.on_progress(self.world.now);
                self.drain(false)
            }
            Step::PingWritten => self.write_ping(),
            Step::Received | Step::Pong => {
                self.receive(step == Step::Pong)?;
                self.drain(false)
            }
            Step::Probe => {
                self.world.probe |= self.world.queued.is_none() && self.world.written.is_none();
                self.subject.request_probe();
                self.drain(false)
            }
            Step::Replaced => {
                self.subject.replace(self.settings, self.world.now);
                self.world = World::begin(self.world.now);
                self.drain(false).map_err(|_| "K7")
            }
            Step::Pause => {
                self.world.reading = !self.world.reading;
                if self.world.reading {
                    self.world.resumed = self.world.now;
                }
                self.drain(false)
            }
        }
    }

    /// The clock moves on, and the task reads and lets the engine judge.
    fn wake(&mut self, at: Instant, unread: Unread) -> Result<(), Broken> {
        let slept = at.since(self.world.deadline) > self.settings.response_timeout / 8;
        self.world.now = self.world.now.max(at);
        if slept {
            self.world.woke = self.world.now;
        }
        // While the client does not read, there is nothing to be read late.
        let unread = if self.world.reading { unread } else { Unread::Nothing };
        if self.subject.is(Mutation::JudgedBeforeRead)
            && unread != Unread::Nothing
            && self.world.written.is_some()
        {
            let judged = self.subject.poll(self.world.now, self.world.reading);
            hold("K9", !matches!(judged, Action::Close(_)))?;
            self.subject.engine.phase = Phase::Quiet;
            self.subject.engine.trial = None;
        }
        if unread != Unread::Nothing {
            self.receive(unread == Unread::Pong)?;
        }
        self.drain(slept)
    }

    fn step_back(&mut self) -> Result<(), Broken> {
        let earlier = self.world.now - self.settings.interval / 4;
        self.subject.on_sent(earlier);
        self.world.last_written = self.world.last_written.max(earlier);
        let action = self.subject.poll(earlier, self.world.reading);
        hold("clock", matches!(action, Action::Wait(_)))?;
        self.drain(false)
    }

    fn write_ping(&mut self) -> Result<(), Broken> {
        let world = &mut self.world;
        let spacing = self.settings.min_ping_spacing;
        hold("K2", world.last_ping.is_none_or(|last| world.now >= last + spacing))?;
        world.queued = None;
        let over = world.limit(world.now, &self.settings);
        world.written = Some(Written { sent: world.now, over });
        world.unheard.get_or_insert(world.now);
        world.oldest.get_or_insert(world.now);
        world.last_ping = Some(world.now);
        world.last_written = world.now;
        world.last_progress = world.now;
        self.subject.on_ping_sent(world.now);
        self.drain(false)
    }

    fn receive(&mut self, is_pong: bool) -> Result<(), Broken> {
        let world = &mut self.world;
        world.last_received = world.now;
        world.unheard = None;
        // As a driver does: bytes first, then what they say.
        self.subject.on_received(world.now);
        if !is_pong {
            return Ok(());
        }
        let first = world.oldest.take();
        let expected = match world.written.take() {
            Some(Written { sent, .. }) => {
                Pong::Matched { round_trip: world.now.since(first.unwrap_or(sent)) }
            }
            None => Pong::Unsolicited,
        };
        let pong = self.subject.on_pong(world.now);
        hold("K6", pong == expected)?;
        // A stray one changes nothing: least of all does it close.
        if pong == Pong::Unsolicited {
            let judged = self.subject.clone().poll(world.now, world.reading);
            let death = matches!(judged, Action::Close(Death::NoResponse { .. }));
            hold("K6", !death)?;
        }
        Ok(())
    }

    /// Asks the engine until it waits, as the client does.
    fn drain(&mut self, slept: bool) -> Result<(), Broken> {
        for _ in 0..4 {
            match self.subject.poll(self.world.now, self.world.reading) {
                Action::SendPing => self.on_send_ping()?,
                Action::NoteUnanswered { sent, heard } => self.on_written_off(sent, heard)?,
                Action::Close(death) => return self.on_close(death, slept),
                Action::Wait(deadline) => return self.on_wait(deadline.at, slept),
            }
        }
        Err("the engine comes to rest")
    }

    fn on_send_ping(&mut self) -> Result<(), Broken> {
        let world = &mut self.world;
        if world.is_given_up_unread(&self.settings) {
            world.give_up();
        }
        hold("K1", world.queued.is_none() && world.written.is_none())?;
        let spacing = self.settings.min_ping_spacing;
        hold("K2", world.last_ping.is_none_or(|last| world.now >= last + spacing))?;
        let needed = world.probe || world.now >= world.ping_needed(&self.settings);
        hold("no needless ping", needed)?;
        world.queued = Some(world.now);
        world.probe = false;
        Ok(())
    }

    fn on_written_off(&mut self, sent: Instant, heard: bool) -> Result<(), Broken> {
        let world = &mut self.world;
        hold("K4", world.written.is_some_and(|ping| ping.sent == sent))?;
        hold("heard", heard == world.unheard.is_none())?;
        let is_due = world.now >= world.silence_ends(&self.settings);
        hold("K4", heard || is_due)?;
        let is_over = world.now >= sent + self.settings.response_timeout;
        hold("K5", is_over || world.now >= world.ping_needed(&self.settings))?;
        world.written = None;
        if world.unheard.is_none() {
            world.oldest = None;
        }
        Ok(())
    }

    fn on_close(&mut self, death: Death, slept: bool) -> Result<(), Broken> {
        let world = &mut self.world;
        let timeout = self.settings.response_timeout;
        hold("K10", !slept)?;
        match death {
            Death::NoResponse { sent, last_received } => {
                hold("K4", world.unheard == Some(sent))?;
                hold("K4", last_received == world.last_received)?;
                hold("K5", world.now >= sent + timeout)?;
                hold("K9", world.reading && world.now >= world.resumed + timeout)?;
                hold("K4", world.now >= world.limit(sent, &self.settings))?;
                hold("K4", world.now > sent + bearable(&self.settings))?;
            }
            Death::NotWritten { queued } => {
                hold("K4", world.queued == Some(queued))?;
                hold("K4", world.now >= queued.max(world.last_progress) + timeout)?;
            }
        }
        hold("K10", world.now >= world.woke + timeout)?;
        world.dead = true;
        Ok(())
    }

    fn on_wait(&mut self, deadline: Instant, slept: bool) -> Result<(), Broken> {
        let slack = self.subject.slack();
        let world = &mut self.world;
        hold("the deadline lies ahead", deadline > world.now)?;
        world.deadline = deadline;
        let timeout = self.settings.response_timeout;
        let afresh = world.woke.max(world.resumed) + timeout;
        // Death does not wait for what we write, nor for further pings of ours.
        let dead = world.unheard.map(|first| world.limit(first, &self.settings).max(afresh));
        hold("K4", !world.reading || dead.is_none_or(|dead| deadline <= dead))?;
        if let Some(queued) = world.queued {
            let judged = queued.max(world.last_progress).max(world.woke).max(world.resumed);
            return hold("K4", deadline <= judged + timeout);
        }
        let last_ping = world.last_ping;
        let spaced = |at: Instant| {
            last_ping.map_or(at, |last| at.max(last + self.settings.min_ping_spacing))
        };
        if slept {
            let needed = match world.written {
                Some(_) => world.silence_ends(&self.settings),
                None => world.ping_needed(&self.settings),
            };
            hold("K10", deadline <= spaced(world.now) || needed > world.now)?;
        }
        hold("K3", deadline <= spaced(world.silence_ends(&self.settings)))?;
        let latest = |from: Instant| spaced(from + self.settings.interval * 85 / 100);
        hold("K4", deadline + slack <= latest(world.last_written))?;
        let asked = latest(world.last_received);
        if let Some(Written { over, .. }) = world.written {
            let is_heard = world.reading && world.unheard.is_none();
            hold("K11", !is_heard || deadline <= asked)?;
            if deadline <= over.max(afresh) {
                return Ok(());
            }
            // Given up unread: the next ping is what it waits for.
            hold("K4", world.is_given_up_unread(&self.settings))?;
            world.give_up();
        }
        hold("probe", !world.probe || deadline <= spaced(Instant::default()))?;
        let by_peer = world.last_received + self.settings.interval;
        hold("K11", !world.reading || deadline <= spaced(by_peer))?;
        hold("K4", !world.reading || deadline + slack <= asked)
    }

    /// All that decides about the future, with instants as spans from now.
    /// What is longer ago than any law looks back is all the same.
    fn key(&self) -> [i64; 28] {
        let now = self.world.now;
        let since = |at: Instant, horizon: Duration| {
            let span = at.as_micros() as i64 - now.as_micros() as i64;
            span.max(-(horizon.as_micros() as i64))
        };
        let maybe = |at: Option<Instant>, horizon| at.map_or(i64::MAX, |at| since(at, horizon));
        let Settings { response_timeout, min_ping_spacing, silence_limit, .. } = self.settings;
        let interval = self.settings.interval.max(silence_limit);
        let timeout = interval.max(response_timeout * 2);
        let engine = &self.subject.engine;
        let (phase, first, second) = match engine.phase {
            Phase::Quiet => (0, 0, 0),
            Phase::Queued { at, from } => (1, since(at, timeout), since(from, timeout)),
            Phase::Awaiting { sent, limit } => (2, since(sent, timeout), since(limit, timeout)),
            Phase::Dead => (3, 0, 0),
        };
        let world = &self.world;
        [
            phase,
            first,
            second,
            maybe(engine.trial.map(|trial| trial.sent), timeout),
            maybe(engine.trial.map(|trial| trial.limit), timeout),
            maybe(engine.oldest, timeout),
            since(engine.wake, interval),
            since(engine.last_sent, interval),
            since(engine.last_progress, timeout),
            since(engine.last_received, interval),
            maybe(engine.last_ping, min_ping_spacing),
            engine.probe.into(),
            engine.paused.into(),
            world.reading.into(),
            since(world.deadline, interval),
            maybe(world.queued, timeout),
            maybe(world.written.map(|ping| ping.sent), timeout),
            maybe(world.written.map(|ping| ping.over), timeout),
            maybe(world.unheard, timeout),
            maybe(world.oldest, timeout),
            since(world.last_written, interval),
            since(world.last_progress, timeout),
            since(world.last_received, interval),
            maybe(world.last_ping, min_ping_spacing),
            world.probe.into(),
            since(world.woke, timeout),
            since(world.resumed, timeout),
            world.dead.into(),
        ]
    }
}

impl World {
    const fn begin(now: Instant) -> Self {
        Self {
            now,
            reading: true,
            deadline: now,
            queued: None,
            written: None,
            unheard: None,
            oldest: None,
            last_written: now,
            last_progress: now,
            last_received: now,
            last_ping: None,
            probe: false,
            woke: now,
            resumed: now,
            dead: false,
        }
    }

    /// When a ping written at `sent`, and the peer with it, has had its time:
    /// K4, word by word.
    fn limit(&self, sent: Instant, settings: &Settings) -> Instant {
        let silent = self.last_received + settings.silence_limit;
        silent.min(sent + Duration::from_secs(120)).max(sent + settings.response_timeout)
    }

    /// A ping whose answer may lie unread is given up in silence, when its
    /// time is over or the next one is due.
    fn is_given_up_unread(&self, settings: &Settings) -> bool {
        let is_over = |ping: Written| self.now >= ping.over.min(self.silence_ends(settings));
        !self.reading && self.written.is_some_and(is_over)
    }

    fn give_up(&mut self) {
        self.written = None;
        self.unheard = None;
        self.oldest = None;
    }

    /// When our own silence has lasted as long as it may; the first ping of the
    /// connection may come earlier (K14).
    fn silence_ends(&self, settings: &Settings) -> Instant {
        let usual = settings.interval - settings.margin;
        let is_first = self.last_ping.is_none();
        self.last_written + if is_first { usual.min(settings.first_ping) } else { usual }
    }

    /// When silence on either side makes a ping due.
    fn ping_needed(&self, settings: &Settings) -> Instant {
        let by_us = self.silence_ends(settings);
        if self.reading {
            by_us.min(self.last_received + settings.silence_of_peer())
        } else {
            by_us
        }
    }
}

/// Follows every sequence of steps; returns how many states there were, or
/// the law that was broken and how.
fn explore(
    settings: Settings,
    mutation: Option<Mutation>,
    depth: usize,
) -> Result<usize, (Broken, Vec<Step>)> {
    let begin = Run::begin(settings, mutation).map_err(|law| (law, Vec::new()))?;
    let mut seen = HashSet::from([begin.key()]);
    let mut parents: Vec<(usize, Step)> = Vec::from([(0, Step::Deadline)]);
    let mut front = Vec::from([(0, begin)]);
    for _ in 0..depth {
        let mut next = Vec::new();
        for (index, run) in front {
            for step in STEPS.into_iter().filter(|step| run.admits(*step)) {
                let mut after = run.clone();
                if let Err(law) = after.take(step) {
                    return Err((law, trace(&parents, index, step)));
                }
                if seen.insert(after.key()) {
                    parents.push((index, step));
                    next.push((parents.len() - 1, after));
                }
            }
        }
        front = next;
    }
    Ok(seen.len())
}

fn trace(parents: &[(usize, Step)], mut index: usize, last: Step) -> Vec<Step> {
    let mut steps = Vec::from([last]);
    while index > 0 {
        let (parent, step) = parents[index];
        steps.push(step);
        index = parent;
    }
    steps.reverse();
    steps
}

/// Answers that are always as late as this cost no connection, unless the user
/// asked for less.
fn bearable(settings: &Settings) -> Duration {
    let is_asked_for = settings.silence_limit.is_zero();
    let late =
        if is_asked_for { settings.response_timeout / 2 } else { settings.interval * 6 / 10 };
    late.min(LONGEST_WAIT - Duration::from_micros(1))
}

/// As the client makes them: for each interval with spacing below and above it,
/// with pings, and the first, as early and as late as they come; with timeouts that have grown;
/// with the spacing AWS IoT Core asks for; with time-outs of the user's.
fn configurations() -> Vec<Settings> {
    let made = |seconds: u64, doublings, timeout: Option<u64>| {
        let mut config = crate::Config::default();
        config.keep_alive.response_timeout = timeout.map(Duration::from_secs);
        let (interval, mut rng) = (Duration::from_secs(seconds), crate::rng::Rng::new(seconds));
        keep_alive_settings(&config, interval, doublings, &mut rng)
    };
    let mut all = Vec::new();
    for seconds in [1, 30, 180, 1200] {
        let Some(usual) = made(seconds, 0, None) else { continue };
        let interval = usual.interval;
        for first_ping in [interval / 40, interval] {
            all.push(Settings { margin: interval * 7 / 40, first_ping, ..usual });
        }
        all.push(Settings {
            margin: interval * 13 / 40,
            first_ping: interval,
            min_ping_spacing: interval * 5 / 4,
            ..usual
        });
    }
    let min_ping_spacing = Duration::from_millis(30_500);
    all.extend(made(30, 1, None).map(|settings| Settings { min_ping_spacing, ..settings }));
    let grown = [made(30, 2, None), made(30, 0, Some(45)), made(30, 2, Some(3))];
    all.extend(grown.into_iter().flatten());
    all
}

#[test]
fn no_sequence_of_steps_breaks_a_law() {
    assert_eq!(configurations().len(), 16);
    for settings in configurations() {
        let result = explore(settings, None, DEPTH);
        assert!(result.is_ok(), "broken: {result:?} with {settings:?}");
        std::println!("{result:?} states with {settings:?}");
    }
}

#[test]
fn every_broken_engine_is_caught() {
    for (mutation, laws) in MUTATIONS {
        let caught = configurations().into_iter().find_map(|settings| {
            let (law, steps) = explore(settings, Some(mutation), DEPTH).err()?;
            laws.contains(&law).then(|| std::println!("{mutation:?}: {law} by {steps:?}"))
        });
        assert!(caught.is_some(), "{mutation:?} breaks none of {laws:?}");
    }
}
