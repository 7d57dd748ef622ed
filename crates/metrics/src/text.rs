//! The text of OpenMetrics, by `prometheus-client`.

use std::fmt::Error;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabel, EncodeLabelSet, LabelSetEncoder, MetricEncoder,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::{Registry, Unit as Suffix};

use crate::{Clients, Family, Kind, Reading, Sample, Unit, Value, families};

/// The content type of the text of [`Clients::to_text`].
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Clients {
    /// All metrics of all clients, as the text of OpenMetrics.
    pub fn to_text(&self) -> String {
        text_of(self.clone())
    }
}

fn text_of(collector: impl Collector) -> String {
    let (mut registry, mut text) = (Registry::default(), String::new());
    registry.register_collector(Box::new(collector));
    // Writing to a string does not fail.
    let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
    text
}

impl Collector for Clients {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        self.read().encode(encoder)
    }
}

impl Collector for Reading {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        for family in families() {
            let ((name, unit), kind) = (parted(family), family.metric_type());
            let mut metric = encoder.encode_descriptor(name, family.help, unit.as_ref(), kind)?;
            for sample in self.samples(family) {
                sample.encode(family.kind, metric.encode_family(&sample)?)?;
            }
        }
        Ok(())
    }
}

/// The name without its unit, which is written behind it.
fn parted(family: &Family) -> (&str, Option<Suffix>) {
    let (end, suffix) = match family.unit {
        None => return (family.name, None),
        Some(Unit::Seconds) => ("_seconds", Suffix::Seconds),
        Some(Unit::Bytes) => ("_bytes", Suffix::Bytes),
    };
    (family.name.strip_suffix(end).unwrap_or(family.name), Some(suffix))
}

impl Family {
    const fn metric_type(&self) -> MetricType {
        match self.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
        }
    }
}

impl Sample<'_> {
    fn encode(&self, kind: Kind, mut into: MetricEncoder<'_>) -> Result<(), Error> {
        let no_exemplar = None::<&Exemplar<Labels, f64>>;
        match (self.value, kind) {
            (Value::Count(count), Kind::Counter) => into.encode_counter(&count, no_exemplar),
            (Value::Number(number), Kind::Counter) => into.encode_counter(&number, no_exemplar),
            (Value::Count(count), _) => into.encode_gauge(&count),
            (Value::Number(number), _) => into.encode_gauge(&number),
            (Value::Spread(spread), _) => {
                let buckets: Vec<_> = spread.buckets().collect();
                let sum = spread.sum().as_secs_f64();
                into.encode_histogram::<Labels>(sum, spread.count(), &buckets, None)
            }
        }
    }
}

/// The type of labels that are not there.
type Labels = [(&'static str, &'static str); 0];

impl EncodeLabelSet for Sample<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), Error> {
        EncodeLabel::encode(&("client", self.client), encoder.encode_label())?;
        match self.class {
            Some(class) => EncodeLabel::encode(&("class", class), encoder.encode_label()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use evenkeel::events::Count;

    use super::*;
    use crate::counts::Counts;
    use crate::gauges::Gauges;
    use crate::reading::Row;

    fn row(client: &str) -> Row {
        let mut counts = Counts::default();
        counts.stats.iter_mut().zip(100..).for_each(|(count, value)| *count = value);
        counts.ends.iter_mut().zip(200..).for_each(|(count, value)| *count = value);
        let mut gauges = Gauges { keep_alive: Some(Duration::from_secs(60)), ..Default::default() };
        (gauges.states[3], gauges.in_state) = (1, Duration::from_millis(1500));
        (gauges.loops[8], gauges.quarantined, gauges.stores_work) = (5, 6, false);
        gauges.queue = Count { messages: 7, bytes: 700 };
        gauges.in_flight = Count { messages: 8, bytes: 800 };
        gauges.rates = vec![None, Some((9, 10))];
        Row { client: client.into(), counts, gauges }
    }

    fn lines(rows: Vec<Row>) -> Vec<String> {
        let text = text_of(Reading { rows, rates: vec!["other".into(), "publish-rate".into()] });
        text.lines().map(str::to_owned).collect()
    }

    /// The contract of names and labels with alerts and dashboards, line by line.
    #[test]
    fn the_text_is_this() {
        let lines = lines(vec![row("pump")]);
        let samples = lines.iter().filter(|line| !line.starts_with("# ") && !line.contains("le="));
        let samples: Vec<_> = samples.map(String::as_str).collect();
        let wanted = include_str!("text_samples.txt");
        assert_eq!(samples, wanted.lines().collect::<Vec<_>>());
        assert_eq!(lines.last().map(String::as_str), Some("# EOF"));
    }

    #[test]
    fn each_family_says_its_type_and_unit() {
        let lines = lines(Vec::new());
        let said: Vec<_> = lines.iter().map(String::as_str).collect();
        for block in [
            &[
                "# HELP evenkeel_state Whether it is in the state of this class.",
                "# TYPE evenkeel_state gauge",
            ][..],
            &["# TYPE evenkeel_state_seconds gauge", "# UNIT evenkeel_state_seconds seconds"],
            &["# TYPE evenkeel_sent_bytes counter", "# UNIT evenkeel_sent_bytes bytes"],
            &["# HELP evenkeel_connects Connections opened, successful or not."],
            &["# TYPE evenkeel_ping_round_trip_seconds histogram"],
        ] {
            assert!(said.windows(block.len()).any(|lines| lines == block), "{block:?}: {said:#?}");
        }
        let kinds = said.iter().filter(|line| line.starts_with("# TYPE ")).count();
        assert_eq!(kinds, families().len());
    }

    #[test]
    fn names_are_escaped_and_a_histogram_is_cumulative() {
        let mut row = row("a\"b\\c");
        row.counts = Counts::default();
        let durations = &mut row.counts.round_trips;
        for micros in [128, 129, 67_108_865] {
            durations.record(Duration::from_micros(micros));
        }
        let lines = lines(vec![row]);
        let of = |start: &str| {
            let start = format!("evenkeel_ping_round_trip_seconds_{start}");
            let found: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix(&start)).collect();
            found.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let client = r#"client="a\"b\\c""#;
        assert_eq!(of("sum"), [format!("{{{client}}} 67.109122")]);
        assert_eq!(of("count"), [format!("{{{client}}} 3")]);
        let buckets = of("bucket");
        assert_eq!(buckets[0], format!("{{le=\"0.000128\",{client}}} 1"));
        assert_eq!(buckets[1], format!("{{le=\"0.000256\",{client}}} 2"));
        assert_eq!(buckets[19], format!("{{le=\"67.108864\",{client}}} 2"));
        assert_eq!(buckets[20], format!("{{le=\"+Inf\",{client}}} 3"));
        assert_eq!(buckets.len(), 21);
    }
}
