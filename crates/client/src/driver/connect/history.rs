//! Where connections go, as far as their choice depends on those before (R10).

use std::net::SocketAddr;

use evenkeel_proto::{Client, ConnectionId, Input, Instant, Open, Served};

use crate::transport::Route;

use super::addresses::FailedAddresses;
use super::attempt::Attempt;

/// Where the last attempt went, and what is known of addresses. Of a host
/// with one address there is nothing to know.
#[derive(Default)]
pub(crate) struct AttemptHistory(Option<Box<Known>>);

#[derive(Default)]
struct Known {
    conn: ConnectionId,
    round: u32,
    /// The address that was reached, or those that were tried.
    here: Vec<SocketAddr>,
    failed: FailedAddresses,
    /// Tells the last answer of the credentials hook from others.
    fingerprint: Option<u64>,
}

impl AttemptHistory {
    /// The way for an attempt.
    pub(crate) fn route(&self, open: &Open, now: Instant) -> Route {
        let known = self.0.as_ref();
        known.map_or_else(Route::default, |known| known.failed.route(now, open.round))
    }

    /// Tells the core what its choice of servers has to know of an attempt.
    pub(crate) fn tell(&mut self, core: &mut Client, now: Instant, attempt: &Attempt) {
        let alternatives = attempt.route.alternatives();
        if alternatives > 0 {
            core.handle(now, Input::Alternatives(attempt.conn, alternatives));
        }
        let Some(answered) = attempt.fingerprint() else { return };
        let known = self.0.get_or_insert_default();
        if known.fingerprint.replace(answered).is_some_and(|before| before != answered) {
            core.handle(now, Input::FreshCredentials(attempt.conn));
        }
    }

    /// The attempt is over, or has become a connection.
    pub(crate) fn arrive(&mut self, attempt: &Attempt) {
        let here = attempt.route.addresses();
        if !here.is_empty() || self.0.is_some() {
            let known = self.0.get_or_insert_default();
            (known.conn, known.round, known.here) = (attempt.conn, attempt.round, here);
        }
    }

    /// Notes what the core says of the addresses of a connection.
    pub(crate) fn note(&mut self, conn: ConnectionId, served: Served, now: Instant) {
        let Some(known) = self.0.as_mut().filter(|known| known.conn == conn) else { return };
        for address in std::mem::take(&mut known.here) {
            known.failed.note(address, served, now, known.round);
        }
    }
}
