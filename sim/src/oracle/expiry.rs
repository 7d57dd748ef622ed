//! D18: a message expires by the time that has passed, which no setting of a wall
//! clock changes within one boot of its machine; across boots the running time that
//! was stored has passed at least.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_codec::Publish;
use evenkeel_proto::record::{BootId, Moment, Record, StoredTime};
use evenkeel_proto::{Completion, DeliveryError, Event, Instant};

use super::{Oracle, Verdict};
use crate::message::MessageId;
use crate::observation::{Facts, Observation};
use crate::view::View;

/// Clocks that show milliseconds, read several times.
const ROUNDING: Duration = Duration::from_millis(10);

/// The messages of one client that expire, and what its processes know of time.
#[derive(Debug, Default)]
pub(super) struct Expiries {
    messages: BTreeMap<MessageId, Expiry>,
    boot: Option<BootId>,
    /// The last note that is stored.
    note: Option<StoredTime>,
    /// What the wall clock went forward by between boots, which counts as time.
    stepped: Duration,
    known: Known,
}

/// The time that processes cannot but know of: it stands still where a boot ended
/// without a note, and runs with the clock otherwise.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    from: Instant,
    age: Duration,
}

impl Known {
    fn at(self, now: Instant) -> Duration {
        self.age + now.since(self.from)
    }
}

/// A message that is useless after some time.
#[derive(Clone, Copy, Debug)]
struct Expiry {
    interval: Duration,
    accepted: Instant,
    /// When it was accepted, in the time that is known of, and by wall clocks.
    age: Duration,
    stepped: Duration,
}

impl Oracle for Expiries {
    fn see(&mut self, facts: &Facts, view: &View, seen: &Observation<'_>, verdict: &mut Verdict) {
        match seen {
            Observation::Expires(message, interval) => {
                let (accepted, age) = (facts.local, self.known.at(facts.local));
                let (interval, stepped) = (*interval, self.stepped);
                self.messages.insert(*message, Expiry { interval, accepted, age, stepped });
            }
            Observation::Began(moment) => self.begin(facts.local, moment),
            Observation::Stored(records) => {
                let note = |record: &Record| match record {
                    Record::Time(note) => Some(*note),
                    _ => None,
                };
                self.note = records.iter().rev().find_map(note).or(self.note);
            }
            Observation::Wrote(_, evenkeel_codec::Packet::Publish(publish), _) => {
                self.on_publish(facts.local, view, publish, verdict);
            }
            Observation::Completed(Completion::Publish { token, result }) => {
                self.on_outcome(facts.local, view.tokens.get(token), result, verdict);
            }
            Observation::Event(Event::Settled { serial, result }) => {
                self.on_outcome(facts.local, view.serials.get(serial), result, verdict);
            }
            _ => {}
        }
    }
}

impl Expiries {
    /// Another process begins.
    fn begin(&mut self, now: Instant, moment: &Moment) {
        let is_first = self.boot.is_none();
        if std::mem::replace(&mut self.boot, moment.boot) == moment.boot {
            return;
        }
        let age = match (is_first, self.note) {
            (false, Some(note)) => {
                self.stepped += step(&note, now, moment);
                self.known.at(note.at.max(self.known.from))
            }
            _ => self.known.age,
        };
        self.known = Known { from: now, age };
    }

    /// What the server is told to be left of its time.
    fn on_publish(&self, now: Instant, view: &View, publish: &Publish, verdict: &mut Verdict) {
        let message = MessageId::of(&publish.payload);
        let Some(expiry) = message.and_then(|message| self.messages.get(&message)) else { return };
        let Some(told) = publish.properties.message_expiry_interval() else { return };
        let told = Duration::from_secs(told.into());
        // It is encoded before it is written, and not before CONNACK came.
        let since = view.online().map_or(now, |(_, online)| online.since);
        let passed = self.known.at(since).saturating_sub(expiry.age);
        let most = expiry.interval.saturating_sub(passed) + Duration::from_secs(1) + ROUNDING;
        verdict.require("D18", told <= most.max(Duration::from_secs(1)), || {
            format!("{message:?} is sent with {told:?}, and {passed:?} have passed of {expiry:?}")
        });
        let passed = self.counted(now, expiry);
        verdict.require("D18", told + passed + ROUNDING >= expiry.interval, || {
            format!("{message:?} is sent with {told:?}, only {passed:?} have passed of {expiry:?}")
        });
    }

    fn on_outcome<T>(
        &mut self,
        now: Instant,
        message: Option<&MessageId>,
        result: &Result<T, DeliveryError>,
        verdict: &mut Verdict,
    ) {
        let Some(expiry) = message.and_then(|message| self.messages.get(message)) else { return };
        let passed = self.counted(now, expiry);
        let is_early = passed + ROUNDING < expiry.interval;
        let has_expired = matches!(result, Err(DeliveryError::Expired { .. }));
        verdict.require("D18", !(has_expired && is_early), || {
            format!("{message:?} expires after {passed:?}: {expiry:?}")
        });
    }

    /// The most that may count as time since a message was accepted.
    fn counted(&self, now: Instant, expiry: &Expiry) -> Duration {
        now.since(expiry.accepted) + (self.stepped - expiry.stepped)
    }
}

/// By how much more than the machine's clock the wall clock has gone forward since
/// the last note, which is another boot's.
fn step(note: &StoredTime, now: Instant, moment: &Moment) -> Duration {
    moment.wall.since(note.wall).saturating_sub(now.since(note.at))
}
