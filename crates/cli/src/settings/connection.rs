//! The connection: servers, identity, session, will, transport.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process;
use std::time::Duration;

use evenkeel::Version;
use evenkeel::tls::TlsOptions;
use evenkeel::transport::Proxy;
use evenkeel::url::ServerUrl;

use super::Context;
use super::cloud::{self, WayIn};
use super::profile::{self, ChosenProfile};
use super::property::{self, PacketProperties};
use super::secret_file;
use super::servers::{self, Servers};
use super::store::StoreSettings;
use super::tls;
use super::will::{self, WillSettings};
use crate::args::{Connection, Identity, Secret, Session, Target};
use crate::error::Failure;
use crate::personality::Personality;

/// Everything a client is built from.
#[derive(Debug)]
pub(crate) struct ConnectionSettings {
    /// In the order to try them; at least one.
    pub(crate) servers: Vec<ServerUrl>,
    /// How the only server is come in to, if that takes more than its URL.
    pub(crate) way_in: Option<WayIn>,
    /// Topics that the servers' URLs named.
    pub(crate) url_topics: Vec<String>,
    pub(crate) identity: IdentitySettings,
    pub(crate) session: SessionSettings,
    pub(crate) store: Option<StoreSettings>,
    pub(crate) will: Option<WillSettings>,
    pub(crate) properties: PacketProperties,
    pub(crate) tls: TlsOptions,
    pub(crate) network: NetworkSettings,
    pub(crate) profile: Option<ChosenProfile>,
    /// Whether QoS 2 messages that the server may have lost are sent again.
    pub(crate) send_anew: bool,
    /// What is accepted but does not do what one may think.
    pub(crate) warnings: Vec<&'static str>,
}

/// Who connects.
#[derive(Clone, Debug)]
pub(crate) struct IdentitySettings {
    /// `None` lets the library make one up; empty lets the server choose.
    pub(crate) client_id: Option<String>,
    /// Where `client_id` is made from a prefix: a store has its own with it.
    pub(crate) id_prefix: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Secret>,
    /// Read anew for each attempt.
    pub(crate) password_file: Option<PathBuf>,
}

/// With what kind of session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionSettings {
    /// `None` is MQTT 5, then 3.1.1 if 5 is refused.
    pub(crate) version: Option<Version>,
    pub(crate) clean_start: bool,
    /// Seconds; `u32::MAX` forever.
    pub(crate) expiry: u32,
    /// Seconds; 0 is off.
    pub(crate) keep_alive: u16,
    pub(crate) in_flight: Option<u16>,
    /// For MQTT 3.1.1 alone.
    pub(crate) retry_unacked: Option<Duration>,
}

/// How the bytes travel.
#[derive(Debug)]
pub(crate) struct NetworkSettings {
    pub(crate) bind: Option<Bind>,
    pub(crate) ws_path: Option<String>,
    pub(crate) ws_headers: Vec<(String, Secret)>,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) connect_timeout: Option<Duration>,
}

/// The local address, with its interface if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bind {
    pub(crate) address: IpAddr,
    pub(crate) zone: Option<String>,
}

impl ConnectionSettings {
    /// Checks the flags of a connection. `needs_v5` names what else on the
    /// command line only MQTT 5 has; a store keeps the session.
    pub(crate) fn new(
        flags: &Connection,
        needs_v5: Option<&'static str>,
        store: Option<StoreSettings>,
        context: Context<'_>,
    ) -> Result<Self, Failure> {
        let (way_in, servers) = match cloud::collect(flags, context)? {
            Some((way, server)) => {
                (Some(way), Servers { servers: vec![server], topics: Vec::new() })
            }
            None => (None, servers::collect(&flags.target, &flags.tls, context)?),
        };
        let tls = tls(flags, way_in.is_some(), &servers.servers, context)?;
        let uses_tls = servers.servers.iter().any(|server| server.scheme().is_tls());
        if uses_tls {
            tls::check(&tls)?;
        }
        let mut properties = property::collect(&flags.session)?;
        let will = will::collect(&flags.will, std::mem::take(&mut properties.will))?;
        let mut session = session(flags, needs_v5, store.is_some(), context)?;
        session.version = cloud::version(way_in.as_ref(), session.version)?;
        if session.retry_unacked.is_some() && session.version != Some(Version::V311) {
            return Err(Failure::usage("--retry-unacked needs MQTT 3.1.1")
                .why("MQTT 5 forbids sending again on the same connection")
                .hint("-V 311, or leave it out"));
        }
        let identity = identity(&flags.identity, &servers.servers, session.version, context)?;
        let network = network(&flags.target)?;
        let cloud = cloud::profile(&flags.cloud, way_in.as_ref());
        let profile = profile::choose(&flags.profile, &servers.servers, cloud, context)?;
        let warnings = tls::warnings(&flags.tls, uses_tls);
        Ok(Self {
            warnings,
            servers: servers.servers,
            way_in,
            url_topics: servers.topics,
            identity,
            session,
            store,
            will,
            properties,
            tls,
            network,
            profile,
            send_anew: false,
        })
    }

