//! Checks the laws on the broker's side, where the clients cannot cheat.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_broker::{ConnectionId, Event, EventKind, Instant};

use super::News;
use super::actors::{BASE_DELAY, BUDGET, PING_TIMEOUT, Who};

/// The window of the budget of connections.
const WINDOW: Duration = Duration::from_secs(60);

/// Watches pings and connections.
#[derive(Debug, Default)]
pub(super) struct Referee {
    pings: BTreeMap<ConnectionId, Ping>,
    /// When each client's connections were accepted.
    connects: [Vec<Instant>; 2],
    /// When an answer to a ping was made to get lost, and on which connection.
    lost: Option<(Instant, ConnectionId)>,
    /// Ends of the connection whose answer was lost, before the next scene.
    cost: u32,
    scene: Scene,
    pub(super) pings_received: u64,
    pub(super) pings_answered: u64,
    charges: Vec<String>,
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

impl Referee {
    pub(super) fn note(&mut self, news: &News) {
        match news {
            News::Scene(_) if self.scene == Scene::AnswerLost => self.scene = Scene::Later,
            News::Broker(event) => self.note_event(event),
            _ => {}
        }
    }

    /// Connections that were accepted from a client.
    pub(super) fn connections(&self, who: Who) -> usize {
        let [publisher, subscriber] = &self.connects;
        match who {
            Who::Publisher => publisher.len(),
            Who::Subscriber => subscriber.len(),
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
                self.charges.push("a client had two connections at a time (R1)".into());
            }
            (EventKind::KeepAliveTimeout { .. }, _) => {
                self.charges.push("a client was silent for too long (K3)".into());
            }
            _ => {}
        }
    }

    /// K1: no second PINGREQ while one is unanswered; one whose answer got
    /// lost is written off when the response time-out is over (K4).
    fn ping(&mut self, connection: ConnectionId, now: Instant) {
        self.pings_received += 1;
        let ping = Ping { received: now, answered: false, lost: false };
        let Some(before) = self.pings.insert(connection, ping) else { return };
        let gap = now.since_start().saturating_sub(before.received.since_start());
        let written_off = before.lost && gap >= PING_TIMEOUT;
        if !before.answered && !written_off {
            self.charges
                .push(format!("two PINGREQ were outstanding, {} ms apart (K1)", gap.as_millis()));
        }
    }

    /// R2 and R3: never more connections than the budget, never a storm.
    fn connected(&mut self, event: &Event) {
        let id = event.client_id.as_deref().unwrap_or_default();
        let [publisher, subscriber] = &mut self.connects;
        let connects = if id == Who::Publisher.client_id() { publisher } else { subscriber };
        let since =
            |earlier: &Instant| event.time.since_start().saturating_sub(earlier.since_start());
        if connects.last().is_some_and(|last| since(last) < BASE_DELAY / 2) {
            self.charges.push(format!("the {id} connected again without waiting (R3)"));
        }
        connects.push(event.time);
        let recent = connects.iter().filter(|earlier| since(earlier) < WINDOW).count();
        if recent > BUDGET as usize {
            self.charges.push(format!("the {id} connected {recent} times in a minute (R2)"));
        }
    }

    /// A lost answer on a link that carries messages costs nothing (K4).
    fn closed(&mut self, connection: ConnectionId) {
        let is_hit = self.lost.is_some_and(|(_, hit)| hit == connection);
        if is_hit && self.scene == Scene::AnswerLost {
            self.cost += 1;
            self.charges
                .push("one lost PINGRESP ended a connection that carried messages (K4)".into());
        }
    }

    /// True where an answer was lost and the connection stayed.
    pub(super) const fn lost_answer_was_free(&self) -> bool {
        self.lost.is_some() && self.cost == 0
    }

    /// Every law that was broken, and every scene that was not seen.
    pub(super) fn charges(&self) -> Vec<String> {
        let mut charges = self.charges.clone();
        if self.pings_received == 0 {
            charges.push("no ping was ever sent".into());
        }
        if self.lost.is_none() {
            charges.push("no PINGRESP was lost".into());
        }
        charges
    }
}
