//! A broker with faults, and what it saw.

use std::future::Future;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use evenkeel::{Client, ClientBuilder, QoS};
use evenkeel_broker::fault::Rule;
use evenkeel_broker::{Broker, Config, Event, EventKind};
use evenkeel_codec::{PacketType, Will};
use tokio::runtime::Runtime;

use crate::{K, laws};

/// Events printed when a scenario fails.
const SHOWN: usize = 60;

/// A broker of one scenario. It runs on other threads than the scenario, which
/// may block its own without stopping the broker.
#[derive(Debug)]
pub struct Scene {
    broker: Broker,
}

impl Scene {
    /// A broker with these fault rules.
    pub async fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self::with(rules, |_| {}).await
    }

    /// A broker with these fault rules and settings.
    pub async fn with(
        rules: impl IntoIterator<Item = Rule>,
        configure: impl FnOnce(&mut Config),
    ) -> Self {
        let builder = Broker::builder().bind_tcp("127.0.0.1:0").configure(|config| {
            // Every message is an event, and $SYS would only be noise.
            config.behaviour.message_events = true;
            config.behaviour.sys_interval = None;
            configure(config);
        });
        let builder = rules.into_iter().fold(builder, |builder, rule| builder.fault(rule));
        let broker = on_broker_side(builder.start()).await.expect("the broker starts");
        Self { broker }
    }

    /// The broker itself.
    pub const fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Begins a client with this identifier and a keep-alive of [`K`].
    pub fn client(&self, client_id: &str) -> ClientBuilder {
        Client::builder(self.broker.url()).client_id(client_id).keep_alive(K)
    }

    /// Kills the broker and starts it again after a while.
    pub async fn restart(&self, keeps_sessions: bool, down_for: Duration) {
        let broker = self.broker.clone();
        let restarted =
            on_broker_side(async move { broker.restart(keeps_sessions, down_for).await });
        restarted.await.expect("the broker listens again");
    }

    /// Kills the broker; its sessions end.
    pub async fn stop(&self) {
        let broker = self.broker.clone();
        on_broker_side(async move { broker.stop(false).await }).await.expect("the broker stops");
    }

    /// Starts the broker again at the same port.
    pub async fn resume(&self) {
        let broker = self.broker.clone();
        on_broker_side(async move { broker.resume().await }).await.expect("the broker listens");
    }

    /// Publishes a message of the broker's own.
    pub fn publish(
        &self,
        topic: &str,
        payload: impl Into<evenkeel::Bytes>,
        qos: QoS,
        retain: bool,
    ) {
        let topic = topic.try_into().expect("a topic name");
        let properties = evenkeel::Properties::new();
        self.broker.publish(Will { qos, retain, topic, payload: payload.into(), properties });
    }

    /// CONNECT packets that came from this client, accepted or not.
    pub fn connects(&self, client_id: &str) -> u64 {
        self.broker.stats().client(client_id).connects
    }

    /// Packets of this type that came from this client.
    pub fn received(&self, client_id: &str, kind: PacketType) -> u64 {
        self.broker.stats().client(client_id).packets.received(kind)
    }

    /// Packets of this type that were sent to this client.
    pub fn sent(&self, client_id: &str, kind: PacketType) -> u64 {
        self.broker.stats().client(client_id).packets.sent(kind)
    }

    /// PINGREQ packets that came from this client.
    pub fn pings(&self, client_id: &str) -> u64 {
        self.received(client_id, PacketType::PingReq)
    }

    /// PUBLISH packets that came for this topic, repetitions included.
    pub fn published(&self, wanted: &str) -> usize {
        let is_it = |kind: &EventKind| matches!(kind, EventKind::PublishReceived { topic, .. } if topic == wanted);
        self.broker.recorded().iter().filter(|event| is_it(&event.kind)).count()
    }

    /// When CONNECT packets of this client came, since the broker's start.
    pub fn connect_times(&self, client_id: &str) -> Vec<Duration> {
        let events = self.broker.recorded();
        laws::connects(&events, client_id).map(|event| event.time.since_start()).collect()
    }

    /// Waits for a broker's event, one that happened already included.
    pub async fn event(&self, limit: Duration, fits: impl FnMut(&Event) -> bool) -> Event {
        self.broker.wait_for(limit, fits).await.expect("the broker sees the event in time")
    }

    /// Asserts what must hold whatever the faults, at the defaults:
    ///
    /// - No client breaks a rule of MQTT.
    /// - No connection has two pings closer than 0.3 of its keep-alive (K1, K2).
    /// - No connection has more pings than one per 0.675 of its keep-alive (K3).
    /// - No client identifier connects more than 8 times in 60 s (R2).
    #[track_caller]
    pub fn assert_laws(&self) {
        assert_eq!(self.broker.stats().protocol_errors, 0, "protocol errors");
        let events = self.broker.recorded();
        laws::assert_ping_spacing(&events);
        laws::assert_ping_count(&events);
        self.assert_budget(8, Duration::from_secs(60));
    }

    /// Asserts that no client identifier connects more often than this in any window.
    #[track_caller]
    pub fn assert_budget(&self, budget: usize, window: Duration) {
        laws::assert_budget(&self.broker.recorded(), budget, window);
    }

    /// Asserts that no client was silent for longer than its keep-alive, except for
    /// what a slow machine may add: a quarter of it (K3).
    #[track_caller]
    pub fn assert_never_silent(&self, keep_alive: Duration) {
        let stats = self.broker.stats();
        assert_eq!(stats.keep_alive_timeouts, 0, "closed by the broker for silence");
        let (silence, limit) = (stats.longest_silence, keep_alive.mul_f64(1.25));
        assert!(silence <= limit, "silent for {silence:?} at keep-alive {keep_alive:?}");
    }

    /// The longest time between two packets of a client, as the broker saw it.
    pub fn longest_silence(&self) -> Duration {
        self.broker.stats().longest_silence
    }
}

impl Drop for Scene {
    /// Shows what the broker saw of a scenario that failed.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let events = self.broker.recorded();
            let skipped = events.len().saturating_sub(SHOWN);
            let shown = events.iter().skip(skipped).map(Event::to_json);
            eprintln!("{skipped} events, then\n{}", shown.collect::<Vec<_>>().join("\n"));
        }
    }
}

/// Lets real time pass: keep-alive and reconnect of the real driver are what is tested.
pub async fn pass(span: Duration) {
    tokio::time::sleep(span).await;
}

/// Waits until a client has stayed online for a while.
///
/// An attempt that was given up after its CONNECT was written may be served
/// after the next one, and then takes the session from it: that costs one more
/// connection, and no more.
#[track_caller]
pub fn settled(client: &Client, limit: Duration, calm: Duration) -> impl Future<Output = ()> {
    let client = client.clone();
    let settling = async move {
        let mut since = Instant::now();
        while since.elapsed() < calm {
            pass(calm / 20).await;
            if !client.state().is_online() {
                since = Instant::now();
            }
        }
    };
    within(limit, "online to stay", settling)
}

/// Waits for something that must happen in time.
#[track_caller]
pub fn within<T>(
    limit: Duration,
    what: &str,
    happens: impl Future<Output = T>,
) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(limit, happens).await {
            Ok(value) => value,
            Err(_) => panic!("{place}: {what}: not within {limit:?}"),
        }
    }
}

/// Runs a future on the runtime of the brokers.
async fn on_broker_side<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().expect("a runtime can be made")
    });
    runtime.spawn(task).await.expect("the broker's side does not panic")
}
