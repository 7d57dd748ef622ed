//! D1, D3, D4 and D8 if there is a store: what it holds as packets go out
//! and as things are told, and what it is left with.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_codec::{Ack, Packet, QoS, ReasonCode, TopicFilter};
use evenkeel_proto::record::{Outcome, Record, Serial, StorageFailure};
use evenkeel_proto::{Completion, DeliveryError, Event, ShutdownReport, Token};

use super::{Oracle, Verdict};
use crate::message::MessageId;
use crate::observation::{Asked, Facts, Observation};
use crate::setup::Death;
use crate::view::View;

/// What is in the store, by the records that were committed, and what was
/// told of it.
#[derive(Debug, Default)]
pub(super) struct Durables {
    messages: BTreeMap<Serial, Held>,
    names: BTreeMap<MessageId, Serial>,
    /// What this process accepted, by token: being stored may be told after
    /// the outcome.
    accepted: BTreeMap<Token, MessageId>,
    /// This process has told that nobody knows whether they are stored.
    unknown: BTreeSet<MessageId>,
    exchanges: BTreeMap<u16, Serial>,
    given_up: GivenUp,
    received: BTreeSet<u16>,
    /// Exchanges of incoming messages that ended on this connection.
    finished: BTreeSet<u16>,
    subscriptions: BTreeSet<TopicFilter>,
    /// How often each was stored and its outcome not told; it may have ended.
    just_subscribed: BTreeMap<TopicFilter, u32>,
    unproven: bool,
    /// Batches asked for since the last one that was committed.
    uncommitted: u32,
    /// The client has told that its store fails.
    is_failing: bool,
    /// What the client said it left behind.
    report: Option<ShutdownReport>,
}

/// Identifiers of exchanges that were given up.
#[derive(Debug, Default)]
struct GivenUp {
    /// The server may hold these.
    held: BTreeSet<u16>,
    /// Those of them that it has let go of.
    answered: BTreeSet<u16>,
    /// PUBRECs of this connection that no exchange waited for.
    strays: BTreeSet<u16>,
    /// The server's session, if it has one, was begun with this store.
    knows_session: bool,
}

/// A message that was stored.
#[derive(Debug)]
struct Held {
    message: MessageId,
    place: Place,
    /// This process has told its outcome.
    is_over: bool,
    /// The evidence that was told: deaths and sendings.
    evidence: Option<(u8, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Queued,
    Sent(u16),
    Released(u16),
    Quarantined,
    Done,
}

impl Oracle for Durables {
    fn see(&mut self, _: &Facts, view: &View, seen: &Observation<'_>, verdict: &mut Verdict) {
        if !view.is_durable {
            return;
        }
        match seen {
            Observation::Commit(_) => self.uncommitted += 1,
            Observation::Accepted(token, Asked::Publish(message, _)) => {
                self.accepted.insert(*token, *message);
            }
            Observation::Stored(records) => {
                self.uncommitted = 0;
                records.iter().for_each(|record| self.add(record, verdict));
            }
            Observation::Wrote(_, packet, _) => self.on_packet(view, packet, verdict),
            Observation::Got(_, Packet::PubComp(ack))
                if self.given_up.held.contains(&ack.packet_id.get()) =>
            {
                self.given_up.answered.insert(ack.packet_id.get());
            }
            Observation::Got(_, Packet::PubRec(ack))
                if !self.exchanges.contains_key(&ack.packet_id.get()) =>
            {
                self.given_up.strays.insert(ack.packet_id.get());
            }
            Observation::Completed(completion) => self.on_completion(view, completion, verdict),
            Observation::Event(event) => self.on_event(event, verdict),
            Observation::Settled(settled) => self.report = settled.report,
            Observation::Died(how) => {
                if let Death::Leave(_) = how {
                    self.on_end(verdict);
                }
                // The next process may close before anything is seen of it.
                self.report = None;
                self.accepted.clear();
                self.just_subscribed.clear();
                self.unknown.clear();
                self.given_up.answered.clear();
                self.is_failing = false;
                self.uncommitted = 0;
            }
            Observation::Recovered(_) => {
                for held in self.messages.values_mut() {
                    held.is_over = false;
                    // What was told and not stored is lost with the process.
                    held.evidence.take_if(|_| held.place != Place::Quarantined);
                }
            }
            Observation::Ended => self.on_end(verdict),
            _ => {}
        }
    }
}

impl Durables {
    fn add(&mut self, record: &Record, verdict: &mut Verdict) {
        match record {
            Record::Accepted(accepted) => {
                let Some(message) = MessageId::of(&accepted.publish.payload) else { return };
                let held = Held { message, place: Place::Queued, is_over: false, evidence: None };
                self.messages.insert(accepted.serial, held);
                self.names.insert(message, accepted.serial);
            }
            // Its message was in a batch that failed: of that there is no exchange.
            Record::Sent { serial, .. } if !self.messages.contains_key(serial) => {}
            Record::Sent { serial, packet_id } => {
                let before = self.exchanges.insert(packet_id.get(), *serial);
                verdict.require("D4", !self.given_up.held.contains(&packet_id.get()), || {
                    format!("{packet_id} is stored for {serial}, and was given up before")
                });
                // The same again: a message that may be lost is sent again.
                verdict.require("D4", before.is_none_or(|before| before == *serial), || {
                    format!("{packet_id} is stored for {serial}, and in use by {before:?}")
                });
                self.place(*serial, Place::Sent(packet_id.get()), verdict);
            }
            Record::Released { serial } | Record::ReleasedAndKept { serial } => {
                if let Some(Place::Sent(id)) = self.messages.get(serial).map(|held| held.place) {
                    self.place(*serial, Place::Released(id), verdict);
                }
            }
            Record::Done { serial, outcome } => {
                verdict.require("D1", *outcome != Outcome::Removed, || {
                    format!("{serial} is stored as removed, and nobody asked for that")
                });
                self.place(*serial, Place::Done, verdict);
            }
            Record::Quarantined { serial, deaths, attempts } => {
                let told = self.messages.get(serial).and_then(|held| held.evidence);
                let is_told = told.is_none_or(|told| told == (*deaths, *attempts));
                verdict.require("R7", is_told, || {
                    format!("{serial} is stored with {deaths} deaths in {attempts}, told {told:?}")
                });
                self.place(*serial, Place::Quarantined, verdict);
            }
            Record::Received { packet_id } => {
                self.received.insert(packet_id.get());
            }
            Record::Finished { packet_id } => {
                self.received.remove(&packet_id.get());
                self.finished.insert(packet_id.get());
            }
            Record::Clearing { packet_id } => {
                self.given_up.held.insert(packet_id.get());
            }
            Record::Freed { packet_id } => {
                self.given_up.held.remove(&packet_id.get());
                self.given_up.answered.remove(&packet_id.get());
            }
            Record::Subscribed(subscription) => {
                let filter = &subscription.filter.filter;
                self.subscriptions.insert(filter.clone());
                *self.just_subscribed.entry(filter.clone()).or_default() += 1;
            }
            Record::Unsubscribed { filter } => drop(self.subscriptions.remove(filter)),
            Record::SessionLost => {
                self.received.clear();
                self.given_up.knows_session = true;
            }
            Record::Unproven => self.unproven = true,
            Record::Proven => self.unproven = false,
            Record::SessionUnknown => self.given_up.knows_session = false,
            Record::Identity { .. } | Record::Time(_) => {}
        }
    }

