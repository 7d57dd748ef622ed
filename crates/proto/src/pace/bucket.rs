//! A bucket of tokens, by which no window of time holds more than its rate.

use core::time::Duration;

use crate::time::Instant;

/// How a bucket fills. With at most `n` tokens of a limit in a `period`, and a
/// bucket that holds `depth` of them, `n + 1 - depth` come in each period.
///
/// # No window holds more than `n`
///
/// Let `s1 .. sk` tokens be taken at `w1 <= .. <= wk`, all within less than one
/// period `p` (a window is half open), and let `r = n + 1 - depth`. Taking `s` at
/// `w` sets `full_at` to `max(full_at, w) + s p / r`, so that after all of them
/// `full_at >= w1 + (s1 + .. + sk) p / r`. They were admitted, so that
/// `full_at <= wk + depth p / r`. Both together:
///
/// ```text
/// s1 + .. + sk <= (wk - w1) r / p + depth < r + depth = n + 1
/// ```
///
/// Rounding costs time alone: what is asked about is never earlier than this exact
/// `full_at`. What is larger than the bucket goes when it is full; such a packet may
/// bring a window above `n`, by what it is larger.
///
/// A bucket that begins empty at CONNACK has the greatest `full_at` that one can
/// have. So the above holds across connections too, although nothing of the last
/// connection's bucket is known: it is as if tokens had been thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refill {
    /// So many tokens come ...
    amount: u64,
    /// ... in so many microseconds.
    period: u64,
    /// As many are held at most.
    depth: u64,
}

impl Refill {
    /// `amount` and `period` are not 0.
    pub(crate) fn new(amount: u32, period: Duration, depth: u64) -> Self {
        let amount = u64::from(amount).max(1);
        let depth = depth.clamp(1, amount);
        let period = u64::try_from(period.as_micros()).unwrap_or(u64::MAX).max(1);
        Self { amount: amount + 1 - depth, period, depth }
    }

    pub(crate) const fn depth(self) -> u64 {
        self.depth
    }

    /// The time in which so many tokens come, rounded up.
    fn cost(self, tokens: u64) -> Duration {
        let micros =
            (u128::from(tokens) * u128::from(self.period)).div_ceil(u128::from(self.amount));
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// The whole tokens that come in this time.
    fn tokens_in(self, time: Duration) -> u64 {
        let tokens = time.as_micros() * u128::from(self.amount) / u128::from(self.period);
        u64::try_from(tokens).unwrap_or(u64::MAX)
    }

    /// The time in which an empty bucket fills, rounded down.
    fn whole(self) -> Duration {
        let micros = u128::from(self.depth) * u128::from(self.period) / u128::from(self.amount);
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

/// When there are tokens enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Supply {
    Now,
    /// Then, if nothing else is taken before.
    At(Instant),
    /// Not before something that was taken has been written.
    WhenWritten,
}

/// How full one bucket is.
///
/// Tokens are taken when a packet is written to the transport, not when it is
/// queued: what a stalled transport takes at once would otherwise break the rate
/// on the wire. What is on its way is said with each question, and counts as if
/// it were written now: later is no worse, as `max(full_at, w) - w` only falls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    /// When it is full if nothing more is taken.
    full_at: Instant,
}

impl Bucket {
    pub(crate) fn empty(now: Instant, refill: Refill) -> Self {
        Self { full_at: now + refill.whole() }
    }

    /// Whether `tokens` may be taken beside `on_their_way`. More than it holds may
    /// if it is full, and it is in debt then.
    pub(crate) fn supply(
        &self,
        now: Instant,
        refill: Refill,
        on_their_way: u64,
        tokens: u64,
    ) -> Supply {
        let tokens = if on_their_way == 0 { tokens.min(refill.depth) } else { tokens };
        let cost = refill.cost(on_their_way.saturating_add(tokens));
        let from = if on_their_way == 0 { self.full_at } else { self.full_at.max(now) };
        if from + cost <= now + refill.whole() {
            return Supply::Now;
        }
        let at = (self.full_at + cost) - refill.whole();
        if at > now { Supply::At(at) } else { Supply::WhenWritten }
    }

    /// So many were written.
    pub(crate) fn take(&mut self, now: Instant, refill: Refill, tokens: u64) {
        if tokens > 0 {
            self.full_at = self.full_at.max(now) + refill.cost(tokens);
        }
    }

    /// Whole tokens that it holds.
    pub(crate) fn left(&self, now: Instant, refill: Refill) -> u64 {
        // By what supply() says: the most that may be taken now.
        refill.tokens_in((now + refill.whole()).since(self.full_at)).min(refill.depth)
    }

    /// True if it cannot be told from one of which nothing was ever taken.
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }

    pub(crate) const fn full_at(&self) -> Instant {
        self.full_at
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn what_is_left_is_the_most_that_may_be_taken() {
        let refill = Refill::new(100, Duration::from_secs(1), 3);
        let start = Instant::from_micros(0);
        let mut bucket = Bucket::empty(start, refill);
        for micros in (0..60_000).step_by(97) {
            let now = start + Duration::from_micros(micros);
            let left = bucket.left(now, refill);
            let may_take = |tokens| bucket.supply(now, refill, 0, tokens) == Supply::Now;
            assert!(left == 0 || may_take(left), "{left} at {micros}");
            assert!(left == refill.depth() || !may_take(left + 1), "{left} at {micros}");
            if micros % 7 == 0 {
                bucket.take(now, refill, left.min(1));
            }
        }
    }

    /// A generator of numbers that look random (MMIX).
    struct Lcg(u64);

    impl Lcg {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % bound
        }
    }

