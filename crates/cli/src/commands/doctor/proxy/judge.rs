//! The doctor on a thread of its own, and the way for copies of bytes to it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use evenkeel_doctor::{CloseHow, ConnectionId, Doctor, OpenFailure, Report, Side, Time};
use evenkeel_evidence::capture::Tap as Reader;
use jiff::Timestamp;

use crate::commands::doctor::at_once::AtOnce;
use crate::commands::doctor::intake::time;
use crate::commands::doctor::read::Read;
use crate::error::Failure;
use crate::exit::Exit;
use crate::plural::plural;

/// Copies that wait; each has at most one chunk of the relay.
const WAITING: usize = 2048;

/// How often the doctor looks if nothing happens.
const IDLE: Duration = Duration::from_millis(250);

/// What happened to one connection.
enum News {
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

/// Connections that ended while no letter could be sent. Without it the doctor
/// would keep them.
#[derive(Clone, Debug, Default)]
struct Ended(Arc<Mutex<Vec<u64>>>);

impl Ended {
    fn add(&self, connection: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }

    fn all(&self) -> Vec<u64> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What went through the proxy.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    connections: u64,
    /// Those that rules injected.
    faults: u64,
}

struct Letter {
    connection: u64,
    at: Time,
    news: News,
}

/// The doctor's thread.
pub(super) struct Judge {
    letters: SyncSender<Letter>,
    ended: Ended,
    thread: JoinHandle<(Report, Seen)>,
}

impl Judge {
    pub(super) fn start(doctor: Doctor, at_once: AtOnce) -> Self {
        let (letters, received) = sync_channel(WAITING);
        let ended = Ended::default();
        let read = ended.clone();
        let thread = std::thread::spawn(move || judge(doctor, &received, &read, &at_once));
        Self { letters, ended, thread }
    }

    pub(super) fn handle(&self) -> Handle {
        let (letters, ended) = (self.letters.clone(), self.ended.clone());
        Handle { letters, ended, numbers: Arc::default() }
    }

    /// The report, once everything that was sent has been looked at. Every
    /// handle has to be gone.
    pub(super) fn finish(self) -> Result<(Report, Read), Failure> {
        drop(self.letters);
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
    letters: SyncSender<Letter>,
    ended: Ended,
    numbers: Arc<AtomicU64>,
}

impl Handle {
    /// A client has come.
    pub(super) fn connection(&self, client: SocketAddr, server: Arc<(String, u16)>) -> Tap {
        let connection = self.numbers.fetch_add(1, Ordering::Relaxed);
        let (letters, ended) = (self.letters.clone(), self.ended.clone());
        let tap = Tap { letters, ended, connection, lost: AtomicBool::new(false) };
        tap.tell(News::Opening(client, server));
        tap
    }
}

/// What one connection tells the doctor. Nothing here waits.
pub(super) struct Tap {
    letters: SyncSender<Letter>,
    ended: Ended,
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
        let letter = |news| Letter { connection: self.connection, at, news };
        if self.lost.load(Ordering::Relaxed) {
            if self.letters.try_send(letter(News::Lost)).is_err() {
                return false;
            }
            self.lost.store(false, Ordering::Relaxed);
        }
        let told = self.letters.try_send(letter(news)).is_ok();
        self.lost.store(!told, Ordering::Relaxed);
        told
    }
}

#[cfg(test)]
impl Tap {
    /// One whose letters nobody takes, and the ended ones.
    pub(super) fn unheard(connection: u64) -> (Self, impl Fn() -> Vec<u64>) {
        let (letters, _) = sync_channel(1);
        let ended = Ended::default();
        let all = ended.clone();
        (Self { letters, ended, connection, lost: AtomicBool::new(false) }, move || all.all())
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        if !self.tell(News::Forgotten) {
            self.ended.add(self.connection);
        }
    }
}

/// Takes letters in until nobody can send any more.
fn judge(
    mut doctor: Doctor,
    letters: &Receiver<Letter>,
    ended: &Ended,
    at_once: &AtOnce,
) -> (Report, Seen) {
    let mut reader = Reader::new("proxy", &mut doctor);
    let mut known: HashMap<u64, ConnectionId> = HashMap::new();
    let (mut seen, mut looked) = (Seen::default(), Instant::now());
    // Those that ended, and how many letters may still speak of them.
    let (mut gone, mut letters_left) = (Vec::new(), WAITING);
    loop {
        match letters.recv_timeout(IDLE) {
            Ok(letter) => {
                letters_left = letters_left.saturating_sub(1);
                seen.connections += u64::from(matches!(letter.news, News::Opening(..)));
                seen.faults += u64::from(matches!(letter.news, News::Fault(_)));
                if let Some(reader) = &mut reader {
                    take(reader, &mut known, letter, &mut doctor);
                }
            }
            Err(RecvTimeoutError::Timeout) => letters_left = 0,
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if looked.elapsed() >= IDLE {
            looked = Instant::now();
            doctor.tick_all(time(Timestamp::now()));
            // A reader that has gone hears nothing more; the proxy goes on.
            let _ = at_once.tell(&mut doctor, None);
            if letters_left == 0 {
                let at = time(Timestamp::now());
                for connection in std::mem::replace(&mut gone, ended.all()) {
                    let letter = Letter { connection, at, news: News::Forgotten };
                    if let Some(reader) = &mut reader {
                        take(reader, &mut known, letter, &mut doctor);
                    }
                }
                letters_left = WAITING;
            }
        }
    }
    doctor.finish();
    let _ = at_once.tell(&mut doctor, None);
    (doctor.report(), seen)
}

fn take(
    reader: &mut Reader,
    known: &mut HashMap<u64, ConnectionId>,
    letter: Letter,
    doctor: &mut Doctor,
) {
    let Letter { connection, at, news } = letter;
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
