//! One TCP connection, from its SYN to its end.

use std::time::Duration;

use evenkeel_doctor::{Address, CloseHow, OpenFailure, Side, Time, What};

use super::half::Half;
use super::timers::Due;
use super::{Counts, Pair, owed};
use crate::capture::net::{Endpoint, Notice, Segment};
use crate::capture::out::{Out, Told};
use crate::capture::speech::{Speech, Verdict, begins_mqtt};

/// SYNs sent, after which nobody will answer: three of them are repetitions.
const SYNS: u8 = 4;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A SYN was sent.
    Asking,
    /// Both sides may speak.
    Up,
    /// It never came up.
    Failed,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) pair: Pair,
    pub(super) serial: u64,
    /// The direction of the client's bytes: 0 if the lower end is the client.
    client: usize,
    pub(super) phase: Phase,
    /// The sequence number of the SYN; `None` if it was not seen.
    syn: Option<u32>,
    /// How many SYNs were sent.
    syns: u8,
    pub(super) halves: [Half; 2],
    /// A side has ended it.
    closing: bool,
    /// Nothing more will come.
    pub(super) done: bool,
    /// The server is one of MQTT's, by its port or by what it spoke before.
    pub(super) listed: bool,
    pub(super) told: Told,
    pub(super) speech: Speech,
    pub(super) newest: Time,
    /// What it holds, as last counted.
    pub(super) counted: usize,
    timers: TimersSet,
}

/// Which timers are set for a connection.
#[derive(Debug, Default)]
struct TimersSet {
    record: bool,
    owed: bool,
}

impl Flow {
    /// A connection that begins with this segment, if it may be of MQTT.
    pub(super) fn begin(
        pair: Pair,
        segment: &Segment<'_>,
        is_server: impl Fn(Endpoint) -> bool,
    ) -> Option<Self> {
        let (from, to) = (segment.from, segment.to);
        let asks = segment.flags.syn() && !segment.flags.ack();
        let answers = segment.flags.syn() && segment.flags.ack();
        let (to_server, to_client) = (is_server(to), is_server(from));
        let listed = to_server || to_client;
        // One that begins in the middle, on any port, shows nothing.
        if segment.flags.rst()
            || !(listed || asks || answers || begins_mqtt(segment.payload))
            || (!segment.flags.syn() && segment.len == 0 && segment.flags.fin())
        {
            return None;
        }
        let from_client = if asks || answers {
            asks
        } else if to_server != to_client {
            to_server
        } else {
            begins_mqtt(segment.payload) || from.port >= to.port
        };
        let client_end = if from_client { from } else { to };
        let listed = if from_client { to_server } else { to_client };
        let mut flow = Self {
            pair,
            serial: 0,
            client: usize::from(client_end != pair.0),
            phase: if asks { Phase::Asking } else { Phase::Up },
            syn: asks.then_some(segment.seq),
            syns: 0,
            halves: Default::default(),
            closing: false,
            done: false,
            listed,
            told: Told::Held(Vec::new()),
            speech: Speech::new(asks, listed),
            newest: Time(i64::MIN),
            counted: 0,
            timers: TimersSet::default(),
        };
        if asks && let Some(half) = flow.halves.get_mut(flow.client) {
            half.next = Some(segment.seq.wrapping_add(1));
        }
        Some(flow)
    }

    /// Whether its SYN had this number.
    pub(super) fn asked_with(&self, seq: u32) -> bool {
        self.syn == Some(seq)
    }

    /// Whether a segment shows that it came up after it was given up: it is another
    /// one from then on. An answer alone may have come too late.
    pub(super) fn comes_up_with(&self, segment: &Segment<'_>) -> bool {
        let speaks = segment.len > 0 && !segment.flags.syn() && !segment.flags.rst();
        speaks && self.phase == Phase::Failed && !self.done
    }

    pub(super) fn is_asking(&self) -> bool {
        self.phase == Phase::Asking
    }

    pub(super) fn has_ended(&self) -> bool {
        self.closing || self.phase == Phase::Failed
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.speech.verdict()
    }

    fn client_end(&self) -> Endpoint {
        if self.client == 0 { self.pair.0 } else { self.pair.1 }
    }

    pub(super) fn server(&self) -> Endpoint {
        if self.client == 0 { self.pair.1 } else { self.pair.0 }
    }

    pub(super) fn side(&self, direction: usize) -> Side {
        if direction == self.client { Side::Client } else { Side::Server }
    }

    /// What it holds in memory beyond itself.
    pub(super) fn held(&self) -> usize {
        self.halves.iter().map(Half::held).sum::<usize>() + self.speech.held()
    }

    /// The timers that are to be set.
    pub(super) fn wants_timers(&mut self) -> impl Iterator<Item = Due> + use<> {
        let record = self.speech.waits() && !self.timers.record;
        let owed = self.is_owed() && !self.timers.owed;
        self.timers.record |= record;
        self.timers.owed |= owed;
        let all = [record.then_some(Due::Record), owed.then_some(Due::Owed)];
        all.into_iter().flatten()
    }

    /// Tells of the beginning.
    pub(super) fn opening(&mut self, out: &mut Out<'_>) {
        let mut address = |end: Endpoint| {
            let host = out.keep(&end.host.to_string());
            Address { host, port: end.port }
        };
        let (client, server) = (address(self.client_end()), address(self.server()));
        out.tell(if self.syn.is_some() {
            What::Opening { client, server }
        } else {
            What::Joined { client, server }
        });
    }

