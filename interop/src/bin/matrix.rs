//! Tries every conversation on every broker and writes the result down.
//!
//! `cargo run --release -p evenkeel-interop --bin matrix -- [--install]`
//!
//! Ends with 1 if a client connected more often than it was told to.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use evenkeel_interop::interrupt::unless_interrupted;
use evenkeel_interop::matrix::brokers::{ALL, Broker};
use evenkeel_interop::matrix::{
    Cache, Cell, Column, Fared, Row, replace_between_marks, rows, visit, write,
};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/interop.md");

/// Which broker can do what with this client.
#[derive(Parser)]
struct Arguments {
    /// Installs missing brokers first: by apt-get (as root), npm, pip and cargo.
    #[arg(long)]
    install: bool,
    /// Where brokers are installed that need no root.
    #[arg(long)]
    cache: Option<PathBuf>,
    /// Only the brokers with this in their name; prints the result and leaves
    /// the document alone.
    #[arg(long)]
    only: Option<String>,
    /// Only the rows with this in their name; likewise.
    #[arg(long)]
    row: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match unless_interrupted(run(Arguments::parse())).await {
        Some(code) => code,
        None => {
            eprintln!("interrupted: every broker is ended, nothing was written");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> ExitCode {
    let cache = arguments.cache.clone().map_or_else(Cache::usual, Cache::at);
    let rows = arguments.rows();
    let mut columns = Vec::new();
    for broker in ALL.iter().filter(|broker| arguments.wants(broker)) {
        eprintln!("== {}", broker.name);
        if arguments.install
            && (broker.version)(&cache).is_none()
            && let Err(error) = (broker.install)(&cache)
        {
            eprintln!("{} cannot be installed: {error}", broker.name);
        }
        let column = visit(broker, &cache, &rows, print_progress).await;
        if let Err(reason) = &column.version {
            eprintln!("{reason}");
        }
        columns.push(column);
    }
    if let Err(error) = publish(&rows, &columns, arguments.is_complete()) {
        eprintln!("the result cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    judge(&rows, &columns)
}

impl Arguments {
    fn wants(&self, broker: &Broker) -> bool {
        self.only.as_ref().is_none_or(|only| broker.name.contains(only.as_str()))
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = rows();
        if let Some(part) = &self.row {
            // The broker is started in the row "start up".
            rows.retain(|row| row.name() == "start up" || row.name().contains(part.as_str()));
        }
        rows
    }

    const fn is_complete(&self) -> bool {
        self.only.is_none() && self.row.is_none()
    }
}

fn print_progress(row: &Row, fared: &Fared) {
    if fared.cell != Cell::NotTried {
        let took = fared.took.as_secs_f64();
        eprintln!(
            "{:>8} {}: {:?} ({took:.1} s, {} connects)",
            row.table(),
            row.name(),
            fared.cell,
            fared.connects
        );
    }
}

/// Fails if any client was in a loop.
fn judge(rows: &[Row], columns: &[Column]) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for column in columns {
        for (row, fared) in rows.iter().zip(&column.cells).filter(|(_, fared)| fared.is_loop()) {
            eprintln!("LOOP: {}, {}: {fared:?}", column.name, row.name());
            code = ExitCode::FAILURE;
        }
    }
    code
}

fn publish(rows: &[Row], columns: &[Column], complete: bool) -> io::Result<()> {
    let text = format!("{}\n\n{}", heading(), write(rows, columns));
    if !complete {
        println!("{text}");
        return Ok(());
    }
    let path = Path::new(DOCUMENT);
    let document = std::fs::read_to_string(path)?;
    let changed = replace_between_marks(&document, "matrix", &text);
    let changed = changed.ok_or_else(|| io::Error::other("docs/interop.md has no matrix marks"))?;
    std::fs::write(path, changed)
}

/// When this ran, of which state of the repository, and how it was built.
fn heading() -> String {
    let profile = if cfg!(debug_assertions) { "development" } else { "release" };
    let folder = env!("CARGO_MANIFEST_DIR");
    let commit = Command::new("git")
        .args(["-C", folder, "describe", "--always", "--dirty=, changed", "--exclude=*"])
        .output();
    let commit = commit.ok().filter(|output| output.status.success());
    let commit = commit.map_or_else(
        || "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    );
    format!("Run on {}, commit {commit}, {profile} profile.", today())
}

/// The date in UTC, as in 2026-11-23.
fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = civil(seconds / 86_400);
    format!("{year}-{month:02}-{day:02}")
}

/// The date of a day counted from 1970-01-01, by counting off years and months.
fn civil(mut days: u64) -> (u64, usize, u64) {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in months {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(58), (1970, 2, 28));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_780), (2026, 11, 23));
        assert_eq!(civil(20_818), (2026, 12, 31));
    }
}
