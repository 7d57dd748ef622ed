//! Follows every connection and client of every source.

use alloc::vec::Vec;

use super::client::Key;
use super::connections::{Connections, Live};
use super::population::{Beginning, Ending};
use super::registry::Registry;
use super::{Client, Connection, End, Population, Round, Watch, Wills};
use crate::bounds::Bounds;
use crate::event::{ConnectionId, Event, PacketSeen, Side, What};
use crate::source::SourceId;
use crate::texts::TextId;
use crate::time::Time;

/// The connections and clients of all sources, and which is whose.
#[derive(Debug)]
pub(crate) struct Tracker {
    connections: Connections,
    registry: Registry,
    pub(crate) wills: Wills,
    /// Events of connections whose number is past the bound.
    pub(crate) ignored: u64,
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
            connections: Connections::new(bounds),
            registry: Registry::new(bounds),
            wills: Wills::default(),
            ignored: 0,
        }
    }

    pub(crate) fn add_source(&mut self) {
        self.connections.add_source();
        self.registry.add_source();
    }

    /// Takes one event in; `None` if it is past the bounds or of no connection.
    pub(crate) fn take(&mut self, event: &Event) -> Option<Took> {
        let (source, number) = (event.source, event.connection);
        if self.connections.is_past(number) {
            self.ignored = self.ignored.saturating_add(1);
            return None;
        }
        self.registry.next_event();
        let begins = matches!(event.what, What::Opening { .. } | What::Joined { .. });
        let known = self.connections.get(source, number).map(|live| live.counted);
        if known == Some(true) && begins {
            self.forget(source, number);
        }
        if matches!(event.what, What::Forgotten) {
            return self.forgotten(event);
        }
        if known.is_none() || (known == Some(true) && begins) {
            self.begin(event);
        }
        let client = self.connections.take(event)?.client;
        if self.registry.get(client).is_none() {
            self.remembered(event);
        }
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
                    self.wills.connack(source, &connect, &connack, event.moment());
                }
            }
            What::Identified(id) => self.identified(event, id),
            _ => {}
        }
        let ended = self.count_end(source, number);
        let client = self.client_of(source, number).unwrap_or(client);
        self.registry.touch(client);
        self.watch(source, number, client);
        Some(Took { client, ended })
    }

    fn begin(&mut self, event: &Event) {
        if let Some((source, number)) = self.connections.gives_way(event.source) {
            self.forget(source, number);
        }
        let key = Key::Host { host: TextId::NONE, server: TextId::NONE };
        let client = self.registry.client_for(event.source, key);
        self.connections.insert(event, client);
        // Whose it is may follow: nothing has begun yet for this client.
        if let Some(client) = self.registry.get_mut(client) {
            client.live.push(event.connection);
        }
        if let Some(population) = self.registry.population_mut(event.source) {
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
        let named = named.and_then(|number| self.registry.get(number));
        let named = named.filter(|client| !client.id().is_none()).map(|client| client.number);
        let key = Key::Host { host: address.host, server: server.host };
        let client = match named {
            // Hosts past the texts' bound are not one host.
            None if address.host == TextId::OTHER => {
                self.client_of(event.source, event.connection).unwrap_or_default()
            }
            None => self.registry.client_for(event.source, key),
            Some(named) => named,
        };
        self.join(event.source, event.connection, client, event.at);
        let begun = matches!(event.what, What::Opening { .. });
        if begun && let Some(population) = self.registry.population_mut(event.source) {
            let (at, host, server) = (event.at, address.host, server.host);
            population.beginnings.push(Beginning { at, client, host, server });
        }
    }

    /// The client identifier is known. Those past the texts' bound are not one
    /// client: their connections stay with their hosts.
    fn identified(&mut self, event: &Event, id: TextId) {
        if !id.same(id) {
            return;
        }
        let addresses = self
            .connection(event.source, event.connection)
            .map(|connection| (connection.tcp.client.host, connection.tcp.server.host));
        let client = self.registry.client_for(event.source, Key::Id(id));
        let known = self.client_of(event.source, event.connection) == Some(client);
        if let Some((host, server)) = addresses {
            let host = self.registry.client_for(event.source, Key::Host { host, server });
            let before = self.registry.get(host).and_then(|host| host.ids.last().copied());
            let before = before.and_then(|id| self.registry.named(event.source, Key::Id(id)));
            let gone = before.is_none_or(|before| before.live.is_empty());
            let mut new_ids = None;
            if let Some(host) = self.registry.get_mut(host) {
                let first = host.only_id.is_none() || host.only_id == id;
                host.only_id = if first { id } else { TextId::OTHER };
                // A log names the client, and then CONNECT does: that is one time.
                let again = known && host.ids.last() == Some(&id);
                new_ids = (!again).then(|| host.saw_id(id, gone));
            }
            if let (Some(client), Some(new_ids)) = (self.registry.get_mut(client), new_ids) {
                client.new_ids = new_ids;
            }
        }
        self.join(event.source, event.connection, client, event.at);
    }

    /// Gives a connection to a client, and takes it from the one that had it.
    fn join(&mut self, source: SourceId, number: ConnectionId, client: u32, at: Time) {
        let Some(live) = self.connections.get_mut(source, number) else { return };
        let before = core::mem::replace(&mut live.client, client);
        let has_ended = live.counted;
        let (host, began) = (live.connection.tcp.client.host, live.connection.tcp.opened);
        if let Some(before) = self.registry.get_mut(before) {
            before.leaves(number);
        }
        let Some(client) = self.registry.get_mut(client) else { return };
        if !has_ended {
            client.live.push(number);
        }
        if client.only_id.same(client.only_id) {
            // Whose it is may follow, and nothing has begun for this host.
            return;
        }
        client.saw_host(host, at);
        client.saw_begin(began.map_or(at, |it| it.at));
        let id = client.id();
        self.registry.saw_id_of(host, id);
    }

    /// A connection on which nobody said who it is goes to the client of its
    /// host, if there is only one: before its end it may still be another's.
    fn credit(&mut self, source: SourceId, number: ConnectionId) {
        let Some(live) = self.connections.get(source, number) else { return };
        let (named, at) = (live.connection.mqtt.connect.is_some(), live.connection.first_event);
        let only = self.registry.get(live.client).map_or(TextId::NONE, |client| client.only_id);
        if only.same(only) && !named {
            let client = self.registry.client_for(source, Key::Id(only));
            self.join(source, number, client, at);
        }
    }

    /// The evidence has ended: whose the live connections are will not follow.
    pub(crate) fn settle(&mut self, sources: usize) {
        for source in (0..=u16::MAX).map(SourceId).take(sources) {
            let live: Vec<ConnectionId> = self.live_from(source, 0).map(|it| it.0).collect();
            live.into_iter().for_each(|number| self.credit(source, number));
        }
    }

    /// The client of a live connection was forgotten: it is a new one to us.
    fn remembered(&mut self, event: &Event) {
        let Some(connection) = self.connection(event.source, event.connection) else { return };
        let (host, server) = (connection.tcp.client.host, connection.tcp.server.host);
        let connect = connection.mqtt.connect.map_or(TextId::NONE, |it| it.1.client_id);
        let assigned = connection.mqtt.connack.map_or(TextId::NONE, |it| it.1.assigned_id);
        let id = if connect.is_none() { assigned } else { connect };
        let key = if id.same(id) { Key::Id(id) } else { Key::Host { host, server } };
        let client = self.registry.client_for(event.source, key);
        self.join(event.source, event.connection, client, event.at);
    }

    /// If the connection has just ended: its round goes to its client.
    fn count_end(&mut self, source: SourceId, number: ConnectionId) -> bool {
        let Some(live) = self.connections.get_mut(source, number) else { return false };
        if live.counted || live.connection.end.is_none() {
            return false;
        }
        live.counted = true;
        self.credit(source, number);
        let Some(live) = self.connections.get(source, number) else { return false };
        let (round, client) = (live.connection.round(), live.client);
        self.count(source, number, round, client)
    }

    /// Whether its round is one of its client's.
    fn count(&mut self, source: SourceId, number: ConnectionId, round: Round, client: u32) -> bool {
        if let Some(population) = self.registry.population_mut(source) {
            population.live = population.live.saturating_sub(1);
            if let Some(end) = round.end {
                let End { at, place, by, goodbye, .. } = end;
                let server = round.server.host;
                population.ends(Ending { at, place, client, by, goodbye, server });
            }
        }
        let Some(of) = self.registry.get_mut(client) else { return false };
        of.leaves(number);
        if of.id().is_none() && round.client.host == TextId::OTHER {
            // Nobody knows whose it is.
            return false;
        }
        let before = of.kept_session;
        self.registry.add_round(client, round);
        if !before && round.keeps_session() {
            let live = self.registry.get(client).map(|of| of.live.clone()).unwrap_or_default();
            live.into_iter().for_each(|number| self.watch(source, number, client));
        }
        true
    }

    /// Says what is to be watched on a connection of this client.
    fn watch(&mut self, source: SourceId, number: ConnectionId, client: u32) {
        let had = || self.registry.get(client).is_some_and(|client| client.kept_session);
        self.connections.watch(source, number, had);
    }

    /// The source has no more of it.
    fn forgotten(&mut self, event: &Event) -> Option<Took> {
        let client = self.client_of(event.source, event.connection)?;
        self.forget(event.source, event.connection);
        Some(Took { client, ended: false })
    }

    /// Frees a connection; one without an end is a round without an end.
    fn forget(&mut self, source: SourceId, number: ConnectionId) {
        self.credit(source, number);
        let Some(live) = self.connections.remove(source, number) else { return };
        if !live.counted {
            self.count(source, number, live.connection.round(), live.client);
        }
    }

    fn client_of(&self, source: SourceId, number: ConnectionId) -> Option<u32> {
        Some(self.connections.get(source, number)?.client)
    }

    pub(crate) fn connection(&self, source: SourceId, number: ConnectionId) -> Option<&Connection> {
        self.connections.get(source, number).map(|Live { connection, .. }| connection)
    }

    pub(crate) fn client(&self, number: u32) -> Option<&Client> {
        self.registry.get(number)
    }

    pub(crate) fn clients(&self) -> impl Iterator<Item = &Client> {
        self.registry.iter()
    }

    /// The only client identifier that any source has seen from this host.
    pub(crate) fn only_id(&self, host: TextId) -> Option<TextId> {
        self.registry.only_id(host)
    }

    /// Somebody else knows the only identifier of a host.
    pub(crate) fn identify(&mut self, host: TextId, id: TextId) {
        self.registry.identify(host, id);
    }

    pub(crate) fn population(&self, source: SourceId) -> Option<&Population> {
        self.registry.population(source)
    }

    /// Clients whose history was forgotten.
    pub(crate) fn clients_forgotten(&self) -> u64 {
        self.registry.forgotten
    }

    /// The connections of a source that have not ended, from number `from` on:
    /// each with its client.
    pub(crate) fn live_from(
        &self,
        source: SourceId,
        from: usize,
    ) -> impl Iterator<Item = (ConnectionId, u32)> {
        self.connections.from(source, from)
    }

    /// The first of those on which something is watched, from number `from` on.
    pub(crate) fn next_watched(
        &mut self,
        source: SourceId,
        from: u32,
    ) -> Option<(ConnectionId, u32, Watch)> {
        self.connections.next_watched(source, from)
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use crate::trace::Trace;
    use crate::{Bounds, ConnectionId, Fate, Side, SourceId, Vantage};

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
        let begun = |client: &super::Client| (client.id(), client.begun.len());
        let begun: Vec<_> = tracker.clients().map(begun).collect();
        let of = |named: bool| begun.iter().filter(move |(id, _)| id.is_none() != named);
        assert_eq!(of(true).map(|(_, n)| *n).sum::<usize>(), 20);
        assert_eq!(of(false).map(|(_, n)| *n).sum::<usize>(), 1, "before the first CONNECT");
    }

    #[test]
    fn what_says_nobody_is_of_the_only_client_of_its_host_at_its_end() {
        let lines = "c1 0 open 10.0.0.1:1 broker\nc1 0.1 > CONNECT id=pump\nc1 1 > fin
            c2 2 open 10.0.0.1:2 broker\nc2 2.1 refused";
        let report = Trace::plain().lines(lines).report();
        let clients: Vec<_> = report.clients.iter().map(|it| (&*it.name, it.ended)).collect();
        assert_eq!(clients, [("pump", 2)]);
    }

    #[test]
    fn a_host_has_the_name_that_somebody_else_knows() {
        let sealed = "c1 0 open 10.0.0.1:1 broker\nc1 0.1 > sealed\nc1 1 > fin";
        let names = |trace: Trace, id: &str| {
            let report = trace.identify("10.0.0.1", id).report();
            report.clients.into_iter().map(|it| it.name).collect::<Vec<_>>()
        };
        assert_eq!(names(Trace::encrypted().lines(sealed), "pump"), ["pump"]);
        assert_eq!(names(Trace::encrypted().lines(sealed), ""), ["10.0.0.1"]);
        // A host of two clients stays one.
        let two = "c1 2 open 10.0.0.1:2 broker\nc1 2.1 > CONNECT id=a\nc1 3 > fin
            c2 4 open 10.0.0.1:3 broker\nc2 4.1 > CONNECT id=b\nc2 5 > fin";
        let trace = Trace::encrypted().lines(sealed).and(Vantage::Plain).lines(two);
        assert_eq!(names(trace, "pump"), ["10.0.0.1", "a", "b"]);
    }

    #[test]
    fn alike_a_second_device_behind_one_address() {
        // The fan's connections begin while the pump's is open.
        let pump = "c1 0 open 10.0.0.1:1 broker\nc1 0.1 > CONNECT id=pump\nc1 0.2 < CONNACK";
        let trace = Trace::plain().lines(pump);
        let during = trace.lines("c2 1 open 10.0.0.1:2 broker\nc2 1.1 accepted");
        let pumps = |trace: &Trace| {
            let mut all = trace.tracker().clients().filter(|it| !it.id().is_none());
            all.next().map(|pump| (pump.begun.len(), pump.live.len()))
        };
        assert_eq!(pumps(&during), Some((1, 1)));
        let after = during.lines("c2 1.2 > CONNECT id=fan\nc2 1.3 < CONNACK\nc2 2 < fin");
        assert_eq!(pumps(&after), Some((1, 1)));
        let report = after.report();
        let clients: Vec<_> = report.clients.iter().map(|it| (&*it.name, it.ended)).collect();
        assert_eq!(clients, [("fan", 1), ("pump", 0)]);
    }

    #[test]
    fn identifiers_that_did_not_fit_are_not_one_client() {
        let round = "c1 0 open 10.0.0.1:1 broker\nc1 0.1 > CONNECT id=pump\nc1 0.2 < CONNACK
            c1 0.3 < fin";
        for text_bytes in [0, 200] {
            let trace = Trace::bounded(Bounds { text_bytes, ..Bounds::default() });
            let trace = trace.rounds(20, 1.0, round);
            assert!(trace.tracker().clients().all(|client| client.id().is_none()));
            let ended: u32 = trace.tracker().clients().map(|client| client.ended).sum();
            assert_eq!(ended, if text_bytes == 0 { 0 } else { 20 });
        }
    }

    #[test]
    fn clients_are_bounded_if_all_are_connected() {
        let mut lines = String::new();
        for n in 0..60 {
            lines +=
                &format!("c{n} {n} open 10.0.0.{n}:1 broker\nc{n} {n} > CONNECT id=pump-{n}\n");
        }
        let trace = Trace::bounded(Bounds { clients: 16, ..Bounds::default() }).lines(&lines);
        assert!(trace.tracker().clients().count() <= 16);
        assert!(trace.tracker().clients_forgotten() >= 60 * 2 + 1 - 16);
        // The one in hand is there, and one that was forgotten comes back.
        let ids = |trace: &Trace| trace.tracker().clients().map(|it| it.id()).max();
        assert!(ids(&trace).is_some_and(|id| !id.is_none()));
        let back = trace.lines("c0 61 > PINGREQ\nc0 62 < fin").report();
        assert!(back.clients.iter().any(|it| it.name == "pump-0" && it.ended == 1));
    }

    #[test]
    fn messages_in_flight_are_bounded_over_all_connections() {
        let publish = |n: u32| format!("c{} {n} > PUBLISH qos=1 id={}\n", n % 2, n + 1);
        let lines = "c0 0 open a b\nc1 0 open a b\n".to_string();
        let lines = lines + &(0..40).map(publish).collect::<String>();
        let bounds = Bounds { connections: 2, ..Bounds::default() };
        let trace = Trace::bounded(bounds).lines(&lines);
        let flights = |trace: &Trace, n: u32| {
            let connection = trace.tracker().connection(SourceId(0), ConnectionId(n));
            let connection = connection.expect("it lives");
            (connection.flights_room(), connection.flights(Side::Client).len())
        };
        assert_eq!((flights(&trace, 0), flights(&trace, 1)), ((8, 20), (8, 20)));
        // What is forgotten makes room.
        let trace = trace.lines("c0 50 forgotten\nc1 51 > PUBLISH qos=1 id=99");
        assert_eq!(flights(&trace, 1), (16, 21));
    }

    #[test]
    fn ended_connections_are_bounded_over_all_clients() {
        let round = |n: u32| {
            format!("c{n} 0.{n} open 10.0.0.1:{n} b\nc{n} 0.{n} > CONNECT id={n}\nc{n} 1 < fin\n")
        };
        let lines = (1..9).map(round).collect::<String>();
        // Eight clients with room for 32 each, and one less.
        for (rounds, all) in [(256, true), (255, false)] {
            let bounds = Bounds { rounds, ..Bounds::default() };
            let trace = Trace::bounded(bounds).rounds(20, 10.0, &lines);
            let named = trace.tracker().clients().filter(|it| !it.id().is_none());
            let kept: Vec<usize> = named.map(|it| it.rounds.len()).collect();
            assert_eq!(kept.iter().all(|kept| *kept == 20), all, "{kept:?}");
            assert!(kept.iter().all(|kept| (8..=20).contains(kept)), "{kept:?}");
        }
    }

    #[test]
    fn connections_are_bounded_over_all_sources() {
        let bounds = Bounds { connections: 2, ..Bounds::default() };
        let two = "c0 0 open a:1 b\nc1 1 open a:2 b";
        let trace = Trace::bounded(bounds).lines(two).and(Vantage::Plain);
        let follows = |trace: &Trace| {
            let all = [(0, 0), (0, 1), (1, 0), (1, 1)];
            all.map(|(source, number)| {
                trace.tracker().connection(SourceId(source), ConnectionId(number)).is_some()
            })
        };
        let trace = trace.lines("c0 2 open a:3 b");
        assert_eq!(follows(&trace), [false, true, true, false]);
        let trace = trace.lines("c1 3 open a:4 b");
        assert_eq!(follows(&trace), [false, false, true, true]);
    }
}
