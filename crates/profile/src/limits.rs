//! The limits of connections, messages and subscriptions.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::time::Duration;

use crate::written::{Slot, Slots};
use crate::{
    AuthenticationKind, Ban, Confidence, ConnectFloor, KeepAliveGrace, KeepAliveRange, LengthRange,
    Limit, LimitInfo, List, ProtocolVersion, Rate, TopicPattern, TopicPrefixes,
};

/// Defines a struct of optional limits, how to lay one over another, how to
/// list them and their names, so that none of these can forget a field.
macro_rules! limits {
    ($(#[$meta:meta])* $name:ident $section:literal { $($(#[$field_meta:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[cfg_attr(
            feature = "std",
            derive(serde::Deserialize),
            serde(default, deny_unknown_fields)
        )]
        pub struct $name {
            $($(#[$field_meta])* pub $field: Option<Limit<$ty>>,)*
        }

        impl $name {
            /// The names of all limits there are, as in TOML.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($field)),*];

            /// These limits, each replaced if `over` has its own.
            #[cfg(feature = "std")]
            pub(crate) fn overlaid(self, over: Self) -> Self {
                Self { $($field: over.$field.or(self.$field),)* }
            }

            pub(crate) fn retain(
                &mut self,
                keep: &mut dyn FnMut(&'static str, Confidence) -> bool,
            ) {
                $(if let Some(limit) = &self.$field
                    && !keep(stringify!($field), limit.confidence)
                {
                    self.$field = None;
                })*
            }

            pub(crate) fn list<'a>(&'a self, into: &mut Vec<LimitInfo<'a>>) {
                $(if let Some(limit) = &self.$field {
                    into.push(LimitInfo {
                        section: $section,
                        name: stringify!($field),
                        value: &limit.value,
                        source: &limit.source,
                        confidence: limit.confidence,
                        on_break: limit.on_break,
                        on_break_v3: limit.on_break_v3,
                    });
                })*
            }
        }

        impl Slots for $name {
            fn names(&self) -> &'static [&'static str] {
                Self::NAMES
            }

            fn slot(&mut self, name: &str) -> Option<&mut dyn Slot> {
                $(if name == stringify!($field) {
                    return Some(&mut self.$field);
                })*
                None
            }
        }
    };
}

limits! {
    /// What a broker allows of connections. `None` means no limit is known.
    ConnectionLimits "connection" {
        /// Versions of MQTT that the broker speaks.
        versions: List<ProtocolVersion>,
        /// Keep-alive values the broker works with, in seconds.
        keep_alive: KeepAliveRange,
        /// How long the broker waits for a silent client.
        keep_alive_grace: KeepAliveGrace,
        /// Least time between two PINGREQ packets of one connection, in seconds.
        #[cfg_attr(feature = "std", serde(deserialize_with = "crate::units::seconds_limit"))]
        min_ping_spacing: Duration,
        /// Least time between CONNECT packets of one client identifier.
        connect_floor: ConnectFloor,
        /// CONNECT packets that the broker wants to see of a client at least, while
        /// it answers none.
        expected_connects: Rate,
        /// How long a client that broke a limit is kept out.
        ban: Ban,
        /// CONNECT packets of all clients of an account together.
        account_connect_rate: Rate,
        /// Length of the client identifier.
        client_id_length: LengthRange,
        /// A beginning that client identifiers must not have.
        client_id_reserved_prefix: Cow<'static, str>,
        /// Whether a client may reconnect with the identifier the broker assigned.
        assigned_client_id_reusable: bool,
        /// Whether sessions outlive their connections.
        kept_sessions_available: bool,
        /// Longest session expiry the broker grants, in seconds.
        #[cfg_attr(feature = "std", serde(deserialize_with = "crate::units::seconds_limit"))]
        maximum_session_expiry: Duration,
        /// Longest life of one connection in seconds; then the broker closes it.
        #[cfg_attr(feature = "std", serde(deserialize_with = "crate::units::seconds_limit"))]
        maximum_connection_age: Duration,
        /// Largest packet in bytes, fixed header included.
        #[cfg_attr(feature = "std", serde(deserialize_with = "crate::units::bytes_limit"))]
        maximum_packet_size: u32,
        /// The same for MQTT 5, if it differs.
        #[cfg_attr(feature = "std", serde(deserialize_with = "crate::units::bytes_limit"))]
        maximum_packet_size_v5: u32,
        /// Bytes that one connection may carry, in each direction.
        byte_rate: Rate,
        /// Whether CONNECT may hold a will.
        will_available: bool,
        /// Whether the broker answers AUTH packets.
        enhanced_authentication_available: bool,
        /// How clients prove who they are.
        authentication: List<AuthenticationKind>,
        /// Properties that packets must not hold, each as the packet and the
        /// property: `connect user-property`.
        forbidden_properties: List<Cow<'static, str>>,
    }
}

