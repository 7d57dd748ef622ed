//! The fault rules in force, and which of them apply.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_codec::{Packet, PacketType};

use super::rule::{Count, Scope, Trigger};
use super::{Action, Rule, RuleError};
use crate::core::{ConnectionId, Instant};
use crate::text::{covers, fits};

/// Counters kept for one rule with a scope; what comes beyond does not match.
const COUNTERS_MAX: usize = 100_000;

/// Names a rule that was added to a broker, for removing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(u64);

/// All rules in force, in the order they were added.
#[derive(Debug, Default)]
pub(crate) struct Engine {
    rules: Vec<Active>,
    added: u64,
}

#[derive(Debug)]
struct Active {
    id: RuleId,
    name: Arc<str>,
    rule: Rule,
    since: Instant,
    counters: BTreeMap<Key, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Broker,
    Client(Arc<str>),
    Connection(ConnectionId),
}

#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    seen: u64,
    applied: u64,
    passed: Option<Instant>,
}

/// What happens right now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) trigger: Trigger,
    pub(crate) connection: ConnectionId,
    /// The connection's number, of its client or of the broker.
    pub(crate) number: u64,
    pub(crate) client: Option<&'a Arc<str>>,
    pub(crate) packet: Option<&'a Packet>,
    /// The topic that a PUBLISH means, its alias resolved.
    pub(crate) topic: Option<&'a str>,
}

/// A rule that applies.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub(crate) rule: Arc<str>,
    pub(crate) action: Action,
    pub(crate) wait: Duration,
}

impl Engine {
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub(crate) fn add(&mut self, now: Instant, rule: Rule) -> Result<RuleId, RuleError> {
        rule.check()?;
        self.added += 1;
        let id = RuleId(self.added);
        let name = rule.when.name.clone().unwrap_or_else(|| format!("rule {}", self.added));
        let counters = BTreeMap::new();
        self.rules.push(Active { id, name: name.into(), rule, since: now, counters });
        Ok(id)
    }

    /// False if there is no such rule.
    pub(crate) fn remove(&mut self, id: RuleId) -> bool {
        let before = self.rules.len();
        self.rules.retain(|active| active.id != id);
        self.rules.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// The rules that apply, in their order.
    pub(crate) fn judge(&mut self, now: Instant, subject: &Subject<'_>) -> Vec<Hit> {
        self.rules.iter_mut().filter_map(|active| active.judge(now, subject)).collect()
    }

    /// Forgets what was counted for a connection that is gone.
    pub(crate) fn forget(&mut self, connection: ConnectionId) {
        for active in &mut self.rules {
            if active.rule.when.count.scope == Scope::Connection {
                active.counters.remove(&Key::Connection(connection));
            }
        }
    }
}

impl Active {
    fn judge(&mut self, now: Instant, subject: &Subject<'_>) -> Option<Hit> {
        if !self.in_force(now) || !self.matches(subject) {
            return None;
        }
        let count = self.rule.when.count;
        let counter = self.counter(count.scope, subject)?;
        counter.seen += 1;
        if !count.includes(counter) {
            return None;
        }
        let mut action = self.rule.action.clone();
        if let Action::OnePer(span) = action {
            let counter = self.counter(count.scope, subject)?;
            if counter.passed.is_none_or(|at| now >= at + span) {
                counter.passed = Some(now);
                return None;
            }
            action = Action::Drop;
        }
        self.counter(count.scope, subject)?.applied += 1;
        Some(Hit { rule: self.name.clone(), action, wait: self.rule.when.wait })
    }

    fn in_force(&self, now: Instant) -> bool {
        let span = self.rule.when.span;
        let begin = self.since + span.starting;
        now >= begin && span.lasting.is_none_or(|lasting| now < begin + lasting)
    }

    fn matches(&self, subject: &Subject<'_>) -> bool {
        let when = &self.rule.when;
        let client_fits =
            |pattern: &String| subject.client.is_some_and(|client| fits(pattern, client));
        let (first, last) = when.connections.unwrap_or((0, u64::MAX));
        trigger_fits(when.trigger, subject.trigger)
            && when.client.as_ref().is_none_or(client_fits)
            && (first..=last).contains(&subject.number)
            && subject.packet.is_none_or(|packet| self.contents_fit(packet, subject.topic))
    }