    /// What follows a server's host in a URL is a topic, which not everybody means.
    pub(super) fn warn_of_url_topic(&mut self, warning: &'static str) {
        if !self.url_topics.is_empty() {
            self.warnings.push(warning);
        }
    }
}

/// The settings of TLS, with the ALPN that AWS wants for MQTT at the port of HTTPS.
fn tls(
    flags: &Connection,
    has_way_in: bool,
    servers: &[ServerUrl],
    context: Context<'_>,
) -> Result<TlsOptions, Failure> {
    let tls = tls::collect(&flags.tls)?;
    if has_way_in || context.is_mosquitto() {
        return Ok(tls);
    }
    cloud::check_region(&flags.cloud, servers)?;
    let is_open = flags.tls.tls_alpn.is_empty();
    let wants_alpn = is_open && cloud::wants_alpn(&flags.cloud, servers);
    Ok(if wants_alpn { tls.alpn(["x-amzn-mqtt-ca"]) } else { tls })
}

fn identity(
    flags: &Identity,
    servers: &[ServerUrl],
    version: Option<Version>,
    context: Context<'_>,
) -> Result<IdentitySettings, Failure> {
    let client_id = match (&flags.id, &flags.id_prefix) {
        (Some(_), Some(_)) => {
            return Err(Failure::usage("--id and --id-prefix contradict each other")
                .hint("leave one of them out"));
        }
        (Some(id), None) => Some(id.clone()),
        (None, Some(prefix)) => Some(format!("{prefix}{}", process::id())),
        // mosquitto's tools let the server choose, except in MQTT 3.1, which has no such thing.
        (None, None) if context.is_mosquitto() && version != Some(Version::V31) => {
            Some(String::new())
        }
        (None, None) => None,
    };
    let password = match (&flags.password, &flags.password_file) {
        (Some(_), Some(_)) => {
            return Err(Failure::usage("--pw and --password-file contradict each other")
                .hint("leave --pw out"));
        }
        (Some(password), None) => Some(password.clone()),
        // A mistake is to be found before anything is sent.
        (None, Some(file)) => {
            let without = "leave --password-file out to connect without a password";
            Some(secret_file::first_line(file, "password", without)?)
        }
        (None, None) => variable(context, "EVENKEEL_PASSWORD").map(Secret),
    };
    let username = flags.username.clone().or_else(|| variable(context, "EVENKEEL_USERNAME"));
    let has_name = username.is_some() || servers.iter().any(|server| server.user_name().is_some());
    if password.is_some() && !has_name && version.is_some_and(|version| version < Version::V5) {
        return Err(Failure::usage("a password needs a user name before MQTT 5")
            .hint("give --username, or use -V mqttv5"));
    }
    let (id_prefix, password_file) = (flags.id_prefix.clone(), flags.password_file.clone());
    // The file is read before each attempt.
    let password = if password_file.is_none() { password } else { None };
    Ok(IdentitySettings { client_id, id_prefix, username, password, password_file })
}

/// A variable of ours; mosquitto's tools know none.
fn variable(context: Context<'_>, name: &str) -> Option<String> {
    if context.is_mosquitto() { None } else { (context.variable)(name) }
}

/// Seconds a session with a store outlives its connections: the library's default.
const STORED_EXPIRY: u32 = 7 * 24 * 3600;

