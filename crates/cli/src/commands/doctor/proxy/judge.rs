//! The doctor on a thread of its own, and the way for copies of bytes to it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use evenkeel_doctor::{Bounds, CloseHow, ConnectionId, Doctor, OpenFailure, Report, Side, Time};
use evenkeel_evidence::capture::Tap as Reader;
use evenkeel_profile::Profile;
use jiff::Timestamp;

use super::tell_fresh;
use crate::commands::doctor::intake::time;
use crate::commands::doctor::read::Read;
use crate::error::Failure;
use crate::exit::Exit;
use crate::plural::plural;
use crate::printer::Printer;

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
    /// Copies were lost before this: the bytes after them mean nothing.
    Lost,
    Closing(Side, CloseHow),
    Forgotten,
}

struct Letter {
    connection: u64,
    at: Time,
    news: News,
}

/// The doctor's thread.
pub(super) struct Judge {
    letters: SyncSender<Letter>,
    thread: JoinHandle<(Report, u64)>,
}

impl Judge {
    pub(super) fn start(profile: Profile, printer: Printer) -> Self {
        let (letters, received) = sync_channel(WAITING);
        let thread = std::thread::spawn(move || judge(profile, &received, printer));
        Self { letters, thread }
    }

    pub(super) fn handle(&self) -> Handle {
        Handle { letters: self.letters.clone(), numbers: Arc::default() }
    }

    /// The report, once everything that was sent has been looked at. Every
    /// handle has to be gone.
    pub(super) fn finish(self) -> Result<(Report, Read), Failure> {
        drop(self.letters);
        let (report, connections) = self.thread.join().map_err(|_| {
            Failure::new(Exit::Failed, "the doctor failed")
                .hint("this is a fault: please report it")
        })?;
        let summary = format!("proxy: {}", plural(connections, "connection"));
        Ok((report, Read { name: "proxy".into(), kind: "proxy".into(), summary }))
    }
}

/// Where connections get their taps.
#[derive(Clone)]
pub(super) struct Handle {
    letters: SyncSender<Letter>,
    numbers: Arc<AtomicU64>,
}

impl Handle {
    /// A client has come.
    pub(super) fn connection(&self, client: SocketAddr, server: Arc<(String, u16)>) -> Tap {
        let connection = self.numbers.fetch_add(1, Ordering::Relaxed);
        let tap = Tap { letters: self.letters.clone(), connection, lost: AtomicBool::new(false) };
        tap.tell(News::Opening(client, server));
        tap
    }
}

/// What one connection tells the doctor. Nothing here waits.
pub(super) struct Tap {
    letters: SyncSender<Letter>,
    connection: u64,
    lost: AtomicBool,
}

impl Tap {
    pub(super) fn accepted(&self) {
        self.tell(News::Accepted);
    }

    pub(super) fn failed(&self, kind: io::ErrorKind) {
        self.tell(News::Failed(match kind {
            io::ErrorKind::ConnectionRefused => OpenFailure::Refused,
            io::ErrorKind::TimedOut => OpenFailure::Silent,
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
                OpenFailure::Unreachable
            }
            io::ErrorKind::InvalidData => OpenFailure::Tls,
            _ => OpenFailure::Other,
        }));
    }

    pub(super) fn bytes(&self, from: Side, bytes: &[u8]) {
        self.tell(News::Bytes(from, bytes.to_vec()));
    }

    pub(super) fn closing(&self, by: Side, how: CloseHow) {
        self.tell(News::Closing(by, how));
    }

    fn tell(&self, news: News) {
        let at = time(Timestamp::now());
        let letter = |news| Letter { connection: self.connection, at, news };
        if self.lost.load(Ordering::Relaxed) {
            if self.letters.try_send(letter(News::Lost)).is_err() {
                return;
            }
            self.lost.store(false, Ordering::Relaxed);
        }
        if self.letters.try_send(letter(news)).is_err() {
            self.lost.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.tell(News::Forgotten);
    }
}

/// Takes letters in until nobody can send any more.
fn judge(profile: Profile, letters: &Receiver<Letter>, printer: Printer) -> (Report, u64) {
    let mut doctor = Doctor::new(profile, Bounds::default());
    let mut reader = Reader::new("proxy", &mut doctor);
    let mut known: HashMap<u64, ConnectionId> = HashMap::new();
    let (mut connections, mut looked) = (0, Instant::now());
    loop {
        match letters.recv_timeout(IDLE) {
            Ok(letter) => {
                connections += u64::from(matches!(letter.news, News::Opening(..)));
                if let Some(reader) = &mut reader {
                    take(reader, &mut known, letter, &mut doctor);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if looked.elapsed() >= IDLE {
            looked = Instant::now();
            doctor.tick_all(time(Timestamp::now()));
            tell_fresh(&mut doctor, printer);
        }
    }
    doctor.finish();
    tell_fresh(&mut doctor, printer);
    (doctor.report(), connections)
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
        News::Closing(by, how) => reader.closing(number, by, how, at, doctor),
        News::Lost | News::Forgotten => {
            // What follows lost bytes cannot be read: nothing more of it is told.
            known.remove(&connection);
            reader.forget(number, at, doctor);
        }
    }
}
