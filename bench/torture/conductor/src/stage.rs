//! Plays one scenario with one client.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use evenkeel_broker::fault::{RuleId, When};
use evenkeel_broker::{Broker, Event};
use evenkeel_codec::{Bytes, Properties, QoS, TopicName, Will};
use tokio::process::Child;

use crate::adapter::{self, Ear};
use crate::clients::{CLIENT_ID, Client, Places};
use crate::measure::{Measure, measure};
use crate::scenario::{Inbound, KEEP_ALIVE, Scenario, Setup, Step};

/// The name of the rule that changes nothing: each packet from the client is
/// "delayed" by no time, so that the broker records it.
pub(crate) const WITNESS: &str = "witness";

/// Connects and failed attempts after which a client is stopped.
pub(crate) const STORM: u64 = 1000;

/// Time for an adapter to open its first connection.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How often the stage looks around.
const TICK: Duration = Duration::from_millis(20);

/// How late this program's timers are: a sign that the machine was too busy for
/// a fair measurement.
#[derive(Clone, Default)]
pub(crate) struct Lag(Arc<Mutex<Vec<(Instant, Duration)>>>);

impl Lag {
    /// Watches without end.
    pub(crate) async fn watch(self) {
        let step = Duration::from_millis(10);
        loop {
            let before = Instant::now();
            tokio::time::sleep(step).await;
            let late = before.elapsed().saturating_sub(step);
            if late > step {
                let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                seen.push((before, late));
            }
        }
    }

    fn worst_since(&self, begin: Instant) -> Duration {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = seen.iter().filter(|(at, _)| *at >= begin);
        since.map(|(_, late)| *late).max().unwrap_or_default()
    }
}

/// A scenario that is under way.
struct Play {
    broker: Broker,
    setup: Setup,
    ear: Ear,
    faults: Vec<RuleId>,
    /// Steps not taken yet, the next one last.
    steps: Vec<(Duration, Step)>,
    /// Numbers of the messages the broker has published.
    sent: Vec<u64>,
    /// When the first message from the broker is due.
    inbound_from: Option<Duration>,
    /// How many connections were accepted, and since when.
    accepted: (u64, Duration),
}

/// Why a cell has no figures.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs it and takes its figures. All processes are gone afterwards.
pub(crate) async fn play(
    scenario: &Scenario,
    client: &Client,
    places: &Places,
    lag: &Lag,
) -> Result<Measure, Failure> {
    let mut play = Play::begin((scenario.setup)(client)).await?;
    let mut children = Vec::new();
    for _ in 0..play.setup.instances {
        let command = client.command(places, &play.broker.url(), &play.setup);
        children.push(adapter::start(command, &play.ear)?);
    }
    let opened = |event: &Event| event.name() == "opened";
    let Some(first) = play.broker.wait_for(TIMEOUT, opened).await else {
        let told = play.ear.told();
        end(children).await;
        return Err(format!("no connection: {told:?}").into());
    };
    let begin = Instant::now();
    let storm = play.run(begin).await?;
    let last = first.time + begin.elapsed();
    let (events, told) = (play.broker.recorded(), play.ear.told());
    end(children).await;
    let mut measure = measure(&events, first.time, last, &play.sent, told);
    measure.keep_alive = KEEP_ALIVE;
    measure.cut = storm;
    measure.lag = lag.worst_since(begin);
    Ok(measure)
}

async fn end(children: Vec<Child>) {
    for mut child in children {
        // It may have ended by itself.
        let _ = child.kill().await;
    }
}

