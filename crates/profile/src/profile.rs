//! A profile: the limits of one kind of broker.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::{
    ConnectFloor, ConnectionLimits, KeepAliveRange, LengthRange, LimitInfo, PublishLimits, Rate,
    SubscribeLimits,
};

/// What one kind of broker allows.
///
/// The accessors give plain values for the common questions; the fields give
/// each limit with its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Short name, such as `aws-iot-core`.
    pub name: Cow<'static, str>,
    /// When the numbers were last checked, as `YYYY-MM`.
    pub revised: Cow<'static, str>,
    /// Limits of connections.
    pub connection: ConnectionLimits,
    /// Limits of messages.
    pub publish: PublishLimits,
    /// Limits of subscriptions.
    pub subscribe: SubscribeLimits,
}

/// Names of the built-in profiles, as [`Profile::built_in`] takes them.
pub const BUILT_IN: [&str; 3] = ["standard", "aws-iot-core", "aws-iot-core-vpc"];

/// Two numbers of a profile that no client could satisfy together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Inconsistency {
    /// The smallest keep-alive is above the largest, or 0.
    KeepAliveRange {
        /// The smallest, in seconds.
        minimum: u16,
        /// The largest, in seconds.
        maximum: u16,
    },
    /// Pings so far apart that the broker's 1.5 x grace has always passed.
    PingSpacing {
        /// Least time between pings.
        spacing: Duration,
        /// The grace of the largest keep-alive.
        grace: Duration,
    },
    /// A limit that must be at least 1 is 0, so nothing could be sent at all.
    Zero {
        /// The field's name.
        name: &'static str,
    },
    /// A QoS above 2.
    MaximumQoS {
        /// The value.
        value: u8,
    },
}

impl Profile {
    /// The built-in profile with this name, if there is one.
    pub fn built_in(name: &str) -> Option<Self> {
        match name {
            "standard" => Some(crate::standard()),
            "aws-iot-core" => Some(crate::aws_iot_core()),
            "aws-iot-core-vpc" => Some(crate::aws_iot_core_vpc()),
            _ => None,
        }
    }

    /// All limits with their evidence.
    pub fn limits(&self) -> Vec<LimitInfo<'_>> {
        let mut all = Vec::new();
        self.connection.list(&mut all);
        self.publish.list(&mut all);
        self.subscribe.list(&mut all);
        all
    }

    /// Checks that a client can exist that satisfies all limits.
    pub fn check(&self) -> Result<(), Inconsistency> {
        if let Some(range) = self.keep_alive() {
            if range.minimum == 0 || range.minimum > range.maximum {
                let KeepAliveRange { minimum, maximum, .. } = range;
                return Err(Inconsistency::KeepAliveRange { minimum, maximum });
            }
            let grace = Duration::from_secs(range.maximum.into()) * 3 / 2;
            if let Some(spacing) = self.min_ping_spacing()
                && spacing >= grace
            {
                return Err(Inconsistency::PingSpacing { spacing, grace });
            }
        }
        if let Some(value) = self.publish.maximum_qos.as_ref().map(|limit| limit.value)
            && value > 2
        {
            return Err(Inconsistency::MaximumQoS { value });
        }
        self.check_zeros()
    }

    fn check_zeros(&self) -> Result<(), Inconsistency> {
        let empty = |rate: Option<Rate>| rate.is_some_and(|r| r.amount == 0 || r.period.is_zero());
        let zeros = [
            ("maximum_packet_size", self.maximum_packet_size() == Some(0)),
            ("filters_per_subscribe", self.max_subscribe_filters() == Some(0)),
            ("filters_per_unsubscribe", self.max_unsubscribe_filters() == Some(0)),
            ("receive_maximum", self.receive_maximum() == Some(0)),
            ("publish_rate", empty(self.publish_rate())),
            ("byte_rate", empty(self.byte_rate())),
            ("account_subscribe_rate", empty(self.subscribe_rate())),
        ];
        match zeros.into_iter().find(|(_, zero)| *zero) {
            Some((name, _)) => Err(Inconsistency::Zero { name }),
            None => Ok(()),
        }
    }
}

/// Accessors for plain values, `None` if the broker sets no limit.
macro_rules! values {
    ($($(#[$meta:meta])* $name:ident: $ty:ty = $section:ident.$field:ident;)*) => {
        impl Profile {
            $($(#[$meta])* pub fn $name(&self) -> Option<$ty> {
                self.$section.$field.as_ref().map(|limit| limit.value.into())
            })*
        }
    };
}

values! {
    /// Keep-alive values the broker works with.
    keep_alive: KeepAliveRange = connection.keep_alive;
    /// Least time between two PINGREQ packets of one connection.
    min_ping_spacing: Duration = connection.min_ping_spacing;
    /// Least time between CONNECT packets of one client identifier.
    connect_floor: ConnectFloor = connection.connect_floor;
    /// Length of the client identifier.
    client_id_length: LengthRange = connection.client_id_length;
    /// Largest packet in bytes, fixed header included.
    maximum_packet_size: u32 = connection.maximum_packet_size;
    /// Bytes one connection may carry, in each direction.
    byte_rate: Rate = connection.byte_rate;
    /// Highest QoS, 0 to 2.
    maximum_qos: u8 = publish.maximum_qos;
    /// Largest payload in bytes.
    maximum_payload_size: u32 = publish.maximum_payload_size;
    /// PUBLISH packets one client may send.
    publish_rate: Rate = publish.publish_rate;
    /// Unacknowledged QoS 1 and 2 messages from one client.
    receive_maximum: u16 = publish.receive_maximum;
    /// Highest topic alias.
    topic_alias_maximum: u16 = publish.topic_alias_maximum;
    /// Filters one SUBSCRIBE may hold.
    max_subscribe_filters: usize = subscribe.filters_per_subscribe;
    /// Filters one UNSUBSCRIBE may hold.
    max_unsubscribe_filters: usize = subscribe.filters_per_unsubscribe;
    /// Subscriptions one connection may have.
    max_subscriptions: u32 = subscribe.subscriptions_per_connection;
    /// Filters that may be subscribed to; shared by all clients of an account.
    subscribe_rate: Rate = subscribe.account_subscribe_rate;
}

impl fmt::Display for Inconsistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeepAliveRange { minimum, maximum } => write!(
                f,
                "keep_alive goes from {minimum} s to {maximum} s; \
                 hint: the minimum must be at least 1 and not above the maximum"
            ),
            Self::PingSpacing { spacing, grace } => write!(
                f,
                "min_ping_spacing of {spacing:?} is not below {grace:?}, which is 1.5 x the \
                 largest keep-alive; hint: lower the spacing or raise keep_alive's maximum"
            ),
            Self::Zero { name } => {
                write!(f, "{name} is 0, so nothing could be sent; hint: leave it out for no limit")
            }
            Self::MaximumQoS { value } => {
                write!(f, "maximum_qos is {value}; hint: it can be 0, 1 or 2")
            }
        }
    }
}

impl core::error::Error for Inconsistency {}
