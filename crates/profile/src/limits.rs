//! The limits of connections, messages and subscriptions.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::time::Duration;

use crate::{ConnectFloor, KeepAliveRange, LengthRange, Limit, LimitInfo, Rate, TopicPrefixes};

/// Defines a struct of optional limits, and how to lay one over another and
/// how to list them, so that neither can forget a field.
macro_rules! limits {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $ty:ty,)* }) => {
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
            /// These limits, each replaced if `over` has its own.
            #[cfg(feature = "std")]
            pub(crate) fn overlaid(self, over: Self) -> Self {
                Self { $($field: over.$field.or(self.$field),)* }
            }

            pub(crate) fn list<'a>(&'a self, into: &mut Vec<LimitInfo<'a>>) {
                $(if let Some(limit) = &self.$field {
                    into.push(LimitInfo {
                        name: stringify!($field),
                        value: &limit.value,
                        source: &limit.source,
                        confidence: limit.confidence,
                        on_break: limit.on_break,
                    });
                })*
            }
        }
    };
}

limits! {
    /// What a broker allows of connections. `None` means no limit is known.
    ConnectionLimits {
        /// Keep-alive values the broker works with, in seconds.
        keep_alive: KeepAliveRange,
        /// Least time between two PINGREQ packets of one connection.
        #[cfg_attr(feature = "std", serde(deserialize_with = "crate::load::seconds_limit"))]
        min_ping_spacing: Duration,
        /// Least time between CONNECT packets of one client identifier.
        connect_floor: ConnectFloor,
        /// CONNECT packets of all clients of an account together.
        account_connect_rate: Rate,
        /// Length of the client identifier.
        client_id_length: LengthRange,
        /// A beginning that client identifiers must not have.
        client_id_reserved_prefix: Cow<'static, str>,
        /// Whether a client may reconnect with the identifier the broker assigned.
        assigned_client_id_reusable: bool,
        /// Longest session expiry the broker grants.
        #[cfg_attr(feature = "std", serde(deserialize_with = "crate::load::seconds_limit"))]
        maximum_session_expiry: Duration,
        /// Longest life of one connection, after which the broker closes it.
        #[cfg_attr(feature = "std", serde(deserialize_with = "crate::load::seconds_limit"))]
        maximum_connection_age: Duration,
        /// Largest packet in bytes, fixed header included.
        maximum_packet_size: u32,
        /// Bytes that one connection may carry, in each direction.
        byte_rate: Rate,
        /// Whether the broker answers AUTH packets.
        enhanced_authentication_available: bool,
    }
}

limits! {
    /// What a broker allows of messages. `None` means no limit is known.
    PublishLimits {
        /// Highest QoS of PUBLISH packets and wills.
        maximum_qos: u8,
        /// Whether messages may be retained.
        retain_available: bool,
        /// Largest payload in bytes.
        maximum_payload_size: u32,
        /// PUBLISH packets from one client.
        publish_rate: Rate,
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
        /// Highest topic alias.
        topic_alias_maximum: u16,
        /// Longest message expiry the broker keeps.
        #[cfg_attr(feature = "std", serde(deserialize_with = "crate::load::seconds_limit"))]
        maximum_message_expiry: Duration,
    }
}

limits! {
    /// What a broker allows of subscriptions. `None` means no limit is known.
    SubscribeLimits {
        /// Filters in one SUBSCRIBE packet.
        filters_per_subscribe: u16,
        /// Filters in one UNSUBSCRIBE packet.
        filters_per_unsubscribe: u16,
        /// Subscriptions of one connection.
        subscriptions_per_connection: u32,
        /// Filters subscribed to by all clients of an account together.
        account_subscribe_rate: Rate,
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
