//! What authorizers are asked that somebody outside has to run: about a CONNECT, about a
//! request of the HTTP API, and again about a client that is in, as often as its authorizer
//! wants.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use evenkeel_broker::ConnectionId;
use evenkeel_broker::core::{self, ADMISSION_TIMEOUT, Effects};
use evenkeel_codec::ReasonCode;

use super::{Emulator, time};
use crate::DisconnectReason;
use crate::gate::authorizer::{Answer, Question};
use crate::gate::{Principal, Refusal};

/// The questions of connections that are there.
#[derive(Default)]
pub(super) struct Asked {
    questions: BTreeMap<ConnectionId, Box<Question>>,
    /// Those to be asked now.
    queue: VecDeque<ConnectionId>,
    /// When they are asked again.
    refreshes: BTreeSet<(Duration, ConnectionId)>,
}

impl Asked {
    pub(super) fn ask(&mut self, id: ConnectionId, question: Box<Question>) {
        self.questions.insert(id, question);
        self.queue.push_back(id);
    }

    /// How many requests of the HTTP API wait.
    pub(super) fn requests(&self) -> usize {
        self.questions.values().filter(|question| question.login.is_none()).count()
    }

    pub(super) fn has_question(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Asks again at that time.
    pub(super) fn refresh(&mut self, now: Duration, id: ConnectionId, after: Option<Duration>) {
        if let Some(after) = after {
            self.refreshes.insert((now.saturating_add(after), id));
        }
    }

    pub(super) fn next_refresh(&self) -> Option<Duration> {
        self.refreshes.first().map(|(at, _)| *at)
    }

    pub(super) fn tick(&mut self, now: Duration) {
        while self.next_refresh().is_some_and(|at| at <= now) {
            let Some((_, id)) = self.refreshes.pop_first() else { return };
            self.queue.push_back(id);
        }
    }

    /// Why a connection is refused whose question was not answered in time.
    pub(super) fn unanswered(&self, id: ConnectionId) -> Option<Refusal> {
        let authorizer = self.questions.get(&id)?.authorizer.clone();
        let why = format!("no answer within {} s", ADMISSION_TIMEOUT.as_secs());
        Some(Refusal::AuthorizerFailed { authorizer, why })
    }

    pub(super) fn forget(&mut self, id: ConnectionId) {
        if self.questions.remove(&id).is_some() {
            self.queue.retain(|queued| *queued != id);
            self.refreshes.retain(|(_, refreshed)| *refreshed != id);
        }
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("queue", &self.queue).finish_non_exhaustive()
    }
}

impl Emulator {
    /// The next question, as the event of AWS's functions.
    pub(super) fn question(&mut self) -> Option<core::Question> {
        let id = self.asked.queue.pop_front()?;
        let question = self.asked.questions.get(&id)?;
        let content = question.to_json(&uuid(&self.session(id)));
        Some(core::Question { id, whom: question.authorizer.clone(), content })
    }

    /// What an answer makes of a client; nothing if it was not asked about.
    pub(super) fn judge_answer(
        &self,
        now: core::Time,
        id: ConnectionId,
        answer: Result<&str, &str>,
    ) -> Option<Result<Principal, Refusal>> {
        let question = self.asked.questions.get(&id)?;
        let failed = |why: String| Refusal::AuthorizerFailed {
            authorizer: question.authorizer.clone(),
            why,
        };
        let answer = answer.map_err(|why| failed(why.to_owned())).and_then(|text| {
            Answer::parse(text).map_err(|error| failed(format!("its answer: {error}")))
        });
        Some(answer.and_then(|answer| self.gate.answered(time(now), question, &answer)))
    }

    /// A client that is in may do from now on what its authorizer says now. Who is no
    /// longer welcome, or whose authorizer fails, goes.
    pub(super) fn refreshed(
        &mut self,
        now: core::Time,
        id: ConnectionId,
        answer: Result<&str, &str>,
        effects: &mut Effects,
    ) {
        let Some(outcome) = self.judge_answer(now, id, answer) else { return };
        let Some(client) = self.clients.get_mut(&id) else { return };
        match outcome {
            Ok(principal) => {
                self.asked.refresh(time(now).elapsed, id, principal.refreshed_after);
                client.principal = principal;
            }
            Err(refusal) => {
                effects.note("gate", format!("connection {id} of {:?}: {refusal}", client.name));
                client.ended = Some(DisconnectReason::AuthError);
                effects.disconnect(id, ReasonCode::NOT_AUTHORIZED);
            }
        }
    }
}

/// 32 hexadecimal digits in the form of a UUID.
fn uuid(digits: &str) -> String {
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
    parts.join("-")
}
