//! A running broker and the handle to it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use evenkeel_codec::{ReasonCode, Will};
use tokio::io::DuplexStream;
use tokio::sync::{Mutex, broadcast, watch};
use tokio::task::JoinHandle;

use crate::arrivals::Source;
use crate::builder::Builder;
use crate::core::{Config, ConnectionId, Event, EventKind, Question, Snapshot, Stats};
use crate::fault::{Happening, Rule, RuleError, RuleId, Step};
use crate::listen::{Accepting, BindAddress, Endpoint, Reserved};
use crate::serve::OpenConnection;
use crate::shared::Shared;

/// Bytes an in-memory connection holds in each direction.
const MEMORY: usize = 64 * 1024;

/// How long stopping waits for the connections' tasks.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A running broker, and the handle to steer and to ask it.
///
/// Clones are handles to the same broker. When the last one is dropped, the
/// broker stops as if it were killed.
#[derive(Clone)]
pub struct Broker(Arc<Running>);

struct Running {
    shared: Arc<Shared>,
    /// Where it listens; the same before and after a restart.
    endpoints: Vec<Endpoint>,
    listeners: Mutex<Listeners>,
    /// False while connections are left in the kernel's queue.
    gate: watch::Sender<bool>,
    timers: JoinHandle<()>,
    steps: OnceLock<Vec<JoinHandle<()>>>,
}

struct Listeners {
    accepting: Vec<Accepting>,
    reserved: Vec<Reserved>,
}

