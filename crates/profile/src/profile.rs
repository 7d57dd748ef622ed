//! A profile: the limits of one kind of broker.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::{
    Confidence, ConnectFloor, ConnectionLimits, KeepAliveGrace, KeepAliveRange, LengthRange,
    LimitInfo, PublishLimits, Rate, SubscribeLimits,
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
    /// Pings so far apart that the broker's grace has always passed.
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

/// What the specification says: one and a half times the keep-alive.
const STANDARD_GRACE: KeepAliveGrace = KeepAliveGrace { percent: 150, longest: None };

impl Profile {
    /// The built-in profile with this name, if there is one;
    /// [`BUILT_IN`](crate::BUILT_IN) has the names.
    pub fn built_in(name: &str) -> Option<Self> {
        crate::built_in::make(name)
    }

    /// A profile without limits, to begin one in code from.
    pub fn empty() -> Self {
        Self {
            name: Cow::Borrowed("none"),
            revised: Cow::Borrowed(""),
            connection: ConnectionLimits::default(),
            publish: PublishLimits::default(),
            subscribe: SubscribeLimits::default(),
        }
    }

    /// The names of all limits that a profile can have.
    pub fn limit_names() -> impl Iterator<Item = &'static str> {
        let sections = [ConnectionLimits::NAMES, PublishLimits::NAMES, SubscribeLimits::NAMES];
        sections.into_iter().flatten().copied()
    }

    /// All limits with their evidence.
    pub fn limits(&self) -> Vec<LimitInfo<'_>> {
        let mut all = Vec::new();
        self.connection.list(&mut all);
        self.publish.list(&mut all);
        self.subscribe.list(&mut all);
        all
    }

    /// Leaves out the limits that `keep` says no to, by name and confidence.
    pub fn retain(&mut self, mut keep: impl FnMut(&'static str, Confidence) -> bool) {
        self.connection.retain(&mut keep);
        self.publish.retain(&mut keep);
        self.subscribe.retain(&mut keep);
    }

    /// Checks that a client can exist that satisfies all limits.
    pub fn check(&self) -> Result<(), Inconsistency> {
        if let Some(range) = self.keep_alive() {
            if range.minimum == 0 || range.minimum > range.maximum {
                let KeepAliveRange { minimum, maximum, .. } = range;
                return Err(Inconsistency::KeepAliveRange { minimum, maximum });
            }
            let grace = self.keep_alive_grace().unwrap_or(STANDARD_GRACE);
            let grace = grace.of(Duration::from_secs(range.maximum.into()));
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
        let is_empty = |rate: &Rate| rate.amount == 0 || rate.period.is_zero();
        let empty = |rate: Option<Rate>| rate.is_some_and(|rate| is_empty(&rate));
        let rates = self.publish.publish_rates.as_ref();
        let zeros = [
            ("keep_alive_grace", self.keep_alive_grace().is_some_and(|grace| grace.percent == 0)),
            ("maximum_packet_size", self.maximum_packet_size() == Some(0)),
            ("filters_per_subscribe", self.max_subscribe_filters() == Some(0)),
            ("filters_per_unsubscribe", self.max_unsubscribe_filters() == Some(0)),
            ("receive_maximum", self.receive_maximum() == Some(0)),
            ("publish_rate", empty(self.publish_rate())),
            ("publish_rates", rates.is_some_and(|rates| rates.value.0.iter().any(is_empty))),
            ("publish_rate_per_topic", empty(self.publish_rate_per_topic())),
            ("subscribe_packet_rate", empty(self.subscribe_packet_rate())),
            ("expected_connects", empty(self.expected_connects())),
            ("account_connect_rate", empty(self.account_connect_rate())),
            ("maximum_packet_size_v5", self.maximum_packet_size_v5() == Some(0)),
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
    /// How long the broker waits for a silent client.
    keep_alive_grace: KeepAliveGrace = connection.keep_alive_grace;
    /// Least time between two PINGREQ packets of one connection.
    min_ping_spacing: Duration = connection.min_ping_spacing;
    /// Least time between CONNECT packets of one client identifier.
    connect_floor: ConnectFloor = connection.connect_floor;
    /// CONNECT packets that the broker wants to see at least while it answers none.
    expected_connects: Rate = connection.expected_connects;
    /// CONNECT packets; shared by all clients of an account.
    account_connect_rate: Rate = connection.account_connect_rate;
    /// Length of the client identifier.
    client_id_length: LengthRange = connection.client_id_length;
    /// Largest packet in bytes, fixed header included.
    maximum_packet_size: u32 = connection.maximum_packet_size;
    /// The same for MQTT 5, if it differs.
    maximum_packet_size_v5: u32 = connection.maximum_packet_size_v5;
    /// Bytes one connection may carry, in each direction.
    byte_rate: Rate = connection.byte_rate;
    /// Highest QoS, 0 to 2.
    maximum_qos: u8 = publish.maximum_qos;
    /// Largest payload in bytes.
    maximum_payload_size: u32 = publish.maximum_payload_size;
    /// PUBLISH packets one client may send.
    publish_rate: Rate = publish.publish_rate;
    /// PUBLISH packets one client may send to one topic.
    publish_rate_per_topic: Rate = publish.publish_rate_per_topic;
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
    /// SUBSCRIBE and UNSUBSCRIBE packets one client may send.
    subscribe_packet_rate: Rate = subscribe.subscribe_packet_rate;
    /// Filters that may be subscribed to; shared by all clients of an account.
    subscribe_rate: Rate = subscribe.account_subscribe_rate;
}

impl Inconsistency {
    /// Which numbers contradict each other.
    pub fn fact(&self) -> String {
        match self {
            Self::KeepAliveRange { minimum, maximum } => {
                format!("keep_alive goes from {minimum} s to {maximum} s")
            }
            Self::PingSpacing { spacing, grace } => format!(
                "min_ping_spacing of {spacing:?} is not below {grace:?}, the grace of the largest \
                 keep-alive"
            ),
            Self::Zero { name } => format!("{name} is 0, so nothing could be sent"),
            Self::MaximumQoS { value } => format!("maximum_qos is {value}"),
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::KeepAliveRange { .. } => {
                "the minimum must be at least 1 and not above the maximum"
            }
            Self::PingSpacing { .. } => "lower the spacing or raise keep_alive's maximum",
            Self::Zero { .. } => "leave it out for no limit",
            Self::MaximumQoS { .. } => "it can be 0, 1 or 2",
        }
    }
}

impl fmt::Display for Inconsistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; hint: {}", self.fact(), self.hint())
    }
}

impl core::error::Error for Inconsistency {}
