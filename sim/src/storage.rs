//! A client's store: the real file store, on a simulated disk that takes its
//! time, fills up, fails, hangs and loses power.

use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::time::Duration;

use evenkeel_codec::TopicFilter;
use evenkeel_proto::record::{
    Batch, Committed, Read, Record, Recovered, StorageFailure, StoredSubscription,
};
use evenkeel_store::contract::model::{Model, View};
use evenkeel_store::disk::{Crash, SimulatedDisk, SimulatedFolder};
use evenkeel_store::{FileStore, Fsync, Store, StoreError};

use crate::rng::Rng;
use crate::setup::{Death, StoreSpec};
use crate::time::Time;

/// Longest hang of one commit.
const HANG: Duration = Duration::from_secs(8);

/// A store, what is on its way into it, and what it has to hold.
#[derive(Debug)]
pub(crate) struct Storage {
    spec: StoreSpec,
    rng: Rng,
    disk: SimulatedDisk,
    /// Open while its process lives.
    store: Option<FileStore<SimulatedFolder>>,
    jobs: VecDeque<Job>,
    /// The sum of all that was committed.
    sum: Sum,
    /// Batches that failed, or were under way as the power went, since the
    /// last one that was committed: one of them may be there, as a whole.
    torn: Vec<Vec<Record>>,
    hangs_until: Time,
}

/// What a store has to hold.
#[derive(Clone, Debug, Default)]
struct Sum {
    messages: Model,
    subscriptions: BTreeMap<TopicFilter, StoredSubscription>,
    unproven: bool,
}

/// What is compared of a store.
type Contents = (View, BTreeMap<TopicFilter, StoredSubscription>, bool);

impl Sum {
    fn add(&mut self, records: &[Record]) {
        for record in records {
            self.messages.add(record);
            match record {
                Record::Subscribed(stored) => {
                    self.subscriptions.insert(stored.filter.filter.clone(), stored.clone());
                }
                Record::Unsubscribed { filter } => drop(self.subscriptions.remove(filter)),
                Record::Unproven => self.unproven = true,
                Record::Proven => self.unproven = false,
                _ => {}
            }
        }
    }

    fn contents(&self) -> Contents {
        (self.messages.view(), self.subscriptions.clone(), self.unproven)
    }
}

/// A batch on its way.
#[derive(Debug)]
struct Job {
    batch: Batch,
    /// What the store is given; other than in the batch if a test lets
    /// the client forget something.
    records: Vec<Record>,
    done_at: Time,
}

/// A store that was opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) recovered: Recovered,
    /// What was under way as the power went, and is there.
    pub(crate) survived: Vec<Record>,
}

/// Why a store was not opened.
#[derive(Debug)]
pub(crate) enum Unopened {
    /// The disk does not let it now.
    Later(StoreError),
    /// It does not hold what was committed.
    Wrong(String),
}

/// A batch the store is done with.
#[derive(Debug)]
pub(crate) struct Done {
    /// What it holds now that it did not hold before.
    pub(crate) stored: Vec<Record>,
    pub(crate) committed: Committed,
}

impl Storage {
    /// An empty disk.
    pub(crate) fn new(spec: StoreSpec, rng: Rng) -> Self {
        Self {
            spec,
            rng,
            disk: SimulatedDisk::new(),
            store: None,
            jobs: VecDeque::new(),
            sum: Sum::default(),
            torn: Vec::new(),
            hangs_until: Time(0),
        }
    }

    /// Opens the store for a new process. It holds what was committed, and
    /// possibly the batch that was under way.
    pub(crate) fn open(&mut self) -> Result<Opened, Unopened> {
        let fsync = if self.spec.syncs { Fsync::EveryCommit } else { Fsync::Never };
        let options = FileStore::options()
            .segment_bytes(self.spec.segment)
            .max_bytes(self.spec.max_bytes)
            .fsync(fsync);
        let mut store = options.open_in(self.disk.folder()).map_err(unopened)?;
        let recovered = store.recover().map_err(unopened)?;
        let view = View::of(&recovered, &mut store).map_err(unopened)?;
        let subscriptions = recovered.subscriptions.iter();
        let subscriptions = subscriptions.map(|it| (it.filter.filter.clone(), it.clone()));
        let found = (view, subscriptions.collect(), recovered.unproven);
        let survived = self.explain(&found)?;
        self.store = Some(store);
        Ok(Opened { recovered, survived })
    }

    /// Which of the torn batches is there as well.
    fn explain(&mut self, found: &Contents) -> Result<Vec<Record>, Unopened> {
        let torn = std::mem::take(&mut self.torn);
        for survived in std::iter::once(Vec::new()).chain(torn) {
            let mut sum = self.sum.clone();
            sum.add(&survived);
            if *found == sum.contents() {
                self.sum = sum;
                return Ok(survived);
            }
        }
        let text = format!("it holds {found:?}, and should {:?}", self.sum.contents());
        Err(Unopened::Wrong(text))
    }

