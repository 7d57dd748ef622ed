//! The command line as written: flags and their values, not yet checked
//! against each other (that is [`settings`](crate::settings)).

mod advisor;
mod aws;
mod broker;
mod client;
mod cloud;
mod config_file;
mod demo;
mod doctor;
mod examples;
mod generate;
mod metrics;
mod nearest;
mod operator;
mod profile;
mod publish;
mod queue;
mod registrar;
mod request;
mod soak;
mod store;
mod subscribe;
mod target;
#[cfg(test)]
mod tests;
mod tls;
mod usage_error;
pub(crate) mod values;

use std::ffi::OsString;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use advisor::AdvisorArgs;
pub(crate) use aws::{AwsAction, AwsArgs, ProvisionArgs};
pub(crate) use broker::{BrokerArgs, BrokerLimits, BrokerProfile, BrokerTls};
pub(crate) use client::{Identity, Secret, Session, WillFlags};
pub(crate) use cloud::{AuthorizerWay, CloudFlags};
pub(crate) use demo::DemoArgs;
pub(crate) use doctor::{
    DoctorAction, DoctorArgs, DoctorProxyArgs, ReadingFlags, ReportFormat, TellingFlags,
};
pub(crate) use metrics::{MetricsAddress, MetricsFlag};
pub(crate) use operator::{AccountFlags, ConnectionAction, JobAction, ShadowAction, ShadowTarget};
pub(crate) use profile::{
    ProfileAction, ProfileArgs, ProfileCheckArgs, ProfileFlag, ProfileListArgs, ProfileShowArgs,
};
pub(crate) use publish::{PayloadFlags, PublishArgs};
pub(crate) use queue::{
    ExportArgs, ListArgs, QueueAction, QueueArgs, RemoveArgs, RequeueArgs, ShowArgs, StateName,
};
pub(crate) use registrar::{CertificateAction, CertificateTarget, StatusName, ThingAction};
pub(crate) use request::RequestArgs;
pub(crate) use soak::SoakArgs;
pub(crate) use store::SessionStore;
pub(crate) use subscribe::{
    EndingFlags, EventsVersion, OutputFlags, RetainedWhen, SelectionFlags, SubscribeArgs,
    SubscriptionFlags, WatchFlags,
};
pub(crate) use target::{Protocol, Target};
pub(crate) use tls::{ForeignTlsFlags, TlsFlags};

use crate::error::Failure;
use crate::personality::Personality;
use crate::printer::{ColorChoice, Verbosity};

/// The hidden flag that `-D COMMAND user-property` becomes.
const USER_PROPERTY: &str = "user-property-of";

/// MQTT from the shell: publish, subscribe, request, run a broker, see it survive.
#[derive(Parser, Debug)]
#[command(
    name = "evenkeel",
    version,
    disable_help_flag = true,
    disable_version_flag = true,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    args_override_self = true,
    after_help = examples::EVENKEEL
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print help
    #[arg(short = 'H', long, global = true, action = ArgAction::Help)]
    help: Option<bool>,
    /// Print the version
    #[arg(long, action = ArgAction::Version)]
    version: Option<bool>,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Publish messages
    #[command(name = "pub", visible_alias = "publish", after_help = examples::PUBLISH)]
    Publish(Box<PublishArgs>),
    /// Subscribe and print messages
    #[command(name = "sub", visible_alias = "subscribe", after_help = examples::SUBSCRIBE)]
    Subscribe(Box<SubscribeArgs>),
    /// Publish a request and print the response
    #[command(name = "rr", visible_alias = "request", after_help = examples::REQUEST)]
    Request(Box<RequestArgs>),
    /// Run a broker for development and tests
    #[command(after_help = examples::BROKER)]
    Broker(Box<BrokerArgs>),
    /// See a lost ping answer, a broker restart and a flapping broker being survived
    #[command(after_help = examples::DEMO)]
    Demo(DemoArgs),
    /// Prove many clients against a broker that makes trouble at random
    #[command(after_help = examples::SOAK)]
    Soak(SoakArgs),
    /// Run the acceptance tests of AWS Device Advisor against any client, offline
    #[command(after_help = examples::ADVISOR)]
    Advisor(Box<AdvisorArgs>),
    /// Say why connections flap, from captures, logs and live traffic
    #[command(after_help = examples::DOCTOR, arg_required_else_help = true)]
    Doctor(Box<DoctorArgs>),
    /// Look into the store of a client that is not running
    #[command(after_help = examples::QUEUE, arg_required_else_help = true)]
    Queue(Box<QueueArgs>),
    /// Show what brokers allow, and what the client does about it
    #[command(after_help = examples::PROFILE, arg_required_else_help = true)]
    Profile(ProfileArgs),
    /// Set devices of AWS IoT Core up, and steer an emulated account
    #[command(after_help = examples::AWS, arg_required_else_help = true)]
    Aws(AwsArgs),
    /// Print a script that completes commands and flags in a shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, of everything or of one command
    #[command(after_help = examples::MAN)]
    Man {
        /// The command
        command: Option<String>,
    },
    /// Print the version
    #[command(after_help = examples::VERSION)]
    Version,
    /// Print help, for everything or for one command
    #[command(after_help = examples::HELP)]
    Help {
        /// The command
        command: Option<String>,
    },
}

