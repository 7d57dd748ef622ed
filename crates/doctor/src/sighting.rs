//! What rules have seen, by rule and client, until it is weighed.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::event::Moment;
use crate::finding::{Confidence, Finding, PROOF, Proof};
use crate::rule::{Hit, Meta, Rule, Severity, View};
use crate::source::{SourceId, Vantage};
use crate::texts::Texts;
use crate::time::Time;
use crate::track::{Key, Tracker};

/// One cause of one client, seen once or more often.
#[derive(Clone, Debug)]
struct Sighting {
    rule: &'static Meta,
    source: SourceId,
    vantage: Vantage,
    key: Key,
    newest: Hit,
    /// In how many connections it was seen.
    times: u32,
    /// The newest connection of those, by its first event.
    connection: Option<Time>,
    first: Time,
    last: Time,
    proof: Vec<Proof>,
    proven: bool,
    told: bool,
}

/// A client's number, a rule, and the class of what it found.
type Which = (u32, &'static str, &'static str);

/// All of them. At the bound, new causes are counted and left out.
#[derive(Debug)]
pub(crate) struct Sightings {
    all: BTreeMap<Which, Box<Sighting>>,
    limit: usize,
    pub(crate) left_out: u64,
}

impl Sightings {
    /// The bytes of one at most: a place in a map of which half is in use, what
    /// is in it, a sentence with two texts that were cut, and its proof.
    pub(crate) const EACH: usize =
        2 * (size_of::<Which>() + 8) + size_of::<Sighting>() + 512 + PROOF * size_of::<Proof>();

    pub(crate) fn new(limit: usize) -> Self {
        Self { all: BTreeMap::new(), limit, left_out: 0 }
    }

    pub(crate) fn add(&mut self, rule: &'static Rule, hit: Hit, view: &View<'_>, client: u32) {
        let connection = view.connection.map(|connection| connection.first_event);
        let source = view.client.source;
        let told = |&(moment, shows): &(Moment, _)| Proof {
            at: moment.at,
            source,
            place: moment.place(),
            shows,
        };
        let proof = hit.proof.iter().map(told);
        let key = (client, rule.meta.id, hit.class);
        if !self.all.contains_key(&key) && self.all.len() >= self.limit {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let sighting = self.all.entry(key).or_insert_with(|| {
            Box::new(Sighting {
                rule: &rule.meta,
                source,
                vantage: view.source.vantage,
                key: view.client.key,
                newest: Hit::default(),
                times: 0,
                connection: None,
                first: view.now,
                last: view.now,
                proof: Vec::new(),
                proven: false,
                told: false,
            })
        });
        // Two that are alive at one time take turns: each counts once.
        let newer = connection.is_none() || connection > sighting.connection;
        if sighting.times == 0 || newer {
            sighting.times = sighting.times.saturating_add(1);
        }
        let room = PROOF.saturating_sub(sighting.proof.len());
        sighting.proof.extend(proof.take(room));
        sighting.proven |= hit.proven;
        sighting.connection = sighting.connection.max(connection);
        sighting.last = view.now;
        // What says most wins: a kind that is bad, or needs less, is not undone.
        let severity = hit.severity.unwrap_or(rule.meta.severity);
        let severity = Some(severity.max(sighting.newest.severity.unwrap_or(severity)));
        let rounds = match (hit.rounds, sighting.newest.rounds) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let one_sided = hit.one_sided && (sighting.times == 1 || sighting.newest.one_sided);
        sighting.newest = Hit { severity, rounds, one_sided, proof: Vec::new(), ..hit };
    }

    pub(crate) fn fresh(&mut self, tracker: &Tracker, texts: &Texts) -> Vec<Finding> {
        let mut fresh = Vec::new();
        for sighting in self.all.values_mut().filter(|sighting| !sighting.told) {
            if sighting.confidence() > Confidence::Suspect {
                sighting.told = true;
                fresh.push(sighting.finding(tracker, texts));
            }
        }
        fresh.sort_by_key(|finding| (finding.rule.id, finding.class));
        fresh
    }

    pub(crate) fn findings(&self, tracker: &Tracker, texts: &Texts) -> Vec<Finding> {
        self.all.values().map(|sighting| sighting.finding(tracker, texts)).collect()
    }
}

impl Sighting {
    fn confidence(&self) -> Confidence {
        let rounds = self.newest.rounds.unwrap_or(self.rule.rounds);
        let supports = self.rule.vantages.support.contains(&self.vantage);
        match self.vantage {
            _ if supports => Confidence::Suspect,
            _ if self.proven => Confidence::Proven,
            _ if self.times < rounds => Confidence::Suspect,
            Vantage::Encrypted => Confidence::Inferred,
            _ if self.newest.one_sided => Confidence::Inferred,
            _ => Confidence::Shown,
        }
    }

    fn severity(&self) -> Severity {
        self.newest.severity.unwrap_or(self.rule.severity)
    }

    fn finding(&self, tracker: &Tracker, texts: &Texts) -> Finding {
        Finding {
            rule: self.rule,
            client: self.client(tracker, texts),
            confidence: self.confidence(),
            severity: self.severity(),
            class: self.newest.class,
            sentence: self.newest.sentence.clone(),
            times: self.times,
            first: self.first,
            last: self.last,
            proof: self.proof.clone(),
            sources: [self.source].into(),
            consequences: Vec::new(),
        }
    }

    /// The client's identifier; for a host, the only identifier that any source
    /// knows from it, else the host.
    fn client(&self, tracker: &Tracker, texts: &Texts) -> String {
        match self.key {
            Key::Id(id) => texts.text(id).into(),
            Key::Host { host, .. } => match tracker.only_id(host) {
                Some(id) => texts.text(id).into(),
                None => texts.text(host).into(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Bounds;
    use crate::trace::Trace;

    #[test]
    fn alike_two_live_connections_that_take_turns() {
        // Both are dead from 5 s on, and both are looked at again and again.
        let begin = |c: u32| {
            alloc::format!(
                "c{c} 0.{c} open 10.0.0.1:500{c} 10.0.0.9:1883
                 c{c} 1.{c} > CONNECT id=pump k=20
                 c{c} 2.{c} < CONNACK
                 c{c} 3.{c} > PUBLISH qos=1 id=1
                 c{c} 4.{c} < PUBACK id=1\n"
            )
        };
        let each = |c: u32, n: u32| alloc::format!("c{c} {}.{c} > PUBLISH qos=1 id={n}\n", n * 5);
        let both = |n| each(1, n) + &each(2, n);
        let lines = begin(1) + &begin(2) + &(2..13).map(both).collect::<alloc::string::String>();
        assert_eq!(Trace::plain().lines(&lines).finds("KA10").times, 2);
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let lines = "c1 0 open a b\nc1 0.1 > CONNECT\nc1 0.2 > CONNECT";
        let bounds = |findings| Bounds { findings, ..Bounds::default() };
        let one = Trace::bounded(bounds(1)).lines(lines).report();
        assert_eq!(one.findings.len(), 1);
        let none = Trace::bounded(bounds(0)).lines(lines).report();
        assert_eq!(none.findings.len(), 0);
        assert_eq!(none.findings_left_out, one.findings_left_out + 1);
    }
}
