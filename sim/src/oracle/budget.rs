//! R2: the number of connects in any window, and the floor between two.

use std::time::Duration;

use evenkeel_proto::{DisconnectCause, Event};

use super::{Oracle, Verdict};
use crate::observation::{Facts, Observation};
use crate::view::View;

/// A connection that lived longer is followed without a floor.
const SHORT_LIFE: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(super) struct Budget {
    /// The last connection was short.
    floor_applies: bool,
}

impl Oracle for Budget {
    fn see(&mut self, facts: &Facts, view: &View, seen: &Observation<'_>, verdict: &mut Verdict) {
        let policy = &view.declared.reconnect;
        match seen {
            Observation::Opening(_) => {
                let recent = view.opens.iter().rev().map(|open| facts.local.since(*open));
                let within = recent.take_while(|age| *age < policy.budget_window).count() + 1;
                verdict.require(
                    "R2",
                    within <= policy.budget.map_or(usize::MAX, |most| most.max(1) as usize),
                    || format!("{within} connects within {:?}", policy.budget_window),
                );
                let gap = view.opens.last().map(|open| facts.local.since(*open));
                let is_low = gap.filter(|gap| self.floor_applies && *gap < policy.floor);
                if let Some(gap) = is_low {
                    let floor = policy.floor;
                    verdict.broken("R2", format!("connects {gap:?} apart, the floor is {floor:?}"));
                }
            }
            Observation::Event(Event::Disconnected { cause, .. }) => {
                let lived = view.online().map(|(_, online)| facts.local.since(online.since));
                self.floor_applies = lived.is_none_or(|lived| lived < SHORT_LIFE)
                    && !matches!(**cause, DisconnectCause::Shutdown);
            }
            _ => {}
        }
    }
}
