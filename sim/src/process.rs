//! A client's process with its store: how it dies, at any step, and how the
//! next one begins with what is stored.

use std::time::Duration;

use evenkeel_proto::record::{Batch, BootId, Committed, Moment, StorageFailure, UnixMillis};
use evenkeel_proto::{Client, ConfigError, Input, State};

use crate::node::{Env, Node};
use crate::observation::Observation;
use crate::rng::Rng;
use crate::setup::{ClientSpec, Death};
use crate::storage::{Opened, Storage, Unopened};
use crate::subject::Subject;
use crate::time::Time;

/// What a wall clock shows as the world begins.
const DAWN: u64 = 1_800_000_000_000;
/// Milliseconds.
const DAY: i64 = 24 * 3_600_000;
/// A process whose store cannot be opened is started again after this.
const AGAIN: Duration = Duration::from_secs(3);

/// What a client with a store has beyond others.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) storage: Storage,
    seeds: Rng,
    lives: u64,
    /// How often its machine was started.
    boots: u8,
    /// How far its wall clock is from the truth, in milliseconds.
    set_by: i64,
    /// How often it was looked at, and may have been set.
    looks: u64,
    /// Its end, after so many more steps.
    fuse: Option<(u32, Death, Duration)>,
    /// It has been told to leave, and stays away for so long.
    leaving: Option<Duration>,
    is_dead: bool,
    /// When the machine is to be looked at again; for the world to take.
    pub(crate) wake_at: Option<Time>,
}

impl Process {
    fn new(storage: Storage, seeds: Rng) -> Self {
        Self {
            storage,
            seeds,
            lives: 0,
            boots: 1,
            set_by: 0,
            looks: 0,
            fuse: None,
            leaving: None,
            is_dead: false,
            wake_at: None,
        }
    }

    fn seed(&mut self) -> u64 {
        self.lives += 1;
        self.seeds.fork("life", self.lives).next()
    }

    /// What its machine says as it begins: the wall clock may have been set.
    fn moment(&mut self, time: Time) -> Moment {
        self.set_by = match self.seeds.fork("wall", self.lives).below(6) {
            0 => -26 * 365 * DAY,
            1 => -2 * DAY,
            2 => DAY,
            _ => 0,
        };
        Moment { wall: self.wall(time), boot: Some(BootId([self.boots; 16])) }
    }

    fn wall(&self, time: Time) -> UnixMillis {
        UnixMillis((DAWN + time.0 / 1000).saturating_add_signed(self.set_by))
    }

    /// The wall clock as it is now; it may have been set meanwhile.
    fn look_at_wall(&mut self, time: Time) -> UnixMillis {
        self.looks += 1;
        self.set_by = match self.seeds.fork("step", self.looks).below(8) {
            0 => -26 * 365 * DAY,
            1 => DAY,
            2 => 0,
            _ => self.set_by,
        };
        self.wall(time)
    }
}

/// The first process of a client: its core and, if it has one, its store.
pub(crate) fn first(
    index: usize,
    spec: &ClientSpec,
    rng: &Rng,
) -> Result<(Client, Option<Process>), String> {
    let now = spec.clock.local(Time(0));
    let mut seeds = rng.fork("client", index as u64);
    let refused = |error: ConfigError| format!("the configuration is refused: {error:?}");
    let Some(store) = spec.store else {
        let seed = seeds.next();
        let core = Client::new(spec.config.clone(), seed, now).map_err(refused)?;
        return Ok((core, None));
    };
    let storage = Storage::new(store, rng.fork("disk", index as u64));
    let mut process = Process::new(storage, seeds);
    let opened = process.storage.open().map_err(|error| format!("{error:?}"))?;
    let seed = process.seed();
    let moment = process.moment(Time(0));
    let core = Client::recover(spec.config.clone(), seed, now, moment, opened.recovered);
    let core = core.map_err(refused)?;
    Ok((core, Some(process)))
}

