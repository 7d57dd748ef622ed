//! Numbers that trade processor time, memory and delay against each other. None
//! is part of a contract: they may change with any release.
//!
//! Built with `RUSTFLAGS="--cfg evenkeel_tuning"`, each may be set by the
//! environment variable that stands beside it, to measure another value with
//! `bench/speed/run`. Without that they are constants, and no variable is read.
//!
//! Figures are from `docs/performance.md`, "What follows": medians of short runs
//! in turns on a virtual machine with two cores.

macro_rules! tuned {
    ($($(#[$about:meta])* $name:ident: $kind:ty = $value:expr, $variable:literal;)*) => {$(
        $(#[$about])*
        #[cfg(not(evenkeel_tuning))]
        #[inline]
        pub(crate) const fn $name() -> $kind {
            $value
        }

        $(#[$about])*
        #[cfg(evenkeel_tuning)]
        pub(crate) fn $name() -> $kind {
            static VALUE: std::sync::LazyLock<$kind> =
                std::sync::LazyLock::new(|| from_environment($variable, $value));
            *VALUE
        }
    )*};
}

#[cfg(evenkeel_tuning)]
fn from_environment<T: std::str::FromStr>(variable: &str, default: T) -> T {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

tuned! {
    /// The fewest acknowledgements, or messages, that are worth a write of their
    /// own: a write takes 2 to 3 microseconds, so smaller parts cost more than they
    /// gain. Publishing a window of 100 in parts instead of one write, and with
    /// [`spin_polls`], took 0.74 instead of 1.01 microseconds of wall time a message
    /// with QoS 1, and 0.86 instead of 1.76 with QoS 2
    /// (`bench/speed/run`, cases "publish 64 B QoS 1" and "QoS 2").
    batch_part: usize = 32, "EVENKEEL_BATCH_PART";

    /// Parts of the largest batch seen: the server works on one while the
    /// application works on the other. Halves, with [`spin_polls`], gave
    /// 1.81 M messages/s with QoS 1 and 1,149 k with QoS 2; thirds without gave
    /// 1.18 M and 644 k (`bench/speed/run`, cases "receive 64 B").
    batch_parts: usize = 2, "EVENKEEL_BATCH_PARTS";

    /// Batches larger than this have no parts: to wait for the server after each
    /// costs less than more writes. No measurement of other values is recorded.
    batch_undivided: usize = 128, "EVENKEEL_BATCH_UNDIVIDED";

    /// Messages acknowledged, or published, at once after which the driver looks
    /// for the answer before it sleeps: the server can send as many again, or as
    /// many acknowledgements. No measurement of other values is recorded.
    spin_from: usize = 16, "EVENKEEL_SPIN_FROM";

    /// Answers of the server that are looked for: to QoS 2 it says PUBREL first. No
    /// measurement of other values is recorded.
    spin_answers: u32 = 2, "EVENKEEL_SPIN_ANSWERS";

    /// Looks for an answer before the driver sleeps. A look costs less than a
    /// microsecond; to sleep and be woken, on a virtual machine, twenty or thirty,
    /// and the server as much. Half as many gave 1.62 M messages/s when these gave
    /// 1.81 M (`bench/speed/run`, case "receive 64 B QoS 1"); publishing QoS 1
    /// without looks, in one write, took 0.50 s of processor time a million messages
    /// at four fifths of the rate.
    spin_polls: u32 = 64, "EVENKEEL_SPIN_POLLS";

    /// Bursts after which the driver sleeps at once, after one whose answer came
    /// too late, so that looks in vain are rare. No measurement of other values is
    /// recorded.
    spin_pause: u32 = 8, "EVENKEEL_SPIN_PAUSE";

    /// They become twice as many with each late answer in a row, up to this. No
    /// measurement of other values is recorded.
    spin_longest_pause: u32 = 1024, "EVENKEEL_SPIN_LONGEST_PAUSE";

    /// Times in a row that the driver gives way to tasks that it woke, before it
    /// writes. No measurement of other values is recorded.
    courtesies: u8 = 4, "EVENKEEL_COURTESIES";

    /// Room that reads of small packets grow to. No measurement of other values is
    /// recorded.
    read_room: usize = 256 * 1024, "EVENKEEL_READ_ROOM";

    /// If as much of a packet is missing, it is read into memory of its own size:
    /// its payload is then moved once only, by the operating system
    /// (`bench/speed/run`, cases "receive 1 MiB"). No measurement of other values is
    /// recorded.
    own_memory_from: usize = 16 * 1024, "EVENKEEL_OWN_MEMORY_FROM";

    /// The largest memory of a packet that is kept to be used again: of two at a
    /// time, so that a connection keeps twice as much. With fresh
    /// memory for each packet, page faults made receiving 1 MiB take 1.45 times the
    /// processor time of the bound, *raw*; with this 1.23 times (`bench/speed/run`,
    /// case "receive 1 MiB QoS 0").
    packet_memory_largest: usize = 16 * 1024 * 1024, "EVENKEEL_PACKET_MEMORY_LARGEST";

    /// How long after the last large packet the memory of those before is kept, in
    /// milliseconds. No measurement of other values is recorded.
    packet_memory_kept: u64 = 1000, "EVENKEEL_PACKET_MEMORY_KEPT";

    /// Reads of one turn before the other duties, and tasks, get their time. No
    /// measurement of other values is recorded.
    turn_reads: usize = 16, "EVENKEEL_TURN_READS";

    /// Bytes read in one turn, as every byte may be work for the core. No
    /// measurement of other values is recorded.
    turn_read_bytes: usize = 256 * 1024, "EVENKEEL_TURN_READ_BYTES";

    /// Writes of one turn. No measurement of other values is recorded.
    turn_writes: usize = 16, "EVENKEEL_TURN_WRITES";

    /// Bytes of the write buffer that a quiet connection keeps. No measurement of
    /// other values is recorded; the test `a_client_is_small` (`cargo test -p
    /// evenkeel --test allocations`) bounds what an idle client takes.
    write_buffer_kept: usize = 4 * 1024, "EVENKEEL_WRITE_BUFFER_KEPT";

    /// Acknowledgements that wait for the driver for which room is kept. No
    /// measurement of other values is recorded.
    acknowledgements_kept: usize = 256, "EVENKEEL_ACKNOWLEDGEMENTS_KEPT";

    /// Deadlines with some slack come at multiples of so many milliseconds, so that
    /// one wake-up serves many clients. At 10,000 idle connections a ping takes
    /// 0.07 epoll_wait and took 0.5 before; a grid of 64 took a tenth less processor
    /// time than one of 16 (`bench/speed/clients/evenkeel`, `mode=idle
    /// connections=10000 keep_alive=5`, counted with `strace -fc`).
    wake_grid: u64 = 25, "EVENKEEL_WAKE_GRID";
}
