//! Numbers that trade processor time and memory against each other. None is part
//! of a contract: they may change with any release.
//!
//! Built with `RUSTFLAGS="--cfg evenkeel_tuning"`, each may be set by the
//! environment variable that stands beside it, as the compiler sees it, to
//! measure another value with `bench/speed/run`.

macro_rules! tuned {
    ($($(#[$about:meta])* $name:ident: $kind:ty = $value:expr, $variable:literal;)*) => {$(
        $(#[$about])*
        #[cfg(not(evenkeel_tuning))]
        pub(crate) const $name: $kind = $value;

        $(#[$about])*
        #[cfg(evenkeel_tuning)]
        pub(crate) const $name: $kind = match option_env!($variable) {
            Some(text) => match <$kind>::from_str_radix(text, 10) {
                Ok(value) => value,
                Err(_) => $value,
            },
            None => $value,
        };
    )*};
}

tuned! {
    /// Payloads of so many bytes are written from where they are, shared. Smaller
    /// ones are copied into the buffer of packets, which makes one piece of many.
    /// No measurement of other values is recorded.
    SHARED_FROM: usize = 16 * 1024, "EVENKEEL_SHARED_FROM";

    /// Topics that have an alias at a time, as far as the server takes so many:
    /// each takes some 70 bytes here, and its topic there. No measurement of other
    /// values is recorded.
    ALIASES: u16 = 256, "EVENKEEL_ALIASES";

    /// Receipts that there is room for while there are none: a client whose bursts
    /// are smaller allocates once, and one that is idle after a large burst gives
    /// the memory back. No measurement of other values is recorded.
    RECEIPTS_ROOM: usize = 128, "EVENKEEL_RECEIPTS_ROOM";

    /// Messages that a queue which is empty has room for, for the same reasons. No
    /// measurement of other values is recorded.
    QUEUE_ROOM: usize = 64, "EVENKEEL_QUEUE_ROOM";

    /// Messages of the queue that expire in one turn; the rest has the next ones,
    /// and between them others may use the client. No more than events are kept,
    /// so that each outcome is told. No measurement of other values is recorded.
    EXPIRED_AT_ONCE: usize = 256, "EVENKEEL_EXPIRED_AT_ONCE";

    /// Records that nobody waits for are committed after so many milliseconds at
    /// the latest: a commit for each would have the disk write as often. What is
    /// lost with them in a crash is done again, and takes no harm. No measurement
    /// of other values is recorded.
    COMMIT_DELAY_MS: u64 = 100, "EVENKEEL_COMMIT_DELAY_MS";

    /// So many of these records are committed at once, so that they take little
    /// memory. No measurement of other values is recorded.
    RECORDS_DELAYED: usize = 1024, "EVENKEEL_RECORDS_DELAYED";

    /// Events kept for a caller that does not poll; later ones are counted. A
    /// bound for memory; no measurement of other values is recorded.
    EVENTS_KEPT: usize = 256, "EVENKEEL_EVENTS_KEPT";

    /// Packets of a trace kept for a caller that does not take them; later ones
    /// are counted. A bound for memory; no measurement of other values is
    /// recorded.
    TRACE_KEPT: usize = 4096, "EVENKEEL_TRACE_KEPT";
}