    /// Takes a batch; `records` are what the store is to be given of it.
    pub(crate) fn push(&mut self, now: Time, batch: Batch, records: Vec<Record>) {
        let behind = self.jobs.back().map_or(now, |job| job.done_at.max(now));
        let done_at = behind + self.span(now);
        self.jobs.push_back(Job { batch, records, done_at });
    }

    /// How long the next commit takes.
    fn span(&mut self, now: Time) -> Duration {
        let usual = self.spec.commit;
        let span = self.rng.span(usual / 2, usual * 2);
        let hiccup = if self.rng.one_in(40) { usual * 20 } else { Duration::ZERO };
        let hang =
            if now < self.hangs_until { self.rng.span(HANG / 8, HANG) } else { Duration::ZERO };
        span + hiccup + hang
    }

    /// When the next batch is done.
    pub(crate) fn next(&self) -> Option<Time> {
        self.jobs.front().map(|job| job.done_at)
    }

    /// True if no batch is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.jobs.is_empty()
    }

    /// The next batch that is done by now.
    pub(crate) fn due(&mut self, now: Time) -> Option<Done> {
        self.jobs.front().filter(|job| job.done_at <= now)?;
        let job = self.jobs.pop_front()?;
        Some(self.carry_out(job))
    }

    fn carry_out(&mut self, job: Job) -> Done {
        let Job { batch, records, .. } = job;
        let result = self.commit(&records);
        let read = match (&result, batch.read) {
            (Ok(()), Some(read)) => self.read(&read),
            (Ok(()), None) => Ok(Vec::new()),
            (Err(failure), _) => Err(*failure),
        };
        let stored = if result.is_ok() { records } else { Vec::new() };
        Done { stored, committed: Committed { batch, result, read } }
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), StorageFailure> {
        if records.is_empty() {
            return Ok(());
        }
        let store = self.store.as_mut().ok_or(StorageFailure::Closed)?;
        if let Err(error) = store.commit(records) {
            self.torn.push(records.to_vec());
            return Err(error.failure());
        }
        self.torn.clear();
        self.sum.add(records);
        Ok(())
    }

    fn read(
        &mut self,
        read: &Read,
    ) -> Result<Vec<evenkeel_proto::record::StoredMessage>, StorageFailure> {
        let store = self.store.as_mut().ok_or(StorageFailure::Closed)?;
        store.read(read).map_err(|error| error.failure())
    }

    /// The process dies: of the batches on their way a beginning is there
    /// (which is returned), the next one perhaps, and no other.
    pub(crate) fn die(&mut self, how: Death) -> Vec<Record> {
        let jobs: Vec<Job> = self.jobs.drain(..).collect();
        let whole = match how {
            Death::Leave(_) => jobs.len(),
            _ => self.rng.index(jobs.len() + 1),
        };
        let mut stored = Vec::new();
        let mut jobs = jobs.into_iter();
        for job in jobs.by_ref().take(whole) {
            stored.extend(self.carry_out(job).stored);
        }
        let powerless = how == Death::PowerCut && self.spec.syncs;
        if let (true, Some(job)) = (powerless, jobs.next()) {
            stored.extend(self.tear(job));
        }
        self.store = None;
        let seed = self.rng.next();
        match (powerless, seed % 4) {
            // The machine goes on.
            (false, _) => self.disk.kill(),
            (true, 0) => self.disk.restart(Crash::KeepNothing),
            (true, _) => self.disk.restart(Crash::Random(seed)),
        }
        stored
    }

    /// The power goes in the middle of a commit.
    fn tear(&mut self, job: Job) -> Vec<Record> {
        self.disk.cut_power_at(self.disk.operations() + self.rng.below(3));
        match self.commit(&job.records) {
            Ok(()) => job.records,
            Err(_) => Vec::new(),
        }
    }

    /// The disk takes so many bytes more, and then none.
    pub(crate) fn fill_up(&mut self, free: usize) {
        let used: usize = self.disk.image().values().map(Vec::len).sum();
        self.disk.set_capacity(Some(used + free));
    }

    /// Space is free again.
    pub(crate) fn free(&mut self) {
        self.disk.set_capacity(None);
    }

    /// Some of the next operations of the disk fail.
    pub(crate) fn fail(&mut self, times: u64, kind: ErrorKind) {
        let from = self.disk.operations();
        for _ in 0..times {
            self.disk.fail_at(from + self.rng.below(times * 4), kind);
        }
    }

    /// Commits take long up to then.
    pub(crate) const fn hang(&mut self, until: Time) {
        self.hangs_until = until;
    }
}

fn unopened(error: StoreError) -> Unopened {
    match error {
        StoreError::Disk { .. } | StoreError::Bound(_) => Unopened::Later(error),
        error => Unopened::Wrong(format!("it cannot be opened: {error}")),
    }
}
