//! Profiles from TOML.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use serde::Deserialize;

use crate::written::NO_BASE;
use crate::{ConnectionLimits, Inconsistency, Profile, PublishLimits, SubscribeLimits};

/// Why a TOML text is not a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError {
    /// Not TOML, or not a profile's fields and types.
    Toml {
        /// Line of the fault, from 1; 0 if the fault has no place.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// `based_on` names no built-in profile.
    UnknownBase {
        /// Its line, from 1.
        line: usize,
        /// The name given.
        name: String,
    },
    /// The limits contradict each other.
    Inconsistent(Inconsistency),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(default)]
    revised: String,
    based_on: Option<toml::Spanned<String>>,
    #[serde(default)]
    connection: ConnectionLimits,
    #[serde(default)]
    publish: PublishLimits,
    #[serde(default)]
    subscribe: SubscribeLimits,
}

impl Profile {
    /// Reads a profile from TOML; what it leaves out comes from the built-in
    /// profile named by `based_on`, which is `standard` unless given; `none` is
    /// a base without limits.
    ///
    /// Each limit is a table with `value` and, if known, `source`,
    /// `confidence`, `on_break` and `on_break_v3`. Times are numbers of seconds
    /// or texts with a unit (`ms`, `s`, `min`, `h`, `days`), sizes numbers of
    /// bytes or texts with `B`, `KiB` or `MiB`.
    ///
    /// ```
    /// let profile = evenkeel_profile::Profile::from_toml(r#"
    ///     name = "plant-7"
    ///     based_on = "aws-iot-core"
    ///
    ///     [subscribe]
    ///     subscriptions_per_connection = { value = 200, source = "raised quota, ticket 4711" }
    ///
    ///     [connection]
    ///     min_ping_spacing = { value = 45.5, on_break = "ignores" }
    ///     connect_floor.value = { spacing = 2, spacing_after_short = "20 s", short = "1 min" }
    ///
    ///     [publish]
    ///     maximum_payload_size.value = "64 KiB"
    ///     maximum_qos = { value = 0, on_break = { disconnects-with = 0x9B } }
    /// "#)?;
    /// assert_eq!(profile.max_subscriptions(), Some(200));
    /// assert_eq!(profile.max_subscribe_filters(), Some(8));
    /// # Ok::<(), evenkeel_profile::LoadError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the text is not TOML, holds a field no profile has or a value of
    /// the wrong type, names an unknown base, or contradicts itself.
    pub fn from_toml(text: &str) -> Result<Self, LoadError> {
        let file: File = toml::from_str(text).map_err(|error| LoadError::toml(text, &error))?;
        let base = match &file.based_on {
            None => crate::standard(),
            Some(name) if name.get_ref() == NO_BASE => Self::empty(),
            Some(name) => {
                let unknown = || LoadError::UnknownBase {
                    line: line(text, name.span().start),
                    name: name.get_ref().clone(),
                };
                Self::built_in(name.get_ref()).ok_or_else(unknown)?
            }
        };
        let profile = Self {
            name: Cow::Owned(file.name),
            revised: Cow::Owned(file.revised),
            connection: base.connection.overlaid(file.connection),
            publish: base.publish.overlaid(file.publish),
            subscribe: base.subscribe.overlaid(file.subscribe),
        };
        profile.check().map_err(LoadError::Inconsistent)?;
        Ok(profile)
    }
}

impl LoadError {
    fn toml(text: &str, error: &toml::de::Error) -> Self {
        Self::Toml {
            line: error.span().map_or(0, |span| line(text, span.start)),
            message: error.message().to_string(),
        }
    }

    /// What is wrong, and where.
    pub fn fact(&self) -> String {
        match self {
            Self::Toml { line: 0, message } => message.clone(),
            Self::Toml { line, message } => format!("line {line}: {message}"),
            Self::UnknownBase { line, name } => {
                format!("line {line}: \"{name}\" is no built-in profile")
            }
            Self::Inconsistent(inconsistency) => inconsistency.fact(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Toml { .. } => "a limit is a table, such as \
                receive_maximum = { value = 20, source = \"vendor page\" }"
                .to_string(),
            Self::UnknownBase { .. } => {
                format!("based_on takes {NO_BASE}, {}", crate::BUILT_IN.join(", "))
            }
            Self::Inconsistent(inconsistency) => inconsistency.hint().to_string(),
        }
    }
}

/// The line, from 1, of a byte of the text.
fn line(text: &str, byte: usize) -> usize {
    let before = text.get(..byte).unwrap_or_default();
    before.matches('\n').count() + 1
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inconsistent(inconsistency) => {
                f.write_str("profile contradicts itself")?;
                if f.alternate() { write!(f, ": {inconsistency}") } else { Ok(()) }
            }
            _ => write!(f, "profile, {}; hint: {}", self.fact(), self.hint()),
        }
    }
}

impl core::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Inconsistent(inconsistency) => Some(inconsistency),
            Self::Toml { .. } | Self::UnknownBase { .. } => None,
        }
    }
}
