//! One page for people, without anything from elsewhere: findings with their
//! proof, and for each client a strip of its connections.

mod proof;
mod strip;

use std::fmt::Write;

use evenkeel_doctor::Finding;

use super::super::told::{Told, sentence, tag};
use super::{First, clocks, differences, escaped};
use crate::plural::plural;

const STYLE: &str = include_str!("style.css");

/// Findings with a section; more would make a page that nobody reads.
const FINDINGS: usize = 200;

pub(super) fn render(told: &Told) -> String {
    let shown = strip::shown(told);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n<main>\n{}",
        title(told),
        contents(told),
    );
    if told.findings.is_empty() {
        page.push_str("<h1>Nothing is wrong, as far as this shows</h1>\n");
    }
    for (number, finding) in told.findings.iter().take(FINDINGS).enumerate() {
        page.push_str(&section(told, finding, number, &shown));
    }
    page.push_str(&suspicions(told));
    page.push_str(&together(told));
    page.push_str(&strip::clients(told, &shown));
    page.push_str(&sources(told));
    page.push_str("</main>\n</html>\n");
    page
}

fn title(told: &Told) -> String {
    match told.findings.first() {
        Some(finding) => escaped(&format!("{} {}", finding.rule.id, finding.client)),
        None => "Nothing is wrong".into(),
    }
}

/// Links to the parts of the page.
fn contents(told: &Told) -> String {
    let links: String = (told.findings.iter().take(FINDINGS).enumerate())
        .map(|(number, it)| {
            let name = escaped(&format!("{} {}", it.rule.id, it.client));
            format!("<a href=\"#finding-{number}\">{name}</a>\n")
        })
        .collect();
    let more = match First::of(&told.findings, FINDINGS, 0).more {
        None => String::new(),
        Some(more) => format!("<span>{more}, which --format json tells</span>\n"),
    };
    format!(
        "<nav aria-label=\"Parts of this page\">\n<span>evenkeel doctor: {}</span>\n{links}{more}\
         <a href=\"#clients\">Clients</a>\n<a href=\"#read\">What was read</a>\n</nav>\n",
        plural(told.findings.len(), "finding"),
    )
}

/// A finding. The sentence of the first one is the headline of the page.
fn section(told: &Told, finding: &Finding, number: usize, shown: &[usize]) -> String {
    let (level, below) = if number == 0 { (1, 2) } else { (2, 3) };
    let severity = finding.severity.name();
    let consequences: String = (finding.consequences.iter())
        .map(|it| format!("<li>{} <code>{}</code></li>\n", escaped(&it.sentence), it.rule.id))
        .collect();
    let consequences = if consequences.is_empty() {
        consequences
    } else {
        format!("<h{below}>What follows from it</h{below}>\n<ul>\n{consequences}</ul>\n")
    };
    format!(
        "<section id=\"finding-{number}\">\n<h{level}>{}</h{level}>\n\
         <p><span class=\"tag {severity}\">{severity}</span> <code>{}</code></p>\n\
         <div class=\"fix\">\n<h{below}>What to do</h{below}>\n<p>{}</p>\n</div>\n\
         {}{consequences}<details><summary>What happens, and what would make it surer</summary>\n\
         <p>{}</p>\n<p>{}</p>\n{}</details>\n</section>\n",
        escaped(&sentence(finding)),
        escaped(&tag(finding)),
        prose(finding.rule.fix),
        proof::table(told, finding, number, shown),
        prose(finding.rule.why),
        prose(finding.rule.raises),
        references(finding),
    )
}

/// What to read about the rule. Only web addresses become links.
fn references(finding: &Finding) -> String {
    let items: String = (finding.rule.references.iter())
        .map(|it| {
            let text = escaped(it);
            if it.starts_with("https://") {
                format!("<li><a rel=\"noreferrer\" href=\"{text}\">{text}</a></li>\n")
            } else {
                format!("<li>{text}</li>\n")
            }
        })
        .collect();
    if items.is_empty() { items } else { format!("<ul>\n{items}</ul>\n") }
}

fn suspicions(told: &Told) -> String {
    if told.suspicions.is_empty() {
        return String::new();
    }
    let First { shown, more } = First::of(&told.suspicions, FINDINGS, 0);
    let items: String = (shown.into_iter())
        .map(|it| format!("<li>{} <code>{}</code></li>\n", escaped(&sentence(it)), it.rule.id))
        .chain(more.map(|more| format!("<li>{more}</li>\n")))
        .collect();
    format!(
        "<section>\n<h2>Seen, but not often enough to be sure</h2>\n<ul>\n{items}</ul>\n</section>\n"
    )
}

/// What the sources show together: what they do not agree on, and their clocks.
fn together(told: &Told) -> String {
    let First { shown, more } = differences(told, FINDINGS);
    let items: String = (shown.into_iter())
        .map(|(sentence, places)| {
            let places = places.iter().map(|it| escaped(it)).collect::<Vec<_>>().join("<br>");
            format!("<li>{}<br><small>{places}</small></li>\n", escaped(&sentence))
        })
        .chain(more.map(|more| format!("<li>{more}</li>\n")))
        .collect();
    let clocks: String =
        clocks(told).iter().map(|it| format!("<p>{}</p>\n", escaped(it))).collect();
    if items.is_empty() && clocks.is_empty() {
        return String::new();
    }
    let items = if items.is_empty() { items } else { format!("<ul>\n{items}</ul>\n") };
    format!("<section>\n<h2>The sources together</h2>\n{items}{clocks}</section>\n")
}

fn sources(told: &Told) -> String {
    let rows: String = (told.read.iter())
        .map(|it| format!("<tr><td>{}<td>{}</tr>\n", escaped(&it.name), escaped(&it.summary)))
        .collect();
    let left_out = [
        (told.suppressed as u64, "findings suppressed"),
        (told.report.events_left_out, "events left out: too many connections at one time"),
        (told.report.clients_forgotten, "clients forgotten: too many at one time"),
        (told.report.findings_left_out, "findings left out: too many at one time"),
    ];
    let left_out: String = (left_out.iter())
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("<p>{count} {what}</p>\n"))
        .collect();
    format!(
        "<section id=\"read\">\n<h2>What was read</h2>\n<table>\n<thead><tr><th scope=\"col\">file\
         <th scope=\"col\">what it gave</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n{left_out}\
         </section>\n"
    )
}

/// A text of a rule, in which backticks are code.
fn prose(text: &str) -> String {
    let mut out = String::new();
    for (number, part) in text.split('`').enumerate() {
        // Writing to a string does not fail.
        let _ = match number % 2 {
            0 => write!(out, "{}", escaped(part)),
            _ => write!(out, "<code>{}</code>", escaped(part)),
        };
    }
    out
}
