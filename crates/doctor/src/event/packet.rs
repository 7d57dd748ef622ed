//! MQTT packets, reduced to what a diagnosis needs. No payload, no password.

use crate::texts::TextId;

/// An MQTT packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketSeen {
    /// CONNECT.
    Connect(ConnectSeen),
    /// CONNACK.
    ConnAck(ConnAckSeen),
    /// PUBLISH.
    Publish(PublishSeen),
    /// PUBACK with its reason code, 0 before MQTT 5.
    PubAck(u16, u8),
    /// PUBREC.
    PubRec(u16, u8),
    /// PUBREL.
    PubRel(u16, u8),
    /// PUBCOMP.
    PubComp(u16, u8),
    /// SUBSCRIBE.
    Subscribe(SubscribeSeen),
    /// SUBACK: the packet identifier, the highest reason code, how many of the
    /// codes are failures.
    SubAck(u16, u8, u16),
    /// UNSUBSCRIBE.
    Unsubscribe(SubscribeSeen),
    /// UNSUBACK: as SUBACK.
    UnsubAck(u16, u8, u16),
    /// PINGREQ.
    PingReq,
    /// PINGRESP.
    PingResp,
    /// DISCONNECT with its reason code, 0 before MQTT 5.
    Disconnect(u8),
    /// AUTH with its reason code.
    Auth(u8),
}

/// What CONNECT says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectSeen {
    /// 3, 4 or 5; 0 if a log does not say.
    pub version: u8,
    /// Clean Session or Clean Start.
    pub clean: bool,
    /// Keep Alive, in seconds; `None` if a log does not say.
    pub keep_alive: Option<u16>,
    /// The client identifier; [`TextId::NONE`] if it is empty or unknown.
    pub client_id: TextId,
    /// Whether there is a user name or a password.
    pub credentials: bool,
    /// A number that differs when the credentials differ, from which they cannot be had.
    pub credentials_digest: u32,
    /// Session Expiry Interval, 0 if there is none.
    pub session_expiry: u32,
    /// Receive Maximum, 65,535 if there is none.
    pub receive_maximum: u16,
    /// The will's topic; [`TextId::NONE`] if there is no will.
    pub will_topic: TextId,
    /// A number that differs when the will's payload differs, as of
    /// [`PublishSeen::digest`]; 0 if it is unknown.
    pub will_digest: u32,
    /// The will's QoS.
    pub will_qos: u8,
    /// Whether the will is retained.
    pub will_retain: bool,
}

/// What CONNACK says. Properties that it does not have are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnAckSeen {
    /// The reason code or return code, as sent.
    pub code: u8,
    /// Session Present.
    pub session_present: bool,
    /// Whether it has the form of MQTT 5.
    pub version_5: bool,
    /// Server Keep Alive, in seconds.
    pub server_keep_alive: Option<u16>,
    /// Receive Maximum.
    pub receive_maximum: Option<u16>,
    /// Maximum Packet Size.
    pub maximum_packet_size: Option<u32>,
    /// Maximum QoS.
    pub maximum_qos: Option<u8>,
    /// Topic Alias Maximum.
    pub topic_alias_maximum: Option<u16>,
    /// Retain Available is 0.
    pub no_retain: bool,
    /// Wildcard Subscription Available is 0.
    pub no_wildcard: bool,
    /// Shared Subscription Available is 0.
    pub no_shared: bool,
    /// Subscription Identifier Available is 0.
    pub no_subscription_id: bool,
    /// Assigned Client Identifier.
    pub assigned_id: TextId,
}

/// What PUBLISH says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublishSeen {
    /// The packet identifier, 0 with QoS 0.
    pub id: u16,
    /// QoS.
    pub qos: u8,
    /// DUP.
    pub dup: bool,
    /// RETAIN.
    pub retain: bool,
    /// The topic; [`TextId::NONE`] if an alias stands for it.
    pub topic: TextId,
    /// The topic alias, 0 if none.
    pub alias: u16,
    /// The size of the payload in bytes.
    pub payload: u32,
    /// A number that differs when the payload differs.
    pub digest: u32,
}

/// What SUBSCRIBE or UNSUBSCRIBE says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubscribeSeen {
    /// The packet identifier.
    pub id: u16,
    /// How many filters.
    pub filters: u16,
    /// The first filter.
    pub first: TextId,
    /// A number that differs when the filters or their options differ.
    pub digest: u32,
    /// The highest QoS asked for.
    pub maximum_qos: u8,
    /// A filter has a wildcard.
    pub wildcard: bool,
    /// A filter is shared: `$share/..`.
    pub shared: bool,
    /// It has a Subscription Identifier.
    pub subscription_id: bool,
}
