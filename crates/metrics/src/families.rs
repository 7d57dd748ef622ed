//! What there is to read: names, types and units, which never change.

use std::time::Duration;

use evenkeel::events::Stats;

use crate::reading::{Row, Value};

/// A metric, with all its samples.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Family {
    /// The name, without the `_total` of counters.
    pub name: &'static str,
    /// What it is, for people.
    pub help: &'static str,
    /// Of which type it is.
    pub kind: Kind,
    /// In which unit it is, also the end of the name.
    pub unit: Option<Unit>,
    pub(crate) of: Of,
}

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts durations in buckets.
    Histogram,
}

/// The unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

/// Where the samples of a name come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of {
    /// The counter at this place of [`COUNTERS`].
    Counter(usize),
    /// One value, if there is one.
    Value(fn(&Row) -> Option<Value<'_>>),
    /// A value for each state.
    States,
    /// A count for each class of ends.
    Ends,
    /// A value for each class of which there is a loop.
    Loops,
    /// A value for each rate.
    Rates(fn(&(u64, u64)) -> u64),
}

/// A counter of [`Stats`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counter {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    pub(crate) of: fn(&Stats) -> u64,
}

const fn counter(name: &'static str, of: fn(&Stats) -> u64, help: &'static str) -> Counter {
    Counter { name, help, unit: None, of }
}

const fn bytes(name: &'static str, of: fn(&Stats) -> u64, help: &'static str) -> Counter {
    Counter { name, help, unit: Some(Unit::Bytes), of }
}

/// The counters of [`Stats`].
pub(crate) const COUNTERS: [Counter; 18] = [
    counter("evenkeel_connects", |it| it.connects, "Connections opened, successful or not."),
    counter("evenkeel_connections", |it| it.connections, "CONNACKs that accepted."),
    counter("evenkeel_pings_sent", |it| it.pings_sent, "PINGREQs written."),
    counter("evenkeel_pongs", |it| it.pongs, "PINGRESPs that answered one."),
    counter(
        "evenkeel_pongs_unsolicited",
        |it| it.pongs_unsolicited,
        "PINGRESPs nobody waited for.",
    ),
    counter(
        "evenkeel_pings_unanswered",
        |it| it.pings_unanswered,
        "Pings written off on a link that stayed.",
    ),
    counter(
        "evenkeel_publishes_sent",
        |it| it.publishes_sent,
        "PUBLISH packets sent, repetitions included.",
    ),
    counter("evenkeel_publishes_resent", |it| it.publishes_resent, "PUBLISH packets sent again."),
    counter(
        "evenkeel_publishes_acknowledged",
        |it| it.publishes_acknowledged,
        "QoS 1 and 2 messages acknowledged to the end.",
    ),
    counter(
        "evenkeel_publishes_received",
        |it| it.publishes_received,
        "PUBLISH packets received, repetitions included.",
    ),
    counter(
        "evenkeel_duplicates_suppressed",
        |it| it.duplicates_suppressed,
        "QoS 2 copies not delivered again.",
    ),
    counter("evenkeel_expired", |it| it.expired, "Messages that expired in the queue."),
    counter("evenkeel_dropped", |it| it.dropped, "Messages that gave way in a full queue."),
    counter(
        "evenkeel_uncertain",
        |it| it.uncertain,
        "QoS 2 messages that the server may have lost with its session.",
    ),
    counter(
        "evenkeel_qos0_dropped",
        |it| it.qos0_dropped,
        "QoS 0 messages received and dropped, as the inbox was full.",
    ),
    counter(
        "evenkeel_receive_maximum_exceeded",
        |it| it.receive_maximum_exceeded,
        "Messages received beyond the client's Receive Maximum.",
    ),
    bytes("evenkeel_sent_bytes", |it| it.bytes_sent, "Bytes that the transport took."),
    bytes("evenkeel_received_bytes", |it| it.bytes_received, "Bytes received."),
];

const fn gauge(
    name: &'static str,
    unit: Option<Unit>,
    of: fn(&Row) -> Option<Value<'_>>,
    help: &'static str,
) -> Family {
    Family { name, help, kind: Kind::Gauge, unit, of: Of::Value(of) }
}

const fn by_class(name: &'static str, kind: Kind, of: Of, help: &'static str) -> Family {
    Family { name, help, kind, unit: None, of }
}

