//! A client with its clock, its transport and the server at the other end.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::BytesMut;
use evenkeel_proto::codec::{
    ConnAck, Connect, Decoder, Disconnect, Packet, Publish, QoS, ReasonCode, Subscribe,
    SubscribeFilter, Text, Unsubscribe, Version,
};
use evenkeel_proto::record::{
    Batch, BootId, Committed, Moment, Priority, Recovered, StorageFailure, StoreBounds, UnixMillis,
};
use evenkeel_proto::{
    Accepted, Challenge, Client, Completion, Config, ConnectionId, Credentials, Deadline,
    Delivered, DeliveryError, DisconnectCause, Event, Incoming, Input, Instant, Open, Output,
    RejectReason, Retry, Served, Stats, SubscribeError, Timer, Transmit, TransportFailure,
};

use super::{ModelStore, filter, publish, secs, token};

/// A client with its clock, its transport and the server at the other end.
pub(crate) struct Rig {
    pub(crate) client: Client,
    pub(crate) now: Instant,
    /// The transport of the present connection, if the client asked for one.
    pub(crate) link: Option<Link>,
    /// Packets the server has got and the test has not looked at.
    pub(crate) wire: VecDeque<Packet>,
    /// Every packet with the instant at which its last byte was written.
    pub(crate) history: Vec<(Instant, ConnectionId, Packet)>,
    pub(crate) events: Vec<Event>,
    pub(crate) completions: Vec<Completion>,
    pub(crate) challenges: Vec<(ConnectionId, Challenge)>,
    /// Every request for a connection with its instant.
    pub(crate) opens: Vec<(Instant, Open)>,
    pub(crate) closes: Vec<(Instant, ConnectionId)>,
    /// What each close said of the address.
    pub(crate) served: Vec<Served>,
    pub(crate) deadline: Option<Deadline>,
    /// False: the transport takes bytes only when the test says so.
    pub(crate) writable: bool,
    pub(crate) store: ModelStore,
    /// Batches the store has not worked off; more than one at the end only.
    pub(crate) batches: VecDeque<Batch>,
    /// What the store does with batches.
    pub(crate) commits: Commits,
    /// So many packets and batches get out of the process, then it is dead.
    pub(crate) fuse: Option<u32>,
    pub(crate) machine: Machine,
    configured: Config,
}

/// What the system tells a process that starts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Machine {
    pub(crate) boot: Option<BootId>,
    /// How far the wall clock was set from the rig's own, in milliseconds.
    pub(crate) set_by: i64,
}

/// What a store does with the batches it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commits {
    AtOnce,
    /// When the test says so.
    Held,
    Fail(StorageFailure),
}

/// One connection as the server sees it.
pub(crate) struct Link {
    pub(crate) conn: ConnectionId,
    pub(crate) version: Version,
    /// Bytes the client has handed to the transport and it has not taken.
    pending: VecDeque<u8>,
    /// Bytes the transport took and that are no whole packet yet.
    arrived: BytesMut,
    decoder: Decoder,
    /// Bytes for the client that it has not taken off.
    pub(crate) inbound: BytesMut,
}

impl Rig {
    /// A client that has not started.
    pub(crate) fn new(config: Config) -> Self {
        Self::seeded(config, 7)
    }

    pub(crate) fn seeded(config: Config, seed: u64) -> Self {
        // Far from zero, so that "never" and "at the origin" differ.
        let now = Instant::from_micros(1_000_000_000);
        Self {
            client: Client::new(config.clone(), seed, now).unwrap(),
            now,
            store: ModelStore::default(),
            batches: VecDeque::new(),
            commits: Commits::AtOnce,
            fuse: None,
            machine: Machine::default(),
            configured: config,
            link: None,
            wire: VecDeque::new(),
            history: Vec::new(),
            events: Vec::new(),
            completions: Vec::new(),
            challenges: Vec::new(),
            opens: Vec::new(),
            closes: Vec::new(),
            served: Vec::new(),
            deadline: None,
            writable: true,
        }
    }

    /// A client that has asked for its first connection.
    pub(crate) fn started(config: Config) -> Self {
        let mut rig = Self::new(config);
        rig.client.start(rig.now);
        rig.settle();
        rig
    }

