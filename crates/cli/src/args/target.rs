//! Where to connect.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::client::Secret;
use super::values;

/// The flags that say where the server is and how to reach it.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Server")]
pub(crate) struct Target {
    /// Host to connect to [default: localhost]
    #[arg(
        short = 'h',
        long = "host",
        alias = "hostname",
        value_name = "HOST",
        allow_hyphen_values = true
    )]
    pub(crate) host: Option<String>,
    /// Port to connect to; 8883 turns TLS on [default: 1883, over TLS 8883, for WebSocket 80 and 443]
    #[arg(short, long, value_name = "PORT", value_parser = values::port, allow_hyphen_values = true)]
    pub(crate) port: Option<u16>,
    /// Server, credentials and topic in one: mqtt[s]://[user[:password]@]host[:port][/topic],
    /// ws[s]://host[:port]/path; several servers are tried in turn [variable: EVENKEEL_URL]
    #[arg(short = 'L', long, alias = "server", value_name = "URL")]
    pub(crate) url: Vec<Secret>,
    /// How to talk to --host [default: mqtt, mqtts with TLS flags or port 8883]
    #[arg(long, value_name = "PROTOCOL", ignore_case = true)]
    pub(crate) protocol: Option<Protocol>,
    /// Connect through a unix socket; on Linux @NAME is one without a file
    #[arg(long, value_name = "PATH")]
    pub(crate) unix: Option<PathBuf>,
    /// Path of the WebSocket request [default: /mqtt]
    #[arg(long = "ws-path", alias = "path", value_name = "PATH")]
    pub(crate) ws_path: Option<String>,
    /// Header of the WebSocket request, NAME: VALUE; may be repeated
    #[arg(long = "ws-header", value_name = "HEADER")]
    pub(crate) ws_header: Vec<Secret>,
    /// Local address to connect from
    #[arg(short = 'A', long, value_name = "ADDRESS", allow_hyphen_values = true)]
    pub(crate) bind: Option<String>,
    /// Send small packets at once; always so, the flag is accepted for mosquitto's sake
    #[arg(long)]
    pub(crate) nodelay: bool,
    /// Connect through a proxy: socks5h://[user[:password]@]host[:port] for SOCKS5,
    /// http://[user[:password]@]host[:port] for HTTP CONNECT
    #[arg(long, value_name = "URL")]
    pub(crate) proxy: Option<Secret>,
    /// Find the server by a DNS SRV record; not supported
    #[arg(short = 'S', long)]
    pub(crate) srv: bool,
    /// Longest time for one attempt to connect, from name resolution to CONNACK [default: 30]
    #[arg(long, value_name = "TIME", value_parser = values::connect_timeout, allow_hyphen_values = true)]
    pub(crate) connect_timeout: Option<std::time::Duration>,
}

/// The transports of `--protocol`, named as in URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    /// MQTT over TCP.
    #[value(alias = "tcp")]
    Mqtt,
    /// MQTT over TLS.
    #[value(alias = "tls", alias = "ssl")]
    Mqtts,
    /// MQTT over WebSocket.
    Ws,
    /// MQTT over WebSocket over TLS.
    Wss,
}