limits! {
    /// What a broker allows of messages. `None` means no limit is known.
    PublishLimits "publish" {
        /// Highest QoS of PUBLISH packets and wills.
        maximum_qos: u8,
        /// Whether messages may be retained.
        retain_available: bool,
        /// Largest payload in bytes.
        #[cfg_attr(feature = "std", serde(deserialize_with = "crate::units::bytes_limit"))]
        maximum_payload_size: u32,
        /// PUBLISH packets from one client.
        publish_rate: Rate,
        /// The same over further windows: all of them hold.
        publish_rates: List<Rate>,
        /// PUBLISH packets from one client to one topic.
        publish_rate_per_topic: Rate,
        /// PUBLISH packets to one client.
        delivery_rate: Rate,
        /// Stored PUBLISH packets to one client after it resumed its session.
        replay_rate: Rate,
        /// Unacknowledged QoS 1 and 2 messages from one client.
        receive_maximum: u16,
        /// Unacknowledged QoS 1 and 2 messages to one client.
        delivery_receive_maximum: u16,
        /// Length in bytes of topics and filters.
        maximum_topic_length: u16,
        /// Levels of topics and filters: slashes plus one.
        maximum_topic_levels: u16,
        /// Beginnings of topics that the two limits above do not count.
        uncounted_topic_prefixes: TopicPrefixes,
        /// The only topics that may be published to.
        publish_topics: List<TopicPattern>,
        /// Highest topic alias.
        topic_alias_maximum: u16,
        /// Bytes of the user properties of a PUBLISH, names and values together.
        #[cfg_attr(feature = "std", serde(deserialize_with = "crate::units::bytes_limit"))]
        user_properties_size: u32,
        /// Bytes of the correlation data.
        #[cfg_attr(feature = "std", serde(deserialize_with = "crate::units::bytes_limit"))]
        correlation_data_size: u32,
        /// Length in bytes of the response topic.
        response_topic_length: u16,
        /// Length in bytes of the content type.
        content_type_length: u16,
        /// Longest message expiry the broker keeps, in seconds.
        #[cfg_attr(feature = "std", serde(deserialize_with = "crate::units::seconds_limit"))]
        maximum_message_expiry: Duration,
    }
}

limits! {
    /// What a broker allows of subscriptions. `None` means no limit is known.
    SubscribeLimits "subscribe" {
        /// Filters in one SUBSCRIBE packet.
        filters_per_subscribe: u16,
        /// Filters in one UNSUBSCRIBE packet.
        filters_per_unsubscribe: u16,
        /// Subscriptions of one connection.
        subscriptions_per_connection: u32,
        /// SUBSCRIBE and UNSUBSCRIBE packets from one client.
        subscribe_packet_rate: Rate,
        /// Filters subscribed to by all clients of an account together.
        account_subscribe_rate: Rate,
        /// The only filters that may be subscribed to.
        filters: List<TopicPattern>,
        /// Whether filters may hold wildcards.
        wildcards_available: bool,
        /// Whether SUBSCRIBE may carry a subscription identifier.
        identifiers_available: bool,
        /// Whether `$share` filters work.
        shared_available: bool,
        /// Length in bytes of share names.
        maximum_share_name_length: u16,
        /// Whether a filter with a wildcard is sent retained messages.
        retained_on_wildcard: bool,
        /// Whether `a/#` matches `a` itself.
        hash_matches_parent: bool,
    }
}
