//! What one source shows of its connections.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use evenkeel_doctor::{
    Address, ConnectionId, Event, PacketSeen, Place, Side, Source, SourceId, TextId, Time, Vantage,
    What, Words,
};

/// Connections of one source that are compared: the newest.
const KEPT: usize = 16_384;

/// How a connection ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) at: Time,
    pub(super) place: Place,
    /// Who ended it, if the source says so.
    pub(super) by: Option<Side>,
}

/// A connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Its first event.
    pub(super) began: Time,
    pub(super) place: Place,
    pub(super) client: Address,
    pub(super) id: TextId,
    /// When the client said who it is, or what stands for that: what the clocks
    /// are compared by.
    pub(super) connect: Option<Time>,
    /// The keep-alive that the client asked for; `None` also if the server had
    /// another one.
    pub(super) keep_alive: Option<u16>,
    /// Whether CONNACK let the client in.
    pub(super) let_in: Option<bool>,
    pub(super) end: Option<End>,
    /// One of them said DISCONNECT: then either may end TCP first.
    pub(super) goodbye: bool,
    /// The source lacks some of its bytes.
    pub(super) gaps: bool,
}

impl Seen {
    fn new(event: &Event) -> Self {
        Self {
            began: event.at,
            place: event.place,
            client: Address::UNKNOWN,
            id: TextId::NONE,
            connect: None,
            keep_alive: None,
            let_in: None,
            end: None,
            goodbye: false,
            gaps: false,
        }
    }

    fn take(&mut self, event: &Event) {
        match event.what {
            What::Opening { client, .. } | What::Joined { client, .. } => self.client = client,
            What::Identified(id) => self.named(id, event.at),
            What::Packet { packet: PacketSeen::Connect(connect), from: Side::Client, .. } => {
                self.named(connect.client_id, event.at);
                self.keep_alive = self.keep_alive.or(connect.keep_alive);
            }
            What::Packet { packet: PacketSeen::ConnAck(connack), .. } => {
                self.named(connack.assigned_id, event.at);
                self.let_in.get_or_insert(connack.code == 0);
                if connack.server_keep_alive.is_some() {
                    self.keep_alive = None;
                }
            }
            What::Sealed { from: Side::Client, .. } => _ = self.connect.get_or_insert(event.at),
            What::Packet { packet: PacketSeen::Disconnect(_), .. }
            | What::Words(Words::Goodbye) => self.goodbye = true,
            What::Missing { .. } => self.gaps = true,
            What::Closing { by, .. } => self.ended(event, Some(by)),
            What::Ended | What::OpenFailed(_) => self.ended(event, None),
            _ => {}
        }
    }

    fn named(&mut self, id: TextId, at: Time) {
        self.connect.get_or_insert(at);
        if self.id.is_none() {
            self.id = id;
        }
    }

    fn ended(&mut self, event: &Event, by: Option<Side>) {
        self.end.get_or_insert(End { at: event.at, place: event.place, by });
    }

    /// Who ended it, and when, if the source says both.
    pub(super) fn ended_by(&self) -> Option<(End, Side)> {
        let end = self.end?;
        Some((end, end.by?))
    }
}

/// A source, and its newest connections in the order of their beginnings.
#[derive(Debug)]
pub(super) struct Witness {
    pub(super) id: SourceId,
    pub(super) name: String,
    pub(super) vantage: Vantage,
    pub(super) resolution: Duration,
    pub(super) calendar: bool,
    /// From when to when it goes; `None` if it has no event.
    pub(super) span: Option<(Time, Time)>,
    pub(super) connections: VecDeque<Seen>,
    /// Older ones that were forgotten.
    pub(super) forgotten: usize,
    /// When the last of them began: up to then it is not known who was there.
    unknown_to: Option<Time>,
    live: HashMap<ConnectionId, usize>,
}

impl Witness {
    pub(super) fn new(id: SourceId, source: &Source) -> Self {
        Self {
            id,
            name: source.name.clone(),
            vantage: source.vantage,
            resolution: source.resolution,
            calendar: source.calendar,
            span: None,
            connections: VecDeque::new(),
            forgotten: 0,
            unknown_to: None,
            live: HashMap::new(),
        }
    }

    pub(super) fn note(&mut self, event: &Event) {
        let at = event.at;
        self.span = Some(self.span.map_or((at, at), |(from, to)| (from.min(at), to.max(at))));
        if matches!(event.what, What::Forgotten) {
            self.live.remove(&event.connection);
            return;
        }
        let begins = matches!(event.what, What::Opening { .. } | What::Joined { .. });
        let number = self.live.get(&event.connection).copied();
        let known = number.and_then(|number| self.get(number)).copied();
        let goes_on = known.is_some_and(|seen| !begins || seen.end.is_none());
        let number = match number {
            Some(number) if goes_on => number,
            // One that was forgotten is no new one.
            Some(_) if known.is_none() && !begins => return,
            _ => self.begin(event),
        };
        if let Some(seen) = self.get(number) {
            seen.take(event);
        }
    }

    /// From when to when it shows all connections that there were.
    pub(super) fn whole(&self) -> Option<(Time, Time)> {
        let (from, to) = self.span?;
        Some((self.unknown_to.map_or(from, |unknown| from.max(unknown)), to))
    }

    /// Whether both are logs of one kind, and one begins where the other has
    /// ended: parts of one that was rotated, not two of the same connections.
    pub(super) fn follows(&self, other: &Self) -> bool {
        let kind = |it: &Self| (it.vantage, it.resolution, it.calendar);
        let (Some(one), Some(two)) = (self.span, other.span) else { return false };
        let (earlier, later) = if one <= two { (one, two) } else { (two, one) };
        let apart = earlier.1 <= later.0.plus(self.resolution);
        apart && self.calendar && !self.vantage.is_wire() && kind(self) == kind(other)
    }

    fn begin(&mut self, event: &Event) -> usize {
        if self.connections.len() >= KEPT
            && let Some(oldest) = self.connections.pop_front()
        {
            let began = Some(oldest.connect.unwrap_or(oldest.began));
            self.unknown_to = self.unknown_to.max(began);
            self.forgotten = self.forgotten.saturating_add(1);
        }
        let number = self.forgotten.saturating_add(self.connections.len());
        self.connections.push_back(Seen::new(event));
        self.live.insert(event.connection, number);
        number
    }

    fn get(&mut self, number: usize) -> Option<&mut Seen> {
        self.connections.get_mut(number.checked_sub(self.forgotten)?)
    }

    /// Whether it tells who ends connections: some logs have no line for that.
    pub(super) fn tells_ends(&self) -> bool {
        self.connections.iter().any(|seen| seen.ended_by().is_some())
    }
}
