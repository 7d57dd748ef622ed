//! The page: goals, tables, and what is written about them by hand.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::cases::{self, Case, Group};
use crate::clients::RAW;
use crate::goals;
use crate::measure::{LIMIT, TIME_OUT};
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
    let curves = crate::read(&options.home.join("../scale/curves.md"))?;
    let begin = include_str!("page.in");
    let note = if results.note.is_empty() { String::new() } else { format!(" {}", results.note) };
    Ok(begin
        .replace("{date}", &results.date)
        .replace("{machine}", &results.machine.join("; "))
        .replace("{note}", &note)
        .replace("{command}", &results.command)
        .replace("{rounds}", &results.rounds.to_string())
        .replace("{seconds}", &results.seconds.to_string())
        .replace("{clients}", &versions(&results.clients).join(", "))
        .replace("{goals}", &goal_table(cells))
        .replace("{tables}", &tables(results, cells))
        .replace("{curves}", curves.trim())
        .replace("{notes}", notes.trim()))
}

/// Name and version of each; the bound has none.
fn versions(clients: &[(String, String)]) -> Vec<String> {
    clients.iter().map(|(name, version)| format!("{name} {version}").trim_end().into()).collect()
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
    out + &builds(results) + &failures(results)
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
                cell.map_or_else(|| "–".into(), |cell| entry(cell, case.group, results.rounds))
            })
            .collect();
        if row.iter().any(|entry| entry != "–") {
            let name = if client == RAW { "*raw (the bound)*" } else { client };
            let _ = writeln!(out, "| {name} | {} |", row.join(" | "));
        }
    }
    out.push('\n');
}

fn entry(cell: &Cell, group: Group, rounds: usize) -> String {
    if cell.runs.is_empty() {
        let timed_out = cell.failures.iter().any(|why| why.starts_with(TIME_OUT));
        return if timed_out { TIME_OUT } else { "error" }.into();
    }
    let fewer = match cell.runs.len() {
        all if all >= rounds => String::new(),
        1 => "; 1 round".into(),
        some => format!("; {some} rounds"),
    };
    figures(cell, group) + &fewer
}

fn figures(cell: &Cell, group: Group) -> String {
    let median = |figure: &dyn Fn(&Run) -> f64| cell.spread(figure).map_or(0.0, |one| one.median);
    let cpu = || cell.spread(Run::cpu_per_million).unwrap_or_default();
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
            short(cpu().median)
        ),
        Group::Start => {
            let Spread { median, least, most } =
                cell.spread(|run| run.seconds * 1000.0).unwrap_or_default();
            format!("{median:.1} ({least:.1}–{most:.1})")
        }
        _ => format!(
            "**{}** ({}–{}); {}; {:.0}",
            short(cpu().median),
            short(cpu().least),
            short(cpu().most),
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
    let builds = &results.builds;
    if builds.built.is_empty() {
        return String::new();
    }
    let mut out = format!(
        "## Build\n\nA program that connects and publishes one message (`bench/speed/minimal`), with \
         cargo's release profile on two cores: seconds to build it and all it depends on from \
         nothing, once and without a download; size of the stripped program; crates. Measured on \
         {}, with {}, by `bench/speed/run --groups build`.\n\n\
         | client | without TLS | with TLS |\n|---|---|---|\n",
        builds.date,
        versions(&builds.clients).join(", ")
    );
    for (client, _) in &builds.clients {
        let of = |tls: bool| {
            let build = builds.built.iter().find(|one| one.client == *client && one.tls == tls);
            build.map_or_else(
                || "–".into(),
                |build| {
                    let (seconds, mb) = (build.seconds, build.bytes as f64 / 1e6);
                    format!("{seconds:.0} s; {mb:.2} MB; {}", build.crates)
                },
            )
        };
        let _ = writeln!(out, "| {client} | {} | {} |", of(false), of(true));
    }
    out.push('\n');
    out
}

/// What failed and why; cases that failed alike in one line.
fn failures(results: &Results) -> String {
    let mut alike: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for cell in &results.cells {
        for why in &cell.failures {
            alike.entry((&cell.client, why)).or_default().push(&cell.case);
        }
    }
    if alike.is_empty() {
        return String::new();
    }
    let mut out = format!(
        "## What failed\n\nIn the words of the program, or a time-out: a run gets {LIMIT:?}.\n\n\
         | client | what it said | cases |\n|---|---|---|\n",
    );
    for ((client, why), cases) in alike {
        let _ = writeln!(out, "| {client} | `{why}` | {} |", cases.join("; "));
    }
    out.push('\n');
    out
}