    fn contents_fit(&self, packet: &Packet, topic: Option<&str>) -> bool {
        let when = &self.rule.when;
        let payload = match packet {
            Packet::Publish(publish) => publish.payload.len(),
            _ => 0,
        };
        let filters = match packet {
            Packet::Subscribe(subscribe) => subscribe.filters.len(),
            Packet::Unsubscribe(unsubscribe) => unsubscribe.filters.len(),
            _ => 0,
        };
        let topic_fits = when.topic.as_ref().is_none_or(|filter| match packet {
            Packet::Publish(_) => topic.is_some_and(|topic| covers(filter, topic)),
            Packet::Subscribe(subscribe) => {
                subscribe.filters.iter().any(|asked| covers(filter, asked.filter.pattern()))
            }
            Packet::Unsubscribe(unsubscribe) => {
                unsubscribe.filters.iter().any(|asked| covers(filter, asked.pattern()))
            }
            _ => false,
        });
        topic_fits
            && when.larger_than.is_none_or(|bytes| payload > bytes)
            && when.more_filters_than.is_none_or(|count| filters > count)
    }

    fn counter(&mut self, scope: Scope, subject: &Subject<'_>) -> Option<&mut Counter> {
        let key = match scope {
            Scope::Broker => Key::Broker,
            Scope::Client => Key::Client(subject.client?.clone()),
            Scope::Connection => Key::Connection(subject.connection),
        };
        if self.counters.len() >= COUNTERS_MAX && !self.counters.contains_key(&key) {
            return None;
        }
        Some(self.counters.entry(key).or_default())
    }
}

impl Count {
    /// Whether the match just counted is one of those meant.
    fn includes(&self, counter: &Counter) -> bool {
        let Some(place) = counter.seen.checked_sub(self.after).filter(|place| *place > 0) else {
            return false;
        };
        self.nth.is_none_or(|nth| place == nth)
            && self.every.is_none_or(|every| place.is_multiple_of(every))
            && self.times.is_none_or(|times| counter.applied < times)
    }
}

fn trigger_fits(wanted: Trigger, actual: Trigger) -> bool {
    let kind_fits = |wanted: Option<PacketType>, actual| wanted.is_none() || wanted == actual;
    match (wanted, actual) {
        (Trigger::Opened, Trigger::Opened) => true,
        (Trigger::Received(wanted), Trigger::Received(actual))
        | (Trigger::Sent(wanted), Trigger::Sent(actual)) => kind_fits(wanted, actual),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::When;

    /// Numbers of the matches, of so many, that a rule applies to.
    fn applied(when: When, matches: u64) -> Vec<u64> {
        let mut engine = Engine::default();
        engine.add(Instant::START, when.drop()).unwrap();
        let subject = Subject {
            trigger: Trigger::Sent(Some(PacketType::PingResp)),
            connection: ConnectionId::new(1),
            number: 1,
            client: None,
            packet: None,
            topic: None,
        };
        let hits = |_: &u64| !engine.judge(Instant::START, &subject).is_empty();
        (1..=matches).filter(hits).collect()
    }

    #[test]
    fn counting() {
        let when = || When::sent(PacketType::PingResp);
        assert_eq!(applied(when(), 3), [1, 2, 3]);
        assert_eq!(applied(when().nth(2), 4), [2]);
        assert_eq!(applied(when().after(2), 4), [3, 4]);
        assert_eq!(applied(when().after(2).nth(1), 4), [3]);
        assert_eq!(applied(when().every(2), 5), [2, 4]);
        assert_eq!(applied(when().every(2).times(1), 5), [2]);
        assert_eq!(applied(when().times(2), 5), [1, 2]);
        assert_eq!(applied(When::sent(PacketType::PubAck), 3), [0; 0]);
        assert_eq!(applied(When::received(PacketType::PingResp), 3), [0; 0]);
        assert_eq!(applied(When::any_sent(), 2), [1, 2]);
    }

    #[test]
    fn the_scope_counts_apart() {
        let subject = |connection, client| Subject {
            trigger: Trigger::Sent(Some(PacketType::PingResp)),
            connection: ConnectionId::new(connection),
            number: connection,
            client: Some(client),
            packet: None,
            topic: None,
        };
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let first = || When::sent(PacketType::PingResp).nth(1);
        let cases = [
            (first(), [true, false, false, false]),
            (first().per_client(), [true, false, false, true]),
            (first().per_connection(), [true, false, true, true]),
            (first().per_connection().connection(2), [false, false, true, false]),
            (first().client("b"), [false, false, false, true]),
        ];
        for (when, expected) in cases {
            let mut engine = Engine::default();
            engine.add(Instant::START, when.drop()).unwrap();
            let subjects = [subject(1, &a), subject(1, &a), subject(2, &a), subject(3, &b)];
            let hits = subjects.map(|subject| !engine.judge(Instant::START, &subject).is_empty());
            assert_eq!(hits, expected);
        }
    }
}
