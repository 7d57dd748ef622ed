//! The forms of a report.

mod github;
mod html;
mod json;
mod junit;
mod markdown;
mod sarif;
mod text;
mod written;

use std::borrow::Cow;

use evenkeel_doctor::{Finding, Place, SourceId};

use super::compare;
use super::told::{Told, sentence, tag};
use crate::args::ReportFormat;
use crate::escape::{self, line};

/// The report in a form. Texts of peers are made harmless in each.
pub(super) fn render(told: &Told, format: ReportFormat, colour: bool) -> String {
    match format {
        ReportFormat::Text => text::render(told, colour),
        ReportFormat::Json => shown(json::object(told)),
        ReportFormat::Jsonl => shown(json::lines(told)),
        ReportFormat::Sarif => shown(sarif::render(told)),
        ReportFormat::Junit => junit::render(told),
        ReportFormat::Github => github::render(told),
        ReportFormat::Html => html::render(told),
        ReportFormat::Md => markdown::render(told),
    }
}

/// A finding of a live source, in one line for people.
pub(super) fn at_once(finding: &Finding) -> String {
    line(&format!("{}: {} ({})", finding.severity.name(), sentence(finding), tag(finding)))
}

/// Where in a file a proof stands: a line of a log, a byte of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Region {
    Line(u64),
    Byte(u64),
}

impl Region {
    /// One of the two, for JSON.
    fn line_or_byte(self) -> (Option<u64>, Option<u64>) {
        match self {
            Self::Line(line) => (Some(line), None),
            Self::Byte(byte) => (None, Some(byte)),
        }
    }
}

fn region(told: &Told, proof: &evenkeel_doctor::Proof) -> Region {
    region_in(told, proof.source, proof.place)
}

fn region_in(told: &Told, source: SourceId, place: Place) -> Region {
    match told.source_of(source) {
        Some(source) if source.vantage.is_wire() => Region::Byte(place.0),
        _ => Region::Line(place.0.max(1)),
    }
}

/// How the clocks of the sources compare, and what was not compared, a sentence each.
fn clocks(told: &Told) -> Vec<String> {
    let clocks = told.compared.told().into_iter().map(|it| compare::clocks(told, it));
    let forgotten = told.compared.forgotten.iter();
    clocks.chain(forgotten.map(|it| compare::forgotten(told, *it))).collect()
}

/// The first so many of some, and words for the others.
struct First<T> {
    shown: Vec<T>,
    more: Option<String>,
}

impl<T> First<T> {
    /// `left_out`: others that are not even among them.
    fn of(all: impl IntoIterator<Item = T>, most: usize, left_out: usize) -> Self {
        let mut all = all.into_iter();
        let shown = all.by_ref().take(most).collect();
        let more = all.count().saturating_add(left_out);
        Self { shown, more: (more > 0).then(|| format!(".. and {more} more")) }
    }
}

/// What the sources do not agree on: the sentence, and where they show it.
fn differences(told: &Told, most: usize) -> First<(String, Vec<String>)> {
    let all = told.compared.differences.iter().map(|it| {
        let place = |(source, at, place)| {
            format!("{}  {}", told.time_in(source, at), told.place_in(source, place))
        };
        (compare::sentence(told, it), compare::places(&it.difference).map(place).collect())
    });
    First::of(all, most, told.compared.differences_left_out)
}

/// JSON that may be shown on a terminal: it writes C1 and bidirectional controls as they
/// are. An escape within a text of JSON is still that text.
fn shown(json: String) -> String {
    match escape::text(&json) {
        Cow::Borrowed(_) => json,
        Cow::Owned(escaped) => escaped,
    }
}

/// A text for XML and HTML, its controls to be seen. Characters that XML does
/// not have become `?`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in escape::text(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => out.push('?'),
            other => out.push(other),
        }
    }
    out
}
