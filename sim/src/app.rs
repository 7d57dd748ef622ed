//! An application: publishes numbered messages, subscribes, takes its time
//! with what it gets, changes its mind, shuts down.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_codec::{
    Properties, Property, Publish, QoS, ReasonCode, RetainHandling, SubscribeFilter,
    SubscribeOptions, Text, TopicFilter,
};
use evenkeel_dispatch::AckShare;
use evenkeel_proto::record::Priority;
use evenkeel_proto::{Accepted, AckKey, State, Token};

use crate::message::{MessageId, topic_name};
use crate::observation::{Asked, Delivery, Facts, Observation};
use crate::observers::Observers;
use crate::rng::Rng;
use crate::setup::{AppSpec, ClientSpec};
use crate::streams::{Given, Streams};
use crate::subject::Subject;
use crate::time::Time;

/// An application.
#[derive(Debug)]
pub(crate) struct App {
    client: usize,
    spec: AppSpec,
    rng: Rng,
    /// When it does each thing next.
    plans: BTreeMap<Doing, Time>,
    numbers: BTreeMap<(u8, u8), u32>,
    tokens: u64,
    taken: u64,
    /// Messages it is busy with.
    busy: BTreeMap<(Time, u64), AckKey>,
    /// If it has streams.
    streams: Option<Streams>,
    subscribed: BTreeMap<String, u8>,
    /// Nothing new is asked for.
    is_calm: bool,
    /// The client is to be shut down.
    is_over: bool,
    /// So it is for good.
    is_stopped: bool,
    has_started: bool,
}

/// What an application does from time to time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Doing {
    Start,
    Publish,
    Churn,
    Take,
    Probe,
    Meddle,
    Stop,
    Restart,
}

/// What the application wants that only its machine can do.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Calls {
    /// Inputs of old connections are to be given.
    pub(crate) stale: bool,
    /// What the core decides about it is to be seen at once.
    pub(crate) turn: bool,
}

/// When an application that begins at this moment does each thing first.
fn plans(spec: &AppSpec, start: Time, rng: &mut Rng) -> BTreeMap<Doing, Time> {
    let mut plans = BTreeMap::from([(Doing::Start, start)]);
    let mut plan = |doing, every: Option<Duration>| {
        if let Some(every) = every {
            plans.insert(doing, start + rng.around(every));
        }
    };
    plan(Doing::Publish, if spec.topics > 0 { spec.publish_every } else { None });
    plan(Doing::Churn, spec.churn.as_ref().map(|(every, _)| *every));
    plan(Doing::Take, spec.take_every);
    plan(Doing::Probe, spec.probe_every);
    plan(Doing::Meddle, spec.meddle_every);
    if let Some((at, _)) = spec.stop {
        plans.insert(Doing::Stop, at.max(start));
    }
    plans
}

impl App {
    pub(crate) fn new(client: usize, spec: &ClientSpec, mut rng: Rng) -> Self {
        let streams = spec.streams.then(|| Streams::new(client as u64));
        let spec = spec.app.clone();
        let plans = plans(&spec, spec.start, &mut rng);
        Self {
            client,
            streams,
            spec,
            rng,
            plans,
            numbers: BTreeMap::new(),
            tokens: 0,
            taken: 0,
            busy: BTreeMap::new(),
            subscribed: BTreeMap::new(),
            is_calm: false,
            is_over: false,
            is_stopped: false,
            has_started: false,
        }
    }

    /// Its process is dead; the next one begins now, and the application in it
    /// knows how far it had come.
    pub(crate) fn begin_again(&mut self, time: Time) {
        self.busy.clear();
        self.is_over = false;
        self.plans = plans(&self.spec, time, &mut self.rng);
        if self.is_calm {
            self.plans.retain(|doing, _| matches!(doing, Doing::Start | Doing::Stop));
        }
        if self.is_stopped {
            self.plans = BTreeMap::from([(Doing::Stop, time)]);
        }
    }

    /// Shuts the client down; the next process goes on.
    pub(crate) fn leave(
        &mut self,
        limit: Duration,
        subject: &mut Subject,
        facts: &Facts,
        observers: &mut Observers,
    ) {
        self.is_over = true;
        self.plans.clear();
        observers.see(self.client, facts, &Observation::ShutdownAsked(limit));
        subject.shutdown(facts.local, limit);
    }

    /// When it wants to act next.
    pub(crate) fn next(&self) -> Option<Time> {
        let busy = self.busy.keys().next().map(|(at, _)| *at);
        self.plans.values().copied().chain(busy).min()
    }

