//! What relays are told while they run.

use std::time::Duration;

use super::plan::Plan;

/// What relays are told while they run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Orders {
    pub(super) plan: Plan,
    /// How long [`Fate::Held`](super::plan::Fate::Held) lasts.
    pub(super) held: Duration,
    /// Counts the cuts: each ends all connections that there are.
    pub(super) cuts: u32,
}

impl Orders {
    /// The plan alone.
    pub(super) const fn of(plan: Plan) -> Self {
        Self { plan, held: Duration::ZERO, cuts: 0 }
    }
}
