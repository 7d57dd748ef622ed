//! What the broker's events must show in every scenario.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_broker::{ConnectionId, Event, EventKind};

/// The CONNECT packets of a client: accepted and refused ones.
pub(crate) fn connects<'a>(
    events: &'a [Event],
    client_id: &str,
) -> impl Iterator<Item = &'a Event> {
    let is_connect =
        |kind: &EventKind| matches!(kind, EventKind::Connected { .. } | EventKind::Refused { .. });
    events.iter().filter(move |event| {
        is_connect(&event.kind) && event.client_id.as_deref() == Some(client_id)
    })
}

/// Two pings of one connection are never close together, answered or not.
#[track_caller]
pub(crate) fn assert_ping_spacing(events: &[Event]) {
    let mut keep_alive: BTreeMap<ConnectionId, Duration> = BTreeMap::new();
    let mut last_ping = BTreeMap::new();
    for event in events {
        let Some(connection) = event.connection else { continue };
        match event.kind {
            EventKind::Connected { keep_alive: seconds, .. } => {
                keep_alive.insert(connection, Duration::from_secs(seconds.into()));
            }
            EventKind::PingReceived => {
                let interval = keep_alive.get(&connection).copied().unwrap_or_default();
                if let Some(before) = last_ping.insert(connection, event.time) {
                    let distance = event.time.since(before);
                    assert!(
                        distance >= interval.mul_f64(0.45),
                        "pings {distance:?} apart at keep-alive {interval:?}: {}",
                        event.to_json()
                    );
                }
            }
            _ => {}
        }
    }
}

/// The shortest distance of two pings, in keep-alives, unless the application asks for one.
const SHORTEST: f64 = 0.675;

/// No connection has more pings than its age allows.
///
/// Counted by the age and not for a scenario, which a slow machine makes longer:
/// a ping is sent no later than it arrives, and CONNACK no earlier than CONNECT.
#[track_caller]
pub(crate) fn assert_ping_count(events: &[Event]) {
    let mut connected = BTreeMap::new();
    for event in events {
        let Some(connection) = event.connection else { continue };
        match event.kind {
            EventKind::Connected { keep_alive, .. } => {
                let interval = Duration::from_secs(keep_alive.into());
                connected.insert(connection, (event.time, interval, 0_u32));
            }
            EventKind::PingReceived => {
                let Some((since, interval, pings)) = connected.get_mut(&connection) else {
                    continue;
                };
                let (age, least) = (event.time.since(*since), interval.mul_f64(SHORTEST) * *pings);
                *pings += 1;
                assert!(age >= least, "{pings} pings in {age:?} at keep-alive {interval:?}");
            }
            _ => {}
        }
    }
}

/// No client identifier connects more often than this in any window.
#[track_caller]
pub(crate) fn assert_budget(events: &[Event], budget: usize, window: Duration) {
    let mut times: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for event in events {
        if let (Some(client_id), EventKind::Connected { .. } | EventKind::Refused { .. }) =
            (&event.client_id, &event.kind)
        {
            times.entry(client_id).or_default().push(event.time.since_start());
        }
    }
    for (client_id, times) in times {
        for (nth, last) in times.iter().enumerate() {
            let within = times.iter().take(nth + 1).filter(|time| **time + window > *last);
            let count = within.count();
            assert!(count <= budget, "{client_id}: {count} connects in {window:?}: {times:?}");
        }
    }
}