    /// Takes a segment in.
    pub(super) fn segment(
        &mut self,
        segment: &Segment<'_>,
        counts: &mut Counts,
        out: &mut Out<'_>,
    ) {
        let direction = usize::from(segment.from != self.pair.0);
        if self.done {
            return;
        }
        if segment.flags.rst() {
            return self.reset(direction, out);
        }
        if self.phase == Phase::Failed {
            return;
        }
        if segment.flags.syn() {
            return self.syn(direction, segment, out);
        }
        if self.phase == Phase::Asking && self.side(direction) == Side::Client {
            // The answer is not in the capture.
            self.accepted(out);
        }
        if segment.flags.ack() {
            self.acknowledged(1 - direction, segment, counts, out);
        }
        if segment.len > 0 {
            self.data(direction, segment, counts, out);
        }
        self.window(direction, segment.window, out);
        if segment.flags.fin() {
            let fin = segment.seq.wrapping_add(segment.len);
            if let Some(half) = self.halves.get_mut(direction) {
                half.next.get_or_insert(fin);
                half.fin = Some(fin);
            }
            self.check_fin(direction, out);
        }
    }

    fn syn(&mut self, direction: usize, segment: &Segment<'_>, out: &mut Out<'_>) {
        let side = self.side(direction);
        if segment.flags.ack() {
            let Some(half) = self.halves.get_mut(direction) else { return };
            half.next.get_or_insert_with(|| segment.seq.wrapping_add(1));
            // The SYN may not be in the capture.
            if let Some(asked) = self.halves.get_mut(1 - direction) {
                asked.next.get_or_insert(segment.ack);
            }
            if side == Side::Server && self.phase == Phase::Asking {
                self.accepted(out);
            }
        } else if self.phase == Phase::Asking {
            self.asked(out);
        }
    }

    /// Tells what TCP does. What waits to be told what it was came before.
    pub(super) fn tell(&mut self, what: What, out: &mut Out<'_>) {
        self.speech.settle(out);
        out.tell(what);
    }

    fn accepted(&mut self, out: &mut Out<'_>) {
        self.phase = Phase::Up;
        self.tell(What::Accepted, out);
    }

    fn asked(&mut self, out: &mut Out<'_>) {
        self.syns = self.syns.saturating_add(1);
        if self.syns > 1 {
            self.tell(What::Resent { from: Side::Client, bytes: 0 }, out);
        }
        if self.syns == SYNS {
            self.failed(OpenFailure::Silent, out);
        }
    }

    /// Nobody has answered for long.
    pub(super) fn silent(&mut self, out: &mut Out<'_>) {
        if self.phase == Phase::Asking {
            self.failed(OpenFailure::Silent, out);
        }
    }

    /// A router says that a segment did not arrive.
    pub(super) fn notice(&mut self, notice: Notice, out: &mut Out<'_>) {
        if notice == Notice::Unreachable && self.phase == Phase::Asking {
            self.failed(OpenFailure::Unreachable, out);
        }
    }

    fn failed(&mut self, failure: OpenFailure, out: &mut Out<'_>) {
        if self.phase == Phase::Asking && !self.closing {
            self.phase = Phase::Failed;
            self.tell(What::OpenFailed(failure), out);
        }
    }

    fn reset(&mut self, direction: usize, out: &mut Out<'_>) {
        let side = self.side(direction);
        if self.phase == Phase::Asking && side == Side::Server {
            self.failed(OpenFailure::Refused, out);
        } else if self.phase != Phase::Failed {
            self.closes(side, CloseHow::Reset, out);
        }
        self.finish();
    }

    /// A side ends TCP; the first one matters.
    pub(super) fn closes(&mut self, side: Side, how: CloseHow, out: &mut Out<'_>) {
        self.speech.closing(side, out);
        if !std::mem::replace(&mut self.closing, true) {
            out.tell(What::Closing { by: side, how });
        }
    }

    /// Nothing more will come: what is held is let go.
    pub(super) fn finish(&mut self) {
        self.done = true;
        self.speech.finish();
        self.halves.iter_mut().for_each(Half::clear);
    }

    fn window(&mut self, direction: usize, window: u16, out: &mut Out<'_>) {
        let of = self.side(direction);
        let Some(half) = self.halves.get_mut(direction) else { return };
        let closed = window == 0;
        if closed != half.window_closed {
            half.window_closed = closed;
            self.tell(What::Window { of, open: !closed }, out);
        }
    }

    /// A record has waited long enough.
    pub(super) fn record_due(&mut self, out: &mut Out<'_>) {
        self.timers.record = false;
        self.speech.due(out);
    }

    /// Bytes may have been waited for long enough.
    pub(super) fn owed_due(&mut self, counts: &mut Counts, out: &mut Out<'_>) {
        self.timers.owed = false;
        self.give_up_owed(owed::WAIT, counts, out);
    }

    /// The capture has no more of it.
    pub(super) fn end(&mut self, counts: &mut Counts, out: &mut Out<'_>) {
        self.speech.due(out);
        for direction in 0..2 {
            while self.halves.get(direction).is_some_and(Half::has_ahead) {
                self.gap(direction, counts, out);
            }
        }
        self.give_up_owed(Duration::ZERO, counts, out);
        // One SYN may have been the last thing in the capture.
        if self.syns > 1 {
            self.silent(out);
        }
    }

    /// There is no memory for what it holds.
    pub(super) fn let_go(&mut self, counts: &mut Counts, out: &mut Out<'_>) {
        for direction in 0..2 {
            while self.halves.get(direction).is_some_and(Half::has_ahead) {
                self.gap(direction, counts, out);
            }
        }
        self.speech.let_go();
    }
}
