//! How faults strike, and how they end.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::net::{Cut, End, LinkSpec, Net, SocketId, Way};
use crate::setup::Fault;
use crate::storage::Storage;
use crate::time::Time;
use crate::world::{Event, World};

/// Faults that last.
#[derive(Debug, Default)]
pub(crate) struct Weather {
    /// Paths that are not as they should be.
    links: BTreeMap<usize, (Time, LinkSpec)>,
    /// Clients that cannot connect: until when, and whether they are refused.
    unreachable: BTreeMap<usize, (Time, bool)>,
    /// Cuts that wait for the next connection.
    cuts: BTreeMap<usize, (Way, Cut)>,
}

impl Weather {
    pub(crate) fn link(&self, client: usize, now: Time) -> Option<LinkSpec> {
        self.links.get(&client).filter(|(until, _)| now < *until).map(|(_, link)| *link)
    }

    pub(crate) fn unreachable(&self, client: usize, now: Time) -> Option<(Time, bool)> {
        self.unreachable.get(&client).copied().filter(|(until, _)| now < *until)
    }

    /// A client has connected.
    pub(crate) fn on_connect(&mut self, client: usize, socket: SocketId, net: &mut Net) {
        if let (Some((way, cut)), Some(socket)) = (self.cuts.remove(&client), net.get_mut(socket)) {
            socket.pipe(way).cut = Some(cut);
        }
    }
}

impl World {
    /// Lets a fault happen.
    pub(crate) fn strike(&mut self, index: usize) {
        let Some((_, fault)) = self.setup.faults.get(index).cloned() else { return };
        self.observers.note(self.time, None, format!("fault {fault:?}"));
        match fault {
            Fault::Cut { client, way, bytes, how } => {
                self.observers.harm(client);
                self.cut(client, way, Cut { at: bytes, how });
            }
            Fault::Block { client, ways, lasts } => {
                self.observers.harm(client);
                let until = lasts.map_or(Time::NEVER, |lasts| self.time + lasts);
                for way in ways {
                    self.with_pipe(client, way, |pipe, _| pipe.block(until));
                }
            }
            Fault::Path { client, link, lasts } => self.change_path(client, link, lasts),
            Fault::Stall { client, lasts } => self.freeze(client, lasts),
            Fault::Sleep { client, lasts, forgotten } => {
                self.freeze(client, lasts);
                // What came meanwhile comes again, unless the path forgot all.
                let again = self.rng.span(lasts, lasts + Duration::from_millis(700));
                let until = if forgotten { Time::NEVER } else { self.time + again };
                for way in [Way::Up, Way::Down] {
                    self.with_pipe(client, way, |pipe, _| pipe.block(until));
                }
            }
            Fault::Unreachable { client, lasts, refused } => {
                self.observers.harm(client);
                self.weather.unreachable.insert(client, (self.time + lasts, refused));
            }
            Fault::Restart { down, keeps_sessions } => {
                (0..self.nodes.len()).for_each(|client| self.observers.harm(client));
                let until = self.time + down;
                let Self { time, net, observers, server, .. } = self;
                let mut env = crate::node::Env { time: *time, net, observers };
                server.stop(&mut env, until, keeps_sessions);
            }
            Fault::Rule { harms, rule, lasts } => {
                harms.iter().for_each(|client| self.observers.harm(*client));
                match self.server.core.add_fault(self.time.broker(), *rule) {
                    Ok(id) => self.queue.push(self.time + lasts, Event::RuleEnds(id)),
                    Err(error) => {
                        self.observers.broken("setup", self.time, None, error.to_string());
                    }
                }
            }
            Fault::Disconnect { client, reason } => {
                self.observers.harm(client);
                if let Some(spec) = self.setup.clients.get(client) {
                    let id = spec.config.connect.client_id.as_str();
                    self.server.core.disconnect(self.time.broker(), id, reason);
                }
            }
            Fault::Death { .. }
            | Fault::FullDisk { .. }
            | Fault::FailingDisk { .. }
            | Fault::HangingDisk { .. } => self.strike_process(&fault),
            Fault::Offer { receive_maximum, keep_alive } => {
                self.server.core.configure(|config| {
                    config.offer.receive_maximum = receive_maximum;
                    config.offer.server_keep_alive = keep_alive;
                });
            }
        }
        self.serve();
    }

