//! Why a connection is looked at although nothing happens on it.

use super::Connection;
use crate::event::Side;

/// What of a connection may come to mean something by time alone. Nothing but an
/// event changes it, so it is told anew with each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watch {
    /// It has pinged.
    pub(crate) pings: bool,
    /// Messages of the client are in flight.
    pub(crate) outbound: bool,
    /// Messages for the client are in flight or were acknowledged late, or it did
    /// not read.
    pub(crate) inbound: bool,
    /// The client's newest bytes have no answer, and a message or a ping of it waits
    /// for one.
    pub(crate) silence: bool,
    /// The client had subscribed in a session that was kept, and that is gone; it
    /// has not subscribed again.
    pub(crate) session: bool,
}

impl Watch {
    /// What there is to watch on a connection. `had`: whether its client had
    /// subscribed in a session that was kept.
    pub(super) fn of(connection: &Connection, had: impl FnOnce() -> bool) -> Self {
        let mqtt = &connection.mqtt;
        let inbound = connection.flights(Side::Server);
        let reads = connection.tcp.paths.of(Side::Client);
        let lost = mqtt.connack.is_some_and(|(_, it)| it.code == 0 && !it.session_present);
        let outbound = connection.flights(Side::Client).oldest().is_some();
        let unheard = mqtt.pings.asked > 0 && mqtt.pings.last().is_some_and(|ping| !ping.heard);
        Self {
            pings: mqtt.pings.asked > 0,
            outbound,
            inbound: inbound.oldest().is_some()
                || !inbound.slowest.is_zero()
                || reads.window_closed.is_some()
                || !reads.longest_closed.is_zero(),
            silence: connection.idle.silent_from.is_some() && (outbound || unheard),
            session: lost && !mqtt.session.clean && mqtt.session.subscribed.is_none() && had(),
        }
    }

    /// Whether there is anything.
    pub(super) fn any(self) -> bool {
        self != Self::default()
    }
}