    fn place(&mut self, serial: Serial, place: Place, verdict: &mut Verdict) {
        let Some(held) = self.messages.get_mut(&serial) else { return };
        verdict.require("D1", held.place != Place::Done, || {
            format!("{serial}, {}, is over, and now {place:?}", held.message)
        });
        held.place = place;
        if let Place::Done | Place::Quarantined = place {
            self.exchanges.retain(|_, of| *of != serial);
        }
    }

    fn on_packet(&self, view: &View, packet: &Packet, verdict: &mut Verdict) {
        match packet {
            Packet::Connect(_) => {
                verdict.require("D8", self.unproven || self.is_failing, || {
                    "CONNECT goes out before it is stored that a session may begin".into()
                });
            }
            Packet::Publish(publish) if publish.qos > QoS::AtMostOnce => {
                let id = publish.packet_id.map_or(0, evenkeel_codec::PacketId::get);
                let message = MessageId::of(&publish.payload);
                let serial = message.and_then(|message| self.names.get(&message));
                let place = serial.and_then(|serial| self.messages.get(serial));
                let place = place.map(|held| held.place);
                verdict.require("R7", place != Some(Place::Quarantined), || {
                    format!("{message:?} is sent, and was set aside")
                });
                verdict.require("D3", place == Some(Place::Sent(id)), || {
                    format!("PUBLISH {id} of {message:?} goes out before that is stored: {place:?}")
                });
            }
            Packet::PubRec(ack) if !ack.reason.is_error() => {
                verdict.require("D3", self.received.contains(&ack.packet_id.get()), || {
                    format!("PUBREC {} goes out before the receipt is stored", ack.packet_id)
                });
            }
            Packet::PubRel(ack) => self.on_pubrel(ack, verdict),
            Packet::PubComp(ack) if ack.reason == ReasonCode::SUCCESS => {
                let id = ack.packet_id.get();
                let is_over = !self.received.contains(&id) || self.finished.contains(&id);
                // Before MQTT 5 an unknown identifier is answered in the same way.
                let is_known = view.incoming.contains_key(&id);
                verdict.require("D3", is_over || !is_known, || {
                    format!("PUBCOMP {id} goes out before the end is stored")
                });
            }
            _ => {}
        }
    }

