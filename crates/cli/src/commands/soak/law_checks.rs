//! Checks the laws on the broker's side, where clients cannot cheat.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use evenkeel_broker::{ConnectionId, Event, EventKind, Instant};

use super::{BUDGET, BUDGET_WINDOW, KEEP_ALIVE};

/// Two pings of one connection are at least this far apart: the next one is due
/// after 0.675 keep-alives at the earliest; the rest is for a slow machine.
const PING_SPACING: Duration = Duration::from_millis(KEEP_ALIVE.as_millis() as u64 * 45 / 100);

/// CONNECT packets may be read late, so that a window of the broker's holds
/// those of a longer one of the client's.
const LATE: Duration = Duration::from_secs(5);

/// Watches pings and connections.
#[derive(Debug, Default)]
pub(super) struct LawChecks {
    connections: BTreeMap<ConnectionId, Connection>,
    connects: BTreeMap<Arc<str>, VecDeque<Instant>>,
    violations: Vec<String>,
}

#[derive(Debug, Default)]
struct Connection {
    last_ping: Option<Instant>,
    /// The broker read late on purpose: distances between packets mean nothing.
    was_deaf: bool,
    is_online: bool,
    /// The broker kept its CONNACK to itself: the client may not speak.
    is_mute: bool,
}

impl LawChecks {
    /// Takes note of a decision of the broker's.
    pub(super) fn note(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Connected { .. } | EventKind::Refused { .. } => self.connect(event),
            EventKind::ProtocolError { rule, detail, .. } => {
                let text = format!("broke {rule}: {detail}");
                self.violation(event, &text);
            }
            EventKind::MessageDropped { topic, why } => {
                let text = format!("the broker dropped a message of {topic}: {why}");
                self.violation(event, &text);
            }
            _ => {}
        }
        if let Some(id) = event.connection {
            self.note_connection(id, event);
        }
    }

    fn note_connection(&mut self, id: ConnectionId, event: &Event) {
        let connection = self.connections.entry(id).or_default();
        let violation = match &event.kind {
            EventKind::PingReceived => connection.ping(event.time),
            EventKind::Connected { .. } => {
                connection.is_online = true;
                None
            }
            EventKind::Fault { action: "silence" | "delay", .. } => {
                connection.was_deaf = true;
                connection.is_mute |= !connection.is_online;
                None
            }
            EventKind::KeepAliveTimeout { silence } if !connection.is_mute => {
                Some(format!("was silent for {silence} s (K3)"))
            }
            EventKind::Closed { .. } => {
                self.connections.remove(&id);
                None
            }
            _ => None,
        };
        if let Some(violation) = violation {
            self.violation(event, &violation);
        }
    }

    fn connect(&mut self, event: &Event) {
        let Some(client_id) = &event.client_id else { return };
        let times = self.connects.entry(client_id.clone()).or_default();
        times.push_back(event.time);
        let window = BUDGET_WINDOW.saturating_sub(LATE);
        while times.front().is_some_and(|time| event.time.since(*time) >= window) {
            times.pop_front();
        }
        let count = times.len();
        if count > BUDGET as usize {
            self.violation(event, &format!("connected {count} times in {window:?} (R2)"));
        }
    }

    fn violation(&mut self, event: &Event, what: &str) {
        let who = event.client_id.as_deref().unwrap_or("a client without name");
        self.violations.push(format!("{who}: {what}"));
    }

    /// Events were missed: nothing can be said about them.
    pub(super) fn missed(&mut self, count: u64) {
        self.violations.push(format!("{count} of the broker's events were missed"));
    }

    /// Laws that were broken.
    pub(super) fn into_charges(self) -> Vec<String> {
        self.violations
    }
}

impl Connection {
    fn ping(&mut self, now: Instant) -> Option<String> {
        let before = self.last_ping.replace(now);
        let distance = now.since(before?);
        let is_close = distance < PING_SPACING && !self.was_deaf;
        is_close.then(|| format!("sent two pings within {distance:?} (K1)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(events: &[(u64, EventKind)]) -> Vec<String> {
        let mut law_checks = LawChecks::default();
        for (millis, kind) in events {
            let time = Instant::from_micros(millis * 1000);
            law_checks.note(&Event {
                connection: Some(ConnectionId::new(1)),
                client_id: Some("soak-0".into()),
                ..Event::new(time, kind.clone())
            });
        }
        law_checks.into_charges()
    }

    fn fault(action: &'static str) -> EventKind {
        EventKind::Fault { rule: "1".into(), action, packet: None }
    }

    const TIMEOUT: EventKind = EventKind::KeepAliveTimeout { silence: 3.0 };

    #[test]
    fn pings_have_a_distance_unless_the_broker_was_deaf() {
        use EventKind::PingReceived;
        let spacing = u64::try_from(PING_SPACING.as_millis()).unwrap();
        assert_eq!(judge(&[(0, PingReceived), (spacing, PingReceived)]), [""; 0]);
        assert_eq!(judge(&[(0, PingReceived), (spacing - 1, PingReceived)]).len(), 1);
        let deaf = [(0, PingReceived), (1, fault("silence")), (2, PingReceived)];
        assert_eq!(judge(&deaf), [""; 0]);
        let (why, closer) = (evenkeel_broker::CloseReason::Fault, evenkeel_broker::Closer::Server);
        let closed = EventKind::Closed { why, closer };
        assert_eq!(judge(&[(0, PingReceived), (1, closed), (2, PingReceived)]), [""; 0]);
    }

    #[test]
    fn silence_is_charged_unless_the_client_waits_for_its_connack() {
        let violation = ["soak-0: was silent for 3 s (K3)"];
        assert_eq!(judge(&[(3000, TIMEOUT)]), violation);
        let unanswered = [(0, EventKind::PingReceived), (3000, TIMEOUT)];
        assert_eq!(judge(&unanswered), violation, "a ping that waits excuses nothing");
        let connected = || EventKind::Connected {
            version: 5,
            number: 1,
            clean_start: false,
            session_present: false,
            keep_alive: 2,
            session_expiry: 0,
        };
        let mute = [(0, fault("silence")), (0, connected()), (3000, TIMEOUT)];
        assert_eq!(judge(&mute), [""; 0], "no CONNACK came");
        assert_eq!(judge(&[(0, connected()), (1, fault("silence")), (3000, TIMEOUT)]).len(), 1);
    }

    #[test]
    fn connects_have_a_budget() {
        let refused =
            || EventKind::Refused { reason: evenkeel::ReasonCode::SERVER_BUSY, why: "fault" };
        let window = u64::try_from((BUDGET_WINDOW - LATE).as_millis()).unwrap();
        let step = window / u64::from(BUDGET);
        let times = |step| (0..=u64::from(BUDGET)).map(move |nth| (nth * step, refused()));
        assert_eq!(judge(&times(step + 1).collect::<Vec<_>>()), [""; 0]);
        assert_eq!(judge(&times(step - 1).collect::<Vec<_>>()).len(), 1);
    }

    #[test]
    fn what_the_broker_drops_or_calls_wrong_is_charged() {
        let dropped = EventKind::MessageDropped { topic: "t".into(), why: "queue_full" };
        assert_eq!(
            judge(&[(0, dropped)]),
            ["soak-0: the broker dropped a message of t: queue_full"]
        );
        let reason = evenkeel::ReasonCode::PROTOCOL_ERROR;
        let error = EventKind::ProtocolError { rule: "MQTT-1", reason, detail: "x".into() };
        assert_eq!(judge(&[(0, error)]), ["soak-0: broke MQTT-1: x"]);
    }
}
