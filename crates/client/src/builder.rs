//! Everything a client is made with.

use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use evenkeel_codec::{Property, Text, TopicError, Version};
use evenkeel_dispatch::Streams;
use evenkeel_profile::Profile;
use evenkeel_proto::record::Recovered;
use evenkeel_proto::{
    Bounds, Client as Core, Config, QueueConfig, Rates, Reconnect, TopicAliases, WhenUncertain,
};
use evenkeel_store::Store;

use crate::arguments::IntoBytes;
use crate::client::Client;
use crate::clock::{self, Clock};
use crate::driver::{self, ConnectSettings, Hooks};
use crate::error::BuildError;
use crate::hooks::{Authenticator, Credentials, CredentialsError, EndpointError};
use crate::server::{IntoServer, Named, Server};
use crate::shared::{Identity, Shared, store};
use crate::transport::{
    Connector, Endpoint, Opener, Proxy, Subprotocol, TcpOptions, TransportOptions, WebSocketOptions,
};
use crate::url::{ServerUrl, UrlError};
use crate::will::Will;

/// Collects the settings of a client; [`start`](Self::start) checks them together.
///
/// To make many clients, clone a builder and start its clones: clients whose
/// builders differ in nothing but [`client_id`](Self::client_id) and
/// [`seed`](Self::seed) share their settings, which saves memory.
#[must_use = "a builder does nothing until it is started"]
pub struct ClientBuilder {
    settings: Settings,
    /// What came of the settings, for all builders that have the same.
    common: Arc<OnceLock<Arc<Common>>>,
    client_id: Option<String>,
    seed: Option<u64>,
    store: StoreOf,
    error: Option<Mistake>,
}

/// What clones of a builder have in common until one is changed.
#[derive(Clone)]
struct Settings {
    config: Config,
    servers: Vec<Server>,
    /// `None` for the defaults, which all clients share.
    transport: Option<TransportOptions>,
    hooks: Hooks,
    keep_alive: Duration,
    profile: Profile,
    clock: Clock,
    hold: Duration,
    clean_start: Option<bool>,
    session_expiry: Option<u32>,
    /// In place of what the profile says; zero for none.
    connection_age: Option<Duration>,
}

/// The settings of started clients, checked.
struct Common {
    config: Arc<Config>,
    connect: Arc<ConnectSettings>,
}

/// Whose store a builder has.
enum StoreOf {
    Nobody,
    Own(Box<dyn Store>),
    /// That of the builder it was cloned from.
    Other,
}

/// What a setting was not understood for.
#[derive(Clone)]
enum Mistake {
    Url(UrlError),
    Topic { field: &'static str, error: TopicError },
}

impl Clone for ClientBuilder {
    /// Without the store, as a store serves one client: the clone is to have
    /// one of its own before it is [started](Self::start).
    fn clone(&self) -> Self {
        Self {
            settings: self.settings.clone(),
            common: self.common.clone(),
            client_id: self.client_id.clone(),
            seed: self.seed,
            store: match &self.store {
                StoreOf::Nobody => StoreOf::Nobody,
                StoreOf::Own(_) | StoreOf::Other => StoreOf::Other,
            },
            error: self.error.clone(),
        }
    }
}

impl ClientBuilder {
    pub(crate) fn new(server: impl IntoServer) -> Self {
        let settings = Settings {
            config: Config::default(),
            servers: Vec::new(),
            transport: None,
            hooks: Hooks::default(),
            keep_alive: Duration::from_secs(60),
            profile: evenkeel_profile::standard(),
            clock: Clock::default(),
            hold: Duration::from_secs(30),
            clean_start: None,
            session_expiry: None,
            connection_age: None,
        };
        Self {
            settings,
            common: Arc::default(),
            client_id: None,
            seed: None,
            store: StoreOf::Nobody,
            error: None,
        }
        .server(server)
    }

    /// A client for an endpoint that has no URL: a stream of the caller's, or
    /// one in memory.
    pub fn for_endpoint(endpoint: Endpoint) -> Self {
        Self::new(endpoint)
    }

