//! R2: the number of connects in any window, and the floor from one CONNECT to the
//! next connect.

use evenkeel_proto::codec::Packet;
use evenkeel_proto::{DisconnectCause, Event, Instant};

use super::{Oracle, Verdict};
use crate::observation::{Facts, Observation};
use crate::view::View;

#[derive(Debug, Default)]
pub(super) struct Budget {
    /// The last connection was short.
    floor_applies: bool,
    /// When CONNECT was written last.
    connect: Option<Instant>,
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
                let after_short = policy.floor.max(policy.spacing);
                let floor = if self.floor_applies { after_short } else { policy.spacing };
                let gap = self.connect.map(|connect| facts.local.since(connect));
                if let Some(gap) = gap.filter(|gap| *gap < floor) {
                    let text = format!("opens {gap:?} after CONNECT, the floor is {floor:?}");
                    verdict.broken("R2", text);
                }
            }
            Observation::Wrote(_, Packet::Connect(_), _) => self.connect = Some(facts.local),
            Observation::Event(Event::Disconnected { cause, .. }) => {
                let lived = view.online().map(|(_, online)| facts.local.since(online.since));
                self.floor_applies = lived.is_none_or(|lived| lived < policy.short_life)
                    && !matches!(**cause, DisconnectCause::Shutdown);
            }
            _ => {}
        }
    }
}
