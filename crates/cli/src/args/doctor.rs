//! `evenkeel doctor`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use evenkeel_doctor::Severity;

use super::{VerbosityFlags, examples, values};

/// Say why connections flap, from what you have: captures, logs, events.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct DoctorArgs {
    #[command(subcommand)]
    pub(crate) action: Option<DoctorAction>,
    /// Captures (pcap, pcapng), logs of clients and brokers, events; also compressed by gzip or
    /// zstd; `-` for stdin
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: ReadingFlags,
    #[command(flatten)]
    pub(crate) telling: TellingFlags,
    #[command(flatten)]
    pub(crate) verbosity: VerbosityFlags,
}

/// How the evidence is read.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Evidence")]
pub(crate) struct ReadingFlags {
    /// Go on as a file grows, and tell each cause once it is found; survives rotation
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// The kind of the files, if it cannot be told from their content; `evenkeel doctor formats`
    /// lists them
    #[arg(long, value_name = "NAME")]
    pub(crate) input: Option<String>,
    /// Ports of servers in captures; may be repeated [default: the usual ones, and any that
    /// speaks MQTT]
    #[arg(long = "port", value_name = "PORT")]
    pub(crate) ports: Vec<u16>,
    /// A TLS key log (`SSLKEYLOGFILE`) that opens the captures
    #[arg(long, value_name = "FILE")]
    pub(crate) keylog: Option<PathBuf>,
    /// Judge by the numbers of this broker: a built-in profile or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) profile: Option<String>,
    /// Another number for a rule, such as `KA05.orphan_ms=20`; may be repeated
    #[arg(long = "threshold", value_name = "NAME=NUMBER", value_parser = values::threshold)]
    pub(crate) thresholds: Vec<(String, u64)>,
    /// Leave out what was over before
    #[arg(long, value_name = "DATETIME", value_parser = values::instant)]
    pub(crate) since: Option<jiff::Timestamp>,
    /// Show hashes in place of client identifiers, hosts and topics
    #[arg(long)]
    pub(crate) redact: bool,
}

/// How the findings are told.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Findings")]
pub(crate) struct TellingFlags {
    /// The form of the report
    #[arg(long, value_name = "FORMAT", default_value = "text", value_enum)]
    pub(crate) format: ReportFormat,
    /// Write the report to a file, not to stdout
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// End with code 24 if there is a finding as bad as this
    #[arg(long, value_name = "SEVERITY", default_value = "warn", value_parser = values::severity)]
    pub(crate) fail_on: Severity,
    /// Tell of this client alone
    #[arg(long, value_name = "ID")]
    pub(crate) client: Option<String>,
    /// Leave out the findings that this file names, each with a reason and an expiry
    #[arg(long, value_name = "FILE")]
    pub(crate) suppress: Option<PathBuf>,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object; docs/doctor.schema.json describes it.
    Json,
    /// One JSON object per finding.
    Jsonl,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit, for CI.
    Junit,
    /// Annotations of GitHub Actions.
    Github,
    /// One page without anything from elsewhere.
    Html,
    /// Markdown, for an issue.
    Md,
}

/// What else the doctor does.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum DoctorAction {
    /// Listen for clients, pass everything on to a server, and say what is wrong
    #[command(after_help = examples::DOCTOR_PROXY)]
    Proxy(Box<DoctorProxyArgs>),
    /// Explain a rule
    #[command(after_help = examples::DOCTOR_EXPLAIN)]
    Explain {
        /// Its id or slug, such as `KA05` or `false-keepalive-death`
        #[arg(value_name = "RULE")]
        rule: String,
        #[command(flatten)]
        verbosity: VerbosityFlags,
    },
    /// List the rules
    #[command(after_help = examples::DOCTOR_RULES)]
    Rules {
        /// Print one JSON object per rule
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        verbosity: VerbosityFlags,
    },
    /// List the kinds of files that can be read, and what each can show
    #[command(after_help = examples::DOCTOR_FORMATS)]
    Formats {
        /// Print one JSON object per kind
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        verbosity: VerbosityFlags,
    },
}

/// Listen for clients, pass everything on to a server, and say what is wrong.
#[derive(Args, Clone, Debug)]
pub(crate) struct DoctorProxyArgs {
    /// Where to listen for clients
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:1884")]
    pub(crate) listen: SocketAddr,
    /// The server: mqtt://, mqtts://, ws:// or wss://
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    /// Speak TLS with the clients, by a certificate made for this run
    #[arg(long)]
    pub(crate) tls: bool,
    /// The authorities that the server's certificate is verified by [default: the system's]
    #[arg(long, value_name = "FILE")]
    pub(crate) cafile: Option<PathBuf>,
    /// Judge by the numbers of this broker: a built-in profile or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) profile: Option<String>,
    /// Another number for a rule, such as `KA05.orphan_ms=20`; may be repeated
    #[arg(long = "threshold", value_name = "NAME=NUMBER", value_parser = values::threshold)]
    pub(crate) thresholds: Vec<(String, u64)>,
    /// File of faults to inject, TOML, as that of `evenkeel broker`, see docs/doctor.md
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) telling: TellingFlags,
    #[command(flatten)]
    pub(crate) verbosity: VerbosityFlags,
}

impl DoctorArgs {
    pub(crate) const fn verbosity(&self) -> VerbosityFlags {
        match &self.action {
            None => self.verbosity,
            Some(DoctorAction::Proxy(args)) => args.verbosity,
            Some(
                DoctorAction::Explain { verbosity, .. }
                | DoctorAction::Rules { verbosity, .. }
                | DoctorAction::Formats { verbosity, .. },
            ) => *verbosity,
        }
    }
}