    /// Faults of processes and their stores.
    fn strike_process(&mut self, fault: &Fault) {
        match *fault {
            Fault::Death { client, steps, how, down } => {
                self.observers.harm(client);
                self.with_node(client, |node, env| node.doom(env, steps, how, down));
                self.nudge(client);
            }
            Fault::FullDisk { client, free, lasts } => {
                self.with_disk(client, |disk| disk.fill_up(free));
                self.queue.push(self.time + lasts, Event::DiskFree(client));
            }
            Fault::FailingDisk { client, times, kind } => {
                self.with_disk(client, |disk| disk.fail(times, kind));
            }
            Fault::HangingDisk { client, lasts } => {
                // CONNECT waits for the store.
                self.observers.harm(client);
                let until = self.time + lasts;
                self.with_disk(client, |disk| disk.hang(until));
            }
            _ => {}
        }
    }

    fn with_disk(&mut self, client: usize, act: impl FnOnce(&mut Storage)) {
        let node = self.nodes.get_mut(client);
        if let Some(process) = node.and_then(|node| node.process.as_mut()) {
            act(&mut process.storage);
        }
    }

    pub(crate) fn free_disk(&mut self, client: usize) {
        self.with_disk(client, Storage::free);
    }

    fn with_pipe(
        &mut self,
        client: usize,
        way: Way,
        change: impl FnOnce(&mut crate::net::Pipe, Time),
    ) {
        let socket = self.nodes.get(client).and_then(crate::node::Node::socket);
        let time = self.time;
        if let Some(socket) = socket.and_then(|socket| self.net.get_mut(socket)) {
            change(socket.pipe(way), time);
        }
    }

    fn cut(&mut self, client: usize, way: Way, cut: Cut) {
        let mut found = false;
        self.with_pipe(client, way, |pipe, _| {
            pipe.cut = Some(Cut { at: pipe.landed() + cut.at.max(1), ..cut });
            found = true;
        });
        if !found {
            self.weather.cuts.insert(client, (way, cut));
        }
    }

    fn change_path(&mut self, client: usize, link: LinkSpec, lasts: Duration) {
        self.observers.harm(client);
        self.weather.links.insert(client, (self.time + lasts, link));
        self.with_pipe(client, Way::Up, |pipe, now| pipe.shape(now, link.up));
        self.with_pipe(client, Way::Down, |pipe, now| pipe.shape(now, link.down));
        self.queue.push(self.time + lasts, Event::PathEnds(client));
    }

    pub(crate) fn restore_path(&mut self, client: usize) {
        let over = self.weather.links.get(&client).is_some_and(|(until, _)| *until <= self.time);
        let Some(link) = self.nodes.get(client).map(|node| node.spec.link) else { return };
        if !over {
            return;
        }
        self.weather.links.remove(&client);
        self.with_pipe(client, Way::Up, |pipe, now| pipe.shape(now, link.up));
        self.with_pipe(client, Way::Down, |pipe, now| pipe.shape(now, link.down));
    }

    fn freeze(&mut self, client: usize, lasts: Duration) {
        self.observers.harm(client);
        let until = self.time + lasts;
        let Some(node) = self.nodes.get_mut(client) else { return };
        let until = node.machine.frozen.map_or(until, |before| before.max(until));
        node.machine.frozen = Some(until);
        self.queue.push(until, Event::Wake(client));
    }

    /// Ends all that goes wrong, except for connections that are dead forever.
    pub(crate) fn clear_weather(&mut self) {
        self.server.core.clear_faults();
        self.server.down_until = self.server.down_until.map(|_| self.time);
        for (until, _) in self.weather.links.values_mut() {
            *until = self.time;
        }
        self.weather.unreachable.clear();
        self.weather.cuts.clear();
        for client in 0..self.nodes.len() {
            self.restore_path(client);
            self.with_disk(client, |disk| {
                disk.free();
                disk.hang(Time(0));
            });
        }
        for socket in self.net.ids() {
            if let Some(socket) = self.net.get_mut(socket) {
                for way in [Way::Up, Way::Down] {
                    socket.pipe(way).cut = None;
                    socket.pipe(way).unblock(self.time);
                }
            }
        }
        self.give_up_dead_links();
        self.serve();
    }

    /// A link that died without a word is the client's to find. Without a
    /// keep-alive nobody but its system can.
    fn give_up_dead_links(&mut self) {
        for node in &self.nodes {
            let view = self.observers.juries.get(node.index).map(|jury| &jury.view);
            let online = view.and_then(|view| view.online());
            if online.is_some_and(|(_, online)| online.interval.is_zero())
                && let Some(id) = node.socket()
                && self.net.get(id).is_some_and(|socket| socket.is_dead())
            {
                self.net.break_off(id, End::TimedOut);
            }
        }
    }
}
