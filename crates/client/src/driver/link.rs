//! What events tell of the connection that they happen on.

use std::time::Duration;

use evenkeel_proto::{Connected, ConnectionId};

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

    pub(super) fn on_connected(&mut self, connected: &Connected, inner: &Inner) {
        let core = &inner.core;
        self.keep_alive = Some(match core.limits() {
            Some(limits) if core.is_current(connected.conn) => limits.keep_alive.value,
            // The connection is over before its beginning could be told.
            _ => {
                let asked = connected.properties.server_keep_alive();
                let seconds = asked.unwrap_or_else(|| core.connect_config().keep_alive);
                Duration::from_secs(seconds.into())
            }
        });
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
