//! Passes what is seen on to all observers: the oracles of each client, the ledger, the trace
//! and the record that scenarios assert on.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_broker::EventKind;
use evenkeel_codec::{Packet, QoS, TopicFilter};
use evenkeel_proto::record::{Outcome, Record as StoreRecord, Serial};
use evenkeel_proto::{
    Completion, Config, DeliveryError, DisconnectCause, Event, Halt, Instant, Repetition, Retry,
};

use crate::message::MessageId;
use crate::observation::{Asked, Facts, Observation, Violation};
use crate::oracle::{Jury, Ledger, Verdict};
use crate::time::Time;
use crate::trace::{Summary, Trace, What};

/// What scenarios ask about one client.
#[derive(Debug, Default)]
pub struct Record {
    /// When connections were asked for.
    pub opens: Vec<Time>,
    /// When they were accepted.
    pub accepted: Vec<Time>,
    /// When and why connections ended.
    pub ends: Vec<(Time, DisconnectCause)>,
    /// Attempts that were set, with their delay.
    pub retries: Vec<(Retry, Duration)>,
    /// When PINGREQs were written.
    pub pings: Vec<Time>,
    /// What the client tolerated.
    pub tolerated: Tolerated,
    /// Diagnoses of a loop.
    pub loops: Vec<Repetition>,
    /// When there was to be no further attempt, and why.
    pub halts: Vec<(Time, Halt)>,
    /// Messages that applications took.
    pub taken: usize,
    /// Publishes that were accepted, and those that ended well.
    pub published: usize,
    /// Publishes that ended well.
    pub delivered: usize,
    /// Publishes that ended otherwise.
    pub failed: usize,
    /// Ends of its process.
    pub deaths: usize,
    /// Times without a byte from the server.
    pub silence: Silence,
    /// What happened to the client from outside that could end a connection.
    pub harmed: bool,
}

impl Record {
    /// How long it was online until then.
    pub fn online(&self, end: Time) -> Duration {
        let ended = |from: Time| self.ends.iter().map(|(at, _)| *at).find(|at| *at > from);
        let lives = self.accepted.iter().map(|from| ended(*from).unwrap_or(end).since(*from));
        lives.sum()
    }
}

/// What a client told of and tolerated.
#[derive(Debug, Default)]
pub struct Tolerated {
    /// Pings that were written off.
    pub written_off: usize,
    /// Connections on which the server sent more than it may.
    pub overruns: usize,
}

/// How long nothing came from the server while the client was accepted.
#[derive(Debug, Default)]
pub struct Silence {
    /// Longest time.
    pub longest: Duration,
    since: Option<Instant>,
}

/// All observers.
#[derive(Debug)]
pub struct Observers {
    /// One for each client.
    pub juries: Vec<Jury>,
    /// Accounts of all messages.
    pub ledger: Ledger,
    /// One for each client.
    pub records: Vec<Record>,
    /// The run's events.
    pub trace: Trace,
    /// Laws that were broken.
    pub violations: Vec<Violation>,
    /// Events of the broker by name.
    pub broker: BTreeMap<&'static str, u64>,
    /// Ends without a cause from outside are violations.
    pub expects_calm: bool,
}

impl Observers {
    /// Nobody yet.
    pub const fn new(trace: Trace) -> Self {
        Self {
            juries: Vec::new(),
            ledger: Ledger::new(),
            records: Vec::new(),
            trace,
            violations: Vec::new(),
            broker: BTreeMap::new(),
            expects_calm: true,
        }
    }

    /// Looks at one more client.
    pub fn enrol(&mut self, declared: &Config, is_durable: bool, is_successor: bool) {
        let client = self.juries.len();
        self.ledger.enrol(client, declared, is_successor);
        self.juries.push(Jury::new(client, declared.clone(), is_durable));
        self.records.push(Record::default());
    }

    /// Notes something in the timeline.
    pub fn note(&mut self, time: Time, client: Option<usize>, text: impl Into<String>) {
        self.trace.push(time, client, What::Note(text.into()));
    }

    /// A law of the world as a whole is broken.
    pub fn broken(&mut self, law: &'static str, time: Time, client: Option<usize>, text: String) {
        self.violations.push(Violation { law, time, client, text });
    }

    /// Something was seen of a client.
    pub fn see(&mut self, client: usize, facts: &Facts, seen: &Observation<'_>) {
        let mut verdict = Verdict::default();
        self.account(client, facts, seen, &mut verdict);
        let Some(jury) = self.juries.get_mut(client) else { return };
        let found = jury.see(facts, seen);
        self.violations.extend(found);
        let world = verdict.into_violations(facts.time, client);
        self.violations.extend(world);
        self.write_down(client, facts, seen);
        self.tell(client, facts.time, seen);
    }

