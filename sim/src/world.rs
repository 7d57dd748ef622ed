//! The world: takes the earliest event, lets it happen, and lets everyone
//! concerned do what follows.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_broker::fault::RuleId;
use evenkeel_proto::{ConnectionId, State, TransportFailure};

use crate::fault::Weather;
use crate::net::{End, Net, SocketId, Way};
use crate::node::{Env, Node};
use crate::observation::{Observation, Violation};
use crate::observers::Observers;
use crate::process;
use crate::report::Report;
use crate::rng::Rng;
use crate::server::Server;
use crate::setup::{Front, Setup};
use crate::subject::Subject;
use crate::time::Time;
use crate::trace::Trace;

/// How long clients have to shut down in the end.
const SHUTDOWN: Duration = Duration::from_secs(30);
/// More steps than any run needs: the world stands still.
const STEPS: u64 = 20_000_000;
/// Time between two looks at whether all is done.
const CHECK_EVERY: Duration = Duration::from_millis(250);

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A client runs.
    Turn(usize),
    /// An application acts.
    Act(usize),
    /// A machine runs again.
    Wake(usize),
    /// Bytes arrive.
    Arrive(SocketId, Way),
    /// An attempt to connect is answered.
    Dial(usize, ConnectionId),
    /// The broker has something to do.
    Serve,
    /// Something goes wrong.
    Fault(usize),
    /// A rule of the broker ends.
    RuleEnds(RuleId),
    /// A path is as it was.
    PathEnds(usize),
    /// A disk has space again.
    DiskFree(usize),
    /// Nothing goes wrong any more.
    Calm,
    /// A look at whether all is done.
    Check,
}

/// Events to come, the earliest first, those of one moment in the order they
/// were set.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    events: BTreeMap<(Time, u64), Event>,
    number: u64,
}

impl Queue {
    pub(crate) fn push(&mut self, at: Time, event: Event) {
        self.number += 1;
        self.events.insert((at, self.number), event);
    }

    fn pop(&mut self) -> Option<(Time, Event)> {
        let ((time, _), event) = self.events.pop_first()?;
        Some((time, event))
    }
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Storm,
    /// Until when all has to be done.
    Calm(Time),
    ShuttingDown(Time),
    Over,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) time: Time,
    pub(crate) setup: Setup,
    pub(crate) rng: Rng,
    pub(crate) nodes: Vec<Node>,
    pub(crate) net: Net,
    pub(crate) server: Server,
    pub(crate) observers: Observers,
    pub(crate) queue: Queue,
    pub(crate) weather: Weather,
    stage: Stage,
    serve_at: Option<Time>,
    /// For each client: when it turns and acts next, as it asked, and the
    /// attempt to connect that is under way.
    plans: Vec<Plan>,
    steps: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Plan {
    asked: Option<Time>,
    act_at: Option<Time>,
    dialing: Option<ConnectionId>,
}

/// Lets a world run to its end, or to the first law that is broken.
pub fn run(setup: &Setup) -> Report {
    let mut world = World::new(setup.clone());
    world.begin();
    while world.observers.violations.is_empty() && world.stage != Stage::Over {
        let Some((time, event)) = world.queue.pop() else { break };
        world.time = time;
        world.steps += 1;
        world.happen(event);
        if world.steps > STEPS {
            let text = format!("{STEPS} steps, and no end; now {event:?}");
            world.observers.broken("endless", time, None, text);
        }
    }
    world.report()
}

impl World {
    fn new(setup: Setup) -> Self {
        let rng = Rng::new(setup.seed);
        let mut observers = Observers::new(Trace::new(setup.keep));
        observers.expects_calm = setup.expects_calm;
        let mut nodes = Vec::new();
        for (index, spec) in setup.clients.iter().enumerate() {
            observers.enrol(&spec.declared, spec.store.is_some(), setup.is_successor(index));
            let (several, alike) = (setup.sends_copies(), !setup.tells_apart(spec));
            observers.ledger.copies(index, several, several && alike);
            match process::first(index, spec, &rng) {
                Ok((core, process)) => {
                    let subject = Subject::new(core, spec.sabotage);
                    nodes.push(Node::new(index, spec.clone(), (subject, process), &rng));
                }
                Err(text) => observers.broken("setup", Time(0), Some(index), text),
            }
        }
        Self {
            time: Time(0),
            plans: vec![Plan::default(); nodes.len()],
            nodes,
            net: Net::default(),
            server: Server::new(setup.broker.clone()),
            observers,
            queue: Queue::default(),
            weather: Weather::default(),
            stage: Stage::Storm,
            serve_at: None,
            steps: 0,
            rng: rng.fork("world", 0),
            setup,
        }
    }

