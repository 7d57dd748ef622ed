//! TCP connections: who speaks with whom, in order.

mod data;
mod half;
mod owed;
mod slots;
mod tcp;
mod timers;

use std::collections::HashMap;

use evenkeel_doctor::{Address, Bounds, ConnectionId, OpenFailure, Place, Time, Vantage, What};

use super::names::{Names, Unresolved};
use super::net::{Dns, Endpoint, Icmp, Segment};
use super::out::{Ground, Out, Told};
use super::sources::Sources;
use super::speech::{Speech, Verdict};
use crate::Sink;
use crate::fold::FoldKey;
use slots::Slots;
use tcp::Flow;
use timers::{Due, Timers};

/// Connections followed at one time; one more number is that of names.
const CONNECTIONS: usize = Bounds::CONNECTIONS - 1;
/// The number of what failed before it was a connection.
const UNRESOLVED: ConnectionId = ConnectionId(CONNECTIONS as u32);
/// Timers, from which on those of forgotten connections are looked for: a
/// connection more than live ones can be. Time may stand still in a capture.
const TIMERS: usize = 6 * CONNECTIONS;
/// Bytes held of all connections together.
const HELD: usize = 32 << 20;

/// The bytes of one connection at most, without what is held for it: itself and
/// what it speaks, events that wait, its places in the list, in an index of
/// which half is in use, and its timers.
const EACH: usize = size_of::<Flow>()
    + Speech::BESIDE
    + Told::BESIDE
    + Slots::EACH
    + 2 * size_of::<(Pair, u32)>()
    + TIMERS / CONNECTIONS * Timers::EACH;

/// The bytes of all connections at most.
pub(super) const MOST: usize = CONNECTIONS * EACH + HELD;

/// Both ends of a connection, the lower one first.
type Pair = (Endpoint, Endpoint);

/// A moment of the capture.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Now {
    pub(super) at: Time,
    pub(super) place: Place,
}

/// What is counted over all connections.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Connections that were told of.
    pub(super) connections: u64,
    /// Bytes that the capture lacks, how often.
    pub(super) gaps: u64,
    /// Connections that were forgotten for others.
    pub(super) forgotten: u64,
}

/// All connections.
#[derive(Debug)]
pub(super) struct Flows {
    ports: Vec<u16>,
    index: HashMap<Pair, u32, FoldKey>,
    slots: Slots,
    timers: Timers,
    clock: Time,
    held: usize,
    names: Names,
    pub(super) sources: Sources,
    pub(super) ground: Ground,
    pub(super) counts: Counts,
}

impl Flows {
    pub(super) fn new(name: &str, ports: &[u16]) -> Self {
        Self {
            ports: ports.to_vec(),
            index: HashMap::default(),
            slots: Slots::new(CONNECTIONS),
            timers: Timers::default(),
            clock: Time(i64::MIN),
            held: 0,
            names: Names::default(),
            sources: Sources::new(name),
            ground: Ground::default(),
            counts: Counts::default(),
        }
    }

    /// Bytes held of all connections.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Takes a segment in.
    pub(super) fn segment(&mut self, segment: &Segment<'_>, now: Now, sink: &mut dyn Sink) {
        self.pass(now, sink);
        let pair = pair(segment.from, segment.to);
        let asks = segment.flags.syn() && !segment.flags.ack();
        let mut known = self.index.get(&pair).copied();
        let is_another =
            |flow: &Flow| (asks && !flow.asked_with(segment.seq)) || flow.comes_up_with(segment);
        if let Some(slot) = known
            && self.slots.get(slot).is_some_and(is_another)
        {
            // The same ports again: another connection.
            self.free(slot, now, sink);
            known = None;
        }
        let Some(slot) = known.or_else(|| self.begin(pair, segment, now, sink)) else { return };
        self.slots.touch(slot);
        self.with(slot, now, sink, |flow, counts, out| flow.segment(segment, counts, out));
    }

    /// Takes in what a router says of a segment.
    pub(super) fn icmp(&mut self, icmp: &Icmp, now: Now, sink: &mut dyn Sink) {
        self.pass(now, sink);
        let Some(&slot) = self.index.get(&pair(icmp.from, icmp.to)) else { return };
        self.with(slot, now, sink, |flow, _, out| flow.notice(icmp.notice, out));
    }

    /// Takes in what a resolver is asked or says.
    pub(super) fn dns(&mut self, client: Endpoint, dns: Dns, now: Now, sink: &mut dyn Sink) {
        self.pass(now, sink);
        // Whether a name has no address is said by what all have.
        let failed = match dns.answer {
            None if !dns.v6 => {
                self.names.ask(client, dns, now.at, now.place);
                None
            }
            Some(answer) => self.names.answer(client, dns.id, answer, now.at),
            None => None,
        };
        if let Some(failed) = failed {
            self.unresolved(&failed, now.at, sink);
        }
    }

