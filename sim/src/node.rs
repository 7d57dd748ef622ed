//! A client on its machine, and the driver between the core and the network.
//! The driver keeps the core's contract to the letter and decides nothing.

use std::time::Duration;

use bytes::BytesMut;
use evenkeel_codec::Version;
use evenkeel_proto::{
    Close, ConnectionId, Deadline, Input, Instant, Open, Output, TransportFailure,
};

use crate::app::App;
use crate::net::{End, Net, Read, SocketId};
use crate::observation::{Facts, Observation, Settled, StaleInputs};
use crate::observers::Observers;
use crate::packet_reader::PacketReader;
use crate::process::Process;
use crate::rng::Rng;
use crate::setup::ClientSpec;
use crate::subject::Subject;
use crate::time::Time;

/// How long a last_write may take.
const LINGER: Duration = Duration::from_secs(1);
/// Rounds of one turn; more are an endless loop.
const ROUNDS: u32 = 10_000;

/// What a client can reach.
pub(crate) struct Env<'a> {
    pub(crate) time: Time,
    pub(crate) net: &'a mut Net,
    pub(crate) observers: &'a mut Observers,
}

/// A client.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) index: usize,
    pub(crate) spec: ClientSpec,
    pub(crate) subject: Subject,
    pub(crate) app: App,
    pub(crate) machine: Machine,
    /// What a client with a store has beyond others.
    pub(crate) process: Option<Process>,
    pub(crate) rng: Rng,
    link: Option<Link>,
    /// Opened once the link before is closed (R1).
    next: Option<Open>,
    /// The attempt under way, and how it came out.
    /// It goes to one of the servers.
    pub(crate) dial: Option<(ConnectionId, usize)>,
    pub(crate) dialed: Option<Result<SocketId, TransportFailure>>,
    deadline: Option<Deadline>,
    /// What the core was told last.
    pub(crate) now: Instant,
    /// How late this turn is.
    late: Duration,
    unread: usize,
}

/// When a machine runs, and when the world looks at it next.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Stalled or asleep until then.
    pub(crate) frozen: Option<Time>,
    pub(crate) awake_since: Instant,
    pub(crate) turn_at: Option<Time>,
    /// Turns at one moment.
    turns: (Time, u32),
}

#[derive(Debug)]
struct Link {
    conn: ConnectionId,
    socket: SocketId,
    /// What the core has left in its buffer.
    read: BytesMut,
    /// The same bytes as they came.
    shadow: BytesMut,
    pending: BytesMut,
    closing: Option<Instant>,
    up: PacketReader,
    down: Option<PacketReader>,
}

impl Node {
    pub(crate) fn new(
        index: usize,
        spec: ClientSpec,
        (subject, process): (Subject, Option<Process>),
        rng: &Rng,
    ) -> Self {
        let now = spec.clock.local(Time(0));
        let app = App::new(index, &spec, rng.fork("app", index as u64));
        Self {
            index,
            subject,
            app,
            process,
            machine: Machine { frozen: None, awake_since: now, turn_at: None, turns: (Time(0), 0) },
            rng: rng.fork("machine", index as u64),
            link: None,
            next: None,
            dial: None,
            dialed: None,
            deadline: None,
            now,
            late: Duration::ZERO,
            unread: 0,
            spec,
        }
    }

    /// Lets the client's clock show the world's time.
    pub(crate) fn look_at_clock(&mut self, time: Time) {
        self.now = self.now.max(self.spec.clock.local(time));
    }

    pub(crate) fn see(&self, env: &mut Env<'_>, seen: &Observation<'_>) {
        let facts = self.facts(env.time);
        env.observers.see(self.index, &facts, seen);
    }

    pub(crate) fn facts(&self, time: Time) -> Facts {
        Facts {
            time,
            local: self.now,
            late: self.late,
            awake_since: self.machine.awake_since,
            grace: self.spec.wake + Duration::from_millis(1),
            unread: self.unread,
            reading: self.subject.look().wants_read(),
        }
    }

    /// The present connection's socket.
    pub(crate) fn socket(&self) -> Option<SocketId> {
        self.link.as_ref().map(|link| link.socket)
    }

    /// Bytes wait for the transport to take them.
    pub(crate) fn wants_write(&self) -> bool {
        self.link.as_ref().is_some_and(|link| !link.pending.is_empty())
    }

