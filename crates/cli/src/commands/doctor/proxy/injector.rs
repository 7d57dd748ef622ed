//! `--faults`: what goes wrong on purpose, over all connections.

use std::fmt::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use evenkeel_broker::Instant;
use evenkeel_broker::relay::{Applied, Faults, FaultsError, Speech};
use tokio::time;

use crate::error::Failure;
use crate::printer::Printer;
use crate::settings::read_faults;

/// The rules, their clock, and who is told.
pub(super) struct Injector {
    faults: Mutex<Faults>,
    began: time::Instant,
    speech: Speech,
    printer: Printer,
}

impl Injector {
    /// Reads a script. What only a broker can do is refused.
    pub(super) fn read(path: &Path, speech: Speech, printer: Printer) -> Result<Self, Failure> {
        let script = read_faults(path)?;
        let faults = Faults::new(script).map_err(|error| {
            let hint = hint(&error);
            Failure::usage(format!("the fault file '{}' is none for a proxy", path.display()))
                .why(error)
                .hint(hint)
        })?;
        Ok(Self::new(faults, speech, printer))
    }

    pub(super) fn new(faults: Faults, speech: Speech, printer: Printer) -> Self {
        Self { faults: Mutex::new(faults), began: time::Instant::now(), speech, printer }
    }

    /// What the packets of all connections come in.
    pub(super) const fn speech(&self) -> Speech {
        self.speech
    }

    pub(super) fn now(&self) -> Instant {
        let micros = self.began.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// A moment of the rules' clock.
    pub(super) fn at(&self, instant: Instant) -> time::Instant {
        self.began + instant.since_start()
    }

    /// Does something with the rules, now.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut Faults, Instant) -> R) -> R {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        // After the lock: instants must not decrease.
        let now = self.now();
        act(&mut faults, now)
    }

    /// A rule has been applied.
    pub(super) fn tell(&self, applied: &Applied) {
        let mut line = format!("fault: {}", applied.action);
        if let Some(packet) = applied.packet {
            let _ = write!(line, " {packet}");
        }
        if let Some(client) = &applied.client {
            let _ = write!(line, " of {client}");
        }
        self.printer.say(&format!("{line} ({})", applied.rule));
    }

    /// The packets of a connection cannot be seen.
    pub(super) fn tell_blind(&self) {
        self.printer.warn("a connection has no packets that can be cut: no fault is injected");
    }
}

/// What to do about a script that is none for a proxy.
const fn hint(error: &FaultsError) -> &'static str {
    match error {
        FaultsError::Action { .. } => {
            "use inject and close in its place, or evenkeel broker --faults, which has all actions"
        }
        _ => "keep the rules alone, or use evenkeel broker --faults, which has all of it",
    }
}
