//! Follows every connection and client of every source.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::client::Key;
use super::population::{Beginning, Ending};
use super::{Client, Connection, Population, Wills};
use crate::bounds::Bounds;
use crate::event::{ConnectionId, Event, PacketSeen, Side, What};
use crate::source::SourceId;
use crate::texts::TextId;
use crate::time::Time;

/// A live connection and the number of its client.
#[derive(Debug)]
struct Live {
    connection: Connection,
    client: u32,
    /// Its end has been told to its client.
    counted: bool,
}

/// The connections and clients of all sources.
#[derive(Debug)]
pub(crate) struct Tracker {
    bounds: Bounds,
    /// By source, then by the connection's number.
    live: Vec<Vec<Option<Box<Live>>>>,
    clients: BTreeMap<u32, Client>,
    keys: BTreeMap<(SourceId, Key), u32>,
    next_client: u32,
    populations: Vec<Population>,
    pub(crate) wills: Wills,
    /// Events of connections whose number is past the bound.
    pub(crate) ignored: u64,
    /// Clients whose history was forgotten.
    pub(crate) forgotten: u64,
}

/// What an event meant for the tracker.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Took {
    pub(crate) client: u32,
    /// The connection has ended with this event.
    pub(crate) ended: bool,
}

impl Tracker {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            live: Vec::new(),
            clients: BTreeMap::new(),
            keys: BTreeMap::new(),
            next_client: 0,
            populations: Vec::new(),
            wills: Wills::default(),
            ignored: 0,
            forgotten: 0,
        }
    }

    pub(crate) fn add_source(&mut self) {
        self.live.push(Vec::new());
        self.populations.push(Population::default());
    }

    /// Takes one event in; `None` if it is past the bounds or of no connection.
    pub(crate) fn take(&mut self, event: &Event) -> Option<Took> {
        let (source, number) = (event.source, event.connection);
        if number.0 as usize >= self.bounds.connections {
            self.ignored = self.ignored.saturating_add(1);
            return None;
        }
        let begins = matches!(event.what, What::Opening { .. } | What::Joined { .. });
        let known = self.slot(source, number)?.as_ref().map(|live| live.counted);
        if known == Some(true) && begins {
            self.forget(source, number);
        }
        if matches!(event.what, What::Forgotten) {
            return self.forgotten(event);
        }
        if self.slot(source, number)?.is_none() {
            self.begin(event);
        }
        let live = self.slot(source, number)?.as_mut()?;
        live.connection.take(event);
        let client = live.client;
        match event.what {
            What::Opening { .. } | What::Joined { .. } => self.opened(event),
            What::Packet { packet: PacketSeen::Connect(connect), from: Side::Client, .. } => {
                self.identified(event, connect.client_id);
                self.wills.connect(source, &connect);
            }
            What::Packet { packet: PacketSeen::ConnAck(connack), .. } => {
                self.identified(event, connack.assigned_id);
                let connect = self.connection(source, number).and_then(|it| it.mqtt.connect);
                if let Some((_, connect)) = connect {
                    self.wills.connack(source, &connect, &connack, event.at);
                }
            }
            What::Identified(id) => self.identified(event, id),
            _ => {}
        }
        let ended = self.count_end(source, number);
        let client = self.client_of(source, number).unwrap_or(client);
        if let Some(client) = self.clients.get_mut(&client) {
            client.last_seen = client.last_seen.max(event.at);
        }
        Some(Took { client, ended })
    }

    fn slot(&mut self, source: SourceId, number: ConnectionId) -> Option<&mut Option<Box<Live>>> {
        let all = self.live.get_mut(usize::from(source.0))?;
        let at = number.0 as usize;
        if all.len() <= at {
            all.resize_with(at.saturating_add(1), || None);
        }
        all.get_mut(at)
    }

    fn begin(&mut self, event: &Event) {
        let key = Key::Host { host: TextId::NONE, server: TextId::NONE };
        let client = self.client_for(event.source, key, event.at);
        let live = Live { connection: Connection::new(event), client, counted: false };
        if let Some(slot) = self.slot(event.source, event.connection) {
            *slot = Some(Box::new(live));
        }
        // Whose it is may follow: nothing has begun yet for this client.
        if let Some(client) = self.clients.get_mut(&client) {
            client.live.push(event.connection);
        }
        if let Some(population) = self.populations.get_mut(usize::from(event.source.0)) {
            population.live = population.live.saturating_add(1);
        }
    }

    /// The addresses are known: whose connection is it?
    fn opened(&mut self, event: &Event) {
        let (What::Opening { client: address, server } | What::Joined { client: address, server }) =
            event.what
        else {
            return;
        };
        let named = self.client_of(event.source, event.connection);
        let named = named.and_then(|number| Some((number, self.clients.get(&number)?)));
        let named = named.filter(|(_, client)| !client.id().is_none()).map(|(number, _)| number);
        let client = named.unwrap_or_else(|| {
            let key = Key::Host { host: address.host, server: server.host };
            let client = self.client_for(event.source, key, event.at);
            let only_id = self.clients.get(&client).map_or(TextId::NONE, |client| client.only_id);
            if only_id.same(only_id) {
                self.client_for(event.source, Key::Id(only_id), event.at)
            } else {
                client
            }
        });
        self.join(event.source, event.connection, client, event.at);
        let begun = matches!(event.what, What::Opening { .. });
        if begun && let Some(population) = self.populations.get_mut(usize::from(event.source.0)) {
            let (at, host, server) = (event.at, address.host, server.host);
            population.beginnings.push(Beginning { at, client, host, server });
        }
    }

    /// The client identifier is known.
    fn identified(&mut self, event: &Event, id: TextId) {
        if id.is_none() {
            return;
        }
        let addresses = self
            .connection(event.source, event.connection)
            .map(|connection| (connection.tcp.client.host, connection.tcp.server.host));
        let client = self.client_for(event.source, Key::Id(id), event.at);
        if let Some((host, server)) = addresses {
            let host = self.client_for(event.source, Key::Host { host, server }, event.at);
            let before = self.clients.get(&host).and_then(|host| host.ids.last().copied());
            let before = before.and_then(|id| self.keys.get(&(event.source, Key::Id(id))));
            let before = before.and_then(|number| self.clients.get(number));
            let gone = before.is_none_or(|before| before.live.is_empty());
            let mut new_ids = 0;
            if let Some(host) = self.clients.get_mut(&host) {
                let first = host.only_id.is_none() || host.only_id == id;
                host.only_id = if first { id } else { TextId::OTHER };
                new_ids = host.saw_id(id, gone);
            }
            if let Some(client) = self.clients.get_mut(&client) {
                client.new_ids = new_ids;
            }
        }
        self.join(event.source, event.connection, client, event.at);
    }

    /// Gives a connection to a client, and takes it from the one that had it.
    fn join(&mut self, source: SourceId, number: ConnectionId, client: u32, at: Time) {
        let Some(Some(live)) = self.slot(source, number) else { return };
        let before = core::mem::replace(&mut live.client, client);
        let (host, began) = (live.connection.tcp.client.host, live.connection.tcp.opened);
        if let Some(before) = self.clients.get_mut(&before) {
            before.live.retain(|other| *other != number);
        }
        if let Some(client) = self.clients.get_mut(&client) {
            client.live.retain(|other| *other != number);
            client.live.push(number);
            client.saw_host(host, at);
            let began = began.unwrap_or(at);
            if client.begun.last().is_none_or(|last| *last < began) {
                client.begun.push(began);
            }
        }
    }

    /// If the connection has just ended: its round goes to its client.
    fn count_end(&mut self, source: SourceId, number: ConnectionId) -> bool {
        let Some(Some(live)) = self.slot(source, number) else { return false };
        if live.counted || live.connection.end.is_none() {
            return false;
        }
        live.counted = true;
        let (round, client) = (live.connection.round(), live.client);
        self.count(source, number, round, client);
        true
    }

    fn count(&mut self, source: SourceId, number: ConnectionId, round: super::Round, client: u32) {
        if let Some(population) = self.populations.get_mut(usize::from(source.0)) {
            population.live = population.live.saturating_sub(1);
            if let Some(end) = round.end {
                let (at, by, goodbye) = (end.at, end.by, end.goodbye);
                population.endings.push(Ending {
                    at,
                    client,
                    by,
                    goodbye,
                    server: round.server.host,
                });
            }
        }
        if let Some(client) = self.clients.get_mut(&client) {
            client.live.retain(|other| *other != number);
            client.rounds.push(round);
            client.ended = client.ended.saturating_add(1);
        }
    }

    /// The source has no more of it.
    fn forgotten(&mut self, event: &Event) -> Option<Took> {
        let client = self.client_of(event.source, event.connection)?;
        self.forget(event.source, event.connection);
        Some(Took { client, ended: false })
    }

    /// Frees a connection; one without an end is a round without an end.
    fn forget(&mut self, source: SourceId, number: ConnectionId) {
        let Some(live) = self.slot(source, number).and_then(Option::take) else { return };
        if !live.counted {
            self.count(source, number, live.connection.round(), live.client);
        }
    }

    fn client_for(&mut self, source: SourceId, key: Key, at: Time) -> u32 {
        if let Some(&known) = self.keys.get(&(source, key)) {
            return known;
        }
        if self.clients.len() >= self.bounds.clients {
            self.forget_clients();
        }
        let number = self.next_client;
        self.next_client = self.next_client.wrapping_add(1);
        self.clients.insert(number, Client::new(source, key, at));
        self.keys.insert((source, key), number);
        if let Some(population) = self.populations.get_mut(usize::from(source.0)) {
            population.clients = population.clients.saturating_add(1);
        }
        number
    }

    /// Forgets the quarter of the clients that was not seen for longest.
    fn forget_clients(&mut self) {
        let mut idle: Vec<Time> = self.clients.values().map(|client| client.last_seen).collect();
        idle.sort_unstable();
        let Some(&until) = idle.get(idle.len() / 4) else { return };
        let before = self.clients.len();
        self.clients.retain(|_, client| client.last_seen > until || !client.live.is_empty());
        let clients = &self.clients;
        self.keys.retain(|_, number| clients.contains_key(number));
        self.forgotten = self.forgotten.saturating_add((before - self.clients.len()) as u64);
    }

    fn client_of(&mut self, source: SourceId, number: ConnectionId) -> Option<u32> {
        Some(self.slot(source, number)?.as_ref()?.client)
    }

    pub(crate) fn connection(&self, source: SourceId, number: ConnectionId) -> Option<&Connection> {
        let live = self.live.get(usize::from(source.0))?.get(number.0 as usize)?.as_ref()?;
        Some(&live.connection)
    }

    pub(crate) fn client(&self, number: u32) -> Option<&Client> {
        self.clients.get(&number)
    }

    pub(crate) fn clients(&self) -> impl Iterator<Item = (u32, &Client)> {
        self.clients.iter().map(|(number, client)| (*number, client))
    }

    /// The only client identifier that any source has seen from this host.
    pub(crate) fn only_id(&self, host: TextId) -> Option<TextId> {
        let mut only = None;
        for client in self.clients.values().filter(|client| !client.id().is_none()) {
            if !host.is_none() && client.hosts.iter().any(|(known, _)| *known == host) {
                if only.is_some_and(|other| other != client.id()) {
                    return None;
                }
                only = Some(client.id());
            }
        }
        only
    }

    pub(crate) fn population(&self, source: SourceId) -> Option<&Population> {
        self.populations.get(usize::from(source.0))
    }

    /// The connections of a source that have not ended, from number `from` on:
    /// each with its client.
    pub(crate) fn live_from(
        &self,
        source: SourceId,
        from: usize,
    ) -> impl Iterator<Item = (ConnectionId, u32)> {
        let all = self.live.get(usize::from(source.0)).map_or(&[][..], Vec::as_slice);
        all.iter().enumerate().skip(from).filter_map(|(number, live)| {
            let live = live.as_ref().filter(|live| !live.counted)?;
            Some((ConnectionId(u32::try_from(number).ok()?), live.client))
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use crate::trace::Trace;
    use crate::{Fate, Vantage};

    #[test]
    fn a_log_names_a_client_without_connect() {
        let trace = Trace::of(Vantage::BrokerLog).lines("c1 0 is pump\nc1 5 ended");
        let report = trace.report();
        let [client] = &*report.clients else { panic!("{:?}", report.clients) };
        assert_eq!((client.name.as_str(), client.ended), ("pump", 1));
        assert_eq!(client.strip[0].fate, Fate::Ended);
    }

    #[test]
    fn a_client_that_a_log_names_first_stays_the_client() {
        let lines = "c1 0 is pump\nc1 0 open 10.0.0.1:1 broker\nc1 1 ended
            c2 2 is fan\nc2 2 open 10.0.0.1:2 broker\nc2 3 ended";
        let report = Trace::of(Vantage::BrokerLog).lines(lines).report();
        let clients: Vec<_> = report.clients.iter().map(|it| (&*it.name, it.ended)).collect();
        assert_eq!(clients, [("fan", 1), ("pump", 1)]);
    }

    #[test]
    fn a_connection_begins_for_its_own_client_alone() {
        let open = "c1 0 open 10.0.0.1:1 broker\nc1 0 > CONNECT id=pump";
        let trace = Trace::plain().rounds(20, 1.0, open);
        let tracker = trace.tracker();
        let begun = |(_, client): (u32, &super::Client)| (client.id(), client.begun.len());
        let begun: Vec<_> = tracker.clients().map(begun).collect();
        let of = |named: bool| begun.iter().filter(move |(id, _)| id.is_none() != named);
        assert_eq!(of(true).map(|(_, n)| *n).sum::<usize>(), 20);
        assert_eq!(of(false).map(|(_, n)| *n).sum::<usize>(), 1, "before the first CONNECT");
    }
}