    /// A client that the server has accepted, without a session.
    pub(crate) fn online(config: Config) -> Self {
        Self::online_with(config, &super::accepted())
    }

    /// A client that the server has accepted with this CONNACK.
    pub(crate) fn online_with(config: Config, connack: &ConnAck) -> Self {
        let mut rig = Self::started(config);
        rig.accept_with(connack);
        rig
    }

    /// A client with a store that has not started.
    pub(crate) fn durable(config: Config) -> Self {
        let mut rig = Self::new(config);
        rig.recover();
        rig
    }

    /// A client with a store that the server has accepted, without a session.
    pub(crate) fn durable_online(config: Config) -> Self {
        let mut rig = Self::durable(config);
        rig.client.start(rig.now);
        rig.settle();
        rig.accept_with(&super::accepted());
        rig
    }

    /// A client, not started, whose store has bounds.
    pub(crate) fn durable_with_bounds(config: Config, set: impl FnOnce(&mut StoreBounds)) -> Self {
        let mut rig = Self::new(config);
        set(&mut rig.store.bounds);
        rig.recover();
        rig
    }

    /// Wall-clock time: that of the rig's clock, from some day on, as set.
    pub(crate) fn wall(&self) -> UnixMillis {
        let millis = 1_700_000_000_000 + self.now.as_micros() / 1000;
        UnixMillis(millis.saturating_add_signed(self.machine.set_by))
    }

    /// The process dies and another begins; the store keeps what was
    /// committed. The client has not started.
    pub(crate) fn crash(&mut self) {
        self.crash_and_hear(|_| {});
    }

    /// A crash; what the store then says it holds may be changed.
    pub(crate) fn crash_and_hear(&mut self, change: impl FnOnce(&mut Recovered)) {
        self.link = None;
        self.batches.clear();
        self.wire.clear();
        self.events.clear();
        self.completions.clear();
        self.deadline = None;
        self.writable = true;
        self.recover_as(change);
    }

    /// The next process has other settings.
    pub(crate) fn reconfigure(&mut self, config: Config) {
        self.configured = config;
    }

    fn recover(&mut self) {
        self.recover_as(|_| {});
    }

    fn recover_as(&mut self, change: impl FnOnce(&mut Recovered)) {
        let (config, mut recovered) = (self.configured.clone(), self.store.recovered());
        change(&mut recovered);
        let moment = Moment { wall: self.wall(), boot: self.machine.boot };
        self.client = Client::recover(config, 7, self.now, moment, recovered).unwrap();
    }

    /// A crash, and a start of the next process up to the CONNACK.
    #[track_caller]
    pub(crate) fn restart_with(&mut self, connack: &ConnAck) -> Connect {
        self.crash();
        self.client.start(self.now);
        self.settle();
        self.accept_with(connack)
    }

    /// The store works off its oldest batch.
    #[track_caller]
    pub(crate) fn commit(&mut self) {
        let batch = self.batches.pop_front().expect("a batch to commit");
        self.work_off(batch, Ok(()));
        self.settle();
    }

    /// The store fails at its oldest batch.
    #[track_caller]
    pub(crate) fn fail_commit(&mut self, failure: StorageFailure) {
        let batch = self.batches.pop_front().expect("a batch to fail at");
        self.work_off(batch, Err(failure));
        self.settle();
    }

    fn work_off(&mut self, batch: Batch, result: Result<(), StorageFailure>) {
        let read = result.map(|()| {
            self.store.commit(&batch.records);
            batch.read.map_or_else(Vec::new, |read| self.store.read(&read))
        });
        self.client.handle(self.now, Input::Committed(Committed { batch, result, read }));
    }

    /// Nothing gets out any more, and what the test does changes nothing.
    pub(crate) const fn is_dead(&self) -> bool {
        matches!(self.fuse, Some(0))
    }

