//! Runs every client through every case, in turns, and writes what it measured.
//!
//! ```sh
//! bench/speed/run --help
//! ```

mod build;
mod cases;
mod clients;
mod file_limit;
mod goals;
mod measure;
mod options;
mod page;
mod plot;
mod results;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use cases::{Case, Group};
use clients::Client;
use measure::Measure;
use options::Options;
use results::{Cell, Results};

fn main() -> ExitCode {
    match run(&Options::from_args()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    // Before anything is measured that could not be kept.
    std::fs::create_dir_all(&options.out)
        .map_err(|error| format!("--out {}: {error}", options.out.display()))?;
    if let Some(file) = &options.report {
        return write(&Results::load(file)?, options);
    }
    let file = options.out.join("results.json");
    let clients = clients::all(options)?;
    let cases = cases::all(options);
    let mut results = Results::begin(options, &clients);
    results.save(&file)?;
    let mut measure = Measure::new(options);
    for round in 0..options.rounds {
        for case in cases.iter().filter(|case| round < case.rounds) {
            // Another order in each round, so that no client always follows the same one.
            for turn in 0..clients.len() {
                let client = &clients[(turn + round) % clients.len()];
                if client.takes(case) {
                    one(&mut measure, &mut results, client, case, round);
                }
            }
        }
        results.rounds = round + 1;
        results.save(&file)?;
    }
    if options.builds(Group::Build) {
        build::all(options, &clients, &mut results);
        results.save(&file)?;
    }
    write(&results, options)
}

fn one(measure: &mut Measure, results: &mut Results, client: &Client, case: &Case, round: usize) {
    let cell = results.cell(&client.name, &case.name);
    // What has failed twice will not succeed; a calibration that failed has said so.
    if cell.failures.len() > 1 || (round > 0 && cell.runs.is_empty()) {
        return;
    }
    eprint!("{}: {:40} {:14} ", round + 1, case.name, client.name);
    match measure.run(client, case) {
        Ok(run) => {
            eprintln!("{run}");
            cell.runs.push(run);
        }
        Err(why) => {
            eprintln!("failed: {why}");
            cell.failures.push(why);
        }
    }
}

fn write(results: &Results, options: &Options) -> Result<(), String> {
    let cells: BTreeMap<_, &Cell> = results
        .cells
        .iter()
        .map(|cell| ((cell.case.as_str(), cell.client.as_str()), cell))
        .collect();
    let page = page::page(results, &cells, options)?;
    save(&options.out.join("performance.md"), &page)?;
    save(&options.out.join("performance.svg"), &plot::plot(results, &cells))?;
    println!("{page}");
    Ok(())
}

fn save(file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|error| in_file(file, error))
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| in_file(file, error))
}

fn in_file(file: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", file.display())
}
