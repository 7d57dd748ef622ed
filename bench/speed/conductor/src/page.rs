//! The page: goals, tables, and what is written about them by hand.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::cases::{self, Case, Group};
use crate::clients::RAW;
use crate::goals;
use crate::options::Options;
use crate::results::{Cell, Results, Run, Spread};

/// Results by case and client.
pub(crate) type Cells<'a> = BTreeMap<(&'a str, &'a str), &'a Cell>;

pub(crate) fn page(
    results: &Results,
    cells: &Cells<'_>,
    options: &Options,
) -> Result<String, String> {
    let notes = crate::read(&options.home.join("notes.md"))?;
    let begin = include_str!("page.in");
    let clients: Vec<String> =
        results.clients.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let note = if results.note.is_empty() { String::new() } else { format!(" {}", results.note) };
    Ok(begin
        .replace("{date}", &results.date)
        .replace("{machine}", &results.machine.join("; "))
        .replace("{note}", &note)
        .replace("{command}", &results.command)
        .replace("{rounds}", &results.rounds.to_string())
        .replace("{seconds}", &results.seconds.to_string())
        .replace("{clients}", &clients.join(", "))
        .replace("{goals}", &goal_table(cells))
        .replace("{tables}", &tables(results, cells))
        .replace("{notes}", notes.trim()))
}

fn goal_table(cells: &Cells<'_>) -> String {
    let mut out = String::from("| case | goal | measured | |\n|---|---|---|---|\n");
    for goal in goals::all(cells) {
        let met = match goal.met {
            Some(true) => "met",
            Some(false) => "**not met**",
            None => "not measured",
        };
        let _ = writeln!(out, "| {} | {} | {} | {met} |", goal.what, goal.goal, goal.measured);
    }
    out
}

fn tables(results: &Results, cells: &Cells<'_>) -> String {
    let every = cases::all(&Options::everything());
    let mut out = String::new();
    for (group, title, about) in [
        (Group::Publish, "Publish", THROUGHPUT),
        (Group::Receive, "Receive", THROUGHPUT),
        (Group::Large, "Large messages", THROUGHPUT),
        (Group::Secure, "TLS and WebSocket", THROUGHPUT),
        (Group::Latency, "Request and response", LATENCY),
        (
            Group::Start,
            "Start",
            "Milliseconds from the start of the program to its first acknowledged publish (QoS 1).",
        ),
        (
            Group::Idle,
            "Idle connections",
            "Bytes of user memory per connection; share of a core at a keep-alive of 5 s; the most \
             pings in 100 ms, whose mean is 20 with 1,000 connections and 200 with 10,000.",
        ),
    ] {
        let cases: Vec<&Case> = every
            .iter()
            .filter(|case| case.group == group && cells.keys().any(|(name, _)| *name == case.name))
            .collect();
        if cases.is_empty() {
            continue;
        }
        let _ = writeln!(out, "## {title}\n\n{about}\n");
        for part in cases.chunks(5) {
            table(&mut out, part, results, cells);
        }
    }
    out + &builds(results)
}

const THROUGHPUT: &str = "\
A cell: **processor seconds of the client per million messages** (least to most), messages per \
second, peak memory in MB.";

const LATENCY: &str = "\
Microseconds from the instant a request was due to its response, at the median, 99 % and 99.9 % \
(medians of the rounds); processor seconds per million.";

fn table(out: &mut String, cases: &[&Case], results: &Results, cells: &Cells<'_>) {
    let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    let _ =
        writeln!(out, "| client | {} |\n|---{}|", names.join(" | "), "|---".repeat(names.len()));
    for (client, _) in &results.clients {
        let row: Vec<String> = cases
            .iter()
            .map(|case| {
                let cell = cells.get(&(case.name.as_str(), client.as_str()));
                cell.map_or_else(|| "–".into(), |cell| entry(cell, case.group))
            })
            .collect();
        if row.iter().any(|entry| entry != "–") {
            let name = if client == RAW { "*raw (the bound)*" } else { client };
            let _ = writeln!(out, "| {name} | {} |", row.join(" | "));
        }
    }
    out.push('\n');
}

fn entry(cell: &Cell, group: Group) -> String {
    let median = |figure: &dyn Fn(&Run) -> f64| cell.spread(figure).map_or(0.0, |one| one.median);
    let Some(cpu) = cell.spread(Run::cpu_per_million) else {
        return "failed".into();
    };
    match group {
        Group::Idle => format!(
            "{:.0} B; {:.2} %; {:.0}",
            median(&|run| run.bytes_each),
            median(&|run| run.cpu_share * 100.0),
            median(&|run| run.pings_most)
        ),
        Group::Latency => format!(
            "{:.0} / {:.0} / {:.0}; {}",
            median(&|run| run.p50),
            median(&|run| run.p99),
            median(&|run| run.p999),
            short(cpu.median)
        ),
        Group::Start => match cell.spread(|run| run.seconds * 1000.0) {
            Some(Spread { median, least, most }) => format!("{median:.1} ({least:.1}–{most:.1})"),
            None => "failed".into(),
        },
        _ => format!(
            "**{}** ({}–{}); {}; {:.0}",
            short(cpu.median),
            short(cpu.least),
            short(cpu.most),
            rate(median(&Run::rate)),
            median(&|run| run.rss as f64 / 1e6)
        ),
    }
}

/// Two or three digits that matter.
pub(crate) fn short(value: f64) -> String {
    match value {
        value if value < 0.1 => format!("{value:.3}"),
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

pub(crate) fn rate(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{:.2} M/s", value / 1e6),
        value if value >= 1e4 => format!("{:.0} k/s", value / 1e3),
        value if value >= 1e3 => format!("{:.1} k/s", value / 1e3),
        value => format!("{value:.0} /s"),
    }
}

fn builds(results: &Results) -> String {
    if results.builds.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "## Build\n\nThe measured program with each Rust client, TLS and WebSocket included where \
         it has them, built from nothing (`--release`, thin LTO), stripped.\n\n\
         | client | crates | cold build | program |\n|---|---|---|---|\n",
    );
    for build in &results.builds {
        let (crates, seconds, mb) = (build.crates, build.seconds, build.bytes as f64 / 1e6);
        let _ = writeln!(out, "| {} | {crates} | {seconds:.0} s | {mb:.1} MB |", build.client);
    }
    out.push('\n');
    out
}
