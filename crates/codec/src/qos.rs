//! Quality of service.

use core::fmt;
use core::str::FromStr;

/// The delivery promise of a message or subscription.
///
/// ```
/// use evenkeel_codec::QoS;
///
/// assert_eq!(QoS::try_from(1)?, QoS::AtLeastOnce);
/// assert_eq!("1".parse::<QoS>()?, QoS::AtLeastOnce);
/// assert_eq!(QoS::AtLeastOnce.to_string(), "QoS 1");
/// assert_eq!("QoS 1".parse::<QoS>()?, QoS::AtLeastOnce);
/// # Ok::<(), evenkeel_codec::QoSError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum QoS {
    /// QoS 0: delivered at most once, never acknowledged.
    #[default]
    AtMostOnce = 0,
    /// QoS 1: delivered at least once, acknowledged by PUBACK.
    AtLeastOnce = 1,
    /// QoS 2: delivered exactly once, by PUBREC, PUBREL and PUBCOMP.
    ExactlyOnce = 2,
}

/// Why a number or a text is not a [`QoS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QoSError {
    /// A number above 2.
    Level {
        /// The number.
        level: u8,
    },
    /// A text that is none of `0`, `1` and `2`, nor one of these behind `QoS `.
    Text,
}

impl QoS {
    /// The two-bit value on the wire.
    pub const fn level(self) -> u8 {
        self as u8
    }

    /// The QoS with this value on the wire; `None` above 2.
    pub const fn from_level(level: u8) -> Option<Self> {
        match level {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }
}

impl TryFrom<u8> for QoS {
    type Error = QoSError;

    /// [`from_level`](Self::from_level) with an error to hand on.
    fn try_from(level: u8) -> Result<Self, QoSError> {
        Self::from_level(level).ok_or(QoSError::Level { level })
    }
}

impl From<QoS> for u8 {
    fn from(qos: QoS) -> Self {
        qos.level()
    }
}

impl FromStr for QoS {
    type Err = QoSError;

    /// Reads `0`, `1` or `2`, and what `Display` writes.
    fn from_str(text: &str) -> Result<Self, QoSError> {
        match text.strip_prefix("QoS ").unwrap_or(text) {
            "0" => Ok(Self::AtMostOnce),
            "1" => Ok(Self::AtLeastOnce),
            "2" => Ok(Self::ExactlyOnce),
            _ => Err(QoSError::Text),
        }
    }
}

/// `QoS 0`, `QoS 1` or `QoS 2`.
impl fmt::Display for QoS {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::AtMostOnce => "QoS 0",
            Self::AtLeastOnce => "QoS 1",
            Self::ExactlyOnce => "QoS 2",
        })
    }
}

impl fmt::Display for QoSError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level { level } => write!(f, "QoS {level} does not exist; it is 0, 1 or 2"),
            Self::Text => f.write_str("this is no QoS; write 0, 1 or 2"),
        }
    }
}

impl core::error::Error for QoSError {}
