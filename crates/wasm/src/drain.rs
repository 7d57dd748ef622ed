//! One drain: all that the core wants done and has to tell, as records.

use bytes::Bytes;
use evenkeel_codec::Packet;
use evenkeel_proto::{Deadline, Event, Instant, Open, Output, Timer};

use crate::bound::Bound;
use crate::module;
use crate::payloads::Payloads;
use crate::records::{self, Place, Records, kind, milliseconds};

/// A drain ends after so many bytes; the rest comes with the next.
const ENOUGH: usize = 1 << 20;
/// A flag of the call: the transport has no batch.
const MAY_WRITE: u32 = 1;
const ALL_FLAGS: u32 = MAY_WRITE;

// Flags of `WAIT`.
const WANTS_READ: u32 = 1;
const MESSAGES_LEFT: u32 = 2;
const TAKES_PUBLISHES: u32 = 4;
const BYTES_LEFT: u32 = 8;

/// What one drain is allowed.
pub(crate) struct Allowed {
    messages: u32,
    may_write: bool,
}

impl Allowed {
    /// `None` if there are no such flags.
    pub(crate) const fn new(messages: u32, flags: u32) -> Option<Self> {
        if flags > ALL_FLAGS {
            return None;
        }
        Some(Self { messages, may_write: flags & MAY_WRITE != 0 })
    }
}

impl Bound {
    pub(crate) fn drain(
        &mut self,
        now: Instant,
        mut allowed: Allowed,
        records: &mut Records<'_>,
        payloads: &mut Payloads,
    ) {
        self.read.feed(&mut self.core, now);
        let deadline = loop {
            self.tell_packets(records, payloads);
            let deadline = self.tell_outputs(now, records, payloads);
            self.tell_outcomes(records);
            // Messages that were taken may let the core read on, and so say more.
            let taken = self.tell_messages(now, &mut allowed.messages, records);
            if !taken || records.len() >= ENOUGH {
                break deadline;
            }
        };
        self.tell_packets(records, payloads);
        self.tell_outcomes(records);
        let bytes_left = self.tell_bytes(allowed.may_write, records, payloads);
        tell_released(records, payloads);
        self.read.tidy(self.core.peek_message().is_none());
        if records.len() >= ENOUGH {
            records.put(kind::MORE, |_| {});
        } else {
            self.tell_wait(deadline, bytes_left, records);
        }
    }

    fn tell_packets(&mut self, records: &mut Records<'_>, payloads: &Payloads) {
        while let Some(traced) = self.core.next_traced() {
            if let Packet::Connect(connect) = &traced.packet {
                self.version = connect.version;
            }
            // Of one that was skipped as the trace began, the payload is not here.
            let is_skipped = match &traced.packet {
                Packet::Publish(publish) => self.read.skipped.find(&publish.payload).is_some(),
                _ => false,
            };
            if !is_skipped {
                records::packet(records, &traced, self.version, payloads);
            }
        }
    }

    /// Polls until the core waits: until when.
    fn tell_outputs(
        &mut self,
        now: Instant,
        records: &mut Records<'_>,
        payloads: &Payloads,
    ) -> Option<Deadline> {
        loop {
            match self.core.poll(now) {
                Output::Wait(deadline) => return deadline,
                Output::Open(open) => {
                    self.read.clear();
                    tell_open(&open, records);
                }
                Output::Close(close) => {
                    self.read.clear();
                    records::close(records, &close, payloads);
                }
                Output::Authenticate(conn, challenge) => {
                    records.put(kind::AUTHENTICATE, |record| {
                        record.word(records::connection(conn));
                        record.word(challenge.done.into());
                        record.count(challenge.data.len());
                        record.bytes(&challenge.data);
                    })
                }
                Output::Event(event) => self.tell_event(&event, records),
                Output::Commit(batch) => {
                    if let Some(store) = &mut self.store {
                        store.commit(batch, &mut self.core, now, records);
                    }
                }
            }
        }
    }

