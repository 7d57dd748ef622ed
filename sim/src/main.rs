//! Explores seeds, runs one of them, or runs a scenario.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use evenkeel_doctor::Vantage;
use sim::plan::Plan;
use sim::report::Report;
use sim::rng::Rng;
use sim::rogue;
use sim::scenario::{self, ALL};

/// Evenkeel clients and broker in a simulated world.
#[derive(Debug, Parser)]
struct Args {
    /// Run this seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Run this scenario; `list` names all.
    #[arg(long)]
    scenario: Option<String>,
    /// Explore seeds for so long; from --from on.
    #[arg(long)]
    minutes: Option<f64>,
    /// The first seed to explore.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// So many clients, and not as many as the seed says.
    #[arg(long)]
    clients: Option<usize>,
    /// So many virtual hours of faults.
    #[arg(long)]
    hours: Option<f64>,
    /// Clients have stores, and processes end.
    #[arg(long)]
    durable: bool,
    /// Print the whole timeline.
    #[arg(long)]
    trace: bool,
    /// Play so many worlds of bad clients, servers and paths, and see whether the doctor names
    /// them; from --from on, in steps of two.
    #[arg(long, value_name = "WORLDS")]
    rogues: Option<u64>,
    /// Among them, so many worlds in which nothing is wrong.
    #[arg(long, value_name = "WORLDS", default_value_t = 1000)]
    benign: u64,
    /// Write the files of this one instead, to the folder `rogue-files`.
    #[arg(long, value_name = "NAME", requires = "seed")]
    rogue: Option<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let plan = |seed| {
        let mut plan = if args.durable { Plan::durable(seed) } else { Plan::of(seed) };
        plan.clients = args.clients.unwrap_or(plan.clients);
        plan.duration =
            args.hours.map_or(plan.duration, |hours| Duration::from_secs_f64(hours * 3600.0));
        plan
    };
    if let Some(worlds) = args.rogues {
        return rogues(args.from, worlds, args.benign);
    }
    if let (Some(name), Some(seed)) = (&args.rogue, args.seed) {
        return files(name, seed);
    }
    if let Some(name) = &args.scenario {
        return scenario(name, args.trace);
    }
    if let Some(minutes) = args.minutes {
        return explore(plan, args.from, Duration::from_secs_f64(minutes * 60.0));
    }
    one(&plan(args.seed.unwrap_or(1)), args.trace)
}

/// Plays rogues and prints what the doctor made of them.
fn rogues(from: u64, worlds: u64, benign: u64) -> ExitCode {
    let matrix = rogue::matrix(from, worlds, benign);
    println!("{}", matrix.to_markdown());
    for (name, seed, vantage, verdict) in &matrix.missed {
        println!("missed: {name}, seed {seed}, {}: {verdict:?}", vantage.name());
    }
    for (name, seed, vantage, rule) in &matrix.alarms {
        println!("alarm: {name}, seed {seed}, {}: {rule}", vantage.name());
    }
    if matrix.alarms.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Writes the files that people would have of one rogue.
fn files(name: &str, seed: u64) -> ExitCode {
    let Some((_, make)) = rogue::bad().chain(rogue::benign()).find(|(known, _)| *known == name)
    else {
        rogue::bad().chain(rogue::benign()).for_each(|(name, _)| eprintln!("{name}"));
        return ExitCode::FAILURE;
    };
    let scene = make(&mut Rng::new(seed).fork("rogue", 0));
    let written = std::fs::create_dir_all("rogue-files").and_then(|()| {
        for vantage in Vantage::ALL {
            let file = rogue::render(&scene, vantage, &mut Rng::new(seed).fork("render", 0));
            std::fs::write(std::path::Path::new("rogue-files").join(file.name), &file.bytes)?;
        }
        Ok(())
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the files cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a scenario; an unknown name lists them.
fn scenario(name: &str, trace: bool) -> ExitCode {
    let Some(scenario) = scenario::named(name) else {
        ALL.iter().for_each(|scenario| println!("{:22}{}", scenario.name, scenario.about));
        return if name == "list" { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    };
    println!("{}", scenario.about);
    let began = Instant::now();
    let report = sim::run(&(scenario.setup)());
    let outcome = (scenario.expect)(&report);
    if trace || outcome.is_err() || report.violation.is_some() {
        report.timeline.iter().for_each(|entry| println!("{entry}"));
    }
    println!("{report}\n  took {:?}", began.elapsed());
    match (&report.violation, outcome) {
        (None, Ok(())) => ExitCode::SUCCESS,
        (_, outcome) => {
            outcome.err().iter().for_each(|error| println!("{error}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs one plan and tells all about it.
fn one(plan: &Plan, trace: bool) -> ExitCode {
    println!("{plan}");
    let mut setup = plan.setup();
    if trace {
        setup.keep = usize::MAX;
    }
    let began = Instant::now();
    let report = sim::run(&setup);
    if trace {
        report.timeline.iter().for_each(|entry| println!("{entry}"));
    }
    println!("{report}\n  took {:?}", began.elapsed());
    match report.violation {
        None => ExitCode::SUCCESS,
        Some(_) if trace => ExitCode::FAILURE,
        Some(_) => fail(plan.clone(), report),
    }
}

/// Runs seed after seed until the time is over or one fails.
fn explore(plan: impl Fn(u64) -> Plan, from: u64, lasts: Duration) -> ExitCode {
    let began = Instant::now();
    let (mut runs, mut steps) = (0_u64, 0);
    let mut seed = from;
    while began.elapsed() < lasts {
        let report = sim::run(&plan(seed).setup());
        runs += 1;
        steps += report.steps;
        if report.violation.is_some() {
            println!("seed {seed} fails after {runs} runs: {}", plan(seed));
            return fail(plan(seed), report);
        }
        seed += 1;
    }
    println!("seeds {from} to {}: {runs} runs, {steps} steps, all laws kept", seed - 1);
    ExitCode::SUCCESS
}

/// Makes a failure small and shows it.
fn fail(plan: Plan, report: Report) -> ExitCode {
    println!("{report}\n\nlooking for a smaller world that breaks the same law ...");
    let (plan, report) = sim::shrink::shrink(plan, report);
    println!("{plan}\n");
    report.relevant(60).for_each(|entry| println!("{entry}"));
    if let Some(violation) = &report.violation {
        println!("\nBROKEN {violation}");
    }
    let durable = if plan.is_durable { "--durable " } else { "" };
    println!("again: cargo run -p sim -- {durable}--seed {}", plan.seed);
    ExitCode::FAILURE
}
