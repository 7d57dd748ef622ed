//! What lies in the input area, taken off its front argument by argument.

use alloc::vec::Vec;

use bytes::Bytes;
use evenkeel_codec::{PacketType, Properties, QoS, ReasonCode, Text};
use evenkeel_proto::Instant;

use crate::failure::Failure;

/// No value, where a length or a token is expected.
pub(crate) const NONE: u32 = u32::MAX;

/// The largest packet of MQTT: no argument is longer.
const LARGEST: usize = 268_435_460;
/// An input area above this is given back when less is asked for.
const KEPT: usize = 256 * 1024;

/// Memory that the caller writes the arguments into.
#[derive(Debug, Default)]
pub(crate) struct Input(Vec<u8>);

impl Input {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Makes it at least this long.
    pub(crate) fn room(&mut self, len: u32) -> Result<*mut u8, Failure> {
        let len = len as usize;
        if len > LARGEST {
            return Err(Failure::Length { len, area: LARGEST });
        }
        if self.0.len() > KEPT && len <= KEPT {
            self.0 = Vec::new();
        }
        let more = len.saturating_sub(self.0.len());
        if more > 0 {
            self.0.try_reserve(more).map_err(|_| Failure::Memory)?;
            self.0.resize(len, 0);
        }
        Ok(self.0.as_mut_ptr())
    }

    pub(crate) fn arguments(&self) -> Arguments<'_> {
        Arguments { rest: &self.0 }
    }
}

/// The arguments that are left.
pub(crate) struct Arguments<'a> {
    rest: &'a [u8],
}

impl<'a> Arguments<'a> {
    #[cfg(feature = "profiles")]
    pub(crate) const fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(crate) fn bytes(&mut self, len: u32) -> Result<&'a [u8], Failure> {
        let (len, area) = (len as usize, self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Failure::Length { len, area })?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn owned(&mut self, len: u32) -> Result<Bytes, Failure> {
        self.bytes(len).map(Bytes::copy_from_slice)
    }

    /// `None` for the length [`NONE`].
    pub(crate) fn optional(&mut self, len: u32) -> Result<Option<Bytes>, Failure> {
        if len == NONE { Ok(None) } else { self.owned(len).map(Some) }
    }

    pub(crate) fn text(&mut self, len: u32) -> Result<Text, Failure> {
        text(self.bytes(len)?)
    }

    pub(crate) fn properties(&mut self, len: u32, of: PacketType) -> Result<Properties, Failure> {
        properties(self.bytes(len)?, of)
    }

    /// A number of four bytes.
    pub(crate) fn number(&mut self) -> Result<u32, Failure> {
        let area = self.rest.len();
        let (number, rest) =
            self.rest.split_first_chunk().ok_or(Failure::Length { len: 4, area })?;
        self.rest = rest;
        Ok(u32::from_le_bytes(*number))
    }

    /// As many bytes, and those that fill them up to a multiple of four.
    pub(crate) fn padded(&mut self, len: u32) -> Result<&'a [u8], Failure> {
        let taken = self.bytes(len)?;
        self.bytes(len.wrapping_neg() % 4)?;
        Ok(taken)
    }

    /// The next bytes as arguments of their own.
    pub(crate) fn section(&mut self, len: u32) -> Result<Self, Failure> {
        self.bytes(len).map(|rest| Self { rest })
    }
}

pub(crate) fn text(bytes: &[u8]) -> Result<Text, Failure> {
    match core::str::from_utf8(bytes) {
        Ok(text) => Ok(Text::try_from(text)?),
        // It says what is wrong with the bytes.
        Err(_) => Ok(Text::from_bytes(Bytes::copy_from_slice(bytes))?),
    }
}

pub(crate) fn properties(bytes: &[u8], of: PacketType) -> Result<Properties, Failure> {
    if bytes.is_empty() {
        return Ok(Properties::new());
    }
    Properties::from_wire(of, &Bytes::copy_from_slice(bytes)).map_err(Failure::Properties)
}

/// 285 years, in microseconds: as far as an `f64` counts them.
const LAST_INSTANT: u64 = 1 << 53;

/// An instant in milliseconds, to the microsecond.
pub(crate) fn instant(now: f64) -> Instant {
    // What is no number, or less than none, is the clock's origin. At the very end of
    // the core's clock everything would be due at once.
    Instant::from_micros(((now * 1000.0 + 0.5) as u64).min(LAST_INSTANT))
}

pub(crate) fn qos(level: u32) -> Result<QoS, Failure> {
    let level = u8::try_from(level).ok().and_then(QoS::from_level);
    level.ok_or(Failure::Argument("QoS is 0, 1 or 2"))
}

pub(crate) fn reason(code: u32) -> Result<ReasonCode, Failure> {
    let code = u8::try_from(code).map_err(|_| Failure::Argument("a reason code is 0 to 255"))?;
    Ok(ReasonCode(code))
}
