//! Who connects, and with what kind of session.

use std::path::PathBuf;

use clap::Args;
use evenkeel::Version;

use super::values;

/// The flags that say who connects.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Client")]
pub(crate) struct Identity {
    /// Client identifier; made up when left out
    #[arg(
        short,
        long,
        visible_alias = "client-id",
        alias = "clientId",
        value_name = "ID",
        allow_hyphen_values = true
    )]
    pub(crate) id: Option<String>,
    /// Client identifier of this prefix and the process number
    #[arg(short = 'I', long, value_name = "PREFIX", allow_hyphen_values = true)]
    pub(crate) id_prefix: Option<String>,
    /// User name [variable: EVENKEEL_USERNAME]
    #[arg(short, long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) username: Option<String>,
    /// Password; visible in process lists, so prefer --password-file or the variable [variable: EVENKEEL_PASSWORD]
    #[arg(
        short = 'P',
        long = "pw",
        visible_alias = "password",
        value_name = "PASSWORD",
        allow_hyphen_values = true
    )]
    pub(crate) password: Option<Secret>,
    /// File whose first line is the password
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

/// A password, never shown.
#[derive(Clone, Default)]
pub(crate) struct Secret(pub(crate) String);

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<secret>")
    }
}

/// The flags of the session and the protocol.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Session")]
pub(crate) struct Session {
    /// Protocol version: mqttv31, mqttv311 or mqttv5; the default is 5, then 3.1.1 if 5 is refused
    #[arg(short = 'V', long, alias = "mqtt-version", alias = "protocolVersion", value_name = "VERSION", value_parser = values::version)]
    pub(crate) protocol_version: Option<Version>,
    /// Keep the session on the server, its subscriptions and messages included; needs --id
    #[arg(short = 'c', long, visible_alias = "no-clean")]
    pub(crate) disable_clean_session: bool,
    /// Begin a new session, the default
    #[arg(long, conflicts_with = "disable_clean_session")]
    pub(crate) clean: bool,
    /// Seconds the session outlives the connection (MQTT 5); -1 forever [default: 0, forever
    /// with -c]
    #[arg(short = 'x', long, value_name = "SECONDS", value_parser = values::session_expiry, allow_hyphen_values = true)]
    pub(crate) session_expiry_interval: Option<u32>,
    /// Keep-alive in seconds; 0 turns it off [default: 60]
    #[arg(short, long, value_name = "SECONDS", value_parser = values::keep_alive, allow_hyphen_values = true)]
    pub(crate) keepalive: Option<u16>,
    /// Most messages of QoS 1 and 2 in flight [default: 1024, if the server allows it]
    #[arg(short = 'M', long, value_name = "COUNT", value_parser = values::in_flight, allow_hyphen_values = true)]
    pub(crate) max_inflight: Option<u16>,
    /// Send again on the same connection, three times at most, what has no answer; MQTT 3.1.1
    /// only [default: never]
    #[arg(long, value_name = "TIME", value_parser = values::retry, allow_hyphen_values = true)]
    pub(crate) retry_unacked: Option<std::time::Duration>,
    /// MQTT 5 property of a packet; may be repeated: -D publish content-type text/plain,
    /// -D connect user-property NAME VALUE
    #[arg(short = 'D', long, num_args = 3, value_names = ["COMMAND", "PROPERTY", "VALUE"], allow_hyphen_values = true)]
    pub(crate) property: Vec<String>,
    /// What `-D COMMAND user-property` is rewritten to, for its fourth value
    #[arg(long = super::USER_PROPERTY, num_args = 3, hide = true, allow_hyphen_values = true)]
    pub(crate) user_property: Vec<String>,
}

/// The flags of the will.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Will")]
pub(crate) struct WillFlags {
    /// Topic of the message the server publishes if this client vanishes
    #[arg(long, value_name = "TOPIC", allow_hyphen_values = true)]
    pub(crate) will_topic: Option<String>,
    /// Payload of the will; empty when left out
    #[arg(long, alias = "will-message", value_name = "MESSAGE", allow_hyphen_values = true)]
    pub(crate) will_payload: Option<String>,
    /// QoS of the will [default: 0]
    #[arg(long, value_name = "QOS", value_parser = values::qos, allow_hyphen_values = true)]
    pub(crate) will_qos: Option<evenkeel::QoS>,
    /// Have the will retained
    #[arg(long)]
    pub(crate) will_retain: bool,
}
