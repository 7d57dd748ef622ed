//! Takes events in, asks the rules, keeps what they found.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use evenkeel_profile::Profile;

use crate::arbitration;
use crate::bounds::Bounds;
use crate::event::{ConnectionId, Event};
use crate::finding::Finding;
use crate::report::Report;
use crate::rule::{Hits, On, Rule, Vantages, View};
use crate::rules;
use crate::sighting::Sightings;
use crate::source::{Source, SourceId, Vantage};
use crate::texts::{TextId, Texts};
use crate::time::Time;
use crate::track::{Tracker, Watch};

/// How often a live connection on which something is due or missing is looked at if
/// nothing happens on it.
const TICK: Duration = Duration::from_secs(2);

/// Follows the evidence and names causes. Feed every source's events in the
/// order of their times; sources may be given one after the other.
#[derive(Debug)]
pub struct Doctor {
    profile: Profile,
    thresholds: BTreeMap<&'static str, u64>,
    texts: Texts,
    tracker: Tracker,
    sightings: Sightings,
    sources: Vec<Followed>,
    /// The rules of each vantage and moment.
    rules: [Vec<Vec<&'static Rule>>; Vantage::ALL.len()],
    finished: bool,
}

/// A source and how far it has come.
#[derive(Clone, Debug)]
pub(crate) struct Followed {
    pub(crate) source: Source,
    pub(crate) events: u64,
    pub(crate) first: Option<Time>,
    pub(crate) last: Time,
    ticked: Option<Time>,
}

impl Followed {
    /// Whether its live connections are to be looked at.
    fn due(&self, now: Time) -> bool {
        self.ticked.is_none_or(|at| now.since(at) >= TICK)
    }
}

/// There is no threshold with this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownThreshold;

impl Doctor {
    /// A doctor that judges by the numbers of `profile`.
    pub fn new(profile: Profile, bounds: Bounds) -> Self {
        let rules =
            Vantage::ALL.map(|vantage| rules::by_moment(|rule| applies(rule, vantage, &profile)));
        Self {
            profile,
            thresholds: BTreeMap::new(),
            texts: Texts::new(bounds.text_bytes),
            tracker: Tracker::new(bounds),
            sightings: Sightings::new(bounds.findings),
            sources: Vec::new(),
            rules,
            finished: false,
        }
    }

    /// Sets a threshold, such as `KA01.within_ms`, to another number.
    pub fn set_threshold(&mut self, name: &str, value: u64) -> Result<(), UnknownThreshold> {
        let all = rules::all().flat_map(|rule| rule.meta.thresholds);
        let known = all.into_iter().find(|threshold| threshold.name == name);
        self.thresholds.insert(known.ok_or(UnknownThreshold)?.name, value);
        Ok(())
    }

    /// A source whose events will come; `None` if there are 65,536 already.
    pub fn source(&mut self, source: Source) -> Option<SourceId> {
        let id = SourceId(u16::try_from(self.sources.len()).ok()?);
        self.sources.push(Followed {
            source,
            events: 0,
            first: None,
            last: Time(i64::MIN),
            ticked: None,
        });
        self.tracker.add_source();
        Some(id)
    }

    /// Connections from this host, of which a source shows no identifier, are of
    /// this client: another source shows it of the same ones.
    pub fn identify(&mut self, host: TextId, id: TextId) {
        self.tracker.identify(host, id);
    }

    /// The texts that events refer to.
    pub fn texts(&mut self) -> &mut Texts {
        &mut self.texts
    }

    #[cfg(test)]
    pub(crate) fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// Takes one event in. One of a source that was never registered is left out.
    pub fn take(&mut self, event: &Event) {
        let Some(followed) = self.sources.get_mut(usize::from(event.source.0)) else { return };
        followed.events = followed.events.saturating_add(1);
        followed.first.get_or_insert(event.at);
        followed.last = followed.last.max(event.at);
        if followed.due(event.at) {
            self.tick(event.source, event.at);
        }
        let Some(took) = self.tracker.take(event) else { return };
        if let Some(on) = On::of(event) {
            self.ask(on, event.source, Some(event.connection), took.client, event.at, Some(event));
        }
        if took.ended {
            let (client, at) = (took.client, event.at);
            self.ask(On::End, event.source, Some(event.connection), client, at, Some(event));
        }
    }

