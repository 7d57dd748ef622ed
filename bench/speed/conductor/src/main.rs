//! Runs every client through every case, in turns, and writes what it measured.
//!
//! ```sh
//! bench/speed/run --help
//! ```

mod build;
mod cases;
mod clients;
mod goals;
mod measure;
mod options;
mod page;
mod plot;
mod results;

use std::collections::BTreeMap;
use std::path::Path;

use cases::{Case, Group};
use clients::Client;
use measure::Measure;
use options::Options;
use results::{Cell, Results};

fn main() {
    let options = Options::from_args();
    if let Some(file) = &options.report {
        return write(&Results::load(file), &options);
    }
    let clients = clients::all(&options);
    let cases = cases::all(&options);
    let mut results = Results::begin(&options, &clients);
    let mut measure = Measure::new(&options);
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
        results.save(&options.out.join("results.json"));
    }
    if options.builds(Group::Build) {
        build::all(&options, &clients, &mut results);
        results.save(&options.out.join("results.json"));
    }
    write(&results, &options);
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

fn write(results: &Results, options: &Options) {
    let cells: BTreeMap<_, &Cell> = results
        .cells
        .iter()
        .map(|cell| ((cell.case.as_str(), cell.client.as_str()), cell))
        .collect();
    let page = page::page(results, &cells, options);
    save(&options.out.join("performance.md"), &page);
    save(&options.out.join("performance.svg"), &plot::plot(results, &cells));
    println!("{page}");
}

fn save(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}