impl Play {
    async fn begin(setup: Setup) -> Result<Self, Failure> {
        let mut builder = Broker::builder()
            .configure(|config| {
                config.behaviour.message_events = true;
                config.behaviour.sys_interval = None;
                config.limits.output_bytes = 1 << 20;
                config.limits.recorded_events = 1_000_000;
            })
            .fault(When::any_received().named(WITNESS).delay(Duration::ZERO))
            .bind_tcp("127.0.0.1:0");
        if let Some(limit) = setup.limit {
            let mut profile = evenkeel_profile::aws_iot_core();
            profile.retain(|name, _| name == limit);
            builder = builder.profile(profile);
        }
        let broker = builder.start().await?;
        let mut faults = Vec::new();
        for rule in &setup.faults {
            faults.push(broker.add_fault(rule.clone())?);
        }
        let mut steps = setup.steps.clone();
        steps.reverse();
        let mut play = Self {
            broker,
            setup,
            ear: Ear::default(),
            faults,
            steps,
            sent: Vec::new(),
            inbound_from: None,
            accepted: (0, Duration::ZERO),
        };
        if let Some(bytes) = play.setup.retained {
            play.publish(1, bytes, QoS::AtLeastOnce, true)?;
        }
        Ok(play)
    }

    /// Plays until the end; true if the client stormed.
    async fn run(&mut self, begin: Instant) -> Result<bool, Failure> {
        loop {
            let elapsed = begin.elapsed();
            self.take_steps(elapsed).await?;
            self.send_due(elapsed)?;
            let stats = self.broker.stats();
            // An attempt that fails behind CONNECT counts on both sides.
            if stats.client(CLIENT_ID).connects.max(self.ear.attempts_failed()) >= STORM {
                return Ok(true);
            }
            if stats.connects_accepted != self.accepted.0 {
                self.accepted = (stats.connects_accepted, elapsed);
            }
            let is_online = stats.connections_now > 0;
            if elapsed >= self.setup.run || (is_online && self.is_over_early(elapsed)) {
                return Ok(false);
            }
            tokio::time::sleep(TICK).await;
        }
    }

    fn is_over_early(&self, elapsed: Duration) -> bool {
        let (count, since) = self.accepted;
        self.setup.over_when_online.is_some_and(|(after, least)| {
            elapsed >= after && count >= least && elapsed >= since + KEEP_ALIVE
        })
    }

    async fn take_steps(&mut self, elapsed: Duration) -> Result<(), Failure> {
        while let Some((_, step)) = self.steps.pop_if(|(at, _)| *at <= elapsed) {
            match step {
                Step::Fault(rule) => self.faults.push(self.broker.add_fault(*rule)?),
                Step::Heal => {
                    for id in self.faults.drain(..) {
                        self.broker.remove_fault(id);
                    }
                }
                Step::Stop => self.broker.stop(false).await?,
                Step::Resume => self.broker.resume().await?,
            }
        }
        Ok(())
    }

    /// Publishes what is due, once the application has subscribed.
    fn send_due(&mut self, elapsed: Duration) -> Result<(), Failure> {
        let Some(inbound) = self.setup.inbound else { return Ok(()) };
        let Inbound { not_before, every, count, at_least_once } = inbound;
        if self.inbound_from.is_none() && self.broker.subscription_count() >= self.setup.filters {
            self.inbound_from = Some(elapsed.max(not_before));
        }
        let Some(from) = self.inbound_from else { return Ok(()) };
        let qos = if at_least_once { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        loop {
            let number = self.sent.len() as u64 + 1;
            let due = from + every.mul_f64((number - 1) as f64);
            if number > count || elapsed < due {
                return Ok(());
            }
            self.publish(number, 0, qos, false)?;
        }
    }

    /// Publishes a numbered message to the filters in turn, filled up to a size.
    fn publish(&mut self, n: u64, bytes: usize, qos: QoS, retain: bool) -> Result<(), Failure> {
        let filter = (n - 1) % self.setup.filters.max(1) as u64 + 1;
        let mut payload = format!("{n} ").into_bytes();
        payload.resize(payload.len().max(bytes), b' ');
        self.broker.publish(Will {
            qos,
            retain,
            topic: TopicName::try_from(format!("torture/in/{filter}"))?,
            payload: Bytes::from(payload),
            properties: Properties::new(),
        });
        self.sent.push(n);
        Ok(())
    }
}