    fn on_pubrel(&self, ack: &Ack, verdict: &mut Verdict) {
        let id = ack.packet_id.get();
        let serial = self.exchanges.get(&id);
        // D13: the server may have a session that is older than the store.
        let is_known = !self.given_up.knows_session
            || serial.is_some()
            || self.given_up.held.contains(&id)
            || self.given_up.strays.contains(&id);
        verdict.require("D4", is_known, || {
            format!("PUBREL {id} goes out for what was given up, and that is not stored")
        });
        let held = serial.and_then(|serial| self.messages.get(serial));
        // The identifier of a message that is over is given back as others are.
        let held = held.filter(|held| self.given_up.knows_session || !held.is_over);
        let place = held.map(|held| held.place);
        let is_released = place.is_none_or(|place| matches!(place, Place::Released(_)));
        verdict.require("D3", is_released || ack.reason != ReasonCode::SUCCESS, || {
            format!("PUBREL {} goes out before the release is stored: {place:?}", ack.packet_id)
        });
    }

    fn on_completion(&mut self, view: &View, completion: &Completion, verdict: &mut Verdict) {
        match completion {
            Completion::Stored { token, serial } => {
                let message = self.messages.get(serial).map(|held| held.message);
                let is_it = message.is_some() && message == self.accepted.get(token).copied();
                verdict.require("D3", is_it, || {
                    format!("{serial} is told to be stored, and holds {message:?}")
                });
            }
            Completion::Publish { token, result } => {
                let Some(message) = self.accepted.get(token).copied() else { return };
                if let Err(DeliveryError::NotStored(StorageFailure::TimedOut)) = result {
                    self.unknown.insert(message);
                }
                self.on_outcome(self.names.get(&message).copied(), result, verdict);
            }
            Completion::Subscribe { token, result: Ok(codes) } if view.shutdown.is_none() => {
                let Some(Asked::Subscribe(filters)) = view.operations.get(token) else { return };
                for (entry, code) in filters.iter().zip(codes) {
                    let untold = self.just_subscribed.get_mut(&entry.filter);
                    let untold = untold.filter(|untold| **untold > 0).map(|untold| *untold -= 1);
                    let is_stored = untold.is_some() || self.subscriptions.contains(&entry.filter);
                    verdict.require("D8", is_stored || code.is_error(), || {
                        format!("{:?} is granted, and not stored", entry.filter)
                    });
                }
            }
            _ => {}
        }
    }

    fn on_event(&mut self, event: &Event, verdict: &mut Verdict) {
        match event {
            Event::StoreFailed { .. } => self.is_failing = true,
            Event::StoreRestored => self.is_failing = false,
            Event::Disconnected { .. } => {
                self.finished.clear();
                self.given_up.strays.clear();
            }
            Event::Settled { serial, result } => {
                self.on_outcome(Some(*serial), result, verdict);
            }
            Event::Recovered { exchanges, queued, quarantined, subscriptions } => {
                let told = (*exchanges, *queued, *quarantined as usize, *subscriptions);
                let count =
                    |place| self.messages.values().filter(|held| held.place == place).count();
                let held = (
                    self.exchanges.len(),
                    count(Place::Queued),
                    count(Place::Quarantined),
                    self.subscriptions.len(),
                );
                verdict.require("D1", told == held, || {
                    format!("recovered are told {told:?}, and there were {held:?}")
                });
            }
            _ => {}
        }
    }

    fn on_outcome<T>(
        &mut self,
        serial: Option<Serial>,
        result: &Result<T, DeliveryError>,
        verdict: &mut Verdict,
    ) {
        let Some(held) = serial.and_then(|serial| self.messages.get_mut(&serial)) else { return };
        match result {
            Err(DeliveryError::StillStored { .. }) => {}
            Err(DeliveryError::NotStored(StorageFailure::TimedOut)) => {}
            Err(DeliveryError::NotStored(_)) => {
                verdict.broken("D1", format!("{} is told not to be stored, and is", held.message));
            }
            _ => {
                let is_late = held.place == Place::Done && held.message.qos > 0;
                verdict.require("D1", !held.is_over && !is_late, || {
                    format!("{} has a second outcome", held.message)
                });
                held.is_over = true;
            }
        }
        if let Err(DeliveryError::Quarantined { deaths, attempts }) = result {
            held.evidence = Some((*deaths, *attempts));
        }
    }

    /// The client has closed in order: the store is left with what it said.
    fn on_end(&self, verdict: &mut Verdict) {
        let Some(report) = self.report else { return };
        if self.uncommitted > 0 {
            return;
        }
        // The end of one that is over may not have been stored.
        let is_left =
            |held: &&Held| !held.is_over && !matches!(held.place, Place::Quarantined | Place::Done);
        let left: Vec<_> = self.messages.values().filter(is_left).collect();
        let unknown = left.iter().filter(|held| self.unknown.contains(&held.message)).count();
        let is_told = left.len() - unknown == report.stored;
        verdict.require("D12", is_told, || {
            format!("{} are told to be left in the store; left are {left:?}", report.stored)
        });
        verdict.require("D4", self.given_up.answered.is_empty(), || {
            format!("{:?} are free, and stored as given up", self.given_up.answered)
        });
        let quarantined = |held: &&Held| held.evidence.is_some() && held.is_over;
        let forgotten = self.messages.values().filter(quarantined);
        let mut forgotten = forgotten.filter(|held| held.place != Place::Quarantined);
        if let Some(held) = forgotten.next() {
            verdict
                .broken("R7", format!("{} was set aside, and is {:?}", held.message, held.place));
        }
    }
}
