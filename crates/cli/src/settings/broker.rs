//! `broker` checked: flags and files to a broker that can be started.

use std::fs;
use std::path::{Path, PathBuf};

use evenkeel_aws::emulator::Emulator;
use evenkeel_broker::fault::Script;
use evenkeel_broker::{Broker, Builder, Limits, Offer, Quota, Role, SaveState, Tls, Users};

use crate::args::{
    BrokerArgs, BrokerLimits, BrokerProfile, BrokerTls, EventsVersion, MetricsAddress,
};
use crate::emulator::{self, Authorizers, Folder, StateFile};
use crate::error::Failure;

/// Bytes of the longest packet that MQTT can frame.
const LARGEST_PACKET: u32 = 268_435_460;

/// The port of MQTT, and that of MQTT over TLS.
const PORT: u16 = 1883;
const AWS_PORT: u16 = 8883;

/// The profile of an emulated account.
const AWS: &str = "aws-iot-core";

/// A broker to be started.
pub(crate) struct BrokerSettings {
    pub(crate) builder: Builder,
    /// Where its decisions are written; `-` is stdout.
    pub(crate) events: Option<PathBuf>,
    /// How they are written.
    pub(crate) events_version: EventsVersion,
    /// Where its metrics are served.
    pub(crate) metrics: Option<MetricsAddress>,
    /// The limits that it enforces.
    pub(crate) quota: Option<Quota>,
    /// The folder of the account that it emulates.
    pub(crate) folder: Option<PathBuf>,
    /// The emulator, and what writes its state down.
    pub(crate) emulated: Option<(Box<Emulator>, Box<dyn SaveState>)>,
    /// Who answers for its authorizers.
    pub(crate) authorizers: Option<Authorizers>,
    /// What the operator has to know of its files.
    pub(crate) warnings: Vec<String>,
}

impl BrokerSettings {
    /// Checks the flags and reads the files.
    pub(crate) fn new(args: &BrokerArgs) -> Result<Self, Failure> {
        let mut script = match &args.faults {
            Some(path) => script(path)?,
            None => Script::default(),
        };
        if let Some(path) = &args.password_file {
            script.config.access.users = Some(users(path)?);
        }
        offer(&mut script.config.offer, &args.limits)?;
        limits(&mut script.config.limits, &args.limits);
        let folder = args.aws.folder.as_deref().map(Folder::new);
        let quota = quota(&args.profile, folder.is_some())?;
        script.config.quota.clone_from(&quota);
        let builder = listeners(args, folder.as_ref(), Broker::builder().script(script))?;
        let hasten = quota.as_ref().map_or(1, |quota| quota.hasten.get());
        let (mut emulated, mut authorizers, mut warnings) = (None, None, Vec::new());
        if let Some(folder) = &folder {
            let loaded = emulator::load(folder, hasten)?;
            let save: Box<dyn SaveState> = Box::new(StateFile::new(folder));
            emulated = Some((Box::new(loaded.emulator), save));
            authorizers = Some(loaded.authorizers);
            warnings = loaded.warnings;
        }
        Ok(Self {
            builder,
            events: args.events.clone(),
            events_version: args.events_version,
            metrics: args.metrics.address.clone(),
            quota,
            folder: args.aws.folder.clone(),
            emulated,
            authorizers,
            warnings,
        })
    }
}

/// The profile to enforce; `none` is none, as for clients. An emulated account has
/// that of AWS.
fn quota(flags: &BrokerProfile, is_aws: bool) -> Result<Option<Quota>, Failure> {
    let name = flags.profile.as_deref().or_else(|| is_aws.then_some(AWS));
    let Some(name) = name.filter(|name| *name != super::profile::NONE) else {
        return Ok(None);
    };
    let plain = Quota::new(super::profile_named_or_read(name)?);
    Ok(Some(Quota {
        strictness: flags.strictness.unwrap_or(plain.strictness),
        hasten: flags.hasten.unwrap_or(plain.hasten),
        seed: flags.seed.unwrap_or(plain.seed),
        ..plain
    }))
}

