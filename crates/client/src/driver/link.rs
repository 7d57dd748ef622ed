//! What events tell of the connection that they happen on.

use std::time::Duration;

use evenkeel_proto::ConnectionId;

use crate::events::{Activity, Situation};
use crate::shared::Inner;

use super::connection::Connection;

/// The present attempt or connection, or the last one.
#[derive(Default)]
pub(super) struct Link {
    conn: ConnectionId,
    server: usize,
    /// `None` before CONNACK.
    keep_alive: Option<Duration>,
    /// As its transport was closed.
    activity: Activity,
}

impl Link {
    /// An attempt begins: nothing is left of the one before.
    pub(super) fn begins(conn: ConnectionId, server: usize) -> Self {
        Self { conn, server, ..Self::default() }
    }

    pub(super) fn on_connected(&mut self, inner: &Inner) {
        self.keep_alive = inner.core.limits().map(|limits| limits.keep_alive.value);
    }

    pub(super) fn on_close(&mut self, connection: &Connection) {
        if connection.conn == self.conn {
            self.activity = connection.activity;
        }
    }

    pub(super) fn situation(&self, inner: &Inner, connection: Option<&Connection>) -> Situation {
        let own = connection
            .filter(|connection| connection.conn == self.conn && !connection.is_closing());
        let activity = own.map_or(self.activity, |connection| connection.activity);
        Situation::of(self.conn, self.server, self.keep_alive)
            .with_activity(inner.core.now(), activity)
            .with_load(inner.core.in_flight(), inner.core.queued())
    }
}
