//! Ctrl-C and SIGTERM: the first asks for a graceful end, the second aborts.

use std::process;

use tokio::sync::watch;

use crate::exit::Exit;

/// Tells when the program was asked to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens from now on; must be called inside a runtime.
    pub(crate) fn listen() -> Self {
        let (asked, receiver) = watch::channel(false);
        // Where no handler can be set, the signals keep their usual effect.
        if let Some(mut signals) = Signals::new() {
            tokio::spawn(async move {
                signals.next().await;
                let _ = asked.send(true);
                signals.next().await;
                process::exit(i32::from(Exit::Aborted.code()));
            });
        }
        Self(receiver)
    }

    /// Waits for the first signal. Cancel-safe.
    pub(crate) async fn requested(&mut self) {
        if self.0.wait_for(|asked| *asked).await.is_err() {
            // Nobody listens, so nobody will ask.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Option<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let interrupt = signal(SignalKind::interrupt()).ok()?;
        let terminate = signal(SignalKind::terminate()).ok()?;
        Some(Self { interrupt, terminate })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
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
