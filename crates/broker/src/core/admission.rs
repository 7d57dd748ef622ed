//! A CONNECT that waits for an answer from outside, and what comes behind it.

use std::collections::VecDeque;
use std::time::Duration;

use evenkeel_codec::{Connect, Packet, ReasonCode};

use super::Core;
use super::connection::{Phase, weight};
use super::event::{CloseReason, EventKind};
use super::ids::ConnectionId;
use super::service::{Admission, Effects, Happening, Question};
use super::time::Instant;

/// How long a CONNECT, or a request of HTTP, may wait for its answer.
pub const ADMISSION_TIMEOUT: Duration = Duration::from_secs(15);

/// What may wait behind one CONNECT, in bytes as it is held; one packet more than
/// that at most. Then nothing is read.
const LATER_BYTES: usize = 64 * 1024;

/// A CONNECT that waits.
#[derive(Debug)]
pub(crate) struct Held {
    connect: Connect,
    /// Packets behind it, with their size on the wire.
    later: VecDeque<(Packet, usize)>,
    bytes: usize,
    deadline: Instant,
}

impl Held {
    pub(crate) const fn connect(&self) -> &Connect {
        &self.connect
    }

    pub(crate) const fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(crate) const fn has_room(&self) -> bool {
        self.bytes < LATER_BYTES
    }

    pub(crate) fn push(&mut self, packet: Packet, size: usize) {
        self.bytes += size_of::<(Packet, usize)>() + weight(&packet);
        self.later.push_back((packet, size));
    }
}

impl Core {
    /// True if the gate has a question for [`Core::next_question`].
    pub fn has_question(&self) -> bool {
        self.extension.as_ref().is_some_and(|gate| gate.has_question())
    }

    /// Takes a question of the gate's, to be answered by [`Core::answer`]. A CONNECT or a
    /// request of HTTP that it is about waits until then, at most for
    /// [`ADMISSION_TIMEOUT`]; other connections go on.
    pub fn next_question(&mut self) -> Option<Question> {
        self.extension.as_mut()?.next_question()
    }

    /// The answer to a question about this connection, or why there is none. One
    /// that comes too late, or that nobody has asked for, is left alone.
    pub fn answer(&mut self, now: Instant, id: ConnectionId, answer: Result<&str, &str>) {
        self.tick_sessions(now);
        match self.connections.get_mut(&id).map(|connection| &mut connection.phase) {
            Some(phase @ Phase::Pending(_)) => {
                if let Phase::Pending(held) = std::mem::replace(phase, Phase::Opened) {
                    self.decide(now, id, *held, answer);
                }
            }
            Some(Phase::Requested(_)) => self.answer_request(now, id, answer),
            Some(Phase::Online(_)) => self.answer_later(now, id, answer),
            _ => {}
        }
        self.end_connections(now);
    }

    /// Puts a CONNECT off until its answer comes.
    pub(super) fn hold(&mut self, now: Instant, id: ConnectionId, connect: Connect) {
        let deadline = now + ADMISSION_TIMEOUT;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let (later, bytes) = (VecDeque::new(), 0);
        connection.phase = Phase::Pending(Box::new(Held { connect, later, bytes, deadline }));
        self.journal.wake(id, connection);
    }

    /// No answer comes any more, if it is time.
    pub(super) fn judge_admission(&mut self, now: Instant, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let Phase::Pending(held) = &mut connection.phase else { return };
        if held.deadline > now || connection.closing.is_some() {
            return;
        }
        let client = held.connect.client_id.clone();
        self.refuse(now, id, ReasonCode::SERVER_UNAVAILABLE, "no answer in time");
        self.tell(now, &Happening::Refused { id, client: &client });
    }

    fn decide(&mut self, now: Instant, id: ConnectionId, held: Held, answer: Result<&str, &str>) {
        let Held { connect, mut later, bytes, deadline } = held;
        let admission = self.with_gate(now, id, &connect, |gate, time, arrival| {
            gate.answered(time, id, arrival, &connect, answer)
        });
        match admission {
            Admission::Welcome if self.is_overtaken(now, id, &connect) => return,
            Admission::Welcome => {
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.keep_alive.restart(now);
                }
                self.enter(now, id, connect);
            }
            Admission::Ask => {
                let held = Held { connect, later, bytes, deadline };
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.phase = Phase::Pending(Box::new(held));
                }
                return;
            }
            Admission::Refuse { .. } | Admission::Close => return,
        }
        while let Some((packet, size)) = later.pop_front() {
            let Some(connection) = self.connections.get(&id) else { return };
            if connection.closing.is_some() {
                return;
            }
            let counts = connection.online().is_some();
            self.arrived(now, id, packet);
            if counts && self.judge.is_some() {
                self.charge(now, id, size);
            }
        }
    }

    /// Ends a connection whose client has come in by a later CONNECT meanwhile: the
    /// answers do not come in the order of the questions.
    fn is_overtaken(&mut self, now: Instant, id: ConnectionId, connect: &Connect) -> bool {
        let session = self.sessions.find(&connect.client_id);
        let session = session.and_then(|session| self.sessions.get(session));
        let Some(other) = session.and_then(|session| session.connection) else { return false };
        let number = |id| self.connections.get(&id).map_or(0, |connection| connection.number);
        let is_later = number(other) > number(id);
        if is_later && let Some(mut wire) = self.wire(now, id) {
            wire.note(EventKind::TakenOver { by: other });
            wire.close(CloseReason::TakenOver);
        }
        is_later
    }

    fn answer_later(&mut self, now: Instant, id: ConnectionId, answer: Result<&str, &str>) {
        let time = self.wall.at(now);
        let Some(extension) = &mut self.extension else { return };
        let mut effects = Effects::default();
        extension.answered_later(time, id, answer, &mut effects);
        self.apply(now, effects);
    }
}