    /// Tells of a name that could not be resolved.
    fn unresolved(&mut self, failed: &Unresolved, at: Time, sink: &mut dyn Sink) {
        let vantage = failed.server.map_or(Vantage::Plain, |server| self.sources.guess(server));
        let Some(source) = self.sources.get(vantage, sink) else { return };
        let client = Address { host: sink.keep(&failed.client.to_string()), port: 0 };
        let server = match failed.server {
            Some(end) => Address { host: sink.keep(&end.host.to_string()), port: end.port },
            None => Address { host: sink.keep(&failed.name), port: 0 },
        };
        let mut told = Told::To(source);
        let (ground, place) = (&mut self.ground, failed.place);
        // A packet may be older than those before it.
        let at = at.max(failed.asked);
        let mut out = Out { sink, ground, told: &mut told, number: UNRESOLVED, at, place };
        out.tell_of(failed.asked, place, What::Opening { client, server });
        out.tell(What::OpenFailed(OpenFailure::Name));
        out.tell(What::Forgotten);
    }

    /// Time has passed.
    fn pass(&mut self, now: Now, sink: &mut dyn Sink) {
        self.clock = self.clock.max(now.at);
        while let Some(failed) = self.names.silent(self.clock) {
            self.unresolved(&failed, now.at, sink);
        }
        while let Some((slot, serial, due)) = self.timers.due(self.clock) {
            if self.slots.get(slot).is_some_and(|flow| flow.serial == serial) {
                self.timer(slot, due, now, sink);
            }
        }
    }

    fn timer(&mut self, slot: u32, due: Due, now: Now, sink: &mut dyn Sink) {
        match due {
            Due::Free => self.free(slot, now, sink),
            Due::Record => self.with(slot, now, sink, |flow, _, out| flow.record_due(out)),
            Due::Owed => {
                // By the clock that the timer went by: one packet may be older.
                let now = Now { at: self.clock, ..now };
                self.with(slot, now, sink, |flow, counts, out| flow.owed_due(counts, out));
            }
            Due::Guess => self.guess(slot, now, sink),
            Due::Silent => self.with(slot, now, sink, |flow, _, out| flow.silent(out)),
        }
    }

    /// A connection that was not seen before; `None` if it is of no interest.
    fn begin(
        &mut self,
        pair: Pair,
        segment: &Segment<'_>,
        now: Now,
        sink: &mut dyn Sink,
    ) -> Option<u32> {
        // A server that spoke MQTT once is one of MQTT, on whatever port.
        let is_server = |end: Endpoint| self.ports.contains(&end.port) || self.sources.knows(end);
        let mut flow = Flow::begin(pair, segment, is_server)?;
        if let Some(oldest) = self.slots.oldest_if_full() {
            self.counts.forgotten += 1;
            self.free(oldest, now, sink);
        }
        if self.timers.len() >= TIMERS {
            let lives = |slot, serial| self.slots.get(slot).is_some_and(|it| it.serial == serial);
            self.timers.keep_of(lives);
        }
        let (slot, serial) = self.slots.insert(|serial| {
            flow.serial = serial;
            flow
        });
        self.index.insert(pair, slot);
        self.timers.set(now.at, Due::Guess, slot, serial);
        if self.slots.get(slot).is_some_and(Flow::is_asking) {
            self.timers.set(now.at, Due::Silent, slot, serial);
        }
        self.with(slot, now, sink, |flow, _, out| flow.opening(out));
        self.decide_early(slot, now, sink);
        Some(slot)
    }

