//! The metrics of [`evenkeel_metrics`] for OpenTelemetry.
//!
//! ```
//! use evenkeel_metrics::Clients;
//! # use opentelemetry::metrics::{Meter, MeterProvider};
//! # let provider = opentelemetry_sdk::metrics::SdkMeterProvider::default();
//!
//! let clients = Clients::new(); // and clients.add(name, &client)
//! let meter: Meter = provider.meter("evenkeel");
//! evenkeel_metrics_otel::observe(&meter, &clients);
//! ```
//!
//! Instruments are observable: the clients are looked at when the SDK collects, and
//! then once for all instruments.
//!
//! # Names
//!
//! A name is that of Prometheus with a point behind `evenkeel` and without `_total`:
//! `evenkeel.pings_sent`, `evenkeel.state_seconds` with the unit `s`. What makes
//! Prometheus' names of OpenTelemetry's (its OTLP receiver, the collector's exporter) makes
//! the same names of them, so that alerts and dashboards fit. Attributes are the labels,
//! `client` and `class`.
//!
//! OpenTelemetry has no histogram that is observed. In place of each there are three sums
//! that do not lose what was counted between two looks, named as Prometheus has them:
//! `evenkeel.ping_round_trip_seconds_bucket` with the attribute `le`,
//! `evenkeel.ping_round_trip_seconds_sum` and `evenkeel.ping_round_trip_seconds_count`. They are
//! up-down counters, as a name of a counter would get another end.

#![forbid(unsafe_code)]

mod look;

use std::sync::Arc;

use evenkeel_metrics::{Clients, Family, Kind, Sample, Spread, Unit, Value, families};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter};

use look::Look;

/// Has a meter observe these clients, those that are added later included. To be called
/// once for a meter.
pub fn observe(meter: &Meter, clients: &Clients) {
    let look = Arc::new(Look::new(clients.clone()));
    for family in families() {
        match family.kind {
            Kind::Counter => counter(meter, family, &look),
            Kind::Histogram => histogram(meter, family, &look),
            _ => gauge(meter, family, &look),
        }
    }
}

fn counter(meter: &Meter, family: &'static Family, look: &Arc<Look>) {
    let take = taker(family, look);
    let builder = meter.u64_observable_counter(name(family, "")).with_description(family.help);
    let builder = match unit(family) {
        Some(unit) => builder.with_unit(unit),
        None => builder,
    };
    builder.with_callback(move |to| take(&mut |sample| count(to, sample))).build();
}

fn count(to: &dyn AsyncInstrument<u64>, sample: &Sample<'_>) {
    if let Value::Count(count) = sample.value {
        to.observe(count, &attributes(sample));
    }
}

fn gauge(meter: &Meter, family: &'static Family, look: &Arc<Look>) {
    let take = taker(family, look);
    let builder = meter.f64_observable_gauge(name(family, "")).with_description(family.help);
    let builder = match unit(family) {
        Some(unit) => builder.with_unit(unit),
        None => builder,
    };
    builder.with_callback(move |to| take(&mut |sample| measure(to, sample))).build();
}

fn measure(to: &dyn AsyncInstrument<f64>, sample: &Sample<'_>) {
    let value = match sample.value {
        Value::Count(count) => count as f64,
        Value::Number(number) => number,
        _ => return,
    };
    to.observe(value, &attributes(sample));
}

/// Its three sums.
fn histogram(meter: &Meter, family: &'static Family, look: &Arc<Look>) {
    let whole = |end, of: fn(&dyn AsyncInstrument<i64>, &Sample<'_>, &Spread)| {
        let take = taker(family, look);
        meter
            .i64_observable_up_down_counter(name(family, end))
            .with_description(family.help)
            .with_callback(move |to| {
                take(&mut |sample| with_spread(sample, |it| of(to, sample, it)))
            })
            .build();
    };
    whole("_bucket", buckets);
    whole("_count", |to, sample, spread| {
        to.observe(whole_number(spread.count()), &attributes(sample))
    });
    let take = taker(family, look);
    meter
        .f64_observable_up_down_counter(name(family, "_sum"))
        .with_description(family.help)
        .with_callback(move |to| {
            take(&mut |sample| {
                with_spread(sample, |spread| {
                    to.observe(spread.sum().as_secs_f64(), &attributes(sample));
                });
            });
        })
        .build();
}

/// Each bucket with those below it.
fn buckets(to: &dyn AsyncInstrument<i64>, sample: &Sample<'_>, spread: &Spread) {
    let mut sum = 0_u64;
    for (bound, count) in spread.buckets() {
        sum = sum.saturating_add(count);
        let bound = if bound.is_finite() { bound.to_string() } else { "+Inf".to_owned() };
        let mut attributes = attributes(sample);
        attributes.push(KeyValue::new("le", bound));
        to.observe(whole_number(sum), &attributes);
    }
}

fn with_spread(sample: &Sample<'_>, act: impl FnOnce(&Spread)) {
    if let Value::Spread(spread) = sample.value {
        act(spread);
    }
}

/// Gives the samples of a family, as of the look that is due.
fn taker(
    family: &'static Family,
    look: &Arc<Look>,
) -> impl Fn(&mut dyn FnMut(&Sample<'_>)) + use<> {
    let (look, number) = (look.clone(), look.number());
    move |act| look.take(number).samples(family).iter().for_each(act)
}

fn name(family: &Family, end: &str) -> String {
    format!("{}{end}", family.name.replacen('_', ".", 1))
}

const fn unit(family: &Family) -> Option<&'static str> {
    match family.unit {
        Some(Unit::Seconds) => Some("s"),
        Some(Unit::Bytes) => Some("By"),
        _ => None,
    }
}

fn attributes(sample: &Sample<'_>) -> Vec<KeyValue> {
    let client = KeyValue::new("client", sample.client.to_owned());
    let class = sample.class.map(|class| KeyValue::new("class", class.to_owned()));
    [client].into_iter().chain(class).collect()
}

fn whole_number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
