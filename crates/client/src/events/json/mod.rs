//! Events as JSON, for logs.

#[cfg(test)]
mod tests;

use std::time::Duration;

use evenkeel_proto::keepalive::Pong;
use evenkeel_proto::record::{Notice, NoticeKind};
use evenkeel_proto::{
    CauseClass, DeliveryError, DisconnectCause, Event, Halt, Pace, RateWait, Repetition,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Report, suspects};

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
            client_id: origin.map(|origin| origin.client_id.as_str()).filter(|id| !id.is_empty()),
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
        Event::Halted(halt) => halted(*halt, style),
        Event::VersionFallback(version) => {
            json!({ "version": version.level() })
        }
        Event::Loop(repetition) => named_loop(repetition, style),
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
        other => more_fields(other, style),
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

fn more_fields(event: &Event, style: Style) -> Value {
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
        Event::RateReached(wait) => rate_reached(wait, style),
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
            // In version 2 every event says what is queued now.
            let messages = if style == Style::V1 { "queued" } else { "messages" };
            let what = json!({
                "exchanges": exchanges,
                messages: queued,
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
        other if style == Style::V1 => json!({ "detail": format!("{other:?}") }),
        other => json!({ "detail": other.to_string() }),
    }
}

fn halted(halt: Halt, style: Style) -> Value {
    let attempts = match halt {
        Halt::Attempts(count) => Some(count),
        _ => None,
    };
    match (style, attempts) {
        (Style::V1, Some(count)) => json!({ "reason": format!("{}({count})", halt.name()) }),
        (Style::V1, None) => json!({ "reason": halt.name() }),
        (Style::V2, _) => json!({ "reason": halt.label(), "attempts": attempts }),
    }
}

fn rate_reached(wait: &RateWait, style: Style) -> Value {
    let mut what = json!({
        "limit": wait.limit.name,
        "amount": wait.limit.amount,
        "period_s": seconds(wait.limit.period),
        "source": wait.limit.source,
    });
    if style == Style::V1 {
        what["queued"] = Value::from(wait.queued);
    }
    what
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

fn named_loop(repetition: &Repetition, style: Style) -> Value {
    let mut what = json!({
        "class": style.class(repetition.class),
        "count": repetition.count,
        "period_s": seconds(repetition.period),
    });
    if style == Style::V2 {
        what["suspects"] = json!(suspects(repetition));
    }
    what
}