    /// D3: the ledger's side, which needs the message behind a token.
    fn account(
        &mut self,
        client: usize,
        facts: &Facts,
        seen: &Observation<'_>,
        verdict: &mut Verdict,
    ) {
        let Some(jury) = self.juries.get(client) else { return };
        let (view, _) = (&jury.view, facts);
        match seen {
            Observation::Completed(Completion::Publish { token, result }) => {
                if let Some(message) = view.tokens.get(token) {
                    self.ledger.completed(*message, result, verdict);
                }
            }
            Observation::Event(Event::Settled { serial, result }) => {
                if let Some(message) = view.serials.get(serial) {
                    self.ledger.completed(*message, result, verdict);
                }
            }
            Observation::Wrote(_, Packet::Connect(_), _) => self.ledger.connects(client),
            Observation::Stored(records) => {
                records.iter().for_each(|record| self.ledger.stored(client, record));
                for (serial, is_delivered) in records.iter().filter_map(ends) {
                    let Some(message) = view.serials.get(&serial) else { continue };
                    self.ledger.gone(*message);
                    // Whether or not it was told.
                    if is_delivered {
                        self.ledger.completed(*message, &Ok(()), verdict);
                    }
                }
            }
            Observation::Got(_, Packet::PubRec(ack)) if ack.reason.is_error() => {
                self.ledger.refused(client, ack.packet_id.get());
            }
            Observation::Died(_) => self.ledger.died(client, &view.receipts),
            Observation::Recovered(_) => self.ledger.recovered(client),
            Observation::Taking(delivery) => self.ledger.taken(client, delivery, verdict),
            Observation::OpenedStream(filter) => self.ledger.opened_stream(client, filter),
            Observation::Reached(filter, delivery) => {
                self.ledger.reached(client, filter, delivery, verdict);
            }
            _ => {}
        }
    }

    fn write_down(&mut self, client: usize, facts: &Facts, seen: &Observation<'_>) {
        let is_calm = self.expects_calm;
        let Some(record) = self.records.get_mut(client) else { return };
        match seen {
            Observation::Opening(_) => record.opens.push(facts.time),
            Observation::Wrote(_, Packet::PingReq, _) => record.pings.push(facts.time),
            Observation::Arrived(..) => record.heard(facts.local),
            Observation::Accepted(_, Asked::Publish(..)) => record.published += 1,
            Observation::Completed(Completion::Publish { result, .. }) => match result {
                Ok(_) => record.delivered += 1,
                Err(_) => record.failed += 1,
            },
            Observation::Taking(_) => record.taken += 1,
            Observation::Event(Event::Connected(_)) => {
                record.accepted.push(facts.time);
                record.silence.since = Some(facts.local);
            }
            Observation::Event(Event::Disconnected { cause, .. }) => {
                record.heard(facts.local);
                record.silence.since = None;
                record.ends.push((facts.time, (**cause).clone()));
                let wanted = matches!(
                    **cause,
                    DisconnectCause::Shutdown
                        | DisconnectCause::ReconnectRequested
                        | DisconnectCause::Renewal
                );
                if is_calm && !record.harmed && !wanted {
                    let text = format!("ended by {cause:?}, though nothing went wrong");
                    self.broken("calm", facts.time, Some(client), text);
                }
            }
            Observation::Event(Event::RetryScheduled { retry, delay }) => {
                record.retries.push((*retry, *delay));
            }
            Observation::Event(Event::PingUnanswered { .. }) => record.tolerated.written_off += 1,
            Observation::Event(Event::ReceiveMaximumExceeded { .. }) => {
                record.tolerated.overruns += 1
            }
            Observation::Event(Event::Settled { result, .. }) => match result {
                Ok(()) => record.delivered += 1,
                Err(DeliveryError::StillStored { .. }) => {}
                Err(_) => record.failed += 1,
            },
            Observation::Died(_) => {
                record.deaths += 1;
                record.silence.since = None;
            }
            Observation::Event(Event::Loop(repetition)) => record.loops.push(*repetition),
            Observation::Event(Event::Halted(halt)) => record.halts.push((facts.time, *halt)),
            _ => {}
        }
    }

