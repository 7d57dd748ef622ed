//! Markdown, for an issue or a chat.

use super::super::told::{Told, sentence, tag};
use super::{First, clocks, differences};
use crate::escape::line;

/// Disagreements of sources that are shown.
const DIFFERENCES: usize = 50;

pub(super) fn render(told: &Told) -> String {
    let mut out = String::from("## Diagnosis\n\n");
    if told.findings.is_empty() {
        out.push_str("Nothing is wrong, as far as this shows.\n\n");
    }
    for finding in &told.findings {
        out.push_str(&format!("### {}\n\n", plain(&sentence(finding))));
        out.push_str(&format!("`{}`, {}\n\n", tag(finding), finding.severity.name()));
        out.push_str("| time | place | what it shows |\n|---|---|---|\n");
        for proof in &finding.proof {
            let (time, place) = (told.time(proof), plain(&told.place(proof)));
            out.push_str(&format!("| {time} | {place} | {} |\n", proof.shows));
        }
        out.push_str(&format!("\n**Fix:** {}\n\n", finding.rule.fix));
        for consequence in &finding.consequences {
            let text = plain(&consequence.sentence);
            out.push_str(&format!("- follows from it: {text} ({})\n", consequence.rule.id));
        }
        if !finding.consequences.is_empty() {
            out.push('\n');
        }
    }
    for finding in &told.suspicions {
        let text = plain(&sentence(finding));
        out.push_str(&format!("- not sure: {text} ({})\n", finding.rule.id));
    }
    let First { shown, more } = differences(told, DIFFERENCES);
    for (sentence, places) in shown {
        let places = places.iter().map(|it| plain(it)).collect::<Vec<_>>().join(", ");
        out.push_str(&format!("- not agreed on: {} ({places})\n", plain(&sentence)));
    }
    if let Some(more) = more {
        out.push_str(&format!("- not agreed on: {more}\n"));
    }
    for sentence in clocks(told) {
        out.push_str(&format!("- {}\n", plain(&sentence)));
    }
    out
}

/// A peer's text as Markdown shows it, not as it would be read.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in line(text).chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                out.push('\\');
                out.push(character);
            }
            '@' => out.push_str("&#64;"),
            other => out.push(other),
        }
    }
    out
}