    /// The most tokens in any half-open window of one period.
    fn most_in_a_window(taken: &[(Instant, u64)], period: Duration) -> u64 {
        let from_each = taken.iter().enumerate().map(|(first, (begin, _))| {
            let window = taken[first..].iter().take_while(|(at, _)| *at < *begin + period);
            window.map(|(_, tokens)| tokens).sum()
        });
        from_each.max().unwrap_or(0)
    }

    /// Asks at random moments, writes late at random, reconnects at random.
    fn run(seed: u64) -> (u64, Vec<(Instant, u64)>, u32, Duration) {
        let mut lcg = Lcg(seed);
        let amount = 1 + lcg.below(200) as u32;
        let period = Duration::from_micros(1000 + lcg.below(20_000_000));
        let refill = Refill::new(amount, period, 1 + lcg.below(20));
        let step = 1 + 4 * period.as_micros() as u64 / u64::from(amount);
        let mut now = Instant::from_micros(lcg.below(1 << 40));
        let mut bucket = Bucket::empty(now, refill);
        let (mut unwritten, mut taken) = (Vec::new(), Vec::new());
        for _ in 0..600 {
            match lcg.below(20) {
                0 => now = now + Duration::from_micros(lcg.below(2 * period.as_micros() as u64)),
                1 => {
                    // What was not written is lost with the connection.
                    unwritten.clear();
                    bucket = Bucket::empty(now, refill);
                }
                2..=6 => {
                    for tokens in unwritten.drain(..) {
                        bucket.take(now, refill, tokens);
                        taken.push((now, tokens));
                    }
                }
                _ => now = now + Duration::from_micros(lcg.below(step)),
            }
            let tokens = 1 + lcg.below(refill.depth());
            let on_their_way = unwritten.iter().sum();
            match bucket.supply(now, refill, on_their_way, tokens) {
                Supply::Now => unwritten.push(tokens),
                Supply::At(at) => assert!(at > now, "a deadline that has passed"),
                Supply::WhenWritten => assert!(on_their_way > 0, "nothing would go on"),
            }
        }
        (u64::from(amount), taken, amount, period)
    }

    #[test]
    fn no_window_of_a_random_run_holds_more_than_the_rate() {
        let mut full_windows = 0;
        for seed in 0..3000 {
            let (amount, taken, _, period) = run(seed);
            let most = most_in_a_window(&taken, period);
            assert!(most <= amount, "seed {seed}: {most} of {amount}");
            full_windows += u32::from(most == amount);
        }
        assert!(full_windows > 100, "the bound is reached: {full_windows}");
    }

    /// Takes as soon as it may.
    fn greedy(amount: u32, period: Duration, depth: u64, count: usize) -> Vec<(Instant, u64)> {
        let refill = Refill::new(amount, period, depth);
        let mut now = Instant::from_micros(1);
        let mut bucket = Bucket::empty(now, refill);
        let mut taken = Vec::new();
        while taken.len() < count {
            match bucket.supply(now, refill, 0, 1) {
                Supply::Now => {
                    bucket.take(now, refill, 1);
                    taken.push((now, 1));
                }
                Supply::At(at) => now = at,
                Supply::WhenWritten => panic!("nothing is on its way"),
            }
        }
        taken
    }

    #[test]
    fn every_small_rate_is_used_as_far_as_its_depth_lets_it() {
        for amount in 1..=60 {
            for depth in 1..=u64::from(amount.min(10)) {
                let period = Duration::from_secs(7);
                let taken = greedy(amount, period, depth, 3 * amount as usize);
                let most = most_in_a_window(&taken, period);
                let steady = u64::from(amount) + 1 - depth;
                assert!(most <= u64::from(amount), "{amount} {depth}: {most}");
                assert!(most >= steady, "{amount} {depth}: {most}");
            }
        }
    }

    #[test]
    fn the_first_token_of_an_empty_bucket_takes_its_time() {
        let taken = greedy(1, Duration::from_secs(900), 10, 2);
        assert_eq!(taken[0].0, Instant::from_micros(900_000_001));
        assert_eq!(taken[1].0, Instant::from_micros(1_800_000_001));
    }

    #[test]
    fn more_than_it_holds_goes_when_it_is_full_and_is_paid_for_afterwards() {
        let refill = Refill::new(1000, Duration::from_secs(1), 201);
        let now = Instant::from_micros(5_000_000);
        let mut bucket = Bucket::empty(now, refill);
        let Supply::At(full) = bucket.supply(now, refill, 0, 900) else { panic!("it is empty") };
        assert_eq!(full.since(now), Duration::from_micros(251_250));
        assert_eq!(bucket.supply(full, refill, 0, 900), Supply::Now);
        assert_ne!(bucket.supply(full, refill, 1, 900), Supply::Now, "not beside others");
        bucket.take(full, refill, 900);
        let Supply::At(next) = bucket.supply(full, refill, 0, 1) else { panic!("in debt") };
        // 900 tokens and one more come in 1,126,250 us, of which it may owe 251,250.
        assert_eq!(next.since(full), Duration::from_micros(875_000));
    }
}
