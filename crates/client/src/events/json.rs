//! Events as JSON, for logs.

use std::time::Duration;

use evenkeel_proto::keepalive::Pong;
use evenkeel_proto::record::{Notice, NoticeKind};
use evenkeel_proto::{CauseClass, DeliveryError, DisconnectCause, Event, Halt, Pace};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Report;

impl Report {
    /// One line of JSON without its end, for an events log: version 2 of the events,
    /// whose schema is docs/events.schema.json. What every event has comes first, then
    /// its own fields, which docs/cli.md lists at `--events`. Names stay; new ones
    /// may come. It holds no secret and no payload.
    ///
    /// ```no_run
    /// use std::io::Write;
    ///
    /// # async fn log(client: evenkeel::Client) -> std::io::Result<()> {
    /// let mut file = std::fs::File::options().append(true).create(true).open("events.jsonl")?;
    /// let mut events = client.events();
    /// while let Some(report) = events.next().await {
    ///     writeln!(file, "{}", report.to_json())?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_json(&self) -> String {
        let situation = &self.situation;
        let age = |age: Option<Duration>| age.map(seconds);
        let origin = self.origin.as_deref();
        line(&LineV2 {
            v: 2,
            r#type: "event",
            time: self.wall_time(),
            mono_ns: self.at.as_micros().saturating_mul(1000),
            event: self.event.name(),
            client_id: origin.map(|origin| origin.client_id.as_str()),
            connection: situation.connection().map(|conn| conn.0),
            server_url: origin.and_then(|origin| origin.server_url.as_deref()),
            keep_alive_s: situation.keep_alive().map(|time| time.as_secs()),
            last_sent_s: age(situation.last_sent()),
            last_received_s: age(situation.last_received()),
            in_flight: situation.in_flight(),
            queued: situation.queued(),
            fields: self.fields(Style::V2),
        })
    }

    /// As [`to_json`](Self::to_json) in version 1, for programs that read that; it
    /// goes with 0.4.
    pub fn to_json_v1(&self) -> String {
        let (time, event) = (self.wall_time(), self.event.name());
        line(&LineV1 { v: 1, r#type: "event", time, event, fields: self.fields(Style::V1) })
    }

    fn wall_time(&self) -> String {
        format!("{:.9}", Timestamp::try_from(self.time).unwrap_or_default())
    }

    fn fields(&self, style: Style) -> Map<String, Value> {
        match fields(self, style) {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }
}

/// Strings and numbers serialize without a way to fail.
fn line(line: &impl Serialize) -> String {
    serde_json::to_string(line).unwrap_or_default()
}

/// How names of classes are written, and which fields there are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    V1,
    V2,
}

impl Style {
    fn class(self, class: CauseClass) -> &'static str {
        if self == Self::V1 { class.name() } else { class.label() }
    }

    fn pace(self, pace: Pace) -> &'static str {
        if self == Self::V1 { pace.name() } else { pace.label() }
    }

    fn halt(self, halt: Halt) -> String {
        let name = if self == Self::V1 { halt.name() } else { halt.label() };
        match halt {
            Halt::Attempts(count) => format!("{name}({count})"),
            _ => name.to_owned(),
        }
    }
}

