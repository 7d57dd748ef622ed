//! Between the core and its store: what is to be committed, what is on its
//! way, and what has to wait for it. The one place that knows about commits;
//! everything else records what happens, and says what shall happen after.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use evenkeel_codec::{Ack, PacketId, PacketType, Publish, ReasonCode};

use crate::io::{ConnectionId, Credentials};
use crate::operation::{Claim, Completion, QueueError, Report, Token};
use crate::record::{
    Accepted, Batch, BatchId, Outcome, Read, Record, Serial, StorageFailure, StoreBounds,
    StoredTime, Window,
};
use crate::session::queue::weight;
use crate::sorted::Set;
use crate::time::Instant;
use crate::tuning;

/// Records that nobody waits for are committed after this at the latest.
const LAZY: Duration = Duration::from_millis(tuning::COMMIT_DELAY_MS);
/// So many operations on single messages wait for the store at most (D9).
const WISHES: usize = 1024;
/// A store that failed is tried again after this, then at doubled intervals ...
const RETRY: Duration = Duration::from_secs(1);
/// ... up to this one.
const RETRY_MOST: Duration = Duration::from_secs(60);

/// The time is noted with the first batch of a process, with any other this
/// long after the last note ...
const NOTE_BESIDE: Duration = Duration::from_secs(10);
/// ... and of its own accord while messages wait that expire.
const NOTE: Duration = Duration::from_secs(60);

/// What waits until everything recorded before it is committed.
#[derive(Debug)]
pub(crate) enum Gate {
    /// CONNECT, by which the server may begin a session.
    Connect(Option<Credentials>),
    /// The message is accepted.
    Stored(Report, Serial),
    /// The PUBLISH of a new exchange.
    Publish(PacketId, Serial),
    /// The PUBLISH of an exchange that begins anew.
    Anew(PacketId, Serial),
    /// A QoS 0 message out of the store, and when it expires.
    StoredQos0(Box<Publish>, Claim, Option<Instant>),
    /// What is to be sent again on this connection.
    Replay,
    /// PUBREC, PUBREL or PUBCOMP.
    Acknowledge(PacketType, PacketId, ReasonCode),
    /// PUBREC that says more than a code.
    Answer(Box<Ack>),
    /// Another operation has its outcome.
    Complete(Box<Completion>),
}

/// A gate with what opens it.
#[derive(Debug)]
struct Closed {
    after: BatchId,
    /// It has no meaning on another connection.
    conn: Option<ConnectionId>,
    gate: Gate,
}

/// What an operation on one stored message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Remove,
    Requeue,
}

/// The store has failed, and has not worked since.
#[derive(Clone, Copy, Debug)]
struct Trouble {
    failure: StorageFailure,
    /// What is recorded is tried again from then on ...
    retry_at: Instant,
    /// ... and messages are accepted again, by which it is seen whether they
    /// can be stored.
    refuse_until: Instant,
    /// That moment has not come.
    refuses: bool,
    delay: Duration,
}

/// How the next process will know that time has passed (D18).
#[derive(Clone, Copy, Debug)]
struct Notes {
    /// The last one of this process.
    last: Option<Instant>,
    /// Messages in the store expire.
    wanted: bool,
}

impl Notes {
    /// When a note is due of its own accord.
    fn due(self) -> Option<Instant> {
        let next = self.last.map_or_else(Instant::default, |last| last + NOTE);
        self.wanted.then_some(next)
    }

    /// True if a batch with something else takes a note along.
    fn goes_beside(self, now: Instant) -> bool {
        self.last.is_none_or(|last| last + NOTE_BESIDE <= now)
    }
}

#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) bounds: StoreBounds,
    /// The next batch as far as it goes.
    pending: Vec<Record>,
    /// When it is due; `None` while it is empty.
    due: Option<Instant>,
    /// The batch under way.
    out: Option<BatchId>,
    /// The last batch that was handed out, and the last that was committed.
    last: BatchId,
    committed: BatchId,
    gates: VecDeque<Closed>,
    /// Messages on their way into the store.
    incoming: Window,
    /// Those of them that have their outcome.
    gone: Set<Serial>,
    /// All messages before this one are in it.
    stored_below: Serial,
    trouble: Option<Trouble>,
    /// The store has been told that the session is unproven.
    pub(crate) unproven: bool,
    /// Operations on single messages that have to be looked up, one at a time.
    wishes: VecDeque<(Wish, Serial, Token)>,
    notes: Notes,
}

/// The journal of a client that has a store. Without the feature `store` there
/// is none, and the compiler leaves out what is done with it.
#[derive(Debug, Default)]
pub(crate) struct Slot(Option<Box<Journal>>);

