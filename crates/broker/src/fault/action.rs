//! What a fault does.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::text;

/// What goes wrong.
///
/// Packets keep the order of their bytes: what is delayed comes later than
/// what follows it, and what is held back holds up all behind it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Action {
    /// The packet is not sent, or not handled, as if it had been lost.
    Drop,
    /// The packet is sent, or handled, this much later; others pass it by.
    Delay(#[serde(deserialize_with = "text::duration")] Duration),
    /// The packet is sent, or handled, twice.
    Duplicate,
    /// Bits of one byte of a packet to the client are flipped.
    Corrupt {
        /// The byte, from 0; beyond the end means the last one.
        offset: usize,
        /// The bits; 0 changes nothing.
        mask: u8,
    },
    /// The broker goes silent and keeps the transport open, as a stopped
    /// process would. What it would send waits and is sent afterwards; while
    /// it does not read, keep alive is not enforced. It does not see the client
    /// close the transport either.
    ///
    /// On a packet from the client, that packet is still handled and its
    /// answer is the first to wait; on a packet to the client, it waits itself.
    Silence {
        /// What stops.
        #[serde(default)]
        stop: Stop,
        /// How long; absent, without end.
        #[serde(default, deserialize_with = "text::some_duration")]
        lasts: Option<Duration>,
    },
    /// Bytes to the client leave in small pieces from here on.
    Dribble {
        /// Bytes in one piece; at least 1.
        bytes: usize,
        /// Time between two pieces.
        #[serde(deserialize_with = "text::duration")]
        every: Duration,
        /// How long; absent, until the connection ends.
        #[serde(default, deserialize_with = "text::some_duration")]
        lasts: Option<Duration>,
    },
    /// The transport is closed before the packet; what was ready earlier is sent.
    Close,
    /// The transport is closed after the packet was sent, or handled and answered.
    CloseAfter,
    /// CONNECT is refused with this code as it is, defined or not.
    Refuse {
        /// The return code of MQTT 3, or the reason code of MQTT 5.
        code: u8,
        /// Another server (MQTT 5).
        #[serde(default)]
        server_reference: Option<String>,
    },
    /// The connection is closed, on MQTT 5 with a DISCONNECT before.
    Disconnect {
        /// The reason code as it is, defined or not.
        reason: u8,
        /// Another server.
        #[serde(default)]
        server_reference: Option<String>,
    },
    /// These bytes are sent behind what was ready earlier, and before the
    /// packet or its answer.
    Inject(#[serde(deserialize_with = "hex")] Bytes),
    /// Of the packets matched, one passes in this time; the others are dropped.
    OnePer(#[serde(deserialize_with = "text::duration")] Duration),
    /// CONNACK announces other values; the broker enforces them.
    Announce(Announce),
}

impl Action {
    /// The name in a fault file and in events.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Delay(_) => "delay",
            Self::Duplicate => "duplicate",
            Self::Corrupt { .. } => "corrupt",
            Self::Silence { .. } => "silence",
            Self::Dribble { .. } => "dribble",
            Self::Close => "close",
            Self::CloseAfter => "close_after",
            Self::Refuse { .. } => "refuse",
            Self::Disconnect { .. } => "disconnect",
            Self::Inject(_) => "inject",
            Self::OnePer(_) => "one_per",
            Self::Announce(_) => "announce",
        }
    }
}

/// Which half of a silent broker stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// It neither reads nor sends: the client's bytes pile up in the transport.
    #[default]
    Both,
    /// It does not read.
    Reading,
    /// It reads and handles, but sends nothing.
    Sending,
}

impl Stop {
    pub(crate) const fn reading(self) -> bool {
        matches!(self, Self::Both | Self::Reading)
    }

    pub(crate) const fn sending(self) -> bool {
        matches!(self, Self::Both | Self::Sending)
    }
}

/// Values of CONNACK in place of the broker's own; absent ones stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Announce {
    /// Receive Maximum.
    pub receive_maximum: Option<u16>,
    /// Server Keep Alive, in seconds.
    pub server_keep_alive: Option<u16>,
    /// Topic Alias Maximum.
    pub topic_alias_maximum: Option<u16>,
    /// Session Expiry Interval, in seconds.
    pub session_expiry: Option<u32>,
    /// Session Present as the client reads it, true or not.
    pub session_present: Option<bool>,
}

/// Reads bytes as hexadecimal digits, spaces between them allowed.
fn hex<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
    let text = String::deserialize(from)?;
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => {
            let bytes = digits.chunks_exact(2).map(|pair| match pair {
                [high, low] => high << 4 | low,
                _ => 0,
            });
            Ok(bytes.collect())
        }
        _ => Err(D::Error::custom(format!(
            "`{text}` is not a list of bytes; write two hexadecimal digits for each, such as \"d0 00\""
        ))),
    }
}
