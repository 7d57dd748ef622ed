//! One file per command.

mod ack_timeout;
mod advisor;
mod aws;
mod broker;
mod client;
mod deadline;
mod demo;
mod doctor;
mod profile;
mod publish;
mod queue;
mod request;
mod selector;
mod soak;
mod stdin;
mod store;
mod subscribe;
mod way_in;

use std::time::Duration;

use evenkeel::{Client, Reconnect, RefusedPolicy, TakeOverPolicy};
use tokio::runtime::Runtime;

use crate::args::{AwsAction, Command};
use crate::error::Failure;
use crate::exit::Exit;
use crate::observer::Observer;
use crate::personality::Personality;
use crate::printer::Printer;
use crate::settings::{
    BrokerSettings, Context, PublishSettings, RequestSettings, SubscribeSettings,
};
use crate::signals::Stop;

/// How long a program that ends gives to what is under way.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// Does what the command line asks for.
pub(crate) fn run(command: &Command, personality: Personality) -> (Printer, Result<(), Failure>) {
    let verbosity = match command {
        Command::Publish(args) => args.connection.verbosity,
        Command::Subscribe(args) => args.connection.verbosity,
        Command::Request(args) => args.connection.verbosity,
        Command::Broker(args) => args.verbosity,
        Command::Demo(args) => args.verbosity,
        Command::Soak(args) => args.verbosity,
        Command::Advisor(args) => args.verbosity,
        Command::Doctor(args) => args.verbosity(),
        Command::Queue(args) => args.verbosity(),
        Command::Profile(args) => args.verbosity(),
        Command::Aws(args) => args.verbosity(),
        _ => Default::default(),
    };
    let printer = Printer::new(personality, verbosity.level(), verbosity.color());
    (printer, run_with(command, printer))
}

fn run_with(command: &Command, printer: Printer) -> Result<(), Failure> {
    let context = || Context::of_process(printer.personality());
    match command {
        Command::Publish(args) => {
            let settings = PublishSettings::new(args, context()?)?;
            in_runtime(printer, true, async |stop| publish::run(&settings, printer, stop).await)
        }
        Command::Subscribe(args) => {
            let settings = SubscribeSettings::new(args, context()?)?;
            in_runtime(printer, true, async |stop| subscribe::run(&settings, printer, stop).await)
        }
        Command::Request(args) => {
            let settings = RequestSettings::new(args, context()?)?;
            in_runtime(printer, true, async |stop| request::run(&settings, printer, stop).await)
        }
        Command::Broker(args) if args.aws.init.is_some() => broker::init(args, printer),
        Command::Broker(args) => {
            let settings = BrokerSettings::new(args)?;
            in_runtime(printer, true, async |stop| broker::run(settings, printer, stop).await)
        }
        Command::Demo(_) => in_runtime(printer, true, async |stop| demo::run(printer, stop).await),
        Command::Soak(args) => {
            in_runtime(printer, false, async |stop| soak::run(args, printer, stop).await)
        }
        Command::Advisor(args) => {
            in_runtime(printer, true, async |stop| advisor::run(args, printer, stop).await)
        }
        Command::Doctor(args) => doctor::run(args, printer),
        Command::Queue(args) => queue::run(args, printer),
        Command::Profile(args) => profile::run(args, printer),
        Command::Aws(args) => {
            let request = match &args.action {
                AwsAction::Provision(args) => {
                    let provisioning = aws::Provisioning::new(args, context()?)?;
                    return in_runtime(printer, true, async |stop| {
                        aws::run(&provisioning, printer, stop).await
                    });
                }
                AwsAction::Shadow(action) => aws::shadow(action)?,
                AwsAction::Job(action) => aws::job(action)?,
                AwsAction::Thing(action) => {
                    return in_runtime(printer, true, async |_| aws::thing(action, printer).await);
                }
                AwsAction::Certificate(action) => {
                    return in_runtime(printer, true, async |_| {
                        aws::certificate(action, printer).await
                    });
                }
                AwsAction::Connection(action) => aws::connection(action),
            };
            in_runtime(printer, true, async |_| request.run(printer).await)
        }
        // Texts, which were shown instead.
        Command::Completions { .. }
        | Command::Man { .. }
        | Command::Version
        | Command::Help { .. } => Ok(()),
    }
}

/// Runs a command on this thread. The connection lives on others, so that a
/// stdout that blocks holds nothing but the command itself up. `limit` is whether
/// a signal ends it within a fixed time: what a soak has under way takes its own.
fn in_runtime<T>(
    printer: Printer,
    limit: bool,
    run: impl AsyncFnOnce(Stop) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let runtime = Runtime::new()
        .map_err(|error| Failure::new(Exit::Failed, "the program cannot start").why(error))?;
    let result = runtime.block_on(async { run(Stop::listen(printer, limit)).await });
    // A read of stdin that never ends must not keep the program.
    runtime.shutdown_background();
    result
}

/// When to connect again: the library's policy, except that a refusal for
/// good is the end of the program, unless it shall keep trying.
fn policy(keep_trying: bool) -> Reconnect {
    let mut policy = Reconnect::default();
    (policy.refused, policy.taken_over) = if keep_trying {
        (RefusedPolicy::SlowLane, TakeOverPolicy::SlowLane)
    } else {
        (RefusedPolicy::Halt, TakeOverPolicy::Halt)
    };
    policy
}

/// How long to finish what is under way: not at all if it failed, or if
/// there is no connection to finish it over.
fn grace(succeeded: bool, client: &Client) -> Duration {
    if succeeded && client.state().is_online() { GRACE } else { Duration::ZERO }
}

/// The failure of a program whose time ran out before it was ever connected.
fn never_connected(observer: &Observer, limit: Duration) -> Failure {
    let what = format!("no connection within {}", crate::duration::text(limit));
    match observer.last_end() {
        Some(end) => end.failure(what),
        None => Failure::new(Exit::Timeout, what).why("the server did not answer").hint(
            "check host and port, also that it is one for MQTT, or give more time by --timeout",
        ),
    }
}

fn interrupted(what: impl Into<String>) -> Failure {
    Failure::new(Exit::Interrupted, what).why("a signal stopped the program")
}
