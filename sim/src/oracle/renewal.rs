//! R16: a connection that is renewed was old enough, left nothing unwritten, and is
//! followed at once.

use evenkeel_proto::{DisconnectCause, Event};

use super::{Oracle, Verdict};
use crate::observation::{Facts, Observation};
use crate::view::View;

#[derive(Debug, Default)]
pub(super) struct Renewals {
    /// A connection ended to be renewed, and the next one is not planned.
    ended: bool,
    /// One ended so, and no CONNACK came since.
    is_due: bool,
}

impl Oracle for Renewals {
    fn see(&mut self, facts: &Facts, view: &View, seen: &Observation<'_>, verdict: &mut Verdict) {
        let Observation::Event(event) = seen else { return };
        match event {
            Event::Disconnected { cause, .. } => {
                self.ended = **cause == DisconnectCause::Renewal;
                if self.ended {
                    self.is_due = true;
                    judge(facts, view, verdict);
                }
            }
            Event::RetryScheduled { delay, .. } if std::mem::take(&mut self.ended) => {
                verdict.require("R16", delay.is_zero(), || {
                    format!("a connection was renewed, and {delay:?} is waited")
                });
            }
            Event::Renewed { .. } => {
                verdict.require("R16", std::mem::take(&mut self.is_due), || {
                    "a renewal is told that was none".to_owned()
                });
            }
            _ => {}
        }
    }
}

fn judge(facts: &Facts, view: &View, verdict: &mut Verdict) {
    let (Some(conn), Some(age)) = (&view.conn, view.declared.bounds.connection_age) else {
        return verdict.broken("R16", "a connection without an end was renewed".to_owned());
    };
    let lived = facts.local.since(conn.asked);
    verdict.require("R16", lived >= age / 5 * 4, || format!("renewed after {lived:?} of {age:?}"));
    verdict.require("R16", conn.backlog == 0, || {
        format!("renewed with {} bytes unwritten", conn.backlog)
    });
}