impl Slot {
    #[cfg(feature = "store")]
    pub(crate) fn fill(&mut self, journal: Journal) {
        self.0 = Some(Box::new(journal));
    }

    #[inline]
    pub(crate) const fn is_some(&self) -> bool {
        cfg!(feature = "store") && self.0.is_some()
    }

    #[inline]
    pub(crate) fn as_ref(&self) -> Option<&Journal> {
        if cfg!(feature = "store") { self.0.as_deref() } else { None }
    }

    #[inline]
    pub(crate) fn as_mut(&mut self) -> Option<&mut Journal> {
        if cfg!(feature = "store") { self.0.as_deref_mut() } else { None }
    }
}

impl Journal {
    /// For a store with these bounds that holds all messages before `next`.
    #[cfg(feature = "store")]
    pub(crate) const fn new(next: Serial, bounds: StoreBounds) -> Self {
        Self {
            bounds,
            pending: Vec::new(),
            due: None,
            out: None,
            last: BatchId(0),
            committed: BatchId(0),
            gates: VecDeque::new(),
            incoming: Window::NONE,
            gone: Set::new(),
            stored_below: next,
            trouble: None,
            unproven: false,
            wishes: VecDeque::new(),
            notes: Notes { last: None, wanted: false },
        }
    }

    // ---- recording ----

    /// Notes what has happened; it is committed with the next batch.
    pub(crate) fn record(&mut self, now: Instant, record: Record) {
        self.gone.extend(settles(&record).filter(|serial| *serial >= self.stored_below));
        self.pending.push(record);
        let at = if self.pending.len() < tuning::RECORDS_DELAYED { now + LAZY } else { now };
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Notes that a message is to be accepted.
    pub(crate) fn accept(&mut self, now: Instant, accepted: Accepted) {
        self.incoming.messages += 1;
        self.incoming.bytes += weight(&accepted.publish);
        self.notes.wanted |= accepted.expires.is_some();
        self.record(now, Record::Accepted(accepted));
    }

    /// A message in the store expires: time is noted while it waits.
    pub(crate) const fn watch_time(&mut self) {
        self.notes.wanted = true;
    }

    /// No message in the store expires.
    pub(crate) const fn watch_no_time(&mut self) {
        self.notes.wanted = false;
    }

    /// Gives the gate back if everything recorded is committed; otherwise
    /// it comes back by [`next_open`](Self::next_open) once it is.
    pub(crate) fn after(
        &mut self,
        now: Instant,
        conn: Option<ConnectionId>,
        gate: Gate,
    ) -> Option<Gate> {
        let after = match (self.pending.is_empty(), self.out) {
            (true, None) => return Some(gate),
            (true, Some(out)) => out,
            (false, _) => {
                self.due = Some(now);
                BatchId(self.last.0 + 1)
            }
        };
        self.gates.push_back(Closed { after, conn, gate });
        None
    }

    /// The next gate that is open, if it is of this connection or of none;
    /// those of connections that are over are forgotten.
    pub(crate) fn next_open(&mut self, present: Option<ConnectionId>) -> Option<Gate> {
        // After a batch that failed there may be nothing left to commit.
        let all = self.is_idle();
        while self.gates.front().is_some_and(|closed| all || closed.after <= self.committed) {
            let Closed { conn, gate, .. } = self.gates.pop_front()?;
            let holds = conn.is_none() || conn == present || matches!(gate, Gate::StoredQos0(..));
            if holds {
                return Some(gate);
            }
        }
        None
    }

    /// True while a QoS 0 message out of the store waits to be removed from it.
    pub(crate) fn has_stored_qos0(&self) -> bool {
        self.gates.iter().any(|closed| matches!(closed.gate, Gate::StoredQos0(..)))
    }

    /// What waits for commits.
    pub(crate) fn gates(&self) -> impl Iterator<Item = &Gate> {
        self.gates.iter().map(|closed| &closed.gate)
    }

    /// What the store fails with, where it is of no use to try.
    pub(crate) fn failure(&self, now: Instant) -> Option<StorageFailure> {
        self.trouble.filter(|trouble| now < trouble.refuse_until).map(|trouble| trouble.failure)
    }

    /// What the store failed with last, until it works again.
    pub(crate) fn trouble(&self) -> Option<StorageFailure> {
        self.trouble.map(|trouble| trouble.failure)
    }

    /// When new messages may go to a store again that failed, although nothing
    /// that was recorded waits to be tried.
    pub(crate) fn trusted_again_at(&self) -> Option<Instant> {
        self.trouble.filter(|trouble| trouble.refuses).map(|trouble| trouble.refuse_until)
    }

    /// True once, at that moment.
    pub(crate) fn trusts_again(&mut self, now: Instant) -> bool {
        let trouble = self.trouble.as_mut().filter(|trouble| trouble.refuse_until <= now);
        trouble.is_some_and(|trouble| core::mem::take(&mut trouble.refuses))
    }

    /// True if as many messages as may be are on their way into the store.
    pub(crate) const fn is_busy(&self, most: Window) -> bool {
        self.incoming.messages >= most.messages || self.incoming.bytes >= most.bytes
    }

    /// Messages that are to be accepted and have no outcome yet.
    pub(crate) fn on_their_way(&self) -> usize {
        self.incoming.messages.saturating_sub(self.gone.len())
    }

    /// All messages before this one are committed.
    pub(crate) fn stored_below(&self) -> Serial {
        self.stored_below
    }

    /// True while nothing is to be committed, nor on its way.
    pub(crate) const fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.out.is_none()
    }

