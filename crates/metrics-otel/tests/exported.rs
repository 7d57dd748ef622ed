//! What an exporter of OpenTelemetry is given.

use std::collections::BTreeMap;

use evenkeel::Client;
use evenkeel_metrics::{Clients, Kind, families};
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

/// What was exported of one collection.
struct Exported {
    exporter: InMemoryMetricExporter,
    provider: SdkMeterProvider,
}

impl Exported {
    fn of(clients: &Clients) -> Self {
        let exporter = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(exporter.clone()).build();
        let provider = SdkMeterProvider::builder().with_reader(reader).build();
        evenkeel_metrics_otel::observe(&provider.meter("evenkeel"), clients);
        Self { exporter, provider }
    }

    /// Values by name and attributes, with the units.
    fn collect(&self) -> BTreeMap<String, f64> {
        self.exporter.reset();
        self.provider.force_flush().unwrap();
        let exported = self.exporter.get_finished_metrics().unwrap();
        let scopes = exported.iter().flat_map(|resource| resource.scope_metrics());
        scopes.flat_map(|scope| scope.metrics()).flat_map(values).collect()
    }
}

fn values(metric: &Metric) -> Vec<(String, f64)> {
    match metric.data() {
        AggregatedMetrics::F64(data) => points(metric, data, |value| value),
        AggregatedMetrics::U64(data) => points(metric, data, |value| value as f64),
        AggregatedMetrics::I64(data) => points(metric, data, |value| value as f64),
    }
}

fn points<T: Copy>(
    metric: &Metric,
    data: &MetricData<T>,
    of: impl Fn(T) -> f64,
) -> Vec<(String, f64)> {
    let named = |attributes: Vec<String>, value| {
        let mut attributes = attributes;
        attributes.sort();
        (format!("{}[{}]{{{}}}", metric.name(), metric.unit(), attributes.join(",")), of(value))
    };
    let text = |pair: &opentelemetry::KeyValue| format!("{}={}", pair.key, pair.value);
    match data {
        MetricData::Gauge(gauge) => gauge
            .data_points()
            .map(|point| named(point.attributes().map(text).collect(), point.value()))
            .collect(),
        MetricData::Sum(sum) => sum
            .data_points()
            .map(|point| named(point.attributes().map(text).collect(), point.value()))
            .collect(),
        _ => panic!("{} is neither gauge nor sum", metric.name()),
    }
}

#[tokio::test]
async fn all_families_are_exported_under_the_names_of_prometheus() {
    let clients = Clients::new();
    // Nobody is there: it connects, and waits.
    let client = Client::builder("mqtt://127.0.0.1:1").client_id("secret").start().unwrap();
    clients.add("pump", &client).unwrap();
    let exported = Exported::of(&clients);
    client.try_online().await.unwrap_err();
    let values = exported.collect();
    for (name, wanted) in [
        ("evenkeel.state[]{class=online,client=pump}", Some(0.0)),
        ("evenkeel.connects[]{client=pump}", Some(1.0)),
        ("evenkeel.ends[]{class=network,client=pump}", Some(1.0)),
        ("evenkeel.sent_bytes[By]{client=pump}", Some(0.0)),
        ("evenkeel.store_ok[]{client=pump}", Some(1.0)),
        ("evenkeel.ping_round_trip_seconds_count[]{client=pump}", Some(0.0)),
        ("evenkeel.ping_round_trip_seconds_sum[]{client=pump}", Some(0.0)),
        ("evenkeel.ping_round_trip_seconds_bucket[]{client=pump,le=0.000128}", Some(0.0)),
        ("evenkeel.ping_round_trip_seconds_bucket[]{client=pump,le=+Inf}", Some(0.0)),
        ("evenkeel.keep_alive_seconds[s]{client=pump}", None),
    ] {
        assert_eq!(values.get(name).copied(), wanted, "{name} of {values:#?}");
    }
    assert!(values.contains_key("evenkeel.state_seconds[s]{client=pump}"));
    assert!(values.keys().all(|name| !name.contains("secret")));
    // Absent while it is offline and has no loop and no rates.
    let absent = ["keep_alive_seconds", "loop", "rate_tokens", "rate_tokens_max"];
    for family in families() {
        let name = family.name.replacen('_', ".", 1);
        let end = if family.kind == Kind::Histogram { "_count[" } else { "[" };
        let is_there = values.keys().any(|key| key.starts_with(&format!("{name}{end}")));
        let may_be = family.name == "evenkeel_next_attempt_seconds";
        let wanted = !absent.iter().any(|it| family.name == format!("evenkeel_{it}"));
        assert!(is_there == wanted || may_be, "{name}: {values:#?}");
    }

    // A client that has gone is gone from here, too.
    assert!(clients.remove(&client));
    let values = exported.collect();
    assert_eq!(values.keys().filter(|name| name.starts_with("evenkeel.connects[")).count(), 0);
}
