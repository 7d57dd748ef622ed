//! What faults have postponed.

use std::collections::BTreeMap;

use super::Side;
use crate::core::Instant;
use crate::fault::Action;

/// What may wait on one connection.
const ITEMS_MAX: usize = 10_000;
const BYTES_MAX: usize = 4 * 1024 * 1024;

pub(super) enum Postponed {
    /// Send a packet to a side.
    Send(Side, Vec<u8>),
    /// Do something to the connection.
    Act(Action),
}

impl Postponed {
    const fn bytes(&self) -> usize {
        match self {
            Self::Send(_, packet) => packet.len(),
            Self::Act(_) => 0,
        }
    }
}

/// By the moments when it is due, of one moment in the order it was added.
#[derive(Default)]
pub(super) struct Later {
    items: BTreeMap<(Instant, u64), Postponed>,
    number: u64,
    bytes: usize,
}

impl Later {
    /// Puts something off; gives it back if too much waits already.
    pub(super) fn push(&mut self, at: Instant, postponed: Postponed) -> Option<Postponed> {
        if self.items.len() >= ITEMS_MAX || self.bytes >= BYTES_MAX {
            return Some(postponed);
        }
        self.bytes += postponed.bytes();
        self.number += 1;
        self.items.insert((at, self.number), postponed);
        None
    }

    pub(super) fn pop(&mut self, now: Instant) -> Option<Postponed> {
        if self.next()? > now {
            return None;
        }
        let (_, postponed) = self.items.pop_first()?;
        self.bytes -= postponed.bytes();
        Some(postponed)
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.items.first_key_value().map(|((at, _), _)| *at)
    }

    /// Whether packets for a side wait.
    pub(super) fn has_packets(&self, to: Side) -> bool {
        self.items.values().any(|it| matches!(it, Postponed::Send(side, _) if *side == to))
    }
}