/// Everything about the connection, the same for `pub`, `sub` and `rr`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Connection {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) identity: Identity,
    #[command(flatten)]
    pub(crate) session: Session,
    #[command(flatten)]
    pub(crate) will: WillFlags,
    #[command(flatten)]
    pub(crate) tls: TlsFlags,
    #[command(flatten)]
    pub(crate) profile: ProfileFlag,
    #[command(flatten)]
    pub(crate) cloud: CloudFlags,
    #[command(flatten)]
    pub(crate) verbosity: VerbosityFlags,
}

/// How much is said on stderr.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Verbosity")]
pub(crate) struct VerbosityFlags {
    /// Tell every event of the connection on stderr
    #[arg(short, long)]
    debug: bool,
    /// Print no errors, except of the command line itself
    #[arg(long)]
    quiet: bool,
    /// Whether to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum)]
    color: ColorChoice,
}

impl VerbosityFlags {
    /// The level of verbosity; quiet wins.
    pub(crate) const fn level(self) -> Verbosity {
        match (self.quiet, self.debug) {
            (true, _) => Verbosity::Quiet,
            (false, true) => Verbosity::Debug,
            (false, false) => Verbosity::Normal,
        }
    }

    /// The wish for colour.
    pub(crate) const fn color(self) -> ColorChoice {
        self.color
    }
}

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// A command to run.
    Run(Command),
    /// A text to print on stdout, and nothing more.
    Show(String),
    /// The help of a command that needs another word, which nobody asked for.
    Usage(String),
}

/// Reads the command line, and under mosquitto's names the tool's config file.
pub(crate) fn parse(personality: Personality, words: Vec<OsString>) -> Result<Asked, Failure> {
    let mut words = words;
    if personality.is_mosquitto() {
        config_file::insert_defaults(personality, &mut words)?;
    }
    parse_words(personality, words)
}

pub(crate) fn parse_words(
    personality: Personality,
    words: Vec<OsString>,
) -> Result<Asked, Failure> {
    let mut command = command_for(personality);
    if let Some(text) = letter_alone(&mut command, &words) {
        return Ok(Asked::Show(text));
    }
    let parsed = command.clone().try_get_matches_from(fold_user_properties(words.clone()));
    let matches = match parsed {
        Ok(matches) => matches,
        Err(error) => return usage_error::explain(&error, asked(&mut command, &words)),
    };
    let run = match personality {
        Personality::Evenkeel => Cli::from_arg_matches(&matches).map(|cli| cli.command),
        Personality::MosquittoPub => {
            PublishArgs::from_arg_matches(&matches).map(|args| Command::Publish(Box::new(args)))
        }
        Personality::MosquittoSub => {
            SubscribeArgs::from_arg_matches(&matches).map(|args| Command::Subscribe(Box::new(args)))
        }
        Personality::MosquittoRr => {
            RequestArgs::from_arg_matches(&matches).map(|args| Command::Request(Box::new(args)))
        }
    };
    match run {
        Ok(Command::Version) => Ok(Asked::Show(version_line())),
        Ok(Command::Help { command: name }) => help_text(command, name.as_deref()).map(Asked::Show),
        Ok(Command::Completions { shell }) => {
            Ok(Asked::Show(generate::completions(shell, command)))
        }
        Ok(Command::Man { command: name }) => {
            generate::man_page(command, name.as_deref()).map(Asked::Show)
        }
        Ok(run) => Ok(Asked::Run(run)),
        Err(error) => usage_error::explain(&error, asked(&mut command, &words)),
    }
}