    /// Writes the timeline.
    fn tell(&mut self, client: usize, time: Time, seen: &Observation<'_>) {
        let what = match seen {
            Observation::Wrote(_, packet, _) | Observation::LastPacket(_, packet) => {
                What::Sent(Summary::of(packet))
            }
            Observation::Got(_, packet) => What::Got(Summary::of(packet)),
            Observation::Taken(_, left) => return self.trace.mix(&[time.0, *left as u64]),
            Observation::Arrived(_, bytes) => return self.trace.mix(&[time.0, *bytes as u64]),
            Observation::Waits(deadline) => {
                let at = deadline.map_or(0, |deadline| deadline.at.as_micros());
                return self.trace.mix(&[time.0, at]);
            }
            Observation::Settled(settled) => {
                return self.trace.mix(&[settled.queued as u64, settled.in_flight as u64]);
            }
            Observation::Taking(delivery) => {
                What::Note(format!("takes {} as message {}", delivery.message, delivery.number))
            }
            Observation::Reached(filter, delivery) => {
                What::Note(format!("message {} reaches the stream of {filter}", delivery.number))
            }
            Observation::Done(number) => What::Note(format!("is done with message {number}")),
            Observation::Accepted(_, Asked::Publish(message, _)) => {
                What::Note(format!("publishes {message}"))
            }
            Observation::Commit(records) => What::Note(format!("asks to store {}", words(records))),
            Observation::Stored(records) => What::Note(format!("has stored {}", words(records))),
            Observation::Died(how) => What::Note(format!("is dead: {how:?}")),
            Observation::Recovered(recovered) => What::Note(format!(
                "begins with {} exchanges, {:?} queued, received {:?}, {} subscriptions",
                recovered.exchanges.len(),
                recovered.queued.map(|count| count.messages),
                recovered.received,
                recovered.subscriptions.len()
            )),
            Observation::Event(event) => What::Note(format!("event {event:?}")),
            Observation::Completed(Completion::Publish { token, result }) => {
                What::Note(format!("outcome of {}: {result:?}", token.0))
            }
            other => What::Note(format!("{other:?}")),
        };
        self.trace.push(time, Some(client), what);
    }

    /// The broker decided something. `message` is what a PUBLISH held.
    pub fn broker(
        &mut self,
        event: &evenkeel_broker::Event,
        message: impl FnOnce() -> Option<MessageId>,
    ) {
        let time = Time(event.time.as_micros());
        *self.broker.entry(event.name()).or_default() += 1;
        let client_id = event.client_id.as_deref().unwrap_or_default();
        match &event.kind {
            EventKind::PublishReceived { .. } => {
                if let Some(message) = message() {
                    self.ledger.received(message);
                }
                return;
            }
            EventKind::PublishSent { .. } | EventKind::PingReceived | EventKind::PingAnswered => {
                return;
            }
            EventKind::Subscribed { filter, reason } => {
                if let (Ok(filter), Some(qos)) =
                    (TopicFilter::try_from(filter.as_str()), QoS::from_level(reason.0))
                {
                    self.ledger.subscribed(client_id, filter, qos);
                }
            }
            EventKind::Unsubscribed { filter } => {
                if let Ok(filter) = TopicFilter::try_from(filter.as_str()) {
                    self.ledger.unsubscribed(client_id, &filter);
                }
            }
            EventKind::SessionEnded { .. } => self.ledger.session_ended(client_id),
            EventKind::MessageDropped { .. } => self.ledger.dropped(client_id),
            EventKind::ProtocolError { rule, detail, .. } => {
                let text = format!("{client_id} breaks {rule}: {detail}");
                self.broken("protocol", time, None, text);
            }
            EventKind::NotEncodable { packet, rule } => {
                let text = format!("the broker cannot encode {packet:?}: {rule}");
                self.broken("broker", time, None, text);
            }
            _ => {}
        }
        self.note(time, None, format!("broker {client_id} {:?}", event.kind));
    }

    /// Something happens to a client that may end its connection.
    pub fn harm(&mut self, client: usize) {
        if let Some(record) = self.records.get_mut(client) {
            record.harmed = true;
        }
    }
}

/// The message that a store lets go of by this record, and whether it is delivered.
const fn ends(record: &StoreRecord) -> Option<(Serial, bool)> {
    match record {
        StoreRecord::Done { serial, outcome } => {
            Some((*serial, matches!(outcome, Outcome::Delivered)))
        }
        StoreRecord::Quarantined { serial, .. } => Some((*serial, false)),
        _ => None,
    }
}

/// Records in few words.
fn words(records: &[StoreRecord]) -> String {
    let words = records.iter().map(|record| match record {
        StoreRecord::Accepted(accepted) => {
            let message = MessageId::of(&accepted.publish.payload);
            let message = message.map(|message| message.to_string()).unwrap_or_default();
            format!("accepted {} {message}", accepted.serial)
        }
        StoreRecord::Sent { serial, packet_id } => format!("sent {serial} id={packet_id}"),
        StoreRecord::Released { serial } => format!("released {serial}"),
        StoreRecord::Done { serial, outcome } => format!("done {serial} {outcome:?}"),
        StoreRecord::Quarantined { serial, .. } => format!("quarantined {serial}"),
        StoreRecord::Received { packet_id } => format!("received id={packet_id}"),
        StoreRecord::Finished { packet_id } => format!("finished id={packet_id}"),
        StoreRecord::Subscribed(stored) => format!("subscribed {:?}", stored.filter.filter),
        StoreRecord::Unsubscribed { filter } => format!("unsubscribed {filter:?}"),
        other => format!("{other:?}"),
    });
    words.collect::<Vec<_>>().join(", ")
}

impl Record {
    fn heard(&mut self, now: Instant) {
        if let Some(last) = self.silence.since {
            self.silence.longest = self.silence.longest.max(now.since(last));
            self.silence.since = Some(now);
        }
    }
}