#[derive(Serialize)]
struct LineV1 {
    v: u8,
    r#type: &'static str,
    time: String,
    event: &'static str,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// What is not known is null.
#[derive(Serialize)]
struct LineV2<'a> {
    v: u8,
    r#type: &'static str,
    time: String,
    mono_ns: u64,
    event: &'static str,
    client_id: Option<&'a str>,
    connection: Option<u64>,
    server_url: Option<&'a str>,
    keep_alive_s: Option<u64>,
    last_sent_s: Option<f64>,
    last_received_s: Option<f64>,
    in_flight: u32,
    queued: u32,
    /// The event's own.
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// The event's own fields.
fn fields(report: &Report, style: Style) -> Value {
    match &report.event {
        Event::Connecting { attempt, server, .. } => {
            json!({ "attempt": attempt, "server": server })
        }
        Event::Connected(connected) => json!({
            "version": connected.version.level(),
            "session_present": connected.session_present,
            "assigned_client_id": connected.assigned_client_id.as_deref(),
            "took_ms": milliseconds(connected.took),
        }),
        Event::Disconnected { cause, online_for, .. } => {
            disconnected(report, cause, online_for.map(seconds), style)
        }
        Event::RetryScheduled { retry, delay } => json!({
            "attempt": retry.attempt,
            "delay_s": seconds(*delay),
            "pace": style.pace(retry.pace),
        }),
        Event::Halted(halt) => json!({ "reason": style.halt(*halt) }),
        Event::VersionFallback(version) => {
            json!({ "version": version.level() })
        }
        Event::Loop(repetition) => json!({
            "class": style.class(repetition.class),
            "count": repetition.count,
            "period_s": seconds(repetition.period),
        }),
        Event::PingSent => Value::Null,
        Event::PongReceived(Pong::Matched { round_trip }) => {
            json!({ "round_trip_ms": milliseconds(*round_trip) })
        }
        Event::PongReceived(Pong::Unsolicited) => Value::Null,
        Event::PingUnanswered { after, heard } => {
            json!({ "after_s": seconds(*after), "heard": heard })
        }
        Event::FilesRenewed { .. } => Value::Null,
        Event::FilesKept { .. } => {
            let error = report.error.as_ref().map(|error| error.fact());
            json!({ "error": error })
        }
        other => more_fields(other),
    }
}

/// To the microsecond, as more digits are noise.
fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}

/// To the millisecond.
fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1e3
}

fn more_fields(event: &Event) -> Value {
    match event {
        Event::SubscriptionsRestoring { filters } => {
            json!({ "filters": filters })
        }
        Event::SubscriptionsForgotten { filters } => json!({ "filters": filters }),
        Event::SubscriptionLost { filter, reason } => {
            json!({ "filter": filter.as_str(), "reason_code": reason.0 })
        }
        Event::Reauthenticated { .. } => Value::Null,
        Event::ReadingPaused => Value::Null,
        Event::ReadingResumed => Value::Null,
        Event::ReceiveMaximumExceeded { maximum } => {
            json!({ "maximum": maximum })
        }
        Event::DeliveryStalled { unacknowledged } => {
            json!({ "unacknowledged": unacknowledged })
        }
        Event::DeliveryResumed => Value::Null,
        Event::RateReached(wait) => json!({
            "limit": wait.limit.name,
            "amount": wait.limit.amount,
            "period_s": seconds(wait.limit.period),
            "source": wait.limit.source,
            "queued": wait.queued,
        }),
        Event::Renewed { gap } => json!({ "gap_ms": milliseconds(*gap) }),
        Event::AcknowledgementsWithheld { packet_ids, after } => {
            let packet_ids: Vec<u16> = packet_ids.iter().map(|id| id.get()).collect();
            json!({ "packet_ids": packet_ids, "after_s": seconds(*after) })
        }
        Event::Quarantined { topic, deaths, serial } => {
            let serial = serial.map(|serial| serial.0);
            let what = json!({ "topic": topic.as_deref(), "deaths": deaths, "serial": serial });
            what
        }
        Event::Lagged { lost } => json!({ "lost": lost }),
        Event::Recovered { exchanges, queued, quarantined, subscriptions } => {
            let what = json!({
                "exchanges": exchanges,
                "queued": queued,
                "quarantined": quarantined,
                "subscriptions": subscriptions,
            });
            what
        }
        Event::Settled { serial, result } => {
            let error = result.as_ref().err().map(|error| format!("{error:#}"));
            let mut what = json!({ "serial": serial.0, "error": error });
            if let Err(DeliveryError::Uncertain { .. }) = result {
                what["uncertain"] = Value::Bool(true);
            }
            what
        }
        Event::StoreFailed { failure, retry } => {
            json!({ "failure": failure.to_string(), "retry_s": seconds(*retry) })
        }
        Event::StoreRestored => Value::Null,
        Event::StoreNotice(notice) => of_notice(notice),
        other => json!({ "detail": format!("{other:?}") }),
    }
}

