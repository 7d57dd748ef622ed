//! The connections of each client as a picture, and as a table for those who
//! do not see it.

use std::fmt::Write;

use evenkeel_doctor::{ClientSummary, Fate, Finding, Proof, SourceId, Strip, Time};

use super::super::super::compare::Compared;
use super::super::super::told::{Told, time};
use super::{escaped, plural, proof};

/// Clients with a strip; more would make a page that no browser likes.
const CLIENTS: usize = 200;

const LEGEND: &str = "<p class=\"legend\">Each bar is a connection. Its letter says how it ended: \
    <b>D</b> with DISCONNECT, <b>C</b> by the client, <b>S</b> by the server, <b>R</b> refused, \
    <b>F</b> never came up, <b>E</b> by an unknown side, <b>O</b> still open. The line across a bar is \
    its last ping, dashed if no answer came. A triangle below leads to the place that shows a \
    finding.</p>\n";

/// The clients with a strip, by their index: first those with a finding.
pub(super) fn shown(told: &Told) -> Vec<usize> {
    let clients = &told.report.clients;
    let found = |client: &ClientSummary| {
        told.findings.iter().take(super::FINDINGS).any(|it| it.client == client.name)
    };
    let (mut first, others): (Vec<usize>, Vec<usize>) =
        (0..clients.len()).partition(|&index| clients.get(index).is_some_and(found));
    first.extend(others);
    first.truncate(CLIENTS);
    first
}

/// The strip on which a place of a finding stands.
pub(super) fn of(told: &Told, finding: &Finding, proof: &Proof, shown: &[usize]) -> Option<usize> {
    shown.iter().copied().find(|&index| {
        (told.report.clients.get(index))
            .is_some_and(|it| it.source == proof.source && it.name == finding.client)
    })
}

pub(super) fn clients(told: &Told, shown: &[usize]) -> String {
    let mut out = format!("<section id=\"clients\">\n<h2>Clients</h2>\n{LEGEND}");
    for &index in shown {
        if let Some(client) = told.report.clients.get(index) {
            out.push_str(&entry(told, client, index));
        }
    }
    let more = told.report.clients.len().saturating_sub(shown.len());
    if more > 0 {
        // Writing to a string does not fail.
        let _ = writeln!(out, "<p>and {more} more, which --format json tells</p>");
    }
    out.push_str("</section>\n");
    out
}

fn entry(told: &Told, client: &ClientSummary, index: usize) -> String {
    let source = (told.report.sources.get(usize::from(client.source.0)))
        .map_or("", |summary| summary.source.name.as_str());
    let calendar = calendar(told, client.source);
    let rows: String = client.strip.iter().map(|it| row(it, calendar)).collect();
    format!(
        "<div class=\"client\" id=\"strip-{index}\">\n<h3>{} <small>{}, {} ended</small></h3>\n{}\
         <details><summary>{} as a table</summary>\n<table>\n<thead><tr><th scope=\"col\">from\
         <th scope=\"col\">to<th scope=\"col\">how it ended<th scope=\"col\">pings</tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n</details>\n</div>\n",
        escaped(&client.name),
        escaped(source),
        client.ended,
        picture(told, client),
        plural(client.strip.len(), "connection"),
    )
}

fn calendar(told: &Told, source: SourceId) -> bool {
    told.source_of(source).is_some_and(|source| source.calendar)
}

fn row(strip: &Strip, calendar: bool) -> String {
    let at = |at: Option<Time>| at.map_or_else(|| "not seen".into(), |at| time(at, calendar));
    format!(
        "<tr><td class=\"time\">{}<td class=\"time\">{}<td>{}<td>{}</tr>\n",
        at(strip.from),
        at(strip.to),
        ended(strip.fate),
        strip.pings
    )
}

fn ended(fate: Fate) -> String {
    match fate {
        Fate::Open => "still open".into(),
        Fate::Goodbye => "with DISCONNECT".into(),
        Fate::Failed => "never came up".into(),
        Fate::Refused(code) => format!("refused with code {code}"),
        Fate::Client => "by the client".into(),
        Fate::Server => "by the server".into(),
        Fate::Ended => "by an unknown side".into(),
    }
}

/// From when to when a picture goes. All strips of a client whose times can be
/// compared share it, so that they stand below each other. Clocks that are not
/// set alike are set by the first source's.
struct Span<'a> {
    compared: &'a Compared,
    source: SourceId,
    first: i64,
    last: i64,
}

