//! D1, D9 and D12: one outcome for each operation, bounded queues, and a
//! shutdown that ends.

use std::collections::BTreeMap;

use evenkeel_proto::{Completion, Event, State, Token};

use super::{Oracle, Verdict};
use crate::observation::{Asked, Facts, Observation, Settled};
use crate::view::View;

/// What waits for its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Publish,
    Subscribe,
    Unsubscribe,
}

#[derive(Debug, Default)]
pub(super) struct Outcomes {
    open: BTreeMap<Token, Kind>,
    /// The client has told that its store fails.
    is_failing: bool,
}

impl Oracle for Outcomes {
    fn see(&mut self, facts: &Facts, view: &View, seen: &Observation<'_>, verdict: &mut Verdict) {
        match seen {
            Observation::Accepted(token, asked) => {
                let kind = match asked {
                    Asked::Publish(_, true) => Kind::Publish,
                    Asked::Publish(_, false) => return,
                    Asked::Subscribe(_) => Kind::Subscribe,
                    Asked::Unsubscribe(_) => Kind::Unsubscribe,
                };
                self.open.insert(*token, kind);
            }
            Observation::Completed(completion) => {
                let (token, kind) = match completion {
                    Completion::Publish { token, .. } => (token, Kind::Publish),
                    Completion::Subscribe { token, .. } => (token, Kind::Subscribe),
                    Completion::Unsubscribe { token, .. } => (token, Kind::Unsubscribe),
                    // No outcome, or of calls that nobody makes here.
                    Completion::Stored { .. }
                    | Completion::Answered { .. }
                    | Completion::Removed { .. }
                    | Completion::Requeued { .. } => return,
                };
                verdict.require("D1", self.open.remove(token) == Some(kind), || {
                    format!("{completion:?} for an operation that is over or never was")
                });
            }
            Observation::Event(Event::StoreFailed { .. }) => self.is_failing = true,
            Observation::Event(Event::StoreRestored) => self.is_failing = false,
            Observation::Settled(settled) => self.settled(facts, view, settled, verdict),
            _ => {}
        }
    }
}

impl Outcomes {
    fn settled(&self, facts: &Facts, view: &View, settled: &Settled, verdict: &mut Verdict) {
        let (queued, limit) = (settled.queued, view.declared.queue.messages);
        verdict.require("D9", queued <= limit, || format!("{queued} queued, allowed {limit}"));
        // Acknowledgements go out beyond the bound; then reading stops.
        let bound = view.declared.bounds.write_buffer * 9 + (1 << 20);
        verdict.require("D9", settled.backlog <= bound, || {
            format!("{} bytes wait to be written", settled.backlog)
        });
        if let State::Closed | State::Halted { .. } = settled.state {
            // What is on its way into the store will have one; so will an answer to a
            // SUBSCRIBE that a failing store has yet to take, unless the client closes.
            let is_halted = settled.state != State::Closed;
            let waits = |kind: &Kind| is_halted && self.is_failing && *kind != Kind::Publish;
            let is_told = settled.is_storing || self.open.values().all(waits);
            verdict.require("D1", is_told, || {
                format!("{:?}, and without an outcome are {:?}", settled.state, self.open)
            });
        }
        let is_closed = settled.state == State::Closed;
        verdict.require("D12", !is_closed || settled.report.is_some(), || {
            "closed without a report".into()
        });
        if let Some(end) = view.shutdown {
            let due = end.max(facts.awake_since) + facts.grace;
            verdict.require("D12", is_closed || facts.local <= due, || {
                format!("not closed {:?} after its time", facts.local.since(end))
            });
        }
    }
}