    fn begin(&mut self) {
        for (index, (at, _)) in self.setup.faults.iter().enumerate() {
            self.queue.push(*at, Event::Fault(index));
        }
        self.queue.push(self.setup.calm, Event::Calm);
        for index in 0..self.nodes.len() {
            if self.has_rival(index) {
                self.observers.harm(index);
            }
            self.with_node(index, Node::begin);
            self.arrange(index);
        }
        self.arrange_rest();
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Turn(index) => self.turn(index),
            Event::Act(index) => self.act(index),
            Event::Wake(index) => self.wake(index),
            Event::Arrive(socket, way) => self.arrive(socket, way),
            Event::Dial(index, conn) => self.dial(index, conn),
            Event::Serve => {
                if self.serve_at == Some(self.time) {
                    self.serve_at = None;
                    self.serve();
                }
            }
            Event::Fault(index) => self.strike(index),
            Event::RuleEnds(rule) => drop(self.server.core.remove_fault(rule)),
            Event::PathEnds(index) => self.restore_path(index),
            Event::DiskFree(index) => self.free_disk(index),
            Event::Calm => self.calm(),
            Event::Check => self.check(),
        }
        self.arrange_rest();
    }

    pub(crate) fn with_node<T>(
        &mut self,
        index: usize,
        act: impl FnOnce(&mut Node, &mut Env<'_>) -> T,
    ) -> Option<T> {
        let Self { time, net, observers, nodes, .. } = self;
        let mut env = Env { time: *time, net, observers };
        let result = nodes.get_mut(index).map(|node| act(node, &mut env));
        self.arrange(index);
        result
    }

    fn turn(&mut self, index: usize) {
        let Some(node) = self.nodes.get_mut(index) else { return };
        if node.machine.turn_at != Some(self.time) {
            return;
        }
        node.machine.turn_at = None;
        if node.machine.frozen.is_none() {
            if let Some(plan) = self.plans.get_mut(index) {
                plan.asked = None;
            }
            self.with_node(index, Node::turn);
        }
    }

    fn act(&mut self, index: usize) {
        let Some(plan) = self.plans.get_mut(index).filter(|plan| plan.act_at == Some(self.time))
        else {
            return;
        };
        plan.act_at = None;
        if self.nodes.get(index).is_some_and(|node| node.machine.frozen.is_none()) {
            self.with_node(index, Node::act);
            self.nudge(index);
        }
    }

    fn wake(&mut self, index: usize) {
        let Some(node) = self.nodes.get_mut(index) else { return };
        if node.machine.frozen.is_none_or(|until| until > self.time) {
            return;
        }
        node.machine.frozen = None;
        node.machine.awake_since = node.spec.clock.local(self.time);
        self.observers.note(self.time, Some(index), "runs again");
        self.with_node(index, Node::be_reborn);
        let Some(plan) = self.plans.get_mut(index) else { return };
        plan.act_at = None;
        self.arrange(index);
        self.set_turn(index, self.time);
    }

    fn arrive(&mut self, socket: SocketId, way: Way) {
        let Some(found) = self.net.get(socket) else { return };
        let index = found.node;
        let pipe = match way {
            Way::Up => &found.up,
            Way::Down => &found.down,
        };
        if pipe.event_at != Some(self.time) {
            return;
        }
        if self.net.land(self.time, socket, way) {
            let waits = self.nodes.get(index).is_some_and(Node::wants_write);
            if way == Way::Down || waits {
                self.nudge(index);
            }
            self.server.wake(socket);
            self.serve();
        }
    }

    fn dial(&mut self, index: usize, conn: ConnectionId) {
        let Some(node) = self.nodes.get_mut(index) else { return };
        let Some((_, server)) = node.dial.filter(|(dialed, _)| *dialed == conn) else { return };
        if node.dialed.is_some() {
            return;
        }
        if let Some(until) = node.machine.frozen {
            return self.queue.push(until, Event::Dial(index, conn));
        }
        let dialed = match self.weather.unreachable(index, self.time) {
            Some((_, true)) => Err(TransportFailure::Refused),
            Some((until, false)) => {
                let again = until + self.rng.span(Duration::ZERO, Duration::from_secs(1));
                return self.queue.push(again, Event::Dial(index, conn));
            }
            None if !self.server.is_up() => Err(TransportFailure::Refused),
            None => {
                let link = self.weather.link(index, self.time).unwrap_or(node.spec.link);
                let socket = self.net.connect(index, &link, &self.rng);
                self.weather.on_connect(index, socket, &mut self.net);
                match node.spec.fronts.get(server) {
                    Some(Front::Silent) => {}
                    Some(Front::Closing(until)) if self.time < *until => {
                        self.net.server_close(self.time, socket, End::Eof);
                    }
                    _ => self.server.accept(self.time, socket, index),
                }
                Ok(socket)
            }
        };
        node.dialed = Some(dialed);
        self.nudge(index);
        self.serve();
    }

    pub(crate) fn serve(&mut self) {
        let Self { time, net, observers, server, .. } = self;
        server.run(&mut Env { time: *time, net, observers });
    }

    /// Lets a client run soon.
    pub(crate) fn nudge(&mut self, index: usize) {
        let Some(node) = self.nodes.get_mut(index) else { return };
        let delay = node.rng.span(Duration::ZERO, node.spec.wake);
        self.set_turn(index, self.time + delay);
    }

    fn set_turn(&mut self, index: usize, at: Time) {
        let Some(node) = self.nodes.get_mut(index) else { return };
        if node.machine.turn_at.is_none_or(|before| at < before) {
            node.machine.turn_at = Some(at);
            self.queue.push(at, Event::Turn(index));
        }
    }

    /// Sets the events that a client waits for.
    fn arrange(&mut self, index: usize) {
        let (Some(node), Some(plan)) = (self.nodes.get_mut(index), self.plans.get_mut(index))
        else {
            return;
        };
        if let Some(at) = node.process.as_mut().and_then(|process| process.wake_at.take()) {
            plan.dialing = None;
            self.queue.push(at, Event::Wake(index));
        }
        let dial = node.dial.map(|(conn, _)| conn);
        if dial.is_some() && plan.dialing != dial {
            plan.dialing = dial;
            if let Some(conn) = dial {
                let at = self.time + node.spec.link.round_trip();
                self.queue.push(at, Event::Dial(index, conn));
            }
        }
        if let Some(at) = node.app.next()
            && plan.act_at.is_none_or(|before| at < before)
        {
            let at = at.max(self.time);
            plan.act_at = Some(at);
            self.queue.push(at, Event::Act(index));
        }
        let next = if node.machine.frozen.is_none() { node.next() } else { None };
        if let Some(at) = next.filter(|at| plan.asked != Some(*at)) {
            plan.asked = Some(at);
            let delay = node.rng.span(Duration::ZERO, node.spec.wake);
            self.set_turn(index, at.max(self.time) + delay);
        }
    }

    /// Sets the events of the network and the broker.
    fn arrange_rest(&mut self) {
        for (at, socket, way) in self.net.reschedule() {
            self.queue.push(at.max(self.time), Event::Arrive(socket, way));
            if at < self.time
                && let Some(socket) = self.net.get_mut(socket)
            {
                socket.pipe(way).event_at = Some(self.time);
            }
        }
        if let Some(at) = self.server.next().map(|at| at.max(self.time))
            && self.serve_at.is_none_or(|before| at < before)
        {
            self.serve_at = Some(at);
            self.queue.push(at, Event::Serve);
        }
    }

    fn calm(&mut self) {
        self.observers.note(self.time, None, "calm from here on");
        self.clear_weather();
        for index in 0..self.nodes.len() {
            if let Some(node) = self.nodes.get_mut(index) {
                node.machine.frozen = node.machine.frozen.map(|_| self.time);
                node.cancel_death();
                node.app.calm(self.time);
            }
            self.wake(index);
            self.arrange(index);
            self.nudge(index);
        }
        self.stage = Stage::Calm(self.time + self.settling_time());
        self.queue.push(self.time + CHECK_EVERY, Event::Check);
    }

    /// How long the clients may need from now on.
    fn settling_time(&self) -> Duration {
        let left = |(index, node): (usize, &Node)| {
            let owed = self.observers.ledger.owed(index).len();
            node.subject.queued() + node.subject.look().in_flight() + owed
        };
        // A message of one may be one more for each of the others.
        let messages = self.nodes.iter().enumerate().map(left).sum::<usize>() * self.nodes.len();
        let settling_time = self.nodes.iter().map(|node| node.spec.settling_time(messages));
        settling_time.max().unwrap_or_default()
    }

    /// Looks whether all clients are done, or have had their time.
    fn check(&mut self) {
        match self.stage {
            Stage::Calm(until) => {
                let unfinished = (0..self.nodes.len()).find_map(|index| self.unfinished(index));
                match unfinished {
                    None => self.shut_down(),
                    Some((index, what)) if self.time > until => {
                        let lasted = self.time.since(self.setup.calm);
                        let text = format!("{lasted:?} after the faults {what}");
                        self.observers.broken("liveness", self.time, Some(index), text);
                    }
                    Some(_) => {}
                }
            }
            Stage::ShuttingDown(since) => {
                let is_closed =
                    |node: &Node| node.subject.state() == State::Closed && node.has_stored_all();
                if self.nodes.iter().all(is_closed) {
                    self.stage = Stage::Over;
                    self.end();
                } else if self.time > since + SHUTDOWN * 2 {
                    let text = "some client never shut down".to_owned();
                    self.observers.broken("D12", self.time, None, text);
                }
            }
            Stage::Storm | Stage::Over => {}
        }
        self.queue.push(self.time + CHECK_EVERY, Event::Check);
    }

    /// What a client has yet to do.
    fn unfinished(&self, index: usize) -> Option<(usize, String)> {
        let node = self.nodes.get(index)?;
        let state = node.subject.state();
        if node.is_dead() {
            return Some((index, "has no process".into()));
        }
        if node.app.stops() {
            return (state != State::Closed).then(|| (index, "not closed".into()));
        }
        let what = if !state.is_online() {
            format!("is {state:?}")
        } else if node.subject.queued() + node.subject.look().in_flight() > 0 {
            let (queued, flying) = (node.subject.queued(), node.subject.look().in_flight());
            format!("has {queued} queued, {flying} in flight")
        } else if node.app.is_busy() {
            "is busy".into()
        } else if let owed @ [first, ..] = &self.observers.ledger.owed(index)[..] {
            format!("has not got {first} and {} more", owed.len() - 1)
        } else if let Some((filter, message)) = self.observers.ledger.owed_to_stream(index) {
            format!("has not got {message} in its stream of {filter}")
        } else {
            self.unsubscribed(index)?
        };
        Some((index, what))
    }

    /// D8: what the broker holds is not what the client was granted.
    fn unsubscribed(&self, index: usize) -> Option<String> {
        if self.has_rival(index) {
            return None;
        }
        let client_id = self.setup.clients.get(index)?.config.connect.client_id.as_str();
        let wanted = &self.observers.juries.get(index)?.subscriptions;
        wanted.differs(self.observers.ledger.filters(client_id))
    }

    /// Another client uses the same identifier.
    fn has_rival(&self, index: usize) -> bool {
        let id =
            |index: usize| self.setup.clients.get(index).map(|spec| &spec.config.connect.client_id);
        (0..self.setup.clients.len()).any(|other| other != index && id(other) == id(index))
    }

    fn shut_down(&mut self) {
        self.observers.note(self.time, None, "all done; clients shut down");
        self.stage = Stage::ShuttingDown(self.time);
        for index in 0..self.nodes.len() {
            self.with_node(index, |node, env| {
                node.look_at_clock(env.time);
                let facts = node.facts(env.time);
                if !node.app.stops() {
                    node.app.shut_down(SHUTDOWN, &mut node.subject, &facts, env.observers);
                }
            });
            self.nudge(index);
        }
    }

    /// What can be judged only now that all is over.
    fn end(&mut self) {
        for index in 0..self.nodes.len() {
            self.with_node(index, |node, env| node.see(env, &Observation::Ended));
        }
    }

    fn report(self) -> Report {
        let violation: Option<Violation> = self.observers.violations.first().cloned();
        Report {
            seed: self.setup.seed,
            hash: self.observers.trace.hash(),
            steps: self.steps,
            events: self.observers.trace.counted(),
            ended: self.time,
            calm: self.setup.calm,
            violation,
            got: (0..self.nodes.len())
                .map(|index| self.observers.ledger.got(index).clone())
                .collect(),
            stats: self.nodes.iter().map(|node| *node.subject.look().stats()).collect(),
            records: self.observers.records,
            broker: self.observers.broker,
            timeline: self.observers.trace.into_entries(),
        }
    }
}