fn session(
    connection: &Connection,
    needs_v5: Option<&'static str>,
    is_stored: bool,
    context: Context<'_>,
) -> Result<SessionSettings, Failure> {
    let Connection { session: flags, identity, .. } = connection;
    let keeps = flags.disable_clean_session;
    if is_stored && flags.clean {
        return Err(Failure::usage("--clean and --store contradict each other")
            .why("the store goes on with the session that it holds")
            .hint("leave one of them out, or give a store that does not exist yet"));
    }
    // The store holds the identifier of its session.
    if keeps && !is_stored && identity.id.is_none() && identity.id_prefix.is_none() {
        return Err(Failure::usage("--disable-clean-session needs --id")
            .why("a session is found again by its client identifier")
            .hint("give one that no other client has, such as -i pump-17"));
    }
    let version = version(flags, needs_v5, context)?;
    let default_expiry = match (keeps, is_stored) {
        (true, _) => u32::MAX,
        (false, true) => STORED_EXPIRY,
        (false, false) => 0,
    };
    let before_v5 = version.is_some_and(|version| version < Version::V5);
    let given = if before_v5 { None } else { flags.session_expiry_interval };
    let expiry = given.unwrap_or(default_expiry);
    Ok(SessionSettings {
        version,
        clean_start: !keeps && !is_stored,
        expiry,
        keep_alive: flags.keepalive.unwrap_or(60),
        in_flight: flags.max_inflight,
        retry_unacked: flags.retry_unacked,
    })
}

/// The version asked for, else the tool's default; what only MQTT 5 has pins 5.
fn version(
    flags: &Session,
    needs_v5: Option<&'static str>,
    context: Context<'_>,
) -> Result<Option<Version>, Failure> {
    let wish = match flags {
        _ if property::are_given(flags) => Some("-D"),
        Session { session_expiry_interval: Some(_), .. } if !context.is_mosquitto() => {
            Some("--session-expiry-interval")
        }
        _ if context.is_mosquitto() => None,
        _ => needs_v5,
    };
    match (flags.protocol_version, wish) {
        (Some(version), Some(wish)) if version < Version::V5 => {
            Err(Failure::usage(format!("{wish} needs MQTT 5, but -V asks for an older version"))
                .hint("leave one of them out"))
        }
        (Some(version), _) => Ok(Some(version)),
        (None, Some(_)) => Ok(Some(Version::V5)),
        (None, None) => Ok(match context.personality {
            Personality::Evenkeel => None,
            Personality::MosquittoPub | Personality::MosquittoSub => Some(Version::V311),
            Personality::MosquittoRr => Some(Version::V5),
        }),
    }
}

fn network(target: &Target) -> Result<NetworkSettings, Failure> {
    let ws_headers =
        target.ws_header.iter().map(|header| ws_header(&header.0)).collect::<Result<_, _>>()?;
    Ok(NetworkSettings {
        bind: target.bind.as_deref().map(bind_address).transpose()?,
        ws_path: target.ws_path.clone(),
        ws_headers,
        proxy: target.proxy.as_ref().map(|url| proxy(&url.0)).transpose()?,
        connect_timeout: target.connect_timeout,
    })
}

fn ws_header(text: &str) -> Result<(String, Secret), Failure> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), Secret(value.trim().to_owned())))
        }
        // Not repeated: what is meant for a header is often a token.
        _ => Err(Failure::usage("a --ws-header is no header")
            .why("there is no ':' between its name and its value")
            .hint("write NAME: VALUE, such as 'Authorization: Bearer TOKEN'")),
    }
}

fn proxy(text: &str) -> Result<Proxy, Failure> {
    Proxy::parse(text).map_err(|error| {
        Failure::usage("--proxy is not the URL of a proxy")
            .why(error.fact())
            .hint("write socks5h://[user:password@]host[:port] or http://host:port")
    })
}

/// An address, `fe80::1%eth0` with its interface, or a name of this machine.
fn bind_address(text: &str) -> Result<Bind, Failure> {
    if let Ok(address) = text.parse() {
        return Ok(Bind { address, zone: None });
    }
    if let Some((address, zone)) = text.split_once('%')
        && let Ok(address) = address.parse::<Ipv6Addr>()
        && !zone.is_empty()
    {
        return Ok(Bind { address: address.into(), zone: Some(zone.to_owned()) });
    }
    let unusable = || {
        Failure::usage(format!("--bind '{text}' is no address of this machine"))
            .hint("give an IP address, such as 192.0.2.7 or fe80::1%eth0")
    };
    let mut found = (text, 0).to_socket_addrs().map_err(|error| unusable().why(error))?;
    let found = found.next().ok_or_else(unusable)?;
    let zone = match found {
        SocketAddr::V6(found) if found.scope_id() != 0 => Some(found.scope_id().to_string()),
        _ => None,
    };
    Ok(Bind { address: found.ip(), zone })
}
