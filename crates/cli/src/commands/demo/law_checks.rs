//! Checks the laws by what the broker saw, not by what the clients say.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_broker::{ConnectionId, Event, EventKind, Instant};

use super::DemoEvent;
use super::clients::{BASE_DELAY, BUDGET, PING_TIMEOUT, Role};

/// The window of the budget of connections.
const WINDOW: Duration = Duration::from_secs(60);

/// Watches pings and connections.
#[derive(Debug, Default)]
pub(super) struct LawChecks {
    pings: BTreeMap<ConnectionId, Ping>,
    /// When each client's connections were accepted.
    connects: [Vec<Instant>; 2],
    /// When the broker was made to drop a PINGRESP, and on which connection.
    lost: Option<(Instant, ConnectionId)>,
    /// Ends of the connection whose answer was lost, before the next scene.
    cost: u32,
    scene: Scene,
    pub(super) pings_received: u64,
    pub(super) pings_answered: u64,
    violations: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Scene {
    #[default]
    Earlier,
    /// From the lost answer to the next scene.
    AnswerLost,
    Later,
}

/// The last ping of a connection.
#[derive(Clone, Copy, Debug)]
struct Ping {
    received: Instant,
    answered: bool,
    lost: bool,
}

impl LawChecks {
    pub(super) fn note(&mut self, events: &DemoEvent) {
        match events {
            DemoEvent::Scene(_) if self.scene == Scene::AnswerLost => self.scene = Scene::Later,
            DemoEvent::Broker(event) => self.note_event(event),
            _ => {}
        }
    }

    /// Connections that were accepted from a client.
    pub(super) fn connections(&self, role: Role) -> usize {
        let [publisher, subscriber] = &self.connects;
        match role {
            Role::Publisher => publisher.len(),
            Role::Subscriber => subscriber.len(),
        }
    }

    fn note_event(&mut self, event: &Event) {
        let connection = event.connection;
        match (&event.kind, connection) {
            (EventKind::PingReceived, Some(connection)) => self.ping(connection, event.time),
            (EventKind::PingAnswered, Some(connection)) => {
                self.pings_answered += 1;
                if let Some(ping) = self.pings.get_mut(&connection) {
                    ping.answered = true;
                }
            }
            (EventKind::Fault { action: "drop", .. }, Some(connection)) => {
                self.lost = Some((event.time, connection));
                self.scene = Scene::AnswerLost;
                if let Some(ping) = self.pings.get_mut(&connection) {
                    ping.lost = true;
                }
            }
            (EventKind::Connected { .. }, _) => self.connected(event),
            (EventKind::Closed { .. }, Some(connection)) => self.closed(connection),
            (EventKind::TakenOver { .. }, _) => {
                self.violations.push("a client had two connections at a time (R1)".into());
            }
            (EventKind::KeepAliveTimeout { .. }, _) => {
                self.violations.push("a client was silent for too long (K3)".into());
            }
            _ => {}
        }
    }

    /// K1: no second PINGREQ while one is unanswered. One whose answer was
    /// lost no longer counts when the response timeout is over (K4).
    fn ping(&mut self, connection: ConnectionId, now: Instant) {
        self.pings_received += 1;
        let ping = Ping { received: now, answered: false, lost: false };
        let Some(before) = self.pings.insert(connection, ping) else { return };
        let gap = now.since_start().saturating_sub(before.received.since_start());
        let written_off = before.lost && gap >= PING_TIMEOUT;
        if !before.answered && !written_off {
            self.violations
                .push(format!("two PINGREQ were outstanding, {} ms apart (K1)", gap.as_millis()));
        }
    }

    /// R2 and R3: never more connections than the budget, never a storm.
    fn connected(&mut self, event: &Event) {
        let id = event.client_id.as_deref().unwrap_or_default();
        let [publisher, subscriber] = &mut self.connects;
        let connects = if id == Role::Publisher.client_id() { publisher } else { subscriber };
        let since =
            |earlier: &Instant| event.time.since_start().saturating_sub(earlier.since_start());
        if connects.last().is_some_and(|last| since(last) < BASE_DELAY / 2) {
            self.violations.push(format!("the {id} connected again without waiting (R3)"));
        }
        connects.push(event.time);
        let recent = connects.iter().filter(|earlier| since(earlier) < WINDOW).count();
        if recent > BUDGET as usize {
            self.violations.push(format!("the {id} connected {recent} times in a minute (R2)"));
        }
    }

    /// A lost answer ends no connection that carries messages (K4).
    fn closed(&mut self, connection: ConnectionId) {
        let is_hit = self.lost.is_some_and(|(_, hit)| hit == connection);
        if is_hit && self.scene == Scene::AnswerLost {
            self.cost += 1;
            self.violations
                .push("one lost PINGRESP ended a connection that carried messages (K4)".into());
        }
    }

    /// True if an answer was lost and the connection stayed.
    pub(super) const fn lost_answer_was_free(&self) -> bool {
        self.lost.is_some() && self.cost == 0
    }

    /// Every law that was broken, and every scene that did not happen.
    pub(super) fn violations(&self) -> Vec<String> {
        let mut violations = self.violations.clone();
        if self.pings_received == 0 {
            violations.push("no ping was ever sent".into());
        }
        if self.lost.is_none() {
            violations.push("no PINGRESP was lost".into());
        }
        violations
    }
}