fn listeners(
    args: &BrokerArgs,
    folder: Option<&Folder>,
    builder: Builder,
) -> Result<Builder, Failure> {
    let address = |port: u16| {
        if args.listen.contains(':') {
            format!("[{}]:{port}", args.listen.trim_matches(['[', ']']))
        } else {
            format!("{}:{port}", args.listen)
        }
    };
    let is_aws = folder.is_some();
    let mut builder = builder;
    if let Some(port) = args.port.or_else(|| (!is_aws).then_some(PORT)) {
        builder = builder.bind_tcp(address(port));
    }
    if let Some(port) = args.ws_port {
        builder = builder.bind_websocket(address(port));
    }
    let tls = match folder {
        Some(folder) => Some(aws_tls(&args.tls, folder)?),
        None => tls(&args.tls)?,
    };
    if let Some(tls) = tls {
        let has_role = args.aws.roles.iter().any(|(role, _)| *role == Role::Mqtt);
        let default = (is_aws && !has_role).then_some(AWS_PORT);
        if let Some(port) = args.tls.tls_port.or(default) {
            builder = builder.bind_tls(address(port), tls.clone());
        }
        if let Some(port) = args.tls.wss_port {
            builder = builder.bind_websocket_tls(address(port), tls.clone());
        }
        if let Some(port) = args.aws.https_port {
            builder = builder.bind_https(address(port), tls.clone());
        }
        for (role, port) in &args.aws.roles {
            builder = builder.bind_role(*role, address(*port), tls.clone());
        }
    }
    match &args.unix {
        Some(path) => on_unix_socket(builder, path),
        None => Ok(builder),
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no unix sockets")]
fn on_unix_socket(builder: Builder, path: &Path) -> Result<Builder, Failure> {
    Ok(builder.bind_unix(path))
}

#[cfg(not(unix))]
fn on_unix_socket(_builder: Builder, _path: &Path) -> Result<Builder, Failure> {
    Err(Failure::usage("--unix is not supported").why("this system has no unix sockets"))
}

/// TLS with the certificates of an account's folder. Clients are asked for theirs:
/// AWS's own SDK refuses a server that does not ask.
fn aws_tls(flags: &BrokerTls, folder: &Folder) -> Result<Tls, Failure> {
    if flags.cert.is_some() || flags.key.is_some() || flags.cafile.is_some() {
        return Err(Failure::usage("--cert, --key and --cafile do not go with --aws")
            .why("the folder has the certificates of its account")
            .hint("leave them out"));
    }
    Tls::from_files_asking(folder.server(), folder.server_key(), folder.authority()).map_err(
        |error| {
            Failure::usage("TLS cannot be offered")
                .why(error)
                .hint("--init THING makes the certificates that are missing")
        },
    )
}

fn tls(flags: &BrokerTls) -> Result<Option<Tls>, Failure> {
    let wants = flags.tls_port.is_some() || flags.wss_port.is_some();
    match (&flags.cert, &flags.key) {
        (Some(cert), Some(key)) if wants => {
            let authority = flags.cafile.as_deref();
            let tls = match authority {
                Some(authority) if flags.optional_client_certificate => {
                    Tls::from_files_asking(cert, key, authority)
                }
                authority => Tls::from_files(cert, key, authority),
            };
            tls.map(Some).map_err(|error| {
                Failure::usage("TLS cannot be offered")
                    .why(error)
                    .hint("--cert, --key and --cafile are PEM files")
            })
        }
        (None, None) if !wants && flags.cafile.is_none() => Ok(None),
        _ if wants => Err(Failure::usage("--tls-port and --wss-port need --cert and --key")
            .hint("give the broker's certificate and its private key, PEM")),
        _ => Err(Failure::usage("the TLS flags do nothing without a port for TLS")
            .hint("add --tls-port 8883")),
    }
}

/// Reads a fault file.
pub(crate) fn script(path: &Path) -> Result<Script, Failure> {
    let text = read(path, "fault file")?;
    Script::parse(&text).map_err(|error| {
        Failure::usage(format!("the fault file '{}' is not valid", path.display()))
            .why(error)
            .hint("docs/broker.md lists settings, rules and actions")
    })
}

fn users(path: &Path) -> Result<Users, Failure> {
    let text = read(path, "password file")?;
    Users::parse(&text).map_err(|error| {
        Failure::usage(format!("the password file '{}' is not valid", path.display())).why(error)
    })
}

fn read(path: &Path, what: &str) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!("the {what} '{}' cannot be read", path.display()))
            .why(error)
            .hint("check the path and its permissions")
    })
}

fn offer(offer: &mut Offer, flags: &BrokerLimits) -> Result<(), Failure> {
    if let Some(bytes) = flags.max_packet_size {
        let size = u32::try_from(bytes).ok().filter(|size| *size <= LARGEST_PACKET);
        offer.maximum_packet_size = size.ok_or_else(|| {
            Failure::usage("--max-packet-size is larger than any packet")
                .why("an MQTT packet has at most 268,435,460 bytes")
                .hint("leave the flag out for 16 MiB, or give at most 268435460")
        })?;
    }
    if let Some(maximum) = flags.receive_maximum {
        offer.receive_maximum = maximum;
    }
    if let Some(qos) = flags.max_qos {
        offer.maximum_qos = qos;
    }
    if flags.server_keep_alive.is_some() {
        offer.server_keep_alive = flags.server_keep_alive;
    }
    Ok(())
}

fn limits(limits: &mut Limits, flags: &BrokerLimits) {
    let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    if let Some(count) = flags.max_connections {
        limits.connections = size(count);
    }
    if let Some(count) = flags.max_queued {
        limits.queue_messages = size(count);
    }
}