impl Broker {
    /// Begins to describe a broker.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(
        shared: Arc<Shared>,
        accepting: Vec<Accepting>,
        gate: watch::Sender<bool>,
    ) -> Self {
        let endpoints = accepting.iter().map(|one| one.endpoint().clone()).collect();
        let timers = tokio::spawn(shared.clone().run_timers());
        let listeners = Mutex::new(Listeners { accepting, reserved: Vec::new() });
        let steps = OnceLock::new();
        Self(Arc::new(Running { shared, endpoints, listeners, gate, timers, steps }))
    }

    /// Lets steps happen at their times, once in a broker's life.
    pub(crate) fn plan(&self, steps: Vec<Step>) {
        self.0.steps.get_or_init(|| {
            let plan = |step| tokio::spawn(happen(Arc::downgrade(&self.0), step));
            steps.into_iter().map(plan).collect()
        });
    }

    /// The address of the first plain TCP listener.
    pub fn tcp_addr(&self) -> Option<SocketAddr> {
        self.address("tcp")
    }

    /// The address of the first TLS listener.
    pub fn tls_addr(&self) -> Option<SocketAddr> {
        self.address("tls")
    }

    /// The address of the first WebSocket listener.
    pub fn websocket_addr(&self) -> Option<SocketAddr> {
        self.address("ws")
    }

    /// The address of the first listener for WebSocket inside TLS.
    pub fn websocket_tls_addr(&self) -> Option<SocketAddr> {
        self.address("wss")
    }

    /// The address of the first listener for HTTP inside TLS.
    #[cfg(feature = "http")]
    pub fn https_addr(&self) -> Option<SocketAddr> {
        self.address("https")
    }

    /// The address of the first listener on which ALPN decides.
    #[cfg(feature = "http")]
    pub fn alpn_addr(&self) -> Option<SocketAddr> {
        self.address("alpn")
    }

    /// The path of the first Unix socket.
    pub fn unix_path(&self) -> Option<&Path> {
        self.0.endpoints.iter().find_map(|endpoint| match &endpoint.bind {
            BindAddress::Unix(path) => Some(path.as_path()),
            BindAddress::Tcp(_) => None,
        })
    }

    /// The URL of the first listener, such as `mqtt://127.0.0.1:40123`; empty
    /// if there is none.
    pub fn url(&self) -> String {
        self.0.endpoints.first().map(Endpoint::url).unwrap_or_default()
    }

    /// The URLs of all listeners, in the order they were bound.
    pub fn urls(&self) -> Vec<String> {
        self.0.endpoints.iter().map(Endpoint::url).collect()
    }

    fn address(&self, transport: &str) -> Option<SocketAddr> {
        let found = self.0.endpoints.iter().find(|one| one.transport() == transport);
        match found.map(|endpoint| &endpoint.bind) {
            Some(BindAddress::Tcp(address)) => Some(*address),
            _ => None,
        }
    }

    /// Opens a connection without a socket: the client's end of a pipe. Works
    /// at any time, also while the broker is stopped for others.
    pub fn connect(&self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(MEMORY);
        let served = OpenConnection::open_memory(self.0.shared.clone()).attach(server);
        // Nothing lies there yet; from here on it tells when something does.
        served.reader().take_in(None);
        tokio::spawn(served.run());
        client
    }

    /// Events from now on. A receiver more than 4096 events behind is told how
    /// many it has missed.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.0.shared.subscribe()
    }

    /// The events so far, the oldest first; at most
    /// [`Limits::recorded_events`](crate::Limits::recorded_events), the latest.
    pub fn recorded(&self) -> Vec<Event> {
        self.0.shared.recorded()
    }

    /// Waits for an event, one that is recorded already included; `None` when
    /// the time is over. Looks at every event once, in order. Cancel-safe.
    pub async fn wait_for(
        &self,
        timeout: Duration,
        mut fits: impl FnMut(&Event) -> bool,
    ) -> Option<Event> {
        let mut seen = 0;
        let found = async {
            loop {
                let news = self.0.shared.news.notified();
                let (recorded, noted) = self.0.shared.recorded_behind(seen);
                if let Some(found) = recorded.into_iter().find(|event| fits(event)) {
                    return found;
                }
                seen = noted;
                news.await;
            }
        };
        tokio::time::timeout(timeout, found).await.ok()
    }

    /// The counters, for all and for each client.
    pub fn stats(&self) -> Stats {
        self.0.shared.with(|core, _| core.stats())
    }

    /// How it stands, for metrics; cheaper than [`Broker::stats`], as it leaves the
    /// counters of each client out.
    pub fn snapshot(&self) -> Snapshot {
        let snapshot = self.0.shared.with(|core, _| core.snapshot());
        Snapshot { listening: self.is_listening(), ..snapshot }
    }

    /// False while it is stopped, is stopping or resuming, or leaves connections waiting.
    fn is_listening(&self) -> bool {
        let is_up = |listeners: &Listeners| listeners.reserved.is_empty();
        *self.0.gate.borrow() && self.0.listeners.try_lock().is_ok_and(|it| is_up(&it))
    }

    /// Adds a fault rule behind those in force.
    pub fn add_fault(&self, rule: Rule) -> Result<RuleId, RuleError> {
        self.0.shared.with(|core, now| core.add_fault(now, rule))
    }

    /// Removes a fault rule; false if it was not there. What it has begun,
    /// such as a silence, goes on.
    pub fn remove_fault(&self, id: RuleId) -> bool {
        self.0.shared.with(|core, _| core.remove_fault(id))
    }

    /// Removes all fault rules.
    pub fn clear_faults(&self) {
        self.0.shared.with(|core, _| core.clear_faults());
    }

    /// The settings in force.
    pub fn config(&self) -> Config {
        self.0.shared.with(|core, _| core.config().clone())
    }

    /// Changes settings. What a connection was told in its CONNACK stays in
    /// force for it.
    pub fn configure(&self, change: impl FnOnce(&mut Config)) {
        self.0.shared.with(|core, _| core.configure(change));
    }

    /// Publishes a message of the broker's own; true if somebody has
    /// subscribed to it.
    pub fn publish(&self, message: Will) -> bool {
        self.0.shared.with(|core, now| core.publish(now, message))
    }

    /// Ends a client's connection, on MQTT 5 with a DISCONNECT; false if it
    /// has none. The reason must be one that DISCONNECT may hold.
    pub fn disconnect(&self, client_id: &str, reason: ReasonCode) -> bool {
        self.0.shared.with(|core, now| core.disconnect(now, client_id, reason))
    }

    /// Ends the connections of all clients whose identifier fits the pattern,
    /// in which `*` stands for any text, and returns how many that were.
    pub fn disconnect_matching(&self, pattern: &str, reason: ReasonCode) -> usize {
        self.0.shared.with(|core, now| core.disconnect_matching(now, pattern, reason))
    }

    /// Ends all connections, on MQTT 5 with a DISCONNECT.
    pub fn disconnect_all(&self, reason: ReasonCode) {
        self.0.shared.with(|core, now| core.disconnect_all(now, reason));
    }

    /// Asks the extension of [`Builder::start_with`]; `None` without one, and once its
    /// state cannot be written down: then nothing of what was asked for is done.
    pub fn ask(&self, request: &serde_json::Value) -> Option<serde_json::Value> {
        self.0.shared.with_saved(|core, now| core.ask(now, request)).flatten()
    }

    /// Waits for a question of the extension's, which whoever takes it answers by
    /// [`Broker::answer`]. Cancel-safe.
    pub async fn next_question(&self) -> Question {
        loop {
            let asked = self.0.shared.asked.notified();
            if let Some(question) = self.0.shared.with(|core, _| core.next_question()) {
                return question;
            }
            asked.await;
        }
    }

    /// Answers a question about a connection, or says why there is no answer. One
    /// that comes too late is left alone.
    pub fn answer(&self, id: ConnectionId, answer: Result<&str, &str>) {
        let shared = &self.0.shared;
        if let Some(reader) = shared.reader(id) {
            // What has come on the connection that this one takes over was earlier.
            reader.drain_replaced();
        }
        shared.with(|core, now| core.answer(now, id, answer));
    }

    /// The number of sessions, with and without a connection.
    pub fn session_count(&self) -> usize {
        self.0.shared.with(|core, _| core.session_count())
    }

    /// The number of subscriptions of all sessions.
    pub fn subscription_count(&self) -> usize {
        self.0.shared.with(|core, _| core.subscription_count())
    }

    /// The number of retained messages, `$SYS` included.
    pub fn retained_count(&self) -> usize {
        self.0.shared.with(|core, _| core.retained_count())
    }

    /// Messages waiting for a client, those on the way not counted; `None`
    /// if it has no session.
    pub fn queued(&self, client_id: &str) -> Option<usize> {
        self.0.shared.with(|core, _| core.queued(client_id))
    }

    /// Leaves new connections in the kernel's queue, or takes them again. To
    /// clients such a broker is a black hole: TCP opens, nothing answers.
    pub fn set_accepting(&self, accepts: bool) {
        self.0.shared.with(|core, now| core.note_accepting(now, accepts));
        self.0.gate.send_replace(accepts);
    }

    /// Goes down as if killed: listeners and connections end at once, without
    /// DISCONNECT and without wills. The ports stay bound, so that connecting
    /// is refused and no program that asks for a free port gets one of them,
    /// until [`Broker::resume`].
    ///
    /// Sessions and retained messages stay if they are to be kept. Does
    /// nothing to listeners that are down. Not cancel-safe: a dropped call may
    /// leave some listeners up.
    pub async fn stop(&self, keeps_sessions: bool) -> io::Result<()> {
        let mut listeners = self.0.listeners.lock().await;
        for accepting in std::mem::take(&mut listeners.accepting) {
            let reserved = accepting.stop().await?;
            listeners.reserved.push(reserved);
        }
        self.0.shared.with(|core, now| core.stop(now, keeps_sessions));
        self.0.shared.until_all_gone(STOP_TIMEOUT).await;
        Ok(())
    }

    /// Listens again, at the same addresses. Does nothing to listeners that
    /// are up.
    pub async fn resume(&self) -> io::Result<()> {
        let mut listeners = self.0.listeners.lock().await;
        for reserved in std::mem::take(&mut listeners.reserved) {
            let accepting = reserved.listen(&self.0.shared, self.0.gate.subscribe())?;
            listeners.accepting.push(accepting);
        }
        Ok(())
    }

    /// [`Broker::stop`], then [`Broker::resume`] after a while.
    pub async fn restart(&self, keeps_sessions: bool, down_for: Duration) -> io::Result<()> {
        self.stop(keeps_sessions).await?;
        tokio::time::sleep(down_for).await;
        self.resume().await
    }
}

