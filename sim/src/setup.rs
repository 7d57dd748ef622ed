//! Everything a world is made of. A setup and its seed decide a run.

use std::time::Duration;

use evenkeel_broker::fault::Rule;
use evenkeel_codec::ReasonCode;
use evenkeel_proto::Config;

use crate::net::{End, LinkSpec, Way};
use crate::sabotage::Sabotage;
use crate::time::{Clock, Time};

/// A world.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Decides every draw.
    pub seed: u64,
    /// The clients.
    pub clients: Vec<ClientSpec>,
    /// The broker.
    pub broker: evenkeel_broker::Config,
    /// What goes wrong, and when.
    pub faults: Vec<(Time, Fault)>,
    /// When nothing goes wrong any more and nothing new is asked for.
    pub calm: Time,
    /// Whether ends of connections without a fault are violations.
    pub expects_calm: bool,
    /// Events kept for the timeline.
    pub keep: usize,
}

impl Setup {
    /// True if this client begins once all before it that have its identifier
    /// have stopped.
    pub fn is_successor(&self, client: usize) -> bool {
        let Some(spec) = self.clients.get(client) else { return false };
        let id = &spec.config.connect.client_id;
        let mut before = self.clients.iter().take(client);
        before.all(|other| {
            let is_over = other.app.stop.is_some_and(|(at, limit)| at + limit < spec.app.start);
            is_over || other.config.connect.client_id != *id
        })
    }
}

impl Setup {
    /// The broker sends a copy of a message for each subscription that matches.
    pub const fn sends_copies(&self) -> bool {
        !self.broker.behaviour.merge_subscriptions
    }

    /// Such copies can be told apart, on every connection of this client.
    pub fn tells_apart(&self, client: &ClientSpec) -> bool {
        let config = &client.declared;
        let speaks_v5 = config.version.has_properties() && !config.fallback;
        speaks_v5 && self.broker.offer.subscription_identifiers
    }
}

/// A client with its machine and its application.
#[derive(Clone, Debug)]
pub struct ClientSpec {
    /// What the client is made with.
    pub config: Config,
    /// What it says it is made with; differs only if a test lets it lie.
    pub declared: Config,
    /// Its machine's clock.
    pub clock: Clock,
    /// Its path to the server.
    pub link: LinkSpec,
    /// What stands where each of its servers should be.
    pub fronts: Vec<Front>,
    /// How late it wakes at most.
    pub wake: Duration,
    /// Bytes it reads and writes at a time at most.
    pub chunk: usize,
    /// Its application.
    pub app: AppSpec,
    /// Each filter has a stream of its own, to which the dispatch gives its messages.
    pub streams: bool,
    /// Its store, if it has one.
    pub store: Option<StoreSpec>,
    /// What is wrong with it, in tests of the oracles.
    pub sabotage: Option<Sabotage>,
}

impl ClientSpec {
    /// A client with an application, on an everyday machine.
    pub fn new(config: Config, app: AppSpec) -> Self {
        Self {
            declared: config.clone(),
            config,
            clock: Clock { origin: 1_000_000_000, drift: 0 },
            link: LinkSpec::default(),
            fronts: vec![Front::Broker],
            wake: Duration::from_millis(2),
            chunk: 4096,
            app,
            streams: false,
            store: None,
            sabotage: None,
        }
    }

    /// How long this client may take to come online and to finish so many
    /// messages of its own and of others, once nothing goes wrong any more.
    pub fn settling_time(&self, messages: usize) -> Duration {
        let config = &self.declared;
        let interval = Duration::from_secs(config.connect.keep_alive.max(60).into());
        let answer = config.keep_alive.response_timeout.unwrap_or_default().max(interval * 3 / 2);
        // Found dead, twice in a row, with the settling_time a client can learn.
        let detect = (interval + answer * 2 + config.keep_alive.min_ping_spacing) * 2;
        let policy = &config.reconnect;
        let retry = policy.cap.max(policy.budget_window).max(policy.slow_lane.1).max(policy.floor);
        // One at a time, three packets each way.
        let messages = u32::try_from(messages).unwrap_or(u32::MAX);
        let turns = (self.link.round_trip() + self.wake * 4).saturating_mul(messages) * 4;
        let bytes = u64::from(messages) * self.app.payload.1 as u64;
        let transfer = Duration::from_secs(bytes / self.link.up.rate.min(self.link.down.rate) + 1);
        let stored = self.store.map_or(Duration::ZERO, |store| store.settling_time(messages));
        detect + config.connect_timeout * 2 + retry * 3 + turns + transfer + stored
    }
}

/// What a client meets where it expects a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// The broker.
    Broker,
    /// Something that takes connections and never says a word.
    Silent,
    /// Until then a proxy that closes each connection; then the broker.
    Closing(Time),
}

/// A store and the disk it is on.
#[derive(Clone, Copy, Debug)]
pub struct StoreSpec {
    /// How long a commit usually takes.
    pub commit: Duration,
    /// Whether each commit is synced, so that it survives a power cut.
    pub syncs: bool,
    /// Bytes of a segment.
    pub segment: u64,
    /// Bytes on disk beyond which no message is accepted.
    pub max_bytes: u64,
}