const fn histogram(
    name: &'static str,
    of: fn(&Row) -> Option<Value<'_>>,
    help: &'static str,
) -> Family {
    Family { name, help, kind: Kind::Histogram, unit: Some(Unit::Seconds), of: Of::Value(of) }
}

const SECONDS: Option<Unit> = Some(Unit::Seconds);
const BYTES: Option<Unit> = Some(Unit::Bytes);

/// What is no counter of [`Stats`].
const OTHERS: [Family; 16] = [
    by_class(
        "evenkeel_state",
        Kind::Gauge,
        Of::States,
        "Whether it is in the state of this class.",
    ),
    gauge(
        "evenkeel_state_seconds",
        SECONDS,
        |row| Some(seconds(row.gauges.in_state)),
        "Time in the present state.",
    ),
    gauge(
        "evenkeel_next_attempt_seconds",
        SECONDS,
        |row| row.gauges.next_attempt.map(seconds),
        "Until the next attempt; absent if none is waited for.",
    ),
    gauge(
        "evenkeel_keep_alive_seconds",
        SECONDS,
        |row| row.gauges.keep_alive.map(seconds),
        "The keep-alive in force; absent while offline, 0 without pings.",
    ),
    by_class(
        "evenkeel_ends",
        Kind::Counter,
        Of::Ends,
        "Ends of connections and of attempts, by the class of their cause.",
    ),
    by_class(
        "evenkeel_loop",
        Kind::Gauge,
        Of::Loops,
        "Connections in a row that ended alike, by class; absent if there is no loop.",
    ),
    histogram(
        "evenkeel_ping_round_trip_seconds",
        |row| Some(Value::Spread(&row.counts.round_trips)),
        "From pings to their answers.",
    ),
    histogram(
        "evenkeel_acknowledgement_seconds",
        |row| Some(Value::Spread(&row.counts.acknowledgements)),
        "From QoS 1 and 2 messages, as last sent, to the end of their exchange.",
    ),
    gauge(
        "evenkeel_queue_messages",
        None,
        |row| Some(Value::Count(row.gauges.queue.messages)),
        "Messages accepted and not yet sent.",
    ),
    gauge(
        "evenkeel_queue_bytes",
        BYTES,
        |row| Some(Value::Count(row.gauges.queue.bytes)),
        "Their weight in memory.",
    ),
    gauge(
        "evenkeel_in_flight_messages",
        None,
        |row| Some(Value::Count(row.gauges.in_flight.messages)),
        "Messages sent and not yet acknowledged to the end.",
    ),
    gauge(
        "evenkeel_in_flight_bytes",
        BYTES,
        |row| Some(Value::Count(row.gauges.in_flight.bytes)),
        "Their weight in memory.",
    ),
    gauge(
        "evenkeel_quarantined_messages",
        None,
        |row| Some(Value::Count(row.gauges.quarantined)),
        "Messages set aside, as connections died of them.",
    ),
    gauge(
        "evenkeel_store_ok",
        None,
        |row| Some(Value::Count(row.gauges.stores_work.into())),
        "Whether the store works; 1 without one.",
    ),
    by_class(
        "evenkeel_rate_tokens",
        Kind::Gauge,
        Of::Rates(|(left, _)| *left),
        "What may go out now of the rate of this class.",
    ),
    by_class(
        "evenkeel_rate_tokens_max",
        Kind::Gauge,
        Of::Rates(|(_, most)| *most),
        "What may go out of the rate at one moment at most.",
    ),
];

const fn seconds(time: Duration) -> Value<'static> {
    Value::seconds(time)
}

const ALL: [Family; OTHERS.len() + COUNTERS.len()] = {
    let mut all = [OTHERS[0]; OTHERS.len() + COUNTERS.len()];
    let mut at = 0;
    while at < OTHERS.len() {
        all[at] = OTHERS[at];
        at += 1;
    }
    at = 0;
    while at < COUNTERS.len() {
        let Counter { name, help, unit, .. } = COUNTERS[at];
        all[OTHERS.len() + at] =
            Family { name, help, kind: Kind::Counter, unit, of: Of::Counter(at) };
        at += 1;
    }
    all
};

/// All there is to read.
pub fn families() -> &'static [Family] {
    static FAMILIES: [Family; ALL.len()] = ALL;
    &FAMILIES
}