    /// Another server, tried when those before it fail; then the first again.
    pub fn server(mut self, server: impl IntoServer) -> Self {
        match server.into_server() {
            Ok(Named(server)) => {
                if let Some(client_id) = server.url.as_ref().and_then(ServerUrl::client_id) {
                    self.client_id.get_or_insert_with(|| client_id.to_owned());
                }
                self.change().servers.push(server);
            }
            Err(error) => self.fail(Mistake::Url(error)),
        }
        self
    }

    /// A server over streams that the caller opens, one for each attempt.
    pub fn transport(mut self, connector: impl Connector) -> Self {
        self.change().servers = vec![Server { endpoint: Endpoint::custom(connector), url: None }];
        self
    }

    /// Speaks this version only. Without it: MQTT 5, and 3.1.1 with a server
    /// that refuses 5 in words. With one that gives no answer to MQTT 5 the two
    /// are tried in turn, and what is accepted then lasts for that connection.
    pub fn version(mut self, version: Version) -> Self {
        self.change().config.version = version;
        self.change().config.fallback = false;
        self
    }

    /// Names the session. Without it the client makes a random identifier of
    /// its own, which stays the same across reconnects; the empty text asks
    /// the server for one.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }

    /// Whether the server forgets an earlier session at the first connect; true unless set.
    pub fn clean_start(mut self, clean: bool) -> Self {
        self.change().clean_start = Some(clean);
        self
    }

    /// How long the session outlives a connection, in whole seconds; zero
    /// unless set. Before MQTT 5 every other value means "kept".
    pub fn session_expiry(mut self, expiry: Duration) -> Self {
        self.change().session_expiry = Some(u32::try_from(expiry.as_secs()).unwrap_or(u32::MAX));
        self
    }

    /// Keeps QoS 1 and 2 messages and the session in a store, so that they
    /// survive this process: a publish is accepted once it is stored, and the
    /// next client with the same store goes on where this one stops, under the
    /// same client identifier. The store gets a thread of its own.
    ///
    /// Unless set otherwise, the session is kept: no clean start, and an
    /// expiry of seven days.
    pub fn store(mut self, store: impl Store + 'static) -> Self {
        self.store = StoreOf::Own(Box::new(store));
        self
    }

    /// The longest silence of this client, in whole seconds up to 65,535; 60 s
    /// unless set, zero for none if the profile's broker knows none.
    pub fn keep_alive(mut self, keep_alive: Duration) -> Self {
        self.change().keep_alive = keep_alive;
        self
    }

    /// How long the server lets a connection live, such as the time that a token or an
    /// authorizer gives it. The client renews the connection before: 5 to 20 % of that
    /// time, and at most 20 minutes, before its end. What is published meanwhile waits for
    /// the new connection, hooks are asked again, and
    /// [`Event::Renewed`](crate::Event::Renewed) tells the gap.
    ///
    /// Takes the place of what the profile says; zero is for connections without an end.
    pub fn maximum_connection_age(mut self, age: Duration) -> Self {
        self.change().connection_age = Some(age);
        self
    }

    /// Whether the first ping of a connection comes after any silence, from 0.025
    /// keep-alives to that of all others, so that many clients which connect at one
    /// moment do not ping at one moment; true unless set. False saves one ping for
    /// each connection.
    pub fn spread_first_ping(mut self, spread: bool) -> Self {
        self.change().config.keep_alive.spread_first_ping = spread;
        self
    }

    /// How long a ping may stay unanswered, counted from when it was written.
    /// Unless set, the server is judged by its last byte: a link is dead when a
    /// ping is unanswered and nothing has come for 1.5 keep-alives, or for 120 s
    /// since the ping.
    pub fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.change().config.keep_alive.response_timeout = Some(timeout);
        self
    }

    /// The user name in CONNECT, up to 65,535 bytes. A server whose URL has a user
    /// name gets that one instead, and what [`credentials`](Self::credentials) returns
    /// goes before both.
    pub fn username(mut self, username: impl Into<String>) -> Self {
        match Text::try_from(username.into()) {
            Ok(username) => self.change().config.connect.credentials.username = Some(username),
            Err(error) => self.fail_text("user name", error),
        }
        self
    }

