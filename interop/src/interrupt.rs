//! Ending early, yet in order: servers are ended when they are dropped, and a
//! signal drops nothing by itself.

use std::future::Future;

use tokio::signal::unix::{SignalKind, signal};

/// Runs a program's work to its end; `None` if SIGINT or SIGTERM came first
/// and the work was dropped.
pub async fn unless_interrupted<F: Future>(work: F) -> Option<F::Output> {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers a signal ends the program as usual.
        return Some(work.await);
    };
    tokio::select! {
        output = work => Some(output),
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
    }
}