impl<'a> Span<'a> {
    fn of(told: &'a Told, client: &ClientSummary) -> Option<Self> {
        let root = |it: &ClientSummary| told.compared.root(it.source);
        let dated = |it: &ClientSummary| calendar(told, root(it));
        let comparable = |other: &&ClientSummary| {
            other.name == client.name
                && (root(other) == root(client) || dated(client) && dated(other))
        };
        let all = told.report.clients.iter().filter(comparable);
        let times = all.flat_map(|of| {
            let times = of.strip.iter().flat_map(|it| [it.from, it.to]).flatten();
            times.map(|at| told.compared.common(of.source, at).0)
        });
        let (first, last) = (times.clone().min()?, times.max()?);
        Some(Self { compared: &told.compared, source: client.source, first, last })
    }

    /// Where a time of its source stands, in percent.
    fn percent(&self, at: Time) -> f64 {
        let at = self.compared.common(self.source, at);
        let span = self.last.saturating_sub(self.first).max(1) as f64;
        (at.0.saturating_sub(self.first) as f64 / span * 100.0).clamp(0.0, 100.0)
    }
}

/// The strip of a client, from left to right in time. Places are in percent and
/// heights in pixels: so it fits any width, and its letters stay readable.
fn picture(told: &Told, client: &ClientSummary) -> String {
    let Some(span) = Span::of(told, client) else { return String::new() };
    let bars: String = client.strip.iter().map(|it| bar(it, &span)).collect();
    let root = told.compared.root(client.source);
    let calendar = calendar(told, root);
    let end = |at: i64| {
        let text = time(Time(at), calendar);
        escaped(if calendar { text.split('.').next().unwrap_or_default() } else { &text })
    };
    let by = match told.source_of(root) {
        Some(source) if root != client.source => format!(", by {}", escaped(&source.name)),
        _ => String::new(),
    };
    format!(
        "<svg class=\"strip\" role=\"group\" aria-label=\"{} of {}\">{bars}{}</svg>\n\
         <p class=\"axis\"><span>{}{by}</span><span>{}</span></p>\n",
        plural(client.strip.len(), "connection"),
        escaped(&client.name),
        marks(told, client, &span),
        end(span.first),
        end(span.last),
    )
}

fn bar(strip: &Strip, span: &Span<'_>) -> String {
    let to = strip.to.map_or(100.0, |at| span.percent(at));
    // A bar at the very end would not be seen.
    let from = strip.from.map_or(0.0, |at| span.percent(at)).min(99.5);
    let width = (to - from).max(0.5);
    let (class, letter) = mark(strip.fate);
    let mut out = format!(
        "<rect class=\"{class}\" x=\"{from:.2}%\" y=\"2\" width=\"{width:.2}%\" height=\"28\" rx=\"2\"/>"
    );
    if width >= 1.6 {
        // On narrow screens only wide bars have room for their letter.
        let class = if width >= 5.0 { "wide" } else { "narrow" };
        let _ = write!(
            out,
            "<text class=\"{class}\" x=\"{from:.2}%\" dx=\"3\" y=\"21\" aria-hidden=\"true\">{letter}</text>"
        );
    }
    if let Some((asked, answered)) = strip.last_ping {
        let lost = if answered.is_some() { "" } else { " class=\"lost\"" };
        let at = span.percent(asked);
        let _ = write!(out, "<line{lost} x1=\"{at:.2}%\" x2=\"{at:.2}%\" y1=\"2\" y2=\"30\"/>");
    }
    out
}

/// Triangles below the bars, each a link to the place that shows a finding;
/// places too near to tell apart share one.
fn marks(told: &Told, client: &ClientSummary, span: &Span<'_>) -> String {
    let mut out = String::new();
    for (number, finding) in told.findings.iter().take(super::FINDINGS).enumerate() {
        if finding.client != client.name {
            continue;
        }
        let mut before = None;
        for (line, it) in proof::once(finding).iter().enumerate() {
            let at = span.percent(it.at);
            let near = before.is_some_and(|before: f64| at - before < 1.5);
            if near || it.source != client.source {
                continue;
            }
            before = Some(at);
            let label = escaped(&format!("{}: {}, {}", finding.rule.id, it.shows, told.time(it)));
            let _ = write!(
                out,
                "<a href=\"#place-{number}-{line}\" aria-label=\"{label}\"><title>{label}</title>\
                 <text class=\"mark\" x=\"{at:.2}%\" y=\"46\">\u{25b2}</text></a>"
            );
        }
    }
    out
}

fn mark(fate: Fate) -> (&'static str, char) {
    match fate {
        Fate::Open => ("open", 'O'),
        Fate::Goodbye => ("goodbye", 'D'),
        Fate::Failed => ("failed", 'F'),
        Fate::Refused(_) => ("failed", 'R'),
        Fate::Client => ("cut", 'C'),
        Fate::Server => ("cut", 'S'),
        Fate::Ended => ("cut", 'E'),
    }
}
