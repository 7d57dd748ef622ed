//! Annotations of GitHub Actions.

use evenkeel_doctor::Severity;

use super::super::told::{Told, sentence, tag};
use super::{Region, region};
use crate::escape::line;

pub(super) fn render(told: &Told) -> String {
    let mut out = String::new();
    for finding in &told.findings {
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warn => "warning",
            Severity::Info => "notice",
        };
        let mut properties = format!("title={}", property(&tag(finding)));
        if let Some(proof) = finding.proof.first()
            && let Some(source) = told.source(proof)
        {
            properties.push_str(&format!(",file={}", property(&source.name)));
            if let Region::Line(line) = region(told, proof) {
                properties.push_str(&format!(",line={line}"));
            }
        }
        let text = data(&format!("{} Fix: {}", sentence(finding), finding.rule.fix));
        out.push_str(&format!("::{command} {properties}::{text}\n"));
    }
    out
}

/// The text of a command, whose line must not end early.
fn data(text: &str) -> String {
    line(text).replace('%', "%25")
}

/// The value of a property: commas and colons end it too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
