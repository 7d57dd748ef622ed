//! One client: it publishes to its neighbour, in bursts, and receives from
//! the one before.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evenkeel::{
    BuildError, Client, Event, Messages, QoS, Reconnect, Report, SubscribeError, Version,
};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::doctor::Doctor;
use super::findings::Findings;
use super::limits::ClientLimits;
use super::outcomes::{FlowId, Outcomes};
use super::rng::Rng;
use super::{BUDGET, BUDGET_WINDOW, client_id, is_old};

/// What the clients write down together.
#[derive(Debug)]
pub(super) struct Shared {
    clients: usize,
    outcomes: Mutex<Outcomes>,
    findings: Mutex<Findings>,
    pub(super) doctor: Doctor,
}

impl Shared {
    pub(super) fn new(clients: usize, doctor: Doctor) -> Self {
        let outcomes = Mutex::new(Outcomes::new(clients));
        Self { clients, outcomes, findings: Mutex::default(), doctor }
    }

    pub(super) fn outcomes(&self) -> MutexGuard<'_, Outcomes> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn findings(&self) -> MutexGuard<'_, Findings> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client of the soak.
#[derive(Clone, Debug)]
pub(super) struct Worker {
    pub(super) client: Client,
    index: usize,
    qos: &'static [QoS],
    /// Whose messages it receives, and who receives its own.
    neighbours: (usize, usize),
    rng: Rng,
    shared: Arc<Shared>,
}

impl Worker {
    pub(super) fn start(
        url: &str,
        index: usize,
        limits: &ClientLimits,
        rng: Rng,
        shared: Arc<Shared>,
    ) -> Result<Self, BuildError> {
        let name = client_id(index as u64);
        let builder = Client::builder(url)
            .client_id(&name)
            .clean_start(false)
            .session_expiry(Duration::from_secs(3600))
            .connect_timeout(Duration::from_secs(3))
            .reconnect(policy());
        let builder = limits.bind(builder);
        let builder = if is_old(&name) { builder.version(Version::V311) } else { builder };
        let client = builder.start()?;
        let clients = shared.clients;
        let neighbours = ((index + clients - 1) % clients, (index + 1) % clients);
        let worker = Self { client, index, qos: limits.qos(), neighbours, rng, shared };
        tokio::spawn(worker.clone().watch());
        Ok(worker)
    }

    /// Subscribes, then receives in the background for as long as the client lives.
    pub(super) async fn subscribe(&self) -> Result<(), SubscribeError> {
        let filter = format!("soak/{}/+", self.index);
        let messages = self.client.subscribe(filter).qos(QoS::ExactlyOnce).await?;
        tokio::spawn(self.clone().receive(messages));
        Ok(())
    }

    async fn receive(mut self, mut messages: Messages) {
        let mut rng = self.rng.fork(1);
        // The stream keeps a client alive; the other handles say when it ends.
        let mut state = self.client.watch_state();
        loop {
            let message = tokio::select! {
                message = messages.next() => message,
                _ = state.wait_for(|state| *state == evenkeel::State::Closed) => return,
            };
            let Some(message) = message else { return };
            let text = std::str::from_utf8(message.payload()).unwrap_or_default();
            let number = text.split(' ').next().and_then(|number| number.parse().ok());
            let level = message.topic().rsplit('/').next().and_then(|level| level.parse().ok());
            let qos = level.and_then(QoS::from_level);
            let known = match (number, qos) {
                (Some(number), Some(qos)) => {
                    let id = FlowId { publisher: self.neighbours.0, qos };
                    self.shared.outcomes().deliver(id, number)
                }
                _ => false,
            };
            if !known {
                self.report(format!("received what was not sent, on {}", message.topic()));
            }
            // Now and then a handler that takes its time, longer than a keep-alive.
            if rng.below(400) == 0 {
                sleep(rng.millis(0, 4000)).await;
            }
        }
    }

    fn report(&mut self, what: String) {
        let name = client_id(self.index as u64);
        self.shared.findings().violations.push(format!("{name}: {what}"));
    }

    /// Publishes until it is told to stop: bursts, and pauses with pings.
    pub(super) async fn publish(self, mut goes_on: watch::Receiver<bool>) {
        let mut rng = self.rng.fork(2);
        while *goes_on.borrow() {
            for _ in 0..rng.between(1, 20) {
                self.publish_one(&mut rng).await;
                sleep(rng.millis(20, 300)).await;
            }
            tokio::select! {
                () = sleep(rng.millis(500, 8000)) => {}
                _ = goes_on.wait_for(|goes_on| !goes_on) => {}
            }
        }
    }

    async fn publish_one(&self, rng: &mut Rng) {
        let qos = rng.pick(self.qos);
        let id = FlowId { publisher: self.index, qos: qos.unwrap_or_default() };
        let number = self.shared.outcomes().begin(id);
        let topic = format!("soak/{}/{}", self.neighbours.1, id.qos.level());
        let padding = usize::try_from(rng.below(2000)).unwrap_or_default();
        let payload = format!("{number} {}", "x".repeat(padding));
        match self.client.publish(topic, payload).qos(id.qos).await {
            Ok(receipt) => {
                let shared = self.shared.clone();
                tokio::spawn(async move {
                    let is_acknowledged = match receipt.await {
                        Ok(delivered) => delivered.reason.0 < 0x80,
                        Err(_) => false,
                    };
                    shared.outcomes().settle(id, number, is_acknowledged);
                });
            }
            Err(_) => self.shared.outcomes().settle(id, number, false),
        }
    }

    /// Writes down what the client tells of itself.
    async fn watch(mut self) {
        let mut events = self.client.events();
        let mut lost_at = None;
        while let Some(report) = events.next().await {
            self.shared.doctor.note(self.index, &report);
            self.note(&report, &mut lost_at);
            if self.client.state() == evenkeel::State::Closed {
                return;
            }
        }
    }

    fn note(&mut self, report: &Report, lost_at: &mut Option<Instant>) {
        match &report.event {
            Event::Connected(_) => {
                if let Some(lost_at) = lost_at.take() {
                    self.shared.findings().recoveries.push(lost_at.elapsed());
                }
            }
            Event::Disconnected { cause, online_for, .. } => {
                self.shared.findings().ended(cause, *online_for);
                if online_for.is_some() {
                    *lost_at = Some(Instant::now());
                }
            }
            Event::Halted(halt) => self.report(format!("halted: {halt:?}")),
            Event::Lagged { lost } => self.report(format!("{lost} of its events were lost")),
            _ => {}
        }
    }
}

/// The library's policy with shorter delays, so that a soak of minutes sees
/// many lives and ends soon.
fn policy() -> Reconnect {
    let mut policy = Reconnect::default();
    policy.base = Duration::from_millis(500);
    policy.cap = Duration::from_secs(5);
    policy.stable_after = Duration::from_secs(5);
    policy.budget = Some(BUDGET);
    policy.budget_window = BUDGET_WINDOW;
    policy
}