    // ---- batches ----

    /// When there will be a batch to commit, or a store to be tried again;
    /// `reads` if there is something to read.
    pub(crate) fn deadline(&self, reads: bool) -> Option<Instant> {
        let reads = reads || !self.wishes.is_empty();
        let due = self.due.into_iter().chain(self.notes.due()).min();
        let due = if reads { Some(Instant::default()) } else { due };
        let earliest = self.trouble.map_or_else(Instant::default, |trouble| trouble.retry_at);
        if self.out.is_none() { due.map(|due| due.max(earliest)) } else { None }
    }

    /// What is recorded shall be committed now.
    pub(crate) fn hurry(&mut self, now: Instant) {
        if self.due.is_some() {
            self.due = Some(now);
        }
    }

    /// The batch to commit now, if there is one; with it something is read
    /// that is `wanted`, or wished for. `present` is the present moment.
    pub(crate) fn next_batch(
        &mut self,
        wanted: Option<Read>,
        present: StoredTime,
    ) -> Option<Batch> {
        let now = present.at;
        let may_go =
            self.out.is_none() && self.trouble.is_none_or(|trouble| trouble.retry_at <= now);
        let wish = self.wishes.front().map(|(_, serial, _)| Read::Message(*serial));
        let read = wish.or(wanted);
        let mut due = self.due.into_iter().chain(self.notes.due());
        let due = read.is_some() || due.any(|due| due <= now);
        (may_go && due).then(|| self.hand_out(read, present))
    }

    /// All that is recorded, though another batch may be under way: the last
    /// one of a client that closes.
    pub(crate) fn last_batch(&mut self, present: StoredTime) -> Option<Batch> {
        if self.notes.wanted {
            self.note(present);
        }
        (!self.pending.is_empty()).then(|| self.hand_out(None, present))
    }

    /// Notes the time in the batch that goes out next, ahead of what happened.
    fn note(&mut self, present: StoredTime) {
        self.notes.last = Some(present.at);
        self.pending.insert(0, Record::Time(present));
    }

    fn hand_out(&mut self, read: Option<Read>, present: StoredTime) -> Batch {
        let beside = !self.pending.is_empty() && self.notes.goes_beside(present.at);
        if beside || self.notes.due().is_some_and(|due| due <= present.at) {
            self.note(present);
        }
        self.last.0 += 1;
        self.out = Some(self.last);
        self.due = None;
        Batch { id: self.last, records: core::mem::take(&mut self.pending), read }
    }

    /// True if this batch is the one under way.
    pub(crate) fn is_out(&self, id: BatchId) -> bool {
        self.out == Some(id)
    }

    /// The batch is committed. True if the store had failed, and works again.
    pub(crate) fn on_committed(&mut self, now: Instant, batch: Batch) -> bool {
        self.out = None;
        self.committed = batch.id;
        for record in &batch.records {
            if let Record::Accepted(accepted) = record {
                self.incoming.messages -= 1;
                self.incoming.bytes -= weight(&accepted.publish);
                self.stored_below = accepted.serial.next();
            }
        }
        self.gone = self.gone.split_off(&self.stored_below);
        let mut records = batch.records;
        if self.pending.is_empty() {
            records.clear();
            self.pending = records;
        }
        self.trouble.take_if(|trouble| trouble.refuse_until <= now).is_some()
    }

    /// The store does not work; it is tried again after the time returned.
    pub(crate) fn fail(&mut self, now: Instant, failure: StorageFailure) -> Duration {
        let delay = self.trouble.map_or(RETRY, |trouble| (trouble.delay * 2).min(RETRY_MOST));
        let again = now + delay;
        let (retry_at, refuse_until) = (again, again);
        self.trouble = Some(Trouble { failure, retry_at, refuse_until, refuses: true, delay });
        delay
    }

