//! Profiles from TOML.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use core::fmt;
use core::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::{ConnectionLimits, Inconsistency, Limit, Profile, PublishLimits, SubscribeLimits};

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
    #[serde(default = "standard_name")]
    based_on: String,
    #[serde(default)]
    connection: ConnectionLimits,
    #[serde(default)]
    publish: PublishLimits,
    #[serde(default)]
    subscribe: SubscribeLimits,
}

impl Profile {
    /// Reads a profile from TOML; what it leaves out comes from the built-in
    /// profile named by `based_on`, which is `standard` unless given.
    ///
    /// Each limit is a table with `value` and, if known, `source`,
    /// `confidence`, `on_break` and `on_break_v3`. Times are in seconds.
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
    ///     connect_floor.value = { spacing = 2, spacing_after_short = 20, short = 30 }
    ///
    ///     [publish]
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
        let Some(base) = Self::built_in(&file.based_on) else {
            return Err(LoadError::UnknownBase { name: file.based_on });
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
        let before = error.span().and_then(|span| text.get(..span.start));
        Self::Toml {
            line: before.map_or(0, |before| before.matches('\n').count() + 1),
            message: error.message().to_string(),
        }
    }
}

fn standard_name() -> String {
    "standard".to_string()
}

pub(crate) const fn default_source() -> Cow<'static, str> {
    Cow::Borrowed("user profile")
}

/// Reads a time as a number of seconds, whole or not.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    Seconds::deserialize(from).map(|seconds| seconds.0)
}

/// Reads a limit whose value is a time.
pub(crate) fn seconds_limit<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Limit<Duration>>, D::Error> {
    let Limit { value, source, confidence, on_break, on_break_v3 } =
        Limit::<Seconds>::deserialize(from)?;
    Ok(Some(Limit { value: value.0, source, confidence, on_break, on_break_v3 }))
}

struct Seconds(Duration);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(from)?;
        match Duration::try_from_secs_f64(seconds) {
            Ok(duration) => Ok(Self(duration)),
            Err(_) => Err(D::Error::custom(format_args!("{seconds} is not a time in seconds"))),
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Toml { line, message } => write!(
                f,
                "profile, line {line}: {message}; hint: a limit is a table, such as \
                 receive_maximum = {{ value = 20, source = \"vendor page\" }}"
            ),
            Self::UnknownBase { name } => write!(
                f,
                "profile is based on \"{name}\", which is not built in; hint: use one of {}",
                crate::BUILT_IN.join(", ")
            ),
            Self::Inconsistent(inconsistency) => {
                f.write_str("profile contradicts itself")?;
                if f.alternate() { write!(f, ": {inconsistency}") } else { Ok(()) }
            }
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
