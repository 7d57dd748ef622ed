//! Rates: how often the client sends what (P2), and what it says of it (P3).

mod bytes;
mod lowered;
mod messages;
mod operations;
mod stored;
mod told;
mod topics;

use std::time::Duration;

use evenkeel_proto::codec::{Packet, Version};
use evenkeel_proto::{Config, Instant, RateLimit};

use crate::support::*;

fn rate(amount: u32, period: Duration) -> RateLimit {
    RateLimit::new("publish_rate", amount, period)
}

/// A client without pings that may publish so often.
fn publishing(version: Version, rates: &[(u32, Duration)]) -> Config {
    let mut config = quiet(lasting(version));
    config.rates.publish = rates.iter().map(|(amount, period)| rate(*amount, *period)).collect();
    config
}

impl Rig {
    /// When each packet of the wanted kind was written, on all connections.
    fn written(&self, is_wanted: impl Fn(&Packet) -> bool) -> Vec<Instant> {
        let wanted = self.history.iter().filter(|(_, _, packet)| is_wanted(packet));
        wanted.map(|(at, _, _)| *at).collect()
    }

    fn published(&self) -> Vec<Instant> {
        self.written(|packet| matches!(packet, Packet::Publish(_)))
    }
}

/// The most of these instants that any half-open window holds.
fn most_in(window: Duration, instants: &[Instant]) -> usize {
    let from = |first: usize| {
        let end = instants[first] + window;
        instants[first..].iter().take_while(|at| **at < end).count()
    };
    (0..instants.len()).map(from).max().unwrap_or(0)
}
