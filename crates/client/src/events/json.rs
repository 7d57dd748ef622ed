//! Events as JSON, for logs.

use std::time::Duration;

use evenkeel_proto::keepalive::Pong;
use evenkeel_proto::record::{Notice, NoticeKind};
use evenkeel_proto::{DeliveryError, DisconnectCause, Event, Halt};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Report;

impl Report {
    /// One line of JSON without its end, for an events log: `v`, `type`, `time`
    /// and `event` are always there, before the event's own fields, which
    /// docs/cli.md lists at `--events`. Names stay; new ones may come. It holds
    /// no secret and no payload.
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
        let event = self.event.name();
        let fields = match fields(self) {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        let time = format!("{:.9}", Timestamp::try_from(self.time).unwrap_or_default());
        // Strings and numbers serialize without a way to fail.
        serde_json::to_string(&Line { v: 1, r#type: "event", time, event, fields })
            .unwrap_or_default()
    }
}

/// One event as JSON; the event's own fields come last.
#[derive(Serialize)]
struct Line {
    v: u8,
    r#type: &'static str,
    time: String,
    event: &'static str,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// The event's own fields.
fn fields(report: &Report) -> Value {
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
            disconnected(report, cause, online_for.map(seconds))
        }
        Event::RetryScheduled { retry, delay } => json!({
            "attempt": retry.attempt,
            "delay_s": seconds(*delay),
            "pace": retry.pace.name(),
        }),
        Event::Halted(halt) => json!({ "reason": reason(*halt) }),
        Event::VersionFallback(version) => {
            json!({ "version": version.level() })
        }
        Event::Loop(repetition) => json!({
            "class": repetition.class.name(),
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

fn reason(halt: Halt) -> String {
    match halt {
        Halt::Attempts(count) => format!("{}({count})", halt.name()),
        _ => halt.name().to_owned(),
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

fn disconnected(report: &Report, cause: &DisconnectCause, online_s: Option<f64>) -> Value {
    let why = match &report.error {
        Some(error) => error.fact(),
        None => cause.to_string(),
    };
    let reason = match cause {
        DisconnectCause::Refused { reason, .. }
        | DisconnectCause::ServerDisconnect { reason, .. } => Some(reason.0),
        _ => None,
    };
    json!({
        "cause": why,
        "class": cause.class().name(),
        "reason_code": reason,
        "online_s": online_s,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use evenkeel_proto::record::{Serial, StorageFailure};

    use super::*;

    /// The field `heard` is younger than 0.1.0; nothing else about it is new.
    #[test]
    fn an_unanswered_ping_says_whether_anything_was_heard() {
        for heard in [true, false] {
            let event = Event::PingUnanswered { after: Duration::from_millis(1500), heard };
            let told = json!({ "after_s": 1.5, "heard": heard });
            let (time, at) = (std::time::UNIX_EPOCH, evenkeel_proto::Instant::default());
            let report = Report { time, at, event, error: None };
            assert_eq!((report.event.name(), fields(&report)), ("ping_unanswered", told));
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
        let at = evenkeel_proto::Instant::from_micros(0);
        let renewed = Report { time, at, event: Event::FilesRenewed { conn }, error: None };
        assert_eq!((renewed.event.name(), fields(&renewed)), ("files_renewed", Value::Null));
        let error = crate::tls::TlsConfigError::NoVersion;
        let error = crate::transport::ConnectError::Config(error.into());
        let error = Some(Box::new(crate::error::TransportError::Connect(error)));
        let kept = Report { time, at, event: Event::FilesKept { conn }, error };
        let what = json!({ "error": "the TLS settings allow no TLS version" });
        assert_eq!((kept.event.name(), fields(&kept)), ("files_kept", what));
    }
}