    /// The batch failed. Its records are tried again later, except those of
    /// messages on their way into the store: these are not accepted. Returns
    /// those of them that have no outcome yet, and the time until the next attempt.
    pub(crate) fn on_failed(
        &mut self,
        now: Instant,
        batch: Batch,
        failure: StorageFailure,
    ) -> (Vec<Accepted>, Duration) {
        self.out = None;
        self.incoming = Window::NONE;
        self.gone.clear();
        let mut records = batch.records;
        records.append(&mut self.pending);
        // The next batch notes its own.
        records.retain(|record| !matches!(record, Record::Time(_)));
        self.notes.last = None;
        let refused = refused(&records);
        let is_refused = |serial: &Serial| refused.binary_search(serial).is_ok();
        let mut settled: Vec<Serial> = records.iter().filter_map(settles).collect();
        settled.sort_unstable();
        let is_settled = |serial: &Serial| settled.binary_search(serial).is_ok();
        let mut left = Vec::new();
        let mut unsettled = Vec::new();
        for record in records {
            match record {
                Record::Accepted(accepted) if !is_settled(&accepted.serial) => {
                    unsettled.push(accepted);
                }
                record if subject(&record).is_some_and(|serial| is_refused(&serial)) => {}
                record => left.push(record),
            }
        }
        self.pending = left;
        self.due = (!self.pending.is_empty()).then_some(now);
        self.gates.retain_mut(|closed| !closed.gate.fail(failure, is_refused));
        let delay = self.fail(now, failure);
        if !refused.is_empty()
            && let Some(trouble) = &mut self.trouble
        {
            // A store that is full takes what is left without the new messages.
            trouble.retry_at = now;
        }
        (unsettled, delay)
    }

    /// A CONNECT that waits: it goes on without a store that fails.
    pub(crate) fn take_connect(&mut self, present: Option<ConnectionId>) -> Option<Gate> {
        let waits = |closed: &Closed| matches!(closed.gate, Gate::Connect(_));
        let place = self.gates.iter().position(|closed| waits(closed) && closed.conn == present)?;
        self.gates.remove(place).map(|closed| closed.gate)
    }

    /// What waits, in order, for a client that waits no longer.
    pub(crate) fn open_all(&mut self) -> Vec<Gate> {
        self.gates.drain(..).map(|closed| closed.gate).collect()
    }

    // ---- operations on single messages ----

    /// False if too many wait already.
    pub(crate) fn wish(&mut self, wish: Wish, serial: Serial, token: Token) -> bool {
        let takes = self.wishes.len() < WISHES;
        if takes {
            self.wishes.push_back((wish, serial, token));
        }
        takes
    }

    /// True if the next thing may be read.
    pub(crate) const fn may_read(&self) -> bool {
        self.out.is_none()
    }

    /// All wishes, of a client that closes.
    pub(crate) fn take_wishes(&mut self) -> VecDeque<(Wish, Serial, Token)> {
        core::mem::take(&mut self.wishes)
    }

    pub(crate) fn next_wish(&self) -> Option<(Wish, Serial, Token)> {
        self.wishes.front().copied()
    }

    /// The wish that is answered.
    pub(crate) fn take_wish(&mut self) -> Option<(Wish, Serial, Token)> {
        self.wishes.pop_front()
    }
}

impl Gate {
    /// Some messages were not stored. True if that leaves nothing to do.
    fn fail(&mut self, failure: StorageFailure, is_refused: impl Fn(&Serial) -> bool) -> bool {
        match self {
            Self::Stored(_, serial) => is_refused(serial),
            Self::Complete(completion) => {
                if let Completion::Requeued { result, .. } = completion.as_mut()
                    && result.as_ref().is_ok_and(is_refused)
                {
                    *result = Err(QueueError::Storage(failure));
                }
                false
            }
            _ => false,
        }
    }
}

/// The messages that were to be accepted, ascending.
fn refused(records: &[Record]) -> Vec<Serial> {
    let accepted = records.iter().filter_map(|record| match record {
        Record::Accepted(accepted) => Some(accepted.serial),
        _ => None,
    });
    accepted.collect()
}

/// The message that has its outcome by this record.
const fn settles(record: &Record) -> Option<Serial> {
    match record {
        Record::Done { serial, .. } | Record::Quarantined { serial, .. } => Some(*serial),
        _ => None,
    }
}

/// The message without which this record has no meaning.
const fn subject(record: &Record) -> Option<Serial> {
    match record {
        Record::Accepted(accepted) => Some(accepted.serial),
        Record::Done { outcome: Outcome::Requeued(serial), .. }
        | Record::Sent { serial, .. }
        | Record::Released { serial }
        | Record::Done { serial, .. }
        | Record::Quarantined { serial, .. } => Some(*serial),
        _ => None,
    }
}
