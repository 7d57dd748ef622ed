//! D8: no filter is asked for more often than the application or a lost
//! session gives reason to, and in the end the server holds what it should.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_codec::{Packet, QoS, ReasonCode, Subscribe, TopicFilter};
use evenkeel_proto::record::{Record, Recovered};
use evenkeel_proto::{Completion, Event, SubscribeError, Token};

use super::Verdict;
use crate::observation::{Asked, Observation};

/// What a client should be subscribed to.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Granted and not ended, with the QoS that was granted.
    active: BTreeMap<TopicFilter, QoS>,
    /// Granted in a session that is lost, and not granted again.
    restoring: BTreeSet<TopicFilter>,
    /// Filters, or topics, that the client told it set aside (R7).
    told: BTreeSet<TopicFilter>,
    /// Failed by the client's own word, which its reason has to follow.
    unexplained: BTreeMap<TopicFilter, ReasonCode>,
    /// Set aside: what the server holds of them is unknown.
    quarantined: BTreeSet<TopicFilter>,
    waiting: BTreeMap<Token, Asked>,
    /// The last operation on each filter: one of many filters may have its
    /// outcome later.
    last: BTreeMap<TopicFilter, Token>,
    /// CONNECT is written and CONNACK has not come.
    unanswered: bool,
    /// That was so at an end: a session that is present may be one begun then.
    unproven: bool,
    /// SUBSCRIBE packets of the present connection without their answer.
    out: BTreeMap<u16, Vec<TopicFilter>>,
    /// How often each filter may still be asked for on this connection.
    allowed: BTreeMap<TopicFilter, usize>,
    /// Asked for, or ended, by a process that died before the answer.
    uncertain: BTreeSet<TopicFilter>,
    /// Given up, so that the server may have done it or not; a process that
    /// is started again asks for it again, and the next one may not.
    left: BTreeSet<TopicFilter>,
    /// What its store knows.
    noted: Noted,
    /// Asked for once more, to be marked, on this connection or a later one.
    marked: BTreeSet<TopicFilter>,
}

/// What this process gave to its store, and what is in it.
#[derive(Debug, Default)]
struct Noted {
    /// The last word on each filter that was given, and the last one that is in it.
    given: BTreeMap<TopicFilter, Option<QoS>>,
    stored: BTreeMap<TopicFilter, Option<QoS>>,
    /// Told to be lost since the last batch: a loss is told at once, and a process
    /// that dies before it is stored leaves the filter to the next one.
    unrecorded: BTreeSet<TopicFilter>,
    /// The store knows that a session may have begun.
    is_unproven: bool,
    /// CONNECT went out although the store, which failed, does not know it: if the
    /// process dies now, the next one takes what it resumes for the session it knows.
    is_blind: bool,
}

impl Wanted {
    /// What is amiss if the server holds these filters; nothing is to be
    /// on its way any more.
    pub fn differs(&self, mut held: BTreeMap<TopicFilter, QoS>) -> Option<String> {
        let mut wanted = self.active.clone();
        for filters in [&mut held, &mut wanted] {
            filters.retain(|filter, _| !self.quarantined.contains(filter));
        }
        let waiting = self.waiting.len();
        (held != wanted || waiting > 0).then(|| {
            format!("should have {wanted:?}, the server holds {held:?}, {waiting} operations wait")
        })
    }

