//! What a call failed with: a number for programs, a sentence for people.

use core::fmt;

use evenkeel_codec::{DecodeError, TextError, TopicError};
use evenkeel_proto::{AckError, ConfigError, QueueError, RejectReason, SubscribeError};

use crate::profiles;
#[cfg(feature = "sessions")]
use crate::sessions::Unreadable;

/// Why a call did nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    NoClient(u32),
    Length {
        len: usize,
        area: usize,
    },
    Memory,
    Text(TextError),
    Topic(TopicError),
    Filter(TopicError),
    Properties(DecodeError),
    Argument(&'static str),
    Key {
        key: u32,
        wants: &'static str,
    },
    Profile,
    #[cfg(feature = "profiles")]
    Written(evenkeel_profile::WrittenError),
    NoSuchNumber(u32),
    Publish(RejectReason),
    Subscribe(SubscribeError),
    Queue(QueueError),
    Config(ConfigError),
    Acknowledge(AckError),
    #[cfg(feature = "sessions")]
    Unreadable(Unreadable),
}

impl Failure {
    /// As the functions return it.
    pub(crate) fn result(&self) -> i32 {
        -i32::from(self.number())
    }

    fn number(&self) -> u16 {
        match self {
            Self::NoClient(_) => 1,
            Self::Length { .. } => 2,
            Self::Memory => 3,
            Self::Text(_) => 4,
            Self::Topic(_) => 5,
            Self::Filter(_) => 6,
            Self::Properties(_) => 7,
            Self::Argument(_) => 8,
            Self::Key { .. } => 9,
            Self::Profile => 10,
            #[cfg(feature = "profiles")]
            Self::Written(_) => 10,
            Self::NoSuchNumber(_) => 11,
            #[cfg(feature = "sessions")]
            Self::Unreadable(_) => 12,
            Self::Publish(reason) => reason.code(),
            Self::Subscribe(error) => error.code(),
            Self::Queue(error) => error.code(),
            Self::Config(error) => error.code(),
            Self::Acknowledge(error) => error.code(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoClient(handle) => write!(f, "no client has the handle {handle}"),
            Self::Length { len, area } => {
                write!(f, "{len} bytes were announced, and the area has {area}")
            }
            Self::Memory => f.write_str("no memory, or all numbers are taken"),
            Self::Text(error) => error.fmt(f),
            Self::Topic(error) | Self::Filter(error) => error.fmt(f),
            Self::Properties(error) => write!(f, "properties: {error}"),
            Self::Argument(what) => f.write_str(what),
            Self::Key { key, wants } => write!(f, "configuration key {key}: {wants}"),
            Self::Profile => profiles::hint(f),
            #[cfg(feature = "profiles")]
            Self::Written(error) => error.fmt(f),
            Self::NoSuchNumber(number) => write!(f, "nothing has the number {number}"),
            Self::Publish(reason) => reason.fmt(f),
            Self::Subscribe(error) => error.fmt(f),
            Self::Queue(error) => error.fmt(f),
            Self::Config(error) => error.fmt(f),
            Self::Acknowledge(error) => error.fmt(f),
            #[cfg(feature = "sessions")]
            Self::Unreadable(error) => error.fmt(f),
        }
    }
}

macro_rules! from {
    ($($error:ty => $variant:ident,)*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}

from! {
    TextError => Text,
    RejectReason => Publish,
    SubscribeError => Subscribe,
    QueueError => Queue,
    ConfigError => Config,
    AckError => Acknowledge,
}
