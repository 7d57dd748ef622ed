//! Records as bytes: the body of a frame is a list of entries, each a kind
//! (one byte), a length (a variable-length number) and that many bytes.
//!
//! Numbers are little-endian groups of seven bits, the highest bit set in all
//! but the last byte. A message is kept as the PUBLISH packet of MQTT 5 that
//! would carry it, a subscription as its SUBSCRIBE packet: their encoding is
//! the specification's, not one more of ours.
//!
//! | kind | entry | contents |
//! |---|---|---|
//! | 1 | live | next serial, then runs of live serials: numbers skipped, numbers live |
//! | 2 | releasing | serial, packet identifier |
//! | 3 | boot | the 16 bytes of the boot in which all of the segment was written |
//! | 16 | identity | the client identifier |
//! | 17 | accepted | serial, flags (bits 0-1 priority, 2 expires, 3 has an age), accepted, expires, age, PUBLISH |
//! | 18 | sent | serial, packet identifier |
//! | 19 | released | serial |
//! | 20 | done | serial, outcome (one byte), its argument |
//! | 21 | quarantined | serial, deaths, attempts |
//! | 22 | received | packet identifier |
//! | 23 | finished | packet identifier |
//! | 24 | subscribed | options (bits 0-1 QoS, 2 no local, 3 retain as published, 4-5 retain handling), SUBSCRIBE |
//! | 25 | unsubscribed | the filter |
//! | 26 | session lost | |
//! | 27 | unproven | |
//! | 28 | proven | |
//! | 29 | clearing | packet identifier |
//! | 30 | freed | packet identifier |
//! | 31 | time | microseconds on the client's clock, wall clock, age, then the 16 bytes of the boot if it is known |
//! | 32 | released and kept | serial |
//! | 33 | session unknown | |
//!
//! Kinds 1 to 3 are in snapshots only.

use alloc::vec::Vec;

mod decode;
mod encode;
mod varint;

use evenkeel_proto::codec::{PacketId, Version};
use evenkeel_proto::record::{BootId, Record, Serial};

pub(crate) use decode::{Entries, Malformed, decode_entry};
#[cfg(feature = "std")]
pub(crate) use decode::{decode_message, peek_serial};
#[cfg(feature = "std")]
pub(crate) use encode::{encode_boot, encode_contents};
pub(crate) use encode::{encode_live, encode_record, encode_releasing};

/// Both packets are kept in this version's encoding.
const VERSION: Version = Version::V5;

mod kind {
    pub(super) const LIVE: u8 = 1;
    pub(super) const RELEASING: u8 = 2;
    pub(super) const BOOT: u8 = 3;
    pub(super) const IDENTITY: u8 = 16;
    pub(super) const ACCEPTED: u8 = 17;
    pub(super) const SENT: u8 = 18;
    pub(super) const RELEASED: u8 = 19;
    pub(super) const DONE: u8 = 20;
    pub(super) const QUARANTINED: u8 = 21;
    pub(super) const RECEIVED: u8 = 22;
    pub(super) const FINISHED: u8 = 23;
    pub(super) const SUBSCRIBED: u8 = 24;
    pub(super) const UNSUBSCRIBED: u8 = 25;
    pub(super) const SESSION_LOST: u8 = 26;
    pub(super) const UNPROVEN: u8 = 27;
    pub(super) const PROVEN: u8 = 28;
    pub(super) const CLEARING: u8 = 29;
    pub(super) const FREED: u8 = 30;
    pub(super) const TIME: u8 = 31;
    pub(super) const RELEASED_AND_KEPT: u8 = 32;
    pub(super) const SESSION_UNKNOWN: u8 = 33;
}

mod outcome {
    pub(super) const DELIVERED: u8 = 0;
    pub(super) const REFUSED: u8 = 1;
    pub(super) const EXPIRED: u8 = 2;
    pub(super) const NOT_ALLOWED: u8 = 3;
    pub(super) const DROPPED: u8 = 4;
    pub(super) const REMOVED: u8 = 5;
    pub(super) const REQUEUED: u8 = 6;
    pub(super) const UNCERTAIN: u8 = 7;
}

// Bits of a subscription's options.
const QOS: u8 = 0b00_0011;
const NO_LOCAL: u8 = 0b00_0100;
const RETAIN_AS_PUBLISHED: u8 = 0b00_1000;
const RETAIN_HANDLING: u8 = 4;

// Bits of a message's flags.
const PRIORITY: u8 = 0b0011;
const EXPIRES: u8 = 0b0100;
const AGED: u8 = 0b1000;

/// One entry of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The beginning of a snapshot.
    Live(Live),
    /// An exchange of which the identifier alone is left.
    Releasing {
        serial: Serial,
        packet_id: PacketId,
    },
    /// The boot in which the segment was written.
    Boot(BootId),
    Record(Record),
}

/// Which messages of earlier segments count still.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) next_serial: Serial,
    /// First serial and how many, ascending and apart.
    pub(crate) runs: Vec<(u64, u64)>,
}

#[cfg(test)]
mod tests;
