//! Settings to a running client.

use std::time::Duration;

use evenkeel::transport::{TcpOptions, WebSocketOptions};
use evenkeel::{
    Authenticator, BuildError, Bytes, Client, ClientBuilder, ConfigError, HookFuture, Properties,
    Property, QueueConfig, Reconnect, WhenUncertain, Will,
};
use evenkeel_store::FileStore;

use tokio::runtime::Builder;

use super::{store, way_in};
use crate::error::Failure;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::settings::ConnectionSettings;

/// Makes the client and lets it connect, on a thread of its own: whatever
/// blocks the program's output, pings go on.
pub(super) fn start(
    settings: &ConnectionSettings,
    policy: Reconnect,
    printer: Printer,
) -> Result<Client, Failure> {
    for warning in &settings.warnings {
        printer.warn(warning);
    }
    if let Some(told) = settings.profile.as_ref().and_then(|chosen| chosen.told.as_deref()) {
        printer.say(told);
    }
    let mut builder = match &settings.way_in {
        Some(way) => way_in::builder(way, settings)?,
        None => by_urls(settings),
    };
    let store = settings.store.as_ref().map(store::open).transpose()?;
    builder = identity(builder, settings, store.as_ref().and_then(FileStore::client_id));
    builder = network(builder, settings);
    builder = properties(builder, &settings.properties.connect);
    for property in &settings.properties.disconnect {
        builder = builder.disconnect_property(property.clone());
    }
    // A way in has the profile of its cloud, which --profile none takes away.
    builder = builder.profile(match &settings.profile {
        Some(chosen) => chosen.profile.clone(),
        None => evenkeel_profile::standard(),
    });
    if settings.send_anew {
        builder = builder.when_uncertain(WhenUncertain::SendAnew);
    }
    if let Some(store) = store {
        builder = builder.queue(unbounded()).store(store);
    }
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, "the program cannot start").why(error))?;
    let entered = runtime.enter();
    let started = builder.reconnect(policy).start();
    drop(entered);
    let client = match started {
        Ok(client) => client,
        Err(error) => {
            // To wait for its end is forbidden here, inside of another.
            runtime.shutdown_background();
            return Err(refused(error));
        }
    };
    std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    Ok(client)
}

/// Begins a client of the servers, which their URLs say all about but TLS.
fn by_urls(settings: &ConnectionSettings) -> ClientBuilder {
    let mut servers = settings.servers.iter();
    let builder = match servers.next() {
        Some(server) => Client::builder(server),
        // Is never so, and said to be wrong if it is.
        None => Client::builder(""),
    };
    servers.fold(builder, ClientBuilder::server).tls(settings.tls.clone())
}

/// The queue of a client with a store, which has a bound of its own and keeps
/// no more than a window of the messages in memory.
fn unbounded() -> QueueConfig {
    let mut queue = QueueConfig::default();
    (queue.messages, queue.bytes) = (usize::MAX, usize::MAX);
    queue
}

/// Who the client is; `stored` is the identifier that is in its store.
fn identity(
    mut builder: ClientBuilder,
    settings: &ConnectionSettings,
    stored: Option<&str>,
) -> ClientBuilder {
    let (identity, session) = (&settings.identity, &settings.session);
    if let Some(version) = session.version {
        builder = builder.version(version);
    }
    // The end of a prefixed one differs from run to run, and the session of a
    // store is that of the run that made it.
    let prefix = identity.id_prefix.as_deref();
    let known = prefix.and_then(|prefix| stored.filter(|id| id.starts_with(prefix)));
    if let Some(id) = known.or(identity.client_id.as_deref()) {
        builder = builder.client_id(id);
    }
    if let Some(username) = &identity.username {
        builder = builder.username(username);
    }
    if let Some(password) = &identity.password {
        builder = builder.password(password.0.clone());
    }
    if let Some(file) = &identity.password_file {
        builder = builder.password_file(file);
    }
    if let Some(in_flight) = session.in_flight {
        builder = builder.in_flight(in_flight);
    }
    if let Some(after) = session.retry_unacked {
        builder = builder.retry_unacked(after);
    }
    if let Some(will) = &settings.will {
        let wanted = Will::new(&will.topic, will.payload.clone()).qos(will.qos).retain(will.retain);
        builder = builder.will(will.properties.iter().cloned().fold(wanted, Will::property));
    }
    builder
        .clean_start(session.clean_start)
        .session_expiry(Duration::from_secs(session.expiry.into()))
        .keep_alive(Duration::from_secs(session.keep_alive.into()))
}

fn network(mut builder: ClientBuilder, settings: &ConnectionSettings) -> ClientBuilder {
    let network = &settings.network;
    if let Some(bind) = &network.bind {
        let options = TcpOptions::new().bind_address(bind.address);
        builder = builder.tcp(match &bind.zone {
            Some(zone) => options.bind_zone(zone),
            None => options,
        });
    }
    let mut websocket = WebSocketOptions::new();
    if let Some(path) = &network.ws_path {
        websocket = websocket.path(path);
    }
    for (name, value) in &network.ws_headers {
        websocket = websocket.header(name, &value.0);
    }
    if let Some(proxy) = &network.proxy {
        builder = builder.proxy(proxy.clone());
    }
    if let Some(timeout) = network.connect_timeout {
        builder = builder.connect_timeout(timeout);
    }
    builder.websocket(websocket)
}

/// The properties of CONNECT; most have a setting of their own.
fn properties(mut builder: ClientBuilder, properties: &Properties) -> ClientBuilder {
    for property in properties {
        builder = match property {
            Property::ReceiveMaximum(maximum) => builder.receive_maximum(*maximum),
            Property::MaximumPacketSize(bytes) => builder.maximum_packet_size(*bytes),
            Property::TopicAliasMaximum(maximum) => builder.topic_alias_maximum(*maximum),
            Property::SessionExpiryInterval(seconds) => {
                builder.session_expiry(Duration::from_secs((*seconds).into()))
            }
            Property::AuthenticationMethod(method) => builder.authenticator(OneStep {
                method: method.to_string(),
                data: properties.authentication_data().unwrap_or_default(),
            }),
            Property::AuthenticationData(_) => builder,
            other => builder.connect_property(other.clone()),
        };
    }
    builder
}

/// Enhanced authentication that is over with CONNECT: there is nobody to
/// answer a challenge.
struct OneStep {
    method: String,
    data: Bytes,
}

impl Authenticator for OneStep {
    fn method(&self) -> &str {
        &self.method
    }

    fn start(&self) -> Bytes {
        self.data.clone()
    }

    fn respond(&self, _challenge: Bytes) -> HookFuture<Option<Bytes>> {
        Box::pin(async { None })
    }
}

fn refused(error: BuildError) -> Failure {
    match error {
        BuildError::NoRuntime => Failure::new(Exit::Failed, error.to_string()),
        BuildError::Transport(error) => {
            let failure = Failure::usage(error.fact());
            match error.hint() {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        }
        BuildError::Store(error) => store::failure(error),
        BuildError::Config(ConfigError::Profile(broken)) => {
            let hint = format!("{}, or --profile none", broken.hint());
            Failure::usage("the settings do not suit the profile").why(broken.fact()).hint(hint)
        }
        error => Failure::usage("the settings of the connection do not work").why(error),
    }
}