    /// When the client wants to run next, on the world's clock.
    pub(crate) fn next(&self) -> Option<Time> {
        let last_write = self.link.as_ref().and_then(|link| link.closing);
        let deadline = self.deadline.map(|deadline| deadline.at);
        let local = [last_write, deadline].into_iter().flatten().min();
        let stored = self.process.as_ref().and_then(|process| process.storage.next());
        local.map(|local| self.spec.clock.world(local)).into_iter().chain(stored).min()
    }

    /// One turn: reads all there is, lets the core judge, does what it asks
    /// for and writes, until nothing is left to do.
    pub(crate) fn turn(&mut self, env: &mut Env<'_>) {
        self.look_at_clock(env.time);
        if self.is_dead() {
            return;
        }
        self.late = self.deadline.map_or(Duration::ZERO, |deadline| self.now.since(deadline.at));
        if self.subject.is_rash() {
            self.consult(env);
        }
        if let Some(deadline) = self.deadline
            && self.subject.is_sleepless()
        {
            self.now = self.now.min(deadline.at);
            self.consult(env);
            self.look_at_clock(env.time);
        }
        let mut rounds = 0;
        loop {
            let mut busy = self.read(env);
            let paused = !self.subject.look().wants_read();
            busy |= self.report_dial(env);
            busy |= self.hear_store(env);
            busy |= self.consult(env);
            busy |= self.write(env);
            busy |= self.collect(env);
            // The core may have changed its mind because time has passed.
            busy |= paused && self.subject.look().wants_read();
            rounds += 1;
            if self.is_dead() {
                return;
            }
            if !busy {
                break;
            }
            if rounds > ROUNDS {
                return env.observers.broken(
                    "spin",
                    env.time,
                    Some(self.index),
                    "a turn without end".into(),
                );
            }
        }
        self.settle(env);
    }

    fn settle(&mut self, env: &mut Env<'_>) {
        let (at, turns) = &mut self.machine.turns;
        *turns = if *at == env.time { *turns + 1 } else { 1 };
        *at = env.time;
        if *turns > 1000 {
            let text = format!("a thousand turns at one moment for {:?}", self.deadline);
            env.observers.broken("spin", env.time, Some(self.index), text);
        }
        let settled = Settled {
            state: self.subject.state(),
            deadline: self.deadline,
            queued: self.subject.queued(),
            in_flight: self.subject.look().in_flight(),
            backlog: self.link.as_ref().map_or(0, |link| link.pending.len()),
            stats: *self.subject.look().stats(),
            report: self.subject.look().shutdown_report(),
            is_storing: !self.has_stored_all(),
        };
        self.see(env, &Observation::Settled(&settled));
        self.leave(env);
    }

    /// Reads until nothing is left or the core wants no more.
    fn read(&mut self, env: &mut Env<'_>) -> bool {
        let mut any = false;
        let mut chunk = BytesMut::new();
        loop {
            any |= self.hand_over(env);
            if any && self.step(env) {
                return any;
            }
            let Some(link) = self.link.as_mut().filter(|link| link.closing.is_none()) else {
                return any;
            };
            if !self.subject.look().wants_read() {
                return any;
            }
            let conn = link.conn;
            let most = 1 + self.rng.index(self.spec.chunk);
            match env.net.client_read(env.time, link.socket, most, &mut chunk) {
                Read::Nothing => return any,
                Read::Bytes(count) => {
                    link.shadow.extend_from_slice(&chunk);
                    self.subject.incoming(&mut chunk);
                    link.read.extend_from_slice(&chunk);
                    chunk.clear();
                    self.see(env, &Observation::Arrived(conn, count));
                }
                Read::End(end) => {
                    env.net.client_close(env.time, link.socket);
                    self.link = None;
                    self.lose(env, conn, failure(end));
                }
            }
            any = true;
        }
    }

    fn lose(&mut self, env: &mut Env<'_>, conn: ConnectionId, failure: TransportFailure) {
        self.see(env, &Observation::Lost(conn, failure));
        self.subject.core().handle(self.now, Input::Closed(conn, failure));
    }

    /// Gives the core what is in the buffer; true if it took some.
    fn hand_over(&mut self, env: &mut Env<'_>) -> bool {
        let wants = self.subject.look().wants_read();
        let Some(link) = self.link.as_mut().filter(|link| wants && !link.read.is_empty()) else {
            return false;
        };
        if !self.subject.look().is_current(link.conn) {
            return false;
        }
        let before = link.read.len();
        self.subject.received(self.now, link.conn, &mut link.read);
        let consumed = before - link.read.len();
        let bytes = link.shadow.split_to(consumed.min(link.shadow.len()));
        let packets = link.down.as_mut().map(|reader| reader.feed(&bytes));
        let conn = link.conn;
        match packets {
            Some(Ok(packets)) => {
                for (packet, _) in &packets {
                    self.see(env, &Observation::Got(conn, packet));
                }
            }
            Some(Err(error)) => {
                let text = format!("the server's bytes are not MQTT: {error}");
                env.observers.broken("broker", env.time, Some(self.index), text);
            }
            None => {}
        }
        self.collect(env);
        consumed > 0
    }

