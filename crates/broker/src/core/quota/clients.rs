//! What the broker remembers of client identifiers: when they came, when they
//! went, and who is kept out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_profile::{Ban, ConnectFloor};

use super::bucket::tolerated;
use crate::core::Instant;

/// Identifiers that are remembered at a time; beyond that the first in their
/// order are forgotten.
const CLIENTS_MAX: usize = 20_000;

/// What is known of one identifier.
#[derive(Clone, Copy, Debug, Default)]
struct Client {
    /// Its last CONNECT that did not come too soon.
    came: Option<Instant>,
    /// The end of that connection.
    went: Option<Instant>,
    ban: Option<Kept>,
}

/// A client that is kept out.
#[derive(Clone, Copy, Debug)]
struct Kept {
    until: Instant,
    /// How long it is this time.
    span: Duration,
}

#[derive(Debug, Default)]
pub(crate) struct Clients(BTreeMap<Arc<str>, Client>);

impl Clients {
    /// A CONNECT that comes too soon: the distance it has, and when it may come.
    pub(crate) fn too_soon(
        &self,
        now: Instant,
        client: &str,
        floor: ConnectFloor,
    ) -> Option<(Duration, Instant)> {
        let known = self.0.get(client)?;
        let came = known.came?;
        let life = known.went.unwrap_or(now).since(came);
        let least = if life < floor.short {
            floor.spacing.max(floor.spacing_after_short)
        } else {
            floor.spacing
        };
        let may_come = came + tolerated(least);
        (now < may_come).then(|| (now.since(came), may_come))
    }

    /// A CONNECT that counts.
    pub(crate) fn came(&mut self, now: Instant, client: &Arc<str>) {
        let known = self.entry(client);
        known.came = Some(now);
        known.went = None;
    }

    /// The end of a connection.
    pub(crate) fn went(&mut self, now: Instant, client: &str) {
        if let Some(known) = self.0.get_mut(client) {
            known.went.get_or_insert(now);
        }
    }

    /// Until when a client is kept out.
    pub(crate) fn banned(&self, now: Instant, client: &str) -> Option<Instant> {
        let kept = self.0.get(client)?.ban?;
        (now < kept.until).then_some(kept.until)
    }

    /// Keeps a client out: twice as long each time, until it has behaved for as
    /// long as the longest ban.
    pub(crate) fn ban(&mut self, now: Instant, client: &Arc<str>, ban: Ban) {
        let known = self.entry(client);
        let span = match known.ban {
            Some(last) if now < last.until + ban.longest => (last.span * 2).min(ban.longest),
            _ => ban.first,
        };
        let span = span.max(ban.first);
        known.ban = Some(Kept { until: now + span, span });
    }

    fn entry(&mut self, client: &Arc<str>) -> &mut Client {
        if self.0.len() >= CLIENTS_MAX && !self.0.contains_key(client) {
            self.0.pop_first();
        }
        self.0.entry(client.clone()).or_default()
    }
}
