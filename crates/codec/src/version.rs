//! Protocol versions.

use core::fmt;
use core::str::FromStr;

/// A protocol version, chosen by the client in its CONNECT packet.
///
/// ```
/// use evenkeel_codec::Version;
///
/// assert_eq!(Version::try_from(4)?, Version::V311);
/// assert_eq!("3.1.1".parse::<Version>()?, Version::V311);
/// assert_eq!(Version::V311.to_string(), "MQTT 3.1.1");
/// assert_eq!("MQTT 3.1.1".parse::<Version>()?, Version::V311);
/// # Ok::<(), evenkeel_codec::VersionError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// MQTT 3.1: protocol name `MQIsdp`, level 3.
    V31,
    /// MQTT 3.1.1: protocol name `MQTT`, level 4.
    V311,
    /// MQTT 5.0: protocol name `MQTT`, level 5.
    V5,
}

/// Why a number or a text is not a [`Version`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VersionError {
    /// A protocol level other than 3, 4 and 5.
    Level {
        /// The number.
        level: u8,
    },
    /// A text that is none of `3.1`, `3.1.1`, `5` and `5.0`, nor one of these
    /// behind `MQTT `.
    Text,
}

impl Version {
    /// The protocol level byte of the CONNECT packet: 3, 4 or 5.
    pub const fn level(self) -> u8 {
        match self {
            Self::V31 => 3,
            Self::V311 => 4,
            Self::V5 => 5,
        }
    }

    /// The version with this protocol level; `None` for others than 3, 4 and 5.
    pub const fn from_level(level: u8) -> Option<Self> {
        match level {
            3 => Some(Self::V31),
            4 => Some(Self::V311),
            5 => Some(Self::V5),
            _ => None,
        }
    }

    /// The protocol name of the CONNECT packet.
    pub const fn protocol_name(self) -> &'static str {
        match self {
            Self::V31 => "MQIsdp",
            Self::V311 | Self::V5 => "MQTT",
        }
    }

    /// True for the version that has properties, reason codes and AUTH.
    pub const fn has_properties(self) -> bool {
        matches!(self, Self::V5)
    }
}

impl TryFrom<u8> for Version {
    type Error = VersionError;

    /// [`from_level`](Self::from_level) with an error to hand on.
    fn try_from(level: u8) -> Result<Self, VersionError> {
        Self::from_level(level).ok_or(VersionError::Level { level })
    }
}

impl From<Version> for u8 {
    fn from(version: Version) -> Self {
        version.level()
    }
}

impl FromStr for Version {
    type Err = VersionError;

    /// Reads `3.1`, `3.1.1`, `5` or `5.0`, and what `Display` writes. A bare
    /// `3` or `4` is refused: it may mean a version or a protocol level.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        match text.strip_prefix("MQTT ").unwrap_or(text) {
            "3.1" => Ok(Self::V31),
            "3.1.1" => Ok(Self::V311),
            "5" | "5.0" => Ok(Self::V5),
            _ => Err(VersionError::Text),
        }
    }
}

/// `MQTT 3.1`, `MQTT 3.1.1` or `MQTT 5`.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V31 => "MQTT 3.1",
            Self::V311 => "MQTT 3.1.1",
            Self::V5 => "MQTT 5",
        })
    }
}

impl fmt::Display for VersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level { level } => write!(
                f,
                "protocol level {level} is unknown; it is 3 (MQTT 3.1), 4 (MQTT 3.1.1) or 5 (MQTT 5)"
            ),
            Self::Text => f.write_str("this is no version of MQTT; write 3.1, 3.1.1 or 5"),
        }
    }
}

impl core::error::Error for VersionError {}
