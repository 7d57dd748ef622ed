//! `evenkeel sub`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use evenkeel::QoS;

use super::{Connection, MetricsFlag, SessionStore, values};

/// Subscribe and print messages.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SubscribeArgs {
    /// Topic filters to subscribe to
    #[arg(value_name = "FILTER")]
    pub(crate) words: Vec<String>,
    /// Topic filter to subscribe to; may be repeated
    #[arg(short, long, value_name = "FILTER", allow_hyphen_values = true)]
    pub(crate) topic: Vec<String>,
    /// Topic filter to unsubscribe from; may be repeated
    #[arg(short = 'U', long, value_name = "FILTER", allow_hyphen_values = true)]
    pub(crate) unsubscribe: Vec<String>,
    /// QoS of the subscriptions [default: 0]
    #[arg(short, long, value_name = "QOS", value_parser = values::qos, allow_hyphen_values = true)]
    pub(crate) qos: Option<QoS>,
    #[command(flatten)]
    pub(crate) options: SubscriptionFlags,
    #[command(flatten)]
    pub(crate) selection: SelectionFlags,
    #[command(flatten)]
    pub(crate) ending: EndingFlags,
    #[command(flatten)]
    pub(crate) output: OutputFlags,
    #[command(flatten)]
    pub(crate) watch: WatchFlags,
    #[command(flatten)]
    pub(crate) metrics: MetricsFlag,
    #[command(flatten)]
    pub(crate) store: SessionStore,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Options of the subscriptions (MQTT 5).
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Subscription (MQTT 5)")]
pub(crate) struct SubscriptionFlags {
    /// Leave the retain flag as the publisher set it
    #[arg(long)]
    pub(crate) retain_as_published: bool,
    /// Do not receive what this client publishes
    #[arg(long)]
    pub(crate) no_local: bool,
    /// When the server sends retained messages [default: always]
    #[arg(long, value_name = "WHEN")]
    pub(crate) retain_handling: Option<RetainedWhen>,
}

/// The values of `--retain-handling`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RetainedWhen {
    /// At each subscribe.
    Always,
    /// If the subscription is new.
    New,
    /// Never.
    Never,
}

/// Which messages are shown.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Selection")]
pub(crate) struct SelectionFlags {
    /// Do not show messages that match this filter; may be repeated
    #[arg(short = 'T', long, value_name = "FILTER", allow_hyphen_values = true)]
    pub(crate) filter_out: Vec<String>,
    /// Do not show retained messages
    #[arg(short = 'R', long)]
    pub(crate) no_retained: bool,
    /// Show retained messages only; the first other one ends the program
    #[arg(long)]
    pub(crate) retained_only: bool,
    /// Remove each retained message that arrives from the server
    #[arg(long)]
    pub(crate) remove_retained: bool,
    /// Show about this share of the messages [default: 100]
    #[arg(long, value_name = "PERCENT", value_parser = values::percentage, allow_hyphen_values = true)]
    pub(crate) random_filter: Option<f64>,
}

/// When the program ends.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Ending")]
pub(crate) struct EndingFlags {
    /// End after this many messages [default: no limit]
    #[arg(short = 'C', long, value_name = "COUNT", value_parser = values::count, allow_hyphen_values = true)]
    pub(crate) count: Option<u64>,
    /// End after this time, connecting and subscribing included; 0 for no limit
    /// [default: no limit]
    #[arg(short = 'W', long, value_name = "TIME", value_parser = values::duration, allow_hyphen_values = true)]
    pub(crate) timeout: Option<Duration>,
    /// End when all subscriptions have been answered
    #[arg(short = 'E', long)]
    pub(crate) exit_after_subscribe: bool,
    /// Go on trying, at a slow pace, after a refusal that looks permanent
    #[arg(long)]
    pub(crate) keep_trying: bool,
}

/// How messages are shown.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputFlags {
    /// Show the topic before the payload
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Format of a message, see docs/cli.md
    #[arg(short = 'F', long, value_name = "FORMAT", allow_hyphen_values = true)]
    pub(crate) format: Option<String>,
    /// Indent the JSON of %j and %J
    #[arg(long)]
    pub(crate) pretty: bool,
    /// No line end after a message
    #[arg(short = 'N', long)]
    pub(crate) no_eol: bool,
    /// Print one JSON object per message
    #[arg(long)]
    pub(crate) json: bool,
}

/// How events are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum EventsVersion {
    /// As 0.2 wrote them.
    #[value(name = "1")]
    V1,
    /// Each event says whose it is and how its connection stood.
    #[default]
    #[value(name = "2")]
    V2,
}

/// What a long run tells about its connection.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Watching")]
pub(crate) struct WatchFlags {
    /// Print the connection's state on stderr when it changes and every so often, every 10 s
    /// unless --status=TIME says otherwise
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "10", value_parser = values::status_period)]
    pub(crate) status: Option<Duration>,
    /// Append the connection's events to a file, one JSON object per line; - is stderr
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
    /// The version of those events; 1 goes with 0.4
    #[arg(long, value_name = "N", default_value = "2", requires = "events")]
    pub(crate) events_version: EventsVersion,
}