    fn report_dial(&mut self, env: &mut Env<'_>) -> bool {
        if self.is_dead() {
            return false;
        }
        let Some(dialed) = self.dialed.take() else { return false };
        let Some((conn, _)) = self.dial.take() else { return false };
        match dialed {
            Ok(socket) => {
                self.link = Some(Link {
                    conn,
                    socket,
                    read: BytesMut::new(),
                    shadow: BytesMut::new(),
                    pending: BytesMut::new(),
                    closing: None,
                    up: PacketReader::up(),
                    down: None,
                });
                self.see(env, &Observation::Opened(conn));
                self.subject.core().handle(self.now, Input::Opened(conn, None));
            }
            Err(failure) => self.lose(env, conn, failure),
        }
        true
    }

    /// Lets the core decide, and does what it asks for.
    fn consult(&mut self, env: &mut Env<'_>) -> bool {
        if self.is_dead() {
            return false;
        }
        self.unread = self.unexamined(env.net);
        let mut acted = false;
        loop {
            match self.subject.poll(self.now) {
                Output::Wait(deadline) => {
                    self.deadline = deadline;
                    self.see(env, &Observation::Waits(deadline));
                    break;
                }
                Output::Open(open) => {
                    self.tell_wall_clock(env.time);
                    self.see(env, &Observation::Opening(&open));
                    self.next = Some(open);
                }
                Output::Close(close) => self.close(env, close),
                Output::Event(event) => self.see(env, &Observation::Event(&event)),
                Output::Authenticate(..) => {}
                Output::Commit(batch) => self.commit(env, batch),
            }
            acted = true;
            if self.step(env) {
                return acted;
            }
        }
        self.late = Duration::ZERO;
        if self.link.is_none()
            && self.dial.is_none()
            && let Some(open) = self.next.take()
        {
            self.dial = Some((open.conn, open.server));
            acted = true;
        }
        acted
    }

    /// Bytes that have come and that the core has not looked at.
    fn unexamined(&self, net: &Net) -> usize {
        let Some(link) = &self.link else { return 0 };
        let kept = if self.subject.look().wants_read() { 0 } else { link.read.len() };
        kept + net.get(link.socket).map_or(0, |socket| socket.down.unread())
    }

    fn close(&mut self, env: &mut Env<'_>, close: Close) {
        let Close { conn, last, .. } = close;
        self.see(env, &Observation::Closing(conn, !last.is_empty()));
        if self.dial.is_some_and(|(dialed, _)| dialed == conn) {
            self.dial = None;
            if let Some(Ok(socket)) = self.dialed.take() {
                env.net.client_close(env.time, socket);
            }
        }
        let Some(link) = self.link.as_mut().filter(|link| link.conn == conn) else { return };
        if last.is_empty() {
            env.net.client_close(env.time, link.socket);
            self.link = None;
        } else {
            link.pending.extend(last.chunks().flatten());
            link.closing = Some(self.now + LINGER);
        }
    }

    /// Writes what waits to be written; true if the core may have more.
    fn write(&mut self, env: &mut Env<'_>) -> bool {
        let mut any = false;
        loop {
            if any && self.step(env) {
                return any;
            }
            let Some(link) = &mut self.link else { return any };
            if link.closing.is_none()
                && link.pending.is_empty()
                && let Some((conn, bytes)) = self.subject.take_transmit()
            {
                if conn != link.conn {
                    let text = format!("bytes for {conn:?} on {:?}", link.conn);
                    env.observers.broken("K7", env.time, Some(self.index), text);
                }
                link.pending.extend_from_slice(&bytes);
                any = true;
            }
            if link.pending.is_empty() {
                if link.closing.is_some() {
                    env.net.client_close(env.time, link.socket);
                    self.link = None;
                    return true;
                }
                return any;
            }
            let most = 1 + self.rng.index(self.spec.chunk);
            let piece = link.pending.get(..most.min(link.pending.len())).unwrap_or_default();
            match env.net.client_write(env.time, link.socket, piece) {
                Ok(0) => return self.stuck(env) || any,
                Ok(count) => self.wrote(env, count),
                Err(end) => return self.failed(env, end),
            }
            any = true;
        }
    }

