//! Numbers that trade memory for speed. None is part of a contract: they may
//! change with any release. They are constants, as a crate without I/O has no
//! way to be told others; to measure another value, change it here.

/// Slots for outcomes kept after a burst, when no operation is under way: a
/// client that publishes a little now and then allocates none. No measurement of
/// other values is recorded; `cargo test -p evenkeel --test allocations` bounds
/// the allocations for each message.
pub(crate) const SLOTS_KEPT: usize = 64;

/// Bytes of the longest topic whose streams are remembered for the next message:
/// of messages of one topic in a row only the first walks the tree. No
/// measurement of other values is recorded.
pub(crate) const TOPIC_REMEMBERED: usize = 256;

/// Messages that an empty stream keeps room for. No measurement of other values
/// is recorded; what an idle client takes is bounded by the test
/// `a_client_is_small` (`cargo test -p evenkeel --test allocations`).
pub(crate) const MESSAGES_KEPT: usize = 16;

/// Bytes of messages given out without a lock before the stream is told that
/// there is room: an eighth of what it may hold, so that large messages make room
/// one by one. No measurement of other values is recorded.
pub(crate) const BYTES_UNTOLD: usize = 64 * 1024;
