//! For people at a terminal: first the sentence, then the proof, then the fix.

use evenkeel_doctor::{Finding, Severity};

use super::{First, clocks, differences};
use crate::commands::doctor::explain::wrapped;
use crate::commands::doctor::told::{Told, sentence, tag};
use crate::escape::line;
use crate::plural::plural;

/// Lines of proof shown of one finding.
const PROOF: usize = 8;

/// Disagreements of sources that are shown.
const DIFFERENCES: usize = 8;

pub(super) fn render(told: &Told, colour: bool) -> String {
    let paint = |text: &str, code: &str| {
        if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    };
    let mut out = String::new();
    if told.findings.is_empty() {
        out.push_str(&format!("{}\n", paint("nothing is wrong, as far as this shows", "32;1")));
    }
    for finding in &told.findings {
        let code = match finding.severity {
            Severity::Error => "31;1",
            Severity::Warn => "33;1",
            Severity::Info => "36;1",
        };
        let label = paint(finding.severity.name(), code);
        let text = format!("{} ({})", sentence(finding), tag(finding));
        out.push_str(&format!("{label}: {}\n", line(&text)));
        out.push_str(&proof(told, finding, &paint));
        out.push_str(&consequences(finding));
        out.push_str(&format!("\n{}", labelled("fix", finding.rule.fix)));
        out.push_str(&labelled("to be surer", finding.rule.raises));
        out.push('\n');
    }
    if !told.suspicions.is_empty() {
        out.push_str("seen, but not often enough to be sure:\n");
        for finding in &told.suspicions {
            let text = format!("  {} ({})", sentence(finding), finding.rule.id);
            out.push_str(&format!("{}\n", line(&text)));
        }
        out.push('\n');
    }
    out.push_str(&together(told));
    out.push_str(&summary(told));
    out
}

/// What the sources show together: their clocks, and what they do not agree on.
fn together(told: &Told) -> String {
    let mut out = String::new();
    let First { shown, more } = differences(told, DIFFERENCES);
    if !shown.is_empty() {
        out.push_str("what the sources do not agree on:\n");
    }
    for (sentence, places) in shown {
        out.push_str(&format!("  {}\n", line(&sentence)));
        places.iter().for_each(|place| out.push_str(&format!("    {}\n", line(place))));
    }
    if let Some(more) = more {
        out.push_str(&format!("  {more}\n"));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    clocks(told).iter().for_each(|sentence| out.push_str(&format!("{}\n", line(sentence))));
    out
}

/// The places that show it, oldest first.
fn proof(told: &Told, finding: &Finding, paint: &dyn Fn(&str, &str) -> String) -> String {
    let mut out = String::from("\n");
    let First { shown, more } = First::of(&finding.proof, PROOF, 0);
    for proof in shown {
        out.push_str(&line(&format!("  {}  {}  ", told.time(proof), told.place(proof))));
        out.push_str(&paint(proof.shows, "1"));
        out.push('\n');
    }
    if let Some(more) = more {
        out.push_str(&format!("  {more}\n"));
    }
    out
}

fn consequences(finding: &Finding) -> String {
    if finding.consequences.is_empty() {
        return String::new();
    }
    let mut out = String::from("\n  what follows from it:\n");
    for consequence in &finding.consequences {
        let text = format!("  - {} ({})", consequence.sentence, consequence.rule.id);
        out.push_str(&format!("{}\n", line(&text)));
    }
    out
}

/// `fix: ..`, in lines that fit.
fn labelled(label: &str, text: &str) -> String {
    wrapped(&format!("{label}: {text}"))
}

/// What was read.
fn summary(told: &Told) -> String {
    let mut out = String::new();
    for read in &told.read {
        out.push_str(&format!("{}: {}\n", line(&read.name), line(&read.summary)));
    }
    let ended: usize = told.report.clients.iter().map(|client| client.ended as usize).sum();
    let events: u64 = told.report.sources.iter().map(|source| source.events).sum();
    out.push_str(&format!(
        "{}, {}, {} that ended",
        plural(usize::try_from(events).unwrap_or(usize::MAX), "event"),
        plural(told.report.clients.len(), "client"),
        plural(ended, "connection"),
    ));
    if told.suppressed > 0 {
        out.push_str(&format!("; {} suppressed", plural(told.suppressed, "finding")));
    }
    if told.report.events_left_out > 0 {
        out.push_str(&format!(
            "; {} events left out: too many connections at one time",
            told.report.events_left_out
        ));
    }
    if told.report.findings_left_out > 0 {
        out.push_str(&format!(
            "; {} findings left out: too many at one time",
            told.report.findings_left_out
        ));
    }
    out.push('\n');
    out
}