    /// Asks for nothing new from now on, and takes what comes.
    pub(crate) fn calm(&mut self, time: Time) {
        self.is_calm = true;
        self.plans.retain(|doing, _| matches!(doing, Doing::Start | Doing::Stop));
        self.spec.take_every = None;
        self.spec.busy_for = None;
        // What it is busy with is done at once.
        let busy = std::mem::take(&mut self.busy);
        self.busy = busy.into_iter().map(|((_, number), key)| ((time, number), key)).collect();
        self.plans.entry(Doing::Restart).or_insert(time);
    }

    /// True if the application has been told to shut its client down.
    pub(crate) fn stops(&self) -> bool {
        self.spec.stop.is_some()
    }

    /// True while it is busy with messages.
    pub(crate) fn is_busy(&self) -> bool {
        !self.busy.is_empty()
    }

    /// Does what is due.
    pub(crate) fn act(
        &mut self,
        subject: &mut Subject,
        facts: &Facts,
        observers: &mut Observers,
    ) -> Calls {
        let mut calls = Calls::default();
        let due: Vec<Doing> = self
            .plans
            .iter()
            .filter(|(_, at)| **at <= facts.time)
            .map(|(doing, _)| *doing)
            .collect();
        for doing in due {
            self.plans.remove(&doing);
            match doing {
                Doing::Start => {
                    self.start(subject, facts, observers);
                    calls.turn = true;
                }
                Doing::Publish => self.publish_some(subject, facts, observers),
                Doing::Churn => self.change_mind(subject, facts, observers),
                Doing::Take => self.take_one(subject, facts, observers),
                Doing::Probe => {
                    subject.core().probe(facts.local);
                    self.again(Doing::Probe, facts, self.spec.probe_every);
                }
                Doing::Meddle => self.meddle(&mut calls, subject, facts, observers),
                Doing::Stop => self.stop(subject, facts, observers),
                Doing::Restart => {
                    self.restart(subject, facts, observers);
                    calls.turn = true;
                }
            }
        }
        self.finish(subject, facts, observers);
        calls
    }

    fn again(&mut self, doing: Doing, facts: &Facts, every: Option<Duration>) {
        if let Some(every) = every
            && !self.is_calm
        {
            // Never at the same moment again.
            let pause = self.rng.around(every).max(Duration::from_micros(1));
            self.plans.insert(doing, facts.time + pause);
        }
    }

    fn start(&mut self, subject: &mut Subject, facts: &Facts, observers: &mut Observers) {
        observers.see(self.client, facts, &Observation::Started);
        subject.core().start(facts.local);
        let mut filters = self.spec.subscribe.clone();
        if std::mem::replace(&mut self.has_started, true) {
            // A later process may leave to its store what it is subscribed to.
            filters = self.wishes();
            filters.retain(|_| self.rng.one_in(2));
        }
        if !filters.is_empty() {
            self.subscribe(&filters, subject, facts, observers);
        }
    }

    fn restart(&mut self, subject: &mut Subject, facts: &Facts, observers: &mut Observers) {
        if let State::Halted { .. } = subject.state() {
            observers.see(self.client, facts, &Observation::Started);
            subject.core().start(facts.local);
            // What was abandoned is asked for again.
            let filters = self.wishes();
            if !filters.is_empty() {
                self.subscribe(&filters, subject, facts, observers);
            }
        }
    }

    fn wishes(&self) -> Vec<(String, u8)> {
        self.subscribed.iter().map(|(filter, qos)| (filter.clone(), *qos)).collect()
    }