impl Node {
    pub(crate) fn is_dead(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.is_dead)
    }

    /// True if no batch is on its way into a store.
    pub(crate) fn has_stored_all(&self) -> bool {
        self.process.as_ref().is_none_or(|process| process.storage.is_idle())
    }

    /// As an attempt begins, the core is told what the wall clock shows.
    pub(crate) fn tell_wall_clock(&mut self, time: Time) {
        if let Some(process) = &mut self.process {
            let wall = process.look_at_wall(time);
            self.subject.core().set_wall_clock(self.now, wall);
        }
    }

    /// A process begins, as far as its oracles see it.
    pub(crate) fn begin(&mut self, env: &mut Env<'_>) {
        if let Some(moment) = self.process.as_mut().map(|process| process.moment(env.time)) {
            self.see(env, &Observation::Began(&moment));
        }
    }

    /// The core wants something committed.
    pub(crate) fn commit(&mut self, env: &mut Env<'_>, batch: Batch) {
        if !batch.records.is_empty() {
            self.see(env, &Observation::Commit(&batch.records));
        }
        let records = self.subject.stores(&batch.records);
        if self.subject.claims_stored_early() {
            let result = Ok(());
            let early = Committed { batch: batch.clone(), result, read: Ok(Vec::new()) };
            self.subject.core().handle(self.now, Input::Committed(early));
        }
        let Some(process) = &mut self.process else {
            let failure = StorageFailure::Closed;
            let text = format!("a client without a store commits {batch:?}");
            env.observers.broken("D3", env.time, Some(self.index), text);
            let failed = Committed { batch, result: Err(failure), read: Err(failure) };
            return self.subject.core().handle(self.now, Input::Committed(failed));
        };
        process.storage.push(env.time, batch, records);
    }

    /// Tells the core what the store is done with; true if there was
    /// something.
    pub(crate) fn hear_store(&mut self, env: &mut Env<'_>) -> bool {
        let mut any = false;
        while let Some(process) = &mut self.process
            && !process.is_dead
            && let Some(done) = process.storage.due(env.time)
        {
            if done.committed.result.is_ok() && !done.committed.batch.records.is_empty() {
                self.see(env, &Observation::Stored(&done.stored));
            }
            if !self.subject.is_deaf_to_store() {
                self.subject.core().handle(self.now, Input::Committed(done.committed));
            }
            self.step(env);
            any = true;
        }
        any
    }

    /// One step of the process: it may be the last. True if it is dead.
    pub(crate) fn step(&mut self, env: &mut Env<'_>) -> bool {
        let Some(process) = &mut self.process else { return false };
        match &mut process.fuse {
            None => process.is_dead,
            Some((0, how, down)) => {
                let (how, down) = (*how, *down);
                self.die(env, how, down);
                true
            }
            Some((left, ..)) => {
                *left -= 1;
                false
            }
        }
    }

    /// Lets the process come to an end after so many steps.
    pub(crate) fn doom(&mut self, env: &mut Env<'_>, steps: u32, how: Death, down: Duration) {
        let Some(process) = self.process.as_mut().filter(|process| !process.is_dead) else {
            return;
        };
        if let Death::Leave(limit) = how {
            process.leaving = Some(down);
            self.look_at_clock(env.time);
            let facts = self.facts(env.time);
            return self.app.leave(limit, &mut self.subject, &facts, env.observers);
        }
        process.fuse = Some((steps, how, down));
        if steps == 0 {
            self.step(env);
        }
    }

    /// A process whose end was planned goes on.
    pub(crate) fn cancel_death(&mut self) {
        if let Some(process) = &mut self.process {
            process.fuse = None;
        }
    }

    /// The end of a process that was told to leave.
    pub(crate) fn leave(&mut self, env: &mut Env<'_>) {
        let is_closed = self.subject.state() == State::Closed;
        let Some(process) = self.process.as_ref().filter(|process| !process.is_dead) else {
            return;
        };
        if let Some(down) = process.leaving
            && is_closed
            && process.storage.is_idle()
        {
            self.die(env, Death::Leave(Duration::ZERO), down);
        }
    }

    fn die(&mut self, env: &mut Env<'_>, how: Death, down: Duration) {
        self.drop_links(env, how == Death::PowerCut);
        let Some(process) = &mut self.process else { return };
        process.fuse = None;
        process.leaving = None;
        process.is_dead = true;
        process.boots = process.boots.wrapping_add(u8::from(how == Death::PowerCut));
        let stored = process.storage.die(how);
        let until = env.time + down;
        let until = self.machine.frozen.map_or(until, |before| before.max(until));
        process.wake_at = Some(until);
        self.machine.frozen = Some(until);
        if !stored.is_empty() {
            self.see(env, &Observation::Stored(&stored));
        }
        self.see(env, &Observation::Died(how));
    }

    /// The next process begins.
    pub(crate) fn be_reborn(&mut self, env: &mut Env<'_>) {
        self.look_at_clock(env.time);
        let Some(process) = self.process.as_mut().filter(|process| process.is_dead) else { return };
        let Opened { mut recovered, survived } = match process.storage.open() {
            Ok(opened) => opened,
            Err(Unopened::Later(error)) => {
                let until = env.time + AGAIN;
                process.wake_at = Some(until);
                self.machine.frozen = Some(until);
                let text = format!("the store cannot be opened: {error}");
                return env.observers.note(env.time, Some(self.index), text);
            }
            Err(Unopened::Wrong(text)) => {
                return env.observers.broken("store", env.time, Some(self.index), text);
            }
        };
        process.is_dead = false;
        let seed = process.seed();
        let moment = process.moment(env.time);
        if !survived.is_empty() {
            self.see(env, &Observation::Stored(&survived));
        }
        self.see(env, &Observation::Recovered(&recovered));
        self.see(env, &Observation::Began(&moment));
        self.subject.forgets(&mut recovered);
        let moment = self.subject.moment(moment);
        match Client::recover(self.spec.config.clone(), seed, self.now, moment, recovered) {
            Ok(core) => self.subject = Subject::new(core, self.spec.sabotage),
            Err(error) => {
                let text = format!("a recovered client is refused: {error:?}");
                return env.observers.broken("D3", env.time, Some(self.index), text);
            }
        }
        self.app.begin_again(env.time);
    }
}
