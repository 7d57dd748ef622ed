//! `cargo run -p xtask -- COMMAND`: see the crate's docs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use xtask::{Fault, Repository, features, picture, spec, tidy};

const USAGE: &str = "usage: cargo run -p xtask -- COMMAND
  spec            check the citations of specification statements
  spec --report   the same, and write docs/spec-coverage.md
  tidy            check sizes, layers, banned words and links
  features        build each package with each of its features alone
  demo-picture    run the demo and write docs/demo.svg";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let faults = match arguments.as_slice() {
        ["spec"] => run_spec(false),
        ["spec", "--report"] => run_spec(true),
        ["tidy"] => tidy::run(&root()),
        ["features"] => features::run(&root()),
        ["demo-picture"] => picture::write(&root()).map(|()| Vec::new()),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match faults {
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
        Ok(faults) => report(&faults),
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

fn run_spec(write_report: bool) -> std::io::Result<Vec<Fault>> {
    let root = root();
    let repository = Repository::read(&root)?;
    let coverage = spec::Coverage::of(&repository);
    println!("{}", coverage.summary());
    let mut faults = coverage.faults;
    let report = spec::report::markdown(&coverage.statements);
    let path = root.join(spec::report::PATH);
    if write_report {
        std::fs::write(path, report)?;
    } else if std::fs::read_to_string(path).is_ok_and(|old| old != report) {
        let hint = "out of date; hint: cargo run -p xtask -- spec --report";
        faults.push(Fault::new(spec::report::PATH, 0, hint));
    }
    Ok(faults)
}

fn report(faults: &[Fault]) -> ExitCode {
    for fault in faults {
        println!("{fault}");
    }
    match faults.len() {
        0 => {
            println!("no faults");
            ExitCode::SUCCESS
        }
        count => {
            println!("faults: {count}");
            ExitCode::FAILURE
        }
    }
}
