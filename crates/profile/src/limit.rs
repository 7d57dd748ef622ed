//! One limit with its evidence.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use crate::{Handling, LimitValue};

/// One number a broker imposes, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Deserialize), serde(deny_unknown_fields))]
pub struct Limit<T> {
    /// The largest, smallest or only value allowed; the field's doc says which.
    pub value: T,
    /// Where the value comes from: document and year, or who observed it.
    #[cfg_attr(feature = "std", serde(default = "crate::limit::default_source"))]
    pub source: Cow<'static, str>,
    /// How far the source can be trusted.
    #[cfg_attr(feature = "std", serde(default))]
    pub confidence: Confidence,
    /// What the broker does to a client that breaks the limit.
    #[cfg_attr(feature = "std", serde(default))]
    pub on_break: OnBreak,
    /// The same for clients of MQTT 3.1 and 3.1.1, if it differs.
    #[cfg_attr(feature = "std", serde(default))]
    pub on_break_v3: Option<OnBreak>,
}

/// How far a number can be trusted, best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "std", derive(serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Confidence {
    /// The vendor or the specification states it.
    Documented,
    /// Measured by us or reported by others; the documents say less or nothing.
    Observed,
    /// Sources contradict each other; the careful value was taken.
    Disputed,
    /// Nobody has confirmed it.
    #[default]
    Unconfirmed,
}

/// What a broker does when a limit is broken.
///
/// Reason codes are those of MQTT 5, as bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "std", derive(serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum OnBreak {
    /// Answers with this reason code in the acknowledgement.
    Rejects(u8),
    /// Refuses the packet, in a way that is not known.
    Refuses,
    /// Sends DISCONNECT with this reason code, then closes.
    DisconnectsWith(u8),
    /// Closes the connection without a word.
    Disconnects,
    /// Delays: reads or delivers more slowly.
    Throttles,
    /// Discards the packet without an answer.
    Ignores,
    /// Uses the nearest allowed value instead, or grants less than was asked for.
    Clamps,
    /// Not known.
    #[default]
    Unknown,
}

/// The source of a limit that names none.
pub(crate) const fn default_source() -> Cow<'static, str> {
    Cow::Borrowed("user profile")
}

impl<T> Limit<T> {
    /// A limit its vendor or the specification states.
    pub(crate) const fn documented(value: T, source: &'static str, on_break: OnBreak) -> Self {
        Self {
            value,
            source: Cow::Borrowed(source),
            confidence: Confidence::Documented,
            on_break,
            on_break_v3: None,
        }
    }

    pub(crate) fn confidence(self, confidence: Confidence) -> Self {
        Self { confidence, ..self }
    }

    pub(crate) fn on_break_v3(self, on_break: OnBreak) -> Self {
        Self { on_break_v3: Some(on_break), ..self }
    }

    /// What happens to a client of MQTT 3.1 or 3.1.1 that breaks the limit.
    pub fn on_break_before_v5(&self) -> OnBreak {
        self.on_break_v3.unwrap_or(self.on_break)
    }
}

impl Confidence {
    /// As in TOML.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Observed => "observed",
            Self::Disputed => "disputed",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}

impl OnBreak {
    /// As in TOML, without the reason code.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rejects(_) => "rejects",
            Self::Refuses => "refuses",
            Self::DisconnectsWith(_) => "disconnects-with",
            Self::Disconnects => "disconnects",
            Self::Throttles => "throttles",
            Self::Ignores => "ignores",
            Self::Clamps => "clamps",
            Self::Unknown => "unknown",
        }
    }

    /// The reason code, if the broker says one.
    pub const fn reason_code(self) -> Option<u8> {
        match self {
            Self::Rejects(code) | Self::DisconnectsWith(code) => Some(code),
            _ => None,
        }
    }
}

/// One limit without its type, for listing all limits of a profile.
#[derive(Clone, Copy)]
pub struct LimitInfo<'a> {
    /// The section it stands in: `connection`, `publish` or `subscribe`.
    pub section: &'static str,
    /// The field's name, such as `keep_alive`.
    pub name: &'static str,
    /// The value.
    pub value: &'a dyn LimitValue,
    /// Where it comes from.
    pub source: &'a str,
    /// How far the source can be trusted.
    pub confidence: Confidence,
    /// What the broker does when the limit is broken.
    pub on_break: OnBreak,
    /// The same for clients of MQTT 3.1 and 3.1.1, if it differs.
    pub on_break_v3: Option<OnBreak>,
}

impl LimitInfo<'_> {
    /// What the client does about the limit.
    pub fn handling(&self) -> Option<&'static Handling> {
        Handling::of(self.name)
    }

    /// The value for people, with its unit.
    pub fn text(&self) -> String {
        self.value.text(self.handling().map_or("", |handling| handling.unit))
    }
}

impl fmt::Debug for LimitInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {:?} ({:?}: {})", self.name, self.value, self.confidence, self.source)
    }
}
