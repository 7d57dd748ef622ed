//! What `MQTT_Long_Duration` is made of.

use std::time::Duration;

/// What a device does by MQTT besides connecting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It publishes.
    Publish,
    /// It subscribes.
    Subscribe,
}

impl Operation {
    /// Every operation with its name.
    pub const NAMES: [(&'static str, Self); 2] =
        [("publish", Self::Publish), ("subscribe", Self::Subscribe)];
}

/// A part of `MQTT_Long_Duration`. They come one after the other, with one process of the
/// client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// The client connects and does what it does; the first PUBACK and SUBACK of a
    /// connection are held for [`HELD`].
    Basic,
    /// The connection is cut.
    Reconnect,
    /// A message of QoS 1.
    PubAckQos1,
    /// A message of QoS 1 with [`LARGE`] bytes.
    ReceiveLargePayload,
    /// The connection is cut, and a message kept for the session.
    PersistentSession,
    /// The connection is cut; the next one has neither PINGRESP nor PUBACK nor SUBACK.
    KeepAlive,
    /// The server goes away and comes back, as in [`OUTAGES`].
    IntermittentConnectivity,
    /// The connection is cut, and each further one right behind its CONNACK.
    ReconnectBackOff,
    /// The server goes away for [`LONG_OUTAGE`].
    LongServerDisconnect,
}

/// How long the first PUBACK and SUBACK of a connection are held.
pub const HELD: Duration = Duration::from_secs(15);
/// How long the client has for what it does from itself, at AWS.
pub const BASIC: Duration = Duration::from_secs(60 * 60);
/// How long the server is away in [`Scenario::LongServerDisconnect`].
pub const LONG_OUTAGE: Duration = Duration::from_secs(60 * 60);
/// How long the server is away, and then there, in seconds: AWS chooses at random.
pub const OUTAGES: [(u64, u64); 3] = [(10, 30), (45, 12), (25, 60)];
/// Bytes of a large payload, the most that AWS carries.
pub const LARGE: usize = 128 * 1024;

impl Scenario {
    /// All of them, in their order.
    pub const ALL: [Self; 9] = [
        Self::Basic,
        Self::Reconnect,
        Self::PubAckQos1,
        Self::ReceiveLargePayload,
        Self::PersistentSession,
        Self::KeepAlive,
        Self::IntermittentConnectivity,
        Self::ReconnectBackOff,
        Self::LongServerDisconnect,
    ];

    /// As AWS calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Basic => "BASIC",
            Self::Reconnect => "RECONNECT",
            Self::PubAckQos1 => "PUBACK_QOS_1",
            Self::ReceiveLargePayload => "RECEIVE_LARGE_PAYLOAD",
            Self::PersistentSession => "PERSISTENT_SESSION",
            Self::KeepAlive => "KEEP_ALIVE",
            Self::IntermittentConnectivity => "INTERMITTENT_CONNECTIVITY",
            Self::ReconnectBackOff => "RECONNECT_BACK_OFF",
            Self::LongServerDisconnect => "LONG_SERVER_DISCONNECT",
        }
    }

    /// True if it says something of a client that does only this.
    #[must_use]
    pub fn is_for(self, operations: &[Operation]) -> bool {
        let needs_subscription =
            matches!(self, Self::PubAckQos1 | Self::ReceiveLargePayload | Self::PersistentSession);
        !needs_subscription || operations.contains(&Operation::Subscribe)
    }
}
