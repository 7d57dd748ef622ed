//! `evenkeel broker`.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;
use evenkeel_broker::{Role, Strictness};

use super::{EventsVersion, MetricsFlag, VerbosityFlags, values};

/// Run a broker for development and tests.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct BrokerArgs {
    /// Port for MQTT; 0 for any free one [default: 1883; none with --aws]
    #[arg(short, long, value_name = "PORT", value_parser = values::listen_port)]
    pub(crate) port: Option<u16>,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) listen: String,
    /// Unix socket to listen on
    #[arg(long, value_name = "PATH")]
    pub(crate) unix: Option<PathBuf>,
    /// Port for MQTT over WebSocket; 0 for any free one
    #[arg(long, value_name = "PORT", value_parser = values::listen_port)]
    pub(crate) ws_port: Option<u16>,
    #[command(flatten)]
    pub(crate) tls: BrokerTls,
    /// File of users, a line NAME:PASSWORD each; without it anyone may connect
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// File of settings and of faults to inject, TOML, see docs/broker.md
    #[arg(long, visible_alias = "config", value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// Append the broker's decisions to a file, one JSON object per line; - is stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
    /// The version of those events; 1 goes with 0.4
    #[arg(long, value_name = "N", default_value = "2", requires = "events")]
    pub(crate) events_version: EventsVersion,
    #[command(flatten)]
    pub(crate) metrics: MetricsFlag,
    #[command(flatten)]
    pub(crate) profile: BrokerProfile,
    #[command(flatten)]
    pub(crate) aws: BrokerAws,
    #[command(flatten)]
    pub(crate) limits: BrokerLimits,
    #[command(flatten)]
    pub(crate) verbosity: VerbosityFlags,
}

/// TLS of the broker.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "TLS")]
pub(crate) struct BrokerTls {
    /// Port for MQTT over TLS; 0 for any free one; needs --cert and --key, or --aws
    #[arg(long, value_name = "PORT", value_parser = values::listen_port)]
    pub(crate) tls_port: Option<u16>,
    /// Port for MQTT over WebSocket over TLS; needs --cert and --key
    #[arg(long, value_name = "PORT", value_parser = values::listen_port)]
    pub(crate) wss_port: Option<u16>,
    /// Certificate of the broker, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// Private key of the broker, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Demand a certificate of clients that one of these has signed, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) cafile: Option<PathBuf>,
    /// Ask for that certificate, and let clients in that have none
    #[arg(long, requires = "cafile")]
    pub(crate) optional_client_certificate: bool,
}

/// The service that the broker is like.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Profile")]
pub(crate) struct BrokerProfile {
    /// Enforce the limits of a service: a built-in profile or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) profile: Option<String>,
    /// Which limits: documented, observed (with those that were seen or are disputed), or harsh
    /// (all, and a bad day) [default: observed]
    #[arg(long, value_name = "LEVEL", value_parser = values::strictness, requires = "profile")]
    pub(crate) strictness: Option<Strictness>,
    /// Divide spans of an hour and more: age of connections, expiry of sessions, bans
    #[arg(long, value_name = "NUMBER", value_parser = values::factor, requires = "profile")]
    pub(crate) hasten: Option<NonZeroU32>,
    /// Decides when a harsh day cuts connections [default: 0]
    #[arg(long, value_name = "NUMBER", requires = "profile")]
    pub(crate) seed: Option<u64>,
}

/// The account of AWS IoT Core that the broker emulates.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "AWS IoT Core")]
pub(crate) struct BrokerAws {
    /// Emulate AWS IoT Core with the account in this folder, see docs/aws.md
    #[arg(long = "aws", value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// Make the folder with a thing of this name, or add one to it, and start nothing
    #[arg(long, value_name = "THING", requires = "folder")]
    pub(crate) init: Option<String>,
    /// Port for the HTTP API; 0 for any free one
    #[arg(long, value_name = "PORT", value_parser = values::listen_port, requires = "folder")]
    pub(crate) https_port: Option<u16>,
    /// Listen in place of a port of AWS: 8883, 8443 (HTTP API), or 443, where ALPN decides
    #[arg(long = "role", value_name = "AWS=PORT", value_parser = values::role, requires = "folder")]
    pub(crate) roles: Vec<(Role, u16)>,
}

/// Bounds, set over those of the file.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Limits")]
pub(crate) struct BrokerLimits {
    /// Most connections at a time [default: 10000]
    #[arg(long, value_name = "COUNT", value_parser = values::bound)]
    pub(crate) max_connections: Option<u64>,
    /// Largest packet accepted, in bytes [default: 16777216]
    #[arg(long, value_name = "BYTES", value_parser = values::bound)]
    pub(crate) max_packet_size: Option<u64>,
    /// Most messages waiting for one session [default: 50000]
    #[arg(long, value_name = "COUNT", value_parser = values::bound)]
    pub(crate) max_queued: Option<u64>,
    /// QoS 1 and 2 messages a client may have unacknowledged [default: 1000]
    #[arg(long, value_name = "COUNT", value_parser = values::in_flight)]
    pub(crate) receive_maximum: Option<u16>,
    /// Highest QoS accepted [default: 2]
    #[arg(long, value_name = "QOS", value_parser = values::qos)]
    pub(crate) max_qos: Option<evenkeel::QoS>,
    /// Keep-alive imposed on every client, in seconds [default: what the client asks for]
    #[arg(long, value_name = "SECONDS", value_parser = values::keep_alive)]
    pub(crate) server_keep_alive: Option<u16>,
}