    /// The password in CONNECT, up to 65,535 bytes; never shown or logged. Before
    /// MQTT 5 it needs a user name beside it. What goes before it, goes before the
    /// [`username`](Self::username), too.
    pub fn password(mut self, password: impl IntoBytes) -> Self {
        self.change().config.connect.credentials.password = Some(password.into_bytes());
        self
    }

    /// The file whose first line is the password, read anew before every
    /// attempt: a token that something else renews. While it is empty or can't
    /// be read, attempts fail and are made again. The password of a server's
    /// URL goes first, as does a hook for [`credentials`](Self::credentials).
    pub fn password_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.change().hooks.password_file = Some(path.into());
        self
    }

    /// Asked for user name and password before every attempt. It may take as
    /// long as [`hook_timeout`](Self::hook_timeout) says, within the connect
    /// time-out.
    pub fn credentials<F, Answer>(mut self, hook: F) -> Self
    where
        F: Fn() -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<Credentials, CredentialsError>> + Send + 'static,
    {
        self.change().hooks.credentials = Some(Arc::new(move || Box::pin(hook())));
        self
    }

    /// Asked before every attempt where to go, with the endpoint that is next
    /// in turn: returns it, or another, such as one with a freshly signed
    /// query, with headers of the WebSocket request, or with another TLS
    /// identity. Bound as [`credentials`](Self::credentials) is.
    ///
    /// ```
    /// use evenkeel::{Client, transport::Endpoint, url::ServerUrl};
    ///
    /// # async fn sign() -> String { "wss://localhost/mqtt?signed".to_owned() }
    /// let builder = Client::builder("wss://localhost/mqtt").endpoint(|_| async {
    ///     let url = sign().await;
    ///     ServerUrl::parse(&url)
    ///         .map(Endpoint::from)
    ///         .map_err(|error| evenkeel::error::EndpointError(error.to_string()))
    /// });
    /// ```
    pub fn endpoint<F, Answer>(mut self, hook: F) -> Self
    where
        F: Fn(Endpoint) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<Endpoint, EndpointError>> + Send + 'static,
    {
        self.change().hooks.endpoint = Some(Arc::new(move |endpoint| Box::pin(hook(endpoint))));
        self
    }

    /// Asked before every attempt over TLS for the client's own certificate
    /// and key, in place of those of the [TLS settings](Self::tls): from a
    /// vault, or made anew each day. Files that the settings name are read anew
    /// for each attempt without it. Bound as [`credentials`](Self::credentials)
    /// is.
    ///
    /// ```
    /// use evenkeel::Client;
    /// use evenkeel::error::CredentialsError;
    /// use evenkeel::tls::TlsIdentity;
    ///
    /// # struct Issued { chain: String, key: String }
    /// # async fn issue() -> Result<Issued, CredentialsError> { Err(CredentialsError(String::new())) }
    /// let builder = Client::builder("mqtts://broker.example").tls_identity(|| async {
    ///     let issued = issue().await?;
    ///     Ok(TlsIdentity::from_bytes(issued.chain, issued.key))
    /// });
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls_identity<F, Answer>(mut self, hook: F) -> Self
    where
        F: Fn() -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<crate::tls::TlsIdentity, CredentialsError>> + Send + 'static,
    {
        self.change().hooks.identity = Some(Arc::new(move || Box::pin(hook())));
        self
    }

    /// How long a hook for credentials, identity or endpoint, or an answer of
    /// the authenticator, may take; 10 s unless set.
    pub fn hook_timeout(mut self, timeout: Duration) -> Self {
        self.change().hooks.timeout = timeout;
        self
    }

    /// Does enhanced authentication (MQTT 5): both sides exchange data until each
    /// has proven who it is, such as by SCRAM, which never sends the password. With
    /// an older [`version`](Self::version), [`start`](Self::start) fails. The example
    /// `scram` has a whole [`Authenticator`].
    ///
    /// ```
    /// use evenkeel::Client;
    /// use evenkeel::config::{Authenticator, HookFuture};
    /// use evenkeel::packet::Bytes;
    ///
    /// /// Sends a token, and answers no challenge.
    /// struct Token(Bytes);
    ///
    /// impl Authenticator for Token {
    ///     fn method(&self) -> &str {
    ///         "K8S-SAT"
    ///     }
    ///
    ///     fn start(&self) -> Bytes {
    ///         self.0.clone()
    ///     }
    ///
    ///     fn respond(&self, _challenge: Bytes) -> HookFuture<Option<Bytes>> {
    ///         Box::pin(async { None })
    ///     }
    /// }
    ///
    /// let builder = Client::builder("mqtts://broker.example").authenticator(Token("t0ken".into()));
    /// ```
    pub fn authenticator(mut self, authenticator: impl Authenticator) -> Self {
        match Text::try_from(authenticator.method()) {
            Ok(method) => {
                // Its first data is asked for before each CONNECT.
                self.change().config.connect.authentication = Some((method, Bytes::new()));
                self.change().hooks.authenticator = Some(Arc::new(authenticator));
            }
            Err(error) => self.fail_text("authentication method", error),
        }
        self
    }

    /// The message that the server publishes if a connection ends in any way but by
    /// this client's DISCONNECT; [`Will`] has an example.
    pub fn will(mut self, will: Will) -> Self {
        match will.build() {
            Ok(will) => self.change().config.connect.will = Some(Box::new(will)),
            Err(error) => self.fail(Mistake::Topic { field: "will topic", error }),
        }
        self
    }

    /// A property of CONNECT that has no setting of its own (MQTT 5).
    pub fn connect_property(mut self, property: Property) -> Self {
        self.change().config.connect.properties.push(property);
        self
    }

    /// A property of the DISCONNECT with which the client shuts down (MQTT 5):
    /// Session Expiry Interval, Reason String or a user property.
    pub fn disconnect_property(mut self, property: Property) -> Self {
        self.change().config.disconnect_properties.push(property);
        self
    }

    /// QoS 1 and 2 messages the server may have unacknowledged; 1,024 unless
    /// set. Enforced by not acknowledging before the application is done. A
    /// server that sends more is held back, and
    /// [`Event::ReceiveMaximumExceeded`](crate::Event::ReceiveMaximumExceeded) tells
    /// of it; [`Bounds::strict_receive_maximum`](crate::Bounds::strict_receive_maximum)
    /// disconnects it instead (MQTT 5).
    pub fn receive_maximum(mut self, messages: u16) -> Self {
        self.change().config.connect.receive_maximum = messages;
        self
    }

    /// The largest packet accepted from the server, in bytes; 16 MiB unless set.
    ///
    /// The memory of the last two packets of up to 16 MiB each is kept for a second,
    /// so that it can be used again once their payloads are dropped.
    pub fn maximum_packet_size(mut self, bytes: u32) -> Self {
        self.change().config.connect.maximum_packet_size = bytes;
        self
    }

    /// The highest topic alias the server may use; 64 unless set.
    pub fn topic_alias_maximum(mut self, maximum: u16) -> Self {
        self.change().config.connect.topic_alias_maximum = maximum;
        self
    }

    /// Whether outgoing topics are shortened by aliases if the server takes
    /// them; true unless set.
    pub fn topic_aliases(mut self, used: bool) -> Self {
        self.change().config.topic_aliases =
            if used { TopicAliases::Automatic } else { TopicAliases::Off };
        self
    }

    /// From name resolution to CONNACK; 30 s unless set.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.change().config.connect_timeout = timeout;
        self
    }

    /// When connections are opened again: delays, the budget of attempts, and what a
    /// refusal means. Unless set: without end, after growing delays with jitter;
    /// [`Reconnect`] has the numbers.
    pub fn reconnect(mut self, policy: Reconnect) -> Self {
        self.change().config.reconnect = policy;
        self
    }

    /// QoS 1 and 2 publishes in flight at most; 1,024 unless set.
    pub fn in_flight(mut self, messages: u16) -> Self {
        self.change().config.bounds.in_flight = messages;
        self
    }

    /// After how long what has no answer is sent again on its connection, under its
    /// identifier: PUBLISH with QoS 1 or 2 marked as a duplicate, SUBSCRIBE and
    /// UNSUBSCRIBE. Each goes out three times more at most, after this time, then
    /// twice and four times as long. For MQTT 3.1.1 alone, as MQTT 5 forbids it:
    /// [`version`](Self::version) is to be chosen. At least 1 s.
    ///
    /// TCP loses nothing, so that this helps only where a server has lost a packet
    /// that it had, and a subscriber may get a QoS 1 message twice by it. Unless set
    /// nothing is sent again before the next connection.
    pub fn retry_unacked(mut self, after: Duration) -> Self {
        self.change().config.bounds.retry_unacked = Some(after);
        self
    }

    /// Bounds and policy of the queue of accepted messages.
    pub fn queue(mut self, queue: QueueConfig) -> Self {
        self.change().config.queue = queue;
        self
    }

    /// What happens to a QoS 2 message that the server took and may have lost
    /// with its session: it ends as
    /// [`DeliveryError::Uncertain`](crate::DeliveryError::Uncertain) unless set.
    pub fn when_uncertain(mut self, choice: WhenUncertain) -> Self {
        self.change().config.when_uncertain = choice;
        self
    }

    /// All bounds of memory and concurrency of this side at once, in place of what
    /// [`in_flight`](Self::in_flight) and [`account_share`](Self::account_share) have set.
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.change().config.bounds = bounds;
        self
    }

    /// How long messages that match no open stream are held for one to come;
    /// 30 s unless set, zero to discard them at once.
    ///
    /// A server that resumes a session sends what it has stored at once, often
    /// before the application has subscribed. Such messages are held without
    /// being acknowledged. The first stream opened that matches gets them, in
    /// the order they came; [`Client::unmatched`] gets all that are left.
    ///
    /// What is held holds back the acknowledgements of all later messages, as
    /// those go out in order. So it is acknowledged, discarded and counted by
    /// [`Client::discarded`] once this time has passed since the last stream was
    /// opened or granted; from then on, nothing is held. An application that has
    /// opened no stream yet is waited for without limit, as long as the bounds
    /// of the inbox ([`Bounds`]) are not reached. When they are, QoS 0 messages
    /// are discarded; others wait on the connection, and all is discarded if no
    /// stream is opened for this time.
    ///
    /// A program that ends without taking them leaves QoS 1 and 2 messages with
    /// the server. A new connection of a resumed session replaces those of QoS
    /// 1 that are held, as the server sends them again.
    pub fn hold_unmatched(mut self, limit: Duration) -> Self {
        self.change().hold = limit;
        self
    }

    /// TLS settings, for `mqtts` and `wss`.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, options: crate::tls::TlsOptions) -> Self {
        self.change().transport_options().tls = options;
        self
    }

    /// Settings of the TCP connections to all servers: local address, interface,
    /// fixed addresses of names.
    pub fn tcp(mut self, options: TcpOptions) -> Self {
        self.change().transport_options().tcp = options;
        self
    }

    /// WebSocket settings, for `ws` and `wss`. The subprotocol is that of the
    /// version if that is MQTT 3.1.
    pub fn websocket(mut self, options: WebSocketOptions) -> Self {
        self.change().transport_options().websocket = options;
        self
    }

    /// Reaches all servers through a SOCKS5 or HTTP proxy. Endpoints that are no
    /// network addresses, such as Unix sockets, are errors of [`start`](Self::start) then.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.change().transport_options().proxy = Some(proxy);
        self
    }

    /// What the broker allows; the client keeps within it. Unless set:
    /// [`standard`](crate::profile::standard), which allows what MQTT does.
    ///
    /// Settings that the profile rules out are errors of [`start`](Self::start). What
    /// is published or subscribed to against it is refused at once, as
    /// [`PublishLimit::Profile`](crate::error::PublishLimit::Profile); what can be made to
    /// fit is clamped or sent in parts. [`HANDLINGS`](crate::profile::HANDLINGS) says
    /// what is done about which limit, and [`Client::limits`] what the profile has
    /// set.
    ///
    /// With a profile that names versions of MQTT the client speaks the newest one, or
    /// that of [`version`](Self::version), and never another.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.change().profile = profile;
        self
    }

    /// How many clients share what the profile allows an account as a whole, this
    /// one included: it keeps within its part of the account's rates. Unless set, or
    /// without a profile, those rates are not applied, as the client knows nothing of
    /// the others. 0 is an error of [`start`](Self::start).
    ///
    /// ```
    /// use evenkeel::{Client, profile};
    ///
    /// // AWS lets an account subscribe to 500 filters a second: 2 for each of 250.
    /// let builder = Client::builder("mqtts://localhost")
    ///     .profile(profile::aws_iot_core())
    ///     .account_share(250);
    /// ```
    pub fn account_share(mut self, clients: u32) -> Self {
        self.change().config.bounds.account_share = Some(clients);
        self
    }

    /// Rates of this client's own, beside those of the profile: of messages both
    /// hold, of the others the one of the profile unless yours is the stricter. What
    /// has to wait for a rate waits in the queue, in order; what follows if that is
    /// full is said by [`queue`](Self::queue).
    pub fn rates(mut self, rates: Rates) -> Self {
        self.change().config.rates = rates;
        self
    }

    /// Another clock than that of the system, so that tests need not wait.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.change().clock = clock;
        self
    }

    /// Fixes all that is random, jitter and the identifier that the client makes
    /// itself, so that a test does the same each time.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Checks the settings and starts the client inside the present tokio
    /// runtime. Returns at once and connects in the background.
    pub fn start(mut self) -> Result<Client, BuildError> {
        if let Some(mistake) = self.error.take() {
            return Err(mistake.into());
        }
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
        let seed = self.seed.unwrap_or_else(random_seed);
        let mut store = match std::mem::replace(&mut self.store, StoreOf::Nobody) {
            StoreOf::Nobody => None,
            StoreOf::Own(store) => Some(store),
            StoreOf::Other => return Err(BuildError::StoreOfClone),
        };
        let recovered = store.as_mut().map(|store| store.recover()).transpose();
        let recovered = recovered.map_err(BuildError::Store)?;
        let common = self.common(recovered.is_some())?;
        let client_id = self.name(seed, recovered.as_ref())?;
        let span = tracing::info_span!("evenkeel", %client_id);
        let settings = self.settings;
        let streams = Streams::new(&common.config.bounds, settings.hold, seed);
        let (now, mut config) = (settings.clock.now(), common.config.clone());
        let core = match recovered {
            Some(recovered) => {
                Arc::make_mut(&mut config).connect.client_id = client_id;
                Core::recover(config, seed, now, settings.clock.moment(), recovered)
            }
            None => Core::named(config, client_id, seed, now),
        };
        let mut core = core.map_err(BuildError::Config)?;
        core.set_wall_clock(now, clock::wall());
        core.start(now);
        let identity =
            Identity { seed, requests: AtomicU64::new(1), connect: common.connect.clone() };
        let shared = Shared::new(core, identity, streams, settings.clock, span);
        if let Some(store) = store {
            store::spawn(store, &shared).map_err(BuildError::StoreThread)?;
        }
        let client = Client::new(shared.clone());
        let driver = driver::Driver::new(shared, common.connect.clone());
        runtime.spawn(driver);
        Ok(client)
    }

    /// What came of the settings; made once for all clones. With a store the
    /// defaults are others, and there are no clones.
    fn common(&self, durable: bool) -> Result<Arc<Common>, BuildError> {
        if durable {
            return self.settings.complete(true).map(Arc::new);
        }
        if let Some(common) = self.common.get() {
            return Ok(common.clone());
        }
        let common = Arc::new(self.settings.complete(false)?);
        Ok(self.common.get_or_init(|| common).clone())
    }

    fn name(&mut self, seed: u64, recovered: Option<&Recovered>) -> Result<Text, BuildError> {
        let stored = recovered.and_then(|recovered| recovered.client_id.as_ref());
        let client_id = match (self.client_id.take(), stored) {
            (Some(client_id), _) => client_id,
            (None, Some(stored)) => return Ok(stored.clone()),
            (None, None) => format!("evenkeel-{:012x}", seed >> 16),
        };
        Text::try_from(client_id).map_err(|error| BuildError::Topic {
            field: "client identifier",
            error: TopicError::Text(error),
        })
    }

    /// The settings, to be changed: no longer those of the builder's clones.
    fn change(&mut self) -> &mut Settings {
        self.common = Arc::default();
        &mut self.settings
    }

    fn fail(&mut self, mistake: Mistake) {
        self.error.get_or_insert(mistake);
    }

    fn fail_text(&mut self, field: &'static str, error: evenkeel_codec::TextError) {
        self.fail(Mistake::Topic { field, error: TopicError::Text(error) });
    }
}

