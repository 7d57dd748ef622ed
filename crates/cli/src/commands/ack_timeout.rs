//! A time limit that starts again with each acknowledgement.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// So often within the limit it is looked whether something was acknowledged:
/// by a part of it the end may come too late.
const LOOKS: u32 = 16;

/// What the limit depends on.
pub(super) trait Progress {
    /// How many messages were acknowledged so far.
    fn acknowledged(&self) -> u64;

    /// For how long there was nothing to do but to wait, as the reconnect policy has it: that is
    /// not counted.
    fn waited(&self) -> Duration;
}

/// Waits for acknowledgements, also of messages that earlier runs left in the
/// store: a long queue is no reason to give up as long as it gets shorter.
pub(super) struct AckTimeout<'a> {
    progress: Box<dyn Progress + 'a>,
    limit: Option<Duration>,
    /// When the time began, and what had happened until then.
    start: Instant,
    acknowledged: u64,
    waited: Duration,
    /// When to look next.
    look: Instant,
}

impl<'a> AckTimeout<'a> {
    /// Starts now.
    pub(super) fn new(progress: impl Progress + 'a, limit: Option<Duration>) -> Self {
        let (acknowledged, waited) = (progress.acknowledged(), progress.waited());
        let (progress, now) = (Box::new(progress), Instant::now());
        Self { progress, limit, start: now, acknowledged, waited, look: now }
    }

    /// Starts anew.
    pub(super) fn restart(&mut self) {
        self.acknowledged = self.progress.acknowledged();
        self.waited = self.progress.waited();
        self.start = Instant::now();
        self.look = self.start;
    }

    /// The limit; zero if there is none.
    pub(super) fn limit(&self) -> Duration {
        self.limit.unwrap_or_default()
    }

    /// Waits until the limit is over and nothing was acknowledged within it.
    /// Cancel-safe.
    pub(super) async fn over(&mut self) {
        let Some(limit) = self.limit else { return std::future::pending().await };
        let step = limit / LOOKS;
        loop {
            sleep_until(self.look).await;
            let now = Instant::now();
            if self.progress.acknowledged() != self.acknowledged {
                self.restart();
            }
            let counted = now.duration_since(self.start).saturating_sub(self.uncounted());
            let left = limit.saturating_sub(counted);
            if left.is_zero() {
                return;
            }
            // What is left lasts longer if the client waits meanwhile.
            self.look = now + left.clamp(step / LOOKS, step);
        }
    }

    /// What does not count of the time since the start.
    fn uncounted(&self) -> Duration {
        self.progress.waited().saturating_sub(self.waited)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(32);

    /// Messages that were acknowledged, and the times of waiting.
    struct Course<'a> {
        count: &'a Cell<u64>,
        start: Instant,
        waits: &'a [(u64, u64)],
    }

    impl Progress for Course<'_> {
        fn acknowledged(&self) -> u64 {
            self.count.get()
        }

        fn waited(&self) -> Duration {
            let now = self.start.elapsed();
            let spans = self.waits.iter().map(|(from, until)| {
                now.min(Duration::from_secs(*until)).saturating_sub(Duration::from_secs(*from))
            });
            spans.sum()
        }
    }

    /// How long it waits if messages are acknowledged after these seconds.
    async fn waits(acknowledged: &[u64], waits: &[(u64, u64)], cancelled: bool) -> Duration {
        let (start, count) = (Instant::now(), Cell::new(0));
        let course = Course { count: &count, start, waits };
        let mut ack_timeout = AckTimeout::new(course, Some(LIMIT));
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
                let waited = waits(acknowledged, &[], cancelled).await;
                assert!(waited >= last + LIMIT, "{waited:?} after {acknowledged:?}");
                assert!(waited <= last + LIMIT + step, "{waited:?} after {acknowledged:?}");
            }
        }
    }

    /// Between attempts there is nothing to do but to wait; an attempt itself counts.
    #[tokio::test(start_paused = true)]
    async fn what_the_policy_waits_does_not_count() {
        let step = LIMIT / LOOKS + LIMIT / 100;
        for cancelled in [false, true] {
            for pauses in [&[(1, 101)][..], &[(0, 3)], &[(1, 2), (5, 60), (61, 300)], &[(31, 1000)]]
            {
                let paused: u64 = pauses.iter().map(|(from, until)| until - from).sum();
                let expected = LIMIT + Duration::from_secs(paused);
                let waited = waits(&[], pauses, cancelled).await;
                assert!(waited >= expected, "{waited:?} with {pauses:?}");
                assert!(waited <= expected + step, "{waited:?} with {pauses:?}");
            }
            // What was waited before an acknowledgement is over and done with.
            let waited = waits(&[50], &[(1, 40)], cancelled).await;
            let expected = Duration::from_secs(50) + LIMIT;
            assert!(waited >= expected && waited <= expected + step, "{waited:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_it_has_no_end() {
        let (start, count) = (Instant::now(), Cell::new(0));
        let course = Course { count: &count, start, waits: &[] };
        let mut ack_timeout = AckTimeout::new(course, None);
        assert_eq!(ack_timeout.limit(), Duration::ZERO);
        tokio::select! {
            () = ack_timeout.over() => panic!("it has no end"),
            () = sleep(Duration::from_secs(1 << 30)) => {}
        }
    }
}
