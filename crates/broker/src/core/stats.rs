//! Counters of packets, bytes and clients.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_codec::PacketType;

/// Counters since the broker was started; restarts do not reset them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Network connections opened by clients.
    pub connections: u64,
    /// Network connections open now.
    pub connections_now: u64,
    /// CONNECT packets answered with success.
    pub connects_accepted: u64,
    /// CONNECT packets refused with a code.
    pub connects_refused: u64,
    /// Connections that lost their session to a newer one.
    pub take_overs: u64,
    /// Connections closed because the client was silent for too long.
    pub keep_alive_timeouts: u64,
    /// The longest time without a byte from any client whose keep alive was on,
    /// as far as it ended; time in which the broker did not read is left out.
    pub longest_silence: Duration,
    /// Connections closed because the client broke a rule of MQTT.
    pub protocol_errors: u64,
    /// Messages dropped for a subscriber: queue full, too large or expired.
    pub messages_dropped: u64,
    /// Times a fault rule was applied.
    pub faults_applied: u64,
    /// Packets of clients that broke a limit of the profile, by the limit's name.
    pub quota_breaks: BTreeMap<&'static str, u64>,
    /// Bytes read from all clients.
    pub bytes_received: u64,
    /// Bytes handed to the transports.
    pub bytes_sent: u64,
    /// Packets of all clients.
    pub packets: PacketCounts,
    /// The same for each client identifier; see
    /// [`Limits::counted_clients`](crate::Limits::counted_clients).
    pub clients: BTreeMap<Arc<str>, ClientStats>,
}

/// Counters of one client identifier, over all its connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientStats {
    /// CONNECT packets received, accepted or not.
    pub connects: u64,
    /// CONNECT packets answered with success.
    pub connects_accepted: u64,
    /// The same as [`Stats::longest_silence`], of this client alone.
    pub longest_silence: Duration,
    /// Packets of these connections.
    pub packets: PacketCounts,
}

/// Packets counted by type and direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PacketCounts {
    /// In the order of types and directions, without those that did not occur: a
    /// client has few kinds, and there is one of these for each connection.
    counts: Vec<(Way, u64)>,
}

/// A type and a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Received(u8),
    Sent(u8),
}

impl PacketCounts {
    /// Packets of this type that came from the client, faults or not.
    pub fn received(&self, kind: PacketType) -> u64 {
        self.count(Way::Received(kind as u8))
    }

    /// Packets of this type that were sent to the client; those a fault
    /// dropped are not counted.
    pub fn sent(&self, kind: PacketType) -> u64 {
        self.count(Way::Sent(kind as u8))
    }

    pub(crate) fn add_received(&mut self, kind: PacketType) {
        self.add(Way::Received(kind as u8), 1);
    }

    pub(crate) fn add_sent(&mut self, kind: PacketType) {
        self.add(Way::Sent(kind as u8), 1);
    }

    /// Adds another's counts to these.
    pub(crate) fn merge(&mut self, other: &Self) {
        other.counts.iter().for_each(|(way, more)| self.add(*way, *more));
    }

    fn count(&self, wanted: Way) -> u64 {
        self.counts.iter().find(|(way, _)| *way == wanted).map_or(0, |(_, count)| *count)
    }

    fn add(&mut self, way: Way, more: u64) {
        let at = self.counts.partition_point(|(known, _)| *known < way);
        match self.counts.get_mut(at) {
            Some((known, count)) if *known == way => *count += more,
            _ => self.counts.insert(at, (way, more)),
        }
    }
}

impl Stats {
    /// PINGREQ packets received.
    pub fn pings_received(&self) -> u64 {
        self.packets.received(PacketType::PingReq)
    }

    /// PINGRESP packets sent.
    pub fn pings_answered(&self) -> u64 {
        self.packets.sent(PacketType::PingResp)
    }

    /// PUBLISH packets received.
    pub fn publishes_received(&self) -> u64 {
        self.packets.received(PacketType::Publish)
    }

    /// PUBLISH packets sent.
    pub fn publishes_sent(&self) -> u64 {
        self.packets.sent(PacketType::Publish)
    }

    /// The counters of one client; all zero for an unknown one.
    pub fn client(&self, client_id: &str) -> ClientStats {
        self.clients.get(client_id).cloned().unwrap_or_default()
    }
}
