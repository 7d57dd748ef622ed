//! The network: connections of clients to the one server.

mod pipe;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::BytesMut;

use crate::rng::Rng;
use crate::time::Time;

pub use pipe::{Cut, End, PathSpec, Pipe};

/// Names a connection of the network; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u64);

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// Both directions of a client's path.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinkSpec {
    /// To the server.
    pub up: PathSpec,
    /// To the client.
    pub down: PathSpec,
}

impl LinkSpec {
    /// The same both ways.
    pub const fn symmetric(path: PathSpec) -> Self {
        Self { up: path, down: path }
    }

    /// There and back, at most, for a few bytes.
    pub fn round_trip(&self) -> Duration {
        self.up.latency + self.up.jitter + self.down.latency + self.down.jitter
    }
}

/// A connection.
#[derive(Debug)]
pub struct Socket {
    /// Index of the client.
    pub node: usize,
    /// To the server.
    pub up: Pipe,
    /// To the client.
    pub down: Pipe,
    /// The client's side is open.
    client_open: bool,
    /// The server's side is open.
    server_open: bool,
}

impl Socket {
    /// True if one direction will never carry anything again.
    pub const fn is_dead(&self) -> bool {
        self.up.is_dead() || self.down.is_dead()
    }

    /// One of its directions.
    pub const fn pipe(&mut self, way: Way) -> &mut Pipe {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }
}

/// What reading found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// So many bytes.
    Bytes(usize),
    /// Nothing at the moment.
    Nothing,
    /// The stream is over.
    End(End),
}

/// All connections.
#[derive(Debug, Default)]
pub struct Net {
    sockets: BTreeMap<SocketId, Socket>,
    made: u64,
    /// Pipes whose next event may have changed.
    touched: Vec<(SocketId, Way)>,
}

impl Net {
    /// Connects a client.
    pub fn connect(&mut self, node: usize, link: &LinkSpec, rng: &Rng) -> SocketId {
        self.made += 1;
        let id = SocketId(self.made);
        let up = Pipe::new(link.up, rng.fork("up", self.made));
        let down = Pipe::new(link.down, rng.fork("down", self.made));
        let socket = Socket { node, up, down, client_open: true, server_open: true };
        self.sockets.insert(id, socket);
        id
    }

    /// A connection that is not over for both sides.
    pub fn get_mut(&mut self, id: SocketId) -> Option<&mut Socket> {
        self.touched.extend([(id, Way::Up), (id, Way::Down)]);
        self.sockets.get_mut(&id)
    }

    /// Looks at a connection.
    pub fn get(&self, id: SocketId) -> Option<&Socket> {
        self.sockets.get(&id)
    }

    /// Writes on the client's side; the number of bytes taken.
    pub fn client_write(&mut self, now: Time, id: SocketId, bytes: &[u8]) -> Result<usize, End> {
        let Some(socket) = self.get_mut(id) else { return Err(End::Reset) };
        match socket.down.end() {
            Some(End::Reset) => Err(End::Reset),
            _ => Ok(socket.up.write(now, bytes)),
        }
    }

    /// Reads on the client's side.
    pub fn client_read(
        &mut self,
        now: Time,
        id: SocketId,
        most: usize,
        into: &mut BytesMut,
    ) -> Read {
        self.get_mut(id).map_or(Read::End(End::Reset), |socket| socket.down.take(now, most, into))
    }

    /// Writes on the server's side; the number of bytes taken.
    pub fn server_write(&mut self, now: Time, id: SocketId, bytes: &[u8]) -> usize {
        self.get_mut(id).map_or(0, |socket| socket.down.write(now, bytes))
    }

    /// Reads on the server's side.
    pub fn server_read(
        &mut self,
        now: Time,
        id: SocketId,
        most: usize,
        into: &mut BytesMut,
    ) -> Read {
        self.get_mut(id).map_or(Read::End(End::Reset), |socket| socket.up.take(now, most, into))
    }

    /// The client closes, behind all it has written.
    pub fn client_close(&mut self, now: Time, id: SocketId) {
        if let Some(socket) = self.get_mut(id) {
            socket.client_open = false;
            socket.up.close(now, End::Eof);
        }
        self.forget(id);
    }

    /// The client's machine is gone without a word.
    pub fn client_vanish(&mut self, id: SocketId) {
        if let Some(socket) = self.get_mut(id) {
            socket.client_open = false;
            socket.up.block(Time::NEVER);
            socket.down.block(Time::NEVER);
        }
        self.forget(id);
    }

    /// The server closes.
    pub fn server_close(&mut self, now: Time, id: SocketId, how: End) {
        if let Some(socket) = self.get_mut(id) {
            socket.server_open = false;
            socket.down.close(now, how);
        }
        self.forget(id);
    }

    /// The connection breaks for both sides at once.
    pub fn break_off(&mut self, id: SocketId, how: End) {
        if let Some(socket) = self.get_mut(id) {
            socket.up.break_off(how);
            socket.down.break_off(how);
        }
    }

    /// Lets arrive what is due on one direction. True if the other end's
    /// application may have something to read, or to write again.
    pub fn land(&mut self, now: Time, id: SocketId, way: Way) -> bool {
        let Some(socket) = self.get_mut(id) else { return false };
        socket.pipe(way).event_at = None;
        if let Some(cut) = socket.pipe(way).land(now) {
            self.break_off(id, cut.how);
            return true;
        }
        // A side that is closed answers bytes with a reset.
        let unread = socket.pipe(way).unread() > 0;
        match way {
            Way::Up if !socket.server_open && unread => socket.down.close(now, End::Reset),
            Way::Down if !socket.client_open && unread => socket.up.close(now, End::Reset),
            _ => {}
        }
        true
    }

    /// Drops what both sides have closed.
    fn forget(&mut self, id: SocketId) {
        let is_over = |socket: &Socket| !socket.client_open && !socket.server_open;
        if self.sockets.get(&id).is_some_and(is_over) {
            self.sockets.remove(&id);
        }
    }

    /// The pipes whose next event is not known to the world, with its moment.
    pub fn reschedule(&mut self) -> Vec<(Time, SocketId, Way)> {
        let mut changed = Vec::new();
        for (id, way) in std::mem::take(&mut self.touched) {
            let Some(socket) = self.sockets.get_mut(&id) else { continue };
            let pipe = socket.pipe(way);
            let next = pipe.next();
            if next.is_some_and(|next| pipe.event_at.is_none_or(|at| next < at)) {
                pipe.event_at = next;
                changed.extend(next.map(|next| (next, id, way)));
            }
        }
        changed
    }

    /// Every connection, for faults that hit them all.
    pub fn ids(&self) -> Vec<SocketId> {
        self.sockets.keys().copied().collect()
    }
}

impl Pipe {
    fn take(&mut self, now: Time, most: usize, into: &mut BytesMut) -> Read {
        match self.read(now, most, into) {
            0 => self.end().map_or(Read::Nothing, Read::End),
            count => Read::Bytes(count),
        }
    }
}