    /// One more packet or batch is about to get out; false if it does not.
    const fn burn(&mut self) -> bool {
        match &mut self.fuse {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }

    fn on_batch(&mut self, batch: Batch) {
        if !self.burn() {
            return;
        }
        let closed = self.client.state() == evenkeel_proto::State::Closed;
        assert!(self.batches.is_empty() || closed, "one batch at a time");
        match self.commits {
            Commits::AtOnce => self.work_off(batch, Ok(())),
            Commits::Fail(failure) => self.work_off(batch, Err(failure)),
            Commits::Held => self.batches.push_back(batch),
        }
    }

    /// Does all that the client asks for.
    pub(crate) fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 100_000, "the client comes to rest");
            if self.is_dead() {
                return;
            }
            match self.client.poll(self.now) {
                Output::Wait(deadline) => {
                    self.deadline = deadline;
                    if !self.write_out() {
                        break;
                    }
                }
                Output::Open(open) => self.on_open(open),
                Output::Close(close) => {
                    self.closes.push((self.now, close.conn));
                    self.served.push(close.served);
                    let mut link = self.link.take().expect("only an open transport is closed");
                    assert_eq!(link.conn, close.conn, "the present transport is closed");
                    if self.writable {
                        link.pending.extend(close.last.chunks().flatten());
                        self.arrive(&mut link, usize::MAX);
                    }
                }
                Output::Authenticate(conn, challenge) => self.challenges.push((conn, challenge)),
                Output::Event(event) => self.events.push(event),
                Output::Commit(batch) => self.on_batch(batch),
            }
        }
        while let Some(completion) = self.client.next_completion() {
            self.completions.push(completion);
        }
    }

    fn on_open(&mut self, open: Open) {
        assert!(self.link.is_none(), "one connection at a time (R1)");
        self.link = Some(Link {
            conn: open.conn,
            version: Version::V5,
            pending: VecDeque::new(),
            arrived: BytesMut::new(),
            decoder: Decoder::for_server(u32::MAX),
            inbound: BytesMut::new(),
        });
        self.opens.push((self.now, open));
    }

    /// Hands bytes to the transport; true if it took some.
    fn write_out(&mut self) -> bool {
        let mut batch = Transmit::default();
        if let Some(conn) = self.client.take_transmit(&mut batch) {
            let link = self.link.as_mut().expect("bytes have a transport");
            assert_eq!(link.conn, conn);
            link.pending.extend(batch.chunks().flatten());
        }
        self.writable && self.take_bytes(usize::MAX) > 0
    }

    /// The transport takes up to `limit` bytes.
    fn take_bytes(&mut self, limit: usize) -> usize {
        let Some(mut link) = self.link.take() else { return 0 };
        let count = link.pending.len().min(limit);
        if count > 0 {
            self.arrive(&mut link, count);
            let conn = link.conn;
            self.link = Some(link);
            self.client.handle(self.now, Input::Written(conn, count));
        } else {
            self.link = Some(link);
        }
        count
    }

    fn arrive(&mut self, link: &mut Link, count: usize) {
        let count = link.pending.len().min(count);
        let bytes: Vec<u8> = link.pending.drain(..count).collect();
        link.arrived.extend_from_slice(&bytes);
        while let Some(packet) =
            link.decoder.decode(&mut link.arrived).expect("the client sends valid packets")
        {
            if self.burn() {
                self.history.push((self.now, link.conn, packet.clone()));
                self.wire.push_back(packet);
            }
        }
    }

    /// A slow transport takes exactly this many bytes.
    pub(crate) fn write(&mut self, count: usize) {
        assert_eq!(self.take_bytes(count), count, "there are that many bytes to write");
        self.settle();
    }

    /// Bytes that wait for the transport.
    pub(crate) fn pending(&self) -> usize {
        self.link.as_ref().map_or(0, |link| link.pending.len())
    }

    /// The transport takes bytes again.
    pub(crate) fn unblock(&mut self) {
        self.writable = true;
        self.settle();
    }

    // ---- time ----

    /// Time goes on; the client wakes at each of its deadlines.
    pub(crate) fn advance(&mut self, span: Duration) {
        let end = self.now + span;
        let mut rounds = 0;
        loop {
            let next = self.deadline.map(|deadline| deadline.at).filter(|at| *at <= end);
            let Some(at) = next else { break };
            rounds = if at > self.now { 0 } else { rounds + 1 };
            assert!(rounds < 10_000, "the client sees to what is due: {:?}", self.deadline);
            self.now = self.now.max(at);
            self.settle();
            if self.is_dead() {
                break;
            }
        }
        self.now = end;
        self.settle();
    }

    /// Time goes on and the client does not wake until its end: suspend, or a
    /// task that is not run.
    pub(crate) fn jump(&mut self, span: Duration) {
        self.now = self.now + span;
    }

    /// Wakes the client.
    pub(crate) fn wake(&mut self) {
        self.settle();
    }

    /// From now to the deadline the client waits for.
    #[track_caller]
    pub(crate) fn until(&self, timer: Timer) -> Duration {
        let deadline = self.deadline.expect("the client waits for something");
        assert_eq!(deadline.timer, timer, "what the client waits for");
        deadline.at.since(self.now)
    }

    // ---- connections ----

    pub(crate) fn conn(&self) -> ConnectionId {
        self.link.as_ref().expect("a transport").conn
    }

    /// The host of the present attempt has so many addresses beside this one.
    pub(crate) fn has_alternatives(&mut self, count: usize) {
        self.client.handle(self.now, Input::Alternatives(self.conn(), count));
    }

    /// The hook has answered otherwise than for the attempt before.
    pub(crate) fn fresh_credentials(&mut self) {
        self.client.handle(self.now, Input::FreshCredentials(self.conn()));
    }

    /// The transport is open; returns the CONNECT the client sends.
    #[track_caller]
    pub(crate) fn accept(&mut self) -> Connect {
        self.accept_as(None)
    }

    #[track_caller]
    pub(crate) fn accept_as(&mut self, credentials: Option<Credentials>) -> Connect {
        let conn = self.conn();
        // What is left belongs to connections before this one.
        self.forget_wire();
        self.client.handle(self.now, Input::Opened(conn, credentials));
        self.settle();
        let Packet::Connect(connect) = self.expect() else { panic!("CONNECT comes first") };
        if let Some(link) = &mut self.link {
            link.version = connect.version;
        }
        connect
    }

    /// The transport is open and the server accepts; returns the CONNECT.
    #[track_caller]
    pub(crate) fn accept_with(&mut self, connack: &ConnAck) -> Connect {
        let connect = self.accept();
        self.send(&Packet::ConnAck(connack.clone()));
        connect
    }

    /// The transport ends.
    #[track_caller]
    pub(crate) fn drop_link(&mut self, failure: TransportFailure) {
        let conn = self.conn();
        self.client.handle(self.now, Input::Closed(conn, failure));
        self.settle();
        let left = self.link.as_ref().map(|link| link.conn);
        assert_ne!(left, Some(conn), "the client lets go of the transport");
    }

    /// The server closes the connection without a word.
    #[track_caller]
    pub(crate) fn cut(&mut self) {
        self.drop_link(TransportFailure::Eof);
    }

    /// Waits for the next request for a connection; returns how long it took.
    #[track_caller]
    pub(crate) fn await_open(&mut self) -> Duration {
        let begin = self.now;
        if self.link.is_none() {
            let limit = self.now + secs(24 * 3600);
            while self.link.is_none() {
                let at = self.deadline.expect("another attempt is planned").at;
                assert!(at <= limit, "an attempt within a day");
                self.now = self.now.max(at);
                self.wake();
            }
        }
        self.now.since(begin)
    }

    /// The connection is cut, and the next one is accepted with this CONNACK.
    #[track_caller]
    pub(crate) fn reconnect_with(&mut self, connack: &ConnAck) -> Connect {
        if self.link.is_some() {
            self.cut();
        }
        self.await_open();
        let connect = self.accept_with(connack);
        if self.configured.connect.keep_alive == 0 {
            self.show_life();
        }
        connect
    }

    /// The server sends a packet that asks for nothing. Without pings a client
    /// waits for one before it sends again what was in flight at a cut (D16).
    #[track_caller]
    pub(crate) fn show_life(&mut self) {
        self.send(&Packet::PingResp);
    }

    // ---- packets ----

    /// The server sends a packet.
    #[track_caller]
    pub(crate) fn send(&mut self, packet: &Packet) {
        let version = self.link.as_ref().expect("a transport").version;
        let mut bytes = Vec::new();
        packet.encode(version, &mut bytes).expect("the script sends what can be encoded");
        self.send_bytes(&bytes);
    }

    /// The server sends several packets in one piece.
    #[track_caller]
    pub(crate) fn send_all(&mut self, packets: &[Packet]) {
        let version = self.link.as_ref().expect("a transport").version;
        let mut bytes = Vec::new();
        for packet in packets {
            packet.encode(version, &mut bytes).expect("the script sends what can be encoded");
        }
        self.send_bytes(&bytes);
    }

    /// The server sends bytes.
    #[track_caller]
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.link.as_mut().expect("a transport").inbound.extend_from_slice(bytes);
        self.read();
    }

    /// The client reads what has arrived, if it wants to.
    pub(crate) fn read(&mut self) {
        if let Some(mut link) = self.link.take() {
            let mut inbound = std::mem::take(&mut link.inbound);
            let conn = link.conn;
            self.link = Some(link);
            if self.client.wants_read() {
                self.client.handle(self.now, Input::Received(conn, &mut inbound));
            }
            if let Some(link) = &mut self.link {
                link.inbound = inbound;
            }
        }
        self.settle();
    }

    /// The next packet the server got.
    #[track_caller]
    pub(crate) fn expect(&mut self) -> Packet {
        self.wire.pop_front().expect("the client sends a packet")
    }

    /// The server got nothing more.
    #[track_caller]
    pub(crate) fn expect_nothing(&self) {
        assert!(self.wire.is_empty(), "nothing more is sent: {:?}", self.wire);
    }

    #[track_caller]
    pub(crate) fn expect_publish(&mut self) -> Publish {
        match self.expect() {
            Packet::Publish(publish) => publish,
            other => panic!("PUBLISH is expected, not {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn expect_subscribe(&mut self) -> Subscribe {
        match self.expect() {
            Packet::Subscribe(subscribe) => subscribe,
            other => panic!("SUBSCRIBE is expected, not {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn expect_unsubscribe(&mut self) -> Unsubscribe {
        match self.expect() {
            Packet::Unsubscribe(unsubscribe) => unsubscribe,
            other => panic!("UNSUBSCRIBE is expected, not {other:?}"),
        }
    }

    /// The DISCONNECT that ended the last connection; nothing came after it.
    #[track_caller]
    pub(crate) fn expect_disconnect(&mut self) -> ReasonCode {
        let Packet::Disconnect(disconnect) = self.expect() else { panic!("DISCONNECT") };
        self.expect_nothing();
        assert!(self.link.is_none(), "who sends DISCONNECT closes");
        disconnect.reason
    }

    /// The DISCONNECT of a connection that is renewed: the next one is asked for
    /// at that moment.
    #[track_caller]
    pub(crate) fn expect_renewal(&mut self) {
        let Packet::Disconnect(disconnect) = self.expect() else { panic!("DISCONNECT") };
        self.expect_nothing();
        assert_eq!(self.closes.last().map(|close| close.0), self.opens.last().map(|open| open.0));
        assert_eq!(disconnect, Disconnect::default(), "the will is not published");
    }

    /// Instants at which PINGREQs were written, on all connections.
    pub(crate) fn pings(&self) -> Vec<Instant> {
        let pings = self.history.iter().filter(|(_, _, packet)| *packet == Packet::PingReq);
        pings.map(|(at, _, _)| *at).collect()
    }

    /// Drops from `wire` what the test does not care about.
    pub(crate) fn forget_wire(&mut self) {
        self.wire.clear();
    }

    // ---- the application ----

    #[track_caller]
    pub(crate) fn publish(&mut self, topic: &str, qos: QoS, number: u64) -> Accepted {
        let result = self.try_publish(publish(topic, "hello", qos), number);
        result.expect("the message is accepted")
    }

    pub(crate) fn try_publish(
        &mut self,
        mut publish: Publish,
        number: u64,
    ) -> Result<Accepted, RejectReason> {
        let result =
            self.client.publish(self.now, &mut publish, Priority::default(), token(number));
        self.settle();
        result
    }

    #[track_caller]
    pub(crate) fn subscribe(&mut self, filters: &[(&str, QoS)], number: u64) {
        self.try_subscribe(filters, number).expect("the operation is accepted");
    }

    pub(crate) fn try_subscribe(
        &mut self,
        filters: &[(&str, QoS)],
        number: u64,
    ) -> Result<(), SubscribeError> {
        let filters: Vec<SubscribeFilter> =
            filters.iter().map(|(text, qos)| super::subscribe_to(text, *qos)).collect();
        let result = self.client.subscribe(self.now, filters, Default::default(), token(number));
        self.settle();
        result
    }

    #[track_caller]
    pub(crate) fn unsubscribe(&mut self, filters: &[&str], number: u64) {
        let filters = filters.iter().map(|text| filter(text)).collect();
        let result = self.client.unsubscribe(self.now, filters, Default::default(), token(number));
        result.expect("the operation is accepted");
        self.settle();
    }

    /// The next message from the server.
    #[track_caller]
    pub(crate) fn message(&mut self) -> Incoming {
        let message = self.client.next_message().expect("a message");
        self.settle();
        message
    }

    /// Takes the next message and acknowledges it.
    #[track_caller]
    pub(crate) fn handle_message(&mut self) -> Text {
        let message = self.message();
        if let Some(key) = message.ack {
            self.acknowledge(key, ReasonCode::SUCCESS);
        }
        message.publish.topic
    }

    pub(crate) fn acknowledge(&mut self, key: evenkeel_proto::AckKey, reason: ReasonCode) {
        self.client.acknowledge(self.now, key, reason);
        self.settle();
    }

    pub(crate) fn shutdown(&mut self, limit: Duration) {
        self.client.shutdown(self.now, limit);
        self.settle();
    }

    // ---- what came of it ----

    pub(crate) fn stats(&self) -> Stats {
        *self.client.stats()
    }

    /// Outcomes since the last call.
    pub(crate) fn outcomes(&mut self) -> Vec<Completion> {
        std::mem::take(&mut self.completions)
    }

    /// The only outcome since the last call, of a publish with this token.
    #[track_caller]
    pub(crate) fn outcome(&mut self, number: u64) -> Result<Delivered, DeliveryError> {
        let mut outcomes = self.outcomes();
        assert_eq!(outcomes.len(), 1, "one outcome: {outcomes:?}");
        let Some(Completion::Publish { token, result }) = outcomes.pop() else {
            panic!("the outcome of a publish")
        };
        assert_eq!(token.0, number);
        result
    }

    /// The only outcome since the last call, of a SUBSCRIBE or UNSUBSCRIBE.
    #[track_caller]
    pub(crate) fn answer(&mut self, number: u64) -> Result<Vec<u8>, SubscribeError> {
        let mut outcomes = self.outcomes();
        assert_eq!(outcomes.len(), 1, "one outcome: {outcomes:?}");
        let (Some(Completion::Subscribe { token, result })
        | Some(Completion::Unsubscribe { token, result })) = outcomes.pop()
        else {
            panic!("the outcome of an operation")
        };
        assert_eq!(token.0, number);
        result.map(|codes| codes.iter().map(|code| code.0).collect())
    }

    /// Events since the last call.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Outcomes of stored messages that nobody waits for, since the last call.
    pub(crate) fn settled(&mut self) -> Vec<(u64, Result<(), DeliveryError>)> {
        let events = self.take_events();
        let settled = events.into_iter().filter_map(|event| match event {
            Event::Settled { serial, result } => Some((serial.0, result)),
            _ => None,
        });
        settled.collect()
    }

    /// Why connections ended since the last call.
    pub(crate) fn causes(&mut self) -> Vec<DisconnectCause> {
        let events = self.take_events();
        let causes = events.into_iter().filter_map(|event| match event {
            Event::Disconnected { cause, .. } => Some(*cause),
            _ => None,
        });
        causes.collect()
    }

    /// Why the only connection that ended since the last call did so.
    #[track_caller]
    pub(crate) fn cause(&mut self) -> DisconnectCause {
        let mut causes = self.causes();
        assert_eq!(causes.len(), 1, "one connection ended: {causes:?}");
        causes.remove(0)
    }

    /// The retries planned since the last call.
    pub(crate) fn retries(&mut self) -> Vec<(Retry, Duration)> {
        let events = self.take_events();
        let retries = events.into_iter().filter_map(|event| match event {
            Event::RetryScheduled { retry, delay } => Some((retry, delay)),
            _ => None,
        });
        retries.collect()
    }
}
