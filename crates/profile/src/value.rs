//! The values of limits that are more than a number.

use alloc::borrow::Cow;
use core::fmt;
use core::time::Duration;

/// The keep-alive values a broker works with, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Deserialize), serde(deny_unknown_fields))]
pub struct KeepAliveRange {
    /// The smallest value other than 0.
    pub minimum: u16,
    /// The largest value.
    pub maximum: u16,
    /// What the broker makes of 0; 0 itself if that turns keep-alive off.
    pub zero_means: u16,
}

/// How soon after a CONNECT the same client identifier may send the next. Both
/// times are from CONNECT to CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Deserialize), serde(deny_unknown_fields))]
pub struct ConnectFloor {
    /// Least time from one CONNECT to the next, always.
    #[cfg_attr(feature = "std", serde(deserialize_with = "crate::units::seconds"))]
    pub spacing: Duration,
    /// The same if the connection between them was short, or never came about.
    #[cfg_attr(feature = "std", serde(deserialize_with = "crate::units::seconds"))]
    pub spacing_after_short: Duration,
    /// A connection that lived less than this counts as short.
    #[cfg_attr(feature = "std", serde(deserialize_with = "crate::units::seconds"))]
    pub short: Duration,
}

/// At most `amount` of something in each `period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Deserialize), serde(deny_unknown_fields))]
pub struct Rate {
    /// Packets, filters or bytes; the field that holds the rate says which.
    pub amount: u32,
    /// The time they are counted over.
    #[cfg_attr(feature = "std", serde(deserialize_with = "crate::units::seconds"))]
    pub period: Duration,
}

/// Allowed lengths in bytes of UTF-8, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Deserialize), serde(deny_unknown_fields))]
pub struct LengthRange {
    /// The least length that is allowed.
    pub minimum: u16,
    /// The greatest length that is allowed.
    pub maximum: u16,
}

/// Beginnings of topics that length and level limits do not count, such as
/// `$share/+/`; `+` stands for any one level.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Deserialize), serde(transparent))]
pub struct TopicPrefixes(pub Cow<'static, [Cow<'static, str>]>);

/// How long a broker waits for a silent client: `percent` of the keep-alive,
/// `longest` at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Deserialize), serde(deny_unknown_fields))]
pub struct KeepAliveGrace {
    /// Per cent of the keep-alive: 150 is what the specification says.
    pub percent: u16,
    /// The longest wait, whatever the keep-alive.
    #[cfg_attr(
        feature = "std",
        serde(default, deserialize_with = "crate::units::seconds_or_none")
    )]
    pub longest: Option<Duration>,
}

/// How long a broker keeps a client out that broke a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Deserialize), serde(deny_unknown_fields))]
pub struct Ban {
    /// After the first time.
    #[cfg_attr(feature = "std", serde(deserialize_with = "crate::units::seconds"))]
    pub first: Duration,
    /// What it grows to if the client does it again and again.
    #[cfg_attr(feature = "std", serde(deserialize_with = "crate::units::seconds"))]
    pub longest: Duration,
}

/// A version of MQTT, written as `3.1`, `3.1.1` or `5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
pub enum ProtocolVersion {
    /// MQTT 3.1.
    #[cfg_attr(feature = "std", serde(rename = "3.1"))]
    V31,
    /// MQTT 3.1.1.
    #[cfg_attr(feature = "std", serde(rename = "3.1.1"))]
    V311,
    /// MQTT 5.
    #[cfg_attr(feature = "std", serde(rename = "5"))]
    V5,
}

/// A way in which clients prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "std", derive(serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum AuthenticationKind {
    /// The certificate of a TLS client.
    Certificate,
    /// User name and password, or what stands for them, such as a key.
    Password,
    /// A token as the user name.
    AccessToken,
    /// A password that is signed and expires, as for Azure IoT Hub.
    SasToken,
    /// A request of WebSocket that is signed, as for AWS.
    SignedWebSocket,
    /// A program of the account decides.
    CustomAuthorizer,
}

/// A topic or filter that a broker knows: `{client_id}` stands for the client
/// identifier, `+` for any one level and `#` at the end for all further ones.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Deserialize), serde(transparent))]
pub struct TopicPattern(pub Cow<'static, str>);

/// Several values, in an order without meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "std",
    derive(serde::Deserialize),
    serde(transparent, bound(deserialize = "T: serde::Deserialize<'de>"))
)]
pub struct List<T: Clone + 'static>(pub Cow<'static, [T]>);

impl KeepAliveRange {
    /// The keep-alive such a broker works with when a client asks for
    /// `requested` seconds; 0 is no keep-alive.
    pub const fn effective(self, requested: u16) -> u16 {
        if requested == 0 {
            self.zero_means
        } else if requested < self.minimum {
            self.minimum
        } else if requested > self.maximum {
            self.maximum
        } else {
            requested
        }
    }

    /// True if the broker takes the value as it is.
    pub const fn allows(self, requested: u16) -> bool {
        self.effective(requested) == requested
    }
}

impl Rate {
    /// So many per second.
    pub const fn per_second(amount: u32) -> Self {
        Self { amount, period: Duration::from_secs(1) }
    }
}

impl LengthRange {
    /// True if a text of this many bytes is within the limits.
    pub const fn allows(self, len: usize) -> bool {
        len >= self.minimum as usize && len <= self.maximum as usize
    }
}

impl KeepAliveGrace {
    /// How long the broker waits for a client with this keep-alive.
    pub fn of(self, keep_alive: Duration) -> Duration {
        let wait = keep_alive * self.percent.into() / 100;
        self.longest.map_or(wait, |longest| wait.min(longest))
    }
}

impl TopicPattern {
    /// True if a topic or filter of this client is one that the broker knows.
    /// Wildcards in a filter have to stand where the pattern has them.
    pub fn allows(&self, topic: &str, client_id: &str) -> bool {
        let mut levels = topic.split('/');
        for wanted in self.0.split('/') {
            if wanted == "#" {
                return true;
            }
            let Some(level) = levels.next() else { return false };
            let is_allowed = match wanted {
                "+" => level != "#",
                "{client_id}" => level == client_id,
                name => level == name,
            };
            if !is_allowed {
                return false;
            }
        }
        levels.next().is_none()
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V31 => "3.1",
            Self::V311 => "3.1.1",
            Self::V5 => "5",
        })
    }
}

impl fmt::Display for AuthenticationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "certificate",
            Self::Password => "password",
            Self::AccessToken => "access-token",
            Self::SasToken => "sas-token",
            Self::SignedWebSocket => "signed-web-socket",
            Self::CustomAuthorizer => "custom-authorizer",
        })
    }
}

impl TopicPrefixes {
    /// The part of a topic or filter that length and level limits count.
    pub fn counted<'t>(&self, topic: &'t str) -> &'t str {
        self.0.iter().find_map(|prefix| strip(topic, prefix)).unwrap_or(topic)
    }
}

/// What is left of the topic after the prefix, if it begins with it.
fn strip<'t>(topic: &'t str, prefix: &str) -> Option<&'t str> {
    let mut rest = topic;
    for wanted in prefix.trim_end_matches('/').split('/') {
        let (level, after) = rest.split_once('/')?;
        if wanted != "+" && wanted != level {
            return None;
        }
        rest = after;
    }
    Some(rest)
}