    pub(super) fn see(&mut self, seen: &Observation<'_>, verdict: &mut Verdict) {
        match seen {
            Observation::Accepted(_, Asked::Publish(..)) => {}
            Observation::Accepted(token, asked) => {
                self.allow(asked);
                self.waiting.insert(*token, (*asked).clone());
            }
            Observation::Marking(filters) => {
                for filter in *filters {
                    self.marked.insert(filter.clone());
                    *self.allowed.entry(filter.clone()).or_default() += 1;
                }
            }
            Observation::Got(_, Packet::ConnAck(connack)) if !connack.reason.is_error() => {
                let unproven = std::mem::take(&mut self.unproven);
                self.unanswered = false;
                self.begin(!connack.session_present || unproven);
            }
            Observation::Got(_, Packet::ConnAck(_)) => self.unanswered = false,
            Observation::Wrote(_, Packet::Connect(_), _) => {
                self.unanswered = true;
                self.noted.is_blind |= !self.noted.is_unproven;
            }
            Observation::Event(Event::Disconnected { .. }) => {
                self.unproven |= std::mem::take(&mut self.unanswered);
            }
            Observation::Wrote(_, Packet::Subscribe(subscribe), _) => {
                self.on_subscribe(subscribe, verdict);
            }
            Observation::Got(_, Packet::SubAck(ack)) => {
                for filter in self.out.remove(&ack.packet_id.get()).unwrap_or_default() {
                    self.restoring.remove(&filter);
                }
            }
            Observation::Completed(
                Completion::Subscribe { token, result } | Completion::Unsubscribe { token, result },
            ) => self.completed(*token, result, verdict),
            Observation::Event(Event::Quarantined { topic: Some(text), .. }) => {
                if let Ok(filter) = TopicFilter::try_from(&**text) {
                    self.told.insert(filter);
                }
            }
            Observation::Event(Event::SubscriptionLost { filter, reason }) => {
                self.unexplained.insert((*filter).clone(), *reason);
                self.quarantined.insert((*filter).clone());
                self.active.remove(filter);
                self.restoring.remove(filter);
                self.noted.unrecorded.insert((*filter).clone());
            }
            Observation::Commit(records) => self.noted.give(records),
            Observation::Stored(records) => self.noted.store(records),
            Observation::Died(_) => self.die(),
            Observation::Recovered(recovered) => self.recover(recovered, verdict),
            Observation::Settled(_) => {
                for (filter, code) in std::mem::take(&mut self.unexplained) {
                    verdict.require("D8", self.told.contains(&filter), || {
                        format!("{filter:?} fails by {code:?}, never refused")
                    });
                }
            }
            _ => {}
        }
    }

    fn completed(
        &mut self,
        token: Token,
        result: &Result<Vec<ReasonCode>, SubscribeError>,
        verdict: &mut Verdict,
    ) {
        match (self.waiting.remove(&token), result) {
            (Some(asked), Ok(codes)) => self.granted(token, asked, codes, verdict),
            (Some(Asked::Unsubscribe(filters)), Err(SubscribeError::Quarantined { .. })) => {
                self.quarantined.extend(filters);
            }
            (Some(asked), Err(SubscribeError::Quarantined { .. })) => {
                asked.filters().into_iter().for_each(|filter| self.set_aside(filter));
            }
            (Some(asked), Err(_)) => self.left.extend(asked.filters()),
            _ => {}
        }
    }

    /// The client has given up to ask for a filter. What the server holds of it, an
    /// earlier grant if its session lives, is in force all the same; what was lost with
    /// its session is not.
    fn set_aside(&mut self, filter: TopicFilter) {
        if self.restoring.remove(&filter) {
            self.active.remove(&filter);
        }
        self.left.insert(filter.clone());
        self.quarantined.insert(filter);
    }

    /// Nobody hears any more how what waits comes out.
    fn die(&mut self) {
        for asked in std::mem::take(&mut self.waiting).into_values() {
            self.uncertain.extend(asked.filters());
        }
        self.uncertain.extend(std::mem::take(&mut self.left));
        let Noted { given, stored, unrecorded, is_unproven, is_blind } =
            std::mem::take(&mut self.noted);
        self.noted.is_unproven = is_unproven;
        self.uncertain.extend(unrecorded);
        // A shutdown tells outcomes that a store which fails did not take.
        let unstored = given.into_iter().filter(|(filter, word)| stored.get(filter) != Some(word));
        self.uncertain.extend(unstored.map(|(filter, _)| filter));
        self.quarantined.extend(self.uncertain.iter().cloned());
        if is_blind {
            self.quarantined.extend(self.active.keys().cloned());
        }
        self.out.clear();
        self.unproven |= std::mem::take(&mut self.unanswered);
    }

    /// What was granted is stored, and nothing else but what was asked for.
    fn recover(&mut self, recovered: &Recovered, verdict: &mut Verdict) {
        let stored = recovered.subscriptions.iter().map(|stored| &stored.filter);
        let stored: BTreeMap<_, _> =
            stored.map(|entry| (entry.filter.clone(), entry.options.qos)).collect();
        for filter in self.active.keys().filter(|filter| !self.uncertain.contains(filter)) {
            let is_stored = stored.contains_key(filter);
            verdict.require("D8", is_stored, || format!("{filter:?} was granted and is lost"));
        }
        self.active.retain(|filter, _| stored.contains_key(filter));
        for (filter, qos) in stored {
            let is_known = self.active.contains_key(&filter) || self.uncertain.contains(&filter);
            verdict.require("D8", is_known, || format!("{filter:?} is stored, never granted"));
            self.active.entry(filter).or_insert(qos);
        }
        self.uncertain.clear();
        self.unproven |= recovered.unproven;
    }

