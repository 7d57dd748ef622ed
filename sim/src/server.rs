//! The broker's core on its machine, between the network and the journal.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::BytesMut;
use evenkeel_broker::core::{Arrival, Core};
use evenkeel_broker::{Config, ConnectionId, EventKind};
use evenkeel_codec::{Packet, QoS};

use crate::message::MessageId;
use crate::net::{End, Read, SocketId};
use crate::node::Env;
use crate::packet_reader::PacketReader;
use crate::time::Time;

/// Bytes read and written at a time.
const CHUNK: usize = 16 * 1024;

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) core: Core,
    /// Down while this is not over.
    pub(crate) down_until: Option<Time>,
    peers: BTreeMap<SocketId, Peer>,
    sockets: BTreeMap<ConnectionId, SocketId>,
    /// Connections to look at now.
    ready: BTreeSet<SocketId>,
    /// Connections to look at later.
    due: BTreeMap<SocketId, Time>,
}

#[derive(Debug)]
struct Peer {
    id: ConnectionId,
    client: usize,
    inbound: BytesMut,
    /// There may be packets in `inbound` that were not offered.
    offer: bool,
    outbound: Vec<u8>,
    reader: PacketReader,
    /// Messages in PUBLISH packets that the journal has yet to tell of.
    publishes: VecDeque<Option<MessageId>>,
}

