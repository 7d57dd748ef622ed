//! The forms of a report.

mod github;
mod html;
mod json;
mod junit;
mod markdown;
mod sarif;
mod text;

use evenkeel_doctor::Finding;

use super::told::{Told, sentence, tag};
use crate::args::ReportFormat;
use crate::error::Failure;
use crate::printer::Printer;

/// The report in a form. Texts of peers are made harmless in each.
pub(super) fn render(told: &Told, format: ReportFormat, colour: bool) -> String {
    match format {
        ReportFormat::Text => text::render(told, colour),
        ReportFormat::Json => json::object(told),
        ReportFormat::Jsonl => json::lines(told),
        ReportFormat::Sarif => sarif::render(told),
        ReportFormat::Junit => junit::render(told),
        ReportFormat::Github => github::render(told),
        ReportFormat::Html => html::render(told),
        ReportFormat::Md => markdown::render(told),
    }
}

/// A finding of a live source, told as soon as it is there.
pub(super) fn told_at_once(finding: &Finding, printer: Printer) -> Result<(), Failure> {
    let mut data = printer.data();
    let text = format!("{}: {} ({})\n", finding.severity.name(), sentence(finding), tag(finding));
    data.write(text.as_bytes())?;
    data.flush()
}

/// Where in a file a proof stands: a line of a log, a byte of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Region {
    Line(u64),
    Byte(u64),
}

fn region(told: &Told, proof: &evenkeel_doctor::Proof) -> Region {
    match told.source(proof) {
        Some(source) if source.vantage.is_wire() => Region::Byte(proof.place.0),
        _ => Region::Line(proof.place.0.max(1)),
    }
}

/// A text for XML and HTML. Characters that XML does not have become `?`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' => out.push(character),
            control if control.is_control() => out.push('?'),
            other => out.push(other),
        }
    }
    out
}