/// Lets one step happen as often as it says, while there is a broker.
async fn happen(broker: Weak<Running>, step: Step) {
    tokio::time::sleep(step.at).await;
    let mut times = step.times.unwrap_or(u64::MAX);
    while times > 0 {
        times -= 1;
        if let Err(error) = act(&broker, &step.action).await
            && let Some(running) = broker.upgrade()
        {
            running.shared.note(EventKind::StepFailed { text: format!("{error:#}") });
        }
        let Some(every) = step.every else { return };
        // Without any pause a step would take the broker for itself.
        tokio::time::sleep(every.max(Duration::from_millis(1))).await;
    }
}

/// Holds the broker only while it does something to it, not while it waits.
async fn act(running: &Weak<Running>, action: &Happening) -> io::Result<()> {
    let broker = || running.upgrade().map(Broker);
    match action {
        Happening::Restart { down_for, keeps_sessions } => {
            if let Some(broker) = broker() {
                broker.stop(*keeps_sessions).await?;
            }
            tokio::time::sleep(*down_for).await;
            if let Some(broker) = broker() {
                broker.resume().await?;
            }
        }
        Happening::BlackHole(lasts) => {
            broker().inspect(|broker| broker.set_accepting(false));
            tokio::time::sleep(*lasts).await;
            broker().inspect(|broker| broker.set_accepting(true));
        }
        Happening::Disconnect { client, reason } => {
            broker().inspect(|broker| {
                broker.disconnect_matching(client, ReasonCode(*reason));
            });
        }
        Happening::Publish(message) => {
            broker().inspect(|broker| {
                broker.publish(message.to_will());
            });
        }
    }
    Ok(())
}

impl Drop for Running {
    fn drop(&mut self) {
        self.timers.abort();
        self.steps.get().into_iter().flatten().for_each(JoinHandle::abort);
        for accepting in &self.listeners.get_mut().accepting {
            accepting.abort();
        }
        self.shared.with(|core, now| core.stop(now, false));
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("urls", &self.urls()).finish_non_exhaustive()
    }
}