    fn token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens)
    }

    fn publish_some(&mut self, subject: &mut Subject, facts: &Facts, observers: &mut Observers) {
        for _ in 0..self.rng.range(1, self.spec.burst.max(1)) {
            self.publish(subject, facts, observers);
        }
        self.again(Doing::Publish, facts, self.spec.publish_every);
    }

    fn publish(&mut self, subject: &mut Subject, facts: &Facts, observers: &mut Observers) {
        let topic = self.rng.index(self.spec.topics.into()) as u8;
        let level = self.rng.index(self.spec.levels.len());
        let qos = self.spec.levels.get(level).copied().unwrap_or(1);
        let number = self.numbers.get(&(topic, qos)).copied().unwrap_or(0) + 1;
        let id = MessageId { publisher: self.client as u16, topic, qos, number };
        let (least, most) = self.spec.payload;
        // Large ones are rare.
        let length = match self.rng.below(8) {
            0 => self.rng.range(least as u64, most as u64) as usize,
            _ => self.rng.range(least as u64, most.min(least + 100) as u64) as usize,
        };
        let expiry = match self.spec.expiry {
            Some(expiry) if self.rng.one_in(4) => Some(expiry),
            _ => None,
        };
        let Ok(name) = Text::try_from(topic_name(self.client, topic).as_str()) else { return };
        let mut publish = Publish {
            dup: false,
            qos: id.qos(),
            retain: false,
            topic: name,
            packet_id: None,
            payload: id.payload(length),
            properties: expiry.map(Property::MessageExpiryInterval).into_iter().collect(),
        };
        if let Some(seconds) = expiry {
            let interval = Duration::from_secs(seconds.into());
            observers.see(self.client, facts, &Observation::Expires(id, interval));
        }
        let token = self.token();
        let Ok(accepted) =
            subject.core().publish(facts.local, &mut publish, Priority::default(), token)
        else {
            return;
        };
        self.numbers.insert((topic, qos), number);
        observers.ledger.accepted(id, expiry.is_some());
        let tracked = matches!(accepted, Accepted::Tracked | Accepted::Storing);
        let asked = Asked::Publish(id, tracked);
        observers.see(self.client, facts, &Observation::Accepted(token, &asked));
    }

    fn subscribe(
        &mut self,
        filters: &[(String, u8)],
        subject: &mut Subject,
        facts: &Facts,
        observers: &mut Observers,
    ) {
        let entry = |(filter, qos): &(String, u8)| {
            let qos = QoS::from_level(*qos).unwrap_or_default();
            let retain_handling = RetainHandling::default();
            let options = SubscribeOptions { qos, retain_handling, ..SubscribeOptions::default() };
            TopicFilter::try_from(filter.as_str())
                .ok()
                .map(|filter| SubscribeFilter { filter, options })
        };
        let entries: Vec<_> = filters.iter().filter_map(entry).collect();
        if let Some(mut streams) = self.streams.take() {
            for entry in entries {
                self.subscribe_stream(&mut streams, entry, subject, facts, observers);
            }
            self.streams = Some(streams);
            return self.subscribed.extend(filters.iter().cloned());
        }
        let token = self.token();
        let asked = Asked::Subscribe(entries.clone());
        let core = subject.core();
        if core.subscribe(facts.local, entries, Properties::new(), token).is_ok() {
            observers.see(self.client, facts, &Observation::Accepted(token, &asked));
            self.subscribed.extend(filters.iter().cloned());
        }
    }

    fn subscribe_stream(
        &mut self,
        streams: &mut Streams,
        entry: SubscribeFilter,
        subject: &mut Subject,
        facts: &Facts,
        observers: &mut Observers,
    ) {
        let token = self.token();
        observers.see(self.client, facts, &Observation::OpenedStream(&entry.filter));
        let asked = Asked::Subscribe(vec![entry.clone()]);
        let marked = streams.open(facts.local, &entry.filter, subject);
        observers.see(self.client, facts, &Observation::Marking(&marked));
        if streams.subscribe(facts.local, entry, token, subject).is_ok() {
            observers.see(self.client, facts, &Observation::Accepted(token, &asked));
        }
    }

    fn change_mind(&mut self, subject: &mut Subject, facts: &Facts, observers: &mut Observers) {
        let Some((every, filters)) = &self.spec.churn else { return };
        let every = *every;
        let Some(text) = filters.get(self.rng.index(filters.len())).cloned() else { return };
        if self.subscribed.contains_key(&text) && !self.rng.one_in(4) {
            let Ok(filter) = TopicFilter::try_from(text.as_str()) else { return };
            let token = self.token();
            let asked = Asked::Unsubscribe(vec![filter.clone()]);
            let core = subject.core();
            if core.unsubscribe(facts.local, vec![filter], Properties::new(), token).is_ok() {
                observers.see(self.client, facts, &Observation::Accepted(token, &asked));
                self.subscribed.remove(&text);
            }
        } else {
            let qos = self.rng.below(3) as u8;
            self.subscribe(&[(text, qos)], subject, facts, observers);
        }
        self.again(Doing::Churn, facts, Some(every));
    }

    fn meddle(
        &mut self,
        calls: &mut Calls,
        subject: &mut Subject,
        facts: &Facts,
        observers: &mut Observers,
    ) {
        match self.rng.below(8) {
            0 => {
                observers.see(self.client, facts, &Observation::ReconnectAsked);
                subject.core().reconnect(facts.local);
                calls.turn = true;
            }
            1..4 => {
                subject.core().probe(facts.local);
            }
            _ => calls.stale = true,
        }
        self.again(Doing::Meddle, facts, self.spec.meddle_every);
    }

    fn stop(&mut self, subject: &mut Subject, facts: &Facts, observers: &mut Observers) {
        if let Some((_, limit)) = self.spec.stop {
            self.is_stopped = true;
            self.shut_down(limit, subject, facts, observers);
        }
    }

    /// Shuts the client down.
    pub(crate) fn shut_down(
        &mut self,
        limit: Duration,
        subject: &mut Subject,
        facts: &Facts,
        observers: &mut Observers,
    ) {
        self.is_calm = true;
        self.is_over = true;
        self.plans.clear();
        observers.see(self.client, facts, &Observation::ShutdownAsked(limit));
        subject.shutdown(facts.local, limit);
    }

    /// Takes outcomes, and messages unless it takes its time; true if
    /// there were any.
    pub(crate) fn collect(
        &mut self,
        subject: &mut Subject,
        facts: &Facts,
        observers: &mut Observers,
    ) -> bool {
        let mut any = false;
        for completion in subject.completions() {
            observers.see(self.client, facts, &Observation::Completed(&completion));
            any = true;
        }
        while self.spec.take_every.is_none() && self.take(subject, facts, observers) {
            any = true;
        }
        if let (State::Halted { .. }, Some(after)) = (subject.state(), self.spec.restart_after)
            && !self.plans.contains_key(&Doing::Restart)
            && !self.is_over
        {
            let pause = self.rng.around(after).max(Duration::from_secs(1));
            self.plans.insert(Doing::Restart, facts.time + pause);
        }
        any
    }

    fn take_one(&mut self, subject: &mut Subject, facts: &Facts, observers: &mut Observers) {
        self.take(subject, facts, observers);
        self.again(Doing::Take, facts, self.spec.take_every);
    }

    fn take(&mut self, subject: &mut Subject, facts: &Facts, observers: &mut Observers) -> bool {
        if let Some(mut streams) = self.streams.take() {
            let any = self.take_from(&mut streams, subject, facts, observers);
            self.streams = Some(streams);
            return any;
        }
        let Some(incoming) = subject.next_message() else { return false };
        self.taken += 1;
        let delivery = Delivery::of(&incoming.publish, self.taken);
        self.look_at(delivery.as_ref(), facts, observers);
        if let (Some(delivery), Some(key)) = (delivery, incoming.ack) {
            self.work_on(delivery.number, key, subject, facts, observers);
        }
        true
    }

    /// The same out of streams; a message is finished when all of them are done.
    fn take_from(
        &mut self,
        streams: &mut Streams,
        subject: &mut Subject,
        facts: &Facts,
        observers: &mut Observers,
    ) -> bool {
        let (messages, copies) = streams.take(self.taken + 1, subject);
        self.taken += messages.len() as u64;
        for delivery in &messages {
            self.look_at(delivery.as_ref(), facts, observers);
        }
        for Given { filter, delivery, ack } in copies {
            let Some(delivery) = delivery else { continue };
            if let Some(filter) = &filter {
                observers.see(self.client, facts, &Observation::Reached(filter, &delivery));
            }
            if let Some(key) = ack.and_then(AckShare::settle) {
                self.work_on(delivery.number, key, subject, facts, observers);
            }
        }
        !messages.is_empty()
    }

    fn look_at(&self, delivery: Option<&Delivery>, facts: &Facts, observers: &mut Observers) {
        match delivery {
            Some(delivery) => {
                observers.see(self.client, facts, &Observation::Taking(delivery));
            }
            None => {
                let text = "a payload was changed".into();
                observers.broken("D3", facts.time, Some(self.client), text);
            }
        }
    }

    /// It may take its time with a message.
    fn work_on(
        &mut self,
        number: u64,
        key: AckKey,
        subject: &mut Subject,
        facts: &Facts,
        observers: &mut Observers,
    ) {
        let busy = self.spec.busy_for.map_or(Duration::ZERO, |mean| self.rng.around(mean));
        if busy.is_zero() {
            self.acknowledge(number, key, subject, facts, observers);
        } else {
            self.busy.insert((facts.time + busy, number), key);
        }
    }

    /// Acknowledges what it is done with.
    fn finish(&mut self, subject: &mut Subject, facts: &Facts, observers: &mut Observers) {
        while let Some(entry) = self.busy.first_entry().filter(|e| e.key().0 <= facts.time) {
            let number = entry.key().1;
            let key = entry.remove();
            self.acknowledge(number, key, subject, facts, observers);
        }
    }

    fn acknowledge(
        &self,
        number: u64,
        key: AckKey,
        subject: &mut Subject,
        facts: &Facts,
        observers: &mut Observers,
    ) {
        observers.see(self.client, facts, &Observation::Done(number));
        subject.core().acknowledge(facts.local, key, ReasonCode::SUCCESS);
    }
}