    /// Time has passed: looks at the live connections of a source. Needed only
    /// if nothing may happen for long, as when a live source is followed.
    pub fn tick(&mut self, source: SourceId, now: Time) {
        let Some(followed) = self.sources.get_mut(usize::from(source.0)) else { return };
        followed.ticked = Some(now);
        followed.last = followed.last.max(now);
        let mut from = 0;
        loop {
            let next = self.tracker.next_watched(source, from);
            let Some((number, client, watch)) = next else { break };
            from = number.0.saturating_add(1);
            for (on, what) in [
                (On::TickPings, Watch::PINGS),
                (On::TickOutbound, Watch::OUTBOUND),
                (On::TickInbound, Watch::INBOUND),
                (On::TickSilence, Watch::SILENCE),
                (On::TickSession, Watch::SESSION),
            ] {
                if watch.has(what) {
                    self.ask(on, source, Some(number), client, now, None);
                }
            }
        }
    }

    /// Time has passed for every source with calendar times: for those who
    /// follow live sources. May be called often: what was looked at a moment ago
    /// is not looked at again.
    pub fn tick_all(&mut self, now: Time) {
        for number in 0..self.sources.len() {
            let due = |it: &Followed| it.source.calendar && it.due(now);
            let due = self.sources.get(number).is_some_and(due);
            if let (true, Ok(number)) = (due, u16::try_from(number)) {
                self.tick(SourceId(number), now);
            }
        }
    }

    /// The evidence has ended: looks at every client once more. What comes
    /// after is taken in all the same.
    pub fn finish(&mut self) {
        if core::mem::replace(&mut self.finished, true) {
            return;
        }
        self.tracker.settle(self.sources.len());
        let clients: Vec<(u32, SourceId, Option<ConnectionId>)> = (self.tracker.clients())
            .map(|client| (client.number, client.source, client.live.last().copied()))
            .collect();
        for (client, source, connection) in clients {
            let followed = self.sources.get(usize::from(source.0));
            let now = followed.map(|followed| followed.last).unwrap_or_default();
            self.ask(On::Finish, source, connection, client, now, None);
        }
    }

    fn ask(
        &mut self,
        on: On,
        source: SourceId,
        number: Option<ConnectionId>,
        client: u32,
        now: Time,
        event: Option<&Event>,
    ) {
        let (Some(followed), Some(of), Some(all)) = (
            self.sources.get(usize::from(source.0)),
            self.tracker.client(client),
            self.tracker.population(source),
        ) else {
            return;
        };
        let connection = number.and_then(|number| self.tracker.connection(source, number));
        let view = View {
            now,
            event,
            connection,
            number,
            tracker: &self.tracker,
            client: of,
            all,
            source: &followed.source,
            profile: &self.profile,
            texts: &self.texts,
            thresholds: &self.thresholds,
        };
        let mut hits = Hits::default();
        let rules = self.rules.get(followed.source.vantage as usize);
        for rule in rules.and_then(|rules| rules.get(on as usize)).into_iter().flatten() {
            (rule.check)(&view, &mut hits);
            if !hits.0.is_empty() {
                hits.0.drain(..).for_each(|hit| self.sightings.add(rule, hit, &view, client));
            }
        }
    }

    /// Findings that have become more than a suspicion since the last call, not
    /// weighed against each other: for those who follow a live source.
    pub fn fresh(&mut self) -> Vec<Finding> {
        self.sightings.fresh(&self.tracker, &self.texts)
    }

    /// All findings, weighed: what follows from a cause is beneath it.
    pub fn findings(&self) -> Vec<Finding> {
        arbitration::weigh(self.sightings.findings(&self.tracker, &self.texts))
    }

    /// All findings, weighed, and what was seen of each client.
    pub fn report(&self) -> Report {
        let left_out = self.sightings.left_out;
        Report::new(self.findings(), left_out, &self.tracker, &self.texts, &self.sources)
    }
}

/// Whether a rule may be judged by such a source, with this profile.
fn applies(rule: &Rule, vantage: Vantage, profile: &Profile) -> bool {
    let Vantages { show, support } = rule.meta.vantages;
    (show.contains(&vantage) || support.contains(&vantage))
        && rule.meta.profile.is_none_or(|name| profile.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Vantage;

    #[test]
    fn what_was_looked_at_a_moment_ago_is_not_looked_at_again() {
        let mut doctor = Doctor::new(Profile::empty(), Bounds::default());
        let resolution = Duration::from_micros(1);
        let source =
            Source { name: "tap".into(), vantage: Vantage::Plain, resolution, calendar: true };
        doctor.source(source);
        let ticked = |doctor: &Doctor| doctor.sources[0].ticked;
        doctor.tick_all(Time(0));
        doctor.tick_all(Time(1_999_999_999));
        assert_eq!(ticked(&doctor), Some(Time(0)));
        doctor.tick_all(Time(2_000_000_000));
        assert_eq!(ticked(&doctor), Some(Time(2_000_000_000)));
    }
}
