//! A time limit.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A limit, or none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    limit: Option<Duration>,
    start: Instant,
}

impl Deadline {
    /// Starts now.
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self { limit, start: Instant::now() }
    }

    /// The limit; zero if there is none, which is never asked for then.
    pub(super) fn limit(&self) -> Duration {
        self.limit.unwrap_or_default()
    }

    /// When the time runs out; `None` for never.
    pub(super) fn end(self) -> Option<Instant> {
        self.limit.and_then(|limit| self.start.checked_add(limit))
    }

    /// Waits until the time has run out. Cancel-safe.
    pub(super) async fn over(self) {
        match self.end() {
            Some(end) => sleep_until(end).await,
            None => std::future::pending().await,
        }
    }
}
