//! Live bytes of a proxy, in the clear, as the events of a capture.

use std::fmt;
use std::time::Duration;

use evenkeel_doctor::{
    Address, Bounds, CloseHow, ConnectionId, OpenFailure, Place, Side, Source, SourceId, Time,
    Vantage, What, Words,
};

use super::out::{Ground, Out, Told};
use super::speech::Plain;
use crate::Sink;

/// Connections at one time.
const CONNECTIONS: usize = Bounds::CONNECTIONS;
/// Bytes held of all connections together.
const HELD: usize = 32 << 20;

/// Tells what passes through a proxy that sees the bytes in the clear.
///
/// A connection is named by what [`Tap::opening`] returns, until
/// [`Tap::forget`]; what is said of another one is ignored. Times of one
/// connection never go back: an earlier one counts as the newest.
pub struct Tap {
    source: SourceId,
    ground: Ground,
    connections: Vec<Option<Box<Tapped>>>,
    free: Vec<u32>,
    held: usize,
    /// Calls so far: the places of events.
    calls: u64,
}

struct Tapped {
    plain: Plain,
    newest: Time,
    closing: bool,
}

impl fmt::Debug for Tap {
    /// Shows no bytes of packets: passwords and payloads are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap")
            .field("open", &(self.connections.len() - self.free.len()))
            .field("held", &self.held)
            .finish_non_exhaustive()
    }
}

impl Tap {
    /// A tap that reports name so, with times that are calendar times; `None`
    /// if the sink has no room for another source.
    pub fn new(name: &str, sink: &mut dyn Sink) -> Option<Self> {
        let resolution = Duration::from_micros(1);
        let (name, vantage, calendar) = (name.into(), Vantage::Plain, true);
        let source = sink.source(Source { name, vantage, resolution, calendar })?;
        Some(Self {
            source,
            ground: Ground::default(),
            connections: Vec::new(),
            free: Vec::new(),
            held: 0,
            calls: 0,
        })
    }

    /// A client asks for a connection to a server, each as host and port;
    /// `None` if 32,768 are open.
    pub fn opening(
        &mut self,
        client: (&str, u16),
        server: (&str, u16),
        at: Time,
        sink: &mut dyn Sink,
    ) -> Option<ConnectionId> {
        let number = match self.free.pop() {
            Some(number) => number,
            None if self.connections.len() < CONNECTIONS => {
                self.connections.push(None);
                u32::try_from(self.connections.len() - 1).ok()?
            }
            None => return None,
        };
        let tapped = Tapped { plain: Plain::new(true, true), newest: at, closing: false };
        *self.connections.get_mut(number as usize)? = Some(Box::new(tapped));
        let number = ConnectionId(number);
        self.with(number, at, sink, |_, out| {
            let mut address = |(host, port): (&str, u16)| Address { host: out.keep(host), port };
            let (client, server) = (address(client), address(server));
            out.tell(What::Opening { client, server });
        });
        Some(number)
    }

    /// The server accepted.
    pub fn accepted(&mut self, connection: ConnectionId, at: Time, sink: &mut dyn Sink) {
        self.with(connection, at, sink, |_, out| out.tell(What::Accepted));
    }

    /// The server could not be reached.
    pub fn failed(
        &mut self,
        connection: ConnectionId,
        failure: OpenFailure,
        at: Time,
        sink: &mut dyn Sink,
    ) {
        self.with(connection, at, sink, |tapped, out| {
            if !std::mem::replace(&mut tapped.closing, true) {
                out.tell(What::OpenFailed(failure));
            }
        });
    }

    /// A side sent bytes.
    pub fn bytes(
        &mut self,
        connection: ConnectionId,
        from: Side,
        at: Time,
        bytes: &[u8],
        sink: &mut dyn Sink,
    ) {
        let mut change = (0, 0);
        let held = self.held;
        self.with(connection, at, sink, |tapped, out| {
            change.0 = tapped.plain.held();
            if !bytes.is_empty() {
                tapped.plain.bytes(from, bytes, out);
            }
            if held - change.0 + tapped.plain.held() > HELD {
                tapped.plain.let_go();
            }
            change.1 = tapped.plain.held();
        });
        self.held = self.held - change.0 + change.1;
    }

    /// A fault was injected on purpose. Rules never look at it.
    pub fn fault(&mut self, connection: ConnectionId, action: &str, at: Time, sink: &mut dyn Sink) {
        self.with(connection, at, sink, |_, out| {
            let action = out.keep(action);
            out.tell(What::Words(Words::Fault(action)));
        });
    }

    /// A side ends the connection; the first end is told.
    pub fn closing(
        &mut self,
        connection: ConnectionId,
        by: Side,
        how: CloseHow,
        at: Time,
        sink: &mut dyn Sink,
    ) {
        self.with(connection, at, sink, |tapped, out| {
            if !std::mem::replace(&mut tapped.closing, true) {
                out.tell(What::Closing { by, how });
            }
        });
    }

    /// Nothing more will be said of a connection; its number will be used again.
    pub fn forget(&mut self, connection: ConnectionId, at: Time, sink: &mut dyn Sink) {
        let mut held = 0;
        self.with(connection, at, sink, |tapped, out| {
            held = tapped.plain.held();
            out.tell(What::Forgotten);
        });
        self.held -= held;
        let known = self.connections.get_mut(connection.0 as usize).and_then(Option::take);
        if known.is_some() {
            self.free.push(connection.0);
        }
    }

    fn with(
        &mut self,
        number: ConnectionId,
        at: Time,
        sink: &mut dyn Sink,
        work: impl FnOnce(&mut Tapped, &mut Out<'_>),
    ) {
        let Some(Some(tapped)) = self.connections.get_mut(number.0 as usize) else { return };
        self.calls += 1;
        tapped.newest = tapped.newest.max(at);
        let mut told = Told::To(self.source);
        let mut out = Out {
            sink,
            ground: &mut self.ground,
            told: &mut told,
            number,
            at: tapped.newest,
            place: Place(self.calls),
        };
        work(tapped, &mut out);
    }
}
