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
mod rounds;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use cases::Group;
use clients::Client;
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
    let clients = clients::all(options)?;
    // What earlier results say helps to calibrate, and to tell how long it takes.
    let earlier = Results::load(&options.home.join("results.json"));
    if options.is_only(Group::Build) {
        let mut results = earlier?;
        results.builds = build::all(options, &clients)?;
        results.save(&options.out.join("results.json"))?;
        return write(&results, options);
    }
    if options.builds(Group::Build) {
        return Err("--groups build is measured alone".into());
    }
    // Without them all is measured just as well.
    let earlier = earlier.ok();
    let mut results = begin(options, &clients)?;
    if let Some(earlier) = &earlier {
        results.builds = earlier.builds.clone();
    }
    rounds::all(options, &clients, earlier.as_ref(), &mut results)?;
    write(&results, options)?;
    blame(&results)
}

/// What a peer cannot do is a result; what Evenkeel or the bound cannot, a fault.
fn blame(results: &Results) -> Result<(), String> {
    let mut cells = results.cells.iter();
    let ours = cells.find(|cell| clients::is_ours(&cell.client) && !cell.failures.is_empty());
    ours.map_or(Ok(()), |cell| {
        Err(format!("{} failed: {}: {}", cell.client, cell.case, cell.failures.join("; ")))
    })
}

/// New results, or those of a run that was cut off.
fn begin(options: &Options, clients: &[Client]) -> Result<Results, String> {
    let new = Results::begin(options, clients);
    if !options.resume {
        return Ok(new);
    }
    let file = options.out.join("results.json");
    let cut_off = Results::load(&file)?;
    if cut_off.clients != new.clients || cut_off.seconds != new.seconds {
        return Err(format!(
            "--resume: {} is of other clients, other versions or other --seconds",
            file.display()
        ));
    }
    Ok(cut_off)
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

/// Replaces the file in one step: whoever is cut off leaves the old or the new.
fn save(file: &Path, text: &str) -> Result<(), String> {
    let new = file.with_extension("new");
    std::fs::write(&new, text).map_err(|error| in_file(&new, error))?;
    std::fs::rename(&new, file).map_err(|error| in_file(file, error))
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| in_file(file, error))
}

fn in_file(file: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", file.display())
}