    /// Does something with a connection, and what follows from it.
    fn with(
        &mut self,
        slot: u32,
        now: Now,
        sink: &mut dyn Sink,
        work: impl FnOnce(&mut Flow, &mut Counts, &mut Out<'_>),
    ) {
        let Self { slots, ground, counts, timers, held, sources, clock, names, .. } = self;
        let Some(flow) = slots.get_mut(slot) else { return };
        let mut told = std::mem::replace(&mut flow.told, Told::Nobody);
        // Times within a connection never go back, whatever its packets say.
        flow.newest = flow.newest.max(now.at);
        let number = ConnectionId(slot);
        let (at, place) = (flow.newest, now.place);
        let mut out = Out { sink, ground, told: &mut told, number, at, place };
        let was_done = flow.done;
        work(flow, counts, &mut out);
        let now_held = flow.held();
        *held = *held + now_held - flow.counted;
        flow.counted = now_held;
        if *held > HELD {
            flow.let_go(counts, &mut out);
            flow.counted = flow.held();
            *held = *held + flow.counted - now_held;
        }
        for due in flow.wants_timers() {
            timers.set(*clock, due, slot, flow.serial);
        }
        if flow.done && !was_done {
            timers.set(*clock, Due::Free, slot, flow.serial);
        }
        let vantage = match (&out.told, flow.verdict()) {
            (Told::Held(_), Verdict::Told(vantage)) => Some(vantage),
            // It ended before it said anything: it is as others with this server.
            (Told::Held(_), Verdict::Open) if flow.has_ended() && flow.listed => {
                Some(sources.guess(flow.server()))
            }
            (_, Verdict::Open | Verdict::Told(_)) => None,
            (_, Verdict::Ignored) => {
                self.remove(slot);
                return;
            }
        };
        if let Some(vantage) = vantage {
            sources.saw(flow.server(), vantage);
            names.is_mqtt(flow.server());
            counts.connections += 1;
            let source = sources.get(vantage, out.sink);
            out.decide(source);
        }
        flow.told = told;
    }

    /// A server that was spoken to before is spoken to so again. With a key log
    /// that depends on the connection.
    fn decide_early(&mut self, slot: u32, now: Now, sink: &mut dyn Sink) {
        let Some(flow) = self.slots.get(slot) else { return };
        if self.ground.keys.is_empty() && self.sources.knows(flow.server()) {
            self.guess(slot, now, sink);
        }
    }

    /// Nothing was said for long: the connection is as others with this server.
    fn guess(&mut self, slot: u32, now: Now, sink: &mut dyn Sink) {
        let Some(flow) = self.slots.get_mut(slot) else { return };
        if !matches!(flow.told, Told::Held(_)) {
            return;
        }
        if !flow.listed {
            self.remove(slot);
            return;
        }
        let (server, vantage) = (flow.server(), self.sources.guess(flow.server()));
        let source = self.sources.get(vantage, sink);
        self.counts.connections += 1;
        self.sources.saw(server, vantage);
        self.with(slot, now, sink, |_, _, out| out.decide(source));
    }

    /// Forgets a connection, and tells so.
    fn free(&mut self, slot: u32, now: Now, sink: &mut dyn Sink) {
        self.with(slot, now, sink, |flow, counts, out| flow.end(counts, out));
        // Its end may be what has told whose it is.
        self.with(slot, now, sink, |_, _, out| {
            if matches!(out.told, Told::To(_)) {
                out.tell(What::Forgotten);
            }
        });
        self.remove(slot);
    }

    fn remove(&mut self, slot: u32) {
        let Some(flow) = self.slots.remove(slot) else { return };
        self.held -= flow.counted;
        self.index.remove(&flow.pair);
    }

    /// The capture ends.
    pub(super) fn end(&mut self, sink: &mut dyn Sink) {
        let now = Now { at: self.clock, place: Place::default() };
        while let Some(failed) = self.names.last() {
            self.unresolved(&failed, now.at, sink);
        }
        for slot in self.slots.occupied() {
            self.guess(slot, now, sink);
            self.with(slot, now, sink, |flow, counts, out| flow.end(counts, out));
        }
    }
}

fn pair(one: Endpoint, other: Endpoint) -> Pair {
    if one <= other { (one, other) } else { (other, one) }
}

#[cfg(test)]
mod tests {
    use evenkeel_doctor::{Event, Source, SourceId, TextId};

    use super::*;
    use crate::capture::net::{Flags, Host};

    struct Nobody;

    impl Sink for Nobody {
        fn source(&mut self, _: Source) -> Option<SourceId> {
            Some(SourceId(0))
        }

        fn keep(&mut self, _: &str) -> TextId {
            TextId::NONE
        }

        fn event(&mut self, _: &Event) {}
    }

    #[test]
    fn timers_are_bounded_if_time_stands_still() {
        let mut flows = Flows::new("test", &[1883]);
        let server = Host::default().port(1883);
        for number in 0..6 * CONNECTIONS as u32 {
            let from = Host::v4(number.to_be_bytes()).port(5000);
            let flags = Flags(2);
            let segment = Segment { from, to: server, flags, ..Segment::default() };
            flows.segment(&segment, Now::default(), &mut Nobody);
            assert!(flows.timers.len() <= TIMERS + 3);
        }
        assert_eq!(flows.counts.forgotten, 5 * CONNECTIONS as u64);
    }
}