/// The command that the first words name.
fn asked<'a>(command: &'a mut clap::Command, words: &[OsString]) -> &'a clap::Command {
    command.build();
    let mut asked = &*command;
    for word in words.iter().skip(1) {
        match asked.find_subcommand(word) {
            Some(found) => asked = found,
            None => break,
        }
    }
    asked
}

/// The flags that go with the name the program was called by.
fn command_for(personality: Personality) -> clap::Command {
    let base = || {
        clap::Command::new(personality.program())
            .disable_help_flag(true)
            .args_override_self(true)
            .arg(clap::Arg::new("help").long("help").help("Print help").action(ArgAction::Help))
    };
    match personality {
        Personality::Evenkeel => Cli::command(),
        Personality::MosquittoPub => without_store(PublishArgs::augment_args(base())),
        Personality::MosquittoSub => without_store(SubscribeArgs::augment_args(base())),
        Personality::MosquittoRr => without_clouds(RequestArgs::augment_args(base())),
    }
}

/// The help of mosquitto's tools shows no store; giving one is refused later.
fn without_store(command: clap::Command) -> clap::Command {
    let command = without_clouds(command);
    command.mut_arg("store", |flag| flag.hide(true)).mut_arg("fsync", |flag| flag.hide(true))
}

/// Nor profiles and ways in to clouds, which are refused in the same way.
fn without_clouds(command: clap::Command) -> clap::Command {
    let names = ["profile"].into_iter().chain(cloud::NAMES);
    names.fold(command, |command, name| command.mut_arg(name, |flag| flag.hide(true)))
}

/// What `-h` or `-V` asks for if it is the only flag: elsewhere they are `--host` and
/// `--protocol-version`, and have a value.
fn letter_alone(command: &mut clap::Command, words: &[OsString]) -> Option<String> {
    let (letter, path) = words.get(1..)?.split_last()?;
    if letter != "-h" && letter != "-V" {
        return None;
    }
    if letter == "-V" && path.is_empty() {
        return Some(version_line());
    }
    command.build();
    let mut asked = command;
    for word in path {
        asked = asked.find_subcommand_mut(word)?;
    }
    Some(asked.render_help().to_string())
}

fn version_line() -> String {
    format!("evenkeel {}\n", env!("CARGO_PKG_VERSION"))
}

fn help_text(mut command: clap::Command, name: Option<&str>) -> Result<String, Failure> {
    command.build();
    let Some(name) = name else { return Ok(command.render_help().to_string()) };
    match command.find_subcommand_mut(name) {
        Some(found) => Ok(found.render_help().to_string()),
        None => Err(no_such_command(name)),
    }
}

/// What the parser says of a command that does not exist.
fn no_such_command(name: &str) -> Failure {
    let parsed = Cli::command().try_get_matches_from(["evenkeel", name]);
    let explained = parsed.map_err(|error| usage_error::explain(&error, &Cli::command()));
    match explained {
        Err(Err(failure)) => failure,
        _ => Failure::usage(format!("there is no command '{name}'"))
            .hint("'evenkeel --help' lists the commands"),
    }
}

/// Rewrites `-D COMMAND user-property NAME VALUE`, the one use of `-D` with
/// four values, to a flag of its own with three.
fn fold_user_properties(words: Vec<OsString>) -> Vec<OsString> {
    let mut folded = Vec::with_capacity(words.len());
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            // What follows is another command's.
            folded.push(word);
            folded.extend(words);
            break;
        }
        let is_property = word == "-D" || word == "--property";
        let Some(command) = words.next_if(|_| is_property) else {
            folded.push(word);
            continue;
        };
        if words.next_if(|name| name == "user-property").is_some() {
            folded.push(format!("--{USER_PROPERTY}").into());
        } else {
            folded.push(word);
        }
        folded.push(command);
    }
    folded
}
