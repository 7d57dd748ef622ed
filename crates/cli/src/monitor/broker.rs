//! The metrics of the broker, which has nothing of the client's.

use std::fmt::Error;

use evenkeel_broker::Snapshot;
use evenkeel_codec::PacketType;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// The broker as it stood when the scrape came.
#[derive(Debug)]
pub(super) struct BrokerMetrics(pub(super) Snapshot);

/// One value: name, what it is, how it is read.
type One = (&'static str, &'static str, fn(&Snapshot) -> u64);

const GAUGES: [One; 6] = [
    ("evenkeel_broker_listening", "Whether clients can connect.", |it| it.listening.into()),
    ("evenkeel_broker_connections", "Network connections open now.", |it| it.stats.connections_now),
    ("evenkeel_broker_sessions", "Sessions, with and without a connection.", |it| {
        count(it.sessions)
    }),
    ("evenkeel_broker_subscriptions", "Subscriptions of all sessions.", |it| {
        count(it.subscriptions)
    }),
    ("evenkeel_broker_retained_messages", "Retained messages.", |it| count(it.retained)),
    ("evenkeel_broker_queued_messages", "Messages that wait for a client.", |it| count(it.queued)),
];

const COUNTERS: [One; 5] = [
    ("evenkeel_broker_connects", "Network connections opened.", |it| it.stats.connections),
    ("evenkeel_broker_accepted", "CONNECTs accepted.", |it| it.stats.connects_accepted),
    ("evenkeel_broker_refused", "CONNECTs refused.", |it| it.stats.connects_refused),
    ("evenkeel_broker_messages_dropped", "Messages dropped for a subscriber.", |it| {
        it.stats.messages_dropped
    }),
    ("evenkeel_broker_faults", "Times a fault rule was applied.", |it| it.stats.faults_applied),
];

const BYTES: [One; 2] = [
    ("evenkeel_broker_received", "Bytes read from all clients.", |it| it.stats.bytes_received),
    ("evenkeel_broker_sent", "Bytes handed to the transports.", |it| it.stats.bytes_sent),
];

impl Collector for BrokerMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let Self(it) = self;
        for (name, help, of) in GAUGES {
            let into = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(of(it)).encode(into)?;
        }
        let silence = ConstGauge::new(it.stats.longest_silence.as_secs_f64());
        silence.encode(encoder.encode_descriptor(
            "evenkeel_broker_longest_silence",
            "The longest time without a byte from a client with a keep-alive.",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?)?;
        for (name, help, of) in COUNTERS {
            counter(&mut encoder, name, help, None, of(it))?;
        }
        for (name, help, of) in BYTES {
            counter(&mut encoder, name, help, Some(&Unit::Bytes), of(it))?;
        }
        let ends = it.ends.iter().map(|(why, count)| (why.label(), *count));
        by_class(
            &mut encoder,
            "evenkeel_broker_ends",
            "Ends of connections, by what ended them.",
            ends,
        )?;
        let received = by_type(|kind| it.stats.packets.received(kind));
        by_class(
            &mut encoder,
            "evenkeel_broker_packets_received",
            "Packets of clients.",
            received,
        )?;
        let sent = by_type(|kind| it.stats.packets.sent(kind));
        by_class(&mut encoder, "evenkeel_broker_packets_sent", "Packets to clients.", sent)?;
        let breaks = it.stats.quota_breaks.iter().map(|(limit, count)| (*limit, *count));
        let help = "Packets that broke a limit of the profile, by the limit.";
        by_class(&mut encoder, "evenkeel_broker_limits_broken", help, breaks)
    }
}

fn counter(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    value: u64,
) -> Result<(), Error> {
    let into = encoder.encode_descriptor(name, help, unit, MetricType::Counter)?;
    ConstCounter::new(value).encode(into)
}

/// A counter for each class.
fn by_class<C: AsRef<str>>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    counts: impl IntoIterator<Item = (C, u64)>,
) -> Result<(), Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (class, count) in counts {
        ConstCounter::new(count).encode(family.encode_family(&[("class", class.as_ref())])?)?;
    }
    Ok(())
}

/// The counts of all types of packets.
fn by_type(count: impl Fn(PacketType) -> u64) -> Vec<(String, u64)> {
    let types = (1..16).filter_map(|number| PacketType::from_first_byte(number << 4));
    types.map(|kind| (kind.name().to_ascii_lowercase(), count(kind))).collect()
}

fn count(things: usize) -> u64 {
    u64::try_from(things).unwrap_or(u64::MAX)
}
