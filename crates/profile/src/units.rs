//! Times and sizes in TOML, as numbers or with their units.

use core::fmt;
use core::time::Duration;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use crate::Limit;
use crate::unit::{SIZES, TIMES, split};

/// Reads a time.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    from.deserialize_any(Time)
}

/// Reads a time that may be left out.
pub(crate) fn seconds_or_none<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Duration>, D::Error> {
    seconds(from).map(Some)
}

/// Reads a limit whose value is a time.
pub(crate) fn seconds_limit<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Limit<Duration>>, D::Error> {
    Limit::<Seconds>::deserialize(from).map(|limit| Some(limit.map(|seconds| seconds.0)))
}

/// Reads a limit whose value is a number of bytes.
pub(crate) fn bytes_limit<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Limit<u32>>, D::Error> {
    Limit::<Bytes>::deserialize(from).map(|limit| Some(limit.map(|bytes| bytes.0)))
}

impl<T> Limit<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Limit<U> {
        let Self { value, source, confidence, on_break, on_break_v3 } = self;
        Limit { value: change(value), source, confidence, on_break, on_break_v3 }
    }
}

struct Seconds(Duration);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        seconds(from).map(Self)
    }
}

struct Bytes(u32);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Size).map(Self)
    }
}

struct Time;

impl Visitor<'_> for Time {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds, or a time such as \"30 s\"")
    }

    #[expect(clippy::cast_precision_loss, reason = "no limit is as long as 2^53 seconds")]
    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Duration, E> {
        self.visit_f64(seconds as f64)
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Duration, E> {
        Duration::try_from_secs_f64(seconds)
            .map_err(|_| E::custom(format_args!("{seconds} is not a time in seconds")))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        let (number, unit) = split(text);
        let length = TIMES.iter().find(|(name, _)| *name == unit).map(|(_, length)| length);
        match (number.parse::<f64>(), length) {
            (Ok(number), Some(length)) => self.visit_f64(number * length),
            _ => Err(E::custom(format_args!(
                "'{text}' is not a time with a unit, which is ms, s, min, h or days"
            ))),
        }
    }
}

struct Size;

impl Visitor<'_> for Size {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of bytes, or a size such as \"64 KiB\"")
    }

    fn visit_i64<E: Error>(self, bytes: i64) -> Result<u32, E> {
        u32::try_from(bytes)
            .map_err(|_| E::custom(format_args!("{bytes} is not a number of bytes below 4 GiB")))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u32, E> {
        let (number, unit) = split(text);
        let length = SIZES.iter().find(|(name, _)| *name == unit).map(|(_, length)| *length);
        let bytes = number.parse::<u32>().ok().zip(length);
        bytes.and_then(|(number, length)| number.checked_mul(length)).ok_or_else(|| {
            E::custom(format_args!(
                "'{text}' is not a size below 4 GiB with a unit, which is B, KiB or MiB"
            ))
        })
    }
}