impl StoreSpec {
    /// A store on a good disk.
    pub const USUAL: Self = Self {
        commit: Duration::from_millis(5),
        syncs: true,
        segment: 8 << 20,
        max_bytes: 1 << 30,
    };

    /// How long so many messages may take, one at a time, and a store that
    /// has just failed for the last time.
    fn settling_time(&self, messages: u32) -> Duration {
        let retry = Duration::from_secs(130);
        retry + (self.commit * 12 + Duration::from_millis(300)).saturating_mul(messages)
    }
}

/// How a process comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// It is killed; its system closes its connections.
    Killed,
    /// The power goes: what was not synced is lost, in part or as a whole,
    /// and connections end without a word.
    PowerCut,
    /// It is shut down in order within this time.
    Leave(Duration),
}

/// What an application does.
#[derive(Clone, Debug, Default)]
pub struct AppSpec {
    /// When it starts its client.
    pub start: Time,
    /// Topics it publishes to.
    pub topics: u8,
    /// QoS levels it publishes with.
    pub levels: Vec<u8>,
    /// Mean time between two publishes; never if absent.
    pub publish_every: Option<Duration>,
    /// Publishes at a time, at most.
    pub burst: u64,
    /// Bytes of a payload, at least and at most.
    pub payload: (usize, usize),
    /// Seconds after which some of its messages expire.
    pub expiry: Option<u32>,
    /// What it subscribes to from the start, each with its QoS.
    pub subscribe: Vec<(String, u8)>,
    /// Filters it changes its mind about, and the mean time between changes.
    pub churn: Option<(Duration, Vec<String>)>,
    /// Mean time between two looks for messages; at once if absent.
    pub take_every: Option<Duration>,
    /// Mean time it is busy with a message; acknowledges at once if absent.
    pub busy_for: Option<Duration>,
    /// Mean time between calls nobody needs: probe, reconnect, stale inputs.
    pub meddle_every: Option<Duration>,
    /// Mean time between probes.
    pub probe_every: Option<Duration>,
    /// When it shuts its client down, and within what time.
    pub stop: Option<(Time, Duration)>,
    /// Mean time after which it starts a halted client again.
    pub restart_after: Option<Duration>,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The connection breaks when so many more bytes have arrived.
    Cut {
        /// Whose.
        client: usize,
        /// The direction the bytes are counted in.
        way: Way,
        /// How many.
        bytes: u64,
        /// How both sides learn of it.
        how: End,
    },
    /// Nothing passes in these directions; forever if `lasts` is absent,
    /// on this connection only.
    Block {
        /// Whose.
        client: usize,
        /// Which.
        ways: Vec<Way>,
        /// How long.
        lasts: Option<Duration>,
    },
    /// The path gets slow or far.
    Path {
        /// Whose.
        client: usize,
        /// Its new shape.
        link: LinkSpec,
        /// How long.
        lasts: Duration,
    },
    /// The process is not run; the machine goes on.
    Stall {
        /// Whose.
        client: usize,
        /// How long.
        lasts: Duration,
    },
    /// The machine sleeps.
    Sleep {
        /// Whose.
        client: usize,
        /// How long.
        lasts: Duration,
        /// Whether the path has forgotten the connection meanwhile.
        forgotten: bool,
    },
    /// New connections come to nothing.
    Unreachable {
        /// Whose.
        client: usize,
        /// How long.
        lasts: Duration,
        /// Refused at once, or never answered.
        refused: bool,
    },
    /// The broker goes down and comes back.
    Restart {
        /// For how long.
        down: Duration,
        /// Whether it keeps sessions.
        keeps_sessions: bool,
    },
    /// The broker gets a rule, and loses it after a time.
    Rule {
        /// Whose connections may end by it.
        harms: Vec<usize>,
        /// What it does.
        rule: Box<Rule>,
        /// How long it is in force.
        lasts: Duration,
    },
    /// The broker ends a connection.
    Disconnect {
        /// Whose.
        client: usize,
        /// Why.
        reason: ReasonCode,
    },
    /// The process of a client with a store ends, and the next one begins.
    Death {
        /// Whose.
        client: usize,
        /// After so many steps of it.
        steps: u32,
        /// How.
        how: Death,
        /// For how long there is none.
        down: Duration,
    },
    /// The disk below a store is full.
    FullDisk {
        /// Whose.
        client: usize,
        /// Bytes it still takes.
        free: usize,
        /// How long.
        lasts: Duration,
    },
    /// Operations of the disk below a store fail.
    FailingDisk {
        /// Whose.
        client: usize,
        /// How many.
        times: u64,
        /// With what.
        kind: std::io::ErrorKind,
    },
    /// Commits take seconds.
    HangingDisk {
        /// Whose.
        client: usize,
        /// How long.
        lasts: Duration,
    },
    /// The broker's settings change.
    Offer {
        /// Receive maximum of later connections.
        receive_maximum: u16,
        /// Keep-alive it imposes on later connections.
        keep_alive: Option<u16>,
    },
}