    /// The transport takes nothing at the moment.
    fn stuck(&mut self, env: &mut Env<'_>) -> bool {
        let over =
            self.link.as_ref().and_then(|link| link.closing).is_some_and(|at| at <= self.now);
        if let Some(link) = self.link.take_if(|_| over) {
            env.net.client_close(env.time, link.socket);
        }
        over
    }

    fn failed(&mut self, env: &mut Env<'_>, end: End) -> bool {
        let Some(link) = self.link.take() else { return false };
        env.net.client_close(env.time, link.socket);
        if link.closing.is_none() {
            self.lose(env, link.conn, failure(end));
        }
        true
    }

    fn wrote(&mut self, env: &mut Env<'_>, count: usize) {
        let Some(link) = &mut self.link else { return };
        let bytes = link.pending.split_to(count);
        let (conn, left, closing) = (link.conn, link.pending.len(), link.closing.is_some());
        let packets = link.up.feed(&bytes);
        if !closing {
            self.see(env, &Observation::Taken(conn, left));
        }
        match packets {
            Ok(packets) => {
                for (packet, length) in &packets {
                    if let evenkeel_codec::Packet::Connect(connect) = packet {
                        self.speak(connect.version);
                    }
                    if closing {
                        self.see(env, &Observation::LastPacket(conn, packet))
                    } else {
                        self.see(env, &Observation::Wrote(conn, packet, *length))
                    }
                }
            }
            Err(error) => {
                let text = format!("the client's bytes are not MQTT: {error}");
                env.observers.broken("D2", env.time, Some(self.index), text);
            }
        }
        if !closing {
            self.subject.written(self.now, conn, count);
        }
    }

    fn speak(&mut self, version: Version) {
        if let Some(link) = &mut self.link {
            link.down = Some(PacketReader::down(version));
        }
    }

    /// The process is gone: its system closes what it had open, if that
    /// has the power to.
    pub(crate) fn drop_links(&mut self, env: &mut Env<'_>, silently: bool) {
        self.next = None;
        self.deadline = None;
        self.dial = None;
        let dialed = self.dialed.take().and_then(Result::ok);
        let open = self.link.take().map(|link| link.socket);
        for socket in dialed.into_iter().chain(open) {
            if silently {
                env.net.client_vanish(socket)
            } else {
                env.net.client_close(env.time, socket)
            }
        }
    }

    /// Lets the application take outcomes and messages.
    fn collect(&mut self, env: &mut Env<'_>) -> bool {
        if self.is_dead() {
            return false;
        }
        let facts = self.facts(env.time);
        self.app.collect(&mut self.subject, &facts, env.observers)
    }

    /// Lets the application do what it has a mind to.
    pub(crate) fn act(&mut self, env: &mut Env<'_>) {
        self.look_at_clock(env.time);
        let facts = self.facts(env.time);
        let calls = self.app.act(&mut self.subject, &facts, env.observers);
        if self.step(env) {
            return;
        }
        if calls.stale {
            self.disturb(env);
        }
        if calls.turn {
            self.turn(env);
        }
    }

    /// Gives the core inputs that name connections of the past (K7).
    fn disturb(&mut self, env: &mut Env<'_>) {
        let opened = self.subject.look().stats().connects;
        let is_current = |conn| self.subject.look().is_current(conn);
        let old = (1..=opened).rev().map(ConnectionId).find(|conn| !is_current(*conn));
        let Some(old) = old else { return };
        let (before, state) = (self.subject.stale_inputs(), self.subject.state());
        let mut bytes = BytesMut::from(&[0xD0, 0][..]);
        for input in [
            Input::Received(old, &mut bytes),
            Input::Written(old, 2),
            Input::Opened(old, None),
            Input::Closed(old, TransportFailure::Reset),
        ] {
            self.subject.core().handle(self.now, input);
        }
        let stale = StaleInputs {
            given: 4,
            counted: self.subject.stale_inputs().wrapping_sub(before),
            state_is_same: self.subject.state() == state,
        };
        self.see(env, &Observation::Stale(&stale));
    }
}

const fn failure(end: End) -> TransportFailure {
    match end {
        End::Eof => TransportFailure::Eof,
        End::Reset => TransportFailure::Reset,
        End::TimedOut => TransportFailure::TimedOut,
    }
}