fn of_notice(notice: &Notice) -> Value {
    let (place, aside) = match &notice.kind {
        NoticeKind::Torn { offset, bytes } => (Some((*offset, *bytes)), None),
        NoticeKind::Unfinished { bytes } => (Some((0, *bytes)), None),
        NoticeKind::PutAside { offset, bytes, into, kept } => {
            (Some((*offset, *bytes)), Some((into, *kept)))
        }
        NoticeKind::Lost { offset, bytes } => (Some((*offset, *bytes)), None),
        NoticeKind::GaveWay => (None, None),
        NoticeKind::Exposed => (None, None),
        _ => (None, None),
    };
    json!({
        "kind": notice.kind.name(),
        "file": notice.file,
        "offset": place.map(|(offset, _)| offset),
        "bytes": place.map(|(_, bytes)| bytes),
        "into": aside.map(|(into, _)| into),
        "kept_bytes": aside.map(|(_, kept)| kept),
        "detail": notice.to_string(),
    })
}

fn disconnected(
    report: &Report,
    cause: &DisconnectCause,
    online_s: Option<f64>,
    style: Style,
) -> Value {
    let why = match &report.error {
        Some(error) => error.fact(),
        None => cause.to_string(),
    };
    let reason = match cause {
        DisconnectCause::Refused { reason, .. }
        | DisconnectCause::ServerDisconnect { reason, .. } => Some(reason.0),
        _ => None,
    };
    let mut what = json!({
        "cause": why,
        "class": style.class(cause.class()),
        "reason_code": reason,
        "online_s": online_s,
    });
    if style == Style::V2 {
        what["closer"] = Value::from(cause.closer().label());
    }
    what
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use evenkeel_proto::record::{Serial, StorageFailure};

    use super::*;
    use crate::error::TransportError;
    use crate::events::{Instant, Origin, Situation};

    fn of(
        time: std::time::SystemTime,
        at: Instant,
        event: Event,
        error: Option<Box<TransportError>>,
    ) -> Report {
        Report { time, at, event, error, situation: Situation::NONE, origin: None }
    }

    fn ended() -> Report {
        let cause = Box::new(DisconnectCause::Transport {
            failure: evenkeel_proto::TransportFailure::Eof,
            phase: None,
        });
        let conn = evenkeel_proto::ConnectionId(3);
        let online_for = Some(Duration::from_millis(4_000));
        let event = Event::Disconnected { conn, cause, online_for };
        let at = Instant::from_micros(12_000_000);
        let mut report = of(std::time::UNIX_EPOCH, at, event, None);
        let activity = crate::events::Activity {
            sent: Some(Instant::from_micros(11_000_000)),
            received: Some(Instant::from_micros(10_500_000)),
        };
        report.situation = Situation::of(conn, 0, Some(Duration::from_secs(30)))
            .with_activity(at, activity)
            .with_load(2, 5);
        let client_id = evenkeel_codec::Text::try_from("pump-17").unwrap();
        let server_url = Some("mqtts://b.example:8883".to_owned());
        report.origin = Some(std::sync::Arc::new(Origin { client_id, server_url }));
        report
    }

    #[test]
    fn an_event_says_whose_it_is_and_where_the_client_stood() {
        let told = r#"{"v":2,"type":"event","time":"1970-01-01T00:00:00.000000000Z","mono_ns":12000000000,"event":"disconnected","client_id":"pump-17","connection":3,"server_url":"mqtts://b.example:8883","keep_alive_s":30,"last_sent_s":1.0,"last_received_s":1.5,"in_flight":2,"queued":5,"#;
        let json = ended().to_json();
        assert_eq!(json.get(..told.len()), Some(told));
        let value: Value = serde_json::from_str(&json).unwrap();
        let own = ["class", "closer", "online_s", "reason_code"].map(|key| value[key].clone());
        assert_eq!(own, [json!("network"), json!("peer"), json!(4.0), Value::Null]);
    }

    #[test]
    fn version_1_is_as_it_was() {
        let value: Value = serde_json::from_str(&ended().to_json_v1()).unwrap();
        let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let mut wanted =
            ["v", "type", "time", "event", "cause", "class", "online_s", "reason_code"].to_vec();
        wanted.sort_unstable();
        let mut found = keys.clone();
        found.sort_unstable();
        assert_eq!(found, wanted);
        assert_eq!((&value["v"], &value["class"]), (&json!(1), &json!("Network")));
    }

    #[test]
    fn what_is_not_known_is_null() {
        let report = of(std::time::UNIX_EPOCH, Instant::default(), Event::PingSent, None);
        let value: Value = serde_json::from_str(&report.to_json()).unwrap();
        for key in ["client_id", "connection", "server_url", "keep_alive_s", "last_sent_s"] {
            assert_eq!(value.get(key), Some(&Value::Null), "{key}");
        }
    }

    /// The field `heard` is younger than 0.1.0; nothing else about it is new.
    #[test]
    fn an_unanswered_ping_says_whether_anything_was_heard() {
        for heard in [true, false] {
            let event = Event::PingUnanswered { after: Duration::from_millis(1500), heard };
            let told = json!({ "after_s": 1.5, "heard": heard });
            let (time, at) = (std::time::UNIX_EPOCH, Instant::default());
            let report = of(time, at, event, None);
            assert_eq!(
                (report.event.name(), fields(&report, Style::V2)),
                ("ping_unanswered", told)
            );
        }
    }

    #[test]
    fn what_holds_the_server_back_is_told() {
        for (event, name, what) in [
            (Event::ReadingPaused, "reading_paused", Value::Null),
            (Event::ReadingResumed, "reading_resumed", Value::Null),
            (
                Event::ReceiveMaximumExceeded { maximum: 20 },
                "receive_maximum_exceeded",
                json!({ "maximum": 20 }),
            ),
            (
                Event::DeliveryStalled { unacknowledged: 30 },
                "delivery_stalled",
                json!({ "unacknowledged": 30 }),
            ),
            (Event::DeliveryResumed, "delivery_resumed", Value::Null),
            (
                Event::AcknowledgementsWithheld {
                    packet_ids: [1, 7]
                        .into_iter()
                        .filter_map(evenkeel_codec::PacketId::new)
                        .collect(),
                    after: Duration::from_millis(31_500),
                },
                "acknowledgements_withheld",
                json!({ "packet_ids": [1, 7], "after_s": 31.5 }),
            ),
            (
                Event::Renewed { gap: Duration::from_micros(1500) },
                "renewed",
                json!({ "gap_ms": 1.5 }),
            ),
        ] {
            assert_eq!((event.name(), more_fields(&event)), (name, what));
        }
    }

    #[test]
    fn what_becomes_of_the_store_is_told() {
        let (exchanges, queued, quarantined, subscriptions) = (1, 2, 3, 4);
        let settled = |result| Event::Settled { serial: Serial(7), result };
        let (failure, retry) = (StorageFailure::Full, Duration::from_secs(2));
        for (event, name, what) in [
            (
                Event::Recovered { exchanges, queued, quarantined, subscriptions },
                "recovered",
                json!({ "exchanges": 1, "queued": 2, "quarantined": 3, "subscriptions": 4 }),
            ),
            (settled(Ok(())), "settled", json!({ "serial": 7, "error": null })),
            (
                settled(Err(DeliveryError::ConnectionLost)),
                "settled",
                json!({ "serial": 7, "error": DeliveryError::ConnectionLost.to_string() }),
            ),
            (
                settled(Err(DeliveryError::Uncertain { attempts: 2 })),
                "settled",
                json!({
                    "serial": 7,
                    "error": DeliveryError::Uncertain { attempts: 2 }.to_string(),
                    "uncertain": true,
                }),
            ),
            (
                Event::StoreFailed { failure, retry },
                "store_failed",
                json!({ "failure": "the store is full", "retry_s": 2.0 }),
            ),
            (Event::StoreRestored, "store_restored", Value::Null),
        ] {
            assert_eq!((event.name(), more_fields(&event)), (name, what));
        }
    }
    #[test]
    fn what_becomes_of_certificate_files_is_told() {
        let (conn, time) = (evenkeel_proto::ConnectionId(1), std::time::SystemTime::UNIX_EPOCH);
        let at = Instant::from_micros(0);
        let renewed = of(time, at, Event::FilesRenewed { conn }, None);
        assert_eq!(
            (renewed.event.name(), fields(&renewed, Style::V2)),
            ("files_renewed", Value::Null)
        );
        let error = crate::tls::TlsConfigError::NoVersion;
        let error = crate::transport::ConnectError::Config(error.into());
        let error = Some(Box::new(TransportError::Connect(error)));
        let kept = of(time, at, Event::FilesKept { conn }, error);
        let what = json!({ "error": "the TLS settings allow no TLS version" });
        assert_eq!((kept.event.name(), fields(&kept, Style::V2)), ("files_kept", what));
    }
}
