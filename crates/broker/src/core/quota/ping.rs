//! PINGREQ held against a profile.

use std::time::Duration;

use super::bucket::tolerated;
use super::verdict::Break;
use crate::core::Instant;

/// The pings of one connection: one that comes too soon after the last that was
/// answered breaks the limit, however many came between.
#[derive(Debug, Default)]
pub(crate) struct Pings {
    answered: Option<Instant>,
}

impl Pings {
    pub(crate) fn admit(&mut self, now: Instant, spacing: Duration) -> Option<Break> {
        if let Some(last) = self.answered {
            let until = last + tolerated(spacing);
            if now < until {
                let seen = format!("{:.3} s after the last", now.since(last).as_secs_f64());
                return Some(Break::until("min_ping_spacing", seen, until));
            }
        }
        self.answered = Some(now);
        None
    }
}
