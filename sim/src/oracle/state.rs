//! R5: at any moment the state says what was told in events, and something
//! is going to happen.

use evenkeel_proto::{DisconnectCause, Event, Halt, Pace, Retry, State};

use super::{Oracle, Verdict, evidence};
use crate::observation::{Facts, Observation, Settled};
use crate::view::View;

#[derive(Debug, Default)]
pub(super) struct States {
    started: bool,
    retry: Option<Retry>,
    cause: Option<Box<DisconnectCause>>,
    halt: Option<Halt>,
    attempt: u32,
    /// The application has asked for a connection since the last event.
    asked: bool,
    shutdown: bool,
    /// Events were lost, and that was told.
    lagged: bool,
}

impl Oracle for States {
    fn see(&mut self, facts: &Facts, view: &View, seen: &Observation<'_>, verdict: &mut Verdict) {
        match seen {
            Observation::Started => {
                self.started = true;
                self.asked = true;
            }
            Observation::ReconnectAsked => self.asked = true,
            Observation::ShutdownAsked(_) => self.shutdown = true,
            Observation::Event(Event::Disconnected { cause, .. }) => {
                self.cause = Some(cause.clone())
            }
            Observation::Event(Event::RetryScheduled { retry, .. }) => {
                self.retry = Some(*retry);
                self.asked = false;
            }
            Observation::Event(Event::Lagged { .. }) => self.lagged = true,
            Observation::Event(Event::Halted(halt)) => self.halt = Some(*halt),
            Observation::Event(Event::Connecting { attempt, .. }) => self.attempt = *attempt,
            Observation::Settled(settled) => self.compare(facts, view, settled, verdict),
            _ => {}
        }
    }
}

impl States {
    fn compare(&mut self, facts: &Facts, view: &View, settled: &Settled, verdict: &mut Verdict) {
        let state = &settled.state;
        if std::mem::take(&mut self.lagged) {
            self.learn(state);
        }
        let told = match state {
            State::Stopped => !self.started,
            State::Waiting { retry, cause } => {
                let is_told = self.retry == Some(*retry) || self.may_be_at_once(*retry);
                if is_told {
                    self.retry = Some(*retry);
                }
                is_told && *cause == self.cause
            }
            State::Connecting { attempt, cause, .. } => {
                let connecting = view.conn.as_ref().is_some_and(|conn| conn.online.is_none());
                connecting && *attempt == self.attempt && *cause == self.cause
            }
            State::Online { since, session_present } => {
                let online = view.online().map(|(_, online)| online);
                online.is_some_and(|online| {
                    online.since == *since && online.session_present == *session_present
                })
            }
            State::Halted { reason, cause } => self.halt == Some(*reason) && *cause == self.cause,
            State::Closed => self.shutdown,
            _ => false,
        };
        verdict.require("R5", told, || {
            format!(
                "{state:?} is not what was told: {:?} {:?} {:?}",
                self.retry, self.halt, self.cause
            )
        });
        if let State::Closed | State::Halted { .. } | State::Stopped = state {
            return;
        }
        verdict.require("R5", settled.deadline.is_some() || state.is_online(), || {
            format!("{state:?} waits for nothing")
        });
        if let State::Waiting { retry, .. } = state {
            let due = retry.at.max(facts.awake_since) + facts.grace;
            verdict
                .require("R5", facts.local <= due, || format!("{retry:?} is over, nothing opens"));
        }
        if let Some(late) = evidence::is_late(facts, view) {
            verdict.broken("R5", format!("still connecting {late:?} after the time-out"));
        }
    }

    /// What was told and lost, the state says still.
    fn learn(&mut self, state: &State) {
        match state {
            State::Waiting { retry, cause } => {
                (self.retry, self.cause) = (Some(*retry), cause.clone());
            }
            State::Connecting { attempt, cause, .. } => {
                (self.attempt, self.cause) = (*attempt, cause.clone());
            }
            State::Halted { reason, cause } => {
                (self.halt, self.cause) = (Some(*reason), cause.clone());
            }
            _ => {}
        }
    }

    /// Attempts that the application asked for are not announced.
    fn may_be_at_once(&self, retry: Retry) -> bool {
        self.asked && matches!(retry.pace, Pace::AtOnce | Pace::Budget | Pace::Floor)
    }
}