impl Server {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            core: Core::new(config, evenkeel_broker::Instant::START),
            down_until: None,
            peers: BTreeMap::new(),
            sockets: BTreeMap::new(),
            ready: BTreeSet::new(),
            due: BTreeMap::new(),
        }
    }

    /// A client has connected.
    pub(crate) fn accept(&mut self, time: Time, socket: SocketId, client: usize) {
        let id = self.core.open(time.broker(), Arrival::new("sim", format!("c{client}")));
        let peer = Peer {
            id,
            client,
            inbound: BytesMut::new(),
            offer: false,
            outbound: Vec::new(),
            reader: PacketReader::up(),
            publishes: VecDeque::new(),
        };
        self.peers.insert(socket, peer);
        self.sockets.insert(id, socket);
        self.ready.insert(socket);
    }

    /// Something may be read or written on this connection.
    pub(crate) fn wake(&mut self, socket: SocketId) {
        if self.peers.contains_key(&socket) {
            self.ready.insert(socket);
        }
    }

    /// When the broker has something to do next.
    pub(crate) fn next(&self) -> Option<Time> {
        let connection = self.due.values().copied().min();
        let session = self.core.next_session_deadline().map(|at| Time(at.as_micros()));
        [connection, session, self.down_until].into_iter().flatten().min()
    }

    /// Goes down; all connections are reset.
    pub(crate) fn stop(&mut self, env: &mut Env<'_>, until: Time, keeps_sessions: bool) {
        self.down_until = Some(until);
        self.core.stop(env.time.broker(), keeps_sessions);
        for socket in self.peers.keys().copied().collect::<Vec<_>>() {
            self.drop_peer(env, socket, End::Reset);
        }
        self.run(env);
    }

    /// Does everything that is due, until nothing changes.
    pub(crate) fn run(&mut self, env: &mut Env<'_>) {
        if self.down_until.is_some_and(|until| until <= env.time) {
            self.down_until = None;
        }
        self.core.tick_sessions(env.time.broker());
        let due: Vec<_> =
            self.due.iter().filter(|(_, at)| **at <= env.time).map(|(socket, _)| *socket).collect();
        for socket in due {
            self.due.remove(&socket);
            if let Some(peer) = self.peers.get(&socket) {
                let id = peer.id;
                // Everything is read before a silence is judged.
                self.serve(env, socket);
                self.core.tick_connection(env.time.broker(), id);
                self.ready.insert(socket);
            }
        }
        self.gather(env);
        while let Some(socket) = self.ready.pop_first() {
            self.serve(env, socket);
            self.gather(env);
        }
    }

    /// Takes what the core tells: events, and connections to look at.
    fn gather(&mut self, env: &mut Env<'_>) {
        while let Some(event) = self.core.next_event() {
            let socket = event.connection.and_then(|id| self.sockets.get(&id));
            let peer = socket.and_then(|socket| self.peers.get_mut(socket));
            let is_publish = matches!(event.kind, EventKind::PublishReceived { .. });
            let message = match peer {
                Some(peer) if is_publish => peer.publishes.pop_front().flatten(),
                _ => None,
            };
            env.observers.broker(&event, || message);
        }
        while let Some(id) = self.core.next_woken() {
            if let Some(socket) = self.sockets.get(&id) {
                self.ready.insert(*socket);
            }
        }
    }

    /// Moves the bytes of one connection until none move.
    fn serve(&mut self, env: &mut Env<'_>, socket: SocketId) {
        loop {
            let read = self.read(env, socket);
            self.gather(env);
            let wrote = self.write(env, socket);
            self.gather(env);
            if !read && !wrote {
                break;
            }
        }
        let Some(peer) = self.peers.get(&socket) else { return };
        let standing = self.core.status(env.time.broker(), peer.id);
        if standing.aborts() {
            return self.drop_peer(env, socket, End::Reset);
        }
        if standing.is_flushed() && peer.outbound.is_empty() {
            return self.drop_peer(env, socket, End::Eof);
        }
        match standing.deadline {
            Some(at) => {
                // A deadline of now was dealt with, or waits for the transport.
                let at = Time(at.as_micros()).max(Time(env.time.0 + 1));
                self.due.insert(socket, at);
            }
            None => drop(self.due.remove(&socket)),
        }
    }

    /// Reads once; true if there was something.
    fn read(&mut self, env: &mut Env<'_>, socket: SocketId) -> bool {
        let now = env.time.broker();
        let Some(peer) = self.peers.get_mut(&socket) else { return false };
        if !self.core.status(now, peer.id).reads {
            return false;
        }
        let offered = std::mem::take(&mut peer.offer);
        match env.net.server_read(env.time, socket, CHUNK, &mut peer.inbound) {
            Read::Bytes(_) => {}
            Read::Nothing if offered => {}
            Read::Nothing => return false,
            Read::End(end) => {
                let answer = if end == End::Eof { End::Eof } else { End::Reset };
                self.drop_peer(env, socket, answer);
                return true;
            }
        }
        let bytes = peer.inbound.clone();
        self.core.receive(now, peer.id, &mut peer.inbound);
        let consumed = bytes.len() - peer.inbound.len();
        peer.offer = !self.core.status(now, peer.id).reads && !peer.inbound.is_empty();
        // Bytes that are not MQTT are the broker's to judge.
        let packets =
            peer.reader.feed(bytes.get(..consumed).unwrap_or_default()).unwrap_or_default();
        for (packet, _) in packets {
            match packet {
                Packet::Publish(publish) => {
                    let message = MessageId::of(&publish.payload);
                    if publish.qos == QoS::ExactlyOnce
                        && let (Some(id), Some(message)) = (publish.packet_id, message)
                    {
                        env.observers.ledger.holds(peer.client, id.get(), message);
                    }
                    peer.publishes.push_back(message);
                }
                Packet::PubRel(ack) => {
                    env.observers.ledger.released(peer.client, ack.packet_id.get());
                }
                _ => {}
            }
        }
        true
    }

    /// Writes once; true if the transport took something.
    fn write(&mut self, env: &mut Env<'_>, socket: SocketId) -> bool {
        let now = env.time.broker();
        let Some(peer) = self.peers.get_mut(&socket) else { return false };
        if peer.outbound.is_empty() {
            self.core.take_output(now, peer.id, &mut peer.outbound);
        }
        let piece = peer.outbound.get(..CHUNK.min(peer.outbound.len())).unwrap_or_default();
        let count = env.net.server_write(env.time, socket, piece);
        if count == 0 {
            return false;
        }
        peer.outbound.drain(..count);
        self.core.written(now, peer.id, count);
        true
    }

    /// The connection is over on this side.
    fn drop_peer(&mut self, env: &mut Env<'_>, socket: SocketId, how: End) {
        let Some(peer) = self.peers.get(&socket) else { return };
        let id = peer.id;
        env.net.server_close(env.time, socket, how);
        self.core.closed(env.time.broker(), id);
        self.gather(env);
        self.peers.remove(&socket);
        self.sockets.remove(&id);
        self.due.remove(&socket);
        self.ready.remove(&socket);
    }

    /// True if the broker takes connections.
    pub(crate) const fn is_up(&self) -> bool {
        self.down_until.is_none()
    }
}