    /// A connection begins: what waits may go out again, and what was granted
    /// in a session that is lost, until it is granted anew.
    fn begin(&mut self, lost: bool) {
        if lost {
            self.restoring.extend(self.active.keys().cloned());
        }
        // Restored although its outcome was told meanwhile: a store that failed held that up.
        let asked: BTreeSet<_> = self.waiting.values().flat_map(Asked::filters).collect();
        let open = std::mem::take(&mut self.out).into_values().flatten();
        let open = open.filter(|it| self.active.contains_key(it) && !asked.contains(it));
        self.restoring.extend(open);
        self.allowed = BTreeMap::new();
        for filter in self.restoring.iter().chain(&self.marked) {
            *self.allowed.entry(filter.clone()).or_default() += 1;
        }
        for asked in self.waiting.values().cloned().collect::<Vec<_>>() {
            self.allow(&asked);
        }
    }

    fn allow(&mut self, asked: &Asked) {
        let Asked::Subscribe(filters) = asked else { return };
        for entry in filters {
            *self.allowed.entry(entry.filter.clone()).or_default() += 1;
        }
    }

    fn on_subscribe(&mut self, subscribe: &Subscribe, verdict: &mut Verdict) {
        let filters: Vec<_> = subscribe.filters.iter().map(|entry| entry.filter.clone()).collect();
        for filter in &filters {
            match self.allowed.get_mut(filter).filter(|left| **left > 0) {
                Some(left) => *left -= 1,
                None => verdict.broken("D8", format!("{filter:?} is asked for once too often")),
            }
        }
        self.out.insert(subscribe.packet_id.get(), filters);
    }

    /// True if no later operation on this filter had its outcome before.
    fn is_last(&mut self, filter: &TopicFilter, token: Token) -> bool {
        let last = self.last.entry(filter.clone()).or_insert(token);
        *last = token.max(*last);
        *last == token
    }

    fn granted(&mut self, token: Token, asked: Asked, codes: &[ReasonCode], verdict: &mut Verdict) {
        let count = match &asked {
            Asked::Subscribe(filters) => filters.len(),
            Asked::Unsubscribe(filters) => filters.len(),
            Asked::Publish(..) => 0,
        };
        verdict.require("D8", codes.len() == count, || {
            format!("{} codes for {count} filters", codes.len())
        });
        match asked {
            Asked::Subscribe(filters) => {
                for (entry, code) in filters.into_iter().zip(codes) {
                    if !self.is_last(&entry.filter, token) {
                        continue;
                    }
                    match QoS::from_level(code.0) {
                        Some(qos) => {
                            self.quarantined.remove(&entry.filter);
                            self.active.insert(entry.filter, qos);
                        }
                        None => {
                            self.unexplained.insert(entry.filter.clone(), *code);
                            self.set_aside(entry.filter);
                        }
                    }
                }
            }
            Asked::Unsubscribe(filters) => {
                for filter in filters {
                    if self.is_last(&filter, token) {
                        self.quarantined.remove(&filter);
                        self.active.remove(&filter);
                    }
                }
            }
            Asked::Publish(..) => {}
        }
    }
}

impl Noted {
    fn give(&mut self, records: &[Record]) {
        self.unrecorded.clear();
        self.given.extend(words_on_filters(records));
    }

    fn store(&mut self, records: &[Record]) {
        self.stored.extend(words_on_filters(records));
        for record in records {
            match record {
                Record::Unproven => (self.is_unproven, self.is_blind) = (true, false),
                Record::Proven => self.is_unproven = false,
                _ => {}
            }
        }
    }
}

/// The subscriptions that these records begin and end.
fn words_on_filters(records: &[Record]) -> impl Iterator<Item = (TopicFilter, Option<QoS>)> {
    records.iter().filter_map(|record| match record {
        Record::Subscribed(stored) => {
            Some((stored.filter.filter.clone(), Some(stored.filter.options.qos)))
        }
        Record::Unsubscribed { filter } => Some((filter.clone(), None)),
        _ => None,
    })
}
