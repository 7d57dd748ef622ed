//! The doctor on a thread of its own, and the way for copies of bytes to it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use evenkeel_doctor::{CloseHow, ConnectionId, Doctor, OpenFailure, Report, Side};
use evenkeel_evidence::capture::Tap as Reader;
use jiff::Timestamp;

use super::channel::{Batch, Channel, Note};
use crate::commands::doctor::at_once::AtOnce;
use crate::commands::doctor::intake::time;
use crate::commands::doctor::read::Read;
use crate::error::Failure;
use crate::exit::Exit;
use crate::plural::plural;

/// How often notes are looked at, and how often the doctor is told the time.
const LOOKS: Duration = Duration::from_millis(50);
const TICKS: Duration = Duration::from_millis(250);

/// What happened to one connection.
pub(super) enum News {
    Opening(SocketAddr, Arc<(String, u16)>),
    Accepted,
    Failed(OpenFailure),
    Bytes(Side, Vec<u8>),
    /// A rule was applied: its action.
    Fault(&'static str),
    /// Copies were lost before this: the bytes after them mean nothing.
    Lost,
    Closing(Side, CloseHow),
    Forgotten,
}

impl News {
    /// Bytes of packets in it.
    pub(super) const fn bytes(&self) -> usize {
        match self {
            Self::Bytes(_, bytes) => bytes.len(),
            _ => 0,
        }
    }
}

/// What went through the proxy.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    connections: u64,
    /// Those that rules injected.
    faults: u64,
}

/// The doctor's thread.
pub(super) struct Judge {
    channel: Arc<Channel>,
    thread: JoinHandle<(Report, Seen)>,
}

impl Judge {
    pub(super) fn start(doctor: Doctor, at_once: AtOnce) -> Self {
        let channel = Arc::new(Channel::new());
        let read = channel.clone();
        let thread = std::thread::spawn(move || judge(doctor, &read, &at_once));
        Self { channel, thread }
    }

    pub(super) fn handle(&self) -> Handle {
        Handle { channel: self.channel.clone(), numbers: Arc::default() }
    }

    /// The report, once everything that was sent has been looked at. Every tap
    /// has to be gone.
    pub(super) fn finish(self) -> Result<(Report, Read), Failure> {
        self.channel.close();
        let (report, seen) = self.thread.join().map_err(|_| {
            Failure::new(Exit::Failed, "the doctor failed")
                .hint("this is a fault: please report it")
        })?;
        let mut summary = format!("proxy: {}", plural(seen.connections, "connection"));
        if seen.faults > 0 {
            summary = format!("{summary}, {}", plural(seen.faults, "fault"));
        }
        Ok((report, Read { name: "proxy".into(), kind: "proxy".into(), summary }))
    }
}

/// Where connections get their taps.
#[derive(Clone)]
pub(super) struct Handle {
    channel: Arc<Channel>,
    numbers: Arc<AtomicU64>,
}

impl Handle {
    /// A client has come.
    pub(super) fn connection(&self, client: SocketAddr, server: Arc<(String, u16)>) -> Tap {
        let connection = self.numbers.fetch_add(1, Ordering::Relaxed);
        let channel = self.channel.clone();
        let tap = Tap { channel, connection, lost: AtomicBool::new(false) };
        tap.tell(News::Opening(client, server));
        tap
    }
}

/// What one connection tells the doctor. Nothing here waits.
pub(super) struct Tap {
    channel: Arc<Channel>,
    connection: u64,
    lost: AtomicBool,
}

impl Tap {
    pub(super) fn accepted(&self) {
        self.tell(News::Accepted);
    }

    pub(super) fn failed(&self, failure: OpenFailure) {
        self.tell(News::Failed(failure));
    }

    pub(super) fn bytes(&self, from: Side, bytes: &[u8]) {
        self.tell(News::Bytes(from, bytes.to_vec()));
    }

    pub(super) fn fault(&self, action: &'static str) {
        self.tell(News::Fault(action));
    }

    pub(super) fn closing(&self, by: Side, how: CloseHow) {
        self.tell(News::Closing(by, how));
    }

    /// Whether it could be told.
    fn tell(&self, news: News) -> bool {
        let at = time(Timestamp::now());
        let note = |news| Note { connection: self.connection, at, news };
        if self.lost.load(Ordering::Relaxed) {
            if !self.channel.send(note(News::Lost)) {
                return false;
            }
            self.lost.store(false, Ordering::Relaxed);
        }
        let told = self.channel.send(note(news));
        self.lost.store(!told, Ordering::Relaxed);
        told
    }
}

#[cfg(test)]
impl Tap {
    /// One whose notes nobody takes, and the ended ones.
    pub(super) fn unheard(connection: u64) -> (Self, impl Fn() -> Vec<u64>) {
        let channel = Arc::new(Channel::of(0));
        let read = channel.clone();
        let ended = move || {
            let mut batch = Batch::default();
            read.take(&mut batch, Duration::ZERO);
            batch.ended
        };
        (Self { channel, connection, lost: AtomicBool::new(false) }, ended)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        if !self.tell(News::Forgotten) {
            self.channel.end(self.connection);
        }
    }
}

/// Takes notes in until no more come.
fn judge(mut doctor: Doctor, channel: &Channel, at_once: &AtOnce) -> (Report, Seen) {
    let mut reader = Reader::new("proxy", &mut doctor);
    let mut known: HashMap<u64, ConnectionId> = HashMap::new();
    let (mut seen, mut ticked, mut batch) = (Seen::default(), Instant::now(), Batch::default());
    while channel.take(&mut batch, LOOKS) {
        let now = time(Timestamp::now());
        let forgotten = |connection| Note { connection, at: now, news: News::Forgotten };
        let ended = batch.ended.drain(..).map(forgotten);
        for note in batch.notes.drain(..).chain(ended) {
            seen.connections += u64::from(matches!(note.news, News::Opening(..)));
            seen.faults += u64::from(matches!(note.news, News::Fault(_)));
            if let Some(reader) = &mut reader {
                take(reader, &mut known, note, &mut doctor);
            }
        }
        batch.clear();
        if ticked.elapsed() >= TICKS {
            ticked = Instant::now();
            doctor.tick_all(now);
        }
        // A reader that has gone hears nothing more; the proxy goes on.
        let _ = at_once.tell(&mut doctor, None);
    }
    doctor.finish();
    let _ = at_once.tell(&mut doctor, None);
    (doctor.report(), seen)
}

fn take(
    reader: &mut Reader,
    known: &mut HashMap<u64, ConnectionId>,
    note: Note,
    doctor: &mut Doctor,
) {
    let Note { connection, at, news } = note;
    if let News::Opening(client, server) = &news {
        let client = (client.ip().to_string(), client.port());
        let (client, server) = ((client.0.as_str(), client.1), (server.0.as_str(), server.1));
        if let Some(number) = reader.opening(client, server, at, doctor) {
            known.insert(connection, number);
        }
        return;
    }
    let Some(&number) = known.get(&connection) else { return };
    match news {
        News::Opening(..) => {}
        News::Accepted => reader.accepted(number, at, doctor),
        News::Failed(failure) => reader.failed(number, failure, at, doctor),
        News::Bytes(from, bytes) => reader.bytes(number, from, at, &bytes, doctor),
        News::Fault(action) => reader.fault(number, action, at, doctor),
        News::Closing(by, how) => reader.closing(number, by, how, at, doctor),
        News::Lost | News::Forgotten => {
            // What follows lost bytes cannot be read: nothing more of it is told.
            known.remove(&connection);
            reader.forget(number, at, doctor);
        }
    }
}
