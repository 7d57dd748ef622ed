//! A time limit that starts again with each acknowledgement.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::deadline::Deadline;

/// So often within the limit it is looked whether something was acknowledged:
/// by a part of it the end may come too late.
const LOOKS: u32 = 16;

/// Waits for acknowledgements, also of messages that earlier runs left in the
/// store: a long queue is no reason to give up as long as it gets shorter.
pub(super) struct AckTimeout<'a> {
    /// How many messages were acknowledged so far.
    count: Box<dyn Fn() -> u64 + 'a>,
    /// As many were when the time began.
    acknowledged: u64,
    deadline: Deadline,
    /// When to look next.
    look: Instant,
}

impl<'a> AckTimeout<'a> {
    /// Starts now; `count` says how many messages were acknowledged so far.
    pub(super) fn new(count: impl Fn() -> u64 + 'a, limit: Option<Duration>) -> Self {
        let (acknowledged, deadline) = (count(), Deadline::new(limit));
        Self { count: Box::new(count), acknowledged, deadline, look: Instant::now() }
    }

    /// Starts anew.
    pub(super) fn restart(&mut self) {
        self.acknowledged = (self.count)();
        self.deadline.restart();
        self.look = Instant::now();
    }

    /// The limit; zero if there is none.
    pub(super) fn limit(&self) -> Duration {
        self.deadline.limit()
    }

    /// Waits until the limit is over and nothing was acknowledged within it.
    /// Cancel-safe.
    pub(super) async fn over(&mut self) {
        loop {
            let Some(end) = self.deadline.end() else { return std::future::pending().await };
            sleep_until(end.min(self.look)).await;
            let now = Instant::now();
            if (self.count)() != self.acknowledged {
                self.restart();
            } else if now >= end {
                return;
            } else {
                self.look = now + self.limit() / LOOKS;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(32);

    /// How long it waits if messages are acknowledged after these seconds.
    async fn waits(acknowledged: &[u64], cancelled: bool) -> Duration {
        let (start, count) = (Instant::now(), Cell::new(0));
        let mut ack_timeout = AckTimeout::new(|| count.get(), Some(LIMIT));
        let answers = async {
            for at in acknowledged {
                sleep_until(start + Duration::from_secs(*at)).await;
                count.set(count.get() + 1);
            }
            std::future::pending::<()>().await;
        };
        let over = async {
            // Given up and begun again, as by a loop that has more to wait for.
            while cancelled && tokio::time::timeout(LIMIT / 100, ack_timeout.over()).await.is_err()
            {
            }
            if !cancelled {
                ack_timeout.over().await;
            }
        };
        tokio::select! {
            () = over => start.elapsed(),
            () = answers => unreachable!("it never ends"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_begins_with_the_last_acknowledgement() {
        let step = LIMIT / LOOKS + LIMIT / 100;
        for cancelled in [false, true] {
            for acknowledged in [&[][..], &[1], &[31], &[1, 20, 40, 71]] {
                let last = Duration::from_secs(acknowledged.last().copied().unwrap_or(0));
                let waited = waits(acknowledged, cancelled).await;
                assert!(waited >= last + LIMIT, "{waited:?} after {acknowledged:?}");
                assert!(waited <= last + LIMIT + step, "{waited:?} after {acknowledged:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_it_has_no_end() {
        let mut ack_timeout = AckTimeout::new(|| 0, None);
        assert_eq!(ack_timeout.limit(), Duration::ZERO);
        tokio::select! {
            () = ack_timeout.over() => panic!("it has no end"),
            () = sleep(Duration::from_secs(1 << 30)) => {}
        }
    }
}
