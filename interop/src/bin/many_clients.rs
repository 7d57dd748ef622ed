//! A hundred clients of one process exchange a million messages of QoS 1.
//!
//! `cargo run --release -p evenkeel-interop --bin many_clients -- --messages 1000000
//! --clients 100 --broker both` prints a table of rates and memory. It ends
//! with 1 if a message is lost, duplicated or out of order.

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use evenkeel::Version;
use evenkeel_interop::case::Case;
use evenkeel_interop::failed::Failed;
use evenkeel_interop::interrupt::unless_interrupted;
use evenkeel_interop::many_clients::{Outcome, Plan, run};
use evenkeel_interop::server::{Kind, Setting};
use evenkeel_interop::site::{Transport, version_name};

/// Lets many clients of one process talk at once and counts what arrives.
#[derive(Parser)]
struct Arguments {
    /// Clients; half of them publish, half subscribe.
    #[arg(long, default_value_t = 100)]
    clients: u64,
    /// Messages of all publishers together.
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
    /// Bytes of each payload.
    #[arg(long, default_value_t = 64)]
    payload: usize,
    /// Which brokers carry them.
    #[arg(long, value_enum, default_value_t = Brokers::Both)]
    broker: Brokers,
    /// The protocol version.
    #[arg(long, value_enum, default_value_t = Protocol::V5)]
    version: Protocol,
}

#[derive(Clone, Copy, ValueEnum)]
enum Brokers {
    /// The one of this repository, in the same process.
    Evenkeel,
    /// Eclipse Mosquitto, as installed.
    Mosquitto,
    /// One after the other.
    Both,
}

#[derive(Clone, Copy, ValueEnum)]
enum Protocol {
    /// MQTT 3.1.1.
    V311,
    /// MQTT 5.
    V5,
}

impl Brokers {
    const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Evenkeel => &[Kind::Evenkeel],
            Self::Mosquitto => &[Kind::Mosquitto],
            Self::Both => &[Kind::Mosquitto, Kind::Evenkeel],
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    unless_interrupted(talk(Arguments::parse())).await.unwrap_or(ExitCode::FAILURE)
}

async fn talk(arguments: Arguments) -> ExitCode {
    let version = match arguments.version {
        Protocol::V311 => Version::V311,
        Protocol::V5 => Version::V5,
    };
    let plan = Plan {
        clients: arguments.clients,
        messages: arguments.messages,
        payload: arguments.payload,
    };
    println!(
        "{} messages of {} bytes, QoS 1, {} clients, {}",
        plan.each() * plan.pairs(),
        plan.payload,
        plan.pairs() * 2,
        version_name(version)
    );
    println!();
    println!(
        "| broker | messages/s | time | again (DUP) | connects | memory before | peak of first tenth | peak | after |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut code = ExitCode::SUCCESS;
    for kind in arguments.broker.kinds() {
        match run_many(*kind, version, plan).await {
            Ok(outcome) => print_row(*kind, &outcome),
            Err(error) => {
                eprintln!("{}: {error}", kind.name());
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

async fn run_many(kind: Kind, version: Version, plan: Plan) -> Result<Outcome, Failed> {
    if !kind.is_installed() {
        return Err(Failed::Server("not installed".to_owned()));
    }
    let server = kind.start(Setting::default()).await?;
    run(&Case::new(server, Transport::Tcp, Some(version)), plan).await
}

fn print_row(kind: Kind, outcome: &Outcome) {
    let memory = outcome.memory;
    println!(
        "| {} | {:.0} | {:.1} s | {} | {} | {} | {} | {} | {} |",
        kind.name(),
        outcome.rate(),
        outcome.took.as_secs_f64(),
        outcome.duplicates,
        outcome.connects,
        memory.before,
        memory.peak_of_first_tenth,
        memory.peak,
        memory.after,
    );
}