    fn tell_event(&mut self, event: &Event, records: &mut Records<'_>) {
        match event {
            Event::Connected(connected) => {
                self.version = connected.version;
                records::connected(records, connected);
            }
            Event::Disconnected { conn, cause, online_for } => {
                records::disconnected(records, *conn, cause, *online_for);
            }
            Event::Answered(answer) => records::answered(records, None, answer),
            other => records::event(records, other),
        }
    }

    fn tell_outcomes(&mut self, records: &mut Records<'_>) {
        while let Some(completion) = self.core.next_completion() {
            records::completion(records, &completion);
        }
        while let Some((token, written)) = self.on_their_way.next(&self.core) {
            records::settled(records, token, written);
        }
    }

    /// True if there was any.
    fn tell_messages(&mut self, now: Instant, most: &mut u32, records: &mut Records<'_>) -> bool {
        let mut taken = false;
        while *most > 0 && records.len() < ENOUGH {
            let Some(incoming) = self.core.next_message() else { break };
            *most -= 1;
            taken = true;
            let place = self.place(&incoming.publish.payload);
            let same_topic = incoming.publish.topic == self.last_topic;
            let ack = match incoming.ack {
                Some(key) => self.put_ack(key).unwrap_or(0),
                None => 0,
            };
            records::message(records, &incoming, ack, same_topic, place);
            if !same_topic {
                self.last_topic = incoming.publish.topic.detached();
            }
            if self.core.peek_message().is_none() {
                self.read.feed(&mut self.core, now);
            }
        }
        taken
    }

    /// Where the payload of the next message is.
    fn place(&mut self, payload: &Bytes) -> Place {
        if let Some(at) = self.read.in_chunk(payload) {
            return Place::InChunk(at);
        }
        match self.read.skipped.find(payload) {
            Some(number) => {
                self.read.skipped.told(number);
                Place::Skipped(number)
            }
            None => Place::Here,
        }
    }

    /// True if bytes are left that wait for the transport.
    fn tell_bytes(
        &mut self,
        may_write: bool,
        records: &mut Records<'_>,
        payloads: &Payloads,
    ) -> bool {
        if !may_write {
            return true;
        }
        if let Some(conn) = self.core.take_transmit(&mut self.batch) {
            records::write(records, conn, &self.batch, payloads);
            // The caller has all of it now.
            self.batch.clear();
            self.batch.shrink_to(KEPT_BATCH);
        }
        false
    }

    fn tell_wait(&self, deadline: Option<Deadline>, bytes_left: bool, records: &mut Records<'_>) {
        let timer = deadline.map(|deadline| deadline.timer);
        let slack = match timer {
            Some(Timer::Ping) => milliseconds(self.core.ping_slack()),
            _ => 0.0,
        };
        let flags = [
            (WANTS_READ, self.core.wants_read()),
            (MESSAGES_LEFT, self.core.peek_message().is_some()),
            (TAKES_PUBLISHES, self.core.takes_publishes()),
            (BYTES_LEFT, bytes_left),
        ];
        records.put(kind::WAIT, |record| {
            record.float(
                deadline.map_or(f64::NAN, |deadline| deadline.at.as_micros() as f64 / 1000.0),
            );
            record.word(timer.map_or(0, |timer| timer.code().into()));
            record.word(flags.iter().filter(|(_, set)| *set).map(|(flag, _)| flag).sum());
            record.float(slack);
        });
    }
}

/// Memory kept for the packets of the next batch.
const KEPT_BATCH: usize = 64 * 1024;

fn tell_open(open: &Open, records: &mut Records<'_>) {
    let redirect = open.redirect.as_ref().map_or(&[][..], |redirect| redirect.as_bytes());
    records.put(kind::OPEN, |record| {
        record.word(records::connection(open.conn));
        record.count(open.server);
        record.word(open.round);
        record.count(redirect.len());
        record.bytes(redirect);
    });
}

fn tell_released(records: &mut Records<'_>, payloads: &mut Payloads) {
    let released = module::take_released();
    if released.is_empty() {
        return;
    }
    records.put(kind::RELEASED, |record| {
        record.count(released.len());
        for number in released {
            payloads.forget(number);
            record.word(number);
        }
    });
}
