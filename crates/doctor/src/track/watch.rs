//! Why a connection is looked at although nothing happens on it.

use super::Connection;
use crate::event::Side;

/// What of a connection may come to mean something by time alone. Nothing but an
/// event changes it, so it is told anew with each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watch(u8);

impl Watch {
    /// It has pinged.
    pub(crate) const PINGS: Self = Self(1);
    /// Messages of the client are in flight.
    pub(crate) const OUTBOUND: Self = Self(2);
    /// Messages for the client are in flight or were acknowledged late, or it did
    /// not read.
    pub(crate) const INBOUND: Self = Self(4);
    /// The client's newest bytes have no answer, and a message or a ping of it waits
    /// for one.
    pub(crate) const SILENCE: Self = Self(8);
    /// The client had subscribed in a session that was kept, and that is gone; it
    /// has not subscribed again.
    pub(crate) const SESSION: Self = Self(16);

    /// What there is to watch on a connection. `had`: whether its client had
    /// subscribed in a session that was kept.
    pub(super) fn of(connection: &Connection, had: impl FnOnce() -> bool) -> Self {
        let mqtt = &connection.mqtt;
        let inbound = connection.flights(Side::Server);
        let reads = connection.tcp.paths.of(Side::Client);
        let outbound = connection.flights(Side::Client).oldest().is_some();
        let pings = mqtt.pings.asked > 0;
        let unheard = pings && mqtt.pings.last().is_some_and(|ping| !ping.heard);
        let late = inbound.oldest().is_some()
            || !inbound.slowest.is_zero()
            || reads.window_closed.is_some()
            || !reads.longest_closed.is_zero();
        let lost = mqtt.connack.is_some_and(|(_, it)| it.code == 0 && !it.session_present)
            && !mqtt.session.clean
            && mqtt.session.subscribed.is_none();
        let silence = connection.idle.silent_from.is_some() && (outbound || unheard);
        Self::default()
            .and(Self::PINGS, pings)
            .and(Self::OUTBOUND, outbound)
            .and(Self::INBOUND, late)
            .and(Self::SILENCE, silence)
            .and(Self::SESSION, lost && had())
    }

    fn and(self, Self(other): Self, is_there: bool) -> Self {
        Self(if is_there { self.0 | other } else { self.0 })
    }

    /// Whether this is among it.
    pub(crate) fn has(self, Self(other): Self) -> bool {
        self.0 & other != 0
    }

    /// Whether there is anything.
    pub(super) fn any(self) -> bool {
        self != Self::default()
    }
}
