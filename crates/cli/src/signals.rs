//! Ctrl-C, SIGTERM and SIGHUP: the first asks for a graceful end, the second aborts.
//!
//! The first one ends the program whatever blocks it (S7): if nobody reads its
//! output, or its end takes too long, the connection is closed from here.

use std::process;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evenkeel::Client;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::commands::GRACE;
use crate::error::Failure;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::write_progress::{Progress, STDERR, STDOUT};

/// Two signals this close are one: coreutils' `timeout` signals the program, and
/// within microseconds the group that it is in.
const SAME: Duration = Duration::from_millis(100);

/// A write that takes this long after the first signal has no reader.
const STUCK: Duration = Duration::from_secs(2);

/// No command takes longer to end; what is under way has twice [`GRACE`].
const LONGEST_END: Duration = Duration::from_secs(15);

/// How long the last words may take on a stderr that may have no reader either.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Tells when the program was asked to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    asked: watch::Receiver<bool>,
    client: Arc<Mutex<Option<Client>>>,
}

impl Stop {
    /// Listens from now on, on a thread of its own: nothing that blocks the
    /// program blocks it. `limit` is whether the end has to come in
    /// [`LONGEST_END`].
    pub(crate) fn listen(printer: Printer, limit: bool) -> Self {
        let (asked, receiver) = watch::channel(false);
        let client = Arc::new(Mutex::new(None));
        let stop = Self { asked: receiver, client: client.clone() };
        let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return stop };
        // If no handler can be set, the signals keep their usual effect.
        let Some(signals) = in_context(&runtime, Signals::new) else { return stop };
        let attendant = Attendant { signals, asked, client, printer, limit };
        std::thread::spawn(move || runtime.block_on(attendant.attend()));
        stop
    }

    /// Gives the client that is to send DISCONNECT if the program can't.
    pub(crate) fn represent(&self, client: &Client) {
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
    }

    /// Whether the first signal has come.
    pub(crate) fn is_requested(&self) -> bool {
        *self.asked.borrow()
    }

    /// Waits for the first signal. Cancel-safe.
    pub(crate) async fn requested(&mut self) {
        if self.asked.wait_for(|asked| *asked).await.is_err() {
            // Nobody listens, so nobody will ask.
            std::future::pending::<()>().await;
        }
    }
}

fn in_context<T>(runtime: &Runtime, make: impl FnOnce() -> T) -> T {
    let _entered = runtime.enter();
    make()
}

/// Waits for signals as long as the program runs.
struct Attendant {
    signals: Signals,
    asked: watch::Sender<bool>,
    client: Arc<Mutex<Option<Client>>>,
    printer: Printer,
    limit: bool,
}

impl Attendant {
    async fn attend(mut self) {
        self.signals.next().await;
        let first = Instant::now();
        // A command that does not listen any more is about to end.
        let _ = self.asked.send(true);
        let (client, printer, limit) = (self.client.clone(), self.printer, self.limit);
        let by_itself = async move {
            let why = tokio::select! {
                why = stuck() => why,
                () = sleep_until(first + LONGEST_END), if limit => {
                    "the program did not end in time"
                }
            };
            say_disconnect(client, printer, why).await
        };
        tokio::select! {
            () = another(&mut self.signals, first) => {
                process::exit(i32::from(Exit::Aborted.code()));
            }
            code = by_itself => process::exit(i32::from(code)),
        }
    }
}

/// The next signal that is not the first one over again.
async fn another(signals: &mut Signals, first: Instant) {
    loop {
        signals.next().await;
        if first.elapsed() >= SAME {
            return;
        }
    }
}

/// Waits until one write has been under way for a while; says to where.
async fn stuck() -> &'static str {
    tokio::select! {
        () = no_progress(&STDOUT) => "nobody reads its standard output",
        () = no_progress(&STDERR) => "nobody reads its standard error",
    }
}

async fn no_progress(progress: &Progress) {
    loop {
        let before = progress.under_way();
        sleep(STUCK).await;
        if before.is_some() && progress.under_way() == before {
            return;
        }
    }
}

/// Ends the connection in order and says why the program could not.
async fn say_disconnect(
    client: Arc<Mutex<Option<Client>>>,
    printer: Printer,
    why: &'static str,
) -> u8 {
    let client = client.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(client) = client {
        client.shutdown(GRACE).await;
    }
    let failure = Failure::new(Exit::Interrupted, "the program was ended by force")
        .why(format!("a signal stopped the program, and {why}"))
        .hint("what was received and not yet written is not acknowledged");
    let code = failure.code(printer.personality());
    let (said, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        printer.fail(&failure);
        let _ = said.send(());
    });
    let _ = heard.recv_timeout(LAST_WORDS);
    code
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// The terminal has gone. `None` under `nohup`, which has it ignored.
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Option<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let interrupt = signal(SignalKind::interrupt()).ok()?;
        let terminate = signal(SignalKind::terminate()).ok()?;
        let hangup = if ignores_hangup() { None } else { signal(SignalKind::hangup()).ok() };
        Some(Self { interrupt, terminate, hangup })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = hung_up(&mut self.hangup) => {}
        }
    }
}

#[cfg(unix)]
async fn hung_up(hangup: &mut Option<tokio::signal::unix::Signal>) {
    match hangup {
        Some(hangup) => drop(hangup.recv().await),
        None => std::future::pending().await,
    }
}

/// Whether whoever started the program had SIGHUP ignored. Linux tells; elsewhere it is taken to
/// be so, as a handler would undo `nohup`.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // SIGHUP is signal 1, and has the lowest bit.
    ignored.is_none_or(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Option<Self> {
        Some(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