impl From<Mistake> for BuildError {
    fn from(mistake: Mistake) -> Self {
        match mistake {
            Mistake::Url(error) => Self::Url(error),
            Mistake::Topic { field, error } => Self::Topic { field, error },
        }
    }
}

impl Settings {
    fn transport_options(&mut self) -> &mut TransportOptions {
        self.transport.get_or_insert_default()
    }

    fn complete(&self, durable: bool) -> Result<Common, BuildError> {
        let config = self.config(durable)?;
        let mut transport = self.transport.clone();
        if config.version == Version::V31 {
            // The name that MQTT 3.1 has among the subprotocols of WebSocket.
            let websocket = &mut transport.get_or_insert_default().websocket;
            *websocket = std::mem::take(websocket).subprotocol(Subprotocol::MqttV31);
        }
        let opener = transport.map_or_else(Opener::default, Opener::new);
        for server in &self.servers {
            opener.check(&server.endpoint).map_err(BuildError::Transport)?;
        }
        let (servers, mut hooks) = (self.servers.clone(), self.hooks.clone());
        hooks.configured = config.connect.credentials.clone();
        let connect = Arc::new(ConnectSettings { opener, servers, hooks });
        Ok(Common { config: Arc::new(config), connect })
    }

    fn config(&self, durable: bool) -> Result<Config, BuildError> {
        let mut config = self.config.clone();
        let lasting = if durable { LASTING } else { 0 };
        config.connect.clean_start = self.clean_start.unwrap_or(!durable);
        config.connect.session_expiry = self.session_expiry.unwrap_or(lasting);
        match u16::try_from(self.keep_alive.as_secs()) {
            Ok(seconds) if self.keep_alive.subsec_nanos() == 0 => {
                config.connect.keep_alive = seconds;
            }
            _ => return Err(BuildError::KeepAlive(self.keep_alive)),
        }
        config.servers = self.servers.len();
        check_reconnect(&config.reconnect)?;
        config.obey(&self.profile).map_err(BuildError::Config)?;
        if let Some(age) = self.connection_age {
            config.bounds.connection_age = (!age.is_zero()).then_some(age);
        }
        Ok(config)
    }
}

/// A client of this crate never storms a server (laws R2 and R3): the core alone can
/// do without these bounds.
const fn check_reconnect(policy: &Reconnect) -> Result<(), BuildError> {
    match policy {
        Reconnect { budget: None, .. } => Err(BuildError::Reconnect("budget")),
        Reconnect { jitter: false, .. } => Err(BuildError::Reconnect("jitter")),
        _ => Ok(()),
    }
}

impl std::fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("servers", &self.settings.servers)
            .finish_non_exhaustive()
    }
}

/// Seconds a session with a store outlives its connections, unless set.
const LASTING: u32 = 7 * 24 * 3600;

/// A seed from the standard library's randomly keyed hasher: good enough for
/// jitter and identifiers, and no further dependency.
fn random_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};

    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}
