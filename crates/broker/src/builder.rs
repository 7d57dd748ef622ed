//! What a broker is told before it starts.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use evenkeel_profile::Inconsistency;
use tokio::net::lookup_host;
use tokio::sync::watch;

use crate::Broker;
use crate::core::{Config, Extension, Quota};
use crate::fault::{Rule, RuleError, Script, Step};
#[cfg(all(feature = "tls", feature = "websocket"))]
use crate::listen::Protocol;
#[cfg(feature = "http")]
use crate::listen::Role;
#[cfg(feature = "tls")]
use crate::listen::Tls;
use crate::listen::{BindAddress, Endpoint, Layers, Reserved};
use crate::shared::{SaveState, Shared};

/// What a broker is told before it starts.
///
/// Without a listener it serves [`Broker::connect`] only.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builder {
    config: Config,
    rules: Vec<Rule>,
    steps: Vec<Step>,
    listeners: Vec<(Target, Layers)>,
}

/// Where to listen, as asked for.
#[derive(Clone, Debug)]
enum Target {
    Tcp(String),
    Unix(PathBuf),
}

impl Builder {
    /// Takes all settings at once.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Changes settings.
    pub fn configure(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Enforces the limits of a profile, as the service does that it is of.
    /// Settings that are given as a whole afterwards take it away.
    pub fn profile(mut self, quota: impl Into<Quota>) -> Self {
        self.config.quota = Some(quota.into());
        self
    }

    /// Takes the settings, the rules and the steps of a broker file.
    pub fn script(mut self, script: Script) -> Self {
        self.config = script.config;
        self.rules.extend(script.rules);
        self.steps.extend(script.steps);
        self
    }

    /// Adds a fault rule.
    pub fn fault(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Adds something that happens to the whole broker at its time.
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Listens on `HOST:PORT`; with port 0 the system chooses one.
    pub fn bind_tcp(self, address: impl Into<String>) -> Self {
        self.bind(Target::Tcp(address.into()), Layers::default())
    }

    /// Listens for TLS.
    #[cfg(feature = "tls")]
    pub fn bind_tls(self, address: impl Into<String>, tls: Tls) -> Self {
        let layers = Layers { tls: Some(tls), ..Layers::default() };
        self.bind(Target::Tcp(address.into()), layers)
    }

    /// Listens for WebSocket, on any path.
    #[cfg(feature = "websocket")]
    pub fn bind_websocket(self, address: impl Into<String>) -> Self {
        self.bind(Target::Tcp(address.into()), Layers::websocket())
    }

    /// Listens for WebSocket inside TLS, on any path.
    #[cfg(all(feature = "tls", feature = "websocket"))]
    pub fn bind_websocket_tls(self, address: impl Into<String>, tls: Tls) -> Self {
        let tls = tls.speaking(&["http/1.1"]);
        let layers = Layers { tls: Some(tls), protocol: Protocol::WebSocket, role: None };
        self.bind(Target::Tcp(address.into()), layers)
    }

    /// Listens for HTTP inside TLS, whose requests the extension answers.
    #[cfg(feature = "http")]
    pub fn bind_https(self, address: impl Into<String>, tls: Tls) -> Self {
        let tls = tls.speaking(&["x-amzn-http-ca", "http/1.1"]);
        let layers = Layers { tls: Some(tls), protocol: Protocol::Http, role: None };
        self.bind(Target::Tcp(address.into()), layers)
    }

    /// Listens in place of a well-known port of AWS IoT Core.
    #[cfg(feature = "http")]
    pub fn bind_role(self, role: Role, address: impl Into<String>, tls: Tls) -> Self {
        let (protocol, tls) = match role {
            Role::Mqtt => (Protocol::Mqtt, tls),
            Role::Https => (Protocol::Http, tls.speaking(&["x-amzn-http-ca", "http/1.1"])),
            Role::Alpn => {
                let all = ["x-amzn-mqtt-ca", "mqtt", "x-amzn-http-ca", "http/1.1"];
                (Protocol::Alpn, tls.speaking(&all))
            }
        };
        let layers = Layers { tls: Some(tls), protocol, role: Some(role.port()) };
        self.bind(Target::Tcp(address.into()), layers)
    }

    /// Listens on a Unix socket. A socket file that is there already is
    /// replaced; it is removed when the broker stops.
    #[cfg(unix)]
    pub fn bind_unix(self, path: impl Into<PathBuf>) -> Self {
        self.bind(Target::Unix(path.into()), Layers::default())
    }

    fn bind(mut self, target: Target, layers: Layers) -> Self {
        self.listeners.push((target, layers));
        self
    }

    /// Opens all listeners and starts.
    ///
    /// Must run inside a tokio runtime with I/O and time. Cancel-safe: a
    /// dropped call leaves nothing behind.
    pub async fn start(self) -> Result<Broker, StartError> {
        self.open(None).await
    }

    /// The same with somebody who decides who may do what, and what happens behind
    /// topics. `save` is called with its state before anything that rests on it leaves.
    pub async fn start_with(
        self,
        extension: Box<dyn Extension>,
        save: Box<dyn SaveState>,
    ) -> Result<Broker, StartError> {
        self.open(Some((extension, save))).await
    }

    async fn open(
        self,
        extension: Option<(Box<dyn Extension>, Box<dyn SaveState>)>,
    ) -> Result<Broker, StartError> {
        if let Some(quota) = &self.config.quota {
            let name = || quota.profile.name.to_string();
            let error = |error| StartError::Profile { name: name(), error };
            quota.profile.check().map_err(error)?;
        }
        let shared = Arc::new(Shared::new(self.config, extension));
        for (index, rule) in self.rules.into_iter().enumerate() {
            let error = |error| StartError::Rule { number: index + 1, error };
            shared.with(|core, now| core.add_fault(now, rule)).map_err(error)?;
        }
        let gate = watch::Sender::new(true);
        let mut reserved = Vec::new();
        for (target, layers) in self.listeners {
            let name = target.to_string();
            let endpoint = target.resolve(layers).await;
            let socket = endpoint.and_then(Reserved::new);
            reserved.push((socket.map_err(|error| StartError::listen(&name, &error))?, name));
        }
        let mut accepting = Vec::new();
        for (socket, name) in reserved {
            match socket.listen(&shared, gate.subscribe()) {
                Ok(listener) => accepting.push(listener),
                Err(error) => {
                    accepting.iter().for_each(crate::listen::Accepting::abort);
                    return Err(StartError::listen(&name, &error));
                }
            }
        }
        let broker = Broker::new(shared, accepting, gate);
        broker.plan(self.steps);
        Ok(broker)
    }
}

impl Target {
    async fn resolve(self, layers: Layers) -> io::Result<Endpoint> {
        let bind = match self {
            Self::Unix(path) => BindAddress::Unix(path),
            Self::Tcp(address) => {
                let mut found = lookup_host(address).await?;
                BindAddress::Tcp(found.next().ok_or(io::ErrorKind::NotFound)?)
            }
        };
        Ok(Endpoint { bind, layers })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Why a broker cannot start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// A listener cannot be opened.
    Listen {
        /// The address or path as given.
        address: String,
        /// The system's reason.
        kind: io::ErrorKind,
        /// The system's words.
        text: String,
    },
    /// The profile to be enforced contradicts itself.
    Profile {
        /// Its name.
        name: String,
        /// How.
        error: Inconsistency,
    },
    /// A fault rule could never apply.
    Rule {
        /// Its place in the order of adding, from 1.
        number: usize,
        /// Why not.
        error: RuleError,
    },
}

impl StartError {
    fn listen(address: &str, error: &io::Error) -> Self {
        Self::Listen { address: address.into(), kind: error.kind(), text: error.to_string() }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen { address, kind, text } => {
                write!(f, "cannot listen on {address}: {text}")?;
                match kind {
                    io::ErrorKind::AddrInUse => {
                        f.write_str("; another program has this address, port 0 takes a free one")
                    }
                    io::ErrorKind::PermissionDenied => {
                        f.write_str("; ports below 1024 need privileges")
                    }
                    io::ErrorKind::InvalidInput => f.write_str("; write HOST:PORT"),
                    _ => Ok(()),
                }
            }
            Self::Profile { name, error } => {
                write!(f, "no client could keep to the profile {name}")?;
                if f.alternate() { write!(f, ": {error}") } else { Ok(()) }
            }
            Self::Rule { number, error } => {
                write!(f, "fault rule {number} could never apply")?;
                if f.alternate() { write!(f, ": {error}") } else { Ok(()) }
            }
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // The system's words are in the text.
            Self::Listen { .. } => None,
            Self::Profile { error, .. } => Some(error),
            Self::Rule { error, .. } => Some(error),
        }
    }
}
